// Package sizing says what guarding so many accounts takes: disk, memory, processor, starts
// and other people's time, from figures that were measured and that it names.
package sizing

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
	"time"

	"poterne/internal/i18n"
)

// Body is a body's own numbers.
type Body struct {
	Accounts int     // that consult
	Openings float64 // people an account is shown on a working day, rows of lists included
	Months   int     // for which entries are kept
}

// Sensible reports whether there can be such a body.
func (b Body) Sensible() bool {
	return b.Accounts >= 1 && b.Accounts <= 10_000_000 && b.Openings > 0 && b.Openings <= 10_000 && b.Months >= 1 && b.Months <= 120
}

// What was measured. docs/scale.md says how, and on which machine.
const (
	ledgerBytes = 229                    // of the database for an entry
	indexBytes  = 22                     // of the index
	oneFile     = 288 * time.Microsecond // of one core, for one person in an answer
	oneRow      = 34 * time.Microsecond  // for a person in a list of a hundred
	adviser     = 73 << 10 / 10          // bytes of memory for the 28 days of an adviser
	callCentre  = 26 << 10               // of somebody in a call centre
	index       = 460 << 20              // bytes, while "exactly who" is asked
	readAgain   = 5300 * time.Nanosecond // for an entry, at a start that finds nothing kept
	townSigns   = 0.43 + 0.01            // co-signatures and raises in an agent's month, in the town
	hardSigns   = 1.65 + 0.10            // in the hard town
	townSteps   = 0.88                   // confirmations
	hardSteps   = 1.64
)

// What is assumed.
const (
	busiest  = 0.2             // of a day's openings are in its busiest hour
	workdays = 21              // in a month
	signing  = 3 * time.Minute // of another person, for a signature or a raise
)

// OfTheTown is how many people one of the replayed staff is shown on a working day.
const OfTheTown = 38

// Write prints what it takes.
func (b Body) Write(out io.Writer) error {
	n := float64(b.Accounts)
	day := n * b.Openings
	month := day * workdays
	kept, recent := month*float64(b.Months), day*20 // working days in 28
	second := day * busiest / time.Hour.Seconds()
	said := func(x float64) string { return i18n.English.Number(int(math.Ceil(x))) }
	bytes := func(x float64) string {
		for _, unit := range []string{"B", "KB", "MB", "GB", "TB"} {
			if x < 1000 || unit == "TB" {
				return fmt.Sprintf("%.3g %s", x, unit)
			}
			x /= 1000
		}
		return ""
	}
	cores := func(each time.Duration) string { return fmt.Sprintf("%.2g", max(0.01, second*each.Seconds())) }
	hours := func(signs float64) string { return said(n * signs * signing.Hours()) }
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(what, figure, source string) { fmt.Fprintf(table, "%s\t%s\t%s\n", what, figure, source) }
	row("WHAT", fmt.Sprintf("FOR %s ACCOUNTS", said(n)), "FROM")
	row("people shown", said(day)+" a day, "+said(second)+" a second in the busiest hour", fmt.Sprintf("%g an account a day; a fifth of a day in its busiest hour, which is assumed", b.Openings))
	row("disk", bytes(month*(ledgerBytes+indexBytes))+" a month, "+bytes(kept*(ledgerBytes+indexBytes))+fmt.Sprintf(" for %d months", b.Months), "229 bytes an entry by poterne prove-it, 22 in the index by make bench-index")
	row("memory", bytes(n*adviser+index)+" to "+bytes(n*callCentre+index), "7.3 KiB for an adviser to 26 in a call centre, and 0.46 GB while exactly who is asked: docs/performance.md")
	row("processor", cores(oneRow)+" to "+cores(oneFile)+" cores in the busiest hour", "34 µs for a person in a list of a hundred, 288 µs for one file: make bench BENCH=Passage")
	row("a start", "a second, or "+(time.Duration(recent)*readAgain).Round(time.Second).String()+" when nothing of its state was kept", "28 days of entries, 5.3 seconds a million: docs/performance.md")
	row("others' time", hours(townSigns)+" to "+hours(hardSigns)+" hours a month, for signatures and raises", fmt.Sprintf("%.2f to %.2f in an agent's month: poterne replay, the town and the hard town; three minutes each, which is assumed", townSigns, hardSigns))
	row("confirmations", said(n*townSteps)+" to "+said(n*hardSteps)+" a month", "the same replay")
	if err := table.Flush(); err != nil {
		return err
	}
	if second*oneFile.Seconds() > 16 {
		_, err := fmt.Fprintln(out, "This is more than was ever tried on one ledger: docs/scale.md says what was.")
		return err
	}
	_, err := fmt.Fprintln(out, "A standby takes the disk once more. What was measured where, and what was not: docs/scale.md.")
	return err
}
