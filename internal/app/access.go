package app

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"poterne/internal/config"
	"poterne/internal/gate/httpgate"
	"poterne/internal/ledger"
	"poterne/internal/roster"
)

// accessLog writes a line of JSON for each request, for whoever keeps the machine. Nothing in it
// comes from the request, or from the answer but its status and its length: no address, no path,
// no account and no person can be in it. Who was shown whom is the ledger's to say; the receipt leads
// there. A nil log writes nothing. No request waits for it or fails because of it: lines wait for the
// file, which may be a pipe that nobody empties, and are lost when too many do.
type accessLog struct {
	path  string
	node  string
	now   func() time.Time
	log   *slog.Logger
	lost  atomic.Uint64 // lines that could not be written
	lines chan []byte
	ended chan struct{} // closed when no line waits any more and none will come

	mu   sync.Mutex // guards what follows; nobody waits for a file with it
	file io.WriteCloser
	over bool      // no line comes any more
	told time.Time // when the log was told last that lines are lost
}

// waitingLines may wait for the file, and at the end for so long.
const (
	waitingLines = 4096
	lastLines    = time.Second
)

// openAccessLog opens a log that is to be written, or none.
func openAccessLog(path string, now func() time.Time, log *slog.Logger) (*accessLog, error) {
	if path == "" {
		return nil, nil
	}
	node, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	file, err := openAccessFile(path)
	if err != nil {
		return nil, err
	}
	return newAccessLog(path, node, now, log, file), nil
}

func newAccessLog(path, node string, now func() time.Time, log *slog.Logger, file io.WriteCloser) *accessLog {
	a := &accessLog{path: path, node: node, now: now, log: log, file: file, lines: make(chan []byte, waitingLines), ended: make(chan struct{})}
	go a.run()
	return a
}

// openAccessFile opens a file to write at its end. Of a pipe that nobody reads it is an error.
func openAccessFile(path string) (io.WriteCloser, error) {
	if path == config.StandardOutput {
		return standardOutput{}, nil
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY|syscall.O_NONBLOCK, 0o640)
	if err != nil {
		return nil, fmt.Errorf("opening the access log: %w", err)
	}
	return file, nil
}

// Reopen opens the file anew, since the one that was written may have another name by now.
func (a *accessLog) Reopen() error {
	if a == nil {
		return nil
	}
	next, err := openAccessFile(a.path)
	if err != nil {
		return err
	}
	a.mu.Lock()
	before := a.file
	a.file = next
	a.mu.Unlock()
	return before.Close()
}

// Close closes the file once what waits is written, or could not be for a while. Lines that come
// later are lost.
func (a *accessLog) Close() error {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	if a.over {
		a.mu.Unlock()
		return nil
	}
	a.over = true
	close(a.lines)
	a.mu.Unlock()
	select {
	case <-a.ended:
	case <-time.After(lastLines):
	}
	return a.current().Close()
}

func (a *accessLog) current() io.WriteCloser {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.file
}

// run writes lines as they come. A line that is not written whole is followed by an end of line,
// so that the next one is its own.
func (a *accessLog) run() {
	defer close(a.ended)
	half := false
	for line := range a.lines {
		file := a.current()
		if half {
			line = append([]byte{'\n'}, line...)
		}
		n, err := file.Write(line)
		if next := a.current(); errors.Is(err, os.ErrClosed) && next != file { // it was opened anew meanwhile
			n, err = next.Write(line)
		}
		if n > 0 {
			half = n < len(line)
		}
		if err != nil {
			a.loses(err)
		}
	}
}

// Lost is how many lines could not be written.
func (a *accessLog) Lost() uint64 {
	if a == nil {
		return 0
	}
	return a.lost.Load()
}

type standardOutput struct{}

func (standardOutput) Write(line []byte) (int, error) { return os.Stdout.Write(line) }

func (standardOutput) Close() error { return nil }

