// Package sim replays honest days and attacks through the decision that guards
// the register, in virtual time. It holds no rule of its own: every opening goes
// through policy.Rules.Decide with a real meter, or through gate.Settle over a
// real ledger, and both give the same answers. The same seed gives the same table.
package sim

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"poterne/internal/approval"
	"poterne/internal/campaign"
	"poterne/internal/containment"
	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/grants"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// deed is one thing that somebody does at a moment.
type deed struct {
	at      time.Time
	by      roster.AccountID // who gives what others give
	kind    deedKind
	people  []register.PersonID
	signs   meter.Signs
	device  string
	network string
	allowed int       // people, of a raise
	until   time.Time // of a raise
}

type deedKind uint8

const (
	looks   deedKind = iota // at something without people in it
	opens                   // one person's page
	lists                   // an answer with many people
	finds                   // people in the rows of a search
	misses                  // a reference that leads to nobody
	writes                  // something about a person
	stepUps                 // proves to be there
	cosigns                 // has another person sign for an opening
	raises                  // has another person allow more
	undoes                  // has another person undo a freeze
	refunds                 // has what somebody cost given back, since a reason was told afterwards
)

// walk is somebody doing one thing after the other.
type walk interface {
	// next is the next deed; false when the walk is over.
	next() (deed, bool)
	// heard tells how it went, and moves the walk on. What only proves or allows
	// something is refused as a whole, or decided by nobody.
	heard(policy.Decision)
}

// seer is a walk of a thief who reads the rules: it asks only for what it would be
// shown, and passes over the rest.
type seer interface {
	foresees() bool
	passes(policy.Decision)
}

// scene is one account and all who use it: its owner, a thief, or both.
type scene struct {
	agent *agent
	walks []walk
}

// decider decides asks and takes in what is proved or allowed. Moments never go
// back.
type decider interface {
	Decide(ctx context.Context, at time.Time, ask policy.Ask) (policy.Decision, error)
	Foresee(ctx context.Context, at time.Time, ask policy.Ask) (policy.Decision, error)
	// Act enters what moves an account's meter without a decision. It enters nothing, and
	// returns why, when it gives an account more than it can be given, or than its giver can.
	Act(ctx context.Context, at time.Time, entry ledger.Entry) (refused, err error)
	Undo(ctx context.Context, at time.Time, account roster.AccountID) error
}

// play has every walk of the scenes take place, in the order of time.
func play(ctx context.Context, through decider, scenes ...scene) error {
	for _, s := range scenes {
		if err := s.agent.lived(ctx, through); err != nil {
			return err
		}
	}
	var turns turns
	for _, s := range scenes {
		for _, w := range s.walks {
			if d, ok := w.next(); ok {
				turns = append(turns, turn{d, w, s.agent, len(turns)})
			}
		}
	}
	heap.Init(&turns)
	for len(turns) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		first := &turns[0]
		if err := first.who.does(ctx, through, first.walk, first.deed); err != nil {
			return err
		}
		var goesOn bool
		if first.deed, goesOn = first.walk.next(); goesOn {
			heap.Fix(&turns, 0)
		} else {
			heap.Pop(&turns)
		}
	}
	return nil
}

// turn is the next deed of a walk. Of two at one moment, the walk that was there first goes
// first.
type turn struct {
	deed  deed
	walk  walk
	who   *agent
	place int
}

// turns is a heap of the next deed of each walk.
type turns []turn

func (t turns) Len() int      { return len(t) }
func (t turns) Swap(i, j int) { t[i], t[j] = t[j], t[i] }
func (t turns) Less(i, j int) bool {
	if !t[i].deed.at.Equal(t[j].deed.at) {
		return t[i].deed.at.Before(t[j].deed.at)
	}
	return t[i].place < t[j].place
}

// Push implements heap.Interface.
func (t *turns) Push(x any) { *t = append(*t, x.(turn)) }

