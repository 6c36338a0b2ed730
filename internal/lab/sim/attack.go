package sim

import (
	"math/rand/v2"
	"strconv"
	"time"

	"poterne/internal/meter"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Attack is a theft, or several at once, that is replayed.
type Attack struct {
	Name   string // the catalogue says what the thief does: scenario.NAME
	French bool   // one of the three published cases
	Aim    Aim
	stage  func(*plot)
}

// Aim is how many people an attack may get at the 95th percentile. Zero is no aim.
type Aim struct {
	Outside int `json:"outside,omitempty"`
	Inside  int `json:"inside,omitempty"`
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

// account is the account of somebody who is away meanwhile.
func (p *plot) account(role roster.Role) *agent {
	a := newAgent(p.people, p.name(), role)
	p.scenes = append(p.scenes, scene{agent: a})
	return a
}

// minted is an account that was made for the theft.
func (p *plot) minted(role roster.Role) *agent {
	a := p.account(role)
	a.fresh, a.asker.Opened = true, Beginning
	return a
}

// shared is the account of an agent of the trade who works on meanwhile.
func (p *plot) shared(trade string, days int) *agent {
	c := newCareer(p.people, p.seed, p.name(), tradeNamed(trade), days)
	p.scenes = append(p.scenes, scene{c.agent, []walk{&day{openings: c.openings}}})
	return c.agent
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
	t.rng = stream(p.seed, "misses-"+strconv.Itoa(len(p.thefts)))
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

const workday = officeCloses - officeOpens

// someone draws n people out of the register.
func (p *plot) someone(n int) []register.PersonID {
	list := make([]register.PersonID, n)
	for i := range list {
		list[i] = p.people.anybody(p.rng)
	}
	return list
}

// always is what the door notices at every beat but the first.
func always(signs meter.Signs) func(int) meter.Signs {
	return func(beat int) meter.Signs {
		if beat == 0 {
			return 0
		}
		return signs
	}
}

// What is aimed at: docs/detection.md says where each comes from.
var (
	aimFrench  = Aim{Outside: 10}
	aimFast    = Aim{Outside: 10} // fails the step-up
	aimPassed  = Aim{Outside: 20} // passes it
	aimDesk    = Aim{Outside: 35}
	aimPatient = Aim{Outside: 30}
	aimSweep   = Aim{Inside: 30}
)

// Attacks are all that are replayed, the published ones first. Where a figure of
// the real case was not published, the sentence does not give one and the code
// says what is assumed.
var Attacks = []Attack{
	{"france-2024", true, aimFrench, func(p *plot) {
		const sessions = 8 // assumed
		for range sessions {
			p.account(roster.Adviser)
			p.steal(theft{from: after(0, 0), until: after(28, 0), every: 526 * time.Millisecond, elsewhere: true})
		}
	}},
	{"france-2024-slow", true, aimFrench, func(p *plot) {
		for range 8 {
			p.shared("adviser", 28)
			p.steal(theft{from: after(0, 0), until: after(28, 0), every: perDay(96, workday), office: true, elsewhere: true})
		}
	}},
	{"kairos-2025", true, aimFrench, func(p *plot) {
		p.account(roster.Training).accompany(p.rng, 60)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: 10 * time.Second, page: 100, targets: 3400, signs: always(meter.NextPage)})
	}},
	{"missions-2025", true, aimFrench, func(p *plot) {
		p.account(roster.Manager)
		p.steal(theft{from: after(0, 0), until: after(1, 0), every: time.Second})
		for range 2 {
			p.minted(roster.Adviser)
			p.steal(theft{from: after(0, 0), until: after(28, 0), every: 3 * time.Second, targets: 800_000, proves: true})
		}
	}},

	{"flat-sweep", false, aimFast, func(p *plot) {
		p.account(roster.Adviser)
		p.steal(theft{from: after(1, 20*time.Hour), until: after(2, 8*time.Hour), every: time.Second / time.Duration(10+p.rng.IntN(41)), elsewhere: true})
	}},
	{"flat-sweep-inside", false, aimPassed, func(p *plot) {
		p.account(roster.Adviser)
		p.steal(theft{from: after(1, 20*time.Hour), until: after(2, 8*time.Hour), every: time.Second / time.Duration(10+p.rng.IntN(41)), proves: true})
	}},
	{"desk-sweep", false, aimFast, func(p *plot) {
		p.account(roster.Desk)
		p.steal(theft{from: after(1, 20*time.Hour), until: after(28, 0), every: time.Second / time.Duration(10+p.rng.IntN(41)), elsewhere: true})
	}},
	{"desk-sweep-inside", false, aimDesk, func(p *plot) {
		p.account(roster.Desk)
		p.steal(theft{from: after(1, 10*time.Hour), until: after(28, 0), every: 30 * time.Second, proves: true})
	}},
	{"stolen-cookie", false, aimFast, func(p *plot) {
		p.shared("adviser", 28)
		p.steal(theft{from: after(2, 11*time.Hour), until: after(4, 0), every: 5 * time.Second, network: "hosting"})
	}},
	{"office-sweep", false, aimFast, func(p *plot) {
		p.shared("adviser", 28)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: 2 * time.Second, office: true})
	}},
	{"steady-inside", false, aimPassed, func(p *plot) {
		p.shared("adviser", 28)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: time.Minute, office: true, proves: true})
	}},
	{"under-the-cap", false, aimDesk, func(p *plot) {
		p.account(roster.CallCentre)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: perDay(99, workday), office: true, proves: true})
	}},
	{"dormant", false, aimFast, func(p *plot) {
		p.account(roster.Adviser)
		p.steal(theft{from: after(47, 0), until: after(49, 0), every: time.Second / 10})
	}},
	{"identifier-probing", false, aimFast, func(p *plot) {
		p.shared("adviser", 5)
		p.steal(theft{from: after(1, 10*time.Hour), until: after(5, 0), every: 10 * time.Second, misses: 0.9})
	}},
	{"in-order", false, aimPassed, func(p *plot) {
		p.shared("adviser", 28)
		p.steal(theft{from: after(1, 9*time.Hour), until: after(28, 0), every: 40 * time.Second, office: true, proves: true, signs: always(meter.InOrder)})
	}},
	{"birth-date-comb", false, aimFast, func(p *plot) {
		p.shared("adviser", 5)
		p.steal(theft{from: after(1, 9*time.Hour), until: after(5, 0), every: 20 * time.Second, kind: finds, page: 8, signs: always(meter.SameBirth)})
	}},
	{"widened-export", false, aimFast, func(p *plot) {
		p.shared("adviser", 5)
		p.steal(theft{from: after(1, 9*time.Hour), until: after(5, 0), every: time.Hour, page: 5000, targets: 1})
	}},
	{"neighbours", false, aimPatient, func(p *plot) {
		list := p.someone(84)
		owner := p.shared("adviser", 28)
		for _, person := range list[:42] {
			owner.add(reason.Fact{Kind: reason.Protected, Organisation: reason.Everybody, Person: person, From: Beginning.AddDate(-1, 0, 0), Until: Beginning.AddDate(1, 0, 0)})
		}
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: perDay(3, workday), office: true, whom: listed(list), targets: len(list), proves: true})
	}},
	{"drip", false, aimPatient, func(p *plot) {
		p.shared("adviser", 28)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: perDay(1+p.rng.IntN(3), workday), office: true, proves: true})
	}},
	{"rule-reader", false, aimPatient, func(p *plot) {
		p.account(roster.Adviser)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: 20 * time.Minute, reads: true, proves: true})
	}},
	{"patient-year", false, Aim{}, func(p *plot) {
		p.account(roster.Adviser)
		p.steal(theft{from: after(0, 0), until: after(364, 0), every: time.Hour, reads: true, proves: true})
	}},
	{"paid-look-ups", false, aimPatient, func(p *plot) {
		p.shared("adviser", 28)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: perDay(5+p.rng.IntN(11), workday), office: true, proves: true, searches: true})
	}},
	{"strangers-between-calls", false, aimDesk, func(p *plot) {
		p.shared("call-centre", 28)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: perDay(80, workday), office: true})
	}},
	{"training-fishing", false, Aim{Outside: 10}, func(p *plot) {
		p.shared("training", 28)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: 15 * time.Minute, office: true, proves: true})
	}},
	{"partner-key", false, aimFast, func(p *plot) {
		p.account(roster.Training).accompany(p.rng, 200)
		p.steal(theft{from: after(1, 2*time.Hour), until: after(2, 0), every: time.Second / 50})
	}},
	{"minted-slowly", false, Aim{Outside: 20}, func(p *plot) {
		for range 2 {
			owner := p.shared("adviser", 14)
			owner.fresh, owner.asker.Opened = true, Beginning
			p.steal(theft{from: after(14, 9*time.Hour), until: after(42, 0), every: time.Minute, office: true, proves: true})
		}
	}},
	{"burst-army", false, Aim{Outside: 1000}, func(p *plot) {
		for range 300 {
			p.account(roster.Adviser)
			p.steal(theft{from: after(1, 10*time.Hour), until: after(1, 11*time.Hour), every: 2 * time.Minute, targets: 5})
		}
	}},
	{"drowned-desk", false, Aim{}, func(p *plot) {
		for range 200 {
			p.account(roster.Adviser)
			p.steal(theft{from: after(1, 10*time.Hour), until: after(1, 11*time.Hour), every: 15 * time.Minute, targets: 4, elsewhere: true})
		}
		p.account(roster.Adviser)
		p.steal(theft{from: after(1, 10*time.Hour), until: after(3, 0), every: time.Second, proves: true})
	}},

	{"caseload-sweep", false, aimSweep, func(p *plot) {
		caseload := p.account(roster.Adviser).accompany(p.rng, 150)
		p.steal(theft{from: after(1, 10*time.Hour), until: after(1, 11*time.Hour), every: 24 * time.Second, whom: listed(caseload), targets: 150})
	}},
	{"caseload-slow", false, Aim{}, func(p *plot) {
		caseload := p.account(roster.Adviser).accompany(p.rng, 150)
		p.steal(theft{from: after(1, 8*time.Hour), until: after(3, 0), every: perDay(19, time.Hour), whom: listed(caseload), targets: 150, office: true})
	}},
	{"self-enrolment", false, Aim{Outside: 10}, func(p *plot) {
		a, list := p.account(roster.Training), p.someone(500)
		a.enrols(a, list)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: time.Minute, office: true, whom: listed(list), targets: len(list)})
	}},
	{"self-tickets", false, aimDesk, func(p *plot) {
		a, list := p.account(roster.Desk), p.someone(1000)
		for i, person := range list {
			a.add(reason.Fact{Kind: reason.DeskTicket, Account: a.asker.Account, Author: a.asker.Account, Person: person, From: after(1, 10*time.Hour).Add(time.Duration(i) * 90 * time.Second), Until: after(28, 0)})
		}
		p.steal(theft{from: after(1, 10*time.Hour), until: after(3, 0), every: 90 * time.Second, whom: listed(list), targets: len(list), proves: true})
	}},
	{"two-hands-enrolment", false, Aim{}, func(p *plot) {
		list := p.someone(480)
		accomplice := newAgent(p.people, "accomplice", roster.Training)
		p.account(roster.Training).enrols(accomplice, list)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: perDay(120, workday), office: true, whom: listed(list), targets: len(list)})
	}},
	{"forged-calls", false, Aim{}, func(p *plot) {
		a := p.account(roster.CallCentre)
		var list []register.PersonID
		begun := (&theft{from: after(0, 0), every: perDay(80, workday), office: true}).begin()
		for at := begun.at; at.Before(after(14, 0)); at = begun.atWork(at.Add(begun.every)) {
			list = append(list, p.people.anybody(p.rng))
			a.tell(reason.Call, list[len(list)-1], at)
		}
		p.steal(theft{from: after(0, 0), until: after(14, 0), every: begun.every, office: true, whom: listed(list), targets: len(list)})
	}},
	{"reused-calls", false, aimFast, func(p *plot) {
		a := p.account(roster.CallCentre)
		a.tell(reason.Call, p.people.anybody(p.rng), after(1, 10*time.Hour))
		p.steal(theft{from: after(1, 10*time.Hour), until: after(2, 0), every: time.Minute})
	}},
}
