package main

import (
	"context"
	"errors"
	"fmt"

	"poterne/internal/ledger"
	"poterne/internal/store"
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
	return b.with(ctx, func(s settings, db *store.DB) error {
		if s.Server != "" {
			return usage("%s keeps everything on a PostgreSQL server: copy that with pg_basebackup, as docs/operating.md says", b.Config)
		}
		if err := b.record(ctx, db, ledger.Entry{Kind: ledger.Read, State: ledger.Backup}); err != nil {
			return err
		}
		if err := db.CopyTo(ctx, b.To); err != nil {
			return err
		}
		copied, err := store.OpenSQLite(ctx, b.To)
		if err != nil {
			return err
		}
		return errors.Join(b.tell(ctx, on, s, copied), copied.Close())
	})
}

// tell says how far a copy goes.
func (b *backupCommand) tell(ctx context.Context, on *streams, s settings, copied *store.DB) error {
	signed, err := store.NewLedger(copied).Checkpoint(ctx)
	if err != nil {
		return err
	}
	var head ledger.Checkpoint
	if signed != nil {
		if head, err = ledger.OpenCheckpoint(signed, s.Verifier); err != nil {
			return err
		}
	}
	fmt.Fprintf(on.Out, "%s has the ledger up to %d entries under a checkpoint\n", b.To, head.Size)
	if !b.Verify {
		return nil
	}
	return verify(ctx, on, copied, s.Verifier, nil)
}
