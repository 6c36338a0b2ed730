package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store/indexdb"
	"poterne/internal/store/storetest"
)

// Both engines keep an index; the SQLite one also says where, for tests that damage
// it.
func onBothShelves(t *testing.T, ask func(t *testing.T, shelf *indexdb.DB, damage func(statement string))) {
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "poterne.db")
		shelf, err := indexdb.OpenSQLite(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = shelf.Close() })
		ask(t, shelf, func(statement string) { executeOn(t, "sqlite", path+"-index", statement) })
	})
	t.Run("postgres", func(t *testing.T) {
		connection := storetest.StartPostgreSQL(t).Database(t)
		shelf, err := indexdb.OpenPostgreSQL(t.Context(), connection)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = shelf.Close() })
		ask(t, shelf, func(statement string) { executeOn(t, "pgx", connection+" search_path=poterne_index", statement) })
	})
}

func executeOn(t *testing.T, driver, name, statement string) {
	t.Helper()
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), statement); err != nil {
		t.Fatal(err)
	}
}

// lines is a ledger in memory; another part of it may be written later.
type lines []ledger.Entry

func (l *lines) First(context.Context) (ledger.Number, error) { return 0, nil }

func (l *lines) Newest(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error] {
	return l.Entries(ctx, from)
}

func (l *lines) Entries(_ context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for _, entry := range (*l)[min(int(from), len(*l)):] {
			if !yield(entry, nil) {
				return
			}
		}
	}
}

func (l *lines) Entry(_ context.Context, number ledger.Number) (ledger.Entry, error) {
	if int(number) >= len(*l) {
		return ledger.Entry{}, errors.New("no such entry")
	}
	return (*l)[number], nil
}

// drawEntries draws a ledger in which few accounts are shown few people again and
// again, often at the same moment.
func drawEntries(t *rapid.T, count int) lines {
	pick := func(label string, n int) int { return rapid.IntRange(0, n-1).Draw(t, label) }
	entries := make(lines, count)
	at := storetest.At
	for i := range entries {
		at = at.Add(time.Duration(pick("step", 3)) * time.Microsecond)
		entries[i] = ledger.Entry{
			Number: ledger.Number(i), Time: at,
			Kind:    []ledger.Kind{ledger.Consulted, ledger.Changed, ledger.Consulted, ledger.Read}[pick("kind", 4)],
			Account: account(pick("account", 4)), Person: spread(pick("person", 25)),
			Fields:  []register.Fields{register.Name, register.Name | register.Contact, register.NIR, 0}[pick("fields", 4)],
			Verdict: []policy.Verdict{policy.Shown, policy.Masked, policy.Shown, policy.Withheld}[pick("verdict", 4)],
			Reason:  []reason.Reason{{}, {Kind: reason.Caseload, Source: "agenda"}, {Kind: reason.Caseload, Source: "agenda"}}[pick("reason", 3)],
		}
	}
	return entries
}

func account(n int) roster.AccountID { return roster.AccountID(fmt.Sprint("adviser.", n)) }

// spread is the n-th of some people on all pages, some of whom differ in their last
// byte only.
func spread(n int) (p register.PersonID) {
	binary.BigEndian.PutUint64(p[:], uint64(n/2+1)*0x1357_9bdf_0246_8ace)
	p[15] = byte(n % 2)
	return p
}

