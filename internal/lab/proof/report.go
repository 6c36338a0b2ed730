package proof

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"runtime"
	"strings"
	"time"

	"poterne/internal/i18n"
	"poterne/internal/lab/sim"
)

// Report is what came of all claims.
type Report struct {
	Results []Result
	Version string // of the program
	At      time.Time
	Took    time.Duration
}

// reportPage is one page that needs nothing else: no script, no font, no network.
//
//go:embed report.html
var reportPage string

// failed is how many claims do not hold.
func (r Report) failed() (n int) {
	for _, result := range r.Results {
		if result.Err != nil {
			n++
		}
	}
	return n
}

// Answer is the report in one sentence.
func (r Report) Answer(in i18n.Language) string {
	if failed := r.failed(); failed > 0 {
		return in.Say("prove.answer-not", "n", failed, "of", len(r.Results))
	}
	return in.Say("prove.answer", "n", len(r.Results))
}

// About says of what program and machine it is.
func (r Report) About(in i18n.Language) string {
	return in.Say("prove.about", "version", r.Version, "cores", runtime.NumCPU(), "took", int(r.Took.Seconds()), "day", in.DatedDay(r.At))
}

// WriteTable writes the report for a terminal.
func (r Report) WriteTable(out io.Writer, in i18n.Language) error {
	var b strings.Builder
	rule := strings.Repeat("─", 100)
	fmt.Fprintf(&b, "\n%s\n%s\n", rule, r.Answer(in))
	for _, result := range r.Results {
		mark, holds := "✓", in.Say("prove.holds")
		if result.Err != nil {
			mark, holds = "✗", in.Say("prove.not")
		}
		fmt.Fprintf(&b, "%s\n%s  %s – %s (%.1f s)\n", rule, mark, in.Say("prove."+string(result.Claim)), holds, result.Took.Seconds())
		told := func(what string, texts ...string) {
			for i, text := range texts {
				if i > 0 {
					what = ""
				}
				fmt.Fprintf(&b, "   %-24s %s\n", what, text)
			}
		}
		told(in.Say("prove.done"), in.Say("prove."+string(result.Claim)+"-done"))
		var came []string
		for _, n := range result.Notes {
			came = append(came, in.Sentence(n))
		}
		told(in.Say("prove.came"), came...)
		told(in.Say("prove.hand"), result.Hand...)
	}
	fmt.Fprintf(&b, "%s\n%s\n%s\n", rule, r.About(in), in.Say("prove.limits"))
	_, err := io.WriteString(out, b.String())
	return err
}

// WriteHTML writes the report as one page, in French and then in English.
func (r Report) WriteHTML(out io.Writer) error {
	type spoken struct {
		Report
		In i18n.Language
	}
	all := make([]spoken, len(i18n.Languages))
	for i, in := range i18n.Languages {
		all[i] = spoken{r, in}
	}
	return template.Must(template.New("report").Funcs(template.FuncMap{
		"style":   func() template.CSS { return template.CSS(sim.Style) },
		"say":     func(in i18n.Language, key string) string { return in.Say(key) },
		"claim":   func(in i18n.Language, c Claim) string { return in.Say("prove." + string(c)) },
		"done":    func(in i18n.Language, c Claim) string { return in.Say("prove." + string(c) + "-done") },
		"told":    func(in i18n.Language, n Note) string { return in.Sentence(n) },
		"seconds": func(in i18n.Language, d time.Duration) string { return in.Decimal(d.Seconds(), 1) },
	}).Parse(reportPage)).Execute(out, all)
}
