package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"poterne/internal/fault"
	"poterne/internal/grants"
	"poterne/internal/ledger"
	"poterne/internal/seal"
)

// Permits is the export permits that were asked for.
type Permits struct{ db *DB }

// NewPermits returns the permits in a database.
func NewPermits(db *DB) Permits { return Permits{db} }

// Permits implements grants.Permits.
func (p Permits) Permits(ctx context.Context, since time.Time) ([]grants.Permit, error) {
	list, err := p.db.permits(ctx, p.db.read, ` where asked_us >= $1 order by number`, since.UnixMicro())
	return list, doing("reading export permits", err)
}

const permitColumns = `number, account, service, route, people, until_us, purpose, list, asked_by, approved_by, asked_us, given_us, dropped_us, seal`

// permits reads export permits. One that no node wrote is an error.
func (db *DB) permits(ctx context.Context, from querier, where string, args ...any) (list []grants.Permit, err error) {
	rows, err := from.QueryContext(ctx, `select `+permitColumns+` from export_permit`+where, args...)
	if err != nil {
		return nil, db.engine.classify(err)
	}
	defer rows.Close()
	for rows.Next() {
		var p grants.Permit
		var until, asked int64
		var given, dropped sql.NullInt64
		var people, sealed []byte
		if err := rows.Scan(&p.Number, &p.Of, &p.Service, &p.Route, &p.People, &until, &p.Purpose, &people, &p.By, &p.Approver, &asked, &given, &dropped, &sealed); err != nil {
			return nil, db.engine.classify(err)
		}
		copy(p.List[:], people)
		p.Until, p.Asked, p.Given, p.Dropped = time.UnixMicro(until).UTC(), time.UnixMicro(asked).UTC(), fromMicro(given), fromMicro(dropped)
		if !db.seals.holds(sealed, permitRow(p), func() string { return fmt.Sprint(p.Number) }) {
			return nil, fmt.Errorf("export permit %d: %w", p.Number, seal.ErrBroken)
		}
		list = append(list, p)
	}
	return list, db.engine.classify(rows.Err())
}

func permitRow(p grants.Permit) *seal.Row {
	return seal.NewRow("export_permit").Int(int64(p.Number)).Text(string(p.Of)).Text(string(p.Service)).Text(p.Route).Int(int64(p.People)).Time(p.Until).
		Text(p.Purpose).Bytes(p.List[:]).Text(string(p.By)).Text(string(p.Approver)).Time(p.Asked).Time(p.Given).Time(p.Dropped)
}

func (db *DB) readPermits(ctx context.Context) error {
	if _, err := db.permits(ctx, db.read, ` order by number`); !errors.Is(err, seal.ErrBroken) {
		return err
	}
	return nil
}

// permitRows is the export permits, in a turn.
type permitRows struct{ *turn }

// Permit implements grants.PermitRows.
func (r permitRows) Permit(number ledger.Number) (grants.Permit, error) {
	list, err := r.db.permits(r.ctx, r.tx, ` where number = $1`, int64(number))
	switch {
	case err != nil:
		return grants.Permit{}, doing("reading an export permit", err)
	case len(list) != 1:
		return grants.Permit{}, fault.Errorf(fault.Absent, "there is no export permit %d", number)
	}
	return list[0], nil
}

// PutPermit implements grants.PermitRows.
func (r permitRows) PutPermit(p grants.Permit) error {
	const put = `insert into export_permit (` + permitColumns + `) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		on conflict (number) do update set approved_by = excluded.approved_by, given_us = excluded.given_us, dropped_us = excluded.dropped_us, seal = excluded.seal`
	_, err := r.exec(put, int64(p.Number), string(p.Of), string(p.Service), p.Route, p.People, p.Until.UnixMicro(), p.Purpose, p.List[:], string(p.By), string(p.Approver),
		p.Asked.UnixMicro(), micro(p.Given), micro(p.Dropped), r.db.seals.seal(permitRow(p)))
	return doing("writing an export permit", err)
}
