package sim

import (
	"fmt"
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
	Name  string // the catalogue says what the thief does: scenario.NAME
	sort  sort
	Aim   Aim
	stage func(*plot)
}

type sort uint8

const (
	single sort = iota
	french      // one of the three published cases
	large       // of many accounts, and played by the thief who has all only
)

// Aim is how many people an attack may get at the 95th percentile. Zero is no aim.
type Aim struct {
	Failed  int `json:"failed,omitempty"`  // without a reason, by a thief who fails the confirmation and draws people out of the register
	Each    int `json:"each,omitempty"`    // without a reason, by any thief, in one account
	Outside int `json:"outside,omitempty"` // likewise in all accounts together, and so is what follows
	Rows    int `json:"rows,omitempty"`
	Given   int `json:"given,omitempty"`
	People  int `json:"people,omitempty"`
	Inside  int `json:"inside,omitempty"`
	Swept   int `json:"swept,omitempty"`  // people of the account's own list that are opened, by a thief who fails the confirmation
	Listed  int `json:"listed,omitempty"` // days until the account is on the short list
}

// plot is an attack being set up.
type plot struct {
	people people
	trades []Trade // of the owners and their colleagues
	seed   uint64
	thief  Thief
	rng    *rand.Rand
	scenes []scene
	own    []register.PersonID // the list of the account that was hired last, until a theft takes it
	thefts []*theft
}

func (a Attack) plot(people people, trades []Trade, seed uint64, thief Thief) *plot {
	p := &plot{people: people, trades: trades, seed: seed, thief: thief, rng: stream(seed, a.Name)}
	a.stage(p)
	return p
}

// hired is an account without a list of its own.
func (p *plot) hired(role roster.Role) *agent {
	a := newAgent(p.people, p.name(), role)
	p.scenes, p.own = append(p.scenes, scene{agent: a}), nil
	return a
}

// account is the account of somebody who is away meanwhile.
func (p *plot) account(role roster.Role) *agent {
	a := p.hired(role)
	for _, trade := range p.trades {
		if trade.Role == role && trade.Caseload > 0 {
			p.own = a.accompany(p.rng, int(trade.Caseload))
		}
	}
	return a
}

// minted is an account that was made for the theft.
func (p *plot) minted(role roster.Role) *agent {
	a := p.hired(role)
	a.fresh, a.asker.Opened = true, Beginning
	return a
}

// shared is the account of an agent of the trade who works on meanwhile.
func (p *plot) shared(trade string, days int) *agent {
	c := p.colleague(trade, days)
	p.own = c.caseload
	return c.agent
}

// colleague is an agent of the trade whose account is not stolen, or not yet.
func (p *plot) colleague(trade string, days int) *career {
	name := p.name()
	c := newCareer(p.people, p.seed, name, "house-of-"+roster.OrganisationID(name), tradeNamed(p.trades, trade), days)
	p.scenes = append(p.scenes, scene{c.agent, c.walks()})
	return c
}

func (p *plot) name() roster.AccountID {
	return roster.AccountID("stolen-" + strconv.Itoa(len(p.scenes)))
}

// together has all accounts be of one organisation.
func (p *plot) together() {
	for _, s := range p.scenes {
		s.agent.asker.Organisation = "one-house"
	}
}

// draw draws whom the thief wants: of the bought list, or of the whole register.
func (p *plot) draw(rng *rand.Rand) register.PersonID {
	if p.thief.Followed {
		return p.people.followed(rng)
	}
	return p.people.anybody(rng)
}

