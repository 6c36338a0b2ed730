package sim

import (
	"context"
	"maps"

	"poterne/internal/meter"
	"poterne/internal/policy"
)

// CurvePoint is what the rules would let through and cost, were every allowance and
// every line of the CUSUM so many times as wide.
type CurvePoint struct {
	Dial      float64        `json:"dial"`
	Freezes   float64        `json:"false_freezes_per_1000_agent_days"`
	AgentDays int            `json:"agent_days"`
	StepUps   float64        `json:"step_ups_per_agent_month"`
	Cosigns   float64        `json:"co_signatures_per_agent_month"`
	Leaks     map[string]int `json:"leaks_p95"` // people without a reason, by attack
}

// Dials are the points of the curve; 1 is the rules as they are.
var Dials = []float64{0.25, 0.5, 0.75, 1, 1.5, 2, 4, 8}

// OnCurve are the attacks whose leak the curve shows.
var OnCurve = []string{"flat-sweep-inside", "steady-inside", "desk-sweep-inside", "desk-reader", "rule-reader", "drip"}

// dialed returns the rules with everything that limits people so many times as
// wide.
func dialed(rules policy.Rules, dial float64) policy.Rules {
	times := func(c meter.Cost) meter.Cost { return meter.Cost(float64(c) * dial) }
	widened := func(a meter.Allowance) meter.Allowance {
		return meter.Allowance{Short: times(a.Short), Long: times(a.Long)}
	}
	rules.Allowances, rules.Watches = maps.Clone(rules.Allowances), maps.Clone(rules.Watches)
	for role, allowance := range rules.Allowances {
		rules.Allowances[role] = widened(allowance)
	}
	for role, watch := range rules.Watches {
		watch.Line = times(watch.Line)
		rules.Watches[role] = watch
	}
	rules.Probation = widened(rules.Probation)
	return rules
}

// curve replays a part of the honest days and the attacks on the curve at each dial.
func (s Settings) curve(ctx context.Context) ([]CurvePoint, error) {
	s.Curve, s.Kept, s.only = false, nil, OnCurve
	s.Agents, s.Seeds = max(1, min(s.Agents, agentsOnCurve)), min(s.Seeds, seedsOnCurve)
	var points []CurvePoint
	shipped := s.Rules
	for _, dial := range Dials {
		s.Rules = dialed(shipped, dial)
		point := CurvePoint{Dial: dial, Leaks: make(map[string]int)}
		for _, s.Scenario = range []Scenario{Honest, AllAttacks} {
			report, err := Replay(ctx, s)
			if err != nil {
				return nil, err
			}
			for _, a := range report.Attacks {
				point.Leaks[a.Name] = a.Outside.P95
			}
			if s.Scenario == Honest {
				all := report.All
				point.AgentDays, point.Freezes = all.AgentDays, all.Per1000(all.Freezes)
				point.StepUps, point.Cosigns = all.PerMonth(all.StepUps), all.PerMonth(all.Cosigns)
			}
		}
		points = append(points, point)
	}
	return points, nil
}

// How much of a replay each point of the curve takes.
const (
	agentsOnCurve = 200
	seedsOnCurve  = 3
)
