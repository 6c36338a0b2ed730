package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"modernc.org/sqlite"

	"poterne/internal/store/dbms"
	"poterne/internal/store/migrations"
)

// OpenSQLite opens or creates the database in the file at path, readable by its
// owner only, and brings it up to this program's schema. A commit is durable when
// it returns: WAL, synchronous=full.
func OpenSQLite(ctx context.Context, path string) (*DB, error) {
	return openSQLite(ctx, path, &sqlite.Driver{})
}

// openSQLite takes the driver, so that tests can put a failing one in its place.
func openSQLite(ctx context.Context, path string, through driver.Driver) (*DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	write, read, err := dbms.OpenSQLite(path, through)
	if err != nil {
		return nil, fmt.Errorf("opening the database file: %w", err)
	}
	db := &DB{engine: onSQLite, write: write, read: read}
	migrate := func(tx *sql.Tx) error { return migrations.Apply(ctx, tx, db.engine.Dialect()) }
	if err = db.within(ctx, migrate); err == nil {
		err = db.prepare(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", path, err), db.Close())
	}
	return db, nil
}

// LookSQLite opens the database in the file at path to be read. It changes nothing: it
// refuses a file that is not there and a schema that is not this program's.
func LookSQLite(ctx context.Context, path string) (*DB, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("opening the database file: %w", err)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	db := &DB{engine: onSQLite, write: dbms.LookSQLite(path), read: dbms.LookSQLite(path)}
	if err = db.current(ctx); err == nil {
		err = db.prepare(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", path, err), db.Close())
	}
	return db, nil
}
