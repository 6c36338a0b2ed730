package store

import (
	"context"
	"database/sql"

	"poterne/internal/ledger"
	"poterne/internal/ledger/retention"
	"poterne/internal/store/stock"
)

// Retention returns how long entries are kept: what was set and what was held.
func (m Months) Retention(ctx context.Context) (retention.Schedule, error) {
	tx, h, err := m.db.snapshot(ctx)
	if err != nil {
		return retention.Schedule{}, m.db.engine.classify(err)
	}
	defer func() { _ = tx.Rollback() }() // it has only read
	schedule, err := retentionSchedule(ctx, tx)
	if keys := m.db.seals.keys.Load(); err == nil && keys != nil {
		schedule.Altered, err = stock.Altered(ctx, tx, keys, h.inventory, schedule)
	}
	return schedule, m.db.engine.classify(err)
}

// Retention implements custody.Rows. What this turn has changed was looked at before it did.
func (r monthRows) Retention() (retention.Schedule, error) {
	schedule, err := retentionSchedule(r.ctx, r.tx)
	if keys := r.db.seals.keys.Load(); err == nil && keys != nil && len(r.changed) == 0 {
		schedule.Altered, err = stock.Altered(r.ctx, r.tx, keys, r.inventory, schedule)
	}
	return schedule, err
}

func retentionSchedule(ctx context.Context, db querier) (schedule retention.Schedule, err error) {
	schedule.Settings, err = collect(ctx, db, func(row scanner) (s retention.Setting, err error) {
		err = row.Scan(&s.Since, &s.Months, &s.Reason)
		return s, err
	}, `select since, months, reason from retention order by since`)
	if err != nil {
		return schedule, err
	}
	schedule.Holds, err = collect(ctx, db, func(row scanner) (h retention.Hold, err error) {
		var until, released sql.NullInt64
		err = row.Scan(&h.Number, &h.Since, &until, &h.Because, &h.By, &h.Approver, &released)
		h.Until = ledger.Month(until.Int64)
		h.Released, h.Release = released.Valid, ledger.Number(released.Int64)
		return h, err
	}, `select number, since, until, because, placed_by, approved_by, released from hold order by number`)
	return schedule, err
}

// InsertSetting implements custody.Rows.
func (r monthRows) InsertSetting(s retention.Setting) error {
	const insert = `insert into retention (since, months, reason) values ($1, $2, $3)`
	r.stock(stock.Setting(s))
	_, err := r.exec(insert, int64(s.Since), s.Months, s.Reason)
	return doing("setting how long entries are kept", err)
}

// InsertHold implements custody.Rows.
func (r monthRows) InsertHold(h retention.Hold) error {
	const insert = `insert into hold (number, since, until, because, placed_by, approved_by) values ($1, $2, $3, $4, $5, $6)`
	r.stock(stock.Hold(h, false))
	until := sql.NullInt64{Int64: int64(h.Until), Valid: h.Until != 0}
	_, err := r.exec(insert, int64(h.Number), int64(h.Since), until, h.Because, string(h.By), string(h.Approver))
	return doing("placing a hold", err)
}

// ReleaseHold implements custody.Rows.
func (r monthRows) ReleaseHold(hold, by ledger.Number) error {
	schedule, err := retentionSchedule(r.ctx, r.tx)
	if err != nil {
		return doing("reading a hold", err)
	}
	for _, h := range schedule.Holds {
		if h.Number == hold && !h.Released {
			r.stock(stock.Hold(h, true))
			h.Release = by
			r.stock(stock.Hold(h, false))
		}
	}
	const release = `update hold set released = $1 where number = $2 and released is null`
	done, err := r.exec(release, int64(by), int64(hold))
	return doing("releasing a hold", oneRow(done, err))
}
