package store_test

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/gate"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/seal"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// worked is a ledger of some weeks' work, and a state of it that was kept on the way.
type worked struct {
	t   *testing.T
	s   *store.DB
	raw *sql.DB      // as whoever owns the database has it
	now atomic.Int64 // in microseconds: nodes that run read it
	rng *rand.Rand
}

func (w *worked) clock() time.Time { return time.UnixMicro(w.now.Load()).UTC() }

// at moves the clock.
func (w *worked) at(now time.Time) { w.now.Store(now.UnixMicro()) }

// kept is what its nodes keep.
func (w *worked) kept() store.Kept { return store.NewKept(w.s, "journal") }

// node opens a node, which runs until the test ends.
func (w *worked) node() *storetest.Node {
	w.t.Helper()
	j, err := journal.Open(w.t.Context(), store.NewLedger(w.s), w.kept(), w.clock)
	if err != nil {
		w.t.Fatal(err)
	}
	n := &storetest.Node{Gate: gate.New(j, store.NewFacts(w.s), rules, gate.Remembered, w.clock), Journal: j}
	ctx, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	w.t.Cleanup(func() {
		end()
		if err := <-ended; err != nil {
			w.t.Error(err)
		}
	})
	return n
}

// ask is one of the asks of three accounts, for one person or a few.
func (w *worked) ask() policy.Ask {
	account := []roster.AccountID{"pauline", "karim", "lucas"}[w.rng.IntN(3)]
	a := policy.Ask{Act: policy.Show, Account: account, Session: "s", Service: "dossier", Purpose: "accompany", Route: "GET /files", Device: fmt.Sprint(w.rng.IntN(3))}
	for range 1 + w.rng.IntN(3) {
		a.People = append(a.People, policy.Opening{Person: storetest.Person(w.rng.IntN(60)), Fields: register.Name << w.rng.IntN(2)})
	}
	return a
}

// work asks many times, from so long before to the present.
func (w *worked) work(n *storetest.Node, asks int, over time.Duration) {
	w.t.Helper()
	for i := range asks {
		w.at(w.clock().Add(over / time.Duration(asks)))
		if i%17 == 0 {
			if err := n.StepUp(w.t.Context(), "pauline", "s", "1", "office"); err != nil {
				w.t.Fatal(err)
			}
		}
		if _, err := n.Commit(w.t.Context(), w.ask()); err != nil {
			w.t.Fatal(err)
		}
	}
}

// onBothEngines gives a test such a ledger of each engine, and another of the same.
func onBothEngines(t *testing.T, do func(t *testing.T, open func() *worked)) {
	make := func(t *testing.T, s *store.DB, raw *sql.DB) *worked {
		w := &worked{t: t, s: sealed(t, s), raw: raw, rng: rand.New(rand.NewPCG(1, 2))}
		w.at(storetest.At)
		if err := storetest.TakeRoster(t, s, storetest.Staff()); err != nil {
			t.Fatal(err)
		}
		var facts []reason.Fact
		for i := range 20 {
			facts = append(facts, reason.Fact{Kind: reason.Caseload, Account: "karim", Person: storetest.Person(i), From: storetest.At, Until: storetest.At.AddDate(1, 0, 0), Source: "cases", ID: fmt.Sprint(i)})
		}
		if err := storetest.TakeFacts(t, s, "cases", facts...); err != nil {
			t.Fatal(err)
		}
		return w
	}
	t.Run("sqlite", func(t *testing.T) {
		do(t, func() *worked {
			path := filepath.Join(t.TempDir(), "poterne.db")
			s := openAt(t, path)
			raw, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(10000)")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = raw.Close() })
			return make(t, s, raw)
		})
	})
	t.Run("postgres", func(t *testing.T) {
		cluster := storetest.StartPostgreSQL(t)
		do(t, func() *worked {
			connection := cluster.Database(t)
			return make(t, openPostgreSQL(t, connection), direct(t, cluster.Superuser(connection)))
		})
	})
}

