package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"poterne/internal/store/dbms"
)

// OpenPostgreSQL opens the database that a connection string names, as libpq
// writes it: a URL, or words such as "host=… dbname=poterne passfile=…". Several
// nodes may share it. A commit is durable when it returns, whatever the server's
// own default is. It changes nothing: it refuses a database whose schema is not
// this program's, and a role that could alter what was written.
func OpenPostgreSQL(ctx context.Context, connection string) (*DB, error) {
	config, err := dbms.Connection(connection)
	if err != nil {
		return nil, err
	}
	db := openPostgreSQL(config)
	if err = db.admit(ctx, config.User); err == nil {
		err = db.prepare(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the database %q: %w", config.Database, err), db.Close())
	}
	return db, nil
}

func openPostgreSQL(config *pgx.ConnConfig) *DB {
	on, write, read := dbms.OpenPostgreSQL(config)
	return &DB{engine: engine{on, dbms.PostgreSQLError}, write: write, read: read}
}

// CheckPostgreSQL says what is wrong with a connection, before anybody connects.
func CheckPostgreSQL(connection string) error {
	_, err := dbms.Connection(connection)
	return err
}
