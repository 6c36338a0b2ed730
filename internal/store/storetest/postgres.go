package storetest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // to make databases

	"poterne/internal/lab/freeport"
	"poterne/internal/store"
)

// The roles of a test's server: one that may everything, the owner of the tables,
// and the one that the program connects as; and the database that others are copied
// from.
const (
	superuser = "postgres"
	owner     = "poterne_owner"
	program   = "poterne"
	migrated  = "migrated"
)

// Cluster is a real PostgreSQL server of a test's own, from Debian's packages.
type Cluster struct {
	dir    string // of sockets, and of what commands write
	data   string
	port   int
	bin    string
	as     *syscall.Credential // nil: as whoever runs the test
	server *exec.Cmd
	done   chan struct{} // closed when the server has ended
	made   atomic.Int64
	room   int64 // for each file; 0: as much as there is
}

// StartPostgreSQL starts a server, and stops it when the test ends. Where there is
// none the test is skipped with a word, and fails under CI.
func StartPostgreSQL(t testing.TB) *Cluster {
	t.Helper()
	c := StartShared(t)
	t.Cleanup(c.Stop)
	return c
}

// StartShared is StartPostgreSQL of a server that several tests share: who starts it stops it.
func StartShared(t testing.TB) *Cluster {
	t.Helper()
	bin := installed(t)
	dir, err := os.MkdirTemp("", "poterne-pg-")
	if err != nil {
		t.Fatal(err)
	}
	c := &Cluster{dir: dir, data: filepath.Join(dir, "data"), port: freePort(t), bin: bin}
	if os.Geteuid() == 0 {
		c.as = credential(t, "postgres") // the server refuses to run as root
		if err := os.Chown(dir, int(c.as.Uid), int(c.as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	c.initialise(t)
	c.Start(t)
	return c
}

// Stop ends the server, and leaves nothing of it.
func (c *Cluster) Stop() {
	c.Kill()
	_ = os.RemoveAll(c.dir)
}

// initial is the data directory that every cluster of this process begins with, as a
// tar file without a name: to unpack it takes a tenth of what making it took. It is never
// in this process's memory, where the race detector follows each byte.
var initial struct {
	sync.Mutex
	tar *os.File
}

// initialise makes the data directory, with the roles and a database with this
// program's schema.
func (c *Cluster) initialise(t testing.TB) {
	t.Helper()
	initial.Lock()
	defer initial.Unlock()
	if initial.tar != nil {
		if _, err := initial.tar.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		unpack := c.other("tar", "-xp")
		unpack.Stdin = initial.tar
		if out, err := unpack.CombinedOutput(); err != nil {
			t.Fatalf("unpacking the data directory: %v\n%s", err, out)
		}
		return
	}
	if out, err := c.command("initdb", "-D", c.data, "-U", superuser, "--auth=trust", "--encoding=UTF8", "--wal-segsize=1", "--no-sync").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	c.Start(t)
	defer c.end(syscall.SIGINT)
	for _, statement := range []string{"create role " + owner + " login", "create role " + program + " login", "create database " + migrated + " owner " + owner} {
		if err := c.admin(t, statement); err != nil {
			t.Fatal(err)
		}
	}
	c.Migrate(t, c.connection(migrated, program))
	c.end(syscall.SIGINT)
	file, err := os.CreateTemp("", "poterne-pg-")
	if err != nil {
		t.Fatal(err)
	}
	pack := c.other("tar", "-c", "data")
	pack.Stdout = file
	if err := errors.Join(os.Remove(file.Name()), pack.Run()); err != nil {
		t.Fatalf("packing the data directory: %v", err)
	}
	initial.tar = file
}

// installed is where the newest PostgreSQL of this machine is.
func installed(t testing.TB) (bin string) {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(found) == 0 {
		lacking(t, "PostgreSQL is not here: apt-get install postgresql")
	}
	return filepath.Dir(found[len(found)-1])
}

// lacking skips a test that needs what is not here; under CI it fails it.
func lacking(t testing.TB, word string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(word)
	}
	t.Skip(word)
}

func freePort(t testing.TB) int {
	t.Helper()
	port, err := freeport.Find()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func credential(t testing.TB, name string) *syscall.Credential {
	account, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.ParseUint(account.Uid, 10, 32)
	gid, _ := strconv.ParseUint(account.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// command is one of PostgreSQL's own.
func (c *Cluster) command(name string, args ...string) *exec.Cmd {
	return c.other(filepath.Join(c.bin, name), args...)
}

// other is any command, run as the server is.
func (c *Cluster) other(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = c.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.as, Pdeathsig: syscall.SIGQUIT}
	return cmd
}

// Start starts the server, the first time or after Kill.
func (c *Cluster) Start(t testing.TB) {
	t.Helper()
	var said bytes.Buffer
	args := []string{
		"-D", c.data, "-p", strconv.Itoa(c.port), "-k", c.dir, "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200",
		"-c", "dynamic_shared_memory_type=mmap",
	} // which goes with the data, however the server ends
	if _, measures := t.(*testing.B); !measures {
		args = append(args, "-c", "shared_buffers=16MB", "-c", "autovacuum=off",
			"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "wal_init_zero=off") // a test kills servers, never the machine
	}
	c.server = c.command("postgres", args...)
	if c.room > 0 {
		c.server.Args = append([]string{"prlimit", fmt.Sprintf("--fsize=%d", c.room), c.server.Path}, args...)
		c.server.Path = "/usr/bin/prlimit"
	}
	c.server.Stderr = &said
	if err := c.server.Start(); err != nil {
		t.Fatal(err)
	}
	c.done = make(chan struct{})
	go func(server *exec.Cmd, done chan struct{}) {
		_ = server.Wait()
		close(done)
	}(c.server, c.done)
	ready := filepath.Join(c.data, "postmaster.pid") // its last line says whether connections are served
	for range 6000 {
		select {
		case <-c.done:
			t.Fatalf("PostgreSQL ended:\n%s", said.String())
		case <-time.After(10 * time.Millisecond):
		}
		if text, _ := os.ReadFile(ready); bytes.HasPrefix(text, fmt.Appendf(nil, "%d\n", c.server.Process.Pid)) && bytes.HasSuffix(bytes.TrimSpace(text), []byte("\nready")) {
			return
		}
	}
	t.Fatal("PostgreSQL does not answer")
}

// Room lets no table of the server grow beyond so many bytes, from its next start
// on: it meets what it meets on a full disk. 0 makes room again. Below 1 MB there is
// none for the server's own log.
func (c *Cluster) Room(bytes int64) { c.room = bytes }

// Kill ends the server as a crash would.
func (c *Cluster) Kill() { c.end(syscall.SIGQUIT) }

func (c *Cluster) end(by syscall.Signal) {
	_ = c.server.Process.Signal(by)
	<-c.done
}

func (c *Cluster) connection(database, role string) string {
	return fmt.Sprintf("host=127.0.0.1 port=%d user=%s dbname=%s sslmode=disable connect_timeout=5", c.port, role, database)
}

// Owner is a connection of the program's as the role that owns the tables.
func (c *Cluster) Owner(connection string) string { return as(connection, owner) }

// Superuser is a connection of the program's as the role that may everything.
func (c *Cluster) Superuser(connection string) string { return as(connection, superuser) }

func as(connection, role string) string {
	return strings.Replace(connection, "user="+program+" ", "user="+role+" ", 1)
}

func (c *Cluster) admin(t testing.TB, statement string) error {
	db, err := sql.Open("pgx", c.connection("postgres", superuser))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.ExecContext(context.Background(), statement)
	return err
}

// Dump returns a database as SQL, without owners and privileges: all of it, or what
// pg_dump is asked for.
func (c *Cluster) Dump(t testing.TB, connection string, asked ...string) string {
	t.Helper()
	dump := c.command("pg_dump", append(asked, "--no-owner", "--no-privileges", "--inserts", "-d", c.Superuser(connection))...)
	var complaint bytes.Buffer
	dump.Stderr = &complaint
	script, err := dump.Output()
	if err != nil {
		t.Fatalf("pg_dump: %v\n%s", err, complaint.Bytes())
	}
	return commands.ReplaceAllString(string(script), "")
}

// commands are psql's own, which differ from dump to dump.
var commands = regexp.MustCompile(`(?m)^\\.*\n`)

// Replay runs what Dump returned in an empty database, as its owner.
func (c *Cluster) Replay(t testing.TB, connection, script string) {
	t.Helper()
	psql := c.command("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", c.Owner(connection))
	psql.Stdin = strings.NewReader(script)
	if out, err := psql.CombinedOutput(); err != nil {
		t.Fatalf("psql: %v\n%s", err, out)
	}
}

// Backup copies the whole server, as whoever runs it does every night. restore
// puts the copy in its place.
func (c *Cluster) Backup(t testing.TB) (restore func()) {
	t.Helper()
	copied := c.copy(t, "backup")
	return func() {
		t.Helper()
		c.Kill()
		if err := errors.Join(os.RemoveAll(c.data), os.Rename(copied, c.data)); err != nil {
			t.Fatal(err)
		}
		c.Start(t)
	}
}

// Standby starts a second server that follows this one, and that a commit waits
// for.
func (c *Cluster) Standby(t testing.TB) *Cluster {
	t.Helper()
	standby := &Cluster{dir: c.dir, data: c.copy(t, "standby", "--write-recovery-conf"), port: freePort(t), bin: c.bin, as: c.as}
	standby.Start(t)
	t.Cleanup(standby.Kill)
	c.Set(t, "synchronous_standby_names", "*")
	return standby
}

// Promote makes a standby the primary, as whoever watches over them does when the
// primary is gone.
func (c *Cluster) Promote(t testing.TB) {
	t.Helper()
	if err := c.admin(t, `select pg_promote()`); err != nil {
		t.Fatal(err)
	}
}

// Either is a connection to this server or the other, whichever takes writes.
func (c *Cluster) Either(other *Cluster, connection string) string {
	one, both := "host=127.0.0.1 port=%d ", "host=127.0.0.1,127.0.0.1 port=%d,%d "
	return strings.Replace(connection, fmt.Sprintf(one, c.port), fmt.Sprintf(both, c.port, other.port), 1)
}

// Only is a connection to this server in place of the one it was made for.
func (c *Cluster) Only(connection string) string {
	return regexp.MustCompile(`port=\d+`).ReplaceAllString(connection, fmt.Sprintf("port=%d", c.port))
}

// Wire is a way to a server that can be cut: nothing passes, and nobody is told.
type Wire struct {
	cut atomic.Bool
}

// Over leads a connection to this server, be it the only one or not, over a wire of its
// own.
func (c *Cluster) Over(t testing.TB, connection string) (over string, wire *Wire) {
	t.Helper()
	wire = &Wire{}
	port := wire.to(t, net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port)))
	return regexp.MustCompile(fmt.Sprintf(`\b%d\b`, c.port)).ReplaceAllString(connection, strconv.Itoa(port)), wire
}

// to leads to a server, from a port of this machine.
func (w *Wire) to(t testing.TB, server string) (port int) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", server)
			if err != nil {
				_ = near.Close()
				continue
			}
			go w.carry(near, far)
			go w.carry(far, near)
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port
}

// Cut stops everything on its way, in both directions.
func (w *Wire) Cut() { w.cut.Store(true) }

// Mend lets it go on, with all that was on its way.
func (w *Wire) Mend() { w.cut.Store(false) }

func (w *Wire) carry(to, from net.Conn) {
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		for w.cut.Load() {
			time.Sleep(10 * time.Millisecond)
		}
		if err != nil {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// Set changes a setting of the running server.
func (c *Cluster) Set(t testing.TB, setting, value string) {
	t.Helper()
	if err := errors.Join(c.admin(t, "alter system set "+setting+" = '"+value+"'"), c.admin(t, "select pg_reload_conf()")); err != nil {
		t.Fatal(err)
	}
}

// Put writes a file that only the server may read.
func (c *Cluster) Put(t testing.TB, name string, content []byte) (path string) {
	t.Helper()
	path = filepath.Join(c.dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if c.as != nil {
		if err := os.Chown(path, int(c.as.Uid), int(c.as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func (c *Cluster) copy(t testing.TB, what string, asked ...string) (folder string) {
	t.Helper()
	folder = filepath.Join(c.dir, fmt.Sprintf("%s%d", what, c.made.Add(1)))
	args := append(asked, "-D", folder, "-X", "stream", "-c", "fast", "-d", c.connection("postgres", superuser))
	if out, err := c.command("pg_basebackup", args...).CombinedOutput(); err != nil {
		t.Fatalf("pg_basebackup: %v\n%s", err, out)
	}
	return folder
}

// Database makes a new database with this program's schema, and returns how the
// program connects to it.
func (c *Cluster) Database(t testing.TB) (connection string) {
	t.Helper()
	return c.create(t, migrated)
}

// Copy makes a database of its own out of what another one holds, to which nobody may be
// connected.
func (c *Cluster) Copy(t testing.TB, of string) (connection string) {
	t.Helper()
	config, err := pgx.ParseConfig(of)
	if err != nil {
		t.Fatal(err)
	}
	return c.create(t, config.Database)
}

// Empty makes a database without tables, and returns how the program connects to
// it.
func (c *Cluster) Empty(t testing.TB) (connection string) {
	t.Helper()
	return c.create(t, "template1")
}

func (c *Cluster) create(t testing.TB, template string) (connection string) {
	t.Helper()
	name := fmt.Sprintf("t%d", c.made.Add(1))
	if err := c.admin(t, "create database "+name+" owner "+owner+" template "+template+" strategy file_copy"); err != nil {
		t.Fatal(err)
	}
	return c.connection(name, program)
}

// Migrate brings a database up to this program's schema.
func (c *Cluster) Migrate(t testing.TB, connection string) {
	t.Helper()
	migrate(t, c.Owner(connection), connection)
}

func migrate(t testing.TB, owner, connection string) {
	t.Helper()
	if err := store.MigratePostgreSQL(t.Context(), owner, connection); err != nil {
		t.Fatal(err)
	}
}
