package store

import (
	"context"
	"database/sql"
	"time"

	"poterne/internal/archive"
	"poterne/internal/ledger"
	"poterne/internal/roster"
	"poterne/internal/seal"
)

const requestColumns = `number, person, because, asked_by, approved_by, asked_us, given_us, read_us, dropped_us, seal`

// ReadingRequests implements archive.Readings.
func (a Archive) ReadingRequests(ctx context.Context, since time.Time) ([]archive.Request, error) {
	list, err := a.db.readingRequests(ctx, a.db.read, `asked_us >= $1`, since.UnixMicro())
	return list, doing("reading what is asked of the archive", err)
}

// readingRequests reads those that meet a condition. One that no node wrote is an error.
func (db *DB) readingRequests(ctx context.Context, from querier, condition string, args ...any) ([]archive.Request, error) {
	list, err := collect(ctx, from, db.scanReadingRequest, `select `+requestColumns+` from archive_reading where `+condition+` order by number`, args...)
	return list, db.engine.classify(err)
}

func (db *DB) scanReadingRequest(row scanner) (r archive.Request, err error) {
	var asked int64
	var given, read, dropped sql.NullInt64
	var of, sealed []byte
	err = row.Scan(&r.Number, &of, &r.Because, &r.By, &r.Approver, &asked, &given, &read, &dropped, &sealed)
	copy(r.Person[:], of)
	r.Asked, r.Given, r.Read, r.Dropped = time.UnixMicro(asked).UTC(), fromMicro(given), fromMicro(read), fromMicro(dropped)
	return r, db.seals.demand(err, sealed, requestRow(r), "request to the archive", r.Number)
}

func requestRow(r archive.Request) *seal.Row {
	return seal.NewRow("archive_reading").Int(int64(r.Number)).Bytes(r.Person[:]).Text(r.Because).Text(string(r.By)).Text(string(r.Approver)).
		Time(r.Asked).Time(r.Given).Time(r.Read).Time(r.Dropped)
}

// ReadingRequest implements archive.ReadingRows.
func (r archiveRows) ReadingRequest(number ledger.Number) (archive.Request, error) {
	list, err := r.db.readingRequests(r.ctx, r.tx, `number = $1`, int64(number))
	return only(list, err, "request to the archive", number)
}

// ReadingsAsked implements archive.ReadingRows.
func (r archiveRows) ReadingsAsked(by roster.AccountID, since time.Time) (int, error) {
	return r.asked("archive_reading", by, since)
}

// PutReadingRequest implements archive.ReadingRows.
func (r archiveRows) PutReadingRequest(q archive.Request) error {
	const put = `insert into archive_reading (` + requestColumns + `) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		on conflict (number) do update set approved_by = excluded.approved_by, given_us = excluded.given_us, read_us = excluded.read_us, dropped_us = excluded.dropped_us, seal = excluded.seal`
	_, err := r.exec(put, int64(q.Number), q.Person[:], q.Because, string(q.By), string(q.Approver), q.Asked.UnixMicro(), micro(q.Given), micro(q.Read), micro(q.Dropped), r.db.seals.seal(requestRow(q)))
	return doing("writing what is asked of the archive", err)
}
