package main

import (
	"context"
	"errors"
	"fmt"

	"poterne/internal/app"
	"poterne/internal/audit"
	"poterne/internal/seal"
)

type auditCommand struct {
	database
}

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
		if err := audit.Print(on.Out, findings); err != nil {
			return err
		}
		if len(findings) > 0 {
			return fmt.Errorf("%s not as the ledger says: somebody changed the database. Rows without a seal decide nothing; take the roster, the facts and the aliases in again to have them back", count(len(findings), "row is", "rows are"))
		}
		fmt.Fprintln(on.Out, "every row is as the ledger says")
		return nil
	})
}
