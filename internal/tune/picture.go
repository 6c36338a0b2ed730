package tune

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"

	"poterne/internal/i18n"
	"poterne/internal/meter"
)

// pictureFile is one SVG that needs nothing else.
//
//go:embed picture.svg
var pictureFile string

// WritePicture draws, for each role, what a thief takes against what honest staff
// meet, dial by dial; in French or in English.
func (s Study) WritePicture(out io.Writer, in i18n.Language) error {
	p := picture{In: in, Width: pictureWide, Height: pictureTop}
	p.From, p.To = s.Since.Format("2006-01-02"), s.Until.Format("2006-01-02")
	for _, r := range s.Roles {
		if r.Days == 0 {
			continue
		}
		p.Rows = append(p.Rows, row(in, r, p.Height))
		p.Height += rowHigh
	}
	return template.Must(template.New("picture").Funcs(template.FuncMap{"say": in.Say}).Parse(pictureFile)).Execute(out, p)
}

const (
	pictureWide = 1080
	pictureTop  = 130
	rowHigh     = 280
	panelWide   = 300
	panelHigh   = 150
	panelStep   = 350
	panelLeft   = 50
	beyondLimit = 10 // how many times the limit of friction is drawn
)

type picture struct {
	In            i18n.Language
	From, To      string
	Width, Height int
	Rows          []pictureRow
}

type pictureRow struct {
	Y      int
	Title  string
	Panels []panel
}

// panel is one dial: people taken upwards, friction to the right, both on scales
// that widen what is small.
type panel struct {
	X             int
	Title, Across string
	Limit         float64 // where friction has its limit
	LimitText     string
	Floor         float64 // where the floor stands; zero when it does not apply
	FloorText     string
	Marks         []mark
	Ticks         []tick
	Line          string // through the marks
}

type mark struct {
	X, Y  float64
	Kind  string // tried, default or proposed
	Text  string
	Title string
}

type tick struct {
	Y    float64
	Text string
}

func row(in i18n.Language, r RoleStudy, y int) pictureRow {
	name := string(r.Role) // of the operator's own
	if key := "trade." + name; in.Has(key) {
		name = in.Say(key)
	}
	title := in.Say("tune.role", "role", name, "days", r.Days, "mean", in.Decimal(r.Mean, 2), "dispersion", in.Decimal(r.Dispersion, 2))
	return pictureRow{y, title, []panel{
		drawPanel(in, 0, in.Say("tune.hour"), in.Say("tune.step-ups"), r.Hours, r, MostStepUps(r.Role),
			func(p Point) (float64, int, meter.Cost) { return p.StepUps, p.FirstHour, p.Allowance.Short }, 0),
		drawPanel(in, 1, in.Say("tune.month"), in.Say("tune.signatures"), r.Months, r, MostCosigns,
			func(p Point) (float64, int, meter.Cost) { return p.Cosigns, p.Leak, p.Allowance.Long }, r.Floor),
		drawPanel(in, 2, in.Say("tune.line"), in.Say("tune.freezes"), r.Lines, r, 1000*Alpha,
			func(p Point) (float64, int, meter.Cost) { return p.Freezes, p.Leak, p.Watch.Line }, r.Floor),
	}}
}

// drawPanel draws one dial; figures tell a point's friction, its leak and where the
// dial stands.
func drawPanel(in i18n.Language, place int, title, across string, tried []Point, r RoleStudy, limit float64, figures func(Point) (float64, int, meter.Cost), floor float64) panel {
	most, highest := beyondLimit*limit, floor
	for _, p := range tried {
		_, leak, _ := figures(p)
		highest = max(highest, float64(leak))
	}
	x := func(v float64) float64 { return round(panelWide * math.Sqrt(v/most)) }
	y := func(v float64) float64 { return round(panelHigh * (1 - math.Sqrt(v/max(highest, 1)))) }
	d := panel{X: panelLeft + place*panelStep, Title: title, Across: across, Limit: x(limit), LimitText: in.Say("tune.limit", "n", limit)}
	if floor > 0 {
		d.Floor, d.FloorText = y(floor), in.Say("tune.floor", "n", in.Decimal(floor, 0))
	}
	_, _, byDefault := figures(r.Default)
	_, _, proposed := figures(r.Proposed)
	for _, p := range tried {
		friction, leak, dial := figures(p)
		m := mark{X: x(min(friction, most)), Y: y(float64(leak)), Kind: "tried", Text: in.Decimal(dial.People(), i18n.Shortest), Title: in.Say("tune.point", "dial", dial.People(), "leak", leak, "friction", in.Decimal(friction, 2))}
		switch {
		case dial == proposed:
			m.Kind = "proposed"
		case dial == byDefault:
			m.Kind = "default"
		case friction > most:
			continue
		}
		d.Marks = append(d.Marks, m)
		d.Line += fmt.Sprintf("%c%g %g", "ML"[min(len(d.Marks), 2)-1], m.X, m.Y)
	}
	for _, part := range []float64{0, 0.25, 1} {
		d.Ticks = append(d.Ticks, tick{y(part * highest), in.Decimal(part*highest, 0)})
	}
	return d
}

func round(x float64) float64 { return math.Round(10*x) / 10 }
