package store_test

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"poterne/internal/accounts"
	"poterne/internal/journal"
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
// time and in lists. By turns in the same run, two programs that decide nothing do
// the same with the same engine and the same group commit: a minimal one, which
// inserts one row a person into a plain table, and a packing one, which writes the
// rows that the ledger writes, many people in each.
//
//	disclosures/s  while the whole machine does nothing else
//	x-minimal      how many times the minimal program's rate that is
//	x-packing      how many times the packing program's rate that is
//	cpu-µs         processor time for each disclosure, the database's and the clients' included
//	x-minimal-cpu  the same, of what each does with the same processor time
//	p50-µs         half of the asks are answered within this
//	p50-flushes    the same, in appends with their fdatasync, as they took in this run
//
// POTERNE_HELD is how many entries the ledgers hold already.
func BenchmarkLedger(b *testing.B) {
	type shape struct{ nodes, clients, people int }
	shapes := []shape{{1, 1, 1}, {1, 4, 1}, {1, 64, 1}, {1, 512, 1}, {1, 64, 20}, {1, 64, 100}}
	for _, shape := range shapes {
		b.Run(fmt.Sprintf("sqlite/clients=%d/people=%d", shape.clients, shape.people), func(b *testing.B) {
			besideOthers(b, &sqliteFile{}, shape.nodes, shape.clients, shape.people)
		})
	}
	b.Run("postgres", func(b *testing.B) {
		cluster := storetest.StartPostgreSQL(b)
		for _, shape := range append(shapes, shape{3, 192, 1}, shape{3, 192, 20}) {
			b.Run(fmt.Sprintf("nodes=%d/clients=%d/people=%d", shape.nodes, shape.clients, shape.people), func(b *testing.B) {
				besideOthers(b, &postgresServer{Cluster: cluster}, shape.nodes, shape.clients, shape.people)
			})
		}
	})
}

// besideOthers lets clients ask gates, and by turns do the same to the programs that decide nothing.
func besideOthers(b *testing.B, engine measured, nodes, clients, people int) {
	settling := newLoad(clients, settle(b, engine.open(b, nodes), clients, people))
	minimal := newLoad(clients, insert(b, engine.plain(b, nodes), people))
	packing := newLoad(clients, pack(b, engine.open(b, nodes), people))
	flushes := newFlushes(b)
	loads := []*load{settling, minimal, packing}
	for _, load := range loads {
		load.round(b, engine, clients) // warm
		*load = *newLoad(clients, load.do)
	}
	for b.Loop() {
		for _, load := range loads {
			load.round(b, engine, 20*clients)
		}
		flushes.round(b)
	}
	each := float64(people) * float64(settling.done)
	p50 := settling.median()
	b.ReportMetric(0, "ns/op") // of all together: it says nothing
	b.ReportMetric(each/settling.took.Seconds(), "disclosures/s")
	b.ReportMetric(minimal.took.Seconds()/settling.took.Seconds(), "x-minimal")
	b.ReportMetric(packing.took.Seconds()/settling.took.Seconds(), "x-packing")
	b.ReportMetric(settling.used.Seconds()*1e6/each, "cpu-µs")
	b.ReportMetric(minimal.used.Seconds()/settling.used.Seconds(), "x-minimal-cpu")
	b.ReportMetric(p50.Seconds()*1e6, "p50-µs")
	b.ReportMetric(p50.Seconds()/flushes.median().Seconds(), "p50-flushes")
}

// measured is an engine whose ledgers are measured.
type measured interface {
	// open returns a new ledger, as so many nodes have it.
	open(b *testing.B, nodes int) []*store.DB
	// plain returns a new database with a table for one row a person, as so many nodes have it.
	plain(b *testing.B, nodes int) []plainTable
	// used is the processor time that the engine has used outside of this process.
	used(b *testing.B) time.Duration
}

type sqliteFile struct{}

