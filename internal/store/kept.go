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

// Kept is what one follower of the ledger keeps of its state. It is encrypted: the database
// is to know no better who was shown to whom than it does from the ledger. Where there is
// no seal key, nothing is kept.
type Kept struct {
	db    *DB
	whose string
}

// NewKept returns what is kept under a name.
func NewKept(db *DB, whose string) Kept { return Kept{db, whose} }

// Keep implements journal.Keeper.
func (k Kept) Keep(ctx context.Context, parts []journal.Kept) error {
	keys := k.db.seals.keys.Load()
	if keys == nil {
		return nil
	}
	const replace = `
		insert into kept (whose, what, number, state) values ($1, $2, $3, $4)
		on conflict (whose, what) do update set number = excluded.number, state = excluded.state`
	encrypted, tips := make([][]byte, len(parts)), make(map[ledger.Number][]byte)
	for i, part := range parts {
		tip, known := tips[part.Number]
		if !known {
			var err error
			if tip, err = k.tip(ctx, part.Number); err != nil {
				return err
			}
			tips[part.Number] = tip
		}
		encrypted[i] = keys.Encrypt(part.State, keptRow(k.whose, part.What, part.Number, tip))
	}
	return k.db.within(ctx, func(tx *sql.Tx) error {
		for i, part := range parts {
			if _, err := tx.ExecContext(ctx, replace, k.whose, part.What, int64(part.Number), encrypted[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// tip returns the seal of the row of entries that holds the last before a number: all
// before are under it.
func (k Kept) tip(ctx context.Context, number ledger.Number) ([]byte, error) {
	if number == 0 {
		return nil, fmt.Errorf("%w: no entry is before the first", seal.ErrBroken)
	}
	first, last, _ := k.db.periods.Holding(number - 1)
	query := `select first + count, seal from turn where first < $1 and ` + k.db.engine.OfMonths(first, last) + ` order by first desc limit 1`
	var end ledger.Number
	var tip []byte
	err := k.db.read.QueryRowContext(ctx, query, int64(number)).Scan(&end, &tip)
	switch {
	case errors.Is(err, sql.ErrNoRows) || err == nil && end < number:
		return nil, fmt.Errorf("%w: there is no entry %d before it", seal.ErrBroken, number-1)
	case err != nil:
		return nil, fmt.Errorf("reading where entry %d begins: %w", number, k.db.engine.classify(err))
	}
	return tip, nil
}

// Parts implements journal.Keeper. A part that no node kept for this ledger is an error,
// which is seal.ErrBroken. Each part is read by itself, and no connection is held while
// one is made use of: a node that starts has more followers that resume than it has
// connections, and each of them asks for the tip of its parts.
func (k Kept) Parts(ctx context.Context) iter.Seq2[journal.Kept, error] {
	return func(yield func(journal.Kept, error) bool) {
		keys := k.db.seals.keys.Load()
		if keys == nil {
			return
		}
		names, err := k.names(ctx)
		if err != nil {
			yield(journal.Kept{}, err)
			return
		}
		tips := make(map[ledger.Number][]byte)
		for _, what := range names {
			part, err := k.part(ctx, keys, what, tips)
			if errors.Is(err, sql.ErrNoRows) {
				continue // another node discarded it meanwhile
			}
			if !yield(part, err) || err != nil {
				return
			}
		}
	}
}

// names returns the names of the parts.
func (k Kept) names(ctx context.Context) (names []string, err error) {
	names, err = collect(ctx, k.db.read, column[string], `select what from kept where whose = $1`, k.whose)
	return names, k.db.engine.classify(err)
}

// part reads one part. It is sql.ErrNoRows when there is none of that name.
func (k Kept) part(ctx context.Context, keys *seal.Keys, what string, tips map[ledger.Number][]byte) (part journal.Kept, err error) {
	part.What = what
	var encrypted []byte
	err = k.db.read.QueryRowContext(ctx, `select number, state from kept where whose = $1 and what = $2`, k.whose, what).Scan(&part.Number, &encrypted)
	if err != nil {
		return part, k.db.engine.classify(err)
	}
	tip, known := tips[part.Number]
	if !known {
		if tip, err = k.tip(ctx, part.Number); err != nil {
			return part, err
		}
		tips[part.Number] = tip
	}
	if part.State, err = keys.Decrypt(encrypted, keptRow(k.whose, part.What, part.Number, tip)); err != nil {
		return part, fmt.Errorf("%s up to entry %d: %w", part.What, part.Number, err)
	}
	return part, nil
}

// UpTo implements journal.Keeper.
func (k Kept) UpTo(ctx context.Context, what string) (number ledger.Number, err error) {
	err = k.db.read.QueryRowContext(ctx, `select number from kept where whose = $1 and what = $2`, k.whose, what).Scan(&number)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return number, k.db.engine.classify(err)
}

// Discard implements journal.Keeper.
func (k Kept) Discard(ctx context.Context) error {
	_, err := k.db.write.ExecContext(ctx, `delete from kept where whose = $1`, k.whose)
	return k.db.engine.classify(err)
}
