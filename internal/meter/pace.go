package meter

import (
	"math"
	"time"
)

const (
	hurry  = 2 * time.Second
	rhythm = 8    // intervals are compared
	uneven = 0.25 // their standard deviation over their mean, from which on they are not even
)

// stranger is the last person without a reason.
type stranger struct {
	tag    uint64
	at     time.Time
	asked  time.Time // when a person without a reason was asked for last, found or not
	answer uint64
	was    EventKind             // what became of it; Nothing after a step-up
	beats  [rhythm]time.Duration // the last gaps, the newest first
}

// follow returns the traits of one stranger after another, and moves on to the new one.
func (s *stranger) follow(e Event) (found Trait) {
	tag := tagOf(e.Person)
	if tag == s.tag && e.At.Sub(s.at) < Hour && (!e.Person.IsZero() || e.Signs.Has(Again)) { // each person who does not exist is another one
		s.was = e.Kind
		return 0
	}
	if e.Answer != s.answer {
		found = s.pace(e, e.At.Sub(s.at))
	}
	s.tag, s.at, s.asked, s.answer, s.was = tag, e.At, e.At, e.Answer, e.Kind
	return found
}

func (s *stranger) pace(e Event, gap time.Duration) (found Trait) {
	if gap < hurry {
		found |= Hurry
	}
	if e.Kind == s.was && gap < Hour {
		switch e.Kind {
		case Stopped, Unsigned:
			found |= Knocks
		case Deferred:
			found |= Insists
		default:
		}
	}
	switch {
	case e.Signs.Has(InOrder):
		found |= Order
	case e.Signs.Has(OutOfOrder) && e.Kind == Shown && e.At.Sub(s.asked) >= hurry: // parallel asks have no order; a refusal relieves nothing
		found |= Disorder
	}
	switch {
	case gap >= Hour:
		s.beats = [rhythm]time.Duration{}
	case gap > 0: // strangers of one moment are one beat
		copy(s.beats[1:], s.beats[:])
		s.beats[0] = gap
		if s.even() {
			found |= Clockwork
		}
	}
	return found
}

// even reports whether the last strangers came like clockwork.
func (s *stranger) even() bool {
	var sum, squares float64
	for _, beat := range s.beats {
		if beat == 0 {
			return false
		}
		sum += beat.Seconds()
		squares += beat.Seconds() * beat.Seconds()
	}
	mean := sum / rhythm
	return math.Sqrt(max(0, squares/rhythm-mean*mean)) < uneven*mean
}
