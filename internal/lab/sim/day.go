package sim

import (
	"time"

	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// day is honest work, opening by opening. Who is asked for a step-up, a search, a
// co-signature gives it and goes on; whoever cannot be signed for any more is allowed more
// people until the evening, once for an opening; a freeze is undone; who is stopped for good
// goes on with the next person.
type day struct {
	manager  roster.AccountID // who signs and allows
	agent    *agent           // whom the next call or desk ticket waits for; may be nil
	openings []opening
	done     int
	tries    int    // of the present opening
	raised   bool   // for the present opening
	came     bool   // who waited for the agent, likewise
	replies  []deed // what is done before it is tried again
	now      time.Time
	met      met
	paid     map[register.PersonID]time.Time // when each person was opened without a reason
}

func newDay(manager roster.AccountID, openings []opening) *day {
	return &day{manager: manager, openings: openings, paid: make(map[register.PersonID]time.Time)}
}

// met is what honest work came upon.
type met struct {
	StepUps    int `json:"step_ups"`
	Identities int `json:"identities_asked"`
	Cosigns    int `json:"co_signatures"`
	Raises     int `json:"raises"`
	Freezes    int `json:"freezes"`
	Stopped    int `json:"stopped"`                  // openings that could not be had at all
	Told       int `json:"stopped_though_explained"` // those of them that a fact was told for
	Colleagues int `json:"stopped_by_colleagues"`    // those of them that what colleagues opened, or were given, stopped
}

func (m met) add(o met) met {
	return met{
		m.StepUps + o.StepUps, m.Identities + o.Identities, m.Cosigns + o.Cosigns, m.Raises + o.Raises,
		m.Freezes + o.Freezes, m.Stopped + o.Stopped, m.Told + o.Told, m.Colleagues + o.Colleagues,
	}
}

// How long honest staff take to do what they are asked, and to look at somebody.
const (
	looking    = 5 * time.Second // at least, before they go on to the next whom they are late for
	steppingUp = 15 * time.Second
	searching  = 30 * time.Second
	asking     = 2 * time.Minute // another person for a co-signature
	undoing    = 4 * time.Minute // of a freeze, by another person
	mostTries  = 6
	allowed    = 10 // people, of a raise
)

// evening is until when a raise lasts.
func evening(at time.Time) time.Time { return at.Truncate(24 * time.Hour).Add(20 * time.Hour) }

func (d *day) next() (deed, bool) {
	switch {
	case len(d.replies) > 0:
		return d.replies[0], true
	case d.done == len(d.openings):
		return deed{}, false
	}
	o := d.openings[d.done]
	at := d.begins(o)
	if waited := at.After(o.at); waited && o.waits != reason.None && !d.came && d.agent != nil { // nobody is put through to an agent who is held up
		d.came = true
		d.agent.tell(o.waits, o.person, at)
	}
	return o.deed(at), true
}

// begins is when an opening takes place: when it was meant to, or, for whoever was held up, when
// there is time for it.
func (d *day) begins(o opening) time.Time {
	if late := o.at.Before(d.now); late && d.tries == 0 {
		return d.now.Add(looking)
	}
	return later(o.at, d.now)
}

func (d *day) heard(decision policy.Decision) {
	if len(d.replies) > 0 {
		reply := d.replies[0]
		d.now, d.replies = reply.at, d.replies[1:]
		switch refused := decision.Whole.Verdict == policy.Refused; {
		case refused && reply.kind == raises && reply.allowed > 1: // whoever cannot allow so many allows fewer
			reply.allowed /= 2
			d.replies = append(d.replies, reply)
		case refused && (reply.kind == cosigns || reply.kind == raises):
			d.met.Colleagues += bit(decision.Whole.Why == policy.OrganisationEmpty)
			d.stop()
		}
		return
	}
	o := d.openings[d.done]
	at := d.begins(o)
	d.now = at
	if d.tries++; d.tries > mostTries {
		d.stop()
		return
	}
	reply := func(kind deedKind, after time.Duration) {
		next := o.deed(at.Add(after))
		next.kind, next.by = kind, d.manager
		if kind == raises {
			next.allowed, next.until = allowed, evening(next.at)
		}
		d.replies = append(d.replies, next)
	}
	ruling := ruledOn(decision)
	if cut := leftOut(decision); o.kind == lists && ruling.Verdict.Shows() && cut.Why != policy.Granted {
		ruling = cut
	}
	switch {
	case ruling.Verdict.Shows(), o.kind == misses:
		if ruling.Cost > 0 && o.kind != finds {
			d.paid[o.person] = at
		}
		d.goOn()
	case ruling.Verdict == policy.AskStepUp:
		d.met.StepUps++
		reply(stepUps, steppingUp)
	case ruling.Verdict == policy.AskIdentity:
		d.met.Identities++
		reply(finds, searching)
	case ruling.Verdict == policy.AskCosign:
		d.met.Cosigns++
		reply(cosigns, asking)
	case ruling.Verdict == policy.Freeze:
		d.met.Freezes++
		reply(undoes, undoing)
	case ruling.Why == policy.SignedEmpty && !d.raised && at.Before(evening(at)):
		d.raised = true
		d.met.Raises++
		reply(raises, asking)
	default:
		switch ruling.Why {
		case policy.OrganisationEmpty, policy.ServiceEmpty, policy.RegisterEmpty:
			d.met.Colleagues++
		default:
		}
		d.stop()
	}
}

func (d *day) stop() {
	d.met.Stopped++
	if d.openings[d.done].told {
		d.met.Told++
	}
	d.goOn()
}

func (d *day) goOn() { d.done, d.tries, d.raised, d.came = d.done+1, 0, false, false }

// afterwards is what another system tells of people whom a day opened, which gives back what
// they cost.
type afterwards struct {
	day  *day
	told []told
}

func (a *afterwards) next() (deed, bool) {
	if len(a.told) == 0 {
		return deed{}, false
	}
	return deed{at: a.told[0].at, kind: refunds, people: []register.PersonID{a.told[0].person}}, true
}

func (a *afterwards) heard(policy.Decision) { a.told = a.told[1:] }

// beyondCap is how many of the openings a cap on distinct people a day stops.
func beyondCap(openings []opening, most int) (stopped int) {
	today := make(map[register.PersonID]bool)
	var date time.Time
	for _, o := range openings {
		if d := o.at.Truncate(24 * time.Hour); !d.Equal(date) {
			date = d
			clear(today)
		}
		switch {
		case today[o.person]:
		case len(today) >= most:
			stopped++
		default:
			today[o.person] = true
		}
	}
	return stopped
}

// beyondRate is how many of the openings a limit of requests a minute stops.
func beyondRate(openings []opening, most int) (stopped int) {
	var minute time.Time
	count := 0
	for _, o := range openings {
		if m := o.at.Truncate(time.Minute); !m.Equal(minute) {
			minute, count = m, 0
		}
		if count++; count > most {
			stopped++
		}
	}
	return stopped
}
