// Package refund gives back what an opening without a reason cost, when another system tells
// of a reason afterwards: honest staff do not pay for a system that is late.
package refund

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"time"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Opening is a person who was opened and paid for.
type Opening struct {
	Number       ledger.Number
	At           time.Time
	Account      roster.AccountID
	Organisation roster.OrganisationID
	Service      roster.ServiceID
	Person       register.PersonID
	Spared       meter.Limits
}

// openingOf is the opening that an entry tells of; false when it is none that can be
// refunded.
func openingOf(e *ledger.Entry) (Opening, bool) {
	paid := e.Unexplained() && e.Cost > 0 && e.Signs.Opens() && e.Why != policy.Raised && e.Why != policy.Vouched
	return Opening{e.Number, e.Time, e.Account, e.Organisation, e.Service, e.Person, e.Spared}, paid
}

// explainedBy reports whether a fact that came afterwards tells why. What an account typed never
// does, whichever it was: two accounts that help each other would type a reason for whomever one
// of them opened.
func (o Opening) explainedBy(f reason.Fact) bool {
	switch {
	case f.Person != o.Person, f.Author != "", !f.Kind.Explains():
		return false
	case !f.Until.After(o.At), f.From.After(o.At.Add(meter.Refunds)):
		return false
	case f.Account != "":
		return f.Account == o.Account
	default:
		return f.Organisation == o.Organisation
	}
}

// Refund is the act that gives back what one opening cost. It does nothing when that came
// back already or cannot, or beyond what an account is given back.
type Refund struct {
	Opening Opening
	Fact    reason.Fact
	Rules   policy.Rules
}

// Decide implements journal.Act.
func (r Refund) Decide(tx *journal.Tx, rows approval.Rows) (ledger.Entry, error) {
	o := r.Opening
	account, err := rows.Account(o.Account)
	if fault.Is(err, fault.Absent) {
		return ledger.Entry{}, journal.Unchanged
	}
	if err != nil {
		return ledger.Entry{}, err
	}
	cost := tx.Meter(o.Account).Refundable(o.Person, o.At, tx.Now())
	if cost == 0 || !o.explainedBy(r.Fact) || !r.Rules.Refunds(account, tx.Meter(o.Account), o.Person, cost, tx.Now()) {
		return ledger.Entry{}, journal.Unchanged
	}
	return ledger.Entry{
		Kind: ledger.Refunded, Account: journal.Itself, Organisation: o.Organisation, Subject: o.Account, Service: o.Service, Person: o.Person,
		Reason: reason.Reason{Kind: r.Fact.Kind, Source: r.Fact.Source, ID: r.Fact.ID}, Cost: cost, Spared: o.Spared, Since: o.At, Cause: o.Number,
	}, nil
}

// Apply implements journal.Act: a refund is its entry.
func (Refund) Apply(approval.Rows, ledger.Entry) error { return nil }

// Facts is what other systems say.
type Facts interface {
	// About returns the facts about people that end after a moment.
	About(ctx context.Context, people []register.PersonID, at time.Time) ([]reason.Fact, error)
	// ChangedBy returns whom the batch of facts under an entry is about; false when that is
	// not known any more.
	ChangedBy(context.Context, ledger.Number) (people []register.PersonID, known bool, err error)
}

// Journal is the ledger as it is written, and its writer.
type Journal interface {
	journal.Writer
	// Follow yields the entries from a number on, then each new one, until ctx ends.
	Follow(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error]
}

// Ledger finds entries by time.
type Ledger interface {
	// FirstAt returns the number of the first entry at or after a time.
	FirstAt(context.Context, time.Time) (ledger.Number, error)
}

// Deps are the services that refunds need.
type Deps struct {
	Journal Journal
	Ledger  Ledger
	Facts   Facts
}

// batch is facts that were taken in.
type batch struct {
	number ledger.Number
	by     roster.AccountID // who took them in; empty when a system pushed them
}

// Refunds follows the ledger and gives back. On several nodes each tries: a turn decides.
type Refunds struct {
	follower *journal.Follower[map[register.PersonID][]Opening]
	deps     Deps
	rules    policy.Rules
	now      func() time.Time
	log      *slog.Logger

	mu       sync.Mutex // guards what follows
	openings map[register.PersonID][]Opening
	swept    time.Time
	due      []batch // not looked at yet
}

