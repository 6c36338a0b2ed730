package accounts

import (
	"context"
	"iter"
	"log/slog"
	"sync"
	"time"

	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/roster"
)

// Used knows when each account was last signed in to, from the ledger alone. It is safe to
// share.
type Used struct {
	follower *journal.Follower[use]
	journal  UsedJournal
	now      func() time.Time

	mu    sync.Mutex // guards what follows
	state use
}

// use is what is kept of sign-ins.
type use struct {
	Last  map[roster.AccountID]time.Time
	Ends  map[roster.AccountID]time.Time // when the certificate ends that a programme showed last
	Since time.Time                      // of the first entry that was read
	At    time.Time                      // of the last one
	UpTo  ledger.Number                  // and the number after it
}

// UsedJournal is the ledger as it is written.
type UsedJournal interface {
	// Follow yields the entries from a number on, then each new one, until ctx ends.
	Follow(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error]
	// Next returns the number of the next entry.
	Next() ledger.Number
}

// UsedLedger finds entries by time.
type UsedLedger interface {
	// FirstAt returns the number of the first entry at or after a time.
	FirstAt(context.Context, time.Time) (ledger.Number, error)
}

// formOfUse changes with what is kept of sign-ins.
const formOfUse = 2

// NewUsed returns one that has read nothing. A nil keeper keeps nothing.
func NewUsed(j UsedJournal, l UsedLedger, kept journal.Keeper, now func() time.Time, log *slog.Logger) *Used {
	u := &Used{journal: j, now: now, state: noUse()}
	u.follower = &journal.Follower[use]{
		Journal: j, Ledger: l, Kept: kept, Form: formOfUse, Reach: unusedFor + 24*time.Hour, Now: now, Log: log,
		Mu: &u.mu, State: &u.state, Empty: noUse, Take: u.take,
	}
	return u
}

func noUse() use {
	return use{Last: make(map[roster.AccountID]time.Time), Ends: make(map[roster.AccountID]time.Time)}
}

// Run follows the ledger until ctx ends.
func (u *Used) Run(ctx context.Context) error { return u.follower.Run(ctx) }

func (u *Used) take(_ context.Context, e *ledger.Entry) error {
	if u.state.Since.IsZero() {
		u.state.Since = e.Time
	}
	u.state.At, u.state.UpTo = e.Time, e.Number+1
	if e.Kind == ledger.SignIn && e.State == ledger.Granted {
		u.state.Last[e.Account] = e.Time
		if delete(u.state.Ends, e.Account); !e.Until.IsZero() {
			u.state.Ends[e.Account] = e.Until
		}
	}
	return nil
}

// Certificate returns when the certificate ends that a programme signed in with last; zero
// where it signed in otherwise.
func (u *Used) Certificate(account roster.AccountID) time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.state.Ends[account]
}

// Certificates returns when the certificates end that programmes signed in with last, as a node
// kept it: what it saw since, within minutes, is not in it.
func Certificates(ctx context.Context, kept journal.Keeper, now time.Time) (map[roster.AccountID]time.Time, error) {
	state := noUse()
	_, err := journal.NewSnapshots(kept, formOfUse).Load(ctx, &state, now)
	return state.Ends, err
}

// Of returns when an account was last signed in to, as far as is known, and since when that
// is known: now, while too little of the ledger was read.
func (u *Used) Of(account roster.AccountID) (last, since time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	now := u.now()
	if u.state.Since.IsZero() || u.state.UpTo < u.journal.Next() && now.Sub(u.state.At) > 24*time.Hour {
		return time.Time{}, now
	}
	return u.state.Last[account], u.state.Since
}
