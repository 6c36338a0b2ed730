// Package index answers "who was shown to these accounts" and "who saw this
// person" without reading the ledger. It is derived: it can be dropped, rebuilt
// from the ledger to the same bytes, and checked against it. Its answers are
// exact, or there is none: what is damaged or missing is an error, never left
// out.
//
// Entries are taken in by segments of a fixed number. A complete segment is sealed:
// sorted once by person and once by account, and written as pages that do not
// change any more. The segment that is still open is in memory.
//
// An index begins where its ledger does. Once the ledger's first months are dropped
// the index forgets them too: it is dropped and made again from what is there.
package index

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/register"
)

// Shape is how an index is cut. One shape holds for the whole life of an index.
type Shape struct {
	Segment int // entries in a segment, at most 2^24
	Pages   int // pages of accounts in a segment, and as many of people; at most 2^16
	Piece   int // postings of one account that a page holds; what is more goes into pieces of this size
	Portion int // entries that are kept together of the segment that is open
}

// Standard is the shape of every index outside tests.
var Standard = Shape{Segment: 1 << 20, Pages: 1 << 10, Piece: 1 << 13, Portion: 1 << 14}

// Ledger is what the index reads of the ledger.
type Ledger interface {
	// First returns the number of the first entry that is there; the next to be written
	// when there is none.
	First(ctx context.Context) (ledger.Number, error)
	// Entries yields the entries from a number on, in order, without gaps.
	Entries(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error]
	// Newest yields what Entries does. It may remember the newest entries instead of reading
	// them back.
	Newest(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error]
	// Entry returns one entry.
	Entry(ctx context.Context, number ledger.Number) (ledger.Entry, error)
}

// Segments stores sealed segments. Several processes may share it.
type Segments interface {
	// Segments returns the sealed segments, as Seal took them, oldest first.
	Segments(ctx context.Context) ([][]byte, error)
	// Seal keeps what write puts, together or not at all, as the segment of this
	// number, and what write returns as the segment itself. While write runs, no
	// other process seals. It does nothing when the segment is sealed already, and fails when
	// another comes first.
	Seal(ctx context.Context, number int, write func(Sealing) ([]byte, error)) error
	// Keep keeps a portion of a segment until that is sealed. It does nothing when it
	// has it already.
	Keep(ctx context.Context, portion Row) error
	// Pages yields the rows of one page with piece 0, for the segments from one up to
	// and without another, in order. More is left out unless it is asked for.
	Pages(ctx context.Context, side Side, page, from, to int, more bool) iter.Seq2[Row, error]
	// Row returns one row; fault.Absent when there is none.
	Row(ctx context.Context, key Key, more bool) (Row, error)
	// Rows returns how many rows the sealed segments have.
	Rows(ctx context.Context) (int, error)
	// Drop forgets everything, and leaves no byte of it behind.
	Drop(ctx context.Context) error
}

// Sealing is a segment while it is sealed.
type Sealing interface {
	// People yields the pages of people of all earlier segments, as Segments.Pages does,
	// without More.
	People(ctx context.Context, page int) iter.Seq2[Row, error]
	// Put keeps a row.
	Put(ctx context.Context, row Row) error
}

// Index is the sealed segments in storage and the open one in memory. It is safe
// for concurrent use.
type Index struct {
	Names register.Categories // what lists call the categories of fields; it is set before the index is used

	shape  Shape
	ledger Ledger
	stored Segments

	read    atomic.Uint64 // the number of the next entry to take in
	failing atomic.Bool   // it could not follow the ledger when it last tried
	remade  atomic.Bool   // what was stored was dropped

	turn    chan struct{} // holds one token, which guards what follows
	base    ledger.Number // the first entry of segment 0
	sealed  []Segment
	open    *draft
	settled bool // sealed and open are what the storage and the ledger say
	stale   bool // what is stored has to go
}

// New returns an index over a ledger. It reads nothing yet.
func New(shape Shape, from Ledger, stored Segments) *Index {
	x := &Index{shape: shape, ledger: from, stored: stored, turn: make(chan struct{}, 1)}
	x.turn <- struct{}{}
	return x
}

