package portal

import (
	"math"
	"slices"
	"time"

	"poterne/internal/gate"
	"poterne/internal/ledger"
	"poterne/internal/meter"
)

// EntriesRead is how many of an account's newest entries a page looks at.
const EntriesRead = 200

// Pictures are computed in Go and drawn by templates, each with a title, a description
// and its figures in words or a table.

// Meter is where an account stands, as rows of dots.
type Meter struct {
	Hour, Month Dots
	Reasons     int        // people with a reason, of 28 days
	Ceiling     int        // of them; zero for none
	Rows        int        // people without a reason found in searches, of 28 days
	MostRows    int        // of them; zero for none
	Listed      int        // people with a reason, new in rows within a day
	MostListed  int        // of them; zero for none
	ListsLeave  bool       // rows leave out whoever else is new
	ListsProved bool       // although it was confirmed that somebody is there
	Strangers   int        // people without a reason shown in whatever way, of 28 days
	MostStrange int        // of them; zero for none
	Refunded    meter.Cost // what came back in 28 days
	Empty       string     // "hour" or "month" when one more whole person does not fit
	Again       time.Time  // when one fits again, if nothing else is opened; zero when unknown
}

// Dots is an allowance: a dot a person, filled as far as it is used.
type Dots struct {
	Counted, Limit meter.Cost
	Dots           []dot
	Width, Height  int
}

type dot struct {
	X, Y   int
	Radius float64 // of the filled part; zero: free
	Over   bool    // beyond the allowance
}

const (
	dotSpace = 24
	dotsARow = 20
	dotReach = 8.0
	dotsMost = 200
)

// DrawMeter draws a standing. The account's newest entries tell when an
// allowance that is empty frees again.
func DrawMeter(standing gate.Standing, newest []ledger.Entry, now time.Time) Meter {
	p := Meter{
		Hour:    drawDots(standing.Hour, standing.Allowance.Short),
		Month:   drawDots(standing.Month, standing.Allowance.Long),
		Reasons: standing.Reasons, Ceiling: standing.Ceiling, Rows: standing.Rows, MostRows: standing.MostRows, Listed: standing.Listed, MostListed: standing.MostListed, ListsLeave: standing.ListsLeave, ListsProved: standing.ListsProved, Strangers: standing.Strangers, MostStrange: standing.MostStrange, Refunded: standing.Refunded,
	}
	switch {
	case standing.Month+meter.Whole > standing.Allowance.Long:
		p.Empty = "month"
		p.Again = frees(newest, standing.Month+meter.Whole-standing.Allowance.Long, meter.MonthLimit, standing.Observed, now)
	case standing.Hour+meter.Whole > standing.Allowance.Short:
		p.Empty = "hour"
		p.Again = frees(newest, standing.Hour+meter.Whole-standing.Allowance.Short, meter.HourLimit, standing.Observed, now)
	}
	return p
}

// frees says when enough charges have left the window. Entries older than the
// newest ones may be needed; then it is not known.
func frees(newest []ledger.Entry, excess meter.Cost, limit, observed meter.Limits, now time.Time) time.Time {
	span := meter.Memory
	if limit == meter.HourLimit {
		span = meter.Hour
	}
	if len(newest) == EntriesRead && newest[len(newest)-1].Time.After(now.Add(-span)) {
		return time.Time{}
	}
	for _, e := range slices.Backward(newest) {
		if !e.Disclosed() || !e.Time.After(now.Add(-span)) || !e.Spared.Counts(limit, observed) {
			continue
		}
		if excess -= e.Cost; excess <= 0 {
			return e.Time.Add(span)
		}
	}
	return time.Time{}
}

func drawDots(used, limit meter.Cost) Dots {
	drawn := Dots{Counted: used, Limit: limit}
	count := min(dotsMost, int(max(used+meter.Whole-1, limit)/meter.Whole))
	for i := range count {
		part := min(1, max(0, float64(used-meter.People(i))/float64(meter.Whole)))
		drawn.Dots = append(drawn.Dots, dot{
			X: i%dotsARow*dotSpace + dotSpace/2, Y: i/dotsARow*dotSpace + dotSpace/2,
			Radius: math.Round(math.Sqrt(part)*dotReach*100) / 100,
			Over:   meter.People(i+1) > limit,
		})
	}
	drawn.Width = min(count, dotsARow) * dotSpace
	drawn.Height = (count + dotsARow - 1) / dotsARow * dotSpace
	return drawn
}
