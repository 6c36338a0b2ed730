package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/reason/intake"
	"poterne/internal/roster"
	"poterne/internal/store"
)

// database is what commands beside a running program work on.
type database struct {
	Config string `default:"poterne.toml" help:"The configuration file."`
}

// open reads the configuration and opens its database.
func (d database) open(ctx context.Context) (settings, *store.DB, error) {
	s, err := readConfig(d.Config)
	if err != nil {
		return s, nil, err
	}
	db, err := s.open(ctx)
	if err != nil {
		return s, nil, err
	}
	return s, db, nil
}

// with opens the database for one act.
func (d database) with(ctx context.Context, act func(settings, *store.DB) error) error {
	s, db, err := d.open(ctx)
	if err != nil {
		return err
	}
	return errors.Join(act(s, db), db.Close())
}

// withSealed opens the database for one act that needs to know nobody: it can do
// without the epoch key.
func (d database) withSealed(ctx context.Context, act func(settings, *store.DB) error) error {
	s, err := readConfig(d.Config)
	if err != nil {
		return err
	}
	db, err := s.openSealed(ctx)
	if err != nil {
		return err
	}
	return errors.Join(act(s, db), db.Close())
}

// actor is who uses the command line; the ledger names them.
type actor struct {
	As string `required:"" env:"USER" help:"Who you are; it is written in the ledger."`
}

// Validate wants a name: an environment variable may be empty.
func (a actor) Validate() error {
	if a.As == "" {
		return errors.New("write --as and who you are; it is written in the ledger")
	}
	return nil
}

// outside writes beside a running program.
func outside(db *store.DB) journal.Outside {
	return journal.Outside{DB: store.NewLedger(db), Now: time.Now}
}

// record writes an act of the command line in the ledger.
func (a actor) record(ctx context.Context, db *store.DB, entry ledger.Entry) error {
	entry.Account = roster.AccountID(a.As)
	if err := journal.Record(ctx, outside(db), entry); err != nil {
		return fmt.Errorf("this could not be written in the ledger: %w", err)
	}
	return nil
}

// aliasStore is the store, as intake speaks of it.
type aliasStore struct{ *store.DB }

// TakeAliases implements intake.AliasStore.
func (s aliasStore) TakeAliases(ctx context.Context, aliases []intake.Alias) error {
	named := make([]store.Named, len(aliases))
	for i, alias := range aliases {
		named[i] = store.Named(alias)
	}
	return store.NewAliases(s.DB).TakeAliases(ctx, named)
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
