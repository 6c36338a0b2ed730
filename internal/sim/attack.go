package sim

import (
	"math/rand/v2"
	"strconv"
	"time"

	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Attack is a theft, or several at once, that is replayed.
type Attack struct {
	Name     string
	Sentence string // what the thief does
	French   bool   // one of the three published cases
	stage    func(*plot)
}

// plot is an attack being set up.
type plot struct {
	people people
	seed   uint64
	rng    *rand.Rand
	scenes []scene
	thefts []*theft
}

func (a Attack) plot(people people, seed uint64) *plot {
	p := &plot{people: people, seed: seed, rng: stream(seed, a.Name)}
	a.stage(p)
	return p
}

// account is a fresh account that only the thief uses.
func (p *plot) account(role roster.Role) *agent {
	a := newAgent(p.people, p.name(), role)
	p.scenes = append(p.scenes, scene{agent: a})
	return a
}

// shared is the account of an agent of the trade who works on meanwhile.
func (p *plot) shared(trade string, days int) {
	c := newCareer(p.people, p.seed, p.name(), tradeNamed(trade), days)
	p.scenes = append(p.scenes, scene{c.agent, []walk{&day{openings: c.openings}}})
}

func (p *plot) name() roster.AccountID {
	return roster.AccountID("stolen-" + strconv.Itoa(len(p.scenes)))
}

// steal has the account that was hired last used for a theft; of strangers,
// unless it says of whom.
func (p *plot) steal(t theft) {
	if t.whom == nil {
		t.whom = strangers(p.people, p.seed, "strangers-"+strconv.Itoa(len(p.thefts)))
	}
	last := &p.scenes[len(p.scenes)-1]
	begun := t.begin()
	last.walks = append(last.walks, begun)
	p.thefts = append(p.thefts, begun)
}

// after is a moment some days and hours into the replay.
func after(days int, hours time.Duration) time.Time {
	return Beginning.AddDate(0, 0, days).Add(hours)
}

// perDay is the pace of so many openings in the hours a thief is there.
func perDay(people int, hours time.Duration) time.Duration { return hours / time.Duration(people) }

const workday = closes - opens

// someone draws n people out of the register.
func (p *plot) someone(n int) []register.PersonID {
	list := make([]register.PersonID, n)
	for i := range list {
		list[i] = p.people.anybody(p.rng)
	}
	return list
}

// Attacks are all that are replayed, the published ones first. Where a figure of
// the real case was not published, the sentence does not give one and the code
// says what is assumed.
var Attacks = []Attack{
	{"france-2024", "Advisers’ sessions of a partner network read 1.3 million people a day between them, day and night, for 28 days.", true, func(p *plot) {
		const sessions = 8 // assumed
		for range sessions {
			p.account(roster.Adviser)
			p.steal(theft{from: after(0, 0), until: after(28, 0), every: 526 * time.Millisecond})
		}
	}},
	{"france-2024-slow", "The same sessions, the thieves slowing down in office hours to stay under a cap of 100 people a day each, while the owners work.", true, func(p *plot) {
		for range 8 {
			p.shared("adviser", 28)
			p.steal(theft{from: after(0, 0), until: after(28, 0), every: perDay(96, workday), office: true})
		}
	}},
	{"kairos-2025", "One training organisation’s account asks for 340,000 people through a route that forgets to check who asks.", true, func(p *plot) {
		p.account(roster.Training).accompany(p.rng, 60)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: time.Second, targets: 340_000})
	}},
	{"missions-2025", "A manager’s account creates two accounts that read 1.6 million people between them; the manager’s own tries too.", true, func(p *plot) {
		p.account(roster.Manager)
		p.steal(theft{from: after(0, 0), until: after(1, 0), every: time.Second})
		for range 2 {
			p.account(roster.Adviser)
			p.steal(theft{from: after(0, 0), until: after(28, 0), every: 3 * time.Second, targets: 800_000})
		}
	}},
	{"flat-sweep", "An adviser’s session reads strangers at 10 to 50 a second for a night.", false, func(p *plot) {
		p.account(roster.Adviser)
		p.steal(theft{from: after(1, 20*time.Hour), until: after(2, 8*time.Hour), every: time.Second / time.Duration(10+p.rng.IntN(41))})
	}},
	{"desk-sweep", "The same with the session of a front desk, whose allowance is larger.", false, func(p *plot) {
		p.account(roster.Desk)
		p.steal(theft{from: after(1, 20*time.Hour), until: after(28, 0), every: time.Second / time.Duration(10+p.rng.IntN(41))})
	}},
	{"office-sweep", "Strangers in office hours only, one every two seconds for 28 days, while the owner works.", false, func(p *plot) {
		p.shared("adviser", 28)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: 2 * time.Second, office: true})
	}},
	{"under-the-cap", "Adaptive: a call centre’s account takes strangers just under a cap of 100 people a day, and under 60 a minute.", false, func(p *plot) {
		p.account(roster.CallCentre)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: perDay(99, workday), office: true})
	}},
	{"drip", "Adaptive: one to three strangers a day for 28 days, while the owner works.", false, func(p *plot) {
		p.shared("adviser", 28)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: perDay(1+p.rng.IntN(3), workday), office: true})
	}},
	{"rule-reader", "Adaptive: in the place of an adviser on leave, as fast as the hour’s allowance refills, for 28 days.", false, func(p *plot) {
		p.account(roster.Adviser)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: 20 * time.Minute})
	}},
	{"patient-year", "Adaptive: the same for a year without being noticed, so that the allowance of 28 days comes back.", false, func(p *plot) {
		p.account(roster.Adviser)
		p.steal(theft{from: after(0, 0), until: after(364, 0), every: 20 * time.Minute})
	}},
	{"caseload-sweep", "An adviser’s own 150 people within an hour, each once.", false, func(p *plot) {
		caseload := p.account(roster.Adviser).accompany(p.rng, 150)
		p.steal(theft{from: after(1, 10*time.Hour), until: after(1, 11*time.Hour), every: 24 * time.Second, whom: listed(caseload), targets: 150})
	}},
	{"burst-army", "300 advisers’ accounts at once, five strangers each within ten minutes.", false, func(p *plot) {
		for range 300 {
			p.account(roster.Adviser)
			p.steal(theft{from: after(1, 10*time.Hour), until: after(1, 11*time.Hour), every: 2 * time.Minute, targets: 5})
		}
	}},
	{"paid-look-ups", "An adviser sells look-ups: 5 to 15 named people a day for 28 days, among ordinary work.", false, func(p *plot) {
		p.shared("adviser", 28)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: perDay(5+p.rng.IntN(11), workday), office: true})
	}},
	{"dormant", "An adviser’s account that nobody used for months reads ten strangers a second over a weekend.", false, func(p *plot) {
		p.account(roster.Adviser)
		p.steal(theft{from: after(5, 0), until: after(7, 0), every: time.Second / 10})
	}},
	{"self-enrolment", "A training account types enrolments of 500 strangers itself, then opens them.", false, func(p *plot) {
		a, list := p.account(roster.Training), p.someone(500)
		a.enrols(a, list)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: time.Minute, office: true, whom: listed(list), targets: len(list)})
	}},
	{"two-hands-enrolment", "Adaptive: a second stolen account of the house types the enrolments, 120 a day for 4 days, and the first opens them.", false, func(p *plot) {
		list := p.someone(480)
		accomplice := newAgent(p.people, "accomplice", roster.Training)
		p.account(roster.Training).enrols(accomplice, list)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: perDay(120, workday), office: true, whom: listed(list), targets: len(list)})
	}},
	{"strangers-between-calls", "A call centre’s account opens strangers while real calls of other people come in.", false, func(p *plot) {
		p.shared("call-centre", 28)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: perDay(80, workday), office: true})
	}},
	{"forged-calls", "Adaptive: the thief also holds the telephone system and forges 80 calls a day for 10 days.", false, func(p *plot) {
		a := p.account(roster.CallCentre)
		var list []register.PersonID
		begun := (&theft{from: after(0, 0), every: perDay(80, workday), office: true}).begin()
		for at := begun.at; at.Before(after(14, 0)); at = begun.atWork(at.Add(begun.every)) {
			list = append(list, p.people.anybody(p.rng))
			a.tell(reason.Call, list[len(list)-1], at)
		}
		p.steal(theft{from: after(0, 0), until: after(14, 0), every: begun.every, office: true, whom: listed(list), targets: len(list)})
	}},
	{"training-fishing", "A training account browses people by town and age outside its enrolments, four an hour for 28 days.", false, func(p *plot) {
		p.shared("training", 28)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: 15 * time.Minute, office: true})
	}},
}
