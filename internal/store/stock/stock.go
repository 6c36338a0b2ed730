// Package stock keeps inventories of the rows of tables in a table of their own, encrypted under
// the seal key. Which they are is in a digest that the ledger's head has, so that none is put back or
// taken away unseen.
package stock

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"poterne/internal/ledger"
	"poterne/internal/seal"
)

// Part is a part of a table, which has an inventory of its own.
type Part struct {
	Table string
	Of    int
}

// Change is a row that was put, or taken away.
type Change struct {
	Part
	Row  *seal.Row
	Item seal.Item // without what is hashed
	Gone bool
}

// Querier is a database, or a transaction in it.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// row is what an inventory is sealed with: number is that of the entry whose turn wrote it.
func row(p Part, number int64) *seal.Row {
	return seal.NewRow("inventory").Text(p.Table).Int(int64(p.Of)).Int(number)
}

// written reads which turn wrote each inventory. Its error is seal.ErrBroken when these are not
// those that a head has the digest of.
func written(ctx context.Context, q Querier, digest []byte) (map[Part]int64, error) {
	rows, err := q.QueryContext(ctx, `select what, part, number from inventory`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	numbers := make(map[Part]int64)
	for rows.Next() {
		var p Part
		var number int64
		if err := rows.Scan(&p.Table, &p.Of, &number); err != nil {
			return nil, err
		}
		numbers[p] = number
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if string(digestOf(numbers)) != string(digest) {
		return nil, fmt.Errorf("%w: the inventories of rows are not those of the ledger's head: one was put back, or is gone", seal.ErrBroken)
	}
	return numbers, nil
}

// digestOf is none of no inventory.
func digestOf(numbers map[Part]int64) []byte {
	if len(numbers) == 0 {
		return []byte{}
	}
	var text []byte
	for _, p := range slices.SortedFunc(maps.Keys(numbers), Part.compare) {
		text = append(append(text, p.Table...), 0)
		text = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(text, uint64(p.Of)), uint64(numbers[p]))
	}
	digest := sha256.Sum256(text)
	return digest[:]
}

func (p Part) compare(other Part) int {
	if p.Table != other.Table {
		return strings.Compare(p.Table, other.Table)
	}
	return p.Of - other.Of
}

// Read reads inventories of parts of one table. One that was never written is of no rows. Its
// error is seal.ErrBroken when they are not those that a head has the digest of.
func Read(ctx context.Context, q Querier, keys *seal.Keys, digest []byte, table string, parts []int) (map[Part]*seal.Inventory, error) {
	numbers, err := written(ctx, q, digest)
	if err != nil {
		return nil, err
	}
	return read(ctx, q, keys, numbers, table, parts)
}

func read(ctx context.Context, q Querier, keys *seal.Keys, numbers map[Part]int64, table string, parts []int) (map[Part]*seal.Inventory, error) {
	read := make(map[Part]*seal.Inventory, len(parts))
	list := make([]string, len(parts))
	for i, part := range parts {
		list[i] = fmt.Sprint(part)
	}
	rows, err := q.QueryContext(ctx, `select part, state from inventory where what = $1 and part in (`+strings.Join(list, ", ")+`)`, table)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		p := Part{Table: table}
		var state []byte
		if err := rows.Scan(&p.Of, &state); err != nil {
			return nil, err
		}
		text, err := keys.Decrypt(state, row(p, numbers[p]))
		if err != nil {
			return nil, err
		}
		if read[p], err = seal.ParseInventory(text); err != nil {
			return nil, err
		}
	}
	for _, part := range parts {
		if p := (Part{table, part}); read[p] == nil {
			read[p] = seal.NewInventory()
		}
	}
	return read, rows.Err()
}

// Write has the inventories say what a turn has changed, and returns the new digest. What was found to
// set rows apart from an inventory is added to it.
func Write(ctx context.Context, tx *sql.Tx, keys *seal.Keys, digest []byte, number ledger.Number, changes []Change, found map[Part]*seal.Inventory) ([]byte, error) {
	numbers, err := written(ctx, tx, digest)
	if err != nil {
		return nil, err
	}
	touched := make(map[string][]int)
	touch := func(p Part) {
		if !slices.Contains(touched[p.Table], p.Of) {
			touched[p.Table] = append(touched[p.Table], p.Of)
		}
	}
	for _, c := range changes {
		touch(c.Part)
	}
	for p := range found {
		touch(p)
	}
	all := make(map[Part]*seal.Inventory)
	for _, table := range slices.Sorted(maps.Keys(touched)) {
		some, err := read(ctx, tx, keys, numbers, table, touched[table])
		if err != nil {
			return nil, err
		}
		maps.Copy(all, some)
	}
	for p, difference := range found {
		all[p].Turn(difference)
	}
	for _, c := range changes {
		if c.Gone {
			all[c.Part].Take(c.Row, c.Item)
		} else {
			all[c.Part].Put(c.Row, c.Item)
		}
	}
	for _, p := range slices.SortedFunc(maps.Keys(all), Part.compare) {
		const put = `insert into inventory (what, part, number, state) values ($1, $2, $3, $4)
			on conflict (what, part) do update set number = excluded.number, state = excluded.state`
		numbers[p] = int64(number)
		if _, err := tx.ExecContext(ctx, put, p.Table, p.Of, int64(number), keys.Encrypt(all[p].Bytes(), row(p, int64(number)))); err != nil {
			return nil, err
		}
	}
	return digestOf(numbers), nil
}
