// Package reason says whether an opening is explained by something another
// system knows. A reason typed by the agent never explains anything: only facts
// do, and each keeps the name of the system it came from.
package reason

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"poterne/internal/register"
	"poterne/internal/roster"
)

// Kind is what sort of fact explains an opening. The numbers are written in the
// ledger for ever.
type Kind uint8

const (
	None        Kind = 0 // nothing explains it: the person counts as unexplained
	Caseload    Kind = 1 // the account accompanies the person
	Appointment Kind = 2 // the person is expected, or was just received
	Call        Kind = 3 // the person called
	DeskTicket  Kind = 4 // the person took a ticket at the desk
	Message     Kind = 5 // the person wrote or sent a document
	Enrolment   Kind = 6 // the person is enrolled with the organisation
	Cover       Kind = 7 // a colleague who accompanies the person is covered
)

var kindNames = [...]string{"none", "caseload", "appointment", "call", "desk-ticket", "message", "enrolment", "cover"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// ParseKind returns the kind of fact called name; None and Cover are not facts
// about a person.
func ParseKind(name string) (Kind, error) {
	for k := Caseload; k < Cover; k++ {
		if kindNames[k] == name {
			return k, nil
		}
	}
	return None, fmt.Errorf("%q is not a kind of fact; write one of %v", name, kindNames[Caseload:Cover])
}

// Fact is what another system says about one person: this account, or everybody
// in this organisation, has to do with them from one moment until another.
// Exactly one of Account and Organisation is set.
type Fact struct {
	Kind         Kind
	Account      roster.AccountID
	Organisation roster.OrganisationID
	Person       register.PersonID
	From, Until  time.Time        // Until is exclusive
	Source       string           // the system that says so
	ID           string           // its own number for the fact, unique within Source
	Author       roster.AccountID // who typed it there, if anybody did
}

// CoverDuty is declared by the manager of an agent who is away: until a date,
// the substitute accompanies the absent agent's caseload.
type CoverDuty struct {
	Absent      roster.AccountID
	Substitute  roster.AccountID
	DeclaredBy  roster.AccountID
	From, Until time.Time
	Source      string
	ID          string
}

// Evidence is everything known, when the answer is about to be decided, about
// the asker and the people in it.
type Evidence struct {
	Facts  []Fact      // about those people, held by the asker, its organisation or whom it covers
	Covers []CoverDuty // whose substitute is the asker
}

// Reason is why an opening is explained, with the fact behind it.
type Reason struct {
	Kind   Kind
	Source string
	ID     string
}

// Explained reports whether there is a reason at all.
func (r Reason) Explained() bool { return r.Kind != None }

// Explainer answers for one asker at one moment. Reasons are weighed in order:
// own caseload, then a live ticket from another system, then a declared cover.
type Explainer struct{ reasons map[register.PersonID]Reason }

// Explain weighs the evidence for one account at now.
func Explain(account roster.AccountID, organisation roster.OrganisationID, evidence Evidence, now time.Time) Explainer {
	reasons := make(map[register.PersonID]Reason, len(evidence.Facts))
	for _, fact := range evidence.Facts {
		found := explains(fact, account, organisation, evidence.Covers, now)
		if !found.Explained() {
			continue
		}
		if known, ok := reasons[fact.Person]; !ok || stronger(found, known) {
			reasons[fact.Person] = found
		}
	}
	return Explainer{reasons}
}

// Of returns why this person may be opened, or the zero Reason.
func (e Explainer) Of(person register.PersonID) Reason { return e.reasons[person] }

func explains(fact Fact, account roster.AccountID, organisation roster.OrganisationID, covers []CoverDuty, now time.Time) Reason {
	if now.Before(fact.From) || !now.Before(fact.Until) {
		return Reason{}
	}
	mine := fact.Account != "" && fact.Account == account
	ours := fact.Account == "" && fact.Organisation != "" && fact.Organisation == organisation
	switch {
	case (mine || ours) && fact.Author != account:
		return Reason{fact.Kind, fact.Source, fact.ID}
	case fact.Kind == Caseload && !mine:
		duty := slices.IndexFunc(covers, func(c CoverDuty) bool { return c.Absent == fact.Account && c.holdsFor(account, now) })
		if duty >= 0 {
			return Reason{Cover, covers[duty].Source, covers[duty].ID}
		}
	}
	return Reason{}
}

// holdsFor is false for a cover that somebody declared for themself: it would be
// a reason given by the asker.
func (c CoverDuty) holdsFor(account roster.AccountID, now time.Time) bool {
	return c.Substitute == account && c.Absent != "" &&
		c.DeclaredBy != "" && c.DeclaredBy != account &&
		!now.Before(c.From) && now.Before(c.Until)
}

// stronger orders reasons, so that the same evidence in any order gives the same
// reason.
func stronger(a, b Reason) bool {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Source, b.Source), cmp.Compare(a.ID, b.ID)) < 0
}
