package staff_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"poterne/internal/ledger"
	"poterne/internal/portal/portaltest"
	"poterne/internal/portal/rooms/desk"
)

// Promise: RIGHTS-6 (awareness)
func TestRIGHTS_6_TheModuleTakesEightOfTenAndCertifiesWhoIsSignedInOnly(t *testing.T) {
	h := portaltest.Open(t, portaltest.Allowing(3, 20), desk.Settings{})
	right := url.Values{
		"reset": {"b"}, "caller": {"c"}, "colleague": {"a"}, "code": {"c"}, "cookie": {"b"},
		"not-me": {"a"}, "invitation": {"c"}, "propose": {"a"}, "curious": {"b"}, "report": {"a"},
	}
	if _, raw := h.Goes(portaltest.Camille, http.MethodGet, "/", nil); !strings.Contains(raw, `href="/awareness"`) {
		t.Error("the front page of who has no certificate does not lead to the module")
	}
	order := regexp.MustCompile(`<legend>([^<]*)`)
	drawn := func() (all string) {
		_, raw := h.Goes(portaltest.Camille, http.MethodGet, "/awareness", nil)
		found := order.FindAllString(raw, -1)
		if len(found) != len(right) || strings.Count(raw, `type="radio"`) != 3*len(right) || strings.Contains(raw, "<script>") {
			t.Fatalf("%d questions are asked", len(found))
		}
		return strings.Join(found, "")
	}
	if first, second, third := drawn(), drawn(), drawn(); first == second && second == third {
		t.Error("the questions come in the same order each time")
	}
	mistaken := url.Values{"account": {string(portaltest.Theo)}, "who": {string(portaltest.Theo)}}
	for name, answer := range right {
		mistaken[name] = answer
	}
	for _, name := range []string{"reset", "cookie", "report"} {
		mistaken.Set(name, "c")
	}
	_, raw := h.Goes(portaltest.Camille, http.MethodPost, "/awareness", mistaken)
	if said := portaltest.Read(t, raw); !strings.Contains(said, "7 right answers of 10, and 8 are needed") || !strings.Contains(said, "The session is stolen after") && !strings.Contains(said, "A session is stolen after") {
		t.Errorf("seven right answers: %s", said)
	}
	if h.Writes(portaltest.Camille, ledger.Certified) != 0 {
		t.Error("seven right answers are certified")
	}
	mistaken.Set("reset", "b")
	_, raw = h.Goes(portaltest.Camille, http.MethodPost, "/awareness", mistaken)
	if said := portaltest.Read(t, raw); !strings.Contains(said, "Passed: 8 right answers of 10") {
		t.Errorf("eight right answers: %s", said)
	}
	if h.Writes(portaltest.Camille, ledger.Certified) != 1 || h.Writes(portaltest.Theo, ledger.Certified) != 0 {
		t.Error("another is certified than who is signed in")
	}
	if _, raw := h.Goes(portaltest.Camille, http.MethodGet, "/", nil); strings.Contains(raw, `href="/awareness"`) {
		t.Error("the front page of who has just passed leads to the module")
	}
	if _, raw := h.Goes(portaltest.Jeanne, http.MethodPost, "/awareness", right); !strings.Contains(portaltest.Read(t, raw), "Your role needs no certificate") || h.Writes(portaltest.Jeanne, ledger.Certified) != 0 {
		t.Error("a manager is certified")
	}
}
