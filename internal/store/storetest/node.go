package storetest

import (
	"context"
	"errors"
	"time"

	"poterne/internal/containment"
	"poterne/internal/gate"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/roster"
)

// Node is a journal with a gate over it, as one node of the program has them, and
// the acts that tests do most.
type Node struct {
	*gate.Gate
	*journal.Journal
}

// OpenNode opens a journal, which keeps nothing of its state, and a gate. They work once
// Run runs.
func OpenNode(ctx context.Context, db journal.DB, files gate.Files, rules policy.Rules, now func() time.Time) (*Node, error) {
	j, err := journal.Open(ctx, db, nil, now)
	if err != nil {
		return nil, err
	}
	return &Node{gate.New(j, files, rules, gate.Remembered, now), j}, nil
}

// Place puts an order in force.
func (n *Node) Place(ctx context.Context, o order.Order) (order.Order, error) {
	return containment.Service{Writer: n.Journal}.Place(ctx, o)
}

// Lift takes an order out of force.
func (n *Node) Lift(ctx context.Context, id order.ID, by roster.AccountID, because string) error {
	return containment.Service{Writer: n.Journal}.Lift(ctx, containment.Lift{ID: id, By: by, Because: because})
}

// PlaceOnce puts an order in force, unless the same hand has placed the same for at
// least as long. It reports whether it did.
func (n *Node) PlaceOnce(ctx context.Context, o order.Order) (placed bool, err error) {
	_, err = journal.Do(ctx, n.Journal, containment.Place{Order: o, Once: true})
	if errors.Is(err, journal.Unchanged) {
		return false, nil
	}
	return err == nil, err
}

// StepUp writes down that whoever holds an account proved to be there.
func (n *Node) StepUp(ctx context.Context, account roster.AccountID, session roster.SessionID, device, network string) error {
	return n.Record(ctx, ledger.Entry{Kind: ledger.SteppedUp, Account: account, Session: session, Device: device, Network: network})
}
