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
	"poterne/internal/seal"
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

const contactColumns = `number, person, hidden, asked_us, due_us, state, since_us, decided, delivered, seal`

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
	switch {
	case err != nil:
		return person.ContactChange{}, doing("reading a change of contact details", err)
	case len(list) != 1:
		return person.ContactChange{}, fault.Errorf(fault.Absent, "there is no change of contact details %d", number)
	}
	return list[0], nil
}

func (db *DB) scanContactChange(row interface{ Scan(...any) error }) (c person.ContactChange, err error) {
	var of, sealed []byte
	var asked, since, delivered int64
	var due sql.NullInt64
	err = row.Scan(&c.Number, &of, &c.Hidden, &asked, &due, &c.State, &since, &c.Decided, &delivered, &sealed)
	copy(c.Person[:], of)
	c.Asked, c.Due, c.Since, c.Delivered = time.UnixMicro(asked).UTC(), fromMicro(due), time.UnixMicro(since).UTC(), delivered == 1
	if err == nil && !db.seals.holds(sealed, contactRow(c), func() string { return fmt.Sprint(c.Number) }) {
		err = sql.ErrNoRows
	}
	return c, err
}

func contactRow(c person.ContactChange) *seal.Row {
	return seal.NewRow("contact_change").Int(int64(c.Number)).Bytes(c.Person[:]).Bytes(c.Hidden).Time(c.Asked).Time(c.Due).Text(string(c.State)).
		Time(c.Since).Int(int64(c.Decided)).Int(truth(c.Delivered))
}

func truth(is bool) int64 {
	if is {
		return 1
	}
	return 0
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
	const put = `insert into contact_change (` + contactColumns + `) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		on conflict (number) do update set hidden = excluded.hidden, due_us = excluded.due_us, state = excluded.state, since_us = excluded.since_us, decided = excluded.decided,
			delivered = excluded.delivered, seal = excluded.seal`
	_, err := r.exec(put, int64(c.Number), c.Person[:], append([]byte{}, c.Hidden...), c.Asked.UnixMicro(), micro(c.Due), string(c.State), c.Since.UnixMicro(), int64(c.Decided),
		truth(c.Delivered), r.db.seals.seal(contactRow(c)))
	return doing("writing a change of contact details", err)
}
