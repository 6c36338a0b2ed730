package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"poterne/internal/archive"
	"poterne/internal/audit"
	"poterne/internal/intake"
	"poterne/internal/journal"
	"poterne/internal/order"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/seal"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// stocked is a sealed database, and an audit of it.
func stocked(t *testing.T) (robbed, journal.Outside, *audit.Audit) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "poterne.db")
	s := openAt(t, path)
	if err := s.Seal(t.Context(), keys); err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("sqlite", path+"?_pragma=foreign_keys(0)&_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	return robbed{t, s, raw, false}, journal.Outside{DB: store.NewLedger(s), Now: time.Now}, audit.New(store.NewLedger(s), store.NewAudit(s), time.Now)
}

// tell has a source tell facts, each a number, that hold until a time.
func tell(t *testing.T, w journal.Writer, kind reason.FactKind, until time.Time, numbers ...int) {
	t.Helper()
	batch := intake.FactBatch{Source: "cases"}
	for _, n := range numbers {
		f := reason.Fact{Kind: kind, ID: fmt.Sprint(n), Account: "pauline", Person: storetest.Person(n), From: time.Now().Add(-time.Hour), Until: until}
		if kind.Apart() {
			f.Account, f.Organisation = "", reason.Everybody
		}
		batch.Facts = append(batch.Facts, f)
	}
	if err := act(&batch)(t.Context(), w); err != nil {
		t.Fatal(err)
	}
}

func upTo(from, n int) (numbers []int) {
	for i := from; i < n; i++ {
		numbers = append(numbers, i)
	}
	return numbers
}

// A source tells the same again, and as it was before, under rotated keys too; what has ended is
// erased: there is nothing to find.
//
// Promise: RIGHTS-9
func TestRIGHTS_9_NothingHonestIsTakenForWhatWasPutBack(t *testing.T) {
	r, w, a := stocked(t)
	later, sooner := time.Now().AddDate(0, 1, 0), time.Now().Add(-time.Minute)
	for i, step := range []func(){
		func() { tell(t, w, reason.Caseload, later, upTo(0, 600)...) },
		func() { tell(t, w, reason.Caseload, sooner, upTo(0, 300)...) },
		func() { tell(t, w, reason.Caseload, later, upTo(0, 300)...) }, // as it was
		func() { tell(t, w, reason.Caseload, later, 7, 7, 7) },
		func() { tell(t, w, reason.Closed, later, upTo(590, 600)...) }, // the same numbers, of another kind
		func() {
			if err := r.s.Seal(t.Context(), keys.Rotated().Promoted()); err != nil {
				t.Fatal(err)
			}
			tell(t, w, reason.Caseload, sooner, upTo(100, 400)...)
		},
		func() {
			for range 2 { // once more: they told the same aliases
				aliases := intake.AliasBatch{}
				for n := range 300 {
					aliases.Aliases = append(aliases.Aliases, intake.Alias{Alias: register.Alias(storetest.Person(n)), Person: storetest.Person(n)})
				}
				if err := act(aliases)(t.Context(), w); err != nil {
					t.Fatal(err)
				}
			}
		},
		func() {
			var items []archive.Item
			for item, err := range store.NewArchive(r.s).Ended(t.Context(), archive.Facts, time.Now(), false) {
				if err != nil {
					t.Fatal(err)
				}
				items = append(items, item)
			}
			if len(items) != 300 {
				t.Fatalf("%d facts have ended", len(items))
			}
			if err := act(&archive.Forget{Of: archive.Facts, Items: items})(t.Context(), w); err != nil {
				t.Fatal(err)
			}
		},
	} {
		step()
		if found, err := a.Every(t.Context()); err != nil || len(found) > 0 {
			t.Fatalf("after step %d: %v, %v", i, found, err)
		}
	}
}

