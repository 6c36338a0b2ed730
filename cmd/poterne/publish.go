package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"poterne/internal/ledger/tiles"
	"poterne/internal/store"
)

// What is published of the ledger says nothing of what entries hold, so that
// publishing it is not written in it.

type ledgerPublish struct {
	database
	Dir string `arg:"" type:"existingdir" help:"The folder; what was published there before stays."`
}

// Run brings a folder up to the newest checkpoint.
func (p *ledgerPublish) Run(ctx context.Context, on *streams) error {
	folder, err := os.OpenRoot(p.Dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	return p.with(ctx, func(s settings, kept *store.Store) error {
		head, err := tiles.Publish(ctx, kept, s.verifier, folder)
		if err != nil {
			return fmt.Errorf("the ledger is not published: %w", err)
		}
		fmt.Fprintf(on.Out, "%d entries are published\n", head.Size)
		return nil
	})
}

type ledgerVerifyCopy struct {
	Dir        string   `arg:"" type:"existingdir" help:"The folder that was published."`
	Key        string   `required:"" type:"existingfile" help:"The public half of the checkpoint key, checkpoint.pub."`
	Checkpoint []string `type:"existingfile" help:"Checkpoints that were kept elsewhere."`
}

// Run verifies a published copy, anywhere: it needs neither the database nor a
// configuration. Damage is named on the standard output and makes the answer no.
func (v *ledgerVerifyCopy) Run(ctx context.Context, on *streams) error {
	key, err := os.ReadFile(v.Key)
	if err != nil {
		return err
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(key)))
	if err != nil {
		return usage("%s is not the public half of a checkpoint key, as poterne keys makes it", v.Key)
	}
	kept, err := readAll(v.Checkpoint)
	if err != nil {
		return err
	}
	folder, err := os.OpenRoot(v.Dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	report, err := tiles.Verify(ctx, folder.FS(), verifier, kept)
	if err != nil {
		return fmt.Errorf("the copy could not be read to its end: %w", err)
	}
	for _, finding := range report.Findings {
		fmt.Fprintln(on.Out, finding)
	}
	fmt.Fprintf(on.Out, "%d entries, %d checkpoints\n", report.Entries, report.Checkpoints)
	if !report.Sound() {
		return fmt.Errorf("the copy does not verify: %d findings", len(report.Findings))
	}
	return nil
}

// readAll reads files one after the other.
func readAll(files []string) ([][]byte, error) {
	all := make([][]byte, len(files))
	for i, file := range files {
		var err error
		if all[i], err = os.ReadFile(file); err != nil {
			return nil, err
		}
	}
	return all, nil
}
