package sim

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"poterne/internal/campaign"
	"poterne/internal/gate"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Core is the decision alone, with nothing written down: what a gate decides over a
// ledger, in memory. It is not safe for concurrent use.
type Core struct {
	Heard func(ledger.Entry) // is told each entry that the gate would write; may be nil

	rules    policy.Rules
	files    gate.Files
	watched  time.Time
	meters   map[roster.AccountID]*meter.Meter
	orders   order.Set
	next     ledger.Number // of the entry that would be written
	houses   map[roster.OrganisationID]*meter.Tally
	services map[roster.ServiceID]*meter.Tally
	register meter.Tally
	givers   map[roster.AccountID]*meter.Tally
	campaign *campaign.Aggregates // narrows the neighbours of thefts; may be nil
}

// NewCore returns a core that recorded nothing. Watched is since when the ledger would
// tell what accounts do; zero when nothing is known of that.
func NewCore(rules policy.Rules, files gate.Files, watched time.Time) *Core {
	return &Core{
		rules: rules, files: files, watched: watched, meters: make(map[roster.AccountID]*meter.Meter), next: 1,
		houses: make(map[roster.OrganisationID]*meter.Tally), services: make(map[roster.ServiceID]*meter.Tally),
		givers: make(map[roster.AccountID]*meter.Tally),
	}
}

// Alone returns a core for one account, whose meter stands as it does here at now.
func (c *Core) Alone(account roster.AccountID, rules policy.Rules, files gate.Files, now time.Time) (*Core, error) {
	copied, err := meter.Decode(c.meter(account).Append(nil, now), now)
	if err != nil {
		return nil, err
	}
	alone := NewCore(rules, files, c.watched)
	alone.meters[account], alone.next = copied, c.next
	return alone, nil
}

func (c *Core) meter(account roster.AccountID) *meter.Meter {
	m, ok := c.meters[account]
	if !ok {
		m = meter.New()
		c.meters[account] = m
	}
	return m
}

// tallyOf returns what one of them was charged.
func tallyOf[ID comparable](of map[ID]*meter.Tally, id ID) *meter.Tally {
	t, ok := of[id]
	if !ok {
		t = new(meter.Tally)
		of[id] = t
	}
	return t
}

// Foresee decides and records nothing.
func (c *Core) Foresee(ctx context.Context, at time.Time, ask policy.Ask) (policy.Decision, error) {
	decision, _, err := c.weigh(ctx, at, ask)
	return decision, err
}

func (c *Core) weigh(ctx context.Context, at time.Time, ask policy.Ask) (policy.Decision, policy.Ask, error) {
	asker, err := c.files.Asker(ctx, ask.Account)
	if err != nil {
		return policy.Decision{}, ask, err
	}
	ask.Organisation, ask.Role = asker.Organisation, asker.Role
	var about []register.PersonID
	for _, opening := range ask.People {
		about = append(about, opening.Person)
	}
	facts, err := c.files.Facts(ctx, asker, about, at)
	if err != nil {
		return policy.Decision{}, ask, err
	}
	known := policy.Facts{
		Habilitations: asker.Habilitations, Opened: asker.Opened, Watched: c.watched, Orders: c.orders,
		Evidence: reason.Evidence{Facts: facts, Covers: asker.Covers}, Meter: c.meter(ask.Account).Draft(), Answer: uint64(c.next),
	}
	if c.isShared() {
		known.Wider = policy.Wider{Organisation: *tallyOf(c.houses, ask.Organisation), Service: *tallyOf(c.services, ask.Service), Register: c.register}
	}
	return c.rules.Decide(ask, known, at), ask, nil
}

// isShared reports whether accounts are held to what they take together.
func (c *Core) isShared() bool { return c.rules.Wider != policy.Rules{}.Wider }

