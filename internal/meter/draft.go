package meter

import (
	"cmp"
	"slices"
	"time"

	"poterne/internal/register"
)

// Draft is a meter with events that are decided and not yet written down. The
// meter below stays as it is until Keep, so a turn at the ledger that fails leaves
// no trace.
type Draft struct {
	state // with added
	meter *Meter
	seen  people // of added
	added []Event

	explained, strange counted // of what is seen
}

// Draft begins a draft on the meter.
func (m *Meter) Draft() *Draft {
	d := &Draft{meter: m}
	d.begin()
	return d
}

// begin copies the meter's state. An append to the copy MUST NOT write behind the end of
// the meter's own lists.
func (d *Draft) begin() {
	d.state, d.seen, d.explained, d.strange = d.meter.state, nil, counted{}, counted{}
	s := &d.state
	s.hints, s.signed = slices.Clip(s.hints), slices.Clip(s.signed)
	for _, list := range []*[]charge{&s.charges, &s.lent, &s.raises, &s.refunds, &s.canaries, &s.tickets} {
		*list = slices.Clip(*list)
	}
	for _, list := range []*[]moment{&s.stepUps, &s.writes, &s.thaws} {
		*list = slices.Clip(*list)
	}
}

// Record adds an event to the draft.
func (d *Draft) Record(e Event) {
	d.state.record(e)
	tag := tagOf(e.Person)
	new := !d.known(e.Person, e.At).any
	d.goOn(tag, -1)
	d.seen = d.seen.with(e, new)
	d.goOn(tag, 1)
	d.added = append(d.added, e)
}

// Grow makes room for n more events.
func (d *Draft) Grow(n int) {
	d.added, d.seen = slices.Grow(d.added, n), slices.Grow(d.seen, n)
}

// Len is the number of events in the draft, for Cut.
func (d *Draft) Len() int { return len(d.added) }

// Cut takes back every event after the first n.
func (d *Draft) Cut(n int) {
	if n == len(d.added) {
		return
	}
	kept := d.added[:n]
	d.begin()
	d.added = d.added[:0] // each is recorded where it is
	for _, e := range kept {
		d.Record(e)
	}
}

// Keep moves the draft into its meter, once it is written down.
func (d *Draft) Keep() {
	for _, e := range d.added {
		d.meter.Record(e)
	}
	d.added = nil
	d.begin()
}

// known is what the account was shown of a person within Memory.
func (d *Draft) known(person register.PersonID, now time.Time) known {
	tag := tagOf(person)
	return known{}.and(d.meter.seen.of(tag), now).and(d.seen.of(tag), now)
}

// Seen returns which fields of the person were shown within Memory before now.
func (d *Draft) Seen(person register.PersonID, now time.Time) (register.Fields, bool) {
	k := d.known(person, now)
	return k.fields, k.any
}

// ShownSince reports whether the account was shown any person from a second on, within
// Memory.
func (d *Draft) ShownSince(at time.Time) bool {
	if len(d.seen) == 0 && d.meter.last.time().Unix() < at.Unix() { // nothing since: whoever is absent
		return false
	}
	since := func(s sighting) bool { return int64(s.last) >= at.Unix() }
	return slices.ContainsFunc(d.meter.seen, since) || slices.ContainsFunc(d.seen, since)
}

// Found reports whether the person stood in the rows of a search within an hour.
func (d *Draft) Found(person register.PersonID, now time.Time) bool {
	return d.known(person, now).row.After(now.Add(-Hour))
}

// Price is what showing these fields of the person without a reason costs at now:
// a whole person for a new one, a part for a row of a search, the rest when they are
// opened from there or another search shows more of them, Reveal for new fields of a
// person who was paid for within Memory, nothing otherwise.
func (d *Draft) Price(person register.PersonID, fields register.Fields, inSearch bool, now time.Time) Cost {
	k := d.known(person, now)
	switch {
	case !k.any && inSearch:
		return Row
	case !k.any:
		return Whole
	case k.fields.Has(fields) && (inSearch || k.whole || k.paid()):
		return 0
	case k.whole || k.paid():
		return Reveal
	default:
		return Whole - Row
	}
}

// Spent adds up what was charged within span before now, and counts while some limits
// are only observed. People signed for do not count in Memory. A step-up halves what was charged in the hour before it.
func (s *state) Spent(span time.Duration, observed Limits, now time.Time) Cost {
	return total(s.leaving(span, observed, now))
}

// Spent is Draft.Spent without the events of a draft.
func (m *Meter) Spent(span time.Duration, observed Limits, now time.Time) Cost {
	return m.state.Spent(span, observed, now)
}

