package store

import (
	"context"
	"database/sql"
	"fmt"

	"poterne/internal/ledger"
)

// ahead is for how many months to come there are tables.
const ahead = 3

// makeMonths makes the tables of a month and of those to come, where there are
// none. A month that has begun without one stays where it is: with those that
// nobody made a table for.
func makeMonths(ctx context.Context, tx *sql.Tx, from ledger.Month) error {
	const missing = `select to_regclass($1) is null and not exists (select 1 from period where month = $2)`
	for n := range ahead + 1 {
		month := from.Plus(n)
		table := tableOf(month)
		var make bool
		if err := tx.QueryRowContext(ctx, missing, table, month).Scan(&make); err != nil {
			return fmt.Errorf("looking for the table of %s: %w", month, err)
		}
		if !make {
			continue
		}
		for _, statement := range []string{
			fmt.Sprintf("create table %s partition of entry for values in (%d)", table, month),
			"create trigger entry_is_not_emptied before truncate on " + table + " for each statement execute function entry_stays()",
		} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
	}
	return nil
}

// tableOf names the table of a month's entries.
func tableOf(month ledger.Month) string { return fmt.Sprintf("entry_%d", month) }