// Decide decides, and records what the gate would write.
func (c *Core) Decide(ctx context.Context, at time.Time, ask policy.Ask) (policy.Decision, error) {
	at = ledger.Cut(at)
	decision, ask, err := c.weigh(ctx, at, ask)
	if err != nil {
		return decision, err
	}
	for entry := range ledger.EntriesFor(ask, decision, c.next, at) {
		c.record(entry)
	}
	if _, freezes := decision.Freezes(); freezes {
		c.place(order.Order{Effect: order.Frozen, Reach: order.Account, Target: string(ask.Account)}, at)
		c.narrow(at)
	}
	return decision, nil
}

// place puts an order of the program's own in force.
func (c *Core) place(o order.Order, at time.Time) {
	o.ID = order.ID(strconv.FormatUint(uint64(c.next), 10))
	c.orders = append(c.orders, o)
	c.note(at, ledger.Entry{Kind: ledger.Placed, Account: journal.Itself, Effect: o.Effect, Reach: o.Reach, Target: o.Target, Until: o.Ends})
}

// narrow places the orders that known thefts ask for.
func (c *Core) narrow(at time.Time) {
	if c.campaign == nil {
		return
	}
	for _, due := range c.campaign.Due(at) {
		c.place(due.Order, at)
	}
}

// Act records what moves an account's meter without a decision, unless it gives an account
// more than it can be given, or than its giver can: then it returns why.
func (c *Core) Act(ctx context.Context, at time.Time, entry ledger.Entry) (refused, err error) {
	at = ledger.Cut(at)
	asker, err := c.files.Asker(ctx, entry.Whose())
	if err != nil {
		return nil, err
	}
	gave := tallyOf(c.givers, entry.Account)
	if entry, err = bounded(c.rules, *gave, c.meter(entry.Whose()).Draft(), asker, entry, at); err != nil {
		return err, nil
	}
	gave.Add(meter.CommonOf(entry.Given(), 0), false, at)
	c.note(at, entry)
	return nil, nil
}

// note records an entry under the next number.
func (c *Core) note(at time.Time, entry ledger.Entry) {
	entry.Number, entry.Receipt, entry.Time = c.next, c.next, at
	c.record(entry)
}

func (c *Core) record(entry ledger.Entry) {
	c.meter(entry.Whose()).Record(entry.Event())
	if c.isShared() && entry.Kind == ledger.Refunded {
		tallyOf(c.houses, entry.Organisation).Refund(entry.Cost, entry.Spared.Has(meter.OrganisationLimit), entry.Since, entry.Time)
		tallyOf(c.services, entry.Service).Refund(entry.Cost, entry.Spared.Has(meter.ServiceLimit), entry.Since, entry.Time)
		c.register.Refund(entry.Cost, entry.Spared.Has(meter.RegisterLimit), entry.Since, entry.Time)
	}
	if c.isShared() && entry.Disclosed() && entry.Cost > 0 {
		tallyOf(c.houses, entry.Organisation).Add(meter.CommonOf(entry.Cost, entry.Signs), entry.Spared.Has(meter.OrganisationLimit), entry.Time)
		tallyOf(c.services, entry.Service).Add(meter.CommonOf(entry.Cost, entry.Signs), entry.Spared.Has(meter.ServiceLimit), entry.Time)
		c.register.Add(meter.CommonOf(entry.Cost, entry.Signs), entry.Spared.Has(meter.RegisterLimit), entry.Time)
	}
	if c.campaign != nil {
		c.campaign.Take(&entry)
	}
	if c.Heard != nil {
		c.Heard(entry)
	}
	c.next = entry.Number + 1
}

// Undo has another person undo a freeze.
func (c *Core) Undo(_ context.Context, at time.Time, account roster.AccountID) error {
	freeze := func(o order.Order) bool { return o.Effect == order.Frozen && o.Target == string(account) }
	i := slices.IndexFunc(c.orders, freeze)
	if i < 0 {
		return errors.New("no freeze to undo")
	}
	id, err := strconv.ParseUint(string(c.orders[i].ID), 10, 64)
	if err != nil {
		return err
	}
	c.orders = slices.DeleteFunc(c.orders, freeze)
	c.note(ledger.Cut(at), ledger.Entry{Kind: ledger.Lifted, Subject: account, From: ledger.Number(id)})
	return nil
}
