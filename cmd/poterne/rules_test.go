package main

import (
	"maps"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"poterne/internal/campaign"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/roster"
)

// What the demonstration shows is what was replayed: both have the rules of the
// example.
func TestTheDemonstrationAndTheReplayHaveTheRulesOfTheExample(t *testing.T) {
	want, err := exampleRules()
	if err != nil {
		t.Fatal(err)
	}
	replayed, err := (&replayCommand{}).rules()
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(replayed, want) {
		t.Errorf("the replay has %+v", replayed)
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
	want.Purposes = shown.rules.Purposes // those of the town's own services
	if !reflect.DeepEqual(shown.rules, want) {
		t.Errorf("the demonstration has\n%+v, the example\n%+v", shown.rules, want)
	}
	if shown.narrowed != campaign.NarrowedFor {
		t.Errorf("a theft narrows its neighbours for %s", shown.narrowed)
	}
}

// Promise: METER-1
func TestMETER_1_TheExampleHasTheDefaults(t *testing.T) {
	s, err := check(secrets(t), []byte(example))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(s.rules.Watches, policy.Watches) {
		t.Errorf("the example watches %+v, the defaults are %+v: change [watch] in example.toml, and what rules.go says to write", s.rules.Watches, policy.Watches)
	}
	people := func(hour, month int) meter.Allowance {
		return meter.Allowance{Short: meter.People(hour), Long: meter.People(month)}
	}
	want := map[roster.Role]meter.Allowance{
		roster.Adviser: people(3, 20), roster.Desk: people(6, 80), roster.CallCentre: people(6, 80), roster.Training: people(2, 5),
	}
	if !maps.Equal(s.rules.Allowances, want) || s.rules.Probation != people(1, 5) || !s.rules.Cold {
		t.Errorf("the example allows %+v, %+v on probation", s.rules.Allowances, s.rules.Probation)
	}
	if w := s.rules.Wider; w.Organisation != people(100, 2000) || w.Service != people(500, 20_000) || w.Register != people(1000, 40_000) {
		t.Errorf("all accounts together may open %+v", w)
	}
	if s.narrowed != campaign.NarrowedFor {
		t.Errorf("a theft narrows its neighbours for %s", s.narrowed)
	}
	if o := s.rules.Observed; o.Everything || len(o.Services)+len(o.Roles)+len(o.Grounds) > 0 {
		t.Errorf("the example only observes %+v", o)
	}
}

// What a need says to write is accepted, and means the default.
func TestWhatAMissingRuleSaysToWriteIsTheExamples(t *testing.T) {
	dir := secrets(t)
	of, watch := reflect.TypeFor[allowancesTable](), reflect.TypeFor[watchesTable]()
	text := "[allowance]\nadviser = { hour = 3, month = 20 }\ndesk = { hour = 6, month = 80 }\ncall-centre = { hour = 6, month = 80 }\ntraining = { hour = 2, month = 5 }\n"
	for _, name := range []string{"Probation", "Organisation", "Service", "Register"} {
		field, _ := of.FieldByName(name)
		line, _, _ := strings.Cut(field.Tag.Get("need"), "},")
		text += line + "}\n"
	}
	text += "cold = true\n[watch]\n"
	for i := range watch.NumField() {
		text += watch.Field(i).Tag.Get("need") + "\n"
	}
	from, to := strings.Index(example, "[allowance]"), strings.Index(example, "[observe]")
	s, err := check(dir, []byte(example[:from]+text+example[to:]))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := check(dir, []byte(example))
	if err != nil || !reflect.DeepEqual(s.rules, whole.rules) {
		t.Errorf("%+v, %v; the example is %+v", s.rules, err, whole.rules)
	}
}

func TestWhatIsObservedIsNamed(t *testing.T) {
	text := strings.NewReplacer(
		"services = []               ", `services = ["people"]       `, "roles = []  ", `roles = ["desk"]  `, "rules = []\n", "rules = [\"pace-reached\", \"drifting\"]\n",
	).Replace(example)
	s, err := check(secrets(t), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := policy.Observed{
		Services: map[roster.ServiceID]bool{"people": true}, Roles: map[roster.Role]bool{roster.Desk: true},
		Grounds: map[policy.Why]bool{policy.PaceReached: true, policy.Drifting: true},
	}
	if !reflect.DeepEqual(s.rules.Observed, want) {
		t.Errorf("observed is %+v", s.rules.Observed)
	}
	if got := strings.Join(toldObservations(s.rules.Observed), ", "); got != "service people, role desk, rule pace-reached, rule drifting" {
		t.Errorf("it is told as %q", got)
	}
}

func TestEveryRuleThatCountsCanBeObservedByItsName(t *testing.T) {
	names := observable()
	if len(names) < 12 {
		t.Errorf("only %v can be observed", names)
	}
	for _, name := range names {
		if why, known := policy.ParseWhy(name); !known || !why.Counts() {
			t.Errorf("%q cannot be observed", name)
		}
		if !strings.Contains(strings.ReplaceAll(example, "\n# ", " "), name) {
			t.Errorf("the example does not name %q", name)
		}
	}
}
