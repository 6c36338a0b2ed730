package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"poterne/internal/lab/proof"
	"poterne/internal/lab/town/life"
	"poterne/internal/reason"
	"poterne/internal/roster"
)

// told is how long after it began a house's caseloads hold: their source falls silent.
const told = 25 * time.Second

// silentHouse is a house whose source of caseloads has fallen silent, so that they have ended. One of pauline's people
// had left her caseload when it was told last.
func silentHouse(t *testing.T) (h *house, ends time.Time) {
	application := httptest.NewServer(crowd())
	t.Cleanup(application.Close)
	h = newHouse(t, "application", map[string]string{
		proof.Upstream: application.URL, "adviser     = { hour = 20, month = 20 }": "adviser = { hour = 2, month = 2 }", "probation   = { hour = 20, month = 20 }": "probation = { hour = 2, month = 2 }",
	})
	ends = time.Now().Add(told)
	stamp := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	left := fmt.Sprintf("left,caseload,pauline.mercier,dossier,%s,2026-01-01T00:00:00Z,%s\n", crowdID(leftPerson), stamp(time.Now().Add(-time.Hour)))
	h.takeFacts("caseloads", h.write("caseloads.csv", strings.ReplaceAll(crowdCaseloads(), "2099-01-01T00:00:00Z", stamp(ends))+left))
	h.serve()
	if time.Now().After(ends) {
		t.Fatal("the caseloads ended before they were read")
	}
	return h, ends
}

// leftPerson left pauline's caseload an hour before its source fell silent.
var leftPerson = len(crowdStaff)*crowdOwn + 77

// taken is how many people somebody receives who opens files one after another.
func (h *house) taken(b *life.Browser, from, count int) (people int) {
	for n := range count {
		for range proof.Rows(h.get(b, "/people/files/"+crowdID(from+n)).Body) {
			people++
		}
	}
	return people
}

// The source of caseloads has fallen silent, and they have ended. Two persons place a bypass at a
// terminal, neither of them alone: an account is shown its caseload as it was when the source was heard
// last, and nobody else, whoever holds its session; everything is written; and it ends by itself.
//
// Promises: SCOPE-2, LEDGER-1
func TestABypassIsTwoPersonsAndShowsACaseloadAndNoMore(t *testing.T) {
	t.Parallel()
	h, ends := silentHouse(t)
	b := h.browser("pauline.mercier")
	if n := h.taken(b, 0, 6); n != 6 { // read while they held, and remembered as such
		t.Fatalf("of six people of the caseload, %d are shown while it holds", n)
	}
	time.Sleep(time.Until(ends.Add(time.Second)))
	if n := h.taken(b, 10, 10); n != 2 {
		t.Fatalf("without a bypass, %d people of a caseload that ended are shown, of an allowance of two", n)
	}
	place := func(wants string, more ...string) {
		t.Helper()
		args := append([]string{"order", "place", "--config", h.config, "--as", "samir.cohen", "--because", "the caseloads do not arrive", "bypass", "source"}, more...)
		said, code := poterne(t, args...)
		if inForce := strings.Contains(said, "is in force until"); !strings.Contains(said, wants) || inForce != (code == 0 && wants == "is in force until") {
			t.Fatalf("%v ends with %d:\n%s", more, code, said)
		}
	}
	place("cannot end before it begins", "caseloads")
	place("within 12 hours", "caseloads", "--for", "13h")
	place("was ever heard", "agenda", "--for", "4h")
	place("is asked for", "caseloads", "--for", "4h")
	place("takes two people", "caseloads", "--for", "4h", "--approved-by", "samir.cohen")
	place("may not sign", "caseloads", "--for", "4h", "--approved-by", "karim.benali") // who is an adviser
	place("is no account", "caseloads", "--for", "4h", "--approved-by", "nobody")
	if n := h.taken(b, 20, 10); n != 0 {
		t.Fatalf("one person alone had %d people shown", n)
	}
	const lasts = 45 * time.Second
	begun := time.Now()
	place("is in force until", "caseloads", "--for", lasts.String(), "--approved-by", "nora.garde")
	placed := h.entries(0)
	from := placed[len(placed)-1].Number
	if e := placed[from]; e.Account != "samir.cohen" || e.Approver != "nora.garde" || e.Until.IsZero() || e.Since.IsZero() || e.Target != "caseloads" {
		t.Errorf("the ledger says %+v", e)
	}
	for !strings.Contains(string(h.get(b, "/").Body), "Contournement en vigueur") { // a node hears of it within a second
		if time.Since(begun) > lasts/3 {
			t.Fatal("no page says that a bypass is in force")
		}
	}
	if n := h.taken(b, 0, 40); n != 40 {
		t.Errorf("of 40 people of the caseload, %d are shown", n)
	}
	for who, n := range map[string]int{
		"strangers":                       h.taken(b, len(crowdStaff)*crowdOwn, 10),
		"a colleague's people":            h.taken(b, crowdOwn, 10),
		"who had left before the silence": h.taken(b, leftPerson, 1),
		"people who do not exist":         h.taken(b, 990_000, 3),
	} {
		if n != 0 {
			t.Errorf("whoever holds the session is shown %d of %s", n, who)
		}
	}
	edge := h.get(b, fmt.Sprintf("/people/list?from=%d", crowdOwn-4))
	rows := 0
	for range proof.Rows(edge.Body) {
		rows++
	}
	if edge.Status != http.StatusOK || rows != 4 {
		t.Errorf("status %d, with %d people in a list that has 4 of the caseload", edge.Status, rows)
	}
	if time.Since(begun) > lasts-2*time.Second {
		t.Fatalf("the bypass is over before the test is")
	}
	for _, e := range h.entries(from + 1) {
		if e.Disclosed() && (e.Reason.Kind != reason.Caseload || e.Account != "pauline.mercier") {
			t.Errorf("entry %d discloses somebody for the reason %v", e.Number, e.Reason.Kind)
		}
	}
	time.Sleep(time.Until(begun.Add(lasts + time.Second)))
	if n := h.taken(b, 100, 10); n != 0 {
		t.Errorf("after its end, %d people are shown", n)
	}
	h.verified()
}

