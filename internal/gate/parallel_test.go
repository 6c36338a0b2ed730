package gate_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/journal"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// watchful are rules under which evidence stops a thief long before the allowances.
func watchful() policy.Rules {
	r := rules
	r.Watches = policy.Watches
	r.Allowances = map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(150), Long: meter.People(150)}}
	return r
}

// swept is what came of going through the register.
type swept struct {
	shown  int
	frozen int // accounts
}

// sweep has one account ask for 200 strangers in ten sessions over two gates, and
// returns what came of it.
func sweep(t *testing.T, open func() *store.DB, clock *clock, apart time.Duration) swept {
	t.Helper()
	var gates [2]*storetest.Node
	for i := range gates {
		s := open()
		if i == 0 {
			if err := storetest.TakeRoster(t, s, storetest.Staff()); err != nil {
				t.Fatal(err)
			}
		}
		g, err := storetest.OpenNode(t.Context(), store.NewLedger(s), store.NewFacts(s), watchful(), clock.now)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		ended := make(chan error, 1)
		go func() { ended <- g.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("a gate ended with %v", err)
			}
		})
		gates[i] = g
	}
	var shown atomic.Int64
	one := func(i int) {
		a := ask(1000 + i)
		a.About, a.Session = true, roster.SessionID(fmt.Sprintf("s%d", i%10))
		passage, err := gates[i%2].Commit(context.WithoutCancel(t.Context()), a)
		if err != nil {
			t.Error(err)
		} else if passage.Decision.Shown() {
			shown.Add(1)
		}
	}
	var wait sync.WaitGroup
	for i := range 200 {
		if apart > 0 {
			clock.advance(apart)
			one(i)
			continue
		}
		wait.Go(func() { one(i) })
	}
	wait.Wait()
	if err := gates[0].Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	result := swept{shown: int(shown.Load())}
	for _, o := range gates[0].Orders() {
		if o.Effect == order.Frozen && o.By == journal.Itself {
			result.frozen++
		}
	}
	return result
}

// Promise: WATCH-9
func TestWATCH_9_StrangersAtOnceEndAsOneAfterTheOther(t *testing.T) {
	engines := map[string]func(*testing.T) func() *store.DB{
		"SQLite": func(t *testing.T) func() *store.DB { return newHouse(t).store },
		"PostgreSQL": func(t *testing.T) func() *store.DB {
			connection := storetest.StartPostgreSQL(t).Database(t)
			return func() *store.DB {
				s, err := store.OpenPostgreSQL(t.Context(), connection)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = s.Close() })
				return s
			}
		},
	}
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			sequence := sweep(t, engine(t), newClock(), 100*time.Millisecond)
			atOnce := sweep(t, engine(t), newClock(), 0)
			if sequence.frozen != 1 || sequence.shown > 5 {
				t.Fatalf("one after the other: %+v, want a freeze after a few", sequence)
			}
			if atOnce.frozen != sequence.frozen || atOnce.shown > sequence.shown+1 || atOnce.shown < sequence.shown-1 {
				t.Errorf("at once: %+v, one after the other: %+v", atOnce, sequence)
			}
		})
	}
}
