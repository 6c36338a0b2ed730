package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"poterne/internal/config"
	"poterne/internal/i18n"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/store"
	"poterne/internal/tune"
)

type tuneCommand struct {
	database
	actor
	Since    moment        `required:"" help:"When the observed period begins."`
	Until    moment        `help:"When it ends; now, when not given."`
	Picture  string        `type:"path" placeholder:"FILE.svg" help:"Draw what a thief takes against what honest work meets."`
	Patch    string        `type:"path" placeholder:"FILE.toml" help:"Write what is proposed, for the configuration."`
	Language i18n.Language `enum:"fr,en" default:"fr" help:"Of the picture: fr or en."`
}

// Run proposes allowances and lines from what the ledger says of a period. It
// changes nothing; that it reads is written first.
func (c *tuneCommand) Run(ctx context.Context, on *streams) error {
	if c.Until.IsZero() {
		c.Until.Time = time.Now()
	}
	if !c.Since.Before(c.Until.Time) {
		return usage("the period ends before it begins: write --since before --until")
	}
	byDefault, err := config.ReadRules("")
	if err != nil {
		return err
	}
	return c.with(ctx, func(s settings, kept *store.Store) error {
		if err := c.record(ctx, kept, ledger.Entry{Kind: ledger.Read, State: ledger.Tuning, Since: ledger.Cut(c.Since.Time), Until: ledger.Cut(c.Until.Time)}); err != nil {
			return err
		}
		period, err := c.read(ctx, on, kept)
		if err != nil {
			return err
		}
		study, err := period.Study(ctx, s.Rules, byDefault)
		if err != nil {
			return err
		}
		if study.IsEmpty() {
			return fmt.Errorf("nobody asked for anything between %s and %s: there is nothing to tune by", stamp(c.Since.Time), stamp(c.Until.Time))
		}
		return errors.Join(
			study.WriteTable(on.Out),
			writeWhole(c.Picture, func(out io.Writer) error { return study.WritePicture(out, c.Language) }),
			writeWhole(c.Patch, study.WritePatch),
		)
	})
}

// read goes through the ledger once, from as far back as meters reach.
func (c *tuneCommand) read(ctx context.Context, on *streams, kept *store.Store) (*tune.Period, error) {
	accounts, err := kept.Accounts(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the roster: %w", err)
	}
	from, err := kept.FirstAt(ctx, c.Since.Add(-meter.Reach))
	if err != nil {
		return nil, fmt.Errorf("finding where the period begins: %w", err)
	}
	period := tune.NewPeriod(c.Since.UTC(), c.Until.UTC(), accounts)
	last := time.Now()
	for entry, err := range kept.Entries(ctx, from) {
		if err != nil {
			return nil, fmt.Errorf("reading the ledger: %w", err)
		}
		if !entry.Time.Before(c.Until.Time) {
			break
		}
		period.Add(entry)
		if time.Since(last) > time.Second {
			last = time.Now()
			fmt.Fprintf(on.Err, "read until %s\n", stamp(entry.Time))
		}
	}
	return period, nil
}

// writeWhole writes a file, if one is asked for.
func writeWhole(path string, write func(io.Writer) error) (err error) {
	if path == "" {
		return nil
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return write(file)
}
