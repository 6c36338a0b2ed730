package containment

import (
	"slices"
	"time"

	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
)

// RestoredRows are the orders in force, in this turn.
type RestoredRows interface {
	InsertOrder(order.Order) error
	// Standing reports whether an order's row is there and was not lifted.
	Standing(id order.ID) (bool, error)
	// SetAside takes out of force whatever row an order has, if it has one.
	SetAside(id order.ID, by string, at time.Time) error
}

// Restore puts an order in force as the ledger has it whose row is gone, or is not as it
// was written; one that the ledger does not have in force is taken out of it. The program
// does it by itself: see package audit.
type Restore struct {
	ID   order.ID
	Said order.Order // what the ledger says; zero when it has no such order in force
}

// Decide implements journal.Act.
func (r Restore) Decide(tx *journal.Tx, rows RestoredRows) (ledger.Entry, error) {
	if r.gone() {
		standing, err := rows.Standing(r.ID)
		if err == nil && !standing { // another node was quicker
			err = journal.Unchanged
		}
		return r.lifted(), err
	}
	number, err := NumberOf(r.ID)
	o := r.Said
	if slices.ContainsFunc(tx.Orders(), func(other order.Order) bool {
		return other.By == journal.Itself && other.Cause == uint64(number) && other.Effect == o.Effect && other.Reach == o.Reach && other.Target == o.Target && other.Spares == o.Spares
	}) {
		return ledger.Entry{}, journal.Unchanged // another node was quicker
	}
	return ledger.Entry{
		Kind: ledger.Placed, Account: journal.Itself, Effect: o.Effect, Reach: o.Reach, Target: o.Target,
		Until: o.Ends, Cause: number, State: ledger.Audited, Note: o.Because, Since: o.Since, Spares: o.Spares,
	}, err
}

func (r Restore) gone() bool { return r.Said == order.Order{} }

// lifted says that the order is not in force under its own number.
func (r Restore) lifted() ledger.Entry {
	e := ledger.Entry{Kind: ledger.Lifted, Account: journal.Itself, Effect: r.Said.Effect, Reach: r.Said.Reach, Target: r.Said.Target, State: ledger.Audited}
	if number, err := NumberOf(r.ID); err == nil {
		e.From, e.End = number, number+1
	}
	return e
}

// Apply implements journal.Act.
func (r Restore) Apply(rows RestoredRows, e ledger.Entry) error {
	if err := rows.SetAside(r.ID, journal.Itself, e.Time); err != nil || r.gone() {
		return err
	}
	o := r.Said
	o.ID, o.Placed, o.By, o.Cause = IDOf(e.Number), e.Time, journal.Itself, uint64(e.Cause)
	return rows.InsertOrder(o)
}

// Details implements journal.Details: the order goes on under another number.
func (r Restore) Details() []ledger.Entry {
	if r.gone() {
		return nil
	}
	return []ledger.Entry{r.lifted()}
}

// Changes implements journal.Changes.
func (Restore) Changes() bool { return true }

// Distrust stops an account or an organisation whose rows are not as the ledger says. The
// program does it by itself.
func Distrust(reach order.Reach, target string, made ledger.Number) Place {
	return Place{
		Order:  order.Order{Effect: order.Suspended, Reach: reach, Target: target, By: journal.Itself, Cause: uint64(made)},
		Shares: ledger.Audited, Once: true,
	}
}
