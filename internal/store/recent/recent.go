// Package recent remembers the newest entries of the ledger, so that whoever follows it reads none of
// them back.
package recent

import (
	"iter"
	"slices"
	"sync"
	"unsafe"

	"poterne/internal/ledger"
)

// Runs is the entries that this process has written last, and those of other nodes that
// it has caught up with between them, as they were before they were sealed and after:
// what follows the ledger reads none of them back. They are consecutive.
type Runs struct {
	mu    sync.RWMutex // guards what follows; what a run holds never changes
	most  int64
	bytes int64
	runs  []Run
}

// Run is consecutive entries that were written together.
type Run struct {
	Entries []ledger.Entry
	Sealed  []ledger.Sealed
}

func (r Run) first() ledger.Number { return r.Sealed[0].Number }
func (r Run) end() ledger.Number   { return r.first() + ledger.Number(len(r.Sealed)) }

func (r Run) bytes() (bytes int64) {
	for _, entry := range r.Sealed {
		bytes += int64(unsafe.Sizeof(ledger.Entry{})+unsafe.Sizeof(entry)) + int64(2*len(entry.Body)) // its texts, too
	}
	return bytes
}

// Add takes in a run that is committed. With one that does not follow it begins anew.
func (n *Runs) Add(r Run) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(r.Sealed) == 0 {
		return
	}
	if last := len(n.runs) - 1; last >= 0 && r.first() != n.runs[last].end() {
		n.runs, n.bytes = nil, 0
	}
	if cap(r.Entries) > 2*len(r.Entries) { // a batch of rows makes one entry
		r.Entries = slices.Clone(r.Entries)
	}
	n.runs = append(n.runs, r)
	n.bytes += r.bytes()
	for n.bytes > n.most {
		n.bytes -= n.runs[0].bytes()
		n.runs[0] = Run{}
		n.runs = n.runs[1:]
	}
}

// Forget begins anew.
func (n *Runs) Forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.runs, n.bytes = nil, 0
}

// has reports whether an entry is among them.
func (n *Runs) has(number ledger.Number) bool {
	_, found := n.with(number)
	return found
}

// with returns the run with an entry.
func (n *Runs) with(number ledger.Number) (Run, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	for i := len(n.runs) - 1; i >= 0; i-- { // followers are close behind
		if r := n.runs[i]; r.first() <= number {
			return r, number < r.end()
		}
	}
	return Run{}, false
}

// Remembering yields entries from a number on: the newest as they are remembered, and
// those before and after them from rows.
func Remembering[T any](n *Runs, from ledger.Number, of func(Run) []T, number func(*T) ledger.Number, rows func(from ledger.Number) iter.Seq2[T, error]) iter.Seq2[T, error] {
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

// Remember bounds the bytes that they take.
func (n *Runs) Remember(most int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.most = most
}

// Bytes is what they take now.
func (n *Runs) Bytes() int64 {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.bytes
}
