package gate

import (
	"context"
	"fmt"
	"time"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/ledger/retention"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// Keeper is the part of the ledger's head that says how long entries are kept.
type Keeper interface {
	// Retention returns what was set and held.
	Retention() (retention.Book, error)
	// Retain sets how long entries are kept, from the setting's entry on.
	Retain(retention.Setting) error
	// Hold keeps months beyond their term.
	Hold(retention.Hold) error
	// Release ends a hold by an entry; fault.Absent when it is not in force.
	Release(hold, by ledger.Number) error
}

// Retain sets how long entries are kept, from now on, unless that is what was set
// last. It reports whether it did.
func Retain(ctx context.Context, book Book, now func() time.Time, setting retention.Setting) (changed bool, err error) {
	if err := setting.Check(); err != nil {
		return false, err
	}
	err = once(ctx, book, now, func(t *turn) error {
		before, err := t.head.Retention()
		if err != nil {
			return fmt.Errorf("reading how long entries are kept: %w", err)
		}
		if last := before.Now(); last.Months == setting.Months && last.Reason == setting.Reason {
			return nil
		}
		changed = true
		setting.Since = t.next()
		if err := t.head.Retain(setting); err != nil {
			return fmt.Errorf("setting how long entries are kept: %w", err)
		}
		t.record(ledger.Entry{Kind: ledger.Retained, Account: Itself, Detail: setting.String()})
		return nil
	})
	return changed && err == nil, err
}

// Hold keeps months beyond their term until it is released. Two people of the
// security desk sign for it. It is named by its entry.
func Hold(ctx context.Context, book Book, now func() time.Time, by, approver Asker, hold retention.Hold) (retention.Hold, error) {
	if err := hold.Check(); err != nil {
		return hold, err
	}
	err := once(ctx, book, now, func(t *turn) error {
		if err := t.twoOfTheDesk(by, approver); err != nil {
			return err
		}
		hold.Number, hold.By, hold.Approver = t.next(), by.Account, approver.Account
		if err := t.head.Hold(hold); err != nil {
			return fmt.Errorf("holding %s: %w", hold.Range(), err)
		}
		t.record(ledger.Entry{Kind: ledger.Held, Account: by.Account, Organisation: by.Organisation, Detail: hold.String()})
		return nil
	})
	return hold, err
}

// Release ends a hold. Two people of the security desk sign for that, too.
func Release(ctx context.Context, book Book, now func() time.Time, by, approver Asker, hold ledger.Number, because string) error {
	if err := typed.Check("a release", because); err != nil {
		return err
	}
	return once(ctx, book, now, func(t *turn) error {
		if err := t.twoOfTheDesk(by, approver); err != nil {
			return err
		}
		if err := t.head.Release(hold, t.next()); err != nil {
			return err
		}
		t.record(ledger.Entry{
			Kind: ledger.Released, Account: by.Account, Organisation: by.Organisation, From: hold, End: hold + 1,
			Detail: fmt.Sprintf("hold %d; approved by %s; %s", hold, approver.Account, because),
		})
		return nil
	})
}

// twoOfTheDesk refuses whoever may not sign for what is kept.
func (t *turn) twoOfTheDesk(by, approver Asker) error {
	refused := func(format string, args ...any) error {
		return &fault.Error{Kind: fault.Refused, Public: fmt.Sprintf(format, args...)}
	}
	for _, one := range []Asker{by, approver} {
		if one.Role != roster.Security {
			return refused("%q is not of the security desk: two people of it sign for what is kept", one.Account)
		}
	}
	if by.Account == approver.Account {
		return refused("one person signs and another approves: %q cannot do both", by.Account)
	}
	return t.unstopped(by, approver)
}