// steal has the account that was hired last used for a theft; of strangers,
// unless it says of whom.
func (p *plot) steal(t theft) {
	if t.whom == nil {
		t.whom = drawing(p.draw, p.seed, "strangers-"+strconv.Itoa(len(p.thefts)))
	}
	t.rng = stream(p.seed, "misses-"+strconv.Itoa(len(p.thefts)))
	t.proves, t.searches = p.thief.Proves, t.searches || p.thief.Followed
	last := &p.scenes[len(p.scenes)-1]
	t.account, t.own, p.own = last.agent.asker.Account, p.own, nil
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
		list[i] = p.draw(p.rng)
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
	aimFrench   = Aim{Failed: 10, Each: 20, Inside: 600}
	aimFast     = Aim{Failed: 10, Outside: 20}
	aimAdviser  = Aim{Outside: 20}
	aimDesk     = Aim{Outside: 45}
	aimTraining = Aim{Outside: 5}
	aimSweep    = Aim{Swept: 30}
	aimRows     = Aim{Outside: 20, Rows: 60, People: 150}
	aimRowsDesk = Aim{Outside: 45, Rows: 150, People: 150}
	aimList     = Aim{Listed: 60}
)

// manager is who signs and allows whatever a thief asks.
const manager = roster.AccountID("persuaded-manager")

