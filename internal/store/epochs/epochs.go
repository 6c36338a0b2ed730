// Package epochs keeps what tells the key of a month from another, so that a ledger is written and
// read under the keys that it was begun with. It keeps no key.
package epochs

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"poterne/internal/ledger"
)

// Admit says what is wrong with pseudonyms for the ledger of a database, and returns the months up
// to now whose keys the database does not know yet.
func Admit(ctx context.Context, q querier, pseudonyms ledger.Pseudonyms, now ledger.Month) (missing []ledger.Month, err error) {
	known, err := read(ctx, q)
	if err == nil {
		err = admits(known, pseudonyms)
	}
	if err != nil {
		return nil, err
	}
	return unmarked(known, pseudonyms, now), nil
}

// admits says what is wrong with pseudonyms for a ledger that was written under these
// epochs.
func admits(epochs []epoch, pseudonyms ledger.Pseudonyms) error {
	if len(epochs) == 0 {
		return nil
	}
	if !pseudonyms.Conceals() {
		return fmt.Errorf("since %s, people in this ledger are hidden under a key, and there is none here: write epoch = \"epoch.key\" under [keys], with the file that its other nodes have", epochs[0].month)
	}
	known := false
	for _, e := range epochs {
		if e.month < pseudonyms.First() {
			continue
		}
		key, err := pseudonyms.Key(e.month)
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
		return fmt.Errorf("the epoch key begins with %s, later than any that this ledger was written under: use the file that its other nodes have", pseudonyms.First())
	}
	return nil
}

// epoch is what tells a month's key from another.
type epoch struct {
	month ledger.Month
	mark  []byte
}

// querier reads; *sql.DB and *sql.Tx do.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// read returns those that are known, oldest first.
func read(ctx context.Context, q querier) (known []epoch, err error) {
	rows, err := q.QueryContext(ctx, `select month, mark from epoch where month > $1 order by month`, everyMonth)
	if err != nil {
		return nil, fmt.Errorf("reading the epochs: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var e epoch
		if err := rows.Scan(&e.month, &e.mark); err != nil {
			return nil, fmt.Errorf("reading an epoch: %w", err)
		}
		known = append(known, e)
	}
	return known, rows.Err()
}

// unmarked returns the months up to now whose keys the database does not know yet.
// Each is marked, so that pseudonyms that begin later one day are known by their first: by
// this database, and by its copies from before.
func unmarked(known []epoch, pseudonyms ledger.Pseudonyms, now ledger.Month) (missing []ledger.Month) {
	if !pseudonyms.Conceals() {
		return nil
	}
	for month := pseudonyms.First(); month <= max(pseudonyms.First(), now); month = month.Plus(1) {
		if !slices.ContainsFunc(known, func(e epoch) bool { return e.month == month }) {
			missing = append(missing, month)
		}
	}
	return missing
}

// Mark keeps what tells the keys of months from others, unless another node was
// quicker, with other keys.
func Mark(ctx context.Context, tx *sql.Tx, pseudonyms ledger.Pseudonyms, months []ledger.Month) error {
	const insert = `insert into epoch (month, mark) values ($1, $2) on conflict (month) do nothing`
	for _, month := range months {
		key, err := pseudonyms.Key(month)
		if err != nil {
			return err
		}
		mark := key.Mark()
		if _, err := tx.ExecContext(ctx, insert, int64(month), mark[:]); err != nil {
			return fmt.Errorf("noting an epoch: %w", err)
		}
	}
	known, err := read(ctx, tx)
	if err != nil {
		return err
	}
	return admits(known, pseudonyms)
}

// everyMonth stands in the place of a month in the row of the key that pseudonyms are made
// under: it is the same in all of them.
const everyMonth = 0

// AdmitKey says what is wrong with a key of pseudonyms, of which a mark tells it from others,
// for the ledger of a database, and whether the database knows none yet.
func AdmitKey(ctx context.Context, q querier, mark [16]byte) (unknown bool, err error) {
	rows, err := q.QueryContext(ctx, `select mark from epoch where month = $1`, everyMonth)
	if err != nil {
		return false, fmt.Errorf("reading the mark of the key of pseudonyms: %w", err)
	}
	defer rows.Close()
	if !rows.Next() {
		return true, rows.Err()
	}
	var known []byte
	if err := rows.Scan(&known); err != nil {
		return false, fmt.Errorf("reading the mark of the key of pseudonyms: %w", err)
	}
	if !bytes.Equal(known, mark[:]) {
		return false, errors.New("the pseudonym key is not the one that this ledger was begun under: everybody would be somebody else, whom nothing explains. Use the file that its other nodes have, or the copy that was kept apart from the database; if there is none, begin another database")
	}
	return false, nil
}

// MarkKey keeps what tells the key of pseudonyms from others, unless another node was quicker,
// with another key.
func MarkKey(ctx context.Context, tx *sql.Tx, mark [16]byte) error {
	const insert = `insert into epoch (month, mark) values ($1, $2) on conflict (month) do nothing`
	if _, err := tx.ExecContext(ctx, insert, everyMonth, mark[:]); err != nil {
		return fmt.Errorf("noting the key of pseudonyms: %w", err)
	}
	_, err := AdmitKey(ctx, tx, mark)
	return err
}
