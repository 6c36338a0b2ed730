package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// collector takes events in, and keeps which entries they are of.
type collector struct {
	away atomic.Bool
	mu   sync.Mutex
	of   map[string]bool
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c.away.Load() {
		panic(http.ErrAbortHandler)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for line := range strings.Lines(string(body)) {
		var event struct {
			Metadata struct {
				UID string `json:"uid"`
			} `json:"metadata"`
		}
		if json.Unmarshal([]byte(line), &event) == nil {
			c.of[event.Metadata.UID] = true
		}
	}
}

func (c *collector) has(entries int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n := range entries {
		if !c.of[fmt.Sprint(n)] {
			return false
		}
	}
	return true
}

// The identity provider, whoever collects events and the witness are all away when the program is
// killed. Whoever was signed in goes on, and is shown no stranger more than before; once the
// others are back they lack nothing.
//
// Promises: LEDGER-1, METER-3, RUN-5
func TestLEDGER_1_SeveralFailuresAtOnceShowNobodyMoreAndLoseNothing(t *testing.T) {
	t.Parallel()
	application := httptest.NewServer(crowd())
	t.Cleanup(application.Close)
	h := newHouse(t, "application", map[string]string{"http://127.0.0.1:3000": application.URL})
	h.takeFacts("caseloads", h.write("caseloads.csv", crowdCaseloads()))
	collects := &collector{of: make(map[string]bool)}
	events := httptest.NewServer(collects)
	t.Cleanup(events.Close)
	witness := h.witnessed()
	h.write("siem.token", strings.Repeat("t", 32))
	rewrite(t, h.config, readFile(t, h.config)+fmt.Sprintf("\n[siem]\nurl = %q\nsecret_file = \"siem.token\"\n", events.URL))

	p := h.serve()
	pauline := h.browser("pauline.mercier")
	own := func() {
		t.Helper()
		for n := range 3 {
			if page := h.get(pauline, "/people/files/"+crowdID(n)); page.Status != http.StatusOK {
				t.Errorf("one of her own: status %d", page.Status)
			}
		}
	}
	strangers, next := 0, crowdOwn*len(crowdStaff)
	stranger := func() int {
		t.Helper()
		page := h.get(pauline, "/people/files/"+crowdID(next))
		next++
		if page.Status == http.StatusOK {
			strangers++
		}
		return page.Status
	}
	own()
	for range 5 {
		stranger()
	}
	h.comesToKnow(witness, 1)

	collects.away.Store(true)
	witness.Down(true)
	if err := h.site.Close(); err != nil { // the provider
		t.Fatal(err)
	}
	own()
	for range 5 {
		stranger()
	}
	if err := p.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-p.done
	h.serve()
	own()
	last := http.StatusOK
	for last == http.StatusOK {
		last = stranger()
	}
	own()
	if strangers != 20 || last != http.StatusForbidden {
		t.Errorf("%d strangers, then status %d", strangers, last)
	}

	all := len(h.entries(0))
	if collects.has(all) {
		t.Error("the collector has what happened while it was away")
	}
	collects.away.Store(false)
	witness.Down(false)
	for begun := time.Now(); !collects.has(all) || witness.Knows(t, "poterne.example/ledger") < int64(all); time.Sleep(100 * time.Millisecond) {
		if time.Since(begun) > patience {
			t.Fatal("once they are back, the collector lacks events, or the witness entries")
		}
	}
	h.verified()
}