// compare holds every answer of the index against the ledger read from end to end.
func compare(t *rapid.T, x *index.Index, book *lines, asked query) {
	ctx := context.Background()
	want, err := asked.concerned(book.Entries(ctx, 0))
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(want, func(a, b index.Concerned) int { return bytes.Compare(a.Person[:], b.Person[:]) })
	var also []index.Question
	if or := asked.Or; or != nil {
		also = append(also, index.Question{Accounts: or.Accounts, Since: or.Since, Until: or.Until})
	}
	shown, err := x.ShownToAny(ctx, index.Question{Accounts: asked.Accounts, Since: asked.Since, Until: asked.Until}, also...)
	if err != nil {
		t.Fatal(err)
	}
	var got []index.Concerned
	for person, err := range shown.All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, person)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%+v gives %v, want %v", asked, got, want)
	}
	if strangers, err := asked.strangers(book.Entries(ctx, 0)); err != nil || shown.Unexplained != strangers {
		t.Fatalf("%+v: %d people without a reason, want %d (%v)", asked, shown.Unexplained, strangers, err)
	}
	times, categories := 0, make(map[register.Fields]int)
	var first, last time.Time
	for _, person := range want {
		times += person.Times
		if first.IsZero() || person.First.Before(first) {
			first = person.First
		}
		if person.Last.After(last) {
			last = person.Last
		}
		for field := register.Fields(1); field <= register.AllFields; field <<= 1 {
			if person.Fields.Has(field) {
				categories[field]++
			}
		}
	}
	if shown.People != len(want) || shown.Disclosures != times || len(shown.Categories) != len(categories) || int(shown.Before) != len(*book) {
		t.Fatalf("%+v counts %+v, want %d people, %d times", asked, shown, len(want), times)
	}
	if from, to, err := shown.Span(ctx); err != nil || !from.Equal(first) || !to.Equal(last) {
		t.Fatalf("%+v was from %v to %v, want %v to %v (%v)", asked, from, to, first, last, err)
	}
	for _, category := range shown.Categories {
		if categories[category.Field] != category.People {
			t.Fatalf("%+v counts %d people with %d, want %d", asked, category.People, category.Field, categories[category.Field])
		}
	}
}

func compareWhoSaw(t *rapid.T, x *index.Index, book *lines, person register.PersonID) {
	ctx := context.Background()
	seen, err := x.WhoSaw(ctx, person)
	if err != nil {
		t.Fatal(err)
	}
	var got, want []ledger.Entry
	for entry, err := range seen.Entries(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, entry)
	}
	for entry := range (query{Person: person}).disclosures(book.Entries(ctx, 0)) {
		want = append(want, entry)
	}
	if !slices.Equal(got, want) || int(seen.Before) != len(*book) {
		t.Fatalf("seen in %v, want %v", seen.Numbers, want)
	}
}

// bound draws no bound, or a moment on or around the edge of a segment.
func bound(t *rapid.T, label string, shape index.Shape, book lines) time.Time {
	if len(book) == 0 || rapid.Bool().Draw(t, label+" none") {
		return time.Time{}
	}
	segment := rapid.IntRange(0, len(book)/shape.Segment).Draw(t, label+" segment")
	entry := min(max(0, segment*shape.Segment+rapid.IntRange(-1, 1).Draw(t, label+" entry")), len(book)-1)
	return book[entry].Time.Add(time.Duration(rapid.IntRange(-1500, 1500).Draw(t, label)))
}

// Promise: LEDGER-7
func TestTheIndexAnswersAsTheLedgerDoes(t *testing.T) {
	onBothShelves(t, func(t *testing.T, shelf *indexdb.DB, _ func(string)) {
		rapid.Check(t, func(t *rapid.T) {
			if err := shelf.Drop(context.Background()); err != nil {
				t.Fatal(err)
			}
			shape := index.Shape{
				Segment: rapid.IntRange(8, 40).Draw(t, "segment"), Pages: rapid.IntRange(1, 5).Draw(t, "pages"), Piece: rapid.IntRange(1, 4).Draw(t, "piece"),
				Portion: rapid.IntRange(1, 12).Draw(t, "portion"),
			}
			all := drawEntries(t, rapid.IntRange(0, 160).Draw(t, "entries"))
			var book lines
			x := index.New(shape, &book, shelf)
			for len(book) < len(all) || len(all) == 0 { // also asked while it grows
				book = all[:min(len(all), len(book)+rapid.IntRange(1, 120).Draw(t, "more"))]
				if rapid.Bool().Draw(t, "afresh") {
					x = index.New(shape, &book, shelf) // as another process does
				}
				var accounts []roster.AccountID
				for range rapid.IntRange(1, 3).Draw(t, "accounts") {
					accounts = append(accounts, account(rapid.IntRange(0, 4).Draw(t, "asked")))
				}
				asked := query{
					Accounts: accounts, Since: bound(t, "since", shape, book), Until: bound(t, "until", shape, book),
				}
				if rapid.Bool().Draw(t, "two questions") {
					asked.Or = &query{
						Accounts: []roster.AccountID{account(rapid.IntRange(0, 4).Draw(t, "or"))},
						Since:    bound(t, "or since", shape, book), Until: bound(t, "or until", shape, book),
					}
				}
				compare(t, x, &book, asked)
				compareWhoSaw(t, x, &book, spread(rapid.IntRange(0, 25).Draw(t, "seen")))
				if len(all) == 0 {
					break
				}
			}
			if _, err := x.Audit(context.Background(), nil); err != nil {
				t.Fatalf("the audit objects to what was just made: %v", err)
			}
		})
	})
}

