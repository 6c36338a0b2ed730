// Package reason says whether an opening is explained by something another
// system knows. A reason typed by the agent never explains anything: only facts
// do, and each keeps the name of the system it came from.
package reason

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"poterne/internal/register"
	"poterne/internal/roster"
)

// FactKind is the sort of fact that explains an opening. The numbers are written in the
// ledger for ever.
type FactKind uint8

const (
	None        FactKind = 0 // nothing explains it: the person counts as unexplained
	Caseload    FactKind = 1 // the account accompanies the person
	Appointment FactKind = 2 // the person is expected, or was just received
	Call        FactKind = 3 // the person called
	DeskTicket  FactKind = 4 // the person took a ticket at the desk
	Message     FactKind = 5 // the person wrote or sent a document
	Enrolment   FactKind = 6 // the person is enrolled with the organisation
	Cover       FactKind = 7 // a colleague who accompanies the person is covered
	Protected   FactKind = 8 // explains nothing: the person is known, threatened or was stolen before
	Told        FactKind = 9 // the person is told of an incident; no source says so, the program does

	Closed         FactKind = 10 // explains nothing: the person's file is closed
	Archived       FactKind = 11 // explains nothing: it is in the archive
	ArchiveOpening FactKind = 12 // two people opened it there, until a time; no source says so, the program does
)

var kindNames = [...]string{
	"none", "caseload", "appointment", "call", "desk-ticket", "message", "enrolment", "cover", "protected", "told", "closed", "archived", "archive-opening",
}

// told are the kinds that sources tell about a person.
var told = []FactKind{Caseload, Appointment, Call, DeskTicket, Message, Enrolment, Protected, Closed, Archived}

// Everybody is the Organisation of a fact about the person alone, as Protected is.
const Everybody roster.OrganisationID = "*"

// Standing reports whether the kind explains openings for weeks, so that an attacker
// could go through all of its people. A ticket explains one person at a time.
func (k FactKind) Standing() bool { return k == Caseload || k == Enrolment || k == Cover }

// Apart reports whether the kind says that a file is closed or archived. It takes away, so
// it holds for as long as its source says, or until that says otherwise.
func (k FactKind) Apart() bool { return k == Closed || k == Archived }

// Explains reports whether a fact of the kind can explain an opening.
func (k FactKind) Explains() bool { return k != None && k != Protected && !k.Apart() }

// lives is how long a ticket explains, from when it begins. A system that keeps
// tickets open for longer does not make them reasons for longer.
var lives = map[FactKind]time.Duration{
	Appointment: 7 * 24 * time.Hour, // three days on either side, and the day itself
	Call:        15 * time.Minute,
	DeskTicket:  30 * time.Minute,
	Message:     14 * 24 * time.Hour,
}

// Life returns how long a ticket explains, from when it begins; false for a kind that
// has no life of its own.
func (k FactKind) Life() (time.Duration, bool) {
	life, ticket := lives[k]
	return life, ticket
}

