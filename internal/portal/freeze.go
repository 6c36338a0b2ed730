package portal

import (
	"context"
	"time"

	"poterne/internal/containment"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
)

// This file holds the freezes that nobody ordered: Poterne itself places them on an
// account, in the turn of the entry that led to it.

// byItself reports whether the rules placed an order, as a freeze of one account.
func byItself(o order.Order) bool {
	return o.By == journal.Itself && o.Reach == order.Account && o.Effect == order.Frozen
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

// placing returns the entry that placed an order, which names its ground.
func (rooms *Rooms) placing(ctx context.Context, o order.Order) (ledger.Entry, bool) {
	rooms.hour.mu.Lock()
	entry, known := rooms.hour.placings[o.ID]
	rooms.hour.mu.Unlock()
	if known {
		return entry, true
	}
	number, err := containment.NumberOf(o.ID)
	if err != nil || number >= rooms.Journal.Next() {
		return ledger.Entry{}, false
	}
	if entry, err = rooms.Journal.Entry(ctx, number); err != nil {
		return ledger.Entry{}, false
	}
	rooms.hour.mu.Lock()
	defer rooms.hour.mu.Unlock()
	rooms.hour.placings[o.ID] = entry
	return entry, true
}

// because says why an order was placed: what the rules found, in the reader's
// language, or what somebody wrote.
func (rooms *Rooms) because(ctx context.Context, o order.Order, naming namer) string {
	if o.By != journal.Itself {
		return o.Because
	}
	entry, known := rooms.placing(ctx, o)
	switch {
	case !known:
		return ""
	case entry.State != "":
		return naming.speaker.must("shares."+string(entry.State), "measure", receipt(entry.Cause))
	default:
		return naming.ground(entry, 1)
	}
}