// Promise: SCOPE-6
func TestSCOPE_6_AClosedFileWhoseRowIsTakenAwayIsClosedAgainUntilItsSourceTellsIt(t *testing.T) {
	r, w, a := stocked(t)
	watch := audit.NewWatch(a, w, nil, slog.New(slog.DiscardHandler))
	later := time.Now().AddDate(0, 1, 0)
	tell(t, w, reason.Closed, later, upTo(0, 40)...)
	r.exec(`delete from fact where id in ('3', '5', '6')`)
	if r.closed(3) {
		t.Fatal("it is not taken away")
	}
	if err := watch.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n := range 40 {
		if !r.closed(n) {
			t.Errorf("file %d is open", n)
		}
	}
	tell(t, w, reason.Closed, time.Now().Add(-time.Minute), 3) // its source opens it again
	if r.closed(3) || !r.closed(5) {
		t.Error("its source is not heard")
	}
	r.exec(`delete from fact where id = '7'`)
	tell(t, w, reason.Closed, time.Now().Add(-time.Minute), 7) // before an audit looked
	if err := watch.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.closed(7) {
		t.Error("it is closed although its source has opened it since")
	}
	if found, err := a.Every(t.Context()); err != nil || len(found) > 0 {
		t.Errorf("%v, %v", found, err)
	}
}

// More rows than can be named: no row of theirs gives a reason any more, and since closed files may be
// among them, nobody is served.
//
// Promise: RIGHTS-9
func TestRIGHTS_9_MoreRowsThanCanBeNamedCloseEverything(t *testing.T) {
	r, w, a := stocked(t)
	tell(t, w, reason.Caseload, time.Now().AddDate(0, 1, 0), upTo(0, 1000)...)
	tell(t, w, reason.Closed, time.Now().AddDate(0, 1, 0), upTo(1000, 1100)...)
	r.exec(`create table before as select * from fact`)
	tell(t, w, reason.Caseload, time.Now().Add(-time.Minute), upTo(0, 990)...)
	r.exec(`delete from fact where cast(id as integer) < 990 or id = '1001'`)
	r.exec(`insert into fact select * from before where cast(id as integer) < 990`)
	found, err := a.Every(t.Context())
	if err != nil || !slices.ContainsFunc(found, func(f audit.Finding) bool { return f.Fault == audit.Many }) {
		t.Fatalf("%v, %v", found, err)
	}
	watch := audit.NewWatch(a, w, nil, slog.New(slog.DiscardHandler))
	if err := watch.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n := range 1000 {
		if r.follows("pauline", n) {
			t.Fatalf("%d is pauline's", n)
		}
	}
	orders, err := store.NewOrders(r.s).InForce(t.Context())
	if err != nil || !slices.ContainsFunc(orders, func(o order.Order) bool { return o.Effect == order.Closed && o.Reach == order.Everything }) {
		t.Errorf("%v, %v", orders, err)
	}
	if found, err := a.Every(t.Context()); err != nil || len(found) > 0 {
		t.Errorf("once more: %v, %v", found, err)
	}
	tell(t, w, reason.Caseload, time.Now().AddDate(0, 1, 0), 1)
	if !r.follows("pauline", 1) {
		t.Error("what is told again gives nothing")
	}
}

// Promise: RIGHTS-9
func TestRIGHTS_9_AnInventoryThatIsPutBackStopsTheProgram(t *testing.T) {
	for name, try := range map[string]func(robbed, func()){
		"one is put back": func(_ robbed, putBack func()) { putBack() },
		"one is gone":     func(r robbed, _ func()) { r.exec(`delete from inventory where part = 3`) },
		"all are gone":    func(r robbed, _ func()) { r.exec(`delete from inventory`) },
		"one is swapped": func(r robbed, _ func()) {
			r.exec(`update inventory set state = (select state from inventory where part <> 3 limit 1) where part = 3`)
		},
		"the head has none": func(r robbed, _ func()) { r.exec(`update head set inventory = x''`) },
	} {
		t.Run(name, func(t *testing.T) {
			r, w, a := stocked(t)
			tell(t, w, reason.Caseload, time.Now().AddDate(0, 1, 0), upTo(0, 100)...)
			putBack := r.keep("inventory", "part = 3")
			tell(t, w, reason.Caseload, time.Now().Add(-time.Minute), upTo(0, 100)...)
			try(r, putBack)
			if _, err := a.Every(t.Context()); !errors.Is(err, seal.ErrBroken) {
				t.Errorf("an audit says %v", err)
			}
			batch := intake.FactBatch{Source: "cases"}
			for n := range 100 {
				batch.Facts = append(batch.Facts, reason.Fact{Kind: reason.Caseload, ID: fmt.Sprint(n), Account: "pauline", Person: storetest.Person(n), From: time.Now(), Until: time.Now().Add(time.Hour)})
			}
			if err := act(&batch)(t.Context(), w); !errors.Is(err, seal.ErrBroken) {
				t.Errorf("facts are taken in on it: %v", err)
			}
		})
	}
}

