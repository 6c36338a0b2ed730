package permits_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"poterne/internal/grants"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/portal/portaltest"
	"poterne/internal/roster"
)

// list is a list as it is pasted, and sum its SHA-256, as sort -u and sha256sum have it.
const (
	list = "102\r\n100\r\n\r\n101\r\n100"
	sum  = "52f9868727e0b846d440ba7201afd726e231b5f13875f192b79a4f412b9a2f32"
)

// A manager asks, the desk sees all of it and approves it by a passkey asked for this very act;
// others see nothing of it and approve nothing; the holder's card and the desk's page say what is
// in force until the desk ends it.
//
// Promise: METER-8, ENTRY-6
func TestMETER_8_APermitIsAskedForApprovedShownAndEndedInThePortal(t *testing.T) {
	h := portaltest.New(t)
	h.Door.HasPasskey.Store(true)
	confirmed := url.Values{"passkey-answer": {"{}"}}
	post := func(who roster.AccountID, to string, form url.Values) (int, string) {
		t.Helper()
		if form != nil { // the real door writes down that they touched their passkey
			if err := journal.Record(t.Context(), h.Gate.Journal, ledger.Entry{Kind: ledger.SteppedUp, Account: who}); err != nil {
				t.Fatal(err)
			}
		}
		answer, raw := h.Goes(who, http.MethodPost, to, form)
		return answer.StatusCode, portaltest.Read(t, raw)
	}
	page := func(who roster.AccountID, at string) string {
		t.Helper()
		_, raw := h.Goes(who, http.MethodGet, at, nil)
		return portaltest.Read(t, raw)
	}
	ask := url.Values{
		"account": {string(portaltest.Camille)}, "export": {"dossier GET /export"}, "people": {"40"}, "until": {time.Now().AddDate(0, 0, 6).Format("2006-01-02T15:04")},
		"list": {list}, "because": {"yearly report"}, "passkey-answer": {"{}"},
	}
	for field, odd := range map[string]string{"account": "nobody", "export": "dossier GET /files", "people": "100001", "until": "2020-01-01T00:00", "list": " \r\n", "because": " "} {
		form := url.Values{}
		for name, value := range ask {
			form[name] = value
		}
		form.Set(field, odd)
		if code, said := post(portaltest.Jeanne, "/permits", form); code != http.StatusUnprocessableEntity {
			t.Errorf("with %s %q: %d %s", field, odd, code, said)
		}
	}
	if code, said := post(portaltest.Jeanne, "/permits", ask); code != http.StatusSeeOther {
		t.Fatalf("asking: %d %s", code, said)
	}
	all, err := h.Permits().All(context.Background())
	if err != nil || len(all) != 1 {
		t.Fatalf("%d wait: %v", len(all), err)
	}
	for _, who := range []roster.AccountID{portaltest.Jeanne, portaltest.Security} {
		said := page(who, "/permits")
		for _, want := range []string{"One permit waits for a second person", "Camille Aubry", "GET /export", "40 people", "yearly report", sum, "Jeanne Vidal"} {
			if !strings.Contains(said, want) {
				t.Errorf("%s does not read %q: %s", who, want, said)
			}
		}
	}
	at := fmt.Sprintf("/permits/%d", all[0].Number)
	for who, want := range map[roster.AccountID]int{portaltest.Jeanne: http.StatusForbidden, portaltest.Camille: http.StatusForbidden} {
		if code, said := post(who, at+"/approve", confirmed); code != want {
			t.Errorf("%s approves: %d %s", who, code, said)
		}
	}
	code, said := post(portaltest.Security, at+"/approve", nil)
	for _, want := range []string{"Camille Aubry", "40 people", "GET /export", "yearly report", sum} {
		if code != http.StatusForbidden || !strings.Contains(said, want) {
			t.Errorf("approving without a passkey asks for one and says %q: %d %s", want, code, said)
		}
	}
	if h.Writes(portaltest.Jeanne, ledger.Permitted) != 0 {
		t.Fatal("a permit was given that one person asked for")
	}
	h.Tamper(`update export_permit set people = 4000`) // as whoever owns the database can
	if code, _ := post(portaltest.Security, at+"/approve", confirmed); code == http.StatusSeeOther {
		t.Error("a request that no node wrote was approved")
	}
	h.Tamper(`update export_permit set people = 40`)
	if code, said := post(portaltest.Security, at+"/approve", confirmed); code != http.StatusSeeOther {
		t.Fatalf("approving: %d %s", code, said)
	}
	for where, want := range map[string]string{
		page(portaltest.Camille, "/"):                             "Export allowed, GET /export: 40 people left of 40",
		page(portaltest.Security, "/desk/accounts/camille.aubry"): "Dossier, GET /export: 40 people left of 40",
		page(portaltest.Jeanne, "/permits"):                       "One export is allowed",
	} {
		if !strings.Contains(where, want) {
			t.Errorf("a page does not say %q: %s", want, where)
		}
	}
	end := url.Values{"account": {string(portaltest.Camille)}, "export": {"dossier GET /export"}}
	if code, _ := post(portaltest.Jeanne, "/permits/end", end); code != http.StatusForbidden {
		t.Errorf("a manager ends it: %d", code)
	}
	if code, said := post(portaltest.Security, "/permits/end", end); code != http.StatusSeeOther {
		t.Fatalf("ending: %d %s", code, said)
	}
	if said := page(portaltest.Camille, "/"); strings.Contains(said, "Export allowed") {
		t.Errorf("after its end: %s", said)
	}
	if said := page(portaltest.Jeanne, "/permits"); !strings.Contains(said, "No export is allowed") {
		t.Errorf("after its end: %s", said)
	}
}

// The longest list there can be is pasted, and whoever pastes more is told what is wrong with it.
//
// Promise: METER-8
func TestMETER_8_TheLongestListIsPasted(t *testing.T) {
	h := portaltest.New(t)
	h.Door.HasPasskey.Store(true)
	if err := journal.Record(t.Context(), h.Gate.Journal, ledger.Entry{Kind: ledger.SteppedUp, Account: portaltest.Jeanne}); err != nil {
		t.Fatal(err)
	}
	ask := func(people, digits int) (int, string) {
		t.Helper()
		var lines strings.Builder
		for n := range people {
			fmt.Fprintf(&lines, "9%0*d\r\n", digits-1, n)
		}
		answer, raw := h.Goes(portaltest.Jeanne, http.MethodPost, "/permits", url.Values{
			"account": {string(portaltest.Camille)}, "export": {"dossier GET /export"}, "people": {"100000"}, "until": {time.Now().AddDate(0, 0, 6).Format("2006-01-02T15:04")},
			"list": {lines.String()}, "because": {"yearly report"}, "passkey-answer": {"{}"},
		})
		return answer.StatusCode, portaltest.Read(t, raw)
	}
	if code, said := ask(grants.MostExported, 15); code != http.StatusSeeOther {
		t.Errorf("of as many people as there can be: %d %.2000s", code, said)
	}
	if code, said := ask(3*grants.MostExported, 60); code != http.StatusUnprocessableEntity || !strings.Contains(said, "too long") {
		t.Errorf("of more than is read: %d %.2000s", code, said)
	}
	if all, err := h.Permits().All(t.Context()); err != nil || len(all) != 1 || all[0].People != grants.MostExported {
		t.Errorf("%d wait: %v", len(all), err)
	}
}
