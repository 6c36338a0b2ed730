package config_test

import (
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"

	"poterne/internal/campaign"
	"poterne/internal/config"
	"poterne/internal/config/configtest"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/roster"
)

// Promise: METER-1
func TestMETER_1_TheExampleHasTheDefaults(t *testing.T) {
	s, err := parse(configtest.Secrets(t), config.Example)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(s.Rules.Watches, policy.Watches) {
		t.Errorf("the example watches %+v, the defaults are %+v: change [watch] in example.toml, and what rules.go says to write", s.Rules.Watches, policy.Watches)
	}
	people := func(hour, month int) meter.Allowance {
		return meter.Allowance{Short: meter.People(hour), Long: meter.People(month)}
	}
	want := map[roster.Role]meter.Allowance{
		roster.Adviser: people(3, 20), roster.Desk: people(6, 45), roster.CallCentre: people(6, 45), roster.Training: people(2, 5), roster.Programme: people(0, 0),
	}
	if !maps.Equal(s.Rules.Allowances, want) || s.Rules.Probation != people(1, 5) || !s.Rules.Cold {
		t.Errorf("the example allows %+v, %+v on probation", s.Rules.Allowances, s.Rules.Probation)
	}
	if w := s.Rules.Wider; w.Organisation != people(100, 2000) || w.Service != people(500, 20_000) || w.Register != people(1000, 40_000) {
		t.Errorf("all accounts together may open %+v", w)
	}
	if s.Narrowed != campaign.NarrowedFor {
		t.Errorf("a theft narrows its neighbours for %s", s.Narrowed)
	}
	if o := s.Rules.Observed; o.Everything || len(o.Services)+len(o.Roles)+len(o.Grounds) > 0 {
		t.Errorf("the example only observes %+v", o)
	}
}

// What a need says to write is accepted, and means the default.
func TestWhatAMissingRuleSaysToWriteIsTheExamples(t *testing.T) {
	dir := configtest.Secrets(t)
	of := reflect.TypeFor[config.AllowancesTable]()
	text := "[allowance]\nadviser = { hour = 3, month = 20 }\ndesk = { hour = 6, month = 45 }\ncall-centre = { hour = 6, month = 45 }\ntraining = { hour = 2, month = 5 }\n"
	for _, name := range []string{"Probation", "Organisation", "Service", "Register"} {
		field, _ := of.FieldByName(name)
		line, _, _ := strings.Cut(field.Tag.Get("need"), "},")
		text += line + "}\n"
	}
	text += "cold = true\n[watch]\n"
	from, to := strings.Index(config.Example, "[allowance]"), strings.Index(config.Example, "[observe]")
	_, missing := parse(dir, config.Example[:from]+text+"programme = { forgiven = 0.25, line = 8, pace = 120, wall = 200 }\n"+config.Example[to:])
	for line := range strings.Lines(fmt.Sprint(missing)) {
		_, write, _ := strings.Cut(strings.TrimSpace(line), "missing; write ")
		text += write + "\n"
	}
	s, err := parse(dir, config.Example[:from]+text+config.Example[to:])
	if err != nil {
		t.Fatal(err)
	}
	whole, err := parse(dir, config.Example)
	if err != nil || !reflect.DeepEqual(s.Rules, whole.Rules) {
		t.Errorf("%+v, %v; the example is %+v", s.Rules, err, whole.Rules)
	}
}

func TestWhatIsObservedIsNamed(t *testing.T) {
	text := strings.NewReplacer(
		"services = []               ", `services = ["people"]       `, "roles = []  ", `roles = ["desk"]  `, "rules = []\n", "rules = [\"pace-reached\", \"drifting\"]\n",
	).Replace(config.Example)
	s, err := parse(configtest.Secrets(t), text)
	if err != nil {
		t.Fatal(err)
	}
	want := policy.Observed{
		Services: map[roster.ServiceID]bool{"people": true}, Roles: map[roster.Role]bool{roster.Desk: true},
		Grounds: map[policy.Why]bool{policy.PaceReached: true, policy.Drifting: true}, Most: policy.ObservedMost,
	}
	if !reflect.DeepEqual(s.Rules.Observed, want) {
		t.Errorf("observed is %+v", s.Rules.Observed)
	}
}

func TestEveryRuleThatCountsCanBeObservedByItsName(t *testing.T) {
	names := config.Observable()
	if len(names) < 12 {
		t.Errorf("only %v can be observed", names)
	}
	for _, name := range names {
		if why, known := policy.ParseWhy(name); !known || !why.Counts() {
			t.Errorf("%q cannot be observed", name)
		}
		if !strings.Contains(strings.ReplaceAll(config.Example, "\n# ", " "), name) {
			t.Errorf("the example does not name %q", name)
		}
	}
}

func TestWhatOneAccountGivesIsSet(t *testing.T) {
	for set, want := range map[string]string{"{ hour = 30, month = 60 }": "", "{ hour = 30, month = 20 }": "allowance.gives", "{ hour = -1 }": "allowance.gives"} {
		s, err := parse(configtest.Secrets(t), strings.Replace(config.Example, "gives = { hour = 100, month = 200 }", "gives = "+set, 1))
		switch {
		case want != "":
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", set, err)
			}
		case err != nil || s.Rules.Gives != meter.Allowance{Short: meter.People(30), Long: meter.People(60)}:
			t.Errorf("%s: %+v, %v", set, s.Rules.Gives, err)
		}
	}
}
