// Package ledger is what was written down: every disclosure, refusal and order,
// numbered without gaps, never altered. An entry names people by pseudonym only.
// Its commitment is a leaf of a Merkle tree whose head is signed, so that a
// removed, changed or re-ordered entry is found and named.
package ledger

import (
	"time"

	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Number counts entries from 0 without gaps; it is also the entry's leaf in the
// tree.
type Number uint64

// Kind says what an entry records. The numbers are written for ever.
type Kind uint8

const (
	Opened    Kind = 1  // the ledger begins; always entry 0
	Attempted Kind = 2  // a request was refused before the application was asked
	Changed   Kind = 3  // a request that changes something was decided
	Consulted Kind = 4  // an answer was decided
	Placed    Kind = 5  // an order was placed
	Lifted    Kind = 6  // an order was lifted
	Read      Kind = 7  // somebody read the ledger
	Imported  Kind = 8  // facts, aliases or a roster were taken in
	Session   Kind = 9  // a session ended in a way worth knowing
	Touched   Kind = 10 // whoever holds the account proved to be there
	Raised    Kind = 11 // more people without a reason were allowed, for a while
	Cosigned  Kind = 12 // another person signed for one person to be opened
	Mission   Kind = 13 // an export was allowed, of so many people and for a while
	Retained  Kind = 14 // how long entries are kept was set
	Held      Kind = 15 // entries are kept beyond their term, until they are released
	Released  Kind = 16 // what was held is not any more
	Dropped   Kind = 17 // entries were dropped at their term
	Named     Kind = 18 // pseudonyms were led back to people
)

var kindNames = [...]string{"", "opened", "attempted", "changed", "consulted", "placed", "lifted", "read", "imported", "session", "touched", "raised", "cosigned", "mission", "retained", "held", "released", "dropped", "named"}

func (k Kind) String() string {
	if int(k) < len(kindNames) && k != 0 {
		return kindNames[k]
	}
	return "unknown kind"
}

// Entry is one line of the ledger: one person in one answer, one refusal, or one
// act on the ledger itself. Times are UTC, to the microsecond.
type Entry struct {
	Number  Number
	Time    time.Time
	Kind    Kind
	Receipt Number // the first entry of the same passage; what the agent is given

	Account      roster.AccountID // who asked, or who acted
	Organisation roster.OrganisationID
	Session      roster.SessionID
	Service      roster.ServiceID
	Purpose      roster.Purpose
	Route        string

	Person  register.PersonID // zero: the entry is about no one person
	Fields  register.Fields   // what was shown
	Verdict policy.Verdict
	Why     policy.Why
	Reason  reason.Reason // the fact behind an explained opening
	Cost    meter.Cost    // what it was charged
	Counted meter.Cost    // what stood against Limit
	Limit   meter.Cost

	Detail string // what an order, a reading or an import was; names no person

	Subject  roster.AccountID // the account an act is about, when it is not Account's own
	Device   string           // which browser asked, as a tag
	Network  string           // which class of network it was in
	Signs    meter.Signs      // what the door noticed
	Observed bool             // Why would have stopped it, were its rule not only observed
	Spared   meter.Limits     // those that were only observed: it counts for none of them once they are enforced
	Until    time.Time        // when a raise or a mission ends

	From, End Number // the entries an act is about: End is the first after them
	Epoch     Month  // whose key hides Person and the fact's ID here; zero: nothing is hidden
}

// Disclosed reports whether the entry says that a person was shown.
func (e Entry) Disclosed() bool {
	return (e.Kind == Consulted || e.Kind == Changed) && e.Verdict.Shows() && !e.Person.IsZero()
}

// Unexplained reports whether the entry says that a person was shown of whom no fact
// told why, or not enough to spare the account a charge.
func (e Entry) Unexplained() bool {
	return e.Disclosed() && (e.Cost > 0 || !e.Reason.Explained())
}

// Guessed reports whether the entry is about a reference that led to nobody. Who
// asked was told what they would have been of a stranger.
func (e Entry) Guessed() bool {
	if e.Verdict.Shows() || !e.Person.IsZero() {
		return false
	}
	return e.Why == policy.NobodyKnown || e.Why == policy.Frozen || e.Why == policy.Expelled || e.Why.Counts()
}

// Whose returns the account whose meter the entry moves on.
func (e Entry) Whose() roster.AccountID {
	switch e.Kind {
	case Raised, Cosigned, Lifted, Mission:
		return e.Subject
	default:
		return e.Account
	}
}

// Event is the entry as that meter takes it in.
func (e Entry) Event() meter.Event {
	answer := uint64(e.Receipt)
	switch e.Kind {
	case Attempted, Changed, Consulted:
		ask := policy.Ask{Act: actOf[e.Kind], Service: e.Service, Route: e.Route, Device: e.Device, Network: e.Network, Signs: e.Signs}
		return policy.Event(ask, e.Person, e.Ruling(), answer, e.Time)
	case Touched:
		return meter.Event{Kind: meter.Touched, At: e.Time, Answer: answer, Device: e.Device, Network: e.Network}
	case Raised:
		return meter.Event{Kind: meter.Raised, At: e.Time, Answer: answer, Cost: e.Cost, Until: e.Until}
	case Mission:
		return meter.Event{Kind: meter.Commissioned, At: e.Time, Answer: answer, Cost: e.Cost, Until: e.Until, Export: meter.ExportOf(e.Service, e.Route)}
	case Cosigned:
		return meter.Event{Kind: meter.Cosigned, At: e.Time, Answer: answer, Person: e.Person, Service: e.Service}
	case Lifted:
		return meter.Event{Kind: meter.Thawed, At: e.Time, Answer: answer}
	default:
		return meter.Event{}
	}
}

var (
	actOf  = map[Kind]policy.Act{Attempted: policy.Attempt, Changed: policy.Change, Consulted: policy.Show}
	kindOf = map[policy.Act]Kind{policy.Attempt: Attempted, policy.Change: Changed, policy.Show: Consulted}
)

// Of returns the entries that a decided ask makes, numbered from first: one for
// each person, or one when there is nobody in it. An attempt that nothing stands
// against makes none: nothing is shown yet, so nothing is owed.
func Of(ask policy.Ask, decision policy.Decision, first Number, at time.Time) []Entry {
	if ask.Act == policy.Attempt && decision.Shown() {
		return nil
	}
	entry := Entry{
		Number: first, Time: at, Kind: kindOf[ask.Act], Receipt: first,
		Account: ask.Account, Organisation: ask.Organisation, Session: ask.Session,
		Service: ask.Service, Purpose: ask.Purpose, Route: ask.Route,
		Device: ask.Device, Network: ask.Network, Signs: ask.Signs,
	}
	if len(ask.People) == 0 {
		return []Entry{entry.ruled(decision.Whole)}
	}
	entries := make([]Entry, len(ask.People))
	for i, opening := range ask.People {
		entry.Number, entry.Person, entry.Signs = first+Number(i), opening.Person, ask.For(opening).Signs
		entries[i] = entry.ruled(decision.People[i])
	}
	return entries
}

func (e Entry) ruled(r policy.Ruling) Entry {
	e.Verdict, e.Why, e.Reason, e.Fields = r.Verdict, r.Why, r.Reason, r.Fields
	e.Cost, e.Counted, e.Limit, e.Observed, e.Spared = r.Cost, r.Counted, r.Limit, r.Observed, r.Spared
	return e
}

// Ruling is the decision the entry records, for its sentence.
func (e Entry) Ruling() policy.Ruling {
	return policy.Ruling{
		Verdict: e.Verdict, Why: e.Why, Reason: e.Reason, Fields: e.Fields,
		Cost: e.Cost, Counted: e.Counted, Limit: e.Limit, Observed: e.Observed, Spared: e.Spared,
	}
}

// Cut is a time to the microsecond in UTC, as the ledger keeps it.
func Cut(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
