package app

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// within fails a test in which something does not end.
func within(t *testing.T, what string, do func()) {
	t.Helper()
	over := make(chan struct{})
	go func() {
		defer close(over)
		do()
	}()
	select {
	case <-over:
	case <-time.After(long):
		t.Fatalf("%s does not end", what)
	}
}

// Promise: RUN-5
func TestRUN_5_NoRequestWaitsForWhoeverReadsTheAccessLog(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	within(t, "opening a pipe that nobody reads", func() {
		if _, err := openAccessLog(pipe, time.Now, quiet); err == nil {
			t.Error("a pipe that nobody reads was opened")
		}
	})
	reader, err := os.OpenFile(pipe, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	a, err := openAccessLog(pipe, time.Now, quiet)
	if err != nil {
		t.Fatal(err)
	}
	served := a.handler(says("whole"))
	within(t, "a request", func() { // a pipe holds some 500 lines
		for range 3 * waitingLines {
			served.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
		}
	})
	if a.Lost() == 0 {
		t.Error("nothing is said to be lost")
	}
	within(t, "opening it anew", func() {
		if err := a.Reopen(); err != nil {
			t.Error(err)
		}
	})
	within(t, "closing it", func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	served.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)) // after it was closed
}

// full is a disk with room for so many bytes.
type full struct {
	*strings.Builder
	room int
}

func (f *full) Write(text []byte) (n int, err error) {
	if n = min(f.room, len(text)); n < len(text) {
		err = syscall.ENOSPC
	}
	f.room -= n
	f.Builder.Write(text[:n])
	return n, err
}

func (f *full) Close() error { return nil }

func TestALineOfTheAccessLogDoesNotGoOnInHalfAnother(t *testing.T) {
	t.Parallel()
	disk := &full{&strings.Builder{}, 5}
	a := newAccessLog("", "node", time.Now, slog.New(slog.DiscardHandler), disk)
	served := a.handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") }))
	served.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	for deadline := time.Now().Add(long); a.Lost() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("what does not fit is not lost")
		}
	}
	disk.room = 1000
	served.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(disk.String(), "\n"); len(lines) != 3 || !strings.HasPrefix(lines[1], `{"time":`) || lines[2] != "" {
		t.Errorf("%q", lines)
	}
}

// What goes out by a WebSocket is measured like any answer.
//
// Promise: RUN-5
func TestRUN_5_TheAccessLogMeasuresAWebSocket(t *testing.T) {
	over := make(chan *measured, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := &measured{ResponseWriter: w}
		defer func() { over <- out }()
		conn, err := websocket.Accept(out, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		_ = conn.Write(r.Context(), websocket.MessageText, bytes.Repeat([]byte("x"), 10_000))
		_ = conn.Close(websocket.StatusNormalClosure, "")
	}))
	defer server.Close()
	conn, _, err := websocket.Dial(t.Context(), server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, text, err := conn.Read(t.Context()); err != nil || len(text) != 10_000 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	_, _, _ = conn.Read(t.Context())
	const frames = 4 + 2 + 2 // the header of the message, that of the closing, and its code
	if out := <-over; out.status != http.StatusSwitchingProtocols || out.bytes != 10_000+frames {
		t.Errorf("status %d, %d bytes", out.status, out.bytes)
	}
}
