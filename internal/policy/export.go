package policy

import (
	"time"

	"poterne/internal/meter"
	"poterne/internal/reason"
	"poterne/internal/register"
)

// This file holds what an export may hold. It leaves the gate as a file that nobody
// counts any more, so it is off without a mission that other people gave, and with
// one it holds nobody without a reason, whatever the allowances.

// allows reports whether an ask is no export, or has a mission.
func (f Facts) allows(ask Ask, now time.Time) bool {
	if !ask.Signs.Has(meter.Exported) {
		return true
	}
	_, _, live := f.Meter.Mission(meter.ExportOf(ask.Service, ask.Route), now)
	return live
}

func (w *weighing) exports() bool { return w.ask.Signs.Has(meter.Exported) }

// exported shows somebody whom a fact explains, while people are left of the
// mission. Who is exported again is one more.
func (w *weighing) exported(fields register.Fields, found reason.Reason) Ruling {
	all, left, _ := w.meter.Mission(meter.ExportOf(w.ask.Service, w.ask.Route), w.now)
	if left < meter.Whole {
		return Ruling{Verdict: Withheld, Why: MissionSpent, Counted: all - left, Limit: all}
	}
	return Ruling{Verdict: Shown, Why: Explained, Reason: found, Fields: fields}
}
