package sim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"poterne/internal/meter"
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
	waits   reason.FactKind     // what brings the person once the agent is free: a call, a desk ticket
	kind    deedKind            // opens, unless it says
	others  []register.PersonID // in the rows with the person
	signs   meter.Signs
	device  string // the agent's own, unless it says
	network string
}

func (o opening) deed(at time.Time) deed {
	d := deed{at: at, kind: o.kind, people: []register.PersonID{o.person}, signs: o.signs, device: o.device, network: o.network}
	d.people = append(d.people, o.others...)
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
	shown    int                 // people of the agent's own list, on the pages opened until now

	openings []opening
	worked   int // days
}

// tradeOf gives the agents their trades by the shares, in order.
func tradeOf(trades []Trade, i, agents int) Trade {
	var total float64
	for _, trade := range trades {
		total += trade.Share
	}
	place := (float64(i) + 0.5) / float64(agents) * total
	for _, trade := range trades {
		if place -= trade.Share; place < 0 {
			return trade
		}
	}
	return trades[len(trades)-1]
}

// townsman hires the town's agent i, in one of as many organisations as its agents need.
func townsman(people people, trades []Trade, seed uint64, i, agents, days int) *career {
	trade, alike := tradeOf(trades, i, agents), 0
	for n := range agents {
		alike += bit(tradeOf(trades, n, agents).House == trade.House)
	}
	houses := (alike + trade.House - 1) / trade.House
	house := fmt.Sprintf("house-%d-of-%d", i%houses, trade.House)
	return newCareer(people, seed, roster.AccountID("agent-"+strconv.Itoa(i)), roster.OrganisationID(house), trade, days)
}

// newCareer hires somebody and has them work.
func newCareer(people people, seed uint64, account roster.AccountID, house roster.OrganisationID, trade Trade, days int) *career {
	rng := stream(seed, string(account))
	agent := newAgent(people, account, trade.Role)
	agent.asker.Organisation = house
	c := &career{
		trade: trade, agent: agent, rng: rng,
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

// walks are the work as it is played. An organisation has a manager for fifteen of its staff.
func (c *career) walks() []walk {
	managers := max(1, c.trade.House/perManager)
	manager := fmt.Sprintf("manager-%d-of-%s", c.rng.IntN(managers), c.agent.asker.Organisation)
	work := newDay(roster.AccountID(manager), c.openings)
	work.agent = c.agent
	slices.SortStableFunc(c.agent.late, func(a, b told) int { return a.at.Compare(b.at) })
	return []walk{work, &afterwards{work, c.agent.late}}
}

const perManager = 15

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
		at, person := moment(rng, day), c.agent.people.nearby(rng)
		c.open(at, person, false, reason.None)
		if rng.Float64() < followUp {
			c.agent.learns(reason.Appointment, person, at, time.Duration(1+rng.IntN(6*24))*time.Hour)
		}
	}
	c.listOwn(day)
}

// listOwn opens a page or two of the agent's own list in the morning.
func (c *career) listOwn(day time.Time) {
	if len(c.caseload) == 0 {
		return
	}
	at := day.Add(firstHour*time.Hour + time.Duration(c.rng.IntN(3600))*time.Second)
	for pages := 0; pages == 0 || c.rng.Float64() < ownPages; pages++ {
		from := c.shown % len(c.caseload)
		page := c.caseload[from:min(from+ownPage, len(c.caseload))]
		o := opening{at: at.Add(time.Duration(pages) * 20 * time.Second), person: page[0], others: page[1:], told: true, kind: lists}
		if pages > 0 {
			o.signs = meter.NextPage
		}
		c.openings, c.shown = append(c.openings, o), from+len(page)
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
		c.open(at, c.covered[c.rng.IntN(len(c.covered))], true, reason.None)
	case kind == reason.Cover, kind == reason.Caseload, kind == reason.Enrolment:
		c.open(at, c.caseload[c.rng.IntN(len(c.caseload))], true, reason.None)
	default:
		person, told := c.agent.people.nearby(c.rng), c.rng.Float64() >= late
		if told {
			c.agent.tell(kind, person, at)
		} else {
			c.agent.learns(kind, person, at, time.Duration(c.rng.ExpFloat64()*float64(lateBy)))
		}
		if !told || kind != reason.Call && kind != reason.DeskTicket {
			kind = reason.None
		}
		c.open(at, person, told, kind)
	}
}

// open notes an opening, now and then after a mistyped reference or a search by name, and now
// and then a second look some minutes later. Waits is what brings the person once the agent is free.
func (c *career) open(at time.Time, person register.PersonID, told bool, waits reason.FactKind) {
	if c.rng.Float64() < mistyped {
		c.openings = append(c.openings, opening{at: at.Add(-30 * time.Second), kind: misses})
	}
	if c.rng.Float64() < c.trade.Searches {
		search := opening{at: at.Add(-15 * time.Second), person: person, told: told, waits: waits, kind: finds}
		for range min(NegativeBinomial(c.rng, homonyms, homonymsOver), 9) {
			search.others = append(search.others, c.agent.people.anybody(c.rng))
		}
		c.openings = append(c.openings, search)
	}
	c.openings = append(c.openings, opening{at: at, person: person, told: told, waits: waits})
	if c.rng.Float64() < again {
		c.openings = append(c.openings, opening{at: at.Add(time.Duration(1+c.rng.IntN(12)) * time.Minute), person: person, told: told, waits: waits})
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
