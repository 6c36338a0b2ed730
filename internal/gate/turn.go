package gate

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"time"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// largestTurn bounds the people decided in one turn, so that no turn holds the
// head for long.
const largestTurn = 4096

// poll is how often a node looks for orders and entries of other nodes when it
// has nothing to settle itself.
const poll = time.Second

// deaf is how long a node may not have been told of orders: then it cuts all that
// is under way, since an order against it could not be heard.
const deaf = 5 * time.Second

// job is something to be done under the ledger's head.
type job struct {
	ctx  context.Context
	size int
	do   func(*turn) error
	done chan error // buffered: whoever waits may have left
}

// do has fn done under the head, together with whatever else waits, and returns
// once it is durable.
func (g *Gate) do(ctx context.Context, size int, fn func(*turn) error) error {
	j := &job{ctx: ctx, size: max(size, 1), do: fn, done: make(chan error, 1)}
	select {
	case g.jobs <- j:
	case <-g.stopped:
		return errStopped
	case <-ctx.Done():
		return unavailable(ctx.Err())
	}
	select {
	case err := <-j.done:
		return err
	case <-g.stopped:
		select {
		case err := <-j.done:
			return err
		default:
			return errStopped
		}
	}
}

// Run settles until ctx ends. It returns an error when the ledger's state is not
// known any more: the program must then stop.
func (g *Gate) Run(ctx context.Context) error {
	defer close(g.stopped)
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	listening := time.AfterFunc(deaf, g.underway.cutAll)
	defer listening.Stop()
	for {
		var batch []*job
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case first := <-g.jobs:
			batch = g.waiting(first)
		}
		// A turn that has begun is ended even while the program stops.
		switch err := g.take(context.WithoutCancel(ctx), batch); {
		case err == nil:
			listening.Reset(deaf)
		case errors.Is(err, ErrOutcomeUnknown):
			return err
		}
	}
}

// waiting collects what waits at this moment, up to a bounded turn. Whoever is about
// to ask at this very moment does so first.
func (g *Gate) waiting(first *job) []*job {
	runtime.Gosched()
	batch, size := []*job{first}, first.size
	for size < largestTurn {
		select {
		case next := <-g.jobs:
			batch, size = append(batch, next), size+next.size
		default:
			return batch
		}
	}
	return batch
}

func sizeOf(batch []*job) (size int) {
	for _, j := range batch {
		size += j.size
	}
	return size
}

// take does a batch of jobs in one turn and tells each how it ended.
func (g *Gate) take(ctx context.Context, batch []*job) error {
	var t *turn
	var outcomes []error
	err := g.book.Turn(ctx, func(head Head) error {
		if err := g.catchUp(head); err != nil {
			return err
		}
		t = newTurn(g, head)
		t.entries = make([]ledger.Entry, 0, sizeOf(batch))
		outcomes = make([]error, len(batch))
		for i, j := range batch {
			if outcomes[i] = j.ctx.Err(); outcomes[i] != nil {
				continue // nobody waits for it any more
			}
			outcomes[i] = j.do(t)
			if outcomes[i] != nil && fault.Of(outcomes[i]) == fault.Broken {
				return outcomes[i] // the turn itself is spoilt, not only this job
			}
		}
		return t.write()
	})
	g.unsure = err != nil
	if err != nil {
		for _, j := range batch {
			j.done <- unavailable(err)
		}
		return err
	}
	t.keep()
	for i, j := range batch {
		j.done <- outcomes[i]
	}
	return nil
}

// turn is what is decided while the head is held. Nothing of it touches the gate
// until it is durable.
type turn struct {
	gate    *Gate
	head    Head
	first   ledger.Number // of this turn
	now     time.Time
	orders  order.Book
	drafts  map[roster.AccountID]*meter.Draft
	meters  map[roster.AccountID]*meter.Meter // of accounts that had none
	wider   wider
	entries []ledger.Entry
	ordered bool
}

func newTurn(g *Gate, head Head) *turn {
	now := ledger.Cut(g.now())
	if now.Before(head.Last()) { // another node's clock is ahead
		now = head.Last()
	}
	return &turn{
		gate: g, head: head, first: head.Next(), now: now, orders: g.orders,
		drafts: make(map[roster.AccountID]*meter.Draft), meters: make(map[roster.AccountID]*meter.Meter), wider: g.wider.draft(),
	}
}

