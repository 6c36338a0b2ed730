// Package strangers keeps whom an identity provider vouches for and who has no account: from
// this list an account is proposed for them. It follows from the ledger's sign-ins alone.
package strangers

import (
	"cmp"
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

// Stranger is an identity whose last sign-in was refused.
type Stranger struct {
	Identity roster.Identity
	SIRET    string // that the provider last said
	ACR, AMR string // of the last sign-in, in the provider's words
	Factor   string // what they were judged to be
	Why      ledger.State
	Account  roster.AccountID // of another organisation; empty: the identity has none
	Last     time.Time
	Tries    int // since the first that was refused
}

// Waits is how long a stranger stays on the list after the last try.
const Waits = 90 * 24 * time.Hour

// most bounds the list: whoever tried longest ago is left out.
const most = 10_000

// formOfList changes with what is kept, and with what is made of an entry.
const formOfList = 1

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

// Deps are the services a list needs.
type Deps struct {
	Journal Journal
	Ledger  Ledger
	Kept    journal.Keeper // nil keeps nothing
}

// List is the strangers of the last weeks. It is safe to share.
type List struct {
	deps      Deps
	now       func() time.Time
	log       *slog.Logger
	snapshots *journal.Snapshots // of what follows the ledger alone

	mu    sync.Mutex // guards what follows
	known map[roster.Identity]Stranger
	upTo  ledger.Number // every sign-in before it is in known
}

// New returns an empty list; Run fills it.
func New(deps Deps, now func() time.Time, log *slog.Logger) *List {
	return &List{deps: deps, now: now, log: log, snapshots: journal.NewSnapshots(deps.Kept, formOfList), known: make(map[roster.Identity]Stranger)}
}

// pause is the wait before another try.
const pause = time.Second

// Run follows the ledger until ctx ends. It retries what fails; no sign-in depends on it.
func (l *List) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := l.follow(ctx); err != nil && ctx.Err() == nil {
			l.log.WarnContext(ctx, "the list of refused identities lost the ledger", slog.Any("err", err))
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
	}
	l.keep(context.WithoutCancel(ctx))
	return nil
}

func (l *List) follow(ctx context.Context) error {
	from, err := l.begin(ctx)
	if err != nil {
		return err
	}
	for entry, err := range l.deps.Journal.Follow(ctx, from) {
		if err != nil {
			return err
		}
		l.take(entry)
		if l.snapshots.Due(l.now()) {
			l.keep(ctx)
		}
	}
	return ctx.Err()
}

// begin returns the number of the first entry that is not in the list yet. The first time
// it is the list that was kept, unless that ends before the oldest who may be on it.
func (l *List) begin(ctx context.Context) (ledger.Number, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.upTo > 0 {
		return l.upTo, nil
	}
	first, err := l.deps.Ledger.FirstAt(ctx, l.now().Add(-Waits))
	if err != nil {
		return 0, fmt.Errorf("finding the entries of the last weeks: %w", err)
	}
	kept := make(map[roster.Identity]Stranger)
	upTo, err := l.snapshots.Load(ctx, &kept, l.now())
	switch {
	case err != nil:
		l.log.WarnContext(ctx, "what was kept of refused identities is not used: it is made anew from the ledger", slog.Any("err", err))
	case upTo > first:
		l.known, first = kept, upTo
	}
	l.upTo = first
	return first, nil
}

func (l *List) keep(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.snapshots.Save(ctx, &l.known, l.upTo, l.now()); err != nil && ctx.Err() == nil {
		l.log.WarnContext(ctx, "the list of refused identities could not be kept: the next start reads more of the ledger", slog.Any("err", err))
	}
}

// take takes in one entry: a refused sign-in puts its identity on the list, a granted one
// takes it off.
func (l *List) take(e ledger.Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.upTo = e.Number + 1
	switch {
	case e.Kind != ledger.SignIn:
	case e.State == ledger.Granted:
		delete(l.known, e.Identity)
	default:
		l.known[e.Identity] = Stranger{
			Identity: e.Identity, SIRET: e.SIRET, ACR: e.ACR, AMR: e.AMR, Factor: e.Factor,
			Why: e.State, Account: e.Account, Last: e.Time, Tries: l.known[e.Identity].Tries + 1,
		}
		if len(l.known) > most {
			l.forget(e.Time)
		}
	}
}

// forget drops those who tried too long ago; and when that is too few, the half who tried
// longest ago. The caller holds mu.
func (l *List) forget(now time.Time) {
	list := l.sorted(now)
	clear(l.known)
	for _, s := range list[:min(len(list), most/2)] {
		l.known[s.Identity] = s
	}
}

// sorted lists those who tried lately enough, the last first. The caller holds mu.
func (l *List) sorted(now time.Time) (list []Stranger) {
	for _, s := range l.known {
		if now.Sub(s.Last) < Waits {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b Stranger) int {
		return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Identity.Subject, b.Identity.Subject), cmp.Compare(a.Identity.Provider, b.Identity.Provider))
	})
	return list
}

// Of returns those whom the provider says to be of the organisation with a SIRET, or, when
// that is empty, all of them: the last who tried first.
func (l *List) Of(siret string) []Stranger {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.sorted(l.now())
	if siret == "" {
		return list
	}
	return slices.DeleteFunc(list, func(s Stranger) bool { return s.SIRET != siret })
}
