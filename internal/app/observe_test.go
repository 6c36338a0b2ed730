package app

import (
	"strings"
	"testing"

	"poterne/internal/policy"
	"poterne/internal/roster"
)

func TestWhatIsObservedIsTold(t *testing.T) {
	observed := policy.Observed{
		Services: map[roster.ServiceID]bool{"people": true}, Roles: map[roster.Role]bool{roster.Desk: true},
		Grounds: map[policy.Why]bool{policy.PaceReached: true, policy.Drifting: true},
	}
	if got := strings.Join(toldObservations(observed), ", "); got != "service people, role desk, rule pace-reached, rule drifting" {
		t.Errorf("it is told as %q", got)
	}
}
