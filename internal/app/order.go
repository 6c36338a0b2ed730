package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"poterne/internal/containment"
	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/provision"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// Reaches keeps a misspelt name from passing for a containment.
func (o *Opened) Reaches(ctx context.Context, placing order.Order) error {
	there := true
	switch placing.Reach {
	case order.Account:
		_, _, err := o.Roster.Account(ctx, roster.AccountID(placing.Target))
		if err != nil && !fault.Is(err, fault.Absent) {
			return err
		}
		there = err == nil || slices.ContainsFunc(o.Provisioning, func(c provision.Client) bool { return string(c.ID()) == placing.Target })
	case order.Organisation:
		list, err := o.Roster.Organisations(ctx)
		if err != nil {
			return err
		}
		there = slices.ContainsFunc(list, func(o roster.Organisation) bool { return string(o.ID) == placing.Target })
	case order.Role:
		there = slices.Contains(roster.Given(o.Rules.Roles()), roster.Role(placing.Target))
	case order.Network:
		there = slices.Contains(o.Networks.Names(), placing.Target)
	case order.Service:
		there = o.Declares(roster.ServiceID(placing.Target))
	}
	if !there {
		return fmt.Errorf("there is no %s %q, so no order is placed", placing.Reach, placing.Target)
	}
	return nil
}

// Place puts an order in force beside the running program, on a whole lineage if it is asked
// to.
func (o *Opened) Place(ctx context.Context, placing order.Order, lineage bool) ([]order.Order, error) {
	s := containment.Service{Writer: o.Writer()}
	if lineage {
		return s.PlaceLineage(ctx, placing)
	}
	placed, err := s.Place(ctx, placing)
	return []order.Order{placed}, err
}

// Bypass asks for a bypass, or puts it in force where somebody approves it. It says what holds now.
func (o *Opened) Bypass(ctx context.Context, ask containment.AskBypass) (string, error) {
	placed, err := containment.Service{Writer: o.Writer()}.AskBypass(ctx, ask)
	if ask.Approver == "" {
		return fmt.Sprintf("bypass %s is asked for: another person approves it within half an hour, on the page of bypasses", placed.ID), err
	}
	stamp := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	return fmt.Sprintf("bypass %s is in force until %s: caseloads as %s told them until %s", placed.ID, stamp(placed.Ends), typed.Printed(placed.Target), stamp(placed.Since)), err
}

// Lift takes an order out of force: by one person's word where that is enough, else by two.
func (o *Opened) Lift(ctx context.Context, id order.ID, by, approver roster.AccountID, because string) (string, error) {
	s := containment.Service{Writer: o.Writer()}
	if approver == "" {
		return fmt.Sprintf("order %s is lifted", id), s.Lift(ctx, containment.Lift{ID: id, By: by, Because: because})
	}
	return s.Reopen(ctx, containment.Reopen{ID: id, What: ledger.Lifting, By: by, Approver: approver, Because: because})
}

// Reopen takes the next step away from an order, by two people.
func (o *Opened) Reopen(ctx context.Context, id order.ID, first roster.OrganisationID, by, approver roster.AccountID, because string) (string, error) {
	orders, err := o.Orders.InForce(ctx)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(orders, func(o order.Order) bool { return o.ID == id })
	if i < 0 {
		return "", fault.Errorf(fault.Absent, "no order %s is in force", id)
	}
	if first != "" {
		if err := o.Reaches(ctx, order.Order{Reach: order.Organisation, Target: string(first)}); err != nil {
			return "", err
		}
	}
	step := containment.Steps(orders[i])[0]
	return containment.Service{Writer: o.Writer()}.Reopen(ctx, containment.Reopen{
		ID: id, What: step.What, Spares: first, By: by, Approver: approver, Because: because,
	})
}
