package usage

import (
	"cmp"
	"math"
	"slices"
	"time"

	"poterne/internal/meter"
	"poterne/internal/roster"
)

// Notice is an account that a person is to look at.
type Notice struct {
	Account roster.AccountID
	Role    roster.Role
	Uses    []Use // of at least half of what a limit allows, the furthest beyond first
	Beyond  float64
}

// Message is why it is on the list. It names no account.
func (n Notice) Message() (key string, values []any) {
	return "usage.noticed", []any{"n", len(n.Uses)}
}

// Use is what an account used of one limit in eight weeks.
type Use struct {
	Limit         Limit
	Used, Allowed meter.Cost
	Usual         meter.Cost // the middle of its role
	Before        meter.Cost // its own, in as long a time before; of Known only
	Known         bool       // it has weeks enough before
	beyond        float64
}

// Message is what was used, beside what is allowed, what is usual and what was used before.
func (u Use) Message() (key string, values []any) {
	values = []any{"used", people(u.Used), "share", int(math.Round(100 * u.share())), "usual", people(u.Usual), "before", people(u.Before)}
	if u.Known {
		return "usage." + u.Limit.String(), values
	}
	return "usage.new-" + u.Limit.String(), values
}

func people(c meter.Cost) int { return int(math.Round(c.People())) }

func (u Use) share() float64 { return float64(u.Used) / float64(u.Allowed) }

// What is far beyond. The figures are measured by TestWATCH_8_FewHonestAccountsAreListed and
// docs/detection.md.
const (
	line     = 7.0 // spreads that all limits together are beyond
	most     = 7.0 // that one limit adds,
	mostNew  = 3.0 // and without a past: it takes several to be noticed
	whole    = 0.9 // share of every limit that an account needs nobody for, beyond which crowd and past excuse nothing
	excused  = 3.0 // spreads beyond the crowd that an account's own past excuses
	material = 0.5 // share of a limit below which nothing is noticed
	few      = 8   // fewer accounts of a role are filled up with some that use half of each limit

	dispersion = 4.0 // φ: the least variance over mean of eight weeks
	apartness  = 0.3 // how much accounts, and the same account's months, honestly differ at least

	fewWeeks = span / 2 // in which an account worked: fewer are no past, and no part of the crowd
)

// subject is an account as it is compared.
type subject struct {
	id          roster.AccountID
	late, early Amounts // of the last span weeks, and of as many before
	peer        bool    // it worked enough to be a part of the crowd
	known       bool    // it has a past
	allowed     Amounts
	uses        []Use
}

// Notices lists the accounts that are far beyond the crowd of their role and beyond their own
// past, the furthest first. role returns an account's role.
func (s *Sums) Notices(rules Rules, role func(roster.AccountID) roster.Role, now time.Time) (notices []Notice) {
	roles, this := make(map[roster.Role][]*subject), weekOf(now)
	for id, a := range s.Accounts {
		late, worked := a.between(this-span, this)
		if worked == 0 {
			continue
		}
		early, _ := a.between(this-2*span, this-span)
		one := subject{id: id, late: late, early: early, peer: worked >= fewWeeks}
		if weeks := this - span - max(a.First, this-2*span); weeks >= fewWeeks {
			one.known = true
			for l := range one.early {
				one.early[l] = meter.Cost(int64(one.early[l]) * span / int64(weeks))
			}
		}
		roles[role(id)] = append(roles[role(id)], &one)
	}
	for r, subjects := range roles {
		for _, one := range subjects {
			one.allowed = rules.of(r, one.late[Returned])
		}
		usual, confirmed := rules.of(r, 0), confirmed(subjects)
		for l := range limits {
			if usual[l] > 0 {
				compare(subjects, l, usual[l])
			}
		}
		for _, one := range subjects {
			beyond := 0.0
			for _, u := range one.uses {
				beyond += u.beyond
			}
			if beyond >= line || one.takesAll(confirmed) {
				slices.SortStableFunc(one.uses, func(a, b Use) int { return cmp.Compare(b.beyond, a.beyond) })
				notices = append(notices, Notice{one.id, r, one.uses, beyond})
			}
		}
	}
	slices.SortFunc(notices, func(a, b Notice) int {
		return cmp.Or(cmp.Compare(b.Beyond, a.Beyond), cmp.Compare(a.Account, b.Account))
	})
	return notices
}

