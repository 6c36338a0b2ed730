package logplay

import (
	_ "embed"
	"html/template"
	"io"
	"math"
	"time"

	"poterne/internal/i18n"
	"poterne/internal/lab/sim"
)

// reportPage is one page that needs nothing else: no script, no font, no network.
//
//go:embed report.html
var reportPage string

// page is what the report's page shows.
type page struct {
	Report
	In   i18n.Language
	Bars []bar
	Most Loot // of any role, passing confirmations
}

// bar is a role's openings by what explains them, as one line of a picture.
type bar struct {
	Role  string
	Parts []part
	Share string
	Title string
}

type part struct {
	Class string
	X, W  float64
	Title string
}

// barWidth is that of all openings.
const barWidth = 1000

// WriteHTML writes the report as one page, in French or in English.
func (r Report) WriteHTML(out io.Writer, in i18n.Language) error {
	p := page{Report: r, In: in}
	percent := func(part float64) string { return in.Say("logplay.percent", "n", in.Decimal(100*part, 1)) }
	for _, role := range r.Roles {
		b := bar{Role: in.Say("trade." + string(role.Role)), Share: percent(role.Coverage())}
		x, left := 0.0, role.Openings
		add := func(name string, n int) {
			w := barWidth * share(n, role.Openings)
			b.Parts = append(b.Parts, part{name, tenth(x), tenth(w), in.Say("logplay.bar", "role", in.Say("logplay.rule-"+name), "share", percent(share(n, role.Openings)))})
			x, left = x+w, left-n
		}
		for _, rule := range r.Rules {
			add(rule.Name, role.By[rule.Name])
		}
		add("none", left)
		b.Title = in.Say("logplay.bar", "role", b.Role, "share", b.Share)
		p.Bars = append(p.Bars, b)
	}
	for _, t := range r.Thefts {
		p.Most.Strangers.Most = max(p.Most.Strangers.Most, t.Passes.Strangers.Most)
		p.Most.Explained.Most = max(p.Most.Explained.Most, t.Passes.Explained.Most)
	}
	return template.Must(template.New("report").Funcs(template.FuncMap{
		"style": func() template.CSS { return template.CSS(sim.Style) },
		"say":   in.Say, "sentence": in.Sentence, "count": in.Number, "percent": percent, "share": share,
		"rate":     func(x float64) string { return in.Decimal(x, 2) },
		"thousand": func(c Counts) string { return in.Decimal(1000*c.PerDay(c.Freezes), 2) },
		"day":      func(t time.Time) string { return in.Day(t, t.AddDate(2, 0, 0)) },
		"ground": func(why string) string {
			if key := "logplay.ground-" + why; in.Has(key) {
				return in.Say(key)
			}
			return in.Say("logplay.ground-other")
		},
	}).Parse(reportPage)).Execute(out, p)
}

func tenth(x float64) float64 { return math.Round(10*x) / 10 }
