package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/signin"
)

// endings has the ledger say which sessions ended, so that none goes on whose row somebody
// puts back. People leave while the ledger cannot be written, too: what cannot be said now is said
// once it can.
type endings struct {
	writer journal.Writer
	log    *slog.Logger

	mu      sync.Mutex
	waiting []ledger.Entry // guarded by mu
	more    chan struct{}  // holds one while there may be some
}

func newEndings(w journal.Writer, log *slog.Logger) *endings {
	return &endings{writer: w, log: log, more: make(chan struct{}, 1)}
}

// endingPatience is how long whoever ends a session waits for the ledger to say so.
const endingPatience = 2 * time.Second

// endingOf is what the ledger says of the end of a session; nothing of one that was idle or too
// old: an older row of it is so too.
func endingOf(ended signin.Ended) (ledger.Entry, bool) {
	e := ledger.Entry{Account: ended.Account, Organisation: ended.Organisation, Session: ended.Session, State: ledger.State(ended.Why)}
	switch ended.Why {
	case signin.Doubled, signin.Moved, signin.Copied, signin.PutBack:
		e.Kind = ledger.Session
	case signin.Left, signin.Recalled, signin.Replaced, signin.Dismissed:
		e.Kind = ledger.SignedOut
	default:
		return e, false
	}
	return e, true
}

// write has the ledger say it, and waits until it does, but no longer than patience; and not at all
// where others wait already: an account has several sessions, which end together.
func (s *endings) write(ctx context.Context, e ledger.Entry) {
	s.mu.Lock()
	others := len(s.waiting) > 0
	s.mu.Unlock()
	if others {
		s.wait(e)
		return
	}
	written := make(chan error, 1)
	go func() { written <- journal.Record(context.WithoutCancel(ctx), s.writer, e) }()
	late := time.NewTimer(endingPatience)
	defer late.Stop()
	var err error
	select {
	case err = <-written:
	case <-late.C: // it may be written still: to be told twice is no harm
		err = context.DeadlineExceeded
	}
	if err == nil {
		return
	}
	s.log.WarnContext(ctx, "the end of a session is not in the ledger yet", slog.String("why", string(e.State)), slog.Any("err", err))
	s.wait(e)
}

// wait has it said later.
func (s *endings) wait(e ledger.Entry) {
	s.mu.Lock()
	s.waiting = append(s.waiting, e)
	s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// Run writes what waits until ctx ends.
func (s *endings) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.more:
		}
		for s.next(ctx) {
			journal.Pause(ctx, time.Second)
		}
	}
}

// next writes what waits, and reports whether some of it still does.
func (s *endings) next(ctx context.Context) (more bool) {
	for ctx.Err() == nil {
		s.mu.Lock()
		if len(s.waiting) == 0 {
			s.mu.Unlock()
			return false
		}
		e := s.waiting[0]
		s.mu.Unlock()
		if err := journal.Record(ctx, s.writer, e); err != nil {
			return true
		}
		s.mu.Lock()
		s.waiting = s.waiting[1:]
		s.mu.Unlock()
	}
	return false
}
