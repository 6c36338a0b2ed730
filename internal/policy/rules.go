package policy

import (
	"slices"
	"time"

	"poterne/internal/meter"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Rules is what the operator sets: which fields each purpose may be shown, how many
// people without a reason may be opened, and how work is watched. A zero part watches
// nothing and allows no person.
type Rules struct {
	Readers    []roster.Role       // the roles of people who read files, as they are listed; nil: roster.Readers
	Categories register.Categories // of fields; nil: those of this register
	Purposes   roster.Purposes
	Theirs     register.Fields // that only people themselves change, whatever the purpose
	Allowances map[roster.Role]meter.Allowance
	Earned     map[roster.Role]int // people beyond the month's allowance, at most: see Rules.Allowance; zero for none
	Probation  meter.Allowance     // of an account younger than Young, if it is less than its role's; a quarter of its role's month at least; zero for none
	Ceilings   map[roster.Role]int // people with a reason whom one account may be shown within 28 days; zero for any number
	Covers     reason.CoverBounds
	Rows       map[roster.Role]int // people without a reason who are found in rows of searches within 28 days, and not opened; zero for any number
	Lists      map[roster.Role]int // new people with a reason, in rows of lists and searches within a day, before a step-up is asked for, and three times as many after; zero for any number
	Strangers  map[roster.Role]int // people without a reason, shown in whatever way within 28 days: opened, in rows, signed for or raised; zero for any number
	Signed     int                 // people that other accounts may sign for, for one account within 28 days
	Gives      meter.Allowance     // people that one account may give to all others together, by raises and signatures
	Wider      struct{ Organisation, Service, Register meter.Allowance }
	Together   int // people beyond the organisation's month, at most: see Rules.organisation; zero for none
	Share      int // one account may spend one part in so many of each of Wider; zero for all of it
	Watches    map[roster.Role]Watch
	Trains     map[roster.Role]bool // whose access closes when their certificate of awareness has run out
	Cold       bool                 // a person of whom no system tells any fact costs twice
	Observed   Observed
}

// reads reports whether the role is one of those who are shown people. A role that the
// configuration dropped is shown nobody, whatever explains them.
func (r Rules) reads(role roster.Role) bool {
	return role == roster.Programme || role == roster.Messages || slices.Contains(r.Roles(), role)
}

// Roles are those of people who read files.
func (r Rules) Roles() []roster.Role {
	if r.Readers == nil {
		return roster.Readers
	}
	return r.Readers
}

// Watch is how one role's work is watched.
type Watch struct {
	Forgiven meter.Cost // a day: λ + ½√(λφ) of what it is honestly charged
	Line     meter.Cost // the CUSUM freezes beyond it; zero for never
	Pace     int        // of the account's own people within an hour, without writing, a step-up is asked for; zero for never
	Wall     int        // people explained within a day before a step-up is asked for, and three times as many after; zero for none
	Evidence bool       // of enumeration asks for an identity, then freezes
}

// Watches are how each role's work is watched when the operator says nothing else.
// docs/detection.md says how they were tuned.
var Watches = map[roster.Role]Watch{
	roster.Adviser:    {Forgiven: 100, Line: 1800, Pace: 20, Wall: 200, Evidence: true},
	roster.Desk:       {Forgiven: 450, Line: 4500, Pace: 20, Wall: 200, Evidence: true},
	roster.CallCentre: {Forgiven: 430, Line: 4500, Pace: 20, Wall: 200, Evidence: true},
	roster.Training:   {Forgiven: 25, Line: 800, Pace: 20, Wall: 200, Evidence: true},
	roster.Programme:  {Forgiven: 25, Line: 800, Pace: 120, Wall: 200, Evidence: true}, // it cannot prove that it is there: the pace stops it
}

// Ceilings are how many people with a reason one account may be shown within 28 days when
// the operator says nothing else.
var Ceilings = map[roster.Role]int{roster.Adviser: 600, roster.Desk: 2000, roster.CallCentre: 3000, roster.Training: 120, roster.Programme: 120}

// Rows are how many people without a reason one account may find in the rows of searches
// within 28 days when the operator says nothing else.
var Rows = map[roster.Role]int{roster.Adviser: 60, roster.Desk: 120, roster.CallCentre: 120, roster.Training: 15, roster.Programme: 15}

// Lists are how many people with a reason one account may be shown within a day in the rows of
// lists and searches, new to it, before a step-up is asked for, when the operator says nothing else.
var Lists = map[roster.Role]int{roster.Adviser: 150, roster.Desk: 100, roster.CallCentre: 200, roster.Training: 100, roster.Programme: 120}

// Strangers are how many people without a reason one account may be shown within 28 days, in
// all ways together, when the operator says nothing else.
var Strangers = map[roster.Role]int{roster.Adviser: 150, roster.Desk: 150, roster.CallCentre: 150, roster.Training: 150, roster.Programme: 30}

// Earned are how many people beyond the month's allowance what came back makes room for, at
// most, when the operator says nothing else.
var Earned = map[roster.Role]int{roster.Adviser: 0, roster.Desk: 45, roster.CallCentre: 45, roster.Training: 0, roster.Programme: 0}

// doubt and sure are where evidence leads, beyond reach when it is not watched.
func (w Watch) doubt() meter.Evidence { return w.line(meter.Doubt) }

func (w Watch) sure() meter.Evidence { return w.line(meter.Sure) }

func (w Watch) line(at meter.Evidence) meter.Evidence {
	if !w.Evidence {
		return 1 << 29
	}
	return at
}

// Observed says which rules are decided and written down, and deny nothing.
type Observed struct {
	Everything bool
	Services   map[roster.ServiceID]bool
	Roles      map[roster.Role]bool
	Grounds    map[Why]bool // of rules
	Most       int          // people without a reason that an account is shown within a day all the same; zero for any number
}

func (o Observed) covers(ask Ask) bool {
	return o.Everything || o.Services[ask.Service] || o.Roles[ask.Role]
}

// Only reports whether what stops an ask for a ground would only be noted.
func (o Observed) Only(ask Ask, why Why) bool {
	return why.Counts() && (o.covers(ask) || o.Grounds[why])
}

// limits are what grounds that come from counting rest on. Pace, wall and lists look back no
// further than a day, at people whom a fact explains and who are charged nothing.
var limits = map[Why]meter.Limits{
	ShortEmpty: meter.HourLimit, LongEmpty: meter.MonthLimit, SignedEmpty: meter.MonthLimit, Drifting: meter.DriftLimit,
	Doubted: meter.DoubtLimit, Enumerating: meter.EnumerationLimit, CanaryListed: meter.CanaryListedLimit, CanaryOpened: meter.CanaryLimit,
	CeilingReached: meter.CeilingLimit, RowsReached: meter.RowsLimit, StrangersReached: meter.StrangersLimit, ShareReached: meter.ShareLimit, OrganisationEmpty: meter.OrganisationLimit, ServiceEmpty: meter.ServiceLimit, RegisterEmpty: meter.RegisterLimit,
}

// Limits are those that are only observed for an ask.
func (o Observed) Limits(ask Ask) (observed meter.Limits) {
	if o.covers(ask) {
		return meter.AllLimits
	}
	for why := range o.Grounds {
		if o.Grounds[why] {
			observed |= limits[why]
		}
	}
	return observed
}

// The defaults of Rules.Signed, Rules.Together, Rules.Share and Observed.Most.
const (
	Signed       = 40
	Together     = 1000
	Share        = 3
	ObservedMost = 500
)

// share is what one account may be charged of what many may be: of the least of Wider, since
// what it was charged through one service counts for all. It is never less than the price of
// one person.
func (r Rules) share() (share meter.Allowance) {
	if r.Share == 0 {
		return share
	}
	part := func(all meter.Cost) meter.Cost { return min(all, max(all/meter.Cost(r.Share), meter.People(most))) }
	for _, all := range []meter.Allowance{r.Wider.Organisation, r.Wider.Service, r.Wider.Register} {
		one := meter.Allowance{Short: part(all.Short), Long: part(all.Long)}
		switch {
		case all == meter.Allowance{}:
		case share == meter.Allowance{}:
			share = one
		default:
			share = share.Least(one)
		}
	}
	return share
}

// Young is how long an account is on probation.
const Young = 28 * 24 * time.Hour

// EarnedBy is how many people must have come back for one more to be opened, but on probation.
const EarnedBy = 2

// Allowance is the asker's, at this moment. Where another system tells the reasons of what was
// opened, afterwards, there is room for more: honest work is confirmed in the days after it,
// and a thief's is not.
func (r Rules) Allowance(ask Ask, facts Facts, now time.Time) meter.Allowance {
	allowance, by := r.Allowances[ask.Role], meter.Cost(EarnedBy)
	if r.OnProbation(ask, facts, now) {
		allowance, by = allowance.Least(r.probation(ask.Role)), 1
	}
	allowance.Long += r.Earns(ask.Role, facts.Meter, by, now)
	if facts.Orders.Narrows(ask.use(), now) {
		allowance = allowance.Quarter()
	}
	return allowance
}

// Earns is the room beyond its month that an account of a role has for what came back: one person
// for every so many.
func (r Rules) Earns(role roster.Role, m *meter.Draft, by meter.Cost, now time.Time) meter.Cost {
	most := meter.People(r.Earned[role])
	if most == 0 {
		return 0
	}
	return min(most, m.Refunded(meter.Memory, now)/by)
}

// organisation is what the accounts of one may be charged together. What came back makes room for
// half as much, up to half of the month: a house of many is confirmed by its own work, as each
// account is, and many stolen accounts are not. The hour stays, and so does one account's share.
func (r Rules) organisation(charged meter.Tally, observed bool, now time.Time) meter.Allowance {
	allowance := r.Wider.Organisation
	if r.Together > 0 {
		allowance.Long += min(meter.People(r.Together), allowance.Long/2, charged.Returned(observed, now)/EarnedBy)
	}
	return allowance
}

// quarter is what part of its role's month an account on probation has at least.
const quarter = 4

// probation is the allowance of a young account of a role. Where more people without a reason
// come up in a day's work than a month of probation holds, newcomers could not work at all.
func (r Rules) probation(role roster.Role) meter.Allowance {
	part := r.Allowances[role].Long / quarter / meter.Whole * meter.Whole
	return meter.Allowance{Short: r.Probation.Short, Long: max(r.Probation.Long, part)}
}

// OnProbation reports whether the account is young, or was until lately and has
// used its probation up: an account that works quietly for its first weeks MUST NOT be
// allowed more at their end.
func (r Rules) OnProbation(ask Ask, facts Facts, now time.Time) bool {
	switch {
	case r.Probation.Long == 0 || facts.Opened.IsZero():
		return false
	case facts.Young(now):
		return true
	default:
		return now.Sub(facts.Opened) < 2*Young && facts.Meter.Spent(meter.Memory, r.Observed.Limits(ask), now)+meter.Whole > r.probation(ask.Role).Long
	}
}

// Young reports whether the account is younger than Young.
func (f Facts) Young(now time.Time) bool {
	return !f.Opened.IsZero() && now.Sub(f.Opened) < Young
}

// Dormant reports whether the account was long unused. A ledger younger than the
// meter's memory cannot tell.
func (f Facts) Dormant(now time.Time) bool {
	told := !f.Watched.IsZero() && now.Sub(f.Watched) >= meter.Memory
	return told && !f.Opened.IsZero() && !f.Young(now) && f.Meter.Awakened(now)
}

// most bounds the price of one person, in people.
const most = 4

// circumstances multiplies the price of unexplained people by two for each of: a new
// device, an unfamiliar network, an account long unused. A fresh step-up makes it one. A
// young account costs no more: it has an allowance of its own.
func circumstances(ask Ask, facts Facts, now time.Time) meter.Cost {
	if facts.Meter.SteppedUp(now) {
		return 1
	}
	times := meter.Cost(1)
	for _, doubtful := range []bool{
		facts.Meter.Devices().New(ask.Device, now),
		facts.Meter.Networks().New(ask.Network, now),
		facts.Dormant(now),
	} {
		if doubtful {
			times *= 2
		}
	}
	return min(times, most)
}

// about multiplies the price of a person who is cold or protected.
func (w *weighing) about(person register.PersonID) meter.Cost {
	times := meter.Cost(1)
	if w.rules.Cold && w.explainer.Cold(person) {
		times *= 2
	}
	if w.explainer.Protected(person) {
		times *= 2
	}
	return times
}

// How many people an account may open for tickets it typed itself at the price of a
// ticket.
const (
	typedHour  = 10
	typedMonth = 10
)

// typed prices a person for whom the asker typed a ticket. The ticket explains nothing,
// and costs less as long as there are few.
func (w *weighing) typed(person register.PersonID, price meter.Cost) (Why, meter.Cost, reason.Reason) {
	ticket := w.explainer.Typed(person)
	if !ticket.Explained() || w.meter.Tickets(meter.Hour, w.spared, w.now) >= typedHour || w.meter.Tickets(meter.Memory, w.spared, w.now) >= typedMonth {
		return Counted, price, reason.Reason{}
	}
	return TypedTicket, min(price, meter.Ticket), ticket
}

// Event is what an account's meter takes in of a ruling, in the answer with this
// receipt.
func Event(ask Ask, person register.PersonID, ruling Ruling, answer uint64, now time.Time) meter.Event {
	e := meter.Event{
		Kind: ruling.event(), At: now, Answer: answer, Person: person, Fields: ruling.Fields, Cost: ruling.Cost,
		Service: ask.Service, Device: ask.Device, Network: ask.Network, Signs: ask.Signs &^ meter.Canary,
	}
	if e.Kind == meter.Unsigned && !ask.Signs.Opens() { // the application chose them
		e.Kind = meter.Deferred
	}
	if ruling.Why.Untold() && ask.Signs.Opens() { // as of a reference that leads to nobody
		e.Kind = meter.Missed
	}
	switch {
	case ruling.Why == CanaryListed:
		e.Signs |= meter.Canary
	case ruling.Why == TypedTicket:
		e.Ground = meter.Typed
	case ruling.Why == Raised, ruling.Why == Vouched:
		e.Ground = meter.Allowed
	case ruling.Why == CeilingReached && ruling.Verdict.Shows() && !ruling.Observed: // what was seen without a reason stays so
	case ruling.Reason.Kind.Standing():
		e.Ground = meter.Own
	case ruling.Reason.Explained():
		e.Ground = meter.Ticketed
	}
	if ask.Signs.Has(meter.Exported) {
		e.Export = meter.ExportOf(ask.Service, ask.Route)
	}
	if e.Kind == meter.Looked && !ruling.standsBefore() { // asked for a step-up, say: that shows no work
		e.Ground = meter.Unexplained
	}
	e.Writes = ask.Act == Change && ruling.Verdict.Shows()
	e.Excused, e.Spared = ruling.Observed && ruling.Why.Freezes(), ruling.Spared
	return e
}

// standsBefore reports whether somebody whom a fact explains is stopped for good where honest work
// may stand for weeks: at the ceiling, or at the wall.
func (r Ruling) standsBefore() bool {
	return r.Why == CeilingReached || r.Why == WallReached && r.Verdict != AskStepUp
}

// event sorts a ruling for the meter.
func (r Ruling) event() meter.EventKind {
	switch {
	case r.Why == NobodyKnown, r.Why == NotThere:
		return meter.Missed
	case r.Verdict.Shows() && r.Why == Granted:
		return meter.Looked
	case r.Verdict.Shows():
		return meter.Shown
	case r.Verdict == AskStepUp && r.Why == ShortEmpty, r.Why == Doubted, r.Why == Frozen, r.Why == Expelled, r.Why.Freezes():
		return meter.Stopped
	case r.Why == LongEmpty:
		return meter.Unsigned
	case r.Why == SignedEmpty, r.Why == StrangersReached, r.Why == ShareReached, r.Why == OrganisationEmpty, r.Why == ServiceEmpty, r.Why == RegisterEmpty:
		return meter.Deferred
	default:
		return meter.Looked
	}
}