func (*sqliteFile) open(b *testing.B, _ int) []*store.DB {
	path := filepath.Join(b.TempDir(), "poterne.db")
	s, err := store.OpenSQLite(b.Context(), path)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	fill(b, "sqlite", path, `
		with recursive filled (number) as (select 0 union all select number + 100 from filled where number + 100 < $1)
		insert into turn (first, count, body) select number, 100, $2 from filled`)
	sealFilled(b, s)
	return []*store.DB{s}
}

func (*sqliteFile) used(*testing.B) time.Duration { return 0 }

type postgresServer struct {
	*storetest.Cluster
	pid string
}

func (p *postgresServer) open(b *testing.B, nodes int) []*store.DB {
	connection := p.Database(b)
	fill(b, "pgx", connection, `
		insert into turn (first, count, body, month)
		select number, 100, $2, (select month from period) from generate_series(0, $1::bigint - 100, 100) as number`)
	p.pid = serverOf(b, connection)
	stores := make([]*store.DB, nodes)
	for i := range stores {
		s, err := store.OpenPostgreSQL(b.Context(), connection)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = s.Close() })
		sealFilled(b, s)
		stores[i] = s
	}
	return stores
}

func sealFilled(b *testing.B, s *store.DB) {
	b.Helper()
	if unsealed {
		return
	}
	if err := s.SealFilled(b.Context(), keys); err != nil {
		b.Fatal(err)
	}
}

// unsealed is set to learn what seals cost: POTERNE_UNSEALED=1 make bench-ledger.
var unsealed = os.Getenv("POTERNE_UNSEALED") != ""

// serverOf returns the process that started whoever answers a connection.
func serverOf(b *testing.B, connection string) (pid string) {
	db, err := sql.Open("pgx", connection)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	var answers string
	if err := db.QueryRowContext(b.Context(), `select pg_backend_pid()`).Scan(&answers); err != nil {
		b.Fatal(err)
	}
	return stat(answers)[parent]
}

// used adds up what the server and its processes have used, those that have ended
// included.
func (p *postgresServer) used(b *testing.B) (used time.Duration) {
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		b.Fatal(err)
	}
	for _, process := range processes {
		pid := filepath.Base(process)
		fields := stat(pid)
		switch {
		case pid == p.pid:
			used += ticks(b, fields[user:childSystem+1])
		case len(fields) > 0 && fields[parent] == p.pid:
			used += ticks(b, fields[user:system+1])
		}
	}
	return used
}

// What /proc says of a process after its name, as proc(5) has it.
const (
	parent      = 1
	user        = 11
	system      = 12
	childSystem = 14
)

// stat returns nothing for a process that has ended.
func stat(pid string) []string {
	line, _ := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	_, after, _ := strings.Cut(string(line), ") ") // no process here has a name that holds one
	return strings.Fields(after)
}

func ticks(b *testing.B, fields []string) (sum time.Duration) {
	for _, field := range fields {
		n, err := strconv.Atoi(field)
		if err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(n) * 10 * time.Millisecond
	}
	return sum
}

// fill puts into an empty ledger as many entries as POTERNE_HELD says, all older
// than the meters remember.
func fill(b *testing.B, driver, connection, insert string) {
	held, err := strconv.Atoi(cmp.Or(os.Getenv("POTERNE_HELD"), "0"))
	if err != nil {
		b.Fatal(err)
	}
	if held == 0 {
		return
	}
	db, err := sql.Open(driver, connection)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	old := storetest.At.AddDate(0, -3, 0)
	held -= held % 100
	turn := slices.Repeat([]ledger.Sealed{{Body: disclosure(old).Append(nil)}}, 100)
	for _, statement := range []struct {
		query string
		args  []any
	}{
		{`insert into period (month, first) values ($1, 0)`, []any{int64(ledger.MonthOf(old))}},
		{insert, []any{held, ledger.Turns(turn)[0].Body}},
		{`update head set next = $1, last_us = $2`, []any{held, old.UnixMicro()}},
	} {
		if _, err := db.ExecContext(b.Context(), statement.query, statement.args...); err != nil {
			b.Fatal(err)
		}
	}
}

