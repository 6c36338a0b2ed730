package store

import (
	"context"

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
	return c.db.contactChanges(ctx, c.db.read, `person = $1`, who[:])
}

// Open implements person.ContactService.
func (c Contacts) Open(ctx context.Context) ([]person.ContactChange, error) {
	return c.db.contactChanges(ctx, c.db.read, `length(hidden) > 0`)
}

// One implements person.ContactService.
func (c Contacts) One(ctx context.Context, number ledger.Number) (person.ContactChange, error) {
	return c.db.contactChange(ctx, c.db.read, number)
}

// contactChanges reads changes that meet a condition; those that no node wrote are left out.
func (db *DB) contactChanges(ctx context.Context, from querier, condition string, args ...any) ([]person.ContactChange, error) {
	list, err := collect(ctx, from, db.scanContactChange, `select `+people.ContactColumns+` from contact_change where `+condition+` order by number`, args...)
	return list, db.engine.classify(err)
}

func (db *DB) scanContactChange(row scanner) (person.ContactChange, error) {
	c, sealed, err := people.ScanContact(row)
	return c, db.seals.admitNumber(err, sealed, people.ContactRow(c), c.Number)
}

func (db *DB) contactChange(ctx context.Context, from querier, number ledger.Number) (person.ContactChange, error) {
	list, err := db.contactChanges(ctx, from, `number = $1`, int64(number))
	return only(list, err, "change of contact details", number)
}

// contactRows is the changes of contact details, in a turn.
type contactRows struct{ *turn }

// ContactChanges implements person.ContactRows.
func (r contactRows) ContactChanges(of register.PersonID) ([]person.ContactChange, error) {
	list, err := r.db.contactChanges(r.ctx, r.tx, `person = $1`, of[:])
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
