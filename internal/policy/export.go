package policy

import (
	"slices"
	"time"

	"poterne/internal/meter"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// An export leaves the gate as a file that is counted no more. So it needs a permit
// that other accounts gave, and holds no person without a reason, whatever the
// allowances, and nobody who is not on the list that those accounts agreed on.

// allows reports whether an ask is no export, or has a permit.
func (f Facts) allows(ask Ask, now time.Time) bool {
	if !ask.Signs.Has(meter.Exported) {
		return true
	}
	_, _, live := f.Meter.Permit(meter.ExportOf(ask.Service, ask.Route), now)
	return live
}

func (w *weighing) exports() bool { return w.ask.Signs.Has(meter.Exported) }

// ExportList is who is on the list of an export permit, until it ends. Of several for one export,
// the last is the one that counts.
type ExportList struct {
	Service roster.ServiceID
	Route   string
	Until   time.Time           // exclusive
	People  []register.PersonID // in order
}

// onList reports whether somebody is on the list that was agreed on for the export.
func (w *weighing) onList(person register.PersonID) bool {
	for _, list := range slices.Backward(w.lists) {
		if list.Service == w.ask.Service && list.Route == w.ask.Route && w.now.Before(list.Until) {
			_, found := slices.BinarySearchFunc(list.People, person, register.PersonID.Compare)
			return found
		}
	}
	return false
}

// exported shows a person whom a fact explains, while people are left of the permit. A
// person who is exported again counts again.
func (w *weighing) exported(fields register.Fields, found reason.Reason) Ruling {
	all, left, _ := w.meter.Permit(meter.ExportOf(w.ask.Service, w.ask.Route), w.now)
	if left < meter.Whole {
		return Ruling{Verdict: Withheld, Why: PermitSpent, Counted: all - left, Limit: all}
	}
	return Ruling{Verdict: Shown, Why: Explained, Reason: found, Fields: fields}
}
