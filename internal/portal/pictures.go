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
		p.Again = frees(newest, standing.Month+meter.Whole-standing.Allowance.Long, meter.Memory, now)
	case standing.Hour+meter.Whole > standing.Allowance.Short:
		p.Empty = "hour"
		p.Again = frees(newest, standing.Hour+meter.Whole-standing.Allowance.Short, meter.Hour, now)
	}
	return p
}

// frees says when enough charges have left the window. Entries older than the
// newest ones may be needed; then it is not known.
func frees(newest []ledger.Entry, excess meter.Cost, span time.Duration, now time.Time) time.Time {
	if len(newest) == entriesRead && newest[len(newest)-1].Time.After(now.Add(-span)) {
		return time.Time{}
	}
	for _, e := range slices.Backward(newest) {
		if !e.Disclosed() || !e.Time.After(now.Add(-span)) {
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

// pulse is the last hour, a bar a minute: shown above the line, stopped below.
type pulse struct {
	Last           minute // the last sixty seconds
	Mean           int    // people shown a minute, over the hour
	Bars           []bar
	MeanY          int
	Minutes        []minute // newest first, those in which something happened
	Shown, Stopped int      // over the hour
}

type bar struct {
	X, Y, Height int // of those shown
	Down         int // of those stopped
	Now          bool
}

// The picture is 600 wide; its line stands at 96 of 128.
const (
	pulseStep = 10
	pulseLine = 96
	pulseDeep = 28
)

func drawPulse(minutes [60]minute) pulse {
	p := pulse{Last: minutes[59]}
	highest, deepest := 1, 1
	for _, m := range minutes {
		highest, deepest = max(highest, m.Shown), max(deepest, m.Stopped)
		p.Shown += m.Shown
		p.Stopped += m.Stopped
	}
	p.Mean = (p.Shown + 30) / 60
	p.MeanY = pulseLine - p.Shown*(pulseLine-8)/60/highest
	for i, m := range minutes {
		p.Bars = append(p.Bars, bar{
			X: i*pulseStep + 1, Height: tall(m.Shown, highest, pulseLine-8),
			Y:    pulseLine - tall(m.Shown, highest, pulseLine-8),
			Down: tall(m.Stopped, deepest, pulseDeep), Now: i == 59,
		})
	}
	for _, m := range slices.Backward(minutes[:]) {
		if m.Shown+m.Stopped > 0 {
			p.Minutes = append(p.Minutes, m)
		}
	}
	return p
}

// tall is a bar's height; what happened at all can be seen.
func tall(n, most, reach int) int {
	if n == 0 {
		return 0
	}
	return max(2, n*reach/most)
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
