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
	// Next is the number of the next entry.
	Next() ledger.Number
	// Generation changes whenever the roster does, among others.
	Generation() uint64
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
const formOfSums = 4

// Watch follows the ledger and keeps its sums. It is safe to share.
type Watch struct {
	follower *journal.Follower[Sums]
	journal  Journal
	roster   Roster
	rules    Rules
	now      func() time.Time

	mu    sync.Mutex // guards what follows
	sums  Sums
	roles map[roster.AccountID]roster.Role
	read  uint64 // the generation in which roles were read
	list  listing

	lately journal.Lately[listing] // for pages
}

// listing is the list as it was made once.
type listing struct {
	notices []Notice
	whole   bool      // the ledger had been read to its end
	made    time.Time // zero: it was not yet
	err     error     // why it could not be made
}

// New returns a watch without entries; Run reads them.
func New(deps Deps, rules Rules, now func() time.Time, log *slog.Logger) *Watch {
	w := &Watch{journal: deps.Journal, roster: deps.Roster, rules: rules, now: now, sums: NewSums()}
	w.lately.Old = 2 * settling
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

const (
	settling  = 5 * time.Minute // how old the list may be: it changes by the week
	unsettled = 5 * time.Second // how old, while the ledger is still being read
	behindBy  = 1000            // how many entries may be missing when it is called read: they are taken in as they are written
)

// List returns the accounts that a person is to look at, the furthest beyond first, and
// whether the ledger had been read to its end when the list was made. With tens of thousands of
// accounts it takes a while to make: then the one of some minutes before is returned, and the next
// look has it.
func (w *Watch) List(ctx context.Context) (list []Notice, whole bool, err error) {
	l := w.lately.Get(func() listing { return w.lists(context.WithoutCancel(ctx)) })
	return slices.Clone(l.notices), l.whole, l.err
}

// lists returns the list of a moment ago, or makes it anew.
func (w *Watch) lists(ctx context.Context) listing {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, lasts := w.now(), unsettled
	if w.list.whole {
		lasts = settling
	}
	if !w.list.made.IsZero() && now.Sub(w.list.made) < lasts {
		return w.list
	}
	if err := w.readRoles(ctx); err != nil {
		return listing{err: fmt.Errorf("reading the roster: %w", err)}
	}
	role := func(id roster.AccountID) roster.Role { return w.roles[id] }
	w.list = listing{notices: w.sums.Notices(w.rules, role, now), whole: w.follower.UpTo()+behindBy >= w.journal.Next(), made: now}
	return w.list
}

// readRoles reads who has which role, in a new generation. The caller holds mu.
func (w *Watch) readRoles(ctx context.Context) error {
	generation := w.journal.Generation()
	if w.roles != nil && w.read == generation {
		return nil
	}
	accounts, err := w.roster.Accounts(ctx)
	if err != nil {
		return err
	}
	w.roles, w.read = make(map[roster.AccountID]roster.Role, len(accounts)), generation
	for _, a := range accounts {
		w.roles[a.ID] = a.Role
	}
	return nil
}
