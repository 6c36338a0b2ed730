package sim

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Oddity is honest work that looks like theft.
type Oddity struct {
	Name  string // the catalogue says what it is: scenario.NAME
	stage func(*unusual)
}

// unusual is one agent's unusual work being set up.
type unusual struct {
	*agent
	rng      *rand.Rand
	openings []opening
	before   []deed // what another person does, and what is done on the way
	others   []scene
}

func (o Oddity) scenes(people people, seed uint64) []scene {
	u := &unusual{rng: stream(seed, o.Name), agent: newAgent(people, roster.AccountID(o.Name), roster.Adviser)}
	o.stage(u)
	return append(u.others, u.scene())
}

func (u *unusual) scene() scene {
	slices.SortStableFunc(u.openings, func(a, b opening) int { return a.at.Compare(b.at) })
	return scene{u.agent, []walk{&script{deeds: u.before}, newDay("manager", u.openings)}}
}

// script is deeds that nobody waits for an answer to.
type script struct{ deeds []deed }

func (s *script) next() (deed, bool) {
	if len(s.deeds) == 0 {
		return deed{}, false
	}
	return s.deeds[0], true
}

func (s *script) heard(policy.Decision) { s.deeds = s.deeds[1:] }

// raised has a manager allow more people beforehand.
func (u *unusual) raised(people int, at, until time.Time) {
	u.before = append(u.before, deed{at: at, kind: raises, by: "manager", allowed: people, until: until})
}

// on has the last n openings take place on a device and a network.
func (u *unusual) on(n int, device, network string) {
	for i := range u.openings[len(u.openings)-n:] {
		o := &u.openings[len(u.openings)-n+i]
		o.device, o.network = device, network
	}
}

// as gives the agent another role than adviser.
func (u *unusual) as(role roster.Role) {
	u.agent = newAgent(u.people, u.asker.Account, role)
}

// opens has people opened one after the other between two moments.
func (u *unusual) opens(list []register.PersonID, from, until time.Time, told bool) {
	for i, person := range list {
		at := from.Add(until.Sub(from) * time.Duration(i) / time.Duration(len(list)))
		u.openings = append(u.openings, opening{at: at, person: person, told: told})
	}
}

// brought has people brought up by a fact of their own, just before each is
// opened.
func (u *unusual) brought(kind reason.FactKind, n int, from, until time.Time) {
	u.opens(u.unknown(n), from, until, true)
	for _, o := range u.openings[len(u.openings)-n:] {
		u.tell(kind, o.person, o.at)
	}
}

// unknown draws n people nobody told us about.
func (u *unusual) unknown(n int) []register.PersonID {
	list := make([]register.PersonID, n)
	for i := range list {
		list[i] = u.people.nearby(u.rng)
	}
	return list
}

// strangers draws n people out of the whole register.
func (u *unusual) strangers(n int) []register.PersonID {
	list := make([]register.PersonID, n)
	for i := range list {
		list[i] = u.people.anybody(u.rng)
	}
	return list
}

// sample draws n different people of a list, all when there are fewer.
func (u *unusual) sample(list []register.PersonID, n int) (drawn []register.PersonID) {
	for _, i := range u.rng.Perm(len(list))[:min(n, len(list))] {
		drawn = append(drawn, list[i])
	}
	return drawn
}

