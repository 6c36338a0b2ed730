package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"poterne/internal/config"
	"poterne/internal/config/configtest"
	"poterne/internal/i18n"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/roster"
)

// inspected is the example of an operator whose people are inspectors and counsels.
func inspected(t *testing.T) string {
	text := config.Example
	from, to := strings.Index(text, "[[role]]"), strings.Index(text, "# Which categories of fields a purpose")
	if from < 0 || to < from {
		t.Fatal("the example has no roles")
	}
	text = text[:from] + `[[role]]
id = "inspector"
name_fr = "Inspection"
name_en = "Inspector"
[[role]]
id = "adviser"
` + text[to:]
	for _, replaced := range [][2]string{
		{`modules = { adviser = "poterne", desk = "poterne", call-centre = "poterne", training = "securite-26" }`, `modules = { inspector = "poterne" }`},
		{"ceiling = { adviser = 600, desk = 2000, call-centre = 3000, training = 120, programme", "ceiling = { inspector = 70, programme"},
		{"arrivals = { adviser = 30, desk = 30, call-centre = 30, training = 30, programme", "arrivals = { inspector = 31, programme"},
		{"rows = { adviser = 60, desk = 120, call-centre = 120, training = 15, programme", "rows = { inspector = 32, programme"},
		{"lists = { adviser = 150, desk = 100, call-centre = 200, training = 100, programme", "lists = { inspector = 34, programme"},
		{"earned = { adviser = 0, desk = 45, call-centre = 45, training = 0, programme", "earned = { inspector = 11, programme"},
		{"strangers = { adviser = 150, desk = 150, call-centre = 150, training = 150, programme", "strangers = { inspector = 33, programme"},
		{"desk        = { hour = 6, month = 45 }", "inspector = { hour = 4, month = 44 }"},
		{"call-centre = { hour = 6, month = 45 }", ""},
		{"training    = { hour = 2, month = 5 }", ""},
		{"desk        = { forgiven = 4.5, line = 45, pace = 20, wall = 200 }", "inspector = { forgiven = 2, line = 22, pace = 21, wall = 210 }"},
		{"call-centre = { forgiven = 4.3, line = 45, pace = 20, wall = 200 }", ""},
		{"training    = { forgiven = 0.25, line = 8, pace = 20, wall = 200 }", ""},
	} {
		if !strings.Contains(text, replaced[0]) {
			t.Fatalf("the example no longer has %s", replaced[0])
		}
		text = strings.Replace(text, replaced[0], replaced[1], 1)
	}
	return text
}

