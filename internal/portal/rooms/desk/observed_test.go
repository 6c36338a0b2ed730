package desk_test

import (
	"net/http"
	"strings"
	"testing"

	"poterne/internal/policy"
	"poterne/internal/portal/portaltest"
	"poterne/internal/portal/rooms/desk"
	"poterne/internal/roster"
)

func TestADeskThatOnlyObservesSaysSoBeforeAnythingElse(t *testing.T) {
	for want, observed := range map[string]policy.Observed{
		"": {},
		"Everything is only observed: what would be withheld is written down, and handed over.": {Everything: true},
		"Only observed: Dossier, Front desk, drifting. What they would withhold is written down, and handed over.": {
			Services: map[roster.ServiceID]bool{"dossier": true}, Roles: map[roster.Role]bool{roster.Desk: true}, Grounds: map[policy.Why]bool{policy.Drifting: true},
		},
	} {
		h := portaltest.Open(t, portaltest.Allowing(3, 20), desk.Settings{Observed: observed})
		answer, body := h.Goes(security, http.MethodGet, "/desk", nil)
		said := portaltest.Read(t, body)
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
