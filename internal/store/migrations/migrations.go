// Package migrations makes the tables, and brings them up to the schema of this program. Its files say
// what each table is.
package migrations

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

//go:embed *.sql
var embedded embed.FS

// Files is the files of this program; a test adds some, to be a newer one.
var Files fs.FS = embedded

// migration is one file of statements; its number is the schema it makes.
type migration struct {
	number int
	file   string
}

// to returns the migrations of a dialect, oldest first: those in a file of its
// own, and those that both engines take as they are.
func to(dialect string) []migration {
	files, err := fs.Glob(Files, "*.sql")
	if err != nil {
		panic(err) // the pattern is part of the program
	}
	files = slices.DeleteFunc(files, func(file string) bool {
		_, own, has := strings.Cut(strings.TrimSuffix(path.Base(file), ".sql"), ".")
		return has && own != dialect
	})
	list := make([]migration, len(files))
	for i, file := range files {
		number, _, _ := strings.Cut(path.Base(file), "_")
		if list[i].number, err = strconv.Atoi(number); err != nil {
			panic(err) // so are the names
		}
		list[i].file = file
	}
	return list
}

// Newest is the schema that this program makes on a dialect, by its number.
func Newest(dialect string) int {
	list := to(dialect)
	return list[len(list)-1].number
}

// Apply brings the tables up to this program's schema. It refuses a database
// that a newer program has migrated.
func Apply(ctx context.Context, tx *sql.Tx, dialect string) error {
	const create = `create table if not exists schema_version (version integer not null)`
	if _, err := tx.ExecContext(ctx, create); err != nil {
		return fmt.Errorf("looking for the schema: %w", err)
	}
	missing, err := missing(ctx, tx, dialect)
	if err != nil {
		return err
	}
	for _, m := range missing {
		script, err := fs.ReadFile(Files, m.file)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, string(script)); err != nil {
			return fmt.Errorf("applying %s: %w", m.file, err)
		}
		if _, err := tx.ExecContext(ctx, `insert into schema_version (version) values ($1)`, m.number); err != nil {
			return fmt.Errorf("noting the schema: %w", err)
		}
	}
	return nil
}

// Alone keeps other migrations and every node's turns waiting until tx ends, on PostgreSQL.
func Alone(ctx context.Context, tx *sql.Tx) error {
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

// querier reads; *sql.DB and *sql.Tx do.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Missing is the first schema that a database has not seen; 0 when it has seen all. It refuses one
// that has seen others than this program's.
func Missing(ctx context.Context, q querier, dialect string) (schema int, err error) {
	list, err := missing(ctx, q, dialect)
	if err == nil && len(list) > 0 {
		schema = list[0].number
	}
	return schema, err
}

// missing returns the migrations that a database has not seen, which need not be
// the newest. It refuses one that has seen others than this program's.
func missing(ctx context.Context, q querier, dialect string) ([]migration, error) {
	rows, err := q.QueryContext(ctx, `select version from schema_version order by version`)
	if err != nil {
		return nil, fmt.Errorf("reading the schema: %w", err)
	}
	defer rows.Close()
	missing := to(dialect)
	for rows.Next() {
		var version int
		if err := rows.Scan(&version); err != nil {
			return nil, fmt.Errorf("reading the schema: %w", err)
		}
		i := slices.IndexFunc(missing, func(m migration) bool { return m.number == version })
		if i < 0 {
			return nil, fmt.Errorf("the database has schema %d, this program knows %d: run the newer program", version, Newest(dialect))
		}
		missing = slices.Delete(missing, i, i+1)
	}
	return missing, rows.Err()
}
