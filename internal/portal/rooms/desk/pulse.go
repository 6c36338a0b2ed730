package desk

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// pulse is the last hour, a minute a step: those shown and those stopped, on one
// scale, where each tick is ten times the one below it.
type pulse struct {
	Hour    Figures
	Last    minute // the last sixty seconds
	Bars    []bar
	Usual   string // the line of people shown in the same hour of past weeks; empty: it is not known
	Ticks   []pulseTick
	Peak    *peak    // nil when nothing happened
	Minutes []minute // newest first, those in which something happened
}

type bar struct {
	X         int
	Y, Height int // of those shown
	UpY, Up   int // of those stopped
	DotY      int // of those shown without a reason; zero: there are none
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

// The picture is 700 by 150: bars stand on a line at 140, and reach up to 20.
const (
	pulseLeft = 60
	pulseStep = 10
	pulseLine = 140
	pulseHigh = 120
)

// pulseScale is how high numbers are drawn, up to its top.
type pulseScale struct{ top int }

func scaleOf(most int) pulseScale {
	top := 100
	for top < most {
		top *= 10
	}
	return pulseScale{top}
}

// height of a number; what happened at all can be seen.
func (s pulseScale) height(n float64) int {
	const below = 0.3 // how much room there is under 1
	if n <= 0 {
		return 0
	}
	return max(2, int(math.Round((math.Log10(n)+below)/(math.Log10(float64(s.top))+below)*pulseHigh)))
}

func (s pulseScale) ticks() (ticks []pulseTick) {
	for n := 1; n <= s.top; n *= 10 {
		ticks = append(ticks, pulseTick{n, pulseLine - s.height(float64(n))})
	}
	return ticks
}

// line draws what is usual in each minute.
func (s pulseScale) line(u usual) string {
	if u.Weeks == 0 {
		return ""
	}
	var path strings.Builder
	for i, n := range u.Minute {
		x, y := pulseLeft+i*pulseStep, pulseLine-s.height(n)
		fmt.Fprintf(&path, "%c%d %dH%d", "ML"[min(i, 1)], x, y, x+pulseStep)
	}
	return path.String()
}

func drawPulse(minutes [60]minute, u usual) pulse {
	p := pulse{Last: minutes[59]}
	most := 0
	for _, m := range minutes {
		most = max(most, m.Shown, m.Stopped)
		p.Hour.add(m.Figures)
	}
	scale := scaleOf(max(most, int(slices.Max(u.Minute[:]))))
	p.Ticks, p.Usual = scale.ticks(), scale.line(u)
	for i, m := range minutes {
		b := bar{X: pulseLeft + i*pulseStep + 1, Height: scale.height(float64(m.Shown)), Up: scale.height(float64(m.Stopped)), Now: i == 59}
		b.Y, b.UpY = pulseLine-b.Height, pulseLine-b.Up
		if m.Unexplained > 0 {
			b.DotY = pulseLine - scale.height(float64(m.Unexplained))
		}
		p.Bars = append(p.Bars, b)
		if n := max(m.Shown, m.Stopped); n > 0 && n == most { // the last of several
			p.Peak = &peak{m, m.Stopped == n, n, b.X + 4, pulseLine - scale.height(float64(n)) - 6, i >= 30}
		}
	}
	for _, m := range slices.Backward(minutes[:]) {
		if m.Shown+m.Stopped > 0 {
			p.Minutes = append(p.Minutes, m)
		}
	}
	return p
}
