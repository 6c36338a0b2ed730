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
	var silent, others []sourceState
	for _, name := range names {
		at, known := heard[name]
		limit := limits[name]
		if !known || limit > 0 && now.Sub(at) > limit {
			silent = append(silent, sourceState{name, at, !known, true, limit})
		} else {
			others = append(others, sourceState{name, at, false, false, limit})
		}
	}
	return append(silent, others...), nil
}
