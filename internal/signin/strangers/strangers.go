// Package strangers keeps whom an identity provider vouches for and who has no account: from
// this list an account is proposed for them. It follows from the ledger's sign-ins alone.
package strangers

import (
	"cmp"
	"context"
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
const formOfList = 2

// List is the strangers of the last weeks. It is safe to share.
type List struct {
	follower *journal.Follower[map[roster.Identity]Stranger]
	now      func() time.Time

	mu    sync.Mutex // guards what follows
	known map[roster.Identity]Stranger
}

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

// New returns an empty list; Run fills it.
func New(deps Deps, now func() time.Time, log *slog.Logger) *List {
	none := func() map[roster.Identity]Stranger { return make(map[roster.Identity]Stranger) }
	l := &List{now: now, known: none()}
	l.follower = &journal.Follower[map[roster.Identity]Stranger]{
		Journal: deps.Journal, Ledger: deps.Ledger, Kept: deps.Kept, Form: formOfList, Reach: Waits, Now: now, Log: log,
		Mu: &l.mu, State: &l.known, Empty: none, Take: l.take,
	}
	return l
}

// Run follows the ledger until ctx ends. No sign-in depends on it.
func (l *List) Run(ctx context.Context) error { return l.follower.Run(ctx) }

// take takes in one entry: a refused sign-in puts its identity on the list, a granted one
// takes it off. The caller holds mu.
func (l *List) take(_ context.Context, e *ledger.Entry) error {
	switch {
	case e.Kind == ledger.Accepted:
		delete(l.known, e.Identity)
	case e.Kind != ledger.SignIn:
	case e.State == ledger.Granted:
		delete(l.known, e.Identity)
	case e.State == ledger.NoAccount || e.State == ledger.OtherOrganisation || e.State == ledger.NotOpen:
		l.known[e.Identity] = Stranger{
			Identity: e.Identity, SIRET: e.SIRET, ACR: e.ACR, AMR: e.AMR, Factor: e.Factor,
			Why: e.State, Account: e.Account, Last: e.Time, Tries: l.known[e.Identity].Tries + 1,
		}
		if len(l.known) > most {
			l.forget(e.Time)
		}
	}
	return nil
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
