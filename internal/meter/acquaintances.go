package meter

import (
	"slices"
	"time"
)

// Used is a device, or a class of network, that the account was used from within
// Memory.
type Used struct {
	Name   string
	Since  time.Time // the first day, in UTC
	Proved bool      // a step-up was made on it
	New    bool      // unexplained people cost more on it
}

// Acquaintances are the devices, or the classes of network, that an account was used from.
type Acquaintances struct {
	list   []acquainted // in the order in which they were used on their last day; acquaintancesKept at most
	others days         // on which those were used that fell out
}

// acquainted is a device or a class of network that the account is used from.
type acquainted struct {
	name            string
	used, steppedUp days
}

// acquaintancesKept bounds them: a browser that forgets everything when it is closed is another
// device each time. The one that was not used for the longest falls out, and is new when it comes
// back, at the price of a new one. The days on which it was used stay, so that others are no less
// new than they were.
const acquaintancesKept = 32

// meet notes that the account is used from one. Drafts share the list, so nothing is changed in place.
func (all Acquaintances) meet(name string, e Event) Acquaintances {
	if name == "" {
		return all
	}
	one, day := acquainted{name: name}, dayOf(e.At)
	i := all.find(name)
	if i >= 0 {
		one = all.list[i]
	}
	if one.used.has(day) && (e.Kind != SteppedUp || one.steppedUp.has(day)) {
		return all
	}
	one.used = one.used.with(day)
	if e.Kind == SteppedUp {
		one.steppedUp = one.steppedUp.with(day)
	}
	kept := all.list
	switch {
	case i >= 0:
		kept = slices.Concat(kept[:i], kept[i+1:])
	case len(kept) == acquaintancesKept:
		kept, all.others = kept[1:], all.others.and(kept[0].used)
	}
	all.list = append(slices.Clip(kept), one)
	return all
}

// find is where one stands; -1 for nowhere.
func (all Acquaintances) find(name string) int {
	return slices.IndexFunc(all.list, func(a acquainted) bool { return a.name == name })
}

func (all Acquaintances) stillUsed(now time.Time) Acquaintances {
	all.list = slices.DeleteFunc(slices.Clone(all.list), func(a acquainted) bool {
		_, used := a.used.first(now)
		return !used
	})
	return all
}

// Devices are those that the account was used from.
func (s *state) Devices() Acquaintances { return s.devices }

// Networks are the classes of network that it was used from.
func (s *state) Networks() Acquaintances { return s.nets }

// Used are those of within Memory.
func (all Acquaintances) Used(now time.Time) (list []Used) {
	earliest := all.earliest(now)
	for _, a := range all.list {
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
	if i := all.find(name); i >= 0 {
		if _, proved := all.list[i].steppedUp.first(now); proved {
			return false
		}
		if day, used := all.list[i].used.first(now); used {
			first = day
		}
	}
	return isNew(first, all.earliest(now), now)
}

// earliest is the first day on which any was used; today when none was.
func (all Acquaintances) earliest(now time.Time) int32 {
	earliest := dayOf(now)
	if day, used := all.others.first(now); used {
		earliest = min(earliest, day)
	}
	for _, a := range all.list {
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
