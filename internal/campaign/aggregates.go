package campaign

import (
	"cmp"
	"iter"
	"maps"
	"math"
	"slices"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/roster"
)

// Reach is how far back a ledger is read to rebuild the aggregates: a day more than they
// look back, since a rhythm rests on the entries just before.
const Reach = meter.Reach

// Aggregates adds up the entries of the last weeks. It is not safe for concurrent use.
type Aggregates struct {
	rules        Rules
	honest       map[roster.Role]float64
	fresh        bool                 // an account became a neighbour since Due was called
	busy         map[Bond]bool        // whose accounts asked for something since alarms were last added up
	shared       []Bond               // of the entry that is taken in: one place in memory for all
	settledUntil map[target]time.Time // until when orders last that were placed, or did not have to be: no entry has told it yet
	sums
}

// sums is what the entries come to. Its fields are exported for package gob, which keeps
// them.
type sums struct {
	Accounts  map[roster.AccountID]*account
	Pools     map[Bond]*pool
	Everybody *pool
	Week      clock
	Stolen    []theft
	Frozen    []freeze             // of the last hour
	Covered   map[target]time.Time // until when each is narrowed already
	Swept     day
}

// account is what is known of one account.
type account struct {
	Bonds    map[Bond]day // when it was last seen in each
	Stranger stranger
}

// NewAggregates returns aggregates of no entries.
func NewAggregates(rules Rules) *Aggregates {
	agg := &Aggregates{
		rules: rules, honest: make(map[roster.Role]float64), busy: make(map[Bond]bool), settledUntil: make(map[target]time.Time), sums: newSums(),
	}
	for role, watch := range rules.Watches {
		agg.honest[role] = honest(watch)
	}
	return agg
}

func newSums() sums {
	return sums{
		Accounts: make(map[roster.AccountID]*account), Pools: make(map[Bond]*pool), Everybody: newPool(),
		Week: newClock(), Covered: make(map[target]time.Time),
	}
}

// Since says that every entry from a moment on is taken in. Hours without entries
// count from then on.
func (agg *Aggregates) Since(at time.Time) { agg.Week.begin(at) }

// Take takes in the next entry of the ledger.
func (agg *Aggregates) Take(e *ledger.Entry) {
	agg.sweep(e.Time)
	switch e.Kind {
	case ledger.Attempted, ledger.Changed, ledger.Consulted, ledger.SteppedUp:
		agg.work(e)
	case ledger.Placed:
		agg.placed(e)
	case ledger.Lifted:
		agg.lifted(e.From)
	default:
	}
}

// sweep forgets, once a day, what is too old to count.
func (agg *Aggregates) sweep(now time.Time) {
	agg.Week.begin(now)
	today := dayOf(now)
	if today == agg.Swept {
		return
	}
	agg.Swept = today
	first := today - window + 1
	agg.Everybody.sweep(first)
	for bond, p := range agg.Pools {
		if p.sweep(first); len(p.Members) == 0 {
			delete(agg.Pools, bond)
			delete(agg.busy, bond)
		}
	}
	for id, a := range agg.Accounts {
		for bond, seen := range a.Bonds {
			if seen < first {
				delete(a.Bonds, bond)
			}
		}
		if agg.Everybody.Members[id] == nil {
			delete(agg.Accounts, id)
		}
	}
	agg.Stolen = slices.DeleteFunc(agg.Stolen, func(t theft) bool { return !now.Before(t.Until) })
	over := func(_ target, until time.Time) bool { return !now.Before(until) }
	maps.DeleteFunc(agg.Covered, over)
	maps.DeleteFunc(agg.settledUntil, over)
}

