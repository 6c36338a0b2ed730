package meter

import (
	"math/bits"
	"slices"
	"time"

	"poterne/internal/register"
	"poterne/internal/roster"
)

// state is what a meter keeps beside the people. A draft works on a copy, so a list MUST
// be appended to and never changed in place.
type state struct {
	charges  []charge     // oldest first
	lent     []charge     // likewise, that a raise paid for
	hints    []hint       // oldest first
	stepUps  []moment     // of Memory
	writes   []moment     // of the last hour
	thaws    []moment     // freezes that were undone
	begun    moment       // since when the CUSUM adds up
	excused  moment       // likewise while it is only observed
	canaries []charge     // canaries met in the rows of a search, at no cost
	tickets  []charge     // people shown for a ticket that the asker typed, likewise
	vouched  []vouched    // signatures that wait to be used
	nirs     []nirWaiting // NIRs that wait to be shown, each once
	nirAsked moment       // when the last was asked for
	signed   []signature  // signatures of other people within Memory, used or not
	devices  Acquaintances
	nets     Acquaintances
	active   days // on which anything was asked

	permits  []permit // in no order, one for each export
	raise    raise
	raises   []charge // what other people allowed, used or not
	refunds  []charge // what came back
	answer   uint64   // that the last event was of
	paged    bool     // it is one more page, and showed somebody without a reason
	stranger stranger
}

// moment is microseconds since 1970, as the ledger keeps time.
type moment int64

func momentOf(t time.Time) moment { return moment(t.UnixMicro()) }

func (m moment) time() time.Time { return time.UnixMicro(int64(m)).UTC() }

func (m moment) day() int32 { return int32(m / moment(24*time.Hour/time.Microsecond)) }

type charge struct {
	at      moment
	tag     uint64 // of who was opened, or came back; zero where it cannot come back
	cost    Cost
	vouched bool // another person signed for it
	spared  Limits
}

func (c charge) when() moment { return c.at }

// counting returns those that count for a limit.
func counting(charges []charge, limit, observed Limits) []charge {
	left := func(c charge) bool { return !c.spared.Counts(limit, observed) }
	if !slices.ContainsFunc(charges, left) {
		return charges
	}
	return slices.DeleteFunc(slices.Clone(charges), left)
}

// vouched is a signature that waits: one person may be opened through one service.
type vouched struct {
	tag     uint64
	service roster.ServiceID
	until   moment
}

type signature struct {
	tag uint64
	at  moment
}

func (s signature) when() moment { return s.at }

type raise struct {
	until time.Time
	left  Cost
}

// days is a set of days, the last 32 of them: bit 0 is the day last.
type days struct {
	last int32 // days since 1970
	bits uint32
}

// wholeDays is how many days, today included, lie wholly within Memory.
const wholeDays = int32(Memory / (24 * time.Hour))

func dayOf(t time.Time) int32 { return momentOf(t).day() }

// midnight is when a day begins, in UTC.
func midnight(day int32) time.Time { return time.Unix(int64(day)*86400, 0).UTC() }

func (d days) with(day int32) days {
	if day <= d.last {
		if back := d.last - day; back < 32 {
			d.bits |= 1 << back
		}
		return d
	}
	return days{day, d.bits<<min(day-d.last, 32) | 1}
}

// and returns the days of two sets; those that are 32 days older than the last are left out.
func (d days) and(o days) days {
	if o.last > d.last {
		d, o = o, d
	}
	d.bits |= o.bits << (d.last - o.last)
	return d
}

// first returns the first day of the set that lies wholly within Memory; false
// when there is none.
func (d days) first(now time.Time) (int32, bool) {
	today := dayOf(now)
	oldest, newest := d.last-(today-wholeDays+1), max(d.last-today, 0) // bits of the days that count
	if oldest < 0 || newest > 31 {
		return 0, false
	}
	counting := d.bits >> newest << newest
	if oldest < 31 {
		counting &= 1<<(oldest+1) - 1
	}
	if counting == 0 {
		return 0, false
	}
	return d.last - int32(bits.Len32(counting)-1), true
}

func (d days) has(day int32) bool {
	back := d.last - day
	return back >= 0 && back < 32 && d.bits&(1<<back) != 0
}

// vouchedFor is how long a co-signature waits to be used.
const vouchedFor = time.Hour

