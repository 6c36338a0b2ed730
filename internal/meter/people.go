package meter

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
	"time"

	"poterne/internal/register"
)

// people is the people an account was shown, in order of their tags. A person has a
// sighting for each way and set of fields they were shown with, so that each is forgotten at
// its own time; what a later one says too is left out.
type people []sighting

// sighting is 16 bytes, since an account may have been shown a thousand people.
type sighting struct {
	tag  uint64
	what uint32 // fields, and how they were shown
	last uint32 // seconds since 1970
}

// How a person was shown, beside the fields. Categories of fields stay below.
const (
	asRow    = 1 << 31 // in the rows of a search
	asOwn    = 1 << 30 // opened for a standing reason
	forCause = 1 << 29 // opened for any reason
	reasoned = 1 << 28 // shown for any reason, in lists, searches and exports too
	uncapped = 1 << 27 // while the limit was only observed: the ceiling if reasoned, else that of rows
	unbound  = 1 << 26 // without a reason, while the limit of such people was only observed
	firstRow = 1 << 25 // for a reason, in a row of a list or a search, and new to the account
	inFields = 1<<24 - 1
)

var _ = [1]struct{}{}[register.AllFields&^inFields] // every category fits

// tagOf names a person in memory. Pseudonyms are keyed hashes: eight bytes of two
// of the thousand people an account may see are the same once in 10^13 accounts.
func tagOf(p register.PersonID) uint64 { return binary.BigEndian.Uint64(p[:8]) }

func (s sighting) compare(o sighting) int {
	return cmp.Or(cmp.Compare(s.tag, o.tag), cmp.Compare(s.what, o.what))
}

// after reports whether the sighting is later than a second since 1970.
func (s sighting) after(since int64) bool { return int64(s.last) > since }

// with takes in what an event shows; new tells whether the account was not shown the person
// within Memory before.
func (p people) with(e Event, new bool) people {
	switch e.Kind {
	case Shown:
	case Refunded: // there is a reason after all, since the opening: no field and no day more
		s := sighting{tag: tagOf(e.Person), what: reasoned, last: uint32(e.Since.Unix())}
		if e.Spared.Has(CeilingLimit) {
			s.what |= uncapped
		}
		return p.sees(s)
	default:
		return p
	}
	s := sighting{tag: tagOf(e.Person), what: uint32(e.Fields) & inFields, last: uint32(e.At.Unix())}
	if e.Signs.Has(SearchRow) {
		s.what |= asRow
	}
	if e.Ground == Own || e.Ground == Ticketed {
		s.what |= reasoned
		if e.Spared.Has(CeilingLimit) {
			s.what |= uncapped
		}
	} else {
		if s.what&asRow != 0 && e.Spared.Has(RowsLimit) {
			s.what |= uncapped
		}
		if e.Spared.Has(StrangersLimit) {
			s.what |= unbound
		}
	}
	switch {
	case e.Signs.InRow():
		if new && s.what&reasoned != 0 {
			s.what |= firstRow
		}
	case e.Signs&(Listed|SearchRow) != 0: // in an export, by a permit
	case e.Ground == Own:
		s.what |= asOwn | forCause
	case e.Ground == Ticketed:
		s.what |= forCause
	}
	return p.sees(s)
}

// implies reports whether another sighting of the person says nothing, now or later, that this
// one does not say too.
func (s sighting) implies(o sighting) bool {
	const (
		says   = inFields | asOwn | forCause | reasoned | firstRow
		spares = uncapped | unbound
		found  = asRow | reasoned
	)
	return s.last >= o.last && o.what&says&^s.what == 0 && s.what&spares&^o.what == 0 &&
		s.what&asRow == o.what&asRow && (s.what&asRow == 0 || s.what&found == o.what&found)
}

// sees adds a sighting, in place of those that it implies.
func (p people) sees(s sighting) people {
	i, n := p.span(s.tag)
	for _, o := range p[i:n] {
		if o.implies(s) {
			return p
		}
	}
	kept := i
	for _, o := range p[i:n] {
		if !s.implies(o) {
			p[kept], kept = o, kept+1
		}
	}
	p = slices.Delete(p, kept, n)
	at, _ := slices.BinarySearchFunc(p[i:kept], s, sighting.compare)
	if n := len(p); n == cap(p) { // an append would keep room for half as many again, in each of 60,000 accounts
		p = append(make(people, 0, n+n/16+8), p...)
	}
	return slices.Insert(p, i+at, s)
}

// remembered leaves out the sightings older than Memory, and what nobody asks of older ones: who was
// opened for a standing reason within an hour; for any reason, or was new in a row, within a day.
func (p people) remembered(now time.Time) people {
	since, hour, day := now.Add(-Memory).Unix(), now.Add(-Hour).Unix(), now.Add(-24*time.Hour).Unix()
	kept := make(people, 0, len(p))
	for _, s := range p {
		if !s.after(hour) {
			s.what &^= asOwn
		}
		if !s.after(day) {
			s.what &^= forCause | firstRow
		}
		if s.after(since) {
			kept = kept.sees(s)
		}
	}
	return slices.Clone(kept)
}

// span is where the sightings of one person stand.
func (p people) span(tag uint64) (begin, end int) {
	for after := len(p); begin < after; { // slices.BinarySearchFunc takes twice as long, at each person of a list
		if i := begin + (after-begin)/2; p[i].tag < tag {
			begin = i + 1
		} else {
			after = i
		}
	}
	for end = begin; end < len(p) && p[end].tag == tag; end++ {
	}
	return begin, end
}

// of returns the sightings of one person.
func (p people) of(tag uint64) people {
	begin, end := p.span(tag)
	return p[begin:end]
}

// known is what the account was shown of a person within Memory.
type known struct {
	any    bool            // anything
	whole  bool            // more than a row of a search
	fields register.Fields // of which categories
	row    time.Time       // when in a row of a search; zero for never
	rows   register.Fields // of which categories in rows of searches, without a reason
	widest register.Fields // in one of them
}

// paid reports whether the rows of several searches showed what costs as much as an
// opening: no single one shows all of it, so the rest of the price was charged for another.
func (k known) paid() bool { return k.rows != k.widest }

func (k known) and(p people, now time.Time) known {
	since := now.Add(-Memory).Unix()
	for _, s := range p {
		if !s.after(since) {
			continue
		}
		k.any = true
		k.fields |= register.Fields(s.what & inFields)
		if s.what&(asRow|reasoned) == asRow {
			row := register.Fields(s.what & inFields)
			if k.rows |= row; bits.OnesCount32(uint32(row)) > bits.OnesCount32(uint32(k.widest)) {
				k.widest = row
			}
		}
		if s.what&asRow == 0 {
			k.whole = true
		} else if at := time.Unix(int64(s.last), 0); at.After(k.row) {
			k.row = at
		}
	}
	return k
}

// found reports whether one person's sightings are rows of searches only, without a reason,
// and count while some limits are observed.
func (p people) found(observed Limits, since int64) (found bool) {
	for _, s := range p {
		switch {
		case !s.after(since):
		case s.what&asRow == 0:
			return false
		case s.what&reasoned == 0 && (s.what&uncapped == 0 || observed.Has(RowsLimit)):
			found = true
		}
	}
	return found
}

// strange reports whether one person's sightings are without a reason, and count while some
// limits are observed.
func (p people) strange(observed Limits, since int64) (strange bool) {
	for _, s := range p {
		switch {
		case !s.after(since):
		case s.what&reasoned != 0:
			return false
		case s.what&unbound == 0 || observed.Has(StrangersLimit):
			strange = true
		}
	}
	return strange
}
