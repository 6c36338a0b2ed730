package usage

import (
	"context"
	"time"

	"poterne/internal/ledger"
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

// UpTo is the first entry that a watch has not seen.
func (w *Watch) UpTo() ledger.Number {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.follower.UpTo()
}

// ListNow is List for whoever waits however long it takes.
func (w *Watch) ListNow(ctx context.Context) ([]Notice, error) {
	l := w.lists(ctx)
	return l.notices, l.err
}
