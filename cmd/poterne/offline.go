package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"poterne/internal/app"
	"poterne/internal/config"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/roster"
)

// database is what commands beside a running program work on.
type database struct {
	Config string `default:"poterne.toml" help:"The configuration file."`
}

// with opens the database for one act.
func (d database) with(ctx context.Context, on *streams, act func(*app.Opened) error) error {
	return d.by(ctx, on, app.Open, act)
}

// withConcealed opens the database for one act that needs to know nobody: it can do
// without the epoch key.
func (d database) withConcealed(ctx context.Context, on *streams, act func(*app.Opened) error) error {
	return d.by(ctx, on, app.OpenConcealed, act)
}

// by reads the configuration, opens its database for one act, and warns of a file that two people have
// not allowed.
func (d database) by(ctx context.Context, on *streams, open func(context.Context, config.Settings) (*app.Opened, error), act func(*app.Opened) error) error {
	s, err := config.Read(d.Config)
	if err != nil {
		return err
	}
	o, err := open(ctx, s)
	if err != nil {
		return err
	}
	unallowed, err := app.Unallowed(ctx, o)
	if err != nil {
		unallowed = "whether two people allowed what it says cannot be read: " + err.Error()
	}
	if unallowed != "" {
		fmt.Fprintf(on.Err, "warning: %s: %s\n", d.Config, unallowed)
	}
	return errors.Join(act(o), o.Close())
}

// actor is who uses the command line; the ledger names them.
type actor struct {
	As string `required:"" env:"SUDO_USER,USER" help:"Who you are; it is written in the ledger."`
}

// Validate wants a name, which an environment variable may lack, and not that of the program's own acts.
func (a actor) Validate() error {
	if a.As == "" || roster.Alike(a.As) == roster.Itself {
		return errors.New("write --as and who you are; it is written in the ledger, where poterne is the program itself")
	}
	if err := roster.CheckID(a.As); err != nil {
		return fmt.Errorf("--as %q %w: who you are is written in the ledger", a.As, err)
	}
	return nil
}

// record writes an act of the command line in the ledger.
func (a actor) record(ctx context.Context, o *app.Opened, entry ledger.Entry) error {
	entry.Account = roster.AccountID(a.As)
	if err := journal.Record(ctx, o.Writer(), entry); err != nil {
		return fmt.Errorf("this could not be written in the ledger: %w", err)
	}
	return nil
}

// moment is a time on the command line.
type moment struct{ time.Time }

// UnmarshalText reads a date or a date and time.
func (m *moment) UnmarshalText(text []byte) (err error) {
	if m.Time, err = time.Parse(time.RFC3339, string(text)); err == nil {
		return nil
	}
	if m.Time, err = time.Parse(time.DateOnly, string(text)); err == nil {
		return nil
	}
	return fmt.Errorf("%q is not a time such as 2026-11-21 or 2026-11-21T09:30:00+01:00", text)
}
