package pggate

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"poterne/internal/dial"
	"poterne/internal/fault"
	"poterne/internal/i18n"
	"poterne/internal/roster"
	"poterne/internal/signin"
)

// conn is a client's connection.
type conn struct {
	door    *Door
	raw     net.Conn // to the client, without TLS
	address string   // of the client
	began   time.Time
	leaves  bool     // guarded by the door's mu: it was closed to make room
	wire    net.Conn // to the client
	client  *pgproto3.Backend
	service *service
	session signin.Session
	from    string // the class of its network
	speaks  i18n.Language
	zone    string // that times are shown in; empty for the server's
	server  *pgconn.PgConn

	statements map[string]*prepared
	portals    map[string]*portal
	unsent     int  // messages that were answered since anything was sent
	skips      bool // what comes before the next Sync is left out: an error was said
	status     byte // of the transaction that the client believes to be in: I, T or E

	mu      sync.Mutex
	waiting bool // guarded by mu: for a message
	running bool // guarded by mu: a message is being answered
	ending  bool // guarded by mu: no other is waited for
}

// What a client may send.
const (
	largestHello  = 8 << 10
	largestSent   = 128 << 10
	mostPrepared  = 64
	mostPortals   = 16
	mostKept      = 1 << 20 // bytes of values that are prepared or bound
	mostUnsent    = 16      // messages whose answers wait for the client to ask for them
	longestBefore = 3       // what may come before the startup message
)

// The codes of what comes first on a connection.
const (
	wantsCancel = 80877102
	wantsTLS    = 80877103
	wantsGSS    = 80877104
	version3    = 3 << 16
)

// The codes of errors, as PostgreSQL has them.
const (
	codeRefused     = "42501" // insufficient_privilege
	codeLacking     = "0A000" // feature_not_supported
	codeFailed      = "58000" // system_error
	codeBusy        = "53400" // configuration_limit_exceeded
	codeProtocol    = "08P01" // protocol_violation
	codeAuth        = "28000" // invalid_authorization_specification
	codePassword    = "28P01" // invalid_password
	codeInTrouble   = "25P02" // in_failed_sql_transaction
	codeNoStatement = "26000" // invalid_sql_statement_name
	codeNoPortal    = "34000" // invalid_cursor_name
	codeParameter   = "22023" // invalid_parameter_value
	codeEnded       = "57P01" // admin_shutdown
	codeNoServer    = "08006" // connection_failure
	codeTimeout     = "57014" // query_canceled
)

// errGone means that the connection ends, and whatever could be said of it was.
var errGone = errors.New("the connection ends")

// serve takes a connection from its first byte to its end.
func (c *conn) serve(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = c.raw.Close() })()
	defer func() {
		if recover() != nil { // what it was about may quote an answer
			c.door.Log.ErrorContext(ctx, "a connection for SQL panicked", slog.Any("stack", fault.Stack()))
		}
	}()
	began := c.door.Now()
	startup, err := c.hello()
	if err != nil {
		return
	}
	if err := c.signIn(ctx, startup); err != nil {
		if c.service != nil {
			c.door.Observe(c.service.ID, Anonymous, c.door.Now().Sub(began))
		}
		return
	}
	defer func() {
		if err := c.door.Who.Disconnect(context.WithoutCancel(ctx), c.session); err != nil {
			c.door.Log.WarnContext(ctx, "the session of a connection that is over could not be ended", slog.Any("err", err))
		}
	}()
	defer c.hangUp()
	if err := c.ready(ctx); err != nil {
		return
	}
	c.loop(ctx)
}

// hello reads what comes first, up to the startup message, inside TLS where there is any. What
// comes before TLS is read to the byte: nothing that somebody on the way puts there is taken
// for what comes inside.
func (c *conn) hello() (*pgproto3.StartupMessage, error) {
	c.wire = c.raw
	_ = c.raw.SetDeadline(time.Now().Add(patience))
	for range longestBefore {
		var head [8]byte
		if _, err := io.ReadFull(c.wire, head[:]); err != nil {
			return nil, err
		}
		length := binary.BigEndian.Uint32(head[:4])
		switch code := binary.BigEndian.Uint32(head[4:]); {
		case code == wantsTLS && length == 8 && c.wire == c.raw && c.door.Certificate != nil:
			if _, err := c.raw.Write([]byte{'S'}); err != nil {
				return nil, err
			}
			secure := tls.Server(c.raw, &tls.Config{Certificates: []tls.Certificate{*c.door.Certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"postgresql"}})
			if err := secure.Handshake(); err != nil {
				return nil, err
			}
			c.wire = secure
		case (code == wantsTLS || code == wantsGSS) && length == 8 && c.wire == c.raw:
			if _, err := c.raw.Write([]byte{'N'}); err != nil {
				return nil, err
			}
		case code == wantsCancel: // statements end by themselves, in time
			return nil, errGone
		case length < 8 || length > largestHello:
			return nil, errGone
		default:
			c.client = pgproto3.NewBackend(c.wire, c.wire)
			body := make([]byte, length-8)
			if _, err := io.ReadFull(c.wire, body); err != nil {
				return nil, err
			}
			if c.wire == c.raw && !c.mayBePlain() {
				return nil, c.fatal(codeAuth, "TLS is required: connect with sslmode=verify-full")
			}
			if code != version3 {
				return nil, c.fatal(codeLacking, "only protocol 3.0 is spoken here")
			}
			return readStartup(body)
		}
	}
	return nil, errGone
}

