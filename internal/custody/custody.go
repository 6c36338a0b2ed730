// Package custody decides how long the ledger's entries are kept: terms are set, months
// are held beyond them, and dropped at them. ledger/retention works out which may be
// dropped; it knows no clock and deletes nothing.
package custody

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/ledger/retention"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// Rows are what was set and held, in this turn.
type Rows interface {
	approval.Rows
	// Retention returns what was set and held.
	Retention() (retention.Schedule, error)
	// InsertSetting sets how long entries are kept, from the setting's entry on.
	InsertSetting(retention.Setting) error
	// InsertHold keeps months beyond their term.
	InsertHold(retention.Hold) error
	// ReleaseHold ends a hold by an entry.
	ReleaseHold(hold, by ledger.Number) error
}

// Retain sets how long entries are kept, from now on, unless that is what was set
// last.
type Retain struct{ Setting retention.Setting }

// Decide implements journal.Act.
func (r Retain) Decide(_ *journal.Tx, rows Rows) (ledger.Entry, error) {
	if err := r.Setting.Check(); err != nil {
		return ledger.Entry{}, err
	}
	before, err := rows.Retention()
	if err != nil {
		return ledger.Entry{}, err
	}
	if last := before.Now(); last.Months == r.Setting.Months && last.Reason == r.Setting.Reason {
		return ledger.Entry{}, journal.Unchanged
	}
	return ledger.Entry{Kind: ledger.Retained, Account: journal.Itself, Count: uint64(r.Setting.Months), Note: r.Setting.Reason}, nil
}

// Apply implements journal.Act.
func (r Retain) Apply(rows Rows, e ledger.Entry) error {
	r.Setting.Since = e.Number
	return rows.InsertSetting(r.Setting)
}

// Hold keeps months beyond their term until it is released. Two people of the
// security desk sign for it. It is named by its entry.
type Hold struct{ Hold retention.Hold }

// Decide implements journal.Act.
func (h Hold) Decide(tx *journal.Tx, rows Rows) (ledger.Entry, error) {
	if err := h.Hold.Check(); err != nil {
		return ledger.Entry{}, err
	}
	signer, err := approval.Two(tx, rows, h.Hold.By, h.Hold.Approver, approval.Demand{For: "what is kept", Desk: true})
	if err != nil {
		return ledger.Entry{}, err
	}
	return ledger.Entry{
		Kind: ledger.Held, Account: signer.ID, Organisation: signer.Organisation, Approver: h.Hold.Approver,
		First: h.Hold.Since, Last: h.Hold.Until, Note: h.Hold.Because,
	}, nil
}

// Apply implements journal.Act.
func (h Hold) Apply(rows Rows, e ledger.Entry) error {
	h.Hold.Number = e.Number
	return rows.InsertHold(h.Hold)
}

// Release ends a hold. Two people of the security desk sign for that, too.
type Release struct {
	Hold         ledger.Number
	By, Approver roster.AccountID
	Because      string
}

// Decide implements journal.Act.
func (r Release) Decide(tx *journal.Tx, rows Rows) (ledger.Entry, error) {
	if err := typed.Check("a release", r.Because); err != nil {
		return ledger.Entry{}, err
	}
	signer, err := approval.Two(tx, rows, r.By, r.Approver, approval.Demand{For: "what is kept", Desk: true})
	if err != nil {
		return ledger.Entry{}, err
	}
	schedule, err := rows.Retention()
	if err != nil {
		return ledger.Entry{}, err
	}
	if !schedule.InForce(r.Hold) {
		return ledger.Entry{}, fault.Errorf(fault.Absent, "no hold %d is in force", r.Hold)
	}
	return ledger.Entry{
		Kind: ledger.Released, Account: signer.ID, Organisation: signer.Organisation, Approver: r.Approver,
		From: r.Hold, End: r.Hold + 1, Note: r.Because,
	}, nil
}

// Apply implements journal.Act.
func (r Release) Apply(rows Rows, e ledger.Entry) error { return rows.ReleaseHold(r.Hold, e.Number) }

