// Package incident keeps the file of a theft: what was known when, exactly who was shown,
// what was decided and why, and which notices went to whom. A file is the lines of its
// journal, which only grows: each is a row, and an entry of the ledger that has its
// digest and follows the line before. What is typed stays in rows, never in entries.
package incident

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/notice"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// Line is a line of a file's journal.
type Line struct {
	Number       ledger.Number // of its entry
	File         ledger.Number // of the entry that opened its file
	At           time.Time
	By, Approver roster.AccountID
	What         ledger.State
	Body         []byte // what it says: JSON of the Step that What names
}

// Digest is what the line's entry has of it.
func (l Line) Digest() ledger.Digest { return ledger.Digest(sha256.Sum256(l.Body)) }

// Step is what a line says: one of the types below.
type Step interface {
	// State names it in the ledger.
	State() ledger.State
	// check returns what keeps it from being the next line of a file; the zero File is one
	// that is not opened yet.
	check(File, time.Time) error
	// take has a file say it.
	take(*File, Line)
}

// Opening opens a file.
type Opening struct {
	Title    string `json:"title"`              // a few words
	Exercise bool   `json:"exercise,omitempty"` // nothing happened: people play an incident
	Scope
	Stopped []roster.AccountID `json:"stopped,omitempty"` // of an exercise: the accounts that an order held when it was opened; Write fills it in
	Played  *Played            `json:"played,omitempty"`  // nil unless it was opened as an exercise first; Escalate fills it in
}

// AnExercise is what each entry of a file that is an exercise has for its target, so that
// nothing that reads entries alone takes it for a theft.
const AnExercise = "exercise"

// Scope is whose consultations a file is about.
type Scope struct {
	Accounts []roster.AccountID `json:"accounts"`
	Since    time.Time          `json:"since"` // zero: no bound
	Until    time.Time          `json:"until"`
}

// Widening replaces the scope: it is more, or less, than was thought.
type Widening struct {
	Scope
	Because string `json:"because"`
}

// Awareness says since when the body knows. Old values stay in the journal.
type Awareness struct {
	At      time.Time `json:"at"`
	From    string    `json:"from"` // by whom: one of AwareFrom
	Because string    `json:"because"`
}

// AwareFrom is who may have told the body.
var AwareFrom = []string{"ourselves", "processor", "person", "third", "press", "other"}

// Count is exactly who was shown to the accounts of the file, as the ledger had it.
type Count struct {
	Scope
	Also          []Scope       `json:"also,omitempty"` // of files that were merged into this one
	People        int           `json:"people"`
	WithoutReason int           `json:"withoutReason"`
	Disclosures   int           `json:"disclosures"`
	Data          []Category    `json:"data"`
	First         time.Time     `json:"first"` // of the disclosures; zero when there are none
	Last          time.Time     `json:"last"`
	Before        ledger.Number `json:"before"`     // it holds for the entries before this one
	List          string        `json:"list"`       // SHA-256 of the list, in hexadecimal; empty of a list that is too long to be sealed at once
	Checkpoint    string        `json:"checkpoint"` // signed, and covers those entries
}

// Category is how many people were shown one category of fields of.
type Category struct {
	Field  register.Fields `json:"field"`
	People int             `json:"people"`
}

// Answers answer what forms ask, or take answers back.
type Answers map[string]notice.Answer

// Decision is something decided, and why.
type Decision struct {
	What    string `json:"what"`
	Because string `json:"because"`
}

// Sent says that a document went to its authority.
type Sent struct {
	notice.Sending
	Document json.RawMessage `json:"document"` // as it was sent
}

// Proposal proposes that a file be closed.
type Proposal struct {
	Because string `json:"because"`
}

// Closing closes a file that another person proposed to close.
type Closing struct{}

// The steps, as the ledger names them.
const (
	Opened    ledger.State = "incident-opened"
	Widened   ledger.State = "incident-scope"
	Aware     ledger.State = "incident-aware"
	Counted   ledger.State = "incident-counted"
	Answered  ledger.State = "incident-answered"
	Decided   ledger.State = "incident-decided"
	Notified  ledger.State = "incident-sent"
	Proposed  ledger.State = "incident-closing"
	Closed    ledger.State = "incident-closed"
	Named     ledger.State = "incident-named"
	Listed    ledger.State = "incident-listed"
	Begun     ledger.State = "incident-telling"
	Paused    ledger.State = "incident-paused"
	Resumed   ledger.State = "incident-resumed"
	Settled   ledger.State = "incident-settled"
	Told      ledger.State = "incident-told"
	Published ledger.State = "incident-published"
	Withdrawn ledger.State = "incident-withdrawn"
)

// steps makes the step that a line holds.
var steps = map[ledger.State]func() Step{
	Opened: func() Step { return new(Opening) }, Widened: func() Step { return new(Widening) }, Aware: func() Step { return new(Awareness) },
	Counted: func() Step { return new(Count) }, Answered: func() Step { return new(Answers) }, Decided: func() Step { return new(Decision) },
	Notified: func() Step { return new(Sent) }, Proposed: func() Step { return new(Proposal) }, Closed: func() Step { return new(Closing) },
	Named: func() Step { return new(Naming) }, Listed: func() Step { return new(Listing) }, Begun: func() Step { return new(Beginning) },
	Paused: func() Step { return new(Pause) }, Resumed: func() Step { return new(Resumption) }, Settled: func() Step { return new(Settlement) },
	Told: func() Step { return new(Ending) }, Published: func() Step { return new(Publication) }, Withdrawn: func() Step { return new(Withdrawal) },
	MergeProposed: func() Step { return new(MergeProposal) }, MergedInto: func() Step { return new(Merged) }, JoinedBy: func() Step { return new(Joined) },
	Escalated: func() Step { return new(Escalation) },
}

