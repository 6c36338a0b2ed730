package sim

import (
	"math/rand/v2"
	"time"

	"poterne/internal/grants"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
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

	elsewhere bool             // on a device of the thief's, through a network that hosts machines
	network   string           // another network; empty for the owner's
	proves    bool             // whatever a step-up is, the thief passes it
	reads     bool             // the rules: asks only for what will be shown
	searches  bool             // knows names and birth dates, and looks for people first when asked to
	manager   roster.AccountID // who signs and allows whatever is asked; empty for nobody

	account roster.AccountID
	own     []register.PersonID // the account's own list, which is taken first
	listed  int                 // people of it that were asked for
	ownSet  map[register.PersonID]bool

	beat    int
	tries   int // of this beat
	at      time.Time
	began   time.Time
	over    bool
	replies []deedKind // what is done before the same is tried again
	raise   int        // people to ask the manager for; zero: as many as a raise gives
	given   bool       // nothing more can be
	shown   map[register.PersonID]way

	stepUps    int
	refused    bool // at least once
	frozen     bool
	stoppedAt  int // openings until the first refusal, itself included
	stoppedFor time.Duration
}

// way is how somebody was shown. The later ways count where several apply.
type way uint8

const (
	inRow     way = iota // of a search, and without a reason
	opened               // without a reason
	given                // another person signed for them, or allowed them
	explained            // by a fact
	ofOwnList            // of the account
)

// office hours of a thief who hides in them.
const officeOpens, officeCloses = 8 * time.Hour, 18 * time.Hour

