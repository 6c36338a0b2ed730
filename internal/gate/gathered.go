package gate

import (
	"context"
	"fmt"
	"sync"
	"time"

	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// known is what was gathered, before the head is taken, to decide an ask.
type known struct {
	asker Asker
	said  []reason.Fact
}

// facts makes of it what the decision wants; the caller adds orders and a meter.
func (k known) facts(watched time.Time) policy.Facts {
	return policy.Facts{
		Habilitations: k.asker.Habilitations, Opened: k.asker.Opened, Watched: watched,
		Evidence: reason.Evidence{Facts: k.said, Covers: k.asker.Covers},
	}
}

// gather collects what is known, and lets the roster say who the asker is.
func (g *Gate) gather(ctx context.Context, ask *policy.Ask) (known, error) {
	asker, err := g.asker(ctx, ask.Account)
	if err != nil {
		return known{}, unavailable(fmt.Errorf("asking the roster: %w", err))
	}
	ask.Organisation, ask.Role = asker.Organisation, asker.Role
	people := make([]register.PersonID, 0, len(ask.People))
	for _, opening := range ask.People {
		if !opening.Person.IsZero() {
			people = append(people, opening.Person)
		}
	}
	facts, err := g.factsAbout(ctx, asker, people)
	if err != nil {
		return known{}, unavailable(fmt.Errorf("gathering facts: %w", err))
	}
	return known{asker, facts}, nil
}

// asker returns the account as the roster had it in the generation that this node
// has seen last.
func (g *Gate) asker(ctx context.Context, account roster.AccountID) (Asker, error) {
	g.askers.mu.RLock()
	asker, ok := g.askers.of[account]
	generation := g.askers.generation
	g.askers.mu.RUnlock()
	if ok {
		return asker, nil
	}
	asker, err := g.files.Asker(ctx, account)
	if err != nil {
		return Asker{}, err
	}
	g.askers.mu.Lock()
	defer g.askers.mu.Unlock()
	if g.askers.generation == generation {
		g.askers.of[account] = asker
	}
	return asker, nil
}

// passageFacts is the facts gathered for one passage under way. A passage is
// decided twice or more within moments, before and after the application is asked:
// facts about the same people are asked for once. It hangs on the passage's
// context, and forgetting it would only cost time.
type passageFacts struct {
	mu    sync.Mutex
	facts []reason.Fact
	about map[register.PersonID]bool
}

type passageFactsKey struct{}

func withPassageFacts(ctx context.Context) context.Context {
	return context.WithValue(ctx, passageFactsKey{}, &passageFacts{about: make(map[register.PersonID]bool)})
}

func (g *Gate) factsAbout(ctx context.Context, asker Asker, people []register.PersonID) ([]reason.Fact, error) {
	passage, ok := ctx.Value(passageFactsKey{}).(*passageFacts)
	if !ok {
		passage = &passageFacts{}
	}
	passage.mu.Lock()
	defer passage.mu.Unlock()
	missing := passage.missing(people)
	if len(missing) == 0 {
		return passage.facts, nil
	}
	more, err := g.files.Facts(ctx, asker, missing, g.now())
	if err != nil || !ok {
		return more, err
	}
	for _, person := range missing {
		passage.about[person] = true
	}
	passage.facts = append(passage.facts[:len(passage.facts):len(passage.facts)], more...)
	return passage.facts, nil
}

func (p *passageFacts) missing(people []register.PersonID) (missing []register.PersonID) {
	for _, person := range people {
		if !p.about[person] {
			missing = append(missing, person)
		}
	}
	return missing
}
