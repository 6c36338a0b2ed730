package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	"poterne/internal/incident/mailing"
	"poterne/internal/ledger"
	"poterne/internal/seal"
)

// Mailings is the lists of people who are told of incidents, and what became of each.
type Mailings struct{ db *DB }

// NewMailings returns the lists in a database.
func NewMailings(db *DB) Mailings { return Mailings{db} }

func mailingRow(list ledger.Number, part int) *seal.Row {
	return seal.NewRow("mailing").Int(int64(list)).Int(int64(part))
}

func fatesRow(list ledger.Number, part int, fates []byte) *seal.Row {
	return seal.NewRow("mailing_fate").Int(int64(list)).Int(int64(part)).Bytes(fates)
}

var errUnsealed = errors.New("people are told by a node that has the seal key")

// Put implements mailing.Rows.
func (m Mailings) Put(ctx context.Context, list ledger.Number, part int, people, fates []byte) error {
	keys := m.db.seals.keys.Load()
	if keys == nil {
		return errUnsealed
	}
	return m.db.within(ctx, func(tx *sql.Tx) error {
		encrypted := keys.Encrypt(people, mailingRow(list, part))
		if _, err := tx.ExecContext(ctx, `insert into mailing (list, part, people) values ($1, $2, $3)`, int64(list), part, encrypted); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `insert into mailing_fate (list, part, fates, seal) values ($1, $2, $3, $4)`, int64(list), part, fates, keys.Seal(fatesRow(list, part, fates)))
		return err
	})
}

// Part implements mailing.Rows.
func (m Mailings) Part(ctx context.Context, list ledger.Number, part int) (people, fates []byte, err error) {
	keys := m.db.seals.keys.Load()
	if keys == nil {
		return nil, nil, errUnsealed
	}
	const query = `
		select people, fates, seal from mailing join mailing_fate on mailing_fate.list = mailing.list and mailing_fate.part = mailing.part
		where mailing.list = $1 and mailing.part = $2`
	var encrypted, sealed []byte
	if err := m.db.read.QueryRowContext(ctx, query, int64(list), part).Scan(&encrypted, &fates, &sealed); err != nil {
		return nil, nil, m.db.engine.classify(err)
	}
	if people, err = keys.Decrypt(encrypted, mailingRow(list, part)); err == nil {
		err = keys.Check(sealed, fatesRow(list, part, fates))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("part %d of list %d: %w", part, list, err)
	}
	return people, fates, nil
}

// Fates implements mailing.Rows.
func (m Mailings) Fates(ctx context.Context, list ledger.Number) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		rows, err := m.db.read.QueryContext(ctx, `select fates from mailing_fate where list = $1 order by part`, int64(list))
		if err != nil {
			yield(nil, m.db.engine.classify(err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			var fates sql.RawBytes
			if err := rows.Scan(&fates); err != nil {
				yield(nil, m.db.engine.classify(err))
				return
			}
			if !yield(fates, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(nil, m.db.engine.classify(err))
		}
	}
}

// Save implements mailing.Rows.
func (m Mailings) Save(ctx context.Context, list ledger.Number, h mailing.Hold, fates map[int][]byte) error {
	keys := m.db.seals.keys.Load()
	if keys == nil {
		return errUnsealed
	}
	const hold = `
		insert into mailing_hold (list, holder, until_us) values ($1, $2, $3)
		on conflict (list) do update set holder = excluded.holder, until_us = excluded.until_us
		where mailing_hold.holder = excluded.holder or mailing_hold.until_us <= $4`
	return m.db.within(ctx, func(tx *sql.Tx) error {
		held, err := tx.ExecContext(ctx, hold, int64(list), h.Holder, h.Until.UnixMicro(), h.Now.UnixMicro())
		if err != nil {
			return err
		}
		if n, err := held.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, mailing.Lost)
		}
		if len(fates) == 0 {
			return nil
		}
		update, err := tx.PrepareContext(ctx, `update mailing_fate set fates = $1, seal = $2 where list = $3 and part = $4`)
		if err != nil {
			return err
		}
		defer update.Close()
		for part, some := range fates {
			if _, err := update.ExecContext(ctx, some, keys.Seal(fatesRow(list, part, some)), int64(list), part); err != nil {
				return err
			}
		}
		return nil
	})
}
