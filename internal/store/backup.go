package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// CopyTo copies a file on SQLite, as it is at one moment, to a file that must not be
// there yet, for its owner only; it is durable when CopyTo returns. Whoever writes
// goes on meanwhile. A server is copied with its own tools.
func (db *DB) CopyTo(ctx context.Context, path string) error {
	if db.engine.Dialect() != onSQLite.Dialect() {
		return errors.New("only a file can be copied like this")
	}
	// SQLite writes into a file that is there if it is empty: so nobody else can read it.
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("%s is not written: %w", path, errors.Unwrap(err))
	}
	_, err = db.write.ExecContext(ctx, `vacuum into $1`, path)
	if err = errors.Join(db.engine.classify(err), file.Sync(), file.Close()); err != nil {
		return errors.Join(fmt.Errorf("copying to %s: %w", path, err), os.Remove(path))
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
