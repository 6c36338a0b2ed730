package audit

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"poterne/internal/typed"
)

// mostPrinted is how many rows of one table are named; of the others their number is said.
const mostPrinted = 100

// Print names findings to an operator, one on a line.
func Print(out io.Writer, findings []Finding) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	of := make(map[string]int)
	for _, f := range findings {
		if of[f.Table]++; of[f.Table] > mostPrinted {
			continue
		}
		entry := ""
		if f.Entry != 0 {
			entry = fmt.Sprintf("entry %d", f.Entry)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", f.Table, typed.Printed(f.Key), f.Fault.Said(), entry)
	}
	for _, name := range slices.Sorted(maps.Keys(of)) {
		if more := of[name] - mostPrinted; more > 0 {
			fmt.Fprintf(table, "%s\t%d more\n", name, more)
		}
	}
	return table.Flush()
}
