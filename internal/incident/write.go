package incident

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
)

// Rows are the files, in this turn.
type Rows interface {
	approval.Rows
	// IncidentLines returns the lines of a file, in the order of their numbers.
	IncidentLines(file ledger.Number) ([]Line, error)
	// InsertIncidentLine adds a line.
	InsertIncidentLine(Line) error
}

// Write adds a line to a file; an Opening opens one. The security desk and the
// data-protection officer write; a file that one of them proposed to close is closed by
// another, of another lineage.
type Write struct {
	File  ledger.Number // zero to open one
	By    roster.AccountID
	Step  Step
	Cause ledger.Number // of an opening: the entry that brought it about, if any

	Approver roster.AccountID // of a naming
}

// demand is what is asked of those who write in a file.
var demand = approval.Demand{For: "an incident", Desk: true, Officer: true}

// Decide implements journal.Act.
func (w Write) Decide(tx *journal.Tx, rows Rows) (ledger.Entry, error) {
	file, err := w.file(rows)
	if err != nil {
		return ledger.Entry{}, err
	}
	if err := w.Step.check(file, tx.Now()); err != nil {
		return ledger.Entry{}, err
	}
	e := ledger.Entry{Kind: ledger.Filed, Account: w.By, State: w.Step.State(), Cause: w.Cause, Target: file.target()}
	if o, opens := w.Step.(*Opening); opens {
		e.Target = File{Exercise: o.Exercise}.target()
		if o.Stopped = nil; o.Exercise {
			o.Stopped, err = stoppedNow(tx, rows, o.Accounts)
		}
	}
	if err != nil {
		return ledger.Entry{}, err
	}
	if file.Number != 0 {
		e.From, e.End, e.Cause = file.Number, file.Number+1, file.last()
	}
	var signer roster.Account
	switch w.Step.State() {
	case Closed:
		e.Approver = file.Proposal.By
		signer, err = approval.Two(tx, rows, w.By, e.Approver, demand)
	case Named:
		e.Approver = w.Approver
		signer, err = approval.Two(tx, rows, w.By, e.Approver, demand)
	default:
		signer, err = approval.One(tx, rows, w.By, demand)
	}
	if err != nil {
		return ledger.Entry{}, err
	}
	if counted, is := w.Step.(interface{ count() int }); is {
		e.Count = uint64(counted.count())
	}
	e.Organisation = signer.Organisation
	e.Digest = lineOf(e, w.Step).Digest()
	return e, nil
}

// stoppedNow are the accounts that an order holds, under the head.
func stoppedNow(tx *journal.Tx, rows Rows, accounts []roster.AccountID) (held []roster.AccountID, err error) {
	held = stopped(accounts, tx.Orders(), func(id roster.AccountID) order.Use {
		account, unread := rows.Account(id)
		if unread != nil && !fault.Is(unread, fault.Absent) { // a file may be about an account that is gone
			err = unread
		}
		return order.Use{Account: id, Organisation: account.Organisation, Role: account.Role}
	}, tx.Now())
	return held, err
}

// file is the file as it is under the head.
func (w Write) file(rows Rows) (File, error) {
	_, opens := w.Step.(*Opening)
	if opens {
		return File{}, nil
	}
	return openFile(rows, w.File)
}

// openFile is a file in which lines may be written, as it is under the head.
func openFile(rows Rows, number ledger.Number) (File, error) {
	lines, err := rows.IncidentLines(number)
	if err != nil {
		return File{}, err
	}
	files, err := Fold(lines)
	switch {
	case err != nil:
		return File{}, err
	case len(files) != 1:
		return File{}, absent(number)
	case files[0].Into != 0:
		return File{}, fault.Errorf(fault.Refused, "incident %d goes on as incident %d", number, files[0].Into)
	case !files[0].Closed.IsZero():
		return File{}, fault.Errorf(fault.Refused, "incident %d is closed: open another that speaks of it", number)
	}
	return files[0], nil
}

