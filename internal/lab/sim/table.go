package sim

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"poterne/internal/i18n"
)

// WriteTable prints a report for a terminal.
func (r Report) WriteTable(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	seeds := i18n.English.Say("report.seeds", "n", len(r.Seeds))
	if len(r.Attacks) > 0 {
		fmt.Fprintf(w, "Attacks: people shown, median and 95th percentile over %s. Beside them, what the same thief gets from an\n", seeds)
		fmt.Fprintf(w, "application without a guard, behind a limit of %d openings a minute, and behind a cap of %d people a day.\n\n", RatePerMinute, CapPerDay)
		row(w, "attack", "accounts", "no reason", "p95", "aim", "", "explained", "p95", "aim", "stopped at", "after", "frozen", "step-ups", "no guard", "rate limit", "cap a day")
		for _, a := range r.Attacks {
			stopped, when := "never", ""
			if a.Openings > 0 {
				stopped, when = "opening "+count(a.Openings), span(i18n.English, a.Time)
			}
			row(w, a.Name, count(a.Accounts), count(a.Outside.Median), count(a.Outside.P95), aimed(a.Aim.Outside), verdict(a),
				count(a.Inside.Median), count(a.Inside.P95), aimed(a.Aim.Inside),
				stopped, when, strconv.Itoa(int(100*a.Frozen+0.5))+" %", count(a.StepUps), count(a.Bare), count(a.ByRate), count(a.ByCap))
		}
		fmt.Fprintln(w)
	}
	if len(r.Oddities) > 0 {
		fmt.Fprintf(w, "Honest but odd: what was asked for over %s. None may be frozen.\n\n", seeds)
		row(w, "oddity", "openings", "frozen", "step-ups", "identities", "co-signatures", "stopped", "though explained")
		for _, o := range r.Oddities {
			row(w, o.Name, count(o.Openings), count(o.Freezes), count(o.StepUps), count(o.Identities), count(o.Cosigns), count(o.Stopped), count(o.Told))
		}
		fmt.Fprintln(w)
	}
	if len(r.Honest) > 0 {
		fmt.Fprintf(w, "Honest work of %d agents over %d days, %s. Freezes in 1,000 agent-days with their 95 %% interval; step-ups, identities and\n", r.Agents, r.Days, seeds)
		fmt.Fprint(w, "co-signatures in a month of one agent; openings stopped in 1,000 agent-days, beside what the two references stop.\n\n")
		row(w, "trade", "agent-days", "openings", "no reason", "freezes", "per 1,000", "within", "step-ups", "identities", "co-signs", "stopped", "though explained", "agents asked", "of", "rate limit", "cap a day")
		for _, t := range append(r.Honest[:len(r.Honest):len(r.Honest)], r.All) {
			t.row(w)
		}
		fmt.Fprintln(w)
	}
	if len(r.Curve) > 0 {
		fmt.Fprint(w, "Every allowance and line so many times as wide: false freezes in 1,000 agent-days, step-ups in an agent's month, people at p95.\n\n")
		row(w, append([]string{"times", "freezes", "step-ups"}, OnCurve...)...)
		for _, p := range r.Curve {
			cells := []string{strconv.FormatFloat(p.Dial, 'g', -1, 64), rate2(p.Freezes), rate2(p.StepUps)}
			for _, name := range OnCurve {
				cells = append(cells, count(p.Leaks[name]))
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
	return "≤ " + count(most)
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
	row(w, t.Trade, count(t.AgentDays), count(t.Openings), count(t.Unexplained),
		count(t.Freezes), rate2(t.Per1000(t.Freezes)), rate2(t.FreezesWithin.Low)+"–"+rate2(t.FreezesWithin.High),
		rate2(t.PerMonth(t.StepUps)), rate2(t.PerMonth(t.Identities)), rate2(t.PerMonth(t.Cosigns)),
		rate(t.Per1000(t.Stopped)), count(t.Told), count(t.Asked), count(t.Agents), rate(t.Per1000(t.ByRate)), rate(t.Per1000(t.ByCap)))
}

func row(w io.Writer, cells ...string) {
	fmt.Fprintln(w, strings.Join(cells, "\t")+"\t")
}

func rate(per1000 float64) string { return strconv.FormatFloat(per1000, 'f', 1, 64) }

func rate2(r float64) string { return strconv.FormatFloat(r, 'f', 2, 64) }

func count(n int) string { return i18n.English.Number(n) }
