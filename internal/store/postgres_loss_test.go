package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/containment"
	"poterne/internal/journal"

	"golang.org/x/mod/sumdb/tlog"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// supervised is a node as a supervisor keeps it: a gate that stops because it does
// not know what was written is started again.
type supervised struct {
	t          *testing.T
	connection string
	handed     *handed
	restarts   atomic.Int64

	mu   sync.RWMutex
	gate *storetest.Node // nil while it starts; guarded by mu
}

// handed is who was handed over, by any node.
type handed struct {
	mu     sync.Mutex
	people map[register.PersonID]bool
}

func (h *handed) add(person register.PersonID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.people[person] = true
}

func (h *handed) len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.people)
}

func supervise(t *testing.T, connection string, h *handed) *supervised {
	n := &supervised{t: t, connection: connection, handed: h}
	ctx, end := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			n.once(ctx)
		}
	})
	t.Cleanup(func() {
		end()
		running.Wait()
	})
	return n
}

// once runs the node until it stops.
func (n *supervised) once(ctx context.Context) {
	s, err := store.OpenPostgreSQL(ctx, n.connection)
	if err != nil {
		time.Sleep(50 * time.Millisecond)
		return
	}
	defer s.Close()
	g, err := storetest.OpenNode(ctx, store.NewLedger(s), store.NewFacts(s), rules, func() time.Time { return storetest.At })
	if err != nil {
		return
	}
	n.set(g)
	err = g.Run(ctx)
	n.set(nil)
	if err != nil && !errors.Is(err, journal.ErrOutcomeUnknown) {
		n.t.Errorf("a node stopped with %v", err)
	}
	n.restarts.Add(1)
}

func (n *supervised) set(g *storetest.Node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.gate = g
}

// settle asks for one person, and notes whom it was handed.
func (n *supervised) settle(account roster.AccountID, person register.PersonID) (policy.Ruling, error) {
	n.mu.RLock()
	g := n.gate
	n.mu.RUnlock()
	if g == nil {
		return policy.Ruling{}, errors.New("the node is not up")
	}
	passage, err := g.Commit(context.Background(), policy.Ask{
		Act: policy.Show, Account: account, Session: "s", Service: "dossier", Purpose: "accompany", Route: "GET /files",
		People: []policy.Opening{{Person: person, Fields: register.Name}},
	})
	if err != nil {
		return policy.Ruling{}, err
	}
	ruling := passage.Decision.People[0]
	if ruling.Verdict.Shows() {
		n.handed.add(person)
	}
	return ruling, nil
}

// The people of Pauline's caseload, and strangers.
const caseload = 4000

func stranger(n int) register.PersonID { return storetest.Person(100_000 + n) }

func employ(t *testing.T, connection string) {
	t.Helper()
	s := openPostgreSQL(t, connection)
	if err := storetest.TakeRoster(t, s, storetest.Staff()); err != nil {
		t.Fatal(err)
	}
	facts := make([]reason.Fact, caseload)
	for i := range facts {
		facts[i] = reason.Fact{
			Kind: reason.Caseload, Account: "pauline", Person: storetest.Person(i), ID: fmt.Sprint(i),
			From: storetest.At.Add(-time.Hour), Until: storetest.At.Add(time.Hour),
		}
	}
	if err := storetest.TakeFacts(t, s, "cases", facts...); err != nil {
		t.Fatal(err)
	}
}

// work has clients ask both for their own people and for strangers until stop is
// called, which waits for them.
func work(nodes []*supervised, clients int) (stop func()) {
	var over atomic.Bool
	var next atomic.Int64
	var wait sync.WaitGroup
	for client := range clients {
		wait.Go(func() {
			for !over.Load() {
				n := int(next.Add(1))
				person := storetest.Person(n % caseload)
				if n%7 == 0 {
					person = stranger(n)
				}
				if _, err := nodes[client%len(nodes)].settle("pauline", person); err != nil {
					time.Sleep(5 * time.Millisecond)
				}
			}
		})
	}
	return func() {
		over.Store(true)
		wait.Wait()
	}
}

