package desk_test

import (
	"encoding/json"
	"maps"
	"math"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"poterne/internal/i18n"
	"poterne/internal/portal"
	"poterne/internal/portal/portaltest"
)

// curve is the replay that ships, as far as tests need it.
type curve struct {
	Made   time.Time
	Report struct {
		Seeds   []uint64
		Attacks []struct {
			Name            string
			Accounts        int
			Outside, Inside struct{ P95 int }
		}
		Curve []struct {
			Dial      float64
			AgentDays int            `json:"agent_days"`
			StepUps   float64        `json:"step_ups_per_agent_month"`
			Cosigns   float64        `json:"co_signatures_per_agent_month"`
			Leaks     map[string]int `json:"leaks_p95"`
		}
	}
}

// shipped reads the curve that ships, and what the worst thief on it takes under the
// rules as they are.
func shipped(t *testing.T) (c curve, worst int) {
	t.Helper()
	raw, err := os.ReadFile("curve.json")
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range c.Report.Curve {
		if p.Dial == 1 {
			worst = slices.Max(slices.Collect(maps.Values(p.Leaks)))
		}
	}
	return c, worst
}

// The curve that ships is whole: each attack at each width, the rules as they are
// among them, and wider rules cost honest work less.
func TestTheCurveThatShipsIsWhole(t *testing.T) {
	r, _ := shipped(t)
	if r.Made.IsZero() || len(r.Report.Seeds) == 0 || len(r.Report.Curve) < 3 {
		t.Fatalf("made %v with the seeds %v: %d points", r.Made, r.Report.Seeds, len(r.Report.Curve))
	}
	shipped, before := false, math.Inf(1)
	for i, p := range r.Report.Curve {
		shipped = shipped || p.Dial == 1
		if len(p.Leaks) == 0 || len(p.Leaks) != len(r.Report.Curve[0].Leaks) || p.AgentDays == 0 || i > 0 && p.Dial <= r.Report.Curve[i-1].Dial {
			t.Errorf("point %d is %+v", i, p)
		}
		asked := p.StepUps + p.Cosigns
		if asked > before {
			t.Errorf("rules × %g ask for more than narrower ones", p.Dial)
		}
		before = asked
	}
	if !shipped {
		t.Error("the rules as they are stand nowhere on it")
	}
	_, raw := portaltest.New(t).Goes(security, http.MethodGet, "/desk/curve", nil)
	if said := portaltest.Read(t, raw); !strings.Contains(said, "As they ship, the worst of the thieves on the curve") {
		t.Errorf("the page: %s", said)
	}
}

// Whoever takes more than the worst on the curve is named below it, with what they
// take: the page makes nothing look better than the replay found it.
func TestTheCurveNamesWhoeverTakesMore(t *testing.T) {
	_, raw := portaltest.New(t).Goes(security, http.MethodGet, "/desk/curve", nil)
	said, more := portaltest.Read(t, raw), 0
	r, worst := shipped(t)
	for _, a := range r.Report.Attacks {
		if a.Outside.P95+a.Inside.P95 <= worst {
			continue
		}
		more++
		var name string
		portaltest.Visited(i18n.English, func(v *portal.Visit, _ *portal.Shell) { name = v.Speaker.Attack(a.Name) })
		if !strings.Contains(said, strings.Join([]string{name, i18n.English.Number(a.Accounts), i18n.English.Number(a.Outside.P95), i18n.English.Number(a.Inside.P95)}, " ")) {
			t.Errorf("%s takes %d and is not named: %s", a.Name, a.Outside.P95+a.Inside.P95, said)
		}
	}
	if more == 0 {
		t.Error("nobody takes more: then these are not all attacks")
	}
}

func TestTheCurveNamesItsAttacksInBothLanguagesAndSaysWhyItTurns(t *testing.T) {
	h := portaltest.New(t)
	_, raw := h.Goes(security, http.MethodGet, "/desk/curve", nil)
	r, worst := shipped(t)
	turns, before := false, 0
	for _, p := range r.Report.Curve {
		most := slices.Max(slices.Collect(maps.Values(p.Leaks)))
		turns, before = turns || most < before, most
	}
	if said := strings.Contains(portaltest.Read(t, raw), "The line does not always go one way"); said != turns {
		t.Errorf("the line turns: %t, and the page says so: %t", turns, said)
	}
	named := map[string]bool{}
	for _, p := range r.Report.Curve {
		for name := range p.Leaks {
			named[name] = true
		}
	}
	for _, a := range r.Report.Attacks {
		if a.Outside.P95+a.Inside.P95 > worst {
			named[a.Name] = true
		}
	}
	for _, in := range []i18n.Language{i18n.French, i18n.English} {
		portaltest.Visited(in, func(v *portal.Visit, _ *portal.Shell) {
			for name := range named {
				if v.Speaker.Attack(name) == name {
					t.Errorf("the attack %s has no name in %s", name, in)
				}
			}
		})
	}
	if strings.Contains(raw, "desk-sweep-inside") {
		t.Error("the page gives an attack by its code name")
	}
}