// record moves the state on.
func (s *state) record(e Event) {
	switch e.Kind {
	case Nothing:
		return
	case Raised, Cosigned, Thawed, Permitted, Refunded: // by another account
	default:
		s.active = s.active.with(dayOf(e.At))
		s.devices = s.devices.meet(e.Device, e)
		s.nets = s.nets.meet(e.Network, e)
	}
	s.suspect(e)
	at := momentOf(e.At)
	switch e.Kind {
	case Shown:
		s.charge(e)
		s.showNIR(e)
		if e.Signs.Has(Exported) {
			s.permits = exported(s.permits, e)
		}
	case SteppedUp:
		s.stepUps = append(s.stepUps, at)
	case NIRAsked:
		s.nirAsked = at
		s.nirs = append(slices.Clone(s.waitingNIRs(e.At)), nirWaiting{vouched{tagOf(e.Person), e.Service, momentOf(e.At.Add(NIRWaits))}, e.Fields})
	case Thawed:
		s.thaws = append(s.thaws, at)
		s.begun = at
	case Raised:
		s.raise = raise{e.Until, e.Cost}
		s.raises = append(s.raises, charge{at: at, cost: e.Cost})
	case Permitted:
		s.permits = permitted(s.permits, e)
	case Refunded:
		s.refund(e)
	case Cosigned:
		s.vouched = append(slices.Clone(s.live(e.At)), vouched{tagOf(e.Person), e.Service, momentOf(e.At.Add(vouchedFor))})
		s.signed = append(s.signed, signature{tagOf(e.Person), at})
	default:
	}
	if e.Writes {
		s.writes = append(since(s.writes, e.At.Add(-Hour)), at)
	}
	if e.Excused {
		s.hints = append(s.hints, hint{at: at, undone: true, excused: true, spared: e.Spared})
		if e.Spared.Has(DriftLimit) {
			s.excused = at
		}
	}
}

// charge notes what a person shown cost; a raise pays while it lasts.
func (s *state) charge(e Event) {
	at := momentOf(e.At)
	if e.Signs.Has(Canary) {
		s.canaries = append(s.canaries, charge{at: at, spared: e.Spared})
	}
	if e.Cost == 0 {
		return
	}
	if e.Ground == Typed {
		s.tickets = append(s.tickets, charge{at: at, spared: e.Spared})
	}
	if s.raise.holds(e.At) >= e.Cost {
		s.raise.left -= e.Cost
		s.lent = append(s.lent, charge{at: at, cost: e.Cost, spared: e.Spared})
		return
	}
	c := charge{at: at, cost: e.Cost, vouched: e.Signs.Opens() && s.Vouched(e.Person, e.Service, e.At), spared: e.Spared}
	if e.Signs.Opens() && e.Ground != Allowed {
		c.tag = tagOf(e.Person)
	}
	s.charges = append(s.charges, c)
}

// holds is what is left of a raise.
func (r raise) holds(now time.Time) Cost {
	if !now.Before(r.until) {
		return 0
	}
	return r.left
}

// live returns the co-signatures that wait to be used.
func (s *state) live(now time.Time) []vouched {
	return after(s.vouched, now, func(v vouched) moment { return v.until })
}

// Vouched reports whether another person signed for opening this one through a
// service.
func (s *state) Vouched(person register.PersonID, service roster.ServiceID, now time.Time) bool {
	tag := tagOf(person)
	return slices.ContainsFunc(s.live(now), func(v vouched) bool { return v.tag == tag && v.service == service })
}

// Signed is for how many different people other people signed within Memory, used
// or not.
func (s *state) Signed(now time.Time) int {
	people := make(map[uint64]struct{})
	for _, one := range after(s.signed, now.Add(-Memory), signature.when) {
		people[one.tag] = struct{}{}
	}
	return len(people)
}

// sweep forgets what is older than Memory. Drafts share what is forgotten here, so
// nothing is moved in place.
func (s *state) sweep(now time.Time) {
	past := now.Add(-Memory)
	for _, list := range []*[]charge{&s.charges, &s.lent, &s.raises, &s.refunds, &s.canaries, &s.tickets} {
		*list = slices.Clone(after(*list, past, charge.when))
	}
	s.signed = slices.Clone(after(s.signed, past, signature.when))
	s.hints = slices.Clone(after(s.hints, past, hint.when))
	for _, list := range []*[]moment{&s.stepUps, &s.thaws} {
		*list = since(*list, past)
	}
	s.devices, s.nets = s.devices.stillUsed(now), s.nets.stillUsed(now)
	s.permits = slices.DeleteFunc(slices.Clone(s.permits), func(m permit) bool { return !m.live(now) })
}

// latest returns the moments after one.
func latest(moments []moment, past time.Time) []moment {
	return after(moments, past, func(m moment) moment { return m })
}

// since copies them.
func since(moments []moment, past time.Time) []moment { return slices.Clone(latest(moments, past)) }

// count is how many they are.
func count(moments []moment, past time.Time) int { return len(latest(moments, past)) }

// after returns the members that are later than past; they are in order.
func after[T any](all []T, past time.Time, at func(T) moment) []T {
	i, since := len(all), momentOf(past)
	for i > 0 && at(all[i-1]) > since {
		i--
	}
	return all[i:]
}
