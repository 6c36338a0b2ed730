package portal

import (
	"fmt"
	"math"
	"strings"
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

// signKeys says the traits that make somebody look like a thief. Those that speak
// for honest work are left out.
var signKeys = map[meter.Trait]string{
	meter.Misses: "misses", meter.Hurry: "hurry", meter.Knocks: "knocks", meter.Insists: "insists", meter.Pages: "pages", meter.BirthSwept: "births",
	meter.NameSwept: "names", meter.Order: "order", meter.Clockwork: "clockwork",
}

// scoreOf reads a standing to whoever watches.
func scoreOf(standing gate.Standing, account roster.Account, now time.Time) score {
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
	case s.Watched && s.Evidence >= meter.Doubt:
		return policy.AskIdentity
	case s.Raise >= meter.Whole:
		return policy.Shown
	case s.MonthLeft == 0 && s.Signed >= s.Signable:
		return policy.Withheld
	case s.MonthLeft == 0:
		return policy.AskCosign
	case s.HourLeft == 0:
		return policy.AskTouch
	case s.FreezeIn == 1:
		return policy.Freeze
	default:
		return policy.Shown
	}
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

// driftPicture is the CUSUM over 28 days: up with each stranger, down with each
// day at work, and the line it freezes at.
type driftPicture struct {
	Path, Area string // of the line, and of what is under it
	NowX, NowY float64
	LimitY     float64 // where the line to freeze at stands; zero for none
	Days       []meter.Day
}

// The picture is 600 wide; nothing stands at 150 of 160.
const (
	driftWide = 600.0
	driftZero = 150.0
	driftTall = 140.0
)

// drawDrift draws the days, the last of which is today and not yet over.
func drawDrift(days []meter.Day, limit meter.Cost) (p driftPicture) {
	if len(days) == 0 {
		return p
	}
	top := max(limit, meter.People(1))
	for _, d := range days {
		top = max(top, d.High)
	}
	y := func(c meter.Cost) float64 { return round(driftZero - driftTall*float64(c)/float64(top)) }
	step := driftWide / float64(len(days))
	var path strings.Builder
	left := days[0].High - days[0].Charged
	fmt.Fprintf(&path, "M0 %g", y(left))
	for i, d := range days {
		x := float64(i) * step
		p.NowX, p.NowY = round(x+step/2), y(d.High)
		fmt.Fprintf(&path, "L%g %gL%g %g", round(x), y(left), p.NowX, p.NowY)
		if left = d.Left; i < len(days)-1 {
			fmt.Fprintf(&path, "L%g %g", round(x+step), y(left))
		}
		if d.High > 0 {
			p.Days = append(p.Days, d)
		}
	}
	p.Path = path.String()
	p.Area = p.Path + fmt.Sprintf("L%g %gL0 %gZ", p.NowX, driftZero, driftZero)
	if limit > 0 {
		p.LimitY = y(limit)
	}
	return p
}

// Forgiven is what a day at work took away.
func (driftPicture) Forgiven(d meter.Day) meter.Cost { return d.High - d.Left }

// round keeps a tenth of a unit.
func round(x float64) float64 { return math.Round(x*10) / 10 }
