package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"poterne/internal/config"
	"poterne/internal/custody"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/ledger/retention"
	"poterne/internal/ledger/tiles"
	"poterne/internal/roster"
	"poterne/internal/store"
)

type retentionRun struct {
	database
	actor
	Owner  string `placeholder:"CONNECTION" help:"On PostgreSQL, how to connect as the role that owns the tables, without its password: passfile=… names the file that has it."`
	DryRun bool   `help:"Only say what would be dropped."`
	Proofs string `type:"existingdir" placeholder:"FOLDER" help:"Where to put the proof of each erasure, such as 2025-11.tlog-proof."`
}

// Run drops every month that is past its term and not held, oldest first, and makes
// room for the months to come.
func (r *retentionRun) Run(ctx context.Context, on *streams) error {
	s, err := readConfig(r.Config)
	if err != nil {
		return err
	}
	s.now = time.Now
	kept, err := r.open(ctx, s)
	if err != nil {
		return err
	}
	return errors.Join(r.run(ctx, on, s, kept), kept.Close())
}

// open opens the database as whoever may drop.
func (r *retentionRun) open(ctx context.Context, s settings) (*store.Store, error) {
	switch {
	case s.Server == "" && r.Owner != "":
		return nil, usage("%s keeps everything in an SQLite file, which has no other owner: leave --owner out", r.Config)
	case s.Server == "" || r.DryRun:
		return s.open(ctx)
	case r.Owner == "":
		return nil, usage(`write --owner "host=… dbname=… user=… passfile=…": the role that owns the tables, since the program's may drop nothing`)
	}
	if err := config.CheckServer(r.Owner); err != nil {
		return nil, usage("--owner: %v", err)
	}
	return store.OpenAsOwner(ctx, r.Owner, s.Server)
}

func (r *retentionRun) run(ctx context.Context, on *streams, s settings, kept *store.Store) error {
	// The time is taken once: what a run itself writes makes nothing due.
	now, err := kept.Last(ctx)
	if err != nil {
		return err
	}
	if clock := time.Now(); clock.Before(now) {
		now = clock
	}
	if !r.DryRun {
		if err := s.council(kept, logTo(on)).Attend(ctx); err != nil { // before anything is dropped or written
			return fmt.Errorf("nothing is dropped from this ledger: %w", err)
		}
		if err := r.resume(ctx, kept); err != nil {
			return err
		}
	}
	months, err := r.drop(ctx, on, kept, now)
	if err != nil {
		return err
	}
	for _, m := range months {
		if m.State == retention.Waiting || m.State == retention.Doubted {
			fmt.Fprintf(on.Out, "%s: %s\n", m.Month, toldOf(m).said())
		}
	}
	if r.DryRun {
		return nil
	}
	if err := kept.MakeMonths(ctx, ledger.MonthOf(time.Now())); err != nil {
		return fmt.Errorf("making room for the months to come: %w", err)
	}
	if r.Proofs == "" {
		return nil
	}
	return r.prove(ctx, on, s, kept, months)
}

// resume ends what an interrupted run may have left of the month that it dropped
// last.
func (r *retentionRun) resume(ctx context.Context, kept *store.Store) error {
	periods, err := kept.Periods(ctx)
	if err != nil {
		return err
	}
	for _, p := range slices.Backward(periods) {
		if p.Dropped {
			return r.insist(ctx, kept, p.Month)
		}
	}
	return nil
}

// drop drops what is due, and returns the months as they stand then.
func (r *retentionRun) drop(ctx context.Context, on *streams, kept *store.Store, now time.Time) ([]retention.Month, error) {
	for dropped := false; ; dropped = true {
		book, months, err := monthsOf(ctx, kept, now)
		if err != nil {
			return nil, err
		}
		due := slices.DeleteFunc(slices.Clone(months), func(m retention.Month) bool { return m.State != retention.Due })
		switch {
		case len(due) > 0:
			if err := vouched(ctx, kept, book); err != nil {
				return nil, err
			}
		case !dropped:
			fmt.Fprintln(on.Out, "nothing is due")
			fallthrough
		default:
			return months, nil
		}
		if r.DryRun {
			for _, m := range due {
				fmt.Fprintf(on.Out, "%s: %d entries would be dropped, which are due since %s\n", m.Month, m.Entries(), day(m.Due))
			}
			return months, nil
		}
		if err := r.dropMonth(ctx, on, kept, due[0].Period, now); err != nil {
			return nil, fmt.Errorf("%s is kept: %w", due[0].Month, err)
		}
	}
}

// vouched holds what was set and held against the ledger.
func vouched(ctx context.Context, kept *store.Store, book retention.Book) error {
	first, err := kept.First(ctx)
	if err != nil {
		return err
	}
	return book.Vouch(first, func(number ledger.Number) (ledger.Entry, error) { return kept.Entry(ctx, number) })
}

