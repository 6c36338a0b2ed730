package sim

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// opening is somebody about to be opened at a moment. Whether a fact was told for
// it is for the tests: the rules find out by themselves.
type opening struct {
	at      time.Time
	person  register.PersonID
	told    bool
	kind    deedKind // opens, unless it says
	device  string   // the agent's own, unless it says
	network string
}

func (o opening) deed(at time.Time) deed {
	d := deed{at: at, kind: o.kind, people: []register.PersonID{o.person}, device: o.device, network: o.network}
	if d.kind == looks {
		d.kind = opens
	}
	return d
}

// career is one agent's honest work over some days.
type career struct {
	trade    Trade
	agent    *agent
	rng      *rand.Rand
	caseload []register.PersonID
	covered  []register.PersonID // of the colleague who is away for a week
	pace     float64             // against the trade's
	doubt    float64             // unexplained people, against the trade's
	away     time.Weekday        // of a part-timer; Sunday for nobody
	leave    int                 // which week is taken off; -1 for none
	cover    int                 // which week the colleague is away; -1 for none
	home     time.Weekday        // on which the agent works at home; Sunday for never
	replaced time.Time           // when another device comes; zero for never

	openings []opening
	worked   int // days
}

// tradeOf gives the agents their trades by the shares, in order.
func tradeOf(i, agents int) Trade {
	var total float64
	for _, trade := range Trades {
		total += trade.Share
	}
	place := (float64(i) + 0.5) / float64(agents) * total
	for _, trade := range Trades {
		if place -= trade.Share; place < 0 {
			return trade
		}
	}
	return Trades[len(Trades)-1]
}

// townsman hires the town's agent i.
func townsman(people people, seed uint64, i, agents, days int) *career {
	return newCareer(people, seed, roster.AccountID("agent-"+strconv.Itoa(i)), tradeOf(i, agents), days)
}

// newCareer hires somebody and has them work.
func newCareer(people people, seed uint64, account roster.AccountID, trade Trade, days int) *career {
	rng := stream(seed, string(account))
	c := &career{
		trade: trade, agent: newAgent(people, account, trade.Role), rng: rng,
		pace: math.Exp(trade.Between * rng.NormFloat64()), doubt: 1, leave: -1, cover: -1,
	}
	if trade.Caseload > 0 {
		c.caseload = c.agent.accompany(rng, int(min(max(logNormal(rng, trade.Caseload, trade.Spread), 20), 600)))
	}
	if rng.Float64() < partTime {
		c.away = time.Weekday(1 + rng.IntN(5))
	}
	if rng.Float64() < newJoiner {
		c.pace, c.doubt = c.pace*joinerPace, joinerDoubt
		c.agent.asker.Opened = Beginning.AddDate(0, 0, -rng.IntN(28))
	}
	if rng.Float64() < teleworks {
		c.home = time.Weekday(1 + rng.IntN(5))
	}
	if rng.Float64() < newDevice {
		c.replaced = Beginning.AddDate(0, 0, rng.IntN(60))
	}
	weeks := max(days/7, 1)
	if rng.Float64() < onLeave {
		c.leave = rng.IntN(weeks)
	}
	if trade.Caseload > 0 && trade.Role == roster.Adviser && rng.Float64() < onLeave {
		c.coverColleague(rng.IntN(weeks))
	}
	for d := range days {
		c.work(Beginning.AddDate(0, 0, d))
	}
	c.settleDown()
	slices.SortStableFunc(c.openings, func(a, b opening) int { return a.at.Compare(b.at) })
	return c
}

// coverColleague declares a cover for one week.
func (c *career) coverColleague(week int) {
	if week == c.leave {
		return
	}
	c.cover = week
	c.covered = make([]register.PersonID, int(logNormal(c.rng, c.trade.Caseload, c.trade.Spread)))
	for i := range c.covered {
		c.covered[i] = c.agent.people.anybody(c.rng)
	}
	from := Beginning.AddDate(0, 0, 7*week)
	c.agent.cover("colleague-of-"+c.agent.asker.Account, c.covered, from, from.AddDate(0, 0, 7))
}

