package staff_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"poterne/internal/gate"
	"poterne/internal/ledger"
	"poterne/internal/policy"
	"poterne/internal/portal/portaltest"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// looksUp has an account open the file of one person, with the NIR in it.
func looksUp(t *testing.T, h *portaltest.Site, who roster.AccountID, person int) (passage gate.Passage, nir bool) {
	t.Helper()
	passage, err := h.Gate.Commit(t.Context(), policy.Ask{
		Act: policy.Show, Account: who, Session: "s-1", Service: "dossier", Purpose: "accompany", Route: "GET /files/{dossier}",
		People: []policy.Opening{{Person: register.PersonID{1, byte(person)}, Fields: register.Name | register.NIR}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return passage, passage.Decision.People[0].Fields.Has(register.NIR)
}

func receiptForm(p gate.Passage) url.Values { return url.Values{"receipt": {fmt.Sprint(p.Receipt)}} }

// Promise: ENTRY-6, SCOPE-3
func TestENTRY_6_EachNIRTakesAPasskeyOfItsOwnAndIsShownOnce(t *testing.T) {
	h := portaltest.New(t)
	h.Door.HasPasskey.Store(true)
	first, shown := looksUp(t, h, camille, 1)
	second, _ := looksUp(t, h, camille, 2)
	if shown {
		t.Fatal("a NIR is shown that nobody asked for")
	}
	_, front := h.Goes(camille, http.MethodGet, "/", nil)
	if link := fmt.Sprintf(`href="/nir?receipt=%d"`, first.Receipt); !strings.Contains(front, link) {
		t.Fatalf("the front page has no %s", link)
	}
	if answer, raw := h.Goes(camille, http.MethodPost, "/nir", receiptForm(first)); answer.StatusCode != http.StatusForbidden || !strings.Contains(portaltest.Read(t, raw), "what is masked of one person, of receipt "+fmt.Sprint(first.Receipt)+": NIR") {
		t.Fatalf("status %d without a passkey", answer.StatusCode)
	}
	if _, shown := looksUp(t, h, camille, 1); shown {
		t.Fatal("a NIR is shown without a passkey")
	}
	touched := receiptForm(first)
	touched.Set("passkey-answer", "x")
	h.StepsUp(camille) // as the door writes a passkey's use down
	if answer, _ := h.Goes(camille, http.MethodPost, "/nir", touched); answer.StatusCode != http.StatusSeeOther {
		t.Fatalf("status %d with a passkey", answer.StatusCode)
	}
	if _, raw := h.Goes(camille, http.MethodGet, fmt.Sprintf("/nir?receipt=%d&said=asked", first.Receipt), nil); !strings.Contains(portaltest.Read(t, raw), "Open the file again") {
		t.Error("the page does not say what to do")
	}
	for i, step := range []struct {
		person int
		want   bool
	}{{2, false}, {1, true}, {1, false}, {2, false}} {
		if _, shown := looksUp(t, h, camille, step.person); shown != step.want {
			t.Errorf("step %d, person %d: a NIR is shown: %v", i, step.person, shown)
		}
	}
	// The confirmation is spent: another act without one of its own is refused under the head.
	touched = receiptForm(second)
	touched.Set("passkey-answer", "x")
	if answer, _ := h.Goes(camille, http.MethodPost, "/nir", touched); answer.StatusCode != http.StatusForbidden || h.Writes(camille, ledger.NIRAsked) != 1 {
		t.Errorf("status %d: one confirmation asks for two NIRs", answer.StatusCode)
	}
}

// Where an account has no passkey, a fresh sign-in stands in: one for each NIR.
//
// Promise: ENTRY-6, SCOPE-3
func TestENTRY_6_OneFreshSignInShowsOneNIRHoweverManyAreAskedForAtOnce(t *testing.T) {
	h := portaltest.New(t)
	var asked []gate.Passage
	for n := range 3 {
		p, _ := looksUp(t, h, camille, 1+n)
		asked = append(asked, p)
	}
	if answer, raw := h.Goes(camille, http.MethodPost, "/nir", receiptForm(asked[0])); answer.StatusCode != http.StatusForbidden || !strings.Contains(raw, "/.poterne/step-up") {
		t.Fatalf("status %d without a confirmation", answer.StatusCode)
	}
	h.StepsUp(camille)
	h.StepUp()
	var wait sync.WaitGroup
	for range 4 {
		for _, p := range asked {
			wait.Go(func() { h.Goes(camille, http.MethodPost, "/nir", receiptForm(p)) })
		}
	}
	wait.Wait()
	nirs := 0
	for range 2 {
		for n := range 3 {
			if _, shown := looksUp(t, h, camille, 1+n); shown {
				nirs++
			}
		}
	}
	if asks := h.Writes(camille, ledger.NIRAsked); asks != 1 || nirs != 1 {
		t.Errorf("one sign-in asks for %d NIRs and shows %d", asks, nirs)
	}
	h.StepsUp(camille)
	h.Door.SteppedUp.Store(time.Now().Unix() + 1)
	if answer, _ := h.Goes(camille, http.MethodPost, "/nir", receiptForm(asked[2])); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("status %d after another sign-in", answer.StatusCode)
	}
}

// What may not be asked for looks the same, whatever the reason.
//
// Promise: ENTRY-6
func TestENTRY_6_ANIRIsAskedForByWhoOpenedTheOneFileAndByNobodyElse(t *testing.T) {
	h := portaltest.New(t)
	h.Door.HasPasskey.Store(true)
	mine, _ := looksUp(t, h, camille, 1)
	theirs, _ := looksUp(t, h, theo, 2)
	several := h.Opens(camille, 2, 3)
	looksUp(t, h, camille, 4)
	h.Opens(camille, 5)
	refused := h.Opens(camille, 6)
	if refused.Decision.Shown() && refused.Decision.People[0].Verdict.Shows() {
		t.Fatal("a sixth stranger is shown")
	}
	for what, receipt := range map[string]string{
		"another's": fmt.Sprint(theirs.Receipt), "two people": fmt.Sprint(several.Receipt), "a refusal": fmt.Sprint(refused.Receipt),
		"nobody's": "99999", "no number": "x", "none": "", "the ledger's first": "0",
	} {
		form := url.Values{"receipt": {receipt}, "passkey-answer": {"x"}}
		h.StepsUp(camille)
		if answer, _ := h.Goes(camille, http.MethodPost, "/nir", form); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d", what, answer.StatusCode)
		}
		if answer, _ := h.Goes(camille, http.MethodGet, "/nir?receipt="+receipt, nil); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d of the page", what, answer.StatusCode)
		}
	}
	if _, front := h.Goes(camille, http.MethodGet, "/", nil); strings.Contains(front, fmt.Sprintf("/nir?receipt=%d\"", several.Receipt)) {
		t.Error("the front page offers the NIR of two people")
	}
	if answer, _ := h.Goes(jeanne, http.MethodGet, fmt.Sprintf("/nir?receipt=%d", mine.Receipt), nil); answer.StatusCode != http.StatusNotFound {
		t.Errorf("a manager: status %d", answer.StatusCode)
	}
	h.Moved.Store(int64(16 * time.Minute))
	if answer, _ := h.Goes(camille, http.MethodPost, "/nir", url.Values{"receipt": {fmt.Sprint(mine.Receipt)}, "passkey-answer": {"x"}}); answer.StatusCode != http.StatusNotFound {
		t.Errorf("a quarter of an hour later: status %d", answer.StatusCode)
	}
	if n := h.Writes(camille, ledger.NIRAsked); n != 0 {
		t.Errorf("%d NIRs are asked for", n)
	}
}
