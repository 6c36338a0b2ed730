package desk

import (
	"cmp"
	"slices"

	"poterne/internal/order"
	"poterne/internal/portal"
	"poterne/internal/roster"
)

// kin is an account of a lineage, as a tree shows it.
type kin struct {
	roster.Account
	Approver string // who approved it, by name; empty when none did
	Held     bool   // an order stops or freezes it
	Below    []kin  // whom it proposed
}

// lineage is where an account comes from, and what came of it.
type lineage struct {
	Above []kin // its proposers, the first of them first
	Tree  kin   // the account and whom it proposed
	Count int   // accounts below it
}

// deepest bounds how far a tree goes down, and a lineage up.
const deepest = 64

// lineageOf draws the lineage of an account from all there are.
func lineageOf(of roster.Account, labels portal.Labels, held func(roster.Account) bool) lineage {
	below := make(map[roster.AccountID][]roster.Account)
	for _, a := range labels.Accounts {
		if a.Proposer != "" {
			below[a.Proposer] = append(below[a.Proposer], a)
		}
	}
	known := make(map[roster.AccountID]bool)
	var l lineage
	var draw func(a roster.Account, deep int) kin
	draw = func(a roster.Account, deep int) kin {
		known[a.ID] = true
		k := kin{Account: a, Held: held(a)}
		if a.Approver != "" {
			k.Approver = labels.Account(a.Approver)
		}
		slices.SortFunc(below[a.ID], func(a, b roster.Account) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
		for _, made := range below[a.ID] {
			if !known[made.ID] && deep < deepest {
				l.Count++
				k.Below = append(k.Below, draw(made, deep+1))
			}
		}
		return k
	}
	l.Tree = draw(of, 0)
	for a := of; a.Proposer != "" && len(l.Above) < deepest; {
		above, there := labels.Accounts[a.Proposer]
		if !there || known[above.ID] {
			break
		}
		known[above.ID] = true
		l.Above = append([]kin{{Account: above, Held: held(above)}}, l.Above...)
		a = above
	}
	return l
}

// Any reports whether there is anything to draw.
func (l lineage) Any() bool { return l.Count > 0 || len(l.Above) > 0 }

// held reports whether an order on the account itself stops or freezes it.
func (b base) held(a roster.Account) bool {
	_, stopped := b.gate.Orders().Stop(order.Use{Account: a.ID}, b.shell.Now())
	return stopped
}
