package main

import (
	"context"
	"errors"
	"fmt"

	"poterne/internal/app"
	"poterne/internal/ledger"
)

type backupCommand struct {
	database
	actor
	To     string `arg:"" help:"The copy; it must not be there yet."`
	Verify bool   `help:"Hold every entry of the copy against its tree and checkpoints."`
}

// Run copies an SQLite database while it is written, and says what the copy holds.
// It is written in the ledger first: a copy is everything that can be read in it.
func (b *backupCommand) Run(ctx context.Context, on *streams) error {
	return b.with(ctx, on, func(o *app.Opened) error {
		if o.Server != "" {
			return usage("%s keeps everything on a PostgreSQL server: copy that with pg_basebackup, as docs/operating.md says", b.Config)
		}
		if err := b.record(ctx, o, ledger.Entry{Kind: ledger.Read, State: ledger.Backup}); err != nil {
			return err
		}
		copied, err := o.Copy(ctx, b.To)
		if err != nil {
			return err
		}
		return errors.Join(b.tell(ctx, on, o, copied), copied.Close())
	})
}

// tell says how far a copy goes.
func (b *backupCommand) tell(ctx context.Context, on *streams, o *app.Opened, copied *app.Opened) error {
	signed, err := copied.Ledger.Checkpoint(ctx)
	if err != nil {
		return err
	}
	var head ledger.Checkpoint
	if signed != nil {
		if head, err = ledger.OpenCheckpoint(signed, o.Verifier); err != nil {
			return err
		}
	}
	fmt.Fprintf(on.Out, "%s has the ledger up to %d entries under a checkpoint\n", b.To, head.Size)
	if !b.Verify {
		return nil
	}
	return verify(ctx, on, copied, o.Verifier, nil)
}
