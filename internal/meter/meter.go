// Package meter counts people without a reason against allowances. A meter is a
// pure function of one account's disclosures of the last 28 days, so any node can
// rebuild it from the ledger and carry it on.
package meter

import (
	"time"

	"poterne/internal/register"
)

// Memory is how long a person stays known to an account, and how far the long
// allowance looks back.
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
)

// People is n whole people.
func People(n int) Cost { return Cost(n) * Whole }

// Allowance is how many people without a reason a role may open.
type Allowance struct {
	Short Cost // within the last Hour
	Long  Cost // within the last Memory
}

// Meter is what one account was shown lately. It is not safe for concurrent use.
type Meter struct {
	seen    map[register.PersonID]sighting
	charges []charge // oldest first
	swept   time.Time
}

type sighting struct {
	at     time.Time
	fields register.Fields
}

type charge struct {
	at   time.Time
	cost Cost
}

// Opening is one disclosure as the meter remembers it.
type Opening struct {
	Person register.PersonID
	Fields register.Fields
	Cost   Cost
	At     time.Time
}

// New returns the meter of an account that was shown nobody.
func New() *Meter { return &Meter{seen: make(map[register.PersonID]sighting)} }

// Record adds a disclosure that the ledger holds. Disclosures come in the order
// of their entries.
func (m *Meter) Record(o Opening) {
	m.sweep(o.At)
	m.seen[o.Person] = m.seen[o.Person].with(o)
	if o.Cost > 0 {
		m.charges = append(m.charges, charge{o.At, o.Cost})
	}
}

// Seen returns which fields of the person were shown within Memory before now.
func (m *Meter) Seen(person register.PersonID, now time.Time) (register.Fields, bool) {
	s, ok := m.seen[person]
	if !ok || !s.at.After(now.Add(-Memory)) {
		return 0, false
	}
	return s.fields, true
}

// Spent adds up what was charged within span before now.
func (m *Meter) Spent(span time.Duration, now time.Time) (sum Cost) {
	since := now.Add(-span)
	for i := len(m.charges) - 1; i >= 0 && m.charges[i].at.After(since); i-- {
		sum += m.charges[i].cost
	}
	return sum
}

// charged yields the charges within span before now, oldest first.
func (m *Meter) charged(span time.Duration, now time.Time) []charge {
	since := now.Add(-span)
	i := len(m.charges)
	for i > 0 && m.charges[i-1].at.After(since) {
		i--
	}
	return m.charges[i:]
}

func (s sighting) with(o Opening) sighting {
	if o.At.Sub(s.at) >= Memory {
		s.fields = 0 // forgotten, so shown anew
	}
	return sighting{o.At, s.fields | o.Fields}
}

// sweep forgets, once a day, what is older than Memory.
func (m *Meter) sweep(now time.Time) {
	if now.Sub(m.swept) < 24*time.Hour {
		return
	}
	m.swept = now
	m.charges = append([]charge(nil), m.charged(Memory, now)...)
	for person, s := range m.seen {
		if now.Sub(s.at) >= Memory {
			delete(m.seen, person)
		}
	}
}
