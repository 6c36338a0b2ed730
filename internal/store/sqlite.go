package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/sqlite"

	"poterne/internal/fault"
	"poterne/internal/ledger"
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
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the database file: %w", err)
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	writing := dbms.Connector{Through: through, Name: dsn(path, url.Values{"_txlock": {"immediate"}})}
	reading := dbms.Connector{Through: through, Name: dsn(path, url.Values{"_pragma": {"query_only(1)"}})}
	db := &DB{engine: onSQLite{}, write: sql.OpenDB(writing), read: sql.OpenDB(reading)}
	db.write.SetMaxOpenConns(1)
	db.read.SetMaxOpenConns(4)
	db.read.SetMaxIdleConns(4)
	migrate := func(tx *sql.Tx) error { return migrations.Apply(ctx, tx, db.engine.dialect()) }
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
	only := url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(10000)", "query_only(1)"}}
	if _, err := os.Stat(path + "-wal"); errors.Is(err, os.ErrNotExist) {
		only["immutable"] = []string{"1"} // nobody has it open: no file is made beside it
	}
	reading := dbms.Connector{Through: &sqlite.Driver{}, Name: dbms.File(path, only)}
	db := &DB{engine: onSQLite{}, write: sql.OpenDB(reading), read: sql.OpenDB(reading)}
	if err = db.current(ctx); err == nil {
		err = db.prepare(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", path, err), db.Close())
	}
	return db, nil
}

func dsn(path string, more url.Values) string {
	pragmas := []string{"busy_timeout(10000)", "journal_mode(wal)", "synchronous(full)", "foreign_keys(1)", "secure_delete(1)", "cache_size(-65536)"}
	more["_pragma"] = append(pragmas, more["_pragma"]...)
	return dbms.File(path, more)
}

type onSQLite struct{}

func (onSQLite) dialect() string { return "sqlite" }

// The transaction was begun immediate: it holds the only write lock already.
func (onSQLite) takeHead() string { return headColumns }

func (onSQLite) apart() bool { return false }

func (onSQLite) found(table, column string) string {
	return fmt.Sprintf(`(select key + 1 as place, unhex(value) as member from json_each($1)) as asked
		cross join %s on %s = member`, table, column)
}

func (onSQLite) list(members [][]byte) any {
	list := []byte{'['}
	for i, member := range members {
		if i > 0 {
			list = append(list, ',')
		}
		list = append(hex.AppendEncode(append(list, '"'), member), '"')
	}
	return string(append(list, ']'))
}

// Another process with the file, such as the command line, is not heard: whoever
// looks by themselves finds what it did.
func (onSQLite) listen(ctx context.Context, _ func()) error {
	<-ctx.Done()
	return nil
}

func (onSQLite) doubtful() bool { return false }

// The connection goes back to its pool with whatever it still holds.
func (onSQLite) undone(err error) error { return err }

// All entries lie in one table, by number.
func (onSQLite) ofMonths(ledger.Month, ledger.Month) string { return `true` }

// The trigger is against mistakes, and this is none.
func (onSQLite) remove(ctx context.Context, tx *sql.Tx, period ledger.Period) error {
	const query = `select sql from sqlite_master where type = 'trigger' and name = 'turn_is_not_removed'`
	var trigger string
	if err := tx.QueryRowContext(ctx, query).Scan(&trigger); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `drop trigger turn_is_not_removed`); err != nil {
		return err
	}
	const remove = `delete from turn where first >= $1 and first < $2`
	if _, err := tx.ExecContext(ctx, remove, int64(period.First), int64(period.End)); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, trigger)
	return err
}

// What is deleted is overwritten in the file; the log beside it still has it.
func (e onSQLite) sweep(ctx context.Context, db *sql.DB) error {
	var busy, pages, moved int
	if err := db.QueryRowContext(ctx, `pragma wal_checkpoint(truncate)`).Scan(&busy, &pages, &moved); err != nil {
		return e.classify(err)
	}
	if busy != 0 {
		return &fault.Error{Kind: fault.Unavailable, Public: "the entries are gone, but their bytes are still in the file: somebody reads it; try again"}
	}
	return nil
}

func (onSQLite) classify(err error) error { return dbms.SQLiteError(err) }
