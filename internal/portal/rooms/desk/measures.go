package desk

import (
	"context"
	"slices"
	"sync"
	"time"

	"poterne/internal/containment"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/portal"
	"poterne/internal/roster"
)

// measureState is an order in force, as the desk shows it.
type measureState struct {
	order.Order
	Sentence string
	ByName   string
}

// Itself reports whether the rules placed it on an account.
func (m measureState) Itself() bool { return byItself(m.Order) }

// measures says the orders in force, newest first.
func (b base) measures(v *portal.Visit, labels portal.Labels) []measureState {
	now := b.shell.Now()
	var states []measureState
	for _, o := range slices.Backward(b.gate.Orders()) {
		if !o.Ends.IsZero() && !now.Before(o.Ends) {
			continue
		}
		m := measureState{o, labels.Measure(o), labels.Account(roster.AccountID(o.By))}
		if o.By == journal.Itself {
			m.ByName = v.Speaker.Must("measures.itself")
		}
		m.Because = b.because(v.Context(), o, labels)
		states = append(states, m)
	}
	return states
}

// byItself reports whether the rules placed an order, as a freeze of one account.
func byItself(o order.Order) bool {
	return o.By == journal.Itself && o.Reach == order.Account && o.Effect == order.Frozen
}

// frozen returns the accounts that the rules froze and nobody has suspended since,
// the last first.
func frozen(orders order.Set, now time.Time) (freezes []order.Order) {
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

// placed remembers the entries that placed the orders in force: entries do not
// change. It is safe to share.
type placed struct {
	journal Journal
	mu      sync.Mutex // guards what follows
	entries map[order.ID]ledger.Entry
}

// by returns the entry that placed an order, which names its ground.
func (p *placed) by(ctx context.Context, o order.Order) (ledger.Entry, bool) {
	p.mu.Lock()
	entry, known := p.entries[o.ID]
	p.mu.Unlock()
	if known {
		return entry, true
	}
	number, err := containment.NumberOf(o.ID)
	if err != nil || number >= p.journal.Next() {
		return ledger.Entry{}, false
	}
	if entry, err = p.journal.Entry(ctx, number); err != nil {
		return ledger.Entry{}, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.entries[o.ID] = entry
	return entry, true
}

// because says why an order was placed: what the rules found, in the reader's
// language, or what somebody wrote.
func (b base) because(ctx context.Context, o order.Order, labels portal.Labels) string {
	if o.By != journal.Itself {
		return o.Because
	}
	entry, known := b.placed.by(ctx, o)
	switch {
	case !known:
		return ""
	case entry.State != "":
		return labels.Speaker.Must("shares."+string(entry.State), "measure", uint64(entry.Cause))
	default:
		return labels.Ground(entry, 1)
	}
}