// Promise: RUN-10, METER-9. The roles are those that the operator names, with their own
// limits; this register's are not there when they are not named.
func TestRUN_10_RolesAreTheOperatorsOwn(t *testing.T) {
	dir := configtest.Secrets(t)
	text := inspected(t)
	s, err := parse(dir, text)
	if err != nil {
		t.Fatal(err)
	}
	inspector := roster.Role("inspector")
	if !slices.Equal(s.Rules.Roles(), []roster.Role{inspector, roster.Adviser}) || s.RoleNames[inspector][i18n.French] != "Inspection" || s.RoleNames[inspector][i18n.English] != "Inspector" {
		t.Errorf("the roles are %v, called %v", s.Rules.Roles(), s.RoleNames)
	}
	r := s.Rules
	if r.Allowances[inspector] != (meter.Allowance{Short: meter.People(4), Long: meter.People(44)}) || r.Ceilings[inspector] != 70 || r.Rows[inspector] != 32 ||
		r.Strangers[inspector] != 33 || s.Arrivals[inspector] != 31 || !r.Trains[inspector] || r.Trains[roster.Adviser] ||
		r.Watches[inspector] != (policy.Watch{Forgiven: 200, Line: meter.People(22), Pace: 21, Wall: 210, Evidence: true}) {
		t.Errorf("an inspector has %+v", r)
	}
	if r.Ceilings[roster.Adviser] != policy.Ceilings[roster.Adviser] {
		t.Error("what is left out of a role of the program's is not its default")
	}
	if _, there := r.Allowances[roster.Desk]; there {
		t.Error("a role that is not named has an allowance")
	}
	file := filepath.Join(dir, "roster.toml")
	if err := os.WriteFile(file, []byte("[[organisation]]\nid = \"ml\"\nsiret = \"99999999900011\"\nname = \"ML\"\n[[account]]\nid = \"a\"\norganisation = \"ml\"\nrole = \"desk\"\nname = \"A\"\nissuer = \"https://i\"\nsubject = \"s\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.ReadRoster(file, s, nil, nil, time.Now()); err == nil || !strings.Contains(err.Error(), `"desk" is not a role; write one of [inspector adviser manager security privacy programme]`) {
		t.Errorf("a roster with a role that is not declared: %v", err)
	}
}

// Promise: RUN-10. What names a role that is not declared, or declares one without its limits,
// stops the start with the cause.
func TestRUN_10_ARoleIsNeverHalfDeclared(t *testing.T) {
	dir := configtest.Secrets(t)
	text := inspected(t)
	for name, test := range map[string]struct{ was, is, want string }{
		"no allowance":           {"inspector = { hour = 4, month = 44 }", "", "allowance.inspector: missing; write inspector = { hour = 3"},
		"half an allowance":      {"inspector = { hour = 4, month = 44 }", "inspector = { hour = 4 }", "allowance.inspector.month: missing"},
		"no watch":               {"inspector = { forgiven = 2, line = 22, pace = 21, wall = 210 }", "", "watch.inspector: missing; write inspector = { forgiven = 1, line = 18, pace = 20, wall = 200 }"},
		"no ceiling":             {"inspector = 70, ", "", "allowance.ceiling: nothing for the role inspector; write inspector = …"},
		"no rows":                {"inspector = 32, ", "", "allowance.rows: nothing for the role inspector"},
		"a ceiling of nobody":    {"inspector = 70, ", "inspector = 0, ", "allowance.ceiling.inspector: must be between 1 and"},
		"an allowance too many":  {"inspector = { hour = 4, month = 44 }", "inspector = { hour = 4, month = 44 }\ndesk = { hour = 1, month = 1 }", "allowance.desk: not a key that is known here, nor the id of a [[role]]; those are [inspector adviser programme]"},
		"a ceiling too many":     {"inspector = 70, ", "inspector = 70, desk = 1, ", "allowance.ceiling.desk: not a key that is known here"},
		"observed":               {"roles = []", `roles = ["desk"]`, `observe.roles[0]: "desk" is no role that reads files; write one of [inspector adviser programme]`},
		"trained":                {`modules = { inspector`, `modules = { desk`, "awareness.modules.desk: not a role that reads files"},
		"Poterne's own":          {`id = "inspector"`, `id = "manager"`, `role[0].id: the role "manager" is Poterne's own`},
		"another meaning":        {`id = "inspector"`, `id = "register"`, `role[0].id: "register" has another meaning under [allowance]`},
		"not an id":              {`id = "inspector"`, `id = "Inspector 1"`, `role[0].id: "Inspector 1" is not the id of a role`},
		"twice":                  {`id = "adviser"`, `id = "inspector"`, "role[1].id: this role is declared twice"},
		"without a name":         {`name_fr = "Inspection"`, "", "role[0].name_fr: missing; write name_fr = "},
		"called as the managers": {`name_fr = "Inspection"`, `name_fr = "Gestion des comptes"`, `role[0].name_fr: "Gestion des comptes" is what a role of Poterne's own is called`},
		"one name for two":       {`id = "adviser"`, "id = \"adviser\"\nname_en = \"inspector\"", "role[1].name_en: the role inspector has this name"},
	} {
		changed := strings.Replace(text, test.was, test.is, 1)
		if _, err := parse(dir, changed); changed == text || err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}