// begin puts the thief before his first beat.
func (t *theft) begin() *theft {
	t.shown, t.ownSet = make(map[register.PersonID]way), make(map[register.PersonID]bool, len(t.own))
	for _, person := range t.own {
		t.ownSet[person] = true
	}
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

// ownPageOfThief is how many of the account's own people a thief has listed at once.
const ownPageOfThief = 100

// tookOwn learns what came of a page of the account's own list. What a day of lists does not hold is
// taken on the next.
func (t *theft) tookOwn(decision policy.Decision) {
	page := t.ownPage()
	for i, ruling := range decision.People {
		if ruling.Verdict.Shows() {
			t.see(page[i], ruling, lists)
		}
	}
	t.at = t.at.Add(time.Second)
	switch ruling := leftOut(decision); {
	case ruling.Verdict == policy.AskStepUp && t.proves:
		t.replies = append(t.replies, stepUps)
	case ruling.Why == policy.ListsReached && t.proves:
		t.at = t.atWork(t.at.Add(24 * time.Hour))
	default:
		t.listed += len(page)
	}
}

// leftOut is the first ruling by which a row is left out since lists showed as many as they may.
func leftOut(decision policy.Decision) (first policy.Ruling) {
	for _, ruling := range decision.People {
		if ruling.Why == policy.ListsReached && !ruling.Verdict.Shows() {
			return ruling
		}
	}
	return first
}

func (t *theft) next() (deed, bool) {
	spent := t.targets > 0 && t.beat >= t.targets
	if t.over || spent || !t.at.Before(t.until) {
		return deed{}, false
	}
	d := deed{at: t.at, kind: t.kind, network: t.network, by: t.manager}
	if t.elsewhere {
		d.device, d.network = "of-a-thief", "hosting"
	}
	if t.lists() {
		d.kind, d.people = lists, t.ownPage()
		if len(t.replies) > 0 {
			d.kind = t.replies[0]
		}
		return d, true
	}
	for i := range max(t.page, 1) {
		d.people = append(d.people, t.whom(t.beat*max(t.page, 1)+i))
	}
	switch {
	case len(t.replies) > 0:
		d.kind, d.allowed, d.until = t.replies[0], t.raise, t.at.Add(grants.LongestRaise)
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

// lists reports whether the account's own list is still being taken.
func (t *theft) lists() bool { return t.listed < len(t.own) }

func (t *theft) ownPage() []register.PersonID {
	return t.own[t.listed:min(t.listed+ownPageOfThief, len(t.own))]
}

func (t *theft) foresees() bool { return t.reads && !t.lists() }

// passes is what a thief does who reads the rules, and sees that he would be
// stopped: do what is asked if that helps, else go on to somebody else.
func (t *theft) passes(decision policy.Decision) {
	t.refuse()
	t.answer(ruledOn(decision))
}

func (t *theft) heard(decision policy.Decision) {
	switch {
	case len(t.replies) > 0:
		t.replied(decision)
		return
	case t.lists():
		t.tookOwn(decision)
		return
	}
	first := t.beat * max(t.page, 1)
	for i, ruling := range decision.People {
		if ruling.Verdict.Shows() {
			t.see(t.whom(first+i), ruling, t.kind)
		}
	}
	ruling := ruledOn(decision)
	if last := len(decision.People) - 1; last > 0 {
		ruling = decision.People[last]
	}
	if !denied(ruling) {
		t.step()
		return
	}
	t.refuse()
	if _, freezes := decision.Freezes(); freezes || ruling.Why == policy.Frozen {
		t.frozen, t.over = true, true
		return
	}
	t.answer(ruling)
}

// answer does what is asked, if the thief can; else goes on to somebody else.
func (t *theft) answer(ruling policy.Ruling) {
	gives := t.manager != "" && !t.given
	if t.tries++; t.tries > mostTries {
		t.step()
		return
	}
	switch {
	case ruling.Verdict == policy.AskStepUp && t.proves:
		t.replies = append(t.replies, stepUps)
	case ruling.Verdict == policy.AskIdentity && t.searches:
		t.replies = append(t.replies, finds)
	case ruling.Verdict == policy.AskCosign && gives:
		t.replies = append(t.replies, cosigns)
	case gives && (ruling.Why == policy.SignedEmpty || ruling.Why == policy.CeilingReached || ruling.Why == policy.LongEmpty || ruling.Why == policy.RowsReached):
		t.raise = grants.MostRaised
		t.replies = append(t.replies, raises)
	case ruling.Verdict == policy.AskCosign || ruling.Why == policy.SignedEmpty || ruling.Why == policy.StrangersReached || ruling.Why == policy.ListsReached: // nobody signs for him; tomorrow is another day
		today := t.at.Truncate(24 * time.Hour)
		for !t.at.After(today.Add(24*time.Hour)) && t.at.Before(t.until) {
			t.step()
		}
	default:
		t.step()
	}
}

// replied learns how it went to do what was asked. A manager who cannot allow so many is
// asked for fewer.
func (t *theft) replied(decision policy.Decision) {
	reply := t.replies[0]
	t.replies = t.replies[1:]
	t.at = t.at.Add(steppingUp)
	refused := decision.Whole.Verdict == policy.Refused
	switch {
	case reply == stepUps:
		t.stepUps++
	case reply == finds:
		for i, ruling := range decision.People {
			if ruling.Verdict.Shows() {
				t.see(t.whom(t.beat*max(t.page, 1)+i), ruling, finds)
			}
		}
	case refused && reply == raises && t.raise > 1:
		t.raise /= 2
		t.replies = append(t.replies, raises)
	case refused:
		t.given = true
	}
}

func (t *theft) refuse() {
	if !t.refused {
		t.refused, t.stoppedAt, t.stoppedFor = true, t.beat+1, t.at.Sub(t.began)
	}
}

// denied reports whether nothing more is shown than was seen before.
func denied(ruling policy.Ruling) bool {
	return !ruling.Verdict.Shows() || ruling.Verdict == policy.Masked && ruling.Cost == 0 && ruling.Why != policy.Explained && ruling.Why != policy.AlreadySeen
}

// see notes how somebody was shown.
func (t *theft) see(person register.PersonID, ruling policy.Ruling, by deedKind) {
	how, before := opened, t.shown[person]
	_, known := t.shown[person]
	switch {
	case t.ownSet[person]:
		how = ofOwnList
	case ruling.Why == policy.Explained:
		how = explained
	case known && (ruling.Why == policy.AlreadySeen || denied(ruling)):
		return
	case by == finds && ruling.Cost < meter.Whole:
		how = inRow
	case ruling.Why == policy.Raised, ruling.Why == policy.Vouched:
		how = given
	}
	t.shown[person] = max(how, before)
}

// step goes to the next beat.
func (t *theft) step() {
	t.at = t.atWork(t.at.Add(t.every))
	t.beat, t.tries = t.beat+1, 0
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

// drawing draws people: those of one beat are always the same.
func drawing(draw func(*rand.Rand) register.PersonID, seed uint64, name string) func(int) register.PersonID {
	rng := stream(seed, name)
	drawn := map[int]register.PersonID{}
	return func(beat int) register.PersonID {
		person, ok := drawn[beat]
		if !ok {
			person = draw(rng)
			drawn[beat] = person
		}
		return person
	}
}

// through goes through a list.
func through(list []register.PersonID) func(int) register.PersonID {
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
