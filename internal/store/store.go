// Package store keeps everything in tables: one SQL text that SQLite and
// PostgreSQL take as it is. What differs between engines is in their own file.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// Store is an open database. It is safe for concurrent use, and several
// processes may open the same database.
type Store struct {
	engine   engine
	write    *sql.DB // on SQLite a single connection
	read     *sql.DB
	prepared prepared
}

// engine is what differs between the two databases.
type engine interface {
	// dialect is in the names of the migration files.
	dialect() string
	// takeHead is the query that takes the ledger's head for a transaction.
	takeHead() string
	// arrays reports whether a list is one argument; otherwise each of its members
	// is.
	arrays() bool
	// beginMigration keeps other processes from migrating until tx ends.
	beginMigration(ctx context.Context, tx *sql.Tx) error
	// undone says what an error of a rollback means: nil when nothing of the
	// transaction can stay all the same.
	undone(error) error
	// classify sorts an error of the driver by its code.
	classify(error) error
}

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the tables up to this program's schema. It refuses a database
// that a newer program has migrated.
func (s *Store) migrate(ctx context.Context) error {
	files, err := fs.Glob(migrations, "migrations/*."+s.engine.dialect()+".sql")
	if err != nil {
		return err
	}
	return s.within(ctx, func(tx *sql.Tx) error {
		if err := s.engine.beginMigration(ctx, tx); err != nil {
			return fmt.Errorf("waiting for other migrations: %w", err)
		}
		const create = `create table if not exists schema_version (version integer not null)`
		if _, err := tx.ExecContext(ctx, create); err != nil {
			return fmt.Errorf("looking for the schema: %w", err)
		}
		var version int
		if err := tx.QueryRowContext(ctx, `select coalesce(max(version), 0) from schema_version`).Scan(&version); err != nil {
			return err
		}
		if version > len(files) {
			return fmt.Errorf("the database has schema %d, this program knows %d: run the newer program", version, len(files))
		}
		for i, file := range files[version:] {
			script, err := migrations.ReadFile(file)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, string(script)); err != nil {
				return fmt.Errorf("applying %s: %w", file, err)
			}
			if _, err := tx.ExecContext(ctx, `insert into schema_version (version) values ($1)`, version+i+1); err != nil {
				return err
			}
		}
		return nil
	})
}

// within runs fn in a transaction and commits it.
func (s *Store) within(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return s.engine.classify(err)
	}
	if err := fn(tx); err != nil {
		return errors.Join(s.engine.classify(err), s.rollback(tx))
	}
	return s.engine.classify(tx.Commit())
}

// rollback ignores a transaction that has ended by itself.
func (s *Store) rollback(tx *sql.Tx) error {
	if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) && s.engine.undone(err) != nil {
		return fmt.Errorf("rolling back: %w", err)
	}
	return nil
}

// Close ends every connection, and the statements prepared on it.
func (s *Store) Close() error {
	return errors.Join(s.read.Close(), s.write.Close())
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	return s.engine.classify(s.read.QueryRowContext(ctx, `select one from head`).Scan(&one))
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
