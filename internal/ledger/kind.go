package ledger

import (
	"fmt"
	"reflect"
	"slices"
)

// Kind says what an entry records. The numbers are written for ever.
type Kind uint8

const (
	Opened             Kind = 1   // the ledger begins; always entry 0
	Attempted          Kind = 2   // a request was refused before the application was asked
	Changed            Kind = 3   // a request that changes something was decided
	Consulted          Kind = 4   // an answer was decided
	Placed             Kind = 5   // an order was placed
	Lifted             Kind = 6   // an order was lifted
	Read               Kind = 7   // a person read the ledger
	Imported           Kind = 8   // facts, aliases or a roster were taken in
	Session            Kind = 9   // a session ended in a way worth knowing
	SteppedUp          Kind = 10  // the holder of the account proved to be there
	Raised             Kind = 11  // more people without a reason were allowed, for a while
	Cosigned           Kind = 12  // another person signed for one person to be opened
	Permitted          Kind = 13  // an export was allowed, of so many people and for a while
	Retained           Kind = 14  // how long entries are kept was set
	Held               Kind = 15  // entries are kept beyond their term, until they are released
	Released           Kind = 16  // what was held is not any more
	Dropped            Kind = 17  // entries were dropped at their term
	Named              Kind = 18  // pseudonyms were led back to people
	Assigned           Kind = 19  // an account or an organisation is since then as its row says
	SignIn             Kind = 20  // a person whom an identity provider vouches for was let in, or was not
	Proposed           Kind = 21  // an account was proposed
	Approved           Kind = 22  // a second person approved it, and an invitation was made
	Declined           Kind = 23  // it was withdrawn or refused
	Accepted           Kind = 24  // an identity accepted the invitation; it has no account yet
	Joined             Kind = 25  // and has one now
	Ended              Kind = 26  // an account was closed
	Admitted           Kind = 27  // a second person admitted the accounts that a roster made
	Refunded           Kind = 28  // what opening a person cost came back: another system told of a reason afterwards
	Filed              Kind = 29  // a line was added to the file of an incident
	Reviewed           Kind = 30  // managers confirmed accounts
	Lapsed             Kind = 31  // an account that they did not confirm in time is suspended
	Signalled          Kind = 32  // what an account does is worth a second look
	TakenUp            Kind = 33  // somebody at the desk is on an account, until a time
	Matched            Kind = 34  // a person of the register signed in to see their own file, or one who was not found there
	Certified          Kind = 35  // certificates of awareness were taken in
	Enrolled           Kind = 36  // an account has a passkey more
	Unenrolled         Kind = 37  // a passkey was removed, or disabled
	Recovery           Kind = 38  // an account is to be bound anew: asked, approved, begun or stopped
	Questioned         Kind = 39  // a person of the register asked why somebody looked at their file
	Answered           Kind = 40  // and was answered
	Diverged           Kind = 41  // an account is suspended: its person's provider or organisation has changed
	Readmitted         Kind = 42  // one of two people approved it again
	Entrusted          Kind = 61  // people came to an account, to stay with it for weeks; or wait to, are admitted, are refused
	CodeTyped          Kind = 49  // the code of a letter about an incident was typed for the first time
	Withheld           Kind = 50  // lines are left out of what people are told, for a while: asked for, signed for, stopped
	Tallied            Kind = 51  // what people are shown was held against the ledger
	Contacted          Kind = 67  // a person of the register changes where they are reached: asked, told, in force, stopped, put back
	Reopening          Kind = 45  // a step of lifting an order was proposed, or what was proposed was taken back or refused
	Ticked             Kind = 46  // a line of the checklist of a reopening was ticked
	ArchiveOpened      Kind = 79  // two people opened an archived file for an account, until a time
	ArchiveMoved       Kind = 80  // what was held of people was moved into the archive
	Erased             Kind = 81  // what was held of people was erased: deleted, or the keys of it destroyed
	ArchiveRead        Kind = 82  // what the archive keeps of a person was read, as two people had agreed
	BrokeGlass         Kind = 87  // the break-glass access was tried, used or left
	Secured            Kind = 88  // somebody of the desk ended it, or unlocked it
	PermitAsked        Kind = 103 // an export permit was asked for, or what was asked was taken back or refused
	PermitEnded        Kind = 104 // the security desk ended an export permit before its time
	NIRAsked           Kind = 108 // the NIR of one person is to be shown, once, to an account that confirmed it
	Configured         Kind = 120 // a node goes by a configuration from then on
	RightAsked         Kind = 118 // somebody asked for a habilitation, or what was asked was signed for by one person, taken back or refused
	RightGiven         Kind = 119 // two people gave it
	OrganisationAsked  Kind = 123 // an organisation is to be added, changed or closed, or what was asked was taken back or refused
	OrganisationSet    Kind = 124 // two people had it so, or its end came
	ConfigurationAsked Kind = 125 // a node's file says another configuration than two people allowed; somebody signed for that, or it was refused
	ConfigurationSet   Kind = 126 // which configuration nodes go by since then, as two people allowed it
	ReadingAsked       Kind = 127 // a reading of the archive was asked for, approved by another person, taken back or refused
	HoldAsked          Kind = 121 // a hold of months was asked for, or what was asked was taken back or refused
	ReleaseAsked       Kind = 122 // the release of one was, likewise
	Glossed            Kind = 117 // what each category of fields means was declared
	Reconciled         Kind = 116 // rows that were put back were ended, and what closed a file was put back: see package audit
	SignedOut          Kind = 132 // a session ended as sessions do: its person left, or began another, or it was called off
	Mandated           Kind = 129 // somebody may read another person's page: asked for, signed for, told to the person, ended
	Represented        Kind = 130 // and did
	Heard              Kind = 62  // another system signals that a session, a credential or an account is not to be trusted
)

