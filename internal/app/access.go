package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"poterne/internal/config"
	"poterne/internal/gate/httpgate"
	"poterne/internal/ledger"
	"poterne/internal/roster"
)

// accessLog writes a line of JSON for each request, for whoever keeps the machine. Nothing in it
// comes from the request, or from the answer but its status and its length: no address, no path,
// no account and no person can be in it. Who was shown whom is the ledger's to say; the receipt leads
// there. A nil log writes nothing. No request waits for it or fails because of it.
type accessLog struct {
	path string
	node string
	now  func() time.Time
	log  *slog.Logger
	lost atomic.Uint64 // lines that could not be written

	mu   sync.Mutex // guards what follows
	file io.WriteCloser
	told time.Time // when the log was told last that lines are lost
}

// openAccessLog opens a log that is to be written, or none.
func openAccessLog(path string, now func() time.Time, log *slog.Logger) (*accessLog, error) {
	if path == "" {
		return nil, nil
	}
	node, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	a := &accessLog{path: path, node: node, now: now, log: log}
	return a, a.Reopen()
}

// Reopen opens the file anew, since the one that was written may have another name by now.
func (a *accessLog) Reopen() error {
	if a == nil {
		return nil
	}
	var next io.WriteCloser = standardOutput{}
	if a.path != config.StandardOutput {
		file, err := os.OpenFile(a.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
		if err != nil {
			return fmt.Errorf("opening the access log: %w", err)
		}
		next = file
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	before := a.file
	if a.file = next; before != nil {
		return before.Close()
	}
	return nil
}

// Close closes the file. Lines that come later are lost.
func (a *accessLog) Close() error {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	before := a.file
	if a.file = nil; before == nil {
		return nil
	}
	return before.Close()
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

var errLogClosed = errors.New("it is closed")

func (a *accessLog) write(line *accessLine) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(line)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case err != nil:
	case a.file == nil:
		err = errLogClosed
	default:
		_, err = a.file.Write(text.Bytes())
	}
	if err == nil {
		return
	}
	a.lost.Add(1)
	if now := a.now(); now.Sub(a.told) > time.Minute {
		a.told = now
		a.log.Error("the access log is not written", slog.Uint64("lost", a.lost.Load()), slog.Any("err", err))
	}
}

// measured is an answer, its status and how long it is.
type measured struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (m *measured) WriteHeader(status int) {
	if status >= 200 && m.status == 0 {
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

// FlushError is for http.ResponseController.
func (m *measured) FlushError() error { return http.NewResponseController(m.ResponseWriter).Flush() }

// Unwrap is for http.ResponseController.
func (m *measured) Unwrap() http.ResponseWriter { return m.ResponseWriter }