// What a source tells after the rows were read, or over a row that somebody put back, is its own
// word: nobody loses a reason by it, and no file stays closed.
//
// Promise: RIGHTS-9
func TestRIGHTS_9_WhatASourceTellsWhileAnAuditActsHolds(t *testing.T) {
	later, sooner := time.Now().AddDate(0, 1, 0), time.Now().Add(-time.Minute)
	first := intake.FactBatch{Source: "cases"}
	for n := range 200 {
		first.Facts = append(first.Facts, reason.Fact{Kind: reason.Caseload, ID: fmt.Sprint(n), Account: "pauline", Person: storetest.Person(n), From: time.Now().Add(-time.Hour), Until: later})
	}
	tellFirst := func(t *testing.T, w journal.Writer, n int) { // each time the same, to the microsecond
		t.Helper()
		batch := intake.FactBatch{Source: "cases", Facts: slices.Clone(first.Facts[:n])}
		if err := act(&batch)(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	lead := func(t *testing.T, w journal.Writer, person int) {
		t.Helper()
		if err := act(intake.AliasBatch{Aliases: []intake.Alias{{Alias: register.Alias{1}, Person: storetest.Person(person)}}})(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	holds := func(t *testing.T, r robbed, n int) {
		t.Helper()
		for n := range n {
			if !r.follows("pauline", n) {
				t.Fatalf("%d is no longer pauline's, though the source said so since", n)
			}
		}
		if !r.leads(1, 1) {
			t.Error("an alias is ended, though it was told since")
		}
	}
	for name, rows := range map[string]int{"few": 10, "more than can be named": 200} {
		t.Run(name, func(t *testing.T) {
			r, w, a := stocked(t)
			tellFirst(t, w, 200)
			tell(t, w, reason.Closed, later, upTo(300, 340)...)
			r.exec(`create table before as select * from fact`)
			lead(t, w, 1)
			alias := r.keep("alias", "true")
			lead(t, w, 2)
			tell(t, w, reason.Caseload, sooner, upTo(0, 200)...)
			r.exec(`delete from fact where cast(id as integer) < $1 or id = '301'`, rows)
			r.exec(`insert into fact select * from before where cast(id as integer) < $1`, rows)
			alias()

			var differences []audit.Difference
			for _, part := range store.NewAudit(r.s).Parts() {
				_, d, err := store.NewAudit(r.s).Stock(t.Context(), part)
				if err != nil {
					t.Fatal(err)
				}
				if d != nil {
					differences = append(differences, *d)
				}
			}
			if len(differences) < 2 {
				t.Fatalf("%d differences", len(differences))
			}
			tellFirst(t, w, 200)
			lead(t, w, 1)
			tell(t, w, reason.Closed, sooner, 301) // opened
			for _, d := range differences {
				if err := act(journal.Act[audit.StockRows](audit.Reconcile{Difference: d}))(t.Context(), w); err != nil {
					t.Fatal(err)
				}
			}
			holds(t, r, 200)
			if r.closed(301) {
				t.Error("a file is closed that its source opened after the reading")
			}
			if found, err := a.Every(t.Context()); err != nil || len(found) > 0 {
				t.Errorf("then: %v, %v", found, err)
			}
		})
	}
	t.Run("before it looks", func(t *testing.T) {
		r, w, a := stocked(t)
		tellFirst(t, w, 3)
		lead(t, w, 1)
		fact, alias := r.keep("fact", "id = '1'"), r.keep("alias", "true")
		tell(t, w, reason.Caseload, sooner, 1)
		lead(t, w, 2)
		fact()
		alias()
		tellFirst(t, w, 3)
		lead(t, w, 1)
		if err := audit.NewWatch(a, w, nil, slog.New(slog.DiscardHandler)).Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		holds(t, r, 3)
	})
}

// Promise: SCOPE-6
func TestSCOPE_6_ASourceOpensAFileThatWasClosedAgainTwice(t *testing.T) {
	r, w, a := stocked(t)
	watch := audit.NewWatch(a, w, nil, slog.New(slog.DiscardHandler))
	tell(t, w, reason.Closed, time.Now().AddDate(0, 1, 0), upTo(0, 10)...)
	person := storetest.Person(3)
	for range 3 {
		r.exec(`delete from fact where person = $1`, person[:])
		if err := watch.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !r.closed(3) {
			t.Fatal("its file is open")
		}
	}
	tell(t, w, reason.Closed, time.Now().Add(-time.Minute), 3)
	if r.closed(3) {
		t.Error("its source is not heard: what was put back twice stays for good")
	}
}

// A node that runs does not wait for the hour: what is put back is ended, and what closed a file is
// put back, at its next reading of that part.
//
// Promises: RIGHTS-9, SCOPE-6
func TestRIGHTS_9_ARunningNodeEndsWhatIsPutBackWithinARound(t *testing.T) {
	for engine, open := range map[string]func(*testing.T) (*store.DB, *sql.DB, bool){
		"sqlite": func(t *testing.T) (*store.DB, *sql.DB, bool) {
			path := filepath.Join(t.TempDir(), "poterne.db")
			s := openAt(t, path)
			raw, err := sql.Open("sqlite", path+"?_pragma=foreign_keys(0)&_pragma=busy_timeout(10000)")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = raw.Close() })
			return s, raw, false
		},
		"postgres": func(t *testing.T) (*store.DB, *sql.DB, bool) {
			cluster := storetest.StartPostgreSQL(t)
			connection := cluster.Database(t)
			return openPostgreSQL(t, connection), direct(t, cluster.Superuser(connection)), true
		},
	} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			s, raw, postgres := open(t)
			if err := s.Seal(t.Context(), keys); err != nil {
				t.Fatal(err)
			}
			r, before := lives(t, s, raw, postgres)
			watch := audit.NewWatch(audit.New(store.NewLedger(s), store.NewAudit(s), time.Now), journal.Outside{DB: store.NewLedger(s), Now: time.Now}, nil, slog.New(slog.DiscardHandler))
			watch.Round = 50 * time.Millisecond
			ctx, end := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- watch.Run(ctx) }()
			until := func(what string, so func() bool) {
				t.Helper()
				for deadline := time.Now().Add(time.Minute); !so(); time.Sleep(10 * time.Millisecond) {
					if time.Now().After(deadline) {
						t.Fatal(what)
					}
				}
			}
			until("it never looks", func() bool { return !watch.Looked().IsZero() })
			for range 2 { // the second after it has been round
				before["fact"]()
				before["cover"]()
				before["alias"]()
				sqlOf(`delete from fact where id = 'f1' or source = 'restored'`)(r, nil)
				until("what was put back gives", func() bool { return !r.follows("lucas", 7) && !covers("karim")(r) && !r.leads(3, 1) })
				until("the file stays open", func() bool { return r.closed(5) })
			}
			if !slices.ContainsFunc(watch.Findings(), func(f audit.Finding) bool { return f.Row.String() == "fact cases 4" && f.Fault == audit.PutBack }) {
				t.Errorf("the desk sees %v", watch.Findings())
			}
			if end(); <-ended != nil {
				t.Error("it stops")
			}
		})
	}
}
