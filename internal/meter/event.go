package meter

import (
	"time"

	"poterne/internal/register"
	"poterne/internal/roster"
)

// Event is one entry of the ledger as an account's meter takes it in. Events come
// in the order of their entries.
type Event struct {
	Kind   EventKind
	At     time.Time
	Answer uint64            // the receipt of the answer it belongs to; the sequential tests take one answer as one event
	Person register.PersonID // of Shown, Stopped, Deferred, Cosigned, NIRAsked and Refunded; zero for a person who does not exist
	Fields register.Fields   // what was shown; of NIRAsked, what is to be
	Ground Ground            // why it was shown, or was about to be
	Cost   Cost              // what it was charged; of Raised, Permitted and Refunded, what was given
	Since  time.Time         // of Refunded: when the person was opened
	Until  time.Time         // of Raised and Permitted
	Permit uint64            // of Permitted: the entry that asked for it
	Export Export            // of Permitted, and of what is shown with the sign Exported

	Service roster.ServiceID // through which a person was shown, was vouched for, or is to show their NIR

	Writes  bool // the account changed something
	Excused bool // a freeze that is only observed: the evidence for it counts no more

	Spared Limits // that were only observed when it was decided

	Device  string // which browser, as a tag; empty when unknown
	Network string // which class of network; empty when unknown
	Signs   Signs
}

// Limits is a set of limits on what is counted. An event counts for a limit that was
// only observed then as long as the limit is observed, which shows what enforcing would
// do; it counts no more once the limit is enforced. The bits are written in the ledger
// for ever.
type Limits uint16

const (
	HourLimit         Limits = 1 << iota // an account's allowance of the hour
	MonthLimit                           // that of 28 days
	DriftLimit                           // the line of the CUSUM
	DoubtLimit                           // evidence that asks for an identity
	EnumerationLimit                     // evidence that freezes
	CanaryListedLimit                    // a canary in the rows of a search, which asks for a step-up
	CanaryLimit                          // another one, which freezes
	OrganisationLimit                    // what an organisation may open
	ServiceLimit                         // likewise through a service
	RegisterLimit                        // likewise all accounts
	CeilingLimit                         // people with a reason, of 28 days
	RowsLimit                            // people found in the rows of searches, of 28 days
	ShareLimit                           // an account's share of what many may open
	StrangersLimit                       // people without a reason, in whatever way, of 28 days
	limitsEnd
)

// AllLimits is every limit there is.
const AllLimits = limitsEnd - 1

// Counts reports whether an event that spared these limits counts for one limit, while
// others are only observed.
func (l Limits) Counts(limit, observed Limits) bool { return l&limit&^observed == 0 }

// Has reports whether a limit is among them.
func (l Limits) Has(limit Limits) bool { return l&limit != 0 }

// EventKind is what happened.
type EventKind uint8

const (
	Nothing   EventKind = iota // no meter records it
	Looked                     // something without people in it
	Shown                      // a person was shown
	Stopped                    // a person without a reason was not shown: the asker can do something about it
	Missed                     // a reference led to no person
	SteppedUp                  // the holder of the account proved to be there
	Raised                     // another person allowed more people, until a time
	Cosigned                   // another person vouched for one person, to be opened
	Thawed                     // another person undid a freeze
	Permitted                  // other people allowed an export, up to so many people, until a time
	Deferred                   // a person without a reason was not shown: the asker can do nothing about it
	Unsigned                   // a person without a reason was not opened: another person can sign for it
	NIRAsked                   // the holder confirmed that the NIR of one person is to be shown
	Refunded                   // what a person cost came back: another system told of a reason afterwards
)

// Ground is what an opening rested on.
type Ground uint8

const (
	Unexplained Ground = iota
	Ticketed           // a live ticket of another system explains it
	Own                // a standing fact explains it: a caseload, a cover, an enrolment
	Typed              // a ticket that the asker typed, which explains nothing
	Allowed            // another person signed for it, or allowed some more
)

// Signs is a set of signs of a sweep, which the gate notices in a request. The bits are
// written in the ledger for ever.
type Signs uint32

const (
	SearchRow  Signs = 1 << iota // the people are rows of a search
	NextPage                     // one more page of the same search or list
	SameBirth                    // a search for the last one's birth date under another name
	SameName                     // a search for the last one's name under another birth date
	InOrder                      // the reference follows the last one's, in ascending or in listed order
	OutOfOrder                   // it does not
	Repeated                     // a reference that led to no person before
	Canary                       // a canary stood in the rows of a search
	Listed                       // the people are rows of a list, and none was opened
	Exported                     // the answer is an export, which the asker keeps
	Again                        // the last reference that led to no person
	signsEnd
)

// AllSigns is every sign there is.
const AllSigns = signsEnd - 1

// Opens reports whether one person is opened, and no list, search or export is shown.
func (s Signs) Opens() bool { return s&(SearchRow|Listed|Exported) == 0 }

// InRow reports whether a person stands in the rows of a list or a search, and of no export.
func (s Signs) InRow() bool { return s&(SearchRow|Listed) != 0 && s&Exported == 0 }

// Has reports whether every sign of other is among them.
func (s Signs) Has(other Signs) bool { return s&other == other }
