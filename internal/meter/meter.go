// Package meter counts people without a reason against allowances, and keeps what
// the sequential tests need. A meter is a pure function of one account's entries of
// the last 28 days, so any node can rebuild it from the ledger and carry it on.
package meter

import "time"

// Memory is how long a person stays known to an account, and how far back the rest of
// the meter looks.
const Memory = 28 * 24 * time.Hour

// Hour is how far the short allowance looks back.
const Hour = time.Hour

// Cost is counted in hundredths of a person.
type Cost int32

const (
	// Whole is the cost of being shown a person without a reason.
	Whole Cost = 100
	// Reveal is the cost of being shown new fields of a person who was already
	// shown, still without a reason.
	Reveal Cost = 20
	// Row is the cost of being shown a person in the rows of a search.
	Row Cost = 20
	// Ticket is the cost of a person for whom the asker typed a ticket.
	Ticket Cost = 20
)

// People is n whole people.
func People(n int) Cost { return Cost(n) * Whole }

// People is a cost in people.
func (c Cost) People() float64 { return float64(c) / float64(Whole) }

// Allowance is how many people without a reason a role may open.
type Allowance struct {
	Short Cost // within the last Hour
	Long  Cost // within the last Memory
}

// Least is the smaller of two allowances, window by window.
func (a Allowance) Least(b Allowance) Allowance {
	return Allowance{min(a.Short, b.Short), min(a.Long, b.Long)}
}

// Quarter is what is left of an allowance next to a theft.
func (a Allowance) Quarter() Allowance { return Allowance{a.Short / 4, a.Long / 4} }

// Meter is what one account did lately. It is not safe for concurrent use.
type Meter struct {
	seen  people
	state state
	swept time.Time
	last  moment // of the last event
}

// Reach is how far back a ledger is read to rebuild a meter: a day more than
// Memory, since what an entry says of rhythm rests on those just before it.
const Reach = Memory + 24*time.Hour

// New returns the meter of an account that did nothing yet.
func New() *Meter { return new(Meter) }

// Record takes in an entry that the ledger holds.
func (m *Meter) Record(e Event) {
	if e.At.Sub(m.swept) >= 24*time.Hour {
		m.swept = e.At
		m.seen = m.seen.remembered(e.At)
		m.state.sweep(e.At)
	}
	m.state.record(e)
	m.seen = m.seen.with(e, !known{}.and(m.seen.of(tagOf(e.Person)), e.At).any)
	m.last = momentOf(e.At)
}
