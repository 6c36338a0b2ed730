package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"poterne/internal/archive"
	"poterne/internal/incident"
	"poterne/internal/ledger"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store/people"
)

// Archive is what is held of people and has ended, and what is archived of them.
type Archive struct{ db *DB }

// NewArchive returns the archive in a database.
func NewArchive(db *DB) Archive { return Archive{db} }

// holding is how a category is held: its table, when a row of it has ended, by which columns it is
// known, and what it says.
type holding struct {
	table, columns, ended, where string
	by                           []string
	key                          func(string) []any // what archive.Item.Key has of them
	scan                         func(*DB, *sql.Rows) (archive.Item, any, error)
}

var byNumber, byID = []string{"number"}, []string{"source", "id"}

var holdings = map[archive.Category]holding{
	archive.Questions: {
		"question", questionColumns, `coalesce(answered_us, asked_us)`, `(answered_us is not null or what = 'was-me')`, byNumber, number,
		func(db *DB, rows *sql.Rows) (archive.Item, any, error) {
			q, err := db.scanQuestion(rows)
			ended := max(q.At.UnixMicro(), q.Answered.UnixMicro()) // what needs no answer has none
			return archive.Item{Key: fmt.Sprint(uint64(q.Number)), Person: q.Person, Ended: time.UnixMicro(ended).UTC()}, q, err
		},
	},
	archive.Contacts: {
		"contact_change", people.ContactColumns, `since_us`, `length(hidden) = 0 and delivered = 1`, byNumber, number,
		func(db *DB, rows *sql.Rows) (archive.Item, any, error) {
			c, err := db.scanContactChange(rows)
			return archive.Item{Key: fmt.Sprint(uint64(c.Number)), Person: c.Person, Ended: c.Since}, c, err
		},
	},
	archive.Facts: {
		"fact", `person, source, id, until_us`, `until_us`, `true`, byID, sourceAndID,
		func(_ *DB, rows *sql.Rows) (archive.Item, any, error) {
			of, source, id, until := []byte(nil), "", "", int64(0)
			err := rows.Scan(&of, &source, &id, &until)
			return archive.Item{Key: source + "\n" + id, Person: register.PersonID(of), Ended: time.UnixMicro(until).UTC()}, nil, err
		},
	},
	archive.Covers: {
		"cover", `source, id, until_us`, `until_us`, `true`, byID, sourceAndID,
		func(_ *DB, rows *sql.Rows) (archive.Item, any, error) {
			source, id, until := "", "", int64(0)
			err := rows.Scan(&source, &id, &until)
			return archive.Item{Key: source + "\n" + id, Ended: time.UnixMicro(until).UTC()}, nil, err
		},
	},
	archive.Aliases: {
		"alias", `alias, person, told_us`, `told_us`,
		fmt.Sprintf(`not exists (select 1 from fact where fact.person = alias.person and fact.kind not in (%d, %d))`, reason.Closed, reason.Archived),
		[]string{"alias"},
		func(key string) []any {
			alias, _ := hex.DecodeString(key) // as scan writes it
			return []any{alias}
		},
		func(_ *DB, rows *sql.Rows) (archive.Item, any, error) {
			alias, of, told := []byte(nil), []byte(nil), int64(0)
			err := rows.Scan(&alias, &of, &told)
			return archive.Item{Key: hex.EncodeToString(alias), Person: register.PersonID(of), Ended: time.UnixMicro(told).UTC()}, nil, err
		},
	},
	archive.Proposals: {
		"proposal", `number, ends_us`, `ends_us`, `state <> 'delayed'`, byNumber, number,
		func(_ *DB, rows *sql.Rows) (archive.Item, any, error) {
			number, ends := uint64(0), int64(0)
			err := rows.Scan(&number, &ends)
			return archive.Item{Key: fmt.Sprint(number), Ended: time.UnixMicro(ends).UTC()}, nil, err
		},
	},
	archive.Names: names,
	archive.Asked: {
		"archive_reading", `number, asked_us`, `asked_us`, `true`, byNumber, number,
		func(_ *DB, rows *sql.Rows) (archive.Item, any, error) {
			number, asked := uint64(0), int64(0)
			err := rows.Scan(&number, &asked)
			return archive.Item{Key: fmt.Sprint(number), Ended: time.UnixMicro(asked).UTC()}, nil, err
		},
	},
	archive.Lists: {
		"export_list", `permit, until_us`, `until_us`, `true`,
		[]string{"permit"},
		number,
		func(_ *DB, rows *sql.Rows) (archive.Item, any, error) {
			permit, until := uint64(0), int64(0)
			err := rows.Scan(&permit, &until)
			return archive.Item{Key: fmt.Sprint(permit), Ended: time.UnixMicro(until).UTC()}, nil, err
		},
	},
}

