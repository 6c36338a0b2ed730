// Package gate is the one way to a person. Nothing is handed over that is not
// durably written: allowance, record and release are one step, taken under the
// ledger's head.
package gate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"poterne/internal/containment"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/roster"
	"poterne/internal/trace"
)

// Gate decides asks, writes them down, and only then answers. It is safe for
// concurrent use while its journal runs.
type Gate struct {
	journal *journal.Journal
	files   Files
	rules   policy.Rules
	now     func() time.Time

	askers   *askers
	facts    *facts
	underway underway
}

// Passage is an ask that was committed.
type Passage struct {
	Decision policy.Decision
	Receipt  ledger.Number // the first entry written for it
	Written  int           // how many entries were
}

// New returns a gate that writes in a journal, which does not run yet. What it remembers
// of the files takes at most so many bytes; 0 for nothing, where facts change without an
// entry.
func New(j *journal.Journal, files Files, rules policy.Rules, remembered int64, now func() time.Time) *Gate {
	g := &Gate{journal: j, files: files, rules: rules, now: now}
	j.Read(func(s *journal.State) {
		g.askers, g.facts = newAskers(remembered/8, s.Generation()), newFacts(remembered-remembered/8, s.Next())
	})
	j.OnOrders(func(generation uint64, orders order.Set) {
		g.askers.advance(generation)
		g.underway.cut(orders, now())
	}, g.underway.cutAll)
	j.OnFacts(g.facts.change)
	return g
}

// Commit decides an ask under the ledger's head and writes it down. When it returns
// nil the entries are durable and what was decided may be carried out; otherwise
// nothing may be shown.
func (g *Gate) Commit(ctx context.Context, ask policy.Ask) (_ Passage, err error) {
	ctx, span := trace.Begin(ctx, "decision")
	defer func() {
		span.Fail(err)
		span.End()
	}()
	for range attempts {
		known, err := g.gather(ctx, &ask)
		if err != nil {
			return Passage{}, err
		}
		var passage Passage
		fresh := true
		_, turn := trace.Begin(ctx, "turn") // its wait for the head, and the others' asks in it, too
		err = g.journal.Turn(ctx, len(ask.People), func(tx *journal.Tx) (err error) {
			// What changed since it was gathered, on any node, is gathered again: nothing is
			// decided by what does not hold under the head.
			if fresh, err = known.fresh(tx, ask.People); fresh {
				passage, err = g.commit(tx, ask, known)
			}
			return err
		})
		turn.End()
		if err != nil {
			return Passage{}, err
		}
		if fresh {
			return passage, nil
		}
	}
	return Passage{}, unavailable(errors.New("what is known of these people changes faster than it is read"))
}

// Remembered is how many bytes a gate remembers of its files when nothing else is said.
const Remembered = 64 << 20

// attempts is how often what is known may change between gathering it and deciding.
const attempts = 20

// commit decides one ask and enters it. What freezes the account is in force for
// everything decided after it.
func (g *Gate) commit(tx *journal.Tx, ask policy.Ask, known known) (Passage, error) {
	facts := known.policy(tx.Watched(), tx.Orders(), tx.Meter, tx.Now())
	facts.Wider, facts.Answer = tx.Wider(ask.Organisation, ask.Service), uint64(tx.Next())
	facts.Meter.Grow(len(ask.People))
	passage := Passage{Decision: g.rules.Decide(ask, facts, tx.Now()), Receipt: tx.Next()}
	for entry := range ledger.EntriesFor(ask, passage.Decision, tx.Next(), tx.Now()) {
		tx.Append(entry)
	}
	passage.Written = int(tx.Next() - passage.Receipt)
	ground, freezes := passage.Decision.Freezes()
	if !freezes {
		return passage, nil
	}
	_, err := journal.Within(tx, containment.Place{
		Order: order.Order{
			Effect: order.Frozen, Reach: order.Account, Target: string(ask.Account),
			By: journal.Itself, Cause: uint64(passage.Receipt),
		},
		Ground: ground,
	})
	if err != nil { // the passage is entered, and what it must bring about is not
		return passage, &fault.Error{Kind: fault.Broken, Err: fmt.Errorf("freezing the account: %w", err)}
	}
	return passage, nil
}