// accessLine is a request, as the log tells of it.
type accessLine struct {
	Time    time.Time        `json:"time"`
	Node    string           `json:"node"`
	Service roster.ServiceID `json:"service"` // "poterne" for the portal and sign-in
	Route   string           `json:"route,omitempty"`
	Status  int              `json:"status"`
	Outcome httpgate.Outcome `json:"outcome,omitempty"`
	Bytes   int64            `json:"bytes"`
	Took    float64          `json:"ms"`
	Trace   string           `json:"trace,omitempty"`
	Receipt ledger.Number    `json:"receipt,omitempty"`
}

// itself is the service of what Poterne answers for itself.
const itself roster.ServiceID = "poterne"

type accessKey struct{}

// noted takes up what the gate says of a request in the line that is written about it.
func noted(ctx context.Context, passed httpgate.Passed) {
	if line, ok := ctx.Value(accessKey{}).(*accessLine); ok {
		line.Service, line.Route, line.Outcome, line.Trace, line.Receipt = passed.Service, passed.Route, passed.Outcome, passed.Trace, passed.Receipt
	}
}

// handler writes a line about each request that next answers, but for those that only ask
// whether the program is there.
func (a *accessLog) handler(next http.Handler) http.Handler {
	if a == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
			next.ServeHTTP(w, r)
			return
		}
		began := a.now()
		line := &accessLine{Time: began.UTC().Truncate(time.Millisecond), Node: a.node, Service: itself}
		out := &measured{ResponseWriter: w}
		whole := false
		defer func() {
			switch line.Status = out.status; {
			case line.Status != 0:
			case whole:
				line.Status = http.StatusOK
			default: // it panicked, and is answered as what failed
				line.Status = http.StatusInternalServerError
			}
			line.Bytes, line.Took = out.bytes, float64(a.now().Sub(began).Microseconds())/1000
			a.write(line)
		}()
		next.ServeHTTP(out, r.WithContext(context.WithValue(r.Context(), accessKey{}, line)))
		whole = true
	})
}

var (
	errLogClosed = errors.New("it is closed")
	errLogWaits  = errors.New("more lines wait than may")
)

func (a *accessLog) write(line *accessLine) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(line)
	if err == nil {
		err = a.wait(text.Bytes())
	}
	if err != nil {
		a.loses(err)
	}
}

// wait has a line wait for the file.
func (a *accessLog) wait(line []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		return errLogClosed
	}
	select {
	case a.lines <- line:
		return nil
	default:
		return errLogWaits
	}
}

// loses counts a line that is not written, and tells the log now and then.
func (a *accessLog) loses(err error) {
	lost, now := a.lost.Add(1), a.now()
	a.mu.Lock()
	tell := now.Sub(a.told) > time.Minute
	if tell {
		a.told = now
	}
	a.mu.Unlock()
	if tell {
		a.log.Error("the access log is not written", slog.Uint64("lost", lost), slog.Any("err", err))
	}
}

// measured is an answer, its status and how long it is.
type measured struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (m *measured) WriteHeader(status int) {
	if (status >= 200 || status == http.StatusSwitchingProtocols) && m.status == 0 {
		m.status = status
	}
	m.ResponseWriter.WriteHeader(status)
}

func (m *measured) Write(part []byte) (int, error) {
	if m.status == 0 {
		m.status = http.StatusOK
	}
	n, err := m.ResponseWriter.Write(part)
	m.bytes += int64(n)
	return n, err
}

// Hijack takes over the connection of a WebSocket, of which what goes out is measured too.
func (m *measured) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(m.ResponseWriter).Hijack()
	if err == nil {
		conn = &measuredConn{conn, m}
		buffered.Writer.Reset(conn)
	}
	return conn, buffered, err
}

// measuredConn is a connection that was taken over. It is written to by one at a time.
type measuredConn struct {
	net.Conn
	of *measured
}

func (c *measuredConn) Write(part []byte) (int, error) {
	n, err := c.Conn.Write(part)
	c.of.bytes += int64(n)
	return n, err
}

// FlushError is for http.ResponseController.
func (m *measured) FlushError() error { return http.NewResponseController(m.ResponseWriter).Flush() }

// Unwrap is for http.ResponseController.
func (m *measured) Unwrap() http.ResponseWriter { return m.ResponseWriter }
