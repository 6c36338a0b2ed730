package indexdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"poterne/internal/store/dbms"
)

// schema is the schema that the index has for itself.
const schema = "poterne_index"

// MakeRoom lets the program make and drop what it derives from the ledger,
// in a schema that holds nothing else.
func MakeRoom(ctx context.Context, tx *sql.Tx, role string) error {
	for _, statement := range []string{
		"create schema if not exists " + schema,
		"grant usage, create on schema " + schema + " to " + pgx.Identifier{role}.Sanitize(),
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// OpenPostgreSQL opens the index of the ledger in the database that a
// connection string names. It makes its tables where there are none, in the schema
// that the migration has made room in.
func OpenPostgreSQL(ctx context.Context, connection string) (*DB, error) {
	config, err := dbms.Connection(connection)
	if err != nil {
		return nil, err
	}
	config.RuntimeParams["search_path"] = schema
	config.RuntimeParams["synchronous_commit"] = "off" // what is lost is made again
	config.RuntimeParams["application_name"] = "poterne index"
	primary := dbms.NewServers(config, 0).Connector(config) // to make it anew may take long
	x := &DB{engine: onPostgreSQL{}, write: sql.OpenDB(primary), read: sql.OpenDB(primary)}
	x.write.SetMaxOpenConns(1)
	x.read.SetMaxOpenConns(4)
	x.read.SetMaxIdleConns(4)
	if err = x.hasRoom(ctx); err == nil {
		err = x.ready(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the index in the database %q: %w", config.Database, err), x.Close())
	}
	return x, nil
}

// hasRoom refuses a database without a schema that the program may make tables in.
func (x *DB) hasRoom(ctx context.Context) error {
	const mayCreate = `select coalesce(has_schema_privilege(to_regnamespace('` + schema + `'), 'create'), false)`
	var may bool
	if err := x.read.QueryRowContext(ctx, mayCreate).Scan(&may); err != nil {
		return x.engine.classify(err)
	}
	if !may {
		return errors.New("there is no schema " + schema + " for the program to make tables in: run poterne migrate")
	}
	return nil
}

type onPostgreSQL struct{}

// Processes that start together make the tables one after the other. Pages are
// packed already: compressing them again would only cost time.
func (onPostgreSQL) create() string {
	return `
		do $$ begin
			perform pg_advisory_xact_lock(7083678);
			if to_regclass('page') is null then
				create table segment (
					number integer not null constraint segment_number primary key,
					body   bytea not null
				);
				create table page (
					side    text collate "C" not null check (side in ('accounts', 'people', 'open')),
					page    integer not null,
					piece   integer not null,
					segment integer not null,
					body    bytea not null,
					more    bytea not null,
					constraint page_place primary key (side, page, piece, segment)
				);
				alter table page alter body set storage external, alter more set storage external;
			end if;
		end $$`
}

func (onPostgreSQL) alone() string { return `lock table segment in share row exclusive mode` }

func (onPostgreSQL) empty() string { return `truncate segment, page` }

func (onPostgreSQL) size() string {
	return `select pg_total_relation_size('page') + pg_total_relation_size('segment')`
}

func (onPostgreSQL) classify(err error) error { return dbms.PostgreSQLError(err) }
