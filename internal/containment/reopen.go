package containment

import (
	"context"
	"fmt"
	"slices"
	"time"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// Line is what somebody proposed, dropped or ticked on the way to reopening what an order stops.
type Line struct {
	Number  ledger.Number // of its entry
	Order   order.ID      // in force; of a tick, the one that the reopening began with
	What    ledger.State  // a step, a line of the checklist, or what became of the step proposed before
	Spares  roster.OrganisationID
	By      roster.AccountID
	At      time.Time
	Because string
}

// ReopenRows are the orders in force and what was proposed and ticked about them, in this
// turn.
type ReopenRows interface {
	Rows
	// OrderLines returns what was proposed, dropped and ticked about an order, oldest first.
	OrderLines(order.ID) ([]Line, error)
	// InsertOrderLine writes one.
	InsertOrderLine(Line) error
}

// Step is one way on from an order in force.
type Step struct {
	What  ledger.State   // Trial, Reading or Lifting
	Needs []ledger.State // lines of the checklist that somebody ticked before
}

// Steps returns the ways on from an order. What is closed or suspended as a whole reopens by
// steps: to be read by one organisation, by all, and then as before; anything else is lifted
// at once.
func Steps(o order.Order) []Step {
	before := []ledger.State{ledger.CauseFound, ledger.AccountsHeld}
	switch {
	case o.Reach != order.Service && o.Reach != order.Organisation && o.Reach != order.Everything,
		o.Effect == order.Frozen, o.Effect == order.Narrowed:
		return []Step{{What: ledger.Lifting}}
	case o.Effect == order.Reduced:
		return []Step{{ledger.Lifting, []ledger.State{ledger.PartnersTold, ledger.NothingNew}}}
	case o.Effect == order.Suspended, o.Spares != "":
		return []Step{{ledger.Reading, append(before, ledger.PartnersTold)}}
	default:
		return []Step{{ledger.Trial, before}}
	}
}

// Checklist is every line that is ticked on the way from an order to what it was before.
func Checklist(o order.Order) (lines []ledger.State) {
	if len(Steps(o)[0].Needs) == 0 {
		return nil
	}
	return []ledger.State{ledger.CauseFound, ledger.AccountsHeld, ledger.PartnersTold, ledger.NothingNew}
}

// Root is the order that a reopening began with: a step's order has it as its cause.
func Root(o order.Order) order.ID {
	if o.Cause != 0 && (o.Effect == order.Reduced || o.Spares != "") {
		return IDOf(ledger.Number(o.Cause))
	}
	return o.ID
}

// Ticked returns the lines of the checklist that were ticked, each once.
func Ticked(lines []Line) map[ledger.State]Line {
	ticked := make(map[ledger.State]Line)
	for _, l := range lines {
		if _, already := ticked[l.What]; !already && !isStep(l.What) && !isDrop(l.What) {
			ticked[l.What] = l
		}
	}
	return ticked
}

func isStep(what ledger.State) bool {
	return what == ledger.Trial || what == ledger.Reading || what == ledger.Lifting
}

func isDrop(what ledger.State) bool { return what == ledger.Withdrawn || what == ledger.Refused }

// newest returns the newest step that was proposed, or that it was dropped; none where none was.
func newest(lines []Line) (last Line) {
	for _, l := range lines {
		if isStep(l.What) || isDrop(l.What) {
			last = l
		}
	}
	return last
}

// Waiting returns the newest step that was proposed, if it waits for a second person.
func Waiting(lines []Line, now time.Time) (Line, bool) {
	last := newest(lines)
	return last, isStep(last.What) && now.Sub(last.At) < StepWaits
}

// Dropped returns who took the newest step back that was proposed, or refused it, if somebody did.
func Dropped(lines []Line) (Line, bool) {
	last := newest(lines)
	return last, isDrop(last.What)
}

const (
	// StepWaits is how long a step that was proposed waits for a second person.
	StepWaits = 24 * time.Hour
	// slip is how long whoever placed an order may lift it alone.
	slip = 15 * time.Minute
)

// Alone reports whether one person may lift an order, and who: the rules' narrowings and an
// account's freeze by its own holder any of the desk; a bypass whoever signs for one; what a person
// placed a moment ago that person, if nothing stands against the same but a narrowing by the rules.
func Alone(o order.Order, by roster.AccountID, in order.Set, now time.Time) bool {
	switch {
	case o.Reach == order.Source: // to end a bypass takes nothing away that another decided to keep
		return true
	case o.By == journal.Itself:
		return o.Effect == order.Narrowed
	case o.By == o.Target && o.Reach == order.Account && o.Effect == order.Frozen:
		return by != roster.AccountID(o.Target)
	case o.By != string(by) || o.Effect == order.Reduced || o.Spares != "" || now.Sub(o.Placed) > slip:
		return false
	}
	return !slices.ContainsFunc(in, func(other order.Order) bool {
		byRules := other.By == journal.Itself && other.Effect == order.Narrowed
		return other.ID != o.ID && other.Reach == o.Reach && other.Target == o.Target && !byRules
	})
}

// demand is what the people who reopen have to be.
func demand(o order.Order, fresh bool) approval.Demand {
	d := approval.Demand{For: "reopening what an order stops", Desk: true, Confirmed: fresh, Officer: o.Reach == order.Source}
	if of := roster.AccountID(o.Target); o.Reach == order.Account && !of.Client() {
		d.Of = of
	}
	return d
}

// move is a step away from an order in force, as the people and the checklist allow it.
type move struct {
	from    order.Order
	what    ledger.State
	spares  roster.OrganisationID
	by      roster.AccountID
	second  roster.AccountID
	because string
}

// take checks a step against the order that is in force, and its checklist.
func (m *move) take(tx *journal.Tx, rows ReopenRows, id order.ID) (lines []Line, err error) {
	if m.from, err = inForce(tx, id); err != nil {
		return nil, err
	}
	if m.from.Broken {
		return nil, fault.Errorf(fault.Refused, "order %s was changed in the database: it is put back first, within a minute", id)
	}
	if m.from.By == journal.Itself && m.from.Effect == order.Frozen && m.from.Reach == order.Account && m.from.Because == "" {
		return nil, fault.Errorf(fault.Invalid, "a freeze that the rules placed is undone, by one other person")
	}
	i := slices.IndexFunc(Steps(m.from), func(s Step) bool { return s.What == m.what })
	switch {
	case i < 0:
		return nil, fault.Errorf(fault.Invalid, "order %s is not at that step: it goes on by %q", id, Steps(m.from)[0].What)
	case (m.what == ledger.Trial) != (m.spares != ""):
		return nil, fault.Errorf(fault.Invalid, "one organisation reads first, and only then all: name it at that step, and at no other")
	}
	if lines, err = rows.OrderLines(id); err != nil {
		return nil, err
	}
	ticks := lines
	if root := Root(m.from); root != id {
		if ticks, err = rows.OrderLines(root); err != nil {
			return nil, err
		}
	}
	ticked := Ticked(ticks)
	for _, need := range Steps(m.from)[i].Needs {
		if _, done := ticked[need]; !done {
			return nil, fault.Errorf(fault.Refused, "nobody has ticked %q on the checklist of order %s", need, id)
		}
	}
	return lines, nil
}

// entry is what the ledger says of the step.
func (m *move) entry() (ledger.Entry, error) {
	if m.what == ledger.Lifting {
		return m.lifted()
	}
	o := m.next()
	return ledger.Entry{
		Kind: ledger.Placed, Account: m.by, Approver: m.second, Effect: o.Effect, Reach: o.Reach, Target: o.Target,
		Until: o.Ends, Cause: ledger.Number(o.Cause), State: m.what, Note: m.because, Spares: o.Spares,
	}, nil
}

func (m *move) lifted() (ledger.Entry, error) {
	e, err := lifting(m.from, string(m.by), m.because)
	e.Approver = m.second
	return e, err
}

// next is the order that takes the place of the one before.
func (m *move) next() order.Order {
	o := m.from
	o.By, o.Because, o.Spares = string(m.by), m.because, m.spares
	root, _ := NumberOf(Root(m.from))
	o.Cause = uint64(root)
	if m.what == ledger.Reading {
		o.Effect = order.Reduced
	}
	return o
}

// Apply implements journal.Act.
func (m *move) Apply(rows ReopenRows, e ledger.Entry) error {
	if err := rows.LiftOrder(m.from.ID, string(m.by), e.Time); err != nil || m.what == ledger.Lifting {
		return err
	}
	o := m.next()
	o.ID, o.Placed = IDOf(e.Number), e.Time
	return rows.InsertOrder(o)
}

// Details implements journal.Details: the order before is not in force any more.
func (m *move) Details() []ledger.Entry {
	if m.what == ledger.Lifting {
		return nil
	}
	e, err := m.lifted()
	if err != nil {
		return nil
	}
	return []ledger.Entry{e}
}

// Changes implements journal.Changes.
func (*move) Changes() bool { return true }

// Propose proposes a step away from an order in force, which another person confirms.
type Propose struct {
	ID      order.ID
	What    ledger.State
	Spares  roster.OrganisationID // who reads first, of a Trial
	By      roster.AccountID
	Because string
	from    order.Order
}

// Decide implements journal.Act.
func (p *Propose) Decide(tx *journal.Tx, rows ReopenRows) (ledger.Entry, error) {
	if err := typed.Check("the reopening", p.Because); err != nil {
		return ledger.Entry{}, err
	}
	m := move{what: p.What, spares: p.Spares, by: p.By}
	lines, err := m.take(tx, rows, p.ID)
	if err != nil {
		return ledger.Entry{}, err
	}
	p.from = m.from
	if waits, one := Waiting(lines, tx.Now()); one && !tx.Answered(waits.Number) && waits.By != p.By && waits.What == p.What && waits.Spares == p.Spares {
		return ledger.Entry{}, fault.Errorf(fault.Invalid, "%q has proposed it already: confirm it", waits.By)
	}
	by, err := approval.One(tx, rows, p.By, demand(m.from, true))
	if err != nil {
		return ledger.Entry{}, err
	}
	e := aboutOrder(ledger.Reopening, m.from, by)
	e.State, e.Spares, e.Note = p.What, p.Spares, p.Because
	return e, nil
}

// aboutOrder is an entry about an order in force, which is not changed by it.
func aboutOrder(kind ledger.Kind, o order.Order, by roster.Account) ledger.Entry {
	e := ledger.Entry{Kind: kind, Account: by.ID, Organisation: by.Organisation, Reach: o.Reach, Target: o.Target}
	if kind == ledger.Reopening {
		e.Effect = o.Effect
	}
	if number, err := NumberOf(o.ID); err == nil {
		e.From, e.End = number, number+1
	}
	return e
}

// Apply implements journal.Act.
func (p *Propose) Apply(rows ReopenRows, e ledger.Entry) error {
	return rows.InsertOrderLine(Line{e.Number, p.ID, p.What, p.Spares, p.By, e.Time, p.Because})
}

// proposed returns a step as it was proposed, and how another person answers it.
func proposed(tx *journal.Tx, rows ReopenRows, id order.ID, number ledger.Number) (step Line, asked approval.Asked, err error) {
	lines, err := rows.OrderLines(id)
	if err != nil {
		return step, asked, err
	}
	i := slices.IndexFunc(lines, func(l Line) bool { return l.Number == number && isStep(l.What) })
	if i < 0 {
		return step, asked, fault.Errorf(fault.Absent, "no step %d was proposed about order %s: look at the order again", number, id)
	}
	step = lines[i]
	from, gone := inForce(tx, id)
	over := gone != nil || newest(lines).Number != number || tx.Answered(number) // the ledger says so, whatever became of a row
	return step, approval.Asked{By: step.By, Ends: step.At.Add(StepWaits), Answered: over, Demand: demand(from, true)}, nil
}

// Confirm takes the step that another person proposed.
type Confirm struct {
	ID       order.ID
	Proposed ledger.Number // what is confirmed, and nothing that was proposed since
	By       roster.AccountID
	move
}

// Decide implements journal.Act.
func (c *Confirm) Decide(tx *journal.Tx, rows ReopenRows) (ledger.Entry, error) {
	step, asked, err := proposed(tx, rows, c.ID, c.Proposed)
	if err != nil {
		return ledger.Entry{}, err
	}
	if _, _, err := asked.Allow(tx, rows, c.By); err != nil {
		return ledger.Entry{}, err
	}
	c.move = move{what: step.What, spares: step.Spares, by: c.By, second: step.By, because: step.Because}
	if _, err := c.take(tx, rows, c.ID); err != nil {
		return ledger.Entry{}, err
	}
	return c.entry()
}

// Drop takes back the step that the person proposed, or refuses what another did.
type Drop struct {
	ID       order.ID
	Proposed ledger.Number
	By       roster.AccountID
}

// Decide implements journal.Act.
func (d *Drop) Decide(tx *journal.Tx, rows ReopenRows) (ledger.Entry, error) {
	_, asked, err := proposed(tx, rows, d.ID, d.Proposed)
	if err != nil {
		return ledger.Entry{}, err
	}
	by, state, err := asked.Drop(tx, rows, d.By)
	if err != nil {
		return ledger.Entry{}, err
	}
	from, err := inForce(tx, d.ID)
	e := aboutOrder(ledger.Reopening, from, by)
	e.State, e.Cause = state, d.Proposed
	return e, err
}

// Apply implements journal.Act.
func (d *Drop) Apply(rows ReopenRows, e ledger.Entry) error {
	return rows.InsertOrderLine(Line{Number: e.Number, Order: d.ID, What: e.State, By: d.By, At: e.Time})
}

// Reopen takes a step that two people name at once, as the command line does.
type Reopen struct {
	ID           order.ID
	What         ledger.State
	Spares       roster.OrganisationID
	By, Approver roster.AccountID
	Because      string
	move
}

// Decide implements journal.Act.
func (r *Reopen) Decide(tx *journal.Tx, rows ReopenRows) (ledger.Entry, error) {
	if err := typed.Check("the reopening", r.Because); err != nil {
		return ledger.Entry{}, err
	}
	r.move = move{what: r.What, spares: r.Spares, by: r.By, second: r.Approver, because: r.Because}
	if _, err := r.take(tx, rows, r.ID); err != nil {
		return ledger.Entry{}, err
	}
	if _, err := approval.Two(tx, rows, r.By, r.Approver, demand(r.from, false)); err != nil {
		return ledger.Entry{}, err
	}
	return r.entry()
}

// Tick says that a line of the checklist is true, by name.
type Tick struct {
	ID      order.ID // in force
	What    ledger.State
	By      roster.AccountID
	Because string // how they know
	root    order.ID
}

// Decide implements journal.Act.
func (t *Tick) Decide(tx *journal.Tx, rows ReopenRows) (ledger.Entry, error) {
	if err := typed.Check("a line of the checklist", t.Because); err != nil {
		return ledger.Entry{}, err
	}
	o, err := inForce(tx, t.ID)
	switch {
	case err != nil:
		return ledger.Entry{}, err
	case !slices.Contains(Checklist(o), t.What):
		return ledger.Entry{}, fault.Errorf(fault.Invalid, "%q is no line of the checklist of order %s", t.What, t.ID)
	}
	t.root = Root(o)
	lines, err := rows.OrderLines(t.root)
	if err != nil {
		return ledger.Entry{}, err
	}
	if _, already := Ticked(lines)[t.What]; already {
		return ledger.Entry{}, journal.Unchanged
	}
	d := demand(o, false)
	d.For = "a line of the checklist"
	by, err := approval.One(tx, rows, t.By, d)
	if err != nil {
		return ledger.Entry{}, err
	}
	e := aboutOrder(ledger.Ticked, o, by)
	e.State, e.Note = t.What, t.Because
	return e, nil
}

// Apply implements journal.Act.
func (t *Tick) Apply(rows ReopenRows, e ledger.Entry) error {
	return rows.InsertOrderLine(Line{Number: e.Number, Order: t.root, What: t.What, By: t.By, At: e.Time, Because: t.Because})
}

// Propose proposes a step of a reopening.
func (s Service) Propose(ctx context.Context, p Propose) error {
	_, err := journal.Do(ctx, s.Writer, &p)
	return err
}

// Confirm takes the step that another person proposed. The error is fault.Refused for an
// account that may not.
func (s Service) Confirm(ctx context.Context, c Confirm) error {
	_, err := journal.Do(ctx, s.Writer, &c)
	return err
}

// Drop takes back the step that the person proposed, or refuses another's. The error is
// fault.Refused for an account that may not.
func (s Service) Drop(ctx context.Context, d Drop) error {
	_, err := journal.Do(ctx, s.Writer, &d)
	return err
}

// Tick ticks a line of a checklist.
func (s Service) Tick(ctx context.Context, t Tick) error {
	_, err := journal.Do(ctx, s.Writer, &t)
	return err
}

// Reopen takes a step that two people name at once, and says what holds now.
func (s Service) Reopen(ctx context.Context, r Reopen) (string, error) {
	entry, err := journal.Do(ctx, s.Writer, &r)
	switch {
	case err != nil:
		return "", err
	case r.What == ledger.Lifting:
		return fmt.Sprintf("order %s is lifted", r.ID), nil
	default:
		return fmt.Sprintf("order %s takes the place of order %s", IDOf(entry.Number), r.ID), nil
	}
}
