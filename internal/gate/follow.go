package gate

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"poterne/internal/ledger"
	"poterne/internal/roster"
)

// Next is the number of the next entry, as far as this node has seen.
func (g *Gate) Next() ledger.Number {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.upTo
}

// Entries yields the entries from a number on that are written now.
func (g *Gate) Entries(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error] {
	return g.book.Entries(ctx, from)
}

// Of returns the newest entries that an account is the author of, newest first:
// at most limit of them, and some thousand of the last 28 days in all.
func (g *Gate) Of(ctx context.Context, account roster.AccountID, limit int) ([]ledger.Entry, error) {
	g.mu.RLock()
	numbers := g.written[account]
	numbers = slices.Clone(numbers[max(0, len(numbers)-limit):])
	g.mu.RUnlock()
	slices.Reverse(numbers)
	entries := make([]ledger.Entry, len(numbers))
	for i, number := range numbers {
		entry, err := g.book.Entry(ctx, number)
		if err != nil {
			return nil, fmt.Errorf("reading an account's entries: %w", err)
		}
		entries[i] = entry
	}
	return entries, nil
}

// Follow yields the entries from a number on, then each new one as soon as this
// node knows of it, until ctx ends.
func (g *Gate) Follow(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for ctx.Err() == nil {
			entries, news := g.since(ctx, from)
			if entries == nil {
				select {
				case <-ctx.Done():
					return
				case <-news:
				}
				continue
			}
			for entry, err := range entries {
				if !yield(entry, err) || err != nil {
					return
				}
				from = entry.Number + 1
			}
		}
	}
}

// since returns the entries from a number on, those that this node remembers
// without reading; nil when there is none yet, and what tells when there is.
func (g *Gate) since(ctx context.Context, from ledger.Number) (iter.Seq2[ledger.Entry, error], <-chan struct{}) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	switch first := g.upTo - ledger.Number(len(g.recent)); {
	case from >= g.upTo:
		return nil, g.news
	case from < first:
		return g.book.Entries(ctx, from), g.news
	default:
		remembered := slices.Clone(g.recent[from-first:])
		return func(yield func(ledger.Entry, error) bool) {
			for _, entry := range remembered {
				if !yield(entry, nil) {
					return
				}
			}
		}, g.news
	}
}
