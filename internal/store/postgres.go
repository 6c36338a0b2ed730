package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"poterne/internal/fault"
)

// OpenPostgreSQL opens the database that a connection string names, as libpq
// writes it: a URL, or words such as "host=… dbname=poterne passfile=…". Several
// nodes may share it. A commit is durable when it returns, whatever the server's
// own default is.
func OpenPostgreSQL(ctx context.Context, connection string) (*Store, error) {
	config, err := pgx.ParseConfig(connection)
	if err != nil {
		return nil, errors.New("the connection to PostgreSQL cannot be understood; write it as libpq does")
	}
	config.RuntimeParams["synchronous_commit"] = "on"
	config.RuntimeParams["application_name"] = "poterne"
	s := &Store{engine: onPostgreSQL{}, write: stdlib.OpenDB(*config), read: stdlib.OpenDB(*config)}
	s.write.SetMaxOpenConns(4)
	s.read.SetMaxOpenConns(8)
	s.read.SetMaxIdleConns(8)
	if err := s.ready(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the database %q: %w", config.Database, err), s.Close())
	}
	return s, nil
}

type onPostgreSQL struct{}

func (onPostgreSQL) dialect() string { return "postgres" }

// The row is locked until the transaction ends: turns of all nodes follow each
// other.
func (onPostgreSQL) takeHead() string { return `select next, last_us, generation from head for update` }

func (onPostgreSQL) arrays() bool { return true }

// Nodes that start together migrate one after the other.
func (onPostgreSQL) beginMigration(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `select pg_advisory_xact_lock(7083677)`)
	return err
}

// A connection that cannot even roll back is lost, and the server ends its
// transaction.
func (onPostgreSQL) undone(error) error { return nil }

func (onPostgreSQL) classify(err error) error {
	if err == nil {
		return nil
	}
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch refused.Code[:2] {
		case "08", "40", "53", "57", "58": // connection, rollback, resources, intervention, the system
			return &fault.Error{Kind: fault.Unavailable, Err: err}
		case "23": // a constraint
			return &fault.Error{Kind: fault.Invalid, Err: err}
		default:
			return err
		}
	}
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[net.Error](err)
	if connecting || network || pgconn.SafeToRetry(err) {
		return &fault.Error{Kind: fault.Unavailable, Err: err}
	}
	return err
}
