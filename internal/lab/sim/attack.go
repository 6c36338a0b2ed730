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
	Name     string
	Sentence string // what the thief does
	French   bool   // one of the three published cases
	Aim      Aim
	stage    func(*plot)
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
	aimFast    = Aim{Outside: 10} // fails the touch
	aimPassed  = Aim{Outside: 20} // passes it
	aimDesk    = Aim{Outside: 35}
	aimPatient = Aim{Outside: 30}
	aimSweep   = Aim{Inside: 30}
)

// Attacks are all that are replayed, the published ones first. Where a figure of
// the real case was not published, the sentence does not give one and the code
// says what is assumed.
var Attacks = []Attack{
	{"france-2024", "Advisers’ sessions of a partner network read 1.3 million people a day between them, day and night, for 28 days.", true, aimFrench, func(p *plot) {
		const sessions = 8 // assumed
		for range sessions {
			p.account(roster.Adviser)
			p.steal(theft{from: after(0, 0), until: after(28, 0), every: 526 * time.Millisecond, elsewhere: true})
		}
	}},
	{"france-2024-slow", "The same sessions, the thieves slowing down in office hours to stay under a cap of 100 people a day each, while the owners work.", true, aimFrench, func(p *plot) {
		for range 8 {
			p.shared("adviser", 28)
			p.steal(theft{from: after(0, 0), until: after(28, 0), every: perDay(96, workday), office: true, elsewhere: true})
		}
	}},
	{"kairos-2025", "One training organisation’s account, in its owner’s browser, asks for 340,000 people by pages of a hundred, through a route that forgets to check who asks.", true, aimFrench, func(p *plot) {
		p.account(roster.Training).accompany(p.rng, 60)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: 10 * time.Second, page: 100, targets: 3400, signs: always(meter.NextPage)})
	}},
	{"missions-2025", "A manager’s account creates two accounts that read 1.6 million people between them; the manager’s own tries too.", true, aimFrench, func(p *plot) {
		p.account(roster.Manager)
		p.steal(theft{from: after(0, 0), until: after(1, 0), every: time.Second})
		for range 2 {
			p.minted(roster.Adviser)
			p.steal(theft{from: after(0, 0), until: after(28, 0), every: 3 * time.Second, targets: 800_000, proves: true})
		}
	}},

	{"flat-sweep", "An adviser’s session reads strangers at 10 to 50 a second for a night.", false, aimFast, func(p *plot) {
		p.account(roster.Adviser)
		p.steal(theft{from: after(1, 20*time.Hour), until: after(2, 8*time.Hour), every: time.Second / time.Duration(10+p.rng.IntN(41)), elsewhere: true})
	}},
	{"flat-sweep-inside", "The same from the owner’s own browser, by a thief who passes the touch.", false, aimPassed, func(p *plot) {
		p.account(roster.Adviser)
		p.steal(theft{from: after(1, 20*time.Hour), until: after(2, 8*time.Hour), every: time.Second / time.Duration(10+p.rng.IntN(41)), proves: true})
	}},
	{"desk-sweep", "The session of a front desk, whose allowance is larger.", false, aimFast, func(p *plot) {
		p.account(roster.Desk)
		p.steal(theft{from: after(1, 20*time.Hour), until: after(28, 0), every: time.Second / time.Duration(10+p.rng.IntN(41)), elsewhere: true})
	}},
	{"desk-sweep-inside", "The same from the desk’s own browser, by a thief who passes the touch, two strangers a minute.", false, aimDesk, func(p *plot) {
		p.account(roster.Desk)
		p.steal(theft{from: after(1, 10*time.Hour), until: after(28, 0), every: 30 * time.Second, proves: true})
	}},
	{"stolen-cookie", "A session’s cookie, device and all, is replayed from a network that hosts machines, one stranger every five seconds.", false, aimFast, func(p *plot) {
		p.shared("adviser", 28)
		p.steal(theft{from: after(2, 11*time.Hour), until: after(4, 0), every: 5 * time.Second, network: "hosting"})
	}},
	{"office-sweep", "Strangers in office hours only, one every two seconds for 28 days, while the owner works.", false, aimFast, func(p *plot) {
		p.shared("adviser", 28)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: 2 * time.Second, office: true})
	}},
	{"steady-inside", "From the owner’s own browser, one stranger a minute in office hours, by a thief who passes the touch.", false, aimPassed, func(p *plot) {
		p.shared("adviser", 28)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: time.Minute, office: true, proves: true})
	}},
	{"under-the-cap", "Adaptive: a call centre’s account takes strangers just under a cap of 100 people a day, and under 60 a minute, and passes the touch.", false, aimDesk, func(p *plot) {
		p.account(roster.CallCentre)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: perDay(99, workday), office: true, proves: true})
	}},
	{"dormant", "An adviser’s account that nobody used for months reads ten strangers a second over a weekend.", false, aimFast, func(p *plot) {
		p.account(roster.Adviser)
		p.steal(theft{from: after(47, 0), until: after(49, 0), every: time.Second / 10})
	}},
	{"identifier-probing", "References are guessed: nine of ten lead to nobody.", false, aimFast, func(p *plot) {
		p.shared("adviser", 5)
		p.steal(theft{from: after(1, 10*time.Hour), until: after(5, 0), every: 10 * time.Second, misses: 0.9})
	}},
	{"in-order", "References are gone through in ascending order, one every forty seconds, by a thief who passes the touch.", false, aimPassed, func(p *plot) {
		p.shared("adviser", 28)
		p.steal(theft{from: after(1, 9*time.Hour), until: after(28, 0), every: 40 * time.Second, office: true, proves: true, signs: always(meter.InOrder)})
	}},
	{"birth-date-comb", "One birth date is searched under the commonest surnames, eight rows an answer.", false, aimFast, func(p *plot) {
		p.shared("adviser", 5)
		p.steal(theft{from: after(1, 9*time.Hour), until: after(5, 0), every: 20 * time.Second, kind: finds, page: 8, signs: always(meter.SameBirth)})
	}},
	{"widened-export", "A list that the owner exports is widened to five thousand people.", false, aimFast, func(p *plot) {
		p.shared("adviser", 5)
		p.steal(theft{from: after(1, 9*time.Hour), until: after(5, 0), every: time.Hour, page: 5000, targets: 1})
	}},
	{"neighbours", "An adviser opens neighbours and people one reads about, three a day for 28 days.", false, aimPatient, func(p *plot) {
		list := p.someone(84)
		owner := p.shared("adviser", 28)
		for _, person := range list[:42] {
			owner.add(reason.Fact{Kind: reason.Protected, Organisation: reason.Everybody, Person: person, From: Beginning.AddDate(-1, 0, 0), Until: Beginning.AddDate(1, 0, 0)})
		}
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: perDay(3, workday), office: true, whom: listed(list), targets: len(list), proves: true})
	}},
	{"drip", "Adaptive: one to three strangers a day for 28 days, while the owner works; the thief passes the touch.", false, aimPatient, func(p *plot) {
		p.shared("adviser", 28)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: perDay(1+p.rng.IntN(3), workday), office: true, proves: true})
	}},
	{"rule-reader", "Adaptive: in the place of an adviser on leave, asks only for what the rules will show, every twenty minutes for 28 days; passes the touch.", false, aimPatient, func(p *plot) {
		p.account(roster.Adviser)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: 20 * time.Minute, reads: true, proves: true})
	}},
	{"patient-year", "Adaptive: the same for a year without being noticed, so that the allowance of 28 days comes back.", false, Aim{}, func(p *plot) {
		p.account(roster.Adviser)
		p.steal(theft{from: after(0, 0), until: after(364, 0), every: time.Hour, reads: true, proves: true})
	}},
	{"paid-look-ups", "An adviser sells look-ups: 5 to 15 named people a day for 28 days, among ordinary work.", false, aimPatient, func(p *plot) {
		p.shared("adviser", 28)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: perDay(5+p.rng.IntN(11), workday), office: true, proves: true, searches: true})
	}},
	{"strangers-between-calls", "A call centre’s account opens strangers while real calls of other people come in.", false, aimDesk, func(p *plot) {
		p.shared("call-centre", 28)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: perDay(80, workday), office: true})
	}},
	{"training-fishing", "A training account browses people by town and age outside its enrolments, four an hour for 28 days.", false, Aim{Outside: 10}, func(p *plot) {
		p.shared("training", 28)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: 15 * time.Minute, office: true, proves: true})
	}},
	{"partner-key", "A partner’s programme uses its key for another body’s people, fifty a second.", false, aimFast, func(p *plot) {
		p.account(roster.Training).accompany(p.rng, 200)
		p.steal(theft{from: after(1, 2*time.Hour), until: after(2, 0), every: time.Second / 50})
	}},
	{"minted-slowly", "A manager’s account creates two accounts; each works for two weeks as an adviser does, then takes strangers.", false, Aim{Outside: 20}, func(p *plot) {
		for range 2 {
			owner := p.shared("adviser", 14)
			owner.fresh, owner.asker.Opened = true, Beginning
			p.steal(theft{from: after(14, 9*time.Hour), until: after(42, 0), every: time.Minute, office: true, proves: true})
		}
	}},
	{"burst-army", "300 advisers’ accounts at once, five strangers each within ten minutes.", false, Aim{Outside: 1000}, func(p *plot) {
		for range 300 {
			p.account(roster.Adviser)
			p.steal(theft{from: after(1, 10*time.Hour), until: after(1, 11*time.Hour), every: 2 * time.Minute, targets: 5})
		}
	}},
	{"drowned-desk", "Two hundred accounts are made to meet a touch, so that nobody looks at the one that takes strangers.", false, Aim{}, func(p *plot) {
		for range 200 {
			p.account(roster.Adviser)
			p.steal(theft{from: after(1, 10*time.Hour), until: after(1, 11*time.Hour), every: 15 * time.Minute, targets: 4, elsewhere: true})
		}
		p.account(roster.Adviser)
		p.steal(theft{from: after(1, 10*time.Hour), until: after(3, 0), every: time.Second, proves: true})
	}},

	{"caseload-sweep", "An adviser’s own 150 people within an hour, each once.", false, aimSweep, func(p *plot) {
		caseload := p.account(roster.Adviser).accompany(p.rng, 150)
		p.steal(theft{from: after(1, 10*time.Hour), until: after(1, 11*time.Hour), every: 24 * time.Second, whom: listed(caseload), targets: 150})
	}},
	{"caseload-slow", "Adaptive: an adviser’s own 150 people at nineteen an hour, as the owner might.", false, Aim{}, func(p *plot) {
		caseload := p.account(roster.Adviser).accompany(p.rng, 150)
		p.steal(theft{from: after(1, 8*time.Hour), until: after(3, 0), every: perDay(19, time.Hour), whom: listed(caseload), targets: 150, office: true})
	}},
	{"self-enrolment", "A training account types enrolments of 500 strangers itself, then opens them.", false, Aim{Outside: 10}, func(p *plot) {
		a, list := p.account(roster.Training), p.someone(500)
		a.enrols(a, list)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: time.Minute, office: true, whom: listed(list), targets: len(list)})
	}},
	{"self-tickets", "A desk’s account types a ticket for each stranger, as when the kiosk is down, and opens them, forty an hour.", false, aimDesk, func(p *plot) {
		a, list := p.account(roster.Desk), p.someone(1000)
		for i, person := range list {
			a.add(reason.Fact{Kind: reason.DeskTicket, Account: a.asker.Account, Author: a.asker.Account, Person: person, From: after(1, 10*time.Hour).Add(time.Duration(i) * 90 * time.Second), Until: after(28, 0)})
		}
		p.steal(theft{from: after(1, 10*time.Hour), until: after(3, 0), every: 90 * time.Second, whom: listed(list), targets: len(list), proves: true})
	}},
	{"two-hands-enrolment", "Adaptive: a second stolen account of the house types the enrolments, 120 a day for 4 days, and the first opens them.", false, Aim{}, func(p *plot) {
		list := p.someone(480)
		accomplice := newAgent(p.people, "accomplice", roster.Training)
		p.account(roster.Training).enrols(accomplice, list)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: perDay(120, workday), office: true, whom: listed(list), targets: len(list)})
	}},
	{"forged-calls", "Adaptive: the thief also holds the telephone system and forges 80 calls a day for 10 days.", false, Aim{}, func(p *plot) {
		a := p.account(roster.CallCentre)
		var list []register.PersonID
		begun := (&theft{from: after(0, 0), every: perDay(80, workday), office: true}).begin()
		for at := begun.at; at.Before(after(14, 0)); at = begun.atWork(at.Add(begun.every)) {
			list = append(list, p.people.anybody(p.rng))
			a.tell(reason.Call, list[len(list)-1], at)
		}
		p.steal(theft{from: after(0, 0), until: after(14, 0), every: begun.every, office: true, whom: listed(list), targets: len(list)})
	}},
	{"reused-calls", "A call of one person stays open, and strangers are opened under it, one a minute.", false, aimFast, func(p *plot) {
		a := p.account(roster.CallCentre)
		a.tell(reason.Call, p.people.anybody(p.rng), after(1, 10*time.Hour))
		p.steal(theft{from: after(1, 10*time.Hour), until: after(2, 0), every: time.Minute})
	}},
}
