package main

import (
	"context"
	"fmt"

	"poterne/internal/app"
	"poterne/internal/config"
)

type migrateCommand struct {
	database
	Owner string `placeholder:"CONNECTION" help:"On PostgreSQL, how to connect as the role that owns the tables, without its password: passfile=… names the file that has it."`
}

// Run brings the database up to this program's schema. On PostgreSQL that is the
// owner's to do, whose secret the program's configuration does not have.
func (m *migrateCommand) Run(ctx context.Context, on *streams) error {
	s, err := config.Read(m.Config)
	if err != nil {
		return err
	}
	where := s.Database
	switch {
	case s.Server == "" && m.Owner != "":
		return usage("%s keeps everything in an SQLite file, which has no other owner: leave --owner out", m.Config)
	case s.Server != "" && m.Owner == "":
		return usage(`write --owner "host=… dbname=… user=… passfile=…": the role that owns the tables, which is not the program's`)
	case s.Server != "":
		where = "the database of " + m.Config
		if err := config.CheckServer(m.Owner); err != nil {
			return usage("--owner: %v", err)
		}
	}
	schema, err := app.Migrate(ctx, s, m.Owner)
	if err != nil {
		return err
	}
	fmt.Fprintf(on.Out, "%s has schema %d\n", where, schema)
	return nil
}
