package desk

import (
	"math"
	"slices"
)

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
