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
const formOfSums = 1

// Watch follows the ledger and keeps its sums. It is safe to share.
type Watch struct {
	deps      Deps
	rules     Rules
	now       func() time.Time
	log       *slog.Logger
	snapshots *journal.Snapshots // of what follows the ledger alone

	mu     sync.Mutex // guards what follows
	sums   Sums
	upTo   ledger.Number // the sums hold every entry before it
	list   []Notice
	listed ledger.Number // upTo of the list
	added  time.Time     // when the list was made
}

// New returns a watch without entries; Run reads them.
func New(deps Deps, rules Rules, now func() time.Time, log *slog.Logger) *Watch {
	return &Watch{deps: deps, rules: rules, now: now, log: log, snapshots: journal.NewSnapshots(deps.Kept, formOfSums), sums: NewSums()}
}

// pause is the wait before another try.
const pause = time.Second

// Run follows the ledger until ctx ends. It retries what fails; no decision depends on it.
func (w *Watch) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := w.follow(ctx); err != nil && ctx.Err() == nil {
			w.log.WarnContext(ctx, "the sums of what accounts use lost the ledger", slog.Any("err", err))
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
	}
	w.keep(context.WithoutCancel(ctx))
	return nil
}

func (w *Watch) follow(ctx context.Context) error {
	from, err := w.begin(ctx)
	if err != nil {
		return err
	}
	for entry, err := range w.deps.Journal.Follow(ctx, from) {
		if err != nil {
			return err
		}
		w.take(&entry)
		if w.snapshots.Due(w.now()) {
			w.keep(ctx)
		}
	}
	return ctx.Err()
}

// begin returns the number of the first entry that the sums have not seen. The first time
// they are those that were kept, unless these end before the weeks that count; without them
// the weeks are read that the ledger still has.
func (w *Watch) begin(ctx context.Context) (ledger.Number, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.upTo > 0 {
		return w.upTo, nil
	}
	from, err := w.deps.Ledger.FirstAt(ctx, w.now().Add(-Reach))
	if err != nil {
		return 0, fmt.Errorf("finding the entries of the last weeks: %w", err)
	}
	kept := NewSums()
	upTo, err := w.snapshots.Load(ctx, &kept, w.now())
	switch {
	case err != nil:
		w.log.WarnContext(ctx, "what was kept of what accounts use is not used: it is made anew from the ledger", slog.Any("err", err))
	case upTo > from:
		w.sums, from = kept, upTo
	}
	w.upTo = from
	return from, nil
}

func (w *Watch) keep(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.snapshots.Save(ctx, &w.sums, w.upTo, w.now()); err != nil && ctx.Err() == nil {
		w.log.WarnContext(ctx, "what accounts use could not be kept: the next start reads months of the ledger", slog.Any("err", err))
	}
}

func (w *Watch) take(e *ledger.Entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sums.Take(e)
	w.upTo = e.Number + 1
}

// settling is how old the list may be: it changes by the week.
const settling = time.Minute

// List returns the accounts that a person is to look at, the furthest beyond first, and the
// number of the first entry that the list does not rest on.
func (w *Watch) List(ctx context.Context) ([]Notice, ledger.Number, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := w.now(); now.Sub(w.added) >= settling {
		accounts, err := w.deps.Roster.Accounts(ctx)
		if err != nil {
			return nil, 0, fmt.Errorf("reading the roster: %w", err)
		}
		roles := make(map[roster.AccountID]roster.Role, len(accounts))
		for _, a := range accounts {
			roles[a.ID] = a.Role
		}
		role := func(id roster.AccountID) roster.Role { return roles[id] }
		w.list, w.listed, w.added = w.sums.Notices(w.rules, role, now), w.upTo, now
	}
	return slices.Clone(w.list), w.listed, nil
}
