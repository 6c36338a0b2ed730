package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"poterne/internal/archive"
	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/register"
	"poterne/internal/seal"
)

const requestColumns = `number, person, because, asked_by, approved_by, asked_us, given_us, read_us, dropped_us, seal`

// ReadingRequests implements archive.Readings.
func (a Archive) ReadingRequests(ctx context.Context, since time.Time) ([]archive.Request, error) {
	list, err := a.db.readingRequests(ctx, a.db.read, ` where asked_us >= $1 order by number`, since.UnixMicro())
	return list, doing("reading what is asked of the archive", err)
}

// readingRequests reads requests. One that no node wrote is an error.
func (db *DB) readingRequests(ctx context.Context, from querier, where string, args ...any) (list []archive.Request, err error) {
	rows, err := from.QueryContext(ctx, `select `+requestColumns+` from archive_reading`+where, args...)
	if err != nil {
		return nil, db.engine.classify(err)
	}
	defer rows.Close()
	for rows.Next() {
		var r archive.Request
		var asked int64
		var given, read, dropped sql.NullInt64
		var of, sealed []byte
		if err := rows.Scan(&r.Number, &of, &r.Because, &r.By, &r.Approver, &asked, &given, &read, &dropped, &sealed); err != nil {
			return nil, db.engine.classify(err)
		}
		r.Person = register.PersonID(of)
		r.Asked, r.Given, r.Read, r.Dropped = time.UnixMicro(asked).UTC(), fromMicro(given), fromMicro(read), fromMicro(dropped)
		if !db.seals.holds(sealed, requestRow(r), func() string { return fmt.Sprint(r.Number) }) {
			return nil, fmt.Errorf("request %d of the archive: %w", r.Number, seal.ErrBroken)
		}
		list = append(list, r)
	}
	return list, db.engine.classify(rows.Err())
}

func requestRow(r archive.Request) *seal.Row {
	return seal.NewRow("archive_reading").Int(int64(r.Number)).Bytes(r.Person[:]).Text(r.Because).Text(string(r.By)).Text(string(r.Approver)).
		Time(r.Asked).Time(r.Given).Time(r.Read).Time(r.Dropped)
}

func (db *DB) readReadingRequests(ctx context.Context) error {
	_, err := db.readingRequests(ctx, db.read, ` order by number`)
	return unlessBroken(err)
}

// ReadingRequest implements archive.ReadingRows.
func (r archiveRows) ReadingRequest(number ledger.Number) (archive.Request, error) {
	list, err := r.db.readingRequests(r.ctx, r.tx, ` where number = $1`, int64(number))
	switch {
	case err != nil:
		return archive.Request{}, doing("reading what is asked of the archive", err)
	case len(list) != 1:
		return archive.Request{}, fault.Errorf(fault.Absent, "there is no request %d of the archive", number)
	}
	return list[0], nil
}

// PutReadingRequest implements archive.ReadingRows.
func (r archiveRows) PutReadingRequest(q archive.Request) error {
	const put = `insert into archive_reading (` + requestColumns + `) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		on conflict (number) do update set approved_by = excluded.approved_by, given_us = excluded.given_us, read_us = excluded.read_us, dropped_us = excluded.dropped_us, seal = excluded.seal`
	_, err := r.exec(put, int64(q.Number), q.Person[:], q.Because, string(q.By), string(q.Approver), q.Asked.UnixMicro(), micro(q.Given), micro(q.Read), micro(q.Dropped), r.db.seals.seal(requestRow(q)))
	return doing("writing what is asked of the archive", err)
}
