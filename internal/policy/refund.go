package policy

import (
	"time"

	"poterne/internal/meter"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// comesBack is how often its month's allowance may come back to an account within 28 days. Where
// less could, the busiest of honest staff would pay for people whose reasons were told.
const comesBack = 4

// Refunds reports whether an account may be given back what a person cost, because another
// system told of a reason afterwards. In 28 days that is no more than its allowance so many times
// over, in a day the allowance once, and the person takes a place under the ceiling: whoever can have
// reasons told afterwards gains nothing that telling them before would not give.
func (r Rules) Refunds(account roster.Account, m *meter.Draft, person register.PersonID, cost meter.Cost, now time.Time) bool {
	month := comesBack * r.Allowances[account.Role].Long
	aDay := max(month/comesBack, min(month, meter.People(most)))
	if m.Refunded(meter.Memory, now)+cost > month || m.Refunded(24*time.Hour, now)+cost > aDay {
		return false
	}
	ceiling := r.Ceilings[account.Role]
	return ceiling == 0 || m.Reasoned(person, 0, now) || m.Reasons(0, now) < ceiling
}
