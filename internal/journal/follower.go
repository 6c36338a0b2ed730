package journal

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"

	"poterne/internal/ledger"
)

// Follower brings a state up to date with the ledger, entry by entry, and keeps it in
// snapshots, so that the next start reads what came since. The state is its owner's. What
// depends on the state waits for no one: a follower retries what fails.
type Follower[S any] struct {
	Journal interface {
		// Follow yields the entries from a number on, then each new one, until ctx ends.
		Follow(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error]
	}
	Ledger interface {
		// FirstAt returns the number of the first entry at or after a time.
		FirstAt(context.Context, time.Time) (ledger.Number, error)
	}
	Kept  Keeper        // nil keeps nothing
	Form  byte          // changes with the form of a state, and with what is made of an entry
	Reach time.Duration // how far back the entries are read where nothing was kept
	Now   func() time.Time
	Log   *slog.Logger

	Mu    sync.Locker                                // held while the state is changed; by whoever else reads it, too
	State *S                                         // MUST be changed by Take and Begun alone; package gob keeps its exported fields
	Empty func() S                                   // a state of no entries
	Take  func(context.Context, *ledger.Entry) error // takes in the next entry, which it MUST NOT keep; called with Mu held
	Begun func(from ledger.Number, resumed bool)     // called once, with Mu held, before the first entry; may be nil

	snapshots *Snapshots
	upTo      ledger.Number // guarded by Mu
	begun     bool          // guarded by Mu
}

// followAgain is the wait before another try.
const followAgain = time.Second

// Run follows the ledger until ctx ends, and then keeps the state.
func (f *Follower[S]) Run(ctx context.Context) error {
	f.snapshots = NewSnapshots(f.Kept, f.Form)
	for ctx.Err() == nil {
		if err := f.follow(ctx); err != nil && ctx.Err() == nil {
			f.Log.WarnContext(ctx, "the ledger could not be followed", slog.String("by", f.name()), slog.Any("err", err))
			select {
			case <-ctx.Done():
			case <-time.After(followAgain):
			}
		}
	}
	f.keep(context.WithoutCancel(ctx))
	return nil
}

// UpTo returns the number of the first entry that the state has not seen. The caller holds
// Mu.
func (f *Follower[S]) UpTo() ledger.Number { return f.upTo }

// name tells the log whose state it is.
func (f *Follower[S]) name() string { return fmt.Sprintf("%T", f.State) }

func (f *Follower[S]) follow(ctx context.Context) error {
	from, err := f.begin(ctx)
	if err != nil {
		return err
	}
	next := new(ledger.Entry) // one for all: Take keeps none
	for entry, err := range f.Journal.Follow(ctx, from) {
		if err == nil {
			*next = entry
			err = f.take(ctx, next)
		}
		if err != nil {
			return err
		}
		if f.snapshots.Due(f.Now()) {
			f.keep(ctx)
		}
	}
	return ctx.Err()
}

func (f *Follower[S]) take(ctx context.Context, entry *ledger.Entry) error {
	f.Mu.Lock()
	defer f.Mu.Unlock()
	if err := f.Take(ctx, entry); err != nil {
		return err
	}
	f.upTo = entry.Number + 1
	return nil
}

// begin returns the number of the first entry that the state has not seen. The first time
// the state is the one that was kept, unless that ends before the time that counts.
func (f *Follower[S]) begin(ctx context.Context) (ledger.Number, error) {
	f.Mu.Lock()
	defer f.Mu.Unlock()
	if f.begun {
		return f.upTo, nil
	}
	from, err := f.Ledger.FirstAt(ctx, f.Now().Add(-f.Reach))
	if err != nil {
		return 0, fmt.Errorf("finding the entries that count: %w", err)
	}
	kept, resumed := f.Empty(), false
	upTo, err := f.snapshots.Load(ctx, &kept, f.Now())
	switch {
	case err != nil:
		f.Log.WarnContext(ctx, "what was kept is not used: it is made anew from the ledger", slog.String("by", f.name()), slog.Any("err", err))
	case upTo > 0 && upTo >= from:
		*f.State, from, resumed = kept, upTo, true
	}
	f.upTo, f.begun = from, true
	if f.Begun != nil {
		f.Begun(from, resumed)
	}
	return from, nil
}

// keep keeps the state. Nobody waits for it: this goroutine alone changes the state, so that it stays that of
// one number of entries while it is encoded, and whoever reads it meanwhile may.
func (f *Follower[S]) keep(ctx context.Context) {
	f.Mu.Lock()
	begun, upTo := f.begun, f.upTo
	f.Mu.Unlock()
	if !begun {
		return
	}
	if err := f.snapshots.Save(ctx, f.State, upTo, f.Now()); err != nil && ctx.Err() == nil {
		f.Log.WarnContext(ctx, "the state could not be kept: the next start reads more of the ledger", slog.String("by", f.name()), slog.Any("err", err))
	}
}