func number(key string) []any {
	n, _ := strconv.ParseInt(key, 10, 64) // as scan writes it
	return []any{n}
}

func sourceAndID(key string) []any {
	source, id, _ := strings.Cut(key, "\n")
	return []any{source, id}
}

// endedAtOnce is how many rows that have ended are read by one query: no connection is held while
// an act takes them.
const endedAtOnce = 2000

// Ended implements archive.Holdings. Rows that no node wrote are left out, where they say more
// than that they have ended.
func (a Archive) Ended(ctx context.Context, of archive.Category, at time.Time, archived bool) iter.Seq2[archive.Item, error] {
	return func(yield func(archive.Item, error) bool) {
		var last *archive.Item
		for {
			items, read, err := a.ended(ctx, of, at, archived, last)
			if err != nil {
				yield(archive.Item{}, fmt.Errorf("reading what has ended: %w", a.db.engine.classify(err)))
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if last = read; last == nil {
				return
			}
		}
	}
}

// ended reads some rows that have ended, after the last that was read before, and returns the last;
// nil when there are no more.
func (a Archive) ended(ctx context.Context, of archive.Category, at time.Time, archived bool, after *archive.Item) (items []archive.Item, last *archive.Item, err error) {
	if of == archive.Told {
		items, err := a.told(ctx, at)
		return items, nil, err
	}
	var need needed
	if of == archive.Names {
		if need, err = namesNeeded(ctx, a.db.read); err != nil {
			return nil, nil, err
		}
	}
	h := holdings[of]
	query, args := fmt.Sprintf(`select %s from %s where %s and %s <= $1`, h.columns, h.table, h.where, h.ended), []any{at.UnixMicro()}
	if archived {
		query += fmt.Sprintf(` and exists (select 1 from fact where fact.person = %s.person and fact.kind = %d and fact.from_us <= $1 and fact.until_us > $1)`, h.table, reason.Archived)
	}
	order := h.ended + ", " + strings.Join(h.by, ", ")
	if after != nil {
		var since []string
		for _, value := range append([]any{after.Ended.UnixMicro()}, h.key(after.Key)...) {
			args = append(args, value)
			since = append(since, fmt.Sprintf("$%d", len(args)))
		}
		query += fmt.Sprintf(` and (%s) > (%s)`, order, strings.Join(since, ", "))
	}
	rows, err := a.db.read.QueryContext(ctx, fmt.Sprintf(`%s order by %s limit %d`, query, order, endedAtOnce), args...)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for n := 1; rows.Next(); n++ {
		item, says, err := h.scan(a.db, rows)
		if n == endedAtOnce {
			last = &item
		}
		if errors.Is(err, sql.ErrNoRows) || err == nil && of == archive.Names && need.keeps(roster.AccountID(item.Key), item.Ended) {
			continue
		}
		if err == nil {
			item.Text, err = json.Marshal(says)
		}
		if err != nil {
			return nil, nil, err
		}
		items = append(items, item)
	}
	return items, last, rows.Err()
}

// told are the parts of the lists of files that were closed by a time.
func (a Archive) told(ctx context.Context, at time.Time) (items []archive.Item, _ error) {
	lines, err := incidentLines(ctx, a.db.read, incidentColumns+` order by number`)
	if err != nil {
		return nil, err
	}
	files, err := incident.Fold(lines)
	if err != nil {
		return nil, err
	}
	closed := make(map[ledger.Number]time.Time, len(files)) // a file that was merged goes on as another
	for _, f := range files {
		closed[f.Number] = f.Closed
	}
	for changed := true; changed; {
		changed = false
		for _, f := range files {
			if f.Into != 0 && !closed[f.Number].Equal(closed[f.Into]) {
				closed[f.Number], changed = closed[f.Into], true
			}
		}
	}
	for _, l := range lines {
		ended := closed[l.File]
		if l.What != incident.Named || ended.IsZero() || ended.After(at) {
			continue
		}
		parts, err := a.parts(ctx, l.Number, ended)
		if err != nil {
			return nil, err
		}
		items = append(items, parts...)
	}
	slices.SortStableFunc(items, func(a, b archive.Item) int { return a.Ended.Compare(b.Ended) })
	return items, nil
}

// parts are the parts of one list.
func (a Archive) parts(ctx context.Context, list ledger.Number, ended time.Time) ([]archive.Item, error) {
	return collect(ctx, a.db.read, func(row scanner) (archive.Item, error) {
		item, part := archive.Item{Ended: ended}, 0
		err := row.Scan(&part, &item.People)
		item.Key = fmt.Sprintf("%d\n%d", uint64(list), part)
		return item, err
	}, `select part, length(fates) from mailing_fate where list = $1 order by part`, int64(list))
}

// Stored implements archive.Holdings.
func (a Archive) Stored(ctx context.Context, until ledger.Month, tag archive.Tag) ([]archive.Stored, error) {
	list, err := stored(ctx, a.db.read, `until = $1 and tag = $2`, math.MaxInt32, int64(until), tag[:])
	return list, a.db.engine.classify(err)
}

func stored(ctx context.Context, from querier, where string, most int, args ...any) ([]archive.Stored, error) {
	const query = `select until, tag, what, key, wrapped, box from archived join archived_key using (until, tag) where %s order by until, tag, what, key limit %d`
	return collect(ctx, from, func(row scanner) (s archive.Stored, err error) {
		var tag []byte
		err = row.Scan(&s.Until, &tag, &s.Of, &s.Key, &s.Wrapped, &s.Box)
		copy(s.Tag[:], tag)
		return s, err
	}, fmt.Sprintf(query, where, most), args...)
}

// Months implements archive.Holdings. It seeks each, and reads no record.
func (a Archive) Months(ctx context.Context) (months []ledger.Month, _ error) {
	for last := ledger.Month(0); ; months = append(months, last) {
		err := a.db.read.QueryRowContext(ctx, `select until from archived where until > $1 order by until limit 1`, int64(last)).Scan(&last)
		if errors.Is(err, sql.ErrNoRows) {
			return months, nil
		}
		if err != nil {
			return nil, a.db.engine.classify(err)
		}
	}
}

// Kept implements archive.Holdings.
func (a Archive) Kept(ctx context.Context, until ledger.Month) (records int, _ error) {
	err := a.db.read.QueryRowContext(ctx, `select count(*) from archived where until = $1`, int64(until)).Scan(&records)
	return records, a.db.engine.classify(err)
}

// Sweep implements archive.Holdings.
func (a Archive) Sweep(ctx context.Context) error { return a.db.engine.Sweep(ctx, a.db.write) }

// archiveRows is what is held of people and what is archived, in a turn.
type archiveRows struct{ *turn }

// Remove implements archive.Rows.
func (r archiveRows) Remove(of archive.Category, items []archive.Item) (n int, err error) {
	if of == archive.Told {
		return r.removeTold(items)
	}
	h := holdings[of]
	query := fmt.Sprintf(`delete from %s where %s and %s <= $1`, h.table, h.where, h.ended)
	for i, column := range h.by {
		query += fmt.Sprintf(` and %s = $%d`, column, i+2)
	}
	stocked, has := stockedTables[h.table]
	for _, item := range items {
		var gone int
		args := append([]any{item.Ended.UnixMicro()}, h.key(item.Key)...)
		if has {
			gone, _, err = r.gone(h.table, query+` returning `+stocked.Columns, args...)
		} else {
			gone, err = r.remove(query, args...)
		}
		if err != nil {
			return n, err
		}
		n += gone
	}
	return n, nil
}

// removeTold removes parts of lists, with the codes that letters to their people had. A file that is
// closed stays so.
func (r archiveRows) removeTold(items []archive.Item) (n int, err error) {
	for _, item := range items {
		list, part, _ := strings.Cut(item.Key, "\n")
		of := append(number(list), number(part)...)
		for _, table := range []string{"letter_code", "mailing", "mailing_fate"} {
			gone, err := r.remove(`delete from `+table+` where list = $1 and part = $2`, of...)
			if err != nil {
				return n, err
			}
			if table == "mailing_fate" {
				n += gone
			}
		}
		if _, err := r.remove(`delete from mailing_hold where list = $1`, of[0]); err != nil {
			return n, err
		}
	}
	return n, nil
}

// remove deletes rows and returns how many there were.
func (r archiveRows) remove(query string, args ...any) (int, error) {
	done, err := r.exec(query, args...)
	if err != nil {
		return 0, doing("removing what has ended", err)
	}
	gone, err := done.RowsAffected()
	return int(gone), err
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
	const key = `delete from archived_key where until = $1 and tag = $2 and not exists (select 1 from archived where archived.until = $1 and archived.tag = $2)`
	for _, s := range items {
		if err = oneRow(r.exec(`delete from archived where until = $1 and tag = $2 and what = $3 and key = $4`, int64(s.Until), s.Tag[:], string(s.Of), s.Key)); err != nil {
			return doing("removing what is erased", err)
		}
		if _, err = r.exec(key, int64(s.Until), s.Tag[:]); err != nil {
			return doing("removing the key of a person", err)
		}
	}
	if last {
		_, err = r.exec(`delete from archived_key where until < $1`, int64(before))
	}
	return doing("removing the keys of people", err)
}
