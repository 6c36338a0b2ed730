package dbms

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// longestSilence is how long a server may say nothing, or take nothing, while a
// node waits for it. Nothing the program asks for takes so long; and behind a cut
// network nobody would be told for a quarter of an hour.
var longestSilence = 15 * time.Second

var errSilent = errors.New("the server says nothing")

// impatient is a connection whose every read and write ends in time, and which ends
// when its server is no primary any more.
type impatient struct {
	net.Conn
	servers  *Servers
	silence  time.Duration // 0: for ever
	replaced atomic.Bool

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
	at := c.imposed
	if own := time.Now().Add(c.silence); c.silence > 0 && (at.IsZero() || own.Before(at)) {
		at = own
	}
	return set(at)
}

// ended tells our own deadline from the user's, who would try again after a time-out.
func (c *impatient) ended(err error) error {
	if err != nil && c.replaced.Load() {
		return errReplaced
	}
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
		return 0, c.ended(err)
	}
	n, err := c.Conn.Read(p)
	return n, c.ended(err)
}

// Write implements net.Conn.
func (c *impatient) Write(p []byte) (int, error) {
	if err := c.begin(c.SetWriteDeadline); err != nil {
		return 0, c.ended(err)
	}
	n, err := c.Conn.Write(p)
	return n, c.ended(err)
}

// replace ends the connection, and whatever waits for an answer on it.
func (c *impatient) replace() {
	c.replaced.Store(true)
	_ = c.Close()
}

// Close implements net.Conn.
func (c *impatient) Close() error {
	c.servers.closed(c)
	return c.Conn.Close()
}
