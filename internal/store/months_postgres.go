package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"poterne/internal/ledger"
	"poterne/internal/store/calendar"
	"poterne/internal/store/pgrole"
)

// OpenAsOwner opens the database that two connections lead to, as the role that
// owns the tables: it may drop months and make the tables of those to come. It
// refuses what MigratePostgreSQL refuses, and a schema that is not this program's.
func OpenAsOwner(ctx context.Context, owner, program string) (*DB, error) {
	as, to, err := pgrole.OwnerAndProgram(owner, program)
	if err != nil {
		return nil, err
	}
	db := openPostgreSQL(as)
	if err = db.current(ctx); err == nil {
		err = db.owned(ctx, as.User)
	}
	if err == nil {
		err = pgrole.Harmless(ctx, db.read, to.User)
	}
	if err == nil {
		err = db.prepare(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the database %q: %w", as.Database, err), db.Close())
	}
	return db, nil
}

// owned refuses a role that does not own the tables.
func (db *DB) owned(ctx context.Context, role string) error {
	const query = `select count(*) = 0 from pg_class where oid in (select relid from pg_partition_tree('turn')) and not pg_has_role(relowner, 'usage')`
	var owns bool
	if err := db.read.QueryRowContext(ctx, query).Scan(&owns); err != nil {
		return db.engine.classify(err)
	}
	if !owns {
		return fmt.Errorf("the role %q does not own the tables of entries: connect as the role that ran poterne migrate", role)
	}
	return nil
}

// Make makes the tables of a month's entries and of those to come, where
// there are none. A file on SQLite needs none.
func (m Months) Make(ctx context.Context, from ledger.Month) error {
	if !m.db.engine.apart() {
		return nil
	}
	return m.db.within(ctx, func(tx *sql.Tx) error { return calendar.MakeTables(ctx, tx, from) })
}

// The months stand in the text, so that a plan is made once, and touches no other
// table than theirs.
func (onPostgreSQL) ofMonths(first, last ledger.Month) string {
	if first == last {
		return fmt.Sprintf("month = %d", first)
	}
	return fmt.Sprintf("month between %d and %d", first, last)
}

// remove drops the month's table. What lies in turn_other is left out of what that
// table is made of anew: rows that are only deleted stay in its file.
func (e onPostgreSQL) remove(ctx context.Context, tx *sql.Tx, period ledger.Period) error {
	const elsewhere = `select exists (select 1 from turn_other where first >= $1 and first < $2 and month = $3)`
	var other bool
	if err := tx.QueryRowContext(ctx, elsewhere, int64(period.First), int64(period.End), period.Month).Scan(&other); err != nil {
		return err
	}
	statements := []string{calendar.NotForLong, "drop table if exists " + calendar.TableOf(period.Month)}
	if other {
		statements = append(statements,
			"lock table turn_other in access exclusive mode",
			"create temporary table stays (like turn_other including storage) on commit drop",
			fmt.Sprintf("insert into stays select * from turn_other where month <> %d", period.Month),
			"alter table turn_other disable trigger turn_is_not_emptied",
			"truncate turn_other",
			"alter table turn_other enable trigger turn_is_not_emptied",
			"insert into turn_other (first, month, count, body, previous, seal) select first, month, count, body, previous, seal from stays",
		)
	}
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return e.classify(err)
		}
	}
	return nil
}

// A dropped table's file is gone.
func (onPostgreSQL) sweep(context.Context, *sql.DB) error { return nil }
