package gate_test

import (
	"context"
	"testing"
	"time"

	"poterne/internal/gate"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// asked counts what is asked of the files behind a gate.
type asked struct {
	gate.Files
	people []int
}

func (a *asked) Known(ctx context.Context, account roster.AccountID, people []register.PersonID, at time.Time) (gate.Known, error) {
	a.people = append(a.people, len(people))
	return a.Files.Known(ctx, account, people, at)
}

func TestWhatIsKnownIsAskedOnceAPassage(t *testing.T) {
	h := newHouse(t)
	s := h.store()
	files := &asked{Files: s}
	g, err := gate.Open(t.Context(), s, files, rules, h.clock.now)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = g.Run(t.Context()) }()
	for range 2 {
		files.people = nil
		ctx, leave := g.Enter(t.Context(), "pauline", "mlv", "dossier")
		for range 2 {
			if decision, err := g.Foresee(ctx, ask(1)); err != nil || decision.People[0].Why != policy.Explained {
				t.Fatalf("foresees %+v, %v", decision, err)
			}
		}
		passage, err := g.Settle(ctx, ask(2, 1))
		if err != nil || passage.Decision.People[0].Why == policy.Explained || passage.Decision.People[1].Why != policy.Explained {
			t.Fatalf("settles %+v, %v", passage.Decision.People, err)
		}
		leave()
		if len(files.people) != 2 || files.people[0] != 1 || files.people[1] != 1 {
			t.Errorf("the files were asked about %v people, want 1 and then 1 more", files.people)
		}
	}
	files.people = nil
	if _, err := g.Settle(t.Context(), ask(1)); err != nil || len(files.people) != 1 {
		t.Errorf("without a passage: asked %v, %v", files.people, err)
	}
}
