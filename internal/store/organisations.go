package store

import (
	"context"
	"database/sql"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/ledger"
	"poterne/internal/roster"
	"poterne/internal/seal"
)

// OrganisationRequests is the organisations that people asked to add, to change or to close.
type OrganisationRequests struct{ db *DB }

// NewOrganisationRequests returns those in a database.
func NewOrganisationRequests(db *DB) OrganisationRequests { return OrganisationRequests{db} }

// OrganisationRequests implements the rows of accounts.Organisations.
func (r OrganisationRequests) OrganisationRequests(ctx context.Context, since time.Time) ([]accounts.OrganisationRequest, error) {
	list, err := r.db.organisationRequests(ctx, r.db.read, `asked_us >= $1`, since.UnixMicro())
	return list, doing("reading requests for organisations", err)
}

const organisationRequestColumns = `number, asked_by, does, id, siret, name, mail, quota, until_us, because, before, former, asked_us, approved_by, allowed_us, dropped_us, seal`

// organisationRequests reads those that meet a condition. One that no node wrote is an error.
func (db *DB) organisationRequests(ctx context.Context, from querier, condition string, args ...any) ([]accounts.OrganisationRequest, error) {
	list, err := collect(ctx, from, db.scanOrganisationRequest, `select `+organisationRequestColumns+` from organisation_request where `+condition+` order by number`, args...)
	return list, db.engine.classify(err)
}

func (db *DB) scanOrganisationRequest(row scanner) (r accounts.OrganisationRequest, err error) {
	var asked int64
	var until, allowed, dropped sql.NullInt64
	var before, sealed []byte
	err = row.Scan(&r.Number, &r.By, &r.Does, &r.As.ID, &r.As.SIRET, &r.As.Name, &r.As.Mail, &r.As.Quota, &until, &r.Because, &before, &r.Former, &asked, &r.Second, &allowed, &dropped, &sealed)
	copy(r.Before[:], before)
	r.As.Until, r.Asked, r.Allowed, r.Dropped = fromMicro(until), time.UnixMicro(asked).UTC(), fromMicro(allowed), fromMicro(dropped)
	return r, db.seals.demand(err, sealed, organisationRequestRow(r), "request for an organisation", r.Number)
}

func organisationRequestRow(r accounts.OrganisationRequest) *seal.Row {
	return seal.NewRow("organisation_request").Int(int64(r.Number)).Text(string(r.By)).Text(string(r.Does)).Text(string(r.As.ID)).Text(r.As.SIRET).Text(r.As.Name).Text(r.As.Mail).
		Int(int64(r.As.Quota)).Time(r.As.Until).Text(r.Because).Bytes(r.Before[:]).Text(r.Former).Time(r.Asked).Text(string(r.Second)).Time(r.Allowed).Time(r.Dropped)
}

// organisationRows is the requests, in a turn.
type organisationRows struct{ *turn }

// EveryOrganisation implements accounts.OrganisationRows.
func (r organisationRows) EveryOrganisation() ([]roster.Organisation, error) {
	list, err := r.db.organisations(r.ctx, r.tx, `true`)
	return list, doing("reading organisations", err)
}

// OrganisationRequest implements accounts.OrganisationRows.
func (r organisationRows) OrganisationRequest(number ledger.Number) (accounts.OrganisationRequest, error) {
	list, err := r.db.organisationRequests(r.ctx, r.tx, `number = $1`, int64(number))
	return only(list, err, "request for an organisation", number)
}

// OrganisationRequests implements accounts.OrganisationRows.
func (r organisationRows) OrganisationRequests(since time.Time) ([]accounts.OrganisationRequest, error) {
	list, err := r.db.organisationRequests(r.ctx, r.tx, `asked_us >= $1`, since.UnixMicro())
	return list, doing("reading requests for organisations", err)
}

// PutOrganisationRequest implements accounts.OrganisationRows.
func (r organisationRows) PutOrganisationRequest(q accounts.OrganisationRequest) error {
	const put = `insert into organisation_request (` + organisationRequestColumns + `) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
		on conflict (number) do update set approved_by = excluded.approved_by, allowed_us = excluded.allowed_us, dropped_us = excluded.dropped_us, seal = excluded.seal`
	_, err := r.exec(put, int64(q.Number), string(q.By), string(q.Does), string(q.As.ID), q.As.SIRET, q.As.Name, q.As.Mail, q.As.Quota, micro(q.As.Until), q.Because, q.Before[:], q.Former,
		q.Asked.UnixMicro(), string(q.Second), micro(q.Allowed), micro(q.Dropped), r.db.seals.seal(organisationRequestRow(q)))
	return doing("writing a request for an organisation", err)
}
