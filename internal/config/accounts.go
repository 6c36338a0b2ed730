package config

import (
	"cmp"
	"time"

	"poterne/internal/roster"
)

// accountsTable is how many accounts an organisation may have, those included that are
// invited: 200 where nothing is said; and after how many months its managers must have
// confirmed each: 6.
type accountsTable struct {
	Review int64            `toml:"review_months"`
	Quota  int64            `toml:"quota"`
	Quotas map[string]int64 `toml:"quotas"` // by organisation
}

const (
	usualQuota  int64 = 200
	usualReview int64 = 6
	month             = 30 * 24 * time.Hour
)

// accounts reads how many accounts organisations may have, and how often they are confirmed.
func (c *config) accounts(s *Settings, wrong *document) {
	usual, quotas := cmp.Or(c.Accounts.Quota, usualQuota), c.Accounts.Quotas
	if usual < 0 {
		wrong.Add("accounts.quota", "a number of accounts is negative; write how many an organisation may have, such as 200")
	}
	for id, quota := range quotas {
		if quota < 1 {
			wrong.Add("accounts.quotas."+id, "an organisation has one account at least; write how many it may have")
		}
	}
	review := cmp.Or(c.Accounts.Review, usualReview)
	if review < 1 || review > 12 {
		wrong.Add("accounts.review_months", "not from 1 to 12; write after how many months managers must have confirmed each account, such as 6")
	}
	s.Review = time.Duration(review) * month
	s.Quota = func(of roster.OrganisationID) int { return int(cmp.Or(quotas[string(of)], usual)) }
}
