package logplay

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"poterne/internal/i18n"
)

// WriteTable prints a report for a terminal.
func (r Report) WriteTable(out io.Writer) error {
	fmt.Fprintf(out, "The log goes from %s to %s: %s events, %s of them assignments. Counted since %s; what is before fills the windows.\n",
		date(r.First), date(r.Last), count(r.Events), count(r.Assigned), date(r.Since))
	if r.Systems > 0 {
		fmt.Fprintf(out, "  systems: %s events are of programs: facts for the others, and not played\n", count(r.Systems))
	}
	for _, guess := range r.Guesses {
		fmt.Fprintf(out, "  guessed: %s\n", i18n.English.Sentence(guess))
	}
	for _, one := range r.Ignored {
		fmt.Fprintf(out, "  ignored: %s\n", i18n.English.Sentence(one))
	}
	fmt.Fprintf(out, "\nA reason explains %s of openings. Confirmations, identities and signatures in a month of one agent; freezes in 1,000\n"+
		"agent-days; openings refused for good, of all.\n\n", percent(r.All.Coverage()))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	cells(w, "role", "accounts", "agent-days", "openings", "explained", "no reason a day", "confirmations", "identities", "signatures", "freezes", "refused")
	for _, role := range r.Roles {
		cells(w, append([]string{string(role.Role), count(role.Accounts)}, role.figures()...)...)
	}
	cells(w, append([]string{"all", count(r.Accounts)}, r.All.figures()...)...)
	if err := w.Flush(); err != nil {
		return err
	}
	for _, ground := range r.Grounds() {
		fmt.Fprintf(out, "  refused %s times: %s\n", count(r.Refused[ground]), ground)
	}
	fmt.Fprintf(out, "\nWhat explains an opening, and for how long:\n\n")
	cells(w, "rule", "for", "openings", "share")
	for _, rule := range r.Rules {
		cells(w, rule.Name, i18n.English.Sentence(rule), count(r.All.By[rule.Name]), percent(share(r.All.By[rule.Name], r.All.Openings)))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nThe accounts that would have been asked most, over the whole log:\n\n")
	cells(w, "account", "role", "agent-days", "openings", "explained", "no reason a day", "confirmations", "identities", "signatures", "freezes", "refused")
	for _, one := range r.Worst {
		cells(w, string(one.Account), string(one.Role), count(one.Days), count(one.Openings), percent(one.Coverage()), rate(one.PerDay(one.Strangers)),
			count(one.StepUps), count(one.Identities), count(one.Cosigns), count(one.Freezes), count(one.Refused))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nPeople a thief is shown in 28 days from %s, alone in an account as it stands then, who knows every rule and asks only for\n"+
		"what he will be shown (accounts drawn with seed %d). Beside those without a reason: people whom the log explains to that account.\n\n", date(r.TheftFrom), r.Seed)
	cells(w, "role", "accounts", "of", "confirmation", "first day", "28 days", "p95", "most", "explained", "p95", "most")
	for _, one := range r.Thefts {
		for name, loot := range one.both {
			cells(w, string(one.Role), count(one.Accounts), count(one.Of), name, count(loot.FirstDay.Median), count(loot.Strangers.Median), count(loot.Strangers.P95), count(loot.Strangers.Most),
				count(loot.Explained.Median), count(loot.Explained.P95), count(loot.Explained.Most))
		}
	}
	if err := w.Flush(); err != nil || r.Study == nil {
		return err
	}
	fmt.Fprintf(out, "\nWhat to allow, from the same log with every rule only observed:\n\n")
	return r.Study.WriteTable(out)
}

// Message says how long the rule explains.
func (r Rule) Message() (key string, values []any) {
	switch {
	case r.Name == byColumn:
		return "logplay.for-itself", nil
	case r.For == 0:
		return "logplay.off", nil
	case r.For%day == 0:
		return "span.day", []any{"n", int(r.For / day)}
	default:
		return "span.hour", []any{"n", int(r.For / time.Hour)}
	}
}

// Grounds are those of refusals, the most frequent first.
func (r Report) Grounds() []string {
	return slices.SortedFunc(maps.Keys(r.Refused), func(a, b string) int {
		return cmp.Or(cmp.Compare(r.Refused[b], r.Refused[a]), cmp.Compare(a, b))
	})
}

// both yields what a thief is shown who fails confirmations, and who passes them.
func (t TheftResult) both(yield func(string, Loot) bool) {
	if yield("failed", t.Fails) {
		yield("passed", t.Passes)
	}
}

// figures are the cells of a role.
func (c Counts) figures() []string {
	return []string{
		count(c.Days), count(c.Openings), percent(c.Coverage()), rate(c.PerDay(c.Strangers)), rate(c.PerMonth(c.StepUps)),
		rate(c.PerMonth(c.Identities)), rate(c.PerMonth(c.Cosigns)), rate(1000 * c.PerDay(c.Freezes)), count(c.Refused),
	}
}

func cells(w io.Writer, of ...string) { fmt.Fprintln(w, strings.Join(of, "\t")+"\t") }

func count(n int) string { return i18n.English.Number(n) }

func rate(x float64) string { return strconv.FormatFloat(x, 'f', 2, 64) }

func percent(part float64) string { return strconv.FormatFloat(100*part, 'f', 1, 64) + " %" }

// WritePatch writes the limits that are proposed, for a configuration. The settings asked
// for them.
func (r Report) WritePatch(out io.Writer) error { return r.Study.WritePatch(out) }
