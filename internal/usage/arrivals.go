package usage

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Arrival is so many people whom one source told, within one day, to be an account's for
// weeks, and had not told before. Whoever makes up such facts makes reasons; a colleague's
// people who were handed over look the same.
type Arrival struct {
	Account roster.AccountID
	Source  string
	Day     time.Time // in UTC
	People  int
}

// Message is why it is on the list. It names no account.
func (a Arrival) Message() (key string, values []any) {
	return "arrivals.noticed", []any{"n", a.People, "source", a.Source}
}

// ADay is how many new people one source may tell of an account within a day, before a person
// looks at it.
const ADay = 30

// learning is how long a source is listened to before it is judged: first it tells of everybody.
const learning = 7 * 24 * time.Hour

// Facts is what other systems say.
type Facts interface {
	// About returns the facts about people that end after a moment.
	About(ctx context.Context, people []register.PersonID, at time.Time) ([]reason.Fact, error)
	// ChangedBy returns whom the batch of facts under an entry is about; false when that is
	// not known any more.
	ChangedBy(context.Context, ledger.Number) (people []register.PersonID, known bool, err error)
}

// Told is whom each source told to be whose. Its fields, and those of its parts, are
// exported for package gob, which keeps them.
type Told struct {
	Since   time.Time // of the first batch that was read
	Sources map[string]time.Time
	Lists   map[ToldBy]*ToldOf
}

// ToldBy is an account and a source.
type ToldBy struct {
	Account roster.AccountID
	Source  string
}

// ToldOf is whom the source told to be the account's.
type ToldOf struct {
	People []uint32 // four bytes of each pseudonym, in order
	Today  Arrival
	Last   Arrival // the last that was to be looked at
}

// tagsKept bounds whom a source can make remembered of one account.
const tagsKept = 1 << 14

func nothingTold() Told {
	return Told{Sources: make(map[string]time.Time), Lists: make(map[ToldBy]*ToldOf)}
}

// Arrivals follows the ledger and reads what was taken in. It is safe to share.
type Arrivals struct {
	follower *journal.Follower[Told]
	facts    Facts
	now      func() time.Time

	mu   sync.Mutex // guards what follows
	told Told
}

// formOfTold changes with what Told holds.
const formOfTold = 1

// NewArrivals returns arrivals that know of nothing; Run reads on.
func NewArrivals(deps Deps, facts Facts, now func() time.Time, log *slog.Logger) *Arrivals {
	a := &Arrivals{facts: facts, now: now, told: nothingTold()}
	a.follower = &journal.Follower[Told]{
		Journal: deps.Journal, Ledger: deps.Ledger, Kept: deps.Kept, Form: formOfTold, Reach: learning, Now: now, Log: log,
		Mu: &a.mu, State: &a.told, Empty: nothingTold, Take: a.take,
	}
	return a
}

// Run follows the ledger until ctx ends. No decision depends on it.
func (a *Arrivals) Run(ctx context.Context) error { return a.follower.Run(ctx) }

// atOnce bounds how many people one question is about.
const atOnce = 1000

// take reads what a batch of facts told. The caller holds mu.
func (a *Arrivals) take(ctx context.Context, e *ledger.Entry) error {
	if e.Kind != ledger.Imported || e.State != ledger.Facts {
		return nil
	}
	people, known, err := a.facts.ChangedBy(ctx, e.Number)
	if err != nil {
		return fmt.Errorf("reading whom facts are about: %w", err)
	}
	if !known { // read too late: the next batches are judged anew
		a.told.Since = time.Time{}
		return nil
	}
	if a.told.Since.IsZero() {
		a.told.Since = e.Time
	}
	if _, heard := a.told.Sources[e.Target]; !heard {
		a.told.Sources[e.Target] = e.Time
	}
	for some := range slices.Chunk(people, atOnce) {
		facts, err := a.facts.About(ctx, some, e.Time)
		if err != nil {
			return fmt.Errorf("reading the facts that were taken in: %w", err)
		}
		for _, f := range facts {
			if f.Source == e.Target && f.Account != "" && f.Kind.Standing() {
				a.told.arrive(f, e.Time)
			}
		}
	}
	return nil
}

// arrive counts a person whom a source tells for the first time.
func (t *Told) arrive(f reason.Fact, at time.Time) {
	by := ToldBy{f.Account, f.Source}
	of, known := t.Lists[by]
	if !known {
		of = new(ToldOf)
		t.Lists[by] = of
	}
	tag := binary.BigEndian.Uint32(f.Person[:4])
	i, told := slices.BinarySearch(of.People, tag)
	if told {
		return
	}
	if len(of.People) < tagsKept {
		of.People = slices.Insert(of.People, i, tag)
	}
	if first := t.Sources[f.Source]; at.Sub(first) < learning || at.Sub(t.Since) < learning {
		return
	}
	if day := at.UTC().Truncate(24 * time.Hour); !day.Equal(of.Today.Day) {
		of.Today = Arrival{Account: f.Account, Source: f.Source, Day: day}
	}
	if of.Today.People++; of.Today.People > ADay {
		of.Last = of.Today
	}
}

// List returns what a person is to look at of the last 28 days, the most people first.
func (a *Arrivals) List() (list []Arrival) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, of := range a.told.Lists {
		if of.Last.People > 0 && a.now().Sub(of.Last.Day) < meter.Memory {
			list = append(list, of.Last)
		}
	}
	slices.SortFunc(list, func(x, y Arrival) int {
		return cmp.Or(cmp.Compare(y.People, x.People), y.Day.Compare(x.Day), cmp.Compare(x.Account, y.Account), cmp.Compare(x.Source, y.Source))
	})
	return list
}
