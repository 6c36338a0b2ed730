// Package people is how mandates, the looks under them, and changes of contact details lie in the database.
package people

import (
	"database/sql"
	"time"

	"poterne/internal/person"
	"poterne/internal/seal"
)

// The columns of both tables, the seal last.
const (
	Columns     = `number, person, representative, kind, hidden, begins_us, until_us, asked_by, approved_by, asked_us, told_us, over_us, over_by, seal`
	LookColumns = `number, mandate, at_us, what, seal`
)

// Put adds a mandate, or changes what came of it.
const Put = `insert into mandate (` + Columns + `) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
	on conflict (number) do update set representative = excluded.representative, hidden = excluded.hidden, approved_by = excluded.approved_by, told_us = excluded.told_us,
		over_us = excluded.over_us, over_by = excluded.over_by, seal = excluded.seal`

// Scan reads a mandate, and the seal of its row.
func Scan(row interface{ Scan(...any) error }) (m person.Mandate, sealed []byte, err error) {
	var of, to []byte
	var begins, until, asked int64
	var told, over sql.NullInt64
	err = row.Scan(&m.Number, &of, &to, &m.Kind, &m.Hidden, &begins, &until, &m.By, &m.Approver, &asked, &told, &over, &m.OverBy, &sealed)
	copy(m.Person[:], of)
	copy(m.Representative[:], to)
	m.Begins, m.Until, m.Asked, m.Told, m.Over = at(begins), at(until), at(asked), maybe(told), maybe(over)
	return m, sealed, err
}

// Values are those of a mandate's columns, but for the seal.
func Values(m person.Mandate) []any {
	return []any{
		int64(m.Number), m.Person[:], m.Representative[:], string(m.Kind), append([]byte{}, m.Hidden...), m.Begins.UnixMicro(), m.Until.UnixMicro(),
		string(m.By), string(m.Approver), m.Asked.UnixMicro(), micro(m.Told), micro(m.Over), string(m.OverBy),
	}
}

// Row is what a mandate's seal is of.
func Row(m person.Mandate) *seal.Row {
	return seal.NewRow("mandate").Int(int64(m.Number)).Bytes(m.Person[:]).Bytes(m.Representative[:]).Text(string(m.Kind)).Bytes(m.Hidden).Time(m.Begins).Time(m.Until).
		Text(string(m.By)).Text(string(m.Approver)).Time(m.Asked).Time(m.Told).Time(m.Over).Text(string(m.OverBy))
}

// ScanLook reads a look, and the seal of its row.
func ScanLook(row interface{ Scan(...any) error }) (l person.Look, sealed []byte, err error) {
	var when int64
	err = row.Scan(&l.Number, &l.Mandate, &when, &l.What, &sealed)
	l.At = at(when)
	return l, sealed, err
}

// LookRow is what a look's seal is of.
func LookRow(l person.Look) *seal.Row {
	return seal.NewRow("mandate_look").Int(int64(l.Number)).Int(int64(l.Mandate)).Time(l.At).Text(string(l.What))
}

func at(us int64) time.Time { return time.UnixMicro(us).UTC() }

func maybe(us sql.NullInt64) time.Time {
	if !us.Valid {
		return time.Time{}
	}
	return at(us.Int64)
}

// micro is a time as columns have it; null for the zero time.
func micro(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// ContactColumns are those of a change of contact details, the seal last.
const ContactColumns = `number, person, hidden, asked_us, due_us, state, since_us, decided, delivered, seal`

// PutContact adds a change, or changes what came of it.
const PutContact = `insert into contact_change (` + ContactColumns + `) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
	on conflict (number) do update set hidden = excluded.hidden, due_us = excluded.due_us, state = excluded.state, since_us = excluded.since_us, decided = excluded.decided,
		delivered = excluded.delivered, seal = excluded.seal`

// ScanContact reads a change, and the seal of its row.
func ScanContact(row interface{ Scan(...any) error }) (c person.ContactChange, sealed []byte, err error) {
	var of []byte
	var asked, since, delivered int64
	var due sql.NullInt64
	err = row.Scan(&c.Number, &of, &c.Hidden, &asked, &due, &c.State, &since, &c.Decided, &delivered, &sealed)
	copy(c.Person[:], of)
	c.Asked, c.Due, c.Since, c.Delivered = at(asked), maybe(due), at(since), delivered == 1
	return c, sealed, err
}

// ContactValues are those of a change's columns, but for the seal.
func ContactValues(c person.ContactChange) []any {
	return []any{
		int64(c.Number), c.Person[:], append([]byte{}, c.Hidden...), c.Asked.UnixMicro(), micro(c.Due), string(c.State), c.Since.UnixMicro(), int64(c.Decided), truth(c.Delivered),
	}
}

// ContactRow is what a change's seal is of.
func ContactRow(c person.ContactChange) *seal.Row {
	return seal.NewRow("contact_change").Int(int64(c.Number)).Bytes(c.Person[:]).Bytes(c.Hidden).Time(c.Asked).Time(c.Due).Text(string(c.State)).
		Time(c.Since).Int(int64(c.Decided)).Int(truth(c.Delivered))
}

func truth(is bool) int64 { return map[bool]int64{true: 1}[is] }
