package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/seal"
)

// What is kept of the journal's state is encrypted: the database is to know no better who
// was shown to whom than it does from the ledger. Where there is no seal key, nothing is
// kept.

// Keep implements journal.Keeper.
func (l Ledger) Keep(ctx context.Context, parts []journal.Kept) error {
	keys := l.db.seals.keys.Load()
	if keys == nil {
		return nil
	}
	const replace = `
		insert into kept (what, number, state) values ($1, $2, $3)
		on conflict (what) do update set number = excluded.number, state = excluded.state`
	encrypted, tips := make([][]byte, len(parts)), make(map[ledger.Number][]byte)
	for i, part := range parts {
		tip, known := tips[part.Number]
		if !known {
			var err error
			if tip, err = l.tip(ctx, part.Number); err != nil {
				return err
			}
			tips[part.Number] = tip
		}
		encrypted[i] = keys.Encrypt(part.State, keptRow(part.What, part.Number, tip))
	}
	return l.db.within(ctx, func(tx *sql.Tx) error {
		for i, part := range parts {
			if _, err := tx.ExecContext(ctx, replace, part.What, int64(part.Number), encrypted[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// tip returns the seal of the row of entries that ends before a number.
func (l Ledger) tip(ctx context.Context, number ledger.Number) ([]byte, error) {
	if number == 0 {
		return nil, fmt.Errorf("%w: no row of entries ends before the first", seal.ErrBroken)
	}
	first, last, _ := l.db.periods.holding(number - 1)
	query := `select first + count, seal from turn where first < $1 and ` + l.db.engine.ofMonths(first, last) + ` order by first desc limit 1`
	var end ledger.Number
	var tip []byte
	err := l.db.read.QueryRowContext(ctx, query, int64(number)).Scan(&end, &tip)
	switch {
	case errors.Is(err, sql.ErrNoRows) || err == nil && end != number:
		return nil, fmt.Errorf("%w: no row of entries ends before entry %d", seal.ErrBroken, number)
	case err != nil:
		return nil, fmt.Errorf("reading where entry %d begins: %w", number, l.db.engine.classify(err))
	}
	return tip, nil
}

// Kept implements journal.Keeper. A part that no node kept for this ledger is an error,
// which is seal.ErrBroken.
func (l Ledger) Kept(ctx context.Context) iter.Seq2[journal.Kept, error] {
	return func(yield func(journal.Kept, error) bool) {
		keys := l.db.seals.keys.Load()
		if keys == nil {
			return
		}
		rows, err := l.db.read.QueryContext(ctx, `select what, number, state from kept`)
		if err != nil {
			yield(journal.Kept{}, l.db.engine.classify(err))
			return
		}
		defer rows.Close()
		tips := make(map[ledger.Number][]byte)
		for rows.Next() {
			part, err := l.part(ctx, keys, rows, tips)
			if !yield(part, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(journal.Kept{}, l.db.engine.classify(err))
		}
	}
}

func (l Ledger) part(ctx context.Context, keys *seal.Keys, rows *sql.Rows, tips map[ledger.Number][]byte) (part journal.Kept, err error) {
	var encrypted sql.RawBytes
	if err := rows.Scan(&part.What, &part.Number, &encrypted); err != nil {
		return part, l.db.engine.classify(err)
	}
	tip, known := tips[part.Number]
	if !known {
		if tip, err = l.tip(ctx, part.Number); err != nil {
			return part, err
		}
		tips[part.Number] = tip
	}
	if part.State, err = keys.Decrypt(encrypted, keptRow(part.What, part.Number, tip)); err != nil {
		return part, fmt.Errorf("%s up to entry %d: %w", part.What, part.Number, err)
	}
	return part, nil
}

// KeptUpTo implements journal.Keeper.
func (l Ledger) KeptUpTo(ctx context.Context, what string) (number ledger.Number, err error) {
	err = l.db.read.QueryRowContext(ctx, `select number from kept where what = $1`, what).Scan(&number)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return number, l.db.engine.classify(err)
}

// Discard implements journal.Keeper.
func (l Ledger) Discard(ctx context.Context) error {
	_, err := l.db.write.ExecContext(ctx, `delete from kept`)
	return l.db.engine.classify(err)
}
