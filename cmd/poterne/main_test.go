package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"poterne/internal/app"
	"poterne/internal/lab/freeport"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"poterne": main})
}

// TestCommands runs each script of testdata/script as somebody types it.
func TestCommands(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("USER", "nadia")
			env.Setenv("SOON", time.Now().AddDate(0, 0, 7).UTC().Format(time.RFC3339))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"private": private, "freeport": freePort, "await": await, "status": status, "push": push, "worked": workedIn,
		},
	})
}

// private makes files readable by their owner only.
func private(ts *testscript.TestScript, _ bool, args []string) {
	for _, file := range args {
		ts.Check(os.Chmod(ts.MkAbs(file), 0o600))
	}
}

// freePort puts a free port in a file in place of a word: freeport poterne.toml 8080.
func freePort(ts *testscript.TestScript, _ bool, args []string) {
	for _, word := range args[1:] {
		port, err := freeport.Find()
		ts.Check(err)
		free := strconv.Itoa(port)
		text := strings.ReplaceAll(ts.ReadFile(args[0]), word, free)
		ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
		ts.Setenv("PORT"+word, free)
	}
}

// long is how long a test waits for what must come: only a failure takes so long,
// however busy the machine is.
const long = time.Minute

// await asks an address until it answers with a status, and prints the body:
// await 200 http://….
func await(ts *testscript.TestScript, _ bool, args []string) {
	var last string
	for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		code, body := ask(args[1], nil)
		if last = fmt.Sprint(code); last == args[0] {
			_, _ = fmt.Fprintln(ts.Stdout(), body)
			return
		}
	}
	ts.Fatalf("%s answers %s, not %s", args[1], last, args[0])
}

// status asks once: status 200 http://… [host].
func status(ts *testscript.TestScript, _ bool, args []string) {
	code, body := ask(args[1], args[2:])
	_, _ = fmt.Fprintln(ts.Stdout(), body)
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("%s answers %d, not %s", args[1], code, args[0])
	}
}

// push sends a file as a source: push 200 http://… token.file facts.csv.
func push(ts *testscript.TestScript, _ bool, args []string) {
	request, err := http.NewRequest(http.MethodPost, args[1], strings.NewReader(ts.ReadFile(args[3])))
	ts.Check(err)
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(ts.ReadFile(args[2])))
	request.Header.Set("Content-Type", "text/csv")
	code, body := send(request)
	_, _ = fmt.Fprintln(ts.Stdout(), body)
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("the push is answered %d, not %s", code, args[0])
	}
}

func ask(address string, host []string) (code int, body string) {
	request, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return 0, err.Error()
	}
	if len(host) > 0 {
		request.Host = host[0]
	}
	return send(request)
}

func send(request *http.Request) (code int, body string) {
	client := http.Client{Timeout: long, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text)
}

// lockedBuffer is what a command that goes on has printed so far.
type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (b *lockedBuffer) waitFor(t *testing.T, said string) {
	t.Helper()
	for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if strings.Contains(b.String(), said) {
			return
		}
	}
	t.Fatalf("%q is not printed:\n%s", said, b.String())
}

// serving runs the program on a free port until ctx ends.
func serving(ctx context.Context, t *testing.T, p *app.Program) (address string, ended <-chan error) {
	t.Helper()
	public, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- p.Serve(ctx, &app.Listening{Listener: public}, nil) }()
	return "http://" + public.Addr().String(), done
}
