package store

import (
	"context"
	"iter"
	"slices"
	"sync"
	"unsafe"

	"poterne/internal/ledger"
)

// newest is the entries that this process has written last, and those of other nodes that
// it has caught up with between them, as they were before they were sealed and after:
// what follows the ledger reads none of them back. They are consecutive.
type newest struct {
	mu    sync.RWMutex // guards what follows; what a run holds never changes
	most  int64
	bytes int64
	runs  []run
}

// run is consecutive entries that were written together.
type run struct {
	entries []ledger.Entry
	sealed  []ledger.Sealed
}

// Remembered is how many bytes the newest entries take at most when nothing else is said.
const Remembered = 64 << 20

func (r run) first() ledger.Number { return r.sealed[0].Number }
func (r run) end() ledger.Number   { return r.first() + ledger.Number(len(r.sealed)) }

func (r run) bytes() (bytes int64) {
	for _, entry := range r.sealed {
		bytes += int64(unsafe.Sizeof(ledger.Entry{})+unsafe.Sizeof(entry)) + int64(2*len(entry.Body)) // its texts, too
	}
	return bytes
}

// add takes in a run that is committed. With one that does not follow it begins anew.
func (n *newest) add(r run) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(r.sealed) == 0 {
		return
	}
	if last := len(n.runs) - 1; last >= 0 && r.first() != n.runs[last].end() {
		n.runs, n.bytes = nil, 0
	}
	if cap(r.entries) > 2*len(r.entries) { // a batch of rows makes one entry
		r.entries = slices.Clone(r.entries)
	}
	n.runs = append(n.runs, r)
	n.bytes += r.bytes()
	for n.bytes > n.most {
		n.bytes -= n.runs[0].bytes()
		n.runs[0] = run{}
		n.runs = n.runs[1:]
	}
}

func (n *newest) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.runs, n.bytes = nil, 0
}

// has reports whether an entry is among them.
func (n *newest) has(number ledger.Number) bool {
	_, found := n.with(number)
	return found
}

// with returns the run with an entry.
func (n *newest) with(number ledger.Number) (run, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	for i := len(n.runs) - 1; i >= 0; i-- { // followers are close behind
		if r := n.runs[i]; r.first() <= number {
			return r, number < r.end()
		}
	}
	return run{}, false
}

// remembering yields entries from a number on: the newest as they are remembered, and
// those before and after them from rows.
func remembering[T any](n *newest, from ledger.Number, of func(run) []T, number func(*T) ledger.Number, rows func(from ledger.Number) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for again := true; again; {
			for r, found := n.with(from); found; r, found = n.with(from) {
				for _, one := range of(r)[from-r.first():] {
					if !yield(one, nil) {
						return
					}
				}
				from = r.end()
			}
			again = false
			for one, err := range rows(from) {
				if !yield(one, err) || err != nil {
					return
				}
				from = number(&one) + 1
				if again = n.has(from); again {
					break
				}
			}
		}
	}
}

// Newest implements journal.DB and index.Ledger.
func (l Ledger) Newest(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error] {
	return remembering(&l.db.newest, from, func(r run) []ledger.Entry { return r.entries },
		func(e *ledger.Entry) ledger.Number { return e.Number },
		func(from ledger.Number) iter.Seq2[ledger.Entry, error] { return l.Entries(ctx, from) })
}

// NewestSealed implements ledger.Storage. A row that no node wrote is an error, which is
// seal.ErrBroken.
func (l Ledger) NewestSealed(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Sealed, error] {
	return remembering(&l.db.newest, from, func(r run) []ledger.Sealed { return r.sealed },
		func(e *ledger.Sealed) ledger.Number { return e.Number },
		func(from ledger.Number) iter.Seq2[ledger.Sealed, error] { return l.checked(ctx, from) })
}

// Remember bounds the bytes that the newest entries take.
func (db *DB) Remember(most int64) {
	db.newest.mu.Lock()
	defer db.newest.mu.Unlock()
	db.newest.most = most
}

// RememberedBytes is what the newest entries take now.
func (db *DB) RememberedBytes() int64 {
	db.newest.mu.RLock()
	defer db.newest.mu.RUnlock()
	return db.newest.bytes
}
