package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/store/calendar"
	"poterne/internal/store/indexdb"
	"poterne/internal/store/migrations"
	"poterne/internal/store/pgrole"
)

// MigratePostgreSQL makes the tables, or brings them up to this program's schema,
// as the role of the connection owner, which then owns them. The role of the
// connection program is given the rights that the program needs, and no others.
// Nodes wait meanwhile.
func MigratePostgreSQL(ctx context.Context, owner, program string) error {
	as, to, err := pgrole.OwnerAndProgram(owner, program)
	if err != nil {
		return err
	}
	db := openPostgreSQL(as)
	err = db.within(ctx, func(tx *sql.Tx) error {
		if err := db.alone(ctx, tx); err != nil {
			return err
		}
		if err := migrations.Apply(ctx, tx, db.engine.dialect()); err != nil {
			return err
		}
		if err := calendar.MakeTables(ctx, tx, ledger.MonthOf(time.Now())); err != nil {
			return err
		}
		if err := pgrole.Grant(ctx, tx, to.User); err != nil {
			return err
		}
		if err := indexdb.MakeRoom(ctx, tx, to.User); err != nil {
			return err
		}
		return pgrole.Harmless(ctx, tx, to.User)
	})
	if err != nil {
		err = fmt.Errorf("migrating the database %q: %w", as.Database, err)
	}
	return errors.Join(err, db.Close())
}

// alone keeps other migrations and every node's turns waiting until tx ends.
func (db *DB) alone(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, `select pg_advisory_xact_lock(7083677)`); err != nil {
		return fmt.Errorf("waiting for other migrations: %w", err)
	}
	var there bool
	if err := tx.QueryRowContext(ctx, `select to_regclass('head') is not null`).Scan(&there); err != nil || !there {
		return err
	}
	if _, err := tx.ExecContext(ctx, `lock table head in access exclusive mode`); err != nil {
		return fmt.Errorf("waiting for the ledger's head: %w", err)
	}
	return nil
}

// admit lets the program in: to tables of its schema, in a role that can do no
// harm to what was written.
func (db *DB) admit(ctx context.Context, role string) error {
	const visible = `select coalesce(has_table_privilege(to_regclass('schema_version'), 'select'), false)`
	var sees bool
	if err := db.read.QueryRowContext(ctx, visible).Scan(&sees); err != nil {
		return db.engine.classify(err)
	}
	if !sees {
		return fmt.Errorf("there are no tables that the role %q may use: run poterne migrate", role)
	}
	if err := db.current(ctx); err != nil {
		return err
	}
	return pgrole.Harmless(ctx, db.read, role)
}

// current refuses a schema that is not this program's.
func (db *DB) current(ctx context.Context) error {
	missing, err := migrations.Missing(ctx, db.read, db.engine.dialect())
	if err != nil {
		return err
	}
	if missing != 0 {
		return fmt.Errorf("the database is older than this program, and has no schema %d: run poterne migrate", missing)
	}
	return nil
}

// Clock is what time it is where the database runs; ok is false where that is here.
func (db *DB) Clock(ctx context.Context) (now time.Time, ok bool, err error) {
	if db.engine.dialect() != (onPostgreSQL{}).dialect() {
		return now, false, nil
	}
	err = db.read.QueryRowContext(ctx, `select clock_timestamp()`).Scan(&now)
	return now, true, db.engine.classify(err)
}