// Promise: METER-3
func TestMETER_3_ANodeThatBeginsWithWhatWasKeptDecidesAsOneThatReadEverything(t *testing.T) {
	onBothEngines(t, func(t *testing.T, open func() *worked) {
		w := open()
		first := w.node()
		w.work(first, 120, 35*24*time.Hour)
		if err := first.Keep(t.Context()); err != nil {
			t.Fatal(err)
		}
		keptAt := first.Next()
		w.work(first, 60, 2*time.Hour)
		resumed := w.node()
		if from, anew := resumed.Resumed(); from != keptAt || anew != nil {
			t.Fatalf("it read from entry %d on, not %d: %v", from, keptAt, anew)
		}
		if err := w.kept().Discard(t.Context()); err != nil {
			t.Fatal(err)
		}
		anew := w.node()
		if from, why := anew.Resumed(); from != 0 || why != nil {
			t.Fatalf("it read from entry %d on, %v", from, why)
		}
		verdicts := make(map[policy.Verdict]int)
		for i := range 150 {
			w.at(w.clock().Add(time.Duration(w.rng.IntN(8)) * time.Hour))
			for _, n := range []*storetest.Node{resumed, anew} {
				if err := n.Look(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			a := w.ask()
			one, err := resumed.Check(t.Context(), a)
			other, failed := anew.Check(t.Context(), a)
			if err != nil || failed != nil || !reflect.DeepEqual(one, other) {
				t.Fatalf("ask %d: kept %+v, %v; read %+v, %v", i, one, err, other, failed)
			}
			for _, ruling := range one.People {
				verdicts[ruling.Verdict]++
			}
			if _, err := []*storetest.Node{resumed, anew}[i%2].Commit(t.Context(), a); err != nil {
				t.Fatal(err)
			}
		}
		if len(verdicts) < 2 {
			t.Errorf("all was decided alike: %v", verdicts)
		}
		for _, n := range []*storetest.Node{resumed, anew} {
			if err := n.Look(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for _, account := range []roster.AccountID{"pauline", "karim", "lucas"} {
			one, err := resumed.RecentBy(t.Context(), account, 200)
			other, failed := anew.RecentBy(t.Context(), account, 200)
			if err != nil || failed != nil || len(one) == 0 || !reflect.DeepEqual(one, other) {
				t.Errorf("%d and %d entries of %s at hand, %v, %v", len(one), len(other), account, err, failed)
			}
		}
		if err := resumed.Recount(t.Context(), slog.New(slog.DiscardHandler)); err != nil {
			t.Error(err)
		}
	})
}

// busiest is the part of which the state is longest.
func (w *worked) busiest() (busiest journal.Kept) {
	w.t.Helper()
	for part, err := range w.kept().Parts(w.t.Context()) {
		if err != nil {
			w.t.Fatal(err)
		}
		if strings.HasPrefix(part.What, "accounts") && len(part.State) > len(busiest.State) {
			busiest = part
		}
	}
	return busiest
}

// Promise: METER-3
// Promise: RIGHTS-9
func TestRIGHTS_9_AKeptStateThatIsNotThisLedgersIsFoundAndMadeAnew(t *testing.T) {
	onBothEngines(t, func(t *testing.T, open func() *worked) {
		w, other := open(), open()
		n, foreign := w.node(), other.node()
		w.work(n, 40, 24*time.Hour)
		other.work(foreign, 40, 24*time.Hour)
		for _, one := range []*storetest.Node{n, foreign} {
			if err := one.Keep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if n.Next() != foreign.Next() {
			t.Fatal("the two ledgers are not of one length")
		}
		busiest := w.busiest().What
		change := func(query string, args ...any) func() {
			return func() {
				done, err := w.raw.ExecContext(t.Context(), query, args...)
				if err != nil {
					t.Fatal(err)
				}
				if count, err := done.RowsAffected(); err != nil || count == 0 {
					t.Fatalf("%d rows changed, %v", count, err)
				}
			}
		}
		var theirs []byte
		if err := other.raw.QueryRowContext(t.Context(), `select state from kept where what = $1`, busiest).Scan(&theirs); err != nil {
			t.Fatal(err)
		}
		var ours []byte
		if err := w.raw.QueryRowContext(t.Context(), `select state from kept where what = $1`, busiest).Scan(&ours); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(ours), "pauline") {
			t.Error("the database can read it")
		}
		edited := append([]byte(nil), ours...)
		edited[len(edited)/2] ^= 1
		old := journal.Kept{What: busiest, Number: n.Next(), State: append([]byte{99}, w.busiest().State[1:]...)}
		for name, test := range map[string]struct {
			do    func()
			fault string
		}{
			"edited":            {change(`update kept set state = $1 where what = $2`, edited, busiest), "was not written as it is"},
			"emptied":           {change(`update kept set state = $1 where what = $2`, []byte{}, busiest), "has none"},
			"of another ledger": {change(`update kept set state = $1 where what = $2`, theirs, busiest), "was not written as it is"},
			"of another part":   {change(`update kept set state = (select state from kept where what = 'together') where what = $1`, busiest), "was not written as it is"},
			"said to be newer":  {change(`update kept set number = number + 1 where what = $1`, busiest), "there is no entry"},
			"said to be older":  {change(`update kept set number = (select first + count from turn order by first limit 1) where what = $1`, busiest), "was not written as it is"},
			"gone":              {change(`delete from kept where what = $1`, busiest), "256 of 257 parts"},
			"one too many":      {change(`update kept set what = 'accounts 256' where what = $1`, busiest), "was not written as it is"},
			"in an old form": {func() {
				if err := w.kept().Keep(t.Context(), []journal.Kept{old}); err != nil {
					t.Fatal(err)
				}
			}, "not in the form"},
			"under another key": {func() {
				if _, err := w.raw.ExecContext(t.Context(), `update kept set state = $1 where what = $2`, seal.New().Encrypt(nil, seal.NewRow("kept")), busiest); err != nil {
					t.Fatal(err)
				}
			}, "under another key"},
		} {
			t.Run(name, func(t *testing.T) {
				if err := n.Keep(t.Context()); err != nil {
					t.Fatal(err)
				}
				test.do()
				anew := w.node()
				from, why := anew.Resumed()
				if from != 0 || why == nil || !strings.Contains(why.Error(), test.fault) {
					t.Errorf("it read from entry %d on, %v", from, why)
				}
				for range 30 {
					a := w.ask()
					one, err := n.Check(t.Context(), a)
					other, failed := anew.Check(t.Context(), a)
					if err != nil || failed != nil || !reflect.DeepEqual(one, other) {
						t.Fatalf("as it always ran %+v, %v; made anew %+v, %v", one, err, other, failed)
					}
				}
				if err := w.cleared(); err != nil {
					t.Fatal(err)
				}
			})
		}
	})
}

func (w *worked) cleared() error {
	return w.kept().Discard(w.t.Context())
}

// What a program that miscounts has kept is found by the sample.
func TestAKeptStateThatIsNotWhatTheLedgerSaysStopsTheProgram(t *testing.T) {
	onBothEngines(t, func(t *testing.T, open func() *worked) {
		for name, wrong := range map[string]func(string) bool{
			"accounts": func(what string) bool { return strings.HasPrefix(what, "accounts") },
			"together": func(what string) bool { return what == "together" },
		} {
			w := open()
			n, l := w.node(), w.kept()
			w.work(n, 40, 24*time.Hour)
			if err := n.Keep(t.Context()); err != nil {
				t.Fatal(err)
			}
			var before []journal.Kept
			for part, err := range l.Parts(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				if wrong(part.What) {
					before = append(before, part)
				}
			}
			w.work(n, 40, 24*time.Hour)
			if err := n.Keep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := w.node().Recount(t.Context(), slog.New(slog.DiscardHandler)); err != nil {
				t.Errorf("%s that are right: %v", name, err)
			}
			for i := range before {
				before[i].Number = n.Next()
			}
			if err := l.Keep(t.Context(), before); err != nil {
				t.Fatal(err)
			}
			began := w.node()
			if from, anew := began.Resumed(); from != n.Next() || anew != nil {
				t.Fatalf("it read from entry %d on, %v", from, anew)
			}
			if err := began.Recount(t.Context(), slog.New(slog.DiscardHandler)); !errors.Is(err, journal.ErrKeptWrong) {
				t.Errorf("%s that are wrong: %v", name, err)
			}
			if from, anew := w.node().Resumed(); from != 0 || anew != nil {
				t.Errorf("%s that are wrong are used again, from entry %d on, %v", name, from, anew)
			}
		}
	})
}

// What was kept a while ago is read on from; what is older than counts is not used.
func TestWhatWasKeptLongAgoMeansReadingMore(t *testing.T) {
	onBothEngines(t, func(t *testing.T, open func() *worked) {
		w := open()
		n := w.node()
		w.work(n, 20, 24*time.Hour)
		if err := n.Keep(t.Context()); err != nil {
			t.Fatal(err)
		}
		part, at := w.busiest(), n.Next()
		w.work(n, 20, 24*time.Hour)
		if err := n.Keep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := w.kept().Keep(t.Context(), []journal.Kept{part}); err != nil { // as it was
			t.Fatal(err)
		}
		if from, anew := w.node().Resumed(); from != at || anew != nil {
			t.Errorf("it read from entry %d on, not %d: %v", from, at, anew)
		}
		w.at(w.clock().AddDate(0, 0, 40))
		w.work(n, 3, time.Hour)
		if from, anew := w.node().Resumed(); from != 0 || anew == nil {
			t.Errorf("after forty days it read from entry %d on, %v", from, anew)
		}
	})
}

// A running node keeps what others do not.
func TestNodesKeepTheStateWhileTheyRun(t *testing.T) {
	w := &worked{t: t, s: sealed(t, openSQLite(t)), rng: rand.New(rand.NewPCG(1, 2))}
	w.at(storetest.At)
	if err := storetest.TakeRoster(t, w.s, storetest.Staff()); err != nil {
		t.Fatal(err)
	}
	n := w.node()
	w.work(n, 3, time.Hour)
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.RunKeeping(ctx, slog.New(slog.DiscardHandler)) }()
	at, from := n.Next(), ledger.Number(0) // it made the state anew, and keeps all of it at once
	for deadline := time.Now().Add(time.Minute); from == 0 && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		from, _ = w.node().Resumed()
	}
	if from != at {
		t.Errorf("another node read from entry %d on, not %d", from, at)
	}
	w.work(n, 3, time.Hour)
	upTo := ledger.Number(0)
	for deadline := time.Now().Add(time.Minute); upTo != n.Next() && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		for part, err := range w.kept().Parts(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			upTo = max(upTo, part.Number) // one a second
		}
	}
	end()
	if err := <-ended; err != nil || upTo != n.Next() {
		t.Errorf("kept up to entry %d of %d, %v", upTo, n.Next(), err)
	}
}

// BenchmarkStart is a start with so many entries of the last 28 days, by so many accounts
// that each opened 100 people: from what was kept, and from the ledger. POTERNE_STARTED is
// how many entries.
func BenchmarkStart(b *testing.B) {
	entries, err := strconv.Atoi(cmp.Or(os.Getenv("POTERNE_STARTED"), "100000"))
	if err != nil {
		b.Fatal(err)
	}
	accounts := max(entries/833, 1) // as 60,000 have of fifty million
	path := filepath.Join(b.TempDir(), "poterne.db")
	s, err := store.OpenSQLite(b.Context(), path)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if err := s.Seal(b.Context(), keys); err != nil {
		b.Fatal(err)
	}
	const turn = 1000
	at := storetest.At
	for n := 0; n < entries; n += turn {
		at = storetest.At.Add(time.Duration(float64(n) / float64(entries) * float64(27*24*time.Hour))).Truncate(time.Microsecond)
		err := store.NewLedger(s).Turn(b.Context(), func(head journal.Head) error {
			list := make([]ledger.Entry, turn)
			for i := range list {
				number := head.Next() + ledger.Number(i)
				account := int(uint64(number) * 2654435761 % uint64(accounts))
				list[i] = disclosure(at)
				list[i].Number, list[i].Receipt, list[i].Account = number, number, roster.AccountID(fmt.Sprint("adviser", account))
				list[i].Person = storetest.Person(account*100 + int(number/7)%100)
			}
			return head.Write(list, at)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	now := func() time.Time { return at }
	began, used := time.Now(), processor(b)
	j, err := journal.Open(b.Context(), store.NewLedger(s), store.NewKept(s, "journal"), now)
	if err != nil {
		b.Fatal(err)
	}
	anew, anewUsed := time.Since(began), processor(b)-used
	began = time.Now()
	if err := j.Keep(b.Context()); err != nil {
		b.Fatal(err)
	}
	keeping := time.Since(began)
	var bytes int64
	for part, err := range store.NewKept(s, "journal").Parts(b.Context()) {
		if err != nil {
			b.Fatal(err)
		}
		bytes += int64(len(part.State))
	}
	j = nil
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for b.Loop() {
		if j, err = journal.Open(b.Context(), store.NewLedger(s), store.NewKept(s, "journal"), now); err != nil {
			b.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if from, anew := j.Resumed(); from != j.Next() || anew != nil {
		b.Fatalf("it read from entry %d on: %v", from, anew)
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "start-ms")
	b.ReportMetric(float64(anew.Milliseconds()), "anew-ms")
	b.ReportMetric(float64(anewUsed.Microseconds())/float64(entries), "anew-cpu-µs/entry")
	b.ReportMetric(float64(keeping.Milliseconds()), "keep-ms")
	b.ReportMetric(float64(bytes)/float64(accounts), "kept-B/account")
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(accounts), "heap-B/account")
	runtime.KeepAlive(j)
}

// However many read at once, none holds a connection while it makes use of what it read:
// a node has more followers than connections, and each of them asks for other rows on the
// way.
func TestReadersDoNotWaitForEachOthersConnections(t *testing.T) {
	onBothEngines(t, func(t *testing.T, open func() *worked) {
		w := open()
		n := w.node()
		w.work(n, 5, time.Hour)
		if err := n.Keep(t.Context()); err != nil {
			t.Fatal(err)
		}
		tx, err := w.raw.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		const checkpoints = 2100 // more than are read at once
		for size := range checkpoints {
			if _, err := tx.ExecContext(t.Context(), `insert into checkpoint (size, note) values ($1, $2)`, size, []byte(strconv.Itoa(size))); err != nil {
				t.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		ctx, end := context.WithTimeout(t.Context(), time.Minute)
		defer end()
		l := store.NewLedger(w.s)
		for name, some := range map[string]func() func() error{
			"parts":       func() func() error { return firstOf(t, w.kept().Parts(ctx)) },
			"entries":     func() func() error { return firstOf(t, l.Entries(ctx, 0)) },
			"checkpoints": func() func() error { return firstOf(t, l.Checkpoints(ctx)) },
		} {
			for range 20 { // more than there are connections
				if err := some()(); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
		}
		next := 0
		for note, err := range l.Checkpoints(ctx) {
			if err != nil || string(note) != strconv.Itoa(next) {
				t.Fatalf("checkpoint %d is %q, %v", next, note, err)
			}
			next++
		}
		if next != checkpoints {
			t.Errorf("%d checkpoints", next)
		}
	})
}

// firstOf returns what takes the first of a sequence, which is left there until the test ends.
func firstOf[T any](t *testing.T, of iter.Seq2[T, error]) func() error {
	next, stop := iter.Pull2(of)
	t.Cleanup(stop)
	return func() error {
		_, err, ok := next()
		if !ok {
			return errors.New("there is nothing")
		}
		return err
	}
}
