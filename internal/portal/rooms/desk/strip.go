package desk

import (
	"slices"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/policy"
	"poterne/internal/register"
)

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
