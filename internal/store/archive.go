package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"
	"time"

	"poterne/internal/archive"
	"poterne/internal/ledger"
	"poterne/internal/reason"
	"poterne/internal/register"
)

// Archive is what is held of people and has ended, and what is archived of them.
type Archive struct{ db *DB }

// NewArchive returns the archive in a database.
func NewArchive(db *DB) Archive { return Archive{db} }

// holding is how a category is held: its table, when a row of it has ended, and what it says.
type holding struct {
	table, columns, ended, where string
	scan                         func(*DB, *sql.Rows) (archive.Item, any, error)
}

var holdings = map[archive.Category]holding{
	archive.Questions: {
		"question", questionColumns, `coalesce(answered_us, asked_us)`, `(answered_us is not null or what = 'was-me')`,
		func(db *DB, rows *sql.Rows) (archive.Item, any, error) {
			q, err := db.scanQuestion(rows)
			ended := max(q.At.UnixMicro(), q.Answered.UnixMicro()) // what needs no answer has none
			return archive.Item{Key: fmt.Sprint(uint64(q.Number)), Person: q.Person, Ended: time.UnixMicro(ended).UTC()}, q, err
		},
	},
	archive.Contacts: {
		"contact_change", contactColumns, `since_us`, `length(hidden) = 0 and delivered = 1`,
		func(db *DB, rows *sql.Rows) (archive.Item, any, error) {
			c, err := db.scanContactChange(rows)
			return archive.Item{Key: fmt.Sprint(uint64(c.Number)), Person: c.Person, Ended: c.Since}, c, err
		},
	},
	archive.Facts: {
		"fact", `person, source, id, until_us`, `until_us`, `true`,
		func(_ *DB, rows *sql.Rows) (archive.Item, any, error) {
			of, source, id, until := []byte(nil), "", "", int64(0)
			err := rows.Scan(&of, &source, &id, &until)
			return archive.Item{Key: source + "\n" + id, Person: register.PersonID(of), Ended: time.UnixMicro(until).UTC()}, nil, err
		},
	},
}

// Ended implements archive.Holdings. Rows that no node wrote are left out.
func (a Archive) Ended(ctx context.Context, of archive.Category, at time.Time, archived bool) iter.Seq2[archive.Item, error] {
	h := holdings[of]
	query := fmt.Sprintf(`select %s from %s where %s and %s <= $1`, h.columns, h.table, h.where, h.ended)
	if archived {
		query += fmt.Sprintf(` and exists (select 1 from fact where fact.person = %s.person and fact.kind = %d and fact.from_us <= $1 and fact.until_us > $1)`, h.table, reason.Archived)
	}
	return func(yield func(archive.Item, error) bool) {
		rows, err := a.db.read.QueryContext(ctx, query+` order by `+h.ended, at.UnixMicro())
		if err != nil {
			yield(archive.Item{}, fmt.Errorf("reading what has ended: %w", a.db.engine.classify(err)))
			return
		}
		defer rows.Close()
		for rows.Next() {
			item, says, err := h.scan(a.db, rows)
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err == nil {
				item.Text, err = json.Marshal(says)
			}
			if !yield(item, a.db.engine.classify(err)) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(archive.Item{}, a.db.engine.classify(err))
		}
	}
}

// Stored implements archive.Holdings.
func (a Archive) Stored(ctx context.Context, until ledger.Month, tag archive.Tag) ([]archive.Stored, error) {
	list, err := stored(ctx, a.db.read, `until = $1 and tag = $2`, math.MaxInt32, int64(until), tag[:])
	return list, a.db.engine.classify(err)
}

