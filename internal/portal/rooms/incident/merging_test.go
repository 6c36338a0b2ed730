package incident_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"poterne/internal/order"
	"poterne/internal/portal/portaltest"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// merging is two files about two accounts: theo was shown 1, 2 and 9, camille 2 and 3.
func merging(t *testing.T) (h *portaltest.Site, theos, camilles string) {
	t.Helper()
	h = stolen(t)
	h.Opens(portaltest.Camille, 2)
	h.Opens(portaltest.Camille, 3)
	theos = opened(t, h)
	answer, raw := h.Goes(security, http.MethodPost, "/incidents", url.Values{"title": {"Compte de Camille"}, "accounts": {string(portaltest.Camille)}, "since": {local(time.Now().Add(-time.Hour))}})
	if camilles = answer.Header.Get("Location"); answer.StatusCode != http.StatusSeeOther {
		t.Fatal(portaltest.Read(t, raw))
	}
	return h, theos, camilles
}

func numbered(at string) string { return strings.TrimPrefix(at, "/incidents/") }

// Two people merge a file into another: its accounts and period, the earlier moment and what was
// sent go over, everybody is counted once, and it leads to the other and takes no more lines.
//
// Promises: TELL-1, LEDGER-7
func TestTELL_1_TwoPeopleMergeAFileIntoAnotherAndEverybodyCountsOnce(t *testing.T) {
	h, theos, camilles := merging(t)
	refused := func(who roster.AccountID, path string, form url.Values) {
		t.Helper()
		if answer, raw := h.Goes(who, http.MethodPost, path, form); answer.StatusCode != http.StatusForbidden && answer.StatusCode != http.StatusUnprocessableEntity && answer.StatusCode != http.StatusBadRequest {
			t.Errorf("%s does %s: %s: %s", who, path, answer.Status, portaltest.Read(t, raw))
		}
	}
	goal := url.Values{"into": {numbered(theos)}}
	because := url.Values{"into": {numbered(theos)}, "merging-because": {"the same address"}}
	for _, at := range []string{theos, camilles} {
		does(t, h, officer, at+"/count", nil)
	}
	does(t, h, officer, theos+"/aware", url.Values{"at": {local(time.Now().Add(-time.Hour))}, "from": {"ourselves"}, "aware-because": {"an alert"}})
	does(t, h, officer, camilles+"/aware", url.Values{"at": {local(time.Now().Add(-3 * time.Hour))}, "from": {"press"}, "aware-because": {"in the paper"}})
	does(t, h, officer, camilles+"/notices/cnil/sent", url.Values{"stage": {"initial"}, "sent": {local(time.Now().Add(-time.Minute))}, "number": {"FR-7"}})

	refused(officer, camilles+"/merge", goal) // nobody has proposed it
	refused(officer, theos+"/merging", because)
	refused(officer, camilles+"/merging", url.Values{"into": {"7"}, "merging-because": {"x"}})
	refused(officer, camilles+"/merging", url.Values{"into": {numbered(theos)}, "merging-because": {" "}})
	does(t, h, officer, theos+"/merging", url.Values{"into": {numbered(camilles)}, "merging-because": {"the other way round"}})
	does(t, h, officer, camilles+"/merging", because)
	refused(officer, camilles+"/merge", goal) // the same person
	does(t, h, security, camilles+"/decide", url.Values{"what": {"to wait"}, "decide-because": {"not sure"}})
	refused(security, camilles+"/merge", goal) // what was written since takes the proposal back
	does(t, h, officer, camilles+"/merging", because)
	says(t, h, security, camilles, "Claire Noir proposes to merge this file into", "Merge the two files")
	refused(security, camilles+"/merge", url.Values{"into": {numbered(camilles)}}) // not what was proposed
	answer, raw := h.Goes(security, http.MethodPost, camilles+"/merge", goal)
	if at := answer.Header.Get("Location"); at != theos {
		t.Fatalf("%s to %q: %s", answer.Status, at, portaltest.Read(t, raw))
	}

	says(t, h, officer, theos, "3 people concerned without a reason , 1 with a reason", "Files merged into this one: Compte de Camille", "both together: 4 people, 3 of them without a reason",
		local(time.Now().Add(-3 * time.Hour))[11:14], ", from the press", "2 accounts have not been stopped.", "And, of a file merged into this one: camille.aubry", "Initial notice, sent ")
	says(t, h, officer, theos+"/notices/cnil", "4 distinct people, exactly", "Follows notice FR-7")
	says(t, h, officer, camilles, "This file was merged into Kairos, compte de Théo", "merges this file into file", "in the paper")
	if said := says(t, h, officer, camilles); strings.Contains(said, "is not as the ledger says") || strings.Contains(said, "Write the decision down") || strings.Contains(said, "What is left to do") {
		t.Errorf("the file that was merged: %s", said)
	}
	says(t, h, officer, "/incidents", "1 open file.", "merged into 2026-001-")

	for _, path := range []string{"/decide", "/count", "/aware", "/closing", "/merging", "/merge"} { // it takes no more lines, and no way leads back
		refused(security, camilles+path, url.Values{"what": {"more"}, "decide-because": {"late"}, "at": {local(time.Now().Add(-time.Hour))}, "from": {"press"}, "aware-because": {"x"}, "closing-because": {"x"}, "into": {numbered(theos)}, "merging-because": {"x"}})
	}
	refused(security, theos+"/merge", url.Values{"into": {numbered(camilles)}})
	refused(security, theos+"/merging", url.Values{"into": {numbered(camilles)}, "merging-because": {"back"}})

	list, raw := h.Goes(officer, http.MethodPost, theos+"/list", nil)
	if list.StatusCode != http.StatusOK {
		t.Fatal(list.Status)
	}
	for name, body := range portaltest.Unpack(t, raw) {
		if strings.HasSuffix(name, ".csv") && strings.Count(body, "\n") != 5 {
			t.Errorf("the list is\n%s", body)
		}
		if strings.HasSuffix(name, ".csv") && strings.Count(body, (register.PersonID{1, 2}).Hex()) != 1 {
			t.Errorf("whom both were shown is there other than once:\n%s", body)
		}
	}
	does(t, h, officer, theos+"/count", nil) // counted again, it is still of both
	says(t, h, officer, theos, "3 people concerned without a reason , 1 with a reason")
}

