package storetest

import (
	"database/sql"
	"testing"

	"poterne/internal/lab/tamper"
)

// Tamper does to entries what statements say: see tamper.Entries.
func Tamper(t testing.TB, db *sql.DB, statements string) {
	t.Helper()
	if err := tamper.Entries(t.Context(), db, statements); err != nil {
		t.Fatal(err)
	}
}

// TamperWith changes entries without a guard: see tamper.With.
func TamperWith(t testing.TB, db *sql.DB, change func(*sql.Conn)) {
	t.Helper()
	err := tamper.With(t.Context(), db, func(conn *sql.Conn) error {
		change(conn)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
