package town

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver
)

// Database is an application's own SQLite file: what is written in the application, and what
// others were not told of it yet. Who reads it is one process.
type Database struct {
	db   *sql.DB
	wake chan struct{} // something waits to be told
}

// Databases are the files of the applications. Ouiform and Kairos both keep who is trained.
type Databases struct {
	Contacts *Database // of the register itself
	Dossier  *Database
	Training *Database
	Suivi    *Database
}

// OpenDatabases opens the files of a register's applications in a folder, and makes what is not
// there. Files that were written about other people are an error: their rows name people by
// their place in the register.
func OpenDatabases(ctx context.Context, folder string, r *Register) (*Databases, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	d := new(Databases)
	for _, file := range []struct {
		at           **Database
		name, tables string
	}{
		{&d.Contacts, "contacts.db", contactTables},
		{&d.Dossier, "dossier.db", dossierTables},
		{&d.Training, "training.db", trainingTables},
		{&d.Suivi, "suivi.db", suiviTables},
	} {
		opened, err := openDatabase(ctx, filepath.Join(folder, file.name), file.tables, r)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("opening %s: %w", filepath.Join(folder, file.name), err), d.Close())
		}
		*file.at = opened
	}
	return d, nil
}

// Close closes the files that are open.
func (d *Databases) Close() (err error) {
	for _, b := range []*Database{d.Contacts, d.Dossier, d.Training, d.Suivi} {
		if b != nil {
			err = errors.Join(err, b.db.Close())
		}
	}
	return err
}

// commonTables are in each file: of whose register it speaks, which of its applications are
// read-only and why, and the lines that others are still to be told, in their order.
const commonTables = `
	create table if not exists register (one integer primary key check (one = 1), first_dossier text not null) strict;
	create table if not exists read_only (application text primary key, why text not null) strict;
	create table if not exists told (number integer primary key autoincrement, source text not null, line text not null) strict;`

func openDatabase(ctx context.Context, path, tables string, r *Register) (*Database, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	settings := url.Values{"_txlock": {"immediate"}, "_pragma": {"busy_timeout(10000)", "journal_mode(wal)", "synchronous(full)", "foreign_keys(1)"}}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+settings.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	b := &Database{db: db, wake: make(chan struct{}, 1)}
	first := ""
	err = b.change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, commonTables+tables); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `insert into register (one, first_dossier) values (1, $1) on conflict do nothing`, r.Dossier(0)); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `select first_dossier from register`).Scan(&first)
	})
	if err == nil && first != r.Dossier(0) {
		err = errors.New("it was written about the people of another seed: begin with that seed, or in another folder")
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return b, nil
}

// change makes a change, durable when it returns nil. It is carried through even if whoever asked
// for it goes away meanwhile.
func (b *Database) change(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := b.db.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	select {
	case b.wake <- struct{}{}:
	default: // it is awake
	}
	return nil
}

// set makes a change that is one statement.
func (b *Database) set(ctx context.Context, statement string, values ...any) error {
	return b.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(statement, values...)
		return err
	})
}

// tell has others told a reason once the transaction is committed.
func tell(tx *sql.Tx, source string, r Reason) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`insert into told (source, line) values ($1, $2)`, source, string(line))
	return err
}

// each calls take for each row of a query.
func (b *Database) each(ctx context.Context, query string, take func(scan func(...any) error) error) error {
	rows, err := b.db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := take(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