// load is many clients who do the same as fast as they can, and what that took.
type load struct {
	do    func(client int) error
	done  int
	took  time.Duration
	used  time.Duration     // of processor time
	waits [][]time.Duration // of each client
}

func newLoad(clients int, do func(client int) error) *load {
	return &load{do: do, waits: make([][]time.Duration, clients)}
}

// round lets the clients do n things.
func (l *load) round(b *testing.B, engine measured, n int) {
	var left atomic.Int64
	left.Store(int64(n))
	used, began := processor(b)+engine.used(b), time.Now()
	var wait sync.WaitGroup
	for client := range l.waits {
		wait.Go(func() {
			for left.Add(-1) >= 0 {
				asked := time.Now()
				if err := l.do(client); err != nil {
					b.Error(err)
					return
				}
				l.waits[client] = append(l.waits[client], time.Since(asked))
			}
		})
	}
	wait.Wait()
	l.done += n
	l.took += time.Since(began)
	l.used += processor(b) + engine.used(b) - used
}

func (l *load) median() time.Duration { return median(slices.Concat(l.waits...)) }

func median(list []time.Duration) time.Duration {
	slices.Sort(list)
	return list[len(list)/2]
}

// processor is the time that this process has used of all processors.
func processor(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// flushes is what a commit cannot do without: a small append and its fdatasync.
type flushes struct {
	file *os.File
	took []time.Duration
}

func newFlushes(b *testing.B) *flushes {
	file, err := os.Create(filepath.Join(b.TempDir(), "flushed"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = file.Close() })
	return &flushes{file: file}
}

func (f *flushes) round(b *testing.B) {
	for range 8 {
		began := time.Now()
		f.once(b)
		f.took = append(f.took, time.Since(began))
	}
}

func (f *flushes) once(b *testing.B) {
	if _, err := f.file.Write(make([]byte, 4096)); err != nil {
		b.Fatal(err)
	}
	if err := syscall.Fdatasync(int(f.file.Fd())); err != nil {
		b.Fatal(err)
	}
}

func (f *flushes) median() time.Duration { return median(f.took) }

// BenchmarkFlush is the limit of every commit: one small append and its fdatasync.
func BenchmarkFlush(b *testing.B) {
	f := newFlushes(b)
	for b.Loop() {
		f.once(b)
	}
}

// BenchmarkPacedFlush is what a flush takes by itself where turns come one by one: two pages written over, as SQLite's log
// is, and their fdatasync, 400 times a second. Waking up as often takes µs-idle of its µs-cpu.
func BenchmarkPacedFlush(b *testing.B) {
	const size = 1 << 20
	f := newFlushes(b)
	if _, err := f.file.Write(make([]byte, size)); err != nil {
		b.Fatal(err)
	}
	each := func(do func()) time.Duration {
		before, began := processor(b), time.Now()
		for i := range b.N {
			wait := syscall.NsecToTimespec(int64(time.Duration(i)*time.Second/400 - time.Since(began)))
			_ = syscall.Nanosleep(&wait, nil) // the runtime's timers may be a millisecond late; one that is past is an error
			do()
		}
		return (processor(b) - before) / time.Duration(b.N)
	}
	idle := each(func() {})
	at := int64(0)
	used := each(func() {
		began := time.Now()
		if _, err := f.file.WriteAt(make([]byte, 2*(24+4096)), at); err != nil {
			b.Fatal(err)
		}
		if err := syscall.Fdatasync(int(f.file.Fd())); err != nil {
			b.Fatal(err)
		}
		f.took = append(f.took, time.Since(began))
		at = (at + 2*(24+4096)) % (size / 2)
	})
	slices.Sort(f.took)
	b.ReportMetric(0, "ns/op") // it is paced
	b.ReportMetric(float64(idle.Nanoseconds())/1000, "µs-idle")
	b.ReportMetric(float64(used.Nanoseconds())/1000, "µs-cpu")
	b.ReportMetric(f.took[(len(f.took)-1)*99/100].Seconds()*1000, "ms-p99")
}

// caseloadMeasured is how many people an adviser of the benchmark accompanies, at least.
const caseloadMeasured = 50

// settle fills a ledger's database with an adviser for each client and their
// caseloads, and returns what a client does: to ask the gate of one node for the
// next people of the caseload.
func settle(b *testing.B, nodes []*store.DB, clients, people int) func(client int) error {
	staff := accounts.List{Organisations: storetest.Staff().Organisations}
	var facts []reason.Fact
	asks := make([][]policy.Ask, clients)
	from, until := storetest.At.AddDate(-1, 0, 0), storetest.At.AddDate(1, 0, 0)
	for c := range clients {
		id := roster.AccountID(fmt.Sprint("adviser", c))
		staff.Accounts = append(staff.Accounts, roster.Account{ID: id, Organisation: "mlv", Role: roster.Adviser, Identity: roster.Identity{Subject: string(id)}, Opened: from})
		staff.Habilitations = append(staff.Habilitations, roster.Habilitation{Account: id, Service: "dossier", Purpose: "accompany", From: from, Until: until})
		for range max(caseloadMeasured/people, 1) {
			ask := policy.Ask{Act: policy.Show, Account: id, Session: "s", Service: "dossier", Purpose: "accompany", Route: "GET /files"}
			for range people {
				person, fact := storetest.Person(len(facts)), fmt.Sprint(len(facts))
				facts = append(facts, reason.Fact{Kind: reason.Caseload, Account: id, Person: person, From: from, Until: until, ID: fact})
				ask.People = append(ask.People, policy.Opening{Person: person, Fields: register.Name})
			}
			asks[c] = append(asks[c], ask)
		}
	}
	if err := storetest.TakeRoster(b, nodes[0], staff); err != nil {
		b.Fatal(err)
	}
	if err := storetest.TakeFacts(b, nodes[0], "cases", facts...); err != nil {
		b.Fatal(err)
	}
	gates := make([]*storetest.Node, len(nodes))
	for i, s := range nodes {
		g, err := storetest.OpenNode(b.Context(), store.NewLedger(s), store.NewFacts(s), rules, func() time.Time { return storetest.At })
		if err != nil {
			b.Fatal(err)
		}
		runUntilEnd(b, g.Run)
		gates[i] = g
	}
	asked := make([]int, clients)
	return func(client int) error {
		ask := asks[client][asked[client]%len(asks[client])]
		asked[client]++
		passage, err := gates[client%len(gates)].Commit(context.Background(), ask)
		if err == nil && !passage.Decision.People[0].Verdict.Shows() {
			return fmt.Errorf("refused for %v", passage.Decision.Whole.Why)
		}
		return err
	}
}

// disclosure is an entry like those that settle makes.
func disclosure(at time.Time) ledger.Entry {
	return ledger.Entry{
		Kind: ledger.Consulted, Time: at, Account: "adviser12", Organisation: "mlv", Session: "s", Service: "dossier",
		Purpose: "accompany", Route: "GET /files", Person: storetest.Person(1), Fields: register.Name, Verdict: policy.Shown,
		Why: policy.Explained, Reason: reason.Reason{Kind: reason.Caseload, Source: "cases", ID: "1700"},
	}
}

// pack starts a packing program for each node.
func pack(b *testing.B, nodes []*store.DB, people int) func(client int) error {
	body := disclosure(storetest.At).Append(nil)
	commits := make([]func(rows int) error, len(nodes))
	for i, s := range nodes {
		commits[i] = func(rows int) error {
			return store.NewLedger(s).Turn(context.Background(), func(head journal.Head) error {
				sealed := make([]ledger.Sealed, rows)
				for i := range sealed {
					sealed[i] = ledger.Sealed{Number: head.Next() + ledger.Number(i), Body: body}
				}
				return store.WriteSealed(head, sealed, storetest.At)
			})
		}
	}
	return grouped(b, people, commits)
}

// plainTable is a table for one row a person, beside the number that the next one gets.
type plainTable struct {
	db   *sql.DB
	rows func(tx *sql.Tx, first int64, bodies [][]byte) error
}

const plainTables = `create table head (next bigint); insert into head values (0); create table disclosure (number bigint primary key, body %s)`

func (*sqliteFile) plain(b *testing.B, _ int) []plainTable {
	db, err := sql.Open("sqlite", filepath.Join(b.TempDir(), "plain.db")+"?_txlock=immediate&_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=cache_size(-65536)")
	if err != nil {
		b.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	b.Cleanup(func() { _ = db.Close() })
	if _, err := db.ExecContext(b.Context(), fmt.Sprintf(plainTables, "blob")); err != nil {
		b.Fatal(err)
	}
	prepared, err := db.PrepareContext(b.Context(), `insert into disclosure values ($1, $2)`)
	if err != nil {
		b.Fatal(err)
	}
	return []plainTable{{db, func(tx *sql.Tx, first int64, bodies [][]byte) error {
		each := tx.Stmt(prepared)
		for i, body := range bodies {
			if _, err := each.Exec(first+int64(i), body); err != nil {
				return err
			}
		}
		return nil
	}}}
}

func (p *postgresServer) plain(b *testing.B, nodes int) []plainTable {
	connection := p.Owner(p.Empty(b))
	p.pid = serverOf(b, connection)
	tables := make([]plainTable, nodes)
	for i := range tables {
		db, err := sql.Open("pgx", connection)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = db.Close() })
		if i == 0 {
			if _, err := db.ExecContext(b.Context(), fmt.Sprintf(plainTables, "bytea")); err != nil {
				b.Fatal(err)
			}
		}
		tables[i] = plainTable{db, func(tx *sql.Tx, first int64, bodies [][]byte) error {
			_, err := tx.Exec(`insert into disclosure select $1::bigint + place - 1, body from unnest($2::bytea[]) with ordinality as each (body, place)`,
				first, pgtype.FlatArray[[]byte](bodies))
			return err
		}}
	}
	return tables
}

