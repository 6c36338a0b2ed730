package policy

import (
	"time"

	"poterne/internal/meter"
	"poterne/internal/reason"
	"poterne/internal/register"
)

// Ruling is what was decided about one person, or about a whole ask.
type Ruling struct {
	Verdict  Verdict
	Why      Why
	Reason   reason.Reason   // the fact behind it, if there is one
	Fields   register.Fields // what may be shown
	Cost     meter.Cost      // what it was charged
	Counted  meter.Cost      // what stood against Limit, this opening included when it was shown
	Limit    meter.Cost
	Again    time.Time    // when asking again may help; zero when unknown
	Observed bool         // Why would have stopped it, were its rule not only observed
	Spared   meter.Limits // those that were only observed
}

// Message is what the asker is told: the ground, what was counted and the limit. It
// names no person. When the ground was only observed, it says that nothing was denied.
func (r Ruling) Message() (key string, values []any) {
	_, known := whyNames[r.Why]
	switch {
	case r.Observed:
		r.Observed = false
		return "policy.observed", []any{"sentence", r}
	case !known: // written by a newer program
		return "policy.refused", nil
	case r.Why == Explained && (r.Reason.Kind >= reason.Caseload && r.Reason.Kind <= reason.Cover || r.Reason.Kind == reason.ArchiveOpening):
		return "policy.explained-" + r.Reason.Kind.String(), nil
	default:
		return "policy." + r.Why.String(), []any{"counted", r.Counted.People(), "limit", r.Limit.People()}
	}
}

// Verdict is what happens to a person in an answer. The numbers are written in
// the ledger for ever.
type Verdict uint8

const (
	Shown       Verdict = 1 // handed over
	Masked      Verdict = 2 // handed over without some of the fields
	Withheld    Verdict = 3 // cut out of the answer
	AskIdentity Verdict = 4 // not before they are found by name and birth date
	AskStepUp   Verdict = 5 // not before a step-up
	AskCosign   Verdict = 6 // not before another person signs for it
	Refused     Verdict = 7 // the whole answer was refused
	Freeze      Verdict = 8 // withheld, and so are all new ones without a reason from now on
)

// Shows reports whether the person is in the answer that goes out.
func (v Verdict) Shows() bool { return v == Shown || v == Masked }

var verdictNames = [...]string{
	Shown: "shown", Masked: "masked", Withheld: "withheld", AskIdentity: "identity", AskStepUp: "step-up",
	AskCosign: "co-signature", Refused: "refused", Freeze: "frozen",
}

func (v Verdict) String() string {
	if int(v) < len(verdictNames) && v != 0 {
		return verdictNames[v]
	}
	return "unknown verdict"
}

// Why is the ground of a ruling. The numbers are written in the ledger for ever.
type Why uint8

