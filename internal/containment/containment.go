// Package containment puts orders in force and takes them out again. An order holds
// for everything decided after it, on every node.
package containment

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// Rows are the orders in force, in this turn.
type Rows interface {
	approval.Rows
	// InsertOrder puts an order in force.
	InsertOrder(order.Order) error
	// LiftOrder takes an order out of force; fault.Absent when it is not.
	LiftOrder(id order.ID, by string, at time.Time) error
}

// Place puts an order in force.
type Place struct {
	Order  order.Order
	Ground policy.Ruling // what the rules found, of an order that they place; zero of one that a person places
	Shares ledger.State  // why neighbours of a theft are narrowed; empty of any other order
	Once   bool          // not when the same hand has placed the same for at least as long
	Most   int           // orders of the same hand within an hour: one more is refused; zero for any number
}

// Decide implements journal.Act.
func (p Place) Decide(tx *journal.Tx, _ Rows) (ledger.Entry, error) {
	o := p.Order
	o.Placed = tx.Now()
	if err := o.Check(); err != nil {
		return ledger.Entry{}, fault.Errorf(fault.Invalid, "%w", err)
	}
	if !o.Since.IsZero() {
		return ledger.Entry{}, fault.Errorf(fault.Refused, "a bypass takes two people: ask for it, and another approves it")
	}
	if p.Once && slices.ContainsFunc(tx.Orders(), func(other order.Order) bool { return other.Outlasts(o) }) {
		return ledger.Entry{}, journal.Unchanged
	}
	if p.Most > 0 && p.lately(tx) >= p.Most {
		return ledger.Entry{}, fault.Errorf(fault.Refused, "%q has placed %d orders within an hour: a person places the next", o.By, p.Most)
	}
	return ledger.Entry{
		Kind: ledger.Placed, Account: roster.AccountID(o.By), Effect: o.Effect, Reach: o.Reach, Target: o.Target,
		Until: o.Ends, Cause: ledger.Number(o.Cause), Why: p.Ground.Why, Counted: p.Ground.Counted, Limit: p.Ground.Limit,
		State: p.Shares, Note: o.Because, Spares: o.Spares,
	}, nil
}

// lately is how many orders in force the same hand placed within an hour.
func (p Place) lately(tx *journal.Tx) (n int) {
	for _, o := range tx.Orders() {
		if o.By == p.Order.By && tx.Now().Sub(o.Placed) < time.Hour {
			n++
		}
	}
	return n
}

// Apply implements journal.Act. An order is named by the number of its entry.
func (p Place) Apply(rows Rows, e ledger.Entry) error {
	o := p.Order
	o.ID, o.Placed = IDOf(e.Number), e.Time
	return rows.InsertOrder(o)
}

// Changes implements journal.Changes.
func (Place) Changes() bool { return true }

// IDOf returns the ID of the order that an entry places.
func IDOf(number ledger.Number) order.ID { return order.ID(strconv.FormatUint(uint64(number), 10)) }

// NumberOf returns the number of the entry that placed an order.
func NumberOf(id order.ID) (ledger.Number, error) {
	number, err := strconv.ParseUint(string(id), 10, 63)
	if err != nil {
		return 0, fault.Errorf(fault.Absent, "no order %q is in force", id)
	}
	return ledger.Number(number), nil
}

// Lift takes an order out of force by one person's word: see Alone. What a colleague placed
// takes two, and is reopened by steps where it closed something whole.
type Lift struct {
	ID      order.ID
	By      roster.AccountID
	Because string
}

// Decide implements journal.Act.
func (l Lift) Decide(tx *journal.Tx, rows Rows) (ledger.Entry, error) {
	if err := typed.Check("the lifting of an order", l.Because); l.Because != "" && err != nil {
		return ledger.Entry{}, err
	}
	o, err := inForce(tx, l.ID)
	if err != nil {
		return ledger.Entry{}, err
	}
	if !Alone(o, l.By, tx.Orders(), tx.Now()) {
		return ledger.Entry{}, fault.Errorf(fault.Refused, "a colleague placed order %s, or it stands for more than %d minutes: two people lift it", l.ID, int(slip.Minutes()))
	}
	d := demand(o, false)
	if d.For = "lifting an order"; o.Effect == order.Narrowed {
		d.Of = "" // of the rules' narrowings, whose neighbours they are does not matter
	}
	if _, err := approval.One(tx, rows, l.By, d); err != nil {
		return ledger.Entry{}, err
	}
	return lifting(o, string(l.By), l.Because)
}

