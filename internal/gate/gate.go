package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/roster"
)

// Gate settles asks: it decides them, writes them down, and only then answers.
// It is safe for concurrent use while Run runs.
type Gate struct {
	book  Book
	files Files
	rules policy.Rules
	now   func() time.Time

	jobs    chan *job
	stopped chan struct{} // closed when Run has ended

	mu         sync.RWMutex // guards what follows; but for askers, written by Run only
	meters     map[roster.AccountID]*meter.Meter
	wider      wider
	watched    time.Time                            // since when the ledger tells what accounts do
	written    map[roster.AccountID][]ledger.Number // by account, its newest entries
	upTo       ledger.Number                        // the meters hold every entry before it
	recent     []ledger.Entry                       // the newest entries, so that who follows need not read them back
	orders     order.Book
	generation uint64
	askers     map[roster.AccountID]Asker // of this generation
	news       chan struct{}              // closed when upTo moves

	unsure bool // a turn failed since the last that did not: another server may answer by now; Run's own

	underway underway
}

// Passage is a settled ask.
type Passage struct {
	Decision policy.Decision
	Receipt  ledger.Number // the first entry written for it
	Written  int           // how many entries were
}

// Open reads the ledger as far back as meters reach, so that every meter stands
// where it stood, and returns a gate that answers once Run runs.
func Open(ctx context.Context, book Book, files Files, rules policy.Rules, now func() time.Time) (*Gate, error) {
	g := &Gate{
		book: book, files: files, rules: rules, now: now,
		jobs: make(chan *job, 1024), stopped: make(chan struct{}),
		meters: make(map[roster.AccountID]*meter.Meter), wider: newWider(), written: make(map[roster.AccountID][]ledger.Number), askers: make(map[roster.AccountID]Asker),
		news: make(chan struct{}),
	}
	from, err := book.FirstAt(ctx, now().Add(-meter.Reach))
	if err != nil {
		return nil, fmt.Errorf("finding the entries of the last weeks: %w", err)
	}
	g.upTo, g.watched = from, now().Add(-meter.Reach)
	for entry, err := range book.Entries(ctx, from) {
		if err != nil {
			return nil, fmt.Errorf("reading the entries of the last weeks: %w", err)
		}
		if entry.Number == 0 {
			g.watched = entry.Time
		}
		g.count(entry)
	}
	if from == 0 && g.upTo == 0 {
		g.watched = now()
	}
	if err := g.take(ctx, []*job{{ctx: ctx, do: (*turn).open, done: make(chan error, 1)}}); err != nil {
		return nil, fmt.Errorf("taking the ledger's head: %w", err)
	}
	return g, nil
}

// Settle decides an ask under the ledger's head and writes it down. When it
// returns nil the entries are durable and what was decided may be carried out;
// otherwise nothing may be shown.
func (g *Gate) Settle(ctx context.Context, ask policy.Ask) (Passage, error) {
	known, err := g.gather(ctx, &ask)
	if err != nil {
		return Passage{}, err
	}
	var passage Passage
	err = g.do(ctx, len(ask.People), func(t *turn) (err error) {
		passage, err = t.settle(ask, known)
		return err
	})
	if err != nil {
		return Passage{}, err
	}
	return passage, nil
}

