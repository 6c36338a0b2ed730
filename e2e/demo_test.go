package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"poterne/internal/ledger"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// candidate is what the hole in Kairos gives of a person.
type candidate struct {
	FTID string  `json:"ftid"`
	NIR  *string `json:"nir"`
}

// candidates reads an answer of the hole.
func candidates(t *testing.T, body []byte) []candidate {
	t.Helper()
	var answer struct {
		Candidates []candidate `json:"candidates"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Errorf("%v: %s", err, body)
	}
	return answer.Candidates
}

// hole is a training organisation's account that walks through the hole.
type hole struct {
	*demo
	trained map[string]bool // by France Travail identifier

	mu       sync.Mutex
	received map[string]bool // strangers, guarded by mu
}

func (d *demo) hole(organisation roster.OrganisationID) *hole {
	h := &hole{demo: d, trained: make(map[string]bool), received: make(map[string]bool)}
	for _, person := range d.staff.Enrolments(organisation) {
		h.trained[d.register.FT(person)] = true
	}
	return h
}

// take remembers whom a body shows.
func (h *hole) take(t *testing.T, body []byte) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range candidates(t, body) {
		if c.NIR != nil {
			t.Error("a training organisation was given a NIR")
		}
		if !h.trained[c.FTID] {
			h.received[c.FTID] = true
		}
	}
}

// trainingHour is how many people whom it does not train the demonstration allows
// a training account within an hour.
const trainingHour = 2

// Acceptance A4 of the spine: the hole in Kairos.
func TestSCOPE_7_TheHoleInKairosGivesNothingBeyondTheAllowance(t *testing.T) {
	t.Parallel()
	d := startDemo(t, t.TempDir())
	h := d.hole("of-horizon")
	lucas := d.browser("lucas.ferrand")

	// The application itself gives a thousand people to whoever asks.
	direct := candidates(t, []byte(d.direct(t, "kairos", "lucas.ferrand", "/api/candidates?count=1000")))
	strangers := 0
	for _, c := range direct {
		if !h.trained[c.FTID] {
			strangers++
		}
		if c.NIR == nil {
			t.Error("the application itself withholds a NIR: the hole is not there")
		}
	}
	if len(direct) != 1000 || strangers < 900 {
		t.Fatalf("the application itself gives %d people, %d of them strangers: the hole is not there", len(direct), strangers)
	}

	// Past the gate and without its word, the application gives nobody; nor does what is its
	// operator's open through the gate.
	for _, path := range []string{"/", "/billing", "/api/trainees", "/api/candidates?count=1000", "/trainees/" + direct[0].FTID} {
		answer, err := http.Get(d.upstream(t, "kairos") + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusUnauthorized || strings.Contains(string(body), direct[0].FTID) {
			t.Errorf("%s without a word of the gate: status %d, %v", path, answer.StatusCode, err)
		}
	}
	if page := d.get(lucas, "/kairos/operator/read-only"); page.Status != http.StatusForbidden {
		t.Errorf("the operator's address through the gate: status %d", page.Status)
	}

	// Through the gate, the same request gives the allowance and no more; a canary
	// among the first ends it before.
	allowed := 0
	for _, c := range direct {
		if d.isCanary(c.FTID) {
			break
		}
		if !h.trained[c.FTID] && allowed < trainingHour {
			allowed++
		}
	}
	page := d.get(lucas, "/kairos/api/candidates?count=1000")
	if page.Status != http.StatusOK {
		t.Fatalf("status %d: %s", page.Status, page.Body)
	}
	h.take(t, page.Body)
	// Whoever nobody accompanies counts twice: one or two people are the allowance.
	shown := len(h.received)
	if shown > allowed || shown < min(allowed, 1) {
		t.Errorf("%d people whom it does not train, in one answer, not %d", shown, allowed)
	}
	if strings.Contains(string(page.Body), `"nir":"`) {
		t.Error("a NIR is in the body")
	}

	// Each of the thousand has an entry, shown or not.
	receipt, err := strconv.ParseUint(page.Header.Get("Poterne-Receipt"), 10, 64)
	if err != nil {
		t.Fatalf("the answer has no receipt: %v", err)
	}
	people := make(map[register.PersonID]policy.Verdict)
	stopped := 0
	for _, e := range entries(t, filepath.Join(d.dir, "poterne.db"), ledger.Number(receipt)) {
		if uint64(e.Receipt) != receipt {
			break
		}
		if e.Person.IsZero() {
			continue // the freeze itself
		}
		people[e.Person] = e.Verdict
		if !e.Verdict.Shows() {
			stopped++
		}
	}
	if len(people) != 1000 || stopped != strangers-shown {
		t.Errorf("the ledger has %d people of that answer, %d of them stopped; %d strangers were asked for", len(people), stopped, strangers)
	}
}

// However the whole register is asked for, in pages and all at once, the answers
// together hold no more than the allowance.
func TestSCOPE_7_PagingThroughTheHoleGivesNothingMore(t *testing.T) {
	t.Parallel()
	d := startDemo(t, t.TempDir())
	h := d.hole("of-horizon")
	first, second := d.browser("lucas.ferrand"), d.browser("lucas.ferrand") // two sessions
	var asking sync.WaitGroup
	for i, from := 0, 0; from < townSize; i, from = i+1, from+500 {
		asking.Go(func() {
			b := first
			if i%2 == 1 {
				b = second
			}
			page, err := b.Get(t.Context(), fmt.Sprintf("/kairos/api/candidates?count=500&from=%d", from))
			if err != nil || page.Status != http.StatusOK {
				t.Errorf("page from %d: status %d: %v", from, page.Status, err)
				return
			}
			h.take(t, page.Body)
		})
	}
	asking.Wait()
	charged, trapped := 0, false
	for _, e := range entries(t, filepath.Join(d.dir, "poterne.db"), 0) {
		if e.Disclosed() && e.Cost > 0 {
			charged++
		}
		trapped = trapped || e.Why == policy.CanaryOpened
	}
	if n := len(h.received); n > trainingHour || n < trainingHour && !trapped {
		t.Errorf("%d people whom it does not train, in all answers together", n)
	}
	if charged != len(h.received) {
		t.Errorf("the ledger holds %d people without a reason", charged)
	}
	if !trapped {
		t.Error("twenty thousand people, and no canary among them")
	}
}
