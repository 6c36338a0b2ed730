package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"poterne/internal/accounts"
	"poterne/internal/fault"
	"poterne/internal/roster"
)

// Roster is organisations, accounts and habilitations.
type Roster struct{ db *DB }

// NewRoster returns the roster in a database.
func NewRoster(db *DB) Roster { return Roster{db} }

// Habilitations returns an account's habilitations, past and to come included.
func (r Roster) Habilitations(ctx context.Context, account roster.AccountID) ([]roster.Habilitation, error) {
	const query = `select account, service, purpose, from_us, until_us, seal from habilitation where account = $1 order by service, purpose`
	list, err := collect(ctx, r.db.read, func(row scanner) (h roster.Habilitation, err error) {
		var from, until sql.NullInt64
		var seal []byte
		err = row.Scan(&h.Account, &h.Service, &h.Purpose, &from, &until, &seal)
		h.From, h.Until = fromMicro(from), fromMicro(until)
		if err == nil && !r.db.habilitationHolds(h, seal) {
			err = sql.ErrNoRows
		}
		return h, err
	}, query, string(account))
	return list, doing("reading habilitations", r.db.engine.classify(err))
}

const (
	accountColumns         = `a.id, a.organisation, a.role, a.name, a.issuer, a.provider, a.subject, a.opened_us, a.proposer, a.approver, a.recoverer, a.mail, a.until_us, a.closed_us, a.review_us, a.trained_us, a.waits, a.diverged, a.voucher, a.vouched_us, a.erased_us, a.seal`
	organisationColumns    = `o.siret, o.name, o.mail, o.quota, o.until_us, o.closed_us, o.set_by, o.seal`
	accountAndOrganisation = `
	select ` + accountColumns + `, ` + organisationColumns + `
	from account a join organisation o on o.id = a.organisation`
)

// ByIdentity returns the account bound to an identity; fault.Absent when there is
// none.
func (r Roster) ByIdentity(ctx context.Context, identity roster.Identity) (roster.Account, roster.Organisation, error) {
	return r.account(r.db.read.QueryRowContext(ctx, accountAndOrganisation+` where a.issuer = $1 and a.provider = $2 and a.subject = $3`,
		identity.Issuer, identity.Provider, identity.Subject))
}

// Account returns an account and its organisation; fault.Absent when there is
// none.
func (r Roster) Account(ctx context.Context, id roster.AccountID) (roster.Account, roster.Organisation, error) {
	return r.account(r.db.statements.account.QueryRowContext(ctx, string(id)))
}

func (r Roster) account(row *sql.Row) (a roster.Account, o roster.Organisation, err error) {
	a, o, err = r.db.scanAccount(row)
	if errors.Is(err, sql.ErrNoRows) {
		return a, o, noAccount
	}
	return a, o, r.db.engine.classify(err)
}

var noAccount = fault.Errorf(fault.Absent, "no such account")

// scanAccount reads an account and its organisation; sql.ErrNoRows when no node wrote
// them.
func (db *DB) scanAccount(row scanner) (a roster.Account, o roster.Organisation, err error) {
	var at accountTimes
	var until, closed sql.NullInt64
	var seal, sealOfOrganisation []byte
	err = row.Scan(append(accountPlaces(&a, &at, &seal), organisationPlaces(&o, &until, &closed, &sealOfOrganisation)...)...)
	at.set(&a)
	o.ID, o.Until, o.Closed = a.Organisation, fromMicro(until), fromMicro(closed)
	if err == nil && !(db.accountHolds(a, seal) && db.organisationHolds(o, sealOfOrganisation)) {
		err = sql.ErrNoRows
	}
	return a, o, err
}

// accountTimes are an account's times, as they are scanned.
type accountTimes struct{ opened, until, closed, review, trained, vouched, erased sql.NullInt64 }

func (at accountTimes) set(a *roster.Account) {
	a.Opened, a.Until, a.Closed = fromMicro(at.opened), fromMicro(at.until), fromMicro(at.closed)
	a.Review, a.Trained, a.Vouched, a.Erased = fromMicro(at.review), fromMicro(at.trained), fromMicro(at.vouched), fromMicro(at.erased)
}

// accountPlaces is where accountColumns are scanned.
func accountPlaces(a *roster.Account, at *accountTimes, seal *[]byte) []any {
	return []any{
		&a.ID, &a.Organisation, &a.Role, &a.Name, &a.Identity.Issuer, &a.Identity.Provider, &a.Identity.Subject,
		&at.opened, &a.Proposer, &a.Approver, &a.Recoverer, &a.Mail, &at.until, &at.closed, &at.review, &at.trained, &a.Waits, &a.Diverged, &a.Voucher, &at.vouched, &at.erased, seal,
	}
}

// organisationPlaces is where organisationColumns are scanned.
func organisationPlaces(o *roster.Organisation, until, closed *sql.NullInt64, seal *[]byte) []any {
	return []any{&o.SIRET, &o.Name, &o.Mail, &o.Quota, until, closed, &o.Set, seal}
}

