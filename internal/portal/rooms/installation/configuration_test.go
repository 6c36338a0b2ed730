package installation_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"poterne/internal/installed"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/portal/portaltest"
	"poterne/internal/portal/rooms/installation"
	"poterne/internal/roster"
)

// Each of two people confirms by a passkey asked for this very configuration, which it names by its digest, with how much
// changes and whether the next one takes nobody; who reads files or manages accounts sees nothing of it.
//
// Promises: RIGHTS-1, ENTRY-6
func TestRIGHTS_1_AConfigurationIsSignedForAndAllowedWithAPasskeyAskedForIt(t *testing.T) {
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
	said := func(digest byte, byTwo bool) installed.Proposal {
		return installed.Proposal{Node: "north", Text: "a\t1\t2\n", Digest: ledger.Digest{digest, 0xab}, ByTwo: byTwo}
	}
	if _, err := journal.Do(t.Context(), h.Gate.Journal, journal.Act[installed.Rows](installed.Take{Proposal: said(1, true)})); err != nil {
		t.Fatal(err)
	}
	number, err := h.Changes().Find(t.Context(), said(2, false))
	if err != nil {
		t.Fatal(err)
	}
	at, officer := fmt.Sprintf("%s/%d", installation.ConfigurationPath, number), roster.AccountID("claire.noir")
	because, touched := url.Values{"because": {"convenu"}}, url.Values{"because": {"convenu"}, "passkey-answer": {"{}"}}
	for _, who := range []roster.AccountID{portaltest.Camille, portaltest.Jeanne} {
		for _, does := range []string{"/sign", "/allow", "/drop"} {
			if code, _ := post(who, at+does, touched); code != http.StatusForbidden {
				t.Errorf("%s %s: %d", who, does, code)
			}
		}
		if answer, _ := h.Goes(who, http.MethodGet, installation.ConfigurationPath, nil); answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s reads it: %s", who, answer.Status)
		}
	}
	const frees = "From then on, one person alone changes the configuration."
	if code, page := post(officer, at+"/sign", because); code != http.StatusForbidden || !strings.Contains(page, "You sign for the configuration 02ab000000000000… of the node north: One key changes. "+frees) {
		t.Errorf("without a passkey: %d, %s", code, page)
	}
	if code, page := post(officer, at+"/sign", url.Values{"passkey-answer": {"{}"}}); code != http.StatusUnprocessableEntity {
		t.Errorf("without a word: %d, %s", code, page)
	}
	if code, page := post(officer, at+"/sign", touched); code != http.StatusSeeOther {
		t.Fatalf("signing: %d, %s", code, page)
	}
	if code, _ := post(officer, at+"/allow", touched); code == http.StatusSeeOther {
		t.Error("who signed allows it")
	}
	if code, page := post(portaltest.Security, at+"/allow", nil); code != http.StatusForbidden || !strings.Contains(page, "You allow the configuration 02ab000000000000…") || !strings.Contains(page, frees) {
		t.Errorf("without a passkey: %d, %s", code, page)
	}
	if code, page := post(portaltest.Security, at+"/allow", touched); code != http.StatusSeeOther {
		t.Fatalf("allowing: %d, %s", code, page)
	}
	if is, err := h.Changes().Installed(t.Context()); err != nil || is.Number != number || is.By != officer || is.Second != portaltest.Security {
		t.Errorf("nodes go by %+v, %v", is, err)
	}
	if code, _ := post(portaltest.Security, at+"/allow", touched); code != http.StatusNotFound {
		t.Errorf("once it was answered: %d", code)
	}
}
