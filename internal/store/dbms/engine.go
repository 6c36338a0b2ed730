package dbms

import (
	"context"
	"database/sql"

	"poterne/internal/ledger"
)

// Engine is what the two databases do each in its own way, under the one SQL text that both
// take. SQLite and PostgreSQL implement it. Errors are the driver's, as they are, but for those
// of Remove and Sweep, which may be sorted.
type Engine interface {
	// Dialect is in the names of the migration files.
	Dialect() string
	// ForUpdate ends a query that takes a row for its transaction: nobody else takes it until
	// that ends.
	ForUpdate() string
	// Apart reports whether entries lie in a table for each month, and rows are inserted as
	// arrays; otherwise all lie in one, and rows are inserted one by one.
	Apart() bool
	// Found is the rows of a table whose column is in the list that is a query's
	// first argument, each with the place of that member of the list, from 1. The
	// column's index is used, however many rows there are.
	Found(table, column string) string
	// List makes that argument.
	List(members [][]byte) any
	// Listen calls told once it listens, and whenever the generation has advanced on
	// another node, until ctx ends or the listener is lost.
	Listen(ctx context.Context, told func()) error
	// Doubtful reports whether some commit that returned may yet be lost.
	Doubtful() bool
	// Undone says what an error of a rollback means: nil when nothing of the
	// transaction can stay all the same.
	Undone(error) error
	// OfMonths is the condition that entries are of the months first to last, where
	// they lie apart by months.
	OfMonths(first, last ledger.Month) string
	// Remove removes the entries of a period for ever.
	Remove(ctx context.Context, tx *sql.Tx, period ledger.Period) error
	// Sweep removes what is left of them in files, after the transaction.
	Sweep(ctx context.Context, db *sql.DB) error
}