// Pop implements heap.Interface.
func (t *turns) Pop() any {
	last := len(*t) - 1
	x := (*t)[last]
	(*t)[last] = turn{}
	*t = (*t)[:last]
	return x
}

// lived has the agent's last two weeks on their own device, so that both are known.
func (a *agent) lived(ctx context.Context, through decider) error {
	if a.fresh {
		return nil
	}
	for d := -Before; d < 0; d++ {
		at := Beginning.AddDate(0, 0, d).Add(9 * time.Hour)
		if _, err := through.Decide(ctx, at, a.ask(deed{at: at, kind: looks})); err != nil {
			return err
		}
	}
	return nil
}

// Before is how many days of work there were before the replay begins.
const Before = 14

func (a *agent) does(ctx context.Context, through decider, w walk, d deed) error {
	account := a.asker.Account
	device, network := a.place(d)
	switch d.kind {
	case stepUps:
		return acts(ctx, through, w, d.at, ledger.Entry{Kind: ledger.SteppedUp, Account: account, Device: device, Network: network})
	case cosigns:
		return acts(ctx, through, w, d.at, ledger.Entry{Kind: ledger.Cosigned, Account: d.by, Subject: account, Service: useOf(a.asker.Role).service, Person: d.people[0]})
	case raises:
		return acts(ctx, through, w, d.at, ledger.Entry{Kind: ledger.Raised, Account: d.by, Subject: account, Cost: meter.People(d.allowed), Until: d.until})
	case refunds:
		opened, paid := w.(*afterwards).day.paid[d.people[0]]
		if !paid {
			w.heard(policy.Decision{})
			return nil
		}
		return acts(ctx, through, w, d.at, ledger.Entry{
			Kind: ledger.Refunded, Account: journal.Itself, Organisation: a.asker.Organisation, Subject: account, Service: useOf(a.asker.Role).service,
			Person: d.people[0], Since: opened,
		})
	case undoes:
		w.heard(policy.Decision{})
		return through.Undo(ctx, d.at, account)
	}
	ask := a.ask(d)
	if s, ok := w.(seer); ok && s.foresees() {
		decision, err := through.Foresee(ctx, d.at, ask)
		if err != nil {
			return err
		}
		if !ruledOn(decision).Verdict.Shows() {
			s.passes(decision)
			return nil
		}
	}
	decision, err := through.Decide(ctx, d.at, ask)
	if err != nil {
		return err
	}
	w.heard(decision)
	return nil
}

// acts enters an act, and tells the walk whether it was.
func acts(ctx context.Context, through decider, w walk, at time.Time, entry ledger.Entry) error {
	refused, err := through.Act(ctx, at, entry)
	if err != nil {
		return err
	}
	var decision policy.Decision
	switch {
	case errors.Is(refused, grants.GaveMost): // to colleagues
		decision.Whole = policy.Ruling{Verdict: policy.Refused, Why: policy.OrganisationEmpty}
	case refused != nil:
		decision.Whole = policy.Ruling{Verdict: policy.Refused, Why: policy.SignedEmpty}
	}
	w.heard(decision)
	return nil
}

// bounded returns the entry of an act. It fails when the entry gives more than the account can
// be given, or than the giver, who gave so much, can give.
func bounded(rules policy.Rules, gave meter.Tally, draft *meter.Draft, asker gate.Asker, entry ledger.Entry, now time.Time) (ledger.Entry, error) {
	if entry.Kind == ledger.Refunded {
		entry.Cost = draft.Refundable(entry.Person, entry.Since, now)
		account := roster.Account{ID: asker.Account, Role: asker.Role, Opened: asker.Opened}
		if entry.Cost == 0 || !rules.Refunds(account, draft, entry.Person, entry.Cost, now) {
			return entry, fault.Errorf(fault.Refused, "nothing comes back")
		}
	}
	if entry.Given() == 0 {
		return entry, nil
	}
	may := policy.GiftsOf(rules.Signed, policy.Facts{Opened: asker.Opened}.Young(now))
	if entry.Kind == ledger.Cosigned && draft.Signed(now) >= may.Signed {
		return entry, grants.SignedForMost
	}
	return entry, grants.Bounded(gave, rules.Gives, draft, int(entry.Given()/meter.Whole), may.Given, now)
}

