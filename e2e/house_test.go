// Package e2e walks through the whole program as people use it: the real binary,
// started as a process, with real browsers and real applications.
package e2e

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/pelletier/go-toml/v2"

	"poterne/internal/config"
	"poterne/internal/gate/assert"
	"poterne/internal/lab/freeport"
	"poterne/internal/lab/proof"
	"poterne/internal/lab/town"
	"poterne/internal/lab/town/life"
	"poterne/internal/ledger"
	"poterne/internal/roster"
	"poterne/internal/store"
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
	build := exec.Command("go", "build", "-trimpath", "-o", binary, "poterne/cmd/poterne")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as a release is built
	build.Stdout, build.Stderr = os.Stdout, os.Stderr
	code := 1
	if err := build.Run(); err == nil {
		code = m.Run()
		closeBrowsers()
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
	case <-time.After(patience):
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
	for begun := time.Now(); time.Since(begun) < patience; {
		answer, err := http.Get(origin + "/readyz")
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-p.done:
			p.t.Fatalf("poterne ended: %v\n%s", p.err, p.output)
		case <-time.After(20 * time.Millisecond):
		}
	}
	p.t.Fatalf("poterne is not ready after %v\n%s", patience, p.output)
}

// says waits until the program has said this: what it writes comes by a pipe, which may be behind what it does.
func (p *process) says(words string) {
	p.t.Helper()
	for begun := time.Now(); !strings.Contains(p.output.String(), words); time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > patience {
			p.t.Fatalf("poterne does not say %q after %v\n%s", words, patience, p.output)
		}
	}
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
func freePort(t testing.TB) int {
	t.Helper()
	port, err := freeport.Find()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// demo is a running demonstration, and the town inside it as the program grew it.
type demo struct {
	*process
	dir      string
	port     int
	origin   string
	register *town.Register
	staff    *town.Staff
	isCanary func(ft string) bool // now
}

// townSize keeps the town small enough to be grown for each walk.
const townSize = 20_000

// startDemo starts a demonstration without background life, in a folder that may
// already hold one.
func startDemo(t *testing.T, dir string) *demo {
	t.Helper()
	return startDemoAt(t, dir, freePort(t))
}

// startDemoAt starts one on a port, so that the cookies of an earlier run are sent
// to it.
func startDemoAt(t *testing.T, dir string, port int) *demo {
	t.Helper()
	d := &demo{
		process: start(t, "demo", "--quiet-town", "--lang", "en", "--people", fmt.Sprint(townSize), "--dir", dir, "--listen", fmt.Sprintf("localhost:%d", port)),
		dir:     dir, port: port, origin: fmt.Sprintf("http://localhost:%d", port),
	}
	d.ready(d.origin)
	d.visit(t, townSize)
	return d
}

// visit grows the town as the demonstration has grown it: its canaries depend on
// the key that it made.
func (d *demo) visit(t testing.TB, size int) {
	t.Helper()
	register, err := town.NewRegister("1", size)
	if err != nil {
		t.Fatal(err)
	}
	key := pseudonymKey(t, d.dir)
	canaries, err := key.Canaries("demo", 200)
	if err != nil {
		t.Fatal(err)
	}
	d.register = register.Reserving(func(dossier string) bool { return canaries.Reserved(key.Person(dossier)) })
	d.staff = town.NewStaff(d.register)
	d.isCanary = func(ft string) bool {
		person, known := d.register.ByFT(ft)
		return known && canaries.Live(key.Person(d.register.Dossier(person)), time.Now())
	}
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

// stranger is the n-th person with whom nobody in the town has to do. They come at
// the pace of somebody who reads, counted from when the page before was there: one
// after the other within two seconds is what a thief does, and freezes.
func (d *demo) stranger(n int) int {
	time.Sleep(2100 * time.Millisecond)
	return d.staff.Stranger(n)
}

// direct asks an application of the town itself, past the gate, with an assertion
// as the gate makes them, and returns what it gives.
func (d *demo) direct(t *testing.T, service roster.ServiceID, account roster.AccountID, path string) string {
	t.Helper()
	agent, known := d.staff.Agent(account)
	if !known {
		t.Fatalf("nobody is called %s", account)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.upstream(t, service)+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set(assert.Header, assertion(t, filepath.Join(d.dir, "assertion.key"), d.origin, service, agent))
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s answers %d: %v", service, answer.StatusCode, err)
	}
	return string(body)
}

// upstream is where the demonstration's configuration says that a service listens.
func (d *demo) upstream(t *testing.T, service roster.ServiceID) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(d.dir, "poterne.toml"))
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Service []struct {
			ID       roster.ServiceID
			Upstream string
		}
	}
	if err := toml.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	for _, s := range config.Service {
		if s.ID == service {
			return s.Upstream
		}
	}
	t.Fatalf("no service %s is configured", service)
	return ""
}

// assertion says to a service who asks, signed with the gate's own key.
func assertion(t *testing.T, keyFile, issuer string, service roster.ServiceID, agent town.Agent) string {
	t.Helper()
	text, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	public := jose.JSONWebKey{Key: key.(crypto.Signer).Public()}
	thumb, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	named := jose.JSONWebKey{Key: key, KeyID: base64.RawURLEncoding.EncodeToString(thumb)}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: named}, nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	token, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: issuer, Audience: jwt.Audience{string(service)}, Subject: string(agent.ID), ID: rand.Text(),
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(time.Minute)),
	}).Claims(map[string]any{"org": agent.Organisation, "role": agent.Role, "name": agent.Name}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// entries reads the ledger of a running or stopped program, from a number on.
func entries(t *testing.T, database string, from ledger.Number) (list []ledger.Entry) {
	t.Helper()
	db, err := store.OpenSQLite(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	unveil(t, db, filepath.Dir(database))
	for entry, err := range store.NewLedger(db).Entries(t.Context(), from) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, entry)
	}
	return list
}

// unveil lets a store read the people whom a program hides under the key in its
// folder, and check its seals; where there is no key it hides nobody.
func unveil(t *testing.T, db *store.DB, folder string) {
	t.Helper()
	if err := proof.Unveil(t.Context(), db, folder); err != nil {
		t.Fatal(err)
	}
}

// sealed has a store check seals, and make them, as a program with the keys in a folder.
func sealed(t testing.TB, db *store.DB, folder string) {
	t.Helper()
	keys, err := config.ReadSealKeys(filepath.Join(folder, config.SealFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Seal(t.Context(), keys); err != nil {
		t.Fatal(err)
	}
}
