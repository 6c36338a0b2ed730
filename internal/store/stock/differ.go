package stock

import (
	"bytes"
	"context"
	"database/sql"
	"errors"

	"poterne/internal/audit"
	"poterne/internal/seal"
)

// Parts is how many parts a table has whose rows are about people: each is the rows under an eighth of
// their keyed hashes.
const Parts = 8

// PartOf is the part of such a table with a row.
func PartOf(table string, of [16]byte) Part { return Part{table, int(of[0]) * Parts / 256} }

// Table is a table that has inventories.
type Table struct {
	Name    string
	Key     string // a column: what tells a row from the others of its source, where it has one
	Parts   int
	Where   string // which rows are of a part, whose bounds are $1 and $2
	Told    string // a column: the entry by which a row was last told
	Columns string
}

// Bounds are between which hashes a part is: from the first to before the end. A table of one part
// has none.
func (t Table) Bounds(part int) []any {
	if t.Parts == 1 {
		return nil
	}
	first, end := make([]byte, 16), bytes.Repeat([]byte{0xff}, 17) // longer than any
	first[0] = byte(part * 256 / t.Parts)
	if part+1 < t.Parts {
		end = []byte{byte((part + 1) * 256 / t.Parts)}
	}
	return []any{first, end}
}

// Scan reads a row of a table, and what tells it from others; sql.ErrNoRows when no node wrote it.
type Scan func(*sql.Rows) (Change, string, error)

// Differ holds the rows of a part against its inventory, both as a transaction sees them; nil when
// nothing sets them apart. Rows are read with scan, and with again where some are to be named.
func (t Table) Differ(ctx context.Context, tx *sql.Tx, keys *seal.Keys, digest []byte, part int, scan, again Scan) (*audit.Difference, error) {
	read, err := Read(ctx, tx, keys, digest, t.Name, []int{part})
	if err != nil {
		return nil, err
	}
	says := read[Part{t.Name, part}]
	there := says.Empty()
	if err := t.each(ctx, tx, part, scan, func(c Change, _ string) { there.Put(c.Row, c.Item) }); err != nil {
		return nil, err
	}
	found := says.Against(there)
	if found.None() {
		return nil, nil
	}
	d := &audit.Difference{Table: t.Name, Part: part, Turned: says.Turned(), Found: found}
	more, fewer, all := found.Rows()
	d.All, d.Fewer, d.Retold = all, fewer, make([]bool, len(fewer))
	extra := make(map[[16]byte]bool)
	for _, item := range more {
		extra[item.Row] = true
	}
	missing := make(map[[8]byte]int)
	for i, item := range fewer {
		missing[item.Key] = i
	}
	err = t.each(ctx, tx, part, again, func(c Change, key string) {
		if extra[there.Put(c.Row, c.Item)] {
			d.More = append(d.More, audit.Stray{Key: key, Item: c.Item})
		} else if i, is := missing[c.Item.Key]; is {
			d.Retold[i] = true
		}
	})
	return d, err
}

func (t Table) each(ctx context.Context, tx *sql.Tx, part int, scan Scan, do func(Change, string)) error {
	rows, err := tx.QueryContext(ctx, `select `+t.Columns+` from `+t.Name+` where `+t.Where, t.Bounds(part)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		switch change, key, err := scan(rows); {
		case err == nil:
			do(change, key)
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
	}
	return rows.Err()
}
