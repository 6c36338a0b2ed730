package dbms

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

	"poterne/internal/ledger"
	"poterne/internal/store/calendar"
)

// PostgreSQL is the engine of a server of PostgreSQL.
type PostgreSQL struct {
	listening driver.Connector
	doubt     *atomic.Bool // the server gave up waiting for a standby
}

// Dialect implements Engine.
func (PostgreSQL) Dialect() string { return "postgres" }

// ForUpdate implements Engine. The row is locked until the transaction ends: turns of all
// nodes follow each other.
func (PostgreSQL) ForUpdate() string { return ` for update` }

// Apart implements Engine.
func (PostgreSQL) Apart() bool { return true }

// Found implements Engine. Without lateral and offset, the planner may read the whole
// table.
func (PostgreSQL) Found(table, column string) string {
	return fmt.Sprintf(`unnest($1::bytea[]) with ordinality as asked (member, place)
		cross join lateral (select * from %s where %s = member offset 0) as found`, table, column)
}

// List implements Engine.
func (PostgreSQL) List(members [][]byte) any { return members }

// silence is after how long a listener that hears nothing asks whether the server
// is still there.
const silence = 10 * time.Second

// Listen implements Engine.
func (e PostgreSQL) Listen(ctx context.Context, told func()) error {
	made, err := e.listening.Connect(ctx)
	if err != nil {
		return err
	}
	defer made.Close()
	conn := made.(*stdlib.Conn).Conn()
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

// Doubtful implements Engine. A server that is told to stop waiting for a standby commits
// all the same, and calls that a success.
func (e PostgreSQL) Doubtful() bool { return e.doubt.Load() }

// Undone implements Engine. A connection that cannot even roll back is lost, and the server
// ends its transaction.
func (PostgreSQL) Undone(error) error { return nil }

// OfMonths implements Engine. The months stand in the text, so that a plan is made once,
// and touches no other table than theirs.
func (PostgreSQL) OfMonths(first, last ledger.Month) string {
	if first == last {
		return fmt.Sprintf("month = %d", first)
	}
	return fmt.Sprintf("month between %d and %d", first, last)
}

// Remove implements Engine: it drops the month's table. What lies in turn_other is left out
// of what that table is made of anew: rows that are only deleted stay in its file.
func (PostgreSQL) Remove(ctx context.Context, tx *sql.Tx, period ledger.Period) error {
	const elsewhere = `select exists (select 1 from turn_other where first >= $1 and first < $2 and month = $3)`
	var other bool
	if err := tx.QueryRowContext(ctx, elsewhere, int64(period.First), int64(period.End), period.Month).Scan(&other); err != nil {
		return err
	}
	statements := []string{calendar.NotForLong, "drop table if exists " + calendar.TableOf(period.Month)}
	if other {
		statements = append(statements,
			"lock table turn_other in access exclusive mode",
			"create temporary table stays (like turn_other including storage) on commit drop",
			fmt.Sprintf("insert into stays select * from turn_other where month <> %d", period.Month),
			"alter table turn_other disable trigger turn_is_not_emptied",
			"truncate turn_other",
			"alter table turn_other enable trigger turn_is_not_emptied",
			"insert into turn_other (first, month, count, body, previous, seal) select first, month, count, body, previous, seal from stays",
		)
	}
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return PostgreSQLError(err)
		}
	}
	return nil
}

// Sweep implements Engine. A dropped table's file is gone.
func (PostgreSQL) Sweep(context.Context, *sql.DB) error { return nil }

// OpenPostgreSQL opens the database of a connection that Connection read: connections that write,
// and those that read.
func OpenPostgreSQL(config *pgx.ConnConfig) (on PostgreSQL, write, read *sql.DB) {
	doubt := new(atomic.Bool)
	config.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) {
		if notice.Routine == "SyncRepWaitForLSN" { // it would say so in the server's language
			doubt.Store(true)
		}
	}
	servers := NewServers(config, longestSilence)
	listening := config.Copy()
	listening.RuntimeParams["application_name"] = "poterne, listening"
	on = PostgreSQL{servers.Connector(listening), doubt}
	write, read = sql.OpenDB(uncancelled(servers, config.Copy())), sql.OpenDB(servers.Connector(config))
	write.SetMaxOpenConns(4)
	read.SetMaxOpenConns(8)
	read.SetMaxIdleConns(8)
	return on, write, read
}

// uncancelled makes connections on which nothing is cancelled at the server. A
// commit that no longer waits for its standby stands on the primary alone, where
// others read it; and the driver would have whatever it gives up cancelled. It says
// so on a connection of its own: that one is not dialled.
func uncancelled(servers *Servers, config *pgx.ConnConfig) driver.Connector {
	dial := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if ctx.Value(connecting{}) == nil {
			return nil, errors.New("nothing is cancelled")
		}
		return dial(ctx, network, address)
	}
	return dialled{servers.Connector(config)}
}

type connecting struct{}

type dialled struct{ driver.Connector }

// Connect implements driver.Connector.
func (c dialled) Connect(ctx context.Context) (driver.Conn, error) {
	return c.Connector.Connect(context.WithValue(ctx, connecting{}, true))
}
