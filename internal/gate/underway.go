package gate

import (
	"context"
	"errors"
	"sync"
	"time"

	"poterne/internal/order"
)

// ErrCut is why the context of a passage under way ended: an order stops it, or one
// that would could not be heard.
var ErrCut = errors.New("an order stopped this passage, or could not be heard")

// underway is the passages whose answers are on their way.
type underway struct {
	mu       sync.Mutex
	passages map[*passing]struct{}
}

type passing struct {
	use order.Use
	cut context.CancelCauseFunc
}

// Enter registers a passage under way. The context it returns ends, because of
// ErrCut, as soon as an order stops its use; leave must be called when the answer has
// gone out. Asks made under it are asks of one account.
func (g *Gate) Enter(ctx context.Context, use order.Use) (under context.Context, leave func()) {
	use = g.known(ctx, use)
	under, cut := context.WithCancelCause(ctx)
	p := &passing{use, cut}
	g.underway.mu.Lock()
	defer g.underway.mu.Unlock()
	if g.underway.passages == nil {
		g.underway.passages = make(map[*passing]struct{})
	}
	g.underway.passages[p] = struct{}{}
	return under, func() {
		g.underway.mu.Lock()
		delete(g.underway.passages, p)
		g.underway.mu.Unlock()
		cut(nil)
	}
}

// known says of which organisation and role the account is, where it is known: otherwise no decision lets
// anything out. A session may be from before it moved.
func (g *Gate) known(ctx context.Context, use order.Use) order.Use {
	if asker, _, err := g.askers.of(ctx, g.files, use.Account); err == nil && asker.Role != "" {
		use.Organisation, use.Role = asker.Organisation, asker.Role
	}
	return use
}

// Cut ends the passages under way that these orders stop. They may be read outside a turn, while
// other nodes have the head: what was let out before an order was registered before it, and what
// asks after it is decided under the head.
func (g *Gate) Cut(orders order.Set) { g.underway.cut(orders, g.now()) }

// Against returns the heaviest order in force against a use, as this node knows it.
func (g *Gate) Against(ctx context.Context, use order.Use) (order.Order, bool) {
	return g.Orders().Against(g.known(ctx, use), g.now())
}

// cut ends the passages that the orders stop.
func (u *underway) cut(orders order.Set, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for p := range u.passages {
		if held, ok := orders.Against(p.use, now); ok && held.Effect != order.Frozen {
			p.cut(ErrCut)
		}
	}
}

// cutAll ends every passage.
func (u *underway) cutAll() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for p := range u.passages {
		p.cut(ErrCut)
	}
}