const (
	Granted      Why = 0 // nothing stands against the ask as a whole
	Explained    Why = 1 // a fact explains it
	AlreadySeen  Why = 2 // shown to the account within 28 days
	Counted      Why = 3 // without a reason, within the allowances
	Raised       Why = 4 // without a reason, and another person allowed some more for a while
	TypedTicket  Why = 5 // the asker typed a ticket for it, which costs a part
	Vouched      Why = 6 // without a reason, and another person signed for it
	CanaryListed Why = 7 // a canary stands in the rows of a search

	ShortEmpty    Why = 10 // without a reason, and the hour's allowance is empty
	LongEmpty     Why = 11 // without a reason, and the 28 days' allowance is empty
	Frozen        Why = 12 // without a reason, and an order stops new ones
	NobodyKnown   Why = 13 // the reference leads to no person
	NotForPurpose Why = 14 // nothing of it belongs to the purpose
	PaceReached   Why = 15 // many of the account's own people within an hour, and nothing written
	WallReached   Why = 16 // more explained people than a day of work has
	Doubted       Why = 17 // the way of opening people resembles enumeration
	Enumerating   Why = 18 // it is enumeration
	Drifting      Why = 19 // too many without a reason over the days

	NotHabilitated   Why = 20 // no habilitation for the service and purpose
	RoleReadsNothing Why = 21 // the role reads no file
	Suspended        Why = 22 // an order stops the account or its organisation
	Closed           Why = 23 // an order closes the service, or everything

	CanaryOpened      Why = 24 // the person does not exist: only a thief gets there
	OrganisationEmpty Why = 25 // what an organisation may open without a reason is used up
	ServiceEmpty      Why = 26 // likewise a service's
	RegisterEmpty     Why = 27 // likewise all accounts'
	SignedEmpty       Why = 29 // without a reason, the 28 days' allowance is empty, and so is what others may sign for
	Expelled          Why = 28 // frozen, and enumerating still: the sessions end

	NotDeclared      Why = 30 // the route is not declared
	NotUnderstood    Why = 31 // the answer could not be read whole
	NotThere         Why = 32 // the application has nothing there, or says so
	TooMany          Why = 33 // a search finds more than it may show
	NoPermit         Why = 34 // an export, and no permit for it, or nothing explains this person
	CeilingReached   Why = 36 // with a reason, and the ceiling of such people is reached
	RowsReached      Why = 37 // in the rows of a search, and as many people were found as may be
	ShareReached     Why = 38 // without a reason, and the account's share of what many may open is used up
	StrangersReached Why = 39 // without a reason, and as many such people were shown, in whatever way, as may be
	ListsReached     Why = 77 // with a reason, in a row, and as many new people were shown so within a day as may be
	PermitSpent      Why = 35 // an export beyond the people its permit was given

	NotToBeChanged      Why = 40 // some of what a change touches does not belong to the purpose
	UndeclaredMethod    Why = 41 // the address is declared, for other methods
	UndeclaredParameter Why = 42 // the address has a parameter that is not declared
	UndeclaredField     Why = 43 // a form has a field that is not declared
	ValueNotListed      Why = 66 // a parameter, a field or a member has a value that its declaration does not list
	UndeclaredBody      Why = 44 // the request has a body of a kind that is not declared
	UndeclaredAnswer    Why = 45 // the answer is of a kind that is not declared
	RequestUnreadable   Why = 46 // the request can be read in two ways, or not at all
	NotAnswered         Why = 47 // the application was asked, and did not answer
	NotInTime           Why = 48 // it did not answer in time
	AnsweredError       Why = 49 // it answered with an error of its own
	AnsweredLater       Why = 50 // it answered that it cannot now
	AnsweredNo          Why = 51 // it answered that it does not take this request
	AnsweredAbsent      Why = 52 // it has nothing at this address
	NotConfirmed        Why = 53 // a change was forwarded, and it did not say whether it took it
	OtherSite           Why = 54 // another site asks in the agent's name
	TooMuchAtOnce       Why = 55 // too much is being read at this moment, over all requests
	NotReviewed         Why = 56 // the account's managers did not confirm it in time
	NotTrained          Why = 57 // its certificate of awareness has run out
	NetworkClosed       Why = 70 // an order closes the network that is asked from
	OnlyRead            Why = 71 // an order leaves the service to be read, and this changes or exports
	FileClosed          Why = 79 // the file is closed, and nobody is there for it: no live ticket, no signature
	FileArchived        Why = 80 // the file is in the archive, and nobody opened it there
	ClosedUntold        Why = 81 // likewise, and the asker is told no more than of somebody who does not exist
	ArchivedUntold      Why = 82 // likewise
	OnlyTheirs          Why = 72 // a change touches what only the person themself changes
	CaseloadOnly        Why = 74 // a bypass is in force, and the person is not in the account's own caseload
	Unnamed             Why = 60 // a request does not name a person as it must, or not where
	Overwrites          Why = 61 // a change would write a mask over fields that the account may not see
)