// dropMonth drops one month, once every entry of it was held against the tree:
// damage is evidence, and evidence is not dropped. That takes a while, in which more
// may have been set.
func (r *retentionRun) dropMonth(ctx context.Context, on *streams, kept *store.Store, period ledger.Period, now time.Time) error {
	last := time.Now()
	findings, err := kept.Condense(ctx, period.Month, func(done, total int64) {
		if time.Since(last) > time.Second {
			last = time.Now()
			fmt.Fprintf(on.Err, "%s: %d of %d entries\n", period.Month, done, total)
		}
	})
	if err != nil {
		return err
	}
	if len(findings) > 0 {
		for _, finding := range findings {
			fmt.Fprintln(on.Out, finding)
		}
		return fmt.Errorf("its entries are not those that were signed: %d findings, which poterne ledger verify names, too", len(findings))
	}
	_, months, err := monthsOf(ctx, kept, now)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(months, func(m retention.Month) bool { return m.Month == period.Month && m.State == retention.Due }) {
		return errors.New("it is not due")
	}
	if err := r.insist(ctx, kept, period.Month); err != nil {
		return err
	}
	periods, err := kept.Periods(ctx)
	if err != nil {
		return err
	}
	for _, p := range periods {
		if p.Month == period.Month {
			fmt.Fprintf(on.Out, "%s: %d entries are dropped, as entry %d says\n", p.Month, p.Entries(), p.By)
		}
	}
	return nil
}

// How often a run tries to drop a month that somebody reads, and how long it leaves
// them alone in between.
const (
	attempts = 10
	pause    = 2 * time.Second
)

// insist drops a month, and tries again while it is read. What may have been dropped
// is not tried again.
func (r *retentionRun) insist(ctx context.Context, kept *store.Store, month ledger.Month) error {
	for attempt := 1; ; attempt++ {
		err := custody.DropMonth(ctx, outside(kept), kept, custody.Drop{By: roster.AccountID(r.As), Month: month})
		if attempt == attempts || !fault.Is(err, fault.Unavailable) || errors.Is(err, journal.ErrOutcomeUnknown) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// prove writes the proof of every erasure that has none in the folder yet, as long as
// the ledger has the entry that says so.
func (r *retentionRun) prove(ctx context.Context, on *streams, s settings, kept *store.Store, months []retention.Month) error {
	folder, err := os.OpenRoot(r.Proofs)
	if err != nil {
		return err
	}
	defer folder.Close()
	first, err := kept.First(ctx)
	if err != nil {
		return err
	}
	for _, m := range months {
		name := m.String() + ".tlog-proof"
		if _, err := folder.Stat(name); err == nil || !m.Dropped || m.By < first {
			continue
		}
		if err := r.signed(ctx, on, s, kept, m.By); err != nil {
			return fmt.Errorf("the proof that %s was dropped is not written: %w", m.Month, err)
		}
		proof, err := tiles.Prove(ctx, s.published(kept), s.Verifier, m.By)
		if err != nil {
			return fmt.Errorf("the proof that %s was dropped is not written: %w", m.Month, err)
		}
		if err := folder.WriteFile(name, proof, 0o600); err != nil {
			return err
		}
		fmt.Fprintf(on.Out, "%s proves it\n", name)
	}
	return nil
}

// How long a run waits for the program to sign, and then for a checkpoint that can be
// published.
const (
	signing    = 2 * time.Second
	publishing = 15 * time.Second
)

// signed waits until an entry is under a checkpoint that can be published. When no
// program is there to sign one, this one does.
func (r *retentionRun) signed(ctx context.Context, on *streams, s settings, kept *store.Store, number ledger.Number) error {
	started, alone := time.Now(), false
	for {
		size, err := published(ctx, s.published(kept), s.Verifier)
		if err != nil || size > int64(number) {
			return err
		}
		switch waited := time.Since(started); {
		case waited > publishing:
			return errors.New("witnesses have not co-signed it yet; run this again later")
		case waited > signing && !alone:
			alone = true
			if err := r.sign(ctx, on, s, kept); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// published is how many entries the newest checkpoint has that can be published.
func published(ctx context.Context, source tiles.Source, verifier note.Verifier) (int64, error) {
	signed, err := source.Checkpoint(ctx)
	if err != nil || signed == nil {
		return 0, err
	}
	head, err := ledger.OpenCheckpoint(signed, verifier)
	return head.Size, err
}

// sign signs what was written, as the program would: not before its witnesses were
// asked.
func (r *retentionRun) sign(ctx context.Context, on *streams, s settings, kept *store.Store) error {
	council := s.council(kept, logTo(on))
	if err := council.Attend(ctx); err != nil {
		return err
	}
	sequencer, err := ledger.NewSequencer(ctx, kept, s.Signer, s.Verifier, logTo(on))
	if err != nil {
		return err
	}
	for advanced := true; advanced; {
		if advanced, err = sequencer.Step(ctx); err != nil {
			return err
		}
	}
	return council.Attend(ctx)
}

func logTo(on *streams) *slog.Logger { return slog.New(slog.NewJSONHandler(on.Err, nil)) }