// Apply implements journal.Act.
func (l Lift) Apply(rows Rows, e ledger.Entry) error {
	return rows.LiftOrder(l.ID, string(l.By), e.Time)
}

// Changes implements journal.Changes.
func (Lift) Changes() bool { return true }

func inForce(tx *journal.Tx, id order.ID) (order.Order, error) {
	for _, o := range tx.Orders() {
		if o.ID == id {
			return o, nil
		}
	}
	return order.Order{}, fault.Errorf(fault.Absent, "no order %s is in force", id)
}

// lifting is what the ledger says of an order that is lifted. One that froze an
// account moves that account's meter.
func lifting(o order.Order, by, because string) (ledger.Entry, error) {
	number, err := NumberOf(o.ID)
	if err != nil {
		return ledger.Entry{}, err
	}
	e := ledger.Entry{
		Kind: ledger.Lifted, Account: roster.AccountID(by), Effect: o.Effect, Reach: o.Reach, Target: o.Target,
		From: number, End: number + 1, Note: because,
	}
	if o.Reach == order.Account && o.Effect == order.Frozen {
		e.Subject = roster.AccountID(o.Target)
	}
	return e, nil
}

// Undo lifts a freeze that the rules placed on an account: not one of a person's that was put
// back, which still has that person's reason. Another person MUST do it:
// after the first within a week, one of the security desk.
type Undo struct {
	ID      order.ID
	By      roster.AccountID
	Because string
}

// Decide implements journal.Act.
func (u Undo) Decide(tx *journal.Tx, rows Rows) (ledger.Entry, error) {
	o, err := inForce(tx, u.ID)
	if err != nil || o.By != journal.Itself || o.Because != "" || o.Effect != order.Frozen || o.Reach != order.Account {
		return ledger.Entry{}, fault.Errorf(fault.Absent, "no freeze is in force under number %s", u.ID)
	}
	of := roster.AccountID(o.Target)
	signer, err := approval.One(tx, rows, u.By, approval.Demand{For: "undoing a freeze", Of: of})
	switch {
	case err != nil:
		return ledger.Entry{}, err
	case signer.Role != roster.Security && tx.Meter(of).Undone(tx.Now()) > 0:
		return ledger.Entry{}, fault.Errorf(fault.Refused, "a freeze of this account was undone within a week: the security desk looks at it")
	}
	e, err := lifting(o, string(u.By), u.Because)
	e.Organisation = signer.Organisation
	return e, err
}

// Apply implements journal.Act.
func (u Undo) Apply(rows Rows, e ledger.Entry) error {
	return rows.LiftOrder(u.ID, string(u.By), e.Time)
}

// Changes implements journal.Changes.
func (Undo) Changes() bool { return true }

// Service does containment's acts through a Writer.
type Service struct{ Writer journal.Writer }

// Place puts an order in force for every decision after it returns.
func (s Service) Place(ctx context.Context, o order.Order) (order.Order, error) {
	entry, err := journal.Do(ctx, s.Writer, Place{Order: o})
	o.ID, o.Placed = IDOf(entry.Number), entry.Time
	return o, err
}

// FreezeOwn freezes an account at its holder's word, once however often they say it.
func (s Service) FreezeOwn(ctx context.Context, account roster.AccountID) error {
	_, err := journal.Do(ctx, s.Writer, Place{
		Order: order.Order{Effect: order.Frozen, Reach: order.Account, Target: string(account), By: string(account)}, Once: true,
	})
	if errors.Is(err, journal.Unchanged) {
		return nil
	}
	return err
}

// Lift takes out of force an order that a person placed; fault.Absent when it is not in
// force.
func (s Service) Lift(ctx context.Context, lift Lift) error {
	_, err := journal.Do(ctx, s.Writer, lift)
	return err
}

// Undo lifts a freeze that the rules placed. The error is fault.Refused for an account
// that may not.
func (s Service) Undo(ctx context.Context, undo Undo) error {
	_, err := journal.Do(ctx, s.Writer, undo)
	return err
}
