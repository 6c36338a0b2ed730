package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/app"
	"poterne/internal/config"
	"poterne/internal/journal"
	"poterne/internal/roster"
)

type rosterCommands struct {
	Export  rosterExport  `cmd:"" help:"Print the roster as it is in the database, in the form that import takes: names, addresses and identities of staff."`
	Import  rosterImport  `cmd:"" help:"Take in a TOML file of organisations, accounts and habilitations, all of it or nothing."`
	Certify rosterCertify `cmd:"" help:"Take in certificates of awareness: a table with the columns account, module and passed."`
}

type rosterCertify struct {
	database
	actor
	File *os.File `arg:"" help:"The table; - for standard input."`
}

// Run takes the certificates in, and says which are not.
func (r *rosterCertify) Run(ctx context.Context, on *streams) error {
	return r.with(ctx, on, func(o *app.Opened) error {
		taken, refused, err := o.Accounts(o.Writer()).CertifyCSV(ctx, r.File, roster.AccountID(r.As))
		for _, one := range refused {
			fmt.Fprintln(on.Err, one)
		}
		fmt.Fprintf(on.Out, "%d certificates\n", taken)
		return err
	})
}

type rosterExport struct{ database }

// Run prints the roster.
func (r *rosterExport) Run(ctx context.Context, on *streams) error {
	return r.with(ctx, on, func(o *app.Opened) error {
		organisations, err := o.Roster.Organisations(ctx)
		if err != nil {
			return err
		}
		people, err := o.Roster.Rights(ctx)
		if err != nil {
			return err
		}
		return config.WriteRoster(on.Out, organisations, people, time.Now())
	})
}

type rosterImport struct {
	database
	actor
	File string `arg:"" help:"The roster."`
}

// Run takes the roster in, and writes in the ledger that it was.
func (r *rosterImport) Run(ctx context.Context, on *streams) error {
	return r.with(ctx, on, func(o *app.Opened) error {
		organisations, err := o.Roster.Organisations(ctx)
		if err != nil {
			return err
		}
		people, err := o.Roster.Accounts(ctx)
		if err != nil {
			return err
		}
		list, err := config.ReadRoster(r.File, o.Settings, organisations, people, time.Now())
		if err != nil {
			return err
		}
		taken := &accounts.Import{By: roster.AccountID(r.As), List: list}
		if _, err := journal.Do(ctx, o.Writer(), taken); err != nil {
			return fmt.Errorf("nothing of the roster was taken in: %w", err)
		}
		fmt.Fprintf(on.Out, "%d organisations, %d accounts, %d habilitations\n", len(list.Organisations), len(list.Accounts), len(list.Habilitations))
		return nil
	})
}
