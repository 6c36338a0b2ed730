package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"poterne/internal/grants"
	"poterne/internal/ledger"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/seal"
)

// Permits is the export permits that were asked for.
type Permits struct{ db *DB }

// NewPermits returns the permits in a database.
func NewPermits(db *DB) Permits { return Permits{db} }

// Permits implements grants.Permits.
func (p Permits) Permits(ctx context.Context, since time.Time) ([]grants.Permit, error) {
	list, err := p.db.permits(ctx, p.db.read, `asked_us >= $1`, since.UnixMicro())
	return list, doing("reading export permits", err)
}

const permitColumns = `number, account, service, route, people, until_us, purpose, list, asked_by, approved_by, asked_us, given_us, dropped_us, seal`

// permits reads those that meet a condition. One that no node wrote is an error.
func (db *DB) permits(ctx context.Context, from querier, condition string, args ...any) ([]grants.Permit, error) {
	list, err := collect(ctx, from, db.scanPermit, `select `+permitColumns+` from export_permit where `+condition+` order by number`, args...)
	return list, db.engine.classify(err)
}

func (db *DB) scanPermit(row scanner) (p grants.Permit, err error) {
	var until, asked int64
	var given, dropped sql.NullInt64
	var people, sealed []byte
	err = row.Scan(&p.Number, &p.Of, &p.Service, &p.Route, &p.People, &until, &p.Purpose, &people, &p.By, &p.Approver, &asked, &given, &dropped, &sealed)
	copy(p.List[:], people)
	p.Until, p.Asked, p.Given, p.Dropped = time.UnixMicro(until).UTC(), time.UnixMicro(asked).UTC(), fromMicro(given), fromMicro(dropped)
	return p, db.seals.demand(err, sealed, permitRow(p), "export permit", p.Number)
}

func permitRow(p grants.Permit) *seal.Row {
	return seal.NewRow("export_permit").Int(int64(p.Number)).Text(string(p.Of)).Text(string(p.Service)).Text(p.Route).Int(int64(p.People)).Time(p.Until).
		Text(p.Purpose).Bytes(p.List[:]).Text(string(p.By)).Text(string(p.Approver)).Time(p.Asked).Time(p.Given).Time(p.Dropped)
}

// exports are the lists of the permits that an account was given, the last given last. One that no
// node wrote is of nobody.
func (db *DB) exports(ctx context.Context, account roster.AccountID) (lists []policy.ExportList, err error) {
	given, err := db.permits(ctx, db.read, `account = $1 and given_us is not null`, string(account))
	slices.SortStableFunc(given, func(a, b grants.Permit) int { return a.Given.Compare(b.Given) })
	if errors.Is(err, seal.ErrBroken) {
		return nil, nil
	}
	for i, p := range given {
		replaced := slices.ContainsFunc(given[i+1:], func(later grants.Permit) bool { return later.Service == p.Service && later.Route == p.Route })
		if replaced || err != nil {
			continue
		}
		list := policy.ExportList{Permit: uint64(p.Number)}
		list.People, err = db.exportList(ctx, p.Number)
		lists = append(lists, list)
	}
	return lists, doing("reading the lists of export permits", db.engine.classify(err))
}

// exportList is who is on the list of a permit; nobody when no node wrote it, or it was erased.
func (db *DB) exportList(ctx context.Context, permit ledger.Number) (people []register.PersonID, err error) {
	var packed, sealed []byte
	var until int64
	err = db.read.QueryRowContext(ctx, `select people, until_us, seal from export_list where permit = $1`, int64(permit)).Scan(&packed, &until, &sealed)
	if err = db.seals.admitNumber(err, sealed, exportListRow(permit, packed, until), permit); errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	for one := range slices.Chunk(packed, len(register.PersonID{})) {
		people = append(people, register.PersonID(one))
	}
	return people, err
}

func exportListRow(permit ledger.Number, packed []byte, until int64) *seal.Row {
	return seal.NewRow("export_list").Int(int64(permit)).Bytes(packed).Int(until)
}

// PutPermitList implements grants.PermitRows.
func (r permitRows) PutPermitList(number ledger.Number, listed []register.PersonID, until time.Time) error {
	const put = `insert into export_list (permit, people, until_us, seal) values ($1, $2, $3, $4)`
	var packed []byte
	for _, one := range listed {
		packed = append(packed, one[:]...)
	}
	_, err := r.exec(put, int64(number), packed, until.UnixMicro(), r.db.seals.seal(exportListRow(number, packed, until.UnixMicro())))
	return doing("keeping the list of an export permit", err)
}

func (db *DB) readPermitLists(ctx context.Context) error {
	return each(ctx, db.read, func(row scanner) error {
		var permit ledger.Number
		var packed, sealed []byte
		var until int64
		err := row.Scan(&permit, &packed, &until, &sealed)
		return db.seals.admitNumber(err, sealed, exportListRow(permit, packed, until), permit)
	}, `select permit, people, until_us, seal from export_list`)
}

// permitRows is the export permits, in a turn.
type permitRows struct{ *turn }

// Permit implements grants.PermitRows.
func (r permitRows) Permit(number ledger.Number) (grants.Permit, error) {
	list, err := r.db.permits(r.ctx, r.tx, `number = $1`, int64(number))
	return only(list, err, "permit to export", number)
}

// PermitsAsked implements grants.PermitRows.
func (r permitRows) PermitsAsked(by roster.AccountID, since time.Time) (int, error) {
	return r.asked("export_permit", by, since)
}

// PutPermit implements grants.PermitRows.
func (r permitRows) PutPermit(p grants.Permit) error {
	const put = `insert into export_permit (` + permitColumns + `) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		on conflict (number) do update set approved_by = excluded.approved_by, given_us = excluded.given_us, dropped_us = excluded.dropped_us, seal = excluded.seal`
	_, err := r.exec(put, int64(p.Number), string(p.Of), string(p.Service), p.Route, p.People, p.Until.UnixMicro(), p.Purpose, p.List[:], string(p.By), string(p.Approver),
		p.Asked.UnixMicro(), micro(p.Given), micro(p.Dropped), r.db.seals.seal(permitRow(p)))
	return doing("writing an export permit", err)
}
