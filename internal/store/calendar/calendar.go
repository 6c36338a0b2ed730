// Package calendar knows which months the ledger in a database has, and where an entry lies.
package calendar

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"sort"
	"sync"

	"poterne/internal/ledger"
)

// querier reads; *sql.DB and *sql.Tx do.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Periods returns the ledger's months, oldest first, those that were dropped included.
func Periods(ctx context.Context, q querier) ([]ledger.Period, error) {
	rows, err := q.QueryContext(ctx, `select month, first, dropped, next from period, head order by month`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var periods []ledger.Period
	for rows.Next() {
		var dropped sql.NullInt64
		period := ledger.Period{Open: true}
		if err := rows.Scan(&period.Month, &period.First, &dropped, &period.End); err != nil {
			return nil, err
		}
		period.Dropped, period.By = dropped.Valid, ledger.Number(dropped.Int64)
		if before := len(periods) - 1; before >= 0 {
			periods[before].End, periods[before].Open = period.First, false
		}
		periods = append(periods, period)
	}
	return periods, rows.Err()
}

// Cache is what a node knows of the ledger's months, so that who reads by number
// is led to where these entries lie. What it knows stays true: only newer months may
// be missing in it.
type Cache struct {
	mu      sync.RWMutex
	periods []ledger.Period // guarded by mu
}

// Look reads the months again.
func (c *Cache) Look(ctx context.Context, q querier) error {
	known, err := Periods(ctx, q)
	if err != nil {
		return fmt.Errorf("reading the months: %w", err)
	}
	c.mu.Lock()
	c.periods = known
	c.mu.Unlock()
	return nil
}

// Knows reports whether a month is no newer than the newest known.
func (c *Cache) Knows(month ledger.Month) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.periods) > 0 && month <= c.periods[len(c.periods)-1].Month
}

// Holding returns the first and the last month in which an entry may lie, and the
// first entry that lies in none of them.
func (c *Cache) Holding(number ledger.Number) (first, last ledger.Month, end ledger.Number) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	begun := sort.Search(len(c.periods), func(i int) bool { return c.periods[i].First > number })
	if begun > 0 {
		first = c.periods[begun-1].Month
	}
	if begun < len(c.periods) { // the month after it is known
		return first, first, c.periods[begun].First
	}
	return first, math.MaxInt32, NoEnd
}

// Dropped returns the months that are noted as dropped and hold entries from one to before
// another, and whether all of these are in them.
func (c *Cache) Dropped(from, to ledger.Number) (gone []ledger.Period, all bool) {
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

// NoEnd is beyond every entry.
const NoEnd ledger.Number = math.MaxInt64
