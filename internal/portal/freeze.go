package portal

import (
	"context"
	"strconv"
	"time"

	"poterne/internal/gate"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
)

// This file holds the freezes that nobody ordered: Poterne itself places them on an
// account, in the turn of the entry that led to it.

// byItself reports whether the rules placed an order, as a freeze of one account.
func byItself(o order.Order) bool {
	return o.By == gate.Itself && o.Reach == order.Account && o.Effect == order.Frozen
}

// frozen returns the accounts that the rules froze and nobody has suspended since,
// the last first.
func frozen(orders order.Book, now time.Time) (freezes []order.Order) {
	met := make(map[string]bool)
	for i := len(orders) - 1; i >= 0; i-- {
		o := orders[i]
		held, holds := orders.Against(roster.AccountID(o.Target), "", "", now)
		if byItself(o) && holds && held.Effect == order.Frozen && !met[o.Target] {
			freezes = append(freezes, o)
			met[o.Target] = true
		}
	}
	return freezes
}

// cause returns the entry for which the rules placed a freeze. An order is named by
// its own entry, which follows those of the passage that led to it.
func (rooms *Rooms) cause(ctx context.Context, o order.Order) (ledger.Entry, bool) {
	rooms.hour.mu.Lock()
	entry, known := rooms.hour.causes[o.ID]
	rooms.hour.mu.Unlock()
	if known {
		return entry, true
	}
	placed, err := strconv.ParseUint(string(o.ID), 10, 63)
	if err != nil || placed == 0 || ledger.Number(placed) >= rooms.Gate.Next() {
		return ledger.Entry{}, false
	}
	if entry, known = rooms.freezing(ctx, ledger.Number(placed)); known {
		rooms.hour.mu.Lock()
		defer rooms.hour.mu.Unlock()
		rooms.hour.causes[o.ID] = entry
	}
	return entry, known
}

// freezing looks for what froze an account in the passage before an order.
func (rooms *Rooms) freezing(ctx context.Context, placed ledger.Number) (ledger.Entry, bool) {
	for last, err := range rooms.Gate.Follow(ctx, placed-1) {
		if err != nil {
			return ledger.Entry{}, false
		}
		for e, err := range rooms.Gate.Follow(ctx, last.Receipt) {
			if err != nil || e.Number >= placed {
				return ledger.Entry{}, false
			}
			if e.Why.Freezes() && !e.Observed {
				return e, true
			}
		}
	}
	return ledger.Entry{}, false
}

// because says why an order was placed: what the rules found, in the reader's
// language, or what somebody wrote.
func (rooms *Rooms) because(ctx context.Context, o order.Order, naming namer) string {
	if byItself(o) {
		if entry, known := rooms.cause(ctx, o); known {
			return naming.ground(entry, 1)
		}
	}
	return o.Because
}
