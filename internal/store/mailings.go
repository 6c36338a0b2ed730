package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"time"

	"poterne/internal/fault"
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
	if err := m.db.read.QueryRowContext(ctx, query, int64(list), part).Scan(&encrypted, &fates, &sealed); errors.Is(err, sql.ErrNoRows) {
		return nil, nil, fault.Errorf(fault.Absent, "list %d has no part %d any more", list, part)
	} else if err != nil {
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
		for after := -1; ; {
			parts, last, err := m.fatesAfter(ctx, list, after)
			if err != nil {
				yield(nil, m.db.engine.classify(err))
				return
			}
			for _, fates := range parts {
				if !yield(fates, nil) {
					return
				}
			}
			if len(parts) < fatesPortion {
				return
			}
			after = last
		}
	}
}

// fatesPortion is of how many parts the fates are read at once.
const fatesPortion = 1 << 8

// fatesAfter returns the fates of the next parts after one, and the number of the last.
func (m Mailings) fatesAfter(ctx context.Context, list ledger.Number, part int) (parts [][]byte, last int, err error) {
	parts, err = collect(ctx, m.db.read, func(row scanner) (fates []byte, err error) {
		err = row.Scan(&last, &fates)
		return fates, err
	}, `select part, fates from mailing_fate where list = $1 and part > $2 order by part limit $3`, int64(list), part, fatesPortion)
	return parts, last, err
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
			return errors.Join(err, mailing.ErrLost)
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

// Code implements mailing.Codes: a code that was typed.
func (m Mailings) Code(ctx context.Context, list ledger.Number, part, place int) (mailing.Code, error) {
	code, err := m.db.code(ctx, m.db.read, list, part, place)
	return code, m.db.engine.classify(err)
}

func codeRow(c mailing.Code) *seal.Row {
	return seal.NewRow("letter_code").Int(int64(c.List)).Int(int64(c.Part)).Int(int64(c.Place)).Time(c.At)
}

// code reads a code that was typed. A row that no node wrote stops whoever asks: without it, or
// with another time, a code that is spent would open again.
func (db *DB) code(ctx context.Context, from querier, list ledger.Number, part, place int) (mailing.Code, error) {
	row := from.QueryRowContext(ctx, `select `+codeColumns+` from letter_code where list = $1 and part = $2 and place = $3`, int64(list), part, place)
	c, err := db.scanCode(row)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.Errorf(fault.Absent, "this code was not typed")
	}
	return c, err
}

const codeColumns = `list, part, place, typed_us, seal`

// errForgedCode is the error of a code that no node wrote. It is not seal.ErrBroken: it stops whoever asks,
// and not the node.
var errForgedCode = errors.New("a code that was typed has a row that no node wrote")

// scanCode reads a code; errForgedCode of one that no node wrote.
func (db *DB) scanCode(row scanner) (c mailing.Code, err error) {
	var typed int64
	var sealed []byte
	if err = row.Scan(&c.List, &c.Part, &c.Place, &typed, &sealed); err != nil {
		return c, err
	}
	c.At = time.UnixMicro(typed).UTC()
	if !db.seals.holds(sealed, codeRow(c), func() string { return fmt.Sprint(c.List, " ", c.Part, " ", c.Place) }) {
		err = errForgedCode
	}
	return c, err
}

// codeRows is the codes of letters, in a turn.
type codeRows struct{ *turn }

// Code implements mailing.CodeRows.
func (r codeRows) Code(list ledger.Number, part, place int) (mailing.Code, error) {
	c, err := r.db.code(r.ctx, r.tx, list, part, place)
	return c, doing("reading a code", err)
}

// PutCode implements mailing.CodeRows.
func (r codeRows) PutCode(c mailing.Code) error {
	const put = `insert into letter_code (list, part, place, typed_us, seal) values ($1, $2, $3, $4, $5)`
	_, err := r.exec(put, int64(c.List), c.Part, c.Place, c.At.UnixMicro(), r.db.seals.seal(codeRow(c)))
	return doing("writing that a code was typed", err)
}
