package campaign_test

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"poterne/internal/campaign"
	"poterne/internal/i18n"
	"poterne/internal/lab/sim"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// This file draws honest work of whole organisations. Its figures are those of the
// simulated town (docs/detection.md), with more that differs: some accounts and some
// organisations open twice as many people without a reason as others.

// trade is how many people without a reason one kind of staff opens on a day: a
// negative binomial of this mean and variance over mean, more on the days around the
// monthly declaration.
type trade struct {
	role       roster.Role
	mean, over float64
	rush       float64
}

var (
	advising = trade{roster.Adviser, 0.3, 2, 1}
	onDuty   = trade{roster.Adviser, 0.8, 3, 1} // an adviser, one day in five
	benefits = trade{roster.Adviser, 0.5, 4, 1}
	desk     = trade{roster.Desk, 2, 3, 1.4}
	calls    = trade{roster.CallCentre, 2, 2, 1.4}
	training = trade{roster.Training, 0.05, 3, 1}
)

// houses are the kinds of organisations, and how often each is drawn.
var houses = []struct {
	share  float64
	trades []trade // an account has one of them
}{
	{0.35, []trade{advising}},
	{0.30, []trade{advising, advising, advising, benefits, desk}},
	{0.10, []trade{calls}},
	{0.25, []trade{training}},
}

// worker is an account of a drawn organisation.
type worker struct {
	roster.Account
	trade  trade
	factor float64
}

// monday is the first day that is drawn.
var monday = time.Date(2026, time.March, 2, 0, 0, 0, 0, time.UTC)

// town is organisations at work, and the entries that come of it.
type town struct {
	rng     *rand.Rand
	staff   []worker
	drawn   uint64        // people, so that no person is opened twice
	written ledger.Number // entries
}

func newTown(seed uint64) *town { return &town{rng: rand.New(rand.NewPCG(4, seed))} }

// hire draws organisations of 2 to 100 accounts.
func (t *town) hire(organisations int) {
	for o := range organisations {
		place, house := t.rng.Float64(), 0
		for place -= houses[0].share; place >= 0; place -= houses[house].share {
			house++
		}
		factor := math.Exp(0.1 * t.rng.NormFloat64())
		for range int(2 * math.Pow(50, t.rng.Float64())) {
			trades := houses[house].trades
			t.join(roster.OrganisationID(fmt.Sprint("o-", o)), trades[t.rng.IntN(len(trades))], factor*math.Exp(0.3*t.rng.NormFloat64()-0.045))
		}
	}
}

// join adds an account to an organisation.
func (t *town) join(organisation roster.OrganisationID, trade trade, factor float64) roster.Account {
	w := worker{trade: trade, factor: factor}
	w.ID, w.Organisation, w.Role = roster.AccountID(fmt.Sprint("a-", len(t.staff))), organisation, trade.role
	t.staff = append(t.staff, w)
	return w.Account
}

// rules are the rules under which the town is watched.
func (t *town) rules() campaign.Rules {
	accounts := make(map[roster.AccountID]roster.Account)
	for _, w := range t.staff {
		accounts[w.ID] = w.Account
	}
	return campaign.Rules{
		Watches: policy.Watches, Narrowed: campaign.NarrowedFor,
		Account: func(id roster.AccountID) roster.Account { return accounts[id] },
	}
}

// shown is an entry in which an account was shown a new person, at a cost; one that
// costs nothing is explained. It is numbered when it is written.
func (t *town) shown(a roster.Account, at time.Time, cost meter.Cost) *ledger.Entry {
	t.drawn++
	e := &ledger.Entry{
		Kind: ledger.Consulted, Time: ledger.Cut(at), Account: a.ID, Organisation: a.Organisation, Service: "dossier", Verdict: policy.Shown,
		Why: policy.Counted, Fields: register.Name, Cost: cost, Network: "agency",
	}
	binary.BigEndian.PutUint64(e.Person[8:], t.drawn)
	if cost == 0 {
		e.Why, e.Reason = policy.Explained, reason.Reason{Kind: reason.Caseload}
	}
	return e
}

