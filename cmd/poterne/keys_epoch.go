package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"poterne/internal/config"
	"poterne/internal/ledger"
	"poterne/internal/store"
)

type keysEpoch struct {
	Dir string `arg:"" help:"Where to put it; the folder must exist."`
}

// Run writes an epoch key. It replaces nothing.
func (k *keysEpoch) Run(on *streams) error {
	return writeKeys(k.Dir, []config.Key{config.NewEpochKey()}, on)
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
	return a.with(ctx, func(s settings, kept *store.Store) error {
		first, err := advanceEpoch(ctx, s, kept, until)
		if err != nil {
			return fmt.Errorf("the epoch key stays as it is: %w", err)
		}
		fmt.Fprintf(on.Out, "the epoch key begins with %s\n", first)
		return nil
	})
}

// advanceEpoch makes the epoch key begin with a month, or with the oldest that the
// ledger still has: nobody can tell with it any more who the people of earlier
// months were, in whatever copy of them. It returns the month that the key begins
// with.
func advanceEpoch(ctx context.Context, s settings, kept *store.Store, until ledger.Month) (ledger.Month, error) {
	if !s.Veil.Hides() {
		return 0, errors.New("there is none; write epoch under [keys]")
	}
	oldest, err := oldestMonth(ctx, kept)
	if err != nil {
		return 0, err
	}
	first := s.Veil.First()
	switch {
	case until == 0:
		until = max(oldest, first)
	case until > oldest:
		return 0, fmt.Errorf("the ledger still has entries of %s, which nobody could read any more; drop them first, with poterne retention run", oldest)
	case until < first:
		return 0, fmt.Errorf("it begins with %s, and nothing leads back to earlier months", first)
	}
	if until == first {
		return first, nil
	}
	key, err := s.Veil.Key(until)
	if err != nil {
		return 0, err
	}
	return until, replaceFile(s.EpochFile, config.EpochText(until, key))
}

// oldestMonth is the oldest month that the ledger has entries of, and never one to
// come: the database knows no key of those.
func oldestMonth(ctx context.Context, kept *store.Store) (ledger.Month, error) {
	periods, err := kept.Periods(ctx)
	if err != nil {
		return 0, err
	}
	now := ledger.MonthOf(time.Now())
	for _, period := range periods {
		if !period.Dropped {
			return min(period.Month, now), nil
		}
	}
	return now, nil
}

// replaceFile puts text in place of what a file has: all of it or nothing, whenever
// the machine stops.
func replaceFile(path, text string) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // readable by its owner only
	if err != nil {
		return err
	}
	_, err = io.WriteString(file, text)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
