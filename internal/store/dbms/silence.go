package dbms

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// longestSilence is how long a server may say nothing, or take nothing, while a
// node waits for it. Nothing the program asks for takes so long; and behind a cut
// network nobody would be told for a quarter of an hour.
const longestSilence = 15 * time.Second

var errSilent = errors.New("the server says nothing")

// Impatiently dials connections that give up on a silent server.
func Impatiently(dial pgconn.DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &impatient{Conn: conn}, nil
	}
}

// impatient is a connection whose every read and write ends in time.
type impatient struct {
	net.Conn
	mu      sync.Mutex
	imposed time.Time // by whoever uses the connection; guarded by mu
}

// SetDeadline implements net.Conn: whoever uses the connection may be in a greater
// hurry.
func (c *impatient) SetDeadline(at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.imposed = at
	return c.Conn.SetDeadline(at)
}

// begin sets the deadline of what is about to begin.
func (c *impatient) begin(set func(time.Time) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := time.Now().Add(longestSilence)
	if !c.imposed.IsZero() && c.imposed.Before(at) {
		at = c.imposed
	}
	return set(at)
}

// ended tells our own deadline from the user's, who would try again after a time-out.
func (c *impatient) ended(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if errors.Is(err, os.ErrDeadlineExceeded) && (c.imposed.IsZero() || time.Now().Before(c.imposed)) {
		return errSilent
	}
	return err
}

// Read implements net.Conn.
func (c *impatient) Read(p []byte) (int, error) {
	if err := c.begin(c.SetReadDeadline); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	return n, c.ended(err)
}

// Write implements net.Conn.
func (c *impatient) Write(p []byte) (int, error) {
	if err := c.begin(c.SetWriteDeadline); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	return n, c.ended(err)
}
