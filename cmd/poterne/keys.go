package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"poterne/internal/config"
)

type keysCommands struct {
	Make    keysCommand `cmd:"" default:"withargs" help:"Make them all; make may be left out."`
	Epoch   keysEpoch   `cmd:"" help:"Make the epoch key alone, for a configuration that has the others."`
	Advance keysAdvance `cmd:"" help:"Throw away the keys of months that were dropped."`
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
		if err := writeNew(filepath.Join(dir, key.File), key.Text); err != nil {
			return err
		}
		fmt.Fprintln(on.Out, filepath.Join(dir, key.File))
	}
	return nil
}

// writeNew writes a file that must not be there yet, for its owner only.
func writeNew(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("%s is not written: %w", path, errors.Unwrap(err))
	}
	_, err = io.WriteString(file, text)
	return errors.Join(err, file.Sync(), file.Close())
}
