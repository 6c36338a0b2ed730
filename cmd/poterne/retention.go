package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"time"

	"poterne/internal/app"
	"poterne/internal/archive"
	"poterne/internal/config"
	"poterne/internal/custody"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/ledger/retention"
	"poterne/internal/roster"
)

type retentionCommands struct {
	Status  retentionStatus  `cmd:"" help:"Print which months the ledger has, and until when each is kept."`
	Run     retentionRun     `cmd:"" help:"Drop the months that are past their term."`
	Hold    retentionHold    `cmd:"" help:"Keep months beyond their term, such as for an inquiry."`
	Release retentionRelease `cmd:"" help:"End a hold."`
	People  retentionPeople  `cmd:"" help:"Archive and erase what Poterne itself holds of people, as the rules say."`
	Read    retentionRead    `cmd:"" help:"Print what the archive keeps of one person, for a request; two people sign for it."`
}

type retentionStatus struct {
	database
	Sizes bool `help:"Add the bytes of each month's entries; it reads them all."`
	JSON  bool `name:"json" help:"One JSON object."`
}

// Run says where each month stands. It shows no entry, so it is not written.
func (r *retentionStatus) Run(ctx context.Context, on *streams) error {
	return r.with(ctx, on, func(o *app.Opened) error {
		schedule, months, err := custody.Months(ctx, o.Months, time.Now())
		if err != nil {
			return err
		}
		first, err := o.Ledger.First(ctx)
		if err != nil {
			return err
		}
		told := make([]custody.ToldMonth, len(months))
		for i, m := range months {
			if told[i], err = r.tell(ctx, o, m, first); err != nil {
				return err
			}
		}
		if r.JSON {
			return json.NewEncoder(on.Out).Encode(custody.Told(schedule, told))
		}
		custody.PrintMonths(on.Out, schedule, told, r.Sizes)
		return nil
	})
}

// tell looks up what a month itself does not say, in a ledger that begins with the
// entry first.
func (r *retentionStatus) tell(ctx context.Context, o *app.Opened, m retention.Month, first ledger.Number) (custody.ToldMonth, error) {
	told := custody.TellMonth(m)
	if r.Sizes && !m.Dropped {
		bytes, err := o.Months.Weigh(ctx, m.Period)
		told.Bytes = &bytes
		return told, err
	}
	if !m.Dropped || m.By < first {
		return told, nil
	}
	entry, err := o.Ledger.Entry(ctx, m.By)
	told.DroppedAt = &entry.Time
	return told, err
}

func day(t time.Time) string { return t.Format(time.DateOnly) }

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
	return r.by(ctx, on, r.open, func(o *app.Opened) error { return r.run(ctx, on, o) })
}

// open opens the database as whoever may drop.
func (r *retentionRun) open(ctx context.Context, s config.Settings) (*app.Opened, error) {
	switch {
	case s.Server == "" && r.Owner != "":
		return nil, usage("%s keeps everything in an SQLite file, which has no other owner: leave --owner out", r.Config)
	case s.Server == "" || r.DryRun:
		return app.Open(ctx, s)
	case r.Owner == "":
		return nil, usage(`write --owner "host=… dbname=… user=… passfile=…": the role that owns the tables, since the program's may drop nothing`)
	}
	if err := config.CheckServer(r.Owner); err != nil {
		return nil, usage("--owner: %v", err)
	}
	return app.OpenAsOwner(ctx, s, r.Owner)
}

