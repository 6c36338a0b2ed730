package store_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"poterne/internal/journal"

	"modernc.org/sqlite"

	"poterne/internal/gate"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// moment says when an operation breaks.
type moment string

const (
	undone  moment = "failed"           // nothing was done
	unheard moment = "done but unheard" // it was done, and the answer was lost
)

// breaking is a SQLite driver whose n-th operation on the writing connection
// breaks, once it is armed.
type breaking struct {
	sqlite.Driver
	mu    sync.Mutex
	armed bool
	left  int // operations before the one that breaks
	how   moment
	broke string // the operation that broke
}

var errBroken = errors.New("broken on purpose")

func (b *breaking) arm(after int, how moment) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.armed, b.left, b.how, b.broke = true, after, how, ""
}

func (b *breaking) disarm() (broke string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.armed = false
	return b.broke
}

// at runs one operation, or breaks it.
func (b *breaking) at(operation string, do func() error) error {
	b.mu.Lock()
	breaks := b.armed && b.left == 0
	if b.armed {
		b.left--
	}
	if breaks {
		b.armed, b.broke = false, operation
	}
	how := b.how
	b.mu.Unlock()
	if breaks && how == undone {
		return errBroken
	}
	err := do()
	if breaks && err == nil {
		return errBroken
	}
	return err
}

func (b *breaking) Open(dsn string) (driver.Conn, error) {
	conn, err := b.Driver.Open(dsn)
	if err != nil {
		return nil, err
	}
	return &breakingConn{conn.(sqliteConn), b, false}, nil
}

// sqliteConn is what database/sql uses of a SQLite connection.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
}

type breakingConn struct {
	sqliteConn
	b    *breaking
	lost bool
}

// IsValid makes the pool drop a connection whose state nobody knows.
func (c *breakingConn) IsValid() bool { return !c.lost }

func (c *breakingConn) BeginTx(ctx context.Context, options driver.TxOptions) (tx driver.Tx, err error) {
	err = c.b.at("begin", func() (err error) {
		tx, err = c.sqliteConn.BeginTx(ctx, options)
		return err
	})
	c.lost = c.lost || err != nil
	return breakingTx{tx, c}, err
}