// Oddities are all that are replayed. None may be frozen; where no system can know
// of the work, another person allows it beforehand, or a step-up is asked for.
var Oddities = []Oddity{
	{"transfer", func(u *unusual) {
		u.opens(u.accompany(u.rng, 150), after(1, 9*time.Hour), after(1, 17*time.Hour), true)
	}},
	{"cover-of-two", func(u *unusual) {
		theirs := u.unknown(300)
		u.cover("first-colleague", theirs[:150], after(0, 0), after(21, 0))
		u.cover("second-colleague", theirs[150:], after(0, 0), after(21, 0))
		for d := range 21 {
			if d%7 < 5 {
				u.opens(u.sample(theirs, 15), after(d, 9*time.Hour), after(d, 17*time.Hour), true)
			}
		}
	}},
	{"desk-duty", func(u *unusual) {
		u.brought(reason.DeskTicket, 40, after(2, 9*time.Hour), after(2, 12*time.Hour))
	}},
	{"job-fair", func(u *unusual) {
		u.brought(reason.DeskTicket, 80, after(3, 10*time.Hour), after(3, 16*time.Hour))
		u.on(80, "tablet", "mobile")
		u.opens(u.strangers(5), after(3, 10*time.Hour), after(3, 16*time.Hour), false)
		u.on(5, "tablet", "mobile")
	}},
	{"appointment-campaign", func(u *unusual) {
		u.opens(u.sample(u.accompany(u.rng, 160), 120), after(1, 9*time.Hour), after(1, 11*time.Hour), true)
	}},
	{"month-end", func(u *unusual) {
		u.as(roster.Desk)
		trade := tradeNamed(Trades, "desk")
		for d := range 28 {
			if d%7 >= 5 {
				continue
			}
			busy := 1.0
			if rush(after(d, 0)) {
				busy = 1.8
			}
			u.brought(reason.DeskTicket, int(logNormal(u.rng, trade.People*busy, trade.Within)), after(d, 9*time.Hour), after(d, 17*time.Hour))
			for range NegativeBinomial(u.rng, trade.Unexplained*busy, trade.Dispersion) {
				at := moment(u.rng, after(d, 0))
				u.opens(u.unknown(1), at, at.Add(time.Second), false)
			}
		}
	}},
	{"homonyms", func(u *unusual) {
		u.brought(reason.DeskTicket, 1, after(1, 10*time.Hour+10*time.Minute), after(1, 11*time.Hour))
		u.opens(u.strangers(5), after(1, 10*time.Hour), after(1, 10*time.Hour+8*time.Minute), false)
	}},
	{"new-joiner", func(u *unusual) {
		u.fresh, u.asker.Opened = true, Beginning
		team := u.unknown(200)
		for d := range 5 {
			u.raised(2, after(d, 8*time.Hour+30*time.Minute), after(d, 18*time.Hour))
			u.opens(u.accompany(u.rng, 10), after(d, 9*time.Hour), after(d, 17*time.Hour), true)
			u.opens(u.sample(team, 2), after(d, 10*time.Hour), after(d, 17*time.Hour), false)
		}
	}},
	{"back-from-leave", func(u *unusual) {
		u.fresh = true
		u.opens(u.sample(u.accompany(u.rng, 140), 60), after(30, 9*time.Hour), after(30, 17*time.Hour), true)
		u.opens(u.unknown(2), after(30, 10*time.Hour), after(30, 15*time.Hour), false)
	}},
	{"after-six-years", func(u *unusual) {
		u.brought(reason.DeskTicket, 1, after(1, 10*time.Hour), after(1, 11*time.Hour))
	}},
	{"enrolment-day", func(u *unusual) {
		u.as(roster.Training)
		u.opens(u.accompany(u.rng, 120), after(1, 9*time.Hour), after(1, 12*time.Hour), true)
	}},
	{"fraud-queue", func(u *unusual) {
		queue := u.accompany(u.rng, 400)
		u.opens(queue[:200], after(1, 9*time.Hour), after(1, 18*time.Hour), true)
		u.opens(queue[200:], after(2, 9*time.Hour), after(2, 18*time.Hour), true)
	}},
	{"evening-workshop", func(u *unusual) {
		u.brought(reason.Appointment, 15, after(3, 19*time.Hour), after(3, 21*time.Hour))
	}},
	{"call-back-storm", func(u *unusual) {
		u.as(roster.CallCentre)
		u.brought(reason.Call, 45, after(2, 14*time.Hour), after(2, 16*time.Hour))
	}},
	{"tickets-fall-silent", func(u *unusual) {
		u.as(roster.Desk)
		u.opens(u.unknown(20), after(2, 9*time.Hour), after(2, 12*time.Hour), false)
	}},
	{"emergency-shelter", func(u *unusual) {
		u.raised(50, after(4, 21*time.Hour), after(5, 8*time.Hour))
		u.opens(u.unknown(30), after(4, 22*time.Hour), after(5, 4*time.Hour), false)
	}},
	{"mistyped", func(u *unusual) {
		mine := u.accompany(u.rng, 150)
		for i := range 10 {
			at := after(1, 9*time.Hour+time.Duration(i)*40*time.Minute)
			for n := range 2 {
				u.openings = append(u.openings, opening{at: at.Add(time.Duration(n*20) * time.Second), kind: misses})
			}
			u.opens(u.sample(mine, 1), at.Add(time.Minute), at.Add(2*time.Minute), true)
		}
	}},
	{"part-timer", func(u *unusual) {
		mine := u.accompany(u.rng, 150)
		for w := range 4 {
			u.opens(u.sample(mine, 70), after(7*w+1, 8*time.Hour), after(7*w+1, 18*time.Hour), true)
			u.opens(u.unknown(4), after(7*w+1, 9*time.Hour), after(7*w+1, 17*time.Hour), false)
		}
	}},
	{"new-region", func(u *unusual) {
		mine := u.accompany(u.rng, 130)
		for d := range 5 {
			u.opens(u.sample(mine, 25), after(d, 9*time.Hour), after(d, 17*time.Hour), true)
			u.on(25, "new-house", "other-agency")
			u.opens(u.unknown(1), after(d, 11*time.Hour), after(d, 12*time.Hour), false)
			u.on(1, "new-house", "other-agency")
		}
	}},
	{"keyboard-macro", func(u *unusual) {
		mine := u.accompany(u.rng, 150)
		for d := range 5 {
			u.opens(u.sample(mine, 60), after(d, 10*time.Hour), after(d, 10*time.Hour+30*time.Minute), true)
			u.opens(u.unknown(1), after(d, 14*time.Hour), after(d, 15*time.Hour), false)
		}
	}},
	{"two-on-one-machine", func(u *unusual) {
		other := &unusual{rng: u.rng, agent: newAgent(u.people, u.asker.Account+"-too", roster.Adviser)}
		u.device, other.device = "shared", "shared"
		for _, one := range []*unusual{u, other} {
			mine := one.accompany(one.rng, 120)
			for d := range 5 {
				one.opens(one.sample(mine, 12), after(d, 9*time.Hour), after(d, 17*time.Hour), true)
				one.opens(one.unknown(1), after(d, 9*time.Hour), after(d, 17*time.Hour), false)
			}
		}
		u.others = append(u.others, other.scene())
	}},
	{"on-the-train", func(u *unusual) {
		mine := u.accompany(u.rng, 150)
		for i, network := range []string{"train", "mobile", "tunnel"} {
			from := after(2, time.Duration(8+3*i)*time.Hour)
			u.opens(u.sample(mine, 5), from, from.Add(2*time.Hour), true)
			u.on(5, "", network)
		}
		u.opens(u.unknown(2), after(2, 9*time.Hour), after(2, 16*time.Hour), false)
		u.on(2, "", "mobile")
	}},
	{"merger", func(u *unusual) {
		for i := range 40 {
			one := &unusual{rng: u.rng, agent: newAgent(u.people, u.asker.Account+roster.AccountID("-"+strconv.Itoa(i)), roster.Adviser)}
			one.fresh, one.asker.Opened = true, Beginning
			mine := one.accompany(one.rng, 120)
			one.opens(one.sample(mine, 18), after(0, 9*time.Hour), after(0, 17*time.Hour), true)
			one.opens(one.unknown(1), after(0, 10*time.Hour), after(0, 16*time.Hour), false)
			u.others = append(u.others, one.scene())
		}
	}},
}

func tradeNamed(trades []Trade, name string) Trade {
	return trades[slices.IndexFunc(trades, func(t Trade) bool { return t.Name == name })]
}