// The public page of a file that was merged is the other's, and the reference of a message that
// was sent about it stays true, and leads there.
func TestTheReferenceOfAMergedFileStaysTrueAndLeadsToTheOther(t *testing.T) {
	h, theos, camilles := merging(t)
	does(t, h, officer, camilles+"/aware", url.Values{"at": {local(time.Now().Add(-time.Hour))}, "from": {"ourselves"}, "aware-because": {"an alert"}})
	for _, at := range []string{theos, camilles} {
		does(t, h, officer, at+"/count", nil)
	}
	h.Places(order.Order{Effect: order.Suspended, Reach: order.Account, Target: string(portaltest.Camille), By: string(security), Because: "vol"})
	does(t, h, officer, camilles+"/notices/cnil", url.Values{"harms": {"fraud"}})
	does(t, h, officer, camilles+"/notices/cnil/sent", url.Values{"stage": {"initial"}, "sent": {local(time.Now().Add(-time.Minute))}})
	does(t, h, officer, camilles+"/message/publish", nil)
	reference := func(at string) string {
		return regexp.MustCompile(`[0-9]{4}-00[12]-[A-Z]`).FindString(says(t, h, officer, at))
	}
	first, second := reference(theos), reference(camilles)
	says(t, h, "", "/incident?reference="+first, "No message is announced")
	does(t, h, officer, camilles+"/merging", url.Values{"into": {numbered(theos)}, "merging-because": {"the same address"}})
	does(t, h, security, camilles+"/merge", url.Values{"into": {numbered(theos)}})
	said := says(t, h, "", "/incident?reference="+second, second+" is the reference of an incident that is announced here.", "is now part of incident "+first, "4 people, exactly.")
	if strings.Count(said, "people, exactly.") != 1 {
		t.Errorf("two pages are left: %s", said)
	}
	says(t, h, "", "/incident?reference="+first, first+" is the reference of an incident that is announced here.")
}
