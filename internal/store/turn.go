package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/ledger"
	"poterne/internal/order"
)

// Turn implements gate.Book.
func (s *Store) Turn(ctx context.Context, act func(gate.Head) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("beginning a turn: %w", s.engine.classify(err))
	}
	t := &turn{ctx: ctx, store: s, tx: tx}
	if err = t.take(); err == nil {
		err = act(t)
	}
	if err != nil || !t.dirty {
		if undone := s.rollback(tx); undone != nil { // what the connection still holds is not known
			return errors.Join(err, gate.ErrOutcomeUnknown, undone)
		}
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("%w: %w", gate.ErrOutcomeUnknown, err)
	}
	if s.engine.doubtful() {
		return fmt.Errorf("%w: no standby has it", gate.ErrOutcomeUnknown)
	}
	return nil
}

// turn implements gate.Head inside one transaction.
type turn struct {
	ctx        context.Context
	store      *Store
	tx         *sql.Tx
	next       ledger.Number
	last       time.Time
	generation uint64
	dirty      bool
}

func (t *turn) take() error {
	var last int64
	err := t.tx.StmtContext(t.ctx, t.store.prepared.head).QueryRowContext(t.ctx).Scan(&t.next, &last, &t.generation)
	t.last = time.UnixMicro(last).UTC()
	if err == nil && t.next > 0 && !t.store.calendar.knows(ledger.MonthOf(t.last)) {
		err = t.store.calendar.look(t.ctx, t.tx)
	}
	return doing("taking the head", err)
}

func (t *turn) Next() ledger.Number { return t.next }
func (t *turn) Last() time.Time     { return t.last }
func (t *turn) Generation() uint64  { return t.generation }

func (t *turn) Entries(from ledger.Number) iter.Seq2[ledger.Entry, error] {
	first, _, _ := t.store.calendar.holding(from)
	last := ledger.MonthOf(t.last)
	return t.store.veil.Entries(sealedPortion(t.ctx, t.tx, t.store.engine, from, noEnd, first, last, math.MaxInt))
}

func (t *turn) Write(entries []ledger.Entry, at time.Time) error {
	rows, err := t.store.veil.Seal(entries)
	if err != nil {
		return err
	}
	return t.write(rows, at)
}

func (t *turn) write(rows []ledger.Sealed, at time.Time) error {
	t.dirty = true
	month, err := t.enter(ledger.MonthOf(at))
	if err != nil {
		return err
	}
	for _, insert := range t.store.prepared.inserts {
		for len(rows) >= max(insert.rows, 1) {
			count, err := insert.write(t.ctx, t.tx, rows, month, at)
			if err != nil {
				return doing("writing entries", err)
			}
			t.next = rows[count-1].Number + 1
			rows = rows[count:]
		}
	}
	t.last = at
	if t.store.prepared.move == nil {
		return nil
	}
	_, err = t.tx.StmtContext(t.ctx, t.store.prepared.move).ExecContext(t.ctx, int64(t.next), at.UnixMicro())
	return doing("moving the head", err)
}

// inForce selects the orders placed and not lifted, as scanOrder reads them.
const inForce = `
	select id, effect, reach, target, placed_us, ends_us, placed_by, because, message
	from standing_order where lifted_us is null`

func (t *turn) Orders() (order.Book, error) {
	rows, err := t.tx.QueryContext(t.ctx, inForce+` order by placed_us, id`)
	if err != nil {
		return nil, doing("reading orders", err)
	}
	defer rows.Close()
	var book order.Book
	for rows.Next() {
		o, err := scanOrder(rows)
		if err != nil {
			return nil, doing("reading an order", err)
		}
		book = append(book, o)
	}
	return book, doing("reading orders", rows.Err())
}

func scanOrder(row interface{ Scan(...any) error }) (order.Order, error) {
	var o order.Order
	var placed, ends sql.NullInt64
	err := row.Scan(&o.ID, &o.Effect, &o.Reach, &o.Target, &placed, &ends, &o.By, &o.Because, &o.Message)
	o.Placed, o.Ends = fromMicro(placed), fromMicro(ends)
	return o, err
}

func (t *turn) Place(o order.Order) error {
	const insert = `
		insert into standing_order (id, effect, reach, target, placed_us, ends_us, placed_by, because, message)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	t.dirty = true
	if _, err := t.tx.ExecContext(t.ctx, insert, string(o.ID), string(o.Effect), string(o.Reach), o.Target,
		o.Placed.UnixMicro(), micro(o.Ends), o.By, o.Because, o.Message); err != nil {
		return doing("placing an order", err)
	}
	return t.advance()
}

func (t *turn) Lift(id order.ID, by string, at time.Time) (order.Order, error) {
	o, err := scanOrder(t.tx.QueryRowContext(t.ctx, inForce+` and id = $1`, string(id)))
	if errors.Is(err, sql.ErrNoRows) {
		return o, &fault.Error{Kind: fault.Absent, Public: fmt.Sprintf("no order %s is in force", id)}
	}
	if err != nil {
		return o, doing("finding an order", err)
	}
	const lift = `update standing_order set lifted_us = $1, lifted_by = $2 where id = $3`
	t.dirty = true
	if _, err := t.tx.ExecContext(t.ctx, lift, at.UnixMicro(), by, string(id)); err != nil {
		return o, doing("lifting an order", err)
	}
	return o, t.advance()
}

// advance makes a new generation: what every node knows of the orders in force and
// of askers is to be read again.
func (t *turn) advance() error {
	t.generation++
	return doing("advancing the generation", advance(t.ctx, t.tx))
}

func advance(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `update head set generation = generation + 1`)
	return err
}

// doing says what an error met. It is left unsorted: an error in a turn is never
// the asker's, and spoils the turn.
func doing(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
