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
		fmt.Fprintf(w, "Attacks: people shown, median and 95th percentile over %d %s. Beside them, what the same thief gets from an\n", len(r.Seeds), plural(len(r.Seeds), "seed"))
		fmt.Fprintf(w, "application without a guard, behind a limit of %d openings a minute, and behind a cap of %d people a day.\n\n", RatePerMinute, CapPerDay)
		row(w, "attack", "accounts", "no reason", "p95", "aim", "", "explained", "p95", "aim", "stopped at", "after", "frozen", "touches", "no guard", "rate limit", "cap a day")
		for _, a := range r.Attacks {
			stopped, when := "never", ""
			if a.Openings > 0 {
				stopped, when = "opening "+thousands(a.Openings), span(a.Time)
			}
			row(w, a.Name, thousands(a.Accounts), thousands(a.Outside.Median), thousands(a.Outside.P95), aimed(a.Aim.Outside), verdict(a),
				thousands(a.Inside.Median), thousands(a.Inside.P95), aimed(a.Aim.Inside),
				stopped, when, strconv.Itoa(int(100*a.Frozen+0.5))+" %", thousands(a.Touches), thousands(a.Bare), thousands(a.ByRate), thousands(a.ByCap))
		}
		fmt.Fprintln(w)
	}
	if len(r.Oddities) > 0 {
		fmt.Fprintf(w, "Honest but odd: what was asked for over %d %s. None may be frozen.\n\n", len(r.Seeds), plural(len(r.Seeds), "seed"))
		row(w, "oddity", "openings", "frozen", "touches", "identities", "co-signatures", "stopped", "though explained")
		for _, o := range r.Oddities {
			row(w, o.Name, thousands(o.Openings), thousands(o.Freezes), thousands(o.Touches), thousands(o.Identities), thousands(o.Cosigns), thousands(o.Stopped), thousands(o.Told))
		}
		fmt.Fprintln(w)
	}
	if len(r.Honest) > 0 {
		fmt.Fprintf(w, "Honest work of %d agents over %d days, %d %s. Freezes in 1,000 agent-days with their 95 %% interval; touches, identities and\n", r.Agents, r.Days, len(r.Seeds), plural(len(r.Seeds), "seed"))
		fmt.Fprint(w, "co-signatures in a month of one agent; openings stopped in 1,000 agent-days, beside what the two references stop.\n\n")
		row(w, "trade", "agent-days", "openings", "no reason", "freezes", "per 1,000", "within", "touches", "identities", "co-signs", "stopped", "though explained", "agents asked", "of", "rate limit", "cap a day")
		for _, t := range append(r.Honest[:len(r.Honest):len(r.Honest)], r.All) {
			t.row(w)
		}
		fmt.Fprintln(w)
	}
	if len(r.Curve) > 0 {
		fmt.Fprint(w, "Every allowance and line so many times as wide: false freezes in 1,000 agent-days, touches in an agent's month, people at p95.\n\n")
		row(w, append([]string{"times", "freezes", "touches"}, OnCurve...)...)
		for _, p := range r.Curve {
			cells := []string{strconv.FormatFloat(p.Dial, 'g', -1, 64), rate2(p.Freezes), rate2(p.Touches)}
			for _, name := range OnCurve {
				cells = append(cells, thousands(p.Leaks[name]))
			}
			row(w, cells...)
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

func aimed(most int) string {
	if most == 0 {
		return ""
	}
	return "≤ " + thousands(most)
}

func verdict(a AttackResult) string {
	switch {
	case a.Aim == Aim{}:
		return ""
	case a.Met():
		return "met"
	default:
		return "MISSED"
	}
}

func (t TradeResult) row(w io.Writer) {
	row(w, t.Trade, thousands(t.AgentDays), thousands(t.Openings), thousands(t.Unexplained),
		thousands(t.Freezes), rate2(t.Per1000(t.Freezes)), rate2(t.FreezesWithin.Low)+"–"+rate2(t.FreezesWithin.High),
		rate2(t.PerMonth(t.Touches)), rate2(t.PerMonth(t.Identities)), rate2(t.PerMonth(t.Cosigns)),
		rate(t.Per1000(t.Stopped)), thousands(t.Told), thousands(t.Touched), thousands(t.Agents), rate(t.Per1000(t.ByRate)), rate(t.Per1000(t.ByCap)))
}

func row(w io.Writer, cells ...string) {
	fmt.Fprintln(w, strings.Join(cells, "\t")+"\t")
}

func rate(per1000 float64) string { return strconv.FormatFloat(per1000, 'f', 1, 64) }

func rate2(r float64) string { return strconv.FormatFloat(r, 'f', 2, 64) }

// plural is a noun as it is said of n.
func plural(n int, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}

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