// present reports whether the agent works on a day.
func (c *career) present(day time.Time) bool {
	weekday := day.Weekday()
	week := int(day.Sub(Beginning).Hours()) / 24 / 7
	return weekday != time.Saturday && weekday != time.Sunday && weekday != c.away && week != c.leave && c.rng.Float64() >= sick
}

// work is one day.
func (c *career) work(day time.Time) {
	if !c.present(day) {
		return
	}
	c.worked++
	rng, trade, busy := c.rng, c.trade, 1.0
	if rush(day) {
		busy = trade.Rush
	}
	doubt, dispersion := trade.Unexplained*c.doubt*busy, trade.Dispersion
	if rng.Float64() >= trade.Idle {
		for range int(math.Round(logNormal(rng, trade.People*c.pace*busy, trade.Within))) {
			c.receive(day, c.drawReason())
		}
	}
	if trade.Name == "adviser" && rng.Float64() < deskDuty {
		doubt, dispersion = doubt+dutyDoubt, 3
		for range int(logNormal(rng, dutyPeople, 0.5)) {
			c.receive(day, reason.DeskTicket)
		}
	}
	for range NegativeBinomial(rng, doubt, dispersion) {
		c.open(moment(rng, day), c.agent.people.nearby(rng), false)
	}
}

func (c *career) drawReason() reason.FactKind {
	var total float64
	for _, share := range c.trade.Reasons {
		total += share.Part
	}
	place := c.rng.Float64() * total
	for _, share := range c.trade.Reasons {
		if place -= share.Part; place < 0 {
			return share.Kind
		}
	}
	return c.trade.Reasons[0].Kind
}

// receive opens somebody whom a fact brings up, and has the fact told.
func (c *career) receive(day time.Time, kind reason.FactKind) {
	at := moment(c.rng, day)
	week := int(day.Sub(Beginning).Hours()) / 24 / 7
	switch {
	case kind == reason.Cover && week == c.cover && len(c.covered) > 0:
		c.open(at, c.covered[c.rng.IntN(len(c.covered))], true)
	case kind == reason.Cover, kind == reason.Caseload, kind == reason.Enrolment:
		c.open(at, c.caseload[c.rng.IntN(len(c.caseload))], true)
	default:
		person := c.agent.people.anybody(c.rng)
		c.agent.tell(kind, person, at)
		c.open(at, person, true)
	}
}

// open notes an opening, and now and then a second look some minutes later.
func (c *career) open(at time.Time, person register.PersonID, told bool) {
	c.openings = append(c.openings, opening{at: at, person: person, told: told})
	if c.rng.Float64() < again {
		c.openings = append(c.openings, opening{at: at.Add(time.Duration(1+c.rng.IntN(12)) * time.Minute), person: person, told: told})
	}
	if told && len(c.caseload) > 0 && c.rng.Float64() < noted {
		c.openings = append(c.openings, opening{at: at.Add(time.Duration(1+c.rng.IntN(9)) * time.Minute), person: person, told: told, kind: writes})
	}
}

// settleDown says on which device and network each opening takes place.
func (c *career) settleDown() {
	var date time.Time
	var network string
	for i := range c.openings {
		o := &c.openings[i]
		if day := o.at.Truncate(24 * time.Hour); !day.Equal(date) {
			date, network = day, ""
			switch {
			case c.home != time.Sunday && day.Weekday() == c.home:
				network = "home"
			case c.rng.Float64() < onTheRoad:
				network = "mobile"
			}
		}
		o.network = network
		if !c.replaced.IsZero() && !o.at.Before(c.replaced) {
			o.device = "another-" + c.agent.device
		}
	}
}

// moment draws a time of a working day.
func moment(rng *rand.Rand, day time.Time) time.Time {
	var total float64
	for _, weight := range hours {
		total += weight
	}
	place, hour := rng.Float64()*total, 0
	for hour < len(hours)-1 && place >= hours[hour] {
		place -= hours[hour]
		hour++
	}
	return day.Add(time.Duration(firstHour+hour)*time.Hour + time.Duration(rng.IntN(3600))*time.Second)
}
