package tune

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"poterne/internal/i18n"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/roster"
)

// WriteTable writes the study for a terminal.
func (s Study) WriteTable(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	total := 0
	for _, r := range s.Roles {
		total += r.Days
	}
	fmt.Fprintf(out, "Work from %s to %s: %s agent-days. A day is a day on which an account asked for anything.\n",
		s.Since.Format("2006-01-02 15:04"), s.Until.Format("2006-01-02 15:04"), i18n.English.Number(total))
	if s.Enforced > 0 {
		fmt.Fprintf(out, "%s openings were stopped in it, not only observed: what they would have come to is in no figure below.\n", i18n.English.Number(s.Enforced))
	}
	if s.Unknown > 0 {
		fmt.Fprintf(out, "%s accounts are in no roster any more: their work is left out.\n", i18n.English.Number(s.Unknown))
	}
	fmt.Fprintln(out)
	fmt.Fprintln(table, "role\taccounts\tagent-days\texplained a day\tno reason a day (λ)\tvariance/λ (φ)\tfloor, 28 days\t")
	for _, r := range s.Roles {
		fmt.Fprintf(table, "%s\t%s\t%s\t%.1f\t%.3f\t%.2f\t%.1f\t\n", r.Role, i18n.English.Number(r.Accounts), i18n.English.Number(r.Days), r.Explained, r.Mean, r.Dispersion, r.Floor)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprint(out, "\nWhat honest staff would have met who answer at once, step-ups and signatures an agent-month of 20 days, freezes\n"+
		"in 1,000 agent-days; and how many people a thief takes who has an account to himself, knows the rules and fails\nevery step-up.\n\n")
	fmt.Fprintln(table, "role\t\thour\tmonth\tforgiven\tline\tstep-ups\tsignatures\tfreezes\tfirst hour\t28 days\t")
	for _, r := range s.Roles {
		for name, p := range r.choices {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%.2f\t%.3f\t%.2f\t%d\t%d\t\n", r.Role, name,
				people(p.Allowance.Short), people(p.Allowance.Long), people(p.Watch.Forgiven), people(p.Watch.Line),
				p.StepUps, p.Cosigns, p.Freezes, p.FirstHour, p.Leak)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	for _, r := range s.Roles {
		fmt.Fprintf(out, "%s: %s\n", r.Role, r.judged())
	}
	fmt.Fprint(out, "\nThe largest of each, all accounts together, and what is proposed: twice that.\n\n")
	fmt.Fprintln(table, "\tmost in an hour\tin 28 days\thour\tmonth\t\t")
	for _, w := range s.Wider {
		note := ""
		if w.IsTheConfig {
			note = "as configured"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t\n", w.Name, people(w.Most.Short), people(w.Most.Long), people(w.Proposed.Short), people(w.Proposed.Long), note)
	}
	return table.Flush()
}

// choices yields the default, and what is proposed when it is something else.
func (r RoleStudy) choices(yield func(string, Point) bool) {
	if yield("default", r.Default) && r.Why == Tightest {
		yield("proposed", r.Proposed)
	}
}

// judged says why a point is proposed, and what other rules stood against.
func (r RoleStudy) judged() string {
	said := string(r.Why)
	if r.Why == TooFew {
		said = fmt.Sprintf("%s (there are %s, and it takes %s without a single one)", said, i18n.English.Number(r.Days), i18n.English.Number(needed))
	}
	if r.OtherStepUp+r.Identity+r.OtherFrozen > 0 {
		said += fmt.Sprintf("; other rules asked for %.2f step-ups and %.2f identities an agent-month, and froze %.2f times in 1,000 agent-days",
			r.OtherStepUp, r.Identity, r.OtherFrozen)
	}
	return said
}

// people writes a cost in people.
func people(c meter.Cost) string {
	return strconv.FormatFloat(c.People(), 'f', -1, 64)
}

// WritePatch writes what is proposed as the tables [allowance] and [watch] of a
// configuration, whole, to take the place of those that are there.
func (s Study) WritePatch(out io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, "# Proposed from the work of %s to %s. In place of\n# [allowance] and [watch]; `poterne config check FILE --patch THIS` tries it.\n# arrivals is not in it: copy yours, where you set it.\n\n[allowance]\n",
		s.Since.Format("2006-01-02"), s.Until.Format("2006-01-02"))
	for _, r := range s.Roles {
		fmt.Fprintf(&text, "# %s: %s\n%s = %s\n", r.Role, r.Why, r.Role, allowanceTOML(r.Proposed.Allowance))
	}
	fmt.Fprintf(&text, "probation = %s\n", allowanceTOML(s.Now.Probation))
	for _, w := range s.Wider {
		fmt.Fprintf(&text, "%s = %s\n", w.Name, allowanceTOML(w.Proposed))
	}
	fmt.Fprintf(&text, "together = %d\nshare = %d\nceiling = %s\nrows = %s\nlists = %s\nstrangers = %s\nearned = %s\nsigned = %d\ngives = %s\ncold = %t\n\n[watch]\n",
		s.Now.Together, s.Now.Share, peopleTOML(s.Now.Ceilings), peopleTOML(s.Now.Rows), peopleTOML(s.Now.Lists), peopleTOML(s.Now.Strangers), peopleTOML(s.Now.Earned), s.Now.Signed, allowanceTOML(s.Now.Gives), s.Now.Cold)
	for _, r := range s.Roles {
		fmt.Fprintf(&text, "%s = %s\n", r.Role, watchTOML(r.Proposed.Watch, s.Now.Watches[r.Role]))
	}
	_, err := io.WriteString(out, text.String())
	return err
}

func allowanceTOML(a meter.Allowance) string {
	return fmt.Sprintf("{ hour = %d, month = %d }", a.Short/meter.Whole, a.Long/meter.Whole)
}

func peopleTOML(of map[roster.Role]int) string {
	var parts []string
	for _, role := range slices.Sorted(maps.Keys(of)) {
		parts = append(parts, fmt.Sprintf("%s = %d", role, of[role]))
	}
	return "{ " + strings.Join(parts, ", ") + " }"
}

// watchTOML is the CUSUM proposed, with the pace and the wall as they are.
func watchTOML(proposed, now policy.Watch) string {
	return fmt.Sprintf("{ forgiven = %s, line = %s, pace = %d, wall = %d }", people(proposed.Forgiven), people(proposed.Line), now.Pace, now.Wall)
}
