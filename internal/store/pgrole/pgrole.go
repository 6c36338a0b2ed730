// Package pgrole is what the program's role may do on PostgreSQL: it is given that and no
// more, and refused where it could alter what was written.
package pgrole

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"poterne/internal/store/dbms"
)

// Rights is all that the program may do with each table on PostgreSQL. Another
// role owns them and migrates: what was written cannot be altered with what the
// program knows.
var Rights = map[string]string{
	"schema_version": "select",

	"head":                 "select, update",
	"turn":                 "select, insert", // the tables of its months are reached through it only
	"period":               "select, insert",
	"condensed":            "select",
	"tile":                 "select, insert, update (hashes)",
	"checkpoint":           "select, insert",
	"cosignature":          "select, insert",
	"epoch":                "select, insert",
	"standing_order":       "select, insert, update (lifted_us, lifted_by, seal)",
	"order_line":           "select, insert",
	"retention":            "select, insert",
	"hold":                 "select, insert, update (released)",
	"incident_line":        "select, insert",
	"mailing":              "select, insert, delete",
	"mailing_fate":         "select, insert, update (fates, seal), delete",
	"mailing_hold":         "select, insert, update, delete",
	"letter_code":          "select, insert, delete",
	"archived_key":         "select, insert, delete",
	"archived":             "select, insert, delete",
	"archive_reading":      "select, insert, update, delete",
	"question":             "select, insert, update, delete",
	"withholding":          "select, insert, update",
	"export_list":          "select, insert, delete",
	"export_permit":        "select, insert, update",
	"mandate":              "select, insert, update",
	"mandate_look":         "select, insert, delete",
	"contact_change":       "select, insert, update, delete",
	"break_glass":          "select, insert, update",
	"field_category":       "select, insert, update",
	"right_request":        "select, insert, update",
	"organisation_request": "select, insert, update",
	"configuration":        "select, insert, update",
	"kept":                 "select, insert, update, delete",
	"inventory":            "select, insert, update",

	"organisation": "select, insert, update",
	"account":      "select, insert, update",
	"habilitation": "select, insert, update",
	"proposal":     "select, insert, update, delete",
	"passkey":      "select, insert, update",
	"source":       "select, insert, update",
	"fact":         "select, insert, update, delete",
	"came":         "select, insert, update, delete",
	"fact_change":  "select, insert, delete",
	"cover":        "select, insert, update, delete",
	"alias":        "select, insert, update, delete",

	"once":           "select, insert, delete",
	"session":        "select, insert, update, delete",
	"person_session": "select, insert, update, delete",
}

// OwnerAndProgram reads the connections of the two roles, which lead to one
// database.
func OwnerAndProgram(owner, program string) (as, to *pgx.ConnConfig, err error) {
	if as, err = dbms.Connection(owner); err != nil {
		return nil, nil, err
	}
	if to, err = dbms.Connection(program); err != nil {
		return nil, nil, err
	}
	switch {
	case as.Database != to.Database:
		return nil, nil, fmt.Errorf("the owner's connection leads to the database %q, and the program uses %q", as.Database, to.Database)
	case as.User == to.User:
		return nil, nil, fmt.Errorf("the role %q would own the tables and use them; let the program connect as another, so that it cannot alter what was written", as.User)
	}
	return as, to, nil
}

// Grant gives a role its rights, in place of any that it and everybody had.
func Grant(ctx context.Context, tx *sql.Tx, role string) error {
	var there bool
	if err := tx.QueryRowContext(ctx, `select to_regrole($1) is not null`, pgx.Identifier{role}.Sanitize()).Scan(&there); err != nil {
		return err
	}
	if !there {
		return fmt.Errorf("there is no role %q: create role %[1]s login, and give it a way to sign in", role)
	}
	var schema string
	if err := tx.QueryRowContext(ctx, `select quote_ident(current_schema())`).Scan(&schema); err != nil {
		return fmt.Errorf("there is no schema that tables could be in: %w", err)
	}
	to := pgx.Identifier{role}.Sanitize()
	statements := []string{
		"revoke create on schema " + schema + " from public, " + to,
		"grant usage on schema " + schema + " to " + to,
		"revoke all on all tables in schema " + schema + " from public, " + to,
	}
	for _, table := range slices.Sorted(maps.Keys(Rights)) {
		statements = append(statements, "grant "+Rights[table]+" on "+table+" to "+to)
	}
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// querier is a transaction, or a pool of connections.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Owns refuses a role that does not own the tables of entries.
func Owns(ctx context.Context, db querier, role string) error {
	const query = `select count(*) = 0 from pg_class where oid in (select relid from pg_partition_tree('turn')) and not pg_has_role(relowner, 'usage')`
	var owns bool
	if err := db.QueryRowContext(ctx, query).Scan(&owns); err != nil {
		return dbms.PostgreSQLError(err)
	}
	if !owns {
		return fmt.Errorf("the role %q does not own the tables of entries: connect as the role that ran poterne migrate", role)
	}
	return nil
}

// Harmless refuses a role that could alter what was written: that may do so
// itself, or may become one that can. To own a table of entries, or its schema, is
// to be able to.
func Harmless(ctx context.Context, db querier, role string) error {
	const mighty = `
		select r.rolname from pg_roles r, pg_class c join pg_namespace n on n.oid = c.relnamespace
		where c.oid in (select relid from pg_partition_tree('turn')) and pg_has_role($1::name, r.oid, 'member') and (
			r.rolsuper or r.rolcreaterole or r.oid in (c.relowner, n.nspowner)
			or has_table_privilege(r.oid, c.oid, 'update, delete, truncate, trigger')
			or has_any_column_privilege(r.oid, c.oid, 'update'))
		order by r.rolname <> $1::name, r.rolname like 'pg\_%', r.rolname limit 1`
	var as string
	switch err := db.QueryRowContext(ctx, mighty, role).Scan(&as); {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("looking at what the role %q may do: %w", role, err)
	case as == role:
		return fmt.Errorf("the role %q could alter what was written: let the program connect as a role that owns nothing, and run poterne migrate as the owner", role)
	default:
		return fmt.Errorf("the role %q could alter what was written, because it may become %q: revoke that, or let the program connect as another role", role, as)
	}
}