// holds is the promise, whatever was lost: everybody who was handed over is
// written down, numbers have no gap, and no more strangers were shown than allowed.
func (h *handed) holds(t *testing.T, connection string) {
	t.Helper()
	written := make(map[register.PersonID]bool)
	var spent meter.Cost
	next := ledger.Number(0)
	for entry, err := range store.NewLedger(openPostgreSQL(t, connection)).Entries(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if entry.Number != next {
			t.Fatalf("entry %d stands where %d should", entry.Number, next)
		}
		next++
		if entry.Disclosed() {
			written[entry.Person] = true
			spent += entry.Cost
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for person := range h.people {
		if !written[person] {
			t.Fatal("somebody was handed over who is not written down")
		}
	}
	if spent > meter.People(3) {
		t.Errorf("%d of 300 were spent", spent)
	}
	t.Logf("%d entries, %d people handed over", next, len(h.people))
}

// Promise: RUN-3
// Promise: LEDGER-1
func TestRUN_3_AFailoverToTheStandbyLosesNothingThatWasHandedOver(t *testing.T) {
	primary := storetest.StartPostgreSQL(t)
	connection := primary.Database(t)
	standby := primary.Standby(t)
	eventually(t, "commits wait for the standby", func() bool {
		var n int
		err := direct(t, primary.Superuser(connection)).QueryRowContext(t.Context(), `select count(*) from pg_stat_replication where sync_state = 'sync'`).Scan(&n)
		return err == nil && n == 1
	})
	employ(t, connection)
	h := &handed{people: make(map[register.PersonID]bool)}
	either := primary.Either(standby, connection)
	nodes := []*supervised{supervise(t, either, h), supervise(t, either, h)}
	stop := work(nodes, 8)
	defer stop()
	eventually(t, "work goes on", func() bool { return h.len() > 200 })
	held := openPostgreSQL(t, either)
	if _, err := (containment.Service{Writer: storetest.Outside(held)}).Place(t.Context(), order.Order{Effect: order.Suspended, Reach: order.Account, Target: "karim", By: "samir"}); err != nil {
		t.Fatal(err)
	}

	primary.Kill()
	time.Sleep(200 * time.Millisecond) // nodes meet a standby that takes nothing
	before := h.len()
	standby.Promote(t)
	began := time.Now()
	eventually(t, "work goes on with the standby", func() bool { return h.len() > before+200 })
	t.Logf("%d people %v after the standby was promoted; %d and %d restarts", h.len()-before, time.Since(began).Round(time.Millisecond), nodes[0].restarts.Load(), nodes[1].restarts.Load())
	if ruling, err := nodes[0].settle("karim", stranger(1)); err != nil || ruling.Why != policy.Suspended {
		t.Errorf("under an order from before, a node decides %v, %v", ruling.Why, err)
	}
	stop()
	h.holds(t, standby.Only(connection))
}

// Promise: RUN-3
func TestRUN_3_ConnectionsLostUnderLoadLoseNothingThatWasHandedOver(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	connection := cluster.Database(t)
	employ(t, connection)
	h := &handed{people: make(map[register.PersonID]bool)}
	nodes := []*supervised{supervise(t, connection, h), supervise(t, connection, h)}
	stop := work(nodes, 8)
	defer stop()
	for round := range 10 {
		eventually(t, "work goes on", func() bool { return h.len() > 100*(round+1) })
		execute(t, cluster.Superuser(connection), `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'poterne' and pid <> pg_backend_pid()`)
	}
	eventually(t, "work goes on", func() bool { return h.len() > 1200 })
	stop()
	t.Logf("%d and %d restarts", nodes[0].restarts.Load(), nodes[1].restarts.Load())
	h.holds(t, connection)
}

// A server that is told to stop waiting for its standby calls the commit a
// success; a failover would lose it.
//
// Promise: LEDGER-1
func TestLEDGER_1_ACommitThatNoStandbyHasIsNoCommit(t *testing.T) {
	primary := storetest.StartPostgreSQL(t)
	connection := primary.Database(t)
	standby := primary.Standby(t)
	s := openPostgreSQL(t, connection)
	turn := func() error {
		return store.NewLedger(s).Turn(t.Context(), func(head journal.Head) error {
			return head.Write([]ledger.Entry{{Number: head.Next(), Kind: ledger.Opened, Time: storetest.At}}, storetest.At)
		})
	}
	if err := turn(); err != nil {
		t.Fatal(err)
	}
	standby.Kill()
	over := make(chan error)
	go func() { over <- turn() }()
	eventually(t, "the commit waits", func() bool {
		const cancel = `select count(pg_cancel_backend(pid)) from pg_stat_activity where wait_event = 'SyncRep'`
		var n int
		return direct(t, primary.Superuser(connection)).QueryRowContext(t.Context(), cancel).Scan(&n) == nil && n == 1
	})
	if err := <-over; !errors.Is(err, journal.ErrOutcomeUnknown) {
		t.Errorf("a commit that is nowhere else ended with %v", err)
	}
}

// A node that gives up a commit leaves it waiting: nobody reads what no standby has.
//
// Promise: LEDGER-1
func TestLEDGER_1_ACommitThatIsGivenUpIsSeenByNobodyBeforeAStandbyHasIt(t *testing.T) {
	primary := storetest.StartPostgreSQL(t)
	connection := primary.Database(t)
	standby := primary.Standby(t)
	s := openPostgreSQL(t, connection)
	storetest.Write(t, s, 1, storetest.At)
	standby.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := store.NewLedger(s).Turn(ctx, func(head journal.Head) error {
		return head.Write([]ledger.Entry{{Number: head.Next(), Kind: ledger.Opened, Time: storetest.At}}, storetest.At)
	}); !errors.Is(err, journal.ErrOutcomeUnknown) {
		t.Errorf("a commit that was given up ended with %v", err)
	}
	time.Sleep(time.Second) // a server that was told would have obeyed
	var entries int
	if err := direct(t, primary.Superuser(connection)).QueryRowContext(t.Context(), `select coalesce(sum(count), 0) from turn`).Scan(&entries); err != nil || entries != 1 {
		t.Errorf("%d entries are seen, %v", entries, err)
	}
}

// Promise: RUN-3
func TestRUN_3_AStandbyIsNotTakenForTheDatabase(t *testing.T) {
	primary := storetest.StartPostgreSQL(t)
	connection := primary.Database(t)
	standby := primary.Standby(t)
	if s, err := store.OpenPostgreSQL(t.Context(), standby.Only(connection)); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "read only") {
		if s != nil {
			_ = s.Close()
		}
		t.Errorf("opened with %v", err)
	}
	storetest.Write(t, openPostgreSQL(t, standby.Either(primary, standby.Only(connection))), 3, storetest.At) // the second is asked
}

// Promise: RUN-3
func TestRUN_3_ADatabaseThatTurnsReadOnlyIsUnavailableAndComesBack(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	connection := cluster.Database(t)
	s := openPostgreSQL(t, connection)
	write := func() error {
		return store.NewLedger(s).Turn(t.Context(), func(head journal.Head) error {
			return head.Write([]ledger.Entry{{Number: head.Next(), Kind: ledger.Opened, Time: storetest.At}}, storetest.At)
		})
	}
	if err := write(); err != nil {
		t.Fatal(err)
	}
	cluster.Set(t, "default_transaction_read_only", "on")
	eventually(t, "it takes nothing", func() bool { return write() != nil })
	if err := write(); errors.Is(err, journal.ErrOutcomeUnknown) {
		t.Errorf("it is not known what came of a write that was refused: %v", err)
	}
	if err := store.NewSessions(s).Sweep(t.Context(), storetest.At, storetest.At); !fault.Is(err, fault.Unavailable) {
		t.Errorf("it is told as %v", err)
	}
	cluster.Set(t, "default_transaction_read_only", "off")
	eventually(t, "it takes entries again", func() bool { return write() == nil })
}

// A server's own defaults change nothing: a stricter isolation would fail every
// turn that had to wait for another.
//
// Promise: METER-3
func TestMETER_3_TurnsFollowEachOtherWhateverTheServersDefaults(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	connection := cluster.Database(t)
	cluster.Set(t, "default_transaction_isolation", "serializable")
	cluster.Set(t, "synchronous_commit", "off")
	eventually(t, "the server has its defaults", func() bool {
		var isolation string
		return direct(t, connection).QueryRowContext(t.Context(), `show default_transaction_isolation`).Scan(&isolation) == nil && isolation == "serializable"
	})
	var wait sync.WaitGroup
	for range 3 {
		s := openPostgreSQL(t, connection)
		for range 4 {
			wait.Go(func() {
				for range 20 {
					if err := store.NewLedger(s).Turn(t.Context(), func(head journal.Head) error {
						return head.Write([]ledger.Entry{{Number: head.Next(), Kind: ledger.Opened, Time: storetest.At}}, storetest.At)
					}); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	wait.Wait()
	entries := 0
	for _, err := range store.NewLedger(openPostgreSQL(t, connection)).Entries(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		entries++
	}
	if entries != 3*4*20 {
		t.Errorf("%d entries", entries)
	}
}

// A node that freezes, or is cut off, while it holds the head does not hold up the
// others: the server ends its turn.
//
// Promise: RUN-3
func TestRUN_3_ANodeThatFreezesUnderTheHeadLosesIt(t *testing.T) {
	connection := storetest.StartPostgreSQL(t).Database(t)
	frozen := openPostgreSQL(t, connection+" idle_in_transaction_session_timeout=300")
	other := openPostgreSQL(t, connection)
	holding, over := make(chan struct{}), make(chan error)
	thaw := make(chan struct{})
	go func() {
		over <- store.NewLedger(frozen).Turn(t.Context(), func(head journal.Head) error {
			close(holding)
			<-thaw
			return head.Write([]ledger.Entry{{Number: head.Next(), Kind: ledger.Opened, Time: storetest.At}}, storetest.At)
		})
	}()
	<-holding
	began := time.Now()
	storetest.Write(t, other, 1, storetest.At)
	if took := time.Since(began); took < 200*time.Millisecond {
		t.Errorf("the other node waited for %v only: the head was free", took)
	}
	close(thaw)
	if err := <-over; err == nil || errors.Is(err, journal.ErrOutcomeUnknown) {
		t.Errorf("the turn that was lost ended with %v", err)
	}
	storetest.Write(t, frozen, 1, storetest.At) // and it goes on
}

// A primary that comes back after its standby was promoted, and that nobody
// stopped, finds no standby to wait for: it is not taken for the database, even
// where it is named first.
//
// Promise: RUN-3
func TestRUN_3_AnOldPrimaryThatComesBackIsNotTakenForTheDatabase(t *testing.T) {
	t.Parallel() // it mostly waits
	primary := storetest.StartPostgreSQL(t)
	connection := primary.Database(t)
	standby := primary.Standby(t)
	employ(t, connection)
	storetest.Write(t, openPostgreSQL(t, connection), 1, storetest.At)
	primary.Kill()
	standby.Promote(t)
	primary.Start(t)
	if s, err := store.OpenPostgreSQL(t.Context(), connection); !fault.Is(err, fault.Unavailable) {
		if s != nil {
			_ = s.Close()
		}
		t.Errorf("the old primary opened with %v", err)
	}
	h := &handed{people: make(map[register.PersonID]bool)}
	n := supervise(t, primary.Either(standby, connection), h)
	eventually(t, "the node works on the new primary", func() bool {
		_, err := n.settle("pauline", storetest.Person(2))
		return err == nil
	})
	h.holds(t, standby.Only(connection))
}

// Promise: LEDGER-1
func TestLEDGER_1_NothingIsHandedOverWhenPostgreSQLHasNoRoom(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	connection := cluster.Database(t)
	employ(t, connection)
	cluster.Kill()
	cluster.Room(2 << 20)
	cluster.Start(t)
	s := openPostgreSQL(t, connection)
	fill := func(n, length int) (err error) {
		for err == nil {
			err = store.NewLedger(s).Turn(t.Context(), func(head journal.Head) error {
				entries := make([]ledger.Entry, n)
				for i := range entries {
					entries[i] = ledger.Entry{Number: head.Next() + ledger.Number(i), Kind: ledger.Opened, Time: storetest.At, Note: strings.Repeat("x", length)}
				}
				return head.Write(entries, storetest.At)
			})
		}
		return err
	}
	for _, size := range []struct{ n, length int }{{1000, 400}, {100, 0}, {1, 1700}, {1, 0}} { // long rows lie in a file of their own; also what is left in each page
		if err := fill(size.n, size.length); errors.Is(err, journal.ErrOutcomeUnknown) || !strings.Contains(err.Error(), "could not extend file") {
			t.Fatalf("the disk filled with %v", err)
		}
	}
	h := &handed{people: make(map[register.PersonID]bool)}
	n := supervise(t, connection, h)
	eventually(t, "the node is up", func() bool {
		_, err := n.settle("pauline", storetest.Person(1))
		return fault.Is(err, fault.Unavailable)
	})
	if h.len() != 0 {
		t.Error("somebody was handed over who could not be written down")
	}
	cluster.Kill()
	cluster.Room(0)
	cluster.Start(t)
	eventually(t, "the node goes on", func() bool {
		_, err := n.settle("pauline", storetest.Person(1))
		return err == nil
	})
	h.holds(t, connection)
	if n.restarts.Load() != 0 {
		t.Error("the node restarted, and had no reason to")
	}
}

// A node behind a cut network shows nothing, says so in time, and does not hold up
// the others.
//
// Promise: RUN-3
func TestRUN_3_ANodeBehindACutNetworkShowsNothingAndHoldsNobodyUp(t *testing.T) {
	t.Parallel() // it mostly waits
	cluster := storetest.StartPostgreSQL(t)
	connection := cluster.Database(t)
	employ(t, connection)
	over, wire := cluster.Over(t, connection)
	h := &handed{people: make(map[register.PersonID]bool)}
	apart, other := supervise(t, over+" idle_in_transaction_session_timeout=500", h), supervise(t, connection, h)
	for _, n := range []*supervised{apart, other} {
		eventually(t, "the node is up", func() bool {
			_, err := n.settle("pauline", storetest.Person(1))
			return err == nil
		})
	}
	wire.Cut()
	refused := make(chan error)
	began := time.Now()
	go func() {
		_, err := apart.settle("pauline", storetest.Person(2))
		refused <- err
	}()
	time.Sleep(100 * time.Millisecond) // it holds the head, perhaps
	if _, err := other.settle("pauline", storetest.Person(3)); err != nil {
		t.Error(err)
	}
	t.Logf("the other node was held up for %v", time.Since(began).Round(time.Millisecond)) // for ever, did the server not end the turn
	select {
	case err := <-refused:
		if !fault.Is(err, fault.Unavailable) {
			t.Errorf("a node that can write nothing down answers %v", err)
		}
		t.Logf("refused after %v", time.Since(began).Round(time.Millisecond))
	case <-time.After(2 * time.Minute):
		t.Error("the node behind the cut says nothing at all")
	}
	wire.Mend()
	eventually(t, "the node goes on", func() bool {
		_, err := apart.settle("pauline", storetest.Person(4))
		return err == nil
	})
	h.holds(t, connection)
}

// Promise: LEDGER-3
func TestLEDGER_3_ACheckpointOfEntriesThatAreNotThereIsNotPublished(t *testing.T) {
	connection := storetest.StartPostgreSQL(t).Database(t)
	s := openPostgreSQL(t, connection)
	storetest.Write(t, s, 3, storetest.At)
	leaves := make([]byte, 0, 3*tlog.HashSize)
	for row, err := range store.NewLedger(s).Sealed(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		leaf := row.Leaf()
		leaves = append(leaves, leaf[:]...)
	}
	tile := tlog.Tile{H: ledger.TileHeight, L: 0, N: 0, W: 3}
	head := ledger.Checkpoint{Note: []byte("a note")}
	head.Size = 3
	other := bytes.Clone(leaves)
	other[len(other)-1]++ // as a server had it that was replaced
	if err := store.NewLedger(s).Publish(t.Context(), map[tlog.Tile][]byte{tile: other}, head); err == nil {
		t.Error("a tile of other entries was published")
	}
	head.Size = 4
	if err := store.NewLedger(s).Publish(t.Context(), map[tlog.Tile][]byte{tile: append(other, leaves[:tlog.HashSize]...)}, head); err == nil {
		t.Error("a tile of more entries than there are was published")
	}
	if note, err := store.NewLedger(s).Checkpoint(t.Context()); err != nil || note != nil {
		t.Errorf("there is a checkpoint: %q, %v", note, err)
	}
	head.Size = 3
	if err := store.NewLedger(s).Publish(t.Context(), map[tlog.Tile][]byte{tile: leaves}, head); err != nil {
		t.Error(err)
	}
}
