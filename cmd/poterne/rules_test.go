package main

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"poterne/internal/campaign"
	"poterne/internal/config"
	"poterne/internal/policy"
	"poterne/internal/roster"
)

// What the demonstration shows is what was replayed: both have the rules of the
// example.
func TestTheDemonstrationAndTheReplayHaveTheRulesOfTheExample(t *testing.T) {
	want, err := config.ReadRules("")
	if err != nil {
		t.Fatal(err)
	}
	place, err := (&Demo{Listen: "127.0.0.1:0"}).settle(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer place.close()
	dir := t.TempDir()
	if err := place.furnish(dir); err != nil {
		t.Fatal(err)
	}
	shown, err := readConfig(filepath.Join(dir, "poterne.toml"))
	if err != nil {
		t.Fatal(err)
	}
	want.Purposes = shown.Rules.Purposes // those of the town's own services
	if !reflect.DeepEqual(shown.Rules, want) {
		t.Errorf("the demonstration has\n%+v, the example\n%+v", shown.Rules, want)
	}
	if shown.Narrowed != campaign.NarrowedFor {
		t.Errorf("a theft narrows its neighbours for %s", shown.Narrowed)
	}
}

func TestWhatIsObservedIsTold(t *testing.T) {
	observed := policy.Observed{
		Services: map[roster.ServiceID]bool{"people": true}, Roles: map[roster.Role]bool{roster.Desk: true},
		Grounds: map[policy.Why]bool{policy.PaceReached: true, policy.Drifting: true},
	}
	if got := strings.Join(toldObservations(observed), ", "); got != "service people, role desk, rule pace-reached, rule drifting" {
		t.Errorf("it is told as %q", got)
	}
}
