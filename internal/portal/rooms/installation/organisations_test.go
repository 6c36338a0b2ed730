package installation_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/portal/portaltest"
	"poterne/internal/portal/rooms/installation"
	"poterne/internal/roster"
	"poterne/internal/store"
)

// An organisation is asked for in the room by one person and allowed by another, each with a passkey
// asked for this very act; managers and those who read files see nothing of it; and what ends with an
// organisation is said before it is closed.
//
// Promises: RIGHTS-1, RIGHTS-7, ENTRY-6
func TestRIGHTS_1_OrganisationsAreAskedForInTheRoomAndAllowedByAnother(t *testing.T) {
	h := portaltest.New(t)
	h.Door.HasPasskey.Store(true)
	post := func(who roster.AccountID, to string, form url.Values) (int, string) {
		t.Helper()
		if form.Has("passkey-answer") { // the real door writes down that they touched their passkey
			if err := journal.Record(t.Context(), h.Gate.Journal, ledger.Entry{Kind: ledger.SteppedUp, Account: who}); err != nil {
				t.Fatal(err)
			}
		}
		answer, page := h.Goes(who, http.MethodPost, to, form)
		return answer.StatusCode, portaltest.Read(t, page)
	}
	page := func(who roster.AccountID, at string) string {
		t.Helper()
		_, raw := h.Goes(who, http.MethodGet, at, nil)
		return portaltest.Read(t, raw)
	}
	body := func(id roster.OrganisationID) (o roster.Organisation) {
		t.Helper()
		list, err := store.NewRoster(h.DB).Organisations(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if i := slices.IndexFunc(list, func(o roster.Organisation) bool { return o.ID == id }); i >= 0 {
			o = list[i]
		}
		return o
	}
	adding := func() url.Values {
		return url.Values{"does": {"adding"}, "id": {"ml-neuve"}, "siret": {"900 000 001 00017"}, "name": {"Mission locale neuve"}, "mail": {"direction@ml-neuve.example"}, "quota": {"7"}, "because": {"a convention"}, "passkey-answer": {"{}"}}
	}
	officer := roster.AccountID("claire.noir")
	for _, who := range []roster.AccountID{portaltest.Camille, portaltest.Jeanne} {
		if code, _ := post(who, installation.BodiesPath, adding()); code != http.StatusForbidden {
			t.Errorf("%s asks: %d", who, code)
		}
	}
	if err := journal.Record(t.Context(), h.Gate.Journal, ledger.Entry{Kind: ledger.SteppedUp, Account: officer}); err != nil {
		t.Fatal(err)
	}
	for field, odd := range map[string]string{"siret": "90000000100018", "name": "Mission locale du Bourg", "mail": "direction", "quota": "0", "until": "2001-01-01", "because": " ", "id": "a b"} {
		form := adding()
		form.Set(field, odd)
		answer, raw := h.Goes(officer, http.MethodPost, installation.BodiesPath, form)
		if answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(raw, `value="a convention"`) && field != "because" {
			t.Errorf("%s %q: %s, %s", field, odd, answer.Status, raw)
		}
	}
	for field, odd := range map[string]string{"name": "Mission\u200b locale du Bourg", "id": "ml-neuve\ufe0f"} {
		form := adding()
		form.Set(field, odd)
		if code, said := post(officer, installation.BodiesPath, form); code != http.StatusUnprocessableEntity || !strings.Contains(said, "cannot be seen") {
			t.Errorf("%s %q: %d, %s", field, odd, code, said)
		}
	}
	unsure := adding()
	unsure.Del("passkey-answer")
	if code, said := post(officer, installation.BodiesPath, unsure); code != http.StatusForbidden || !strings.Contains(said, "You ask to add the organisation Mission locale neuve, SIRET 90000000100017. Its head is told at direction@ml-neuve.example. Quota: 7.") {
		t.Errorf("without a passkey: %d, %s", code, said)
	}
	if code, said := post(officer, installation.BodiesPath, adding()); code != http.StatusSeeOther {
		t.Fatalf("asking: %d, %s", code, said)
	}
	waiting, err := h.Bodies().Waiting(t.Context())
	if err != nil || len(waiting) != 1 || body("ml-neuve").ID != "" {
		t.Fatalf("there wait %+v, %v", waiting, err)
	}
	at := fmt.Sprintf("%s/%d", installation.BodiesPath, waiting[0].Number)
	confirmed := url.Values{"passkey-answer": {"{}"}}
	for _, who := range []roster.AccountID{portaltest.Camille, portaltest.Jeanne, officer} {
		if code, _ := post(who, at+"/allow", confirmed); code == http.StatusSeeOther || body("ml-neuve").ID != "" {
			t.Errorf("%s allows it: %d", who, code)
		}
	}
	if said := page(portaltest.Security, installation.BodiesPath); !strings.Contains(said, "One request waits for another person") || !strings.Contains(said, "Add Mission locale neuve") || !strings.Contains(said, "direction@ml-neuve.example") {
		t.Errorf("the room says %s", said)
	}
	if code, said := post(portaltest.Security, at+"/allow", nil); code != http.StatusForbidden || !strings.Contains(said, "You allow the organisation Mission locale neuve, SIRET 90000000100017, to be added") {
		t.Errorf("without a passkey: %d, %s", code, said)
	}
	if code, said := post(portaltest.Security, at+"/allow", confirmed); code != http.StatusSeeOther || body("ml-neuve").Quota != 7 {
		t.Fatalf("allowing: %d, %s, %+v", code, said, body("ml-neuve"))
	}

	if said := page(portaltest.Security, "/installation/organisation?id=ml-bourg"); !strings.Contains(said, "This ends with it: 4 accounts and 8 sessions") {
		t.Errorf("what ends with it: %s", said)
	}
	closing := url.Values{"does": {"closing"}, "id": {"ml-bourg"}, "because": {"end of the convention"}, "passkey-answer": {"{}"}}
	if code, said := post(portaltest.Security, installation.BodiesPath, closing); code != http.StatusSeeOther {
		t.Fatalf("asking to close: %d, %s", code, said)
	}
	if waiting, err = h.Bodies().Waiting(t.Context()); err != nil || len(waiting) != 1 {
		t.Fatalf("there wait %+v, %v", waiting, err)
	}
	at = fmt.Sprintf("%s/%d", installation.BodiesPath, waiting[0].Number)
	if code, said := post(officer, at+"/allow", nil); code != http.StatusForbidden || !strings.Contains(said, "to be closed. This ends with it: 4 accounts and 8 sessions") {
		t.Errorf("without a passkey: %d, %s", code, said)
	}
	if h.Opens(portaltest.Camille, 1).Decision.People[0].Verdict.Shows() != true {
		t.Fatal("an adviser is shown nobody before")
	}
	if code, said := post(officer, at+"/allow", confirmed); code != http.StatusSeeOther || body("ml-bourg").Closed.IsZero() {
		t.Fatalf("closing: %d, %s", code, said)
	}
	if h.Opens(portaltest.Camille, 2).Decision.People[0].Verdict.Shows() {
		t.Error("an adviser of an organisation that is closed is shown somebody")
	}
}