// write orders entries by the clock, and numbers them.
func (t *town) write(entries []*ledger.Entry) []*ledger.Entry {
	type placed struct {
		at, place int64
		entry     *ledger.Entry
	}
	order := make([]placed, len(entries))
	for i, e := range entries {
		order[i] = placed{e.Time.UnixMicro(), int64(i), e}
	}
	slices.SortFunc(order, func(a, b placed) int {
		if a.at != b.at {
			return cmp.Compare(a.at, b.at)
		}
		return cmp.Compare(a.place, b.place)
	})
	for i, o := range order {
		e := o.entry
		entries[i] = e
		e.Number, e.Receipt = t.written, t.written
		t.written++
	}
	return entries
}

// day draws a day of everybody.
func (t *town) day(today time.Time) (entries []*ledger.Entry) {
	if d := today.Weekday(); d == time.Saturday || d == time.Sunday {
		return nil
	}
	rush := today.Day() >= 28 || today.Day() <= 2 || today.Day() >= 11 && today.Day() <= 15
	moment := func() time.Time {
		return today.Add(8*time.Hour + time.Duration(t.rng.Int64N(int64(10*time.Hour))))
	}
	for _, w := range t.staff {
		if t.rng.Float64() < 0.15 { // away
			continue
		}
		drawn := w.trade
		if drawn == advising && t.rng.Float64() < 0.2 {
			drawn = onDuty
		}
		mean := drawn.mean * w.factor
		if rush {
			mean *= drawn.rush
		}
		entries = append(entries, t.shown(w.Account, moment(), 0))
		for range sim.NegativeBinomial(t.rng, mean, drawn.over) {
			entries = append(entries, t.shown(w.Account, moment(), meter.Whole))
		}
	}
	return entries
}

// Zero alarms in n organisation-months show, at 95 %, that there are fewer than 3 in
// n of them.
//
// Promise: WATCH-4
func TestWATCH_4_HonestOrganisationsAlarmLessThanOnceInAThousandMonths(t *testing.T) {
	const worlds, organisations, days = 11, 300, 28
	var mu sync.Mutex // guards what follows
	var alarms []string
	agentDays := 0
	var wait sync.WaitGroup
	atOnce := make(chan struct{}, runtime.GOMAXPROCS(0)) // a world is large
	for world := range uint64(worlds) {
		wait.Go(func() {
			atOnce <- struct{}{}
			defer func() { <-atOnce }()
			alarmed, worked := honestMonth(world, organisations, days)
			mu.Lock()
			defer mu.Unlock()
			alarms, agentDays = append(alarms, alarmed...), agentDays+worked
		})
	}
	wait.Wait()
	for _, alarm := range alarms {
		t.Log(alarm)
	}
	t.Logf("%d alarms in %d organisation-months, %d agent-days", len(alarms), worlds*organisations, agentDays)
	if len(alarms) > 0 {
		t.Error("honest organisations alarm")
	}
}

// honestMonth plays a world's month, and tells which bonds alarmed and how many days
// of agents it was.
func honestMonth(world uint64, organisations, days int) (alarms []string, agentDays int) {
	town := newTown(world)
	town.hire(organisations)
	aggregates := campaign.NewAggregates(town.rules())
	seen := make(map[campaign.Bond]bool)
	for d := range days {
		today := monday.AddDate(0, 0, d)
		for _, e := range town.write(town.day(today)) {
			aggregates.Take(e)
			if e.Cost == 0 {
				agentDays++
			}
		}
		for _, a := range aggregates.Alarms(today.Add(23 * time.Hour)) {
			if !seen[a.Bond] {
				seen[a.Bond] = true
				alarms = append(alarms, fmt.Sprintf("world %d: %s %s: %s", world, a.Shared, a.Name, i18n.English.Sentence(a)))
			}
		}
	}
	return alarms, agentDays
}