var kindNames = [...]string{
	Opened:     "opened",
	Attempted:  "attempted",
	Changed:    "changed",
	Consulted:  "consulted",
	Placed:     "placed",
	Lifted:     "lifted",
	Read:       "read",
	Imported:   "imported",
	Session:    "session",
	SteppedUp:  "stepped-up",
	Raised:     "raised",
	Cosigned:   "cosigned",
	Permitted:  "permit",
	Retained:   "retained",
	Held:       "held",
	Released:   "released",
	Dropped:    "dropped",
	Named:      "named",
	Assigned:   "assigned",
	SignIn:     "sign-in",
	Proposed:   "proposed",
	Approved:   "approved",
	Declined:   "declined",
	Accepted:   "accepted",
	Joined:     "joined",
	Ended:      "ended",
	Admitted:   "admitted",
	Refunded:   "refunded",
	Filed:      "filed",
	Reviewed:   "reviewed",
	Lapsed:     "lapsed",
	Signalled:  "signalled",
	TakenUp:    "taken-up",
	Matched:    "matched",
	Certified:  "certified",
	Enrolled:   "enrolled",
	Unenrolled: "unenrolled",
	Recovery:   "recovery",
	Questioned: "questioned",
	Answered:   "answered",
	Diverged:   "diverged",
	Readmitted: "readmitted",
	Entrusted:  "entrusted",
	CodeTyped:  "code-typed",
	Withheld:   "withheld",
	Tallied:    "tallied",
	Contacted:  "contacted",
	Reopening:  "reopening",
	Ticked:     "ticked",
	Heard:      "heard",

	ArchiveOpened:      "archive-opened",
	ArchiveMoved:       "archive-moved",
	Erased:             "erased",
	ArchiveRead:        "archive-read",
	BrokeGlass:         "broke-glass",
	Secured:            "secured",
	PermitAsked:        "permit-asked",
	PermitEnded:        "permit-ended",
	NIRAsked:           "nir-asked",
	Configured:         "configured",
	Glossed:            "glossed",
	Reconciled:         "reconciled",
	RightAsked:         "right-asked",
	RightGiven:         "right-given",
	OrganisationAsked:  "organisation-asked",
	OrganisationSet:    "organisation-set",
	ConfigurationAsked: "configuration-asked",
	ConfigurationSet:   "configuration-set",
	ReadingAsked:       "reading-asked",
	HoldAsked:          "hold-asked",
	ReleaseAsked:       "release-asked",
	SignedOut:          "signed-out",
	Mandated:           "mandated",
	Represented:        "represented",
}

