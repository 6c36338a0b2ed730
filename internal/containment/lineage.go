package containment

import (
	"context"
	"slices"

	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
)

// LineageRows are the orders in force and who proposed whom, in this turn.
type LineageRows interface {
	Rows
	// ProposedBy returns the accounts that one account proposed, or asked to be bound anew.
	ProposedBy(roster.AccountID) ([]roster.Account, error)
}

// mostOfLineage bounds how many accounts one act stops.
const mostOfLineage = 5000

// PlaceLineage puts an order in force on an account and on every account that it proposed or recovered,
// or that one of those did: each has an order of its own, and all hold from the same turn.
// No more can be made meanwhile: who is stopped proposes and approves nothing, and nobody
// accepts what they began.
type PlaceLineage struct {
	Place
	below []order.Order
}

// Decide implements journal.Act.
func (p *PlaceLineage) Decide(tx *journal.Tx, rows LineageRows) (ledger.Entry, error) {
	if p.Order.Reach != order.Account {
		return ledger.Entry{}, fault.Errorf(fault.Invalid, "a lineage is an account's")
	}
	e, err := p.Place.Decide(tx, rows)
	if err != nil {
		return e, err
	}
	e.State = ledger.Lineage
	lineage, err := Below(rows, roster.AccountID(p.Order.Target))
	if err != nil {
		return e, err
	}
	if len(lineage) > mostOfLineage {
		return e, fault.Errorf(fault.Invalid, "the lineage has %d accounts: stop the organisation", len(lineage))
	}
	for _, a := range lineage {
		o := p.Order
		o.Target = string(a.ID)
		if !slices.ContainsFunc(tx.Orders(), func(other order.Order) bool { return other.Outlasts(o) }) {
			p.below = append(p.below, o)
		}
	}
	return e, nil
}

// Below returns the accounts that an account proposed or recovered, and those that they did.
func Below(rows interface {
	ProposedBy(roster.AccountID) ([]roster.Account, error)
}, of roster.AccountID,
) (lineage []roster.Account, err error) {
	known := map[roster.AccountID]bool{of: true}
	for next := []roster.AccountID{of}; len(next) > 0; next = next[1:] {
		made, err := rows.ProposedBy(next[0])
		if err != nil {
			return nil, err
		}
		for _, a := range made {
			if !known[a.ID] {
				known[a.ID] = true
				lineage, next = append(lineage, a), append(next, a.ID)
			}
		}
	}
	return lineage, nil
}

// Apply implements journal.Act. The order of each account is named by its own entry, which
// follow the first.
func (p *PlaceLineage) Apply(rows LineageRows, e ledger.Entry) error {
	if err := p.Place.Apply(rows, e); err != nil {
		return err
	}
	for i, o := range p.below {
		o.ID, o.Placed, o.Cause = IDOf(e.Number+1+ledger.Number(i)), e.Time, uint64(e.Number)
		if err := rows.InsertOrder(o); err != nil {
			return err
		}
	}
	return nil
}

// Details implements journal.Details.
func (p *PlaceLineage) Details() (entries []ledger.Entry) {
	for _, o := range p.below {
		entries = append(entries, ledger.Entry{
			Kind: ledger.Placed, Account: roster.AccountID(o.By), Effect: o.Effect, Reach: o.Reach, Target: o.Target, Until: o.Ends, State: ledger.Lineage, Note: o.Because,
		})
	}
	return entries
}

// PlaceLineage puts an order in force on an account and its lineage, and returns the orders:
// the account's own first.
func (s Service) PlaceLineage(ctx context.Context, o order.Order) ([]order.Order, error) {
	act := &PlaceLineage{Place: Place{Order: o}}
	entry, err := journal.Do(ctx, s.Writer, act)
	if err != nil {
		return nil, err
	}
	o.ID, o.Placed = IDOf(entry.Number), entry.Time
	placed := []order.Order{o}
	for i, below := range act.below {
		below.ID, below.Placed = IDOf(entry.Number+1+ledger.Number(i)), entry.Time
		placed = append(placed, below)
	}
	return placed, nil
}
