package sim

import (
	"maps"

	"poterne/internal/meter"
	"poterne/internal/policy"
)

// CurvePoint is what the rules would let through and cost, were every allowance and
// every line of the CUSUM so many times as wide.
type CurvePoint struct {
	Dial    float64        `json:"dial"`
	Freezes float64        `json:"false_freezes_per_1000_agent_days"`
	Touches float64        `json:"touches_per_agent_month"`
	Leaks   map[string]int `json:"leaks_p95"` // people without a reason, by attack
}

// Dials are the points of the curve; 1 is the rules as they are.
var Dials = []float64{0.25, 0.5, 0.75, 1, 1.5, 2, 4, 8}

// OnCurve are the attacks whose leak the curve shows.
var OnCurve = []string{"flat-sweep-inside", "steady-inside", "desk-sweep-inside", "rule-reader", "drip"}

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