// Foresee decides an ask with what this node knows now, charges nothing and
// writes nothing. It is for not asking the application in vain: only Settle lets
// anything out.
func (g *Gate) Foresee(ctx context.Context, ask policy.Ask) (policy.Decision, error) {
	known, err := g.gather(ctx, &ask)
	if err != nil {
		return policy.Decision{}, err
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	facts := g.forDecision(known)
	facts.Orders, facts.Meter, facts.Wider = g.orders, g.meterOf(ask.Account).Draft(), g.wider.of(ask.Organisation, ask.Service)
	facts.Answer = uint64(g.upTo)
	return g.rules.Decide(ask, facts, g.now()), nil
}

// Standing is where an account stands: what it has spent of its allowances, how it
// is watched, and the order in force against it, if any.
type Standing struct {
	Observed    meter.Limits // those that are only observed
	Hour, Month meter.Cost
	Allowance   meter.Allowance
	Drift, Line meter.Cost  // the CUSUM, and where it freezes; zero for never
	Days        []meter.Day // how it came there
	Forgiven    meter.Cost  // of it each working day
	Watched     bool        // for enumeration
	Evidence    meter.Evidence
	Noticed     []meter.Noticed // what the evidence rests on
	Raise       meter.Cost      // what is left of what another person allowed
	Raised      time.Time       // until then
	Undone      int             // freezes undone within a week
	Signed      int             // people whom others signed for within 28 days
	Signable    int             // and how many they may
	Devices     []meter.Used
	Networks    []meter.Used
	Young       bool // on probation
	Dormant     bool // awakened after a long sleep
	Held        order.Order
	IsHeld      bool
}

// Standing returns where an account stands now, using a service.
func (g *Gate) Standing(asker Asker, service roster.ServiceID) Standing {
	g.mu.RLock()
	defer g.mu.RUnlock()
	now, draft := g.now(), g.meterOf(asker.Account).Draft()
	ask := policy.Ask{Account: asker.Account, Organisation: asker.Organisation, Role: asker.Role, Service: service}
	facts := policy.Facts{Opened: asker.Opened, Watched: g.watched, Orders: g.orders, Meter: draft}
	s := StandingOf(draft, g.rules.Watches[asker.Role], g.rules.Observed.Limits(ask), now)
	s.Allowance, s.Young, s.Dormant = g.rules.Allowance(ask, facts, now), g.rules.OnProbation(ask, facts, now), facts.Dormant(now)
	s.Signable = g.rules.Signed
	s.Held, s.IsHeld = g.orders.Against(asker.Account, asker.Organisation, service, now)
	return s
}

// StandingOf is what a meter alone tells of where an account stands.
func StandingOf(m *meter.Draft, watch policy.Watch, observed meter.Limits, now time.Time) Standing {
	return Standing{
		Observed: observed, Hour: m.Spent(meter.Hour, observed, now), Month: m.Spent(meter.Memory, observed, now),
		Drift: m.Drift(watch.Forgiven, observed, now), Line: watch.Line, Days: m.Days(watch.Forgiven, observed, now), Forgiven: watch.Forgiven,
		Watched: watch.Evidence, Evidence: m.EvidenceNow(observed, now), Noticed: m.Noticed(observed, now),
		Raise: m.Raise(now), Raised: m.RaisedUntil(), Undone: m.Undone(now), Signed: m.Signed(now),
		Devices: m.Devices(now), Networks: m.Networks(now),
	}
}

// Orders returns the orders placed and not lifted, as this node knows them.
func (g *Gate) Orders() order.Book {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return append(order.Book(nil), g.orders...)
}

// Place puts an order in force and cuts the passages under way that it stops.
func (g *Gate) Place(ctx context.Context, o order.Order) (placed order.Order, err error) {
	err = g.do(ctx, 1, func(t *turn) (err error) {
		placed, err = t.place(o)
		return err
	})
	return placed, err
}

// PlaceOnce puts an order in force, unless the same hand has placed the same for at
// least as long, on whichever node. It reports whether it did.
func (g *Gate) PlaceOnce(ctx context.Context, o order.Order) (placed bool, err error) {
	err = g.do(ctx, 1, func(t *turn) (err error) {
		if slices.ContainsFunc(t.orders, func(other order.Order) bool { return other.Outlasts(o) }) {
			return nil
		}
		_, err = t.place(o)
		placed = err == nil
		return err
	})
	return placed && err == nil, err
}

// Lift takes an order out of force; fault.Absent when it is not.
func (g *Gate) Lift(ctx context.Context, id order.ID, by, because string) error {
	return g.do(ctx, 1, func(t *turn) error { return t.lift(id, by, because) })
}

// Record writes down an act that is not about showing people: a reading of the
// ledger, an import, a session that ended.
func (g *Gate) Record(ctx context.Context, entry ledger.Entry) error {
	return g.do(ctx, 1, func(t *turn) error {
		t.record(entry)
		return nil
	})
}

// Look takes in what other nodes have written and ordered, at once. Without it a
// node that has nothing to settle looks every second.
func (g *Gate) Look(ctx context.Context) error {
	return g.do(ctx, 1, func(*turn) error { return nil })
}

// meterOf returns the account's meter, an unused one for somebody who was shown
// nobody yet. The caller holds mu.
func (g *Gate) meterOf(account roster.AccountID) *meter.Meter {
	if m, ok := g.meters[account]; ok {
		return m
	}
	return meter.New()
}

// count moves the meters on by one entry of the ledger.
func (g *Gate) count(entry ledger.Entry) {
	g.know(entry)
	g.wider.count(entry)
	event := entry.Event()
	if event.Kind == meter.Nothing || entry.Whose() == "" {
		return
	}
	m, ok := g.meters[entry.Whose()]
	if !ok {
		m = meter.New()
		g.meters[entry.Whose()] = m
	}
	m.Record(event)
}

// How many of the newest entries are kept at hand: for whoever follows the ledger,
// and for whoever looks at one account.
const (
	remembered        = 1 << 13
	rememberedAccount = 1 << 10
)

// know notes an entry that the ledger holds.
func (g *Gate) know(entry ledger.Entry) {
	g.upTo = entry.Number + 1
	g.written[entry.Account] = push(g.written[entry.Account], entry.Number, rememberedAccount)
	g.recent = push(g.recent, entry, remembered)
}

// push appends to a list of which at least the newest least members are kept.
func push[T any](list []T, one T, least int) []T {
	if len(list) == 2*least {
		list = append(list[:0], list[least:]...)
	}
	return append(list, one)
}

// catchUp takes in what other nodes have written since this one last looked.
func (g *Gate) catchUp(head Head) error {
	if head.Next() < g.upTo {
		return fmt.Errorf("%w: the ledger ends at entry %d, this node has seen %d", ErrOutcomeUnknown, head.Next(), g.upTo)
	}
	if g.unsure {
		if err := g.recognise(head); err != nil {
			return err
		}
	}
	if head.Next() == g.upTo && head.Generation() == g.generation {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if head.Next() > g.upTo {
		for entry, err := range head.Entries(g.upTo) {
			if err != nil {
				return fmt.Errorf("reading entries from %d: %w", g.upTo, err)
			}
			g.count(entry)
		}
		g.tell()
	}
	if head.Generation() != g.generation {
		orders, err := head.Orders()
		if err != nil {
			return fmt.Errorf("reading the orders in force: %w", err)
		}
		g.obey(orders, head.Generation())
	}
	return nil
}

// recognise wants the newest entry that this node has seen to be in the ledger
// still. A server that crashed or was replaced may have lost what it had shown
// before a standby had it, and others may have written in its place: the meters
// would be another ledger's.
func (g *Gate) recognise(head Head) error {
	if len(g.recent) == 0 {
		return nil
	}
	seen := g.recent[len(g.recent)-1]
	for entry, err := range head.Entries(seen.Number) {
		if err != nil {
			return fmt.Errorf("reading entry %d again: %w", seen.Number, err)
		}
		if entry.Time.Equal(seen.Time) && entry.Account == seen.Account && entry.Session == seen.Session && entry.Person == seen.Person {
			return nil
		}
		break
	}
	return fmt.Errorf("%w: entry %d is not the one that this node has seen", ErrOutcomeUnknown, seen.Number)
}

// obey takes over the orders of a new generation, and cuts what they stop. The
// caller holds mu.
func (g *Gate) obey(orders order.Book, generation uint64) {
	g.orders, g.generation = orders, generation
	clear(g.askers)
	g.underway.cut(orders, g.now())
}

// tell wakes whoever follows the ledger. The caller holds mu.
func (g *Gate) tell() {
	close(g.news)
	g.news = make(chan struct{})
}

func unavailable(err error) error {
	return &fault.Error{Kind: fault.Unavailable, Public: "nothing could be written down, so nothing is shown", Err: err}
}

// errStopped is what asks meet once the gate has stopped.
var errStopped = unavailable(errors.New("the gate has stopped"))
