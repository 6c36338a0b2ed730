package person

import (
	"cmp"
	"context"
	"slices"
	"time"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// Withholding leaves what one account was shown since a time out of what people are told, for
// an enquiry, until it ends: then the lines appear by themselves. One person asks for it and
// another approves it; a longer one is asked for anew.
type Withholding struct {
	Number       ledger.Number // of the entry that asked for it
	Account      roster.AccountID
	Since, Until time.Time // Until is also when it ends
	Because      string
	By, Approver roster.AccountID // Approver is empty while it waits
	Asked        time.Time
	Stopped      time.Time // zero while nobody did
	StoppedBy    roster.AccountID
}

// The bounds of a withholding.
const (
	WithheldMonths   = 3              // from when it is asked for
	WithholdingWaits = 72 * time.Hour // for a second person
)

// InForce reports whether it withholds at a moment.
func (w Withholding) InForce(at time.Time) bool {
	return w.Approver != "" && w.Stopped.IsZero() && at.Before(w.Until)
}

// Waits reports whether it waits for a second person.
func (w Withholding) Waits(at time.Time) bool { return w.asked().Waits(at) }

// asked is the withholding, as another person approves it.
func (w Withholding) asked() approval.Asked {
	ends := slices.MinFunc([]time.Time{w.Asked.Add(WithholdingWaits), w.Until}, time.Time.Compare)
	return approval.Asked{By: w.By, Ends: ends, Answered: w.Approver != "" || !w.Stopped.IsZero(), Demand: withholding}
}

// Hides reports whether it is an entry that it withholds at a moment.
func (w Withholding) Hides(e ledger.Entry, at time.Time) bool {
	return w.InForce(at) && e.Account == w.Account && !e.Time.Before(w.Since)
}

// WithholdingRows are the withholdings, in this turn.
type WithholdingRows interface {
	approval.Rows
	// Withholding returns one; fault.Absent when there is none.
	Withholding(number ledger.Number) (Withholding, error)
	// WithholdingsAsked returns how many an account asked for after a time.
	WithholdingsAsked(by roster.AccountID, since time.Time) (int, error)
	// PutWithholding adds one, or changes who approved or stopped it.
	PutWithholding(Withholding) error
}

// withholding is what is asked of those who sign: people of the security desk and the
// data-protection officer, each there now.
var withholding = approval.Demand{For: "withholding lines", Desk: true, Officer: true, Confirmed: true}

// apart refuses a signer who is the account whose lines are withheld, or of its lineage: nobody
// hides what they looked at, nor has it hidden by whom they made.
func (w Withholding) apart(rows WithholdingRows, signer roster.Account) error {
	of, err := rows.Account(w.Account)
	if err != nil {
		return err
	}
	return approval.Apart(rows, signer, of, withholding.For)
}

// AskWithholding asks that lines be withheld.
type AskWithholding struct {
	By           roster.AccountID
	Account      roster.AccountID
	Since, Until time.Time
	Because      string
}

// Decide implements journal.Act.
func (a AskWithholding) Decide(tx *journal.Tx, rows WithholdingRows) (ledger.Entry, error) {
	if err := typed.Check(withholding.For, a.Because); err != nil {
		return ledger.Entry{}, err
	}
	switch {
	case a.Since.IsZero() || a.Since.After(tx.Now()):
		return ledger.Entry{}, fault.Errorf(fault.Invalid, "lines are withheld since a moment that has been")
	case !a.Until.After(tx.Now()) || a.Until.After(tx.Now().AddDate(0, WithheldMonths, 0)):
		return ledger.Entry{}, fault.Errorf(fault.Invalid, "lines are withheld for at most %d months: ask again before the end", WithheldMonths)
	}
	by, err := approval.One(tx, rows, a.By, withholding)
	if err != nil {
		return ledger.Entry{}, err
	}
	if err := cmp.Or((Withholding{Account: a.Account}).apart(rows, by), approval.Seldom(tx, by.ID, rows.WithholdingsAsked)); err != nil {
		return ledger.Entry{}, err
	}
	return ledger.Entry{
		Kind: ledger.Withheld, Account: by.ID, Organisation: by.Organisation, Subject: a.Account, State: ledger.Asked,
		Since: ledger.Cut(a.Since), Until: ledger.Cut(a.Until), Note: a.Because,
	}, nil
}

// Apply implements journal.Act.
func (a AskWithholding) Apply(rows WithholdingRows, e ledger.Entry) error {
	return rows.PutWithholding(Withholding{
		Number: e.Number, Account: e.Subject, Since: e.Since, Until: e.Until, Because: e.Note, By: e.Account, Asked: e.Time,
	})
}

// ApproveWithholding puts a withholding in force that another person asked for.
type ApproveWithholding struct {
	Number ledger.Number
	By     roster.AccountID
}

// Decide implements journal.Act.
func (a ApproveWithholding) Decide(tx *journal.Tx, rows WithholdingRows) (ledger.Entry, error) {
	w, err := rows.Withholding(a.Number)
	if err != nil {
		return ledger.Entry{}, err
	}
	first, second, err := w.asked().Allow(tx, rows, a.By)
	if err != nil {
		return ledger.Entry{}, err
	}
	for _, signer := range []roster.Account{first, second} {
		if err := w.apart(rows, signer); err != nil {
			return ledger.Entry{}, err
		}
	}
	return ledger.Entry{
		Kind: ledger.Withheld, Account: second.ID, Organisation: second.Organisation, Approver: w.By, Subject: w.Account, State: ledger.SignedFor,
		Since: w.Since, Until: w.Until, Cause: w.Number,
	}, nil
}

// Apply implements journal.Act.
func (a ApproveWithholding) Apply(rows WithholdingRows, e ledger.Entry) error {
	w, err := rows.Withholding(a.Number)
	if err != nil {
		return err
	}
	w.Approver = e.Account
	return rows.PutWithholding(w)
}

// StopWithholding ends a withholding before its end, or takes back what was asked for. One
// person does it: it only shows people what is theirs.
type StopWithholding struct {
	Number ledger.Number
	By     roster.AccountID
}

// Decide implements journal.Act.
func (s StopWithholding) Decide(tx *journal.Tx, rows WithholdingRows) (ledger.Entry, error) {
	w, err := rows.Withholding(s.Number)
	if err != nil {
		return ledger.Entry{}, err
	}
	by, err := approval.One(tx, rows, s.By, withholding)
	if err == nil && !w.Waits(tx.Now()) && !w.InForce(tx.Now()) {
		err = journal.Unchanged
	}
	if err != nil {
		return ledger.Entry{}, err
	}
	return ledger.Entry{Kind: ledger.Withheld, Account: by.ID, Organisation: by.Organisation, Subject: w.Account, State: ledger.Stopped, Cause: w.Number}, nil
}

// Apply implements journal.Act.
func (s StopWithholding) Apply(rows WithholdingRows, e ledger.Entry) error {
	w, err := rows.Withholding(s.Number)
	if err != nil {
		return err
	}
	w.Stopped, w.StoppedBy = e.Time, e.Account
	return rows.PutWithholding(w)
}

// Withholdings asks for lines to be withheld, approves and stops it.
type Withholdings struct {
	Writer journal.Writer
	Rows   interface {
		// Withholdings returns them all, in the order of their numbers. One that no node wrote
		// is an error: without it, lines would be shown that are withheld.
		Withholdings(context.Context) ([]Withholding, error)
	}
}

// All returns every withholding, the last that was asked for first.
func (s Withholdings) All(ctx context.Context) ([]Withholding, error) {
	return s.Rows.Withholdings(ctx)
}

// Ask asks for one.
func (s Withholdings) Ask(ctx context.Context, a AskWithholding) error {
	_, err := journal.Do(ctx, s.Writer, journal.Act[WithholdingRows](a))
	return err
}

// Approve puts one in force.
func (s Withholdings) Approve(ctx context.Context, number ledger.Number, by roster.AccountID) error {
	_, err := journal.Do(ctx, s.Writer, journal.Act[WithholdingRows](ApproveWithholding{number, by}))
	return err
}

// Stop ends one.
func (s Withholdings) Stop(ctx context.Context, number ledger.Number, by roster.AccountID) error {
	_, err := journal.Do(ctx, s.Writer, journal.Act[WithholdingRows](StopWithholding{number, by}))
	return err
}