func absent(number ledger.Number) error {
	return fault.Errorf(fault.Absent, "there is no incident %d", number)
}

// lineOf is the row of an entry that says a step.
func lineOf(e ledger.Entry, step Step) Line {
	body, err := json.Marshal(step)
	if err != nil {
		panic(err) // steps are texts, numbers and times
	}
	file := e.From
	if file == 0 {
		file = e.Number
	}
	return Line{Number: e.Number, File: file, At: e.Time, By: e.Account, Approver: e.Approver, What: e.State, Body: body}
}

// Apply implements journal.Act.
func (w Write) Apply(rows Rows, e ledger.Entry) error {
	return rows.InsertIncidentLine(lineOf(e, w.Step))
}

// Service reads files and writes in them.
type Service struct {
	Writer journal.Writer
	Rows   interface {
		// IncidentLines returns the lines of all files, in the order of their numbers.
		IncidentLines(context.Context) ([]Line, error)
	}
	Ledger interface {
		// Entry returns one entry; fault.Absent when it was dropped at its term.
		Entry(context.Context, ledger.Number) (ledger.Entry, error)
		// Look takes in what other nodes wrote.
		Look(context.Context) error
		// Next is the number of the next entry.
		Next() ledger.Number
	}
}

// Do writes a line, and returns the number of its entry.
func (s Service) Do(ctx context.Context, w Write) (ledger.Number, error) {
	entry, err := journal.Do(ctx, s.Writer, w)
	return entry.Number, err
}

// Merge merges a file into another.
func (s Service) Merge(ctx context.Context, m Merge) error {
	_, err := journal.Do(ctx, s.Writer, journal.Act[Rows](&m))
	return err
}

// Escalate has an exercise go on as a real file, and returns the number of that.
func (s Service) Escalate(ctx context.Context, a Escalate) (ledger.Number, error) {
	_, err := journal.Do(ctx, s.Writer, journal.Act[Rows](&a))
	return a.ends.Into, err
}

// Files returns every file, the last opened first.
func (s Service) Files(ctx context.Context) ([]File, error) {
	lines, err := s.Rows.IncidentLines(ctx)
	if err != nil {
		return nil, err
	}
	return Fold(lines)
}

// Altered is a line that is not as the ledger says, or one after which lines are missing.
type Altered struct{ Line ledger.Number }

func (a Altered) Error() string {
	return fmt.Sprintf("line %d of an incident is not as the ledger says, or follows a line that is gone", a.Line)
}

// Check holds a file against the ledger: each line against its entry, which names the line
// before. It returns Altered for the first that differs, or that has no entry. Entries that
// were dropped at their term cannot be asked any more; none is dropped after one that is
// there.
func (s Service) Check(ctx context.Context, f File) error {
	var before ledger.Number
	if f.last() >= s.Ledger.Next() { // another node wrote it, or it was put in
		if err := s.Ledger.Look(ctx); err != nil {
			return err
		}
	}
	there := false // an entry was
	for i, l := range f.Journal {
		if l.Number >= s.Ledger.Next() {
			return Altered{l.Number}
		}
		e, err := s.Ledger.Entry(ctx, l.Number)
		switch {
		case fault.Is(err, fault.Absent) && there:
			return Altered{l.Number}
		case fault.Is(err, fault.Absent):
			before = l.Number
			continue
		case err != nil:
			return err
		}
		there = true
		same := e.Kind == ledger.Filed && e.State == l.What && e.Account == l.By && e.Approver == l.Approver && e.Digest == l.Digest() && e.Time.Equal(l.At) && e.Target == f.target()
		if i > 0 {
			same = same && e.From == f.Number && e.Cause == before
		}
		if !same {
			return Altered{l.Number}
		}
		before = l.Number
	}
	return nil
}

// IsAltered reports whether an error says which line was altered.
func IsAltered(err error) (line ledger.Number, is bool) {
	altered, is := errors.AsType[Altered](err)
	return altered.Line, is
}
