package store

import (
	"context"
	"database/sql"
	"time"

	"poterne/internal/order"
)

// Orders is the orders in force.
type Orders struct{ db *DB }

// NewOrders returns the orders in a database.
func NewOrders(db *DB) Orders { return Orders{db} }

// InForce returns the orders in force, oldest first.
func (o Orders) InForce(ctx context.Context) (order.Set, error) {
	orders, err := ordersInForce(ctx, o.db.read)
	return orders, o.db.engine.classify(err)
}

// inForce selects the orders placed and not lifted, as scanOrder reads them.
const inForce = `
	select id, effect, reach, target, placed_us, ends_us, placed_by, cause, because, message
	from standing_order where lifted_us is null`

func ordersInForce(ctx context.Context, db querier) (orders order.Set, err error) {
	rows, err := db.QueryContext(ctx, inForce+` order by placed_us, id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		o, err := scanOrder(rows)
		if err != nil {
			return nil, err
		}
		orders = append(orders, o)
	}
	return orders, rows.Err()
}

func scanOrder(row interface{ Scan(...any) error }) (order.Order, error) {
	var o order.Order
	var placed, ends sql.NullInt64
	err := row.Scan(&o.ID, &o.Effect, &o.Reach, &o.Target, &placed, &ends, &o.By, &o.Cause, &o.Because, &o.Message)
	o.Placed, o.Ends = fromMicro(placed), fromMicro(ends)
	return o, err
}

// orderRows is the orders in force, in a turn.
type orderRows struct{ *turn }

// InsertOrder implements containment.Rows.
func (r orderRows) InsertOrder(o order.Order) error {
	const insert = `
		insert into standing_order (id, effect, reach, target, placed_us, ends_us, placed_by, cause, because, message)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
	_, err := r.exec(insert, string(o.ID), string(o.Effect), string(o.Reach), o.Target,
		o.Placed.UnixMicro(), micro(o.Ends), o.By, int64(o.Cause), o.Because, o.Message)
	return doing("placing an order", err)
}

// LiftOrder implements containment.Rows.
func (r orderRows) LiftOrder(id order.ID, by string, at time.Time) error {
	const lift = `update standing_order set lifted_us = $1, lifted_by = $2 where id = $3 and lifted_us is null`
	done, err := r.exec(lift, at.UnixMicro(), by, string(id))
	return doing("lifting an order", oneRow(done, err))
}
