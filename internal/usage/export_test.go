package usage

import (
	"time"

	"poterne/internal/meter"
	"poterne/internal/roster"
)

// Add adds to what an account used of a limit in the week of a moment.
func (s *Sums) Add(id roster.AccountID, at time.Time, l Limit, used meter.Cost) {
	_, now := s.in(id, at)
	now[l] += used
}

// Sums returns what a watch holds. It must not run any more.
func (w *Watch) Sums() Sums { return w.sums }
