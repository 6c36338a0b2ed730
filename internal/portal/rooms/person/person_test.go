package person_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/person"
	"poterne/internal/portal/portaltest"
	"poterne/internal/portal/rooms/desk"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
)

const (
	theo   = portaltest.Theo
	jeanne = portaltest.Jeanne // manages theo's organisation
	remi   = portaltest.Remi   // manages another
	claire = roster.AccountID("claire.noir")
)

// somebody is the n-th person whom Site.Opens opens.
func somebody(n byte) register.PersonID { return register.PersonID{1, n} }

// mine asks for a page as a person of the register, in English.
func mine(t *testing.T, people http.Handler, who register.PersonID, method, path string, form url.Values) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Accept-Language", "en")
	r.Header.Set(portaltest.Actor, who.Hex())
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	people.ServeHTTP(w, r)
	return w.Code, portaltest.Read(t, w.Body.String())
}

// opened has an account open a person, and returns the number of the line.
func opened(h *portaltest.Site, who roster.AccountID, n int) ledger.Number {
	return h.Opens(who, n).Receipt
}

// A person asks about a line; their body's manager answers, once, and the person reads it.
//
// Promise: PERSON-2
func TestPERSON_2_APersonAsksWhyAndFollowsTheAnswer(t *testing.T) {
	h := portaltest.New(t)
	people := h.People(time.Now)
	line := opened(h, theo, 1)
	others := opened(h, theo, 2)
	path := fmt.Sprintf("/lines/%d", line)
	if code, said := mine(t, people, somebody(1), http.MethodGet, "/", nil); code != http.StatusOK || !strings.Contains(said, "We do not know why once.") || !strings.Contains(said, "Ask why") || strings.Contains(said, "Théo") {
		t.Fatalf("%d: %s", code, said)
	}

	// Another's line, an act, and what is not there are one answer, and nothing is written.
	before := h.Gate.Next()
	for _, number := range []ledger.Number{others, 0, 1, 99_999} {
		if code, _ := mine(t, people, somebody(1), http.MethodPost, fmt.Sprintf("/lines/%d/ask", number), url.Values{"what": {"why"}}); code != http.StatusNotFound {
			t.Errorf("asking about entry %d: %d", number, code)
		}
	}
	if code, _ := mine(t, people, somebody(1), http.MethodPost, path+"/ask", url.Values{"what": {"who"}}); code != http.StatusNotFound {
		t.Errorf("asking who it was: %d", code)
	}
	if next := h.Gate.Next(); next != before {
		t.Errorf("%d entries were written", next-before)
	}

	for range 2 { // the second changes nothing
		if code, _ := mine(t, people, somebody(1), http.MethodPost, path+"/ask", url.Values{"what": {"why"}}); code != http.StatusSeeOther {
			t.Fatalf("asking: %d", code)
		}
	}
	if _, said := mine(t, people, somebody(1), http.MethodGet, path, nil); !strings.Contains(said, "You asked today . An answer by:") {
		t.Errorf("what was asked is not followed: %s", said)
	}
	if _, said := mine(t, people, somebody(2), http.MethodGet, "/", nil); strings.Contains(said, "You asked") {
		t.Error("another person sees the question")
	}

	_, raw := h.Goes(jeanne, http.MethodGet, "/questions", nil)
	if said := portaltest.Read(t, raw); !strings.Contains(said, "One person waits for an answer") || !strings.Contains(said, "Théo Marchand") || strings.Contains(raw, somebody(1).Hex()) {
		t.Errorf("the manager reads: %s", said)
	}
	if _, raw := h.Goes(claire, http.MethodGet, "/questions", nil); !strings.Contains(portaltest.Read(t, raw), "One person waits for an answer") {
		t.Error("the officer does not see the question")
	}
	if _, raw := h.Goes(remi, http.MethodGet, "/questions", nil); strings.Contains(portaltest.Read(t, raw), "Théo") {
		t.Error("a manager of another body sees the question")
	}
	number := strings.TrimPrefix(portaltest.Forms(t, raw)[len(portaltest.Forms(t, raw))-1], "/questions/")
	answer := url.Values{"why": {string(person.Mistake)}, "words": {"Two files looked alike."}}
	for who, want := range map[roster.AccountID]int{remi: http.StatusNotFound, claire: http.StatusNotFound, theo: http.StatusForbidden} {
		if got, _ := h.Goes(who, http.MethodPost, "/questions/"+number, answer); got.StatusCode != want {
			t.Errorf("%s answers: %d", who, got.StatusCode)
		}
	}
	if got, raw := h.Goes(jeanne, http.MethodPost, "/questions/"+number, answer); got.StatusCode != http.StatusSeeOther {
		t.Fatalf("the answer: %d %s", got.StatusCode, portaltest.Read(t, raw))
	}
	if got, _ := h.Goes(jeanne, http.MethodPost, "/questions/"+number, answer); got.StatusCode == http.StatusSeeOther {
		t.Error("it is answered twice")
	}
	if _, said := mine(t, people, somebody(1), http.MethodGet, "/", nil); !strings.Contains(said, "Answer: The file was opened by mistake. Two files looked alike.") || strings.Contains(said, "Jeanne") {
		t.Errorf("the answer does not come back: %s", said)
	}
}

