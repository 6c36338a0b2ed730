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
		fmt.Fprintf(w, "Attacks: people shown, 95th percentile over %s. First without a reason, to a thief who fails each confirmation and draws\n", seeds)
		fmt.Fprint(w, "people out of the register; who passes it; who fails it and has a bought list of people that somebody accompanies; who has all.\n")
		fmt.Fprint(w, "Then the most over the four: people in rows of searches, signed for or allowed by others, with a reason, and of the account's own list.\n")
		fmt.Fprintf(w, "The rest is of who has all, in the median; beside it what the same thief gets from an application without a guard, behind a limit of\n")
		fmt.Fprintf(w, "%d openings a minute, and behind a cap of %d people a day.\n\n", RatePerMinute, CapPerDay)
		row(w, "attack", "accounts", "fails", "passes", "fails, list", "passes, list", "rows", "given", "reason", "own", "in all", "aims", "", "stopped at", "after", "frozen", "step-ups", "listed", "no guard", "rate limit", "cap a day")
		for _, a := range r.Attacks {
			stopped, when, listed := "never", "", ""
			if a.Openings > 0 {
				stopped, when = "opening "+count(a.Openings), span(i18n.English, a.Time)
			}
			if a.Listed > 0 {
				listed = "day " + count(a.Listed)
			}
			row(w, a.Name, count(a.Accounts), byThief(a.By[0]), byThief(a.By[1]), byThief(a.By[2]), byThief(a.By[3]),
				count(a.Rows.P95), count(a.Given.P95), count(a.Inside.P95), count(a.Own.P95), count(a.All.P95), a.aims(), verdict(a),
				stopped, when, strconv.Itoa(int(100*a.Frozen+0.5))+" %", count(a.StepUps), listed, count(a.Bare), count(a.ByRate), count(a.ByCap))
		}
		fmt.Fprintln(w)
	}
	if len(r.Oddities) > 0 {
		fmt.Fprintf(w, "Honest but odd: what was asked for over %s. None may be frozen.\n\n", seeds)
		row(w, "oddity", "openings", "frozen", "step-ups", "identities", "co-signatures", "raises", "stopped", "though explained")
		for _, o := range r.Oddities {
			row(w, o.Name, count(o.Openings), count(o.Freezes), count(o.StepUps), count(o.Identities), count(o.Cosigns), count(o.Raises), count(o.Stopped), count(o.Told))
		}
		fmt.Fprintln(w)
	}
	if len(r.Honest) > 0 {
		fmt.Fprintf(w, "%s: honest work of %d agents together over %d days, %s. Freezes in 1,000 agent-days with their 95 %% interval;\n", i18n.English.Say("report.preset-"+string(r.Preset)), r.Agents, r.Days, seeds)
		fmt.Fprint(w, "step-ups, identities, co-signatures and raises in a month of one agent; openings stopped in 1,000 agent-days, those that a fact was\n")
		fmt.Fprint(w, "told for, and those that colleagues stopped; months on the short list; beside them what the two references stop in 1,000 agent-days.\n\n")
		row(w, "trade", "agent-days", "openings", "no reason", "freezes", "per 1,000", "within", "step-ups", "identities", "co-signs", "raises", "stopped", "though explained", "by colleagues", "agents asked", "of", "listed", "of", "rate limit", "cap a day")
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

func byThief(s Spread) string {
	if s == notPlayed {
		return "–"
	}
	return count(s.P95)
}

// aims lists what an attack is held to.
func (a AttackResult) aims() string {
	var aims []string
	for t := range a.targets() {
		aims = append(aims, figure(i18n.English, t.Most)+" "+i18n.English.Say("aim."+string(t.Kind)))
	}
	return strings.Join(aims, ", ")
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
		rate2(t.PerMonth(t.StepUps)), rate2(t.PerMonth(t.Identities)), rate2(t.PerMonth(t.Cosigns)), rate2(t.PerMonth(t.Raises)),
		rate(t.Per1000(t.Stopped)), count(t.Told), count(t.Colleagues), count(t.Asked), count(t.Agents), count(t.Listed), count(t.Months), rate(t.Per1000(t.ByRate)), rate(t.Per1000(t.ByCap)))
}

func row(w io.Writer, cells ...string) {
	fmt.Fprintln(w, strings.Join(cells, "\t")+"\t")
}

func rate(per1000 float64) string { return strconv.FormatFloat(per1000, 'f', 1, 64) }

func rate2(r float64) string { return strconv.FormatFloat(r, 'f', 2, 64) }

func count(n int) string { return i18n.English.Number(n) }
