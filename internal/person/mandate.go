package person

import (
	"crypto/sha256"
	"slices"
	"time"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Identity is a civil status as a keyed hash: whoever shows exactly that one has it.
type Identity [16]byte

// IsZero reports whether it is nobody's.
func (i Identity) IsZero() bool { return i == Identity{} }

// Mandate lets somebody read another person's page: who looked at their file. Two people record it,
// the person is told, and it ends by itself. It never gives more than the person themselves is shown.
type Mandate struct {
	Number         ledger.Number // of the entry that asked for it
	Person         register.PersonID
	Representative Identity
	Kind           ledger.State // one of MandateKinds
	Hidden         []byte       // who both are and by which document, encrypted; empty once it is forgotten
	Begins, Until  time.Time    // Until is also when it ends
	By, Approver   roster.AccountID
	Asked          time.Time
	Told           time.Time // when the person was; zero before
	Over           time.Time // when it was ended before its end; zero while nobody did
	OverBy         roster.AccountID
}

// What a mandate rests on.
const (
	Guardianship      ledger.State = "guardianship"
	Curatorship       ledger.State = "curatorship"
	ParentalAuthority ledger.State = "parental-authority"
	PowerOfAttorney   ledger.State = "power-of-attorney" // the person gave it, and takes it back
)

// MandateKinds are what a mandate can rest on.
var MandateKinds = []ledger.State{Guardianship, Curatorship, ParentalAuthority, PowerOfAttorney}

// What becomes of a mandate, besides that it is asked for, signed for and stopped.
const (
	MandateTold      ledger.State = "told"      // the person was, and its wait runs
	MandateRevoked   ledger.State = "revoked"   // by the person who gave it
	MandateForgotten ledger.State = "forgotten" // nothing is kept of who had it any more

	MandateUnregistered ledger.State = "unregistered" // ended: the register has the person no more
)

// The bounds of a mandate.
const (
	MandateMonths  = 12                   // from when it is asked for; a longer one is recorded anew
	MandateSigned  = 72 * time.Hour       // within which a second person signs
	MandateWait    = 72 * time.Hour       // from when the person was told until anything is shown
	mandateKept    = 365 * 24 * time.Hour // after its end the person still reads who had it
	mandatesMost   = 5                    // of one person, at once
	mandatesADay   = 20                   // times one account asks the register for somebody, found or not
	OfAge          = 18                   // years: parental authority ends
	looksADay      = 200                  // under one mandate
	asksWithin     = 30 * 24 * time.Hour
	mostAskedUnder = 10 // questions under one mandate within asksWithin, so that some are left to the person
)

// From is when it begins to show anything; the zero time before the person was told.
func (m Mandate) From() time.Time {
	if m.Told.IsZero() {
		return time.Time{}
	}
	if waited := m.Told.Add(MandateWait); waited.After(m.Begins) {
		return waited
	}
	return m.Begins
}

// Lasts reports whether nothing has ended it, signed for or not.
func (m Mandate) Lasts(at time.Time) bool {
	return m.Waits(at) || m.Approver != "" && m.Over.IsZero() && at.Before(m.Until)
}

// Waits reports whether it waits for a second person.
func (m Mandate) Waits(at time.Time) bool { return m.asked().Waits(at) }

// asked is the mandate, as another person signs for it.
func (m Mandate) asked() approval.Asked {
	ends := slices.MinFunc([]time.Time{m.Asked.Add(MandateSigned), m.Until}, time.Time.Compare)
	return approval.Asked{By: m.By, Ends: ends, Answered: m.Approver != "" || !m.Over.IsZero(), Demand: mandating}
}

// InForce reports whether the representative is shown the person's lines.
func (m Mandate) InForce(at time.Time) bool {
	return m.Approver != "" && m.Lasts(at) && !m.Told.IsZero() && !at.Before(m.From())
}

// ended is when nothing could come of it any more; the zero time while something can.
func (m Mandate) ended(at time.Time) time.Time {
	switch {
	case m.Lasts(at):
		return time.Time{}
	case !m.Over.IsZero():
		return m.Over
	case m.Approver == "":
		return m.Asked.Add(MandateSigned)
	default:
		return m.Until
	}
}

// forgettable reports whether what it hides is to be forgotten: at once where it never came into
// force, and else once the person has had time to read who had it.
func (m Mandate) forgettable(at time.Time) bool {
	ended := m.ended(at)
	return len(m.Hidden) > 0 && !ended.IsZero() && (m.Approver == "" || at.Sub(ended) >= mandateKept)
}

// digest is what the ledger says of who is meant.
func (m Mandate) digest() ledger.Digest {
	return ledger.Digest(sha256.Sum256(slices.Concat(m.Representative[:], m.Hidden)))
}

// Look is one time that a representative was shown something.
type Look struct {
	Number  ledger.Number // of its entry
	Mandate ledger.Number
	At      time.Time
	What    ledger.State // one of Looks
}

// What a representative is shown, and does.
const (
	LookedAtPage  ledger.State = "page"
	LookedAtFiles ledger.State = "files" // all lines, as a file
	LookedAtLine  ledger.State = "line"  // one, or its proof
	LookAsked     ledger.State = "asked" // why somebody had looked
)

// Looks are what a representative can do.
var Looks = []ledger.State{LookedAtPage, LookedAtFiles, LookedAtLine, LookAsked}

// MandateRows are the mandates, in this turn.
type MandateRows interface {
	approval.Rows
	// Mandates returns those of a person, in the order of their numbers.
	Mandates(register.PersonID) ([]Mandate, error)
	// MandatesAsked returns how many an account asked for since a time.
	MandatesAsked(by roster.AccountID, since time.Time) (int, error)
	// Mandate returns one; fault.Absent when there is none.
	Mandate(number ledger.Number) (Mandate, error)
	// PutMandate adds one, or changes what came of it.
	PutMandate(Mandate) error
	// LooksSince returns the looks under a mandate since a time.
	LooksSince(mandate ledger.Number, since time.Time) ([]Look, error)
	// PutLook adds one.
	PutLook(Look) error
	// ForgetLooks takes away all under a mandate.
	ForgetLooks(mandate ledger.Number) error
}

// mandating is what is asked of those who sign: people of the security desk and the data-protection
// officer, each there now.
var mandating = approval.Demand{For: "a mandate", Desk: true, Officer: true, Confirmed: true}

// MissMandate writes down that somebody looked for a person by a civil status, and found not one.
type MissMandate struct {
	By    roster.AccountID
	State ledger.State // ledger.NobodyFound or ledger.SeveralFound
}

// Decide implements journal.Act.
func (a MissMandate) Decide(tx *journal.Tx, rows MandateRows) (ledger.Entry, error) {
	by, err := approval.One(tx, rows, a.By, mandating)
	return ledger.Entry{Kind: ledger.Mandated, Account: by.ID, Organisation: by.Organisation, State: a.State}, err
}

// Apply implements journal.Act.
func (a MissMandate) Apply(MandateRows, ledger.Entry) error { return nil }

// AskMandate asks that a mandate be recorded.
type AskMandate struct {
	By             roster.AccountID
	Person         register.PersonID
	Representative Identity
	Kind           ledger.State
	Hidden         []byte
	Begins, Until  time.Time
	OfAge          time.Time // when the person comes of age, by their date of birth
}

// Faults of what was typed of a mandate, each said beside its field.
var (
	MandateUntil = fault.Errorf(fault.Invalid, "a mandate ends after it begins, within %d months: record it anew before its end", MandateMonths)
	MandateMinor = fault.Errorf(fault.Invalid, "what begins while somebody is a minor ends on the day on which they come of age")
	MandateSame  = fault.Errorf(fault.Invalid, "nobody represents themselves")
	MandateWho   = fault.Errorf(fault.Invalid, "a civil status is names, date and place of birth, and sex")
	MandateWith  = fault.Errorf(fault.Invalid, "nobody signs in with this civil status: the commune has its code of five signs, and is left out by who was born abroad only")
	MandateNone  = fault.Errorf(fault.Invalid, "the register has not exactly one person of this civil status")
)

// MandatesOften is the error of who has asked the register for as many people as one account does in a day.
var MandatesOften = fault.Errorf(fault.Refused, "one account asks for at most %d mandates within a day, and whether the register has somebody as often", mandatesADay)

// check says what is wrong with what was typed, whoever it is about.
func (a AskMandate) check(now time.Time) error {
	switch {
	case !slices.Contains(MandateKinds, a.Kind) || a.Representative.IsZero():
		return fault.Errorf(fault.Invalid, "a mandate has a person, a representative and a kind")
	case a.Begins.IsZero() || !a.Until.After(a.Begins) || !a.Until.After(now) || a.Until.After(now.AddDate(0, MandateMonths, 0)):
		return MandateUntil
	case a.Until.After(a.OfAge) && (a.Kind == ParentalAuthority || a.Begins.Before(a.OfAge)):
		return MandateMinor
	}
	return nil
}

// Decide implements journal.Act.
func (a AskMandate) Decide(tx *journal.Tx, rows MandateRows) (ledger.Entry, error) {
	now := tx.Now()
	if err := a.check(now); err != nil {
		return ledger.Entry{}, err
	}
	by, err := approval.One(tx, rows, a.By, mandating)
	if err != nil {
		return ledger.Entry{}, err
	}
	asked, err := rows.MandatesAsked(by.ID, now.Add(-24*time.Hour))
	if err != nil {
		return ledger.Entry{}, err
	}
	if asked >= mandatesADay {
		return ledger.Entry{}, MandatesOften
	}
	all, err := rows.Mandates(a.Person)
	if err != nil {
		return ledger.Entry{}, err
	}
	lasting := 0
	for _, m := range all {
		if m.Lasts(now) {
			lasting++
		}
	}
	if lasting >= mandatesMost {
		return ledger.Entry{}, fault.Errorf(fault.Refused, "at most %d mandates are recorded of one person at once", mandatesMost)
	}
	return ledger.Entry{
		Kind: ledger.Mandated, Account: by.ID, Organisation: by.Organisation, Person: a.Person, State: ledger.Asked, Target: string(a.Kind),
		Since: ledger.Cut(a.Begins), Until: ledger.Cut(a.Until), Digest: Mandate{Representative: a.Representative, Hidden: a.Hidden}.digest(),
	}, nil
}

// Apply implements journal.Act.
func (a AskMandate) Apply(rows MandateRows, e ledger.Entry) error {
	return rows.PutMandate(Mandate{
		Number: e.Number, Person: a.Person, Representative: a.Representative, Kind: a.Kind, Hidden: a.Hidden, Begins: e.Since, Until: e.Until, By: e.Account, Asked: e.Time,
	})
}

// ApproveMandate has a second person sign for a mandate.
type ApproveMandate struct {
	Number ledger.Number
	By     roster.AccountID
}

// Decide implements journal.Act.
func (a ApproveMandate) Decide(tx *journal.Tx, rows MandateRows) (ledger.Entry, error) {
	m, err := rows.Mandate(a.Number)
	if err != nil {
		return ledger.Entry{}, err
	}
	_, second, err := m.asked().Allow(tx, rows, a.By)
	if err != nil {
		return ledger.Entry{}, err
	}
	return ledger.Entry{
		Kind: ledger.Mandated, Account: second.ID, Organisation: second.Organisation, Approver: m.By, Person: m.Person, State: ledger.SignedFor, Target: string(m.Kind),
		Since: m.Begins, Until: m.Until, Cause: m.Number, Digest: m.digest(),
	}, nil
}

// Apply implements journal.Act.
func (a ApproveMandate) Apply(rows MandateRows, e ledger.Entry) error {
	m, err := rows.Mandate(a.Number)
	if err != nil {
		return err
	}
	m.Approver = e.Account
	return rows.PutMandate(m)
}

// EndMandate ends a mandate at once, or takes back what was asked for. One person does it, since it
// shows nobody anything; the person themselves does, of what they gave; and the program, of a row that
// is not as the ledger says, and of whom the register has no more.
type EndMandate struct {
	Number ledger.Number
	By     roster.AccountID  // of the desk, the officer, or journal.Itself; empty where the person does it
	Person register.PersonID // who revokes it
	Gone   bool              // by journal.Itself: the register has the person no more
}

// Decide implements journal.Act.
func (a EndMandate) Decide(tx *journal.Tx, rows MandateRows) (ledger.Entry, error) {
	m, err := rows.Mandate(a.Number)
	if err != nil {
		return ledger.Entry{}, err
	}
	e := ledger.Entry{Kind: ledger.Mandated, Person: m.Person, State: ledger.Stopped, Target: string(m.Kind), Cause: m.Number}
	switch {
	case a.By == "" && (a.Person != m.Person || a.Person.IsZero() || m.Kind != PowerOfAttorney || m.Approver == ""):
		return ledger.Entry{}, &fault.Error{Kind: fault.Absent, Public: "you have no mandate of this number to take back"}
	case a.By == "":
		e.State = MandateRevoked
	case a.By == journal.Itself:
		e.Account = a.By
		if a.Gone {
			e.State = MandateUnregistered
		}
	default:
		by, err := approval.One(tx, rows, a.By, mandating)
		if err != nil {
			return ledger.Entry{}, err
		}
		e.Account, e.Organisation = by.ID, by.Organisation
	}
	if !m.Lasts(tx.Now()) {
		return ledger.Entry{}, journal.Unchanged
	}
	return e, nil
}

// Apply implements journal.Act.
func (a EndMandate) Apply(rows MandateRows, e ledger.Entry) error {
	m, err := rows.Mandate(a.Number)
	if err != nil {
		return err
	}
	m.Over, m.OverBy = e.Time, e.Account
	return rows.PutMandate(m)
}

// MoveMandate writes down that the person was told, or that who had it is forgotten. The program does
// both.
type MoveMandate struct {
	Number ledger.Number
	To     ledger.State
}

// Decide implements journal.Act.
func (a MoveMandate) Decide(tx *journal.Tx, rows MandateRows) (ledger.Entry, error) {
	m, err := rows.Mandate(a.Number)
	if err != nil {
		return ledger.Entry{}, err
	}
	may := a.To == MandateTold && m.Approver != "" && m.Told.IsZero() && m.Lasts(tx.Now()) || a.To == MandateForgotten && m.forgettable(tx.Now())
	if !may {
		return ledger.Entry{}, journal.Unchanged
	}
	return ledger.Entry{Kind: ledger.Mandated, Account: journal.Itself, Person: m.Person, State: a.To, Target: string(m.Kind), Cause: m.Number}, nil
}

// Apply implements journal.Act.
func (a MoveMandate) Apply(rows MandateRows, e ledger.Entry) error {
	m, err := rows.Mandate(a.Number)
	if err != nil {
		return err
	}
	if a.To == MandateTold {
		m.Told = e.Time
		return rows.PutMandate(m)
	}
	m.Hidden, m.Representative = nil, Identity{}
	if err := rows.ForgetLooks(m.Number); err != nil {
		return err
	}
	return rows.PutMandate(m)
}

// LookUnder writes down that a representative is shown something, before it is shown.
type LookUnder struct {
	Mandate        ledger.Number
	Representative Identity
	What           ledger.State
	Network        string
}

// Decide implements journal.Act.
func (a LookUnder) Decide(tx *journal.Tx, rows MandateRows) (ledger.Entry, error) {
	m, err := rows.Mandate(a.Mandate)
	if err != nil {
		return ledger.Entry{}, err
	}
	now := tx.Now()
	if m.Representative != a.Representative || a.Representative.IsZero() || !m.InForce(now) || !slices.Contains(Looks, a.What) {
		return ledger.Entry{}, noMandate
	}
	looks, err := rows.LooksSince(m.Number, now.Add(-asksWithin))
	if err != nil {
		return ledger.Entry{}, err
	}
	today, asked := 0, 0
	for _, look := range looks {
		if now.Sub(look.At) < 24*time.Hour {
			today++
		}
		if look.What == LookAsked {
			asked++
		}
	}
	if today >= looksADay || a.What == LookAsked && asked >= mostAskedUnder {
		return ledger.Entry{}, fault.Errorf(fault.Refused, "a mandate shows at most %d pages a day, and asks %d questions within 30 days", looksADay, mostAskedUnder)
	}
	return ledger.Entry{Kind: ledger.Represented, Person: m.Person, Cause: m.Number, State: a.What, Network: a.Network}, nil
}

// Apply implements journal.Act.
func (a LookUnder) Apply(rows MandateRows, e ledger.Entry) error {
	return rows.PutLook(Look{Number: e.Number, Mandate: a.Mandate, At: e.Time, What: a.What})
}

var noMandate = &fault.Error{Kind: fault.Absent, Public: "you have no mandate of this number"}

// MandateSaid is what the ledger says of a mandate that nothing has ended.
type MandateSaid struct {
	Person       register.PersonID
	Kind         string
	Since, Until time.Time
	Digest       ledger.Digest
	Approver     roster.AccountID
	Told         time.Time
}

// MandatesSaid is what the ledger says of mandates, by their numbers.
type MandatesSaid map[ledger.Number]MandateSaid

// Take takes in the next entry.
func (s MandatesSaid) Take(e ledger.Entry) {
	said, is := s[e.Cause]
	switch {
	case e.Kind != ledger.Mandated || e.State == ledger.NobodyFound || e.State == ledger.SeveralFound:
	case e.State == ledger.Asked:
		s[e.Number] = MandateSaid{Person: e.Person, Kind: e.Target, Since: e.Since, Until: e.Until, Digest: e.Digest}
	case e.State == ledger.SignedFor && is && said.Digest == e.Digest:
		said.Approver = e.Account
		s[e.Cause] = said
	case e.State == MandateTold && is:
		said.Told = e.Time
		s[e.Cause] = said
	default:
		delete(s, e.Cause)
	}
}

// As reports whether a row is as the ledger says: one that somebody put back MUST NOT give anything.
func (m Mandate) As(said MandateSaid) bool {
	return m.Person == said.Person && string(m.Kind) == said.Kind && m.Begins.Equal(said.Since) && m.Until.Equal(said.Until) && m.digest() == said.Digest &&
		m.Approver == said.Approver && m.Told.Equal(said.Told)
}