// compare notes for each account of a role how far beyond the crowd and beyond its own past
// its use of one limit is, of which most accounts may use so much. A crowd is the other accounts. Its middle and its quarters move
// little as long as fewer than a quarter of it are stolen.
func compare(subjects []*subject, l Limit, usual meter.Cost) {
	var levels, changes []float64
	for _, one := range subjects {
		if one.peer {
			levels = append(levels, one.late[l].People())
		}
		if one.peer && one.known {
			changes = append(changes, one.change(l))
		}
	}
	for len(levels) <= few {
		levels = append(levels, usual.People()/2)
	}
	for len(changes) <= few {
		changes = append(changes, 0)
	}
	slices.Sort(levels)
	slices.Sort(changes)
	drift := quantile(changes, -1, 0.5) // of the whole role: a season is nobody's change
	for i := range changes {
		changes[i] = math.Abs(changes[i] - drift)
	}
	slices.Sort(changes)
	wobble := max(1, quantile(changes, -1, 0.5)/normalQuarter)
	for _, one := range subjects {
		used, own := one.late[l], -1
		if float64(used) < material*float64(one.allowed[l]) {
			continue
		}
		if one.peer {
			own, _ = slices.BinarySearch(levels, used.People())
		}
		middle := quantile(levels, own, 0.5)
		spread := max((quantile(levels, own, 0.75)-middle)/normalQuarter, uneven(middle, middle))
		beyond := (used.People() - middle) / spread
		if one.known {
			beyond = min(most, max(min(beyond, (one.change(l)-drift)/wobble), beyond-excused))
		} else {
			beyond = min(mostNew, beyond)
		}
		one.uses = append(one.uses, Use{l, used, one.allowed[l], meter.Cost(100 * middle), one.early[l], one.known, max(beyond, 0)})
	}
}

// takesAll reports whether the account uses nearly all that it may without anybody's help. Rows
// of searches take from the allowance of people without a reason, so nobody takes all of both;
// but much of what honest staff are shown without one is confirmed afterwards: of whoever is
// confirmed in less than half as much as the crowd, rows are not asked.
func (one *subject) takesAll(confirmed float64) bool {
	sum, n := 0.0, 0
	for _, l := range []Limit{Unexplained, Explained, Found} {
		if l == Found && one.confirmed() < confirmed/2 {
			continue
		}
		if one.allowed[l] > 0 {
			sum, n = sum+min(1, float64(one.late[l])/float64(one.allowed[l])), n+1
		}
	}
	return n > 1 && sum >= whole*float64(n)
}

// confirmed is of how much of what the account was shown without a reason another system told
// the reason afterwards.
func (one *subject) confirmed() float64 {
	returned, left := one.late[Returned].People(), one.late[Unexplained].People()
	if returned+left <= 0 {
		return 0
	}
	return returned / (returned + left)
}

// confirmed is what is usual of it in a crowd; nothing where there is none.
func confirmed(subjects []*subject) float64 {
	var all []float64
	for _, one := range subjects {
		if one.peer && one.late[Unexplained]+one.late[Returned] > 0 {
			all = append(all, one.confirmed())
		}
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return quantile(all, -1, 0.5)
}

// change is how much more an account used than before, in spreads of honest work.
func (one *subject) change(l Limit) float64 {
	late, early := one.late[l].People(), one.early[l].People()
	return (late - early) / uneven(late+early, early)
}

// uneven is the least spread of honest work: counts are over-dispersed, and people differ.
func uneven(counted, level float64) float64 {
	return math.Sqrt(dispersion*(counted+1) + apartness*apartness*level*level)
}

// normalQuarter is how many standard deviations of a normal distribution its quarter is from
// its middle.
const normalQuarter = 0.6745

// quantile is a quantile of figures in order, one of them left out; -1 leaves out none.
func quantile(sorted []float64, but int, q float64) float64 {
	n := len(sorted)
	if but >= 0 {
		n--
	}
	i := int(q*float64(n-1) + 0.5)
	if but >= 0 && i >= but {
		i++
	}
	return sorted[i]
}
