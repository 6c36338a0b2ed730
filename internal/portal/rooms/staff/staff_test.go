package staff_test

import (
	"net/http"
	"strings"
	"testing"

	"poterne/internal/portal/portaltest"
	"poterne/internal/roster"
)

const (
	camille  = portaltest.Camille
	theo     = portaltest.Theo
	jeanne   = portaltest.Jeanne
	remi     = portaltest.Remi
	sacha    = portaltest.Sacha
	security = portaltest.Security
)

func TestMETER_7_AnAgentSeesTheirOwnMeterAndWhatToDoWhenItIsEmpty(t *testing.T) {
	h := portaltest.New(t)
	for step, want := range []string{"0 people without a reason of 20 in 28 days, 0 of 3 this hour.", "1 person without a reason of 20", "2 people without a reason of 20", "3 people without a reason of 20 in 28 days, 3 of 3 this hour."} {
		if step > 0 {
			h.Opens(camille, step)
		}
		_, raw := h.Goes(camille, http.MethodGet, "/", nil)
		said := portaltest.Read(t, raw)
		if !strings.Contains(said, want) {
			t.Errorf("after %d openings the page does not say %q", step, want)
		}
		if empty := strings.Contains(said, "Your allowance for this hour is used up. There is room for one more "); empty != (step == 3) {
			t.Errorf("after %d openings, empty is %v", step, empty)
		}
	}
	h.Opens(camille, 9)
	_, raw := h.Goes(camille, http.MethodGet, "/", nil)
	if !strings.Contains(portaltest.Read(t, raw), "You opened 3 people without a known reason within an hour. The limit is 3.") {
		t.Error("the refusal just written is not among what was written")
	}
}

func TestWhoIsFrozenIsNotToldToWait(t *testing.T) {
	h := portaltest.New(t)
	h.Opens(camille, 1, 2, 3)
	h.Freeze(camille)
	_, raw := h.Goes(camille, http.MethodGet, "/", nil)
	if said := portaltest.Read(t, raw); !strings.Contains(said, "Your allowance for this hour is used up.") || strings.Contains(said, "There is room for one more") {
		t.Errorf("the page says %s", said)
	}
}

func TestOnlyWhoOpensFilesIsToldThatTheyLeaveALine(t *testing.T) {
	h := portaltest.New(t)
	for who, want := range map[roster.AccountID]bool{camille: true, jeanne: false} {
		_, raw := h.Goes(who, http.MethodGet, "/", nil)
		said := portaltest.Read(t, raw)
		if told := strings.Contains(said, "Each file you open will leave a line here."); !strings.Contains(said, "Nothing is written yet.") || told != want {
			t.Errorf("%s: told that files leave a line: %v, not %v", who, told, want)
		}
	}
}
