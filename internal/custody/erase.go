package custody

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/ledger/retention"
	"poterne/internal/ledger/tiles"
	"poterne/internal/ledger/witness"
	"poterne/internal/roster"
)

// Calendar is the ledger's months, and what was set and held.
type Calendar interface {
	Retention(context.Context) (retention.Schedule, error)
	// Periods returns the ledger's months, oldest first, those that were dropped
	// included.
	Periods(context.Context) ([]ledger.Period, error)
	// Last is the time of the last entry.
	Last(context.Context) (time.Time, error)
}

// Months says where each month of the ledger stands.
func Months(ctx context.Context, db Calendar, now time.Time) (retention.Schedule, []retention.Month, error) {
	schedule, err := db.Retention(ctx)
	if err != nil {
		return schedule, nil, fmt.Errorf("reading what was set and held: %w", err)
	}
	periods, err := db.Periods(ctx)
	if err != nil {
		return schedule, nil, fmt.Errorf("reading the months: %w", err)
	}
	last, err := db.Last(ctx)
	if err != nil {
		return schedule, nil, fmt.Errorf("reading the last entry's time: %w", err)
	}
	return schedule, schedule.Months(periods, last, now), nil
}

// Ledger is a ledger of which months may be dropped.
type Ledger interface {
	journal.DB
	ledger.Storage
	// First is the oldest entry that there is.
	First(context.Context) (ledger.Number, error)
}

// Eraser is its months, as their owner may change them.
type Eraser interface {
	Calendar
	Sweeper
	// Condense keeps of a month what stays published of it, once each of its entries was
	// held against the tree. Where there are findings, nothing is kept.
	Condense(ctx context.Context, month ledger.Month, tell func(done, total int64)) ([]ledger.Finding, error)
	// Make makes room for the months to come.
	Make(ctx context.Context, from ledger.Month) error
}

// Erasure drops every month that is past its term and not held, oldest first, makes
// room for the months to come, and proves what was dropped.
type Erasure struct {
	Ledger    Ledger
	Months    Eraser
	By        roster.AccountID
	Council   *witness.Council
	Published tiles.Source // the ledger under its witnesses' co-signatures
	Signer    note.Signer
	Verifier  note.Verifier
	DryRun    bool
	Proofs    *os.Root // where the proofs go; nil where none are wanted
	Progress  func(month ledger.Month, done, total int64)
	Now       func() time.Time
	Log       *slog.Logger
}

// Erased is what a run came to, as far as it came.
type Erased struct {
	Due     []retention.Month // what would be dropped, in a dry run
	Dropped []ledger.Period
	Damage  []ledger.Finding  // in the entries of a month that is kept because of them
	Months  []retention.Month // as they stand at the end
	Proofs  []string          // files that were written
}

// Run does it. It may be interrupted anywhere, and run again.
func (e Erasure) Run(ctx context.Context) (done Erased, err error) {
	// The time is that of the last entry or the clock's, whichever is earlier, and is
	// taken once: what a run itself writes makes nothing due.
	now, err := e.Months.Last(ctx)
	if err != nil {
		return done, err
	}
	if clock := e.Now(); clock.Before(now) {
		now = clock
	}
	if !e.DryRun {
		// Refused: a witness has co-signed another history. Nothing was written yet.
		if err := e.Council.Attend(ctx); err != nil {
			return done, fmt.Errorf("nothing is dropped from this ledger: %w", err)
		}
		// A run that ended after the entry of the month it dropped last may have left
		// checkpoints inside that month, and bytes in the database's files.
		periods, err := e.Months.Periods(ctx)
		if err != nil {
			return done, err
		}
		for _, p := range slices.Backward(periods) {
			if p.Dropped {
				if err := e.insist(ctx, p.Month); err != nil {
					return done, err
				}
				break
			}
		}
	}
	for {
		schedule, months, err := Months(ctx, e.Months, now)
		if err != nil {
			return done, err
		}
		due := slices.DeleteFunc(slices.Clone(months), func(m retention.Month) bool { return m.State != retention.Due })
		if len(due) == 0 {
			done.Months = months
			break
		}
		// Refused: the database has a setting or a hold that the ledger has not, or has it
		// otherwise.
		first, err := e.Ledger.First(ctx)
		if err != nil {
			return done, err
		}
		if err := schedule.Vouch(first, func(number ledger.Number) (ledger.Entry, error) { return e.Ledger.Entry(ctx, number) }); err != nil {
			return done, err
		}
		if e.DryRun {
			done.Due, done.Months = due, months
			return done, nil
		}
		month := due[0].Month

		// Refused: an entry is not the one that was signed. Damage is evidence, and evidence
		// is not dropped. Interrupted, the month is whole, and reading goes on where it was.
		findings, err := e.Months.Condense(ctx, month, func(read, total int64) { e.Progress(month, read, total) })
		if err != nil {
			return done, fmt.Errorf("%s is kept: %w", month, err)
		}
		if len(findings) > 0 {
			done.Damage = findings
			return done, fmt.Errorf("%s is kept: its entries are not those that were signed: %d findings, which poterne ledger verify names, too", month, len(findings))
		}

		// Refused: reading took a while, in which a longer time may have been set. What is
		// held at this moment the act itself refuses, under the head.
		if _, months, err = Months(ctx, e.Months, now); err != nil {
			return done, fmt.Errorf("%s is kept: %w", month, err)
		}
		if !slices.ContainsFunc(months, func(m retention.Month) bool { return m.Month == month && m.State == retention.Due }) {
			return done, fmt.Errorf("%s is kept: it is not due", month)
		}

		// The entry and the removal of the rows commit together: interrupted before, the
		// month is whole; after, the next run sweeps what is left.
		if err := e.insist(ctx, month); err != nil {
			return done, fmt.Errorf("%s is kept: %w", month, err)
		}
		periods, err := e.Months.Periods(ctx)
		if err != nil {
			return done, err
		}
		for _, p := range periods {
			if p.Month == month {
				done.Dropped = append(done.Dropped, p)
			}
		}
	}
	if e.DryRun {
		return done, nil
	}
	if err := e.Months.Make(ctx, ledger.MonthOf(e.Now())); err != nil {
		return done, fmt.Errorf("making room for the months to come: %w", err)
	}
	if e.Proofs != nil {
		done.Proofs, err = e.prove(ctx, done.Months)
	}
	return done, err
}

