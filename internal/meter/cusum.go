package meter

import (
	"math"
	"time"
)

// Drift is the CUSUM of what the account was charged, day by day: each day on which
// anything was asked forgives a little more than such a day honestly costs. A freeze
// that was undone begins it anew.
func (s *state) Drift(forgiven Cost, observed Limits, now time.Time) Cost {
	days := s.drifting(forgiven, observed, now)
	return days[len(days)-1].High
}

// Day is what one day added to the CUSUM, in UTC.
type Day struct {
	Begins  time.Time
	Charged Cost // of what counts for it
	High    Cost // where it stood at its highest
	Left    Cost // what the day left to the next
}

// drifting is the CUSUM of each day of Memory, today last.
func (s *state) drifting(forgiven Cost, observed Limits, now time.Time) (days [wholeDays]Day) {
	today, i, sum := dayOf(now), 0, Cost(0)
	begun := s.begun
	if observed.Has(DriftLimit) {
		begun = max(begun, s.excused)
	}
	for n := range days {
		d, day := &days[n], today-wholeDays+1+int32(n)
		for i < len(s.charges) && s.charges[i].at.day() < day {
			i++
		}
		for ; i < len(s.charges) && s.charges[i].at.day() == day; i++ {
			if c := s.charges[i]; !c.vouched && c.at >= begun && c.spared.Counts(DriftLimit, observed) {
				d.Charged += c.cost
			}
		}
		sum += d.Charged
		d.Begins, d.High = midnight(day), sum
		if day < today && s.active.has(day) {
			sum = max(0, sum-forgiven)
		}
		d.Left = sum
	}
	return days
}

// Floor is how many people a thief who knows every rule takes from an account
// outside its caseload in a number of working days, whatever the rules are, where an
// honest day charges lambda people with this dispersion, at alpha false freezes a
// day: √(2·λ·φ·T·ln(1/α)). docs/detection.md derives it.
func Floor(lambda, dispersion, days, alpha float64) float64 {
	return math.Sqrt(2 * lambda * dispersion * days * math.Log(1/alpha))
}
