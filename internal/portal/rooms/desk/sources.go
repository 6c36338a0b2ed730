package desk

import (
	"maps"
	"slices"
	"time"
)

// sourceState is a system that tells facts, and whether it still does.
type sourceState struct {
	Name   string
	Heard  time.Time
	Never  bool
	Silent bool
	Limit  time.Duration // how long it may be silent; zero when that is not set
}

// heard lists the sources we expect and those we heard, the silent ones first.
func (l live) heard(v visit) ([]sourceState, error) {
	heard, err := l.sources.Heard(v.Context())
	if err != nil {
		return nil, err
	}
	limits, now := l.settings.Silence, l.shell.Now()
	names := slices.Collect(maps.Keys(heard))
	for name := range limits {
		if _, known := heard[name]; !known {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	states := make([]sourceState, 0, len(names))
	for _, name := range names {
		at, known := heard[name]
		limit := limits[name]
		states = append(states, sourceState{name, at, !known, !known || limit > 0 && now.Sub(at) > limit, limit})
	}
	slices.SortStableFunc(states, func(a, b sourceState) int {
		switch {
		case a.Silent == b.Silent:
			return 0
		case a.Silent:
			return -1
		default:
			return 1
		}
	})
	return states, nil
}
