package portal

import (
	"net/http"
	"strings"
	"testing"

	"poterne/internal/policy"
	"poterne/internal/roster"
)

func TestADeskThatOnlyObservesSaysSoBeforeAnythingElse(t *testing.T) {
	h := newHouse(t)
	for want, observed := range map[string]policy.Observed{
		"": {},
		"Everything is only observed: what would be withheld is written down, and handed over.": {Everything: true},
		"Only observed: Dossier, Front desk, drifting. What they would withhold is written down, and handed over.": {
			Services: map[roster.ServiceID]bool{"dossier": true}, Roles: map[roster.Role]bool{roster.Desk: true}, Grounds: map[policy.Why]bool{policy.Drifting: true},
		},
	} {
		h.rooms.pages.settings.Observed = observed
		answer, body := h.goes(security, http.MethodGet, "/desk", nil)
		said := pageText(t, body)
		switch at := strings.Index(said, want); {
		case answer.StatusCode != http.StatusOK:
			t.Errorf("status %d", answer.StatusCode)
		case want == "" && strings.Contains(said, "observed"):
			t.Error("everything is enforced, and the desk speaks of observing")
		case want != "" && (at < 0 || at > strings.Index(said, "All quiet.")):
			t.Errorf("the desk does not begin with %q:\n%s", want, said)
		}
	}
}