// Run keeps the index up with the ledger until ctx ends. It retries what fails: the ledger
// does not depend on it, and answers say so meanwhile.
func (x *Index) Run(ctx context.Context, log *slog.Logger) error {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		err := x.CatchUp(ctx, nil)
		if err != nil && ctx.Err() == nil {
			log.ErrorContext(ctx, "the index of the ledger could not follow", slog.Any("err", err))
		}
		if x.Remade() {
			log.InfoContext(ctx, "the ledger's first months are gone: its index was made again from what is there")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// CatchUp takes in every entry that is written now, and seals each segment that is
// complete. It tells how many entries it has, now and then; tell may be nil.
func (x *Index) CatchUp(ctx context.Context, tell func(ledger.Number)) error {
	if err := x.take(ctx); err != nil {
		return err
	}
	defer x.leave()
	return x.catchUp(ctx, tell)
}

func (x *Index) take(ctx context.Context) error {
	select {
	case <-x.turn:
		return nil
	case <-ctx.Done():
		return &fault.Error{Kind: fault.Unavailable, Public: "the index is still reading the ledger", Err: ctx.Err()}
	}
}

func (x *Index) leave() { x.turn <- struct{}{} }

// Read returns the number of the next entry to take in: how far the ledger is read.
func (x *Index) Read() ledger.Number { return ledger.Number(x.read.Load()) }

// Failing reports whether the index could not follow the ledger when it last tried.
func (x *Index) Failing() bool { return x.failing.Load() }

// Remade reports whether what was kept was dropped and made again, because the
// ledger's first months are gone. It says so once.
func (x *Index) Remade() bool { return x.remade.Swap(false) }

func (x *Index) catchUp(ctx context.Context, tell func(ledger.Number)) (err error) {
	defer func() { x.failing.Store(err != nil && ctx.Err() == nil) }()
	first, err := x.ledger.First(ctx)
	if err != nil {
		return fmt.Errorf("looking where the ledger begins: %w", err)
	}
	if !x.settled || x.base != first {
		if err := x.settle(ctx, first); err != nil {
			return err
		}
	}
	x.settled = false // unless all goes well
	for entry, err := range x.ledger.Newest(ctx, x.open.next()) {
		if err != nil {
			return fmt.Errorf("reading the ledger for its index: %w", err)
		}
		if err := x.open.add(entry); err != nil {
			return err
		}
		x.read.Store(uint64(x.open.next()))
		if x.open.entries == x.shape.Segment {
			if err := x.seal(ctx, entry); err != nil {
				return err
			}
		}
		if tell != nil && entry.Number%(1<<14) == 0 {
			tell(entry.Number)
		}
	}
	x.settled = true
	return x.keep(ctx)
}

// settle begins where the stored segments end, once it is sure that they were
// made from this ledger, all of it: from its first entry on.
func (x *Index) settle(ctx context.Context, first ledger.Number) error {
	kept, err := x.kept(ctx, first)
	if err != nil {
		return err
	}
	x.base = first
	x.sealed = x.sealed[:0:0] // answers under way keep theirs
	for i, body := range kept {
		segment, err := openSegment(i, x.shape, body)
		if err != nil {
			return err
		}
		x.sealed = append(x.sealed, segment)
	}
	x.open = newDraft(x.shape, x.base, len(x.sealed))
	if len(x.sealed) > 0 {
		newest := x.sealed[len(x.sealed)-1]
		if err := x.isOurs(ctx, x.open.next()-1, newest.Mark); err != nil {
			return err
		}
		x.open.last = newest.Last
	}
	err = x.takeUp(ctx, x.open)
	x.read.Store(uint64(x.open.next()))
	return err
}

// kept returns the stored segments, after it has dropped what must not stay
// there.
func (x *Index) kept(ctx context.Context, first ledger.Number) (kept [][]byte, err error) {
	if !x.stale {
		if kept, err = x.stored.Segments(ctx); err != nil {
			return nil, fmt.Errorf("opening the index: %w", err)
		}
		if x.stale, err = x.beginsElsewhere(ctx, first, kept); err != nil || !x.stale {
			return kept, err
		}
	}
	if err := x.stored.Drop(ctx); err != nil { // it is stale until it is gone
		return nil, fmt.Errorf("dropping the index: %w", err)
	}
	x.stale = false
	x.remade.Store(true)
	return nil, nil
}

// beginsElsewhere reports whether what is stored was made from another first
// entry. A damaged row begins nowhere; reading it reports the damage.
func (x *Index) beginsElsewhere(ctx context.Context, first ledger.Number, kept [][]byte) (bool, error) {
	if len(kept) > 0 {
		segment, err := openSegment(0, x.shape, kept[0])
		return err == nil && segment.Base != first, nil
	}
	probe := newDraft(x.shape, first, 0)
	row, err := x.stored.Row(ctx, probe.portionKey(0), false)
	if err != nil {
		if fault.Is(err, fault.Absent) {
			err = nil
		}
		return false, err
	}
	row, err = row.open(false)
	return err == nil && errors.Is(probe.addPortion(row), ErrElsewhere), nil
}

// isOurs refuses what was not made from this ledger.
func (x *Index) isOurs(ctx context.Context, number ledger.Number, made [32]byte) error {
	const advice = "verify the ledger, then run poterne ledger audit-index --rebuild"
	entry, err := x.ledger.Entry(ctx, number)
	switch {
	case err != nil:
		return fmt.Errorf("the index was made from entry %d, which is not to be had: %w; if the ledger is shorter, %s", number, err, advice)
	case mark(entry) != made:
		return errors.New("the index was not made from this ledger; " + advice)
	}
	return nil
}

// mark tells a segment's last entry from every other.
func mark(entry ledger.Entry) [sha256.Size]byte { return sha256.Sum256(entry.Append(nil)) }

// seal stores the open segment, which entry completes.
func (x *Index) seal(ctx context.Context, entry ledger.Entry) error {
	var segment Segment
	err := x.stored.Seal(ctx, x.open.number, func(s Sealing) ([]byte, error) {
		var err error
		segment, err = x.open.seal(ctx, mark(entry), s)
		return segment.body(x.shape), err
	})
	if err != nil {
		return fmt.Errorf("sealing segment %d of the index: %w", x.open.number, err)
	}
	if segment.Rows == 0 { // another process did
		kept, err := x.stored.Segments(ctx)
		if err != nil {
			return err
		}
		if len(kept) <= x.open.number {
			return fmt.Errorf("segment %d of the index is gone", x.open.number)
		}
		if segment, err = openSegment(x.open.number, x.shape, kept[x.open.number]); err != nil {
			return err
		}
		if segment.Base != x.base { // that process has not seen yet, or we have not
			return ErrElsewhere
		}
	}
	x.sealed = append(x.sealed, segment)
	x.open = newDraft(x.shape, x.base, x.open.number+1)
	x.open.last = segment.Last
	return nil
}

// snapshot is the index at one moment; it stays true whatever is sealed later.
type snapshot struct {
	*Index
	base   ledger.Number
	sealed []Segment
	open   view
}

// begun is the time of the first entry; zero when there is none.
func (s snapshot) begun() time.Time {
	if len(s.sealed) > 0 {
		return s.sealed[0].First
	}
	return s.open.first
}

// now catches up and takes a snapshot.
func (x *Index) now(ctx context.Context) (snapshot, error) {
	if err := x.take(ctx); err != nil {
		return snapshot{}, err
	}
	defer x.leave()
	if err := x.catchUp(ctx, nil); err != nil {
		return snapshot{}, err
	}
	return snapshot{x, x.base, slices.Clip(x.sealed), x.open.view()}, nil
}

// pages yields the pages of the sealed segments from one up to and without another,
// and fails where one is damaged or missing.
func (x *Index) pages(ctx context.Context, side Side, page, from, to int, more bool) iter.Seq2[Row, error] {
	return whole(x.stored.Pages(ctx, side, page, from, to, more), Key{Side: side, Page: page}, from, to, more)
}

// whole opens rows, one for each segment.
func whole(rows iter.Seq2[Row, error], key Key, from, to int, more bool) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		key.Segment = from
		for row, err := range rows {
			if err != nil {
				yield(Row{}, err)
				return
			}
			if row.Key != key {
				break
			}
			row, err = row.open(more)
			if !yield(row, err) || err != nil {
				return
			}
			key.Segment++
		}
		if key.Segment < to {
			yield(Row{}, Damage{key})
		}
	}
}

// row returns one row, and fails when it is damaged or missing.
func (x *Index) row(ctx context.Context, key Key, more bool) (Row, error) {
	row, err := x.stored.Row(ctx, key, more)
	switch {
	case fault.Is(err, fault.Absent):
		return Row{}, Damage{key}
	case err != nil:
		return Row{}, err
	}
	return row.open(more)
}
