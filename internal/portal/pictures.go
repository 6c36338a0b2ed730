package portal

import (
	"math"
	"slices"
	"time"

	"poterne/internal/gate"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
)

// The pictures are computed here and drawn by the templates, each with a title,
// a description and its figures in words or a table.

// meterPicture is where an account stands, as rows of dots.
type meterPicture struct {
	Hour, Month dots
	Empty       string    // "hour" or "month" when one more whole person does not fit
	Again       time.Time // when one fits again, if nothing else is opened; zero when unknown
}

// dots is an allowance: a dot a person, filled as far as it is used.
type dots struct {
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

// pictureMeter draws a standing. The account's newest entries tell when an
// allowance that is empty frees again.
func pictureMeter(standing gate.Standing, newest []ledger.Entry, now time.Time) meterPicture {
	p := meterPicture{
		Hour:  drawDots(standing.Hour, standing.Allowance.Short),
		Month: drawDots(standing.Month, standing.Allowance.Long),
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
	if len(newest) == entriesRead && newest[len(newest)-1].Time.After(now.Add(-span)) {
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

func drawDots(used, limit meter.Cost) dots {
	drawn := dots{Counted: used, Limit: limit}
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

// pulse is the last hour, a minute a step: those shown and those stopped, on one
// scale.
type pulse struct {
	Last           minute // the last sixty seconds
	Mean           int    // people shown a minute, over the hour
	Bars           []bar
	MeanY          int  // zero: there is no line
	Log            bool // each tick is ten times the one below it
	Ticks          []pulseTick
	Peak           *peak    // nil when nothing happened
	Minutes        []minute // newest first, those in which something happened
	Shown, Stopped int      // over the hour
}

type bar struct {
	X         int
	Y, Height int // of those shown
	UpY, Up   int // of those stopped
	Now       bool
}

type pulseTick struct{ N, Y int }

// peak is the highest bar, which bears its number.
type peak struct {
	minute
	Stopped bool // it is of those stopped
	N       int
	X, Y    int
	End     bool // its words end at it: it stands on the right
}

// The picture is 700 by 200: bars stand on a line at 190, and reach up to 40.
const (
	pulseLeft = 90
	pulseStep = 10
	pulseLine = 190
	pulseHigh = 150
	linear    = 50 // up to so many, heights are as the numbers
)

// pulseScale is how high numbers are drawn.
type pulseScale struct{ top int }

// scaleOf is the scale for numbers up to one.
func scaleOf(most int) pulseScale {
	if most > linear {
		top := 100
		for top < most {
			top *= 10
		}
		return pulseScale{top}
	}
	for _, top := range []int{4, 10, 20} {
		if most <= top {
			return pulseScale{top}
		}
	}
	return pulseScale{linear}
}

func (s pulseScale) isLog() bool { return s.top > linear }

// height of a number; what happened at all can be seen.
func (s pulseScale) height(n int) int {
	const below = 0.3 // how much room there is under 1, where each tick is ten times the one below
	switch {
	case n == 0:
		return 0
	case s.isLog():
		return int(math.Round((math.Log10(float64(n)) + below) / (math.Log10(float64(s.top)) + below) * pulseHigh))
	default:
		return max(2, n*pulseHigh/s.top)
	}
}

func (s pulseScale) ticks() (ticks []pulseTick) {
	if !s.isLog() {
		return []pulseTick{{0, pulseLine}, {s.top / 2, pulseLine - pulseHigh/2}, {s.top, pulseLine - pulseHigh}}
	}
	for n := 1; n <= s.top; n *= 10 {
		ticks = append(ticks, pulseTick{n, pulseLine - s.height(n)})
	}
	return ticks
}

func drawPulse(minutes [60]minute) pulse {
	p := pulse{Last: minutes[59]}
	most := 0
	for _, m := range minutes {
		most = max(most, m.Shown, m.Stopped)
		p.Shown += m.Shown
		p.Stopped += m.Stopped
	}
	scale := scaleOf(most)
	p.Log, p.Ticks = scale.isLog(), scale.ticks()
	if p.Mean = (p.Shown + 30) / 60; p.Mean > 0 {
		p.MeanY = pulseLine - scale.height(p.Mean)
	}
	for i, m := range minutes {
		b := bar{X: pulseLeft + i*pulseStep + 1, Height: scale.height(m.Shown), Up: scale.height(m.Stopped), Now: i == 59}
		b.Y, b.UpY = pulseLine-b.Height, pulseLine-b.Up
		p.Bars = append(p.Bars, b)
		if n := max(m.Shown, m.Stopped); n > 0 && n == most { // the last of several
			p.Peak = &peak{m, m.Stopped == n, n, b.X + 4, pulseLine - scale.height(n) - 8, i >= 30}
		}
	}
	for _, m := range slices.Backward(minutes[:]) {
		if m.Shown+m.Stopped > 0 {
			p.Minutes = append(p.Minutes, m)
		}
	}
	return p
}

// strip is an account's openings over time: a mark a person, its shape and row
// by reason.
type strip struct {
	From, To time.Time
	Rows     []stripRow
	Height   int
}

type stripRow struct {
	Key   string // explained, counted or stopped
	Y     int    // where its line stands
	Marks []stripMark
}

// stripMark stands on its row's line, or on the marks of the same moment.
type stripMark struct{ X, Y int }

const (
	stripWide = 600
	stripStep = 10 // how wide and high a mark is
	stripMost = 6  // how many marks stand on each other
)

// drawStrip takes entries newest first. A person has one mark in a row.
func drawStrip(entries []ledger.Entry) strip {
	rows := [3][]ledger.Entry{}
	met := make(map[personInRow]bool)
	var from, to time.Time
	for _, e := range slices.Backward(entries) {
		row, drawn := stripRowOf(e)
		again := met[personInRow{row, e.Person}] && !e.Person.IsZero()
		if !drawn || again {
			continue
		}
		met[personInRow{row, e.Person}] = true
		rows[row] = append(rows[row], e)
		if from.IsZero() {
			from = e.Time
		}
		to = e.Time
	}
	if from.IsZero() {
		return strip{}
	}
	s := strip{From: from, To: to}
	for i, key := range []string{"explained", "counted", "stopped"} {
		row := standing(rows[i], from, max(to.Sub(from), time.Second))
		row.Key, row.Y = key, s.Height+row.Y
		for m := range row.Marks {
			row.Marks[m].Y += row.Y
		}
		s.Rows, s.Height = append(s.Rows, row), row.Y+stripStep/2
	}
	return s
}

type personInRow struct {
	row    int
	person register.PersonID
}

// standing places the marks of a row above its line, which stands as low as the
// highest pile needs.
func standing(entries []ledger.Entry, from time.Time, span time.Duration) (row stripRow) {
	piles := make(map[int]int)
	highest := 1
	for _, e := range entries {
		x := stripStep + int(float64(stripWide-2*stripStep)*float64(e.Time.Sub(from))/float64(span))
		pile := x / stripStep
		row.Marks = append(row.Marks, stripMark{x, -stripStep/2 - 2 - min(piles[pile], stripMost-1)*stripStep})
		piles[pile]++
		highest = max(highest, min(piles[pile], stripMost))
	}
	row.Y = (highest + 1) * stripStep
	return row
}

// stripRowOf says in which row an entry is drawn, if it is.
func stripRowOf(e ledger.Entry) (row int, drawn bool) {
	switch {
	case e.Kind != ledger.Consulted && e.Kind != ledger.Changed && e.Kind != ledger.Attempted, e.Why == policy.Granted:
		return 0, false
	case !e.Verdict.Shows():
		return 2, true
	case e.Unexplained():
		return 1, true
	default:
		return 0, true
	}
}
