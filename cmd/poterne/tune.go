package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"poterne/internal/app"
	"poterne/internal/config"
	"poterne/internal/i18n"
	"poterne/internal/ledger"
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
	return c.with(ctx, on, func(o *app.Opened) error {
		if err := c.record(ctx, o, ledger.Entry{Kind: ledger.Read, State: ledger.Tuning, Since: ledger.Cut(c.Since.Time), Until: ledger.Cut(c.Until.Time)}); err != nil {
			return err
		}
		due := app.Pace()
		period, err := tune.ReadPeriod(ctx, o.Ledger, o.Roster, c.Since.Time, c.Until.Time, func(read time.Time) {
			if due() {
				fmt.Fprintf(on.Err, "read until %s\n", stamp(read))
			}
		})
		if err != nil {
			return err
		}
		study, err := period.Study(ctx, o.Rules, byDefault)
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