// leaving is what the charges within span count for, oldest first.
func (s *state) leaving(span time.Duration, observed Limits, now time.Time) []charge {
	charges := counting(after(s.charges, now.Add(-span), charge.when), limitOf(span), observed)
	if signed := func(c charge) bool { return c.vouched }; span != Hour && slices.ContainsFunc(charges, signed) {
		charges = slices.DeleteFunc(slices.Clone(charges), signed) // each took a place among the signatures
	}
	if span != Hour || count(s.stepUps, now.Add(-span)) == 0 {
		return charges
	}
	charges = slices.Clone(charges)
	for _, stepUp := range latest(s.stepUps, now.Add(-span)) {
		for i := range charges {
			if charges[i].at < stepUp {
				charges[i].cost /= 2
			}
		}
	}
	return charges
}

// limitOf is the limit on what is charged within a span.
func limitOf(span time.Duration) Limits {
	if span == Hour {
		return HourLimit
	}
	return MonthLimit
}

// Balance says how a cost stands against an allowance.
type Balance struct {
	Empty   Window    // which allowance the cost does not fit in; Fits when it does
	Counted Cost      // what that window holds already; of the short one when it fits
	Limit   Cost      // the allowance of that window
	Again   time.Time // when the cost would fit, if nothing else is opened; zero when it fits now or never will
}

// Window names an allowance.
type Window uint8

const (
	Fits  Window = iota // neither is empty
	Short               // the hour's
	Long                // the 28 days'
)

// Weigh says whether cost fits in the allowance at now. The long allowance is
// looked at first: waiting an hour does not help when it is empty. The first person
// after a fresh step-up MUST fit in the short one, unless it is zero: a step-up has to open
// something.
func (d *Draft) Weigh(cost Cost, allowance Allowance, observed Limits, now time.Time) Balance {
	for _, w := range []struct {
		window Window
		span   time.Duration
		limit  Cost
	}{{Long, Memory, allowance.Long}, {Short, Hour, allowance.Short}} {
		if w.window == Short && w.limit > 0 && d.justSteppedUp(observed, now) {
			continue
		}
		if spent := d.Spent(w.span, observed, now); cost > 0 && spent+cost > w.limit {
			return Balance{w.window, spent, w.limit, again(d.state.leaving(w.span, observed, now), cost, w.span, w.limit)}
		}
	}
	return Balance{Fits, d.Spent(Hour, observed, now), allowance.Short, time.Time{}}
}

// WeighShare says whether cost fits in the account's share of what many may be charged
// together. All that it was charged counts, whoever signed for it or raised it, and no step-up halves it: so
// it counts for many. A share of zero is none.
func (d *Draft) WeighShare(cost Cost, share Allowance, observed Limits, now time.Time) Balance {
	if share == (Allowance{}) {
		return Balance{}
	}
	for _, w := range []struct {
		window Window
		span   time.Duration
		limit  Cost
	}{{Long, Memory, share.Long}, {Short, Hour, share.Short}} {
		charges := counting(d.state.unexplained(now.Add(-w.span)), ShareLimit, observed)
		if spent := total(charges); spent+cost > w.limit {
			return Balance{w.window, spent, w.limit, again(charges, cost, w.span, w.limit)}
		}
	}
	return Balance{}
}

// Unexplained is at least how many people the account was shown without a reason within
// span before now: whoever was charged for twice counts twice.
func (d *Draft) Unexplained(span time.Duration, now time.Time) int {
	return len(d.state.unexplained(now.Add(-span)))
}

// unexplained is every charge since a moment, oldest first, those that a raise paid for too.
func (s *state) unexplained(since time.Time) []charge {
	charges, lent := after(s.charges, since, charge.when), after(s.lent, since, charge.when)
	if len(lent) == 0 {
		return charges
	}
	all := slices.Concat(charges, lent)
	slices.SortStableFunc(all, func(a, b charge) int { return cmp.Compare(a.at, b.at) })
	return all
}

func total(charges []charge) (sum Cost) {
	for _, c := range charges {
		sum += c.cost
	}
	return sum
}

// again finds when enough charges, oldest first, have left the window for cost to fit.
func again(charges []charge, cost Cost, span time.Duration, limit Cost) time.Time {
	if cost > limit {
		return time.Time{}
	}
	excess := total(charges) + cost - limit
	for _, c := range charges {
		if excess -= c.cost; excess <= 0 {
			return c.at.time().Add(span)
		}
	}
	return time.Time{}
}

// Evidence is the evidence of enumeration as it would stand after an event, of what
// counts for one of the two limits that it leads to.
func (d *Draft) Evidence(e Event, limit, observed Limits) Evidence {
	after := d.state
	after.hints = slices.Clip(after.hints)
	after.suspect(e)
	return after.evidence(limit, observed, e.At)
}

// Known is at least how many people the account was shown within Memory, in whatever way.
func (d *Draft) Known() int { return len(d.meter.seen) + len(d.seen) }

func (s *state) steppedUpToday(now time.Time) bool {
	return count(s.stepUps, now.Add(-12*time.Hour)) > 0
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