// How often a run tries to drop a month that is being read, and how long it waits in
// between.
const (
	attempts = 10
	pause    = 2 * time.Second
)

// insist drops a month, and tries again while it is read. What may have been dropped
// is not tried again.
func (e Erasure) insist(ctx context.Context, month ledger.Month) error {
	for attempt := 1; ; attempt++ {
		err := DropMonth(ctx, journal.Outside{DB: e.Ledger, Now: e.Now}, e.Months, Drop{By: e.By, Month: month})
		if attempt == attempts || !fault.Is(err, fault.Unavailable) || errors.Is(err, journal.ErrOutcomeUnknown) {
			return err
		}
		if !wait(ctx, pause) {
			return err
		}
	}
}

// prove writes the proof of every erasure that has none in the folder yet, as long as
// the ledger has the entry that says so.
func (e Erasure) prove(ctx context.Context, months []retention.Month) (written []string, err error) {
	first, err := e.Ledger.First(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range months {
		name := m.String() + ".tlog-proof"
		if _, err := e.Proofs.Stat(name); err == nil || !m.Dropped || m.By < first {
			continue
		}
		if err := e.signed(ctx, m.By); err != nil {
			return written, fmt.Errorf("the proof that %s was dropped is not written: %w", m.Month, err)
		}
		proof, err := tiles.Prove(ctx, e.Published, e.Verifier, m.By)
		if err != nil {
			return written, fmt.Errorf("the proof that %s was dropped is not written: %w", m.Month, err)
		}
		if err := e.Proofs.WriteFile(name, proof, 0o600); err != nil {
			return written, err
		}
		written = append(written, name)
	}
	return written, nil
}

// How long a run waits for the program to sign, and then for a checkpoint that can be
// published.
const (
	signing    = 2 * time.Second
	publishing = 15 * time.Second
)

// signed waits until an entry is under a checkpoint that can be published. When no
// program is there to sign one, this one does, as the program would: not before its
// witnesses were asked.
func (e Erasure) signed(ctx context.Context, number ledger.Number) error {
	started, alone := time.Now(), false
	for {
		checkpoint, err := e.Published.Checkpoint(ctx)
		if err != nil {
			return err
		}
		if checkpoint != nil {
			head, err := ledger.OpenCheckpoint(checkpoint, e.Verifier)
			if err != nil || head.Size > int64(number) {
				return err
			}
		}
		switch waited := time.Since(started); {
		case waited > publishing:
			return errors.New("witnesses have not co-signed it yet; run this again later")
		case waited > signing && !alone:
			alone = true
			if err := e.Council.Attend(ctx); err != nil {
				return err
			}
			sequencer, err := ledger.NewSequencer(ctx, e.Ledger, e.Signer, e.Verifier, e.Log)
			if err != nil {
				return err
			}
			for advanced := true; advanced; {
				if advanced, err = sequencer.Step(ctx); err != nil {
					return err
				}
			}
			if err := e.Council.Attend(ctx); err != nil {
				return err
			}
		}
		if !wait(ctx, 100*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// wait reports whether ctx has not ended meanwhile.
func wait(ctx context.Context, span time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(span):
		return true
	}
}