func (r *retentionRun) run(ctx context.Context, on *streams, o *app.Opened) error {
	due, log := app.Pace(), slog.New(slog.NewJSONHandler(on.Err, nil))
	erasure := custody.Erasure{
		Ledger: o.Ledger, Months: o.Months, By: roster.AccountID(r.As), Council: o.Council(log), Published: o.Published(), Signer: o.Signer, Verifier: o.Verifier,
		DryRun: r.DryRun, Now: o.Now, Log: log,
		Progress: func(month ledger.Month, done, total int64) {
			if due() {
				fmt.Fprintf(on.Err, "%s: %d of %d entries\n", month, done, total)
			}
		},
	}
	if r.Proofs != "" {
		var err error
		if erasure.Proofs, err = os.OpenRoot(r.Proofs); err != nil {
			return err
		}
		defer erasure.Proofs.Close()
	}
	done, err := erasure.Run(ctx)
	for _, m := range done.Due {
		fmt.Fprintf(on.Out, "%s: %d entries would be dropped, which are due since %s\n", m.Month, m.Entries(), day(m.Due))
	}
	for _, p := range done.Dropped {
		fmt.Fprintf(on.Out, "%s: %d entries are dropped, as entry %d says\n", p.Month, p.Entries(), p.By)
	}
	for _, finding := range done.Damage {
		fmt.Fprintln(on.Out, finding)
	}
	if err == nil && len(done.Due)+len(done.Dropped) == 0 {
		fmt.Fprintln(on.Out, "nothing is due")
	}
	for _, m := range done.Months {
		if m.State == retention.Waiting || m.State == retention.Doubted {
			fmt.Fprintf(on.Out, "%s: %s\n", m.Month, custody.TellMonth(m).Said())
		}
	}
	for _, name := range done.Proofs {
		fmt.Fprintf(on.Out, "%s proves it\n", name)
	}
	return err
}

// signers are the two people who sign for what is kept. The command line trusts
// whoever runs it to say who they are, as for orders.
type signers struct {
	Because  string `required:"" help:"Why; it is written in the ledger, and names nobody."`
	By       string `required:"" help:"The account of who signs, of the security desk."`
	Approver string `name:"approved-by" required:"" help:"The account of who approves: another person of the security desk."`
}

type retentionHold struct {
	database
	signers
	Since ledger.Month `required:"" help:"The first month, such as 2026-03."`
	Until ledger.Month `help:"The last month, included; none while nobody knows: then all that come are kept, too."`
}

// Run places the hold and prints its number.
func (h *retentionHold) Run(ctx context.Context, on *streams) error {
	return h.with(ctx, on, func(o *app.Opened) error {
		gone, err := custody.Gone(ctx, o.Months, h.Since, h.Until)
		if err != nil {
			return err
		}
		hold := retention.Hold{
			Since: h.Since, Until: h.Until, Because: h.Because, By: roster.AccountID(h.By), Approver: roster.AccountID(h.Approver),
		}
		placed, err := journal.Do(ctx, o.Writer(), custody.Hold{Hold: hold})
		if err != nil {
			return fmt.Errorf("nothing is held: %w", err)
		}
		fmt.Fprintf(on.Out, "hold %d keeps %s\n", placed.Number, hold.Range())
		if gone != "" {
			fmt.Fprintf(on.Out, "%s was dropped already, with all before it\n", gone)
		}
		return nil
	})
}

type retentionRelease struct {
	database
	signers
	Hold ledger.Number `arg:"" help:"The hold's number."`
}

// Run ends one hold. Others that touch the same months go on.
func (r *retentionRelease) Run(ctx context.Context, on *streams) error {
	return r.with(ctx, on, func(o *app.Opened) error {
		release := custody.Release{Hold: r.Hold, By: roster.AccountID(r.By), Approver: roster.AccountID(r.Approver), Because: r.Because}
		if _, err := journal.Do(ctx, o.Writer(), release); err != nil {
			return fmt.Errorf("nothing is released: %w", err)
		}
		fmt.Fprintf(on.Out, "hold %d is released\n", r.Hold)
		return nil
	})
}

type retentionPeople struct {
	database
	DryRun bool `help:"Only say what would be archived and erased."`
}

// Run does what the running program does once a day.
func (r *retentionPeople) Run(ctx context.Context, on *streams) error {
	return r.with(ctx, on, func(o *app.Opened) error { return o.KeepPeople(ctx, r.DryRun, on.Out) })
}

type retentionRead struct {
	database
	Person  string        `arg:"" help:"The person's identifier in the register."`
	Request ledger.Number `required:"" help:"The number of the request that two people agreed on in the portal, under Reading the archive."`
}

// Run prints the records, a line each.
func (r *retentionRead) Run(ctx context.Context, on *streams) error {
	return r.with(ctx, on, func(o *app.Opened) error {
		return o.ReadArchive(ctx, r.Person, archive.Reading{Request: r.Request}, on.Out)
	})
}