func (c *breakingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (result driver.Result, err error) {
	err = c.b.at("exec", func() (err error) {
		result, err = c.sqliteConn.ExecContext(ctx, query, args)
		return err
	})
	return result, err
}

func (c *breakingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (rows driver.Rows, err error) {
	err = c.b.at("query", func() (err error) {
		rows, err = c.sqliteConn.QueryContext(ctx, query, args)
		return err
	})
	if err != nil && rows != nil {
		_ = rows.Close()
	}
	return rows, err
}

func (c *breakingConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	statement, err := c.sqliteConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return breakingStmt{statement, c.b}, nil
}

type breakingStmt struct {
	driver.Stmt
	b *breaking
}

func (s breakingStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (result driver.Result, err error) {
	err = s.b.at("write", func() (err error) {
		result, err = s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
		return err
	})
	return result, err
}

func (s breakingStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (rows driver.Rows, err error) {
	err = s.b.at("query", func() (err error) {
		rows, err = s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
		return err
	})
	if err != nil && rows != nil {
		_ = rows.Close()
	}
	return rows, err
}

type breakingTx struct {
	driver.Tx
	c *breakingConn
}

func (t breakingTx) Commit() error   { return t.c.b.at("commit", t.Tx.Commit) }
func (t breakingTx) Rollback() error { return t.c.b.at("rollback", t.Tx.Rollback) }

// stage is a gate over a store that breaks, and what it handed over.
type stage struct {
	t      *testing.T
	path   string
	store  *store.DB
	gate   *storetest.Node
	ended  chan error
	handed map[register.PersonID]register.Fields
}

var rules = policy.Rules{
	Purposes:   roster.Purposes{"accompany": register.Name | register.Birth},
	Allowances: map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(3), Long: meter.People(20)}},
}

func (s *stage) open(through driver.Driver) {
	s.t.Helper()
	var err error
	if s.store, err = store.OpenSQLiteThrough(s.t.Context(), s.path, through); err != nil {
		s.t.Fatal(err)
	}
	now := func() time.Time { return storetest.At.Add(time.Minute) }
	if s.gate, err = storetest.OpenNode(s.t.Context(), store.NewLedger(s.store), store.NewFacts(s.store), rules, now); err != nil {
		s.t.Fatal(err)
	}
	s.ended = make(chan error, 1)
	go func() { s.ended <- s.gate.Run(s.t.Context()) }()
}

// ask asks for people and remembers what it was handed.
func (s *stage) ask(people ...int) error {
	ask := policy.Ask{Act: policy.Show, Account: "pauline", Session: "s", Service: "dossier", Purpose: "accompany", Route: "GET /files"}
	for _, n := range people {
		ask.People = append(ask.People, policy.Opening{Person: storetest.Person(n), Fields: register.Name})
	}
	passage, err := s.gate.Commit(s.t.Context(), ask)
	if err != nil {
		return err
	}
	for i, ruling := range passage.Decision.People {
		if ruling.Verdict.Shows() {
			s.handed[ask.People[i].Person] |= ruling.Fields
		}
	}
	return nil
}

// check is the promise: whatever broke, everything handed over is in the ledger,
// the numbers have no gap, and the meter is what the ledger says.
func (s *stage) check() {
	s.t.Helper()
	clean := openAt(s.t, s.path)
	next := ledger.Number(0)
	written := make(map[register.PersonID]register.Fields)
	m := meter.New()
	for entry, err := range store.NewLedger(clean).Entries(s.t.Context(), 0) {
		if err != nil {
			s.t.Fatal(err)
		}
		if entry.Number != next {
			s.t.Fatalf("entry %d stands where %d should", entry.Number, next)
		}
		next++
		if entry.Disclosed() {
			written[entry.Person] |= entry.Fields
		}
		if entry.Whose() == "pauline" {
			m.Record(entry.Event())
		}
	}
	for person, fields := range s.handed {
		if !written[person].Has(fields) {
			s.t.Fatal("somebody was handed over who is not written down")
		}
	}
	reopened, err := storetest.OpenNode(s.t.Context(), store.NewLedger(clean), store.NewFacts(clean), rules, func() time.Time { return storetest.At.Add(time.Minute) })
	if err != nil {
		s.t.Fatal(err)
	}
	standing := reopened.Standing(gate.Asker{Account: "pauline", Organisation: "mlv", Role: roster.Adviser}, "dossier")
	if want := m.Spent(meter.Hour, 0, storetest.At.Add(time.Minute)); standing.Hour != want || standing.Hour > meter.People(3) {
		s.t.Fatalf("the meter stands at %d, the ledger says %d of 300", standing.Hour, want)
	}
}

// Promise: LEDGER-1
func TestLEDGER_1_NothingIsHandedOverUnwrittenWhateverBreaks(t *testing.T) {
	for _, how := range []moment{undone, unheard} {
		reached := map[string]int{}
		for step := 0; ; step++ {
			broke := breakAt(t, step, how)
			if broke == "" {
				break // further than anything the passage does
			}
			reached[broke]++
		}
		t.Logf("%s: broke at %v", how, reached)
		for _, operation := range []string{"begin", "query", "write", "commit"} {
			if reached[operation] == 0 {
				t.Errorf("%s: never broke at %s", how, operation)
			}
		}
	}
}

// breakAt breaks one operation of one passage, then goes on as the program would.
func breakAt(t *testing.T, step int, how moment) (broke string) {
	t.Run(fmt.Sprintf("step %d %s", step, how), func(t *testing.T) {
		b := &breaking{}
		s := &stage{t: t, path: filepath.Join(t.TempDir(), "poterne.db"), handed: make(map[register.PersonID]register.Fields)}
		s.open(b)
		if err := storetest.TakeRoster(t, s.store, storetest.Staff()); err != nil {
			t.Fatal(err)
		}
		if err := s.ask(1); err != nil {
			t.Fatal(err)
		}
		b.arm(step, how)
		err := s.ask(2, 3, 4, 5)
		if broke = b.disarm(); broke == "" {
			return
		}
		if err == nil {
			t.Fatalf("a broken %s was taken for a success", broke)
		}
		select {
		case err := <-s.ended: // fail-stop: the program starts anew
			if !errors.Is(err, journal.ErrOutcomeUnknown) {
				t.Fatalf("the gate stopped with %v", err)
			}
			_ = s.store.Close()
			s.open(&sqlite.Driver{})
		case <-time.After(50 * time.Millisecond):
			if broke == "commit" {
				t.Fatal("the gate goes on after a commit whose outcome is not known")
			}
		}
		s.check()
		if err := s.ask(2, 3, 4, 5, 6); err != nil {
			t.Fatalf("after a broken %s nothing works any more: %v", broke, err)
		}
		s.check()
	})
	return broke
}