// Untold reports whether the asker MUST NOT learn from the ground that somebody exists.
func (w Why) Untold() bool { return w != w.Told() }

// Told is the ground as whoever may sign for the opening is told it.
func (w Why) Told() Why {
	switch w {
	case ClosedUntold:
		return FileClosed
	case ArchivedUntold:
		return FileArchived
	default:
		return w
	}
}

// Freezes reports whether the ground freezes the account.
func (w Why) Freezes() bool { return w == Enumerating || w == Drifting || w == CanaryOpened }

// Counts reports whether the ground comes from counting, and not from a right, an
// order or an application: such rules can be observed before they are enforced.
func (w Why) Counts() bool {
	switch w {
	case ShortEmpty, LongEmpty, SignedEmpty, PaceReached, WallReached, Doubted, Enumerating, Drifting,
		CanaryListed, CanaryOpened, CeilingReached, RowsReached, ListsReached, StrangersReached, ShareReached, OrganisationEmpty, ServiceEmpty, RegisterEmpty:
		return true
	default:
		return false
	}
}

var whyNames = map[Why]string{
	Granted: "granted", Explained: "explained", AlreadySeen: "already-seen", Counted: "counted",
	ShortEmpty: "short-empty", LongEmpty: "long-empty", Frozen: "frozen", NobodyKnown: "nobody-known", NotForPurpose: "not-for-purpose",
	NotHabilitated: "not-habilitated", RoleReadsNothing: "role-reads-nothing", Suspended: "suspended", Closed: "closed",
	NotDeclared: "not-declared", NotUnderstood: "not-understood", NotThere: "not-there", TooMany: "too-many",
	Raised: "raised", TypedTicket: "typed-ticket", Vouched: "vouched", CanaryListed: "canary-listed",
	PaceReached: "pace-reached", WallReached: "wall-reached", Doubted: "doubted", Enumerating: "enumerating", Drifting: "drifting",
	CanaryOpened: "canary-opened", OrganisationEmpty: "organisation-empty", ServiceEmpty: "service-empty", RegisterEmpty: "register-empty",
	SignedEmpty: "signed-empty", Expelled: "expelled", NoPermit: "no-permit", PermitSpent: "permit-spent", NotToBeChanged: "not-to-be-changed",
	UndeclaredMethod: "undeclared-method", UndeclaredParameter: "undeclared-parameter", UndeclaredField: "undeclared-field", ValueNotListed: "value-not-listed",
	UndeclaredBody: "undeclared-body", UndeclaredAnswer: "undeclared-answer", RequestUnreadable: "request-unreadable",
	NotAnswered: "not-answered", NotInTime: "not-in-time", AnsweredError: "answered-error", AnsweredLater: "answered-later",
	AnsweredNo: "answered-no", AnsweredAbsent: "answered-absent", NotConfirmed: "not-confirmed", OtherSite: "other-site",
	NotReviewed: "not-reviewed", NotTrained: "not-trained",
	OnlyTheirs: "only-theirs", FileClosed: "file-closed", FileArchived: "file-archived", ClosedUntold: "closed-untold", ArchivedUntold: "archived-untold",
	NetworkClosed: "network-closed", OnlyRead: "only-read", CaseloadOnly: "caseload-only",
	Unnamed: "unnamed", Overwrites: "overwrites",
	TooMuchAtOnce: "too-much-at-once", CeilingReached: "ceiling-reached", RowsReached: "rows-reached", ListsReached: "lists-reached", StrangersReached: "strangers-reached", ShareReached: "share-reached",
}

func (w Why) String() string {
	if name, ok := whyNames[w]; ok {
		return name
	}
	return "unknown ground"
}

// ParseWhy returns the ground called name.
func ParseWhy(name string) (Why, bool) {
	for why, known := range whyNames {
		if known == name {
			return why, true
		}
	}
	return 0, false
}
