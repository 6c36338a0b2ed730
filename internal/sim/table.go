package sim

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// WriteTable prints a report for a terminal.
func (r Report) WriteTable(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	if len(r.Attacks) > 0 {
		fmt.Fprintf(w, "Attacks: people shown, median and 95th percentile over %d seeds. Beside them, what the same thief gets from an\n", len(r.Seeds))
		fmt.Fprintf(w, "application without a guard, behind a limit of %d openings a minute, and behind a cap of %d people a day.\n\n", RatePerMinute, CapPerDay)
		row(w, "attack", "accounts", "no reason", "p95", "explained", "p95", "stopped at", "after", "no guard", "rate limit", "cap a day")
		for _, a := range r.Attacks {
			stopped, when := "never", ""
			if a.Openings > 0 {
				stopped, when = "opening "+thousands(a.Openings), span(a.Time)
			}
			row(w, a.Name, thousands(a.Accounts), thousands(a.Outside.Median), thousands(a.Outside.P95), thousands(a.Inside.Median), thousands(a.Inside.P95),
				stopped, when, thousands(a.Bare), thousands(a.ByRate), thousands(a.ByCap))
		}
		fmt.Fprintln(w)
	}
	if len(r.Oddities) > 0 {
		fmt.Fprintf(w, "Honest but odd: openings that were stopped, over %d seeds. Today's rules freeze nobody; they stop openings.\n\n", len(r.Seeds))
		row(w, "oddity", "stopped", "of", "though explained")
		for _, o := range r.Oddities {
			row(w, o.Name, thousands(o.Stopped), thousands(o.Openings), thousands(o.Told))
		}
		fmt.Fprintln(w)
	}
	if len(r.Honest) > 0 {
		fmt.Fprintf(w, "Honest work of %d agents over %d days, %d seeds: openings stopped in 1,000 agent-days.\n\n", r.Agents, r.Days, len(r.Seeds))
		row(w, "trade", "agent-days", "openings", "no reason", "stopped", "per 1,000", "agents met", "of", "rate limit", "cap a day", "though explained")
		var all TradeResult
		for _, t := range r.Honest {
			t.row(w)
			all = all.add(t)
		}
		all.Trade = "all"
		all.row(w)
		fmt.Fprintln(w)
	}
	return w.Flush()
}

func (t TradeResult) row(w io.Writer) {
	row(w, t.Trade, thousands(t.AgentDays), thousands(t.Openings), thousands(t.Unexplained), thousands(t.Stopped), rate(t.Per1000(t.Stopped)),
		thousands(t.Touched), thousands(t.Agents), rate(t.Per1000(t.ByRate)), rate(t.Per1000(t.ByCap)), thousands(t.Told))
}

func row(w io.Writer, cells ...string) {
	fmt.Fprintln(w, strings.Join(cells, "\t")+"\t")
}

func rate(per1000 float64) string { return strconv.FormatFloat(per1000, 'f', 1, 64) }

// thousands writes a count with commas.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// span says how long something took, in the unit that fits.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.0f h", d.Hours())
	default:
		return fmt.Sprintf("%.0f d", d.Hours()/24)
	}
}