func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return "unknown kind"
}

// State is a word from a short list that tells acts of one kind apart: what was read, what
// was imported, how a session ended, why neighbours were narrowed.
type State string

const (
	DeskRead     State = "desk"
	DeskFollowed State = "desk-live"
	AccountRead  State = "account"
	CampaignRead State = "campaigns"
	ShownTo      State = "shown-to"          // how many people some accounts were shown
	ShownToList  State = "shown-to-list"     // and each of them
	IncidentList State = "incident-list"     // the people of an incident
	EvidenceRead State = "incident-evidence" // the proofs of an incident
	WhoSaw       State = "who-saw"
	WaitingRead  State = "waiting" // what waits for a signature under a receipt
	Tail         State = "tail"
	Proof        State = "proof"
	Backup       State = "backup"
	CanarySearch State = "canaries-check"
	CanaryFiles  State = "canaries-files"
	Tuning       State = "tuning"

	Facts   State = "facts"
	Aliases State = "aliases"
	Roster  State = "roster"

	Granted           State = "granted"            // a sign-in opened a session
	NoAccount         State = "no-account"         // or did not: the identity has no account
	TooWeak           State = "too-weak"           // or its factor was too weak
	NotOpen           State = "not-open"           // or did not: the account is closed, has ended, or waits for a second person
	OtherOrganisation State = "other-organisation" // or the account is another organisation's

	Withdrawn State = "withdrawn" // whoever proposed an account thought better of it
	Refused   State = "refused"   // another person refused it

	ByHand  State = "by-hand" // a person closed an account
	Expired State = "expired" // its end had come
	Unused  State = "unused"  // nobody had signed in to it for long

	ManyProposals State = "many-proposals" // of one account, within a day

	Unexplained State = "unexplained" // nobody can explain to a person why somebody looked at their file

	OnePerson    State = "one-person" // of a civil status that was looked for
	NobodyFound  State = "nobody"
	SeveralFound State = "several"
	Represents   State = "represents"  // nobody, but somebody has given them a mandate
	ByFile       State = "by-file"     // certificates came in a file
	ByPlatform   State = "by-platform" // or from a learning platform
	ByModule     State = "by-module"   // or from the portal's own module

	CameBack State = "put-back" // a session had ended, and its row was put back in the database
	Unbound  State = "unbound"  // a session is bound to no key of its browser
	Keyless  State = "keyless"  // a session was shown without the key of its device, and showed nobody

	Cloned    State = "cloned"     // the counter of a passkey went back
	Reopened  State = "reopened"   // its account was opened again, as a new one
	Asked     State = "asked"      // a recovery, by somebody
	SignedFor State = "signed-for" // by one of two people; with an approver, by the second
	Begun     State = "begun"      // after its waiting time
	Stopped   State = "stopped"    // by the account's person

	SessionRevoked    State = "session-revoked"    // elsewhere: its provider ended it
	CredentialChanged State = "credential-changed" // a password or another factor
	AccountDisabled   State = "account-disabled"

	Lineage State = "lineage" // an order on an account and on all that it proposed

	// Of a reopening: its steps, and the lines of its checklist.
	Trial        State = "trial"         // one organisation reads first
	Reading      State = "reading"       // then all do
	Lifting      State = "lifting"       // and nothing is stopped any more
	CauseFound   State = "cause-found"   // how it came about is known
	AccountsHeld State = "accounts-held" // the accounts that were used are suspended
	PartnersTold State = "partners-told" // those whose people were stopped know what is open again
	NothingNew   State = "nothing-new"   // reading has brought nothing up

	KeysDestroyed State = "keys-destroyed" // of the archive, with what they wrapped
	// Of the break-glass access.
	WrongPassword State = "wrong-password"
	Locked        State = "locked"   // after five of them
	Unlocked      State = "unlocked" // by the desk
	Ceased        State = "ceased"   // it was left, or the desk ended it

	// Of what is asked for an organisation, and done.
	Adding   State = "adding"
	Altering State = "altering"
	Closing  State = "closing" // of its accounts, too

	// Of a configuration that takes two people.
	Found State = "found" // a node's file says another than they allowed
	First State = "first" // nothing was allowed before: it is taken as it is
	Freed State = "freed" // they allowed that one person alone changes it from then on

	Started  State = "started"  // a node began with its configuration
	ReadAnew State = "reloaded" // or read it anew while it served

	Uncounted State = "uncounted" // of Reconciled: more rows than can be named, so that all of a part were ended
	Audited   State = "audit"     // a row is not as the ledger says: see package audit
)

