// Package usage notices accounts that stay inside every limit and use, for weeks, far more
// of them than the accounts of their role do and than they did before. It freezes nobody: it
// makes a short list for a person to look at. Its sums are a pure function of the ledger's
// entries of the last sixteen weeks, so any node comes to the same.
package usage

import (
	"encoding/binary"
	"slices"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Limit is what an account uses.
type Limit uint8

const (
	Unexplained Limit = iota // the allowance of people without a reason
	Explained                // the ceiling of people with one
	Found                    // people found in the rows of searches
	Given                    // people who were shown since others signed for them or allowed them
	Returned                 // no limit: what came back, which makes room for people without a reason
	limits
)

var limitNames = [limits]string{"unexplained", "explained", "found", "given", "returned"}

func (l Limit) String() string { return limitNames[l] }

// Amounts is what was used of each limit, in hundredths of a person. Whoever is shown takes from one
// limit: what another person gave takes nothing from the others, and whoever is refused is not shown.
// Only a row of a search counts twice, as a fifth of a person and as one who was found.
type Amounts [limits]meter.Cost

// Rules is what each limit allows in 28 days.
type Rules struct {
	Allowances map[roster.Role]meter.Allowance
	Earned     map[roster.Role]int
	Ceilings   map[roster.Role]int
	Rows       map[roster.Role]int
	Given      int
}

// RulesOf are those of a policy under which an account can be given so many people.
func RulesOf(rules policy.Rules) Rules {
	return Rules{Allowances: rules.Allowances, Earned: rules.Earned, Ceilings: rules.Ceilings, Rows: rules.Rows, Given: policy.MostGiven}
}

// of is what an account of a role may use in eight weeks in which so much came back; zero is no
// limit.
func (r Rules) of(role roster.Role, returned meter.Cost) (may Amounts) {
	long, earned := r.Allowances[role].Long, min(returned/policy.EarnedBy, meter.People(r.Earned[role])*months)
	may = Amounts{
		Unexplained: long, Explained: meter.People(r.Ceilings[role]), Found: meter.People(r.Rows[role]),
		Given: meter.People(r.Given),
	}
	for l := range may {
		may[l] *= months
	}
	may[Unexplained] += earned
	return may
}

// An account is compared over eight weeks with the eight before. Weeks are of UTC and
// whole, so that no list changes within one.
const (
	span  = 8
	kept  = 2*span + 1               // the week that goes on included
	Reach = kept*week + meter.Memory // people shown before the first week are new to nobody in it
	week  = 7 * 24 * time.Hour

	months = meter.Cost(span * week / meter.Memory) // of 28 days, in what is compared
)

func weekOf(t time.Time) int32 { return int32(t.Unix() / int64(week/time.Second)) }

// Sums is what each account used in each week. Its fields, and those of Account, are
// exported for package gob, which keeps them. It is not safe for concurrent use.
type Sums struct {
	Accounts map[roster.AccountID]*Account
	Swept    int32 // the last week in which the forgotten were left out
}

// NewSums returns sums of no entries.
func NewSums() Sums { return Sums{Accounts: make(map[roster.AccountID]*Account)} }

// Account is one account's weeks. It takes about 0.5 KiB; an adviser's people with a reason
// take as much again, and at a call centre's ceiling 6 KiB.
type Account struct {
	First, Last int32         // weeks of the first and of the last entry
	Weeks       [kept]Amounts // each in its place until it comes round again
	Sample      []uint64      // people shown for a reason within 28 days, one in sampled, in order
}

// Take takes in the next entry of the ledger.
func (s *Sums) Take(e *ledger.Entry) {
	s.sweep(e.Time)
	whose, event := e.Whose(), e.Event()
	if whose == "" {
		return
	}
	switch event.Kind {
	case meter.Shown:
		a, now := s.in(whose, e.Time)
		switch {
		case event.Ground != meter.Allowed:
			now[Unexplained] += event.Cost
		case e.Why == policy.Vouched: // one signature is for one person, whatever they cost
			now[Given] += min(event.Cost, meter.Whole)
		default:
			now[Given] += event.Cost
		}
		switch reasoned := event.Ground == meter.Own || event.Ground == meter.Ticketed; {
		case reasoned && a.meets(event.Person, e.Time):
			now[Explained] += sampled * meter.Whole
		case !reasoned && event.Signs.Has(meter.SearchRow) && event.Cost > 0:
			now[Found] += meter.Whole
		}
	case meter.Refunded:
		if a, known := s.Accounts[whose]; known && weekOf(e.Since) > weekOf(e.Time)-kept {
			a.Weeks[weekOf(e.Since)%kept][Unexplained] -= event.Cost
			a.Weeks[weekOf(e.Since)%kept][Returned] += event.Cost
		}
	default:
	}
}

// in returns an account, and the week of a moment to add to.
func (s *Sums) in(id roster.AccountID, at time.Time) (*Account, *Amounts) {
	this := weekOf(at)
	a, known := s.Accounts[id]
	if !known {
		a = &Account{First: this, Last: this}
		s.Accounts[id] = a
	}
	for ; a.Last < this; a.Last++ {
		a.Weeks[(a.Last+1)%kept] = Amounts{}
	}
	return a, &a.Weeks[this%kept]
}

// sweep leaves out, once a week, accounts and people that are too old to count.
func (s *Sums) sweep(now time.Time) {
	this := weekOf(now)
	if this == s.Swept {
		return
	}
	s.Swept = this
	for id, a := range s.Accounts {
		if a.Last <= this-kept {
			delete(s.Accounts, id)
			continue
		}
		a.Sample = slices.DeleteFunc(a.Sample, func(seen uint64) bool { return dayOf(now)-int(seen&inDay) >= memory })
	}
}

// sampled says that one person with a reason stands for so many. Pseudonyms are keyed hashes:
// nobody outside can choose who is left out.
const sampled = 4

// A person of the sample is four bytes of the pseudonym, and the day on which they were last
// shown.
const (
	dayBits = 16
	inDay   = 1<<dayBits - 1
	memory  = int(meter.Memory / (24 * time.Hour))
)

func dayOf(t time.Time) int { return int(t.Unix() / 86400) }

// meets reports whether a person is of the sample and was not shown to the account within
// 28 days.
func (a *Account) meets(person register.PersonID, at time.Time) bool {
	tag, today := uint64(binary.BigEndian.Uint32(person[:4])), dayOf(at)
	if tag%sampled != 0 {
		return false
	}
	i, _ := slices.BinarySearch(a.Sample, tag<<dayBits)
	if i < len(a.Sample) && a.Sample[i]>>dayBits == tag {
		last := int(a.Sample[i] & inDay)
		a.Sample[i] = tag<<dayBits | uint64(today)
		return today-last >= memory
	}
	a.Sample = slices.Insert(a.Sample, i, tag<<dayBits|uint64(today))
	return true
}

// between adds up the weeks from one on and before another, and says in how many of them
// anything was used.
func (a *Account) between(from, before int32) (sum Amounts, worked int) {
	for w := max(from, a.Last-kept+1); w < min(before, a.Last+1); w++ {
		used := a.Weeks[w%kept]
		if used != (Amounts{}) {
			worked++
		}
		for l := range sum {
			sum[l] += used[l]
		}
	}
	return sum, worked
}
