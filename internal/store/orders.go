package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"poterne/internal/containment"
	"poterne/internal/journal"
	"poterne/internal/order"
)

// Orders is the orders in force.
type Orders struct{ db *DB }

// NewOrders returns the orders in a database.
func NewOrders(db *DB) Orders { return Orders{db} }

// InForce returns the orders in force, oldest first.
func (o Orders) InForce(ctx context.Context) (order.Set, error) {
	orders, err := o.db.ordersInForce(ctx, o.db.read)
	return orders, o.db.engine.classify(err)
}

const orderColumns = `select id, effect, reach, target, placed_us, ends_us, since_us, placed_by, cause, because, message_fr, message_en, spares, lifted_us, lifted_by, seal from standing_order`

// ordersInForce reads the orders placed and not lifted. Whatever is not as a node wrote
// it closes everything: what it said is not known. One that was lifted counts as lifted
// only if a node lifted it.
func (db *DB) ordersInForce(ctx context.Context, q querier) (orders order.Set, err error) {
	return collect(ctx, q, func(row scanner) (order.Order, error) {
		o, err := db.scanOrder(row)
		return o.asDecided(), err
	}, orderColumns+` where lifted_us is null order by placed_us, id`)
}

// storedOrder is an order as its row says.
type storedOrder struct {
	order.Order
	lifted time.Time
	by     string // who lifted it
	broken bool   // no node wrote it so
}

func (db *DB) scanOrder(row scanner) (o storedOrder, err error) {
	var placed, ends, since, lifted sql.NullInt64
	var by sql.NullString
	var seal []byte
	err = row.Scan(&o.ID, &o.Effect, &o.Reach, &o.Target, &placed, &ends, &since, &o.By, &o.Cause, &o.Because, &o.Message.French, &o.Message.English, &o.Spares, &lifted, &by, &seal)
	o.Placed, o.Ends, o.Since, o.lifted, o.by = fromMicro(placed), fromMicro(ends), fromMicro(since), fromMicro(lifted), by.String
	if err == nil {
		o.broken = !db.seals.holds(seal, orderRow(o.Order, o.lifted, o.by), func() string { return string(o.ID) })
	}
	return o, err
}

// asDecided is the order that decisions rest on.
func (o storedOrder) asDecided() order.Order {
	if !o.broken {
		return o.Order
	}
	return order.Order{ID: o.ID, Effect: order.Closed, Reach: order.Everything, Placed: o.Placed, By: journal.Itself, Broken: true}
}

// orderRows is the orders in force, in a turn.
type orderRows struct{ *turn }

// InsertOrder implements containment.Rows.
func (r orderRows) InsertOrder(o order.Order) error {
	const insert = `
		insert into standing_order (id, effect, reach, target, placed_us, ends_us, since_us, placed_by, cause, because, message_fr, message_en, spares, seal)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`
	_, err := r.exec(insert, string(o.ID), string(o.Effect), string(o.Reach), o.Target,
		o.Placed.UnixMicro(), micro(o.Ends), micro(o.Since), o.By, int64(o.Cause), o.Because, o.Message.French, o.Message.English, string(o.Spares), r.db.seals.seal(orderRow(o, time.Time{}, "")))
	return doing("placing an order", err)
}

// SetAside implements containment.RestoredRows. A row that no node wrote is sealed as one
// that was lifted.
func (r orderRows) SetAside(id order.ID, by string, at time.Time) error {
	o, err := r.stored(id)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !o.lifted.IsZero() && !o.broken {
		return nil
	}
	if err != nil {
		return doing("reading an order", err)
	}
	return doing("setting an order aside", r.lift(o, by, at))
}

// Standing implements containment.RestoredRows.
func (r orderRows) Standing(id order.ID) (bool, error) {
	o, err := r.stored(id)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return o.lifted.IsZero() || o.broken, doing("reading an order", err)
}

// LiftOrder implements containment.Rows.
func (r orderRows) LiftOrder(id order.ID, by string, at time.Time) error {
	o, err := r.stored(id)
	if err == nil && !o.lifted.IsZero() {
		err = sql.ErrNoRows
	}
	if err != nil {
		return doing("reading an order", err)
	}
	return doing("lifting an order", r.lift(o, by, at))
}

func (r orderRows) stored(id order.ID) (storedOrder, error) {
	return r.db.scanOrder(r.tx.QueryRowContext(r.ctx, orderColumns+` where id = $1`, string(id)))
}

func (r orderRows) lift(o storedOrder, by string, at time.Time) error {
	const lift = `update standing_order set lifted_us = $1, lifted_by = $2, seal = $3 where id = $4`
	return oneRow(r.exec(lift, at.UnixMicro(), by, r.db.seals.seal(orderRow(o.Order, at, by)), string(o.ID)))
}

const orderLineColumns = `number, order_id, what, spares, by_account, at_us, because, seal`

// LinesOf returns what was proposed and ticked about an order, oldest first.
func (o Orders) LinesOf(ctx context.Context, id order.ID) ([]containment.Line, error) {
	lines, err := o.db.orderLines(ctx, o.db.read, `order_id = $1`, string(id))
	return lines, o.db.engine.classify(err)
}

// orderLines reads lines about orders; those that no node wrote are left out.
func (db *DB) orderLines(ctx context.Context, from querier, condition string, args ...any) ([]containment.Line, error) {
	return collect(ctx, from, func(row scanner) (l containment.Line, err error) {
		var at int64
		var seal []byte
		err = row.Scan(&l.Number, &l.Order, &l.What, &l.Spares, &l.By, &at, &l.Because, &seal)
		l.At = time.UnixMicro(at).UTC()
		return l, db.seals.admitNumber(err, seal, orderLineRow(l), l.Number)
	}, `select `+orderLineColumns+` from order_line where `+condition+` order by number`, args...)
}

// OrderLines implements containment.ReopenRows.
func (r orderRows) OrderLines(id order.ID) ([]containment.Line, error) {
	lines, err := r.db.orderLines(r.ctx, r.tx, `order_id = $1`, string(id))
	return lines, doing("reading what was proposed about an order", err)
}

// InsertOrderLine implements containment.ReopenRows.
func (r orderRows) InsertOrderLine(l containment.Line) error {
	const insert = `insert into order_line (` + orderLineColumns + `) values ($1, $2, $3, $4, $5, $6, $7, $8)`
	_, err := r.exec(insert, int64(l.Number), string(l.Order), string(l.What), string(l.Spares), string(l.By), l.At.UnixMicro(), l.Because, r.db.seals.seal(orderLineRow(l)))
	return doing("writing a line about an order", err)
}

// Reopened returns which services were opened again since a time, and when: orders on them
// were lifted, and none is in force any more.
func (o Orders) Reopened(ctx context.Context, since time.Time) (map[string]time.Time, error) {
	found, still := make(map[string]time.Time), make(map[string]bool)
	err := each(ctx, o.db.read, func(row scanner) error {
		one, err := o.db.scanOrder(row)
		switch {
		case err != nil:
			return err
		case one.broken || one.lifted.IsZero() && (one.Ends.IsZero() || one.Ends.After(since)):
			still[one.Target] = true
		case one.lifted.After(found[one.Target]):
			found[one.Target] = one.lifted
		}
		return nil
	}, orderColumns+` where reach = 'service' and (lifted_us is null or lifted_us >= $1)`, since.UnixMicro())
	for target := range still {
		delete(found, target)
	}
	return found, o.db.engine.classify(err)
}
