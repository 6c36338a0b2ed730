package meter

import (
	"slices"
	"time"
)

// What an account's state says without its people. A Draft is asked.

// Fresh is how long a step-up is fresh.
const Fresh = 15 * time.Minute

// SteppedUp reports whether a step-up is fresh.
func (s *state) SteppedUp(now time.Time) bool { return count(s.stepUps, now.Add(-Fresh)) > 0 }

// justSteppedUp reports whether nothing was charged since a fresh step-up.
func (s *state) justSteppedUp(observed Limits, now time.Time) bool {
	return s.SteppedUp(now) && len(counting(after(s.charges, s.stepUps[len(s.stepUps)-1].time().Add(-time.Microsecond), charge.when), HourLimit, observed)) == 0
}

// Raise is what is left of the last raise that another person gave, and when it ends or
// ended.
func (s *state) Raise(now time.Time) (left Cost, until time.Time) {
	return s.raise.holds(now), s.raise.until
}

// Raised is how many people other people allowed within Memory, used or not.
func (s *state) Raised(now time.Time) (sum Cost) {
	for _, c := range after(s.raises, now.Add(-Memory), charge.when) {
		sum += c.cost
	}
	return sum
}

// Tickets is how many people were shown for tickets that the asker typed.
func (s *state) Tickets(span time.Duration, observed Limits, now time.Time) int {
	return len(counting(after(s.tickets, now.Add(-span), charge.when), limitOf(span), observed))
}

// CanariesListed is how many canaries the account was shown in searches within Memory,
// of those that count for a limit, and whether a step-up followed the last.
func (s *state) CanariesListed(limit, observed Limits, now time.Time) (times int, proved bool) {
	canaries := counting(after(s.canaries, now.Add(-Memory), charge.when), limit, observed)
	times = len(canaries)
	proved = times > 0 && len(s.stepUps) > 0 && s.stepUps[len(s.stepUps)-1] > canaries[times-1].at
	return times, proved
}

// Undone is how many freezes were undone within a week.
func (s *state) Undone(now time.Time) int { return count(s.thaws, now.AddDate(0, 0, -7)) }

// EvidenceNow is the evidence of enumeration as it stands, of what counts for a freeze.
func (s *state) EvidenceNow(observed Limits, now time.Time) Evidence {
	return s.evidence(EnumerationLimit, observed, now)
}

// Days is how the CUSUM came to where it stands, today last.
func (s *state) Days(forgiven Cost, observed Limits, now time.Time) []Day {
	days := s.drifting(forgiven, observed, now)
	return days[:]
}

// Used is a device, or a class of network, that the account was used from within
// Memory.
type Used struct {
	Name   string
	Since  time.Time // the first day, in UTC
	Proved bool      // a step-up was made on it
	New    bool      // unexplained people cost more on it
}

// Acquaintances are the devices, or the classes of network, that an account was used from, in
// no order.
type Acquaintances []acquainted

// Devices are those that the account was used from.
func (s *state) Devices() Acquaintances { return s.devices }

// Networks are the classes of network that it was used from.
func (s *state) Networks() Acquaintances { return s.nets }

// Used are those of within Memory.
func (all Acquaintances) Used(now time.Time) (list []Used) {
	earliest := all.earliest(now)
	for _, a := range all {
		if day, any := a.used.first(now); any {
			_, proved := a.steppedUp.first(now)
			list = append(list, Used{a.name, midnight(day), proved, !proved && isNew(day, earliest, now)})
		}
	}
	return list
}

// New reports whether others were used before this one, which has been used for less than a
// week and without a step-up.
func (all Acquaintances) New(name string, now time.Time) bool {
	first := dayOf(now)
	if i := slices.IndexFunc(all, func(a acquainted) bool { return a.name == name }); i >= 0 {
		if _, proved := all[i].steppedUp.first(now); proved {
			return false
		}
		if day, used := all[i].used.first(now); used {
			first = day
		}
	}
	return isNew(first, all.earliest(now), now)
}

// earliest is the first day on which any was used; today when none was.
func (all Acquaintances) earliest(now time.Time) int32 {
	earliest := dayOf(now)
	for _, a := range all {
		if day, used := a.used.first(now); used {
			earliest = min(earliest, day)
		}
	}
	return earliest
}

// acquaintance is how many days a device is used before it is familiar.
const acquaintance = 7

func isNew(first, earliest int32, now time.Time) bool {
	return first > dayOf(now)-acquaintance && earliest < first
}

// Awakened reports whether the account was silent for the most of Memory, began
// again within three days, and was not stepped up since.
func (s *state) Awakened(now time.Time) bool {
	first, any := s.active.first(now)
	if !any {
		return true
	}
	return first > dayOf(now)-3 && count(s.stepUps, now.Add(-Memory)) == 0
}
