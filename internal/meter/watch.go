package meter

import (
	"math"
	"slices"
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

// Trait is one thing about how people are opened that tells a thief from honest
// staff.
type Trait uint16

const (
	Misses       Trait = 1 << iota // references that lead to nobody
	Hurry                          // another stranger within two seconds
	Knocks                         // asked for a touch, and on to another stranger
	Insists                        // told that only others can help, and on to another stranger
	Pages                          // one more page of the same search or list
	BirthSwept                     // names tried under one birth date
	NameSwept                      // birth dates tried under one name
	Order                          // strangers in ascending or in listed order
	Disorder                       // strangers in none
	Clockwork                      // strangers at even intervals
	Explanations                   // openings that a fact explains
	Proofs                         // whoever holds the account is there
)

// weights are those of the traits, in the order of their bits.
var weights = [...]Evidence{
	289,  // 90 % of a guesser's references lead to nobody, 5 % of an adviser's
	450,  // 95 %, 1 %
	230,  // 95 %, 10 %
	64,   // 95 %, 50 %: the next caller waits already
	225,  // 95 %, 10 %
	290,  // 90 %, 5 %
	150,  // 90 %, 20 %
	68,   // 99 %, 50 %
	-390, // 1 %, 50 %
	70,   // 60 %, 30 %; honest macros open one's own people
	-50,  // 60 %, 99 %
	-575,
}

func (t Trait) weight() (sum Evidence) {
	for i, weight := range weights {
		if t&(1<<i) != 0 {
			sum += weight
		}
	}
	return sum
}

const (
	hurry  = 2 * time.Second
	rhythm = 8    // intervals are compared
	uneven = 0.25 // their standard deviation over their mean, from which on they are not even
)

// hint is one weight that an event added.
type hint struct {
	at     moment
	weight Evidence
	traits Trait
	undone bool // a freeze was undone: what came before counts no more

	excused bool // it was only observed, and undone for what it spared
	spared  Limits
}

// counts reports whether a hint counts for one of the limits that evidence leads to.
func (h hint) counts(limit, observed Limits) bool {
	return h.spared.Counts(limit, observed) && (!h.excused || h.spared.Has(limit))
}

// hintsKept bounds the memory of hints. What is only observed pushes nothing out that
// is enforced.
const hintsKept = 64

// stranger is the last person without a reason.
type stranger struct {
	tag    uint64
	at     time.Time
	asked  time.Time // when anybody without a reason was asked for last, found or not
	answer uint64
	was    Kind                  // what became of it; Nothing once somebody has proved to be there
	beats  [rhythm]time.Duration // between the last moments at which there were any, the newest first
}

// suspect weighs an event. The people of one answer are one event: an answer that
// lists a hundred strangers is an application's doing. Answers are told apart by
// their receipts and never by time: twenty that are asked for at once are decided
// at one moment, and are twenty all the same.
func (s *state) suspect(e Event) {
	another := e.Answer != s.answer
	s.answer = e.Answer
	var found Trait
	switch e.Kind {
	case Thawed:
		s.hints = append(s.hints, hint{at: momentOf(e.At), undone: true})
		return
	case Touched:
		found, s.stranger.was = Proofs, Nothing
	case Missed:
		if another && !e.Signs.Has(Repeated) {
			found = Misses
		}
		s.stranger.asked = e.At
	case Shown, Stopped, Deferred, Looked:
		if another {
			found = e.Signs.traits()
		}
		if e.isStranger() {
			found |= s.stranger.follow(e)
		} else if another && e.Kind == Shown && (e.Ground == Own || e.Ground == Ticketed) {
			found |= Explanations
		}
	default:
	}
	s.hint(hint{at: momentOf(e.At), weight: found.weight(), traits: found, spared: e.Spared})
}

// hint keeps a hint that changes the sum: what relieves of nothing need not be
// remembered.
func (s *state) hint(h hint) {
	if h.weight == 0 || h.weight < 0 && !s.relievable(h.at.time()) {
		return
	}
	s.hints = append(s.hints, h)
	first, same := 0, 0 // of those that spare what it spares
	for i, other := range s.hints {
		if other.spared&evident == h.spared&evident {
			if same++; same == 1 {
				first = i
			}
		}
	}
	if same > hintsKept {
		s.hints = slices.Concat(s.hints[:first], s.hints[first+1:])
	}
}

// evident are the limits that evidence leads to.
const evident = DoubtLimit | EnumerationLimit

// relievable reports whether there is evidence for any limit, observed or not.
func (s *state) relievable(now time.Time) bool {
	for _, limit := range [...]Limits{EnumerationLimit, DoubtLimit} {
		if s.evidence(limit, 0, now) > 0 || s.evidence(limit, limit, now) > 0 {
			return true
		}
	}
	return false
}

// isStranger reports whether the event is about somebody new without a reason.
func (e Event) isStranger() bool {
	return e.Kind == Stopped || e.Kind == Deferred || e.Kind == Shown && e.Cost > 0 && e.Ground != Allowed
}

// traits are those of what the door noticed about a search.
func (s Signs) traits() (found Trait) {
	if s.Has(NextPage) {
		found |= Pages
	}
	if s.Has(SameBirth) {
		found |= BirthSwept
	}
	if s.Has(SameName) {
		found |= NameSwept
	}
	return found
}

// follow says how one stranger comes after another, and moves on to the new one.
func (s *stranger) follow(e Event) (found Trait) {
	tag := tagOf(e.Person)
	if tag == s.tag && e.At.Sub(s.at) < Hour && (!e.Person.IsZero() || e.Signs.Has(Again)) { // of those who do not exist, each is another
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
		case Stopped:
			found |= Knocks
		case Deferred:
			found |= Insists
		default:
		}
	}
	switch {
	case e.Signs.Has(InOrder):
		found |= Order
	case e.Signs.Has(OutOfOrder) && e.At.Sub(s.asked) >= hurry: // those who are asked for at once come in no order
		found |= Disorder
	}
	switch {
	case gap >= Hour:
		s.beats = [rhythm]time.Duration{}
	case gap > 0: // those of one moment are one beat
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

// evidence adds up the hints within Memory, from the last time they came to
// nothing.
func (s *state) evidence(limit, observed Limits, now time.Time) (sum Evidence) {
	since := momentOf(now.Add(-Memory))
	for _, h := range s.hints {
		if h.at > since && h.counts(limit, observed) {
			sum = h.after(sum)
		}
	}
	return sum
}

// after is the evidence with one more hint.
func (h hint) after(sum Evidence) Evidence {
	if h.undone {
		return 0
	}
	return max(0, sum+h.weight)
}

// Noticed is how often a trait was, among those that the evidence rests on.
type Noticed struct {
	Trait Trait
	Times int
}

// noticed counts the traits since the evidence last came to nothing.
func (s *state) noticed(observed Limits, now time.Time) (list []Noticed) {
	since, sum := momentOf(now.Add(-Memory)), Evidence(0)
	var times [len(weights)]int
	for _, h := range s.hints {
		if h.at <= since || !h.counts(EnumerationLimit, observed) {
			continue
		}
		if sum = h.after(sum); sum == 0 {
			clear(times[:])
			continue
		}
		for i := range times {
			if h.traits&(1<<i) != 0 {
				times[i]++
			}
		}
	}
	for i, n := range times {
		if n > 0 {
			list = append(list, Noticed{1 << i, n})
		}
	}
	return list
}

// drift is the CUSUM of what the account was charged, day by day: each day on which
// anything was asked forgives a little more than such a day honestly costs. A freeze
// that was undone begins it anew.
func (s *state) drift(forgiven Cost, observed Limits, now time.Time) Cost {
	days := s.drifting(forgiven, observed, now)
	return days[len(days)-1].High
}

// Day is what one day added to the CUSUM, in UTC.
type Day struct {
	Begins  time.Time
	Charged Cost // of what counts for it
	High    Cost // where it stood at its highest
	Left    Cost // what the day left to the next
}

// drifting is the CUSUM of each day of Memory, today last.
func (s *state) drifting(forgiven Cost, observed Limits, now time.Time) (days [wholeDays]Day) {
	today, i, sum := dayOf(now), 0, Cost(0)
	begun := s.begun
	if observed.Has(DriftLimit) {
		begun = max(begun, s.excused)
	}
	for n := range days {
		d, day := &days[n], today-wholeDays+1+int32(n)
		for i < len(s.charges) && s.charges[i].at.day() < day {
			i++
		}
		for ; i < len(s.charges) && s.charges[i].at.day() == day; i++ {
			if c := s.charges[i]; !c.vouched && c.at >= begun && c.spared.Counts(DriftLimit, observed) {
				d.Charged += c.cost
			}
		}
		sum += d.Charged
		d.Begins, d.High = midnight(day), sum
		if day < today && s.active.has(day) {
			sum = max(0, sum-forgiven)
		}
		d.Left = sum
	}
	return days
}

// Floor is how many people a thief who knows every rule takes from an account
// outside its caseload in a number of working days, whatever the rules are, where an
// honest day charges lambda people with this dispersion, at alpha false freezes a
// day: √(2·λ·φ·T·ln(1/α)). docs/detection.md derives it.
func Floor(lambda, dispersion, days, alpha float64) float64 {
	return math.Sqrt(2 * lambda * dispersion * days * math.Log(1/alpha))
}