// insert starts a minimal program for each node.
func insert(b *testing.B, nodes []plainTable, people int) func(client int) error {
	body := disclosure(storetest.At).Append(nil)
	commits := make([]func(rows int) error, len(nodes))
	for i, table := range nodes {
		commits[i] = func(rows int) error {
			tx, err := table.db.Begin()
			if err != nil {
				return err
			}
			defer func() { _ = tx.Rollback() }()
			var next int64
			if err := tx.QueryRow(`update head set next = next + $1 returning next`, rows).Scan(&next); err != nil {
				return err
			}
			if err := table.rows(tx, next-int64(rows), slices.Repeat([][]byte{body}, rows)); err != nil {
				return err
			}
			return tx.Commit()
		}
	}
	return grouped(b, people, commits)
}

// grouped starts a goroutine for each node that commits whatever rows wait. It returns
// what a client does: to have so many rows written.
func grouped(b *testing.B, people int, commits []func(rows int) error) func(client int) error {
	queues := make([]chan chan error, len(commits))
	for i, commit := range commits {
		queue := make(chan chan error, 1024)
		queues[i] = queue
		runUntilEnd(b, func(ctx context.Context) error {
			for {
				var batch []chan error
				select {
				case <-ctx.Done():
					return nil
				case first := <-queue:
					batch = append(batch, first)
				}
				runtime.Gosched() // as the gate does
				for more := true; more && len(batch)*people < 4096; {
					select {
					case next := <-queue:
						batch = append(batch, next)
					default:
						more = false
					}
				}
				err := commit(len(batch) * people)
				for _, done := range batch {
					done <- err
				}
			}
		})
	}
	return func(client int) error {
		done := make(chan error, 1)
		queues[client%len(queues)] <- done
		return <-done
	}
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
