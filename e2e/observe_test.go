package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"poterne/internal/policy"
)

// A public body begins by observing: nobody is stopped, everything is decided and
// written, and everywhere it is said what would have been withheld. On the day it is
// enforced every allowance is whole, and stops from there.
//
// Promise: METER-1
func TestObservingStopsNobodyWritesEverythingAndSaysSo(t *testing.T) {
	t.Parallel()
	application := httptest.NewServer(crowd())
	t.Cleanup(application.Close)
	metrics := fmt.Sprintf("localhost:%d", freePort(t))
	h := newHouse(t, "application", map[string]string{
		"http://127.0.0.1:3000": application.URL, "adviser     = { hour = 20, month = 20 }": "adviser = { hour = 2, month = 5 }",
		`rules = ["doubted", "enumerating", "pace-reached"]`: "everything = true", "[register]\n": fmt.Sprintf("[metrics]\nlisten = %q\n[register]\n", metrics),
	})
	const strangers, first = 12, 5000
	program := h.serve()
	pauline, samir := h.browser("pauline.mercier"), h.browser("samir.cohen")
	for n := range strangers {
		if page := h.get(pauline, "/people/files/"+crowdID(first+n)); page.Status != http.StatusOK || !strings.Contains(string(page.Body), fmt.Sprintf("Nom %d", first+n)) {
			t.Fatalf("stranger %d: status %d", n+1, page.Status)
		}
	}
	would := map[policy.Why]int{}
	for _, entry := range h.entries(1) {
		if entry.Person.IsZero() {
			continue
		}
		if !entry.Verdict.Shows() || entry.Cost == 0 {
			t.Errorf("entry %d is %v for %v", entry.Number, entry.Verdict, entry.Cost)
		}
		if entry.Observed {
			would[entry.Why]++
		}
	}
	t.Logf("of %d strangers, would have been stopped: %v", strangers, would)
	if total := would[policy.ShortEmpty] + would[policy.LongEmpty] + would[policy.Doubted] + would[policy.Enumerating] + would[policy.Drifting]; total < strangers-5 || would[policy.LongEmpty] == 0 {
		t.Errorf("the ledger would have stopped %v", would)
	}
	if orders := h.poterne("order", "list", "--config", h.config); !strings.Contains(orders, "no order is in force") {
		t.Errorf("somebody who is only observed is held:\n%s", orders)
	}
	if tail := h.poterne("ledger", "tail", "--config", h.config, "--as", "nadia"); strings.Count(tail, "Only observed: this opening would have been withheld. ") < strangers-5 {
		t.Errorf("the command line does not say what was observed:\n%s", tail)
	}
	desk := string(h.get(samir, "/desk").Body)
	for _, said := range []string{"Tout est seulement observé", "aurait été"} {
		if !strings.Contains(desk, said) {
			t.Errorf("the desk does not say %q", said)
		}
	}
	if text := program.output.String(); !strings.Contains(text, `"level":"WARN","msg":"only observing: what these would stop is written down and handed over","observed":["everything"]`) {
		t.Errorf("the start does not say it: %s", text)
	}
	answer, err := http.Get("http://" + metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, _ := io.ReadAll(answer.Body); !strings.Contains(string(text), `poterne_observing{name="",what="everything"} 1`) {
		t.Error("the metrics do not say it")
	}
	program.stop()

	t.Log("From now on it is enforced.")
	text, err := os.ReadFile(h.config)
	if err != nil {
		t.Fatal(err)
	}
	h.write("poterne.toml", strings.Replace(string(text), "everything = true", `rules = ["doubted", "enumerating", "pace-reached"]`, 1))
	h.serve()
	pauline, samir = h.browser("pauline.mercier"), h.browser("samir.cohen")
	shown := 0
	for h.get(pauline, "/people/files/"+crowdID(first+strangers+shown)).Status == http.StatusOK && shown < strangers {
		shown++
	}
	if shown != 2 {
		t.Errorf("on the day of the switch %d strangers are shown within an hour, the allowance is 2", shown)
	}
	if page := h.get(pauline, "/people/files/"+crowdID(first)); page.Status != http.StatusOK {
		t.Errorf("somebody seen while it was observed: status %d", page.Status)
	}
	if desk := string(h.get(samir, "/desk").Body); strings.Contains(desk, "seulement observé") {
		t.Error("the desk still says that it is only observed")
	}
}
