package proof

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"poterne/internal/lab/freeport"
	"poterne/internal/lab/town/life"
	"poterne/internal/lab/town/proconnect"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/signin"
	"poterne/internal/store"
)

// Site is a folder in which somebody has set Poterne up with its own commands, and the
// identity provider beside it.
type Site struct {
	Dir    string
	Origin string
	Config string
	Key    register.Key // of pseudonyms
	Server string       // where PostgreSQL is; empty where the database is a file

	binary   string
	provider *Server
}

// Member is somebody who can sign in at a site's identity provider.
type Member struct {
	Account roster.AccountID
	SIRET   string // of the body that the provider knows them under
}

// Members is everybody who can, in the order of their buttons.
var Members = []Member{
	{"pauline.mercier", "90000000000017"},
	{"marc.petit", "90000000000017"},
	{"karim.benali", "90000000000025"},
	{"samir.cohen", "90000000000033"},
	{"nora.garde", "90000000000033"},
}

// Secret is what the provider gave to Poterne.
const (
	Secret = "a secret that the provider gave"

	client = "poterne"
	idp    = "poste"
)

// SetUp sets a site up in a folder, from files: poterne.toml and roster.toml. Of the
// addresses in them, Poterne's own and the provider's are changed to ones that are free;
// changes says what else is, in pairs. Close ends the provider.
func SetUp(ctx context.Context, dir, binary string, files fs.FS, changes ...string) (*Site, error) {
	port, err := freeport.Find()
	if err != nil {
		return nil, err
	}
	s := &Site{Dir: dir, Origin: fmt.Sprintf("http://localhost:%d", port), Config: filepath.Join(dir, "poterne.toml"), binary: binary}
	if err := s.provide(); err != nil {
		return nil, err
	}
	changes = append([]string{"localhost:8080", strings.TrimPrefix(s.Origin, "http://"), "http://127.0.0.1:8081/api/v2", s.issuer()}, changes...)
	for _, m := range Members {
		changes = append(changes, "sub of "+string(m.Account), proconnect.Subject(client, idp, string(m.Account)))
	}
	for _, name := range []string{"poterne.toml", "roster.toml"} {
		text, err := fs.ReadFile(files, name)
		if err == nil {
			_, err = s.Write(name, strings.NewReplacer(changes...).Replace(string(text)))
		}
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	if _, err := s.Write("client.secret", Secret); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	for _, command := range [][]string{
		{"keys", dir, "--origin", "poterne.example/ledger"},
		{"config", "check", s.Config},
		{"roster", "import", "--config", s.Config, "--as", "nadia", filepath.Join(dir, "roster.toml")},
	} {
		if _, err := s.Poterne(ctx, command...); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	if s.Key, err = pseudonymKey(dir); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close ends the identity provider. The folder stays.
func (s *Site) Close() error { return s.provider.Close() }

// Server is something that listens to this machine only.
type Server struct {
	URL string
	http.Server
}

// Listen serves a handler on a free port.
func Listen(handler http.Handler) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{URL: "http://" + l.Addr().String(), Server: http.Server{Handler: handler, ReadHeaderTimeout: patience}}
	go func() { _ = s.Serve(l) }()
	return s, nil
}

// ByAddress is the site under another host, which is another origin.
func (s *Site) ByAddress() string { return strings.Replace(s.Origin, "localhost", "127.0.0.1", 1) }

// OfPeople is the host of a service that has one of its own, which may be called people.localhost.
func (s *Site) OfPeople() string {
	return strings.Replace(s.Origin, "localhost", "people.localhost", 1)
}

// Database is where everything is kept.
func (s *Site) Database() string { return filepath.Join(s.Dir, "poterne.db") }

// Open opens the database as the program does.
func (s *Site) Open(ctx context.Context) (db *store.DB, err error) {
	if s.Server != "" {
		db, err = store.OpenPostgreSQL(ctx, s.Server)
	} else {
		db, err = store.OpenSQLite(ctx, s.Database())
	}
	if err != nil {
		return nil, err
	}
	if err := Unveil(ctx, db, s.Dir); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// Write writes a file that its owner alone may read, and returns its path.
func (s *Site) Write(name, text string) (string, error) {
	path := filepath.Join(s.Dir, name)
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// Said is a command that answered no, with what it printed.
type Said struct {
	Output string
	Code   int
}

func (s Said) Error() string { return fmt.Sprintf("it ended with %d:\n%s", s.Code, s.Output) }

// Poterne runs a command to its end and returns what it printed. An answer other than yes
// is an error of the type Said.
func (s *Site) Poterne(ctx context.Context, args ...string) (output string, err error) {
	out, err := exec.CommandContext(ctx, s.binary, args...).CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(out), fmt.Errorf("poterne %s: %w", strings.Join(args, " "), Said{string(out), exit.ExitCode()})
	}
	return string(out), err
}

// TakeFacts imports a CSV file of facts.
func (s *Site) TakeFacts(ctx context.Context, source, file string) error {
	_, err := s.Poterne(ctx, "facts", "import", "--config", s.Config, "--as", "nadia", "--source", source, file)
	return err
}

// Browser returns a browser in which somebody is signed in.
func (s *Site) Browser(ctx context.Context, account roster.AccountID) (*life.Browser, error) {
	b := life.NewBrowser(s.Origin)
	for button, m := range Members {
		if m.Account == account {
			return b, b.SignIn(ctx, fmt.Sprint(button))
		}
	}
	return nil, fmt.Errorf("nobody is called %s", account)
}

// Child is a running poterne, in a process of its own.
type Child struct {
	Output *Output
	Done   <-chan struct{} // closed once it has ended

	cmd *exec.Cmd
	err error // once Done is closed
}

// Output is what a child has printed so far.
type Output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// Start starts a program, which may be ended by Stop and Kill only.
func Start(binary string, args ...string) (*Child, error) {
	done := make(chan struct{})
	c := &Child{Output: new(Output), Done: done, cmd: exec.Command(binary, args...)}
	c.cmd.Stdout, c.cmd.Stderr = c.Output, c.Output
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		c.err = c.cmd.Wait()
		close(done)
	}()
	return c, nil
}

// PID is the number of its process.
func (c *Child) PID() int { return c.cmd.Process.Pid }

// Err is how it ended, once it has.
func (c *Child) Err() error { return c.err }

// Kill ends it as a power cut would.
func (c *Child) Kill() {
	_ = c.cmd.Process.Kill()
	<-c.Done
}

// patience is how long something may take that is expected to come.
const patience = 30 * time.Second

// Stop asks it to leave, and waits until it has. It reports whether it left by itself.
func (c *Child) Stop() (left bool) {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.Done:
		return true
	case <-time.After(patience):
		c.Kill()
		return false
	}
}

// Ready waits until it says that it is.
func (c *Child) Ready(ctx context.Context, origin string) error {
	client := http.Client{Timeout: 5 * time.Second}
	for begun := time.Now(); time.Since(begun) < patience; {
		if answer, err := client.Get(origin + "/readyz"); err == nil {
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-c.Done:
			return fmt.Errorf("poterne ended: %w\n%s", c.err, c.Output)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return fmt.Errorf("poterne is not ready after %v\n%s", patience, c.Output)
}

// Serve starts guarding, and returns once it answers.
func (s *Site) Serve(ctx context.Context) (*Child, error) {
	c, err := Start(s.binary, "serve", "--config", s.Config)
	if err != nil {
		return nil, err
	}
	if err := c.Ready(ctx, s.Origin); err != nil {
		c.Kill()
		return nil, err
	}
	return c, nil
}

func (s *Site) issuer() string { return s.provider.URL + "/api/v2" }

// provide starts the identity provider.
func (s *Site) provide() error {
	var handler http.Handler // the issuer must be known before the provider is made
	var err error
	if s.provider, err = Listen(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) })); err != nil {
		return err
	}
	var people []proconnect.Person
	for _, m := range Members {
		given, usual, _ := strings.Cut(string(m.Account), ".")
		people = append(people, proconnect.Person{
			Subject: string(m.Account), GivenName: given, UsualName: usual, Email: string(m.Account) + "@poste.example",
			SIRET: m.SIRET, Idp: idp, ACR: "eidas1-mfa", AMR: []string{"pwd", "otp", "mfa"},
		})
	}
	provider, err := proconnect.New(proconnect.Settings{
		Issuer: s.issuer(), People: people,
		Clients: []proconnect.Client{{
			ID: client, Secret: Secret, Name: "Poterne",
			Redirects: []string{s.Origin + signin.CallbackPath, s.ByAddress() + signin.CallbackPath, s.OfPeople() + signin.CallbackPath},
			Exits:     []string{s.Origin + signin.LeftPath, s.ByAddress() + signin.LeftPath, s.OfPeople() + signin.LeftPath},
			Recall:    s.Origin + signin.RecallPath,
		}},
	})
	if err != nil {
		return errors.Join(err, s.provider.Close())
	}
	handler = provider.Handler()
	return nil
}

// pseudonymKey reads the key that a folder has.
func pseudonymKey(dir string) (register.Key, error) {
	text, err := os.ReadFile(filepath.Join(dir, "pseudonym.key"))
	if err != nil {
		return register.Key{}, err
	}
	secret := make([]byte, register.KeyBytes)
	if _, err := fmt.Sscanf(string(text), "%x", &secret); err != nil {
		return register.Key{}, err
	}
	return register.NewKey(secret)
}
