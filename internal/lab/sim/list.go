package sim

import (
	"time"

	"poterne/internal/ledger"
	"poterne/internal/policy"
	"poterne/internal/roster"
	"poterne/internal/usage"
)

// listed is on which day of the replay each account was on a short list, in order.
type listed map[roster.AccountID][]int

// first is the day on which an account was first on a list.
func (l listed) first(account roster.AccountID) (day int, ever bool) {
	if days := l[account]; len(days) > 0 {
		return days[0], true
	}
	return 0, false
}

// months is in how many of so many months an account was on a list.
func (l listed) months(account roster.AccountID, months int) (n int) {
	last := -1
	for _, day := range l[account] {
		if month := (day - listable) / 28; day >= listable && month < months && month != last {
			n, last = n+1, month
		}
	}
	return n
}

// listable is from which day of a replay on an account can be on the list: eight weeks are
// compared.
const listable = 8 * 7

// shortList makes the list of accounts close to their limits, each week.
type shortList struct {
	sums   usage.Sums
	rules  usage.Rules
	roles  staff
	week   int64
	listed listed
}

func newShortList(rules policy.Rules, scenes []scene) *shortList {
	return &shortList{sums: usage.NewSums(), rules: usage.RulesOf(rules), roles: staffOf(scenes), listed: make(listed)}
}

// hear takes in the next entry of the ledger.
func (s *shortList) hear(e ledger.Entry) {
	if week := e.Time.Unix() / (7 * 86400); week != s.week {
		s.week = week
		day := int(e.Time.Sub(Beginning) / (24 * time.Hour))
		for _, notice := range s.sums.Notices(s.rules, s.role, e.Time) {
			s.listed[notice.Account] = append(s.listed[notice.Account], day)
		}
	}
	s.sums.Take(&e)
}

func (s *shortList) role(account roster.AccountID) roster.Role {
	if a, ok := s.roles[account]; ok {
		return a.asker.Role
	}
	return ""
}
