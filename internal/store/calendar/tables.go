package calendar

import (
	"context"
	"database/sql"
	"fmt"

	"poterne/internal/ledger"
)

// ahead is for how many months to come there are tables.
const ahead = 3

// MakeTables makes the tables of a month and of those to come, where there are
// none. A month that has begun without one stays where it is: with those that
// nobody made a table for. It waits for readers a second at most.
func MakeTables(ctx context.Context, tx *sql.Tx, from ledger.Month) error {
	const missing = `select to_regclass($1) is null and not exists (select 1 from period where month = $2)`
	for n := range ahead + 1 {
		month := from.Plus(n)
		table := TableOf(month)
		var absent bool
		if err := tx.QueryRowContext(ctx, missing, table, month).Scan(&absent); err != nil {
			return fmt.Errorf("looking for the table of %s: %w", month, err)
		}
		if !absent {
			continue
		}
		for _, statement := range []string{
			NotForLong,
			fmt.Sprintf("create table %s partition of turn for values in (%d)", table, month),
			"create trigger turn_is_not_emptied before truncate on " + table + " for each statement execute function turn_stays()",
		} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
	}
	return nil
}

// TableOf names the table of a month's entries.
func TableOf(month ledger.Month) string { return fmt.Sprintf("turn_%d", month) }

// NotForLong bounds what a transaction waits for readers: those who come after it
// wait for it meanwhile.
const NotForLong = `set local lock_timeout = '1s'`
