package store

import (
	"context"
	"database/sql"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/person"
	"poterne/internal/roster"
	"poterne/internal/seal"
)

// Withholdings is which lines people are not shown for a while.
type Withholdings struct{ db *DB }

// NewWithholdings returns the withholdings in a database.
func NewWithholdings(db *DB) Withholdings { return Withholdings{db} }

// Withholdings implements person.Withholdings.
func (w Withholdings) Withholdings(ctx context.Context) ([]person.Withholding, error) {
	return w.db.withholdings(ctx, w.db.read, `true`)
}

const withholdingColumns = `number, account, since_us, until_us, because, asked_by, approved_by, asked_us, stopped_us, stopped_by, seal`

// withholdings reads those that meet a condition. One that no node wrote is an error.
func (db *DB) withholdings(ctx context.Context, from querier, condition string, args ...any) ([]person.Withholding, error) {
	list, err := collect(ctx, from, db.scanWithholding, `select `+withholdingColumns+` from withholding where `+condition+` order by number`, args...)
	return list, db.engine.classify(err)
}

func (db *DB) scanWithholding(row scanner) (w person.Withholding, err error) {
	var since, until, asked int64
	var stopped sql.NullInt64
	var sealed []byte
	err = row.Scan(&w.Number, &w.Account, &since, &until, &w.Because, &w.By, &w.Approver, &asked, &stopped, &w.StoppedBy, &sealed)
	w.Since, w.Until, w.Asked, w.Stopped = time.UnixMicro(since).UTC(), time.UnixMicro(until).UTC(), time.UnixMicro(asked).UTC(), fromMicro(stopped)
	return w, db.seals.demand(err, sealed, withholdingRow(w), "withholding", w.Number)
}

func withholdingRow(w person.Withholding) *seal.Row {
	return seal.NewRow("withholding").Int(int64(w.Number)).Text(string(w.Account)).Time(w.Since).Time(w.Until).Text(w.Because).
		Text(string(w.By)).Text(string(w.Approver)).Time(w.Asked).Time(w.Stopped).Text(string(w.StoppedBy))
}

// withholdingRows is the withholdings, in a turn.
type withholdingRows struct{ *turn }

// Withholding implements person.WithholdingRows.
func (r withholdingRows) Withholding(number ledger.Number) (person.Withholding, error) {
	list, err := r.db.withholdings(r.ctx, r.tx, `number = $1`, int64(number))
	return only(list, err, "withholding", number)
}

// WithholdingsAsked implements person.WithholdingRows.
func (r withholdingRows) WithholdingsAsked(by roster.AccountID, since time.Time) (int, error) {
	return r.asked("withholding", by, since)
}

// PutWithholding implements person.WithholdingRows.
func (r withholdingRows) PutWithholding(w person.Withholding) error {
	const put = `insert into withholding (` + withholdingColumns + `) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		on conflict (number) do update set approved_by = excluded.approved_by, stopped_us = excluded.stopped_us, stopped_by = excluded.stopped_by, seal = excluded.seal`
	_, err := r.exec(put, int64(w.Number), string(w.Account), w.Since.UnixMicro(), w.Until.UnixMicro(), w.Because, string(w.By), string(w.Approver),
		w.Asked.UnixMicro(), micro(w.Stopped), string(w.StoppedBy), r.db.seals.seal(withholdingRow(w)))
	return doing("writing a withholding", err)
}
