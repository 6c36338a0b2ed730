// Package policy decides whether people may be shown. It reads no clock, no
// database and no configuration: the same ask, facts, meter and moment always
// give the same decision. The gate, the simulator and the tests run this code.
package policy

import (
	"time"

	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Act is what the asker is about to do. The numbers are written in the ledger.
type Act uint8

const (
	// Attempt is a request on its way to the application: nothing is shown yet, so
	// only a refusal is worth writing down.
	Attempt Act = 1
	// Change is a request that changes something, written down before it is
	// forwarded.
	Change Act = 2
	// Show is an answer about to be handed over.
	Show Act = 3
)

func (a Act) String() string {
	switch a {
	case Attempt:
		return "attempt"
	case Change:
		return "change"
	case Show:
		return "show"
	default:
		return "unknown act"
	}
}

// Ask is one request of one account, with the people it is about to be shown.
type Ask struct {
	Act          Act
	Account      roster.AccountID
	Organisation roster.OrganisationID // as the roster has it; the gate fills it in
	Role         roster.Role           // likewise
	Session      roster.SessionID
	Service      roster.ServiceID
	Purpose      roster.Purpose
	Route        string // as declared: "GET /files/{dossier}"
	About        bool   // the answer is about these people as a whole: all are shown or none
	People       []Opening
	Objection    Why // what the gate itself found wrong; the whole ask is refused for it
}

// Opening is one person about to be shown, with the categories of fields the
// answer carries. The zero Person is a reference that leads to nobody.
type Opening struct {
	Person register.PersonID
	Fields register.Fields
}

// Facts is what is known about the asker and the people when the ask is decided.
type Facts struct {
	Habilitations []roster.Habilitation // the asker's
	Orders        order.Book            // placed and not lifted
	Evidence      reason.Evidence
	Meter         *meter.Draft // the asker's; the decision moves it on
}

// Rules is what the operator sets: which fields each purpose may be shown, and
// how many people without a reason each role may open.
type Rules struct {
	Purposes   roster.Purposes
	Allowances map[roster.Role]meter.Allowance
}

// Decision is the answer to an ask. Whole speaks of the ask itself; when it is
// not Shown, no person is. Otherwise there is one ruling for each of the ask's
// people, in their order.
type Decision struct {
	Whole  Ruling
	People []Ruling
}

// Shown reports whether anything of the ask may be handed over.
func (d Decision) Shown() bool { return d.Whole.Verdict == Shown }

// Decide weighs an ask. It moves facts.Meter on by what it lets out.
func (r Rules) Decide(ask Ask, facts Facts, now time.Time) Decision {
	standing, ordered := facts.Orders.Against(ask.Account, ask.Organisation, ask.Service, now)
	if why := refusal(ask, facts.Habilitations, standing, now); why != Granted {
		return refused(ask, Ruling{Verdict: Refused, Why: why})
	}
	weighing := weighing{
		now:       now,
		allowance: r.Allowances[ask.Role],
		may:       r.Purposes[ask.Purpose],
		frozen:    ordered && standing.Effect == order.Frozen,
		explainer: reason.Explain(ask.Account, ask.Organisation, facts.Evidence, now),
		meter:     facts.Meter,
	}
	before := facts.Meter.Len()
	decision := Decision{Whole: Ruling{Verdict: Shown}, People: make([]Ruling, len(ask.People))}
	for i, opening := range ask.People {
		ruling := weighing.rule(opening)
		decision.People[i] = ruling
		if ask.About && !ruling.Verdict.Shows() {
			facts.Meter.Cut(before)
			ruling.Verdict = Refused
			return refused(ask, ruling)
		}
	}
	return decision
}

// refusal says why the ask as a whole is refused, whoever it is about.
func refusal(ask Ask, habilitations []roster.Habilitation, standing order.Order, now time.Time) Why {
	switch standing.Effect {
	case "", order.Frozen:
	case order.Closed:
		return Closed
	default:
		return Suspended
	}
	if ask.Objection != Granted {
		return ask.Objection
	}
	if !ask.Role.ReadsFiles() {
		return RoleReadsNothing
	}
	for _, h := range habilitations {
		if h.Account == ask.Account && h.Covers(ask.Service, ask.Purpose, now) {
			return Granted
		}
	}
	return NotHabilitated
}

// refused gives everybody in the ask the same refusal.
func refused(ask Ask, ruling Ruling) Decision {
	ruling.Fields, ruling.Cost = 0, 0
	decision := Decision{Whole: ruling, People: make([]Ruling, len(ask.People))}
	for i := range decision.People {
		decision.People[i] = ruling
	}
	return decision
}

// weighing is what stays the same for every person in an ask.
type weighing struct {
	now       time.Time
	allowance meter.Allowance
	may       register.Fields
	frozen    bool
	explainer reason.Explainer
	meter     *meter.Draft
}

func (w weighing) rule(opening Opening) Ruling {
	if opening.Person.IsZero() {
		return Ruling{Verdict: Withheld, Why: NobodyKnown}
	}
	fields := opening.Fields & w.may
	if opening.Fields != 0 && fields == 0 {
		return Ruling{Verdict: Withheld, Why: NotForPurpose}
	}
	ruling := w.weigh(opening.Person, fields)
	if !ruling.Verdict.Shows() {
		return ruling
	}
	if ruling.Fields != opening.Fields {
		ruling.Verdict = Masked
	}
	w.meter.Record(meter.Opening{Person: opening.Person, Fields: ruling.Fields, Cost: ruling.Cost, At: w.now})
	return ruling
}

// weigh decides for a known person and fields the purpose allows.
func (w weighing) weigh(person register.PersonID, fields register.Fields) Ruling {
	if found := w.explainer.Of(person); found.Explained() {
		return Ruling{Verdict: Shown, Why: Explained, Reason: found, Fields: fields}
	}
	known, seen := w.meter.Seen(person, w.now)
	cost := w.meter.Price(person, fields, w.now)
	if seen && cost == 0 {
		return Ruling{Verdict: Shown, Why: AlreadySeen, Fields: fields}
	}
	balance := w.meter.Weigh(cost, w.allowance, w.now)
	ruling := Ruling{Verdict: Shown, Why: Counted, Fields: fields, Cost: cost, Counted: balance.Counted + cost, Limit: balance.Limit}
	switch {
	case w.frozen:
		ruling = Ruling{Verdict: Withheld, Why: Frozen}
	case balance.Empty == meter.Short:
		ruling = Ruling{Verdict: Withheld, Why: ShortEmpty, Counted: balance.Counted, Limit: balance.Limit, Again: balance.Again}
	case balance.Empty == meter.Long:
		ruling = Ruling{Verdict: Withheld, Why: LongEmpty, Counted: balance.Counted, Limit: balance.Limit, Again: balance.Again}
	default:
		return ruling
	}
	if seen && known&fields != 0 { // what was seen stays open, what is new does not
		ruling.Verdict, ruling.Fields = Masked, known&fields
	}
	return ruling
}
