package policy_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// honest is how many people without a reason one role's staff opens on a day of work: a
// negative binomial of this mean and variance over mean, and more on some days. Accounts differ
// by a log-normal factor; three people in ten are cold and cost twice.
type honest struct {
	role       roster.Role
	mean, over float64
	duty       float64 // share of days with half a person more, at φ = 3
	rush       float64
	long       meter.Cost
}

func (h honest) day(rng *rand.Rand, factor float64, rush bool) int {
	mean := h.mean * factor
	if rush {
		mean *= h.rush
	}
	people := overDispersed(rng, mean, h.over)
	if rng.Float64() < h.duty {
		people += overDispersed(rng, factor/2, 3)
	}
	return people
}

// overDispersed draws from a negative binomial: a Poisson number of groups of logarithmic size.
func overDispersed(rng *rand.Rand, mean, over float64) (n int) {
	p := 1 - 1/over
	groups := mean * math.Log(over) / (over - 1)
	for left := math.Exp(-groups); ; {
		if left /= max(rng.Float64(), 1e-12); left > 1 {
			return n
		}
		u, size, term := rng.Float64(), 1, -p/math.Log(1-p)
		for u > term && size < 100 {
			u -= term
			term *= p * float64(size) / float64(size+1)
			size++
		}
		n += size
	}
}

// A line lies inside the allowance, so that the CUSUM can freeze; honest advisers, call centres
// and desks cross theirs once in 10,000 days at most. docs/detection.md has the table.
func TestWATCH_7_HonestDaysStayBelowTheLineOfTheCUSUM(t *testing.T) {
	for _, h := range []honest{
		{roster.Adviser, 0.3, 2, 0.2, 1, meter.People(20)},
		{roster.Desk, 2, 3, 0, 1.4, meter.People(80)}, // with most of what can be earned
		{roster.CallCentre, 2, 2, 0, 1.4, meter.People(80)},
	} {
		watch, rng := policy.Watches[h.role], rand.New(rand.NewPCG(7, 7))
		if watch.Line >= h.long {
			t.Errorf("%s: the line, %v people, is beyond the allowance", h.role, watch.Line.People())
		}
		days, frozen := 0, 0
		for range 4000 {
			m, person, factor := meter.New(), 0, math.Exp(0.3*rng.NormFloat64()-0.045)
		account:
			for d := range 60 {
				if d%7 > 4 {
					continue
				}
				days++
				at := now.AddDate(0, 0, d)
				m.Record(meter.Event{Kind: meter.Looked, At: at})
				for range h.day(rng, factor, d%30 < 3 || d%30 > 10 && d%30 < 16) {
					cost := meter.Whole
					if rng.Float64() < 0.3 {
						cost *= 2
					}
					switch at = at.Add(time.Minute); {
					case m.Spent(meter.Memory, 0, at)+cost > h.long:
					case m.Draft().Drift(watch.Forgiven, 0, at)+cost > watch.Line:
						frozen++
						break account
					default:
						person++
						m.Record(meter.Event{Kind: meter.Shown, Person: register.PersonID{byte(person), byte(person >> 8), 3}, Cost: cost, At: at, Answer: uint64(person)})
					}
				}
			}
		}
		if rate := 1000 * float64(frozen) / float64(days); rate > 0.1 {
			t.Errorf("%s: %d freezes in %d honest days, %.2f in 1,000", h.role, frozen, days, rate)
		}
	}
}
