package meter

import (
	"time"

	"poterne/internal/register"
)

// Draft is a meter with openings that are decided and not yet written down. The
// meter below stays as it is until Keep, so a turn at the ledger that fails leaves
// no trace.
type Draft struct {
	meter *Meter
	seen  map[register.PersonID]sighting // of added; nil until something is
	added []Opening
}

// Draft begins a draft on the meter.
func (m *Meter) Draft() *Draft { return &Draft{meter: m} }

// Record adds an opening to the draft.
func (d *Draft) Record(o Opening) {
	if d.seen == nil {
		d.seen = make(map[register.PersonID]sighting)
	}
	before, ok := d.seen[o.Person]
	if !ok {
		before = d.meter.seen[o.Person]
	}
	d.seen[o.Person] = before.with(o)
	d.added = append(d.added, o)
}

// Len is the number of openings in the draft, for Cut.
func (d *Draft) Len() int { return len(d.added) }

// Cut takes back every opening after the first n.
func (d *Draft) Cut(n int) {
	kept := d.added[:n]
	d.added, d.seen = nil, nil
	for _, o := range kept {
		d.Record(o)
	}
}

// Keep moves the draft into its meter, once it is written down.
func (d *Draft) Keep() {
	for _, o := range d.added {
		d.meter.Record(o)
	}
	d.added, d.seen = nil, nil
}

// Seen is Meter.Seen with the draft's openings.
func (d *Draft) Seen(person register.PersonID, now time.Time) (register.Fields, bool) {
	if s, ok := d.seen[person]; ok {
		return s.fields, true
	}
	return d.meter.Seen(person, now)
}

// Spent is Meter.Spent with the draft's openings.
func (d *Draft) Spent(span time.Duration, now time.Time) Cost {
	sum := d.meter.Spent(span, now)
	since := now.Add(-span)
	for _, o := range d.added {
		if o.At.After(since) {
			sum += o.Cost
		}
	}
	return sum
}

// Price is what showing these fields of the person without a reason costs at now:
// a whole person for somebody new, little for new fields of somebody seen within
// Memory, nothing otherwise.
func (d *Draft) Price(person register.PersonID, fields register.Fields, now time.Time) Cost {
	shown, seen := d.Seen(person, now)
	switch {
	case !seen:
		return Whole
	case !shown.Has(fields):
		return Reveal
	default:
		return 0
	}
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
// looked at first: waiting an hour does not help when it is empty.
func (d *Draft) Weigh(cost Cost, allowance Allowance, now time.Time) Balance {
	for _, w := range []struct {
		window Window
		span   time.Duration
		limit  Cost
	}{{Long, Memory, allowance.Long}, {Short, Hour, allowance.Short}} {
		if spent := d.Spent(w.span, now); cost > 0 && spent+cost > w.limit {
			return Balance{w.window, spent, w.limit, d.again(cost, w.span, w.limit, now)}
		}
	}
	return Balance{Fits, d.Spent(Hour, now), allowance.Short, time.Time{}}
}

// again finds when enough charges have left the window for cost to fit.
func (d *Draft) again(cost Cost, span time.Duration, limit Cost, now time.Time) time.Time {
	if cost > limit {
		return time.Time{}
	}
	excess := d.Spent(span, now) + cost - limit
	leaving := append([]charge(nil), d.meter.charged(span, now)...)
	for _, o := range d.added {
		leaving = append(leaving, charge{o.At, o.Cost})
	}
	for _, c := range leaving {
		if excess -= c.cost; excess <= 0 {
			return c.at.Add(span)
		}
	}
	return time.Time{}
}
