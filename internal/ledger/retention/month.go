package retention

import (
	"time"

	"poterne/internal/ledger"
)

// State is where a month of the ledger stands.
type State string

const (
	Open    State = "open"    // it is being written
	Closed  State = "closed"  // it is kept until its term
	Held    State = "held"    // it is kept until what holds it is released
	Waiting State = "waiting" // its term has passed, and an older month is kept
	Doubted State = "doubted" // its term has passed by a clock that the ledger does not bear out
	Due     State = "due"     // it may be dropped
	Dropped State = "dropped"
)

// Month is a month of the ledger, with what becomes of it.
type Month struct {
	ledger.Period
	State State
	Term  int       // whole months that it is kept after its end
	Due   time.Time // when they have passed
	Holds []ledger.Number
}

// Months says where each month stands, oldest first. The time is that of the last
// entry or the clock's, whichever is earlier: neither a clock set ahead nor a last
// entry from the future drops anything early.
func (s Schedule) Months(periods []ledger.Period, last, clock time.Time) []Month {
	now := clock
	if last.Before(now) {
		now = last
	}
	months := make([]Month, len(periods))
	kept := false // an older month is
	for i, period := range periods {
		m := Month{Period: period, Term: s.Term(period.First), Holds: s.Keeping(period.Month)}
		m.Due = period.Plus(1 + m.Term).Begins()
		switch {
		case period.Dropped:
			m.State = Dropped
		case period.Open:
			m.State = Open
		case len(m.Holds) > 0:
			m.State = Held
		case now.Before(m.Due):
			m.State = Closed
		case kept:
			m.State = Waiting
		case lived(periods[i:]) <= m.Term:
			m.State = Doubted
		default:
			m.State = Due
		}
		kept = kept || m.State != Dropped && m.State != Due
		months[i] = m
	}
	return months
}

// lived is how many times the ledger saw one month follow another since the first of
// these. A clock that was set ahead leaps over months in which nothing is written:
// they do not count, nor does the one it arrives in.
func lived(periods []ledger.Period) (months int) {
	for i := 1; i < len(periods); i++ {
		if periods[i].Month == periods[i-1].Plus(1) {
			months++
		}
	}
	return months
}
