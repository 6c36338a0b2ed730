package store_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/register"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

var (
	march = ledger.NewPseudonyms(202603, register.EpochKey{1})
	april = ledger.NewPseudonyms(202604, register.EpochKey{1}.Next())
)

// nodes are several openings of one database.
func nodes(t *testing.T) map[string]func(*testing.T) *store.DB {
	path := filepath.Join(t.TempDir(), "poterne.db")
	connection := storetest.StartPostgreSQL(t).Database(t)
	return map[string]func(*testing.T) *store.DB{
		"sqlite":   func(t *testing.T) *store.DB { return openAt(t, path) },
		"postgres": func(t *testing.T) *store.DB { return openPostgreSQL(t, connection) },
	}
}

func concealed(t *testing.T, s *store.DB, pseudonyms ledger.Pseudonyms) *store.DB {
	t.Helper()
	if err := s.Conceal(t.Context(), pseudonyms); err != nil {
		t.Fatal(err)
	}
	return s
}

// Everything that is asked of a store is answered the same by a store that conceals people.
func TestAStoreThatConcealsAnswersAsAnyOther(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *store.DB { return concealed(t, openSQLite(t), march) })
	cluster := storetest.StartPostgreSQL(t)
	storetest.Run(t, func(t *testing.T) *store.DB { return concealed(t, openPostgreSQL(t, cluster.Database(t)), march) })
}

// Promise: LEDGER-2
func TestLEDGER_2_TheTableHidesPeopleAndTheVeilFindsThem(t *testing.T) {
	for engine, open := range nodes(t) {
		t.Run(engine, func(t *testing.T) {
			before := open(t)
			storetest.Write(t, before, 2, storetest.At) // by a program without pseudonyms
			s := concealed(t, open(t), march)
			storetest.Write(t, s, 2, storetest.At)
			storetest.Write(t, s, 2, storetest.At.AddDate(0, 1, 0))

			for row, err := range store.NewLedger(s).Sealed(t.Context(), 0) {
				if err != nil {
					t.Fatal(err)
				}
				person := storetest.Person(int(row.Number))
				stored, err := ledger.Decode(row.Body)
				if hidden := !bytes.Contains(row.Body, person[:]); err != nil || hidden != (row.Number >= 2) || hidden != (stored.Epoch != 0) {
					t.Errorf("entry %d: hidden %v, under %s, %v", row.Number, hidden, stored.Epoch, err)
				}
				one, err := store.NewLedger(s).Entry(t.Context(), row.Number)
				if err != nil || one.Person != person || one.Epoch != 0 {
					t.Errorf("entry %d is read as of %s, %v", row.Number, one.Epoch, err)
				}
			}
			read := 0
			for entry, err := range store.NewLedger(concealed(t, open(t), march)).Entries(t.Context(), 0) {
				if err != nil || entry.Person != storetest.Person(int(entry.Number)) {
					t.Fatalf("entry %d, of %s: %v", entry.Number, entry.Epoch, err)
				}
				read++
			}
			if read != 6 {
				t.Errorf("%d entries are read, want 6", read)
			}
			if _, err := store.NewLedger(before).Entry(t.Context(), 2); err == nil || !strings.Contains(err.Error(), "write epoch = ") {
				t.Errorf("a node that runs without the key reads on: %v", err)
			}
		})
	}
}

// A node that would take the people of others for different ones is not let in.
func TestPseudonymsOfOtherKeysAreRefused(t *testing.T) {
	for engine, open := range nodes(t) {
		t.Run(engine, func(t *testing.T) {
			storetest.Write(t, concealed(t, open(t), march), 1, storetest.At)
			for what, test := range map[string]struct {
				pseudonyms ledger.Pseudonyms
				want       string
			}{
				"no key":                          {ledger.Pseudonyms{}, "since 2026-03, people in this ledger are hidden under a key, and there is none here: write epoch = "},
				"another key":                     {ledger.NewPseudonyms(202603, register.EpochKey{2}), "the epoch key is not the one"},
				"another key, from a year ago":    {ledger.NewPseudonyms(202501, register.EpochKey{1}), "the epoch key is not the one"},
				"another key, from now on":        {ledger.NewPseudonyms(ledger.MonthOf(time.Now()), register.EpochKey{1}), "the epoch key is not the one"},
				"another key, for months to come": {ledger.NewPseudonyms(ledger.MonthOf(time.Now()).Plus(2), register.EpochKey{1}), "later than any that this ledger was written under"},
			} {
				if err := open(t).Conceal(t.Context(), test.pseudonyms); err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%s: %v", what, err)
				}
			}
			s := concealed(t, open(t), april) // a key that begins later is known
			storetest.Write(t, s, 1, storetest.At.AddDate(0, 1, 0))
			if entry, err := store.NewLedger(s).Entry(t.Context(), 1); err != nil || entry.Person != storetest.Person(1) {
				t.Errorf("what the later key covers: %v", err)
			}
			if _, err := store.NewLedger(s).Entry(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "entry 0 cannot be read: people of 2026-03 are asked for, and the epoch key begins with 2026-04") {
				t.Errorf("what it does not: %v", err)
			}
			if first, err := store.NewLedger(s).FirstAt(t.Context(), storetest.At.Add(time.Second)); err != nil || first != 1 {
				t.Errorf("times, which no key hides, lead to entry %d, %v", first, err)
			}
			concealed(t, open(t), march) // the nodes that still have the earlier key go on
		})
	}
}

// Of nodes that begin to hide at the same moment, those with one key start.
func TestOfTwoKeysAtTheSameMomentOneIsTaken(t *testing.T) {
	for engine, open := range nodes(t) {
		t.Run(engine, func(t *testing.T) {
			var nodes [4]*store.DB
			for i := range nodes {
				nodes[i] = open(t)
			}
			outcomes := make(chan bool)
			for i, s := range nodes {
				go func() {
					outcomes <- s.Conceal(t.Context(), ledger.NewPseudonyms(202603, register.EpochKey{byte(i)})) == nil
				}()
			}
			started := 0
			for range nodes {
				if <-outcomes {
					started++
				}
			}
			if started != 1 {
				t.Errorf("%d nodes start, each with another key", started)
			}
		})
	}
}
