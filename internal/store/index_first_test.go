package store_test

import (
	"bytes"
	"context"
	"iter"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
	"poterne/internal/policy"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/indexdb"
	"poterne/internal/store/storetest"
)

// shortened is a ledger in memory whose first entries may go.
type shortened struct {
	lines
	first ledger.Number
}

func (s *shortened) First(context.Context) (ledger.Number, error) { return s.first, nil }

func (s *shortened) Entries(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error] {
	return s.lines.Entries(ctx, max(from, s.first))
}

func (s *shortened) Newest(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error] {
	return s.Entries(ctx, from)
}

// left is what is still there.
func (s *shortened) left() lines { return s.lines[s.first:] }

// What the ledger has dropped is in no answer of its index, whether that ran
// meanwhile or not, and answers say from when on they know.
//
// Promise: LEDGER-6
func TestTheIndexForgetsWhatTheLedgerHasDropped(t *testing.T) {
	onBothShelves(t, func(t *testing.T, shelf *indexdb.DB, _ func(string)) {
		rapid.Check(t, func(t *rapid.T) {
			ctx := context.Background()
			if err := shelf.Drop(ctx); err != nil {
				t.Fatal(err)
			}
			shape := index.Shape{Segment: rapid.IntRange(8, 40).Draw(t, "segment"), Pages: 3, Piece: rapid.IntRange(1, 4).Draw(t, "piece"), Portion: rapid.IntRange(1, 12).Draw(t, "portion")}
			all := drawEntries(t, rapid.IntRange(1, 160).Draw(t, "entries"))
			book := &shortened{lines: all[:rapid.IntRange(0, len(all)).Draw(t, "before")]}
			x := index.New(shape, book, shelf)
			if rapid.Bool().Draw(t, "known before") {
				if err := x.CatchUp(ctx, nil); err != nil {
					t.Fatal(err)
				}
			}
			book.first = ledger.Number(rapid.IntRange(0, len(book.lines)).Draw(t, "dropped"))
			book.lines = all
			if rapid.Bool().Draw(t, "another process") {
				x = index.New(shape, book, shelf)
			}
			compareShortened(t, x, book)
			if _, err := x.Audit(ctx, nil); err != nil {
				t.Fatal(err)
			}
		})
	})
}

