package gate

import (
	"context"
	"fmt"
	"sync"
	"time"
	"unsafe"

	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// known is what was gathered, before the head is taken, to decide an ask, and how old it
// is: see fresh.
type known struct {
	asker      Asker
	generation uint64
	facts      []reason.Fact
	since      ledger.Number
}

// policy is what the decision wants to know, with the orders and the meters of accounts
// as they are.
func (k known) policy(watched time.Time, orders order.Set, meterOf func(roster.AccountID) *meter.Draft, now time.Time) policy.Facts {
	return policy.Facts{
		Habilitations: k.asker.Habilitations, Opened: k.asker.Opened, Review: k.asker.Review, Trained: k.asker.Trained, Watched: watched, Orders: orders, Meter: meterOf(k.asker.Account),
		Evidence: reason.Evidence{Facts: k.facts, Covers: k.asker.covers(orders, meterOf, now)}, Exports: k.asker.Exports,
	}
}

// covers returns the covers of now: an order may stop the account that declared one, and
// the absent colleague may be at work.
func (a Asker) covers(orders order.Set, meterOf func(roster.AccountID) *meter.Draft, now time.Time) (covers []reason.Duty) {
	for _, d := range a.Covers {
		if d.In(now) {
			_, d.Stopped = orders.Stop(order.Use{Account: d.DeclaredBy, Organisation: d.DeclaredIn}, now)
			d.Worked = meterOf(d.Absent).ShownSince(d.From)
			covers = append(covers, d)
		}
	}
	return covers
}

// fresh reports whether the database, under the head, says of the account and the people
// of an ask what was gathered.
func (k known) fresh(tx *journal.Tx, people []policy.Opening) (bool, error) {
	if k.generation != tx.Generation() {
		return false, nil
	}
	changed, err := tx.FactsChanged(k.since, people)
	return !changed, err
}

// gather collects what is known, and fills in who asks, as the roster has it.
func (g *Gate) gather(ctx context.Context, ask *policy.Ask) (k known, err error) {
	if k.asker, k.generation, err = g.askers.of(ctx, g.files, ask.Account); err != nil {
		return known{}, unavailable(fmt.Errorf("asking the roster: %w", err))
	}
	ask.Organisation, ask.Role = k.asker.Organisation, k.asker.Role
	now := g.now()
	if k.facts, k.since, err = g.facts.about(ctx, g.files, k.asker, ask.People, now, g.silent(now)); err != nil {
		return known{}, unavailable(fmt.Errorf("gathering facts: %w", err))
	}
	return k, nil
}

// silent is when the first of the sources was heard last that a bypass is for; zero while no
// bypass is in force. One placed between the gathering and the decision finds fewer facts than
// it could, and shows fewer people.
func (g *Gate) silent(now time.Time) (first time.Time) {
	g.journal.Read(func(s *journal.State) {
		for _, at := range s.Orders().Silent(now) {
			if first.IsZero() || at.Before(first) {
				first = at
			}
		}
	})
	return first
}

// askers is the accounts of one generation, as the roster has them.
type askers struct {
	mu         sync.Mutex // guards what follows
	generation uint64
	cache      cache[roster.AccountID, Asker]
}

func newAskers(most int64, generation uint64) *askers {
	size := func(a Asker) int64 {
		var listed int
		for _, list := range a.Exports {
			listed += len(list.People)
		}
		return perKey + int64(unsafe.Sizeof(a)) + int64(len(a.Account)) + int64(listed)*int64(unsafe.Sizeof(register.PersonID{})) +
			int64(len(a.Exports))*int64(unsafe.Sizeof(policy.ExportList{})+40) + int64(len(a.Habilitations))*int64(unsafe.Sizeof(roster.Habilitation{})+40) + int64(len(a.Covers))*int64(unsafe.Sizeof(reason.Duty{})+80)
	}
	return &askers{generation: generation, cache: newCache[roster.AccountID](most, size)}
}

// advance forgets everything: another generation begins.
func (a *askers) advance(generation uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.generation = generation
	a.cache.clear()
}

// of returns an account as the roster has it, and the newest generation for which that is
// known to be so.
func (a *askers) of(ctx context.Context, files Files, account roster.AccountID) (Asker, uint64, error) {
	a.mu.Lock()
	asker, ok := a.cache.get(account)
	generation := a.generation
	a.mu.Unlock()
	if ok {
		return asker, generation, nil
	}
	asker, err := files.Asker(ctx, account)
	if err != nil {
		return Asker{}, 0, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.generation == generation {
		a.cache.put(account, asker)
	}
	return asker, generation, nil
}

// facts is what other systems say, by person: what holds now, or will, or held when a source
// fell silent.
type facts struct {
	mu          sync.Mutex    // guards what follows
	since       ledger.Number // every change entered before it is known
	silent      time.Time     // what held then is remembered, too; zero while no bypass is in force
	cache       cache[register.PersonID, []reason.Fact]
	asked, read uint64 // people, and those of them who were not remembered
}

func newFacts(most int64, next ledger.Number) *facts {
	size := func(facts []reason.Fact) int64 {
		size := int64(perKey)
		for _, f := range facts {
			size += int64(unsafe.Sizeof(f)) + int64(len(f.Account)+len(f.Organisation)+len(f.Source)+len(f.ID)+len(f.Author))
		}
		return size
	}
	return &facts{since: next, cache: newCache[register.PersonID](most, size)}
}

// perKey is about what a key takes in a cache.
const perKey = 100

// change forgets the people whose facts have changed; everybody when it is not known who.
func (f *facts) change(next ledger.Number, changes []journal.FactChange) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.since = next
	if changes == nil {
		f.cache.clear()
	}
	for _, change := range changes {
		for person := range change.People {
			f.cache.forget(person)
		}
	}
}

// about returns the facts about people, and how many entries the ledger had when they were
// known to hold: those that hold now or later, and while a bypass is in force those that held
// when its source fell silent.
func (f *facts) about(ctx context.Context, files Files, asker Asker, people []policy.Opening, now, silent time.Time) ([]reason.Fact, ledger.Number, error) {
	found := make([]reason.Fact, 0, len(people))
	var missing []register.PersonID
	at := now
	if !silent.IsZero() {
		at = silent
	}
	f.mu.Lock()
	if !silent.IsZero() && !silent.Equal(f.silent) {
		f.cache.clear() // it lacks what had ended when it was read
	}
	f.silent = silent
	since := f.since
	for _, opening := range people {
		if opening.Person.IsZero() {
			continue
		}
		if facts, ok := f.cache.get(opening.Person); ok {
			found = append(found, facts...)
		} else {
			missing = append(missing, opening.Person)
		}
	}
	f.asked += uint64(len(people))
	f.read += uint64(len(missing))
	f.mu.Unlock()
	if len(missing) == 0 {
		return found, since, nil
	}
	read, err := files.Facts(ctx, asker, missing, at)
	if err != nil {
		return nil, 0, err
	}
	f.remember(missing, read, since, silent)
	return append(found, read...), since, nil
}

// Memory is what a gate remembers of its files.
type Memory struct {
	Bytes       int64
	Asked, Read uint64 // people about whom facts were needed, and those of them about whom the database was asked
}

// Memory returns what the gate remembers now.
func (g *Gate) Memory() Memory {
	g.facts.mu.Lock()
	defer g.facts.mu.Unlock()
	g.askers.mu.Lock()
	defer g.askers.mu.Unlock()
	return Memory{g.facts.cache.bytes() + g.askers.cache.bytes(), g.facts.asked, g.facts.read}
}

// remember takes in what was read about people, unless facts have changed meanwhile or more
// is asked for.
func (f *facts) remember(people []register.PersonID, read []reason.Fact, since ledger.Number, silent time.Time) {
	of := make(map[register.PersonID][]reason.Fact, len(people))
	for _, fact := range read {
		of[fact.Person] = append(of[fact.Person], fact)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.since != since || !f.silent.Equal(silent) {
		return
	}
	for _, person := range people {
		f.cache.put(person, of[person])
	}
}
