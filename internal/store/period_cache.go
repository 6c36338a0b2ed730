package store

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"sort"
	"sync"

	"poterne/internal/ledger"
)

// periodCache is what a node knows of the ledger's months, so that who reads by number
// is led to where these entries lie. What it knows stays true: only newer months may
// be missing in it.
type periodCache struct {
	mu      sync.RWMutex
	periods []ledger.Period // guarded by mu
}

// look reads the months again.
func (c *periodCache) look(ctx context.Context, db querier) error {
	known, err := periods(ctx, db)
	if err != nil {
		return doing("reading the months", err)
	}
	c.mu.Lock()
	c.periods = known
	c.mu.Unlock()
	return nil
}

// knows reports whether a month is no newer than the newest known.
func (c *periodCache) knows(month ledger.Month) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.periods) > 0 && month <= c.periods[len(c.periods)-1].Month
}

// holding returns the first and the last month in which an entry may lie, and the
// first entry that lies in none of them.
func (c *periodCache) holding(number ledger.Number) (first, last ledger.Month, end ledger.Number) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	begun := sort.Search(len(c.periods), func(i int) bool { return c.periods[i].First > number })
	if begun > 0 {
		first = c.periods[begun-1].Month
	}
	if begun < len(c.periods) { // the month after it is known
		return first, first, c.periods[begun].First
	}
	return first, math.MaxInt32, noEnd
}

// dropped reports whether every entry from one to before another was dropped, as the
// ledger says. Somebody may have dropped them since the months were last read.
func (db *DB) dropped(ctx context.Context, from, to ledger.Number) (bool, error) {
	gone, all := db.periods.dropped(from, to)
	if !all {
		if err := db.periods.look(ctx, db.read); err != nil {
			return false, err
		}
		if gone, all = db.periods.dropped(from, to); !all {
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

// dropped returns the months that are noted as dropped and hold entries from one to before
// another, and whether all of these are in them.
func (c *periodCache) dropped(from, to ledger.Number) (gone []ledger.Period, all bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, p := range c.periods {
		if p.Dropped && p.First <= from && p.End > from {
			gone = append(gone, p)
			from = p.End
		}
		if from >= to {
			return gone, true
		}
	}
	return gone, false
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
	with, all := db.periods.dropped(p.By, p.By+1)
	if !all || with[0].First <= p.First {
		return false, nil
	}
	return db.saidDropped(ctx, with[0])
}

// noEnd is beyond every entry.
const noEnd ledger.Number = math.MaxInt64
