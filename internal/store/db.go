// Package store keeps everything in tables: one SQL text that SQLite and
// PostgreSQL take as it is. What differs between engines is in their own file.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/store/calendar"
	"poterne/internal/store/factload"
	"poterne/internal/store/migrations"
	"poterne/internal/store/recent"
)

// DB is an open database. It is safe for concurrent use, and several processes may
// open the same one. What is kept in it is asked through one type for each kind:
// Ledger, Months, Orders, Roster, Facts, Aliases, Sessions.
type DB struct {
	engine     engine
	write      *sql.DB // on SQLite a single connection
	read       *sql.DB
	statements statements
	loader     factload.Loader
	periods    calendar.Cache
	newest     recent.Runs
	pseudonyms ledger.Pseudonyms // over the people in entries
	seals      seals
}

// engine is what differs between the two databases.
type engine interface {
	// dialect is in the names of the migration files.
	dialect() string
	// takeHead is the query that takes the ledger's head for a transaction.
	takeHead() string
	// apart reports whether entries lie in a table for each month, and rows are inserted as
	// arrays; otherwise all lie in one, and rows are inserted one by one.
	apart() bool
	// found is the rows of a table whose column is in the list that is a query's
	// first argument, each with the place of that member of the list, from 1. The
	// column's index is used, however many rows there are.
	found(table, column string) string
	// list makes that argument.
	list(members [][]byte) any
	// listen calls told once it listens, and whenever the generation has advanced on
	// another node, until ctx ends or the listener is lost.
	listen(ctx context.Context, told func()) error
	// doubtful reports whether some commit that returned may yet be lost.
	doubtful() bool
	// undone says what an error of a rollback means: nil when nothing of the
	// transaction can stay all the same.
	undone(error) error
	// ofMonths is the condition that entries are of the months first to last, where
	// they lie apart by months.
	ofMonths(first, last ledger.Month) string
	// remove removes the entries of a period for ever.
	remove(ctx context.Context, tx *sql.Tx, period ledger.Period) error
	// sweep removes what is left of them in files, after the transaction.
	sweep(ctx context.Context, db *sql.DB) error
	// classify sorts an error of the driver by its code.
	classify(error) error
}

// Schema is the schema that this program works on, by its number.
func Schema() int { return migrations.Newest(onSQLite{}.dialect()) }

// querier is a database, or a transaction in it.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Listen calls told whenever the generation may have advanced on another node,
// until ctx ends: at once on PostgreSQL. What a lost listener may have missed is
// told when it is back; meanwhile only those who look by themselves learn of it. A
// file on SQLite has no other node.
func (db *DB) Listen(ctx context.Context, log *slog.Logger, told func()) error {
	for ctx.Err() == nil {
		listened := false
		err := db.engine.listen(ctx, func() {
			listened = true
			told()
		})
		if listened && ctx.Err() == nil { // not once more for each attempt to come back
			log.WarnContext(ctx, "what other nodes order is seen within a second only, until the listener is back", slog.Any("err", err))
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return nil
}

// within runs fn in a transaction and commits it.
func (db *DB) within(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return db.engine.classify(err)
	}
	if err := fn(tx); err != nil {
		return errors.Join(db.engine.classify(err), db.rollback(tx))
	}
	return db.engine.classify(tx.Commit())
}

// rollback ignores a transaction that has ended by itself.
func (db *DB) rollback(tx *sql.Tx) error {
	if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) && db.engine.undone(err) != nil {
		return fmt.Errorf("rolling back: %w", err)
	}
	return nil
}

// Close ends every connection, and the statements prepared on it.
func (db *DB) Close() error {
	return errors.Join(db.read.Close(), db.write.Close())
}

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	var one int
	return db.engine.classify(db.read.QueryRowContext(ctx, `select one from head`).Scan(&one))
}

// micro is a time as a column keeps it: microseconds since 1970, null for never.
func micro(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

func fromMicro(us sql.NullInt64) time.Time {
	if !us.Valid {
		return time.Time{}
	}
	return time.UnixMicro(us.Int64).UTC()
}
