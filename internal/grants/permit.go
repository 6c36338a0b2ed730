package grants

import (
	"cmp"
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// The most people of an export permit, how long it can last (meters know nothing older), and how
// long a request waits for a second person.
const (
	MostExported  = 100_000
	LongestPermit = meter.Memory
	PermitWaits   = 72 * time.Hour
)

// Export is what a permit allows: one account, one export, so many people.
type Export struct {
	Of      roster.AccountID
	Service roster.ServiceID
	Route   string // as declared: "GET /export"
	People  int    // over all exports; a person exported again counts again
	Until   time.Time
	Purpose string
	List    [sha256.Size]byte // SHA-256 of the list of people that was agreed on, as ListOf writes it

	Listed []register.PersonID // who is on it, in order; it is read apart from a permit
}

// ListOf is the list of people that identifiers name: the SHA-256 of its lines, each an identifier
// and a line feed, in the order of their bytes and each once, as `sort -u list | sha256sum` has it in
// the locale C, and who they are. An identifier that is none is an error.
func ListOf(identifiers []string, person func(string) (register.PersonID, error)) (list [sha256.Size]byte, listed []register.PersonID, err error) {
	lines := slices.Compact(slices.Sorted(slices.Values(identifiers)))
	for _, identifier := range lines {
		id, err := person(identifier)
		if err != nil {
			return list, nil, err
		}
		listed = append(listed, id)
	}
	slices.SortFunc(listed, register.PersonID.Compare)
	return sha256.Sum256([]byte(strings.Join(append(lines, ""), "\n"))), slices.Compact(listed), nil
}

// check refuses an export that no permit can be for.
func (x Export) check(now time.Time) error {
	switch {
	case x.Service == "" || x.Route == "":
		return fault.Errorf(fault.Invalid, "an export permit is for one service and route, such as GET /export")
	case x.People < 1 || x.People > MostExported:
		return fault.Errorf(fault.Invalid, "an export permit is of 1 to %d people", MostExported)
	case !x.Until.After(now) || x.Until.After(now.Add(LongestPermit)):
		return fault.Errorf(fault.Invalid, "an export permit ends within %d days", int(LongestPermit.Hours()/24))
	}
	return typed.Check("an export permit", x.Purpose)
}

// named refuses an export without its list.
func (x Export) named() error {
	switch {
	case len(x.Listed) == 0 || x.List == [sha256.Size]byte{}:
		return fault.Errorf(fault.Invalid, "an export permit needs the list of people it is about")
	case len(x.Listed) > MostExported:
		return fault.Errorf(fault.Invalid, "the list of an export permit has at most %d people", MostExported)
	}
	return nil
}

// entry is the export, as an entry of its permit says it.
func (x Export) entry(kind ledger.Kind, by roster.Account) ledger.Entry {
	return ledger.Entry{
		Kind: kind, Account: by.ID, Organisation: by.Organisation, Subject: x.Of, Service: x.Service, Route: x.Route,
		Cost: meter.People(x.People), Until: ledger.Cut(x.Until), Digest: x.List, Note: x.Purpose,
	}
}

// Permit is an export that one person asked for and another allows. What allows it is the entry
// of the second; the row says who agreed on what, and what still waits.
type Permit struct {
	Export
	Number       ledger.Number // of the entry that asked for it
	By, Approver roster.AccountID
	Asked        time.Time
	Given        time.Time // zero while the second person has not approved it
	Dropped      time.Time // zero unless it was taken back or refused
}

// Waits reports whether it waits for a second person.
func (p Permit) Waits(at time.Time) bool { return p.asked().Waits(at) }

// asked is the permit, as another person allows it.
func (p Permit) asked() approval.Asked {
	ends := slices.MinFunc([]time.Time{p.Asked.Add(PermitWaits), p.Until}, time.Time.Compare)
	return approval.Asked{By: p.By, Ends: ends, Answered: !p.Given.IsZero() || !p.Dropped.IsZero(), Demand: permitting(p.Of)}
}

// PermitRows are the permits, in this turn.
type PermitRows interface {
	approval.Rows
	// Permit returns one; fault.Absent when there is none.
	Permit(number ledger.Number) (Permit, error)
	// PermitsAsked returns how many an account asked for after a time.
	PermitsAsked(by roster.AccountID, since time.Time) (int, error)
	// PutPermit adds one, or changes who approved it, and when it was given or dropped.
	PutPermit(Permit) error
	// PutPermitList keeps who is on a permit's list, until the permit ends.
	PutPermitList(number ledger.Number, listed []register.PersonID, until time.Time) error
}

// permitting is what is asked of the two people who sign for an account's permit: managers of its
// organisation or the security desk, at least one of them of the desk, each there now.
func permitting(of roster.AccountID) approval.Demand {
	return approval.Demand{For: "an export permit", Of: of, OneOfDesk: true, Confirmed: true}
}

// AskPermit asks another person for a permit. It allows nothing yet.
type AskPermit struct {
	Export
	By roster.AccountID
}

// Decide implements journal.Act.
func (a AskPermit) Decide(tx *journal.Tx, rows PermitRows) (ledger.Entry, error) {
	by, err := approval.One(tx, rows, a.By, permitting(a.Of))
	if err != nil {
		return ledger.Entry{}, err
	}
	if err := cmp.Or(a.check(tx.Now()), a.named(), approval.Seldom(tx, by.ID, rows.PermitsAsked)); err != nil {
		return ledger.Entry{}, err
	}
	e := a.entry(ledger.PermitAsked, by)
	e.State = ledger.Asked
	return e, nil
}

// Apply implements journal.Act.
func (a AskPermit) Apply(rows PermitRows, e ledger.Entry) error {
	export := a.Export
	export.Until = e.Until
	if err := rows.PutPermit(Permit{Export: export, Number: e.Number, By: e.Account, Asked: e.Time}); err != nil {
		return err
	}
	return rows.PutPermitList(e.Number, a.Listed, e.Until)
}

// ApprovePermit allows what another person asked for, in place of a permit for the same export.
type ApprovePermit struct {
	Number ledger.Number
	By     roster.AccountID
}

// Decide implements journal.Act.
func (a ApprovePermit) Decide(tx *journal.Tx, rows PermitRows) (ledger.Entry, error) {
	p, err := rows.Permit(a.Number)
	if err != nil {
		return ledger.Entry{}, err
	}
	first, second, err := p.asked().Allow(tx, rows, a.By)
	if err != nil {
		return ledger.Entry{}, err
	}
	if err := p.check(tx.Now()); err != nil {
		return ledger.Entry{}, err
	}
	e := p.entry(ledger.Permitted, first)
	e.Approver, e.Cause = second.ID, p.Number
	return e, nil
}

// Apply implements journal.Act.
func (a ApprovePermit) Apply(rows PermitRows, e ledger.Entry) error {
	p, err := rows.Permit(a.Number)
	if err != nil {
		return err
	}
	p.Approver, p.Given = e.Approver, e.Time
	return rows.PutPermit(p)
}

// Changes implements journal.Changes: whom the account may export is read again.
func (ApprovePermit) Changes() bool { return true }

// DropPermit takes back what the person asked for, or refuses what another did.
type DropPermit struct {
	Number ledger.Number
	By     roster.AccountID
}

// Decide implements journal.Act.
func (d DropPermit) Decide(tx *journal.Tx, rows PermitRows) (ledger.Entry, error) {
	p, err := rows.Permit(d.Number)
	if err != nil {
		return ledger.Entry{}, err
	}
	by, state, err := p.asked().Drop(tx, rows, d.By)
	return ledger.Entry{
		Kind: ledger.PermitAsked, State: state, Account: by.ID, Organisation: by.Organisation, Subject: p.Of, Service: p.Service, Route: p.Route, Cause: p.Number,
	}, err
}

// Apply implements journal.Act.
func (d DropPermit) Apply(rows PermitRows, e ledger.Entry) error {
	p, err := rows.Permit(d.Number)
	if err != nil {
		return err
	}
	p.Dropped = e.Time
	return rows.PutPermit(p)
}

// EndPermit ends a permit in force. One person of the security desk does it, since it only takes
// away; what is in force is what the ledger says, whatever the rows are.
type EndPermit struct {
	By, Of  roster.AccountID
	Service roster.ServiceID
	Route   string
}

// Decide implements journal.Act.
func (p EndPermit) Decide(tx *journal.Tx, rows approval.Rows) (ledger.Entry, error) {
	by, err := approval.One(tx, rows, p.By, approval.Demand{For: "the end of an export permit", Desk: true})
	if err != nil {
		return ledger.Entry{}, err
	}
	if _, live := tx.Meter(p.Of).Permit(meter.ExportOf(p.Service, p.Route), tx.Now()); !live {
		return ledger.Entry{}, fault.Errorf(fault.Absent, "no such permit is in force")
	}
	return ledger.Entry{Kind: ledger.PermitEnded, Account: by.ID, Organisation: by.Organisation, Subject: p.Of, Service: p.Service, Route: p.Route}, nil
}

// Apply implements journal.Act: the end of a permit is its entry.
func (EndPermit) Apply(approval.Rows, ledger.Entry) error { return nil }

// Permits asks for permits, gives them and ends them.
type Permits struct {
	Writer journal.Writer
	Rows   interface {
		// Permits returns those that were asked for since a time, in the order of their numbers.
		// One that no node wrote is an error.
		Permits(ctx context.Context, since time.Time) ([]Permit, error)
	}
	Now func() time.Time
}

// All returns every permit that may be in force or wait, in the order of their numbers.
func (s Permits) All(ctx context.Context) ([]Permit, error) {
	return s.Rows.Permits(ctx, s.Now().Add(-LongestPermit))
}

// Ask asks for one; fault.Refused to those who may not.
func (s Permits) Ask(ctx context.Context, a AskPermit) error {
	_, err := journal.Do(ctx, s.Writer, journal.Act[PermitRows](a))
	return err
}

// Approve gives one that another person asked for.
func (s Permits) Approve(ctx context.Context, number ledger.Number, by roster.AccountID) error {
	_, err := journal.Do(ctx, s.Writer, journal.Act[PermitRows](ApprovePermit{number, by}))
	return err
}

// Drop takes one back that waits, or refuses it.
func (s Permits) Drop(ctx context.Context, number ledger.Number, by roster.AccountID) error {
	_, err := journal.Do(ctx, s.Writer, journal.Act[PermitRows](DropPermit{number, by}))
	return err
}

// End ends one that is in force; fault.Absent when there is none.
func (s Permits) End(ctx context.Context, end EndPermit) error {
	_, err := journal.Do(ctx, s.Writer, journal.Act[approval.Rows](end))
	return err
}
