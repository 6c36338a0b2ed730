package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/store/calendar"
)

// Months is the months of the ledger, and how long they are kept.
type Months struct{ db *DB }

// NewMonths returns the months of the ledger in a database.
func NewMonths(db *DB) Months { return Months{db} }

// Periods returns the ledger's months, oldest first, those that were dropped
// included.
func (m Months) Periods(ctx context.Context) ([]ledger.Period, error) {
	periods, err := calendar.Periods(ctx, m.db.read)
	return periods, m.db.engine.classify(err)
}

// Last returns the time of the last entry; the zero time when there is none.
func (m Months) Last(ctx context.Context) (time.Time, error) {
	var last sql.NullInt64
	err := m.db.read.QueryRowContext(ctx, `select nullif(last_us, 0) from head`).Scan(&last)
	return fromMicro(last), m.db.engine.classify(err)
}

// Weigh returns the bytes of a month's entries: without what the engine needs beside
// them. It reads them all.
func (m Months) Weigh(ctx context.Context, period ledger.Period) (bytes int64, err error) {
	const sum = `select coalesce(sum(length(body)), 0) from turn where first >= $1 and first < $2`
	err = m.db.read.QueryRowContext(ctx, sum, int64(period.First), int64(period.End)).Scan(&bytes)
	return bytes, m.db.engine.classify(err)
}

// Condense holds every entry of a closed month against the tree. When all hold it
// keeps what the tree publishes of them, 32 bytes each, so that it goes on being
// published when they are gone; otherwise it returns what it found. It does not
// hold the head, and goes on where it was interrupted. On PostgreSQL only the owner
// may.
func (m Months) Condense(ctx context.Context, month ledger.Month, tell func(done, total int64)) ([]ledger.Finding, error) {
	periods, err := m.Periods(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the months: %w", err)
	}
	period, _, err := ledger.ClosedPeriod(periods, month)
	if err != nil || period.Dropped {
		return nil, err
	}
	var pieces []ledger.Condensed
	findings, err := ledger.Condense(ctx, NewLedger(m.db), period, func(piece ledger.Condensed) error {
		if pieces = append(pieces, piece); len(pieces) < piecesAtOnce {
			return nil
		}
		full := pieces
		pieces = nil
		return m.condense(ctx, full)
	}, tell)
	if err == nil && len(findings) == 0 {
		err = m.condense(ctx, pieces)
	}
	if err != nil {
		return findings, fmt.Errorf("condensing %s: %w", month, err)
	}
	return findings, nil
}

// piecesAtOnce is how many pieces are made durable together.
const piecesAtOnce = 64

func (m Months) condense(ctx context.Context, pieces []ledger.Condensed) error {
	const insert = `insert into condensed (first, commitments) values ($1, $2) on conflict (first) do nothing`
	return m.db.within(ctx, func(tx *sql.Tx) error {
		for _, piece := range pieces {
			if _, err := tx.ExecContext(ctx, insert, int64(piece.First), piece.Commitments); err != nil {
				return err
			}
		}
		return nil
	})
}

// monthRows is the ledger's months and how long they are kept, in a turn.
type monthRows struct{ *turn }

// Periods implements custody.DropRows.
func (r monthRows) Periods() ([]ledger.Period, error) {
	periods, err := calendar.Periods(r.ctx, r.tx)
	return periods, doing("reading the months", err)
}

// Kept implements custody.DropRows.
func (r monthRows) Kept(period ledger.Period) (condensed, signed ledger.Number, err error) {
	const query = `
		select coalesce((select sum(length(commitments)) from condensed where first >= $1 and first < $2), 0),
			coalesce((select max(size) from checkpoint), 0)`
	var bytes int64
	err = r.tx.QueryRowContext(r.ctx, query, int64(period.First), int64(period.End)).Scan(&bytes, &signed)
	return ledger.Number(bytes / ledger.CommitmentSize), signed, doing("looking for what is kept of a month", err)
}

// RemovePeriod implements custody.DropRows. On PostgreSQL only the owner may.
func (r monthRows) RemovePeriod(period ledger.Period, by ledger.Number) error {
	if _, err := r.exec(`update period set dropped = $1 where month = $2`, int64(by), period.Month); err != nil {
		return doing("noting that a month is dropped", err)
	}
	return doing("removing its entries", r.db.engine.Remove(r.ctx, r.tx, period))
}

// Sweep removes the checkpoints inside a dropped period, with what witnesses put
// under them, but for the last; and then what the engine leaves behind.
func (m Months) Sweep(ctx context.Context, period ledger.Period) error {
	var last sql.NullInt64
	if err := m.db.write.QueryRowContext(ctx, `select max(size) from checkpoint where size <= $1`, int64(period.End)).Scan(&last); err != nil {
		return m.db.engine.classify(err)
	}
	for _, table := range []string{"cosignature", "checkpoint"} {
		remove := fmt.Sprintf(`delete from %s where size in (select size from %[1]s where size > $1 and size < $2 limit %d)`, table, sweptAtOnce)
		for {
			result, err := m.db.write.ExecContext(ctx, remove, int64(period.First), last.Int64)
			if err != nil {
				return fmt.Errorf("removing its checkpoints: %w", m.db.engine.classify(err))
			}
			if removed, err := result.RowsAffected(); err != nil || removed == 0 {
				break
			}
		}
	}
	return m.db.engine.Sweep(ctx, m.db.write)
}

// sweptAtOnce bounds what one statement removes outside a turn: others wait for it.
const sweptAtOnce = 4096

// Make makes the tables of a month's entries and of those to come, where
// there are none. A file on SQLite needs none.
func (m Months) Make(ctx context.Context, from ledger.Month) error {
	if !m.db.engine.Apart() {
		return nil
	}
	return m.db.within(ctx, func(tx *sql.Tx) error { return calendar.MakeTables(ctx, tx, from) })
}

// enter returns the month that entries are written into, and begins it with the
// next of them when it is later than any before.
func (t *turn) enter(month ledger.Month) (ledger.Month, error) {
	if last := ledger.MonthOf(t.last); t.next > 0 && month <= last {
		return last, nil
	}
	_, err := t.tx.ExecContext(t.ctx, `insert into period (month, first) values ($1, $2)`, month, int64(t.next))
	return month, doing("beginning a month", err)
}