// what every entry may have, and every act of an account.
var (
	always = []string{"Number", "Time", "Kind", "Receipt"}
	doer   = []string{"Account", "Organisation", "Session", "Note"}
	passed = []string{
		"Account", "Organisation", "Session", "Service", "Purpose", "Route", "Person", "Fields", "Verdict", "Why", "Reason",
		"Cost", "Counted", "Limit", "Device", "Network", "Signs", "Observed", "Spared", "Epoch",
	}
)

// fields lists the fields that an entry of each kind may have. Every other field MUST be
// zero.
var fields = map[Kind][]string{
	Opened:      {},
	Attempted:   passed,
	Changed:     passed,
	Consulted:   passed,
	Placed:      also(doer, "Effect", "Reach", "Target", "Since", "Until", "Cause", "Why", "Counted", "Limit", "State", "Digest", "Spares", "Approver"),
	Lifted:      also(doer, "Effect", "Reach", "Target", "Subject", "From", "End", "Approver", "State", "Cause"),
	Read:        also(doer, "State", "Target", "Person", "Epoch", "Since", "Until", "From", "End", "Count", "Route"),
	Imported:    also(doer, "State", "Target", "Count", "Rejected", "Digest"),
	Session:     also(doer, "State"),
	SteppedUp:   also(doer, "Device", "Network", "Factor", "Target", "Route", "Digest"),
	Raised:      also(doer, "Subject", "Cost", "Until"),
	Cosigned:    also(doer, "Subject", "Service", "Person", "Epoch", "Cause"),
	Permitted:   also(doer, "Approver", "Subject", "Service", "Route", "Cost", "Until", "Digest", "Cause"),
	Retained:    also(doer, "Count"),
	Held:        also(doer, "Approver", "First", "Last", "Cause"),
	Released:    also(doer, "Approver", "From", "End", "Cause"),
	Dropped:     also(doer, "From", "End", "First"),
	Named:       also(doer, "Approver", "Count", "Digest"),
	Assigned:    also(doer, "Reach", "Target", "Cause", "Digest"),
	SignIn:      also(doer, "Device", "Network", "State", "Identity", "SIRET", "ACR", "AMR", "Factor", "Target", "Until"),
	Proposed:    also(doer, "Until", "Identity", "State", "Count", "Digest"),
	Approved:    also(doer, "Subject", "Cause", "Until", "Digest"),
	Declined:    also(doer, "Subject", "Cause", "State"),
	Accepted:    also(doer, "Approver", "Subject", "Cause", "Device", "Network", "Identity", "SIRET", "ACR", "AMR", "Factor", "Target", "Digest"),
	Joined:      also(doer, "Approver", "Subject", "Cause", "Until", "Identity"),
	Ended:       also(doer, "Subject", "State", "Cause"),
	Admitted:    also(doer, "Cause", "Count"),
	Refunded:    also(doer, "Subject", "Service", "Person", "Epoch", "Reason", "Cost", "Spared", "Since", "Cause"),
	Matched:     {"Person", "Epoch", "State", "Network"},
	Questioned:  {"Person", "Epoch", "Organisation", "Cause", "State"},
	Answered:    also(doer, "Subject", "Cause", "State", "Digest"),
	CodeTyped:   {"Person", "Epoch", "Cause"},
	Mandated:    also(doer, "Approver", "Person", "Epoch", "State", "Target", "Since", "Until", "Cause", "Digest"),
	Represented: {"Person", "Epoch", "Cause", "State", "Network"},
	Contacted:   {"Person", "Epoch", "State", "Cause", "Until", "Digest", "Network"},
	Tallied:     also(doer, "From", "End", "Count", "Rejected"),
	Withheld:    also(doer, "Approver", "Subject", "State", "Since", "Until", "Cause"),
	Reopening:   also(doer, "State", "Spares", "Effect", "Reach", "Target", "From", "End", "Cause"),
	Ticked:      also(doer, "State", "Reach", "Target", "From", "End"),
	Filed:       also(doer, "Approver", "State", "From", "End", "Cause", "Count", "Digest", "Target"),
	Reviewed:    also(doer, "Count"),
	Lapsed:      also(doer, "Subject", "Until"),
	Signalled:   also(doer, "State", "Count", "Cause"),
	TakenUp:     also(doer, "Subject", "Until"),
	Certified:   also(doer, "State", "Count", "Rejected", "Digest"),

	Enrolled:   also(doer, "Subject", "Device", "Network", "Factor", "Target", "Digest", "Cause"),
	Unenrolled: also(doer, "Subject", "Device", "Network", "State", "Target", "Digest", "Cause"),
	Entrusted:  also(doer, "Approver", "Subject", "Target", "Count", "Rejected", "Cause", "State", "Until", "Digest"),
	Heard:      also(doer, "Subject", "State"),

	ArchiveOpened: also(doer, "Subject", "Service", "Person", "Epoch", "Cause", "Until"),
	ArchiveMoved:  also(doer, "State", "Count", "Digest"),
	Erased:        also(doer, "State", "First", "Last", "Count", "Digest"),
	ArchiveRead:   also(doer, "Approver", "Person", "Epoch", "Cause"),
	ReadingAsked:  also(doer, "Approver", "Person", "Epoch", "Cause", "State"),
	HoldAsked:     also(doer, "State", "First", "Last", "Cause"),
	ReleaseAsked:  also(doer, "State", "From", "End", "Cause"),
	SignedOut:     also(doer, "State"),

	BrokeGlass:         also(doer, "State", "Network", "Count", "Until", "Digest"),
	Secured:            also(doer, "State", "Count"),
	PermitAsked:        also(doer, "Subject", "Service", "Route", "Cost", "Until", "Digest", "State", "Cause"),
	PermitEnded:        also(doer, "Subject", "Service", "Route"),
	NIRAsked:           also(doer, "Service", "Person", "Epoch", "Cause", "Fields"),
	Configured:         also(doer, "State", "Target", "Count", "Digest"),
	Glossed:            also(doer, "Count", "Digest"),
	Reconciled:         also(doer, "State", "Target", "Count", "Rejected"),
	RightAsked:         also(doer, "Subject", "Service", "Purpose", "Cause", "State"),
	RightGiven:         also(doer, "Approver", "Subject", "Service", "Purpose", "Cause", "Until"),
	OrganisationAsked:  also(doer, "State", "Cause", "Digest"),
	OrganisationSet:    also(doer, "Approver", "State", "Cause", "Count"),
	ConfigurationAsked: also(doer, "State", "Target", "Cause", "Digest"),
	ConfigurationSet:   also(doer, "Approver", "State", "Target", "Cause", "Digest"),
	Recovery:           also(doer, "Subject", "Approver", "State", "Cause", "Until", "Digest", "Identity"),
	Diverged:           also(doer, "Subject", "Identity", "SIRET", "Cause"),
	Readmitted:         also(doer, "Subject", "Approver", "State", "Cause"),
}

func also(fields []string, more ...string) []string { return slices.Concat(fields, more) }

// Fields returns the names of the fields that an entry of this kind may have.
func (k Kind) Fields() []string { return slices.Concat(always, fields[k]) }

// Check returns what is wrong with an act's entry: a field that its kind does not have, or
// a note that is too long. Text is checked where a person types it.
func (e Entry) Check() error {
	allowed := e.Kind.Fields()
	if fields[e.Kind] == nil {
		return fmt.Errorf("an entry of kind %d is none that the ledger knows", e.Kind)
	}
	value := reflect.ValueOf(e)
	for i := range value.NumField() {
		if name := value.Type().Field(i).Name; !value.Field(i).IsZero() && !slices.Contains(allowed, name) {
			return fmt.Errorf("an entry %s has no field %s", e.Kind, name)
		}
	}
	return nil
}
