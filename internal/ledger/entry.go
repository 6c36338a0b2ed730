// Package ledger is the record: every disclosure, refusal and order, numbered without
// gaps, never altered. An entry names people by pseudonym only.
// Its commitment is a leaf of a Merkle tree whose head is signed, so that a
// removed, changed or re-ordered entry is found and named.
package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"time"

	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Number counts entries from 0 without gaps; it is also the entry's leaf in the
// tree.
type Number uint64

// Entry is one line of the ledger: one person in one answer, one refusal, or one
// act on the ledger itself. Times are UTC, to the microsecond.
type Entry struct {
	Number  Number
	Time    time.Time
	Kind    Kind
	Receipt Number // the first entry of the same passage; the agent is given it

	Account      roster.AccountID // that asked or acted
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

	Device   string       // which browser asked, as a tag
	Network  string       // which class of network it was in
	Signs    meter.Signs  // what the door noticed
	Observed bool         // Why would have stopped it, were its rule not only observed
	Spared   meter.Limits // those that were only observed: it counts for none of them once they are enforced
	Epoch    Month        // whose key hides Person and the fact's ID here; zero: nothing is hidden

	// Of a sign-in. Kind.Fields says of which besides.

	Identity roster.Identity // by whose word, and whose
	SIRET    string          // of the organisation that the provider says the person is of
	ACR      string          // the level of assurance, in the provider's words
	AMR      string          // the means that were used, in its words, with spaces between them
	Factor   string          // what those two were judged to be: see package signin

	// Of acts. Kind.Fields says which of these a kind has.

	Approver     roster.AccountID      // who approved it, where an act takes two people
	Subject      roster.AccountID      // the account it is about, when that is not Account
	Effect       order.Effect          // what an order does
	Reach        order.Reach           // and how far it goes
	Spares       roster.OrganisationID // of what is closed: whose people read already
	Target       string                // the account, organisation or service it reaches; the accounts or the source that an act is about
	Cause        Number                // the entry that brought it about; zero: none is known
	Since, Until time.Time             // the time it is about; Until is also when what it gives ends
	From, End    Number                // the entries it is about: End is the first after them
	First, Last  Month                 // the months it is about, both included; Last is zero while it is open
	Count        uint64                // of what it is about: people, lines, months
	Rejected     uint64                // lines of an import that were not taken in
	Digest       Digest                // SHA-256 of the list it is about, or of the rows it made
	State        State                 // what was read, what was imported, how it ended
	Note         string                // what a person wrote, for people; no rule reads it
}

// Digest is a SHA-256.
type Digest [sha256.Size]byte

// DigestRows is the digest of the rows that list gives to row, in their order: each column
// with its length, so that no two lists read alike.
func DigestRows(list func(row func(columns ...any))) Digest {
	sum := sha256.New()
	list(func(columns ...any) {
		for _, column := range columns {
			text := fmt.Sprint(column)
			fmt.Fprintf(sum, "%d:%s,", len(text), text)
		}
		fmt.Fprint(sum, ";")
	})
	return Digest(sum.Sum(nil))
}

func (d Digest) IsZero() bool { return d == Digest{} }

// String is the digest in hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Order is the order that the entry placed or lifted, as far as the ledger tells of it.
func (e Entry) Order() order.Order {
	return order.Order{Effect: e.Effect, Reach: e.Reach, Target: e.Target, Ends: e.Until, By: string(e.Account), Cause: uint64(e.Cause), Because: e.Note, Since: e.Since, Spares: e.Spares}
}

// Disclosed reports whether the entry says that a person was shown.
func (e Entry) Disclosed() bool {
	return (e.Kind == Consulted || e.Kind == Changed) && e.Verdict.Shows() && !e.Person.IsZero()
}

// Unexplained reports whether the entry says that a person was shown without a fact that
// explains it, or at a cost in spite of one.
func (e Entry) Unexplained() bool {
	return e.Disclosed() && (e.Cost > 0 || !e.Reason.Explained())
}

// Guessed reports whether the entry is about a reference that led to no person. The asker
// was told what an unexplained person would have brought.
func (e Entry) Guessed() bool {
	if e.Verdict.Shows() || !e.Person.IsZero() {
		return false
	}
	return e.Why == policy.NobodyKnown || e.Why == policy.Frozen || e.Why == policy.Expelled || e.Why.Counts()
}

// Whose returns the account whose meter the entry moves on.
func (e Entry) Whose() roster.AccountID {
	switch e.Kind {
	case Raised, Cosigned, ArchiveOpened, Lifted, Permitted, PermitEnded, Refunded:
		return e.Subject
	default:
		return e.Account
	}
}

// Over returns the session that the entry says has ended, if it says so of one.
func (e *Entry) Over() (session roster.SessionID, ended bool) {
	ended = e.Kind == SignedOut || e.Kind == Session && e.State != Unbound && e.State != Keyless
	return e.Session, ended && e.Session != ""
}

// Asks reports whether the entry is a request, and no row is: for a hold, or for the release of one.
func (e *Entry) Asks() bool {
	return (e.Kind == HoldAsked || e.Kind == ReleaseAsked) && e.State == Asked
}

