package main

import (
	"context"
	"errors"
	"fmt"

	"poterne/internal/config"
	"poterne/internal/store"
)

type migrateCommand struct {
	database
	Owner string `placeholder:"CONNECTION" help:"On PostgreSQL, how to connect as the role that owns the tables, without its password: passfile=… names the file that has it."`
}

// Run brings the database up to this program's schema. On PostgreSQL that is the
// owner's to do, whose secret the program's configuration does not have.
func (m *migrateCommand) Run(ctx context.Context, on *streams) error {
	s, err := readConfig(m.Config)
	if err != nil {
		return err
	}
	where := s.Database
	switch {
	case s.Server == "" && m.Owner != "":
		return usage("%s keeps everything in an SQLite file, which has no other owner: leave --owner out", m.Config)
	case s.Server == "":
		err = s.migrateFile(ctx)
	case m.Owner == "":
		return usage(`write --owner "host=… dbname=… user=… passfile=…": the role that owns the tables, which is not the program's`)
	default:
		where = "the database of " + m.Config
		if err = config.CheckServer(m.Owner); err != nil {
			return usage("--owner: %v", err)
		}
		err = store.MigratePostgreSQL(ctx, m.Owner, s.Server)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(on.Out, "%s has schema %d\n", where, store.Schema())
	return nil
}

// migrateFile opens the file, which brings it up to date.
func (s settings) migrateFile(ctx context.Context) error {
	db, err := store.OpenSQLite(ctx, s.Database)
	if err != nil {
		return err
	}
	return errors.Join(db.Ping(ctx), db.Close())
}