// Check decides an ask with what this node knows now, charges nothing and writes
// nothing. It is for not asking the application in vain: only Commit lets anything
// out.
func (g *Gate) Check(ctx context.Context, ask policy.Ask) (decision policy.Decision, err error) {
	known, err := g.gather(ctx, &ask)
	if err != nil {
		return policy.Decision{}, err
	}
	g.journal.Read(func(s *journal.State) {
		now := g.now()
		facts := known.policy(s.Watched(), s.Orders(), s.Meter, now)
		facts.Wider, facts.Answer = s.Wider(ask.Organisation, ask.Service), uint64(s.Next())
		decision = g.rules.Decide(ask, facts, now)
	})
	return decision, nil
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
	Received    meter.Cost      // people whom others signed for or allowed within 28 days, used or not
	Given       meter.Cost      // and whom it signed for or allowed for others
	Reasons     int             // people shown for a reason within 28 days
	Ceiling     int             // and how many they may be; zero for any number
	Rows        int             // people without a reason found in searches within 28 days, and not opened
	MostRows    int             // and how many they may be; zero for any number
	Listed      int             // people with a reason, new in rows of lists and searches within a day
	MostListed  int             // and how many they may be; zero for any number
	ListsLeave  bool            // rows leave out whoever else is new
	ListsProved bool            // although it was confirmed that somebody is there
	Strangers   int             // people without a reason shown within 28 days, in whatever way
	MostStrange int             // and how many they may be; zero for any number
	Refunded    meter.Cost      // what came back within 28 days
	Permits     []meter.OpenPermit
	Devices     []meter.Used
	Networks    []meter.Used
	Young       bool // on probation
	Dormant     bool // awakened after a long sleep
	Held        order.Order
	IsHeld      bool
	Reduced     order.Order // leaves the service to be read only
	IsReduced   bool
	Functions   []order.Order // close part of the service
}

// Standing returns where an account stands now, using a service.
func (g *Gate) Standing(asker Asker, service roster.ServiceID) (s Standing) {
	g.journal.Read(func(state *journal.State) {
		now, draft := g.now(), state.Meter(asker.Account)
		ask := policy.Ask{Account: asker.Account, Organisation: asker.Organisation, Role: asker.Role, Service: service}
		facts := policy.Facts{Opened: asker.Opened, Watched: state.Watched(), Orders: state.Orders(), Meter: draft}
		s = StandingOf(draft, g.rules.Watches[asker.Role], g.rules.Observed.Limits(ask), now)
		s.Allowance, s.Young, s.Dormant = g.rules.Allowance(ask, facts, now), g.rules.OnProbation(ask, facts, now), facts.Dormant(now)
		s.Given = state.Given(asker.Account, now)
		s.Signable, s.Ceiling, s.MostRows = policy.GiftsOf(g.rules.Signed, facts.Young(now)).Signed, g.rules.Ceilings[asker.Role], g.rules.RowsOf(asker.Role, facts.Young(now))
		s.MostStrange = g.rules.StrangersOf(asker.Role, facts.Young(now), draft, now)
		s.Listed, s.MostListed = g.rules.Listed(asker.Role, draft, now)
		s.ListsLeave = s.MostListed > 0 && s.Listed >= s.MostListed && !g.rules.Observed.Only(ask, policy.ListsReached)
		s.ListsProved = s.MostListed > g.rules.Lists[asker.Role]
		use := order.Use{Account: asker.Account, Organisation: asker.Organisation, Role: asker.Role, Service: service}
		s.Held, s.IsHeld = state.Orders().Against(use, now)
		s.Reduced, s.IsReduced = state.Orders().Reduces(use, now)
		s.Functions = state.Orders().Functions(service, now)
	})
	return s
}

// StandingOf is what a meter alone tells of where an account stands.
func StandingOf(m *meter.Draft, watch policy.Watch, observed meter.Limits, now time.Time) Standing {
	left, until := m.Raise(now)
	strangers, found := m.Strangers(observed, now)
	return Standing{
		Observed: observed, Hour: m.Spent(meter.Hour, observed, now), Month: m.Spent(meter.Memory, observed, now),
		Drift: m.Drift(watch.Forgiven, observed, now), Line: watch.Line, Days: m.Days(watch.Forgiven, observed, now), Forgiven: watch.Forgiven,
		Watched: watch.Evidence, Evidence: m.EvidenceNow(observed, now), Noticed: m.Noticed(observed, now),
		Raise: left, Raised: until, Undone: m.Undone(now), Signed: m.Signed(now), Received: m.Raised(now) + meter.People(m.Signed(now)), Reasons: m.Reasons(observed, now), Rows: found, Strangers: strangers, Refunded: m.Refunded(meter.Memory, now),
		Devices: m.Devices().Used(now), Networks: m.Networks().Used(now), Permits: meter.Permits(m, now),
	}
}

// Orders returns the orders placed and not lifted, as this node knows them.
func (g *Gate) Orders() (orders order.Set) {
	g.journal.Read(func(s *journal.State) { orders = append(orders, s.Orders()...) })
	return orders
}

func unavailable(err error) error {
	return &fault.Error{Kind: fault.Unavailable, Public: "nothing could be written down, so nothing is shown", Err: err}
}
