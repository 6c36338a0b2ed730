package readings_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"poterne/internal/archive"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/portal/portaltest"
	"poterne/internal/portal/rooms/desk"
	"poterne/internal/roster"
)

// What is asked for here by one person, and approved by another who knows of whom it is, can be read
// once: by whoever has its number, and the identifier.
//
// Promise: ENTRY-6
func TestENTRY_6_AReadingOfTheArchiveIsAskedForAndApprovedWithPasskeys(t *testing.T) {
	const officer = roster.AccountID("claire.noir")
	h := portaltest.Open(t, portaltest.Allowing(40, 40), desk.Settings{})
	ask := func(who roster.AccountID, person, because string) int {
		t.Helper()
		answer, _ := h.Goes(who, http.MethodPost, "/readings", url.Values{"person": {person}, "because": {because}})
		return answer.StatusCode
	}
	if code := ask(officer, "100", "réquisition 26-131"); code == http.StatusSeeOther {
		t.Error("it is asked for without a passkey")
	}
	h.StepUp()
	for _, who := range []roster.AccountID{officer, portaltest.Security, portaltest.Camille} {
		if err := journal.Record(t.Context(), h.Gate.Journal, ledger.Entry{Kind: ledger.SteppedUp, Account: who}); err != nil {
			t.Fatal(err)
		}
	}
	for what, code := range map[string]int{
		"an adviser": ask(portaltest.Camille, "100", "x y z"), "without a reason": ask(officer, "100", " "), "of nobody": ask(officer, "", "réquisition"),
	} {
		if code == http.StatusSeeOther {
			t.Errorf("%s: it is taken", what)
		}
	}
	if code := ask(officer, "100", "réquisition 26-131"); code != http.StatusSeeOther {
		t.Fatalf("asking: %d", code)
	}
	all, err := h.Readings().All(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("%d wait: %v", len(all), err)
	}
	number := all[0].Number
	read := func() error {
		person, err := h.Readings().Person("100")
		if err == nil {
			_, err = journal.Do(t.Context(), h.Gate.Journal, journal.Act[archive.ReadingRows](&archive.Reading{Request: number, Person: person}))
		}
		return err
	}
	approve := func(who roster.AccountID, person string) int {
		t.Helper()
		answer, _ := h.Goes(who, http.MethodPost, fmt.Sprintf("/readings/%d/approve", number), url.Values{"person": {person}})
		return answer.StatusCode
	}
	for what, code := range map[string]int{
		"whoever asked": approve(officer, "100"), "an adviser": approve(portaltest.Camille, "100"), "of somebody else": approve(portaltest.Security, "101"),
	} {
		if code == http.StatusSeeOther {
			t.Errorf("%s: it is approved", what)
		}
	}
	if read() == nil {
		t.Error("what one person asked for can be read")
	}
	if _, raw := h.Goes(portaltest.Security, http.MethodGet, "/readings", nil); !strings.Contains(portaltest.Read(t, raw), "One reading of the archive waits for a second person") || strings.Contains(raw, `"100"`) {
		t.Errorf("the room says of it: %s", portaltest.Read(t, raw))
	}
	if code := approve(portaltest.Security, "100"); code != http.StatusSeeOther {
		t.Fatalf("approving: %d", code)
	}
	if _, raw := h.Goes(officer, http.MethodGet, "/readings", nil); !strings.Contains(raw, fmt.Sprintf("--request %d", number)) {
		t.Errorf("the room does not say how it is read: %s", portaltest.Read(t, raw))
	}
	if answer, _ := h.Goes(portaltest.Camille, http.MethodGet, "/readings", nil); answer.StatusCode != http.StatusForbidden {
		t.Errorf("an adviser sees what is asked of the archive: %s", answer.Status)
	}
	if err := read(); err != nil {
		t.Errorf("as they agreed: %v", err)
	}
	if read() == nil {
		t.Error("it can be read twice")
	}
}
