// Package store keeps everything in tables: one SQL text that SQLite and
// PostgreSQL take as it is. What differs between engines is in package dbms.
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
	"poterne/internal/store/dbms"
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

// engine is what the database does in its own way.
type engine struct {
	dbms.Engine
	classify func(error) error // sorts an error of the driver by its code
}

var onSQLite = engine{dbms.SQLite{}, dbms.SQLiteError}

// Schema is the schema that this program works on, by its number.
func Schema() int { return migrations.Newest(onSQLite.Dialect()) }

// Listen calls told whenever the generation may have advanced on another node,
// until ctx ends: at once on PostgreSQL. What a lost listener may have missed is
// told when it is back; meanwhile only those who look by themselves learn of it. A
// file on SQLite has no other node.
func (db *DB) Listen(ctx context.Context, log *slog.Logger, told func()) error {
	for ctx.Err() == nil {
		listened := false
		err := db.engine.Listen(ctx, func() {
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
	if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) && db.engine.Undone(err) != nil {
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
