package e2e

import (
	"slices"
	"testing"
	"time"

	"poterne/internal/app"
	"poterne/internal/config"
	"poterne/internal/ledger"
	"poterne/internal/roster"
	"poterne/internal/store"
)

// bindToDevice has somebody's sessions be bound to a device that no browser here has.
func (h *house) bindToDevice(account roster.AccountID) {
	h.t.Helper()
	settings, err := config.Read(h.config)
	if err != nil {
		h.t.Fatal(err)
	}
	o, err := app.Open(h.t.Context(), settings)
	if err != nil {
		h.t.Fatal(err)
	}
	defer o.Close()
	sessions := store.NewSessions(o.DB)
	list, err := sessions.Of(h.t.Context(), account)
	if err != nil || len(list) == 0 {
		h.t.Fatalf("%d sessions: %v", len(list), err)
	}
	for _, row := range list {
		row.Bound, row.Proven = "device ELSEWHERE BBqwWqWl1-w5HjtbVq-QdQDUnMoCpZU1TQhhBPplomCV_Aj2tIVYKOBpQ4RCLNHthsN9CnlPw04Qhr1-YVO6VAw", time.Now()
		if swapped, err := sessions.Swap(h.t.Context(), row); err != nil || !swapped {
			h.t.Fatalf("a session was bound: %t, %v", swapped, err)
		}
	}
	time.Sleep(remembered)
}

// A real browser shows a session whose device's key it has not, as one does that has lost it, or
// whoever lifted the cookies: it is led to a passkey, whose holder goes on where they were, and
// they read what happened.
//
// Promise: ENTRY-9
func TestENTRY_9_ABrowserWithoutTheDevicesKeyIsAskedForThePasskey(t *testing.T) {
	t.Parallel()
	h := boundHouse(t, &listed{asked: map[string]int{}})
	owner := newScreen(t, h.origin, "fr-FR")
	owner.withAuthenticator()
	owner.signIn("0")
	owner.open("/sessions")
	owner.click("form[action='/.poterne/passkey'] button")
	owner.click("form[data-passkey] button.main")
	owner.says("main", "La clé d’accès est créée")
	owner.away()
	h.bindToDevice("pauline.mercier")

	owner.open("/sessions")
	owner.comesTo("/.poterne/unlock?return=%2Fsessions")
	owner.says("main", "n’a pas prouvé qu’il est sur votre appareil")
	owner.keep("unlock")
	owner.click("form[data-passkey] button.main")
	owner.comesTo("/sessions")
	owner.says("main", "montrée sans la clé de son appareil")
	owner.keep("told")
	owner.open("/sessions")
	owner.arrivesAt("/sessions")
	told := 0
	for _, e := range h.entries(0) {
		if e.Kind == ledger.Session && e.State == ledger.Keyless && e.Account == "pauline.mercier" {
			told++
		}
	}
	if told != 1 || slices.ContainsFunc(h.entries(0), func(e ledger.Entry) bool { return e.Kind == ledger.Session && e.State == "copied" }) {
		t.Errorf("said %d times", told)
	}
}
