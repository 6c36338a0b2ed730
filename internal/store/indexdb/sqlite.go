package indexdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/sqlite"

	"poterne/internal/store/dbms"
)

// OpenSQLite opens or creates the index of the ledger in the database at path.
// It is a file beside it, because sealing a segment holds the write lock for a
// second or two.
func OpenSQLite(ctx context.Context, path string) (*DB, error) {
	path, err := filepath.Abs(path + "-index")
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the file of the index: %w", err)
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	// Pages of the largest size: what is read is some kilobytes at a time.
	pragmas := []string{"busy_timeout(60000)", "page_size(32768)", "journal_mode(wal)", "synchronous(normal)", "cache_size(-65536)"}
	connect := func(more url.Values) *sql.DB {
		more["_pragma"] = append(pragmas[:len(pragmas):len(pragmas)], more["_pragma"]...)
		name := "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + more.Encode()
		return sql.OpenDB(dbms.Connector{Through: &sqlite.Driver{}, Name: name})
	}
	x := &DB{
		engine: onSQLite{},
		write:  connect(url.Values{"_txlock": {"immediate"}}),
		read:   connect(url.Values{"_pragma": {"query_only(1)"}}),
	}
	x.write.SetMaxOpenConns(1)
	x.read.SetMaxOpenConns(4)
	x.read.SetMaxIdleConns(4)
	if err := x.ready(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", path, err), x.Close())
	}
	return x, nil
}

type onSQLite struct{}

func (onSQLite) create() string {
	return `
		create table if not exists segment (
			number integer not null constraint segment_number primary key,
			body   blob not null
		) strict;
		create table if not exists page (
			side    text not null check (side in ('accounts', 'people', 'open')),
			page    integer not null,
			piece   integer not null,
			segment integer not null,
			body    blob not null,
			more    blob not null,
			constraint page_place primary key (side, page, piece, segment)
		) strict;`
}

// The transaction was begun immediate: it holds the only write lock already.
func (onSQLite) alone() string { return "" }

// What is deleted would stay in the file until something else is written over it.
func (onSQLite) empty() string {
	return `delete from page; delete from segment; vacuum; pragma wal_checkpoint(truncate)`
}

func (onSQLite) size() string {
	return `select page_count * page_size from pragma_page_count(), pragma_page_size()`
}

func (onSQLite) classify(err error) error { return dbms.SQLiteError(err) }
