package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"poterne/internal/lab/proof"
	"poterne/internal/lab/town/life"
	"poterne/internal/roster"
)

// A service that was closed whole is opened again by two persons of the desk, in a browser: read-only
// for one organisation, then for all, then as before, and no step before what it needs was ticked. At
// each step whoever works there has what the step says, and no more.
//
// Promise: ACT-2
func TestACT_2_TwoPeopleReopenAServiceByStepsInABrowser(t *testing.T) {
	t.Parallel()
	people := crowd()
	application := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"saved":"yes"}`)
			return
		}
		people.ServeHTTP(w, r)
	}))
	t.Cleanup(application.Close)
	const first = "[[service.route]]\nget = \"/list\""
	h := newHouse(t, "application", map[string]string{
		proof.Upstream: application.URL,
		first:          "[[service.route]]\npost = \"/files/{id}/notes\"\nrequest = { path = { dossier = \"id\" } }\nform = [\"text\"]\nwrites = [\"note\"]\njson = { plain = \"$.saved\" }\n\n" + first,
	})
	h.takeFacts("caseloads", h.write("caseloads.csv", crowdCaseloads()))
	h.serve()

	staff := map[roster.AccountID]*life.Browser{"pauline.mercier": h.browser("pauline.mercier"), "karim.benali": h.browser("karim.benali")}
	// has checks who reads and who writes, of an adviser each of two organisations.
	has := func(when string, reads, writes map[roster.AccountID]bool) {
		t.Helper()
		for who, b := range staff {
			file := "/people/files/" + crowdID(slices.Index(crowdStaff, who)*crowdOwn)
			if page := h.get(b, file); (page.Status == http.StatusOK) != reads[who] {
				t.Errorf("%s, %s opens a file: status %d", when, who, page.Status)
			}
			if page := h.send(b, file+"/notes", "application/x-www-form-urlencoded", "text=seen"); (page.Status == http.StatusOK) != writes[who] {
				t.Errorf("%s, %s writes: status %d: %s", when, who, page.Status, page.Body)
			}
		}
	}
	nobody, one := map[roster.AccountID]bool{}, map[roster.AccountID]bool{"pauline.mercier": true}
	all := map[roster.AccountID]bool{"pauline.mercier": true, "karim.benali": true}
	has("before", all, all)
	order := fmt.Sprintf("/desk/orders/%d", h.place("close", "service", "people"))
	has("closed", nobody, nobody)

	button := func(account roster.AccountID) string {
		return fmt.Sprint(slices.IndexFunc(proof.Members, func(m proof.Member) bool { return m.Account == account }))
	}
	samir, nora := newScreen(t, h.origin, "en-GB"), newScreen(t, h.origin, "en-GB")
	samir.signIn(button("samir.cohen"))
	nora.signIn(button("nora.garde"))
	ticks := func(s *screen, line string) {
		t.Helper()
		s.open(order)
		s.do(chromedp.SendKeys(chromedp.CSS("#tick-"+line), "seen in the ledger"))
		s.click("form:has(#tick-" + line + ") button")
	}
	proposes := func(s *screen, choose string) {
		t.Helper()
		s.open(order)
		if choose != "" {
			s.do(chromedp.SetValue(chromedp.CSS("#first"), choose))
		}
		s.do(chromedp.SendKeys(chromedp.CSS("#because"), "the way in is shut"))
		s.click("form[action$='/propose'] button")
		if n := s.count("form[action$='/confirm']"); n != 0 {
			t.Error("who proposed a step is offered to confirm it")
		}
	}
	confirms := func(s *screen) {
		t.Helper()
		s.open(order)
		s.click("form[action$='/confirm'] button")
	}
	// next is the order that took the place of the one before.
	next := func() {
		t.Helper()
		samir.open("/desk")
		links := samir.links("a[href^='/desk/orders/']")
		links = slices.Compact(slices.DeleteFunc(links, func(link string) bool { return strings.Contains(link, "/new") }))
		if len(links) != 1 || links[0] == order {
			t.Fatalf("after a step, the desk leads to %q", links)
		}
		order = links[0]
	}

	nora.open(order)
	nora.says("h1", "Reopen by steps")
	nora.says("main", "2 lines are missing before the next step can be proposed.")
	nora.keep("reopen-closed")
	ticks(nora, "cause-found")
	nora.says("main", "One line is missing before the next step can be proposed.")
	ticks(nora, "accounts-held")
	nora.confirms(order, button("nora.garde"))
	proposes(nora, "ml-valbourg")
	nora.says("main", "Somebody else of the desk has to confirm it within a day.")
	nora.keep("reopen-proposed")
	drops := func(s *screen) {
		t.Helper()
		s.open(order)
		s.click("form[action$='/drop'] button")
		if n := s.count("form[action$='/confirm'], form[action$='/drop']"); n != 0 {
			t.Error("what was dropped is offered still")
		}
	}
	drops(nora)
	nora.says("main", "took back the step that was proposed.")
	proposes(nora, "ml-valbourg")
	drops(samir)
	nora.open(order)
	nora.says("main", "refused the step that was proposed.")
	nora.keep("reopen-refused")
	proposes(nora, "ml-valbourg")
	has("proposed by one", nobody, nobody)
	samir.confirms(order, button("samir.cohen"))
	confirms(samir)
	has("opened for one organisation to read", one, nobody)

	next()
	ticks(samir, "partners-told")
	proposes(samir, "")
	confirms(nora)
	has("opened for all to read", all, nobody)

	next()
	nora.open(order)
	nora.says("main", "One line is missing before the next step can be proposed.")
	ticks(nora, "nothing-new")
	proposes(nora, "")
	nora.keep("reopen-last")
	confirms(samir)
	has("reopened", all, all)
	h.verified()
}
