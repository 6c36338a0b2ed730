// Package installed is by which configuration nodes go, where each change of it takes two people. A
// node finds in its file what nobody allowed, and asks; one person signs for it, another allows it.
// Until then nodes go by what was allowed last, whatever their files say.
package installed

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// Change is a configuration that a node found in its file, and what came of it.
type Change struct {
	Number ledger.Number // of the entry that found it, or that took the first
	Found  time.Time
	Proposal
	Base ledger.Number // of the change that nodes went by when it was found

	By      roster.AccountID // who signed for it first; empty while nobody did
	Because string
	Signed  time.Time
	Second  roster.AccountID // who allowed it
	Allowed time.Time        // zero while it waits
	Dropped time.Time        // zero unless it was taken back, refused, or replaced by a later one of its node
}

// Proposal is a configuration, as a node's file says it.
type Proposal struct {
	Node   string
	Text   string        // what decides, as people are shown it and as nodes go by it
	Digest ledger.Digest // of that
	ByTwo  bool          // by it, the next change takes two people as well
}

// Waits is how long a change waits for two people.
const Waits = 14 * 24 * time.Hour

// The bounds of what is asked for.
const (
	mostWaiting = 20  // wait at once: a node has one at most
	mostADay    = 100 // are found within a day, so that whoever edits a file fills neither the ledger nor the page
)

// Waits reports whether it waits for somebody.
func (c Change) Waits(at time.Time) bool { return c.asked().Waits(at) }

// asked is the change, as two people sign for it: of the security desk, or one of them and the
// data-protection officer.
func (c Change) asked() approval.Asked {
	return approval.Asked{By: c.By, Ends: c.Found.Add(Waits), Answered: !c.Allowed.IsZero() || !c.Dropped.IsZero(), Demand: demand}
}

var demand = approval.Demand{For: "a configuration", Desk: true, Officer: true, OneOfDesk: true, Confirmed: true}

// Rows are the changes, in this turn.
type Rows interface {
	approval.Rows
	// Signers returns the accounts of those who may sign for changes.
	Signers() ([]roster.Account, error)
	// Installed returns the change that nodes go by; one without a number when there never was any.
	// It is an error when its row is not what a node wrote, or is gone.
	Installed() (Change, error)
	// Change returns one; fault.Absent when there is none.
	Change(ledger.Number) (Change, error)
	// Changes returns those found since a time, oldest first.
	Changes(since time.Time) ([]Change, error)
	// PutChange adds one, or changes who signed for it, and when it was allowed or dropped.
	PutChange(Change) error
	// Install has nodes go by one from now on. What it replaces is installed again as another
	// change only.
	Install(ledger.Number) error
}

var (
	// Alone is the error of a configuration that asks for two people where there are not two.
	Alone = fault.Errorf(fault.Refused, "[configuration] by_two: nobody could allow a change yet. It takes two people of two lineages, of the security desk or one of them and the data-protection officer: import their accounts first, or leave by_two out")
	// Moved is the error of a change that was compared with a configuration from before.
	Moved = fault.Errorf(fault.Refused, "another configuration was allowed since this one was found: refuse it, and have the node read its file anew")
	// Unsigned is the error of a change that somebody is to allow for which nobody signed.
	Unsigned = fault.Errorf(fault.Refused, "one person signs for this configuration first, another allows it")
)

// Take takes a configuration that asks for two people as the first, where one person alone could
// change it until now. It is journal.Unchanged where nothing is to be taken, and refused
// where two people are to allow it first.
type Take struct{ Proposal }

// Decide implements journal.Act.
func (t Take) Decide(tx *journal.Tx, rows Rows) (ledger.Entry, error) {
	is, err := rows.Installed()
	switch {
	case err != nil:
		return ledger.Entry{}, err
	case is.ByTwo && is.Digest != t.Digest:
		return ledger.Entry{}, fault.Errorf(fault.Refused, "two people allow this configuration first")
	case is.ByTwo || !t.ByTwo:
		return ledger.Entry{}, journal.Unchanged
	}
	if err := two(tx, rows); err != nil {
		return ledger.Entry{}, err
	}
	return ledger.Entry{Kind: ledger.ConfigurationSet, State: ledger.First, Account: journal.Itself, Target: t.Node, Digest: t.Digest}, nil
}

// two fails unless two people could sign for a change together.
func two(tx *journal.Tx, rows Rows) error {
	able := demand
	able.Confirmed = false
	people, err := rows.Signers()
	if err != nil {
		return err
	}
	for i, first := range people {
		for _, second := range people[i+1:] {
			_, err := approval.Two(tx, rows, first.ID, second.ID, able)
			if err == nil || !fault.Is(err, fault.Refused) {
				return err
			}
		}
	}
	return Alone
}

