package policy

import (
	"time"

	"poterne/internal/meter"
	"poterne/internal/reason"
	"poterne/internal/register"
)

// Ruling is what was decided about one person, or about a whole ask.
type Ruling struct {
	Verdict Verdict
	Why     Why
	Reason  reason.Reason   // the fact behind it, when Why is Explained
	Fields  register.Fields // what may be shown
	Cost    meter.Cost      // what it was charged
	Counted meter.Cost      // what stood against Limit, this opening included when it was shown
	Limit   meter.Cost
	Again   time.Time // when asking again may help; zero when unknown
}

// Verdict is what happens to a person in an answer. The numbers are written in
// the ledger for ever: 4 to 6 are kept for asking (identity, touch, co-sign) and
// 8 for freezing.
type Verdict uint8

const (
	Shown    Verdict = 1 // handed over
	Masked   Verdict = 2 // handed over without some of the fields
	Withheld Verdict = 3 // cut out of the answer
	Refused  Verdict = 7 // the whole answer was refused
)

// Shows reports whether the person is in the answer that goes out.
func (v Verdict) Shows() bool { return v == Shown || v == Masked }

func (v Verdict) String() string {
	switch v {
	case Shown:
		return "shown"
	case Masked:
		return "masked"
	case Withheld:
		return "withheld"
	case Refused:
		return "refused"
	default:
		return "unknown verdict"
	}
}

// Why is the ground of a ruling. The numbers are written in the ledger for ever.
type Why uint8

const (
	Granted     Why = 0 // nothing stands against the ask as a whole
	Explained   Why = 1 // a fact explains it
	AlreadySeen Why = 2 // shown to the account within 28 days
	Counted     Why = 3 // without a reason, within the allowances

	ShortEmpty    Why = 10 // without a reason, and the hour's allowance is empty
	LongEmpty     Why = 11 // without a reason, and the 28 days' allowance is empty
	Frozen        Why = 12 // without a reason, and an order stops new ones
	NobodyKnown   Why = 13 // the reference leads to nobody
	NotForPurpose Why = 14 // nothing of it belongs to the purpose

	NotHabilitated   Why = 20 // no habilitation for the service and purpose
	RoleReadsNothing Why = 21 // the role reads no file
	Suspended        Why = 22 // an order stops the account or its organisation
	Closed           Why = 23 // an order closes the service, or everything

	NotDeclared   Why = 30 // the route is not declared
	NotUnderstood Why = 31 // the request or the answer could not be read whole
	NotThere      Why = 32 // the application has nothing there, or says so
)

var whyNames = map[Why]string{
	Granted: "granted", Explained: "explained", AlreadySeen: "already-seen", Counted: "counted",
	ShortEmpty: "short-empty", LongEmpty: "long-empty", Frozen: "frozen", NobodyKnown: "nobody-known", NotForPurpose: "not-for-purpose",
	NotHabilitated: "not-habilitated", RoleReadsNothing: "role-reads-nothing", Suspended: "suspended", Closed: "closed",
	NotDeclared: "not-declared", NotUnderstood: "not-understood", NotThere: "not-there",
}

func (w Why) String() string {
	if name, ok := whyNames[w]; ok {
		return name
	}
	return "unknown ground"
}
