package campaign

import (
	"context"
	"errors"
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
	journal.Writer
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

// Deps are the services a detector needs.
type Deps struct {
	Journal Journal
	Ledger  Ledger
	Roster  Roster
	Kept    journal.Keeper // nil keeps nothing
}

// formOfSums changes with what sums holds, and with what it makes of an entry.
const formOfSums = 3

// Detector follows the ledger, and narrows the neighbours of thefts. It is safe to
// share. Every node may run one: all reach the same results, and an order is placed once.
type Detector struct {
	deps     Deps
	follower *journal.Follower[sums]
	now      func() time.Time
	log      *slog.Logger
	owing    chan struct{} // holds one when orders may be due
	known    ledger.Number // no order is placed before the entries are read that were there when Run began: another node may have placed it

	mu         sync.Mutex // guards what follows
	aggregates *Aggregates
	accounts   map[roster.AccountID]roster.Account
	asked      time.Time // when accounts were read, or found to be those of this generation
	generation uint64    // in which they were read
	alarms     []Alarm
	added      time.Time // when alarms were added up
	whole      time.Time // when they were of all bonds, not of the busy ones alone

	picture journal.Lately[Picture] // for pages
	shown   journal.Lately[[]Alarm]
}

// New returns a detector without entries; Run reads them. New sets rules.Account.
func New(deps Deps, rules Rules, now func() time.Time, log *slog.Logger) *Detector {
	d := &Detector{deps: deps, now: now, log: log, owing: make(chan struct{}, 1)}
	rules.Account = func(id roster.AccountID) roster.Account { return d.accounts[id] }
	d.aggregates = NewAggregates(rules)
	d.follower = &journal.Follower[sums]{
		Journal: deps.Journal, Ledger: deps.Ledger, Kept: deps.Kept, Form: formOfSums, Reach: Reach, Now: now, Log: log,
		Mu: &d.mu, State: &d.aggregates.sums, Empty: newSums, Take: d.take, Begun: d.begun,
	}
	return d
}

// pause is the wait before another try.
const pause = time.Second

// Run follows the ledger until ctx ends. It retries what fails; the gate does not depend
// on it.
func (d *Detector) Run(ctx context.Context) error {
	d.known = d.deps.Journal.Next()
	var wait sync.WaitGroup
	defer wait.Wait()
	wait.Go(func() { _ = d.follower.Run(ctx) }) // it ends with ctx, and fails at nothing
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.owing:
			d.untilEnd(ctx, "neighbours of a theft could not be narrowed", d.narrow)
		}
	}
}

// untilEnd retries do until it succeeds or ctx ends.
func (d *Detector) untilEnd(ctx context.Context, failing string, do func(context.Context) error) {
	for ctx.Err() == nil {
		err := do(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		d.log.WarnContext(ctx, failing, slog.Any("err", err))
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// begun says from which entry on the sums are made. The caller holds mu.
func (d *Detector) begun(from ledger.Number, resumed bool) {
	d.added, d.whole = time.Time{}, time.Time{} // alarms are of other sums
	switch {
	case resumed:
		d.aggregates.fresh = true
		d.wake(from)
	case from > 0: // the ledger is older than what is read of it
		d.aggregates.Since(d.now().Add(-Reach))
	}
}

// wake lets Run place the orders that are due, once the sums have seen the entries before a
// number. The caller holds mu.
func (d *Detector) wake(upTo ledger.Number) {
	if upTo < d.known || !d.aggregates.fresh {
		return
	}
	select {
	case d.owing <- struct{}{}:
	default:
	}
}

// take takes in one entry, under the roster as it is. The caller holds mu.
func (d *Detector) take(ctx context.Context, entry *ledger.Entry) error {
	if err := d.askRoster(ctx); err != nil {
		return err
	}
	d.aggregates.Take(entry)
	d.wake(entry.Number + 1)
	return nil
}

// stale is how old the roster may be.
const stale = time.Minute

// askRoster reads the roster again when it is stale: there may be tens of thousands of
// accounts, and each is held against its seal. The caller holds mu.
func (d *Detector) askRoster(ctx context.Context) error {
	now := d.now()
	if d.accounts != nil && now.Sub(d.asked) < stale {
		return nil
	}
	if generation := d.deps.Journal.Generation(); d.accounts == nil || generation != d.generation {
		accounts, err := d.deps.Roster.Accounts(ctx)
		if err != nil {
			return fmt.Errorf("reading the roster: %w", err)
		}
		d.accounts, d.generation = make(map[roster.AccountID]roster.Account, len(accounts)), generation
		for _, a := range accounts {
			d.accounts[a.ID] = a
		}
	}
	d.asked = now
	return nil
}

// narrow places the orders that are due.
func (d *Detector) narrow(ctx context.Context) error {
	d.mu.Lock()
	due := d.aggregates.Due(d.now())
	d.mu.Unlock()
	for _, place := range due {
		_, err := journal.Do(ctx, d.deps.Journal, place)
		if err != nil && !errors.Is(err, journal.Unchanged) {
			return fmt.Errorf("narrowing: %w", err)
		}
		d.mu.Lock()
		d.aggregates.settled(place.Order)
		d.mu.Unlock()
	}
	return nil
}

// Picture is what the desk is shown.
type Picture struct {
	Alarms   []Alarm
	Thefts   []Theft
	Surges   []Surge
	Compares bool          // there are weeks enough for surges to be seen
	UpTo     ledger.Number // it holds every entry before this one
}

// Picture returns how things stand now, or as they stood a moment ago where it takes long to add
// them up.
func (d *Detector) Picture() Picture {
	return d.picture.Get(func() Picture {
		d.mu.Lock()
		defer d.mu.Unlock()
		now := d.now()
		return Picture{
			Alarms: d.recent(now), Thefts: d.aggregates.Thefts(now), Surges: d.aggregates.Surges(now),
			Compares: d.aggregates.Compares(now), UpTo: d.follower.UpTo(),
		}
	})
}

// settling is how old alarms may be, and wholly those of bonds of which nobody asked for anything: adding
// them up takes a while with tens of thousands of accounts.
const (
	settling = 5 * time.Second
	wholly   = 5 * time.Minute
)

// Alarms returns alarms no older than settling, or those before them where it takes long to add
// them up.
func (d *Detector) Alarms() []Alarm {
	return d.shown.Get(func() []Alarm {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.recent(d.now())
	})
}

// recent returns alarms no older than settling. The caller holds mu.
func (d *Detector) recent(now time.Time) []Alarm {
	switch {
	case now.Sub(d.added) < settling:
	case now.Sub(d.whole) < wholly:
		d.alarms, d.added = d.aggregates.AlarmsSince(d.alarms, now), now
	default:
		d.alarms, d.added, d.whole = d.aggregates.Alarms(now), now, now
	}
	return slices.Clone(d.alarms)
}
