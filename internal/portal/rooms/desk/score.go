package desk

import (
	"math"
	"time"

	"poterne/internal/gate"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/roster"
)

// score is what the rules hold of an account, part by part, and what each part
// would do next.
type score struct {
	gate.Standing
	Next      policy.Verdict // what the next stranger would meet
	HourLeft  int            // strangers who still fit in the hour
	MonthLeft int            // and in the 28 days
	FreezeIn  int            // the stranger at whom the CUSUM freezes; zero for never
	Drift     driftPicture
	Signs     []sign
	Once      int       // honest work comes so far less than once in so many times; zero: it does every day
	Raised    bool      // another person's raise is in force
	Probation time.Time // when it ends; zero when there is none
}

// sign is something noticed about how people are opened, and how often.
type sign struct {
	Key   string
	Times int
}

// signKeys says the traits that make an account look like a thief's. Those that speak
// for honest work are left out.
var signKeys = map[meter.Trait]string{
	meter.Misses: "misses", meter.Hurry: "hurry", meter.Knocks: "knocks", meter.Insists: "insists", meter.Pages: "pages", meter.BirthSwept: "births",
	meter.NameSwept: "names", meter.Order: "order", meter.Clockwork: "clockwork",
}

// scoreOf says a standing to the security desk.
func scoreOf(standing gate.Standing, account roster.Account) score {
	s := score{
		Standing: standing, Drift: drawDrift(standing.Days, standing.Line),
		HourLeft: wholeLeft(standing.Hour, standing.Allowance.Short), MonthLeft: wholeLeft(standing.Month, standing.Allowance.Long),
		Once: onceIn(standing.Evidence), Raised: standing.Raise > 0,
	}
	if standing.Line > 0 {
		s.FreezeIn = wholeLeft(standing.Drift, standing.Line) + 1
	}
	if standing.Young {
		s.Probation = account.Opened.Add(policy.Young)
	}
	for _, n := range standing.Noticed {
		if key, known := signKeys[n.Trait]; known {
			s.Signs = append(s.Signs, sign{key, n.Times})
		}
	}
	s.Next = s.next()
	return s
}

// wholeLeft is how many whole people still fit in a limit.
func wholeLeft(counted, limit meter.Cost) int { return max(0, int((limit-counted)/meter.Whole)) }

// onceIn turns evidence into odds: by Ville's inequality honest work comes to ln(n)
// less than once in n times. It is rounded to one figure.
func onceIn(evidence meter.Evidence) int {
	n := math.Exp(min(20, float64(evidence)/100))
	if n < 2 {
		return 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(n)))
	return int(math.Floor(n/unit) * unit)
}

// next is what the next stranger would meet, who costs one person and shows no
// further sign. It follows the order in which policy looks.
func (s score) next() policy.Verdict {
	switch {
	case s.IsHeld && s.Held.Effect == order.Frozen:
		return policy.Withheld
	case s.IsHeld:
		return policy.Refused
	case s.Watched && s.Evidence >= meter.Sure:
		return policy.Freeze
	case s.Raise >= meter.Whole: // lifts the account's own limits
	case s.MonthLeft == 0 && s.Signed >= s.Signable:
		return policy.Withheld
	case s.MonthLeft == 0:
		return policy.AskCosign
	case s.HourLeft == 0:
		return policy.AskStepUp
	case s.FreezeIn == 1:
		return policy.Freeze
	}
	if s.Watched && s.Evidence >= meter.Doubt {
		return policy.AskIdentity
	}
	return policy.Shown
}

// NewDevices is how many devices are new to the account.
func (s score) NewDevices() int { return unfamiliar(s.Devices) }

// NewNetworks is how many kinds of network are.
func (s score) NewNetworks() int { return unfamiliar(s.Networks) }

func unfamiliar(all []meter.Used) (n int) {
	for _, u := range all {
		if u.New {
			n++
		}
	}
	return n
}
