package sim

import (
	"math/rand/v2"
	"slices"
)

// Interval is where a rate lies, with 95 % confidence.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// resamples is how often the agents are drawn anew for an interval.
const resamples = 1000

// within is the interval of false freezes in 1,000 agent-days. Days of one agent are
// not independent, so agents are resampled, not days. When nothing was frozen the
// rule of three gives the upper end.
func within(agents []TradeResult) Interval {
	var all TradeResult
	for _, a := range agents {
		all = all.add(a)
	}
	if all.AgentDays == 0 {
		return Interval{}
	}
	if all.Freezes == 0 {
		return Interval{0, 3000 / float64(all.AgentDays)}
	}
	rng := rand.New(rand.NewPCG(uint64(len(agents)), uint64(all.AgentDays)))
	rates := make([]float64, resamples)
	for i := range rates {
		freezes, days := 0, 0
		for range agents {
			a := &agents[rng.IntN(len(agents))]
			freezes, days = freezes+a.Freezes, days+a.AgentDays
		}
		rates[i] = 1000 * float64(freezes) / float64(max(days, 1))
	}
	slices.Sort(rates)
	return Interval{rates[resamples*25/1000], rates[resamples*975/1000]}
}

// everybody adds up all trades.
func everybody(agents []TradeResult) TradeResult {
	all := TradeResult{Trade: "all"}
	for _, a := range agents {
		all = all.add(a)
	}
	all.FreezesWithin = within(agents)
	return all
}
