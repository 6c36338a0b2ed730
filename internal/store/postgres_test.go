package store_test

import (
	"database/sql"
	"strings"
	"testing"

	"poterne/internal/signin"
	"poterne/internal/signin/signintest"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

func openPostgreSQL(t *testing.T, connection string) *store.Store {
	t.Helper()
	s, err := store.OpenPostgreSQL(t.Context(), connection)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestPostgreSQL(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	storetest.Run(t, func(t *testing.T) *store.Store { return openPostgreSQL(t, cluster.Database(t)) })
	t.Run("sessions", func(t *testing.T) {
		signintest.Conformance(t, func() signin.Shelf { return store.NewSessions(openPostgreSQL(t, cluster.Database(t))) })
	})
	t.Run("rows of the ledger refuse change, removal and emptying", func(t *testing.T) {
		connection := cluster.Database(t)
		storetest.Write(t, openPostgreSQL(t, connection), 3, storetest.At)
		direct, err := sql.Open("pgx", connection)
		if err != nil {
			t.Fatal(err)
		}
		defer direct.Close()
		for _, statement := range []string{
			`update entry set body = '\x00' where number = 1`, `delete from entry`, `truncate entry`,
			`insert into entry (number, salt, body) values (1, '\x00000000000000000000000000000000', '\x00') on conflict (number) do update set body = excluded.body`,
		} {
			if _, err := direct.Exec(statement); err == nil || !strings.Contains(err.Error(), "an entry cannot be") {
				t.Errorf("%s: %v", statement, err)
			}
		}
	})
	t.Run("a newer schema is refused", func(t *testing.T) {
		connection := cluster.Database(t)
		openPostgreSQL(t, connection)
		direct, err := sql.Open("pgx", connection)
		if err != nil {
			t.Fatal(err)
		}
		defer direct.Close()
		if _, err := direct.Exec(`insert into schema_version (version) values (9999)`); err != nil {
			t.Fatal(err)
		}
		if _, err := store.OpenPostgreSQL(t.Context(), connection); err == nil || !strings.Contains(err.Error(), "run the newer program") {
			t.Errorf("opened with %v", err)
		}
	})
	t.Run("nodes that start together migrate once", func(t *testing.T) {
		connection := cluster.Database(t)
		opened := make(chan error)
		for range 4 {
			go func() {
				s, err := store.OpenPostgreSQL(t.Context(), connection)
				if err == nil {
					err = s.Close()
				}
				opened <- err
			}()
		}
		for range 4 {
			if err := <-opened; err != nil {
				t.Error(err)
			}
		}
	})
}
