package index

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// The open segment is kept too, in portions: as it is, without any order. They
// spare the next process to read as much of the ledger as a segment has, and are
// forgotten when it is sealed.

// edge is where a portion of a draft ends.
type edge struct {
	shown, names int
	last         time.Time
	mark         [32]byte // of its last entry
}

// portion is the row of one portion.
func (d *draft) portion(number int) Row {
	var from edge
	if number > 0 {
		from = d.edges[number-1]
	}
	to := d.edges[number]
	body := binary.AppendUvarint(nil, format)
	body = binary.AppendUvarint(body, uint64(d.shape.Segment))
	body = binary.AppendUvarint(body, uint64(d.shape.Portion))
	body = append(body, to.mark[:]...)
	for _, at := range []time.Time{d.first, to.last} {
		body = binary.AppendUvarint(body, uint64(at.UnixMicro()))
	}
	body = binary.AppendUvarint(body, uint64(to.names-from.names))
	for _, name := range d.names[from.names:to.names] {
		body = append(binary.AppendUvarint(body, uint64(len(name))), name...)
	}
	body = binary.AppendUvarint(body, uint64(to.shown-from.shown))
	for _, s := range d.shown[from.shown:to.shown] {
		body = append(body, s.person[:]...)
		for _, n := range []uint64{uint64(s.at), uint64(s.offset), uint64(s.account), uint64(s.fields)} {
			body = binary.AppendUvarint(body, n)
		}
	}
	body = appendBase(body, d.base)
	return Row{d.portionKey(number), body, nil}.seal()
}

func (d *draft) portionKey(number int) Key { return Key{Side: Open, Segment: d.number, Page: number} }

// addPortion takes the next portion in, as the row that was made of it.
func (d *draft) addPortion(row Row) error {
	r := reader{data: row.Body}
	if r.number() != format || r.number() != uint64(d.shape.Segment) || r.number() != uint64(d.shape.Portion) {
		return errReshaped
	}
	var to edge
	copy(to.mark[:], r.bytes(uint64(len(to.mark))))
	d.first, to.last = fromMicro(int64(r.number())), fromMicro(int64(r.number()))
	for range r.number() {
		name := roster.AccountID(r.bytes(r.number()))
		if r.bad {
			break
		}
		d.accounts[name] = uint32(len(d.names))
		d.names = append(d.names, name)
	}
	for range r.number() {
		person := r.bytes(uint64(idSize))
		if r.bad {
			break
		}
		d.append(disclosure{
			person: register.PersonID(person), at: int64(r.number()),
			offset: uint32(r.number()), account: uint32(r.number()), fields: register.Fields(r.number()),
		})
	}
	base := r.base()
	switch {
	case r.bad || r.left() > 0:
		return Damage{row.Key}
	case base != d.base:
		return ErrElsewhere
	}
	to.shown, to.names = len(d.shown), len(d.names)
	d.edges = append(d.edges, to)
	d.entries += d.shape.Portion
	d.last = to.last
	d.kept = len(d.edges)
	return nil
}

// takeUp fills a new draft with the portions that are kept of it, if they were made
// from this ledger.
func (x *Index) takeUp(ctx context.Context, d *draft) error {
	for {
		row, err := x.stored.Row(ctx, d.portionKey(len(d.edges)), false)
		if fault.Is(err, fault.Absent) {
			return nil
		}
		if err == nil {
			row, err = row.open(false)
		}
		if err != nil {
			return err
		}
		if err := d.addPortion(row); err != nil {
			return err
		}
		if err := x.isOurs(ctx, d.next()-1, d.edges[len(d.edges)-1].mark); err != nil {
			return err
		}
	}
}

// keep keeps the portions of the open segment that are not yet.
func (x *Index) keep(ctx context.Context) error {
	for ; x.open.kept < len(x.open.edges); x.open.kept++ {
		if err := x.stored.Keep(ctx, x.open.portion(x.open.kept)); err != nil {
			return fmt.Errorf("keeping the open segment of the index: %w", err)
		}
	}
	return nil
}

// comparePortions holds the portions that are kept against a draft made of the
// ledger.
func (x *Index) comparePortions(ctx context.Context, d *draft) error {
	for number := range d.edges {
		made := d.portion(number)
		kept, err := x.stored.Row(ctx, made.Key, false)
		switch {
		case fault.Is(err, fault.Absent): // it is not stored yet
		case err != nil:
			return err
		case !bytes.Equal(kept.Body, made.Body):
			from := d.start() + ledger.Number(number*d.shape.Portion)
			return Difference{d.number, from, from + ledger.Number(d.shape.Portion) - 1, "kept while the segment is open: changed"}
		}
	}
	return nil
}
