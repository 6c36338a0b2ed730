package sim

import (
	_ "embed"
	"html/template"
	"io"
	"math"
	"strconv"
	"strings"

	"poterne/internal/policy"
)

// reportPage is one page that needs nothing else: no script, no font, no network.
//
//go:embed report.html
var reportPage string

// page is what the report's page shows.
type page struct {
	Report
	In     policy.Language
	Say    words
	French []AttackResult // the published cases
	Chart  chart
	Strips []strip
	All    TradeResult
}

// WriteHTML writes the report as one page, in French or in English.
func (r Report) WriteHTML(out io.Writer, in policy.Language) error {
	say, ok := wordsIn[in]
	if !ok {
		say, in = wordsIn[policy.French], policy.French
	}
	p := page{Report: r, In: in, Say: say, Chart: say.draw(r.Attacks), Strips: stripsOf(r.Honest)}
	for _, a := range r.Attacks {
		if a.French {
			p.French = append(p.French, a)
		}
	}
	for _, t := range r.Honest {
		p.All = p.All.add(t)
	}
	return template.Must(template.New("report").Funcs(template.FuncMap{
		"count": say.count, "rate": say.rate, "span": say.span, "about": say.about, "lit": say.lit, "trade": say.trade, "ordinal": say.ordinal,
	}).Parse(reportPage)).Execute(out, p)
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

func (w words) draw(attacks []AttackResult) chart {
	c := chart{Width: chartWidth, Left: chartLeft, Bottom: chartTop + rowHeight*len(attacks)}
	c.Height = c.Bottom + 8
	for _, people := range []int{0, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000} {
		c.Ticks = append(c.Ticks, tick{place(people), w.count(people)})
	}
	for i, a := range attacks {
		most := max(a.Bare, a.ByRate, a.ByCap, a.Inside.Median, a.Outside.Median)
		c.Rows = append(c.Rows, chartRow{
			Name: a.Name, Y: chartTop + rowHeight*i + rowHeight/2,
			From: place(a.Outside.Median), To: place(most),
			Outside: place(a.Outside.Median), Inside: place(a.Inside.Median), ShowsInside: a.Inside.Median > 0,
			ByCap: place(a.ByCap), ByRate: place(a.ByRate), Bare: place(a.Bare),
		})
	}
	return c
}

// strip is one trade's honest work: openings stopped in 1,000 agent-days, by
// Poterne and by a cap on people.
type strip struct {
	TradeResult
	Poterne, Cap, Rate float64
}

func stripsOf(trades []TradeResult) (strips []strip) {
	for _, t := range trades {
		strips = append(strips, strip{t, t.Per1000(t.Stopped), t.Per1000(t.ByCap), t.Per1000(t.ByRate)})
	}
	return strips
}

// count writes a number as the language groups it.
func (w words) count(n int) string { return strings.ReplaceAll(thousands(n), ",", w.Group) }

func (w words) rate(x float64) string {
	whole, tenth, _ := strings.Cut(strconv.FormatFloat(x, 'f', 1, 64), ".")
	n, _ := strconv.Atoi(whole)
	return w.count(n) + w.Point + tenth
}

// ordinal names an opening by its place.
func (w words) ordinal(n int) string { return w.Opening + "\u00a0" + w.count(n) }
