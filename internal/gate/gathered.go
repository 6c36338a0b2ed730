package gate

import (
	"context"
	"sync"
	"time"

	"poterne/internal/register"
	"poterne/internal/roster"
)

// gathered is what was gathered for one passage under way. A passage is decided
// twice or more within moments, before and after the application is asked: what
// is known of the same people is asked of Files once. It hangs on the passage's
// context, and forgetting it would only cost time.
type gathered struct {
	mu    sync.Mutex
	known Known
	about map[register.PersonID]bool // nil until anything is known
}

type gatheredKey struct{}

func withGathered(ctx context.Context) context.Context {
	return context.WithValue(ctx, gatheredKey{}, new(gathered))
}

// gather asks files what is known, but for what this passage knows already.
func gather(ctx context.Context, files Files, account roster.AccountID, people []register.PersonID, at time.Time) (Known, error) {
	passage, ok := ctx.Value(gatheredKey{}).(*gathered)
	if !ok {
		return files.Known(ctx, account, people, at)
	}
	passage.mu.Lock()
	defer passage.mu.Unlock()
	if missing := passage.missing(people); passage.about == nil || len(missing) > 0 {
		more, err := files.Known(ctx, account, missing, at)
		if err != nil {
			return Known{}, err
		}
		passage.add(more, missing)
	}
	return passage.known, nil
}

func (g *gathered) missing(people []register.PersonID) (missing []register.PersonID) {
	for _, person := range people {
		if !g.about[person] {
			missing = append(missing, person)
		}
	}
	return missing
}

func (g *gathered) add(more Known, about []register.PersonID) {
	if g.about == nil {
		g.about = make(map[register.PersonID]bool, len(about))
	}
	for _, person := range about {
		g.about[person] = true
	}
	earlier := g.known.Evidence.Facts
	g.known = more
	g.known.Evidence.Facts = append(earlier[:len(earlier):len(earlier)], more.Evidence.Facts...)
}
