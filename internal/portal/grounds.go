package portal

import (
	"context"
	"sync"

	"poterne/internal/containment"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/policy"
)

// Grounds say why orders were placed. They remember the entries that placed them:
// entries do not change. They are safe to share.
type Grounds struct {
	entry   func(context.Context, ledger.Number) (ledger.Entry, error)
	mu      sync.Mutex // guards what follows
	entries map[order.ID]ledger.Entry
}

// NewGrounds returns grounds that read an entry by its number.
func NewGrounds(entry func(context.Context, ledger.Number) (ledger.Entry, error)) *Grounds {
	return &Grounds{entry: entry, entries: make(map[order.ID]ledger.Entry)}
}

// Because says why an order was placed: what the rules found, in the reader's
// language, or what a person wrote. It is empty when that cannot be read now.
func (g *Grounds) Because(ctx context.Context, o order.Order, labels Labels) string {
	if o.Broken {
		return labels.Speaker.Say("order.broken")
	}
	if o.By != journal.Itself {
		return o.Because
	}
	placed, err := g.placed(ctx, o)
	switch key := "shares." + string(placed.State); {
	case err != nil:
		return ""
	case placed.State == "":
		return labels.Ground(placed, 1)
	case !labels.Speaker.Has(key): // written by a newer program
		return string(placed.State)
	default: // next to a theft
		return labels.Speaker.Say(key, "measure", uint64(placed.Cause))
	}
}

// Why is on what ground the rules placed an order; zero of one that a person placed, or
// when that cannot be read now.
func (g *Grounds) Why(ctx context.Context, o order.Order) policy.Why {
	if o.By != journal.Itself {
		return policy.Granted
	}
	placed, err := g.placed(ctx, o)
	if err != nil {
		return policy.Granted
	}
	return placed.Why
}

// placed returns the entry that placed an order, which names its ground.
func (g *Grounds) placed(ctx context.Context, o order.Order) (ledger.Entry, error) {
	g.mu.Lock()
	entry, known := g.entries[o.ID]
	g.mu.Unlock()
	if known {
		return entry, nil
	}
	number, err := containment.NumberOf(o.ID)
	if err != nil {
		return ledger.Entry{}, err
	}
	if entry, err = g.entry(ctx, number); err != nil {
		return ledger.Entry{}, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.entries[o.ID] = entry
	return entry, nil
}
