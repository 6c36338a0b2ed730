package containment

import (
	"context"
	"time"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
)

// BypassRows are the orders in force and when sources were heard, in this turn.
type BypassRows interface {
	Rows
	// Heard returns when each source was last heard.
	Heard() (map[string]time.Time, error)
}

// bypasses is what the people who sign for a bypass have to be: of the security desk, or one
// of them the data-protection officer.
var bypasses = approval.Demand{For: "a bypass", Desk: true, Officer: true, OneOfDesk: true}

// AskBypass asks another person for a bypass: while a source does not arrive, every account is
// shown its own caseload as that source told it last, and nobody else. It changes nothing, unless
// two people name themselves at once, as the command line does.
type AskBypass struct {
	Source       string
	For          time.Duration
	By, Approver roster.AccountID // Approver: empty where nobody has approved it yet
	Because      string

	order order.Order
}

// Decide implements journal.Act.
func (a *AskBypass) Decide(tx *journal.Tx, rows BypassRows) (ledger.Entry, error) {
	effect, signed := order.BypassAsked, func() (roster.Account, error) { return approval.One(tx, rows, a.By, bypasses) }
	if a.Approver != "" {
		effect, signed = order.Bypassed, func() (roster.Account, error) { return approval.Two(tx, rows, a.By, a.Approver, bypasses) }
	}
	by, err := signed()
	if err != nil {
		return ledger.Entry{}, err
	}
	since, err := heard(rows, a.Source)
	if err != nil {
		return ledger.Entry{}, err
	}
	a.order = order.Order{
		Effect: effect, Reach: order.Source, Target: a.Source, By: string(a.By), Because: a.Because,
		Placed: tx.Now(), Ends: tx.Now().Add(a.For), Since: since,
	}
	if err := a.order.Check(); err != nil {
		return ledger.Entry{}, fault.Errorf(fault.Invalid, "%w", err)
	}
	return bypassing(a.order, by, a.Approver), nil
}

// heard returns when a source was last heard.
func heard(rows BypassRows, source string) (time.Time, error) {
	sources, err := rows.Heard()
	if err != nil {
		return time.Time{}, err
	}
	at, known := sources[source]
	if !known {
		return at, fault.Errorf(fault.Absent, "no source %q was ever heard", source)
	}
	return at, nil
}

// bypassing is what the ledger says of a bypass, and of asking for one.
func bypassing(o order.Order, by roster.Account, approver roster.AccountID) ledger.Entry {
	return ledger.Entry{
		Kind: ledger.Placed, Account: by.ID, Organisation: by.Organisation, Approver: approver, Effect: o.Effect, Reach: o.Reach, Target: o.Target,
		Since: o.Since, Until: o.Ends, Cause: ledger.Number(o.Cause), Note: o.Because,
	}
}

// Apply implements journal.Act.
func (a *AskBypass) Apply(rows BypassRows, e ledger.Entry) error {
	a.order.ID, a.order.Placed = IDOf(e.Number), e.Time
	return rows.InsertOrder(a.order)
}

// Changes implements journal.Changes.
func (*AskBypass) Changes() bool { return true }

// ApproveBypass puts in force what another person asked for a moment ago, by somebody who has
// confirmed that they are there. Neither of the two made the other.
type ApproveBypass struct {
	Asked order.ID // the order that asks for it, which it takes the place of
	By    roster.AccountID

	asked, order order.Order
}

// Decide implements journal.Act.
func (b *ApproveBypass) Decide(tx *journal.Tx, rows BypassRows) (ledger.Entry, error) {
	var err error
	if b.asked, err = inForce(tx, b.Asked); err != nil || !b.asked.Asks(tx.Now()) {
		return ledger.Entry{}, fault.Errorf(fault.Absent, "nobody has asked for this bypass within half an hour: ask for it anew")
	}
	number, err := NumberOf(b.Asked)
	if err != nil {
		return ledger.Entry{}, err
	}
	demand := bypasses
	demand.Confirmed = true
	first, second, err := approval.Later(tx, rows, roster.AccountID(b.asked.By), b.By, demand)
	if err != nil {
		return ledger.Entry{}, err
	}
	switch since, err := heard(rows, b.asked.Target); {
	case err != nil:
		return ledger.Entry{}, err
	case !since.Equal(b.asked.Since):
		return ledger.Entry{}, fault.Errorf(fault.Refused, "source %q was heard since the bypass was asked for: is it still needed? Ask for it anew", b.asked.Target)
	}
	b.order = b.asked
	b.order.Effect, b.order.Placed, b.order.Cause = order.Bypassed, tx.Now(), uint64(number)
	if err := b.order.Check(); err != nil {
		return ledger.Entry{}, fault.Errorf(fault.Invalid, "%w", err)
	}
	return bypassing(b.order, first, second.ID), nil
}

// Apply implements journal.Act.
func (b *ApproveBypass) Apply(rows BypassRows, e ledger.Entry) error {
	if err := rows.LiftOrder(b.asked.ID, string(b.By), e.Time); err != nil {
		return err
	}
	b.order.ID, b.order.Placed = IDOf(e.Number), e.Time
	return rows.InsertOrder(b.order)
}

// Details implements journal.Details: nobody is asked any more.
func (b *ApproveBypass) Details() []ledger.Entry {
	lifted, err := lifting(b.asked, string(b.By), "")
	if err != nil {
		return nil
	}
	return []ledger.Entry{lifted}
}

// Changes implements journal.Changes.
func (*ApproveBypass) Changes() bool { return true }

// AskBypass asks another person for a bypass, and returns the order that does, or puts it in
// force.
func (s Service) AskBypass(ctx context.Context, ask AskBypass) (order.Order, error) {
	_, err := journal.Do(ctx, s.Writer, &ask)
	return ask.order, err
}

// ApproveBypass puts in force what another person asked for. The error is fault.Refused for an
// account that may not.
func (s Service) ApproveBypass(ctx context.Context, approve ApproveBypass) error {
	_, err := journal.Do(ctx, s.Writer, &approve)
	return err
}
