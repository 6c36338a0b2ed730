package store

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"poterne/internal/accounts"
	"poterne/internal/audit"
	"poterne/internal/installed"
	"poterne/internal/ledger"
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
	list, err := a.db.rightRequests(ctx, a.db.read, `given_us is null and dropped_us is null`)
	return list, doing("reading requests for habilitations", unlessBroken(err))
}

// OrganisationRequests implements audit.Rows, as RightRequests does.
func (a Audit) OrganisationRequests(ctx context.Context) ([]accounts.OrganisationRequest, error) {
	list, err := a.db.organisationRequests(ctx, a.db.read, `allowed_us is null and dropped_us is null`)
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
		ids, err := collect(ctx, a.db.read, column[roster.SessionID], `select id from `+table+` where why = ''`)
		if err != nil {
			return nil, a.db.engine.classify(err)
		}
		open[table] = ids
	}
	return open, nil
}

// searched reads every row of each table, but those of stockedTables and the ledger's own, so that a row that
// no node wrote is told. A table that decides anything MUST be in it: see TestRIGHTS_9_AnAuditNamesARowThatNoNodeWroteOfEveryTable.
var searched = map[string]func(*DB, context.Context) error{
	"account, habilitation": every((*DB).rights),
	"archive_reading":       every((*DB).readingRequests),
	"break_glass":           (*DB).readBreakGlass,
	"came":                  (*DB).readCame,
	"configuration":         every((*DB).configurations),
	"contact_change":        every((*DB).contactChanges),
	"export_list":           (*DB).readPermitLists,
	"export_permit":         every((*DB).permits),
	"fact_change":           (*DB).readFactChanges,
	"field_category":        (*DB).readGlossary,
	"letter_code":           (*DB).readCodes,
	"mailing":               (*DB).readMailings,
	"mailing_fate":          (*DB).readFates,
	"mandate":               every((*DB).mandates),
	"mandate_look":          every((*DB).mandateLooks),
	"order_line":            every((*DB).orderLines),
	"organisation":          every((*DB).organisations),
	"organisation_request":  every((*DB).organisationRequests),
	"passkey":               every((*DB).passkeys),
	"proposal":              every((*DB).proposals),
	"question":              every((*DB).questions),
	"retention, hold":       (*DB).readSchedule,
	"right_request":         every((*DB).rightRequests),
	"session":               (*DB).readSessions, // of people, too
	"source":                (*DB).readSources,
	"standing_order":        (*DB).readOrders,
	"withholding":           every((*DB).withholdings),
}

// Unsealed implements audit.Rows.
func (a Audit) Unsealed(ctx context.Context) iter.Seq2[audit.Row, error] {
	return func(yield func(audit.Row, error) bool) {
		var found []audit.Row
		check := a.checking(&found)
		for table, read := range searched {
			if err := read(check, ctx); err != nil {
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

// every reads all rows of a kind, of which those that no node wrote are told.
func every[T any](read func(*DB, context.Context, querier, string, ...any) ([]T, error)) func(*DB, context.Context) error {
	return func(db *DB, ctx context.Context) error {
		_, err := read(db, ctx, db.read, `true`)
		return unlessBroken(err)
	}
}

func (db *DB) readBreakGlass(ctx context.Context) error {
	_, err := db.breakGlass(ctx, db.read)
	return unlessBroken(err)
}

func (db *DB) readSources(ctx context.Context) error {
	_, err := db.heard(ctx, db.read)
	return err
}

func (db *DB) readOrders(ctx context.Context) error {
	return each(ctx, db.read, func(row scanner) error {
		_, err := db.scanOrder(row)
		return err
	}, orderColumns)
}

func (db *DB) readSessions(ctx context.Context) (err error) {
	for _, table := range []string{accountSessions, personSessions} {
		err = errors.Join(err, each(ctx, db.read, func(row scanner) error {
			_, err := db.scanSession(table, row)
			return err
		}, `select `+sessionColumns+` from `+table))
	}
	return err
}

func (db *DB) readFactChanges(ctx context.Context) error {
	return each(ctx, db.read, func(row scanner) error {
		_, _, err := db.scanFactChange(row)
		return err
	}, `select `+factChangeColumns+` from fact_change`)
}

// readMailings looks at what is encrypted under the seal key.
func (db *DB) readMailings(ctx context.Context) error {
	keys := db.seals.keys.Load()
	if keys == nil {
		return nil
	}
	return each(ctx, db.read, func(row scanner) error {
		var list ledger.Number
		var part int
		var encrypted []byte
		err := row.Scan(&list, &part, &encrypted)
		if err == nil {
			if _, broken := keys.Decrypt(encrypted, mailingRow(list, part)); broken != nil {
				db.seals.tell("mailing", fmt.Sprint(list, " ", part))
			}
		}
		return err
	}, `select list, part, people from mailing`)
}

func (db *DB) readFates(ctx context.Context) error {
	return each(ctx, db.read, func(row scanner) error {
		var list ledger.Number
		var part int
		var fates, sealed []byte
		err := row.Scan(&list, &part, &fates, &sealed)
		return db.seals.admit(err, sealed, fatesRow(list, part, fates), func() string { return fmt.Sprint(list, " ", part) })
	}, `select list, part, fates, seal from mailing_fate`)
}

func (db *DB) readCodes(ctx context.Context) error {
	return each(ctx, db.read, func(row scanner) error {
		_, err := db.scanCode(row)
		if errors.Is(err, errForgedCode) {
			err = nil
		}
		return err
	}, `select `+codeColumns+` from letter_code`)
}

// readSchedule holds what was set and held against inventories: such a row has no seal.
func (db *DB) readSchedule(ctx context.Context) error {
	schedule, err := Months{db}.Retention(ctx)
	for _, table := range schedule.Altered {
		db.seals.tell(table, "one or more")
	}
	return err
}
