package store_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/containment"
	"poterne/internal/gate"
	"poterne/internal/journal"
	"poterne/internal/order"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// gateOn runs a gate as one process of several has it, with its listener when
// listening. Meanwhile the test goes on; everything ends with it. heard counts what the
// listener told it.
func gateOn(t *testing.T, s *store.DB, log *slog.Logger, listening bool) (g *storetest.Node, heard *atomic.Int64) {
	t.Helper()
	heard = new(atomic.Int64)
	g, err := storetest.OpenNode(t.Context(), store.NewLedger(s), store.NewFacts(s), rules, func() time.Time { return storetest.At })
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := g.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	if listening {
		running.Go(func() {
			_ = s.Listen(ctx, log, func() {
				heard.Add(1)
				_ = g.Look(ctx)
			})
		})
	}
	t.Cleanup(func() {
		end()
		running.Wait()
	})
	return g, heard
}

// cuts places an order on one gate while an answer is under way on another, which
// must end.
func cuts(t *testing.T, placing, showing *storetest.Node) {
	t.Helper()
	under, leave := showing.Enter(t.Context(), order.Use{Account: "pauline", Organisation: "mlv", Service: "dossier"})
	defer leave()
	placed, err := placing.Place(t.Context(), order.Order{Effect: order.Suspended, Reach: order.Account, Target: "pauline", By: "samir"})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-under.Done():
	case <-time.After(time.Minute):
		t.Fatal("the answer under way is not cut")
	}
	if !errors.Is(context.Cause(under), gate.ErrCut) {
		t.Errorf("it ended because of %v", context.Cause(under))
	}
	if _, err := journal.Do(t.Context(), placing.Journal, containment.Restore{ID: placed.ID}); err != nil { // the test goes on
		t.Fatal(err)
	}
}

// listeners returns how many connections of this database listen.
func listeners(t *testing.T, connection string) (n int) {
	t.Helper()
	const query = `select count(*) from pg_stat_activity where datname = current_database() and application_name = 'poterne, listening' and query ilike 'listen%'`
	if err := direct(t, connection).QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for began := time.Now(); time.Since(began) < 2*time.Minute; time.Sleep(25 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatal("not within two minutes: " + what)
}

// Each order is heard, so that no node waits until it looks by itself; how soon is
// measured by nobody here, since a busy machine is late.
//
// Promise: ACT-1
func TestACT_1_AnOrderCutsAnswersUnderWayOnOtherNodesAtOnce(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	connection := cluster.Database(t)
	showing, heard := gateOn(t, openPostgreSQL(t, connection), slog.New(slog.DiscardHandler), true)
	placing, _ := gateOn(t, openPostgreSQL(t, connection), slog.New(slog.DiscardHandler), false)
	hears := func() {
		t.Helper()
		before := heard.Load()
		cuts(t, placing, showing)
		eventually(t, "the order is heard", func() bool { return heard.Load() > before })
	}
	eventually(t, "the gate listens", func() bool { return listeners(t, connection) == 1 })
	for range 5 {
		hears()
	}

	// The listener is killed: looking every second is what is left, until it is back.
	kill := `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'poterne, listening'`
	execute(t, cluster.Superuser(connection), kill)
	cuts(t, placing, showing)
	eventually(t, "the listener is back", func() bool { return listeners(t, connection) == 1 })
	hears()
}

// Promise: ACT-1
func TestACT_1_ANodeWithoutAListenerCutsWithinItsPoll(t *testing.T) {
	connection := storetest.StartPostgreSQL(t).Database(t)
	showing, _ := gateOn(t, openPostgreSQL(t, connection), nil, false)
	placing, _ := gateOn(t, openPostgreSQL(t, connection), nil, false)
	for range 3 {
		cuts(t, placing, showing)
	}
}

// What was ordered while nobody listened is told when the listener is back.
func TestAListenerThatIsBackTellsWhatItMayHaveMissed(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	connection := cluster.Database(t)
	s := openPostgreSQL(t, connection)
	told := make(chan struct{}, 100)
	var mu sync.Mutex
	var said strings.Builder
	log := slog.New(slog.NewTextHandler(locked{&mu, &said}, nil))
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Listen(ctx, log, func() { told <- struct{}{} }) }()
	hear := func(what string) {
		t.Helper()
		select {
		case <-told:
		case <-time.After(time.Minute):
			t.Fatalf("%s: nothing is told", what)
		}
	}
	hear("at first")
	cluster.Kill()
	cluster.Start(t)
	hear("after the server was gone")
	if err := storetest.TakeRoster(t, s, storetest.Staff()); err != nil {
		t.Fatal(err)
	}
	hear("a roster")
	for range 3 {
		storetest.Write(t, s, 10, storetest.At)
	}
	select {
	case <-told:
		t.Error("entries are told: each of them would wake every node")
	case <-time.After(300 * time.Millisecond):
	}
	end()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if n := strings.Count(said.String(), "until the listener is back"); n != 1 {
		t.Errorf("the loss is told %d times:\n%s", n, said.String())
	}
}

type locked struct {
	mu *sync.Mutex
	to *strings.Builder
}

func (l locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(p)
}
