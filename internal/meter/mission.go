package meter

import (
	"hash/fnv"
	"slices"
	"time"

	"poterne/internal/roster"
)

// Export names a route that exports people, in memory.
type Export uint64

// ExportOf names a declared route of a service. An account has missions for a few
// of some hundred routes: 64 bits tell them apart.
func ExportOf(service roster.ServiceID, route string) Export {
	name := fnv.New64a()
	_, _ = name.Write([]byte(string(service) + " " + route)) // never fails; no service has a space in its name
	return Export(name.Sum64())
}

// mission is what other people allowed the account to export. It lasts no longer
// than Memory, so that a meter that was rebuilt knows it too.
type mission struct {
	export    Export
	until     moment
	all, left Cost
}

func (m mission) live(now time.Time) bool { return momentOf(now) < m.until }

// commissioned adds a mission, in place of one for the same export.
func commissioned(all []mission, e Event) []mission {
	kept := slices.DeleteFunc(slices.Clone(all), func(m mission) bool { return m.export == e.Export })
	until := e.At.Add(Memory)
	if e.Until.Before(until) {
		until = e.Until
	}
	return append(kept, mission{e.Export, momentOf(until), e.Cost, e.Cost})
}

// exported takes a person who was shown in an export from its mission.
func exported(all []mission, e Event) []mission {
	all = slices.Clone(all)
	for i, m := range all {
		if m.export == e.Export && m.live(e.At) {
			all[i].left = max(0, m.left-Whole)
		}
	}
	return all
}

// Mission is how many people the mission for an export was given and how many are
// left of them; false when there is none, or it has ended.
func (d *Draft) Mission(export Export, now time.Time) (all, left Cost, live bool) {
	for _, m := range d.state.missions {
		if m.export == export && m.live(now) {
			return m.all, m.left, true
		}
	}
	return 0, 0, false
}
