package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"poterne/internal/ledger"
)

// Veil has people hidden in every entry that is written from now on, and read where
// they were hidden before. It refuses a veil with other keys than those that this
// ledger was written under, and none at all where there was one. It is called before
// anything is written or read.
func (db *DB) Veil(ctx context.Context, veil ledger.Veil) error {
	known, err := db.epochs(ctx, db.read)
	if err != nil {
		return err
	}
	if err := admits(known, veil); err != nil {
		return err
	}
	if missing := unmarked(known, veil, ledger.MonthOf(time.Now())); len(missing) > 0 {
		if err := db.within(ctx, func(tx *sql.Tx) error { return db.mark(ctx, tx, veil, missing) }); err != nil {
			return err
		}
	}
	db.veil = veil
	return nil
}

// admits says what is wrong with a veil for a ledger that was written under these
// epochs.
func admits(epochs []epoch, veil ledger.Veil) error {
	if len(epochs) == 0 {
		return nil
	}
	if !veil.Hides() {
		return fmt.Errorf("since %s, people in this ledger are hidden under a key, and there is none here: write epoch = \"epoch.key\" under [keys], with the file that its other nodes have", epochs[0].month)
	}
	known := false
	for _, e := range epochs {
		if e.month < veil.First() {
			continue
		}
		key, err := veil.Key(e.month)
		if err != nil {
			return err
		}
		mark := key.Mark()
		if !bytes.Equal(mark[:], e.mark) {
			return errors.New("the epoch key is not the one that this ledger was written under: use the file that its other nodes have, or the copy that was kept apart from the database")
		}
		known = true
	}
	if !known {
		return fmt.Errorf("the epoch key begins with %s, later than any that this ledger was written under: use the file that its other nodes have", veil.First())
	}
	return nil
}

// epoch is what tells a month's key from another.
type epoch struct {
	month ledger.Month
	mark  []byte
}

// epochs returns those that are known, oldest first.
func (db *DB) epochs(ctx context.Context, q querier) (known []epoch, err error) {
	rows, err := q.QueryContext(ctx, `select month, mark from epoch order by month`)
	if err != nil {
		return nil, fmt.Errorf("reading the epochs: %w", db.engine.classify(err))
	}
	defer rows.Close()
	for rows.Next() {
		var e epoch
		if err := rows.Scan(&e.month, &e.mark); err != nil {
			return nil, fmt.Errorf("reading an epoch: %w", db.engine.classify(err))
		}
		known = append(known, e)
	}
	return known, db.engine.classify(rows.Err())
}

// unmarked returns the months up to now whose keys the database does not know yet.
// Each is marked, so that a veil that begins later one day is known by its first: by
// this database, and by its copies from before.
func unmarked(known []epoch, veil ledger.Veil, now ledger.Month) (missing []ledger.Month) {
	if !veil.Hides() {
		return nil
	}
	for month := veil.First(); month <= max(veil.First(), now); month = month.Plus(1) {
		if !slices.ContainsFunc(known, func(e epoch) bool { return e.month == month }) {
			missing = append(missing, month)
		}
	}
	return missing
}

// mark keeps what tells the keys of months from others, unless another node was
// quicker, with other keys.
func (db *DB) mark(ctx context.Context, tx *sql.Tx, veil ledger.Veil, months []ledger.Month) error {
	const insert = `insert into epoch (month, mark) values ($1, $2) on conflict (month) do nothing`
	for _, month := range months {
		key, err := veil.Key(month)
		if err != nil {
			return err
		}
		mark := key.Mark()
		if _, err := tx.ExecContext(ctx, insert, int64(month), mark[:]); err != nil {
			return fmt.Errorf("noting an epoch: %w", err)
		}
	}
	known, err := db.epochs(ctx, tx)
	if err != nil {
		return err
	}
	return admits(known, veil)
}
