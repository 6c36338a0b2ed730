package desk

import (
	"fmt"
	"math"
	"strings"

	"poterne/internal/meter"
)

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
