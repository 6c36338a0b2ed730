package app

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"poterne/internal/gate/httpgate"
	"poterne/internal/person"
	"poterne/internal/policy"
	"poterne/internal/signin"
)

// exported is what each series of this program is called and labelled, as its registry
// says.
func exported(t *testing.T, m *metrics) map[string][]string {
	t.Helper()
	parts := regexp.MustCompile(`fqName: "([a-z_]+)".*variableLabels: \{([^}]*)\}`)
	descriptions := make(chan *prometheus.Desc)
	go func() {
		m.registry.Describe(descriptions)
		close(descriptions)
	}()
	all := make(map[string][]string)
	for d := range descriptions {
		found := parts.FindStringSubmatch(d.String())
		if found == nil {
			t.Fatalf("a description reads %s", d)
		}
		labels := []string{"instance", "job"} // which Prometheus adds
		if found[2] != "" {
			labels = append(labels, strings.Split(found[2], ",")...)
		}
		all[found[1]] = labels
	}
	for name, of := range map[string]prometheus.Collector{"poterne_passage_seconds": m.passages, "poterne_settle_seconds": m.settles} {
		if of == nil || all[name] == nil {
			t.Fatalf("there is no %s", name)
		}
		all[name+"_bucket"] = append(slices.Clone(all[name]), "le")
		delete(all, name) // a histogram has no series of that name
	}
	all["up"] = []string{"instance", "job"} // Prometheus's own
	return all
}

// values are those that a label can have, where they are a closed list.
func values() map[string][]string {
	all := map[string][]string{
		"outcome": {string(httpgate.Shown), string(httpgate.Cut), string(httpgate.Plain), string(httpgate.Refused), string(httpgate.Failed), string(httpgate.Anonymous), string(httpgate.Aborted)},
		"why":     {string(signin.Left), string(signin.Recalled), string(signin.Replaced), string(signin.Idle), string(signin.Aged), string(signin.Moved), string(signin.Doubled), string(signin.Dismissed), string(signin.Copied)},
		"what":    {"everything", "service", "role", "rule"},
		"job":     {"poterne"}, // as the page says to call it
		"service": {"$service"},
	}
	for v := policy.Shown; v.String() != "unknown verdict"; v++ {
		all["verdict"] = append(all["verdict"], v.String())
	}
	return all
}

var (
	series   = regexp.MustCompile(`\b((?:poterne|process|go)_[a-z_]+|up)\b(\{[^}]*\})?`)
	matcher  = regexp.MustCompile(`([a-z_]+)(=~|!~|!=|=)"([^"]*)"`)
	grouping = regexp.MustCompile(`\b(?:by|without) \(([^)]*)\)`)
	template = regexp.MustCompile(`\{\{ ?(?:\$labels\.)?([a-z_]+) ?\}\}`)
)

// asks says what is wrong with an expression, and which series it asks for.
func asks(expression, said string, known, closed map[string][]string) (used, wrong []string) {
	labels := make(map[string]bool)
	for _, found := range series.FindAllStringSubmatch(expression, -1) {
		name := found[1]
		of, there := known[name]
		if !there {
			wrong = append(wrong, "nothing exports "+name)
			continue
		}
		used = append(used, name)
		for _, label := range of {
			labels[label] = true
		}
		for _, m := range matcher.FindAllStringSubmatch(found[2], -1) {
			if !slices.Contains(of, m[1]) {
				wrong = append(wrong, name+" has no label "+m[1])
			}
			for value := range strings.SplitSeq(m[3], "|") {
				if list, is := closed[m[1]]; is && !slices.Contains(list, value) {
					wrong = append(wrong, m[1]+" is never "+value)
				}
			}
		}
	}
	for _, found := range grouping.FindAllStringSubmatch(expression, -1) {
		for label := range strings.SplitSeq(found[1], ",") {
			if !labels[strings.TrimSpace(label)] {
				wrong = append(wrong, "nothing there has a label "+label)
			}
		}
	}
	for _, found := range template.FindAllStringSubmatch(said, -1) {
		if !labels[found[1]] {
			wrong = append(wrong, "it says a label "+found[1]+" that nothing there has")
		}
	}
	return used, wrong
}

