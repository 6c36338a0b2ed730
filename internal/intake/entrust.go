package intake

import (
	"context"
	"fmt"
	"time"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// ByHand is the source of what a manager assigns in the portal. No system has this name.
const ByHand = "assignment"

// ByIncident is the source of the reasons for reading where the people of an incident can be
// reached. No system has this name.
const ByIncident = "incident"

// Restored is the source of what an audit put back of facts that closed or archived a file, until
// their source tells them again: see package audit. No system has this name.
const Restored = "restored"

// What may be entrusted: in one assignment, to one account within 28 days by hand, and by one
// person within 28 days, who asks for it or admits it. The security desk admits ten times as
// much, since it admits what systems tell; an account younger than 28 days is given a tenth.
const (
	MostAssigned  = 200
	mostReceived  = 300
	mostEntrusted = 1200
	deskEntrusts  = 10
	youngReceives = 10

	// LongestAssigned is how long an assignment lasts at most.
	LongestAssigned = 183 * 24 * time.Hour
)

// Waiting is people who wait to come to one account, of one source.
type Waiting struct {
	Source  string
	Account roster.AccountID
	Author  roster.AccountID // who typed it there, took it in, or assigned it; empty when no account did
	UpTo    ledger.Number    // the newest entry of those that brought them
	People  int              // in facts
}

// WaitingRows are facts that wait for a second person, in this turn.
type WaitingRows interface {
	FactRows
	// Waiting returns the facts of a group, up to its entry.
	Waiting(Waiting) ([]reason.Fact, error)
	// Assigned returns how many people were assigned to an account by hand since a time,
	// those included who wait.
	Assigned(to roster.AccountID, since time.Time) (int, error)
	// PutFacts replaces facts of one source, in the turn of an entry.
	PutFacts(source string, facts []reason.Fact, number ledger.Number) error
	// DropFacts takes facts of one source away, in the turn of an entry.
	DropFacts(source string, facts []reason.Fact, number ledger.Number) error
}

var (
	// NoneWaits is the error of a group of which nobody waits any more.
	NoneWaits = fault.Errorf(fault.Absent, "nobody waits there any more")
	// OthersWait is the error of a group that is not as it was shown.
	OthersWait = fault.Errorf(fault.Invalid, "others wait than were shown: look again")
	// EntrustedMost is the error of somebody who has entrusted as much as one person may.
	EntrustedMost = fault.Errorf(fault.Refused, "you have entrusted as many people as one person may within 28 days: another manager, or the security desk, looks at these")
)

// demand is what entrusting people to an account asks of who does it.
func demand(to roster.AccountID) approval.Demand {
	return approval.Demand{For: "a caseload", Of: to, Confirmed: true}
}

// Assign asks that people come to an account's caseload. They give no reason before another
// person admits them.
type Assign struct {
	By, To  roster.AccountID
	People  []register.PersonID
	Until   time.Time
	Because string
}

// Decide implements journal.Act.
func (a *Assign) Decide(tx *journal.Tx, rows WaitingRows) (ledger.Entry, error) {
	by, err := approval.One(tx, rows, a.By, demand(a.To))
	if err != nil {
		return ledger.Entry{}, err
	}
	to, err := rows.Account(a.To)
	if err != nil {
		return ledger.Entry{}, err
	}
	if err := typed.Check("an assignment", a.Because); err != nil {
		return ledger.Entry{}, err
	}
	switch {
	case !to.Role.ReadsFiles() || !to.Gives(tx.Now()):
		return ledger.Entry{}, fault.Errorf(fault.Invalid, "people are assigned to an account that reads files and is open")
	case len(a.People) == 0 || len(a.People) > MostAssigned:
		return ledger.Entry{}, fault.Errorf(fault.Invalid, "an assignment is of 1 to %d people", MostAssigned)
	case !a.Until.After(tx.Now()) || a.Until.After(tx.Now().Add(LongestAssigned)):
		return ledger.Entry{}, fault.Errorf(fault.Invalid, "an assignment ends within six months")
	}
	before, err := rows.Assigned(a.To, tx.Now().Add(-meter.Memory))
	if err != nil {
		return ledger.Entry{}, err
	}
	most := mostReceived
	if tx.Now().Sub(to.Opened) < meter.Memory {
		most /= youngReceives
	}
	if before+len(a.People) > most {
		return ledger.Entry{}, fault.Errorf(fault.Refused, "%d people were assigned to this account within 28 days; at most %d can be: have the case-management system tell them", before, most)
	}
	if err := bounded(tx, by, len(a.People)); err != nil {
		return ledger.Entry{}, err
	}
	digest := ledger.DigestRows(func(row func(...any)) {
		for _, p := range a.People {
			row("person", string(p[:]))
		}
	})
	return ledger.Entry{
		Kind: ledger.Entrusted, State: ledger.Asked, Account: by.ID, Organisation: to.Organisation, Subject: a.To, Target: ByHand,
		Count: uint64(len(a.People)), Until: ledger.Cut(a.Until), Digest: digest, Note: a.Because,
	}, nil
}

// Apply implements journal.Act.
func (a *Assign) Apply(rows WaitingRows, e ledger.Entry) error {
	facts := make([]reason.Fact, len(a.People))
	for i, person := range a.People {
		facts[i] = reason.Fact{
			Kind: reason.Caseload, ID: fmt.Sprintf("%d.%d", e.Number, i), Account: a.To, Person: person, From: e.Time, Until: e.Until,
			Author: a.By, Waits: uint64(e.Number),
		}
	}
	return rows.PutFacts(ByHand, facts, e.Number)
}

// bounded fails when somebody would entrust more people within 28 days than one person may.
func bounded(tx *journal.Tx, by roster.Account, people int) error {
	most := mostEntrusted
	if by.Role == roster.Security {
		most *= deskEntrusts
	}
	if _, month := tx.Entrusted(by.ID).Spent(false, tx.Now()); month+meter.People(people) > meter.People(most) {
		return EntrustedMost
	}
	return nil
}

// Admit lets a second person admit people who wait: another one than who brought them, and
// than whoever made the account that they come to.
type Admit struct {
	By roster.AccountID
	Waiting

	facts []reason.Fact
}

// Decide implements journal.Act.
func (a *Admit) Decide(tx *journal.Tx, rows WaitingRows) (e ledger.Entry, err error) {
	if a.facts, err = rows.Waiting(a.Waiting); err != nil {
		return e, err
	}
	switch {
	case len(a.facts) == 0:
		return e, NoneWaits
	case len(a.facts) != a.People:
		return e, OthersWait
	}
	by, err := a.second(tx, rows)
	if err != nil {
		return e, err
	}
	to, err := rows.Account(a.Account)
	if err != nil {
		return e, err
	}
	if !to.Gives(tx.Now()) {
		return e, fault.Errorf(fault.Invalid, "the account that they would come to is closed, or waits itself")
	}
	if err := bounded(tx, by, len(a.facts)); err != nil {
		return e, err
	}
	for i := range a.facts {
		a.facts[i].Waits = 0
	}
	return ledger.Entry{
		Kind: ledger.Entrusted, State: ledger.SignedFor, Account: by.ID, Organisation: to.Organisation, Approver: a.Author, Subject: a.Account,
		Target: a.Source, Count: uint64(len(a.facts)), Cause: a.UpTo,
	}, nil
}

// second returns who admits, if they may.
func (a *Admit) second(tx *journal.Tx, rows WaitingRows) (roster.Account, error) {
	author, err := rows.Account(a.Author)
	switch {
	case fault.Is(err, fault.Absent): // no account brought them
		return approval.One(tx, rows, a.By, demand(a.Account))
	case err != nil:
		return roster.Account{}, err
	case a.Source == ByHand:
		first, second, err := approval.Later(tx, rows, a.Author, a.By, demand(a.Account))
		if err == nil {
			err = bounded(tx, first, a.People)
		}
		return second, err
	}
	by, err := approval.One(tx, rows, a.By, demand(a.Account))
	if err == nil {
		err = approval.Apart(rows, by, author, "a caseload")
	}
	return by, err
}

// Apply implements journal.Act.
func (a *Admit) Apply(rows WaitingRows, e ledger.Entry) error {
	return rows.PutFacts(a.Source, a.facts, e.Number)
}

// Refuse ends what waits: it never gave a reason, and does not.
type Refuse struct {
	By roster.AccountID
	Waiting

	facts []reason.Fact
}

// Decide implements journal.Act.
func (r *Refuse) Decide(tx *journal.Tx, rows WaitingRows) (e ledger.Entry, err error) {
	by, err := approval.One(tx, rows, r.By, approval.Demand{For: "refusing a caseload"})
	if err != nil {
		return e, err
	}
	to, err := rows.Account(r.Account)
	if err != nil {
		return e, err
	}
	if by.Role != roster.Security && by.Organisation != to.Organisation {
		return e, NoneWaits // what is another organisation's looks like nothing
	}
	if r.facts, err = rows.Waiting(r.Waiting); err != nil {
		return e, err
	}
	if len(r.facts) == 0 {
		return e, NoneWaits
	}
	state := ledger.Refused
	if r.By == r.Author {
		state = ledger.Withdrawn
	}
	return ledger.Entry{
		Kind: ledger.Entrusted, State: state, Account: by.ID, Organisation: to.Organisation, Subject: r.Account, Target: r.Source,
		Count: uint64(len(r.facts)), Cause: r.UpTo,
	}, nil
}

// Apply implements journal.Act.
func (r *Refuse) Apply(rows WaitingRows, e ledger.Entry) error {
	return rows.DropFacts(r.Source, r.facts, e.Number)
}

// Caseloads does what managers do about whose people are whose.
type Caseloads struct {
	Writer  journal.Writer
	Rows    CaseloadRows
	Key     register.Key
	Schemes register.Schemes
}

// CaseloadRows are the facts that wait, as they are read.
type CaseloadRows interface {
	// Waiting returns who waits, by account, of one organisation or of all when it is empty.
	Waiting(context.Context, roster.OrganisationID) ([]Waiting, error)
}

// Waiting returns who waits, of one organisation or of all when it is empty.
func (c Caseloads) Waiting(ctx context.Context, of roster.OrganisationID) ([]Waiting, error) {
	return c.Rows.Waiting(ctx, of)
}

// Assign asks that the people with some of the register's own identifiers come to an account.
// An identifier that is none is an error that has its line.
func (c Caseloads) Assign(ctx context.Context, a Assign, identifiers []string) error {
	seen := make(map[register.PersonID]bool)
	for i, id := range identifiers {
		ref, err := c.Schemes.Told(c.Schemes.Own(), id)
		if err != nil {
			return fault.Errorf(fault.Invalid, "line %d is no identifier of the register", i+1)
		}
		if person := c.Key.Person(ref.Value); !seen[person] {
			seen[person] = true
			a.People = append(a.People, person)
		}
	}
	_, err := journal.Do(ctx, c.Writer, &a)
	return err
}

// Admit admits groups of people who wait, all of them or none.
func (c Caseloads) Admit(ctx context.Context, by roster.AccountID, list []Waiting) error {
	return c.Writer.Turn(ctx, len(list), func(tx *journal.Tx) error {
		for _, one := range list {
			if _, err := journal.Within(tx, &Admit{By: by, Waiting: one}); err != nil {
				return err
			}
		}
		return nil
	})
}

// Refuse ends what waits of a group.
func (c Caseloads) Refuse(ctx context.Context, by roster.AccountID, one Waiting) error {
	_, err := journal.Do(ctx, c.Writer, &Refuse{By: by, Waiting: one})
	return err
}
