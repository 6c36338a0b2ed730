package store_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"poterne/internal/gate"
	"poterne/internal/ledger"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// BenchmarkLedger measures durable disclosures a second, on both engines, from
// askers who ask as fast as they can for people of their own caseload, one at a
// time and in lists. By turns in the same run, a minimal program writes the same
// rows in the same engine with the same group commit and decides nothing:
// x-minimal is how much of its rate is left.
func BenchmarkLedger(b *testing.B) {
	for _, engine := range []struct {
		name string
		open func(*testing.B) *store.Store
	}{{"sqlite", openSQLiteFor}, {"postgres", openPostgreSQLFor}} {
		for _, shape := range []struct{ clients, people int }{{1, 1}, {64, 1}, {512, 1}, {64, 20}, {64, 100}} {
			b.Run(fmt.Sprintf("%s/clients=%d/people=%d", engine.name, shape.clients, shape.people), func(b *testing.B) {
				settling := newSettling(b, engine.open(b), shape.clients, shape.people)
				minimal := newMinimal(b, engine.open(b), shape.people)
				turn := 20 * shape.clients
				settling.round(shape.clients, shape.clients) // warm
				minimal.round(shape.clients, shape.clients)
				settling.took, minimal.took = 0, 0
				b.ResetTimer()
				for left := b.N; left > 0; left -= turn {
					settling.round(shape.clients, min(left, turn))
					minimal.round(shape.clients, min(left, turn))
				}
				rate := float64(b.N*shape.people) / settling.took.Seconds()
				b.ReportMetric(0, "ns/op") // of both together: it says nothing
				b.ReportMetric(rate, "disclosures/s")
				b.ReportMetric(settling.took.Seconds()*1e6/float64(b.N)*float64(shape.clients), "µs/ask")
				b.ReportMetric(minimal.took.Seconds()/settling.took.Seconds(), "x-minimal")
			})
		}
	}
}

// BenchmarkFlush is the limit of every commit: one small append and its fdatasync.
func BenchmarkFlush(b *testing.B) {
	file, err := os.Create(filepath.Join(b.TempDir(), "flushed"))
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	page := make([]byte, 4096)
	for b.Loop() {
		if _, err := file.Write(page); err != nil {
			b.Fatal(err)
		}
		if err := syscall.Fdatasync(int(file.Fd())); err != nil {
			b.Fatal(err)
		}
	}
}

func openSQLiteFor(b *testing.B) *store.Store {
	s, err := store.OpenSQLite(b.Context(), filepath.Join(b.TempDir(), "poterne.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

func openPostgreSQLFor(b *testing.B) *store.Store {
	s, err := store.OpenPostgreSQL(b.Context(), storetest.StartPostgreSQL(b).Database(b))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

// load is many clients who do the same as fast as they can.
type load struct {
	b    *testing.B
	do   func(client int) error
	took time.Duration
}

// round lets the clients do n things.
func (l *load) round(clients, n int) {
	var left atomic.Int64
	left.Store(int64(n))
	began := time.Now()
	var wait sync.WaitGroup
	for client := range clients {
		wait.Go(func() {
			for left.Add(-1) >= 0 {
				if err := l.do(client); err != nil {
					l.b.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	l.took += time.Since(began)
}

// newSettling fills a store with an adviser for each client and their caseloads,
// and returns a load of asks to a real gate.
func newSettling(b *testing.B, s *store.Store, clients, people int) *load {
	staff := store.Roster{Organisations: storetest.Staff().Organisations}
	var facts []reason.Fact
	asks := make([]policy.Ask, clients)
	from, until := storetest.At.AddDate(-1, 0, 0), storetest.At.AddDate(1, 0, 0)
	for c := range clients {
		id := roster.AccountID(fmt.Sprint("adviser", c))
		staff.Accounts = append(staff.Accounts, roster.Account{ID: id, Organisation: "mlv", Role: roster.Adviser, Identity: roster.Identity{Subject: string(id)}, Opened: from})
		staff.Habilitations = append(staff.Habilitations, roster.Habilitation{Account: id, Service: "dossier", Purpose: "accompany", From: from, Until: until})
		asks[c] = policy.Ask{Act: policy.Show, Account: id, Session: "s", Service: "dossier", Purpose: "accompany", Route: "GET /files"}
		for p := range people {
			person := storetest.Person(c*people + p)
			facts = append(facts, reason.Fact{Kind: reason.Caseload, Account: id, Person: person, From: from, Until: until, ID: fmt.Sprint(c*people + p)})
			asks[c].People = append(asks[c].People, policy.Opening{Person: person, Fields: register.Name})
		}
	}
	if err := s.TakeRoster(b.Context(), staff); err != nil {
		b.Fatal(err)
	}
	if err := s.TakeFacts(b.Context(), "cases", facts, nil, storetest.At); err != nil {
		b.Fatal(err)
	}
	g, err := gate.Open(b.Context(), s, s, rules, func() time.Time { return storetest.At })
	if err != nil {
		b.Fatal(err)
	}
	runUntilEnd(b, g.Run)
	return &load{b: b, do: func(client int) error {
		passage, err := g.Settle(context.Background(), asks[client])
		if err == nil && !passage.Decision.People[0].Verdict.Shows() {
			return fmt.Errorf("refused for %v", passage.Decision.Whole.Why)
		}
		return err
	}}
}

// newMinimal returns a load of rows like those of the ledger to one goroutine
// that writes whatever waits in one transaction.
func newMinimal(b *testing.B, s *store.Store, people int) *load {
	body := ledger.Entry{
		Kind: ledger.Consulted, Time: storetest.At, Account: "adviser12", Organisation: "mlv", Session: "s", Service: "dossier",
		Purpose: "accompany", Route: "GET /files", Person: storetest.Person(1), Fields: register.Name, Verdict: policy.Shown,
		Why: policy.Explained, Reason: reason.Reason{Kind: reason.Caseload, Source: "cases", ID: "17"},
	}.Append(nil)
	type waiting struct{ done chan error }
	queue := make(chan waiting, 1024)
	runUntilEnd(b, func(ctx context.Context) error {
		for {
			var batch []waiting
			select {
			case <-ctx.Done():
				return nil
			case first := <-queue:
				batch = append(batch, first)
			}
			for more := true; more && len(batch)*people < 4096; {
				select {
				case next := <-queue:
					batch = append(batch, next)
				default:
					more = false
				}
			}
			err := s.Turn(context.Background(), func(head gate.Head) error {
				rows := make([]ledger.Sealed, len(batch)*people)
				for i := range rows {
					rows[i] = ledger.Sealed{Number: head.Next() + ledger.Number(i), Body: body}
				}
				return store.WriteSealed(head, rows, storetest.At)
			})
			for _, w := range batch {
				w.done <- err
			}
		}
	})
	return &load{b: b, do: func(int) error {
		w := waiting{make(chan error, 1)}
		queue <- w
		return <-w.done
	}}
}

func runUntilEnd(b *testing.B, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
}