// place is on which device and network a deed is done: the agent's own, unless it
// says.
func (a *agent) place(d deed) (device, network string) {
	device, network = a.device, "agency"
	if d.device != "" {
		device = d.device
	}
	if d.network != "" {
		network = d.network
	}
	return device, network
}

// ask is the request that a deed comes to.
func (a *agent) ask(d deed) policy.Ask {
	use := useOf(a.asker.Role)
	ask := policy.Ask{
		Act: policy.Show, Account: a.asker.Account, Service: use.service, Purpose: use.purpose, Route: "GET /files/{person}",
		About: d.kind == opens || d.kind == writes, Signs: d.signs,
	}
	ask.Device, ask.Network = a.place(d)
	fields := use.fields
	switch d.kind {
	case looks:
		return ask
	case writes:
		ask.Act, ask.Route = policy.Change, "POST /files/{person}"
		fields &^= register.Contact // which only people themselves change
	case finds:
		ask.Signs |= meter.SearchRow
		ask.Route, fields = "GET /search", register.Name|register.Residence&use.fields
	case lists:
		ask.Signs |= meter.Listed
		ask.Route = "GET /files"
	case misses:
		ask.People = []policy.Opening{{}}
		return ask
	}
	ask.People = make([]policy.Opening, len(d.people))
	for i, person := range d.people {
		ask.People[i] = policy.Opening{Person: person, Fields: fields, Canary: len(a.facts[person]) == 0 && a.people.isCanary(person, d.at)}
	}
	return ask
}

// ruledOn is what came of the person a deed was about, or of the whole.
func ruledOn(d policy.Decision) policy.Ruling {
	if len(d.People) > 0 {
		return d.People[0]
	}
	return d.Whole
}

// newCore is the decision alone, for the agents of some scenes.
func newCore(rules policy.Rules, scenes ...scene) *Core {
	staff := staffOf(scenes)
	core := NewCore(rules, staff, Beginning.AddDate(0, 0, -Before))
	core.campaign = campaign.NewAggregates(campaign.Rules{Watches: rules.Watches, Account: staff.account, Narrowed: campaign.NarrowedFor})
	return core
}

// settled is the gate itself, over a ledger, at a time that the replay sets.
type settled struct {
	gate    *gate.Gate
	journal *journal.Journal
	rules   policy.Rules
	staff   staff
	us      *atomic.Int64
}

// throughGate opens a gate over the book and runs it until stop.
func throughGate(ctx context.Context, book journal.DB, rules policy.Rules, scenes ...scene) (through settled, stop func() error, err error) {
	through.us = new(atomic.Int64)
	through.us.Store(Beginning.AddDate(0, 0, -Before).UnixMicro())
	now := func() time.Time { return time.UnixMicro(through.us.Load()).UTC() }
	if through.journal, err = journal.Open(ctx, book, nil, now); err != nil {
		return settled{}, nil, err
	}
	through.rules, through.staff = rules, staffOf(scenes)
	through.gate = gate.New(through.journal, through.staff, rules, 0, now)
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- through.journal.Run(ctx) }()
	return through, func() error { cancel(); return <-ended }, nil
}

func (s settled) Decide(ctx context.Context, at time.Time, ask policy.Ask) (policy.Decision, error) {
	s.us.Store(at.UnixMicro())
	passage, err := s.gate.Commit(ctx, ask)
	return passage.Decision, err
}

func (s settled) Foresee(ctx context.Context, at time.Time, ask policy.Ask) (policy.Decision, error) {
	s.us.Store(at.UnixMicro())
	return s.gate.Check(ctx, ask)
}

