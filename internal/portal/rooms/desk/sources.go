package desk

import (
	"context"
	"maps"
	"slices"
	"sync"
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

// hearing remembers for a moment when each source was last heard, for all who follow the
// desk. It is safe to share.
type hearing struct {
	Sources
	mu    sync.Mutex // guards what follows
	at    time.Time
	heard map[string]time.Time
}

const hearsEvery = 5 * time.Second

// lately returns when each source was last heard, as it was a moment ago.
func (h *hearing) lately(ctx context.Context, now time.Time) (map[string]time.Time, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.heard != nil && now.Sub(h.at) < hearsEvery {
		return h.heard, nil
	}
	heard, err := h.Heard(ctx)
	if err == nil {
		h.at, h.heard = now, heard
	}
	return heard, err
}

// heard lists the sources we expect and those we heard, the silent ones first.
func (l live) heard(v visit) ([]sourceState, error) {
	heard, err := l.sources.lately(v.Context(), l.shell.Now())
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
