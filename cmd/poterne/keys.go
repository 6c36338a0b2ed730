package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"poterne/internal/app"
	"poterne/internal/config"
	"poterne/internal/ledger"
)

type keysCommands struct {
	Make       keysCommand    `cmd:"" default:"withargs" help:"Make them all; make may be left out."`
	Epoch      keysEpoch      `cmd:"" help:"Make the epoch key alone, for a configuration that has the others."`
	BreakGlass keysBreakGlass `cmd:"" help:"Make the sealed password of the break-glass access, and say it once."`
	Advance    keysAdvance    `cmd:"" help:"Throw away the keys of months that were dropped."`
	Rotate     keysRotate     `cmd:"" help:"Add a seal key, or have the newest one make seals; nodes go on meanwhile."`
}

// keysCommand makes the secrets that a configuration needs.
type keysCommand struct {
	Dir    string `arg:"" help:"Where to put them; it must exist."`
	Origin string `required:"" help:"Name of the ledger in its checkpoints, such as poterne.example/ledger; it never changes."`
	Public string `type:"existingfile" help:"The public half, in PEM, of a checkpoint key that stays where it is: in a token."`
}

// Run writes the keys, and the public half of the checkpoint key, which is for
// whoever verifies the ledger. It replaces nothing.
func (k *keysCommand) Run(on *streams) error {
	var public []byte
	if k.Public != "" {
		var err error
		if public, err = os.ReadFile(k.Public); err != nil {
			return err
		}
	}
	keys, err := config.NewKeys(k.Origin, public)
	if err != nil {
		return usage("%v", err)
	}
	return writeKeys(k.Dir, keys, on)
}

func writeKeys(dir string, keys []config.Key, on *streams) error {
	for _, key := range keys {
		if err := key.Write(dir); err != nil {
			return err
		}
		fmt.Fprintln(on.Out, filepath.Join(dir, key.File))
	}
	return nil
}

type keysEpoch struct {
	Dir string `arg:"" help:"Where to put it; the folder must exist."`
}

// Run writes an epoch key. It replaces nothing.
func (k *keysEpoch) Run(on *streams) error {
	return writeKeys(k.Dir, []config.Key{config.NewEpochKey()}, on)
}

type keysBreakGlass struct{ keysEpoch }

// Run writes what knows the password, and then says the password. It replaces nothing.
func (k *keysBreakGlass) Run(on *streams) error {
	return config.SealBreakGlass(k.Dir, on.Out)
}

type keysAdvance struct {
	database
	Until string `placeholder:"MONTH" help:"The oldest month that stays readable, such as 2026-11; the oldest that the ledger still has when left out."`
}

// Run throws away the keys of the months before one.
func (a *keysAdvance) Run(ctx context.Context, on *streams) error {
	var until ledger.Month
	if a.Until != "" {
		var err error
		if until, err = ledger.ParseMonth(a.Until); err != nil {
			return usage("%v", err)
		}
	}
	return a.with(ctx, on, func(o *app.Opened) error {
		periods, err := o.Months.Periods(ctx)
		if err != nil {
			return err
		}
		pseudonyms, err := o.Pseudonyms.Advance(periods, until, time.Now())
		if err == nil && pseudonyms.First() != o.Pseudonyms.First() {
			err = config.ReplaceFile(o.EpochFile, pseudonyms.Text()+"\n")
		}
		if err != nil {
			return fmt.Errorf("the epoch key stays as it is: %w", err)
		}
		fmt.Fprintf(on.Out, "the epoch key begins with %s\n", pseudonyms.First())
		return nil
	})
}

type keysRotate struct {
	Config  string `default:"poterne.toml" help:"The configuration file."`
	Promote bool   `help:"Have the newest key make seals, once every node has it."`
}

// Run rotates the seal keys in two steps. Running nodes take them up by themselves.
func (r *keysRotate) Run(on *streams) error {
	s, err := config.Read(r.Config)
	if err != nil {
		return err
	}
	keys := s.Seals.Rotated()
	if r.Promote {
		keys = s.Seals.Promoted()
	}
	if err := config.ReplaceFile(s.SealFile, keys.Text()); err != nil {
		return fmt.Errorf("the seal keys stay as they are: %w", err)
	}
	if r.Promote {
		fmt.Fprintf(on.Out, "%s: the newest key makes seals; give every node the file. The older ones still check what they made: keep them.\n", s.SealFile)
	} else {
		fmt.Fprintf(on.Out, "%s: a key was added, which checks seals and makes none yet; give every node the file, then run poterne keys rotate --promote\n", s.SealFile)
	}
	return nil
}
