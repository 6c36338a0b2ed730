// Package siem hands the ledger on to whoever collects security events: each entry as one
// event of OCSF, as a line of JSON, at least once, in order, with the entry's number as its
// identity. It names no person of the register. Its sender serves others who are told of entries.
package siem

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"poterne/internal/journal"
	"poterne/internal/ledger"
)

// Sink is told of entries.
type Sink interface {
	// Send hands over what it says of entries, and returns once that was taken: what an error
	// may have lost is sent again.
	Send(ctx context.Context, entries []ledger.Entry) error
}

// Deps are what the sender relies on.
type Deps struct {
	Journal interface {
		// Follow yields the entries from a number on, then each new one, until ctx ends.
		Follow(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error]
	}
	Ledger interface {
		// FirstAt returns the number of the first entry at or after a time.
		FirstAt(context.Context, time.Time) (ledger.Number, error)
	}
	Name string         // of the sink, as one node at a time has it and as the log says it
	Kept journal.Keeper // of the position
	// Once sets a mark until a time, and reports whether it was new: of all nodes, one sends.
	Once func(ctx context.Context, mark [sha256.Size]byte, until time.Time) (bool, error)
	Now  func() time.Time
	Log  *slog.Logger
}

const (
	turn     = 30 * time.Second // for which one node sends
	most     = 500              // events that are sent at once
	gathers  = time.Second      // how long the first of them waits for others
	pauses   = time.Second      // after what failed; twice as long each time
	longest  = 30 * time.Second
	begins   = time.Hour          // before the first start of all, from which on events are sent
	mistrust = 7 * 24 * time.Hour // how far back is sent anew when the position was changed in the database
	position = "position"
)

// Sender sends.
type Sender struct {
	Deps
	Sink         Sink
	turn, pauses time.Duration
}

// New returns a sender; a nil sink sends nothing.
func New(sink Sink, d Deps) *Sender { return &Sender{Deps: d, Sink: sink, turn: turn, pauses: pauses} }

// Run sends until ctx ends. Nothing waits for it.
func (s *Sender) Run(ctx context.Context) error {
	if s.Sink == nil {
		<-ctx.Done()
		return nil
	}
	journal.Alone{Name: s.Name, Turn: s.turn, Once: s.Once, Now: s.Now}.Run(ctx, s.during, func(err error) {
		s.Log.WarnContext(ctx, "security events wait: they are sent again", slog.String("to", s.Name), slog.Any("err", err))
	})
	return nil
}

// during sends for a turn, from the position that is kept.
func (s *Sender) during(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	from, err := s.from(ctx)
	if err != nil {
		return err
	}
	entries, failed := make(chan ledger.Entry), make(chan error, 1)
	go func() {
		defer close(entries)
		for e, err := range s.Journal.Follow(ctx, from) {
			if err != nil {
				failed <- err
				return
			}
			select {
			case entries <- e:
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		batch, err := gather(ctx, entries)
		if len(batch) > 0 {
			if err := s.send(ctx, batch); err != nil {
				return err
			}
			// If the program stops here, these are sent again.
			next := batch[len(batch)-1].Number + 1
			if err := s.Kept.Keep(ctx, []journal.Kept{{What: position, Number: next, State: []byte{1}}}); err != nil && ctx.Err() == nil {
				return fmt.Errorf("keeping how far events were sent: %w", err)
			}
		}
		if err != nil {
			select {
			case err := <-failed:
				return err
			default:
				return nil // another turn
			}
		}
	}
}

// gather takes what comes, until it is enough or a second is over. An error says that no more
// comes.
func gather(ctx context.Context, entries <-chan ledger.Entry) (batch []ledger.Entry, err error) {
	var over <-chan time.Time
	for len(batch) < most {
		select {
		case e, more := <-entries:
			if !more {
				return batch, context.Canceled
			}
			batch = append(batch, e)
			if over == nil {
				over = time.After(gathers)
			}
		case <-over:
			return batch, nil
		case <-ctx.Done():
			return batch, ctx.Err()
		}
	}
	return batch, nil
}

// send hands entries over, again and again until they are taken or the turn is over.
func (s *Sender) send(ctx context.Context, batch []ledger.Entry) error {
	for wait := s.pauses; ; wait = min(2*wait, longest) {
		err := s.Sink.Send(ctx, batch)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
		s.Log.WarnContext(ctx, "security events were not taken", slog.String("to", s.Name), slog.Any("err", err), slog.Int("entries", len(batch)))
		journal.Pause(ctx, wait)
		if ctx.Err() != nil {
			return err
		}
	}
}

// from is the number of the first entry that was not sent.
func (s *Sender) from(ctx context.Context) (ledger.Number, error) {
	back := begins
	for kept, err := range s.Kept.Parts(ctx) {
		if err != nil {
			s.Log.ErrorContext(ctx, "how far security events were sent is not as it was written: a week of them is sent again", slog.String("to", s.Name), slog.Any("err", err))
			back = mistrust
			break
		}
		if kept.What == position {
			return kept.Number, nil
		}
	}
	from, err := s.Ledger.FirstAt(ctx, s.Now().Add(-back))
	if err != nil {
		return 0, fmt.Errorf("finding the entries to send: %w", err)
	}
	return from, nil
}

// lines are entries as NDJSON, each line without its end.
func lines(entries []ledger.Entry) (list [][]byte, err error) {
	for _, e := range entries {
		line, err := json.Marshal(EventOf(e))
		if err != nil {
			return nil, err
		}
		list = append(list, line)
	}
	return list, nil
}

// joined are entries as NDJSON.
func joined(entries []ledger.Entry) ([]byte, error) {
	list, err := lines(entries)
	return append(bytes.Join(list, []byte("\n")), '\n'), err
}