func (db *DB) accountHolds(a roster.Account, seal []byte) bool {
	return db.seals.holds(seal, accountRow(a), func() string { return string(a.ID) })
}

func (db *DB) organisationHolds(o roster.Organisation, seal []byte) bool {
	return db.seals.holds(seal, organisationRow(o), func() string { return string(o.ID) })
}

func (db *DB) habilitationHolds(h roster.Habilitation, seal []byte) bool {
	return db.seals.holds(seal, habilitationRow(h), func() string {
		return fmt.Sprintf("%s %s %s", h.Account, h.Service, h.Purpose)
	})
}

// idsAtOnce is how many accounts one query is about.
const idsAtOnce = 500

// Known returns which of these accounts there are, spelled exactly so.
func (r Roster) Known(ctx context.Context, ids []roster.AccountID) (map[roster.AccountID]bool, error) {
	known := make(map[roster.AccountID]bool, len(ids))
	for portion := range slices.Chunk(ids, idsAtOnce) {
		some, err := collect(ctx, r.db.read, column[roster.AccountID], `select id from account where id in `+places(1, len(portion)), anys(portion)...)
		if err != nil {
			return nil, fmt.Errorf("looking up accounts: %w", r.db.engine.classify(err))
		}
		for _, id := range some {
			known[id] = true
		}
	}
	return known, nil
}

// Accounts returns every account, by organisation and name.
func (r Roster) Accounts(ctx context.Context) ([]roster.Account, error) {
	list, err := collect(ctx, r.db.read, func(row scanner) (roster.Account, error) {
		a, _, err := r.db.scanAccount(row)
		return a, err
	}, accountAndOrganisation+` order by a.organisation, a.name`)
	return list, doing("reading accounts", r.db.engine.classify(err))
}

// Rights returns every account with what it may use.
func (r Roster) Rights(ctx context.Context) ([]accounts.Rights, error) {
	list, err := r.db.rights(ctx, r.db.read, `true`)
	return list, doing("reading accounts", r.db.engine.classify(err))
}

// Organisations returns every organisation, by name.
func (r Roster) Organisations(ctx context.Context) ([]roster.Organisation, error) {
	list, err := r.db.organisations(ctx, r.db.read, `true`)
	return list, doing("reading organisations", r.db.engine.classify(err))
}

// Organisation returns an organisation; fault.Absent when there is none.
func (r Roster) Organisation(ctx context.Context, id roster.OrganisationID) (roster.Organisation, error) {
	list, err := r.db.organisations(ctx, r.db.read, `o.id = $1`, id)
	switch {
	case err == nil && len(list) == 0, errors.Is(err, sql.ErrNoRows): // or no node wrote it
		return roster.Organisation{}, fault.Errorf(fault.Absent, "no such organisation")
	case err != nil:
		return roster.Organisation{}, doing("reading an organisation", r.db.engine.classify(err))
	}
	return list[0], nil
}

// organisations reads organisations that meet a condition.
func (db *DB) organisations(ctx context.Context, q querier, condition string, args ...any) ([]roster.Organisation, error) {
	return collect(ctx, q, func(row scanner) (o roster.Organisation, err error) {
		var until, closed sql.NullInt64
		var seal []byte
		err = row.Scan(append([]any{&o.ID}, organisationPlaces(&o, &until, &closed, &seal)...)...)
		o.Until, o.Closed = fromMicro(until), fromMicro(closed)
		if err == nil && !db.organisationHolds(o, seal) {
			err = sql.ErrNoRows
		}
		return o, err
	}, `select o.id, `+organisationColumns+` from organisation o where `+condition+` order by o.name`, args...)
}

// rosterRows is the roster, in a turn.
type rosterRows struct{ *turn }

// Account implements approval.Rows.
func (r rosterRows) Account(id roster.AccountID) (roster.Account, error) {
	account, _, err := r.db.scanAccount(r.tx.QueryRowContext(r.ctx, accountAndOrganisation+` where a.id = $1`, string(id)))
	if errors.Is(err, sql.ErrNoRows) {
		return account, noAccount
	}
	return account, doing("reading an account", err)
}

// UpsertRoster implements accounts.Rows.
func (r rosterRows) UpsertRoster(list accounts.List) error {
	const organisation = `
		insert into organisation (id, siret, name, mail, quota, until_us, closed_us, set_by, seal) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		on conflict (id) do update set siret = excluded.siret, name = excluded.name, mail = excluded.mail, quota = excluded.quota,
			until_us = excluded.until_us, closed_us = excluded.closed_us, set_by = excluded.set_by, seal = excluded.seal`
	const habilitation = `
		insert into habilitation (account, service, purpose, from_us, until_us, seal) values ($1, $2, $3, $4, $5, $6)
		on conflict (account, service, purpose) do update set from_us = excluded.from_us, until_us = excluded.until_us, seal = excluded.seal`
	for _, o := range list.Organisations {
		if _, err := r.exec(organisation, string(o.ID), o.SIRET, o.Name, o.Mail, o.Quota, micro(o.Until), micro(o.Closed), int64(o.Set), r.db.seals.seal(organisationRow(o))); err != nil {
			return fmt.Errorf("storing organisation %s: %w", o.ID, err)
		}
	}
	for _, a := range list.Accounts {
		if err := r.PutAccount(a); err != nil {
			return err
		}
	}
	for _, h := range list.Habilitations {
		if _, err := r.exec(habilitation, string(h.Account), string(h.Service), string(h.Purpose),
			h.From.UnixMicro(), h.Until.UnixMicro(), r.db.seals.seal(habilitationRow(h))); err != nil {
			return fmt.Errorf("storing the habilitation of %s: %w", h.Account, err)
		}
	}
	return nil
}

