package meter

import (
	"hash/fnv"
	"slices"
	"time"

	"poterne/internal/roster"
)

// Export names a route that exports people, in memory.
type Export uint64

// ExportOf names a declared route of a service. An account has permits for a few
// of some hundred routes: 64 bits tell them apart.
func ExportOf(service roster.ServiceID, route string) Export {
	name := fnv.New64a()
	_, _ = name.Write([]byte(string(service) + " " + route)) // never fails; no service has a space in its name
	return Export(name.Sum64())
}

// permit is what other people allowed the account to export. It lasts no longer
// than Memory, so that a meter that was rebuilt knows it too.
type permit struct {
	asked     uint64 // the entry that asked for it; 0 once it was ended
	export    Export
	until     moment
	all, left Cost
}

func (m permit) live(now time.Time) bool { return momentOf(now) < m.until }

// permitted adds a permit, in place of one for the same export.
func permitted(all []permit, e Event) []permit {
	kept := slices.DeleteFunc(slices.Clone(all), func(m permit) bool { return m.export == e.Export })
	until := e.At.Add(Memory)
	if e.Until.Before(until) {
		until = e.Until
	}
	return append(kept, permit{e.Permit, e.Export, momentOf(until), e.Cost, e.Cost})
}

// exported takes a person who was shown in an export from its permit.
func exported(all []permit, e Event) []permit {
	all = slices.Clone(all)
	for i, m := range all {
		if m.export == e.Export && m.live(e.At) {
			all[i].left = max(0, m.left-Whole)
		}
	}
	return all
}

// Permit is the permit for an export; false when there is none, or it has ended.
func (s *state) Permit(export Export, now time.Time) (OpenPermit, bool) {
	for _, m := range s.permits {
		if m.export == export && m.live(now) {
			return m.open(), true
		}
	}
	return OpenPermit{}, false
}

func (m permit) open() OpenPermit {
	return OpenPermit{m.asked, m.export, m.until.time(), m.all, m.left}
}

// OpenPermit is a permit in force: for how many people it was given, and how many are left.
type OpenPermit struct {
	Asked     uint64 // the entry that asked for it
	Export    Export
	Until     time.Time
	All, Left Cost
}

// Permits returns the permits in force of a meter.
func Permits(of *Draft, now time.Time) (open []OpenPermit) {
	for _, m := range of.permits {
		if m.live(now) {
			open = append(open, m.open())
		}
	}
	return open
}
