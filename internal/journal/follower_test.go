package journal_test

import (
	"bytes"
	"context"
	"encoding/gob"
	"iter"
	"log/slog"
	"sync"
	"testing"
	"time"

	"poterne/internal/journal"
	"poterne/internal/ledger"
)

// followed is entries that are followed as they come; after the last ctx ends.
type followed struct {
	entries int
	end     context.CancelFunc
}

func (f followed) Follow(_ context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		defer f.end()
		for n := from; n < ledger.Number(f.entries); n++ {
			if !yield(ledger.Entry{Number: n}, nil) {
				return
			}
		}
	}
}

func (followed) FirstAt(context.Context, time.Time) (ledger.Number, error) { return 0, nil }

// shelf keeps parts in memory, and looks at each as it comes.
type shelf struct {
	look func(journal.Kept)
	kept []journal.Kept
}

func (s *shelf) Keep(_ context.Context, parts []journal.Kept) error {
	for _, part := range parts {
		s.look(part)
	}
	s.kept = parts
	return nil
}

func (s *shelf) Parts(context.Context) iter.Seq2[journal.Kept, error] {
	return func(yield func(journal.Kept, error) bool) {
		for _, part := range s.kept {
			if !yield(part, nil) {
				return
			}
		}
	}
}

func (s *shelf) UpTo(context.Context, string) (ledger.Number, error) {
	for _, part := range s.kept {
		return part.Number, nil
	}
	return 0, nil
}

func (s *shelf) Discard(context.Context) error { s.kept = nil; return nil }

// read is a state: the numbers of the entries that it has seen.
type read struct {
	Numbers map[ledger.Number]bool
	Tries   tried
}

// tried is a part of a state that does something as it is encoded.
type tried struct{ encoding func() }

func (t tried) GobEncode() ([]byte, error) {
	t.encoding()
	return []byte{1}, nil
}

func (*tried) GobDecode([]byte) error { return nil }

// follower follows so many entries, and keeps what they come to after each.
func follower(entries int, kept *shelf, encoding func(), mu *sync.Mutex, end context.CancelFunc) *journal.Follower[read] {
	empty := func() read { return read{make(map[ledger.Number]bool), tried{encoding}} }
	state, now := empty(), time.Now()
	f := &journal.Follower[read]{
		Journal: followed{entries, end}, Ledger: followed{}, Kept: kept, Form: 1, Reach: time.Hour, Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { now = now.Add(time.Hour); return now },
		Mu:  mu, State: &state, Empty: empty,
	}
	f.Take = func(_ context.Context, e *ledger.Entry) error {
		state.Numbers[e.Number] = true
		return nil
	}
	return f
}

// Whoever reads a state does not wait while it is kept: neither while it is encoded, nor while that is written.
func TestNobodyWaitsForAStateThatIsKept(t *testing.T) {
	var mu sync.Mutex
	waits := func(while string) func() {
		return func() {
			if !mu.TryLock() {
				t.Errorf("the state is locked while it is %s", while)
				return
			}
			mu.Unlock()
		}
	}
	written := 0
	ctx, end := context.WithCancel(t.Context())
	kept := &shelf{look: func(journal.Kept) { written++; waits("written")() }}
	if err := follower(3, kept, waits("encoded"), &mu, end).Run(ctx); err != nil {
		t.Fatal(err)
	}
	if written < 3 {
		t.Errorf("it was kept %d times", written)
	}
}

// What is kept is the state of one number of entries: all before it, and none from it on, whoever reads it meanwhile.
func TestWhatIsKeptIsTheStateOfOneNumberOfEntries(t *testing.T) {
	const entries = 300
	var mu sync.Mutex
	ctx, end := context.WithCancel(t.Context())
	written := 0
	kept := &shelf{look: func(part journal.Kept) {
		written++
		var state read
		if err := gob.NewDecoder(bytes.NewReader(part.State[1:])).Decode(&state); err != nil {
			t.Fatal(err)
		}
		if len(state.Numbers) != int(part.Number) || !state.Numbers[part.Number-1] {
			t.Errorf("what is kept up to %d has seen %d entries", part.Number, len(state.Numbers))
		}
	}}
	f := follower(entries, kept, func() {}, &mu, end)
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for ctx.Err() == nil {
				mu.Lock()
				seen := len(f.State.Numbers)
				if upTo := f.UpTo(); int(upTo) != seen {
					t.Errorf("a reader sees %d entries up to %d", seen, upTo)
				}
				mu.Unlock()
			}
		})
	}
	if err := f.Run(ctx); err != nil {
		t.Fatal(err)
	}
	readers.Wait()
	if written < entries {
		t.Errorf("it was kept %d times", written)
	}
	// Another begins with it.
	ctx, end = context.WithCancel(t.Context())
	var from ledger.Number
	next := follower(entries, kept, func() {}, new(sync.Mutex), end)
	next.Begun = func(at ledger.Number, _ bool) { from = at }
	if err := next.Run(ctx); err != nil || from != entries || len(next.State.Numbers) != entries {
		t.Errorf("another begins at %d with %d entries: %v", from, len(next.State.Numbers), err)
	}
}