// small has several segments of four pages, and accounts that need pieces.
var small = index.Shape{Segment: 100, Pages: 4, Piece: 8, Portion: 16}

// few is a ledger of n entries, in which adviser i%3 was shown person i%17.
func few(n int) lines {
	entries := make(lines, n)
	for i := range entries {
		entries[i] = ledger.Entry{
			Number: ledger.Number(i), Time: storetest.At.Add(time.Duration(i) * time.Second), Kind: ledger.Consulted,
			Account: account(i % 3), Person: spread(i % 17), Fields: register.Name, Verdict: policy.Shown,
		}
	}
	return entries
}

// everything asks an index about every account and every person of few.
func everything(t *testing.T, x *index.Index) error {
	shown, err := x.ShownTo(t.Context(), []roster.AccountID{account(0), account(1), account(2)}, time.Time{}, time.Time{})
	if err != nil {
		return err
	}
	for _, err := range shown.All(t.Context()) {
		if err != nil {
			return err
		}
	}
	for i := range 17 {
		if _, err := x.WhoSaw(t.Context(), spread(i)); err != nil {
			return err
		}
	}
	return nil
}

// Promise: LEDGER-7
func TestADamagedIndexAnswersNothingAndIsFound(t *testing.T) {
	onBothShelves(t, func(t *testing.T, shelf *indexdb.DB, damage func(string)) {
		for sentence, c := range map[string]struct{ damage, says string }{
			"untouched":                  {`select 1`, ""},
			"a page of accounts changed": {`update page set body = more, more = body where side = 'accounts' and segment = 2 and piece = 0`, "segment 2, entries 200 to 299: page 0 of 4 of accounts"},
			"a page of people changed":   {`update page set more = (select more from page where side = 'people' and page = 1 and segment = 0) where side = 'people' and page = 1 and segment = 1`, "segment 1, entries 100 to 199: page 1 of 4 of people: changed"},
			"a page of accounts gone":    {`delete from page where side = 'accounts' and page = 0 and segment = 1 and piece = 0`, "segment 1, entries 100 to 199: page 0 of 4 of accounts"},
			"the last page gone":         {`delete from page where side = 'people' and page = 2 and segment = 3`, "segment 3, entries 300 to 399: page 2 of 4 of people: missing"},
			"a piece gone":               {`delete from page where piece = 2 and segment = 3`, "segment 3, entries 300 to 399: page"},
			"pieces exchanged":           {`update page set segment = case segment when 0 then 4 else 0 end where piece = 1 and segment in (0, 4)`, "segment 0"},
			"a segment changed":          {`update segment set body = (select body from segment where number = 2) where number = 3`, "segment 3"},
			"a segment gone":             {`delete from segment where number = 1`, "segment 1 of the index is missing"},
			"a portion changed":          {`update page set body = (select body from page where side = 'open' and page = 0) where side = 'open' and page = 1`, "segment 4, entries 416 to 431: kept while the segment is open: changed"},
			"an empty row":               {`update page set body = substr(body, 1, 2) where side = 'people' and page = 0 and segment = 0`, "segment 0, entries 0 to 99: page 0 of 4 of people: changed"},
		} {
			t.Run(sentence, func(t *testing.T) {
				book := few(450)
				if err := shelf.Drop(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := everything(t, index.New(small, &book, shelf)); err != nil {
					t.Fatal(err)
				}
				damage(c.damage)
				x := index.New(small, &book, shelf)
				asked := everything(t, x)
				_, audited := x.Audit(t.Context(), nil)
				if c.says == "" {
					if asked != nil || audited != nil {
						t.Fatalf("%v, %v", asked, audited)
					}
					return
				}
				if asked == nil {
					t.Error("it answers all the same")
				}
				if audited == nil || !strings.Contains(audited.Error(), c.says) {
					t.Errorf("the audit says %v", audited)
				}
				if err := x.Rebuild(t.Context(), nil); err != nil {
					t.Fatal(err)
				}
				if _, err := x.Audit(t.Context(), nil); err != nil || everything(t, x) != nil {
					t.Errorf("rebuilt, it is still damaged: %v", err)
				}
			})
		}
	})
}

// Somebody who forges an index with the right sums is found by the audit only.
//
// Promise: LEDGER-7
func TestAForgedIndexIsFoundByTheAudit(t *testing.T) {
	onBothShelves(t, func(t *testing.T, shelf *indexdb.DB, damage func(string)) {
		for sentence, c := range map[string]struct {
			forge func(lines)
			says  string
		}{
			"an account shown another person":   {func(l lines) { l[210].Person = spread(18) }, "segment 2, entries 200 to 299: page"},
			"another account":                   {func(l lines) { l[310].Account = "nobody" }, "segment 3, entries 300 to 399: page"},
			"another moment":                    {func(l lines) { l[199].Time = l[199].Time.Add(-time.Millisecond); l[399].Time = l[398].Time }, "segment 1, entries 100 to 199: page"},
			"somebody left out":                 {func(l lines) { l[250].Verdict = policy.Withheld }, "segment 2, entries 200 to 299: page"},
			"somebody left out of what is open": {func(l lines) { l[420].Verdict = policy.Withheld }, "segment 4, entries 416 to 431: kept while"},
		} {
			t.Run(sentence, func(t *testing.T) {
				book, forged := few(450), few(450)
				c.forge(forged)
				if err := shelf.Drop(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := index.New(small, &forged, shelf).CatchUp(t.Context(), nil); err != nil {
					t.Fatal(err)
				}
				_, err := index.New(small, &book, shelf).Audit(t.Context(), nil)
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("the audit says %v", err)
				}
			})
		}
	})
}

func TestAnIndexOfAnotherLedgerIsRefused(t *testing.T) {
	onBothShelves(t, func(t *testing.T, shelf *indexdb.DB, _ func(string)) {
		book := few(450)
		if err := index.New(small, &book, shelf).CatchUp(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		other, otherOpen, shorter := few(450), few(450), few(350)
		other[399].Account = "somebody.else"
		otherOpen[447].Account = "somebody.else"
		for sentence, l := range map[string]*lines{"another": &other, "lately another": &otherOpen, "a shorter": &shorter} {
			if err := everything(t, index.New(small, l, shelf)); err == nil || !strings.Contains(err.Error(), "--rebuild") {
				t.Errorf("%s ledger: %v", sentence, err)
			}
		}
		reshaped := small
		reshaped.Pages = 8
		if err := everything(t, index.New(reshaped, &book, shelf)); err == nil || !strings.Contains(err.Error(), "shape") {
			t.Errorf("another shape: %v", err)
		}
		gap := slices.Delete(few(450), 448, 449)
		if err := everything(t, index.New(small, &gap, shelf)); err == nil || !strings.Contains(err.Error(), "entry 448 is missing") {
			t.Errorf("an entry removed: %v", err)
		}
	})
}

// Several processes seal the same ledger at the same time, and come to the same.
func TestProcessesThatSealTogetherAgree(t *testing.T) {
	onBothShelves(t, func(t *testing.T, shelf *indexdb.DB, _ func(string)) {
		book := few(2050)
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				if err := everything(t, index.New(small, &book, shelf)); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if compared, err := index.New(small, &book, shelf).Audit(t.Context(), nil); compared != 20 || err != nil {
			t.Errorf("%d segments, %v", compared, err)
		}
	})
}

func TestADatabaseWithoutRoomForTheIndexSaysWhatToDo(t *testing.T) {
	server := storetest.StartPostgreSQL(t)
	connection := server.Database(t)
	executeOn(t, "pgx", server.Owner(connection), `drop schema poterne_index`)
	if _, err := indexdb.OpenPostgreSQL(t.Context(), connection); err == nil || !strings.Contains(err.Error(), "run poterne migrate") {
		t.Errorf("it says %v", err)
	}
}
