// Package dbms is what differs between Poterne's two databases: how to connect, what their errors
// mean, and what each does in its own way under the one SQL text that both take.
package dbms

import (
	"context"
	"database/sql/driver"
	"errors"
	"net/url"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"poterne/internal/fault"
)

// Connector connects to what a name says by a driver of its own.
type Connector struct {
	Through driver.Driver
	Name    string
}

// Connect implements driver.Connector.
func (c Connector) Connect(context.Context) (driver.Conn, error) { return c.Through.Open(c.Name) }

// Driver implements driver.Connector.
func (c Connector) Driver() driver.Driver { return c.Through }

// File is the name of an SQLite file, with what the driver is told of it.
func File(path string, with url.Values) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + with.Encode()
}

// SQLiteError sorts an error of the driver by its code.
func SQLiteError(err error) error {
	var coded *sqlite.Error
	if !errors.As(err, &coded) {
		return err
	}
	switch coded.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
		return &fault.Error{Kind: fault.Unavailable, Err: err}
	case sqlite3.SQLITE_CONSTRAINT:
		return &fault.Error{Kind: fault.Invalid, Err: err}
	default:
		return err
	}
}
