package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"poterne/internal/audit"
	"poterne/internal/intake"
	"poterne/internal/ledger"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/seal"
	"poterne/internal/store/stock"
)

// stocked is a table that has inventories.
type stocked struct {
	stock.Table
	scan func(*DB, scanner) (change stock.Change, key string, err error) // sql.ErrNoRows of a row without its seal
}

var stockedTables = map[string]stocked{
	"fact": {stock.Table{Name: "fact", Key: "id", Parts: stock.Parts, Where: `person >= $1 and person < $2`, Told: "told", Columns: factColumns}, func(db *DB, row scanner) (stock.Change, string, error) {
		f, told, err := db.scanFact(row)
		return stock.Fact(factRow(f, told), f, true), f.Source + " " + f.ID, err
	}},
	"cover": {stock.Table{Name: "cover", Key: "id", Parts: 1, Where: `true`, Told: "told", Columns: coverColumns}, func(db *DB, row scanner) (stock.Change, string, error) {
		c, told, err := db.scanCover(row)
		return stock.Cover(coverRow(c, told), c, true), c.Source + " " + c.ID, err
	}},
	"alias": {stock.Table{Name: "alias", Key: "alias", Parts: stock.Parts, Where: `alias >= $1 and alias < $2`, Told: "told_us", Columns: aliasColumns}, func(db *DB, row scanner) (stock.Change, string, error) {
		a, at, err := db.scanAlias(row)
		return stock.Alias(aliasRow(a, at), a, at, true), hex.EncodeToString(a.Alias[:]), err
	}},
}

// stock notes a row that the turn puts, or takes away. Without a seal key there are no inventories.
func (t *turn) stock(c stock.Change) {
	if t.db.seals.keys.Load() != nil {
		t.changed = append(t.changed, c)
	}
}

// takeStock has inventories say what the turn has changed, before its entries are written.
func (t *turn) takeStock() error {
	if len(t.changed)+len(t.found) == 0 {
		return nil
	}
	digest, err := stock.Write(t.ctx, t.tx, t.db.seals.keys.Load(), t.inventory, t.next, t.changed, t.found)
	if err != nil {
		return doing("taking stock", err)
	}
	t.inventory, t.changed, t.found = digest, nil, nil
	_, err = t.exec(`update head set inventory = $1`, digest)
	return doing("taking stock", err)
}

// gone notes rows that a statement returns as it takes them away, and returns how many there were.
// Those that no node wrote are in no inventory.
func (t *turn) gone(table, query string, args ...any) (n int, changes []stock.Change, err error) {
	t.dirty = true
	rows, err := t.tx.QueryContext(t.ctx, query, args...)
	if err != nil {
		return 0, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		n++
		change, _, err := stockedTables[table].scan(t.db, rows)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return n, nil, err
		}
		t.stock(change)
		changes = append(changes, change)
	}
	return n, changes, rows.Err()
}

// How rows leave: another takes their place, or none does.
const (
	replaced = `select %[2]s from %[1]s where %[3]s`
	removed  = `delete from %[1]s where %[3]s returning %[2]s`
)

// leave notes rows that leave, under some keys, of one source where the table has those.
func (t *turn) leave(how, table string, keys []any, source ...any) (changes []stock.Change, err error) {
	of := stockedTables[table]
	for portion := range slices.Chunk(keys, idsAtOnce) {
		where := of.Key + ` in ` + places(1, len(portion))
		if len(source) > 0 {
			where += fmt.Sprintf(` and source = $%d`, len(portion)+1)
		}
		_, some, err := t.gone(table, fmt.Sprintf(how, table, of.Columns, where), slices.Concat(portion, source)...)
		if err != nil {
			return nil, doing("reading what leaves", err)
		}
		changes = append(changes, some...)
	}
	return changes, nil
}

// Parts implements audit.Rows.
func (a Audit) Parts() (parts []audit.Part) {
	for _, table := range slices.Sorted(maps.Keys(stockedTables)) {
		for part := range stockedTables[table].Parts {
			parts = append(parts, audit.Part{Table: table, Of: part})
		}
	}
	return parts
}

// Stock implements audit.Rows.
func (a Audit) Stock(ctx context.Context, part audit.Part) (unsealed []audit.Row, d *audit.Difference, err error) {
	d, err = a.checking(&unsealed).differs(ctx, part.Table, part.Of)
	if err != nil {
		return nil, nil, fmt.Errorf("taking stock of %s: %w", part.Table, a.db.engine.classify(err))
	}
	return unsealed, d, nil
}

// differs holds the rows of a part against its inventory, as both were at one moment; nil when
// nothing sets them apart.
func (db *DB) differs(ctx context.Context, table string, part int) (*audit.Difference, error) {
	keys := db.seals.keys.Load()
	if keys == nil {
		return nil, nil
	}
	tx, h, err := db.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }() // it has only read
	of := stockedTables[table]
	quiet := &DB{engine: db.engine, read: db.read} // what has no seal is told once
	quiet.seals.keys.Store(keys)
	d, err := of.Differ(ctx, tx, keys, h.inventory, part,
		func(rows *sql.Rows) (stock.Change, string, error) { return of.scan(db, rows) },
		func(rows *sql.Rows) (stock.Change, string, error) { return of.scan(quiet, rows) })
	if d != nil {
		d.Next, d.Last = h.next, h.last
	}
	return d, err
}