// New returns refunds that know no opening; Run reads those of the last week.
func New(deps Deps, rules policy.Rules, now func() time.Time, log *slog.Logger) *Refunds {
	none := func() map[register.PersonID][]Opening { return make(map[register.PersonID][]Opening) }
	r := &Refunds{deps: deps, rules: rules, now: now, log: log, openings: none()}
	r.follower = &journal.Follower[map[register.PersonID][]Opening]{
		Journal: deps.Journal, Ledger: deps.Ledger, Reach: meter.Refunds, Now: now, Log: log,
		Mu: &r.mu, State: &r.openings, Empty: none, Take: r.take,
	}
	return r
}

// lookEvery is how long a reason may wait for what it gives back.
const lookEvery = time.Second

// Run gives back until ctx ends. No decision waits for it.
func (r *Refunds) Run(ctx context.Context) error {
	looking := make(chan struct{})
	go func() {
		defer close(looking)
		for ctx.Err() == nil {
			if err := r.Look(ctx); err != nil && ctx.Err() == nil {
				r.log.WarnContext(ctx, "what reasons give back waits", slog.Any("err", err))
			}
			select {
			case <-ctx.Done():
			case <-time.After(lookEvery):
			}
		}
	}()
	err := r.follower.Run(ctx)
	<-looking
	return err
}

// take takes in one entry. The caller holds mu.
func (r *Refunds) take(_ context.Context, e *ledger.Entry) error {
	if e.Time.Sub(r.swept) >= time.Hour {
		r.swept = e.Time
		for person, list := range r.openings {
			r.keep(person, list, func(o Opening) bool { return e.Time.Sub(o.At) < meter.Refunds })
		}
	}
	switch o, paid := openingOf(e); {
	case paid:
		r.openings[e.Person] = append(r.openings[e.Person], o)
	case e.Kind == ledger.Refunded:
		r.keep(e.Person, r.openings[e.Person], func(o Opening) bool { return o.Number != e.Cause })
	case e.Kind == ledger.Imported && e.State == ledger.Facts:
		r.due = append(r.due, batch{e.Number, e.Account})
	}
	return nil
}

// keep leaves the openings of a person that are of use. The caller holds mu.
func (r *Refunds) keep(person register.PersonID, list []Opening, of func(Opening) bool) {
	list = slices.DeleteFunc(slices.Clone(list), func(o Opening) bool { return !of(o) })
	if len(list) == 0 {
		delete(r.openings, person)
		return
	}
	r.openings[person] = list
}

// Look gives back what the facts that came since the last look explain.
func (r *Refunds) Look(ctx context.Context) error {
	r.mu.Lock()
	due := r.due
	r.due = nil
	r.mu.Unlock()
	for i, b := range due {
		if err := r.look(ctx, b); err != nil {
			r.mu.Lock()
			r.due = append(due[i:len(due):len(due)], r.due...)
			r.mu.Unlock()
			return err
		}
	}
	return nil
}

// atOnce bounds how many people one question is about.
const atOnce = 1000

func (r *Refunds) look(ctx context.Context, b batch) error {
	people, known, err := r.deps.Facts.ChangedBy(ctx, b.number)
	if err != nil {
		return fmt.Errorf("reading whom facts are about: %w", err)
	}
	var paid []Opening
	r.mu.Lock()
	if known {
		for _, person := range people {
			paid = append(paid, r.openings[person]...)
		}
	} else {
		for _, list := range r.openings {
			paid = append(paid, list...)
		}
	}
	r.mu.Unlock()
	paid = slices.DeleteFunc(paid, func(o Opening) bool { return o.Account == b.by })
	for some := range slices.Chunk(paid, atOnce) {
		if err := r.refund(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

// refund gives back what facts explain of some openings.
func (r *Refunds) refund(ctx context.Context, openings []Opening) error {
	about, since := make([]register.PersonID, len(openings)), openings[0].At
	for i, o := range openings {
		about[i] = o.Person
		if o.At.Before(since) {
			since = o.At
		}
	}
	slices.SortFunc(about, func(a, b register.PersonID) int { return bytes.Compare(a[:], b[:]) })
	facts, err := r.deps.Facts.About(ctx, slices.Compact(about), since)
	if err != nil {
		return fmt.Errorf("reading the facts about people who were opened: %w", err)
	}
	for _, o := range openings {
		i := slices.IndexFunc(facts, o.explainedBy)
		if i < 0 {
			continue
		}
		if _, err := journal.Do(ctx, r.deps.Journal, Refund{o, facts[i], r.rules}); err != nil && !errors.Is(err, journal.Unchanged) {
			return fmt.Errorf("giving back what an opening cost: %w", err)
		}
	}
	return nil
}
