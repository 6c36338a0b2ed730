package store_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"poterne/internal/gate"
	"poterne/internal/order"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// poll is how often a gate looks by itself.
const poll = time.Second

// gateOn runs a gate as one process of several has it, with its listener when
// listening. Meanwhile the test goes on; everything ends with it.
func gateOn(t *testing.T, s *store.Store, log *slog.Logger, listening bool) *gate.Gate {
	t.Helper()
	g, err := gate.Open(t.Context(), s, s, rules, func() time.Time { return storetest.At })
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
		running.Go(func() { _ = s.Listen(ctx, log, func() { _ = g.Look(ctx) }) })
	}
	t.Cleanup(func() {
		end()
		running.Wait()
	})
	return g
}

// cutAfter places an order on one gate while an answer is under way on another,
// and returns how long that answer went on.
func cutAfter(t *testing.T, placing, showing *gate.Gate) time.Duration {
	t.Helper()
	under, leave := showing.Enter(t.Context(), "pauline", "mlv", "dossier")
	defer leave()
	placed, err := placing.Place(t.Context(), order.Order{Effect: order.Suspended, Reach: order.Account, Target: "pauline", By: "samir"})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	select {
	case <-under.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("the answer under way is not cut")
	}
	took := time.Since(began)
	if !errors.Is(context.Cause(under), gate.ErrCut) {
		t.Errorf("it ended because of %v", context.Cause(under))
	}
	if err := placing.Lift(t.Context(), placed.ID, "samir", "the test goes on"); err != nil {
		t.Fatal(err)
	}
	return took
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
	for began := time.Now(); time.Since(began) < 30*time.Second; time.Sleep(25 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatal("not within half a minute: " + what)
}

// Promise: ACT-1
func TestACT_1_AnOrderCutsAnswersUnderWayOnOtherNodesAtOnce(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	connection := cluster.Database(t)
	showing := gateOn(t, openPostgreSQL(t, connection), slog.New(slog.DiscardHandler), true)
	placing := gateOn(t, openPostgreSQL(t, connection), slog.New(slog.DiscardHandler), false)
	eventually(t, "the gate listens", func() bool { return listeners(t, connection) == 1 })

	var longest time.Duration
	for range 20 { // a poll alone would be as quick by chance now and then, and not twenty times
		longest = max(longest, cutAfter(t, placing, showing))
	}
	t.Logf("with the listener, cut within %v", longest)
	if longest > poll/2 {
		t.Errorf("an answer went on for %v: that is no quicker than looking every %v", longest, poll)
	}

	// The listener is killed: the poll is what is left, until it is back.
	kill := `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'poterne, listening'`
	execute(t, cluster.Superuser(connection), kill)
	if took := cutAfter(t, placing, showing); took > 2*poll {
		t.Errorf("without its listener, a node cuts after %v", took)
	} else {
		t.Logf("without it, cut after %v", took)
	}
	eventually(t, "the listener is back", func() bool { return listeners(t, connection) == 1 })
	if took := cutAfter(t, placing, showing); took > poll/2 {
		t.Errorf("once the listener is back, a node cuts after %v", took)
	}
}

// Promise: ACT-1
func TestACT_1_ANodeWithoutAListenerCutsWithinItsPoll(t *testing.T) {
	connection := storetest.StartPostgreSQL(t).Database(t)
	showing := gateOn(t, openPostgreSQL(t, connection), nil, false)
	placing := gateOn(t, openPostgreSQL(t, connection), nil, false)
	for range 3 {
		if took := cutAfter(t, placing, showing); took > 2*poll {
			t.Errorf("an answer went on for %v", took)
		}
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
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: nothing is told", what)
		}
	}
	hear("at first")
	cluster.Kill()
	cluster.Start(t)
	hear("after the server was gone")
	if err := s.TakeRoster(t.Context(), storetest.Staff()); err != nil {
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
