package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/person"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/seal"
	"poterne/internal/store/people"
)

// Mandates is who may read another person's page.
type Mandates struct{ db *DB }

// NewMandates returns the mandates in a database.
func NewMandates(db *DB) Mandates { return Mandates{db} }

// Of implements person.Mandates.
func (m Mandates) Of(ctx context.Context, who register.PersonID) ([]person.Mandate, error) {
	return m.db.mandates(ctx, m.db.read, ` where person = $1 order by number`, who[:])
}

// To implements person.Mandates.
func (m Mandates) To(ctx context.Context, who person.Identity) ([]person.Mandate, error) {
	return m.db.mandates(ctx, m.db.read, ` where representative = $1 order by number`, who[:])
}

// One implements person.Mandates.
func (m Mandates) One(ctx context.Context, number ledger.Number) (person.Mandate, error) {
	return m.db.mandate(ctx, m.db.read, number)
}

// All implements person.Mandates.
func (m Mandates) All(ctx context.Context) ([]person.Mandate, error) {
	return m.db.mandates(ctx, m.db.read, ` where length(hidden) > 0 order by number`)
}

// Looks implements person.Mandates.
func (m Mandates) Looks(ctx context.Context, mandate ledger.Number) ([]person.Look, error) {
	return m.db.mandateLooks(ctx, m.db.read, ` where mandate = $1 order by number`, int64(mandate))
}

// mandates reads mandates; those that no node wrote are left out.
func (db *DB) mandates(ctx context.Context, from querier, where string, args ...any) (list []person.Mandate, err error) {
	rows, err := from.QueryContext(ctx, `select `+people.Columns+` from mandate`+where, args...)
	if err != nil {
		return nil, db.engine.classify(err)
	}
	list, err = people.List(rows, db.holdsRow)
	return list, db.engine.classify(err)
}

func (db *DB) mandate(ctx context.Context, from querier, number ledger.Number) (person.Mandate, error) {
	list, err := db.mandates(ctx, from, ` where number = $1`, int64(number))
	return only(list, err, "mandate", number)
}

// mandateLooks reads looks; those that no node wrote are left out.
func (db *DB) mandateLooks(ctx context.Context, from querier, where string, args ...any) (list []person.Look, err error) {
	rows, err := from.QueryContext(ctx, `select `+people.LookColumns+` from mandate_look`+where, args...)
	if err != nil {
		return nil, db.engine.classify(err)
	}
	list, err = people.ListLooks(rows, db.holdsRow)
	return list, db.engine.classify(err)
}

func (db *DB) holdsRow(sealed []byte, row *seal.Row, of ledger.Number) bool {
	return db.seals.holds(sealed, row, func() string { return fmt.Sprint(of) })
}

func (db *DB) readMandates(ctx context.Context) error {
	_, mandates := db.mandates(ctx, db.read, ` order by number`)
	_, looks := db.mandateLooks(ctx, db.read, ` order by number`)
	return errors.Join(mandates, looks)
}

// mandateRows is the mandates, in a turn.
type mandateRows struct{ *turn }

// Mandates implements person.MandateRows.
func (r mandateRows) Mandates(of register.PersonID) ([]person.Mandate, error) {
	list, err := r.db.mandates(r.ctx, r.tx, ` where person = $1 order by number`, of[:])
	return list, doing("reading mandates", err)
}

// MandatesAsked implements person.MandateRows.
func (r mandateRows) MandatesAsked(by roster.AccountID, since time.Time) (n int, err error) {
	err = r.tx.QueryRowContext(r.ctx, `select count(*) from mandate where asked_by = $1 and asked_us >= $2`, string(by), since.UnixMicro()).Scan(&n)
	return n, doing("counting mandates", err)
}

// Mandate implements person.MandateRows.
func (r mandateRows) Mandate(number ledger.Number) (person.Mandate, error) {
	return r.db.mandate(r.ctx, r.tx, number)
}

// PutMandate implements person.MandateRows.
func (r mandateRows) PutMandate(m person.Mandate) error {
	_, err := r.exec(people.Put, append(people.Values(m), r.db.seals.seal(people.Row(m)))...)
	return doing("writing a mandate", err)
}

// LooksSince implements person.MandateRows.
func (r mandateRows) LooksSince(mandate ledger.Number, since time.Time) ([]person.Look, error) {
	list, err := r.db.mandateLooks(r.ctx, r.tx, ` where mandate = $1 and at_us >= $2 order by number`, int64(mandate), since.UnixMicro())
	return list, doing("reading looks under a mandate", err)
}

// PutLook implements person.MandateRows.
func (r mandateRows) PutLook(l person.Look) error {
	_, err := r.exec(`insert into mandate_look (`+people.LookColumns+`) values ($1, $2, $3, $4, $5)`, int64(l.Number), int64(l.Mandate), l.At.UnixMicro(), string(l.What), r.db.seals.seal(people.LookRow(l)))
	return doing("writing a look under a mandate", err)
}

// ForgetLooks implements person.MandateRows.
func (r mandateRows) ForgetLooks(mandate ledger.Number) error {
	_, err := r.exec(`delete from mandate_look where mandate = $1`, int64(mandate))
	return doing("forgetting looks under a mandate", err)
}
