package store

import (
	"context"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/person"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store/people"
)

// Mandates is who may read another person's page.
type Mandates struct{ db *DB }

// NewMandates returns the mandates in a database.
func NewMandates(db *DB) Mandates { return Mandates{db} }

// Of implements person.Mandates.
func (m Mandates) Of(ctx context.Context, who register.PersonID) ([]person.Mandate, error) {
	return m.db.mandates(ctx, m.db.read, `person = $1`, who[:])
}

// To implements person.Mandates.
func (m Mandates) To(ctx context.Context, who person.Identity) ([]person.Mandate, error) {
	return m.db.mandates(ctx, m.db.read, `representative = $1`, who[:])
}

// One implements person.Mandates.
func (m Mandates) One(ctx context.Context, number ledger.Number) (person.Mandate, error) {
	return m.db.mandate(ctx, m.db.read, number)
}

// All implements person.Mandates.
func (m Mandates) All(ctx context.Context) ([]person.Mandate, error) {
	return m.db.mandates(ctx, m.db.read, `length(hidden) > 0`)
}

// Looks implements person.Mandates.
func (m Mandates) Looks(ctx context.Context, mandate ledger.Number) ([]person.Look, error) {
	return m.db.mandateLooks(ctx, m.db.read, `mandate = $1`, int64(mandate))
}

// mandates reads mandates that meet a condition; those that no node wrote are left out.
func (db *DB) mandates(ctx context.Context, from querier, condition string, args ...any) ([]person.Mandate, error) {
	list, err := collect(ctx, from, db.scanMandate, `select `+people.Columns+` from mandate where `+condition+` order by number`, args...)
	return list, db.engine.classify(err)
}

func (db *DB) scanMandate(row scanner) (person.Mandate, error) {
	m, sealed, err := people.Scan(row)
	return m, db.seals.admitNumber(err, sealed, people.Row(m), m.Number)
}

func (db *DB) mandate(ctx context.Context, from querier, number ledger.Number) (person.Mandate, error) {
	list, err := db.mandates(ctx, from, `number = $1`, int64(number))
	return only(list, err, "mandate", number)
}

// mandateLooks does the same of looks.
func (db *DB) mandateLooks(ctx context.Context, from querier, condition string, args ...any) ([]person.Look, error) {
	list, err := collect(ctx, from, db.scanLook, `select `+people.LookColumns+` from mandate_look where `+condition+` order by number`, args...)
	return list, db.engine.classify(err)
}

func (db *DB) scanLook(row scanner) (person.Look, error) {
	l, sealed, err := people.ScanLook(row)
	return l, db.seals.admitNumber(err, sealed, people.LookRow(l), l.Number)
}

// mandateRows is the mandates, in a turn.
type mandateRows struct{ *turn }

// Mandates implements person.MandateRows.
func (r mandateRows) Mandates(of register.PersonID) ([]person.Mandate, error) {
	list, err := r.db.mandates(r.ctx, r.tx, `person = $1`, of[:])
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
	list, err := r.db.mandateLooks(r.ctx, r.tx, `mandate = $1 and at_us >= $2`, int64(mandate), since.UnixMicro())
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
