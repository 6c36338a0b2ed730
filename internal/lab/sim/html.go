package sim

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"time"

	"poterne/internal/i18n"
	"poterne/internal/meter"
)

// reportPage is one page that needs nothing else: no script, no font, no network.
//
//go:embed report.html
var reportPage string

// Style is that of the pages of reports.
//
//go:embed report.css
var Style string

// page is what the report's page shows.
type page struct {
	Report
	In       i18n.Language
	French   []AttackResult // the published cases
	Chart    chart
	Picture  curvePicture
	Worst    []TradeResult // by step-ups, the most first
	Targets  []Target
	Missed   []Target
	MostSeen int // of the published cases, at the 95th percentile
	MostBare int
	Floor    int
}

// WriteHTML writes the report as one page, in French or in English.
func (r Report) WriteHTML(out io.Writer, in i18n.Language) error {
	p := page{Report: r, In: in, Chart: draw(in, r.Attacks), Targets: r.Targets(), Floor: int(adviserFloor() + 0.5)}
	for _, a := range r.Attacks {
		if a.French {
			p.French = append(p.French, a)
			p.MostSeen, p.MostBare = max(p.MostSeen, a.Each.P95), max(p.MostBare, a.Bare)
		}
	}
	for _, t := range p.Targets {
		if !t.Met() {
			p.Missed = append(p.Missed, t)
		}
	}
	p.Worst = slices.SortedFunc(slices.Values(r.Honest), func(a, b TradeResult) int {
		return cmp.Compare(b.PerMonth(b.StepUps), a.PerMonth(a.StepUps))
	})
	if len(r.Curve) > 0 {
		p.Picture = drawCurve(in, r.Curve)
	}
	return template.Must(template.New("report").Funcs(template.FuncMap{
		"aims":  func(a AttackResult) []Target { return slices.Collect(a.targets()) },
		"style": func() template.CSS { return template.CSS(Style) },
		"say":   in.Say, "sentence": in.Sentence, "count": in.Number,
		"rate":    func(x float64) string { return in.Decimal(x, 1) },
		"fine":    func(x float64) string { return in.Decimal(x, 2) },
		"figure":  func(x float64) string { return figure(in, x) },
		"percent": func(part float64) string { return in.Say("report.percent", "n", int(100*part+0.5)) },
		"span":    func(d time.Duration) string { return span(in, d) },
	}).Parse(reportPage)).Execute(out, p)
}

// adviserFloor is what no rule can hold an adviser's thief below in 28 days.
func adviserFloor() float64 {
	adviser := tradeNamed(Trades, "adviser")
	return meter.Floor(adviser.Unexplained+deskDuty*dutyDoubt, adviser.Dispersion, Month, 1e-4)
}

// chart is the picture of the attacks: a row each, people on a logarithmic scale.
type chart struct {
	Width, Height, Left, Bottom int
	Ticks                       []tick
	Rows                        []chartRow
}

type tick struct {
	X    float64
	Text string
}

type chartRow struct {
	Name            string
	Y               int
	From, To        float64 // the line from the least to the most
	Outside, Inside float64
	ByCap, ByRate   float64
	Bare            float64
	ShowsInside     bool
}

const (
	chartWidth = 1000
	chartLeft  = 220
	chartRight = 30
	chartTop   = 34
	rowHeight  = 30
)

// place is where a number of people stands on the scale; nobody at its beginning.
func place(people int) float64 {
	part := math.Log10(float64(people)+1) / math.Log10(Size+1)
	return math.Round(10*(chartLeft+part*(chartWidth-chartLeft-chartRight))) / 10
}

func draw(in i18n.Language, attacks []AttackResult) chart {
	c := chart{Width: chartWidth, Left: chartLeft, Bottom: chartTop + rowHeight*len(attacks)}
	c.Height = c.Bottom + 8
	for _, people := range []int{0, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000} {
		c.Ticks = append(c.Ticks, tick{place(people), in.Number(people)})
	}
	for i, a := range attacks {
		most := max(a.Bare, a.ByRate, a.ByCap, a.All.P95)
		c.Rows = append(c.Rows, chartRow{
			Name: a.Name, Y: chartTop + rowHeight*i + rowHeight/2,
			From: place(min(a.People.P95, a.Bare)), To: place(most),
			Outside: place(a.People.P95), Inside: place(a.All.P95), ShowsInside: a.All.P95 > a.People.P95,
			ByCap: place(a.ByCap), ByRate: place(a.ByRate), Bare: place(a.Bare),
		})
	}
	return c
}

