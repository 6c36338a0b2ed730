// Package policy decides whether people may be shown. It reads no clock, no
// database and no configuration: the same ask, facts, meter and moment always
// give the same decision. The gate, the simulator and the tests run this code.
package policy

import (
	"iter"
	"slices"
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

// notForPurpose is why fields that do not belong to the purpose stop an act.
func (a Act) notForPurpose() Why {
	if a == Change {
		return NotToBeChanged
	}
	return NotForPurpose
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
	Function     string // of the route, as orders name it: exports, searches or changes
	About        bool   // the answer is about these people as a whole: all are shown or none
	Whole        bool   // and with all of their fields, since nothing of it can be cut
	People       []Opening
	Objection    Why // what the gate itself found wrong; the whole ask is refused for it

	Device  string      // which browser asks, as a tag; empty when unknown
	Network string      // which class of network it is in; empty when unknown
	Signs   meter.Signs // what the door noticed
}

// Opening is one person about to be shown, with the categories of fields the
// answer carries. The zero Person is a reference to a person who does not exist.
type Opening struct {
	Person register.PersonID
	Fields register.Fields
	Uncut  register.Fields // of these, what cannot be masked: they are shown with it, or not at all
	Named  bool            // by the request: any answer tells of them, so they are shown or nothing is
	Canary bool            // the person exists for Poterne only
}

// use is the ask as an order reaches it.
func (a Ask) use() order.Use {
	return order.Use{Account: a.Account, Organisation: a.Organisation, Role: a.Role, Service: a.Service, Route: a.Route, Function: a.Function, Network: a.Network}
}

// binds reports whether an opening that is not shown refuses the ask as a whole.
func (a Ask) binds(o Opening) bool { return a.About || a.Whole || o.Named }

// uncut is what may not be masked of an opening.
func (a Ask) uncut(o Opening) register.Fields {
	if a.Whole {
		return o.Fields
	}
	return o.Uncut & o.Fields
}

// For is the ask as it is weighed and written for one of its people. A person whom the
// request names is opened, even if the answer is a list or a search.
func (a Ask) For(o Opening) Ask {
	if o.Named {
		a.Signs &^= meter.SearchRow | meter.Listed
	}
	return a
}

// Facts is what is known about the asker and the people when the ask is decided.
type Facts struct {
	Habilitations []roster.Habilitation // the asker's
	Opened        time.Time             // since when the account exists; zero for long ago
	Review        time.Time             // when its managers must have confirmed it; zero: they need not
	Trained       time.Time             // until when its certificate of awareness lasts; zero: it has none
	Watched       time.Time             // since when the ledger tells what accounts do
	Orders        order.Set             // placed and not lifted
	Evidence      reason.Evidence
	Meter         *meter.Draft // the asker's
	Answer        uint64       // the receipt that the decision will have; no other ask of the account may have it
	Wider         Wider
	Exports       []ExportList // who is on the lists of the asker's export permits
}

// Wider is what the asker's organisation, the service and all accounts were charged.
type Wider struct{ Organisation, Service, Register meter.Tally }

// Add takes in what an account was charged, and which limits were only observed then.
func (w *Wider) Add(cost meter.Common, spared meter.Limits, at time.Time) {
	w.Organisation.Add(cost, spared.Has(meter.OrganisationLimit), at)
	w.Service.Add(cost, spared.Has(meter.ServiceLimit), at)
	w.Register.Add(cost, spared.Has(meter.RegisterLimit), at)
}

// Refund takes back what an account was charged at an earlier moment.
func (w *Wider) Refund(cost meter.Cost, spared meter.Limits, since, at time.Time) {
	w.Organisation.Refund(cost, spared.Has(meter.OrganisationLimit), since, at)
	w.Service.Refund(cost, spared.Has(meter.ServiceLimit), since, at)
	w.Register.Refund(cost, spared.Has(meter.RegisterLimit), since, at)
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

// Freezes returns the ruling that freezes the account from now on, if one does.
func (d Decision) Freezes() (Ruling, bool) {
	return d.first(func(r Ruling) bool { return r.Why.Freezes() && !r.Observed })
}

// Expels reports whether the account's sessions end now.
func (d Decision) Expels() bool {
	_, expels := d.first(func(r Ruling) bool { return r.Why == Expelled })
	return expels
}

func (d Decision) first(is func(Ruling) bool) (Ruling, bool) {
	if is(d.Whole) {
		return d.Whole, true
	}
	for _, ruling := range d.People {
		if is(ruling) {
			return ruling, true
		}
	}
	return Ruling{}, false
}

// Decide weighs an ask. Whatever is decided counts only once it is entered in the
// ledger: facts.Meter is left as it was.
func (r Rules) Decide(ask Ask, facts Facts, now time.Time) Decision {
	standing, ordered := facts.Orders.Against(ask.use(), now)
	why := r.refusal(ask, facts, standing, now)
	if why == Granted && !facts.allows(ask, now) {
		why = NoPermit
	}
	if why != Granted {
		return refused(ask, Ruling{Verdict: Refused, Why: why, Spared: r.Observed.Limits(ask)})
	}
	w := r.weighing(ask, facts, now)
	w.frozen = ordered && standing.Effect == order.Frozen
	before := facts.Meter.Len()
	defer facts.Meter.Cut(before)
	decision := Decision{Whole: Ruling{Verdict: Shown}, People: make([]Ruling, len(ask.People))}
	for i, opening := range ask.People {
		ruling := w.rule(opening, i == len(ask.People)-1)
		decision.People[i] = ruling
		if ask.binds(opening) && !ruling.Verdict.Shows() {
			if ruling.Verdict == Withheld {
				ruling.Verdict = Refused
			}
			return refused(ask, ruling)
		}
	}
	if ask.Objection == NotThere {
		return refused(ask, Ruling{Verdict: Refused, Why: NotThere})
	}
	return decision
}

// refusal returns why the ask as a whole is refused, whichever people it is about;
// Granted when it is not.
func (r Rules) refusal(ask Ask, facts Facts, standing order.Order, now time.Time) Why {
	switch standing.Effect {
	case "", order.Frozen:
	case order.Closed:
		if standing.Reach == order.Network {
			return NetworkClosed
		}
		return Closed
	case order.Reduced:
		return OnlyRead
	default:
		return Suspended
	}
	if ask.Objection != Granted && ask.Objection != NotThere { // an asker without a right MUST NOT learn that the application has nothing there
		return ask.Objection
	}
	if !r.reads(ask.Role) {
		return RoleReadsNothing
	}
	covers := func(h roster.Habilitation) bool {
		return h.Account == ask.Account && h.Covers(ask.Service, ask.Purpose, now)
	}
	switch {
	case !slices.ContainsFunc(facts.Habilitations, covers):
		return NotHabilitated
	case !facts.Review.IsZero() && !now.Before(facts.Review):
		return NotReviewed
	case r.Trains[ask.Role] && !now.Before(facts.Trained):
		return NotTrained
	}
	return Granted
}

// refused gives each person in the ask the same refusal.
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
	ask       Ask
	now       time.Time
	rules     Rules
	watch     Watch
	allowance meter.Allowance
	share     meter.Allowance // of what many may be charged
	may       register.Fields
	confirmed register.Fields // that are shown of one person at a time
	times     meter.Cost      // how much dearer this account is now: 1, 2 or 4
	frozen    bool
	observed  bool         // every rule is only observed for the ask
	spared    meter.Limits // those that are only observed
	bypassed  bool         // a source does not arrive: the account's own caseload, and nobody else
	canaryMet bool         // an earlier search showed a canary, and no step-up followed
	explainer reason.Explainer
	meter     *meter.Draft
	answer    uint64
	wider     Wider
	lists     []ExportList
	gifts     Gifts
	rows      int // people without a reason who may be found by searches; zero for any number
	strangers int // likewise in whatever way
}

func (r Rules) weighing(ask Ask, facts Facts, now time.Time) weighing {
	spared := r.Observed.Limits(ask)
	met, proved := facts.Meter.CanariesListed(meter.CanaryListedLimit, spared, now)
	facts.Evidence.Silent, facts.Evidence.Service = facts.Orders.Silent(now), ask.Service
	return weighing{
		ask: ask, now: now, rules: r, watch: r.Watches[ask.Role],
		allowance: r.Allowance(ask, facts, now),
		share:     r.share(),
		may:       r.Purposes[ask.Purpose],
		confirmed: r.Categories.Confirmed(),
		times:     circumstances(ask, facts, now),
		observed:  r.Observed.covers(ask),
		spared:    spared,
		bypassed:  facts.Evidence.Silent != nil,
		canaryMet: met > 0 && !proved,
		explainer: reason.Explain(ask.Account, ask.Organisation, facts.Evidence, r.Covers, now),
		meter:     facts.Meter,
		answer:    facts.Answer,
		wider:     facts.Wider,
		lists:     facts.Exports,
		gifts:     GiftsOf(r.Signed, facts.Young(now)),
		rows:      r.RowsOf(ask.Role, facts.Young(now)),
		strangers: r.StrangersOf(ask.Role, facts.Young(now), facts.Meter, now),
	}
}

// rule decides about one person, and moves the draft on as the entry will; not for the last, after
// whom nobody is weighed.
func (w *weighing) rule(opening Opening, last bool) Ruling {
	all := w.ask
	w.ask = all.For(opening)
	defer func() { w.ask = all }()
	ruling := w.weigh(opening)
	if !ruling.Verdict.Shows() {
		ruling.Cost = 0
		seen, _ := w.meter.Seen(opening.Person, w.now)
		if seen &= opening.Fields & w.fields(); ruling.Why.keepsSeen() && seen != 0 && seen.Has(w.ask.uncut(opening)) {
			ruling.Verdict, ruling.Fields = Masked, seen // what was seen stays open, what is new does not
		}
	}
	if ruling.Verdict == Shown && ruling.Fields != opening.Fields {
		ruling.Verdict = Masked
	}
	ruling.Spared = w.spared
	if last {
		return ruling
	}
	w.meter.Record(Event(w.ask, opening.Person, ruling, w.answer, w.now))
	if ruling.Verdict.Shows() {
		w.wider.Add(meter.CommonOf(ruling.Cost, w.ask.Signs), ruling.Spared, w.now)
	}
	return ruling
}

// enforce returns the first denial whose rule is enforced. A denial whose rule is only
// observed is noted on the ruling, and the next is weighed: observing one rule MUST
// switch off no other.
func (w *weighing) enforce(shown Ruling, denials iter.Seq[Ruling]) Ruling {
	for denial := range denials {
		if !w.onlyObserved(denial) {
			return denial
		}
		if !shown.Observed {
			denial.Verdict, denial.Fields, denial.Observed = Shown, shown.Fields, true
			shown = denial
		}
	}
	return shown
}

// onlyObserved reports whether a denial is only noted, because its rule is observed. Beyond
// what an account may be shown within a day all the same, no denial is.
func (w *weighing) onlyObserved(denial Ruling) bool {
	if !denial.Why.Counts() || !w.observed && !w.rules.Observed.Grounds[denial.Why] {
		return false
	}
	most := w.rules.Observed.Most
	return most == 0 || w.meter.Unexplained(24*time.Hour, w.now) < most
}

// keepsSeen reports whether a denial of new fields still shows the fields seen before: whatever
// is empty or spent, what it paid for stays paid for.
func (w Why) keepsSeen() bool {
	switch w {
	case ShortEmpty, LongEmpty, SignedEmpty, CeilingReached, ShareReached, OrganisationEmpty, ServiceEmpty, RegisterEmpty, Frozen:
		return true
	default:
		return false
	}
}

func (w *weighing) weigh(opening Opening) Ruling {
	fields := opening.Fields & w.fields()
	switch {
	case w.ask.Act == Change && opening.Fields&w.rules.Theirs != 0: // said of whoever exists and of whoever does not
		return Ruling{Verdict: Withheld, Why: OnlyTheirs}
	case w.bypassed && !w.passes(opening): // whether they exist or not
		return Ruling{Verdict: Withheld, Why: CaseloadOnly}
	case opening.Person.IsZero() && !w.exports():
		return w.nonexistent()
	}
	found := w.explainer.Of(opening.Person)
	if found.Kind == reason.ArchiveOpening && !w.ask.Signs.Opens() { // in no list and no export, even if the file is active again
		found = reason.Reason{}
	}
	if denial, apart := w.apart(opening, found); apart {
		return denial
	}
	switch {
	case opening.Fields != 0 && fields == 0, !fields.Has(w.ask.uncut(opening)):
		return Ruling{Verdict: Withheld, Why: w.ask.Act.notForPurpose()}
	case w.exports() && !(found.Explained() && w.onList(opening.Person)): // a canary too: nothing tells them apart
		return Ruling{Verdict: Withheld, Why: NoPermit}
	case opening.Canary:
		return w.canary(opening.Person, fields)
	case w.exports():
		return w.exported(fields, found)
	case found.Explained():
		return w.explained(opening.Person, fields, found)
	}
	price := w.meter.Price(opening.Person, fields, w.ask.Signs.Has(meter.SearchRow), w.now)
	if price == 0 {
		return Ruling{Verdict: Shown, Why: AlreadySeen, Fields: fields}
	}
	return w.unexplained(opening.Person, fields, price)
}

// fields are those that may be shown of an opening, or be changed: a NIR, or what else is
// declared so, is shown of one person at a time, who is opened, and once for each time that the
// account has confirmed it.
func (w *weighing) fields() register.Fields {
	if w.ask.Act == Change {
		return w.may
	}
	fields := w.may &^ w.confirmed
	if len(w.ask.People) == 1 && w.ask.Signs.Opens() {
		fields |= w.may & meter.NIRsOf(w.meter).Waiting(w.ask.People[0].Person, w.ask.Service, w.now)
	}
	return fields
}

// passes reports whether a bypass lets somebody be weighed: a person of the account's own
// caseload, and no export. A canary that is opened by its identifier freezes, as ever.
func (w *weighing) passes(opening Opening) bool {
	return !w.exports() && (w.explainer.Of(opening.Person).Kind == reason.Caseload || opening.Canary && !w.frozen && !w.ask.Signs.Has(meter.SearchRow))
}

// nonexistent rules on a reference to a person who does not exist: it is withheld, and
// guessing freezes. Where an unexplained person would be denied, so is this one, for the
// same reason and with the same consequences: an asker MUST NOT learn from a denial
// whether a person exists.
func (w *weighing) nonexistent() Ruling {
	if !w.ask.Signs.Has(meter.Listed) { // all such rows of a list are cut out
		if stranger := w.unexplained(register.PersonID{}, 0, meter.Whole); !stranger.Verdict.Shows() {
			return stranger
		}
	}
	withheld := Ruling{Verdict: Withheld, Why: NobodyKnown}
	if w.evidence(register.PersonID{}, withheld, meter.EnumerationLimit) < w.watch.sure() {
		return withheld
	}
	denial := Ruling{Verdict: Freeze, Why: Enumerating}
	if w.onlyObserved(denial) {
		denial.Verdict, denial.Observed = Withheld, true
	}
	return denial
}

// canary freezes an account that opens a canary, whatever explains it. In the rows of a
// search a canary is counted, withheld or already seen as any unexplained person is:
// nothing MUST tell it apart. The first one shown is noted, and the next unexplained
// person of a later answer asks for a step-up; asking in this answer would give the canary
// away. A second one freezes.
func (w *weighing) canary(person register.PersonID, fields register.Fields) Ruling {
	inSearch := w.ask.Signs.Has(meter.SearchRow)
	price := w.meter.Price(person, fields, inSearch, w.now)
	met, _ := w.meter.CanariesListed(meter.CanaryLimit, w.spared, w.now)
	switch {
	case inSearch && price == 0:
		return Ruling{Verdict: Shown, Why: AlreadySeen, Fields: fields}
	case w.frozen:
		return w.unexplained(person, fields, price)
	case inSearch && met == 0:
		ruling := w.unexplained(person, fields, price)
		if ruling.Verdict.Shows() && !ruling.Observed {
			ruling.Why = CanaryListed
		}
		return ruling
	}
	return w.enforce(Ruling{Verdict: Shown, Fields: fields}, func(yield func(Ruling) bool) {
		yield(Ruling{Verdict: Freeze, Why: CanaryOpened})
	})
}

// proven multiplies the pace and the wall of an account that stepped up within half a
// day.
const proven = 3

// explained shows a person whom a fact explains, within the ceiling, what rows may show in a day, the
// wall and the pace. The last three first ask for a step-up; after a step-up, rows and the wall withhold.
// Rows of a list count for neither wall nor pace.
func (w *weighing) explained(person register.PersonID, fields register.Fields, found reason.Reason) Ruling {
	ruling := Ruling{Verdict: Shown, Why: Explained, Reason: found, Fields: fields}
	shown, beyond := w.beyondCeiling(person)
	if beyond {
		if w.meter.Price(person, fields, w.ask.Signs.Has(meter.SearchRow), w.now) == 0 {
			return Ruling{Verdict: Shown, Why: AlreadySeen, Fields: fields}
		}
		if why, allowed := w.allowed(person, meter.Whole); allowed {
			ruling.Why, ruling.Cost = why, meter.Whole
		}
	}
	return w.enforce(ruling, func(yield func(Ruling) bool) {
		if beyond { // nobody MUST be asked for a signature that would open nothing
			denial, full := w.full(meter.Whole)
			if denial.Reason = found; full && !yield(denial) {
				return
			}
		}
		if beyond && ruling.Why == Explained && !yield(w.signable(Ruling{Reason: found, Counted: meter.People(shown), Limit: meter.People(w.ceiling())}.as(AskCosign, CeilingReached))) {
			return
		}
		if denial, reached := w.listed(person); reached {
			if denial.Reason = found; !yield(denial) {
				return
			}
		}
		if w.ask.Signs.Has(meter.Listed) {
			return
		}
		denial := Ruling{Reason: found, Again: w.now.Add(meter.Hour)}
		if wall := w.watch.Wall; wall > 0 {
			n, proved := w.meter.Explained(person, w.now)
			denial.Counted, denial.Limit = meter.People(n), meter.People(wall)
			if n >= wall && !proved && !yield(denial.as(AskStepUp, WallReached)) {
				return
			}
			denial.Limit *= proven
			if denial.Counted >= denial.Limit && !yield(denial.as(Withheld, WallReached)) {
				return
			}
		}
		if w.watch.Pace > 0 && found.Kind.Standing() {
			n, proved := w.meter.Own(person, w.now)
			limit := w.watch.Pace
			if proved {
				limit *= proven
			}
			denial.Counted, denial.Limit = meter.People(n), meter.People(limit)
			if n >= limit {
				yield(denial.as(AskStepUp, PaceReached))
			}
		}
	})
}

// listed says whether a person in a row is new to the account, and one more than rows may show it within
// a day: a list of one's own people is where work begins, and a thousand new ones are no day's work.
func (w *weighing) listed(person register.PersonID) (Ruling, bool) {
	if most := w.rules.Lists[w.ask.Role]; most == 0 || !w.ask.Signs.InRow() || w.meter.Known() < most { // to count them takes long
		return Ruling{}, false
	}
	if _, seen := w.meter.Seen(person, w.now); seen {
		return Ruling{}, false
	}
	n, most := w.rules.Listed(w.ask.Role, w.meter, w.now)
	denial := Ruling{Counted: meter.People(n), Limit: meter.People(most)}
	if most > w.rules.Lists[w.ask.Role] { // it was confirmed
		return denial.as(Withheld, ListsReached), n >= most
	}
	return denial.as(AskStepUp, ListsReached), n >= most
}

// ceiling is how many people with a reason the account may be shown within 28 days; zero
// for any number.
func (w *weighing) ceiling() int { return w.rules.Ceilings[w.ask.Role] }

// beyondCeiling reports whether a person whom a fact explains is one more than the ceiling
// holds, and how many it holds already.
func (w *weighing) beyondCeiling(person register.PersonID) (shown int, beyond bool) {
	if w.ceiling() == 0 || w.meter.Known() < w.ceiling() || w.meter.Reasoned(person, w.spared, w.now) {
		return 0, false
	}
	shown = w.meter.Reasons(w.spared, w.now)
	return shown, shown >= w.ceiling()
}

// strangersBefore returns how many people without a reason the account was shown already, in
// whatever way, and how many of them in rows of searches only. Both are zero when the person is
// not new, or when no limit of them can be reached.
func (w *weighing) strangersBefore(person register.PersonID) (all, found int) {
	if known := w.meter.Known(); (w.strangers == 0 || known < w.strangers) && (w.rows == 0 || known < w.rows) {
		return 0, 0
	}
	if _, shown := w.meter.Seen(person, w.now); shown {
		return 0, 0
	}
	return w.meter.Strangers(w.spared, w.now)
}

// allowed says what another person allowed that lets this one be shown at a cost.
func (w *weighing) allowed(person register.PersonID, cost meter.Cost) (Why, bool) {
	if w.ask.Signs.Opens() && w.meter.Vouched(person, w.ask.Service, w.now) {
		return Vouched, true
	}
	if left, _ := w.meter.Raise(w.now); left >= cost {
		return Raised, true
	}
	return Granted, false
}

// unexplained weighs a person without a reason, at a price. When it denies a whole
// person, it returns the denial that a person who does not exist would get at their
// higher price, so that the figures do not tell the two apart.
func (w *weighing) unexplained(person register.PersonID, fields register.Fields, price meter.Cost) Ruling {
	inRow := price == meter.Row
	why, price, ticket := w.typed(person, price)
	ruling := Ruling{Verdict: Shown, Why: why, Reason: ticket, Fields: fields}
	times, unknown := w.about(person), w.about(register.PersonID{})
	if inRow { // the application chose whom it shows: cold and protected people cost what others do
		times = 1
	}
	stranger := w.stranger(person, ruling, price*min(w.times*times, most))
	if !stranger.Verdict.Shows() && price == meter.Whole && times < unknown {
		return w.stranger(person, ruling, price*min(w.times*unknown, most))
	}
	return stranger
}

func (w *weighing) stranger(person register.PersonID, ruling Ruling, cost meter.Cost) Ruling {
	ruling.Cost = cost
	if w.frozen {
		return w.escalate(person, Ruling{Verdict: Withheld, Why: Frozen})
	}
	why, allowed := w.allowed(person, cost)
	strangers, found := w.strangersBefore(person)
	beyond := w.rows > 0 && found >= w.rows && w.ask.Signs.Has(meter.SearchRow)
	if beyond {
		if why, allowed = w.allowed(person, max(cost, meter.Whole)); allowed { // a raise is for people, not for five times as many rows
			ruling.Cost = max(cost, meter.Whole)
		}
	}
	if allowed {
		ruling.Why = why
	}
	balance := w.meter.Weigh(ruling.Cost, w.allowance, w.spared, w.now)
	ruling.Counted, ruling.Limit = balance.Counted+ruling.Cost, balance.Limit
	return w.enforce(ruling, func(yield func(Ruling) bool) {
		denial := weighed(ruling.Cost, balance)
		if w.evidence(person, ruling, meter.EnumerationLimit) >= w.watch.sure() && !yield(denial.as(Freeze, Enumerating)) {
			return
		}
		if w.strangers > 0 && strangers >= w.strangers && !yield(Ruling{Cost: ruling.Cost, Counted: meter.People(strangers), Limit: meter.People(w.strangers)}.as(Withheld, StrangersReached)) {
			return // no raise and no signature lifts it
		}
		if beyond && !allowed && !yield(Ruling{Cost: ruling.Cost, Counted: meter.People(found), Limit: meter.People(w.rows)}.as(Withheld, RowsReached)) {
			return
		}
		if denial, full := w.full(ruling.Cost); full && !yield(denial) { // no raise, no signature and no step-up lifts these: nobody MUST be asked for one
			return
		}
		if !allowed && !w.counts(person, ruling.Cost, balance, yield) {
			return
		}
		w.suspects(person, ruling, denial, yield)
	})
}

// suspects yields the denials that evidence of enumeration asks for before it is sure, and
// a canary. They come last: nobody MUST be asked for an identity or a step-up that would
// open nothing.
func (w *weighing) suspects(person register.PersonID, ruling, denial Ruling, yield func(Ruling) bool) {
	if w.evidence(person, ruling, meter.DoubtLimit) >= w.watch.doubt() && ruling.Why != Vouched && !w.ask.Signs.Has(meter.SearchRow) && !w.meter.Found(person, w.now) {
		denial := denial.as(AskIdentity, Doubted)
		if w.enumerates(person, denial) && !yield(denial.as(Freeze, Enumerating)) || !yield(denial) {
			return
		}
	}
	if w.canaryMet {
		yield(denial.as(AskStepUp, CanaryListed))
	}
}

// counts yields the denials of the account's own allowances and CUSUM, and reports
// whether to go on.
func (w *weighing) counts(person register.PersonID, cost meter.Cost, balance meter.Balance, yield func(Ruling) bool) bool {
	for denial := range w.watch.Against(w.meter, cost, balance, w.spared, w.now) {
		if denial.Why == LongEmpty {
			denial = w.signable(denial)
		}
		if denial.Why == ShortEmpty && w.enumerates(person, denial) && !yield(denial.as(Freeze, Enumerating)) || !yield(denial) {
			return false
		}
	}
	return true
}

// signable leaves of an empty allowance of 28 days, or of a ceiling, what a signature can
// open: one person who is opened, and no more people than this account can be given.
func (w *weighing) signable(denial Ruling) Ruling {
	if !w.ask.Signs.Opens() {
		return denial.as(Withheld, denial.Why)
	}
	n := w.meter.Signed(w.now)
	given := w.meter.Raised(w.now) + meter.People(n)
	switch {
	case n < w.gifts.Signed && given+meter.Whole <= meter.People(w.gifts.Given):
	case denial.Why == CeilingReached, denial.Why == FileClosed:
		return denial.as(Withheld, denial.Why)
	default:
		denial.Counted, denial.Limit = meter.People(n), meter.People(w.gifts.Signed)
		if n < w.gifts.Signed {
			denial.Counted, denial.Limit = given, meter.People(w.gifts.Given)
		}
		return denial.as(Withheld, SignedEmpty)
	}
	return denial
}

// Against yields the denials of a cost without a reason: an allowance that it does not
// fit in, as Weigh found, and a CUSUM that it takes beyond the line.
func (w Watch) Against(m *meter.Draft, cost meter.Cost, balance meter.Balance, observed meter.Limits, now time.Time) iter.Seq[Ruling] {
	return func(yield func(Ruling) bool) {
		denial := weighed(cost, balance)
		switch balance.Empty {
		case meter.Long:
			denial = denial.as(AskCosign, LongEmpty)
		case meter.Short:
			denial = denial.as(AskStepUp, ShortEmpty)
		default:
		}
		if balance.Empty != meter.Fits && !yield(denial) || w.Line == 0 {
			return
		}
		if drift := m.Drift(w.Forgiven, observed, now) + cost; drift > w.Line {
			yield(Ruling{Verdict: Freeze, Why: Drifting, Cost: cost, Counted: drift, Limit: w.Line})
		}
	}
}

// weighed is a denial with the figures of a cost and of the allowance it was held
// against.
func weighed(cost meter.Cost, balance meter.Balance) Ruling {
	return Ruling{Cost: cost, Counted: balance.Counted, Limit: balance.Limit, Again: balance.Again}
}

// escalate expels a frozen account that goes on from one unexplained person to the
// next; otherwise it returns the denial.
func (w *weighing) escalate(person register.PersonID, denial Ruling) Ruling {
	if w.evidence(person, denial, meter.EnumerationLimit) >= 2*w.watch.sure() {
		return Ruling{Verdict: Refused, Why: Expelled}
	}
	return denial
}

// enumerates reports whether an account that was asked for a step-up or an identity went
// on to the next unexplained person instead.
func (w *weighing) enumerates(person register.PersonID, denial Ruling) bool {
	return w.evidence(person, denial, meter.EnumerationLimit) >= w.watch.sure()
}

// evidence is that of enumeration, as it would stand after a ruling, for one of its limits.
func (w *weighing) evidence(person register.PersonID, ruling Ruling, limit meter.Limits) meter.Evidence {
	return w.meter.Evidence(Event(w.ask, person, ruling, w.answer, w.now), limit, w.spared)
}

// as returns the ruling with a verdict and a ground.
func (r Ruling) as(verdict Verdict, why Why) Ruling {
	r.Verdict, r.Why = verdict, why
	return r
}

// full says which of the wider allowances does not hold the cost, or whether the account has
// spent its share of them: one account MUST NOT empty what its colleagues work with.
func (w *weighing) full(cost meter.Cost) (Ruling, bool) {
	if balance := w.meter.WeighShare(cost, w.share, w.spared, w.now); balance.Empty != meter.Fits {
		return weighed(cost, balance).as(Withheld, ShareReached), true
	}
	for _, wider := range []struct {
		tally *meter.Tally
		limit meter.Allowance
		why   Why
	}{
		{&w.wider.Organisation, w.rules.organisation(w.wider.Organisation, w.spared.Has(meter.OrganisationLimit), w.now), OrganisationEmpty},
		{&w.wider.Service, w.rules.Wider.Service, ServiceEmpty},
		{&w.wider.Register, w.rules.Wider.Register, RegisterEmpty},
	} {
		if balance := wider.tally.Weigh(meter.CommonOf(cost, w.ask.Signs), wider.limit, w.spared.Has(limits[wider.why]), w.now); balance.Empty != meter.Fits {
			return weighed(cost, balance).as(Withheld, wider.why), true
		}
	}
	return Ruling{}, false
}
