package meter

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"time"
)

// A meter is encoded as it counts from a moment on: without what is older than Memory, in
// one order. So two meters of one account that decide alike from then on have one encoding,
// wherever each began to count. Moments are microseconds, and sightings seconds, after the
// oldest that counts; numbers are varints. Golden files hold the encoding.

// Append appends the meter's encoding to dst, as it counts from now on: nothing that the
// meter has recorded MUST be later. A meter in which nothing counts any more has no bytes.
func (m *Meter) Append(dst []byte, now time.Time) []byte {
	kept, any := m.from(now)
	if !any {
		return dst
	}
	c := coder{bytes: dst, base: momentOf(now.Add(-Memory))}
	kept.fields(&c)
	return c.bytes
}

// Decode reads what Append wrote for the same moment.
func Decode(body []byte, now time.Time) (*Meter, error) {
	m := &Meter{swept: now}
	if len(body) == 0 {
		return m, nil
	}
	c := coder{bytes: body, base: momentOf(now.Add(-Memory)), reads: true}
	m.fields(&c)
	return m, c.end()
}

// Same reports whether two meters of one account decide alike from a moment on, where one
// of them may have begun to count at Reach before it only. Hints that are so many that
// the oldest were left out are not compared: which were depends on what came before.
func (m *Meter) Same(o *Meter, now time.Time) bool {
	a, _ := m.from(now)
	b, _ := o.from(now)
	if max(len(a.state.hints), len(b.state.hints), len(m.state.hints), len(o.state.hints)) >= hintsKept {
		a.state.hints, b.state.hints = nil, nil
	}
	return string(a.Append(nil, now)) == string(b.Append(nil, now))
}

// from returns a copy of what counts from a moment on, and whether anything does.
func (m *Meter) from(now time.Time) (kept Meter, any bool) {
	past := now.Add(-Memory)
	if m.last <= momentOf(past) {
		return Meter{swept: now}, false
	}
	kept = Meter{seen: slices.Clone(m.seen).remembered(now), state: m.state, swept: now, last: m.last}
	s := &kept.state
	if len(after(s.raises, past, charge.when)) == 0 {
		s.raise = raise{}
	}
	s.sweep(now)
	s.hints = effective(s.hints, now.Add(-Hour))
	s.writes = since(s.writes, now.Add(-Hour))
	s.vouched, s.nirs = slices.Clone(s.live(now)), slices.Clone(s.waitingNIRs(now))
	s.begun, s.excused, s.nirAsked = within(s.begun, past), within(s.excused, past), within(s.nirAsked, past)
	s.active = s.active.from(now)
	for _, known := range []*Acquaintances{&s.devices, &s.nets} {
		known.others = known.others.from(now)
		for i := range known.list {
			a := &known.list[i]
			a.used, a.steppedUp = a.used.from(now), a.steppedUp.from(now)
		}
	}
	slices.SortFunc(s.permits, func(a, b permit) int { return cmp.Compare(a.export, b.export) })
	if !s.stranger.at.After(past) {
		s.stranger = stranger{asked: s.stranger.asked}
	}
	if !s.stranger.asked.After(past) {
		s.stranger.asked = time.Time{}
	}
	return kept, true
}

// within is a moment, or none when it is past.
func within(m moment, past time.Time) moment {
	if m <= momentOf(past) {
		return 0
	}
	return m
}

// from leaves out the days that do not lie wholly within Memory.
func (d days) from(now time.Time) days {
	first, any := d.first(now)
	if !any {
		return days{}
	}
	return days{d.last, d.bits & (1<<(d.last-first+1) - 1)}
}

// effective leaves out the hints that lowered nothing, whatever is observed, but for those of
// the last hour that keep a person from relieving once more.
func effective(hints []hint, lately time.Time) []hint {
	type way struct {
		limit, observed Limits
		sum             Evidence
	}
	ways := [...]way{{limit: DoubtLimit}, {DoubtLimit, DoubtLimit, 0}, {limit: EnumerationLimit}, {EnumerationLimit, EnumerationLimit, 0}}
	return slices.DeleteFunc(hints, func(h hint) bool {
		lowers := h.undone || h.weight > 0 || h.tag != 0 && h.at > momentOf(lately)
		for i := range ways {
			if w := &ways[i]; h.counts(w.limit, w.observed) {
				lowers = lowers || w.sum > 0
				w.sum = h.after(w.sum)
			}
		}
		return !lowers
	})
}

