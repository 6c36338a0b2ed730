package campaign

import (
	"cmp"
	"math"
	"slices"
	"time"

	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/roster"
)

// day counts days since 1970, in UTC.
type day int32

func dayOf(t time.Time) day { return day(t.Unix() / 86400) }

func (d day) start() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// window is how many days, today included, the aggregates look back.
const window = day(meter.Memory / (24 * time.Hour))

// pool is what the accounts of one bond did in it.
type pool struct {
	Members map[roster.AccountID]*member
	Shifts  []shift // oldest first
}

// member is an account's part in a pool.
type member struct {
	Seen    day
	Charges []charge // oldest first
}

// charge is what an account was charged on a day.
type charge struct {
	Day  day
	Cost meter.Cost
}

// shift is one role's day in a pool.
type shift struct {
	Day      day
	Role     roster.Role
	Accounts int
	Cost     meter.Cost
}

func newPool() *pool { return &pool{Members: make(map[roster.AccountID]*member)} }

// take adds what an account was charged, and reports whether it is a new member.
func (p *pool) take(account roster.AccountID, role roster.Role, today day, cost meter.Cost) bool {
	m, known := p.Members[account]
	if !known {
		m = &member{}
		p.Members[account] = m
	}
	s := p.shift(today, role)
	if m.Seen < today {
		m.Seen = today
		s.Accounts++
	}
	if cost == 0 {
		return !known
	}
	s.Cost += cost
	if n := len(m.Charges); n > 0 && m.Charges[n-1].Day == today {
		m.Charges[n-1].Cost += cost
	} else {
		m.Charges = append(m.Charges, charge{today, cost})
	}
	return !known
}

// shift returns a role's day, to be added to; the day is the last one or a new one.
func (p *pool) shift(today day, role roster.Role) *shift {
	for i := len(p.Shifts) - 1; i >= 0 && p.Shifts[i].Day == today; i-- {
		if p.Shifts[i].Role == role {
			return &p.Shifts[i]
		}
	}
	p.Shifts = append(p.Shifts, shift{Day: today, Role: role})
	return &p.Shifts[len(p.Shifts)-1]
}

// on returns a role's day as it was.
func (p *pool) on(d day, role roster.Role) shift {
	i, _ := slices.BinarySearchFunc(p.Shifts, d, func(s shift, d day) int { return cmp.Compare(s.Day, d) })
	for ; i < len(p.Shifts) && p.Shifts[i].Day == d; i++ {
		if p.Shifts[i].Role == role {
			return p.Shifts[i]
		}
	}
	return shift{}
}

// sweep forgets what was before a day.
func (p *pool) sweep(first day) {
	old := 0
	for old < len(p.Shifts) && p.Shifts[old].Day < first {
		old++
	}
	p.Shifts = slices.Delete(p.Shifts, 0, old)
	for account, m := range p.Members {
		if m.Seen < first {
			delete(p.Members, account)
			continue
		}
		m.Charges = slices.DeleteFunc(m.Charges, func(c charge) bool { return c.Day < first })
	}
}

// since adds up what a member was charged from a day on.
func (m *member) since(first day) (sum meter.Cost) {
	for _, c := range m.Charges {
		if c.Day >= first {
			sum += c.Cost
		}
	}
	return sum
}

// heaviest lists the members that were charged anything from a day on, the heaviest
// first.
func (p *pool) heaviest(first day) (accounts []roster.AccountID) {
	for account, m := range p.Members {
		if m.since(first) > 0 {
			accounts = append(accounts, account)
		}
	}
	slices.SortFunc(accounts, func(a, b roster.AccountID) int {
		return cmp.Or(cmp.Compare(p.Members[b].since(first), p.Members[a].since(first)), cmp.Compare(a, b))
	})
	return accounts
}

// What an honest day is taken to be, and where a pool's excess alarms. The line is
// measured by TestWATCH_4_HonestOrganisationsAlarmLessThanOnceInAThousandMonths.
const (
	dispersion = 3    // φ: variance over mean of the people without a reason in a day
	apartness  = 0.2  // how much more than its roles an organisation may honestly come to
	lineBase   = 6    // people
	lineSpread = 4    // times the spread of a pool's honest day
	busiest    = 2    // how much busier than usual a role's day elsewhere excuses
	telling    = 30.0 // people elsewhere that make a day comparable
)

// honest is how many people without a reason an account of a role is charged on a
// day: the λ in Forgiven = λ + ½√(λφ).
func honest(watch policy.Watch) float64 {
	root := (math.Sqrt(dispersion/4.0+4*watch.Forgiven.People()) - math.Sqrt(dispersion)/2) / 2
	return root * root
}

// excess is the CUSUM of a pool: how far it is beyond what as many honest accounts come
// to, and since when.
type excess struct {
	since  day
	people float64 // since then
	usual  float64
	sum    float64
	line   float64
}

func (e excess) alarms() bool { return e.sum > e.line }

// couldAlarm reports whether what a pool was charged from a day on reaches the lowest line there is:
// most do not, and need not be held against what is usual.
func (p *pool) couldAlarm(first day) bool {
	var all meter.Cost
	for _, s := range p.Shifts {
		if s.Day >= first {
			all += s.Cost
		}
	}
	return all.People() > lineBase
}

// excess adds a pool up, day by day, from a day on. Each day forgives what its
// accounts honestly cost and half the spread of that, since the spread of many grows
// by the square root only; a day that was busy everywhere forgives more. One member
// may be left out.
func (agg *Aggregates) excess(p *pool, but roster.AccountID, first day) (e excess) {
	spread := 0.0 // the widest
	for i := 0; i < len(p.Shifts); {
		today, people, usual := p.Shifts[i].Day, 0.0, 0.0
		for ; i < len(p.Shifts) && p.Shifts[i].Day == today; i++ {
			people += p.Shifts[i].Cost.People()
			usual += agg.usual(p.Shifts[i])
		}
		if today < first {
			continue
		}
		if m := p.Members[but]; m != nil {
			people -= (m.since(today) - m.since(today+1)).People()
		}
		wide := math.Sqrt(dispersion * usual)
		step := people - (1+apartness)*usual - wide/2
		if e.sum+step <= 0 {
			e, spread = excess{}, 0
			continue
		}
		if e.sum == 0 {
			e.since = today
		}
		spread = max(spread, wide)
		e = excess{e.since, e.people + people, e.usual + usual, e.sum + step, lineBase + lineSpread*spread}
	}
	return e
}

// usual is what a role's day in a pool honestly comes to.
func (agg *Aggregates) usual(here shift) float64 {
	rate := agg.honest[here.Role]
	all := agg.Everybody.on(here.Day, here.Role)
	elsewhere := rate * float64(all.Accounts-here.Accounts)
	usual := rate * float64(here.Accounts)
	if elsewhere < telling {
		return usual
	}
	return usual * min(max((all.Cost-here.Cost).People()/elsewhere, 1), busiest)
}
