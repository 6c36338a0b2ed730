package policy

import (
	"slices"
	"time"

	"poterne/internal/meter"
	"poterne/internal/reason"
	"poterne/internal/register"
)

// An export leaves the gate as a file that is counted no more. So it needs a permit
// that other accounts gave, and holds no person without a reason, whatever the
// allowances, and nobody who is not on the list that those accounts agreed on.

// allows reports whether an ask is no export, or has a permit.
func (f Facts) allows(ask Ask, now time.Time) bool {
	if !ask.Signs.Has(meter.Exported) {
		return true
	}
	_, live := f.Meter.Permit(meter.ExportOf(ask.Service, ask.Route), now)
	return live
}

func (w *weighing) exports() bool { return w.ask.Signs.Has(meter.Exported) }

// ExportList is who is on the list of an export permit.
type ExportList struct {
	Permit uint64              // the entry that asked for it
	People []register.PersonID // in order
}

// onList reports whether somebody is on the list that was agreed on for the export: that of the
// permit in force, which the ledger says. A list of another one counts for nobody, whatever rows
// there are.
func (w *weighing) onList(person register.PersonID) bool {
	permit, live := w.meter.Permit(meter.ExportOf(w.ask.Service, w.ask.Route), w.now)
	return live && slices.ContainsFunc(w.lists, func(list ExportList) bool {
		_, found := slices.BinarySearchFunc(list.People, person, register.PersonID.Compare)
		return list.Permit == permit.Asked && found
	})
}

// exported shows a person whom a fact explains, while people are left of the permit. A
// person who is exported again counts again.
func (w *weighing) exported(fields register.Fields, found reason.Reason) Ruling {
	permit, _ := w.meter.Permit(meter.ExportOf(w.ask.Service, w.ask.Route), w.now)
	if permit.Left < meter.Whole {
		return Ruling{Verdict: Withheld, Why: PermitSpent, Counted: permit.All - permit.Left, Limit: permit.All}
	}
	return Ruling{Verdict: Shown, Why: Explained, Reason: found, Fields: fields}
}
