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
		if err := migrations.Alone(ctx, tx); err != nil {
			return err
		}
		if err := migrations.Apply(ctx, tx, db.engine.Dialect()); err != nil {
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
		err = pgrole.Owns(ctx, db.read, as.User)
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
	missing, err := migrations.Missing(ctx, db.read, db.engine.Dialect())
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
	if db.engine.Dialect() == onSQLite.Dialect() {
		return now, false, nil
	}
	err = db.read.QueryRowContext(ctx, `select clock_timestamp()`).Scan(&now)
	return now, true, db.engine.classify(err)
}
