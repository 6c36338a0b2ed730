package portal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/portal/portaltest"
	"poterne/internal/portal/rooms/desk"
	"poterne/internal/roster"
)

func TestNobodyTypesIntoTheLedgerWhatCannotBeRead(t *testing.T) {
	const escape, around = "seen\x1b]0;owned\x07", "paid \u202egpj.exe"
	for name, because := range map[string]string{
		"an escape of terminals": escape, "writing turned around": around,
		"zero width": "\u200b\u200b\u2060", "too much": strings.Repeat("é", 501),
	} {
		t.Run(name, func(t *testing.T) {
			h := portaltest.Open(t, portaltest.Allowing(1, 1), desk.Settings{})
			h.StepUp()
			frozen, err := h.Gate.Place(t.Context(), order.Order{Reach: order.Account, Target: string(theo), Effect: order.Frozen, By: "poterne", Because: "a test"})
			if err != nil {
				t.Fatal(err)
			}
			placing := func(because, message string) url.Values {
				return url.Values{"reach": {"account"}, "target": {string(camille)}, "effect": {"suspended"}, "because": {because}, "message-fr": {message}}
			}
			before := h.Gate.Next()
			for what, post := range map[string]struct {
				who  roster.AccountID
				path string
				form url.Values
			}{
				"an order":        {security, "/desk/orders", placing(because, "")},
				"a freeze undone": {security, "/desk/orders/" + string(frozen.ID) + "/lift", url.Values{"because": {because}}},
				"a thaw":          {security, "/manager/thaw", url.Values{"order": {string(frozen.ID)}, "because": {because}}},
				"a raise":         {jeanne, "/manager/raise", url.Values{"account": {string(camille)}, "people": {"2"}, "hours": {"3"}, "because": {because}}},
			} {
				answer, raw := h.Goes(post.who, http.MethodPost, post.path, post.form)
				if answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(raw, `href="#because`) {
					t.Errorf("%s: %s, or the page does not say what to mend", what, answer.Status)
				}
			}
			if name != "zero width" {
				if answer, _ := h.Goes(security, http.MethodPost, "/desk/orders", placing("verified", because)); answer.StatusCode != http.StatusUnprocessableEntity {
					t.Errorf("a message: %s", answer.Status)
				}
			}
			for e, err := range h.Gate.Entries(t.Context(), before) {
				if err != nil {
					t.Fatal(err)
				}
				if e.Kind == ledger.Placed || e.Kind == ledger.Lifted || e.Kind == ledger.Raised {
					t.Errorf("entry %d is %v: %q", e.Number, e.Kind, e.Note)
				}
				if e.Number+1 == h.Gate.Next() {
					break
				}
			}
		})
	}
}
