package store

import (
	"context"
	"fmt"
	"io/fs"
	"testing"
	"testing/fstest"
	"time"

	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/seal"
	"poterne/internal/store/migrations"
)

// OpenSQLiteThrough opens SQLite through a driver that a test puts in its place.
var OpenSQLiteThrough = openSQLite

// WriteSealed writes rows that were sealed elsewhere.
func WriteSealed(head journal.Head, rows []ledger.Sealed, at time.Time) error {
	return head.(*turn).write(rows, at)
}

// AddMigrations makes this program a newer one until the test ends: each number is a
// migration, of both engines, that makes a table of its own. Clusters are started before.
func AddMigrations(t *testing.T, numbers ...int) {
	t.Helper()
	newer := fstest.MapFS{}
	files, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		script, err := fs.ReadFile(migrations.Files, file)
		if err != nil {
			t.Fatal(err)
		}
		newer[file] = &fstest.MapFile{Data: script}
	}
	for _, number := range numbers {
		newer[fmt.Sprintf("%04d_added.sql", number)] = &fstest.MapFile{Data: fmt.Appendf(nil, "create table added_%d (one integer)", number)}
	}
	embedded := migrations.Files
	migrations.Files = newer
	t.Cleanup(func() { migrations.Files = embedded })
}

// SealFilled seals the head of a ledger that a benchmark filled with rows that it never
// reads.
func (db *DB) SealFilled(ctx context.Context, keys seal.Keys) error {
	h, err := scanHead(db.read.QueryRowContext(ctx, headColumns))
	if err != nil {
		return err
	}
	if _, err := db.write.ExecContext(ctx, `update head set seal = $1`, keys.Seal(h.row())); err != nil {
		return err
	}
	return db.Seal(ctx, keys)
}