func (t *turn) draft(account roster.AccountID) *meter.Draft {
	if draft, ok := t.drafts[account]; ok {
		return draft
	}
	m, ok := t.gate.meters[account]
	if !ok {
		m = meter.New()
		t.meters[account] = m
	}
	draft := m.Draft()
	t.drafts[account] = draft
	return draft
}

func (t *turn) next() ledger.Number { return t.first + ledger.Number(len(t.entries)) }

// settle decides one ask and enters it. What freezes the account is in force for
// everything decided after it.
func (t *turn) settle(ask policy.Ask, known known) (Passage, error) {
	facts := t.gate.forDecision(known)
	facts.Orders, facts.Meter, facts.Wider = t.orders, t.draft(ask.Account), t.wider.of(ask.Organisation, ask.Service)
	facts.Answer = uint64(t.next())
	passage := Passage{Decision: t.gate.rules.Decide(ask, facts, t.now), Receipt: t.next()}
	for _, entry := range ledger.Of(ask, passage.Decision, t.next(), t.now) {
		t.append(entry)
	}
	passage.Written = int(t.next() - passage.Receipt)
	if ruling, freezes := passage.Decision.Freezes(); freezes {
		_, err := t.place(order.Order{
			Effect: order.Frozen, Reach: order.Account, Target: string(ask.Account),
			By: Itself, Because: ruling.Sentence(policy.French),
		})
		return passage, err
	}
	return passage, nil
}

// Itself is who places the orders that nobody placed.
const Itself = "poterne"

// append enters what was decided or done, and moves the drafts on.
func (t *turn) append(entry ledger.Entry) {
	t.entries = append(t.entries, entry)
	t.wider.count(entry)
	if event := entry.Event(); event.Kind != meter.Nothing && entry.Whose() != "" {
		t.draft(entry.Whose()).Record(event)
	}
}

// open begins a ledger that is empty.
func (t *turn) open() error {
	if t.next() == 0 {
		t.record(ledger.Entry{Kind: ledger.Opened})
	}
	return nil
}

// record enters an act that is about no decision.
func (t *turn) record(entry ledger.Entry) {
	entry.Number, entry.Receipt, entry.Time = t.next(), t.next(), t.now
	t.append(entry)
}

// place puts an order in force for everything decided after it, in this turn too.
// An order is named by the number of its entry.
func (t *turn) place(o order.Order) (order.Order, error) {
	o.ID, o.Placed = order.ID(strconv.FormatUint(uint64(t.next()), 10)), t.now
	if err := o.Check(); err != nil {
		return o, &fault.Error{Kind: fault.Invalid, Public: err.Error()}
	}
	if err := t.head.Place(o); err != nil {
		return o, fmt.Errorf("placing an order: %w", err)
	}
	t.orders = append(t.orders[:len(t.orders):len(t.orders)], o)
	t.ordered = true
	t.record(ledger.Entry{Kind: ledger.Placed, Account: roster.AccountID(o.By), Detail: o.String()})
	return o, nil
}

// lift takes an order out of force for everything decided after it. Its entry says
// why it was lifted.
func (t *turn) lift(id order.ID, by, because string) error {
	if err := typed.Check("the lifting of an order", because); because != "" && err != nil {
		return err
	}
	o, err := t.head.Lift(id, by, t.now)
	if err != nil {
		return fmt.Errorf("lifting an order: %w", err)
	}
	t.orders = slices.DeleteFunc(slices.Clone(t.orders), func(other order.Order) bool { return other.ID == id })
	t.ordered = true
	o.Because = because
	entry := ledger.Entry{Kind: ledger.Lifted, Account: roster.AccountID(by), Detail: o.String()}
	if o.Reach == order.Account && o.Effect == order.Frozen {
		entry.Subject = roster.AccountID(o.Target)
	}
	t.record(entry)
	return nil
}

func (t *turn) write() error {
	if len(t.entries) == 0 {
		return nil
	}
	if err := t.head.Write(t.entries, t.now); err != nil {
		return fmt.Errorf("writing %d entries: %w", len(t.entries), err)
	}
	return nil
}

// keep makes the gate know what the ledger now holds.
func (t *turn) keep() {
	if len(t.entries) == 0 {
		return
	}
	g := t.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	for account, draft := range t.drafts {
		if draft.Len() == 0 {
			continue
		}
		draft.Keep()
		if m, ok := t.meters[account]; ok {
			g.meters[account] = m
		}
	}
	g.wider.keep(t.wider)
	for _, entry := range t.entries {
		g.know(entry)
	}
	if t.ordered {
		g.obey(t.orders, t.head.Generation())
	}
	g.tell()
}
