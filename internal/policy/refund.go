package policy

import (
	"time"

	"poterne/internal/meter"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Refunds reports whether an account may be given back what a person cost, because another
// system told of a reason afterwards. In 28 days that is no more than its allowance twice over,
// in a day half of it, and the person takes a place under the ceiling: whoever can have
// reasons told afterwards gains nothing that telling them before would not give.
func (r Rules) Refunds(account roster.Account, m *meter.Draft, person register.PersonID, cost meter.Cost, now time.Time) bool {
	month := 2 * r.Allowances[account.Role].Long
	aDay := max(month/4, min(month, meter.People(most)))
	if m.Refunded(meter.Memory, now)+cost > month || m.Refunded(24*time.Hour, now)+cost > aDay {
		return false
	}
	ceiling := r.Ceilings[account.Role]
	return ceiling == 0 || m.Reasoned(person, 0, now) || m.Reasons(0, now) < ceiling
}
