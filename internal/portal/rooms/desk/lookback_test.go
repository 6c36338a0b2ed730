package desk_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"poterne/internal/i18n"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/portal/portaltest"
	"poterne/internal/register"
)

// The page of what an account did is true to the ledger, person by person; and an order that
// is placed afterwards stops what the page said it would have.
//
// Promise: ACT-4
func TestACT_4_TheLookBackIsWhatTheLedgerSaysAndSaysWhatAnOrderWouldHaveStopped(t *testing.T) {
	h := portaltest.New(t)
	for person := range 5 {
		h.Opens(theo, person+1)
	}
	h.Opens(camille, 9)
	shown, stopped, receipts := make(map[register.PersonID]bool), 0, make(map[ledger.Number]bool)
	unexplained := make(map[register.PersonID]bool)
	others := make(map[ledger.Number]bool)
	for e := range h.Gate.Entries(t.Context(), 0) {
		switch {
		case e.Account == theo && e.Disclosed():
			shown[e.Person], receipts[e.Receipt] = true, true
			if e.Unexplained() {
				unexplained[e.Person] = true
			}
		case e.Account == theo && (e.Kind == ledger.Consulted || e.Kind == ledger.Attempted):
			stopped++
			receipts[e.Receipt] = true
		case e.Disclosed():
			others[e.Receipt] = true
		}
	}
	if len(shown) == 0 || stopped == 0 || len(others) == 0 {
		t.Fatalf("the test shows %d, stops %d and has %d others", len(shown), stopped, len(others))
	}
	answer, raw := h.Goes(security, http.MethodGet, "/desk/accounts/"+string(theo)+"/back?period=1h", nil)
	said := portaltest.Read(t, raw)
	if answer.StatusCode != http.StatusOK {
		t.Fatal(answer.Status)
	}
	people := strconv.Itoa(len(shown))
	if !strings.Contains(said, people+" people were shown to this account") || strings.Count(raw, `class="figure mono"`) != len(receipts) {
		t.Errorf("%d people in %d answers: %s", len(shown), len(receipts), said)
	}
	if got := strings.Count(raw, "person no."); got != len(shown)+stopped {
		t.Errorf("%d people are listed, want %d and %d", got, len(shown), stopped)
	}
	cells := func(measure string) string {
		_, row, _ := strings.Cut(raw, ">"+measure+"</td>")
		row, _, _ = strings.Cut(row, "</tr>")
		return portaltest.Read(t, "<table><tr>"+row+"</tr></table>")
	}
	for measure, want := range map[string][2]int{
		"Théo Marchand: account suspended":   {len(shown), 0},
		"Théo Marchand: new openings frozen": {len(unexplained), 0},
		"Everything is closed":               {len(shown), len(others)},
	} {
		if got := cells(measure); !strings.HasPrefix(got, strconv.Itoa(want[0])+" "+strconv.Itoa(want[1])+" ") {
			t.Errorf("%s: %q, want %v", measure, got, want)
		}
	}
	// It was written down that it was read, and nothing is decided.
	last := ledger.Entry{}
	for e := range h.Gate.Entries(t.Context(), 0) {
		last = e
	}
	if last.Kind != ledger.Read || last.State != ledger.AccountRead || last.Since.IsZero() || len(h.Gate.Orders()) != 0 {
		t.Errorf("written: %+v", last)
	}
	// Now placed, the order stops the next as the page said.
	h.Places(order.Order{Effect: order.Suspended, Reach: order.Account, Target: string(theo), By: string(security), Because: "vol"})
	if p := h.Opens(theo, 200); p.Decision.Shown() {
		t.Error("the order does not stop what it would have stopped")
	}
}

// In a large ledger the page says at once what the account did, and reads what all others did only
// when it is asked to.
func TestWhatOthersWouldHaveLostIsCountedWhenItIsAskedFor(t *testing.T) {
	s := portaltest.NewStage()
	asked(s, 3*time.Hour, theo, 1, policy.Shown, policy.Counted)
	for n := range 20_500 {
		asked(s, 2*time.Hour, camille, n, policy.Shown, policy.Explained)
	}
	s.Watch()
	read := func(address string) string {
		answer := httptest.NewRecorder()
		s.Visits(security, http.MethodGet, "/desk/accounts/"+string(theo)+"/back?"+address, nil)(answer, httptest.NewRequest(http.MethodGet, "/", nil), i18n.English)
		if answer.Code != http.StatusOK {
			t.Fatal(answer.Code)
		}
		return portaltest.Read(t, answer.Body.String())
	}
	const link, others = "Count the answers of other accounts, too: 20,501 lines to read", "Everything is closed 1 20,500"
	if said := read("period=24h"); !strings.Contains(said, "1 person was shown to this account") || !strings.Contains(said, link) || strings.Contains(said, others) {
		t.Error(said)
	}
	if said := read("period=24h&others=1"); !strings.Contains(said, "1 person was shown to this account") || strings.Contains(said, link) || !strings.Contains(said, others) {
		t.Error(said)
	}
}

// Whoever was shown twice is one person, here and wherever it was; whoever was shown and then refused
// is not one more who was asked for.
func TestTheLookBackCountsEachPersonOnce(t *testing.T) {
	s := portaltest.NewStage()
	for _, verdict := range []policy.Verdict{policy.Shown, policy.Shown, policy.AskStepUp} {
		asked(s, 3*time.Hour, theo, 1, verdict, policy.Counted)
	}
	for range 2 {
		asked(s, 2*time.Hour, theo, 2, policy.AskStepUp, policy.ShortEmpty)
	}
	for i := range s.Written {
		s.Written[i].Session = "s-1"
	}
	s.Watch()
	answer := httptest.NewRecorder()
	s.Visits(security, http.MethodGet, "/desk/accounts/"+string(theo)+"/back?period=24h", nil)(answer, httptest.NewRequest(http.MethodGet, "/", nil), i18n.English)
	said := portaltest.Read(t, answer.Body.String())
	for _, want := range []string{"1 person was shown to this account", "One more was asked for and withheld.", "5 answers · 1 person shown"} {
		if !strings.Contains(said, want) {
			t.Errorf("the page does not say %q: %s", want, said)
		}
	}
}
