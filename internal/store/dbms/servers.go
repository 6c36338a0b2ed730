package dbms

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"poterne/internal/dial"
)

const (
	// headStart is how long the server that was the primary last is waited for before
	// the others are asked too. It is no time-out: a primary that is only slow is
	// still taken.
	headStart = time.Second
	// again is after how long a server that was no primary is asked again, while
	// another does not answer at all: it may be promoted meanwhile.
	again = 500 * time.Millisecond
)

// errReplaced is the error of a connection to a server in whose place another was
// promoted.
var errReplaced = errors.New("another server has taken its place")

// Servers are those that a connection names, of which one takes writes: the primary.
// A server that hangs holds nobody up who looks for it. Pools that share Servers
// share what is known of them, and lose their connections to a primary that has been
// replaced as soon as one of them has met its successor. It is safe for concurrent
// use.
type Servers struct {
	each []driver.Connector // to one server, in the order of the connection

	mu      sync.Mutex            // guards what follows
	primary int                   // which it was last, in each
	looking *search               // nil: nobody looks for it
	open    map[*impatient]uint64 // connections, and their server's timeline
}

// NewServers returns the servers of a connection that Connection read. It changes
// how config connects, and whatever is copied from it. A connection ends when its
// server says nothing for longer than silence while it is waited for; 0 is for ever.
func NewServers(config *pgx.ConnConfig, silence time.Duration) *Servers {
	s := &Servers{open: make(map[*impatient]uint64)}
	connect := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := connect(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &impatient{Conn: conn, servers: s, silence: silence}, nil
	}
	config.ValidateConnect = s.validate
	s.each = connectors(config)
	return s
}

// connectors lead to one server each, in any of the ways that the connection allows
// for it.
func connectors(config *pgx.ConnConfig) (each []driver.Connector) {
	ways := append([]*pgconn.FallbackConfig{{Host: config.Host, Port: config.Port, TLSConfig: config.TLSConfig}}, config.Fallbacks...)
	for len(ways) > 0 {
		n := 1
		for n < len(ways) && ways[n].Host == ways[0].Host && ways[n].Port == ways[0].Port {
			n++
		}
		one := config.Copy()
		one.Host, one.Port, one.TLSConfig, one.Fallbacks = ways[0].Host, ways[0].Port, ways[0].TLSConfig, ways[1:n]
		each = append(each, toServer{stdlib.GetConnector(*one), one})
		ways = ways[n:]
	}
	return each
}

// toServer connects to one server.
type toServer struct {
	driver.Connector
	config *pgx.ConnConfig
}

// Connect implements driver.Connector. Where a name has several addresses, the first that takes writes is taken, and none that
// says nothing holds it up: each may be another server.
func (c toServer) Connect(ctx context.Context) (driver.Conn, error) {
	if strings.HasPrefix(c.config.Host, "/") {
		return c.Connector.Connect(ctx)
	}
	addresses, err := c.config.LookupFunc(ctx, c.config.Host)
	if err != nil {
		return nil, err
	}
	return dial.First(ctx, addresses, func(ctx context.Context, address string) (driver.Conn, error) {
		one := c.config.Copy()
		one.LookupFunc = func(context.Context, string) ([]string, error) { return []string{address}, nil }
		return stdlib.GetConnector(*one).Connect(ctx)
	})
}

// Connector makes connections to the primary. The config is a copy of the one that
// the servers were made of, with settings of its own.
func (s *Servers) Connector(config *pgx.ConnConfig) driver.Connector {
	return &toPrimary{s, connectors(config)}
}

type toPrimary struct {
	servers *Servers
	each    []driver.Connector
}

// Driver implements driver.Connector.
func (c *toPrimary) Driver() driver.Driver { return c.each[0].Driver() }

// Connect implements driver.Connector. It fails once every server has said no, or
// nothing for as long as the connection allows.
func (c *toPrimary) Connect(ctx context.Context) (driver.Conn, error) {
	if len(c.each) == 1 {
		return c.each[0].Connect(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // a connection that was made stays
	made := make(chan driver.Conn)
	refused := make(chan struct{})
	go func() {
		conn, err := c.each[c.servers.last()].Connect(ctx)
		if err != nil {
			close(refused)
			return
		}
		select {
		case made <- conn:
		case <-ctx.Done():
			_ = conn.Close()
		}
	}()
	select {
	case conn := <-made:
		return conn, nil
	case <-refused:
	case <-time.After(headStart):
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	looking := c.servers.look()
	select {
	case conn := <-made:
		return conn, nil
	case <-looking.over:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if looking.err == nil {
		return c.each[looking.found].Connect(ctx)
	}
	select { // the search may have begun long before
	case conn := <-made:
		return conn, nil
	case <-refused:
		return nil, looking.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// search asks every server, for all who look for the primary at this time.
type search struct {
	over  chan struct{} // closed once what follows is known
	found int           // where the primary is
	err   error         // what each server said that is none
}

// last is where the primary was last.
func (s *Servers) last() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.primary
}

// look looks for the primary, or joins who does.
func (s *Servers) look() *search {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.looking == nil {
		s.looking = &search{over: make(chan struct{})}
		go s.ask(s.looking)
	}
	return s.looking
}

// ask asks all servers at once, and those that are no primary again and again, until
// one is or each has been heard.
func (s *Servers) ask(looking *search) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	type answer struct {
		server int
		err    error
	}
	answers := make(chan answer)
	for i, server := range s.each {
		go func() {
			for ctx.Err() == nil {
				conn, err := server.Connect(ctx)
				select {
				case answers <- answer{i, err}:
				case <-ctx.Done():
				}
				if err == nil {
					_ = conn.Close()
				}
				select {
				case <-time.After(again):
				case <-ctx.Done():
				}
			}
		}()
	}
	said := make([]error, len(s.each))
	for unheard := len(s.each); unheard > 0; {
		a := <-answers
		if a.err == nil {
			s.end(looking, func() { s.primary, looking.found = a.server, a.server })
			return
		}
		if said[a.server] == nil {
			unheard--
		}
		said[a.server] = a.err
	}
	s.end(looking, func() { looking.err = errors.Join(said...) })
}

func (s *Servers) end(looking *search, with func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	with()
	s.looking = nil
	close(looking.over)
}

// validate implements pgconn.ValidateConnectFunc: see takesWrites. Promoting a server
// begins a timeline, so that a primary of a later one has taken the place of each of
// an earlier one: nothing that is under way there will be confirmed by anybody.
func (s *Servers) validate(ctx context.Context, conn *pgconn.PgConn) error {
	timeline, err := confirmed(ctx, conn)
	if err != nil {
		return err
	}
	c, ours := under(conn.Conn()).(*impatient)
	if !ours {
		return nil
	}
	s.mu.Lock()
	s.open[c] = timeline
	var replaced []*impatient
	for other, before := range s.open {
		if before < timeline {
			replaced = append(replaced, other)
		}
	}
	s.mu.Unlock()
	for _, other := range replaced {
		other.replace()
	}
	return nil
}

// closed forgets a connection.
func (s *Servers) closed(c *impatient) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}

// under is what a connection is made of below TLS.
func under(conn net.Conn) net.Conn {
	if secured, ok := conn.(*tls.Conn); ok {
		return secured.NetConn()
	}
	return conn
}