// snapshot begins to read everything as it is at one moment, with the ledger's head.
func (db *DB) snapshot(ctx context.Context) (tx *sql.Tx, h head, err error) {
	var options *sql.TxOptions
	if db.engine.Apart() {
		options = &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	}
	if tx, err = db.read.BeginTx(ctx, options); err != nil {
		return nil, h, err
	}
	if h, err = scanHead(tx.QueryRowContext(ctx, headColumns)); err == nil {
		err = h.check(db.seals.keys.Load())
	}
	if err != nil {
		_ = tx.Rollback() // it has only read
	}
	return tx, h, err
}

// Turned implements audit.StockRows.
func (r factRows) Turned(table string, part int) (uint64, error) {
	read, err := stock.Read(r.ctx, r.tx, r.db.seals.keys.Load(), r.inventory, table, []int{part})
	if err != nil {
		return 0, doing("reading an inventory", err)
	}
	return read[stock.Part{Table: table, Of: part}].Turned(), nil
}

// Reconcile implements audit.StockRows: rows end that the inventory does not have, and what kept files
// apart and is gone is put back.
func (r factRows) Reconcile(d audit.Difference, e ledger.Entry) error {
	if r.found == nil {
		r.found = make(map[stock.Part]*seal.Inventory)
	}
	r.found[stock.Part{Table: d.Table, Of: d.Part}] = d.Found
	ended, err := r.endMore(d)
	if err != nil || d.Table != "fact" {
		return err
	}
	back, err := r.apartOf(d, e.Time)
	if err != nil {
		return err
	}
	people := []byte{} // not null
	for _, c := range ended {
		people = append(people, c.Item.Of[:]...)
	}
	for _, f := range back {
		people = append(people, f.Person[:]...)
	}
	if err := r.notePeople(people, e.Number); err != nil {
		return err
	}
	return r.store(intake.Restored, back, e.Number)
}

// toldSince is from when on rows were told after those of a difference were read, as their table
// writes it: those stay.
func toldSince(d audit.Difference) int64 {
	if stockedTables[d.Table].Told == "told_us" {
		return d.Last.UnixMicro() + 1
	}
	return int64(d.Next)
}

// endMore ends the rows that an inventory does not have, by what names them; where not all of them
// were named, every row of the part ends but those that keep files apart.
func (r factRows) endMore(d audit.Difference) (ended []stock.Change, err error) {
	of := stockedTables[d.Table]
	end := func(where string, args ...any) error {
		where += fmt.Sprintf(` and %s < $%d`, of.Told, len(args)+1)
		_, some, err := r.gone(d.Table, fmt.Sprintf(removed, d.Table, of.Columns, where), append(args, toldSince(d))...)
		ended = append(ended, some...)
		return doing("ending rows", err)
	}
	for _, stray := range d.More {
		if d.Table == "alias" {
			alias, _ := hex.DecodeString(stray.Key) // as scan writes it
			err = end(`alias = $1`, alias)
		} else {
			source, id, _ := strings.Cut(stray.Key, " ")
			err = end(`source = $1 and id = $2`, source, id)
		}
		if err != nil {
			return nil, err
		}
	}
	if d.All {
		return ended, nil
	}
	where := of.Where
	if d.Table == "fact" {
		where += fmt.Sprintf(` and kind not in (%d, %d)`, reason.Closed, reason.Archived)
	}
	err = end(where, of.Bounds(d.Part)...)
	return ended, err
}

// apartOf is what kept files apart and is gone, and what nobody has told again since: as facts that
// an audit tells.
func (r factRows) apartOf(d audit.Difference, at time.Time) (back []reason.Fact, err error) {
	for i, item := range d.Fewer {
		kind := reason.FactKind(item.Kind)
		if !kind.Apart() || d.Retold[i] {
			continue
		}
		since, err := r.factsWhere(`person = $1 and told >= $2`, item.Of[:], toldSince(d))
		if err != nil {
			return nil, doing("reading what was told since", err)
		}
		if slices.ContainsFunc(since, func(f reason.Fact) bool { return seal.KeyOf(f.Source+"\n"+f.ID) == item.Key }) {
			continue
		}
		back = append(back, reason.Fact{
			Kind: kind, Organisation: reason.Everybody, Person: register.PersonID(item.Of), Source: intake.Restored, ID: hex.EncodeToString(item.Key[:]),
			From: at, Until: time.UnixMicro(item.Until).UTC(),
		})
	}
	return back, nil
}

// retold takes away what an audit put back of facts that their source tells again.
func (r factRows) retold(source string, facts []reason.Fact) error {
	var some bool
	err := r.tx.QueryRowContext(r.ctx, `select exists (select 1 from fact where source = $1)`, intake.Restored).Scan(&some)
	if err != nil || !some {
		return doing("looking for what was put back", err)
	}
	keys := make([]any, len(facts))
	for i, f := range facts {
		key := seal.KeyOf(source + "\n" + f.ID)
		keys[i] = hex.EncodeToString(key[:])
	}
	_, err = r.leave(removed, "fact", keys, intake.Restored)
	return err
}
