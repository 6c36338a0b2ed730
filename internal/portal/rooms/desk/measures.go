package desk

import (
	"slices"

	"poterne/internal/journal"
	"poterne/internal/order"
	"poterne/internal/roster"
)

// measureState is an order in force, as the desk shows it.
type measureState struct {
	order.Order
	Sentence string
	ByName   string
}

// Itself reports whether the rules placed it on an account.
func (m measureState) Itself() bool { return byItself(m.Order) }

// ByRules reports whether the rules placed it.
func (m measureState) ByRules() bool { return m.By == journal.Itself }

// measures says the orders in force, newest first.
func (b base) measures(v visit) []measureState {
	now := b.shell.Now()
	var states []measureState
	for _, o := range slices.Backward(b.gate.Orders()) {
		if !o.Ends.IsZero() && !now.Before(o.Ends) {
			continue
		}
		m := measureState{o, v.labels.Measure(o), v.labels.Account(roster.AccountID(o.By))}
		if o.By == journal.Itself {
			m.ByName = v.Speaker.Say("measures.itself")
		}
		m.Because = b.grounds.Because(v.Context(), o, v.labels)
		states = append(states, m)
	}
	return states
}

// byItself reports whether the rules placed an order, as a freeze of one account.
func byItself(o order.Order) bool {
	return o.By == journal.Itself && o.Reach == order.Account && o.Effect == order.Frozen
}
