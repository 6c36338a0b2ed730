package store_test

import (
	"testing"

	"poterne/internal/ledger"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// owned opens a database as its owner.
func owned(t *testing.T, cluster *storetest.Cluster, connection string) *store.DB {
	t.Helper()
	s, err := store.OpenAsOwner(t.Context(), cluster.Owner(connection), connection)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// Promise: LEDGER-6
func TestLEDGER_6_MonthsAreDroppedOnSQLite(t *testing.T) {
	storetest.Months(t, func(t *testing.T) (program, owner *store.DB) {
		s := openSQLite(t)
		return s, s
	})
}

// Promise: LEDGER-6
func TestLEDGER_6_MonthsAreDroppedOnPostgreSQL(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	for name, tables := range map[string]bool{"in tables of their own": true, "in turn_other": false} {
		t.Run(name, func(t *testing.T) {
			storetest.Months(t, func(t *testing.T) (program, owner *store.DB) {
				connection := cluster.Database(t)
				owner = owned(t, cluster, connection)
				for month := ledger.Month(202601); tables && month < 202703; month = month.Plus(3) {
					if err := store.NewMonths(owner).Make(t.Context(), month); err != nil {
						t.Fatal(err)
					}
				}
				return openPostgreSQL(t, connection), owner
			})
		})
	}
}