// Attacks are all that are replayed, the published ones first. Where a figure of
// the real case was not published, the sentence does not give one and the code
// says what is assumed.
var Attacks = []Attack{
	{"france-2024", french, aimFrench, func(p *plot) {
		const sessions = 8 // assumed
		for range sessions {
			p.account(roster.Adviser)
			p.steal(theft{from: after(0, 0), until: after(28, 0), every: 526 * time.Millisecond, elsewhere: true})
		}
	}},
	{"france-2024-slow", french, aimFrench, func(p *plot) {
		for range 8 {
			p.shared("adviser", 28)
			p.steal(theft{from: after(0, 0), until: after(28, 0), every: perDay(96, workday), office: true, elsewhere: true})
		}
	}},
	{"kairos-2025", french, aimFrench, func(p *plot) {
		p.account(roster.Training)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: 10 * time.Second, page: 100, targets: 3400, signs: always(meter.NextPage)})
	}},
	{"missions-2025", french, aimFrench, func(p *plot) {
		p.account(roster.Manager)
		p.steal(theft{from: after(0, 0), until: after(1, 0), every: time.Second})
		for range 2 {
			p.minted(roster.Adviser)
			p.steal(theft{from: after(0, 0), until: after(28, 0), every: 3 * time.Second, targets: 800_000})
		}
	}},

	{"flat-sweep", single, aimFast, func(p *plot) {
		p.account(roster.Adviser)
		p.steal(theft{from: after(1, 20*time.Hour), until: after(2, 8*time.Hour), every: time.Second / time.Duration(10+p.rng.IntN(41)), elsewhere: true})
	}},
	{"flat-sweep-inside", single, aimAdviser, func(p *plot) {
		p.account(roster.Adviser)
		p.steal(theft{from: after(1, 20*time.Hour), until: after(2, 8*time.Hour), every: time.Second / time.Duration(10+p.rng.IntN(41))})
	}},
	{"desk-sweep", single, Aim{Failed: 10, Outside: 45}, func(p *plot) {
		p.account(roster.Desk)
		p.steal(theft{from: after(1, 20*time.Hour), until: after(28, 0), every: time.Second / time.Duration(10+p.rng.IntN(41)), elsewhere: true})
	}},
	{"desk-sweep-inside", single, aimDesk, func(p *plot) {
		p.account(roster.Desk)
		p.steal(theft{from: after(1, 10*time.Hour), until: after(28, 0), every: 30 * time.Second})
	}},
	{"stolen-cookie", single, aimFast, func(p *plot) {
		p.shared("adviser", 28)
		p.steal(theft{from: after(2, 11*time.Hour), until: after(4, 0), every: 5 * time.Second, network: "hosting"})
	}},
	{"office-sweep", single, aimFast, func(p *plot) {
		p.shared("adviser", 28)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: 2 * time.Second, office: true})
	}},
	{"steady-inside", single, aimAdviser, func(p *plot) {
		p.shared("adviser", 28)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: time.Minute, office: true})
	}},
	{"under-the-cap", single, aimDesk, func(p *plot) {
		p.account(roster.CallCentre)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: perDay(99, workday), office: true})
	}},
	{"dormant", single, aimFast, func(p *plot) {
		p.account(roster.Adviser)
		p.steal(theft{from: after(47, 0), until: after(49, 0), every: time.Second / 10})
	}},
	{"identifier-probing", single, aimFast, func(p *plot) {
		p.shared("adviser", 5)
		p.steal(theft{from: after(1, 10*time.Hour), until: after(5, 0), every: 10 * time.Second, misses: 0.9})
	}},
	{"in-order", single, aimAdviser, func(p *plot) {
		p.shared("adviser", 28)
		p.steal(theft{from: after(1, 9*time.Hour), until: after(28, 0), every: 40 * time.Second, office: true, signs: always(meter.InOrder)})
	}},
	{"birth-date-comb", single, aimFast, func(p *plot) {
		p.shared("adviser", 5)
		p.steal(theft{from: after(1, 9*time.Hour), until: after(5, 0), every: 20 * time.Second, kind: finds, page: 8, signs: always(meter.SameBirth)})
	}},
	{"widened-export", single, aimFast, func(p *plot) {
		p.shared("adviser", 5)
		p.steal(theft{from: after(1, 9*time.Hour), until: after(5, 0), every: time.Hour, page: 5000, targets: 1})
	}},
	{"neighbours", single, aimAdviser, func(p *plot) {
		list := p.someone(84)
		owner := p.shared("adviser", 28)
		for _, person := range list[:42] {
			owner.add(reason.Fact{Kind: reason.Protected, Organisation: reason.Everybody, Person: person, From: Beginning.AddDate(-1, 0, 0), Until: Beginning.AddDate(1, 0, 0)})
		}
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: perDay(3, workday), office: true, whom: through(list), targets: len(list)})
	}},
	{"drip", single, aimAdviser, func(p *plot) {
		p.shared("adviser", 28)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: perDay(1+p.rng.IntN(3), workday), office: true})
	}},
	{"rule-reader", single, aimAdviser, func(p *plot) {
		p.account(roster.Adviser)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: 20 * time.Minute, reads: true})
	}},
	{"patient-year", single, Aim{}, func(p *plot) {
		p.account(roster.Adviser)
		p.steal(theft{from: after(0, 0), until: after(364, 0), every: time.Hour, reads: true})
	}},
	{"paid-look-ups", single, aimAdviser, func(p *plot) {
		p.shared("adviser", 28)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: perDay(5+p.rng.IntN(11), workday), office: true, searches: true})
	}},
	{"strangers-between-calls", single, aimDesk, func(p *plot) {
		p.shared("call-centre", 28)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: perDay(80, workday), office: true})
	}},
	{"training-fishing", single, aimTraining, func(p *plot) {
		p.shared("training", 28)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: 15 * time.Minute, office: true})
	}},
	{"partner-key", single, aimTraining, func(p *plot) {
		p.account(roster.Training)
		p.steal(theft{from: after(1, 2*time.Hour), until: after(2, 0), every: time.Second / 50})
	}},
	{"minted-slowly", single, aimAdviser, func(p *plot) {
		for range 2 {
			owner := p.shared("adviser", 14)
			owner.fresh, owner.asker.Opened = true, Beginning
			p.steal(theft{from: after(14, 9*time.Hour), until: after(42, 0), every: time.Minute, office: true})
		}
	}},
	{"burst-army", large, Aim{Outside: 500, People: 500}, func(p *plot) {
		for range 300 {
			p.account(roster.Adviser)
			p.steal(theft{from: after(1, 10*time.Hour), until: after(1, 11*time.Hour), every: 2 * time.Minute, targets: 5})
		}
	}},
	{"drowned-desk", large, Aim{}, func(p *plot) {
		for range 200 {
			p.account(roster.Adviser)
			p.steal(theft{from: after(1, 10*time.Hour), until: after(1, 11*time.Hour), every: 15 * time.Minute, targets: 4, elsewhere: true})
		}
		p.account(roster.Adviser)
		p.steal(theft{from: after(1, 10*time.Hour), until: after(3, 0), every: time.Second})
	}},

	{"caseload-sweep", single, aimSweep, func(p *plot) {
		caseload := p.hired(roster.Adviser).accompany(p.rng, 150)
		p.steal(theft{from: after(1, 10*time.Hour), until: after(1, 11*time.Hour), every: 24 * time.Second, whom: through(caseload), targets: 150})
	}},
	{"caseload-slow", single, Aim{}, func(p *plot) {
		caseload := p.hired(roster.Adviser).accompany(p.rng, 150)
		p.steal(theft{from: after(1, 8*time.Hour), until: after(3, 0), every: perDay(19, time.Hour), whom: through(caseload), targets: 150, office: true})
	}},
	{"self-enrolment", single, aimTraining, func(p *plot) {
		a, list := p.account(roster.Training), p.someone(500)
		a.enrols(a, list)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: time.Minute, office: true, whom: through(list), targets: len(list)})
	}},
	{"self-tickets", single, aimDesk, func(p *plot) {
		a, list := p.account(roster.Desk), p.someone(1000)
		for i, person := range list {
			a.add(reason.Fact{Kind: reason.DeskTicket, Account: a.asker.Account, Author: a.asker.Account, Person: person, From: after(1, 10*time.Hour).Add(time.Duration(i) * 90 * time.Second), Until: after(28, 0)})
		}
		p.steal(theft{from: after(1, 10*time.Hour), until: after(3, 0), every: 90 * time.Second, whom: through(list), targets: len(list)})
	}},
	{"two-hands-enrolment", single, Aim{Inside: 120}, func(p *plot) {
		list := p.someone(480)
		accomplice := newAgent(p.people, "accomplice", roster.Training)
		p.account(roster.Training).enrols(accomplice, list)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: perDay(120, workday), office: true, whom: through(list), targets: len(list)})
	}},
	{"forged-calls", single, Aim{Inside: 2500}, func(p *plot) {
		a := p.account(roster.CallCentre)
		var list []register.PersonID
		begun := (&theft{from: after(0, 0), every: perDay(80, workday), office: true}).begin()
		for at := begun.at; at.Before(after(14, 0)); at = begun.atWork(at.Add(begun.every)) {
			list = append(list, p.draw(p.rng))
			a.tell(reason.Call, list[len(list)-1], at)
		}
		p.steal(theft{from: after(0, 0), until: after(14, 0), every: begun.every, office: true, whom: through(list), targets: len(list)})
	}},
	{"reused-calls", single, Aim{Failed: 10, Outside: 45}, func(p *plot) {
		a := p.account(roster.CallCentre)
		a.tell(reason.Call, p.people.anybody(p.rng), after(1, 10*time.Hour))
		p.steal(theft{from: after(1, 10*time.Hour), until: after(2, 0), every: time.Minute})
	}},

	{"desk-reader", single, aimDesk, func(p *plot) {
		p.account(roster.Desk)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: 20 * time.Minute, office: true, reads: true})
	}},
	{"training-reader", single, aimTraining, func(p *plot) {
		p.account(roster.Training)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: 20 * time.Minute, office: true, reads: true})
	}},
	{"rows", single, aimRows, func(p *plot) {
		p.account(roster.Adviser)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: 15 * time.Minute, office: true, kind: finds, page: 2, reads: true})
		p.steal(theft{from: after(7, 0), until: after(28, 0), every: 20 * time.Minute, office: true, reads: true})
	}},
	{"rows-at-a-desk", single, aimRowsDesk, func(p *plot) {
		p.account(roster.Desk)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: 15 * time.Minute, office: true, kind: finds, page: 2, reads: true})
		p.steal(theft{from: after(7, 0), until: after(28, 0), every: 20 * time.Minute, office: true, reads: true})
	}},
	{"burst-rows", large, Aim{People: 500}, func(p *plot) {
		for range 300 {
			p.account(roster.Adviser)
			p.steal(theft{from: after(1, 10*time.Hour), until: after(1, 11*time.Hour), every: 4 * time.Minute, kind: finds, page: 5})
		}
	}},
	{"burst-of-one-house", large, Aim{People: 500}, func(p *plot) {
		for range 300 {
			p.account(roster.Adviser)
			p.steal(theft{from: after(1, 10*time.Hour), until: after(1, 11*time.Hour), every: 2 * time.Minute})
		}
		p.together()
	}},

	{"persuaded-manager", single, Aim{Outside: 20, Given: 100, People: 150}, func(p *plot) {
		p.account(roster.Adviser)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: 10 * time.Minute, office: true, reads: true, manager: manager})
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: 15 * time.Minute, office: true, kind: finds, page: 2, reads: true})
	}},
	{"persuaded-manager-of-a-desk", single, Aim{Outside: 45, Given: 100, People: 150}, func(p *plot) {
		p.account(roster.Desk)
		p.steal(theft{from: after(0, 0), until: after(28, 0), every: 10 * time.Minute, office: true, reads: true, manager: manager})
	}},
	{"stolen-manager-mints", single, Aim{People: 20}, func(p *plot) {
		p.minted(roster.Adviser)
		p.steal(theft{from: after(1, 0), until: after(27, 0), every: 10 * time.Minute, office: true, reads: true, manager: manager})
		p.steal(theft{from: after(1, 0), until: after(27, 0), every: 15 * time.Minute, office: true, kind: finds, page: 2, reads: true})
	}},
	{"assigned-to-minted", single, Aim{Outside: 5, Inside: 600}, func(p *plot) {
		list := p.minted(roster.Adviser).accompany(p.rng, 2000)
		p.steal(theft{from: after(1, 10*time.Hour), until: after(2, 0), every: time.Minute, page: 100, targets: 20, whom: through(list)})
	}},
	{"tickets-of-a-second-hand", single, Aim{Outside: 45, Inside: 2000}, func(p *plot) {
		a := p.account(roster.Desk)
		p.brought(a, 280, reason.DeskTicket, 28)
	}},
	{"covers", single, Aim{Outside: 20, Inside: 600}, func(p *plot) {
		a := p.account(roster.Adviser)
		for week := range 4 {
			var theirs []register.PersonID
			for n := range 2 {
				absent := roster.AccountID(fmt.Sprintf("absent-%d-%d", week, n))
				list := p.someone(200)
				a.cover(absent, list, after(7*week, 0), after(7*week+7, 0))
				theirs = append(theirs, list...)
			}
			p.steal(theft{from: after(7*week, 9*time.Hour), until: after(7*week+7, 0), every: time.Minute, page: 50, targets: 8, whom: through(theirs)})
		}
	}},

	{"takes-all-adviser", large, aimList, takesAll("adviser", 600)},
	{"takes-all-desk", large, aimList, takesAll("desk", 2000)},
	{"takes-all-call-centre", large, aimList, takesAll("call-centre", 3000)},
	{"takes-all-training", large, aimList, takesAll("training", 120)},
}