// Organisations implements accounts.Rows.
func (r rosterRows) Organisations(ids []roster.OrganisationID) (list []roster.Organisation, err error) {
	for portion := range slices.Chunk(ids, idsAtOnce) {
		some, err := r.db.organisations(r.ctx, r.tx, `id in `+places(1, len(portion)), anys(portion)...)
		if err != nil {
			return nil, doing("reading organisations", err)
		}
		list = append(list, some...)
	}
	return list, nil
}

// Rights implements accounts.Rows.
func (r rosterRows) Rights(ids []roster.AccountID) (list []accounts.Rights, err error) {
	for portion := range slices.Chunk(ids, idsAtOnce) {
		some, err := r.db.rights(r.ctx, r.tx, `a.id in `+places(1, len(portion)), anys(portion)...)
		if err != nil {
			return nil, doing("reading accounts", err)
		}
		list = append(list, some...)
	}
	return list, nil
}

func anys[T ~string](list []T) []any {
	args := make([]any, len(list))
	for i, one := range list {
		args[i] = string(one)
	}
	return args
}

// rights reads accounts that meet a condition, with what each may use.
func (db *DB) rights(ctx context.Context, q querier, condition string, args ...any) (list []accounts.Rights, err error) {
	err = each(ctx, q, func(row scanner) error {
		a, h, err := db.scanRight(row)
		if err != nil {
			return err
		}
		if last := len(list) - 1; last < 0 || list[last].Account.ID != a.ID {
			list = append(list, accounts.Rights{Account: a})
		}
		if last := &list[len(list)-1]; h.Account != "" {
			last.Habilitations = append(last.Habilitations, h)
		}
		return nil
	}, `select `+accountColumns+`, h.service, h.purpose, h.from_us, h.until_us, h.seal
		from account a left join habilitation h on h.account = a.id where `+condition+` order by a.id, h.service, h.purpose`, args...)
	return list, err
}

// scanRight reads an account with one of its habilitations, which has no account when
// there is none that a node wrote; sql.ErrNoRows when no node wrote the account.
func (db *DB) scanRight(rows scanner) (a roster.Account, h roster.Habilitation, err error) {
	var service, purpose sql.NullString
	var at accountTimes
	var from, until sql.NullInt64
	var seal, sealOfRight []byte
	if err := rows.Scan(append(accountPlaces(&a, &at, &seal), &service, &purpose, &from, &until, &sealOfRight)...); err != nil {
		return a, h, err
	}
	at.set(&a)
	if !db.accountHolds(a, seal) {
		return a, h, sql.ErrNoRows
	}
	right := roster.Habilitation{
		Account: a.ID, Service: roster.ServiceID(service.String), Purpose: roster.Purpose(purpose.String),
		From: fromMicro(from), Until: fromMicro(until),
	}
	if service.Valid && db.habilitationHolds(right, sealOfRight) {
		h = right
	}
	return a, h, nil
}

// PutAccount implements accounts.Rows.
func (r rosterRows) PutAccount(a roster.Account) error {
	const query = `
		insert into account (id, organisation, role, name, issuer, provider, subject, opened_us, proposer, approver, recoverer, mail, until_us, closed_us, review_us, trained_us, waits, diverged, voucher, vouched_us, erased_us, seal)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
		on conflict (id) do update set organisation = excluded.organisation, role = excluded.role, name = excluded.name,
			issuer = excluded.issuer, provider = excluded.provider, subject = excluded.subject, opened_us = excluded.opened_us,
			proposer = excluded.proposer, approver = excluded.approver, recoverer = excluded.recoverer, mail = excluded.mail, until_us = excluded.until_us,
			closed_us = excluded.closed_us, review_us = excluded.review_us, trained_us = excluded.trained_us, waits = excluded.waits,
			diverged = excluded.diverged, voucher = excluded.voucher, vouched_us = excluded.vouched_us, erased_us = excluded.erased_us, seal = excluded.seal`
	_, err := r.exec(query, string(a.ID), string(a.Organisation), string(a.Role), a.Name, a.Identity.Issuer, a.Identity.Provider, a.Identity.Subject,
		a.Opened.UnixMicro(), string(a.Proposer), string(a.Approver), string(a.Recoverer), a.Mail, micro(a.Until), micro(a.Closed), micro(a.Review), micro(a.Trained), int64(a.Waits), int64(a.Diverged), string(a.Voucher), micro(a.Vouched), micro(a.Erased), r.db.seals.seal(accountRow(a)))
	return doing("storing account "+string(a.ID), err)
}