// Promise: RUN-5
func TestRUN_5_RulesAndDashboardAskForWhatIsExported(t *testing.T) {
	p, o := assembled(t)
	if o.Index == nil {
		p.metrics.counted(new(person.Tally)) // as where people look for themselves
	}
	new(node).observed(p) // as where it is served
	known, closed := exported(t, p.metrics), values()
	if len(known) < 30 || len(closed["verdict"]) < 8 {
		t.Fatalf("%d series and %d verdicts", len(known), len(closed["verdict"]))
	}
	shown, alarmed := make(map[string]bool), make(map[string]bool)
	judge := func(where, expression, said string, among map[string]bool) {
		t.Helper()
		used, wrong := asks(expression, said, known, closed)
		for _, one := range wrong {
			t.Errorf("%s: %s in %s", where, one, expression)
		}
		if len(used) == 0 {
			t.Errorf("%s asks for nothing: %s", where, expression)
		}
		for _, name := range used {
			among[name] = true
		}
	}

	rules, err := os.ReadFile("../../packaging/prometheus/poterne.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	alerts := strings.Split(string(rules), "\n      - alert: ")[1:]
	for _, alert := range alerts {
		name, rest, _ := strings.Cut(alert, "\n")
		_, expression, found := strings.Cut(rest, "        expr: ")
		expression, _, labelled := strings.Cut(expression, "        labels: {severity: ")
		_, said, annotated := strings.Cut(rest, "        annotations:\n")
		if !found || !labelled || !annotated || !strings.Contains(said, "summary: ") || !strings.Contains(said, " do: ") {
			t.Errorf("%s is no whole alert: %s", name, alert)
		}
		judge(name, expression, strings.ReplaceAll(said, "$value", ""), alarmed)
	}

	text, err := os.ReadFile("../../packaging/grafana/poterne.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr, LegendFormat string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			judge(panel.Title, target.Expr, target.LegendFormat, shown)
		}
	}

	if len(alerts) < 15 || len(board.Panels) < 20 {
		t.Errorf("%d alerts, %d panels", len(alerts), len(board.Panels))
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if strings.HasPrefix(name, "poterne_") && !shown[name] {
			t.Errorf("%s is on no panel", name)
		}
	}

	// It finds what is wrong.
	for expression, want := range map[string]string{
		`poterne_nothing > 0`:                                  "nothing exports poterne_nothing",
		`poterne_source_silent{service="people"}`:              "has no label service",
		`poterne_requests_total{outcome=~"shown|exploded"}`:    "never exploded",
		`sum by (account) (poterne_decisions_total)`:           "a label account",
		`rate(poterne_settle_seconds[5m])`:                     "nothing exports poterne_settle_seconds",
		`poterne_witness_cosigns / on () poterne_person_shown`: "nothing exports poterne_person_shown",
	} {
		if _, wrong := asks(expression, "", known, closed); !strings.Contains(strings.Join(wrong, "; "), want) {
			t.Errorf("%s: %q", expression, wrong)
		}
	}
}

// Prometheus itself reads the rules, and each kind of them is fired by what it is for.
//
// Promise: RUN-5
func TestRUN_5_PrometheusTakesTheRulesAndTheyFire(t *testing.T) {
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Skip("promtool is not here")
	}
	for _, args := range [][]string{{"check", "rules", "poterne.rules.yml"}, {"test", "rules", "poterne.rules.test.yml"}} {
		command := exec.CommandContext(t.Context(), "promtool", args...)
		command.Dir = filepath.Join("..", "..", "packaging", "prometheus")
		if said, err := command.CombinedOutput(); err != nil || !strings.Contains(string(said), "SUCCESS") {
			t.Errorf("promtool %q: %v\n%s", args, err, said)
		}
	}
}
