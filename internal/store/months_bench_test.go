package store_test

import (
	"fmt"
	"testing"

	"poterne/internal/journal"

	"poterne/internal/ledger"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// Reading by number costs the same, however many months there are.
func BenchmarkReadingByNumber(b *testing.B) {
	cluster := storetest.StartPostgreSQL(b)
	for _, months := range []int{1, 15, 36} {
		connection := cluster.Database(b)
		owner, err := store.OpenAsOwner(b.Context(), cluster.Owner(connection), connection)
		if err != nil {
			b.Fatal(err)
		}
		s, err := store.OpenPostgreSQL(b.Context(), connection)
		if err != nil {
			b.Fatal(err)
		}
		month := ledger.Month(202301)
		for range months {
			if err := store.NewMonths(owner).Make(b.Context(), month); err != nil {
				b.Fatal(err)
			}
			storetest.Write(b, s, 7200/months, month.Begins())
			month = month.Plus(1)
		}
		next, err := store.NewLedger(s).FirstAt(b.Context(), month.Begins())
		if err != nil {
			b.Fatal(err)
		}
		for name, read := range map[string]func() error{
			"the newest, under the head": func() error {
				return store.NewLedger(s).Turn(b.Context(), func(head journal.Head) error {
					for _, err := range head.Entries(next - 1) {
						if err != nil {
							return err
						}
					}
					return nil
				})
			},
			"none, under the head": func() error {
				return store.NewLedger(s).Turn(b.Context(), func(head journal.Head) error {
					for _, err := range head.Entries(next) {
						return err
					}
					return nil
				})
			},
			"one of long ago": func() error {
				_, err := store.NewLedger(s).Entry(b.Context(), next/3)
				return err
			},
			"a tile's of long ago": func() error {
				left := 256
				for _, err := range store.NewLedger(s).Entries(b.Context(), next/3) {
					if left--; left == 0 || err != nil {
						return err
					}
				}
				return nil
			},
		} {
			b.Run(fmt.Sprintf("%s/%d months", name, months), func(b *testing.B) {
				for b.Loop() {
					if err := read(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		_, _ = owner.Close(), s.Close()
	}
}
