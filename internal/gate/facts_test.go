package gate_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/intake"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// asked counts what is asked of the files behind a gate.
type asked struct {
	gate.Files
	people []int
}

func (a *asked) Facts(ctx context.Context, asker gate.Asker, people []register.PersonID, at time.Time) ([]reason.Fact, error) {
	a.people = append(a.people, len(people))
	return a.Files.Facts(ctx, asker, people, at)
}

func TestWhatIsKnownIsAskedOnce(t *testing.T) {
	h := newHouse(t)
	s := h.store()
	files := &asked{Files: store.NewFacts(s)}
	g, err := storetest.OpenNode(t.Context(), store.NewLedger(s), files, rules, h.clock.now)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = g.Run(t.Context()) }()
	explained := func(want bool, people ...int) {
		t.Helper()
		if decision, err := g.Check(t.Context(), ask(people...)); err != nil || (decision.People[len(people)-1].Why == policy.Explained) != want {
			t.Fatalf("checks %+v, %v", decision.People, err)
		}
		if passage := settle(t, g, ask(people...)); (passage.Decision.People[len(people)-1].Why == policy.Explained) != want {
			t.Fatalf("commits %+v", passage.Decision.People)
		}
	}
	explained(true, 1)
	explained(true, 2, 1)
	if !slices.Equal(files.people, []int{1, 1}) {
		t.Errorf("the files were asked about %v people, want 1 and then 1 more", files.people)
	}
	files.people = nil
	moved := reason.Fact{Kind: reason.Caseload, Account: "pauline", Person: storetest.Person(3), From: storetest.At.Add(time.Minute), Until: storetest.At.AddDate(1, 0, 0), ID: "1"}
	if err := storetest.TakeFacts(t, h.store(), "cases", moved); err != nil {
		t.Fatal(err)
	}
	settle(t, g, policy.Ask{Act: policy.Show, Account: "karim"}) // any turn at the head tells the node
	explained(false, 2, 1)
	explained(false, 3)
	h.clock.advance(2 * time.Minute) // the fact was remembered before it held
	explained(true, 3)
	if !slices.Equal(files.people, []int{1, 1}) {
		t.Errorf("a fact moved from one person to another, and the files were asked about %v people", files.people)
	}
}

// Facts come and go, and move from person to person, while two nodes decide and remember:
// whatever the order in which all this is entered, each decision is by the facts as they
// were at its entry.
func TestADecisionIsByTheFactsUnderTheHead(t *testing.T) {
	h := newHouse(t)
	t.Run("sqlite", func(t *testing.T) { exact(t, h.store(), h.store()) })
	t.Run("postgres", func(t *testing.T) {
		connection := storetest.StartPostgreSQL(t).Database(t)
		var stores [2]*store.DB
		for i := range stores {
			var err error
			if stores[i], err = store.OpenPostgreSQL(t.Context(), connection); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = stores[i].Close() })
		}
		if err := storetest.TakeRoster(t, stores[0], storetest.Staff()); err != nil {
			t.Fatal(err)
		}
		exact(t, stores[:]...)
	})
}

func exact(t *testing.T, stores ...*store.DB) {
	const people, facts = 8, 6
	at := storetest.At
	var nodes []*storetest.Node
	var writers []journal.Writer
	for i, s := range stores {
		j, err := journal.Open(t.Context(), store.NewLedger(s), nil, func() time.Time { return at })
		if err != nil {
			t.Fatal(err)
		}
		remembered := []int64{gate.Remembered, 8 * 1000}[i] // one of them forgets a lot
		n := &storetest.Node{Gate: gate.New(j, store.NewFacts(s), rules, remembered, func() time.Time { return at }), Journal: j}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- n.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
		nodes, writers = append(nodes, n), append(writers, n)
	}
	writers = append(writers, storetest.Outside(stores[0]))

	type change struct {
		fact  int
		holds int // of this person; -1 of nobody
	}
	var mu sync.Mutex
	changes := make(map[ledger.Number][]change)
	first := nodes[0].Next()
	var wait sync.WaitGroup
	for n, w := range writers {
		wait.Go(func() {
			random := rand.New(rand.NewPCG(uint64(n), 1))
			for range 60 {
				batch := &intake.FactBatch{Source: "cases"}
				var made []change
				for range random.IntN(3) {
					c := change{random.IntN(facts), random.IntN(people+3) - 3}
					fact := reason.Fact{Kind: reason.Caseload, Account: "pauline", Person: storetest.Person(max(c.holds, 0)), From: at.Add(-time.Hour), Until: at.AddDate(1, 0, 0), ID: strconv.Itoa(c.fact)}
					switch c.holds {
					case -1:
						fact.Until = at // it is over
					case -2:
						fact.From = at.Add(time.Hour) // it is to come
					case -3:
						fact.Account = "karim"
					}
					batch.Facts, made = append(batch.Facts, fact), append(made, c)
				}
				entry, err := journal.Do(context.Background(), w, batch)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				changes[entry.Number] = made
				mu.Unlock()
				time.Sleep(time.Duration(random.IntN(3)) * time.Millisecond)
			}
		})
	}
	for n := range 4 {
		wait.Go(func() {
			random := rand.New(rand.NewPCG(uint64(n), 2))
			for range 150 {
				asked := ask(random.IntN(people), random.IntN(people))
				_, err := nodes[n%2].Commit(context.Background(), asked)
				for fault.Is(err, fault.Unavailable) { // on a slow machine facts may change faster than they are read
					_, err = nodes[n%2].Commit(context.Background(), asked)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()

	holds := make(map[int]int) // of each fact, whose it is
	if first > 2 {
		holds[1] = 1 // the house has it
	}
	decided, explained := 0, 0
	for _, entry := range entries(t, nodes[0], first) {
		for _, c := range changes[entry.Number] {
			holds[c.fact] = c.holds
		}
		if entry.Person.IsZero() {
			continue
		}
		want := false
		for _, person := range holds {
			want = want || person >= 0 && entry.Person == storetest.Person(person)
		}
		decided++
		if want {
			explained++
		}
		if got := entry.Why == policy.Explained; got != want {
			t.Fatalf("entry %d decides with a fact: %v, and under the head there was one: %v", entry.Number, got, want)
		}
	}
	if explained < 100 || explained == decided {
		t.Errorf("%d of %d decisions had a fact: nothing was tried", explained, decided)
	}
}

// Promise: RIGHTS-6 (end dates)
func TestRIGHTS_6_AChangeOfTheRosterHoldsAtTheNextDecision(t *testing.T) {
	h := newHouse(t)
	here, there := first(h.gate()), first(h.gate())
	for _, g := range []*storetest.Node{here, there} {
		if !settle(t, g, ask(1)).Decision.Shown() {
			t.Fatal("refused before the change")
		}
	}
	ended := storetest.Staff()
	ended.Habilitations[0].Until = h.clock.now()
	if err := storetest.TakeRoster(t, h.store(), ended); err != nil {
		t.Fatal(err)
	}
	for _, g := range []*storetest.Node{here, there} {
		settle(t, g, policy.Ask{Act: policy.Show, Account: "karim"}) // any turn at the head tells the node
		if settle(t, g, ask(1)).Decision.Shown() {
			t.Error("a habilitation that has ended still opens")
		}
	}
}
