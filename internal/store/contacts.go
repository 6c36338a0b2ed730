package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"poterne/internal/ledger"
	"poterne/internal/person"
	"poterne/internal/register"
	"poterne/internal/store/people"
)

// Contacts is what people asked their contact details to become.
type Contacts struct{ db *DB }

// NewContacts returns the changes of contact details in a database.
func NewContacts(db *DB) Contacts { return Contacts{db} }

// Of implements person.ContactService.
func (c Contacts) Of(ctx context.Context, who register.PersonID) ([]person.ContactChange, error) {
	return c.db.contactChanges(ctx, c.db.read, ` where person = $1 order by number`, who[:])
}

// Open implements person.ContactService.
func (c Contacts) Open(ctx context.Context) ([]person.ContactChange, error) {
	return c.db.contactChanges(ctx, c.db.read, ` where length(hidden) > 0 order by number`)
}

// One implements person.ContactService.
func (c Contacts) One(ctx context.Context, number ledger.Number) (person.ContactChange, error) {
	return c.db.contactChange(ctx, c.db.read, number)
}

const contactColumns = people.ContactColumns

// contactChanges reads changes; those that no node wrote are left out.
func (db *DB) contactChanges(ctx context.Context, from querier, where string, args ...any) (list []person.ContactChange, err error) {
	rows, err := from.QueryContext(ctx, `select `+contactColumns+` from contact_change`+where, args...)
	if err != nil {
		return nil, db.engine.classify(err)
	}
	defer rows.Close()
	for rows.Next() {
		switch c, err := db.scanContactChange(rows); {
		case err == nil:
			list = append(list, c)
		case !errors.Is(err, sql.ErrNoRows):
			return nil, db.engine.classify(err)
		}
	}
	return list, db.engine.classify(rows.Err())
}

func (db *DB) contactChange(ctx context.Context, from querier, number ledger.Number) (person.ContactChange, error) {
	list, err := db.contactChanges(ctx, from, ` where number = $1`, int64(number))
	return only(list, err, "change of contact details", number)
}

func (db *DB) scanContactChange(row interface{ Scan(...any) error }) (person.ContactChange, error) {
	c, sealed, err := people.ScanContact(row)
	if err == nil && !db.seals.holds(sealed, people.ContactRow(c), func() string { return fmt.Sprint(c.Number) }) {
		err = sql.ErrNoRows
	}
	return c, err
}

// contactRows is the changes of contact details, in a turn.
type contactRows struct{ *turn }

// ContactChanges implements person.ContactRows.
func (r contactRows) ContactChanges(of register.PersonID) ([]person.ContactChange, error) {
	list, err := r.db.contactChanges(r.ctx, r.tx, ` where person = $1 order by number`, of[:])
	return list, doing("reading changes of contact details", err)
}

// ContactChange implements person.ContactRows.
func (r contactRows) ContactChange(number ledger.Number) (person.ContactChange, error) {
	return r.db.contactChange(r.ctx, r.tx, number)
}

// PutContactChange implements person.ContactRows.
func (r contactRows) PutContactChange(c person.ContactChange) error {
	_, err := r.exec(people.PutContact, append(people.ContactValues(c), r.db.seals.seal(people.ContactRow(c)))...)
	return doing("writing a change of contact details", err)
}
