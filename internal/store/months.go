package store

import (
	"context"
	"database/sql"

	"poterne/internal/ledger"
)

// Periods returns the ledger's months, oldest first, those that were dropped
// included.
func (s *Store) Periods(ctx context.Context) ([]ledger.Period, error) {
	periods, err := periods(ctx, s.read)
	return periods, s.engine.classify(err)
}

func periods(ctx context.Context, db querier) ([]ledger.Period, error) {
	rows, err := db.QueryContext(ctx, `select month, first, dropped, next from period, head order by month`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var periods []ledger.Period
	for rows.Next() {
		var dropped sql.NullInt64
		period := ledger.Period{Open: true}
		if err := rows.Scan(&period.Month, &period.First, &dropped, &period.End); err != nil {
			return nil, err
		}
		period.Dropped, period.By = dropped.Valid, ledger.Number(dropped.Int64)
		if before := len(periods) - 1; before >= 0 {
			periods[before].End, periods[before].Open = period.First, false
		}
		periods = append(periods, period)
	}
	return periods, rows.Err()
}

// First returns the number of the first entry that is still there; the next to be
// written when there is none.
func (s *Store) First(ctx context.Context) (first ledger.Number, err error) {
	err = s.read.QueryRowContext(ctx, `select coalesce((select min(number) from entry), next) from head`).Scan(&first)
	return first, s.engine.classify(err)
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
