package gate_test

import (
	"context"
	"testing"
	"time"

	"poterne/internal/gate"
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

func TestWhatIsKnownIsAskedOnceAPassage(t *testing.T) {
	h := newHouse(t)
	s := h.store()
	files := &asked{Files: store.NewFacts(s)}
	g, err := storetest.OpenNode(t.Context(), store.NewLedger(s), files, rules, h.clock.now)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = g.Run(t.Context()) }()
	for range 2 {
		files.people = nil
		var cache gate.FactCache
		for range 2 {
			if decision, err := g.Check(t.Context(), ask(1), &cache); err != nil || decision.People[0].Why != policy.Explained {
				t.Fatalf("foresees %+v, %v", decision, err)
			}
		}
		passage, err := g.Commit(t.Context(), ask(2, 1), &cache)
		if err != nil || passage.Decision.People[0].Why == policy.Explained || passage.Decision.People[1].Why != policy.Explained {
			t.Fatalf("settles %+v, %v", passage.Decision.People, err)
		}
		if len(files.people) != 2 || files.people[0] != 1 || files.people[1] != 1 {
			t.Errorf("the files were asked about %v people, want 1 and then 1 more", files.people)
		}
	}
	files.people = nil
	if _, err := g.Commit(t.Context(), ask(1), nil); err != nil || len(files.people) != 1 {
		t.Errorf("without a cache: asked %v, %v", files.people, err)
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