func stored(ctx context.Context, from querier, where string, most int, args ...any) (list []archive.Stored, _ error) {
	const query = `select until, tag, what, key, wrapped, box from archived join archived_key using (until, tag) where %s order by until, tag, what, key limit %d`
	rows, err := from.QueryContext(ctx, fmt.Sprintf(query, where, most), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s archive.Stored
		var tag []byte
		if err := rows.Scan(&s.Until, &tag, &s.Of, &s.Key, &s.Wrapped, &s.Box); err != nil {
			return nil, err
		}
		copy(s.Tag[:], tag)
		list = append(list, s)
	}
	return list, rows.Err()
}

// Kept implements archive.Holdings.
func (a Archive) Kept(ctx context.Context) (map[ledger.Month]int, error) {
	rows, err := a.db.read.QueryContext(ctx, `select until, count(*) from archived group by until`)
	if err != nil {
		return nil, a.db.engine.classify(err)
	}
	defer rows.Close()
	kept := make(map[ledger.Month]int)
	for rows.Next() {
		var until, n int
		if err := rows.Scan(&until, &n); err != nil {
			return nil, err
		}
		kept[ledger.Month(until)] = n
	}
	return kept, a.db.engine.classify(rows.Err())
}

// Sweep implements archive.Holdings.
func (a Archive) Sweep(ctx context.Context) error { return a.db.engine.sweep(ctx, a.db.write) }

// archiveRows is what is held of people and what is archived, in a turn.
type archiveRows struct{ *turn }

// Remove implements archive.Rows.
func (r archiveRows) Remove(of archive.Category, items []archive.Item) (n int, err error) {
	query := fmt.Sprintf(`delete from %s where %s and %s <= $1 and `, holdings[of].table, holdings[of].where, holdings[of].ended)
	for _, item := range items {
		where, args := `number = $2`, []any{item.Ended.UnixMicro()}
		if source, id, fact := strings.Cut(item.Key, "\n"); fact {
			where, args = `source = $2 and id = $3`, append(args, source, id)
		} else if number, err := strconv.ParseInt(item.Key, 10, 64); err == nil {
			args = append(args, number)
		}
		done, err := r.exec(query+where, args...)
		if err != nil {
			return n, doing("removing what has ended", err)
		}
		gone, err := done.RowsAffected()
		if err != nil {
			return n, err
		}
		n += int(gone)
	}
	return n, nil
}

// Wrapped implements archive.Rows.
func (r archiveRows) Wrapped(until ledger.Month, tag archive.Tag) (wrapped []byte, err error) {
	err = r.tx.QueryRowContext(r.ctx, `select wrapped from archived_key where until = $1 and tag = $2`, int64(until), tag[:]).Scan(&wrapped)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return wrapped, doing("reading the key of a person", err)
}

// Store implements archive.Rows.
func (r archiveRows) Store(s archive.Stored) error {
	if s.Wrapped != nil {
		if _, err := r.exec(`insert into archived_key (until, tag, wrapped) values ($1, $2, $3)`, int64(s.Until), s.Tag[:], s.Wrapped); err != nil {
			return doing("keeping the key of a person", err)
		}
	}
	_, err := r.exec(`insert into archived (until, tag, what, key, box) values ($1, $2, $3, $4, $5)`, int64(s.Until), s.Tag[:], string(s.Of), s.Key, s.Box)
	return doing("archiving", err)
}

// Expired implements archive.Rows.
func (r archiveRows) Expired(before ledger.Month, most int) ([]archive.Stored, error) {
	list, err := stored(r.ctx, r.tx, `until < $1`, most, int64(before))
	return list, doing("reading what is erased", err)
}

// Expire implements archive.Rows.
func (r archiveRows) Expire(items []archive.Stored, before ledger.Month, last bool) (err error) {
	for _, s := range items {
		if err = oneRow(r.exec(`delete from archived where until = $1 and tag = $2 and what = $3 and key = $4`, int64(s.Until), s.Tag[:], string(s.Of), s.Key)); err != nil {
			return doing("removing what is erased", err)
		}
	}
	if last {
		_, err = r.exec(`delete from archived_key where until < $1`, int64(before))
	}
	return doing("removing the keys of people", err)
}