// Answers is the request that the entry answers for good, of those that no row says are answered: for a
// hold, for the release of one, or for a step of a reopening. It is 0 of any other entry.
func (e *Entry) Answers() Number {
	switch e.Kind {
	case HoldAsked, ReleaseAsked, Held, Released, Reopening:
		return e.Cause
	default:
		return 0
	}
}

// Given is how many people the entry's account gives another to be opened.
func (e Entry) Given() meter.Cost {
	switch e.Kind {
	case Raised:
		return e.Cost
	case Cosigned, ArchiveOpened:
		return meter.Whole
	default:
		return 0
	}
}

// Entrusted is how many people the entry's account, and whoever it approves, let come to
// another account's caseload.
func (e Entry) Entrusted() meter.Cost {
	if e.Kind == Entrusted && e.State == SignedFor {
		return meter.People(int(min(e.Count, 1<<20)))
	}
	return 0
}

// Event is the entry as that meter takes it in.
func (e *Entry) Event() meter.Event {
	answer := uint64(e.Receipt)
	switch e.Kind {
	case Attempted, Changed, Consulted:
		ask := policy.Ask{Act: actOf[e.Kind], Service: e.Service, Route: e.Route, Device: e.Device, Network: e.Network, Signs: e.Signs}
		return policy.Event(ask, e.Person, e.Ruling(), answer, e.Time)
	case SteppedUp:
		return meter.Event{Kind: meter.SteppedUp, At: e.Time, Answer: answer, Device: e.Device, Network: e.Network}
	case Raised:
		return meter.Event{Kind: meter.Raised, At: e.Time, Answer: answer, Cost: e.Cost, Until: e.Until}
	case Permitted:
		return meter.Event{Kind: meter.Permitted, At: e.Time, Answer: answer, Cost: e.Cost, Until: e.Until, Permit: uint64(e.Cause), Export: meter.ExportOf(e.Service, e.Route)}
	case PermitEnded: // a permit of nobody, over already, takes its place
		return meter.Event{Kind: meter.Permitted, At: e.Time, Answer: answer, Until: e.Time, Export: meter.ExportOf(e.Service, e.Route)}
	case Cosigned, ArchiveOpened:
		return meter.Event{Kind: meter.Cosigned, At: e.Time, Answer: answer, Person: e.Person, Service: e.Service}
	case NIRAsked:
		return meter.Event{Kind: meter.NIRAsked, At: e.Time, Answer: answer, Person: e.Person, Service: e.Service, Fields: e.Fields}
	case Lifted:
		return meter.Event{Kind: meter.Thawed, At: e.Time, Answer: answer}
	case Refunded:
		return meter.Event{Kind: meter.Refunded, At: e.Time, Answer: answer, Person: e.Person, Cost: e.Cost, Since: e.Since, Spared: e.Spared}
	default:
		return meter.Event{}
	}
}

var (
	actOf  = map[Kind]policy.Act{Attempted: policy.Attempt, Changed: policy.Change, Consulted: policy.Show}
	kindOf = map[policy.Act]Kind{policy.Attempt: Attempted, policy.Change: Changed, policy.Show: Consulted}
)

// EntriesFor returns the entries of a decided ask, numbered from first: one for each
// person, or one when there is no person. An attempt that is not refused has none:
// nothing is shown yet.
func EntriesFor(ask policy.Ask, decision policy.Decision, first Number, at time.Time) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		if ask.Act == policy.Attempt && decision.Shown() {
			return
		}
		entry := Entry{
			Number: first, Time: at, Kind: kindOf[ask.Act], Receipt: first,
			Account: ask.Account, Organisation: ask.Organisation, Session: ask.Session,
			Service: ask.Service, Purpose: ask.Purpose, Route: ask.Route,
			Device: ask.Device, Network: ask.Network, Signs: ask.Signs,
		}
		if len(ask.People) == 0 {
			yield(entry.ruled(decision.Whole))
			return
		}
		for i, opening := range ask.People {
			entry.Number, entry.Person, entry.Signs = first+Number(i), opening.Person, ask.For(opening).Signs
			if !yield(entry.ruled(decision.People[i])) {
				return
			}
		}
	}
}

func (e Entry) ruled(r policy.Ruling) Entry {
	e.Verdict, e.Why, e.Reason, e.Fields = r.Verdict, r.Why, r.Reason, r.Fields
	e.Cost, e.Counted, e.Limit, e.Observed, e.Spared = r.Cost, r.Counted, r.Limit, r.Observed, r.Spared
	return e
}

// Ruling is the decision the entry records, for its sentence.
func (e *Entry) Ruling() policy.Ruling {
	return policy.Ruling{
		Verdict: e.Verdict, Why: e.Why, Reason: e.Reason, Fields: e.Fields,
		Cost: e.Cost, Counted: e.Counted, Limit: e.Limit, Observed: e.Observed, Spared: e.Spared,
	}
}

// Cut is a time to the microsecond in UTC, as the ledger keeps it.
func Cut(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
