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
}

// Book is the ledger.
type Book interface {
	// FirstAt returns the number of the first entry at or after a time.
	FirstAt(context.Context, time.Time) (ledger.Number, error)
}

// Roster is who may use what.
type Roster interface {
	// Accounts returns every account.
	Accounts(context.Context) ([]roster.Account, error)
}

// House is what the lookout relies on.
type House struct {
	Journal Journal
	Book    Book
	Roster  Roster
}

// Lookout follows the ledger, and narrows the neighbours of thefts. It is safe to
// share. Every node may run one: they come to the same, and an order is placed once.
type Lookout struct {
	house House
	now   func() time.Time
	log   *slog.Logger
	owing chan struct{} // holds one when orders may be due

	mu       sync.Mutex // guards what follows
	sums     *Sums
	upTo     ledger.Number // the sums hold every entry before it
	accounts map[roster.AccountID]roster.Account
	asked    time.Time // when accounts were read
	alarms   []Alarm
	added    time.Time // when alarms were added up
}

// New returns a lookout that knows nothing before Run runs. Rules.Account is its own
// to fill in.
func New(house House, rules Rules, now func() time.Time, log *slog.Logger) *Lookout {
	l := &Lookout{house: house, now: now, log: log, owing: make(chan struct{}, 1)}
	rules.Account = func(id roster.AccountID) roster.Account { return l.accounts[id] }
	l.sums = NewSums(rules)
	return l
}

// pause is how long is waited before trying again what failed.
const pause = time.Second

// Run follows the ledger until ctx ends. When it cannot be read or written it tries
// again: the gate goes on without.
func (l *Lookout) Run(ctx context.Context) error {
	var wait sync.WaitGroup
	defer wait.Wait()
	wait.Go(func() { l.untilEnd(ctx, "campaigns lost the ledger", l.follow) })
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.owing:
			l.untilEnd(ctx, "neighbours of a theft could not be narrowed", l.narrow)
		}
	}
}

// untilEnd does something until it succeeds or ctx ends.
func (l *Lookout) untilEnd(ctx context.Context, failing string, do func(context.Context) error) {
	for ctx.Err() == nil {
		err := do(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		l.log.WarnContext(ctx, failing, slog.Any("err", err))
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// follow takes in entry after entry. What was written before it began is read to the
// end before anything is placed for it: somebody may have placed it since.
func (l *Lookout) follow(ctx context.Context) error {
	begin := l.now().Add(-Reach)
	from, err := l.house.Book.FirstAt(ctx, begin)
	if err != nil {
		return fmt.Errorf("finding the entries of the last weeks: %w", err)
	}
	known := l.house.Journal.Next()
	l.mu.Lock()
	if l.upTo == 0 && from > 0 { // the ledger is older than what is read of it
		l.sums.Since(begin)
	}
	l.upTo = max(l.upTo, from)
	from = l.upTo
	l.mu.Unlock()
	for entry, err := range l.house.Journal.Follow(ctx, from) {
		if err == nil {
			err = l.take(ctx, entry)
		}
		if err != nil {
			return err
		}
		if entry.Number+1 >= known {
			l.wake()
		}
	}
	return ctx.Err()
}

// wake has orders that are due placed.
func (l *Lookout) wake() {
	l.mu.Lock()
	due := l.sums.fresh
	l.mu.Unlock()
	if !due {
		return
	}
	select {
	case l.owing <- struct{}{}:
	default:
	}
}

// take takes in one entry, under the roster as it is.
func (l *Lookout) take(ctx context.Context, entry ledger.Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.askRoster(ctx); err != nil {
		return err
	}
	l.sums.Take(entry)
	l.upTo = entry.Number + 1
	return nil
}

// stale is how old the roster may be.
const stale = time.Minute

// askRoster reads the roster again when it is stale. The caller holds mu.
func (l *Lookout) askRoster(ctx context.Context) error {
	if now := l.now(); l.accounts == nil || now.Sub(l.asked) >= stale {
		accounts, err := l.house.Roster.Accounts(ctx)
		if err != nil {
			return fmt.Errorf("reading the roster: %w", err)
		}
		l.accounts, l.asked = make(map[roster.AccountID]roster.Account, len(accounts)), now
		for _, a := range accounts {
			l.accounts[a.ID] = a
		}
	}
	return nil
}

// narrow places the orders that are due.
func (l *Lookout) narrow(ctx context.Context) error {
	l.mu.Lock()
	due := l.sums.Due(l.now())
	l.mu.Unlock()
	for _, place := range due {
		_, err := journal.Do(ctx, l.house.Journal, place)
		if err != nil && !errors.Is(err, journal.Unchanged) {
			return fmt.Errorf("narrowing: %w", err)
		}
		l.mu.Lock()
		l.sums.settled(place.Order)
		l.mu.Unlock()
	}
	return nil
}

// Picture is what the desk is shown.
type Picture struct {
	Alarms       []Alarm
	Thefts       []Theft
	Surges       []Surge
	Compares     bool          // there are weeks enough for surges to be seen
	KnowsLineage bool          // evidence is added up by who proposed whom
	UpTo         ledger.Number // it holds every entry before this one
}

// Picture returns how things stand now.
func (l *Lookout) Picture() Picture {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	return Picture{
		Alarms: l.recent(now), Thefts: l.sums.Thefts(now), Surges: l.sums.Surges(now),
		Compares: l.sums.Compares(now), KnowsLineage: l.sums.rules.Lineage != nil, UpTo: l.upTo,
	}
}

// settling is how old alarms may be: adding them all up takes a moment where there
// are tens of thousands of accounts.
const settling = 5 * time.Second

// Alarms returns the alarms of a moment ago.
func (l *Lookout) Alarms() []Alarm {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.recent(l.now())
}

// recent adds the alarms up, unless that was done a moment ago. The caller holds mu.
func (l *Lookout) recent(now time.Time) []Alarm {
	if now.Sub(l.added) >= settling {
		l.alarms, l.added = l.sums.Alarms(now), now
	}
	return slices.Clone(l.alarms)
}
