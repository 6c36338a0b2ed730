package app

import (
	"context"
	"fmt"
	"slices"

	"poterne/internal/containment"
	"poterne/internal/fault"
	"poterne/internal/order"
	"poterne/internal/roster"
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
		there = err == nil
	case order.Organisation:
		list, err := o.Roster.Organisations(ctx)
		if err != nil {
			return err
		}
		there = slices.ContainsFunc(list, func(o roster.Organisation) bool { return string(o.ID) == placing.Target })
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
