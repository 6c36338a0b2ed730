package index

import (
	"fmt"
	"iter"
	"slices"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// disclosure is one entry in which a person was shown.
type disclosure struct {
	person  register.PersonID
	at      int64 // microseconds since 1970
	offset  uint32
	account uint32          // in draft.names
	fields  register.Fields // and unexplained, beside them
}

// unexplained is kept among the fields of a disclosure for which there was no reason.
// It is no category: categories begin at the other end.
const unexplained register.Fields = 1 << 31

// draft is a segment that is not sealed yet.
type draft struct {
	shape    Shape
	base     ledger.Number // the first entry of segment 0
	number   int
	entries  int
	first    time.Time // of its first entry
	last     time.Time // of the newest entry, also of an earlier segment
	names    []roster.AccountID
	accounts map[roster.AccountID]uint32
	shown    []disclosure
	newest   []int32 // by page of people: the place after its newest in shown; 0: it has none
	earlier  []int32 // by place in shown: the same of the one before it on its page
	edges    []edge  // of the portions that are full
	kept     int     // how many of them are stored
}

func newDraft(shape Shape, base ledger.Number, number int) *draft {
	return &draft{shape: shape, base: base, number: number, accounts: make(map[roster.AccountID]uint32), newest: make([]int32, shape.Pages)}
}

func (d *draft) start() ledger.Number { return d.base + ledger.Number(d.number*d.shape.Segment) }

// next is the number of the entry it wants.
func (d *draft) next() ledger.Number { return d.start() + ledger.Number(d.entries) }

// add takes the next entry in. Numbers without gaps and times that do not go back
// are what every answer rests on.
func (d *draft) add(entry ledger.Entry) error {
	if entry.Number != d.next() {
		return fmt.Errorf("entry %d is missing: the next there is %d; verify the ledger", d.next(), entry.Number)
	}
	if entry.Time.Before(d.last) {
		return fmt.Errorf("entry %d is older than the one before it; verify the ledger", entry.Number)
	}
	if d.entries == 0 {
		d.first = entry.Time
	}
	d.last = entry.Time
	d.entries++
	if entry.Disclosed() {
		d.show(entry)
	}
	if d.entries%d.shape.Portion == 0 && d.entries < d.shape.Segment {
		d.edges = append(d.edges, edge{len(d.shown), len(d.names), d.last, mark(entry)})
	}
	return nil
}

func (d *draft) show(entry ledger.Entry) {
	account, known := d.accounts[entry.Account]
	if !known {
		account = uint32(len(d.names))
		d.names = append(d.names, entry.Account)
		d.accounts[entry.Account] = account
	}
	fields := entry.Fields
	if entry.Unexplained() {
		fields |= unexplained
	}
	d.append(disclosure{
		person: entry.Person, at: entry.Time.UnixMicro(), offset: uint32(entry.Number - d.start()), account: account, fields: fields,
	})
}

func (d *draft) append(one disclosure) {
	page := d.shape.personPage(one.person)
	d.shown = append(d.shown, one)
	d.earlier = append(d.earlier, d.newest[page])
	d.newest[page] = int32(len(d.shown))
}

// view is a draft at one moment: what is added later is not in it.
type view struct {
	start ledger.Number
	next  ledger.Number
	first time.Time
	last  time.Time
	names []roster.AccountID
	shown []disclosure

	newest, earlier []int32
}

func (d *draft) view() view {
	return view{
		d.start(), d.next(), d.first, d.last, d.names[:len(d.names):len(d.names)], d.shown[:len(d.shown):len(d.shown)],
		slices.Clone(d.newest), d.earlier[:len(d.earlier):len(d.earlier)],
	}
}

// of yields where a person was shown, by offset, the newest first. It looks at whoever is on the
// same page of people.
func (v view) of(person register.PersonID, page int) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for after := v.newest[page]; after > 0; after = v.earlier[after-1] {
			if one := &v.shown[after-1]; one.person == person && !yield(one.offset) {
				return
			}
		}
	}
}