// fields passes all that is kept of a meter to c: by this list it is written and read.
func (m *Meter) fields(c *coder) {
	s := &m.state
	c.moment(&m.last)
	for _, charges := range []*[]charge{&s.charges, &s.lent, &s.raises, &s.refunds, &s.canaries, &s.tickets} {
		list(c, charges, func(one *charge) {
			c.moment(&one.at)
			number(c, &one.cost)
			if charges == &s.charges || charges == &s.refunds {
				c.fixed(&one.tag)
			}
			c.flag(&one.vouched)
			number(c, &one.spared)
		})
	}
	list(c, &s.hints, func(one *hint) {
		c.moment(&one.at)
		number(c, &one.weight)
		number(c, &one.traits)
		c.flag(&one.undone)
		c.flag(&one.excused)
		number(c, &one.spared)
		if one.traits&relieves != 0 {
			c.fixed(&one.tag)
		}
	})
	for _, moments := range []*[]moment{&s.stepUps, &s.writes, &s.thaws} {
		list(c, moments, c.moment)
	}
	c.moment(&s.begun)
	c.moment(&s.excused)
	c.moment(&s.nirAsked)
	list(c, &s.vouched, c.vouched)
	list(c, &s.nirs, func(one *nirWaiting) {
		c.vouched(&one.vouched)
		number(c, &one.fields)
	})
	list(c, &s.signed, func(one *signature) {
		c.fixed(&one.tag)
		c.moment(&one.at)
	})
	for _, known := range []*Acquaintances{&s.devices, &s.nets} {
		c.days(&known.others)
		list(c, &known.list, func(one *acquainted) {
			text(c, &one.name)
			c.days(&one.used)
			c.days(&one.steppedUp)
		})
	}
	c.days(&s.active)
	list(c, &s.permits, func(one *permit) {
		number(c, &one.asked)
		c.fixed((*uint64)(&one.export))
		c.moment(&one.until)
		number(c, &one.all)
		number(c, &one.left)
	})
	c.time(&s.raise.until)
	number(c, &s.raise.left)
	number(c, &s.answer)
	c.flag(&s.paged)
	c.fixed(&s.stranger.tag)
	c.time(&s.stranger.at)
	c.time(&s.stranger.asked)
	number(c, &s.stranger.answer)
	number(c, &s.stranger.was)
	for i := range s.stranger.beats {
		number(c, &s.stranger.beats[i])
	}
	list(c, (*[]sighting)(&m.seen), func(one *sighting) {
		c.fixed(&one.tag)
		what := one.what<<waysOf | one.what>>(32-waysOf) // the fields are small numbers
		number(c, &what)
		one.what = what>>waysOf | what<<(32-waysOf)
		last := int64(one.last) - int64(c.base)/1e6
		number(c, &last)
		one.last = uint32(last + int64(c.base)/1e6)
	})
}

// waysOf is how many bits say how a person was shown.
const waysOf = 7

var _ = [1]struct{}{}[(asRow|asOwn|forCause|reasoned|uncapped|unbound|firstRow)>>(32-waysOf)-(1<<waysOf-1)] // they are the highest

// Append appends the tally's encoding to dst, as it counts from now on. A tally in which
// nothing counts has no bytes.
func (t Tally) Append(dst []byte, now time.Time) []byte {
	t.Add(Common{}, false, now)
	if t.days == [wholeDays]charged{} && t.minutes == [60]charged{} && t.returned == [wholeDays]charged{} {
		return dst
	}
	c := coder{bytes: dst}
	t.fields(&c)
	return c.bytes
}

// DecodeTally reads what Tally.Append wrote.
func DecodeTally(body []byte) (t Tally, err error) {
	if len(body) == 0 {
		return t, nil
	}
	c := coder{bytes: body, reads: true}
	t.fields(&c)
	return t, c.end()
}

func (t *Tally) fields(c *coder) {
	number(c, &t.minute)
	number(c, &t.day)
	for _, window := range [][]charged{t.minutes[:], t.days[:], t.returned[:]} {
		for i := range window {
			number(c, &window[i].counted)
			number(c, &window[i].spared)
		}
	}
}

// coder writes fields one after another, or reads them.
type coder struct {
	bytes []byte // that were written, or that are left to read
	base  moment // from which moments count
	reads bool
	bad   bool
}

var errCut = errors.New("not a meter as this program writes it")

func (c *coder) end() error {
	if c.bad || len(c.bytes) > 0 {
		return errCut
	}
	return nil
}

func number[T ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~int32 | ~int64](c *coder, field *T) {
	if !c.reads {
		c.bytes = binary.AppendVarint(c.bytes, int64(*field))
		return
	}
	n, size := binary.Varint(c.bytes)
	if size <= 0 || int64(T(n)) != n {
		c.bad, c.bytes = true, nil
		return
	}
	*field, c.bytes = T(n), c.bytes[size:]
}

func (c *coder) flag(field *bool) {
	var bit uint8
	if *field {
		bit = 1
	}
	number(c, &bit)
	*field = bit != 0
}

// fixed is a number of which all bits are random.
func (c *coder) fixed(field *uint64) {
	switch {
	case !c.reads:
		c.bytes = binary.BigEndian.AppendUint64(c.bytes, *field)
	case len(c.bytes) < 8:
		c.bad, c.bytes = true, nil
	default:
		*field, c.bytes = binary.BigEndian.Uint64(c.bytes), c.bytes[8:]
	}
}

func (c *coder) vouched(one *vouched) {
	c.fixed(&one.tag)
	text(c, &one.service)
	c.moment(&one.until)
}

// moment is 0 for none.
func (c *coder) moment(field *moment) {
	var since int64
	if *field != 0 {
		since = int64(*field - c.base)
	}
	if number(c, &since); since != 0 {
		*field = c.base + moment(since)
	}
}

func (c *coder) time(field *time.Time) {
	var at moment
	if !field.IsZero() {
		at = momentOf(*field)
	}
	if c.moment(&at); at != 0 {
		*field = at.time()
	}
}

func (c *coder) days(field *days) {
	number(c, &field.last)
	number(c, &field.bits)
}

func text[T ~string](c *coder, field *T) {
	size := uint32(len(*field))
	number(c, &size)
	switch {
	case !c.reads:
		c.bytes = append(c.bytes, *field...)
	case int(size) > len(c.bytes):
		c.bad, c.bytes = true, nil
	default:
		*field, c.bytes = T(c.bytes[:size]), c.bytes[size:]
	}
}

func list[T any](c *coder, field *[]T, each func(*T)) {
	size := uint32(len(*field))
	number(c, &size)
	if c.reads && int(size) > len(c.bytes) { // each takes a byte at least
		c.bad, c.bytes = true, nil
		return
	}
	if c.reads && size > 0 {
		*field = make([]T, size)
	}
	for i := range *field {
		each(&(*field)[i])
	}
}
