package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	"poterne/internal/accounts"
	"poterne/internal/audit"
	"poterne/internal/installed"
	"poterne/internal/order"
	"poterne/internal/roster"
	"poterne/internal/seal"
)

// Audit is the rows that are held against the ledger. It implements audit.Rows.
type Audit struct{ db *DB }

// NewAudit returns those of a database.
func NewAudit(db *DB) Audit { return Audit{db} }

// Rights implements audit.Rows.
func (a Audit) Rights(ctx context.Context) ([]accounts.Rights, error) {
	list, err := a.db.rights(ctx, a.db.read, `true`)
	return list, doing("reading accounts", a.db.engine.classify(err))
}

// Organisations implements audit.Rows.
func (a Audit) Organisations(ctx context.Context) ([]roster.Organisation, error) {
	return Roster(a).Organisations(ctx)
}

// Passkeys implements audit.Rows.
func (a Audit) Passkeys(ctx context.Context) ([]roster.Passkey, error) {
	list, err := a.db.passkeys(ctx, a.db.read, `account <> '' and ended_us is null`)
	return list, doing("reading passkeys", a.db.engine.classify(err))
}

// InForce implements audit.Rows.
func (a Audit) InForce(ctx context.Context) (order.Set, error) { return Orders(a).InForce(ctx) }

// RightRequests implements audit.Rows. The requests before one without its seal are held against
// the ledger; with that one there nobody asks for anything, and nobody gives.
func (a Audit) RightRequests(ctx context.Context) ([]accounts.RightRequest, error) {
	list, err := a.db.rightRequests(ctx, a.db.read, ` where given_us is null and dropped_us is null order by number`)
	return list, doing("reading requests for habilitations", unlessBroken(err))
}

// OrganisationRequests implements audit.Rows, as RightRequests does.
func (a Audit) OrganisationRequests(ctx context.Context) ([]accounts.OrganisationRequest, error) {
	list, err := a.db.organisationRequests(ctx, a.db.read, ` where allowed_us is null and dropped_us is null order by number`)
	return list, doing("reading requests for organisations", unlessBroken(err))
}

// Configurations implements audit.Rows, as RightRequests does.
func (a Audit) Configurations(ctx context.Context) ([]installed.Change, error) {
	list, err := a.db.configurations(ctx, a.db.read, `allowed_us is null and dropped_us is null`)
	return list, unlessBroken(err)
}

// Sessions implements audit.Rows.
func (a Audit) Sessions(ctx context.Context) (map[string][]roster.SessionID, error) {
	open := make(map[string][]roster.SessionID)
	for _, table := range []string{accountSessions, personSessions} {
		err := a.db.each(ctx, func(rows *sql.Rows) error {
			var id roster.SessionID
			err := rows.Scan(&id)
			open[table] = append(open[table], id)
			return err
		}, `select id from `+table+` where why = ''`)
		if err != nil {
			return nil, a.db.engine.classify(err)
		}
	}
	return open, nil
}

// Unsealed implements audit.Rows.
func (a Audit) Unsealed(ctx context.Context) iter.Seq2[audit.Row, error] {
	return func(yield func(audit.Row, error) bool) {
		var found []audit.Row
		check := a.checking(&found)
		for table, read := range map[string]func(context.Context) error{
			"organisations": check.readOrganisations, "accounts": check.readRights, "proposals": check.readProposals, "passkeys": check.readPasskeys, "orders": check.readOrders, "reopenings": check.readOrderLines,
			"sessions": check.readSessions, "sources": check.readSources, "changes of facts": check.readFactChanges, "arrivals": check.readCame, "withholdings": check.readWithholdings, "export permits": check.readPermits, "readings of the archive": check.readReadingRequests, "the break-glass access": check.readBreakGlass, "categories of fields": check.readGlossary, "requests for habilitations": check.readRightRequests, "requests for organisations": check.readOrganisationRequests, "configurations": check.readConfigurations, "changes of contact details": check.readContactChanges, "mandates": check.readMandates,
		} {
			if err := read(ctx); err != nil {
				yield(audit.Row{}, fmt.Errorf("reading %s: %w", table, a.db.engine.classify(err)))
				return
			}
			for _, row := range found {
				if !yield(row, nil) {
					return
				}
			}
			found = nil
		}
	}
}

// unlessBroken is an error, but for that of a row without its seal.
func unlessBroken(err error) error {
	if errors.Is(err, seal.ErrBroken) {
		return nil
	}
	return err
}

// checking is the database, of which rows that no node wrote are added to a list.
func (a Audit) checking(found *[]audit.Row) *DB {
	check := &DB{engine: a.db.engine, read: a.db.read}
	check.seals.keys.Store(a.db.seals.keys.Load())
	check.OnBroken(func(row audit.Row) { *found = append(*found, row) })
	return check
}

func (db *DB) readWithholdings(ctx context.Context) error {
	_, err := db.withholdings(ctx, db.read, ` order by number`)
	return unlessBroken(err)
}

func (db *DB) readBreakGlass(ctx context.Context) error {
	_, err := db.breakGlass(ctx, db.read)
	return unlessBroken(err)
}

func (db *DB) readContactChanges(ctx context.Context) error {
	_, err := db.contactChanges(ctx, db.read, ` order by number`)
	return err
}

func (db *DB) readSources(ctx context.Context) error {
	_, err := db.heard(ctx, db.read)
	return err
}

func (db *DB) readOrganisations(ctx context.Context) error {
	_, err := db.organisations(ctx, db.read, `true`)
	return err
}

func (db *DB) readRights(ctx context.Context) error {
	_, err := db.rights(ctx, db.read, `true`)
	return err
}

func (db *DB) readProposals(ctx context.Context) error {
	_, err := db.proposals(ctx, db.read, `true`)
	return err
}

func (db *DB) readPasskeys(ctx context.Context) error {
	_, err := db.passkeys(ctx, db.read, `true`)
	return err
}

// each reads rows one after another; scan returns sql.ErrNoRows of one without its seal.
func (db *DB) each(ctx context.Context, scan func(*sql.Rows) error, query string, args ...any) error {
	rows, err := db.read.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
	}
	return rows.Err()
}

func (db *DB) readOrders(ctx context.Context) error {
	return db.each(ctx, func(rows *sql.Rows) error {
		_, err := db.scanOrder(rows)
		return err
	}, orderColumns)
}

func (db *DB) readOrderLines(ctx context.Context) error {
	_, err := db.orderLines(ctx, db.read, ``)
	return err
}

func (db *DB) readSessions(ctx context.Context) (err error) {
	for _, table := range []string{accountSessions, personSessions} {
		err = errors.Join(err, db.each(ctx, func(rows *sql.Rows) error {
			_, err := db.scanSession(table, rows)
			return err
		}, `select `+sessionColumns+` from `+table))
	}
	return err
}

func (db *DB) readFactChanges(ctx context.Context) error {
	return db.each(ctx, func(rows *sql.Rows) error {
		_, _, err := db.scanFactChange(rows)
		return err
	}, `select `+factChangeColumns+` from fact_change`)
}
