package journal

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// recent is where the ledger ends as this node knows it, and the numbers of each account's
// newest entries, for pages about one account.
type recent struct {
	upTo ledger.Number // every entry before it is known
	last seen
	by   byAccount[[]ledger.Number]
}

// seen is by what an entry is known again.
type seen struct {
	number  ledger.Number
	at      time.Time
	account roster.AccountID
	session roster.SessionID
	person  register.PersonID
}

func seenOf(entry *ledger.Entry) seen {
	return seen{entry.Number, entry.Time, entry.Account, entry.Session, entry.Person}
}

// rememberedAccount is how many numbers of an account's newest entries are kept, at least.
const rememberedAccount = 1 << 10

// know notes an entry that the ledger holds.
func (r *recent) know(entry *ledger.Entry) {
	r.upTo, r.last = entry.Number+1, seenOf(entry)
	r.note(entry)
}

// note adds it to its account's.
func (r *recent) note(entry *ledger.Entry) {
	r.by.set(entry.Account, push(r.by.of(entry.Account), entry.Number, rememberedAccount))
}

// push appends to a list of which at least the newest least members are kept.
func push[T any](list []T, one T, least int) []T {
	if len(list) == 2*least {
		list = append(list[:0], list[least:]...)
	}
	return append(list, one)
}

// Next is the number of the next entry, as far as this node has seen.
func (j *Journal) Next() ledger.Number {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.recent.upTo
}

// Entries yields the entries from a number on that are written now.
func (j *Journal) Entries(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error] {
	return j.db.Entries(ctx, from)
}

// Entry returns one entry.
func (j *Journal) Entry(ctx context.Context, number ledger.Number) (ledger.Entry, error) {
	return j.db.Entry(ctx, number)
}

// RecentBy returns the newest entries that an account is the author of, newest
// first: at most limit of them, and some thousand of the last 28 days in all.
func (j *Journal) RecentBy(ctx context.Context, account roster.AccountID, limit int) ([]ledger.Entry, error) {
	j.mu.RLock()
	numbers := j.recent.by.of(account)
	numbers = slices.Clone(numbers[max(0, len(numbers)-limit):])
	j.mu.RUnlock()
	entries, err := j.entriesAt(ctx, numbers)
	slices.Reverse(entries)
	return entries, err
}

// entriesAt returns the entries with some numbers, which rise. Those that stand near each other,
// as those of a list do, are read together: a row of the ledger holds many.
func (j *Journal) entriesAt(ctx context.Context, numbers []ledger.Number) (entries []ledger.Entry, err error) {
	entries = make([]ledger.Entry, 0, len(numbers))
	for len(numbers) > 0 {
		if len(numbers) > 1 && numbers[1] <= numbers[0]+besides {
			for e, err := range j.db.Newest(ctx, numbers[0]) {
				if err != nil {
					return nil, fmt.Errorf("reading an account's entries: %w", err)
				}
				if e.Number == numbers[0] {
					entries, numbers = append(entries, e), numbers[1:]
				}
				if len(numbers) == 0 || numbers[0] <= e.Number || numbers[0] > e.Number+besides {
					break // the next is not there, or stands elsewhere
				}
			}
		}
		if len(numbers) == 0 {
			break
		}
		entry, err := j.db.Entry(ctx, numbers[0])
		if err != nil {
			return nil, fmt.Errorf("reading an account's entries: %w", err)
		}
		entries, numbers = append(entries, entry), numbers[1:]
	}
	return entries, nil
}

// By returns the entries from a number on that an account is the author of, oldest first. It is
// not all of them when so many were made that this node remembers only the newest.
func (j *Journal) By(ctx context.Context, account roster.AccountID, from ledger.Number) (entries []ledger.Entry, all bool, err error) {
	j.mu.RLock()
	numbers := slices.Clone(j.recent.by.of(account))
	j.mu.RUnlock()
	all = len(numbers) < rememberedAccount || numbers[0] < from
	numbers = slices.DeleteFunc(numbers, func(n ledger.Number) bool { return n < from })
	entries, err = j.entriesAt(ctx, numbers)
	return entries, all, err
}

// besides is how many entries of others are read rather than looked for where they end.
const besides = 16

// Follow yields the entries from a number on, then each new one as soon as this
// node knows of it, or with those of the next moments: see tell. It goes on until ctx ends.
func (j *Journal) Follow(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for ctx.Err() == nil {
			j.mu.RLock()
			upTo, news := j.recent.upTo, j.news
			j.mu.RUnlock()
			if from >= upTo {
				select {
				case <-ctx.Done():
					return
				case <-news:
				}
				continue
			}
			for entry, err := range j.db.Newest(ctx, from) {
				if !yield(entry, err) || err != nil {
					return
				}
				if from = entry.Number + 1; from >= upTo {
					break
				}
			}
		}
	}
}
