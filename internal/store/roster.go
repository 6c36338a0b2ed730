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
	const query = `select account, service, purpose, from_us, until_us from habilitation where account = $1 order by service, purpose`
	rows, err := r.db.read.QueryContext(ctx, query, string(account))
	if err != nil {
		return nil, fmt.Errorf("reading habilitations: %w", r.db.engine.classify(err))
	}
	defer rows.Close()
	var list []roster.Habilitation
	for rows.Next() {
		var h roster.Habilitation
		var from, until sql.NullInt64
		if err := rows.Scan(&h.Account, &h.Service, &h.Purpose, &from, &until); err != nil {
			return nil, fmt.Errorf("reading a habilitation: %w", r.db.engine.classify(err))
		}
		h.From, h.Until = fromMicro(from), fromMicro(until)
		list = append(list, h)
	}
	return list, r.db.engine.classify(rows.Err())
}

const accountAndOrganisation = `
	select a.id, a.organisation, a.role, a.name, a.issuer, a.provider, a.subject, a.opened_us, a.proposer, o.siret, o.name
	from account a join organisation o on o.id = a.organisation`

// ByIdentity returns the account bound to an identity; fault.Absent when there is
// none.
func (r Roster) ByIdentity(ctx context.Context, identity roster.Identity) (roster.Account, roster.Organisation, error) {
	return r.account(ctx, accountAndOrganisation+` where a.issuer = $1 and a.provider = $2 and a.subject = $3`,
		identity.Issuer, identity.Provider, identity.Subject)
}

// Account returns an account and its organisation; fault.Absent when there is
// none.
func (r Roster) Account(ctx context.Context, id roster.AccountID) (roster.Account, roster.Organisation, error) {
	return r.account(ctx, accountAndOrganisation+` where a.id = $1`, string(id))
}

func (r Roster) account(ctx context.Context, query string, args ...any) (a roster.Account, o roster.Organisation, err error) {
	a, o, err = scanAccount(r.db.read.QueryRowContext(ctx, query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return a, o, noAccount
	}
	return a, o, r.db.engine.classify(err)
}

var noAccount = fault.Errorf(fault.Absent, "no such account")

func scanAccount(row interface{ Scan(...any) error }) (a roster.Account, o roster.Organisation, err error) {
	var opened sql.NullInt64
	err = row.Scan(&a.ID, &a.Organisation, &a.Role, &a.Name, &a.Identity.Issuer, &a.Identity.Provider, &a.Identity.Subject, &opened, &a.Proposer, &o.SIRET, &o.Name)
	a.Opened, o.ID = fromMicro(opened), a.Organisation
	return a, o, err
}

// Known returns which of these accounts there are, spelled exactly so.
func (r Roster) Known(ctx context.Context, ids []roster.AccountID) (map[roster.AccountID]bool, error) {
	const idsAtOnce = 500
	known := make(map[roster.AccountID]bool, len(ids))
	for portion := range slices.Chunk(ids, idsAtOnce) {
		args := make([]any, len(portion))
		for i, id := range portion {
			args[i] = string(id)
		}
		if err := r.knownAmong(ctx, args, known); err != nil {
			return nil, fmt.Errorf("looking up accounts: %w", r.db.engine.classify(err))
		}
	}
	return known, nil
}

func (r Roster) knownAmong(ctx context.Context, ids []any, known map[roster.AccountID]bool) error {
	rows, err := r.db.read.QueryContext(ctx, `select id from account where id in `+places(1, len(ids)), ids...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id roster.AccountID
		if err := rows.Scan(&id); err != nil {
			return err
		}
		known[id] = true
	}
	return rows.Err()
}

// Accounts returns every account, by organisation and name.
func (r Roster) Accounts(ctx context.Context) ([]roster.Account, error) {
	rows, err := r.db.read.QueryContext(ctx, accountAndOrganisation+` order by a.organisation, a.name`)
	if err != nil {
		return nil, fmt.Errorf("reading accounts: %w", r.db.engine.classify(err))
	}
	defer rows.Close()
	var list []roster.Account
	for rows.Next() {
		a, _, err := scanAccount(rows)
		if err != nil {
			return nil, fmt.Errorf("reading an account: %w", r.db.engine.classify(err))
		}
		list = append(list, a)
	}
	return list, r.db.engine.classify(rows.Err())
}

// Organisations returns every organisation, by name.
func (r Roster) Organisations(ctx context.Context) ([]roster.Organisation, error) {
	rows, err := r.db.read.QueryContext(ctx, `select id, siret, name from organisation order by name`)
	if err != nil {
		return nil, fmt.Errorf("reading organisations: %w", r.db.engine.classify(err))
	}
	defer rows.Close()
	var list []roster.Organisation
	for rows.Next() {
		var o roster.Organisation
		if err := rows.Scan(&o.ID, &o.SIRET, &o.Name); err != nil {
			return nil, fmt.Errorf("reading an organisation: %w", r.db.engine.classify(err))
		}
		list = append(list, o)
	}
	return list, r.db.engine.classify(rows.Err())
}

// rosterRows is the roster, in a turn.
type rosterRows struct{ *turn }

// Account implements approval.Rows.
func (r rosterRows) Account(id roster.AccountID) (roster.Account, error) {
	account, _, err := scanAccount(r.tx.QueryRowContext(r.ctx, accountAndOrganisation+` where a.id = $1`, string(id)))
	if errors.Is(err, sql.ErrNoRows) {
		return account, noAccount
	}
	return account, doing("reading an account", err)
}

// UpsertRoster implements accounts.Rows.
func (r rosterRows) UpsertRoster(list accounts.List) error {
	const organisation = `
		insert into organisation (id, siret, name) values ($1, $2, $3)
		on conflict (id) do update set siret = excluded.siret, name = excluded.name`
	const account = `
		insert into account (id, organisation, role, name, issuer, provider, subject, opened_us, proposer)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		on conflict (id) do update set organisation = excluded.organisation, role = excluded.role, name = excluded.name,
			issuer = excluded.issuer, provider = excluded.provider, subject = excluded.subject, proposer = excluded.proposer`
	const habilitation = `
		insert into habilitation (account, service, purpose, from_us, until_us) values ($1, $2, $3, $4, $5)
		on conflict (account, service, purpose) do update set from_us = excluded.from_us, until_us = excluded.until_us`
	for _, o := range list.Organisations {
		if _, err := r.exec(organisation, string(o.ID), o.SIRET, o.Name); err != nil {
			return fmt.Errorf("storing organisation %s: %w", o.ID, err)
		}
	}
	for _, a := range list.Accounts {
		if _, err := r.exec(account, string(a.ID), string(a.Organisation), string(a.Role), a.Name,
			a.Identity.Issuer, a.Identity.Provider, a.Identity.Subject, a.Opened.UnixMicro(), string(a.Proposer)); err != nil {
			return fmt.Errorf("storing account %s: %w", a.ID, err)
		}
	}
	for _, h := range list.Habilitations {
		if _, err := r.exec(habilitation, string(h.Account), string(h.Service), string(h.Purpose),
			h.From.UnixMicro(), h.Until.UnixMicro()); err != nil {
			return fmt.Errorf("storing the habilitation of %s: %w", h.Account, err)
		}
	}
	return nil
}
