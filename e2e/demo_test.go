package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// Acceptance A4 of the spine: the hole in Kairos.
//
// Promise: SCOPE-7
func TestSCOPE_7_TheHoleInKairosGivesNothingBeyondTheAllowance(t *testing.T) {
	d := startDemo(t, t.TempDir())
	lucas := d.browser("lucas.ferrand")
	trained := make(map[string]bool)
	for _, person := range d.staff.Enrolments("of-horizon") {
		trained[d.register.FT(person)] = true
	}
	page := d.get(lucas, "/kairos/api/candidates?count=1000")
	if page.Status != http.StatusOK {
		t.Fatalf("status %d: %s", page.Status, page.Body)
	}
	var answer struct {
		Candidates []struct {
			FTID string  `json:"ftid"`
			NIR  *string `json:"nir"`
		} `json:"candidates"`
	}
	if err := json.Unmarshal(page.Body, &answer); err != nil {
		t.Fatal(err)
	}
	strangers := 0
	for _, c := range answer.Candidates {
		if !trained[c.FTID] {
			strangers++
		}
		if c.NIR != nil {
			t.Error("a training organisation was given a NIR")
		}
	}
	if strangers > 2 { // the allowance of an hour
		t.Errorf("%d people whom it does not train", strangers)
	}
	if strings.Contains(string(page.Body), `"nir":"9`) {
		t.Error("a NIR is in the body")
	}
	again := d.get(lucas, "/kairos/api/candidates?count=1000&from=5000")
	if strings.Contains(string(again.Body), "ftid") {
		t.Errorf("the second time it was given somebody: %s", again.Body)
	}
	direct := d.direct(t, "kairos", "lucas.ferrand", "/api/candidates?count=1000")
	if n := strings.Count(direct, `"ftid"`); n != 1000 {
		t.Errorf("the application itself gives %d people: the hole is not there", n)
	}
}
