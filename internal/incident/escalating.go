package incident

import (
	"fmt"
	"time"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// What was opened as an exercise turns out to be real. Its mark is on documents that may have left, and is
// never taken off: the file goes on as another, which is none, and takes over what was known. Whoever keeps files
// does it alone, at once.

// Escalation ends an exercise: it goes on as a real file, which is opened in the same turn.
type Escalation struct {
	Into    ledger.Number `json:"into"`
	Because string        `json:"because"`
}

// Played is what a file takes over from the exercise as which it was opened first. What was sent and who was
// told stay there: they say EXERCISE.
type Played struct {
	File    ledger.Number `json:"file"`
	Also    []Scope       `json:"also,omitempty"` // of exercises that were merged into it
	Aware   *Awareness    `json:"aware,omitempty"`
	Count   *Count        `json:"count,omitempty"`
	Counted time.Time     `json:"counted,omitzero"`
	Answers Answers       `json:"answers,omitempty"`
}

// Escalated is an Escalation, as the ledger names it.
const Escalated ledger.State = "incident-escalated"

func (*Escalation) State() ledger.State { return Escalated }

// check fails: only Escalate writes it, with the file that goes on.
func (*Escalation) check(File, time.Time) error { return byEscalate }

var byEscalate = fault.Errorf(fault.Invalid, "an exercise goes on as a real file, which is opened at once")

func (s *Escalation) take(f *File, l Line) { f.Into, f.Closed = s.Into, l.At }

// take has a file begin with what was known of the exercise.
func (p *Played) take(f *File) {
	f.Played, f.Also, f.Aware, f.Count, f.Counted, f.Answers = p.File, p.Also, p.Aware, p.Count, p.Counted, p.Answers
}

// Escalate has an exercise go on as a real file.
type Escalate struct {
	File    ledger.Number
	By      roster.AccountID
	Because string

	ends  Escalation
	opens Opening
	entry ledger.Entry // of the file that goes on
}

// Decide implements journal.Act.
func (a *Escalate) Decide(tx *journal.Tx, rows Rows) (ledger.Entry, error) {
	f, err := openFile(rows, a.File)
	if err == nil {
		err = typed.Check("that an exercise is real", a.Because)
	}
	switch {
	case err != nil:
		return ledger.Entry{}, err
	case !f.Exercise:
		return ledger.Entry{}, fault.Errorf(fault.Refused, "incident %d is no exercise", a.File)
	case f.Telling.Running():
		return ledger.Entry{}, fault.Errorf(fault.Refused, "people are being told that it is an exercise: pause that first")
	}
	signer, err := approval.One(tx, rows, a.By, demand)
	if err != nil {
		return ledger.Entry{}, err
	}
	a.ends = Escalation{Into: tx.Next() + 1, Because: a.Because}
	a.opens = Opening{Title: f.Title, Scope: f.Scope, Played: &Played{File: f.Number, Also: f.Also, Aware: f.Aware, Count: f.Count, Counted: f.Counted, Answers: f.Answers}}
	e := ledger.Entry{
		Kind: ledger.Filed, Account: a.By, Organisation: signer.Organisation, State: Escalated, From: f.Number, End: f.Number + 1, Cause: f.last(), Target: f.target(),
	}
	a.entry = ledger.Entry{Kind: ledger.Filed, Account: a.By, Organisation: signer.Organisation, State: Opened}
	e.Digest, a.entry.Digest = lineOf(e, &a.ends).Digest(), lineOf(a.entry, &a.opens).Digest()
	return e, nil
}

// Apply implements journal.Act.
func (a *Escalate) Apply(rows Rows, e ledger.Entry) error {
	next := a.entry
	next.Number, next.Time = e.Number+1, e.Time
	if next.Number != a.ends.Into {
		return fmt.Errorf("the file that goes on would be %d, and is written as %d", next.Number, a.ends.Into)
	}
	if err := rows.InsertIncidentLine(lineOf(e, &a.ends)); err != nil {
		return err
	}
	return rows.InsertIncidentLine(lineOf(next, &a.opens))
}

// Details implements journal.Details.
func (a *Escalate) Details() []ledger.Entry { return []ledger.Entry{a.entry} }

// Stopped returns the accounts of the file that an order holds now. Nobody plays that: an order is as real in an
// exercise. use is what an order reaches of an account.
func (f File) Stopped(orders order.Set, use func(roster.AccountID) order.Use, now time.Time) []roster.AccountID {
	return stopped(f.Accounts(), orders, use, now)
}

func stopped(accounts []roster.AccountID, orders order.Set, use func(roster.AccountID) order.Use, now time.Time) (held []roster.AccountID) {
	for _, account := range accounts {
		if o, reached := orders.Against(use(account), now); reached && o.Effect != order.Narrowed {
			held = append(held, account)
		}
	}
	return held
}