// brought steals people for whom a second account types a fact, so many each day of work.
func (p *plot) brought(a *agent, perWorkday int, kind reason.FactKind, days int) {
	every := perDay(perWorkday, workday)
	begun := (&theft{from: after(0, 0), every: every, office: true}).begin()
	var list []register.PersonID
	for at := begun.at; at.Before(after(days, 0)); at = begun.atWork(at.Add(every)) {
		list = append(list, p.draw(p.rng))
		a.tell(kind, list[len(list)-1], at)
	}
	p.steal(theft{from: after(0, 0), until: after(days, 0), every: every, office: true, whom: through(list), targets: len(list)})
}

// takesAllDays is how long takesAll is played.
const takesAllDays = 63

// takesAll has an account of a trade, among colleagues of its own, take all that every limit
// allows for nine weeks: with a reason, which a second account types, without, and in rows.
func takesAll(trade string, ceiling int) func(*plot) {
	const colleagues, days = 9, takesAllDays
	return func(p *plot) {
		for range colleagues {
			p.colleague(trade, days)
		}
		a := p.hired(tradeNamed(p.trades, trade).Role)
		kind := reason.Appointment
		if a.asker.Role == roster.Training {
			kind = reason.Enrolment
		}
		p.brought(a, ceiling/18, kind, days)
		p.steal(theft{from: after(0, 0), until: after(days, 0), every: 20 * time.Minute, office: true, reads: true})
		p.steal(theft{from: after(0, 0), until: after(days, 0), every: 30 * time.Minute, office: true, kind: finds, page: 1, reads: true})
	}
}
