// Package signintest holds what tests of sign-in share: sessions in memory, and the
// conformance test of every signin.Sessions.
package signintest

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"poterne/internal/fault"
	"poterne/internal/roster"
	"poterne/internal/signin"
)

// Sessions is a signin.Sessions in memory, for tests: it forgets everything with the
// process and serves one node.
type Sessions struct {
	mu     sync.Mutex // guards what follows
	marks  map[signin.Digest]time.Time
	rows   map[signin.Digest]signin.Row
	broken error
	finds  int
	writes int
}

// NewSessions returns a store without sessions.
func NewSessions() *Sessions {
	return &Sessions{marks: map[signin.Digest]time.Time{}, rows: map[signin.Digest]signin.Row{}}
}

// Break makes every call fail with err from now on, or work again if it is nil.
func (s *Sessions) Break(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = err
}

// Rows returns the sessions kept, open or ended, oldest first.
func (s *Sessions) Rows() []signin.Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.rows), func(a, b signin.Row) int { return a.Started.Compare(b.Started) })
}

// Effort returns how many reads and writes of sessions there have been.
func (s *Sessions) Effort() (finds, writes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.finds, s.writes
}

// Once implements signin.Sessions.
func (s *Sessions) Once(_ context.Context, mark signin.Digest, until time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return false, s.broken
	}
	if _, marked := s.marks[mark]; marked {
		return false, nil
	}
	s.marks[mark] = until
	return true, nil
}

// Marks returns how many marks are kept.
func (s *Sessions) Marks() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.marks)
}

// Open implements signin.Sessions.
func (s *Sessions) Open(_ context.Context, row signin.Row) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	s.writes++
	for key, kept := range s.rows {
		if key == row.Key || kept.ID == row.ID {
			return errors.New("a session of that key or identifier is kept already")
		}
	}
	s.rows[row.Key] = row
	return nil
}

// Find implements signin.Sessions.
func (s *Sessions) Find(_ context.Context, key signin.Digest) (signin.Row, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return signin.Row{}, s.broken
	}
	s.finds++
	row, ok := s.rows[key]
	if !ok {
		return signin.Row{}, &fault.Error{Kind: fault.Absent}
	}
	return row, nil
}

// Of implements signin.Sessions.
func (s *Sessions) Of(_ context.Context, account roster.AccountID) (list []signin.Row, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return nil, s.broken
	}
	for _, row := range s.rows {
		if row.Account == account && row.Why == "" {
			list = append(list, row)
		}
	}
	slices.SortFunc(list, func(a, b signin.Row) int {
		return cmp.Or(b.Started.Compare(a.Started), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

// Swap implements signin.Sessions.
func (s *Sessions) Swap(_ context.Context, row signin.Row) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return false, s.broken
	}
	s.writes++
	kept, ok := s.rows[row.Key]
	if !ok || kept.Version != row.Version {
		return false, nil
	}
	kept.Version++
	kept.Current, kept.Next, kept.Previous, kept.Seed = row.Current, row.Next, row.Previous, row.Seed
	kept.Rotated, kept.Seen, kept.SteppedUp = row.Rotated, row.Seen, row.SteppedUp
	kept.Hint, kept.Why, kept.Ended = row.Hint, row.Why, row.Ended
	kept.Bound, kept.Proven = row.Bound, row.Proven
	s.rows[row.Key] = kept
	return true, nil
}

// End implements signin.Sessions.
func (s *Sessions) End(_ context.Context, whose signin.Whose, why signin.Why, at time.Time) ([]signin.Row, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return nil, s.broken
	}
	var ended []signin.Row
	for key, row := range s.rows {
		if row.Why != "" || whose.Account != "" && row.Account != whose.Account ||
			whose.Subject != (signin.Digest{}) && row.Subject != whose.Subject ||
			whose.Named != nil && row.Named != *whose.Named ||
			!whose.Until.IsZero() && row.Started.After(whose.Until) {
			continue
		}
		row.Version++
		row.Why, row.Ended, row.Hint = why, at, ""
		s.rows[key] = row
		ended = append(ended, row)
	}
	return ended, nil
}

// Sweep implements signin.Sessions.
func (s *Sessions) Sweep(_ context.Context, marks, sessions time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	maps.DeleteFunc(s.marks, func(_ signin.Digest, until time.Time) bool { return until.Before(marks) })
	maps.DeleteFunc(s.rows, func(_ signin.Digest, row signin.Row) bool { return row.Started.Before(sessions) })
	return nil
}
