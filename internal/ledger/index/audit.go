package index

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"strings"

	"poterne/internal/fault"
	"poterne/internal/ledger"
)

// Difference is the first place where the index is not what the ledger makes of it.
type Difference struct {
	Segment  int
	From, To ledger.Number // the entries of the segment, both included
	What     string
}

func (d Difference) Error() string {
	return fmt.Sprintf("segment %d, entries %d to %d: %s", d.Segment, d.From, d.To, d.What)
}

// Audit reads the whole ledger again, makes each sealed segment of it in memory, and
// compares every byte. It returns how many segments it compared; a Difference is the
// first that was found, and ErrElsewhere says that it has to be made again. It tells
// how many entries it has read; tell may be nil.
func (x *Index) Audit(ctx context.Context, tell func(ledger.Number)) (compared int, err error) {
	if err := x.take(ctx); err != nil {
		return 0, err
	}
	defer x.leave()
	kept, err := x.stored.Segments(ctx)
	if err != nil {
		return 0, fmt.Errorf("opening the index: %w", err)
	}
	first, err := x.ledger.First(ctx)
	if err != nil {
		return 0, fmt.Errorf("looking where the ledger begins: %w", err)
	}
	switch elsewhere, err := x.beginsElsewhere(ctx, first, kept); {
	case err != nil:
		return 0, err
	case elsewhere:
		return 0, ErrElsewhere
	}
	draft, rows := newDraft(x.shape, first, 0), 0
	for entry, err := range x.ledger.Entries(ctx, first) {
		if err != nil {
			return compared, fmt.Errorf("reading the ledger beside its index: %w", err)
		}
		if err := draft.add(entry); err != nil {
			return compared, err
		}
		if tell != nil && entry.Number%(1<<14) == 0 {
			tell(entry.Number)
		}
		if draft.entries < x.shape.Segment {
			continue
		}
		if compared == len(kept) {
			break // not sealed yet
		}
		made, err := x.compare(ctx, draft, mark(entry), kept[compared])
		if err != nil {
			return compared, err
		}
		rows += made
		compared++
		draft = newDraft(x.shape, first, compared)
		draft.last = entry.Time
	}
	if compared < len(kept) {
		return compared, draft.differs("the ledger ends before it")
	}
	if err := x.comparePortions(ctx, draft); err != nil {
		return compared, err
	}
	there, err := x.stored.Rows(ctx)
	if err == nil && there != rows {
		err = fmt.Errorf("the index has %d rows, the ledger makes %d", there, rows)
	}
	return compared, err
}

func (d *draft) differs(format string, args ...any) Difference {
	return Difference{d.number, d.start(), d.start() + ledger.Number(d.shape.Segment) - 1, fmt.Sprintf(format, args...)}
}

// compare makes a segment of the ledger, holds it against what is stored, and returns how
// many rows it has.
func (x *Index) compare(ctx context.Context, d *draft, mark [32]byte, kept []byte) (rows int, err error) {
	segment, err := d.seal(ctx, mark, &comparison{x.stored, d})
	if err == nil && !bytes.Equal(kept, segment.body(x.shape)) {
		err = d.differs("what it says of itself: changed")
	}
	return segment.Rows, err
}

// comparison seals nothing: it compares each row with the one that is kept. Earlier
// segments have been compared already, so that their people are right.
type comparison struct {
	stored Segments
	draft  *draft
}

// People implements Sealing.
func (c *comparison) People(ctx context.Context, page int) iter.Seq2[Row, error] {
	return c.stored.Pages(ctx, People, page, 0, c.draft.number, false)
}

// Put implements Sealing.
func (c *comparison) Put(ctx context.Context, made Row) error {
	kept, err := c.stored.Row(ctx, made.Key, true)
	if err != nil && !fault.Is(err, fault.Absent) {
		return err
	}
	switch missing := err != nil; {
	case missing:
		return c.draft.differs("%s: missing", c.class(made.Key))
	case !bytes.Equal(made.Body, kept.Body) || !bytes.Equal(made.More, kept.More):
		return c.draft.differs("%s: changed", c.class(made.Key))
	}
	return nil
}

// class is what a row is about: people by the beginning of their pseudonyms, or accounts
// by their names.
func (c *comparison) class(key Key) string {
	if key.Side == People {
		return fmt.Sprintf("page %d of %d of people", key.Page, c.draft.shape.Pages)
	}
	var names []string
	for _, name := range c.draft.names {
		if c.draft.shape.accountPage(name) == key.Page {
			names = append(names, string(name))
		}
	}
	said := fmt.Sprintf("page %d of %d of accounts", key.Page, c.draft.shape.Pages)
	if len(names) == 0 {
		return said
	}
	return said + ", with " + strings.Join(names, ", ")
}

// Rebuild drops the index and makes it anew.
func (x *Index) Rebuild(ctx context.Context, tell func(ledger.Number)) error {
	if err := x.take(ctx); err != nil {
		return err
	}
	defer x.leave()
	x.settled, x.stale = false, true
	defer x.remade.Store(false) // it was asked for
	return x.catchUp(ctx, tell)
}
