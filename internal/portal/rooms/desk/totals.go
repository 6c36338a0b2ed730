package desk

import (
	"context"
	"sync"
	"time"

	"poterne/internal/ledger/index"
	"poterne/internal/roster"
)

// totals are counts of all that accounts were shown that take longer than a page waits: they go on
// without it, and the next look has them. It is safe to share.
type totals struct {
	mu   sync.Mutex // guards what follows
	last map[roster.AccountID]*counting
}

// counting is a count that goes on, or has ended.
type counting struct {
	ended chan struct{}
	shown *index.Shown // nil when it failed; set before ended is closed
	at    time.Time    // when it ended; zero while it goes on, guarded by the totals' lock
}

const (
	totalWait  = 150 * time.Millisecond // how long a page waits for a count that it can do without
	totalLasts = time.Minute            // how long one that took longer is told
	mostTotals = 8                      // that are counted at once; beyond these a page does without
)

// total counts what an account was shown, or returns nil when the index is not there, is behind or
// does not answer at once: a part is never told as the whole.
func (x exact) total(v visit, account roster.AccountID) *index.Shown {
	if x.index == nil || x.behind("") != nil {
		return nil
	}
	c := x.totals.of(account, x.shell.Now(), func(c *counting) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(v.Context()), mostWait)
		defer cancel()
		began := time.Now()
		shown, err := x.index.ShownTo(ctx, []roster.AccountID{account}, time.Time{}, time.Time{})
		if err != nil {
			x.notAnswered(v, err)
		} else {
			c.shown = &shown
		}
		x.totals.end(account, c, err == nil && time.Since(began) > totalWait, x.shell.Now())
	})
	if c == nil {
		return nil
	}
	select {
	case <-c.ended:
		return c.shown
	case <-time.After(totalWait):
	case <-v.Context().Done():
	}
	return nil
}

// of returns the count of an account: the one that goes on, one of less than a minute ago, or a new
// one; nil when too many go on.
func (t *totals) of(account roster.AccountID, now time.Time, count func(*counting)) *counting {
	t.mu.Lock()
	defer t.mu.Unlock()
	going := 0
	for id, c := range t.last {
		switch {
		case c.at.IsZero():
			going++
		case now.Sub(c.at).Abs() >= totalLasts:
			delete(t.last, id)
		}
	}
	if c, known := t.last[account]; known {
		return c
	}
	if going >= mostTotals {
		return nil
	}
	c := &counting{ended: make(chan struct{})}
	t.last[account] = c
	go count(c)
	return c
}

// end ends a count, which is kept for a while if it took long.
func (t *totals) end(account roster.AccountID, c *counting, keep bool, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.at = now; !keep {
		delete(t.last, account)
	}
	close(c.ended)
}
