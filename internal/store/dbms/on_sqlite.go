package dbms

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"

	"modernc.org/sqlite"

	"poterne/internal/fault"
	"poterne/internal/ledger"
)

// SQLite is the engine of a file on SQLite.
type SQLite struct{}

// Dialect implements Engine.
func (SQLite) Dialect() string { return "sqlite" }

// ForUpdate implements Engine. The transaction was begun immediate: it holds the only write
// lock already.
func (SQLite) ForUpdate() string { return "" }

// Apart implements Engine.
func (SQLite) Apart() bool { return false }

// Found implements Engine.
func (SQLite) Found(table, column string) string {
	return fmt.Sprintf(`(select key + 1 as place, unhex(value) as member from json_each($1)) as asked
		cross join %s on %s = member`, table, column)
}

// List implements Engine.
func (SQLite) List(members [][]byte) any {
	list := []byte{'['}
	for i, member := range members {
		if i > 0 {
			list = append(list, ',')
		}
		list = append(hex.AppendEncode(append(list, '"'), member), '"')
	}
	return string(append(list, ']'))
}

// Listen implements Engine. Another process with the file, such as the command line, is not
// heard: whoever looks by themselves finds what it did.
func (SQLite) Listen(ctx context.Context, _ func()) error {
	<-ctx.Done()
	return nil
}

// Doubtful implements Engine.
func (SQLite) Doubtful() bool { return false }

// Undone implements Engine. The connection goes back to its pool with whatever it still
// holds.
func (SQLite) Undone(err error) error { return err }

// OfMonths implements Engine. All entries lie in one table, by number.
func (SQLite) OfMonths(ledger.Month, ledger.Month) string { return `true` }

// Remove implements Engine. The trigger is against mistakes, and this is none.
func (SQLite) Remove(ctx context.Context, tx *sql.Tx, period ledger.Period) error {
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

// Sweep implements Engine. What is deleted is overwritten in the file; the log beside it
// still has it.
func (SQLite) Sweep(ctx context.Context, db *sql.DB) error {
	var busy, pages, moved int
	if err := db.QueryRowContext(ctx, `pragma wal_checkpoint(truncate)`).Scan(&busy, &pages, &moved); err != nil {
		return SQLiteError(err)
	}
	if busy != 0 {
		return &fault.Error{Kind: fault.Unavailable, Public: "the entries are gone, but their bytes are still in the file: somebody reads it; try again"}
	}
	return nil
}

// OpenSQLite opens the file at path through a driver: one connection that writes, and those that
// only read. A file that is not there is made, readable by its owner only. A commit is durable
// when it returns: WAL, synchronous=full.
func OpenSQLite(path string, through driver.Driver) (write, read *sql.DB, err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, nil, err
	}
	if err := file.Close(); err != nil {
		return nil, nil, err
	}
	write = sql.OpenDB(Connector{Through: through, Name: durable(path, url.Values{"_txlock": {"immediate"}})})
	read = sql.OpenDB(Connector{Through: through, Name: durable(path, url.Values{"_pragma": {"query_only(1)"}})})
	write.SetMaxOpenConns(1)
	read.SetMaxOpenConns(4)
	read.SetMaxIdleConns(4)
	return write, read, nil
}

func durable(path string, more url.Values) string {
	pragmas := []string{"busy_timeout(10000)", "journal_mode(wal)", "synchronous(full)", "foreign_keys(1)", "secure_delete(1)", "cache_size(-65536)"}
	more["_pragma"] = append(pragmas, more["_pragma"]...)
	return File(path, more)
}

// LookSQLite opens the file at path to be read, and changes nothing.
func LookSQLite(path string) *sql.DB {
	only := url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(10000)", "query_only(1)"}}
	if _, err := os.Stat(path + "-wal"); errors.Is(err, os.ErrNotExist) {
		only["immutable"] = []string{"1"} // nobody has it open: no file is made beside it
	}
	return sql.OpenDB(Connector{Through: &sqlite.Driver{}, Name: File(path, only)})
}
