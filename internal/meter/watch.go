package meter

import (
	"math"
	"time"
)

// This file holds the sequential tests. Weights are natural logarithms of how much
// likelier something is from a thief than from honest staff, in hundredths; what
// they rest on is in docs/detection.md.

// Evidence is a sum of such weights.
type Evidence int32

// Where evidence of enumeration leads. Honest work crosses a line of ln(1/α) once
// in 1/α at most: Doubt in 300, Sure in 100,000.
const (
	Doubt Evidence = 575
	Sure  Evidence = 1150
)

const (
	missed     Evidence = 289  // 90 % of a guesser's references lead to nobody, 5 % of an adviser's
	hurried    Evidence = 450  // another stranger within two seconds: 95 %, 1 %
	knocked    Evidence = 230  // asked for a touch, and on to another stranger: 95 %, 10 %
	paged      Evidence = 225  // 95 %, 10 %
	sweptBirth Evidence = 290  // 90 %, 5 %
	sweptName  Evidence = 150  // 90 %, 20 %
	inOrder    Evidence = 68   // 99 %, 50 %
	outOfOrder Evidence = -390 // 1 %, 50 %
	steady     Evidence = 70   // strangers at even intervals: 60 %, 30 %; honest macros open one's own people
	explained  Evidence = -50  // a fact explains an opening: 60 %, 99 %
	proved     Evidence = -575 // whoever holds the account is there
)

const (
	hurry  = 2 * time.Second
	rhythm = 8    // intervals are compared
	uneven = 0.25 // their standard deviation over their mean, from which on they are not even
)

// hint is one weight that an event added.
type hint struct {
	at     moment
	weight Evidence
	undone bool // a freeze was undone: what came before counts no more
}

// hintsKept bounds the memory of hints.
const hintsKept = 64

// stranger is the last person without a reason.
type stranger struct {
	tag     uint64
	at      time.Time
	stopped bool                  // and nobody has proved to be there since
	beats   [rhythm]time.Duration // between the last of them, the newest first
}

// suspect weighs an event. The people of one answer are one event: an answer that
// lists a hundred strangers is an application's doing.
func (s *state) suspect(e Event) {
	another := !e.At.Equal(s.asked)
	s.asked = e.At
	weight := Evidence(0)
	switch e.Kind {
	case Thawed:
		s.hints = append(s.hints, hint{at: momentOf(e.At), undone: true})
		return
	case Touched:
		weight, s.stranger.stopped = proved, false
	case Missed:
		if another && !e.Signs.Has(Repeated) {
			weight = missed
		}
	case Shown, Stopped, Looked:
		if another {
			weight = e.Signs.weight()
		}
		if e.isStranger() {
			weight += s.stranger.follow(e)
		} else if another && e.Kind == Shown && (e.Ground == Own || e.Ground == Ticketed) {
			weight += explained
		}
	default:
	}
	if weight != 0 {
		s.hints = append(s.hints, hint{at: momentOf(e.At), weight: weight})
		s.hints = s.hints[max(0, len(s.hints)-hintsKept):]
	}
}

// isStranger reports whether the event is about somebody new without a reason.
func (e Event) isStranger() bool { return e.Kind == Stopped || e.Kind == Shown && e.Cost > 0 }

// weight is that of what the door noticed about a search.
func (s Signs) weight() (sum Evidence) {
	if s.Has(NextPage) {
		sum += paged
	}
	if s.Has(SameBirth) {
		sum += sweptBirth
	}
	if s.Has(SameName) {
		sum += sweptName
	}
	return sum
}

// follow weighs how one stranger comes after another, and moves on to the new one.
func (s *stranger) follow(e Event) (weight Evidence) {
	tag := tagOf(e.Person)
	if tag == s.tag {
		s.stopped = e.Kind == Stopped
		return 0
	}
	if gap := e.At.Sub(s.at); gap > 0 {
		weight = s.pace(e, gap)
	}
	s.tag, s.at, s.stopped = tag, e.At, e.Kind == Stopped
	return weight
}

func (s *stranger) pace(e Event, gap time.Duration) (weight Evidence) {
	if gap < hurry {
		weight += hurried
	}
	if s.stopped && e.Kind == Stopped && gap < Hour {
		weight += knocked
	}
	switch {
	case e.Signs.Has(InOrder):
		weight += inOrder
	case e.Signs.Has(OutOfOrder):
		weight += outOfOrder
	}
	if gap >= Hour {
		s.beats = [rhythm]time.Duration{}
		return weight
	}
	copy(s.beats[1:], s.beats[:])
	s.beats[0] = gap
	if s.even() {
		weight += steady
	}
	return weight
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

// evidence adds up the hints within Memory, from the last time they came to
// nothing.
func (s *state) evidence(now time.Time) (sum Evidence) {
	since := momentOf(now.Add(-Memory))
	for _, h := range s.hints {
		switch {
		case h.at <= since:
		case h.undone:
			sum = 0
		default:
			sum = max(0, sum+h.weight)
		}
	}
	return sum
}

// drift is the CUSUM of what the account was charged, day by day: each day on which
// anything was asked forgives a little more than such a day honestly costs. A freeze
// that was undone begins it anew.
func (s *state) drift(forgiven Cost, now time.Time) (sum Cost) {
	today := dayOf(now)
	i := 0
	for day := today - wholeDays + 1; day <= today; day++ {
		for i < len(s.charges) && s.charges[i].at.day() < day {
			i++
		}
		for ; i < len(s.charges) && s.charges[i].at.day() == day; i++ {
			if c := s.charges[i]; !c.vouched && c.at >= s.begun {
				sum += c.cost
			}
		}
		if day < today && s.active.has(day) {
			sum = max(0, sum-forgiven)
		}
	}
	return sum
}
