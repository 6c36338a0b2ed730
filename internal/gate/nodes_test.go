package gate_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// node is a gate over PostgreSQL, as one process of several has it.
type node struct {
	*storetest.Node
	store *store.DB
	ended chan error
}

func startNode(t *testing.T, connection string) *node {
	t.Helper()
	s, err := store.OpenPostgreSQL(t.Context(), connection)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	g, err := storetest.OpenNode(t.Context(), store.NewLedger(s), store.NewFacts(s), rules, func() time.Time { return storetest.At })
	if err != nil {
		t.Fatal(err)
	}
	n := &node{g, s, make(chan error, 1)}
	go func() { n.ended <- g.Run(t.Context()) }()
	return n
}

// Promise: METER-3
// Promise: RUN-3
func TestRUN_3_NodesOnOnePostgreSQLDiscloseExactlyTheAllowance(t *testing.T) {
	connection := storetest.StartPostgreSQL(t).Database(t)
	var nodes [3]*node
	for i := range nodes {
		nodes[i] = startNode(t, connection)
		if i == 0 {
			if err := storetest.TakeRoster(t, nodes[0].store, storetest.Staff()); err != nil {
				t.Fatal(err)
			}
		}
	}
	var shown atomic.Int64
	var wait sync.WaitGroup
	for i := range 300 {
		wait.Go(func() {
			passage, err := nodes[i%len(nodes)].Commit(context.Background(), ask(1000+i))
			if err != nil {
				t.Error(err)
				return
			}
			if passage.Decision.People[0].Verdict.Shows() {
				shown.Add(1)
			}
		})
	}
	wait.Wait()
	if got := shown.Load(); got != 3 {
		t.Errorf("%d people shown over three nodes, the allowance is 3", got)
	}
	if _, err := nodes[1].Place(t.Context(), order.Order{Effect: order.Suspended, Reach: order.Account, Target: "pauline", By: "samir"}); err != nil {
		t.Fatal(err)
	}
	for i, n := range nodes {
		if passage := settle(t, n.Node, ask(1000)); passage.Decision.Whole.Why != policy.Suspended {
			t.Errorf("node %d decides %v under an order that node 1 placed", i, passage.Decision.Whole.Why)
		}
	}
}

// Promise: LEDGER-1
// Promise: RUN-3
func TestRUN_3_ADatabaseThatCrashesUnderLoadDisclosesNothingUnwritten(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	connection := cluster.Database(t)
	first := startNode(t, connection)
	if err := storetest.TakeRoster(t, first.store, storetest.Staff()); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	handed := make(map[register.PersonID]bool)
	for round := range 3 {
		nodes := []*node{startNode(t, connection), startNode(t, connection)}
		var wait sync.WaitGroup
		var stop atomic.Bool
		var answered atomic.Int64
		for client := range 16 {
			wait.Go(func() {
				for i := 0; !stop.Load(); i++ {
					a := ask(round*100_000 + client*1000 + i)
					a.Account = roster.AccountID([]string{"pauline", "karim"}[client%2])
					passage, err := nodes[client%len(nodes)].Commit(context.Background(), a)
					if err != nil {
						return // nothing is shown, and this client gives up
					}
					answered.Add(1)
					if passage.Decision.People[0].Verdict.Shows() {
						mu.Lock()
						handed[a.People[0].Person] = true
						mu.Unlock()
					}
				}
			})
		}
		for answered.Load() < 200 {
			time.Sleep(time.Millisecond)
		}
		cluster.Kill()
		stop.Store(true)
		wait.Wait()
		for i, n := range nodes {
			select {
			case err := <-n.ended:
				if !errors.Is(err, journal.ErrOutcomeUnknown) {
					t.Errorf("node %d stopped with %v", i, err)
				}
			default: // it was between two commits, and may go on
			}
		}
		cluster.Start(t)
		written, spent := readBack(t, connection)
		for person := range handed {
			if !written[person] {
				t.Fatal("somebody was handed over who is not written down")
			}
		}
		for account, cost := range spent {
			if cost > meter.People(3) {
				t.Errorf("%s spent %d of 300", account, cost)
			}
		}
	}
	if len(handed) == 0 {
		t.Error("nobody was handed over, so nothing was tried")
	}
}

// readBack reads the ledger anew: who was disclosed, and what each account spent
// within the hour. Its numbers must have no gap.
// A server may lose what it showed to a node before a standby had it: the node
// knows a ledger that is not there any more.
//
// Promise: METER-3
// Promise: RUN-3
func TestRUN_3_ANodeThatHasSeenWhatIsLostEndsItself(t *testing.T) {
	for sentence, others := range map[string]int{"and nothing came in its place": 0, "and as much came in its place": 1, "and more came in its place": 2} {
		t.Run(sentence, func(t *testing.T) {
			cluster := storetest.StartPostgreSQL(t)
			connection := cluster.Database(t)
			node := startNode(t, connection)
			if err := storetest.TakeRoster(t, node.store, storetest.Staff()); err != nil {
				t.Fatal(err)
			}
			settle(t, node.Node, ask(1))
			restore := cluster.Backup(t)
			settle(t, node.Node, ask(2))
			restore()
			other, err := store.OpenPostgreSQL(t.Context(), connection)
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			if others > 0 {
				storetest.Write(t, other, others, storetest.At)
			}
			for range 600 { // the first meets connections that are lost
				if passage, err := node.Commit(t.Context(), ask(3)); err == nil && passage.Decision.Shown() {
					t.Fatal("a node goes on with meters of another ledger")
				}
				select {
				case err := <-node.ended:
					if !errors.Is(err, journal.ErrOutcomeUnknown) {
						t.Errorf("the node ended with %v", err)
					}
					return
				case <-time.After(100 * time.Millisecond):
				}
			}
			t.Error("the node does not end")
		})
	}
}

func TestANodeWhoseConnectionsAreLostGoesOn(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	connection := cluster.Database(t)
	node := startNode(t, connection)
	if err := storetest.TakeRoster(t, node.store, storetest.Staff()); err != nil {
		t.Fatal(err)
	}
	settle(t, node.Node, ask(1))
	cluster.Kill()
	if _, err := node.Commit(t.Context(), ask(2)); !fault.Is(err, fault.Unavailable) {
		t.Errorf("without a database a node answers %v", err)
	}
	cluster.Start(t)
	var err error
	for range 20 { // each connection that it kept is lost
		if _, err = node.Commit(t.Context(), ask(2)); err == nil {
			return
		}
	}
	t.Errorf("with its database again, a node answers %v", err)
}

func readBack(t *testing.T, connection string) (written map[register.PersonID]bool, spent map[roster.AccountID]meter.Cost) {
	t.Helper()
	s, err := store.OpenPostgreSQL(t.Context(), connection)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	written, spent = make(map[register.PersonID]bool), make(map[roster.AccountID]meter.Cost)
	next := ledger.Number(0)
	for entry, err := range store.NewLedger(s).Entries(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if entry.Number != next {
			t.Fatalf("entry %d stands where %d should", entry.Number, next)
		}
		next++
		if entry.Disclosed() {
			written[entry.Person] = true
			spent[entry.Account] += entry.Cost
		}
	}
	return written, spent
}
