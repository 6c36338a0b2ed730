package containment

import (
	"context"

	"poterne/internal/journal"
	"poterne/internal/order"
)

// Service does containment's acts through a Writer.
type Service struct{ Writer journal.Writer }

// Place puts an order in force for every decision after it returns.
func (s Service) Place(ctx context.Context, o order.Order) (order.Order, error) {
	entry, err := journal.Do(ctx, s.Writer, Place{Order: o})
	o.ID, o.Placed = IDOf(entry.Number), entry.Time
	return o, err
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
