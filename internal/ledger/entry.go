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
	Opened    Kind = 1 // the ledger begins; always entry 0
	Attempted Kind = 2 // a request was refused before the application was asked
	Changed   Kind = 3 // a request that changes something was decided
	Consulted Kind = 4 // an answer was decided
	Placed    Kind = 5 // an order was placed
	Lifted    Kind = 6 // an order was lifted
	Read      Kind = 7 // somebody read the ledger
	Imported  Kind = 8 // facts, aliases or a roster were taken in
	Session   Kind = 9 // a session ended in a way worth knowing
)

var kindNames = [...]string{"", "opened", "attempted", "changed", "consulted", "placed", "lifted", "read", "imported", "session"}

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
}

// Disclosed reports whether the entry says that a person was shown.
func (e Entry) Disclosed() bool {
	return (e.Kind == Consulted || e.Kind == Changed) && e.Verdict.Shows() && !e.Person.IsZero()
}

// Opening is the disclosure as the account's meter counts it.
func (e Entry) Opening() meter.Opening {
	return meter.Opening{Person: e.Person, Fields: e.Fields, Cost: e.Cost, At: e.Time}
}

// Ruling is the decision the entry records, for its sentence.
func (e Entry) Ruling() policy.Ruling {
	return policy.Ruling{
		Verdict: e.Verdict, Why: e.Why, Reason: e.Reason, Fields: e.Fields,
		Cost: e.Cost, Counted: e.Counted, Limit: e.Limit,
	}
}

// Cut is a time to the microsecond in UTC, as the ledger keeps it.
func Cut(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
