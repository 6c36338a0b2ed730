package shape

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/roster"
)

// What is kept of a service.
const (
	mostShapes = 200
	mostState  = 1 << 20 // bytes, as it is kept
)

// Book keeps the shapes of each service. It is safe to share.
type Book struct {
	mu    sync.Mutex // guards what follows
	of    map[roster.ServiceID]map[string]*noted
	fresh bool // something is not kept yet
}

// noted is a shape, and who brought it first; nobody when another node did, or this one
// before it started.
type noted struct {
	Shape
	by    roster.AccountID
	bytes int // as it is kept
}

// NewBook returns one that is empty.
func NewBook() *Book { return &Book{of: make(map[roster.ServiceID]map[string]*noted)} }

// Saw adds a shape that an account's request had. A full service gives up the oldest
// shape of whoever brought most.
func (b *Book) Saw(service roster.ServiceID, by roster.AccountID, s Shape) {
	s.Times = max(s.Times, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fresh = true
	b.add(service, by, s)
}

// add is Saw. The caller holds mu.
func (b *Book) add(service roster.ServiceID, by roster.AccountID, s Shape) {
	shapes := b.of[service]
	if shapes == nil {
		shapes = make(map[string]*noted)
		b.of[service] = shapes
	}
	key := s.key()
	one := shapes[key]
	if one != nil {
		one.merge(&s)
	} else {
		one = &noted{Shape: s, by: by}
		shapes[key] = one
	}
	state, err := json.Marshal(&one.Shape)
	if one.bytes = len(state) + len(","); err != nil {
		delete(shapes, key)
	}
	for isFull(shapes) {
		b.giveUp(shapes)
	}
}

func isFull(shapes map[string]*noted) bool {
	all := len("[]")
	for _, n := range shapes {
		all += n.bytes
	}
	return len(shapes) > mostShapes || all > mostState
}

func (b *Book) giveUp(shapes map[string]*noted) {
	brought := make(map[roster.AccountID]int)
	for _, n := range shapes {
		brought[n.by] += mostState/mostShapes + n.bytes // many take room, and large ones
	}
	worst := ""
	for key, n := range shapes {
		w := shapes[worst]
		if w == nil || cmp.Or(cmp.Compare(brought[n.by], brought[w.by]), cmp.Compare(w.Last, n.Last), cmp.Compare(key, worst)) > 0 {
			worst = key
		}
	}
	delete(shapes, worst)
}

// Shapes returns what was seen of a service, what was seen most first.
func (b *Book) Shapes(service roster.ServiceID) []Shape {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.list(service)
}

// Seen is what was seen of one service.
type Seen struct {
	Service roster.ServiceID
	Shapes  []Shape
}

// Seen returns what was seen of each service, what was seen most first.
func (b *Book) Seen() (all []Seen) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, service := range slices.Sorted(maps.Keys(b.of)) {
		all = append(all, Seen{service, b.list(service)})
	}
	return all
}

// list is Shapes. The caller holds mu.
func (b *Book) list(service roster.ServiceID) []Shape {
	var all []Shape
	for _, n := range b.of[service] {
		all = append(all, n.Shape)
	}
	slices.SortFunc(all, func(x, y Shape) int {
		return cmp.Or(cmp.Compare(y.Times, x.Times), cmp.Compare(x.key(), y.key()))
	})
	return all
}

// Keeper is where shapes are kept from one start to the next, for every node and for
// commands beside it.
type Keeper interface {
	Keep(context.Context, []journal.Kept) error
	Parts(context.Context) iter.Seq2[journal.Kept, error]
}

// Load adds what is kept. What cannot be read was kept of another ledger, or altered,
// and is left; the error says so.
func (b *Book) Load(ctx context.Context, k Keeper) error {
	var broken error
	b.mu.Lock()
	defer b.mu.Unlock()
	for part, err := range k.Parts(ctx) {
		if err != nil {
			broken = err
			break
		}
		var shapes []Shape
		if err := json.Unmarshal(part.State, &shapes); err != nil {
			broken = err
			continue
		}
		service := roster.ServiceID(part.What)
		for _, s := range shapes {
			if known := b.of[service][s.key()]; known == nil {
				b.add(service, "", s)
			}
		}
	}
	return broken
}

// Keep stores what is in the book, if anything came since it last did.
func (b *Book) Keep(ctx context.Context, k Keeper, next func() ledger.Number) error {
	b.mu.Lock()
	fresh := b.fresh
	b.fresh = false
	b.mu.Unlock()
	if !fresh {
		return nil
	}
	_ = b.Load(ctx, k) // what other nodes saw; where it cannot be read it is written over
	b.mu.Lock()
	var states []journal.Kept
	for service := range b.of {
		if state, err := json.Marshal(b.list(service)); err == nil {
			states = append(states, journal.Kept{What: string(service), Number: next(), State: state})
		}
	}
	b.mu.Unlock()
	if err := k.Keep(ctx, states); err != nil {
		b.mu.Lock()
		b.fresh = true
		b.mu.Unlock()
		return err
	}
	return nil
}

// Run keeps what comes, until ctx ends.
func (b *Book) Run(ctx context.Context, k Keeper, next func() ledger.Number, log *slog.Logger) error {
	if err := b.Load(ctx, k); err != nil {
		log.WarnContext(ctx, "what was seen of undeclared requests cannot be read, and is begun anew", slog.Any("err", err))
	}
	const each = 2 * time.Second
	tick := time.NewTicker(each)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, stop := context.WithTimeout(context.WithoutCancel(ctx), each)
			defer stop()
			return b.Keep(last, k, next)
		case <-tick.C:
			if err := b.Keep(ctx, k, next); err != nil && ctx.Err() == nil {
				log.WarnContext(ctx, "what was seen of undeclared requests is not kept", slog.Any("err", err))
			}
		}
	}
}
