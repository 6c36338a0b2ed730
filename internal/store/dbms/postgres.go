package dbms

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"poterne/internal/fault"
)

// Connection reads a connection as libpq writes it, and adds what Poterne relies on.
func Connection(connection string) (*pgx.ConnConfig, error) {
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
	_, err := confirmed(ctx, conn)
	return err
}

// confirmed is takesWrites, and returns the timeline of the primary: each promotion
// begins one, with a higher number.
func confirmed(ctx context.Context, conn *pgconn.PgConn) (timeline uint64, err error) {
	if err := pgconn.ValidateConnectTargetSessionAttrsReadWrite(ctx, conn); err != nil {
		return 0, err
	}
	results, err := conn.Exec(ctx, `select pg_walfile_name(pg_logical_emit_message(true, 'poterne', ''))`).ReadAll()
	if err != nil {
		return 0, err
	}
	file := string(results[0].Rows[0][0]) // 8 digits of timeline, then where in it
	if timeline, err = strconv.ParseUint(file[:min(8, len(file))], 16, 32); err != nil {
		return 0, fmt.Errorf("the timeline of the server: %w", err)
	}
	return timeline, nil
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

// lockNotAvailable is the code for a lock that was waited for in vain.
const lockNotAvailable = "55P03"

// PostgreSQLError sorts an error of the driver by its code.
func PostgreSQLError(err error) error {
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
	if connecting || network || errors.Is(err, errSilent) || errors.Is(err, errReplaced) || pgconn.SafeToRetry(err) {
		return &fault.Error{Kind: fault.Unavailable, Err: err}
	}
	return err
}
