package store

import (
	"context"
	"database/sql"
	"errors"

	"poterne/internal/ledger"
)

// dropped reports whether every entry from one to before another was dropped, as the
// ledger says. Somebody may have dropped them since the months were last read.
func (db *DB) dropped(ctx context.Context, from, to ledger.Number) (bool, error) {
	gone, all := db.periods.Dropped(from, to)
	if !all {
		if err := db.periods.Look(ctx, db.read); err != nil {
			return false, err
		}
		if gone, all = db.periods.Dropped(from, to); !all {
			return false, nil
		}
	}
	for _, period := range gone {
		if said, err := db.saidDropped(ctx, period); err != nil || !said {
			return false, err
		}
	}
	return true, nil
}

// saidDropped reports whether an entry says that a month was dropped: itself, or by having
// been dropped with a later month.
func (db *DB) saidDropped(ctx context.Context, p ledger.Period) (bool, error) {
	body, err := NewLedger(db).body(ctx, p.By)
	if err == nil {
		entry, err := ledger.Decode(body)
		return err == nil && entry.Kind == ledger.Dropped && entry.From == p.First && entry.End == p.End, err
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return false, err
	}
	with, all := db.periods.Dropped(p.By, p.By+1)
	if !all || with[0].First <= p.First {
		return false, nil
	}
	return db.saidDropped(ctx, with[0])
}