// work takes in what an account was shown, or asked for.
func (agg *Aggregates) work(e *ledger.Entry) {
	if e.Account == "" {
		return
	}
	a, known := agg.Accounts[e.Account]
	if !known {
		a = &account{Bonds: make(map[Bond]day)}
		agg.Accounts[e.Account] = a
	}
	role, today := agg.rules.Account(e.Account).Role, dayOf(e.Time)
	cost := a.Stranger.meet(e)
	agg.Everybody.take(e.Account, role, today, cost)
	agg.Week.take(role, e.Time, cost)
	agg.shared = agg.bonds(agg.shared[:0], e, a)
	for _, bond := range agg.shared {
		p, known := agg.Pools[bond]
		if !known {
			p = newPool()
			agg.Pools[bond] = p
		}
		a.Bonds[bond], agg.busy[bond] = today, true
		if p.take(e.Account, role, today, cost) {
			agg.joined(e.Account, bond, e.Time)
		}
	}
}

// bonds appends what an account shares while it asks.
func (agg *Aggregates) bonds(bonds []Bond, e *ledger.Entry, a *account) []Bond {
	add := func(shared Shared, name string) {
		if name != "" {
			bonds = append(bonds, Bond{shared, name})
		}
	}
	add(Organisation, string(e.Organisation))
	add(Device, e.Device)
	add(Network, e.Network)
	add(Proposer, string(agg.rules.Account(e.Account).Proposer))
	if beat := a.Stranger.beat(e.Time); beat > 0 {
		add(Rhythm, beat.String())
	}
	return bonds
}

// few is how rare a class of network is that tells something: fewer than a tenth of
// the accounts work from it, and no more than these.
const few = 500

// tells reports whether sharing the bond is evidence: a class of network from which many
// accounts work is none.
func (agg *Aggregates) tells(bond Bond) bool {
	p := agg.Pools[bond]
	if p == nil {
		return false
	}
	return bond.Shared != Network || len(p.Members) <= few && 10*len(p.Members) <= len(agg.Everybody.Members)
}

// Alarms lists the bonds whose accounts together are beyond what as many honest
// accounts come to, whichever single account is left out: the furthest first.
func (agg *Aggregates) Alarms(now time.Time) []Alarm { return agg.alarms(maps.Keys(agg.Pools), now) }

// AlarmsSince does the same where alarms were added up a moment ago: it judges those again, and the bonds
// whose accounts asked for something since. What other bonds come to changes only with what is usual
// on a day.
func (agg *Aggregates) AlarmsSince(last []Alarm, now time.Time) []Alarm {
	for _, alarm := range last {
		agg.busy[alarm.Bond] = true
	}
	return agg.alarms(maps.Keys(agg.busy), now)
}

func (agg *Aggregates) alarms(bonds iter.Seq[Bond], now time.Time) (alarms []Alarm) {
	for bond := range bonds {
		if alarm, beyond := agg.judge(bond, dayOf(now)); beyond {
			alarms = append(alarms, alarm)
		}
	}
	clear(agg.busy)
	slices.SortFunc(alarms, furthest)
	return alarms
}

// judge returns what a bond's accounts come to, and whether that alarms.
func (agg *Aggregates) judge(bond Bond, today day) (Alarm, bool) {
	p, first := agg.Pools[bond], today-window+1
	if p == nil || len(p.Members) < 2 || !p.couldAlarm(first) || !agg.tells(bond) {
		return Alarm{}, false
	}
	e := agg.excess(p, "", first)
	if !e.alarms() {
		return Alarm{}, false
	}
	accounts := p.heaviest(e.since)
	if !agg.excess(p, accounts[0], first).alarms() {
		return Alarm{}, false // the meter of that account judges it alone
	}
	return Alarm{
		Bond: bond, Accounts: accounts, People: int(math.Round(e.people)), Usual: int(math.Round(e.usual)),
		Since: e.since.start(), Days: int(today - e.since + 1),
	}, true
}

func furthest(a, b Alarm) int {
	return cmp.Or(cmp.Compare(b.People-b.Usual, a.People-a.Usual), cmp.Compare(a.Shared, b.Shared), cmp.Compare(a.Name, b.Name))
}
