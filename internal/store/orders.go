package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

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

const orderColumns = `select id, effect, reach, target, placed_us, ends_us, placed_by, cause, because, message, lifted_us, lifted_by, seal from standing_order`

// ordersInForce reads the orders placed and not lifted. Whatever is not as a node wrote
// it closes everything: what it said is not known. One that was lifted counts as lifted
// only if a node lifted it.
func (db *DB) ordersInForce(ctx context.Context, q querier) (orders order.Set, err error) {
	rows, err := q.QueryContext(ctx, orderColumns+` where lifted_us is null order by placed_us, id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		o, err := db.scanOrder(rows)
		if err != nil {
			return nil, err
		}
		orders = append(orders, o.asDecided())
	}
	return orders, rows.Err()
}

// storedOrder is an order as its row says.
type storedOrder struct {
	order.Order
	lifted time.Time
	by     string // who lifted it
	broken bool   // no node wrote it so
}

func (db *DB) scanOrder(row interface{ Scan(...any) error }) (o storedOrder, err error) {
	var placed, ends, lifted sql.NullInt64
	var by sql.NullString
	var seal []byte
	err = row.Scan(&o.ID, &o.Effect, &o.Reach, &o.Target, &placed, &ends, &o.By, &o.Cause, &o.Because, &o.Message, &lifted, &by, &seal)
	o.Placed, o.Ends, o.lifted, o.by = fromMicro(placed), fromMicro(ends), fromMicro(lifted), by.String
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
		insert into standing_order (id, effect, reach, target, placed_us, ends_us, placed_by, cause, because, message, seal)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`
	_, err := r.exec(insert, string(o.ID), string(o.Effect), string(o.Reach), o.Target,
		o.Placed.UnixMicro(), micro(o.Ends), o.By, int64(o.Cause), o.Because, o.Message, r.db.seals.seal(orderRow(o, time.Time{}, "")))
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
