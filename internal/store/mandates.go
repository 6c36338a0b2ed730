package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/person"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/seal"
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

const mandateColumns = `number, person, representative, kind, hidden, begins_us, until_us, asked_by, approved_by, asked_us, told_us, over_us, over_by, seal`

// mandates reads mandates; those that no node wrote are left out.
func (db *DB) mandates(ctx context.Context, from querier, where string, args ...any) (list []person.Mandate, err error) {
	rows, err := from.QueryContext(ctx, `select `+mandateColumns+` from mandate`+where, args...)
	if err != nil {
		return nil, db.engine.classify(err)
	}
	defer rows.Close()
	for rows.Next() {
		switch m, err := db.scanMandate(rows); {
		case err == nil:
			list = append(list, m)
		case !errors.Is(err, sql.ErrNoRows):
			return nil, db.engine.classify(err)
		}
	}
	return list, db.engine.classify(rows.Err())
}

func (db *DB) mandate(ctx context.Context, from querier, number ledger.Number) (person.Mandate, error) {
	list, err := db.mandates(ctx, from, ` where number = $1`, int64(number))
	switch {
	case err != nil:
		return person.Mandate{}, doing("reading a mandate", err)
	case len(list) != 1:
		return person.Mandate{}, fault.Errorf(fault.Absent, "there is no mandate %d", number)
	}
	return list[0], nil
}

func (db *DB) scanMandate(row interface{ Scan(...any) error }) (m person.Mandate, err error) {
	var of, to, sealed []byte
	var begins, until, asked int64
	var told, over sql.NullInt64
	err = row.Scan(&m.Number, &of, &to, &m.Kind, &m.Hidden, &begins, &until, &m.By, &m.Approver, &asked, &told, &over, &m.OverBy, &sealed)
	copy(m.Person[:], of)
	copy(m.Representative[:], to)
	m.Begins, m.Until, m.Asked, m.Told, m.Over = time.UnixMicro(begins).UTC(), time.UnixMicro(until).UTC(), time.UnixMicro(asked).UTC(), fromMicro(told), fromMicro(over)
	if err == nil && !db.seals.holds(sealed, mandateRow(m), func() string { return fmt.Sprint(m.Number) }) {
		err = sql.ErrNoRows
	}
	return m, err
}

func mandateRow(m person.Mandate) *seal.Row {
	return seal.NewRow("mandate").Int(int64(m.Number)).Bytes(m.Person[:]).Bytes(m.Representative[:]).Text(string(m.Kind)).Bytes(m.Hidden).Time(m.Begins).Time(m.Until).
		Text(string(m.By)).Text(string(m.Approver)).Time(m.Asked).Time(m.Told).Time(m.Over).Text(string(m.OverBy))
}

const lookColumns = `number, mandate, at_us, what, seal`

// mandateLooks reads looks; those that no node wrote are left out.
func (db *DB) mandateLooks(ctx context.Context, from querier, where string, args ...any) (list []person.Look, err error) {
	rows, err := from.QueryContext(ctx, `select `+lookColumns+` from mandate_look`+where, args...)
	if err != nil {
		return nil, db.engine.classify(err)
	}
	defer rows.Close()
	for rows.Next() {
		var l person.Look
		var at int64
		var sealed []byte
		if err := rows.Scan(&l.Number, &l.Mandate, &at, &l.What, &sealed); err != nil {
			return nil, db.engine.classify(err)
		}
		if l.At = time.UnixMicro(at).UTC(); db.seals.holds(sealed, lookRow(l), func() string { return fmt.Sprint(l.Number) }) {
			list = append(list, l)
		}
	}
	return list, db.engine.classify(rows.Err())
}

func lookRow(l person.Look) *seal.Row {
	return seal.NewRow("mandate_look").Int(int64(l.Number)).Int(int64(l.Mandate)).Time(l.At).Text(string(l.What))
}

func (db *DB) readMandates(ctx context.Context) error {
	_, err := db.mandates(ctx, db.read, ` order by number`)
	return err
}

func (db *DB) readMandateLooks(ctx context.Context) error {
	_, err := db.mandateLooks(ctx, db.read, ` order by number`)
	return err
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
	const put = `insert into mandate (` + mandateColumns + `) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		on conflict (number) do update set representative = excluded.representative, hidden = excluded.hidden, approved_by = excluded.approved_by, told_us = excluded.told_us,
			over_us = excluded.over_us, over_by = excluded.over_by, seal = excluded.seal`
	_, err := r.exec(put, int64(m.Number), m.Person[:], m.Representative[:], string(m.Kind), append([]byte{}, m.Hidden...), m.Begins.UnixMicro(), m.Until.UnixMicro(),
		string(m.By), string(m.Approver), m.Asked.UnixMicro(), micro(m.Told), micro(m.Over), string(m.OverBy), r.db.seals.seal(mandateRow(m)))
	return doing("writing a mandate", err)
}

// LooksSince implements person.MandateRows.
func (r mandateRows) LooksSince(mandate ledger.Number, since time.Time) ([]person.Look, error) {
	list, err := r.db.mandateLooks(r.ctx, r.tx, ` where mandate = $1 and at_us >= $2 order by number`, int64(mandate), since.UnixMicro())
	return list, doing("reading looks under a mandate", err)
}

// PutLook implements person.MandateRows.
func (r mandateRows) PutLook(l person.Look) error {
	_, err := r.exec(`insert into mandate_look (`+lookColumns+`) values ($1, $2, $3, $4, $5)`, int64(l.Number), int64(l.Mandate), l.At.UnixMicro(), string(l.What), r.db.seals.seal(lookRow(l)))
	return doing("writing a look under a mandate", err)
}

// ForgetLooks implements person.MandateRows.
func (r mandateRows) ForgetLooks(mandate ledger.Number) error {
	_, err := r.exec(`delete from mandate_look where mandate = $1`, int64(mandate))
	return doing("forgetting looks under a mandate", err)
}