// mayBePlain reports whether nobody can be on the way: there is no TLS, and the client is on
// this very machine.
func (c *conn) mayBePlain() bool {
	host, _, err := net.SplitHostPort(c.raw.RemoteAddr().String())
	return err == nil && c.door.Certificate == nil && net.ParseIP(host).IsLoopback()
}

// readStartup reads names and values, each once.
func readStartup(body []byte) (*pgproto3.StartupMessage, error) {
	startup := &pgproto3.StartupMessage{ProtocolVersion: version3, Parameters: make(map[string]string)}
	for {
		name, rest, ok := bytes.Cut(body, []byte{0})
		if !ok || len(name) == 0 && len(rest) > 0 {
			return nil, errGone
		}
		if len(name) == 0 {
			return startup, nil
		}
		value, rest, ok := bytes.Cut(rest, []byte{0})
		if _, twice := startup.Parameters[string(name)]; !ok || twice {
			return nil, errGone
		}
		startup.Parameters[string(name)], body = string(value), rest
	}
}

var (
	zones   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+/-]{0,63}$`)
	options = regexp.MustCompile(`^\s*(?:-c\s*|--)lc_messages=([a-z]{2})[A-Za-z0-9_.\\-]{0,32}\s*$`)
)

// signIn has the client say who it is, and finds the service that it names as its database. Who
// is not let in is told the same, whatever it was.
func (c *conn) signIn(ctx context.Context, startup *pgproto3.StartupMessage) error {
	c.speaks = i18n.French
	for name, value := range startup.Parameters {
		switch name {
		case "user", "database", "application_name", "extra_float_digits":
		case "client_encoding":
			if !slices.Contains([]string{"UTF8", "UTF-8", "UNICODE"}, strings.ToUpper(strings.Trim(value, "'"))) {
				return c.fatal(codeParameter, "only client_encoding UTF8 is served here")
			}
		case "DateStyle", "datestyle":
			if !strings.HasPrefix(strings.ToUpper(value), "ISO") {
				return c.fatal(codeParameter, "only DateStyle ISO is served here")
			}
		case "TimeZone", "timezone":
			if !zones.MatchString(value) {
				return c.fatal(codeParameter, "not a time zone's name")
			}
			c.zone = value
		case "options":
			said := options.FindStringSubmatch(value)
			if said == nil && strings.TrimSpace(value) != "" {
				return c.fatal(codeLacking, "of options, only -c lc_messages=… is taken here")
			}
			if said != nil && said[1] == "en" {
				c.speaks = i18n.English
			}
		default:
			return c.fatal(codeLacking, "a startup parameter that is not taken here: leave out all but user, database, application_name, client_encoding, DateStyle, TimeZone")
		}
	}
	c.client.SetMaxBodyLen(largestHello)
	c.client.Send(&pgproto3.AuthenticationCleartextPassword{})
	if err := c.client.SetAuthType(pgproto3.AuthTypeCleartextPassword); err != nil {
		return err
	}
	if err := c.client.Flush(); err != nil {
		return err
	}
	message, err := c.client.Receive()
	if err != nil {
		return err
	}
	password, ok := message.(*pgproto3.PasswordMessage)
	if !ok {
		return c.fatal(codeProtocol, "a password is expected")
	}
	refused := func() error {
		return c.fatal(codePassword, "nobody is let in with this: user is the account, database the service, and the password one that the portal gave for this connection, minutes ago")
	}
	account := startup.Parameters["user"]
	c.service = c.door.services[cmp.Or(startup.Parameters["database"], account)]
	if c.service == nil {
		return refused()
	}
	from := c.raw.RemoteAddr().String()
	c.session, err = c.door.Who.Connect(ctx, from, roster.AccountID(account), password.Password)
	switch {
	case fault.Is(err, fault.Anonymous):
		return refused()
	case err != nil:
		c.door.Log.WarnContext(ctx, "who connects for SQL could not be told", slog.Any("err", err))
		return c.fatal(codeFailed, "it cannot be told now who connects")
	}
	if !c.door.admits(c, c.session.Account) {
		return errors.Join(c.fatal("53300", "there are too many connections, of this account or of all"), c.door.Who.Disconnect(ctx, c.session))
	}
	c.from = c.door.Network(from)
	return nil
}

// told are the settings of the server that a client reads values by.
var told = []string{"server_version", "server_encoding", "client_encoding", "DateStyle", "IntervalStyle", "TimeZone", "integer_datetimes", "standard_conforming_strings"}

// ready connects to the server, and says that statements may come.
func (c *conn) ready(ctx context.Context) error {
	server, err := c.connected(ctx)
	if err != nil {
		return c.fatal(codeNoServer, "the database does not answer now")
	}
	c.client.Send(&pgproto3.AuthenticationOk{})
	for _, name := range told {
		c.client.Send(&pgproto3.ParameterStatus{Name: name, Value: server.ParameterStatus(name)})
	}
	// A key that nothing is cancelled by, since there are drivers that wait for one.
	key := make([]byte, 4)
	_, _ = rand.Read(key)
	c.client.Send(&pgproto3.BackendKeyData{ProcessID: 1, SecretKey: key})
	c.status = 'I'
	c.client.Send(&pgproto3.ReadyForQuery{TxStatus: c.status})
	c.client.SetMaxBodyLen(largestSent)
	c.statements, c.portals = make(map[string]*prepared), make(map[string]*portal)
	return c.flush()
}

// connected is the connection to the server, begun anew where it was lost.
func (c *conn) connected(ctx context.Context) (*pgconn.PgConn, error) {
	if c.server != nil && !c.server.IsClosed() {
		return c.server, nil
	}
	server, err := c.service.connect(ctx, c.zone)
	if err != nil {
		c.door.Log.WarnContext(ctx, "a database is not reached", slog.String("service", string(c.service.ID)), slog.String("code", codeOf(err)))
		return nil, err
	}
	c.server = server
	return server, nil
}

// connect connects to the server, for transactions that only read. Times are shown in a zone; in the server's
// where that is empty.
func (s *service) connect(ctx context.Context, zone string) (*pgconn.PgConn, error) {
	config := s.server.Copy()
	for name, value := range map[string]string{ // whatever else the operator set stays
		"default_transaction_read_only": "on", "client_encoding": "UTF8", "DateStyle": "ISO, MDY", "standard_conforming_strings": "on", "application_name": "poterne",
		"statement_timeout":                   milliseconds(s.Timeout),
		"idle_in_transaction_session_timeout": "10s",
	} {
		config.RuntimeParams[name] = value
	}
	if zone != "" {
		config.RuntimeParams["TimeZone"] = zone
	}
	config.OnNotice, config.OnNotification = nil, nil
	config.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		f := pgproto3.NewFrontend(r, w)
		f.SetMaxBodyLen(int(s.Largest) + 64<<10)
		return f
	}
	if config.ValidateConnect == nil { // otherwise each address may be another server, and is asked
		config.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
		config.DialFunc = pgconn.DialFunc(dial.Any(dial.Func(config.DialFunc)))
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 5 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return pgconn.ConnectConfig(ctx, config)
}

// hangUp ends the connection to the server.
func (c *conn) hangUp() {
	if c.server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = c.server.Close(ctx)
}

// codeOf is an error of a server by its code alone: its text and its details quote values.
func codeOf(err error) string {
	if said, ok := errors.AsType[*pgconn.PgError](err); ok {
		return said.Code
	}
	return "no answer"
}

// hurry ends a connection that asks for nothing at this moment, and is told so; another ends after
// its answer. Who has not signed in is told nothing.
func (c *conn) hurry() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ending = true
	switch {
	case c.waiting:
		_ = c.wire.SetReadDeadline(time.Now())
	case !c.running:
		_ = c.raw.Close()
	}
}

// waits says that the next message is waited for, for so long as a connection may be idle.
func (c *conn) waits() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = true
	until := time.Now()
	if !c.ending {
		until = until.Add(c.door.Idle)
	}
	_ = c.wire.SetReadDeadline(until)
}

// takesUp says that a message is being answered; it reports whether it may be.
func (c *conn) takesUp() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting, c.running = false, true
	return !c.ending
}

func (c *conn) rests() (goesOn bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = false
	return !c.ending
}

// flush sends what waits to be sent, to a client that takes it in time.
func (c *conn) flush() error {
	c.unsent = 0
	_ = c.wire.SetWriteDeadline(time.Now().Add(patience))
	return c.client.Flush()
}

// fatal says why a connection ends.
func (c *conn) fatal(code, text string) error {
	c.client.Send(&pgproto3.ErrorResponse{Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: code, Message: text})
	_ = c.flush()
	return errGone
}

// says is an error that leaves the connection as it is.
func (c *conn) says(code, text string) {
	c.client.Send(&pgproto3.ErrorResponse{Severity: "ERROR", SeverityUnlocalized: "ERROR", Code: code, Message: text})
	if c.status == 'T' {
		c.status = 'E'
	}
}
