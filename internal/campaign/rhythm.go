package campaign

import (
	"slices"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/register"
)

// stranger is the last person without a reason that an account was shown or asked for.
type stranger struct {
	Person register.PersonID
	At     time.Time
	Asked  ledger.Number   // the passage that was last stopped
	Gaps   []time.Duration // between the last of them, oldest first
}

// meet returns what an entry is charged. A person who was not shown counts as well, once
// for each passage: the account did not ask for all that an application lists. A person
// another account signed for counts too: a whole organisation may be stolen.
func (s *stranger) meet(e *ledger.Entry) meter.Cost {
	event := e.Event()
	if e.Person == s.Person { // counted already, also when stopped and shown a moment later
		return 0
	}
	cost := event.Cost
	switch {
	case event.Kind == meter.Stopped && e.Receipt != s.Asked:
		cost, s.Asked = meter.Whole, e.Receipt
	case event.Kind != meter.Shown || cost == 0:
		return 0
	}
	s.pace(e.Time)
	s.Person, s.At = e.Person, e.Time
	return cost
}

// beats is how many intervals must be alike to be a rhythm, and alike how closely.
const (
	beats = 4
	alike = 1.2 // the longest over the shortest
)

// pace notes the interval since the last stranger. Those of one answer have none.
func (s *stranger) pace(at time.Time) {
	switch gap := at.Sub(s.At); {
	case gap >= meter.Hour:
		s.Gaps = nil
	case gap > 0:
		s.Gaps = append(s.Gaps, gap)
		s.Gaps = s.Gaps[max(0, len(s.Gaps)-beats):]
	}
}

// intervals are what a rhythm is rounded to.
var intervals = []time.Duration{
	time.Second, 2 * time.Second, 3 * time.Second, 5 * time.Second, 7 * time.Second, 10 * time.Second, 15 * time.Second,
	20 * time.Second, 30 * time.Second, 45 * time.Second, time.Minute, 90 * time.Second, 2 * time.Minute, 3 * time.Minute,
	5 * time.Minute, 7 * time.Minute, 10 * time.Minute, 15 * time.Minute, 20 * time.Minute, 30 * time.Minute, 45 * time.Minute, time.Hour,
}

// beat returns the rounded interval at which strangers come; zero when it varies.
func (s *stranger) beat(now time.Time) time.Duration {
	if len(s.Gaps) < beats || now.Sub(s.At) >= meter.Hour {
		return 0
	}
	if float64(slices.Max(s.Gaps)) > alike*float64(slices.Min(s.Gaps)) {
		return 0
	}
	var sum time.Duration
	for _, gap := range s.Gaps {
		sum += gap
	}
	mean := sum / beats
	return slices.MinFunc(intervals, func(a, b time.Duration) int { return int(apart(a, mean) - apart(b, mean)) })
}

// apart is how far one interval is from another.
func apart(a, b time.Duration) time.Duration { return max(a-b, b-a) }
