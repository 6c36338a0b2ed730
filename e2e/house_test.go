// Package e2e walks through the whole program as people use it: the real binary,
// started as a process, with real browsers and real applications.
package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"poterne/internal/roster"
	"poterne/internal/town"
	"poterne/internal/town/life"
)

// binary is the program, built once for all walks.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "poterne-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "poterne")
	build := exec.Command("go", "build", "-o", binary, "poterne/cmd/poterne")
	build.Stdout, build.Stderr = os.Stdout, os.Stderr
	code := 1
	if err := build.Run(); err == nil {
		code = m.Run()
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// process is a running poterne.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	output *lockedBuffer
	done   chan struct{}
	err    error // once done is closed
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// start starts poterne with these arguments; it is stopped when the test ends.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(binary, args...), output: &lockedBuffer{}, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("poterne said:\n%s", p.output)
		}
	})
	return p
}

// stop asks the program to leave, and waits until it has.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		p.kill()
		p.t.Error("poterne did not leave when it was asked to")
	}
}

// kill ends the program as a power cut would.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// ready waits until the program says that it is.
func (p *process) ready(origin string) {
	p.t.Helper()
	for range 300 {
		select {
		case <-p.done:
			p.t.Fatalf("poterne ended: %v\n%s", p.err, p.output)
		case <-time.After(100 * time.Millisecond):
		}
		answer, err := http.Get(origin + "/readyz")
		if err != nil {
			continue
		}
		_ = answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return
		}
	}
	p.t.Fatalf("poterne is not ready after half a minute\n%s", p.output)
}

// poterne runs a command to its end and returns what it printed.
func poterne(t *testing.T, args ...string) (output string, code int) {
	t.Helper()
	out, err := exec.Command(binary, args...).CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(out), exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(out), 0
}

// freePort returns a port that nobody listens on now.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// demo is a running demonstration, and the town inside it as the program grew it.
type demo struct {
	*process
	dir      string
	origin   string
	register *town.Register
	staff    *town.Staff
}

// townSize keeps the town small enough to be grown for each walk.
const townSize = 20_000

// startDemo starts a demonstration without background life, in a folder that may
// already hold one.
func startDemo(t *testing.T, dir string) *demo {
	t.Helper()
	register, err := town.NewRegister("1", townSize)
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	d := &demo{
		process: start(t, "demo", "--quiet-town", "--lang", "en", "--people", fmt.Sprint(townSize), "--dir", dir, "--listen", fmt.Sprintf("localhost:%d", port)),
		dir:     dir, origin: fmt.Sprintf("http://localhost:%d", port), register: register, staff: town.NewStaff(register),
	}
	d.ready(d.origin)
	return d
}

// button is an agent's button on the identity provider's page.
func (d *demo) button(agent roster.AccountID) string {
	i := slices.IndexFunc(d.staff.Agents(), func(a town.Agent) bool { return a.ID == agent })
	if i < 0 {
		d.t.Fatalf("nobody is called %s", agent)
	}
	return fmt.Sprint(i)
}

// browser returns a browser in which the agent is signed in.
func (d *demo) browser(agent roster.AccountID) *life.Browser {
	d.t.Helper()
	b := life.NewBrowser(d.origin)
	if err := b.SignIn(context.Background(), d.button(agent)); err != nil {
		d.t.Fatal(err)
	}
	return b
}

// get opens a page, whatever its status.
func (d *demo) get(b *life.Browser, path string) life.Page {
	d.t.Helper()
	page, err := b.Get(context.Background(), path)
	if err != nil {
		d.t.Fatal(err)
	}
	return page
}

// file is the address of a person's file.
func (d *demo) file(person int) string { return "/dossier/files/" + d.register.Dossier(person) }

// stranger is the n-th person with whom nobody in the town has to do.
func (d *demo) stranger(n int) int { return d.register.Size() - 1 - n }