// The same in a browser: one asks, cannot approve, and another approves; each page says it.
func TestABypassIsAskedForByOneAndApprovedByAnotherInABrowser(t *testing.T) {
	t.Parallel()
	h, ends := silentHouse(t)
	button := func(account roster.AccountID) string {
		return fmt.Sprint(slices.IndexFunc(proof.Members, func(m proof.Member) bool { return m.Account == account }))
	}
	samir, nora := newScreen(t, h.origin, "fr-FR"), newScreen(t, h.origin, "fr-FR")
	samir.signIn(button("samir.cohen"))
	samir.open("/bypass")
	samir.says("h1", "Aucun contournement n’est en vigueur.")
	samir.keep("bypass")
	samir.do(chromedp.SendKeys(chromedp.CSS("#because"), "la passerelle des portefeuilles est en panne"))
	samir.click("form[action='/bypass'] button")
	samir.says("main", "Un contournement attend une seconde personne.", "caseloads", "s’est tue", "Vous seul ne le pouvez pas.")
	if n := samir.count("form[action$='/approve']"); n != 0 {
		t.Error("who asked is offered to approve")
	}
	asked := samir.evaluate(`document.querySelector("form[action$='/end']").getAttribute("action").split("/")[2]`)
	if status, said := samir.posts("/bypass/"+asked+"/approve", nil); status != http.StatusForbidden {
		t.Errorf("who asked approves: %d, %s", status, said)
	}
	samir.open("/bypass")
	samir.keep("bypass-asked")
	nora.signIn(button("nora.garde"))
	nora.open("/bypass")
	if status, said := nora.posts("/bypass/"+asked+"/approve", nil); status != http.StatusForbidden {
		t.Errorf("who has not confirmed approves: %d, %s", status, said)
	}
	nora.confirms("/bypass", button("nora.garde"))
	nora.click("form[action$='/approve'] button")
	nora.says("body", "Un contournement est en vigueur.", "chacun consulte son portefeuille, et personne d’autre", "Approuvé par Nora Garde")
	nora.keep("bypass-in-force")
	samir.open("/desk")
	samir.says("body", "Contournement en vigueur")
	time.Sleep(time.Until(ends.Add(time.Second)))
	pauline := h.browser("pauline.mercier")
	if n, others := h.taken(pauline, 0, 6), h.taken(pauline, len(crowdStaff)*crowdOwn, 4); n != 6 || others != 0 {
		t.Errorf("she is shown %d people of six, and %d strangers", n, others)
	}
	nora.open("/bypass")
	nora.click("form[action$='/end'] button")
	nora.says("h1", "Aucun contournement n’est en vigueur.")
	if n := h.taken(pauline, 20, 6); n != 2 {
		t.Errorf("once it was ended, %d people of a caseload that ended are shown, of an allowance of two", n)
	}
}
