package sim

import (
	"math/rand/v2"
	"time"

	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
)

// theft is a stolen account opening one person after another at a steady pace.
type theft struct {
	from, until time.Time
	every       time.Duration
	office      bool                             // only in office hours, as its owner
	whom        func(beat int) register.PersonID // the target of each beat
	targets     int                              // how many there are; 0 for as many as there are beats
	kind        deedKind                         // opens, unless it says
	page        int                              // people in each answer; 0 for one
	signs       func(beat int) meter.Signs       // what the door notices; nil for nothing
	misses      float64                          // share of references that lead to nobody
	rng         *rand.Rand                       // of misses

	elsewhere bool   // on a device of the thief's, through a network that hosts machines
	network   string // another network; empty for the owner's
	proves    bool   // whatever a step-up is, the thief passes it
	reads     bool   // the rules: asks only for what will be shown
	searches  bool   // knows names and birth dates, and looks for people first when asked to

	beat    int
	at      time.Time
	began   time.Time
	over    bool
	replies []deedKind                 // what is done before the same is tried again
	inside  map[register.PersonID]bool // shown, and a fact explains it
	outside map[register.PersonID]bool // shown without a reason, be it in a row of a search

	stepUps    int
	refused    bool // at least once
	frozen     bool
	stoppedAt  int // openings until the first refusal, itself included
	stoppedFor time.Duration
}

// office hours of a thief who hides in them.
const officeOpens, officeCloses = 8 * time.Hour, 18 * time.Hour

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
		case weekend || at.Sub(day) >= officeCloses:
			at = day.Add(24 * time.Hour)
		case at.Sub(day) < officeOpens:
			return day.Add(officeOpens)
		default:
			return at
		}
	}
}

func (t *theft) next() (deed, bool) {
	spent := t.targets > 0 && t.beat >= t.targets
	if t.over || spent || !t.at.Before(t.until) {
		return deed{}, false
	}
	d := deed{at: t.at, kind: t.kind, network: t.network}
	if t.elsewhere {
		d.device, d.network = "of-a-thief", "hosting"
	}
	for i := range max(t.page, 1) {
		d.people = append(d.people, t.whom(t.beat*max(t.page, 1)+i))
	}
	switch {
	case len(t.replies) > 0:
		d.kind = t.replies[0]
		return d, true
	case d.kind == looks && t.page > 1:
		d.kind = lists
	case d.kind == looks:
		d.kind = opens
	}
	if t.misses > 0 && t.rng.Float64() < t.misses {
		d.kind = misses
	}
	if t.signs != nil {
		d.signs = t.signs(t.beat)
	}
	return d, true
}

func (t *theft) foresees() bool { return t.reads }

// passes is what a thief does who reads the rules, and sees that he would be
// stopped: prove to be there if that helps, else go on to somebody else.
func (t *theft) passes(decision policy.Decision) {
	t.refuse()
	if opened(decision).Verdict == policy.AskStepUp && t.proves {
		t.replies = append(t.replies, stepUps)
		return
	}
	t.step()
}

func (t *theft) heard(decision policy.Decision) {
	if len(t.replies) > 0 {
		if t.replies[0] == stepUps {
			t.stepUps++
		}
		t.replies = t.replies[1:]
		t.at = t.at.Add(steppingUp)
		return
	}
	first := t.beat * max(t.page, 1)
	for i, ruling := range decision.People {
		if person := t.whom(first + i); ruling.Verdict.Shows() {
			t.see(person, ruling)
		}
	}
	ruling := opened(decision)
	if last := len(decision.People) - 1; last > 0 {
		ruling = decision.People[last]
	}
	if !ruling.Verdict.Shows() {
		t.refuse()
	}
	if _, freezes := decision.Freezes(); freezes || ruling.Why == policy.Frozen {
		t.frozen, t.over = true, true
		return
	}
	switch {
	case ruling.Verdict == policy.AskStepUp && t.proves:
		t.replies = append(t.replies, stepUps)
	case ruling.Verdict == policy.AskIdentity && t.searches:
		t.replies = append(t.replies, finds)
	case ruling.Verdict == policy.AskCosign: // nobody signs for him; tomorrow is another day
		today := t.at.Truncate(24 * time.Hour)
		for !t.at.After(today.Add(24*time.Hour)) && t.at.Before(t.until) {
			t.step()
		}
	default:
		t.step()
	}
}

func (t *theft) refuse() {
	if !t.refused {
		t.refused, t.stoppedAt, t.stoppedFor = true, t.beat+1, t.at.Sub(t.began)
	}
}

func (t *theft) see(person register.PersonID, ruling policy.Ruling) {
	switch {
	case ruling.Why == policy.Explained:
		t.inside[person] = true
	case t.inside[person]:
	default:
		t.outside[person] = true
	}
}

// strangers is how many people he was shown without a reason.
func (t *theft) strangers() int { return len(t.outside) }

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
		first, until = t.atWork(from), earlier(until, day.Add(officeCloses))
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
		sum += beats * max(t.page, 1)
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
		sum += min(beats*max(t.page, 1), most)
	}
	if t.targets > 0 {
		sum = min(sum, t.targets*max(t.page, 1))
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
