package store_test

import (
	"context"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// Two processes write in one ledger, with memories of any size, and catch up with each
// other or not, and fail: from any entry on, the newest are those that the rows have.
func TestTheNewestEntriesAreThoseOfTheRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "poterne.db")
	open := func() *store.DB {
		s, err := store.OpenSQLite(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	one, other, reader := open(), open(), open()
	random := rand.New(rand.NewPCG(1, 2))
	one.Remember(20_000)
	fed := 0
	var next ledger.Number
	for range 300 {
		s := []*store.DB{one, one, one, other}[random.IntN(4)]
		switch random.IntN(8) {
		case 0:
			one.Remember(random.Int64N(40_000))
		case 1: // a turn that fails
			_ = store.NewLedger(s).Turn(t.Context(), func(journal.Head) error { return context.Canceled })
		case 2, 3: // a node that looks
			if err := store.NewLedger(one).Turn(t.Context(), func(head journal.Head) error {
				for _, err := range head.Entries(next) {
					if err != nil {
						return err
					}
				}
				next = head.Next()
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		default:
			storetest.Write(t, s, 1+random.IntN(30), storetest.At)
		}
		from := ledger.Number(random.IntN(int(next) + 20))
		rows := collect(t, store.NewLedger(reader).Entries(t.Context(), from))
		if newest := collect(t, store.NewLedger(one).Newest(t.Context(), from)); !slices.Equal(newest, rows) {
			t.Fatalf("from %d on, %d entries are remembered and read, and there are %d", from, len(newest), len(rows))
		}
		sealed := collect(t, store.NewLedger(reader).Sealed(t.Context(), from))
		same := func(a, b ledger.Sealed) bool { return a.Number == b.Number && a.Leaf() == b.Leaf() }
		if newest := collect(t, store.NewLedger(one).NewestSealed(t.Context(), from)); !slices.EqualFunc(newest, sealed, same) {
			t.Fatalf("from %d on, %d sealed entries are remembered and read, and there are %d", from, len(newest), len(sealed))
		}
		if one.RememberedBytes() > 0 {
			fed++
		}
	}
	if fed < 100 {
		t.Errorf("something was remembered in %d steps of 300: nothing was tried", fed)
	}
}

// What this process wrote it does not read back.
func TestTheNewestEntriesAreNotReadBack(t *testing.T) {
	s, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "poterne.db"))
	if err != nil {
		t.Fatal(err)
	}
	storetest.Write(t, s, 300, storetest.At)
	if s.RememberedBytes() == 0 || s.RememberedBytes() > store.Remembered {
		t.Errorf("%d bytes are remembered", s.RememberedBytes())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	next := ledger.Number(7)
	for entry, err := range store.NewLedger(s).Newest(t.Context(), next) {
		if err != nil || entry.Number != next {
			t.Fatalf("entry %d is %d, %v", next, entry.Number, err)
		}
		if next++; next == 300 {
			break
		}
	}
}

func collect[T any](t *testing.T, entries iter.Seq2[T, error]) (list []T) {
	t.Helper()
	for entry, err := range entries {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, entry)
	}
	return list
}
