package store

import (
	"context"
	"database/sql"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/ledger"
	"poterne/internal/seal"
)

// RightRequests is the habilitations that people asked for.
type RightRequests struct{ db *DB }

// NewRightRequests returns those in a database.
func NewRightRequests(db *DB) RightRequests { return RightRequests{db} }

// RightRequests implements the rows of accounts.RightRequests.
func (r RightRequests) RightRequests(ctx context.Context, since time.Time) ([]accounts.RightRequest, error) {
	list, err := r.db.rightRequests(ctx, r.db.read, `asked_us >= $1`, since.UnixMicro())
	return list, doing("reading requests for habilitations", err)
}

const rightColumns = `number, account, service, purpose, because, asked_us, first_by, second_by, given_us, dropped_us, seal`

// rightRequests reads those that meet a condition. One that no node wrote is an error: it would be
// half signed.
func (db *DB) rightRequests(ctx context.Context, from querier, condition string, args ...any) ([]accounts.RightRequest, error) {
	list, err := collect(ctx, from, db.scanRightRequest, `select `+rightColumns+` from right_request where `+condition+` order by number`, args...)
	return list, db.engine.classify(err)
}

func (db *DB) scanRightRequest(row scanner) (r accounts.RightRequest, err error) {
	var asked int64
	var given, dropped sql.NullInt64
	var sealed []byte
	err = row.Scan(&r.Number, &r.Of, &r.Right.Service, &r.Right.Purpose, &r.Because, &asked, &r.First, &r.Second, &given, &dropped, &sealed)
	r.Asked, r.Given, r.Dropped = time.UnixMicro(asked).UTC(), fromMicro(given), fromMicro(dropped)
	return r, db.seals.demand(err, sealed, rightRow(r), "request for a habilitation", r.Number)
}

func rightRow(r accounts.RightRequest) *seal.Row {
	return seal.NewRow("right_request").Int(int64(r.Number)).Text(string(r.Of)).Text(string(r.Right.Service)).Text(string(r.Right.Purpose)).Text(r.Because).Time(r.Asked).
		Text(string(r.First)).Text(string(r.Second)).Time(r.Given).Time(r.Dropped)
}

// rightRows is the requests, in a turn.
type rightRows struct{ *turn }

// RightRequest implements accounts.RightRows.
func (r rightRows) RightRequest(number ledger.Number) (accounts.RightRequest, error) {
	list, err := r.db.rightRequests(r.ctx, r.tx, `number = $1`, int64(number))
	return only(list, err, "request for a habilitation", number)
}

// RightRequests implements accounts.RightRows.
func (r rightRows) RightRequests(since time.Time) ([]accounts.RightRequest, error) {
	list, err := r.db.rightRequests(r.ctx, r.tx, `asked_us >= $1`, since.UnixMicro())
	return list, doing("reading requests for habilitations", err)
}

// PutRightRequest implements accounts.RightRows.
func (r rightRows) PutRightRequest(q accounts.RightRequest) error {
	const put = `insert into right_request (` + rightColumns + `) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		on conflict (number) do update set first_by = excluded.first_by, second_by = excluded.second_by, given_us = excluded.given_us, dropped_us = excluded.dropped_us, seal = excluded.seal`
	_, err := r.exec(put, int64(q.Number), string(q.Of), string(q.Right.Service), string(q.Right.Purpose), q.Because, q.Asked.UnixMicro(), string(q.First), string(q.Second),
		micro(q.Given), micro(q.Dropped), r.db.seals.seal(rightRow(q)))
	return doing("writing a request for a habilitation", err)
}
