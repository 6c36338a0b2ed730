package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

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
	config.DialFunc = dbms.Impatiently(config.DialFunc)
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
	on := onPostgreSQL{config, new(atomic.Bool)}
	config.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) {
		if notice.Routine == "SyncRepWaitForLSN" { // it would say so in the server's language
			on.doubt.Store(true)
		}
	}
	db := &DB{engine: on, write: sql.OpenDB(uncancelled(*config)), read: stdlib.OpenDB(*config)}
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
	_, err := dbms.Connection(connection)
	return err
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

func (onPostgreSQL) classify(err error) error { return dbms.PostgreSQLError(err) }
