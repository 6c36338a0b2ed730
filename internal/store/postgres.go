package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"poterne/internal/fault"
)

// OpenPostgreSQL opens the database that a connection string names, as libpq
// writes it: a URL, or words such as "host=… dbname=poterne passfile=…". Several
// nodes may share it. A commit is durable when it returns, whatever the server's
// own default is. It changes nothing: it refuses a database whose schema is not
// this program's, and a role that could alter what was written.
func OpenPostgreSQL(ctx context.Context, connection string) (*DB, error) {
	config, err := connectionTo(connection)
	if err != nil {
		return nil, err
	}
	config.DialFunc = impatiently(config.DialFunc)
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
	engine := onPostgreSQL{config, new(atomic.Bool)}
	config.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) {
		if notice.Routine == "SyncRepWaitForLSN" { // it would say so in the server's language
			engine.doubt.Store(true)
		}
	}
	db := &DB{engine: engine, write: sql.OpenDB(uncancelled(*config)), read: stdlib.OpenDB(*config)}
	db.write.SetMaxOpenConns(4)
	db.read.SetMaxOpenConns(8)
	db.read.SetMaxIdleConns(8)
	return db
}

// uncancelled makes connections on which nothing is cancelled at the server. A
// commit that no longer waits for its standby stands on the primary alone, where
// others read it; and the driver would have whatever it gives up cancelled. It says
// so on a connection of its own: that one is not dialled.
func uncancelled(config pgx.ConnConfig) driver.Connector {
	dial := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if ctx.Value(connecting{}) == nil {
			return nil, errors.New("nothing is cancelled")
		}
		return dial(ctx, network, address)
	}
	return dialled{stdlib.GetConnector(config)}
}

type connecting struct{}

type dialled struct{ driver.Connector }

// Connect implements driver.Connector.
func (c dialled) Connect(ctx context.Context) (driver.Conn, error) {
	return c.Connector.Connect(context.WithValue(ctx, connecting{}, true))
}

// CheckPostgreSQL says what is wrong with a connection, before anybody connects.
func CheckPostgreSQL(connection string) error {
	_, err := connectionTo(connection)
	return err
}

// connectionTo reads a connection, and adds what Poterne relies on.
func connectionTo(connection string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(connection)
	if err != nil { // it may quote a password
		return nil, errors.New("the connection to PostgreSQL cannot be understood, or a file that it names cannot be read; write it as libpq does")
	}
	if host := unprotected(config); host != "" {
		return nil, fmt.Errorf("others could read on the way to %s, or answer in its place; write sslmode=verify-full, and sslrootcert=… for an authority of your own", host)
	}
	for setting, value := range map[string]string{
		"synchronous_commit":            "on",
		"default_transaction_isolation": "read committed", // a turn that waited for the head sees what the one before it wrote
		"application_name":              "poterne",
	} {
		config.RuntimeParams[setting] = value
	}
	// A node that is cut off while it holds the head does not hold it for long.
	for setting, value := range map[string]string{
		"idle_in_transaction_session_timeout": "10s",
		"tcp_keepalives_idle":                 "5",
		"tcp_keepalives_interval":             "1",
		"tcp_keepalives_count":                "5",
		"tcp_user_timeout":                    "10s",
	} {
		if config.RuntimeParams[setting] == "" {
			config.RuntimeParams[setting] = value
		}
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 5 * time.Second
	}
	config.ValidateConnect = takesWrites
	return config, nil
}

// takesWrites refuses a standby, which answers with what was, and a primary that
// has been replaced and does not know: no standby confirms what it is given. The
// next host is tried. A primary that comes back from a crash shows nothing before
// its standby has it, either: it could be lost once more, and differently.
func takesWrites(ctx context.Context, conn *pgconn.PgConn) error {
	if err := pgconn.ValidateConnectTargetSessionAttrsReadWrite(ctx, conn); err != nil {
		return err
	}
	return conn.Exec(ctx, `select pg_logical_emit_message(true, 'poterne', '')`).Close()
}

// unprotected returns a host on another machine that would be spoken to without
// TLS, or without knowing who answers.
func unprotected(config *pgx.ConnConfig) (host string) {
	ways := []*pgconn.FallbackConfig{{Host: config.Host, TLSConfig: config.TLSConfig}}
	for _, way := range append(ways, config.Fallbacks...) {
		if !onThisMachine(way.Host) && (way.TLSConfig == nil || way.TLSConfig.InsecureSkipVerify) {
			return way.Host
		}
	}
	return ""
}

func onThisMachine(host string) bool {
	return strings.HasPrefix(host, "/") || host == "localhost" || net.ParseIP(host).IsLoopback()
}

type onPostgreSQL struct {
	config *pgx.ConnConfig
	doubt  *atomic.Bool // the server gave up waiting for a standby
}

func (onPostgreSQL) dialect() string { return "postgres" }

// The row is locked until the transaction ends: turns of all nodes follow each
// other.
func (onPostgreSQL) takeHead() string { return headColumns + ` for update` }

func (onPostgreSQL) apart() bool { return true }

// Without lateral and offset, the planner may read the whole table.
func (onPostgreSQL) found(table, column string) string {
	return fmt.Sprintf(`unnest($1::bytea[]) with ordinality as asked (member, place)
		cross join lateral (select * from %s where %s = member offset 0) as found`, table, column)
}

func (onPostgreSQL) list(members [][]byte) any { return members }

// silence is after how long a listener that hears nothing asks whether the server
// is still there.
const silence = 10 * time.Second

func (e onPostgreSQL) listen(ctx context.Context, told func()) error {
	config := e.config.Copy()
	config.RuntimeParams["application_name"] = "poterne, listening"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, `listen poterne_generation`); err != nil {
		return err
	}
	for err == nil {
		told()
		err = hear(ctx, conn)
	}
	return err
}

// hear waits for a notification.
func hear(ctx context.Context, conn *pgx.Conn) error {
	for {
		patient, cancel := context.WithTimeout(ctx, silence)
		_, err := conn.WaitForNotification(patient)
		cancel()
		if err == nil || ctx.Err() != nil || conn.IsClosed() {
			return err
		}
		patient, cancel = context.WithTimeout(ctx, silence)
		err = conn.Ping(patient)
		cancel()
		if err != nil {
			return fmt.Errorf("the server does not answer: %w", err)
		}
	}
}

// A server that is told to stop waiting for a standby commits all the same, and
// calls that a success.
func (e onPostgreSQL) doubtful() bool { return e.doubt.Load() }

// A connection that cannot even roll back is lost, and the server ends its
// transaction.
func (onPostgreSQL) undone(error) error { return nil }

// lockNotAvailable is the code for a lock that was waited for in vain.
const lockNotAvailable = "55P03"

func (onPostgreSQL) classify(err error) error {
	if err == nil {
		return nil
	}
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		if refused.Code == lockNotAvailable {
			return &fault.Error{Kind: fault.Unavailable, Public: "somebody reads the ledger; try again", Err: err}
		}
		switch refused.Code[:2] {
		case "08", "25", "40", "53", "55", "57", "58": // connection, transaction's state (a standby), rollback, resources, not now, intervention, the system
			return &fault.Error{Kind: fault.Unavailable, Err: err}
		case "23": // a constraint
			return &fault.Error{Kind: fault.Invalid, Err: err}
		default:
			return err
		}
	}
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[net.Error](err)
	if connecting || network || errors.Is(err, errSilent) || pgconn.SafeToRetry(err) {
		return &fault.Error{Kind: fault.Unavailable, Err: err}
	}
	return err
}