func (*Opening) State() ledger.State   { return Opened }
func (*Widening) State() ledger.State  { return Widened }
func (*Awareness) State() ledger.State { return Aware }
func (*Count) State() ledger.State     { return Counted }
func (*Answers) State() ledger.State   { return Answered }
func (*Decision) State() ledger.State  { return Decided }
func (*Sent) State() ledger.State      { return Notified }
func (*Proposal) State() ledger.State  { return Proposed }
func (*Closing) State() ledger.State   { return Closed }

// count is of an exercise how many of its accounts are stopped: it may be a theft that is called one.
func (o *Opening) count() int { return len(o.Stopped) }

func (o *Opening) check(_ File, now time.Time) error {
	if o.Played != nil {
		return byEscalate
	}
	if err := typed.Check("an incident", o.Title); err != nil {
		return err
	}
	return o.Scope.check(now)
}

// MostAccounts bounds a file.
const MostAccounts = 1000

func (s Scope) check(now time.Time) error {
	seen := make(map[roster.AccountID]bool)
	for _, account := range s.Accounts {
		if err := roster.CheckID(string(account)); err != nil || account == "" || seen[account] {
			return fault.Errorf(fault.Invalid, "%q is no account, or is there twice", account)
		}
		seen[account] = true
	}
	switch {
	case len(s.Accounts) > MostAccounts:
		return fault.Errorf(fault.Invalid, "an incident is about at most %d accounts", MostAccounts)
	case s.Since.After(now), !s.Until.IsZero() && !s.Since.Before(s.Until):
		return fault.Errorf(fault.Invalid, "an incident is about a time that has begun, and that ends after it began")
	}
	return nil
}

func (w *Widening) check(_ File, now time.Time) error {
	if err := typed.Check("another scope", w.Because); err != nil {
		return err
	}
	return w.Scope.check(now)
}

func (a *Awareness) check(_ File, now time.Time) error {
	known := false
	for _, from := range AwareFrom {
		known = known || from == a.From
	}
	switch {
	case !known:
		return fault.Errorf(fault.Invalid, "%q is not who told", a.From)
	case a.At.IsZero() || a.At.After(now):
		return fault.Errorf(fault.Invalid, "awareness is a moment that has been")
	}
	return typed.Check("awareness", a.Because)
}

func (*Count) check(File, time.Time) error { return nil }

func (a *Answers) check(File, time.Time) error {
	for key, answer := range *a {
		field, known := notice.Asked(key)
		if !known {
			return fault.Errorf(fault.Invalid, "no form asks %q", key)
		}
		if err := field.Check(answer); err != nil {
			return err
		}
	}
	return nil
}

func (d *Decision) check(File, time.Time) error {
	if err := typed.Check("a decision", d.What); err != nil {
		return err
	}
	return typed.Check("a decision", d.Because)
}

func (s *Sent) check(f File, now time.Time) error {
	var went struct {
		Facts notice.Facts `json:"facts"`
	}
	switch {
	case json.Unmarshal(s.Document, &went) != nil:
		return fault.Errorf(fault.Invalid, "a document is kept as it was sent, in JSON")
	case went.Facts.Exercise != f.Exercise:
		return fault.Errorf(fault.Refused, "the documents of an exercise say that it is one, and no others do")
	case !notice.Fill(s.Form, s.Stage, went.Facts, f.Answers).MayBeSent():
		return fault.Errorf(fault.Refused, "a complete notice does not go out while a field is missing")
	case s.At.IsZero() || s.At.After(now):
		return fault.Errorf(fault.Invalid, "what was sent was sent at a moment that has been")
	case !typed.Readable(s.Receipt) || len(s.Receipt) > 100:
		return fault.Errorf(fault.Invalid, "the number that the authority gave is at most 100 characters that can be read")
	}
	return nil
}

func (p *Proposal) check(f File, _ time.Time) error {
	if f.Telling.Running() {
		return fault.Errorf(fault.Refused, "people are being told: pause that, or end it, before the file is closed")
	}
	return typed.Check("closing an incident", p.Because)
}

func (*Closing) check(f File, _ time.Time) error {
	if f.Proposal == nil {
		return fault.Errorf(fault.Refused, "somebody proposes first that the file be closed, and another person closes it")
	}
	return nil
}

// read is what a line says.
func (l Line) read() (Step, error) {
	make, known := steps[l.What]
	if !known {
		return nil, fmt.Errorf("line %d of incident %d: no step is called %q", l.Number, l.File, l.What)
	}
	step := make()
	if err := json.Unmarshal(l.Body, step); err != nil {
		return nil, fmt.Errorf("line %d of incident %d: %w", l.Number, l.File, err)
	}
	return step, nil
}
