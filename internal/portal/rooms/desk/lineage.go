package desk

import (
	"poterne/internal/order"
	"poterne/internal/portal"
	"poterne/internal/roster"
)

// lineage draws the lineage of an account.
func (b base) lineage(labels portal.Labels, of roster.AccountID) portal.Lineage {
	held := func(a roster.Account) bool {
		_, stopped := b.gate.Orders().Stop(order.Use{Account: a.ID}, b.shell.Now()) // the account itself
		return stopped
	}
	drawn := portal.Lineages{Labels: labels, Held: held, Link: "/desk/accounts/"}
	return drawn.Of(labels.Accounts[of])
}
