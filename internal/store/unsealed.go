package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/audit"
	"poterne/internal/intake"
	"poterne/internal/order"
	"poterne/internal/reason"
	"poterne/internal/register"
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
	if errors.Is(err, seal.ErrBroken) {
		return list, nil
	}
	return list, doing("reading requests for habilitations", err)
}

// Unsealed implements audit.Rows.
func (a Audit) Unsealed(ctx context.Context) iter.Seq2[audit.Row, error] {
	return func(yield func(audit.Row, error) bool) {
		var found []audit.Row
		check := &DB{engine: a.db.engine, read: a.db.read}
		check.seals.keys.Store(a.db.seals.keys.Load())
		check.OnBroken(func(row audit.Row) { found = append(found, row) })
		for table, read := range map[string]func(context.Context) error{
			"organisations": check.readOrganisations, "accounts": check.readRights, "covers": check.readCovers, "proposals": check.readProposals, "passkeys": check.readPasskeys, "orders": check.readOrders, "reopenings": check.readOrderLines,
			"sessions": check.readSessions, "facts": check.readFacts, "sources": check.readSources, "changes of facts": check.readFactChanges, "arrivals": check.readCame, "aliases": check.readAliases, "withholdings": check.readWithholdings, "export permits": check.readPermits, "readings of the archive": check.readReadingRequests, "the break-glass access": check.readBreakGlass, "categories of fields": check.readGlossary, "requests for habilitations": check.readRightRequests, "changes of contact details": check.readContactChanges,
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

func (db *DB) readWithholdings(ctx context.Context) error {
	if _, err := db.withholdings(ctx, db.read, ` order by number`); !errors.Is(err, seal.ErrBroken) {
		return err
	}
	return nil
}

func (db *DB) readBreakGlass(ctx context.Context) error {
	if _, err := db.breakGlass(ctx, db.read); !errors.Is(err, seal.ErrBroken) {
		return err
	}
	return nil
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

func (db *DB) readCovers(ctx context.Context) error {
	return db.each(ctx, func(rows *sql.Rows) error {
		_, err := db.scanCover(rows)
		return err
	}, `select `+coverColumns+` from cover`)
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

// rowsAtOnce is how many rows of a large table are read by one query: nothing that was
// written meanwhile is kept for it.
const rowsAtOnce = 10_000

func (db *DB) readFacts(ctx context.Context) error {
	const query = `
		select person, source, id, kind, coalesce(account, ''), coalesce(organisation, ''), from_us, until_us, author, waits, seal
		from fact where (person, source, id) > ($1, $2, $3) order by person, source, id limit $4`
	var last reason.Fact
	for read := rowsAtOnce; read == rowsAtOnce; {
		read = 0
		err := db.each(ctx, func(rows *sql.Rows) error {
			read++
			var f reason.Fact
			var person, seal []byte
			var from, until int64
			if err := rows.Scan(&person, &f.Source, &f.ID, &f.Kind, &f.Account, &f.Organisation, &from, &until, &f.Author, &f.Waits, &seal); err != nil {
				return err
			}
			f.Person, f.From, f.Until = register.PersonID(person), time.UnixMicro(from).UTC(), time.UnixMicro(until).UTC()
			db.factHolds(f, seal)
			last = f
			return nil
		}, query, last.Person[:], last.Source, last.ID, rowsAtOnce)
		if err != nil {
			return err
		}
	}
	return nil
}

func (db *DB) readFactChanges(ctx context.Context) error {
	return db.each(ctx, func(rows *sql.Rows) error {
		_, _, err := db.scanFactChange(rows)
		return err
	}, `select `+factChangeColumns+` from fact_change`)
}

func (db *DB) readAliases(ctx context.Context) error {
	const query = `select alias, person, told_us, seal from alias where alias > $1 order by alias limit $2`
	var last intake.Alias
	for read := rowsAtOnce; read == rowsAtOnce; {
		read = 0
		err := db.each(ctx, func(rows *sql.Rows) error {
			read++
			var alias, person, seal []byte
			var at int64
			if err := rows.Scan(&alias, &person, &at, &seal); err != nil {
				return err
			}
			last = intake.Alias{Alias: register.Alias(alias), Person: register.PersonID(person)}
			db.aliasHolds(last, time.UnixMicro(at), seal)
			return nil
		}, query, last.Alias[:], rowsAtOnce)
		if err != nil {
			return err
		}
	}
	return nil
}