// Somebody who looked and works elsewhere since has looked from where they worked then: the person reads so, and that body answers.
//
// Promise: PERSON-1
func TestPERSON_1_ALineIsOfTheBodyWhereWhoeverLookedWorkedThen(t *testing.T) {
	h := portaltest.New(t)
	people := h.People(time.Now)
	line := opened(h, theo, 1)
	if code, _ := mine(t, people, somebody(1), http.MethodPost, fmt.Sprintf("/lines/%d/ask", line), url.Values{"what": {"why"}}); code != http.StatusSeeOther {
		t.Fatalf("asking: %d", code)
	}
	moved, _, err := store.NewRoster(h.DB).Account(t.Context(), theo)
	if err != nil {
		t.Fatal(err)
	}
	moved.Organisation = "of-rive"
	list := accounts.List{Accounts: []roster.Account{moved}}
	if _, err := journal.Do(t.Context(), h.Gate.Journal, journal.Act[accounts.Rows](&accounts.Import{By: portaltest.Security, List: list})); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/lines.csv", "/lines.json", fmt.Sprintf("/lines/%d", line)} {
		if _, said := mine(t, people, somebody(1), http.MethodGet, path, nil); !strings.Contains(said, "Mission locale du Bourg") || strings.Contains(said, "Formation de la Rive") {
			t.Errorf("%s says: %s", path, said)
		}
	}
	_, raw := h.Goes(jeanne, http.MethodGet, "/questions", nil)
	forms := portaltest.Forms(t, raw)
	answer := url.Values{"why": {string(person.Mistake)}}
	if got, _ := h.Goes(remi, http.MethodPost, forms[len(forms)-1], answer); got.StatusCode != http.StatusNotFound {
		t.Errorf("the manager of where they work now answers: %d", got.StatusCode)
	}
	if got, raw := h.Goes(jeanne, http.MethodPost, forms[len(forms)-1], answer); got.StatusCode != http.StatusSeeOther {
		t.Errorf("the manager of the body that is asked answers: %d %s", got.StatusCode, portaltest.Read(t, raw))
	}
}

func TestQuestionsAreBoundedAndOneThatNobodyCanExplainIsSeenAtTheDesk(t *testing.T) {
	h := portaltest.Open(t, portaltest.Allowing(40, 40), desk.Settings{})
	people := h.People(time.Now)
	refused := 0
	for range person.MostAsked + 2 {
		line := opened(h, theo, 1)
		if code, _ := mine(t, people, somebody(1), http.MethodPost, fmt.Sprintf("/lines/%d/ask", line), url.Values{"what": {"why"}}); code == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused != 2 {
		t.Errorf("%d questions were refused", refused)
	}
	_, raw := h.Goes(jeanne, http.MethodGet, "/questions", nil)
	forms := portaltest.Forms(t, raw)
	if got, _ := h.Goes(jeanne, http.MethodPost, forms[len(forms)-1], url.Values{"why": {string(ledger.Unexplained)}}); got.StatusCode != http.StatusSeeOther {
		t.Fatalf("the answer: %d", got.StatusCode)
	}
	if _, raw := h.Goes(portaltest.Security, http.MethodGet, "/desk", nil); !strings.Contains(portaltest.Read(t, raw), "An answer to a person, on a consultation by Théo Marchand: nobody can explain it") {
		t.Errorf("the desk does not see it: %s", portaltest.Read(t, raw))
	}
}
