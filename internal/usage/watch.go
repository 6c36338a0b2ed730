package usage

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"time"

	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/roster"
)

// Journal is the ledger as it is written.
type Journal interface {
	// Follow yields the entries from a number on, then each new one, until ctx ends.
	Follow(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error]
}

// Ledger finds entries by time.
type Ledger interface {
	// FirstAt returns the number of the first entry at or after a time.
	FirstAt(context.Context, time.Time) (ledger.Number, error)
}

// Roster is who may use what.
type Roster interface {
	// Accounts returns every account.
	Accounts(context.Context) ([]roster.Account, error)
}

// Deps are the services a watch needs.
type Deps struct {
	Journal Journal
	Ledger  Ledger
	Roster  Roster
	Kept    journal.Keeper // nil keeps nothing
}

// formOfSums changes with what Sums holds, and with what it makes of an entry.
const formOfSums = 3

// Watch follows the ledger and keeps its sums. It is safe to share.
type Watch struct {
	follower *journal.Follower[Sums]
	roster   Roster
	rules    Rules
	now      func() time.Time

	mu     sync.Mutex // guards what follows
	sums   Sums
	list   []Notice
	listed ledger.Number // the first entry that the list does not rest on
	added  time.Time     // when the list was made
}

// New returns a watch without entries; Run reads them.
func New(deps Deps, rules Rules, now func() time.Time, log *slog.Logger) *Watch {
	w := &Watch{roster: deps.Roster, rules: rules, now: now, sums: NewSums()}
	w.follower = &journal.Follower[Sums]{
		Journal: deps.Journal, Ledger: deps.Ledger, Kept: deps.Kept, Form: formOfSums, Reach: Reach, Now: now, Log: log,
		Mu: &w.mu, State: &w.sums, Empty: NewSums, Take: func(_ context.Context, e *ledger.Entry) error {
			w.sums.Take(e)
			return nil
		},
	}
	return w
}

// Run follows the ledger until ctx ends. No decision depends on it.
func (w *Watch) Run(ctx context.Context) error { return w.follower.Run(ctx) }

// settling is how old the list may be: it changes by the week.
const settling = time.Minute

// List returns the accounts that a person is to look at, the furthest beyond first, and the
// number of the first entry that the list does not rest on.
func (w *Watch) List(ctx context.Context) ([]Notice, ledger.Number, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := w.now(); now.Sub(w.added) >= settling {
		accounts, err := w.roster.Accounts(ctx)
		if err != nil {
			return nil, 0, fmt.Errorf("reading the roster: %w", err)
		}
		roles := make(map[roster.AccountID]roster.Role, len(accounts))
		for _, a := range accounts {
			roles[a.ID] = a.Role
		}
		role := func(id roster.AccountID) roster.Role { return roles[id] }
		w.list, w.listed, w.added = w.sums.Notices(w.rules, role, now), w.follower.UpTo(), now
	}
	return slices.Clone(w.list), w.listed, nil
}
