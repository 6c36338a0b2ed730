package meter

import (
	"slices"
	"time"
)

// Evidence is a sum of log-likelihood ratios, thief against honest staff, in hundredths
// of a natural logarithm. docs/detection.md says what the weights rest on.
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
	Misses       Trait = 1 << iota // references that lead to no person
	Hurry                          // another unexplained person within two seconds
	Knocks                         // asked for a step-up or a signature, and on to another unexplained person
	Insists                        // told that they can do nothing, and on to another unexplained person
	Pages                          // one more page of the same search or list
	BirthSwept                     // names tried under one birth date
	NameSwept                      // birth dates tried under one name
	Order                          // unexplained people in ascending or in listed order
	Disorder                       // unexplained people in no order
	Clockwork                      // unexplained people at even intervals
	Explanations                   // openings that a fact explains
	Proofs                         // step-ups
	Returns                        // back to a person whom another person signed for
)

// weights are those of the traits, in the order of their bits.
var weights = [...]Evidence{
	289,  // 90 % of a guesser's references lead to no person, 5 % of an adviser's
	450,  // 95 %, 1 %
	230,  // 95 %, 10 %
	64,   // 95 %, 50 %: the next caller waits already
	225,  // 95 %, 10 %
	290,  // 90 %, 5 %
	150,  // 90 %, 20 %
	68,   // 99 %, 50 %
	-390, // 1 %, 50 %
	70,   // 60 %, 30 %; honest macros open the account's own people
	-50,  // 60 %, 99 %
	-575,
	-230, // takes a knock back
}

func (t Trait) weight() (sum Evidence) {
	for i, weight := range weights {
		if t&(1<<i) != 0 {
			sum += weight
		}
	}
	return sum
}

// hint is one weight that an event added.
type hint struct {
	at     moment
	weight Evidence
	traits Trait
	undone bool   // a freeze was undone: earlier hints count no more
	tag    uint64 // of the person opened, where relieves

	excused bool // it was only observed, and undone for what it spared
	spared  Limits
}

// relieves are the traits by which one person lowers the evidence, once an hour: whoever
// opens the same one again and again shows no more honest work than once.
const relieves = Explanations | Returns

// counts reports whether a hint counts for one of the limits that evidence leads to.
func (h hint) counts(limit, observed Limits) bool {
	return h.spared.Counts(limit, observed) && (!h.excused || h.spared.Has(limit))
}

// hintsKept bounds the hints of one set of observed limits, so that observed hints push
// out no enforced ones.
const hintsKept = 64

// suspect weighs an event. The people of one answer are one event: the application
// chose to list them. Answers are told apart by their receipts, MUST NOT be by time:
// twenty parallel asks are decided at one moment, and are twenty answers.
func (s *state) suspect(e Event) {
	another := e.Answer != s.answer
	s.answer, s.paged = e.Answer, s.paged && !another
	var found Trait
	switch e.Kind {
	case Thawed:
		s.hints = append(s.hints, hint{at: momentOf(e.At), undone: true})
		return
	case SteppedUp:
		found, s.stranger.was = Proofs, Nothing
	case Missed:
		if another && !e.Signs.Has(Repeated) {
			found = Misses
		}
		s.stranger.asked = e.At
	case Shown, Stopped, Deferred, Unsigned, Looked:
		if another {
			found = e.Signs.traits()
		}
		if e.Signs.Has(NextPage) && !s.paged && !e.isExplained() {
			found, s.paged = found|Pages, true
		}
		if e.isStranger() {
			found |= s.stranger.follow(e)
		} else if another && (e.Kind == Shown || e.Kind == Looked || e.Kind == Deferred) && e.Signs.Opens() {
			found |= s.relief(e)
		}
	default:
	}
	h := hint{at: momentOf(e.At), weight: found.weight(), traits: found, spared: e.Spared}
	if found&relieves != 0 {
		h.tag = tagOf(e.Person)
	}
	s.hint(h)
}

// relief returns the trait by which an opening lowers the evidence: at most one an hour
// for one person. Somebody who has a reason and was stopped at a ceiling, or at the wall, is an
// opening too: whoever stands there for weeks does work that shows.
func (s *state) relief(e Event) (found Trait) {
	switch {
	case e.Ground == Own, e.Ground == Ticketed:
		found = Explanations
	case e.Ground == Allowed && s.Vouched(e.Person, e.Service, e.At):
		found = Returns
	default:
		return 0
	}
	tag := tagOf(e.Person)
	for _, h := range after(s.hints, e.At.Add(-Hour), hint.when) {
		if h.traits&found != 0 && h.tag == tag {
			return 0
		}
	}
	return found
}

func (h hint) when() moment { return h.at }

// hint keeps a hint that changes the sum.
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

// relievable reports whether there is evidence that a negative hint would lower.
func (s *state) relievable(now time.Time) bool {
	for _, limit := range [...]Limits{EnumerationLimit, DoubtLimit} {
		if s.evidence(limit, 0, now) > 0 || s.evidence(limit, limit, now) > 0 {
			return true
		}
	}
	return false
}

// isStranger reports whether the event is about a new person without a reason.
func (e Event) isStranger() bool {
	switch e.Kind {
	case Stopped, Deferred, Unsigned:
		return e.Ground != Own && e.Ground != Ticketed // at a ceiling
	case Shown:
		return e.Cost > 0 && e.Ground != Allowed
	default:
		return false
	}
}

// isExplained reports whether a person was shown for a reason. Whoever goes through the pages
// of their own list looks for nobody.
func (e Event) isExplained() bool {
	return e.Kind == Shown && (e.Ground == Own || e.Ground == Ticketed)
}

// traits are those of the signs of a search, but of its pages.
func (s Signs) traits() (found Trait) {
	if s.Has(SameBirth) {
		found |= BirthSwept
	}
	if s.Has(SameName) {
		found |= NameSwept
	}
	return found
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

// Noticed counts the traits that the evidence rests on, since it last came to nothing.
func (s *state) Noticed(observed Limits, now time.Time) (list []Noticed) {
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