// compareShortened holds answers against what is left.
func compareShortened(t *rapid.T, x *index.Index, book *shortened) {
	ctx := context.Background()
	accounts := []roster.AccountID{account(0), account(1), account(2), account(3)}
	shown, err := x.ShownTo(ctx, accounts, time.Time{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	yielded := func(yield func(ledger.Entry, error) bool) {
		for _, e := range book.left() {
			if !yield(e, nil) {
				return
			}
		}
	}
	want, _ := query{Accounts: accounts}.concerned(yielded)
	if shown.People != len(want) || shown.From != book.first || len(book.left()) > 0 && !shown.Begun.Equal(book.left()[0].Time) {
		t.Fatalf("%d people from entry %d of %v on; want %d from %d", shown.People, shown.From, shown.Begun, len(want), book.first)
	}
	reached, err := shown.ByAccount(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reached {
		want, _ := query{Accounts: []roster.AccountID{r.Account}}.concerned(yielded)
		strangers, _ := query{Accounts: []roster.AccountID{r.Account}}.strangers(yielded)
		expected := index.Reached{Account: r.Account, People: len(want), Unexplained: strangers}
		for _, p := range want {
			expected.Disclosures += p.Times
			if expected.First.IsZero() || p.First.Before(expected.First) {
				expected.First = p.First
			}
			if p.Last.After(expected.Last) {
				expected.Last = p.Last
			}
		}
		if r != expected {
			t.Fatalf("%+v, want %+v", r, expected)
		}
	}
	for n := range 25 {
		seen, err := x.WhoSaw(ctx, spread(n))
		if err != nil {
			t.Fatal(err)
		}
		var want []ledger.Number
		for e := range (query{Person: spread(n)}).disclosures(yielded) {
			want = append(want, e.Number)
		}
		if len(seen.Numbers) != len(want) || len(want) > 0 && (seen.Numbers[0] != want[0] || seen.Numbers[len(want)-1] != want[len(want)-1]) {
			t.Fatalf("seen in %v, want %v", seen.Numbers, want)
		}
	}
}

// Promise: LEDGER-6
func TestNoByteOfWhatWasDroppedStaysInTheIndex(t *testing.T) {
	path := filepath.Join(t.TempDir(), "poterne.db")
	shelf, err := indexdb.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer shelf.Close()
	book := &shortened{lines: make(lines, 100)}
	for i := range book.lines {
		book.lines[i] = ledger.Entry{
			Number: ledger.Number(i), Time: storetest.At.Add(time.Duration(i) * time.Second), Kind: ledger.Consulted,
			Account: account(i % 3), Person: spread(i), Verdict: policy.Shown,
		}
	}
	x := index.New(index.Shape{Segment: 30, Pages: 2, Piece: 4, Portion: 3}, book, shelf)
	if err := x.CatchUp(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	gone, here := spread(10), spread(90)
	for _, step := range []struct {
		dropped ledger.Number
		gone    bool
	}{{0, false}, {60, true}} {
		book.first = step.dropped
		if err := x.CatchUp(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if remade := x.Remade(); remade != step.gone {
			t.Errorf("made again: %v", remade)
		}
		var kept []byte
		for _, file := range []string{path + "-index", path + "-index-wal"} {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			kept = append(kept, raw...)
		}
		if bytes.Contains(kept, gone[:]) == step.gone {
			t.Errorf("with %d entries dropped, somebody of them is in the file: %v", step.dropped, !step.gone)
		}
		if !bytes.Contains(kept, here[:]) {
			t.Errorf("with %d entries dropped, somebody who is left is not in the file", step.dropped)
		}
	}
}

// Promise: LEDGER-6
func TestTheIndexOfALedgerFollowsWhenAMonthIsDropped(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	for engine, open := range map[string]func(t *testing.T) (program, owner *store.DB, shelf *indexdb.DB){
		"sqlite": func(t *testing.T) (_, _ *store.DB, shelf *indexdb.DB) {
			path := filepath.Join(t.TempDir(), "poterne.db")
			s := openAt(t, path)
			shelf, err := indexdb.OpenSQLite(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			return s, s, shelf
		},
		"postgres": func(t *testing.T) (_, owner *store.DB, shelf *indexdb.DB) {
			connection := cluster.Database(t)
			owner = owned(t, cluster, connection)
			shelf, err := indexdb.OpenPostgreSQL(t.Context(), connection)
			if err != nil {
				t.Fatal(err)
			}
			return openPostgreSQL(t, connection), owner, shelf
		},
	} {
		t.Run(engine, func(t *testing.T) {
			s, owner, shelf := open(t)
			t.Cleanup(func() { _ = shelf.Close() })
			l := storetest.NewLedger(t, s, owner)
			l.Lived(t, first, 300, 40, 7)
			x := index.New(index.Shape{Segment: 64, Pages: 4, Piece: 4, Portion: 10}, store.NewLedger(s), shelf)
			asks := func(people int, from ledger.Number) {
				t.Helper()
				shown, err := x.ShownTo(t.Context(), []roster.AccountID{"pauline"}, time.Time{}, time.Time{})
				if err != nil || shown.People != people || shown.From != from {
					t.Errorf("%d people from entry %d on, %v; want %d from %d", shown.People, shown.From, err, people, from)
				}
			}
			asks(347, 0)
			l.Drop(t, first)
			asks(47, 300)
			for person, times := range map[int]int{0: 0, 299: 0, 300: 1} {
				if seen, err := x.WhoSaw(t.Context(), storetest.Person(person)); err != nil || len(seen.Numbers) != times || seen.Begun.Before(second.Begins()) {
					t.Errorf("person %d was seen in %v, since %v, %v", person, seen.Numbers, seen.Begun, err)
				}
			}
			if _, err := x.Audit(t.Context(), nil); err != nil {
				t.Error(err)
			}
			if !x.Remade() {
				t.Error("it does not say that it was made again")
			}
		})
	}
}