// curvePicture is leak against friction, a line for each attack.
type curvePicture struct {
	Width, Height, Left, Bottom, Right int
	XTicks, YTicks                     []tick
	Lines                              []curveLine
	Shipped                            float64 // where the rules as they are stand
	Floor                              float64
}

type curveLine struct {
	Name   string
	Dash   string
	Path   string
	Points []curvePlace
	Label  float64 // where its name stands, down
}

type curvePlace struct {
	X, Y    float64
	Shipped bool
}

const (
	curveWidth  = 1000
	curveHeight = 420
	curveLeft   = 60
	curveRight  = 190
	curveTop    = 20
	curveBottom = 370
)

// drawCurve draws step-ups and co-signatures in an agent's month across, and people
// at the 95th percentile up, both on logarithmic scales.
func drawCurve(in i18n.Language, points []CurvePoint) curvePicture {
	across := func(x float64) float64 {
		const from, to = 0.2, 20.0
		part := math.Log(max(from, min(to, x))/from) / math.Log(to/from)
		return tenth(curveLeft + part*(curveWidth-curveLeft-curveRight))
	}
	up := func(people float64) float64 {
		part := math.Log10(max(1, min(1000, people))) / 3
		return tenth(curveBottom - part*(curveBottom-curveTop))
	}
	c := curvePicture{Width: curveWidth, Height: curveHeight, Left: curveLeft, Bottom: curveBottom, Right: curveWidth - curveRight, Floor: up(adviserFloor())}
	for _, x := range []float64{0.2, 0.5, 1, 3, 10, 20} {
		c.XTicks = append(c.XTicks, tick{across(x), figure(in, x)})
	}
	for _, people := range []int{1, 3, 10, 30, 100, 300, 1000} {
		c.YTicks = append(c.YTicks, tick{up(float64(people)), in.Number(people)})
	}
	dashes := []string{"", "9 4", "3 3", "12 3 3 3", "1 4", "6 2"}
	for i, name := range OnCurve {
		line := curveLine{Name: name, Dash: dashes[i%len(dashes)]}
		for n, p := range points {
			at := curvePlace{across(p.StepUps + p.Cosigns), up(float64(p.Leaks[name])), p.Dial == 1}
			line.Path += fmt.Sprintf("%c%g %g", "ML"[min(n, 1)], at.X, at.Y)
			line.Points = append(line.Points, at)
			if at.Shipped {
				c.Shipped = at.X
			}
		}
		line.Label = line.Points[0].Y
		c.Lines = append(c.Lines, line)
	}
	c.spread()
	return c
}

// spread moves names apart that would stand on each other.
func (c *curvePicture) spread() {
	byHeight := make([]*curveLine, len(c.Lines))
	for i := range c.Lines {
		byHeight[i] = &c.Lines[i]
	}
	slices.SortFunc(byHeight, func(a, b *curveLine) int { return cmp.Compare(a.Label, b.Label) })
	for i := 1; i < len(byHeight); i++ {
		byHeight[i].Label = max(byHeight[i].Label, byHeight[i-1].Label+18)
	}
}

func tenth(x float64) float64 { return math.Round(10*x) / 10 }

// figure writes a number with no more decimals than it has, three at most.
func figure(in i18n.Language, x float64) string {
	return in.Decimal(math.Round(1000*x)/1000, i18n.Shortest)
}

// span says how long something took, in the unit that fits.
func span(in i18n.Language, d time.Duration) string {
	switch {
	case d < time.Second:
		return in.Say("report.seconds", "n", in.Decimal(d.Seconds(), 1))
	case d < 2*time.Minute:
		return in.Say("report.seconds", "n", in.Decimal(d.Seconds(), 0))
	case d < 2*time.Hour:
		return in.Say("report.minutes", "n", in.Decimal(d.Minutes(), 0))
	case d < 48*time.Hour:
		return in.Say("report.hours", "n", in.Decimal(d.Hours(), 0))
	default:
		return in.Say("report.days", "n", in.Decimal(d.Hours()/24, 0))
	}
}
