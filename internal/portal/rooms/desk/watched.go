package desk

import (
	"cmp"

	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
)

// watched is an account that is held, or that asks for a look, and what it did in the
// hour: the last one, or the one before it was held and since.
type watched struct {
	Account      roster.AccountID
	Organisation roster.OrganisationID
	Asked        int  // people asked for whom nothing explains, or beyond the pace of work
	Shown        int  // of those, people shown
	Beyond       int  // people asked for beyond the allowance
	Own          int  // people of the account's own asked for beyond the pace of work
	Missed       int  // requests that led to nobody
	Canary       bool // it opened a person who exists for Poterne only
	More         bool // there were more than are counted
	Last         ledger.Entry
	Hold         order.Order // the heaviest in force on the account itself; zero when there is none
}

// manyMisses is how many references that lead nowhere make an account one to
// look at: fewer are slips of the pen.
const manyMisses = 10

// Stopped is how many of the people asked for were not shown.
func (w watched) Stopped() int { return w.Asked - w.Shown }

// Held reports whether an order on the account itself holds it.
func (w watched) Held() bool { return w.Hold.Effect != "" }

// byRules reports whether the rules froze the account, and no person has looked since.
func (w watched) byRules() bool { return w.Hold.By == journal.Itself && w.Hold.Effect == order.Frozen }

// beyondOrdinary reports whether what the account did asks for a look.
func (w watched) beyondOrdinary() bool { return w.Beyond > 0 || w.Own > 0 || w.Missed >= manyMisses }

// Waits reports whether the account waits for somebody to look at it. One that is
// suspended does not.
func (w watched) Waits() bool {
	return w.Hold.Effect != order.Suspended && (w.byRules() || w.beyondOrdinary())
}

// gravity is how many people an account asked for, and much more for each of two things
// that honest work hardly comes to: being frozen by the rules, and opening a person who
// exists for Poterne only.
func (w watched) gravity() int {
	const grave = 100
	g := w.Asked + w.Missed/manyMisses
	if w.byRules() {
		g += grave
	}
	if w.Canary {
		g += grave
	}
	return g
}

// compare puts what waits before what does not, the gravest first, and accounts that
// are suspended last.
func (w watched) compare(other watched) int {
	return cmp.Or(
		compareFlags(other.Waits(), w.Waits()),
		compareFlags(w.Hold.Effect == order.Suspended, other.Hold.Effect == order.Suspended),
		cmp.Compare(other.gravity(), w.gravity()),
		cmp.Compare(other.Shown, w.Shown),
		cmp.Compare(w.Account, other.Account), // the same on every node
	)
}

func compareFlags(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}
