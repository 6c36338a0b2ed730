package pggate

import (
	"context"
	"crypto/tls"
	"errors"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"poterne/internal/register"
)

// Seen is what a database looks like from the door.
type Seen struct {
	Version string         // of the server, as it says it
	TLS     bool           // the connection is inside it
	Super   bool           // the role is above all rights, or above those of rows
	Writes  int            // tables of this database that the role may change
	Others  int            // roles besides that may connect to this database
	Wrong   []Misdescribed // statements that are not as declared
}

// Misdescribed is a statement that the server does not describe as it is declared.
type Misdescribed struct {
	Name string
	Why  string // names columns and codes, and no value
}

// Look asks the server of a service what it is, and to describe each declared statement. It runs none of
// them, and changes nothing. An error says nothing that the server said but its code.
func Look(ctx context.Context, of Service, schemes register.Schemes) (Seen, error) {
	s, err := compileService(of, schemes)
	if err != nil {
		return Seen{}, err
	}
	server, err := s.connect(ctx, "")
	if err != nil {
		return Seen{}, errors.New("it is not reached: " + reached(err))
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = server.Close(ctx)
	}()
	seen := Seen{Version: server.ParameterStatus("server_version")}
	_, seen.TLS = server.Conn().(*tls.Conn)
	result := server.ExecParams(ctx, `select (select rolsuper or rolbypassrls from pg_catalog.pg_roles where rolname = current_user),
		(select count(*) from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'v', 'f') and n.nspname not in ('pg_catalog', 'information_schema')
			and pg_catalog.has_schema_privilege(n.oid, 'usage') and pg_catalog.has_table_privilege(c.oid, 'insert, update, delete, truncate')),
		(select count(*) from pg_catalog.pg_roles where rolcanlogin and rolname <> current_user and pg_catalog.has_database_privilege(oid, pg_catalog.current_database(), 'connect'))`, nil, nil, nil, nil).Read()
	if result.Err != nil || len(result.Rows) != 1 {
		return seen, errors.New("its catalogue cannot be read: " + codeOf(result.Err))
	}
	row := result.Rows[0]
	seen.Super = string(row[0]) == "t"
	seen.Writes, _ = strconv.Atoi(string(row[1]))
	seen.Others, _ = strconv.Atoi(string(row[2]))
	for _, declared := range s.Statements {
		if _, err := s.byName[declared.Name].described(ctx, server); err != nil {
			seen.Wrong = append(seen.Wrong, Misdescribed{declared.Name, err.Error()})
		}
	}
	return seen, nil
}

// reached says why a server was not: a code of its own, a certificate that is not believed, or no answer.
func reached(err error) string {
	if said, ok := errors.AsType[*pgconn.PgError](err); ok {
		return said.Code
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "its certificate is not believed"
	}
	return "no answer"
}
