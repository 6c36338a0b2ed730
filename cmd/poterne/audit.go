package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"

	"poterne/internal/app"
	"poterne/internal/seal"
)

type auditCommand struct {
	database
}

// mostNamed is how many rows of one table are named; of the others their number is said.
const mostNamed = 100

// Run holds every row that decides against the ledger. What is not as the ledger says is
// named on the standard output and makes the answer no. It changes nothing: the running
// program does.
func (a *auditCommand) Run(ctx context.Context, on *streams) error {
	return a.with(ctx, on, func(o *app.Opened) error {
		rights := o.Audit()
		findings, err := rights.Rights(ctx)
		if errors.Is(err, seal.ErrBroken) {
			return fmt.Errorf("the ledger holds what no node wrote, and nobody is served on it: %w; poterne ledger verify says which entries were changed, and a copy from before has them", err)
		}
		if err != nil {
			return err
		}
		unsealed, err := rights.Every(ctx)
		if err != nil {
			return err
		}
		findings = append(findings, unsealed...)
		table := tabwriter.NewWriter(on.Out, 0, 0, 2, ' ', 0)
		named := make(map[string]int)
		for _, f := range findings {
			if named[f.Table]++; named[f.Table] > mostNamed {
				continue
			}
			entry := ""
			if f.Entry != 0 {
				entry = fmt.Sprintf("entry %d", f.Entry)
			}
			row(table, f.Table, f.Key, f.Fault.Said(), entry)
		}
		for _, of := range slices.Sorted(maps.Keys(named)) {
			if more := named[of] - mostNamed; more > 0 {
				row(table, of, fmt.Sprintf("%d more", more))
			}
		}
		if err := table.Flush(); err != nil {
			return err
		}
		if len(findings) > 0 {
			return fmt.Errorf("%s not as the ledger says: somebody changed the database. Rows without a seal decide nothing; take the roster, the facts and the aliases in again to have them back", count(len(findings), "row is", "rows are"))
		}
		fmt.Fprintln(on.Out, "every row is as the ledger says")
		return nil
	})
}