// Apply implements journal.Act.
func (t Take) Apply(rows Rows, e ledger.Entry) error {
	if err := rows.PutChange(Change{Number: e.Number, Found: e.Time, Proposal: t.Proposal, Allowed: e.Time}); err != nil {
		return err
	}
	return rows.Install(e.Number)
}

// Find asks for what a node found in its file. What the same node found before and nobody allowed waits
// no more: its file does not say it now. It is journal.Unchanged where that is allowed, or is asked already.
type Find struct {
	Proposal

	change, replaced Change
	there            ledger.Number // of one that asks for the same
	left             ledger.Number // of one that the node's file does not say any more, where nothing is found anew
}

// Decide implements journal.Act.
func (f *Find) Decide(tx *journal.Tx, rows Rows) (ledger.Entry, error) {
	is, err := rows.Installed()
	if err != nil {
		return ledger.Entry{}, err
	}
	f.change, f.replaced, f.there, f.left = Change{Proposal: f.Proposal, Base: is.Number}, Change{}, 0, 0
	if !is.ByTwo || is.Digest == f.Digest {
		return ledger.Entry{}, journal.Unchanged
	}
	all, err := rows.Changes(tx.Now().Add(-Waits))
	if err != nil {
		return ledger.Entry{}, err
	}
	waiting, today := 0, 0
	for _, other := range all {
		if tx.Now().Sub(other.Found) < 24*time.Hour {
			today++
		}
		switch {
		case !other.Waits(tx.Now()):
		case other.Digest == f.Digest && other.Base == is.Number:
			f.there = other.Number
		case other.Node == f.Node:
			f.replaced = other
		default:
			waiting++
		}
	}
	if f.there != 0 {
		f.left = f.replaced.Number
		return ledger.Entry{}, journal.Unchanged
	}
	if today >= mostADay {
		return ledger.Entry{}, fault.Errorf(fault.Refused, "at most %d configurations are found within a day", mostADay)
	}
	if waiting >= mostWaiting {
		return ledger.Entry{}, fault.Errorf(fault.Refused, "as many configurations wait for two people as can: have some of them refused in the portal first")
	}
	if f.replaced.Number != 0 {
		f.replaced.Dropped = ledger.Cut(tx.Now())
	}
	return ledger.Entry{Kind: ledger.ConfigurationAsked, State: ledger.Found, Account: journal.Itself, Target: f.Node, Digest: f.Digest, Cause: f.replaced.Number}, nil
}

// Apply implements journal.Act.
func (f *Find) Apply(rows Rows, e ledger.Entry) error {
	if f.replaced.Number != 0 {
		if err := rows.PutChange(f.replaced); err != nil {
			return err
		}
	}
	f.change.Number, f.change.Found = e.Number, e.Time
	f.there = e.Number
	return rows.PutChange(f.change)
}

// Sign signs for a change as the first of two people.
type Sign struct {
	Number  ledger.Number
	By      roster.AccountID
	Because string

	change Change
}

// Decide implements journal.Act.
func (s *Sign) Decide(tx *journal.Tx, rows Rows) (ledger.Entry, error) {
	c, err := rows.Change(s.Number)
	if err != nil {
		return ledger.Entry{}, err
	}
	by, err := c.asked().Sign(tx, rows, s.By)
	if err == nil {
		err = c.fits(rows)
	}
	switch {
	case err != nil:
		return ledger.Entry{}, err
	case c.By != "":
		return ledger.Entry{}, fault.Errorf(fault.Refused, "%q has signed for this configuration already: another person allows it", c.By)
	}
	if err := typed.Check("a configuration", s.Because); err != nil {
		return ledger.Entry{}, err
	}
	c.By, c.Because, c.Signed = by.ID, s.Because, ledger.Cut(tx.Now())
	s.change = c
	return ledger.Entry{
		Kind: ledger.ConfigurationAsked, State: ledger.SignedFor, Account: by.ID, Organisation: by.Organisation, Target: c.Node, Cause: c.Number, Digest: c.Digest, Note: s.Because,
	}, nil
}

// fits fails unless the change was compared with what nodes go by.
func (c Change) fits(rows Rows) error {
	is, err := rows.Installed()
	if err == nil && c.Base != is.Number {
		err = Moved
	}
	return err
}

// Apply implements journal.Act.
func (s *Sign) Apply(rows Rows, _ ledger.Entry) error { return rows.PutChange(s.change) }

// Allow has nodes go by a change for which another person signed: neither of the two made the other, or
// comes from the same account.
type Allow struct {
	Number ledger.Number
	By     roster.AccountID

	change Change
}