func (s settled) Act(ctx context.Context, at time.Time, entry ledger.Entry) (refused, err error) {
	s.us.Store(at.UnixMicro())
	if _, err = journal.Do(ctx, s.journal, gift{s, entry}); fault.Is(err, fault.Refused) {
		return err, nil
	}
	return nil, err
}

// gift is an entry that is held to what an account can be given.
type gift struct {
	settled
	entry ledger.Entry
}

// Decide implements journal.Act.
func (g gift) Decide(tx *journal.Tx, _ approval.Rows) (ledger.Entry, error) {
	of := g.entry.Whose()
	return bounded(g.rules, tx.Given(g.entry.Account), tx.Meter(of), g.staff[of].asker, g.entry, tx.Now())
}

// Apply implements journal.Act: it is its entry.
func (gift) Apply(approval.Rows, ledger.Entry) error { return nil }

func (s settled) Undo(ctx context.Context, at time.Time, account roster.AccountID) error {
	s.us.Store(at.UnixMicro())
	for _, o := range s.gate.Orders() {
		if o.Target == string(account) {
			_, err := journal.Do(ctx, s.journal, thaw(o))
			return err
		}
	}
	return errors.New("no freeze to undo")
}

// thaw lifts a freeze as an honest account's manager does, who is not in the roster here.
type thaw order.Order

// Decide implements journal.Act.
func (t thaw) Decide(*journal.Tx, containment.Rows) (ledger.Entry, error) {
	number, err := containment.NumberOf(t.ID)
	return ledger.Entry{
		Kind: ledger.Lifted, Account: "manager", Subject: roster.AccountID(t.Target), Effect: t.Effect, Reach: t.Reach, Target: t.Target,
		From: number, End: number + 1, Note: "no theft",
	}, err
}

// Apply implements journal.Act.
func (t thaw) Apply(rows containment.Rows, e ledger.Entry) error {
	return rows.LiftOrder(t.ID, "manager", e.Time)
}

// Changes implements journal.Changes.
func (thaw) Changes() bool { return true }

// staff is what the roster and other systems say, for the gate.
type staff map[roster.AccountID]*agent

func staffOf(scenes []scene) staff {
	all := make(staff, len(scenes))
	for _, s := range scenes {
		all[s.agent.asker.Account] = s.agent
	}
	return all
}

// account is an account as the roster has it.
func (s staff) account(id roster.AccountID) roster.Account {
	a, ok := s[id]
	if !ok {
		return roster.Account{}
	}
	return roster.Account{ID: id, Organisation: a.asker.Organisation, Role: a.asker.Role}
}

// Asker implements gate.Files.
func (s staff) Asker(_ context.Context, account roster.AccountID) (gate.Asker, error) {
	a, ok := s[account]
	if !ok {
		return gate.Asker{}, fmt.Errorf("nobody in the town has this account")
	}
	return a.asker, nil
}

// Facts implements gate.Files.
func (s staff) Facts(_ context.Context, asker gate.Asker, people []register.PersonID, _ time.Time) ([]reason.Fact, error) {
	a := s[asker.Account]
	if len(people) == 1 {
		return a.about(people[0]), nil
	}
	var found []reason.Fact
	for _, person := range people {
		found = append(found, a.about(person)...)
	}
	return found, nil
}

// about is what systems say of a person: what the agent was told of, and that
// somebody somewhere accompanies them.
func (a *agent) about(person register.PersonID) []reason.Fact {
	facts := a.facts[person]
	if len(facts) > 0 || !isFollowed(person) {
		return facts
	}
	return []reason.Fact{{
		Kind: reason.Caseload, Account: "somebody-else", Person: person,
		From: Beginning.AddDate(-1, 0, 0), Until: Beginning.AddDate(2, 0, 0), Source: "town", ID: "elsewhere",
	}}
}
