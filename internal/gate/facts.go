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

// FactCache holds the facts gathered for one exchange. An exchange is decided twice
// or more within moments, before and after the application is asked: facts about the
// same people are asked for once. Losing it costs time only. Its zero value is empty;
// one goroutine uses it.
type FactCache struct {
	facts []reason.Fact
	about map[register.PersonID]bool
}

// missing lists the people about whom nothing was asked yet.
func (c *FactCache) missing(people []policy.Opening) (missing []register.PersonID) {
	for _, opening := range people {
		if !opening.Person.IsZero() && !c.about[opening.Person] {
			missing = append(missing, opening.Person)
		}
	}
	return missing
}

// add takes in what is known about people.
func (c *FactCache) add(people []register.PersonID, facts []reason.Fact) {
	if c.about == nil {
		c.about = make(map[register.PersonID]bool, len(people))
	}
	for _, person := range people {
		c.about[person] = true
	}
	// A decision that still waits for its turn may hold the facts of before.
	c.facts = append(c.facts[:len(c.facts):len(c.facts)], facts...)
}

// known is what was gathered, before the head is taken, to decide an ask.
type known struct {
	asker Asker
	facts []reason.Fact
}

// policy is what the decision wants to know; the caller adds orders and a meter.
func (k known) policy(watched time.Time) policy.Facts {
	return policy.Facts{
		Habilitations: k.asker.Habilitations, Opened: k.asker.Opened, Watched: watched,
		Evidence: reason.Evidence{Facts: k.facts, Covers: k.asker.Covers},
	}
}

// gather collects what is known, and fills in who asks, as the roster has it.
func (g *Gate) gather(ctx context.Context, ask *policy.Ask, cache *FactCache) (known, error) {
	asker, err := g.asker(ctx, ask.Account)
	if err != nil {
		return known{}, unavailable(fmt.Errorf("asking the roster: %w", err))
	}
	ask.Organisation, ask.Role = asker.Organisation, asker.Role
	if cache == nil {
		cache = new(FactCache)
	}
	if missing := cache.missing(ask.People); len(missing) > 0 {
		facts, err := g.files.Facts(ctx, asker, missing, g.now())
		if err != nil {
			return known{}, unavailable(fmt.Errorf("gathering facts: %w", err))
		}
		cache.add(missing, facts)
	}
	return known{asker, cache.facts}, nil
}

// askers are the accounts of one generation, as the roster has them.
type askers struct {
	mu         sync.RWMutex // guards what follows
	generation uint64       // counts how often they were forgotten
	of         map[roster.AccountID]Asker
}

func (a *askers) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.generation++
	clear(a.of)
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
