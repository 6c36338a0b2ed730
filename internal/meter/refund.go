package meter

import (
	"slices"
	"time"

	"poterne/internal/register"
)

// Refunds is how long another system may take to tell the reason of an opening, so that what
// it cost comes back.
const Refunds = 7 * 24 * time.Hour

// Refundable is what opening a person at a moment cost, as far as it can come back:
// nothing when it was refunded already, when another person gave it, or when it is too
// long ago.
func (d *Draft) Refundable(person register.PersonID, opened, now time.Time) Cost {
	if i := d.charged(tagOf(person), momentOf(opened)); i >= 0 && now.Sub(opened) < Refunds {
		return d.charges[i].cost
	}
	return 0
}

// charged is where the charge for opening a person at a moment stands; -1 for nowhere.
func (s *state) charged(tag uint64, opened moment) int {
	return slices.IndexFunc(s.charges, func(c charge) bool { return c.tag == tag && c.at == opened && !c.vouched })
}

// refund takes a charge away, as if it had never been.
func (s *state) refund(e Event) {
	i := s.charged(tagOf(e.Person), momentOf(e.Since))
	if i >= 0 {
		s.charges = slices.Delete(slices.Clone(s.charges), i, i+1)
	}
	s.refunds = append(s.refunds, charge{at: momentOf(e.At), tag: tagOf(e.Person), cost: e.Cost})
}

// Refunded is what came back within span.
func (s *state) Refunded(span time.Duration, now time.Time) Cost {
	return total(after(s.refunds, now.Add(-span), charge.when))
}

// Confirmed is how many different people came back within Memory, whatever each cost.
func (s *state) Confirmed(now time.Time) int {
	people := make(map[uint64]struct{})
	for _, one := range after(s.refunds, now.Add(-Memory), charge.when) {
		people[one.tag] = struct{}{}
	}
	return len(people)
}