// Decide implements journal.Act.
func (a *Allow) Decide(tx *journal.Tx, rows Rows) (ledger.Entry, error) {
	c, err := rows.Change(a.Number)
	if err != nil {
		return ledger.Entry{}, err
	}
	if c.By == "" {
		_, err := c.asked().Sign(tx, rows, a.By)
		return ledger.Entry{}, cmp.Or(err, Unsigned)
	}
	first, second, err := c.asked().Allow(tx, rows, a.By)
	if err == nil {
		err = c.fits(rows)
	}
	if err != nil {
		return ledger.Entry{}, err
	}
	c.Second, c.Allowed = second.ID, ledger.Cut(tx.Now())
	a.change = c
	state := ledger.Altering
	if !c.ByTwo {
		state = ledger.Freed
	}
	return ledger.Entry{
		Kind: ledger.ConfigurationSet, State: state, Account: first.ID, Organisation: first.Organisation, Approver: second.ID, Target: c.Node, Cause: c.Number, Digest: c.Digest, Note: c.Because,
	}, nil
}

// Apply implements journal.Act.
func (a *Allow) Apply(rows Rows, _ ledger.Entry) error {
	if err := rows.PutChange(a.change); err != nil {
		return err
	}
	return rows.Install(a.change.Number)
}

// Drop takes a change back, by whoever signed for it, or refuses it, by whoever could allow it.
type Drop struct {
	Number ledger.Number
	By     roster.AccountID

	change Change
}

// Decide implements journal.Act.
func (d *Drop) Decide(tx *journal.Tx, rows Rows) (ledger.Entry, error) {
	c, err := rows.Change(d.Number)
	if err != nil {
		return ledger.Entry{}, err
	}
	by, state, err := c.asked().Drop(tx, rows, d.By)
	if err != nil {
		return ledger.Entry{}, err
	}
	c.Dropped = ledger.Cut(tx.Now())
	d.change = c
	return ledger.Entry{Kind: ledger.ConfigurationAsked, State: state, Account: by.ID, Target: c.Node, Cause: c.Number, Digest: c.Digest}, nil
}

// Apply implements journal.Act.
func (d *Drop) Apply(rows Rows, _ ledger.Entry) error { return rows.PutChange(d.change) }

// Changes finds, signs for, allows and drops changes.
type Changes struct {
	Writer journal.Writer
	Rows   interface {
		// Installed returns the change that nodes go by; one without a number when there never was any.
		Installed(context.Context) (Change, error)
		// Changes returns those found since a time, oldest first.
		Changes(ctx context.Context, since time.Time) ([]Change, error)
	}
	Now func() time.Time
}

// Installed returns the change that nodes go by; one without a number when there never was any.
func (c Changes) Installed(ctx context.Context) (Change, error) { return c.Rows.Installed(ctx) }

// Waiting returns the changes that wait for somebody, oldest first.
func (c Changes) Waiting(ctx context.Context) ([]Change, error) {
	all, err := c.Rows.Changes(ctx, c.Now().Add(-Waits))
	return slices.DeleteFunc(all, func(one Change) bool { return !one.Waits(c.Now()) }), err
}

// Find asks for what a node found in its file, unless that is asked already, and returns the number
// of the request; 0 when it is what nodes go by.
func (c Changes) Find(ctx context.Context, p Proposal) (ledger.Number, error) {
	act := &Find{Proposal: p}
	_, err := journal.Do(ctx, c.Writer, journal.Act[Rows](act))
	if errors.Is(err, journal.Unchanged) {
		err = nil
	}
	if err == nil && act.left != 0 {
		if err = c.Drop(ctx, act.left, journal.Itself); errors.Is(err, journal.Unchanged) { // somebody answered it meanwhile
			err = nil
		}
	}
	return act.there, err
}

// Sign signs for one as the first of two people.
func (c Changes) Sign(ctx context.Context, s Sign) error {
	_, err := journal.Do(ctx, c.Writer, journal.Act[Rows](&s))
	return err
}

// Allow has nodes go by one for which another person signed, once they read their files anew.
func (c Changes) Allow(ctx context.Context, number ledger.Number, by roster.AccountID) error {
	_, err := journal.Do(ctx, c.Writer, journal.Act[Rows](&Allow{Number: number, By: by}))
	return err
}

// Drop takes one back, or refuses it.
func (c Changes) Drop(ctx context.Context, number ledger.Number, by roster.AccountID) error {
	_, err := journal.Do(ctx, c.Writer, journal.Act[Rows](&Drop{Number: number, By: by}))
	return err
}
