package store

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"poterne/internal/accounts"
	"poterne/internal/archive"
	"poterne/internal/audit"
	"poterne/internal/grants"
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

// Waiting implements audit.Rows. Of each table the requests before one without its seal are held
// against the ledger; with that one there nobody asks for anything, and nobody allows.
func (a Audit) Waiting(ctx context.Context) (map[string][]ledger.Number, error) {
	waiting := make(map[string][]ledger.Number)
	for table, read := range map[string]func(context.Context) ([]ledger.Number, error){
		"right_request":        numbers(a.db, a.db.rightRequests, `given_us is null and dropped_us is null`, func(r accounts.RightRequest) ledger.Number { return r.Number }),
		"organisation_request": numbers(a.db, a.db.organisationRequests, `allowed_us is null and dropped_us is null`, func(r accounts.OrganisationRequest) ledger.Number { return r.Number }),
		"configuration":        numbers(a.db, a.db.configurations, `allowed_us is null and dropped_us is null`, func(c installed.Change) ledger.Number { return c.Number }),
		"export_permit":        numbers(a.db, a.db.permits, `given_us is null and dropped_us is null`, func(p grants.Permit) ledger.Number { return p.Number }),
		"archive_reading":      numbers(a.db, a.db.readingRequests, `read_us is null and dropped_us is null`, func(r archive.Request) ledger.Number { return r.Number }),
	} {
		var err error
		if waiting[table], err = read(ctx); err != nil {
			return nil, fmt.Errorf("reading %s: %w", table, err)
		}
	}
	return waiting, nil
}

// numbers reads those of the rows of a kind that meet a condition.
func numbers[R any](db *DB, read func(context.Context, querier, string, ...any) ([]R, error), condition string, of func(R) ledger.Number) func(context.Context) ([]ledger.Number, error) {
	return func(ctx context.Context) (all []ledger.Number, err error) {
		list, err := read(ctx, db.read, condition)
		for _, one := range list {
			all = append(all, of(one))
		}
		return all, unlessBroken(err)
	}
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
	check.seals.audited = true
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
