package sim

import (
	"math/rand/v2"
	"slices"
	"time"

	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Oddity is honest work that looks like theft.
type Oddity struct {
	Name     string
	Sentence string
	stage    func(*unusual)
}

// unusual is one agent's unusual work being set up.
type unusual struct {
	*agent
	rng      *rand.Rand
	openings []opening
}

func (o Oddity) scene(people people, seed uint64) scene {
	u := &unusual{rng: stream(seed, o.Name), agent: newAgent(people, roster.AccountID(o.Name), roster.Adviser)}
	o.stage(u)
	slices.SortStableFunc(u.openings, func(a, b opening) int { return a.at.Compare(b.at) })
	return scene{u.agent, []walk{&day{openings: u.openings}}}
}

// as gives the agent another role than adviser.
func (u *unusual) as(role roster.Role) {
	u.agent = newAgent(u.people, u.asker.Account, role)
}

// opens has people opened one after the other between two moments.
func (u *unusual) opens(list []register.PersonID, from, until time.Time, told bool) {
	for i, person := range list {
		at := from.Add(until.Sub(from) * time.Duration(i) / time.Duration(len(list)))
		u.openings = append(u.openings, opening{at, person, told})
	}
}

// brought has people brought up by a fact of their own, just before each is
// opened.
func (u *unusual) brought(kind reason.Kind, n int, from, until time.Time) {
	u.opens(u.unknown(n), from, until, true)
	for _, o := range u.openings[len(u.openings)-n:] {
		u.tell(kind, o.person, o.at)
	}
}

// unknown draws n people nobody told us about.
func (u *unusual) unknown(n int) []register.PersonID {
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

// Oddities are all that are replayed. Several are not explained by any fact that
// today's rules know, and are stopped: the table says so.
var Oddities = []Oddity{
	{"transfer", "A colleague left; 150 people are assigned in the night and all opened in a day.", func(u *unusual) {
		u.opens(u.accompany(u.rng, 150), after(1, 9*time.Hour), after(1, 17*time.Hour), true)
	}},
	{"cover-of-two", "Cover of two colleagues for three weeks, declared by the manager, fifteen of their people a day.", func(u *unusual) {
		theirs := u.unknown(300)
		u.cover("first-colleague", theirs[:150], after(0, 0), after(21, 0))
		u.cover("second-colleague", theirs[150:], after(0, 0), after(21, 0))
		for d := range 21 {
			if d%7 < 5 {
				u.opens(u.sample(theirs, 15), after(d, 9*time.Hour), after(d, 17*time.Hour), true)
			}
		}
	}},
	{"desk-duty", "A morning at the desk after weeks away from it: 40 unknown people, each with a ticket.", func(u *unusual) {
		u.brought(reason.DeskTicket, 40, after(2, 9*time.Hour), after(2, 12*time.Hour))
	}},
	{"job-fair", "A job fair: 80 people walk up to a tablet that gives tickets.", func(u *unusual) {
		u.brought(reason.DeskTicket, 80, after(3, 10*time.Hour), after(3, 16*time.Hour))
	}},
	{"appointment-campaign", "120 of one’s own people within two hours.", func(u *unusual) {
		u.opens(u.sample(u.accompany(u.rng, 160), 120), after(1, 9*time.Hour), after(1, 11*time.Hour), true)
	}},
	{"month-end", "Four weeks at a desk at 1.8 times the ordinary rush, people without a ticket included.", func(u *unusual) {
		u.as(roster.Desk)
		trade := tradeNamed("desk")
		for d := range 28 {
			if d%7 >= 5 {
				continue
			}
			u.brought(reason.DeskTicket, int(logNormal(u.rng, trade.People*1.8, trade.Within)), after(d, 9*time.Hour), after(d, 17*time.Hour))
			for range negativeBinomial(u.rng, trade.Unexplained*1.8, trade.Dispersion) {
				at := moment(u.rng, after(d, 0))
				u.opens(u.unknown(1), at, at, false)
			}
		}
	}},
	{"homonyms", "Six homonyms opened within ten minutes to find the right one, who has a ticket.", func(u *unusual) {
		u.brought(reason.DeskTicket, 1, after(1, 10*time.Hour+10*time.Minute), after(1, 11*time.Hour))
		u.opens(u.unknown(5), after(1, 10*time.Hour), after(1, 10*time.Hour+8*time.Minute), false)
	}},
	{"new-joiner", "In the first week, twelve cases of the team a day are read; no cover says so.", func(u *unusual) {
		team := u.unknown(200)
		for d := range 5 {
			u.opens(u.sample(team, 12), after(d, 9*time.Hour), after(d, 17*time.Hour), false)
		}
	}},
	{"back-from-leave", "Return from eight months’ leave: 60 of the people given back are opened in a day.", func(u *unusual) {
		u.opens(u.sample(u.accompany(u.rng, 140), 60), after(7, 9*time.Hour), after(7, 17*time.Hour), true)
	}},
	{"after-six-years", "Somebody who was last seen six years ago stands at the desk, with a ticket.", func(u *unusual) {
		u.brought(reason.DeskTicket, 1, after(1, 10*time.Hour), after(1, 11*time.Hour))
	}},
	{"enrolment-day", "A training organisation opens 120 trainees on enrolment day.", func(u *unusual) {
		u.as(roster.Training)
		u.opens(u.accompany(u.rng, 120), after(1, 9*time.Hour), after(1, 12*time.Hour), true)
	}},
	{"fraud-queue", "A queue of 400 files with a mission, which today comes as a list of assigned people, read in two days.", func(u *unusual) {
		queue := u.accompany(u.rng, 400)
		u.opens(queue[:200], after(1, 9*time.Hour), after(1, 18*time.Hour), true)
		u.opens(queue[200:], after(2, 9*time.Hour), after(2, 18*time.Hour), true)
	}},
	{"evening-workshop", "Fifteen people with an appointment between seven and nine in the evening.", func(u *unusual) {
		u.brought(reason.Appointment, 15, after(3, 19*time.Hour), after(3, 21*time.Hour))
	}},
	{"call-back-storm", "After an outage, three times the calls for two hours.", func(u *unusual) {
		u.as(roster.CallCentre)
		u.brought(reason.Call, 45, after(2, 14*time.Hour), after(2, 16*time.Hour))
	}},
	{"tickets-fall-silent", "The desk’s ticket machine is down for a morning: 20 people are received without a ticket.", func(u *unusual) {
		u.as(roster.Desk)
		u.opens(u.unknown(20), after(2, 9*time.Hour), after(2, 12*time.Hour), false)
	}},
	{"emergency-shelter", "On a night of frost, 30 unknown people are found shelter; no system knows of them.", func(u *unusual) {
		u.opens(u.unknown(30), after(4, 22*time.Hour), after(5, 4*time.Hour), false)
	}},
}

func tradeNamed(name string) Trade {
	return Trades[slices.IndexFunc(Trades, func(t Trade) bool { return t.Name == name })]
}
