package archive

import (
	"context"
	"slices"
	"time"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// Request is for one reading of what the archive keeps of one person. One person asks for it in the
// portal and another approves it there; then it is read once, where the archive's keys are.
type Request struct {
	Number       ledger.Number // of the entry that asked for it
	Person       register.PersonID
	Because      string // with the reference of the request
	By, Approver roster.AccountID
	Asked        time.Time
	Given        time.Time // zero while nobody has approved it
	Read         time.Time // zero while nothing was read
	Dropped      time.Time // zero unless it was taken back or refused
}

// How long a request waits for a second person, and how long it may be read from then on.
const (
	RequestWaits = 72 * time.Hour
	RequestLasts = 24 * time.Hour
)

// Waits reports whether it waits for a second person.
func (r Request) Waits(at time.Time) bool { return r.asked().Waits(at) }

// asked is the request, as another person approves it.
func (r Request) asked() approval.Asked {
	return approval.Asked{By: r.By, Ends: r.Asked.Add(RequestWaits), Answered: !r.Given.IsZero() || !r.Dropped.IsZero(), Demand: reading}
}

// given is the request once it is approved: it can be dropped until it was read.
func (r Request) given() approval.Asked {
	return approval.Asked{By: r.By, Ends: r.Given.Add(RequestLasts), Answered: !r.Read.IsZero() || !r.Dropped.IsZero(), Demand: reading}
}

// Ready reports whether it may be read.
func (r Request) Ready(at time.Time) bool { return !r.Given.IsZero() && r.given().Waits(at) }

// ReadingRows are the requests, in this turn.
type ReadingRows interface {
	approval.Rows
	// ReadingRequest returns one; fault.Absent when there is none.
	ReadingRequest(ledger.Number) (Request, error)
	// ReadingsAsked returns how many an account asked for after a time.
	ReadingsAsked(by roster.AccountID, since time.Time) (int, error)
	// PutReadingRequest adds one, or changes what became of it.
	PutReadingRequest(Request) error
}

// reading is what is asked of those who sign: people of the security desk and the data-protection
// officer, each there now.
var reading = approval.Demand{For: "a reading of the archive", Desk: true, Officer: true, Confirmed: true}

// changing is an act on a request that was made.
type changing struct{ then Request }

// Apply implements journal.Act.
func (c *changing) apply(rows ReadingRows) error { return rows.PutReadingRequest(c.then) }

// AskReading asks another person for a reading. Nothing can be read yet.
type AskReading struct {
	By      roster.AccountID
	Person  register.PersonID
	Because string
}

// Decide implements journal.Act.
func (a AskReading) Decide(tx *journal.Tx, rows ReadingRows) (ledger.Entry, error) {
	if err := typed.Check(reading.For, a.Because); err != nil {
		return ledger.Entry{}, err
	}
	by, err := approval.One(tx, rows, a.By, reading)
	if err == nil {
		err = approval.Seldom(tx, by.ID, rows.ReadingsAsked)
	}
	if err != nil {
		return ledger.Entry{}, err
	}
	return ledger.Entry{Kind: ledger.ReadingAsked, Account: by.ID, Organisation: by.Organisation, State: ledger.Asked, Person: a.Person, Note: a.Because}, nil
}

// Apply implements journal.Act.
func (a AskReading) Apply(rows ReadingRows, e ledger.Entry) error {
	return rows.PutReadingRequest(Request{Number: e.Number, Person: a.Person, Because: a.Because, By: a.By, Asked: e.Time})
}

// ApproveReading approves what another person asked for. Whoever approves says of whom, since a
// request names nobody.
type ApproveReading struct {
	Number ledger.Number
	By     roster.AccountID
	Person register.PersonID

	changing
}

// Decide implements journal.Act.
func (a *ApproveReading) Decide(tx *journal.Tx, rows ReadingRows) (ledger.Entry, error) {
	r, err := rows.ReadingRequest(a.Number)
	if err != nil {
		return ledger.Entry{}, err
	}
	_, second, err := r.asked().Allow(tx, rows, a.By)
	switch {
	case err != nil:
		return ledger.Entry{}, err
	case r.Person != a.Person:
		return ledger.Entry{}, fault.Errorf(fault.Refused, "request %d is of another person: ask whoever made it", a.Number)
	}
	r.Approver, r.Given = second.ID, tx.Now()
	a.then = r
	return ledger.Entry{
		Kind: ledger.ReadingAsked, Account: second.ID, Organisation: second.Organisation, Approver: r.By, State: ledger.SignedFor, Cause: r.Number, Person: r.Person,
	}, nil
}

// Apply implements journal.Act.
func (a *ApproveReading) Apply(rows ReadingRows, _ ledger.Entry) error { return a.apply(rows) }

// DropReading takes back what the person asked for, or refuses what another did, also once it is
// approved, as long as nothing was read.
type DropReading struct {
	Number ledger.Number
	By     roster.AccountID

	changing
}

// Decide implements journal.Act.
func (d *DropReading) Decide(tx *journal.Tx, rows ReadingRows) (ledger.Entry, error) {
	r, err := rows.ReadingRequest(d.Number)
	if err != nil {
		return ledger.Entry{}, err
	}
	asked := r.asked()
	if !r.Given.IsZero() {
		asked = r.given()
	}
	by, state, err := asked.Drop(tx, rows, d.By)
	r.Dropped = tx.Now()
	d.then = r
	return ledger.Entry{Kind: ledger.ReadingAsked, State: state, Account: by.ID, Organisation: by.Organisation, Cause: r.Number, Person: r.Person}, err
}

// Apply implements journal.Act.
func (d *DropReading) Apply(rows ReadingRows, _ ledger.Entry) error { return d.apply(rows) }

// Reading reads what the archive keeps of one person, once, as two people have agreed in the portal.
// It MUST be written before anything is read.
type Reading struct {
	Request ledger.Number
	Person  register.PersonID

	changing
}

// Decide implements journal.Act.
func (x *Reading) Decide(tx *journal.Tx, rows ReadingRows) (ledger.Entry, error) {
	r, err := rows.ReadingRequest(x.Request)
	if err != nil {
		return ledger.Entry{}, err
	}
	switch {
	case r.Person != x.Person:
		return ledger.Entry{}, fault.Errorf(fault.Refused, "request %d is of another person", x.Request)
	case r.Waits(tx.Now()):
		return ledger.Entry{}, fault.Errorf(fault.Refused, "request %d waits for a second person, who approves it in the portal", x.Request)
	case !r.Ready(tx.Now()):
		return ledger.Entry{}, fault.Errorf(fault.Refused, "request %d was read, taken back or is over: ask for it anew in the portal", x.Request)
	}
	demand := reading
	demand.Confirmed = false // each has, as they signed
	signer, err := approval.Two(tx, rows, r.By, r.Approver, demand)
	if err != nil {
		return ledger.Entry{}, err
	}
	r.Read = tx.Now()
	x.then = r
	return ledger.Entry{
		Kind: ledger.ArchiveRead, Account: signer.ID, Organisation: signer.Organisation, Approver: r.Approver, Cause: r.Number, Person: r.Person, Note: r.Because,
	}, nil
}

// Apply implements journal.Act.
func (x *Reading) Apply(rows ReadingRows, _ ledger.Entry) error { return x.apply(rows) }

// Readings asks for readings and approves them.
type Readings struct {
	Writer journal.Writer
	Rows   interface {
		// ReadingRequests returns those that were asked for since a time, in the order of their
		// numbers. One that no node wrote is an error.
		ReadingRequests(ctx context.Context, since time.Time) ([]Request, error)
	}
	Person func(identifier string) (register.PersonID, error) // of the register
	Now    func() time.Time
}

// All returns the requests that wait or may be read, the newest first.
func (s Readings) All(ctx context.Context) ([]Request, error) {
	now := s.Now()
	list, err := s.Rows.ReadingRequests(ctx, now.Add(-RequestWaits-RequestLasts))
	slices.Reverse(list)
	return slices.DeleteFunc(list, func(r Request) bool { return !r.Waits(now) && !r.Ready(now) }), err
}

// Ask asks for a reading of the person with an identifier; fault.Refused to those who may not.
func (s Readings) Ask(ctx context.Context, by roster.AccountID, identifier, because string) error {
	person, err := s.Person(identifier)
	if err == nil {
		_, err = journal.Do(ctx, s.Writer, journal.Act[ReadingRows](AskReading{by, person, because}))
	}
	return err
}

// Approve approves a request that is of the person with an identifier.
func (s Readings) Approve(ctx context.Context, number ledger.Number, by roster.AccountID, identifier string) error {
	person, err := s.Person(identifier)
	if err == nil {
		_, err = journal.Do(ctx, s.Writer, journal.Act[ReadingRows](&ApproveReading{Number: number, By: by, Person: person}))
	}
	return err
}

// Drop takes a request back, or refuses it.
func (s Readings) Drop(ctx context.Context, number ledger.Number, by roster.AccountID) error {
	_, err := journal.Do(ctx, s.Writer, journal.Act[ReadingRows](&DropReading{Number: number, By: by}))
	return err
}