// DropRows are the ledger's months, in a turn of a role that may remove one.
type DropRows interface {
	Rows
	// Periods returns the ledger's months, oldest first, those that were dropped
	// included.
	Periods() ([]ledger.Period, error)
	// Kept returns of how many of a month's entries the commitments stay published, and
	// how many entries of the ledger a checkpoint covers.
	Kept(ledger.Period) (condensed, signed ledger.Number, err error)
	// RemovePeriod removes a month's entries for ever, as an entry says.
	RemovePeriod(period ledger.Period, by ledger.Number) error
}

// Drop removes the entries of a month. It refuses one that is open, that an older one
// is still there before, that was not condensed, that no checkpoint covers, or that
// is held at this moment, whatever the caller has read before; and any while terms and holds are not
// as nodes wrote them. When the month
// is dropped already it is journal.Unchanged.
type Drop struct {
	By    roster.AccountID
	Month ledger.Month
}

// Decide implements journal.Act.
func (d Drop) Decide(_ *journal.Tx, rows DropRows) (ledger.Entry, error) {
	schedule, err := rows.Retention()
	switch {
	case err != nil:
		return ledger.Entry{}, err
	case len(schedule.Altered) > 0:
		return ledger.Entry{}, retention.ErrAltered
	}
	period, err := d.period(rows)
	if err != nil {
		return ledger.Entry{}, err
	}
	if held := schedule.Keeping(d.Month); len(held) > 0 {
		return ledger.Entry{}, fault.Errorf(fault.Refused, "%s is held by hold %d", d.Month, held[0])
	}
	return ledger.Entry{Kind: ledger.Dropped, Account: d.By, From: period.First, End: period.End, First: d.Month}, nil
}

// period returns the month, if it may be dropped.
func (d Drop) period(rows DropRows) (ledger.Period, error) {
	periods, err := rows.Periods()
	if err != nil {
		return ledger.Period{}, err
	}
	period, before, err := ledger.ClosedPeriod(periods, d.Month)
	if err != nil {
		return period, err
	}
	if period.Dropped {
		return period, journal.Unchanged
	}
	condensed, signed, err := rows.Kept(period)
	if err != nil {
		return period, err
	}
	older := slices.IndexFunc(before, func(p ledger.Period) bool { return !p.Dropped })
	switch {
	case older >= 0:
		return period, fault.Errorf(fault.Invalid, "%s is still there, and is older: drop it first", before[older].Month)
	case int64(condensed) != period.Entries():
		return period, fault.Errorf(fault.Invalid, "%s was not condensed: what is published of it would be lost", d.Month)
	case signed < period.End:
		return period, fault.Errorf(fault.Unavailable, "no checkpoint covers the whole of %s yet; try again when one is signed", d.Month)
	}
	return period, nil
}

// Apply implements journal.Act.
func (d Drop) Apply(rows DropRows, e ledger.Entry) error {
	periods, err := rows.Periods()
	if err != nil {
		return err
	}
	period, _, err := ledger.ClosedPeriod(periods, d.Month)
	if err != nil {
		return err
	}
	return rows.RemovePeriod(period, e.Number)
}

// Sweeper removes what a dropped month leaves behind, outside the turn: checkpoints
// inside it, and bytes in a database's files.
type Sweeper interface {
	// Periods returns the ledger's months, oldest first.
	Periods(context.Context) ([]ledger.Period, error)
	// Sweep may be called again after it was interrupted.
	Sweep(context.Context, ledger.Period) error
}

// DropMonth drops a month and sweeps what is left of it. After an interruption it goes
// on where it stopped, and writes no second entry.
func DropMonth(ctx context.Context, w journal.Writer, db Sweeper, drop Drop) error {
	_, err := journal.Do(ctx, w, drop)
	if err != nil && !errors.Is(err, journal.Unchanged) {
		return fmt.Errorf("dropping %s: %w", drop.Month, err)
	}
	periods, err := db.Periods(ctx)
	if err != nil {
		return fmt.Errorf("reading the months: %w", err)
	}
	period, _, err := ledger.ClosedPeriod(periods, drop.Month)
	if err == nil {
		err = db.Sweep(ctx, period)
	}
	if err != nil {
		return fmt.Errorf("sweeping %s: %w", drop.Month, err)
	}
	return nil
}
