// Package index answers "who was shown to these accounts" and "who saw this
// person" without reading the ledger. It is derived: it can be dropped, rebuilt
// from the ledger to the same bytes, and checked against it. Its answers are
// exact, or there is none: what is damaged or missing is an error, never left
// out.
//
// Entries are taken in by segments of a fixed number. A complete segment is sealed:
// sorted once by person and once by account, and written as pages that do not
// change any more. The segment that is still open is in memory.
package index

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"time"

	"poterne/internal/fault"
	"poterne/internal/ledger"
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

// Book is the ledger, as the index reads it.
type Book interface {
	// Entries yields the entries from a number on, in order, without gaps.
	Entries(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error]
	// Entry returns one entry.
	Entry(ctx context.Context, number ledger.Number) (ledger.Entry, error)
}

// Shelf is where sealed segments are kept. It may be shared between processes.
type Shelf interface {
	// Segments returns the sealed segments, as Seal took them, oldest first.
	Segments(ctx context.Context) ([][]byte, error)
	// Seal keeps what write puts, together or not at all, as the segment of this
	// number, and what write returns as the segment itself. While write runs nobody
	// else seals. It does nothing when the segment is sealed already, and fails when
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
	// Drop forgets everything.
	Drop(ctx context.Context) error
}

// Sealing is a segment while it is sealed.
type Sealing interface {
	// People yields the pages of people of all earlier segments, as Shelf.Pages does,
	// without More.
	People(ctx context.Context, page int) iter.Seq2[Row, error]
	// Put keeps a row.
	Put(ctx context.Context, row Row) error
}

// Index is the sealed segments on a shelf and the open one in memory. It is safe
// for concurrent use.
type Index struct {
	shape Shape
	book  Book
	shelf Shelf

	turn    chan struct{} // holds one token; whoever has it may use what follows
	sealed  []Segment
	open    *draft
	settled bool // sealed and open are what the shelf and the book say
}

// New returns an index over a ledger. It reads nothing yet.
func New(shape Shape, book Book, shelf Shelf) *Index {
	x := &Index{shape: shape, book: book, shelf: shelf, turn: make(chan struct{}, 1)}
	x.turn <- struct{}{}
	return x
}

// Run keeps the index up with the ledger until ctx ends. What fails is tried again:
// the ledger is whole without it, and whoever asks is told.
func (x *Index) Run(ctx context.Context, log *slog.Logger) error {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		if err := x.CatchUp(ctx, nil); err != nil && ctx.Err() == nil {
			log.ErrorContext(ctx, "the index of the ledger could not follow", slog.Any("err", err))
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

func (x *Index) catchUp(ctx context.Context, tell func(ledger.Number)) error {
	if !x.settled {
		if err := x.settle(ctx); err != nil {
			return err
		}
	}
	x.settled = false // unless all goes well
	for entry, err := range x.book.Entries(ctx, x.open.next()) {
		if err != nil {
			return fmt.Errorf("reading the ledger for its index: %w", err)
		}
		if err := x.open.add(entry); err != nil {
			return err
		}
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

// settle begins where the shelf ends, once it is sure that what is on the shelf was
// made from this ledger.
func (x *Index) settle(ctx context.Context) error {
	kept, err := x.shelf.Segments(ctx)
	if err != nil {
		return fmt.Errorf("opening the index: %w", err)
	}
	x.sealed = x.sealed[:0:0] // answers under way keep theirs
	for i, body := range kept {
		segment, err := openSegment(i, x.shape, body)
		if err != nil {
			return err
		}
		x.sealed = append(x.sealed, segment)
	}
	x.open = newDraft(x.shape, len(x.sealed))
	if len(x.sealed) > 0 {
		newest := x.sealed[len(x.sealed)-1]
		if err := x.isOurs(ctx, x.open.next()-1, newest.Mark); err != nil {
			return err
		}
		x.open.last = newest.Last
	}
	return x.takeUp(ctx, x.open)
}

// isOurs refuses what was not made from this ledger.
func (x *Index) isOurs(ctx context.Context, number ledger.Number, made [32]byte) error {
	const advice = "verify the ledger, then run poterne ledger audit-index --rebuild"
	entry, err := x.book.Entry(ctx, number)
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

// seal puts the open segment, which entry completes, on the shelf.
func (x *Index) seal(ctx context.Context, entry ledger.Entry) error {
	var segment Segment
	err := x.shelf.Seal(ctx, x.open.number, func(s Sealing) ([]byte, error) {
		var err error
		segment, err = x.open.seal(ctx, mark(entry), s)
		return segment.body(x.shape), err
	})
	if err != nil {
		return fmt.Errorf("sealing segment %d of the index: %w", x.open.number, err)
	}
	if segment.Rows == 0 { // another process did
		kept, err := x.shelf.Segments(ctx)
		if err != nil {
			return err
		}
		if len(kept) <= x.open.number {
			return fmt.Errorf("segment %d of the index is gone", x.open.number)
		}
		if segment, err = openSegment(x.open.number, x.shape, kept[x.open.number]); err != nil {
			return err
		}
	}
	x.sealed = append(x.sealed, segment)
	x.open = newDraft(x.shape, x.open.number+1)
	x.open.last = segment.Last
	return nil
}

// snapshot is the index at one moment; it stays true whatever is sealed later.
type snapshot struct {
	*Index
	sealed []Segment
	open   view
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
	return snapshot{x, slices.Clip(x.sealed), x.open.view()}, nil
}

// pages yields the pages of the sealed segments from one up to and without another,
// and fails where one is damaged or missing.
func (x *Index) pages(ctx context.Context, side Side, page, from, to int, more bool) iter.Seq2[Row, error] {
	return whole(x.shelf.Pages(ctx, side, page, from, to, more), Key{Side: side, Page: page}, from, to, more)
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
	row, err := x.shelf.Row(ctx, key, more)
	switch {
	case err != nil && fault.Of(err) == fault.Absent:
		return Row{}, Damage{key}
	case err != nil:
		return Row{}, err
	}
	return row.open(more)
}
