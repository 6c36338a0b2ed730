package sim

import (
	"time"

	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
)

// theft is a stolen account opening one person after another at a steady pace.
//
// Under today's rules a refused opening is charged nothing and changes nothing,
// and its ruling says when asking again may help. So the thief is never clumsier
// than he could be: refused, he comes back at his first beat after that moment,
// and the beats in between count as asked and refused without being replayed.
type theft struct {
	from, until time.Time
	every       time.Duration
	office      bool                             // only in office hours, as its owner
	whom        func(beat int) register.PersonID // the target of each beat
	targets     int                              // how many there are; 0 for as many as there are beats

	beat    int
	at      time.Time
	began   time.Time
	over    bool
	inside  map[register.PersonID]bool // shown, and a fact explains it
	outside map[register.PersonID]bool // shown without a reason

	refused    bool // at least once
	stoppedAt  int  // openings until the first refusal, itself included
	stoppedFor time.Duration
}

// office hours of a thief who hides in them.
const opens, closes = 8 * time.Hour, 18 * time.Hour

// begin puts the thief before his first beat.
func (t *theft) begin() *theft {
	t.inside, t.outside = make(map[register.PersonID]bool), make(map[register.PersonID]bool)
	t.began = t.atWork(t.from)
	t.at = t.began
	return t
}

// atWork moves a moment to the next one at which the thief is there.
func (t *theft) atWork(at time.Time) time.Time {
	if !t.office {
		return at
	}
	for {
		day := at.Truncate(24 * time.Hour)
		weekend := day.Weekday() == time.Saturday || day.Weekday() == time.Sunday
		switch {
		case weekend || at.Sub(day) >= closes:
			at = day.Add(24 * time.Hour)
		case at.Sub(day) < opens:
			return day.Add(opens)
		default:
			return at
		}
	}
}

func (t *theft) next() (time.Time, bool) {
	spent := t.targets > 0 && t.beat >= t.targets
	return t.at, !t.over && !spent && t.at.Before(t.until)
}

func (t *theft) open() register.PersonID { return t.whom(t.beat) }

func (t *theft) heard(ruling policy.Ruling) {
	again := t.at
	switch {
	case !ruling.Verdict.Shows():
		if !t.refused {
			t.refused, t.stoppedAt, t.stoppedFor = true, t.beat+1, t.at.Sub(t.began)
		}
		again, t.over = ruling.Again, ruling.Again.IsZero()
	case ruling.Why == policy.Explained:
		t.inside[t.whom(t.beat)] = true
	case !t.inside[t.whom(t.beat)]:
		t.outside[t.whom(t.beat)] = true
	}
	t.step()
	if t.at.Before(again) && !t.office {
		beats := (again.Sub(t.at) + t.every - 1) / t.every
		t.at, t.beat = t.at.Add(beats*t.every), t.beat+int(beats)
	}
	for t.at.Before(again) && t.at.Before(t.until) { // office hours are walked through
		t.step()
	}
}

// step goes to the next beat.
func (t *theft) step() {
	t.at = t.atWork(t.at.Add(t.every))
	t.beat++
}

// beats is how many people he asks for in each day, whatever he is shown.
func (t *theft) beats() (perDay []int) {
	left := t.targets
	for day := t.from.Truncate(24 * time.Hour); day.Before(t.until); day = day.AddDate(0, 0, 1) {
		beats := t.beatsBetween(later(day, t.from), earlier(day.AddDate(0, 0, 1), t.until))
		if t.targets > 0 {
			beats = min(beats, left)
			left -= beats
		}
		perDay = append(perDay, beats)
	}
	return perDay
}

// beatsBetween counts the beats from one moment to another of the same day. In
// office hours the first of a day is when the office opens.
func (t *theft) beatsBetween(from, until time.Time) int {
	first := t.from
	if t.office {
		day := from.Truncate(24 * time.Hour)
		first, until = t.atWork(from), earlier(until, day.Add(closes))
		from = first
	}
	before := func(at time.Time) int { return int((at.Sub(first) + t.every - 1) / t.every) }
	if !from.Before(until) {
		return 0
	}
	return before(until) - before(from)
}

// bare is how many people an application without a guard hands over.
func (t *theft) bare() (sum int) {
	for _, beats := range t.beats() {
		sum += beats
	}
	return sum
}

// underRate is how many a limit of requests a minute lets out: the thief slows
// down to it.
func (t *theft) underRate(most int) int {
	slowed := *t
	slowed.every = max(t.every, time.Minute/time.Duration(most))
	return slowed.bare()
}

// underCap is how many a cap on distinct people a day lets out.
func (t *theft) underCap(most int) (sum int) {
	slowed := *t
	slowed.targets = 0
	for _, beats := range slowed.beats() {
		sum += min(beats, most)
	}
	if t.targets > 0 {
		sum = min(sum, t.targets)
	}
	return sum
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// strangers are people drawn out of the whole register: those of one beat are
// always the same.
func strangers(p people, seed uint64, name string) func(int) register.PersonID {
	rng := stream(seed, name)
	drawn := map[int]register.PersonID{}
	return func(beat int) register.PersonID {
		person, ok := drawn[beat]
		if !ok {
			person = p.anybody(rng)
			drawn[beat] = person
		}
		return person
	}
}

// listed goes through a list.
func listed(list []register.PersonID) func(int) register.PersonID {
	return func(beat int) register.PersonID { return list[beat%len(list)] }
}

// enrols has the account's house enrol people, as typed by somebody there.
func (a *agent) enrols(author *agent, list []register.PersonID) {
	for _, person := range list {
		a.add(reason.Fact{
			Kind: reason.Enrolment, Organisation: a.asker.Organisation, Person: person, Author: author.asker.Account,
			From: Beginning, Until: Beginning.AddDate(0, 3, 0),
		})
	}
}
