package gate

import (
	"context"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/order"
)

// Place puts an order in force from outside a running gate, as the command line
// does. Running gates obey it from their next turn.
func Place(ctx context.Context, book Book, now func() time.Time, o order.Order) (placed order.Order, err error) {
	err = once(ctx, book, now, func(t *turn) (err error) {
		placed, err = t.place(o)
		return err
	})
	return placed, err
}

// Lift takes an order out of force from outside a running gate.
func Lift(ctx context.Context, book Book, now func() time.Time, id order.ID, by, because string) error {
	return once(ctx, book, now, func(t *turn) error { return t.lift(id, by, because) })
}

// Record writes an act down from outside a running gate.
func Record(ctx context.Context, book Book, now func() time.Time, entry ledger.Entry) error {
	return once(ctx, book, now, func(t *turn) error {
		t.record(entry)
		return nil
	})
}

// Orders returns the orders in force, read from the book itself.
func Orders(ctx context.Context, book Book) (orders order.Book, err error) {
	err = book.Turn(ctx, func(head Head) (err error) {
		orders, err = head.Orders()
		return err
	})
	return orders, err
}

func once(ctx context.Context, book Book, now func() time.Time, do func(*turn) error) error {
	return book.Turn(ctx, func(head Head) error {
		t := newTurn(&Gate{now: now}, head)
		if err := t.open(); err != nil {
			return err
		}
		if err := do(t); err != nil {
			return err
		}
		return t.write()
	})
}