func (k FactKind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// ParseFactKind returns the kind of fact called name; None and Cover are not facts
// about a person.
func ParseFactKind(name string) (FactKind, error) {
	for _, k := range told {
		if kindNames[k] == name {
			return k, nil
		}
	}
	return None, fmt.Errorf("%q is not a kind of fact; write one of %v", name, told)
}

// Fact is what another system says about one person: an account, or every account of an
// organisation, works with them from one moment until another. Exactly one of Account
// and Organisation is set; Organisation is Everybody for a fact about the person alone.
type Fact struct {
	Kind         FactKind
	Account      roster.AccountID
	Organisation roster.OrganisationID
	Person       register.PersonID
	From, Until  time.Time        // Until is exclusive
	Source       string           // the system that says so
	ID           string           // its own number for the fact, unique within Source
	Author       roster.AccountID // the account that typed it there; empty when none did
	Waits        uint64           // the entry that brought it, until a second person admits it; zero: it waits for none
}

// OpeningID is the ID of an ArchiveOpening: the entry that says it, and the service through which
// it opens.
func OpeningID(entry uint64, service roster.ServiceID) string {
	return fmt.Sprint(entry) + openedThrough(service)
}

func openedThrough(service roster.ServiceID) string { return " " + string(service) }

// Evidence is everything known, when the answer is about to be decided, about
// the asker and the people in it.
type Evidence struct {
	Facts  []Fact // about those people, of the asker, its organisation or the colleagues it covers
	Covers []Duty // in which the asker is the substitute
	// Silent is when each source that a bypass is for was heard last: the asker's own caseload
	// holds as it did at that moment. Nil while no bypass is in force.
	Silent map[string]time.Time
	// Service is the one that is asked through: an archived file was opened there only.
	Service roster.ServiceID
}

// Reason is why an opening is explained, with the fact behind it.
type Reason struct {
	Kind   FactKind
	Source string
	ID     string
}

// Explained reports whether there is a reason at all.
func (r Reason) Explained() bool { return r.Kind != None }

// Explainer answers for one asker at one moment. Reasons are weighed in order:
// own caseload, then a live ticket from another system, then a declared cover.
type Explainer struct {
	reasons   map[register.PersonID]Reason
	typed     map[register.PersonID]Reason   // tickets that the asker typed; nil while there is none
	followed  map[register.PersonID]bool     // some system works with them, for any account
	protected map[register.PersonID]bool     // people with a Protected fact; nil while there is none
	apart     map[register.PersonID]FactKind // people whose file is Closed or Archived; nil while there is none
	known     map[register.PersonID]bool     // of these, those who are the asker's own all the same
}

// Explain weighs the evidence for one account at now, covers within their bounds.
func Explain(account roster.AccountID, organisation roster.OrganisationID, evidence Evidence, bounds CoverBounds, now time.Time) Explainer {
	e := Explainer{reasons: make(map[register.PersonID]Reason, len(evidence.Facts))}
	covers := bounds.absent(evidence.Covers, account, organisation, now)
	for _, fact := range evidence.Facts {
		if fact.Kind.Apart() && fact.live(now) {
			note(&e.apart, fact.Person, max(e.apart[fact.Person], fact.Kind))
		}
	}
	for _, fact := range evidence.Facts {
		if !fact.live(now) && !evidence.lasts(fact, account) {
			continue
		}
		switch {
		case fact.Kind == Protected:
			note(&e.protected, fact.Person, true)
			continue
		case fact.Kind.Apart(), fact.Kind == ArchiveOpening && !strings.HasSuffix(fact.ID, openedThrough(evidence.Service)):
			continue
		}
		found, typed := explains(fact, account, organisation, covers)
		if fact.Author != account {
			note(&e.followed, fact.Person, true)
		}
		switch {
		case typed:
			note(&e.typed, fact.Person, found)
		case found.Explained() && !found.Kind.opens(e.apart[fact.Person]):
			note(&e.known, fact.Person, true)
		case found.Explained():
			if known, ok := e.reasons[fact.Person]; !ok || stronger(found, known) {
				e.reasons[fact.Person] = found
			}
		}
	}
	return e
}

// opens reports whether a reason of this kind opens a file in a state: a closed one takes
// somebody who is there now, an archived one those who opened the archive.
func (k FactKind) opens(state FactKind) bool {
	switch state {
	case Closed:
		return !k.Standing()
	case Archived:
		return k == ArchiveOpening || k == Told
	default:
		return true
	}
}

func note[V any](in *map[register.PersonID]V, person register.PersonID, value V) {
	if *in == nil {
		*in = make(map[register.PersonID]V)
	}
	(*in)[person] = value
}

// Of returns why this person may be opened, or the zero Reason.
func (e Explainer) Of(person register.PersonID) Reason { return e.reasons[person] }

// Typed returns the live ticket that the asker typed for this person, or the zero
// Reason. It explains nothing by itself.
func (e Explainer) Typed(person register.PersonID) Reason { return e.typed[person] }

// Cold reports whether no system works with the person: their file is closed, or in no
// caseload.
func (e Explainer) Cold(person register.PersonID) bool { return !e.followed[person] }

// Protected reports whether the person is on a list of people to be protected.
func (e Explainer) Protected(person register.PersonID) bool { return e.protected[person] }

// Apart returns Closed or Archived for somebody whose file is, and None for anybody else.
func (e Explainer) Apart(person register.PersonID) FactKind { return e.apart[person] }

// Knows reports whether somebody whose file is closed or archived is the asker's own all the
// same, so that saying it tells them nothing.
func (e Explainer) Knows(person register.PersonID) bool { return e.known[person] }

// live reports whether the fact holds at now. A ticket does not outlive its kind; what waits
// for a second person holds nothing.
func (f Fact) live(now time.Time) bool {
	if f.Waits != 0 || now.Before(f.From) || !now.Before(f.Until) {
		return false
	}
	life, short := f.Kind.Life()
	return !short || now.Sub(f.From) < life
}

// lasts reports whether a fact put somebody in the account's own caseload at the moment at
// which its source fell silent.
func (e Evidence) lasts(f Fact, account roster.AccountID) bool {
	silent, bypassed := e.Silent[f.Source]
	return bypassed && f.Kind == Caseload && f.Account == account && f.Waits == 0 && !silent.Before(f.From) && silent.Before(f.Until)
}

// explains says whether a live fact explains an opening, or is only a ticket that
// the asker typed.
func explains(fact Fact, account roster.AccountID, organisation roster.OrganisationID, covers []Duty) (found Reason, typed bool) {
	mine := fact.Account != "" && fact.Account == account
	ours := fact.Account == "" && fact.Organisation != "" && fact.Organisation == organisation
	_, ticket := fact.Kind.Life()
	switch {
	case mine || ours:
		found = Reason{fact.Kind, fact.Source, fact.ID}
		if fact.Author != account {
			return found, false
		}
		if ticket {
			return found, true
		}
	case fact.Kind == Caseload:
		duty := slices.IndexFunc(covers, func(d Duty) bool { return d.Absent == fact.Account })
		if duty >= 0 {
			return Reason{Cover, covers[duty].Source, covers[duty].ID}, false
		}
	}
	return Reason{}, false
}

// stronger orders reasons, so that the same evidence in any order gives the same
// reason.
func stronger(a, b Reason) bool {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Source, b.Source), cmp.Compare(a.ID, b.ID)) < 0
}
