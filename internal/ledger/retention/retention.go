// Package retention says until when the months of the ledger are kept. It reads no clock
// and deletes nothing: it takes terms, holds, months and the time, and returns what may be
// dropped. In doubt, a month is kept.
package retention

import (
	"fmt"
	"slices"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// How many whole months a month of the ledger is kept after its end: by default, at least
// and at most.
const (
	Default  = 12
	Shortest = 6
	Longest  = 36
)

// Setting is how long entries are kept, from one of them on.
type Setting struct {
	Since  ledger.Number // the entry that says so
	Months int
	Reason string // why longer than by default
}

// Check says what is wrong with a setting.
func (s Setting) Check() error {
	switch {
	case s.Months < Shortest || s.Months > Longest:
		return invalid("entries are kept %d to %d months, not %d", Shortest, Longest, s.Months)
	case s.Months > Default || s.Reason != "":
		return typed.Check(fmt.Sprintf("keeping entries %d months", s.Months), s.Reason)
	default:
		return nil
	}
}

// Hold keeps months beyond their term, those to come included, until it is
// released.
type Hold struct {
	Number   ledger.Number    `json:"hold"` // of its entry, which names it
	Since    ledger.Month     `json:"since"`
	Until    ledger.Month     `json:"until,omitzero"` // included; zero while it is open
	Because  string           `json:"because"`
	By       roster.AccountID `json:"by"`
	Approver roster.AccountID `json:"approved_by"`

	Released bool          `json:"-"`
	Release  ledger.Number `json:"released_by,omitzero"` // the entry that says so
}

// Check says what is wrong with a hold.
func (h Hold) Check() error {
	switch {
	case h.Since == 0:
		return invalid("a hold begins with a month")
	case h.Until != 0 && h.Until < h.Since:
		return invalid("a hold that begins with %s cannot end with %s", h.Since, h.Until)
	default:
		return typed.Check("a hold", h.Because)
	}
}

// Keeps reports whether the hold is in force and touches a month.
func (h Hold) Keeps(month ledger.Month) bool {
	return !h.Released && month >= h.Since && (h.Until == 0 || month <= h.Until)
}

// Range is the months that it touches, in words.
func (h Hold) Range() string {
	switch h.Until {
	case 0:
		return h.Since.String() + " and after"
	case h.Since:
		return h.Since.String()
	default:
		return h.Since.String() + " to " + h.Until.String()
	}
}

// Schedule is the terms that were set and the holds that were placed, in the order of
// their entries.
type Schedule struct {
	Settings []Setting
	Holds    []Hold
	Altered  []string // the tables whose rows are not those that nodes wrote: one is gone, was changed or was put back
}

// Now is the setting in force: what was set last.
func (s Schedule) Now() Setting {
	if n := len(s.Settings); n > 0 {
		return s.Settings[n-1]
	}
	return Setting{Months: Default}
}

// Term is how many whole months the entries from first on are kept after the end of
// their month: the longest that was set at any time since first was written.
func (s Schedule) Term(first ledger.Number) int {
	term, before := s.Now().Months, Default
	for _, setting := range s.Settings {
		if setting.Since > first {
			term = max(term, before)
		}
		before = setting.Months
	}
	return term
}

// Keeping returns the holds that keep a month.
func (s Schedule) Keeping(month ledger.Month) (holds []ledger.Number) {
	for _, hold := range s.Holds {
		if hold.Keeps(month) {
			holds = append(holds, hold.Number)
		}
	}
	return holds
}

// InForce reports whether a hold was placed and not released.
func (s Schedule) InForce(number ledger.Number) bool {
	return slices.ContainsFunc(s.Holds, func(h Hold) bool { return h.Number == number && !h.Released })
}

// ErrAltered is the error of a schedule that no node wrote as it is.
var ErrAltered = fault.Errorf(fault.Refused, "the terms and holds in the database are not those that were written: somebody changed the tables retention or hold, or took a row away, so nothing is dropped; put both back from a backup")

// Vouch holds the schedule against the entries from first on, which is where the ledger
// begins. An attacker who can write the tables that the schedule was read from, and not the
// ledger, neither shortens a term with that nor releases a hold. What entries cannot tell, a row that is
// gone or is about entries that were dropped, Altered does.
func (s Schedule) Vouch(first ledger.Number, entry func(ledger.Number) (ledger.Entry, error)) error {
	vouch := func(number ledger.Number, what string, says func(ledger.Entry) bool) error {
		if number < first {
			return nil // it was vouched for as long as its entry was there
		}
		written, err := entry(number)
		if err != nil {
			return fmt.Errorf("holding %s against the ledger: %w", what, err)
		}
		if !says(written) {
			return fmt.Errorf("the database has %s as entry %d, and the ledger does not: somebody wrote into the table, so nothing is dropped", what, number)
		}
		return nil
	}
	for _, setting := range s.Settings {
		says := func(e ledger.Entry) bool {
			return e.Kind == ledger.Retained && e.Count == uint64(setting.Months) && e.Note == setting.Reason
		}
		if err := vouch(setting.Since, "a setting", says); err != nil {
			return err
		}
	}
	for _, hold := range s.Holds {
		placed := func(e ledger.Entry) bool {
			return e.Kind == ledger.Held && e.Account == hold.By && e.Approver == hold.Approver &&
				e.First == hold.Since && e.Last == hold.Until && e.Note == hold.Because
		}
		if err := vouch(hold.Number, "a hold", placed); err != nil {
			return err
		}
		released := func(e ledger.Entry) bool { return e.Kind == ledger.Released && e.From == hold.Number }
		if err := vouch(hold.Release, "a release", released); hold.Released && err != nil {
			return err
		}
	}
	if len(s.Altered) > 0 { // which row it is, no entry told
		return ErrAltered
	}
	return nil
}

func invalid(format string, args ...any) error {
	return &fault.Error{Kind: fault.Invalid, Public: fmt.Sprintf(format, args...)}
}
