package store

import (
	"time"

	"poterne/internal/journal"

	"poterne/internal/ledger"
)

// OpenSQLiteThrough opens SQLite through a driver that a test puts in its place.
var OpenSQLiteThrough = openSQLite

// Rights is what the program may do with each table on PostgreSQL.
var Rights = rights

// WriteSealed writes rows that were sealed elsewhere.
func WriteSealed(head journal.Head, rows []ledger.Sealed, at time.Time) error {
	return head.(*turn).write(rows, at)
}
