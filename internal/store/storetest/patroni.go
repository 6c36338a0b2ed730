package storetest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Patroni is three machines, each with etcd and a PostgreSQL under Patroni, set up
// from the files in a guide for operators. Each has a loopback address of its own.
type Patroni struct {
	Members []*Member

	dir       string
	authority string // the file of whoever vouches for the servers
	as        *syscall.Credential
}

// Member is one of the machines.
type Member struct {
	Name string

	cluster *Patroni
	dir     string
	address string
	config  string   // Patroni's
	etcdEnv []string // etcd's
	etcd    *exec.Cmd
	patroni *exec.Cmd
}

// StartPatroni sets three machines up as the guide says, with other addresses and
// folders and with these changes, and starts them. They end with the test. Where
// Patroni or etcd are not installed the test is skipped with a word, and fails
// under CI.
func StartPatroni(t testing.TB, guide string, changes ...string) *Patroni {
	t.Helper()
	bin := installed(t)
	for _, program := range []string{"patroni", "etcd"} {
		if _, err := exec.LookPath(program); err != nil {
			lacking(t, "Patroni and etcd are not here: apt-get install patroni etcd-server")
		}
	}
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "poterne-ha-")
	if err != nil {
		t.Fatal(err)
	}
	p := &Patroni{dir: dir}
	if os.Geteuid() == 0 {
		p.as = credential(t, "postgres") // a server refuses to run as root
		p.own(t, dir)
	}
	t.Cleanup(func() {
		for _, m := range p.Members {
			m.Kill()
		}
		_ = os.RemoveAll(dir)
	})
	net := fmt.Sprintf("127.%d.%d.", 1+mathrand.IntN(250), 1+mathrand.IntN(250))
	changes = append(changes, "192.0.2.", net, "/usr/lib/postgresql/15/bin", bin)
	for i := range 3 {
		m := &Member{Name: fmt.Sprintf("db%d", i+1), cluster: p, address: fmt.Sprintf("%s%d", net, 11+i)}
		m.setUp(t, string(text), changes)
		p.Members = append(p.Members, m)
	}
	p.certify(t)
	p.outlived(t)
	for _, m := range p.Members {
		m.Start(t)
	}
	p.wait(t, "three machines", time.Minute, p.Healthy)
	return p
}

// setUp writes the machine's files.
func (m *Member) setUp(t testing.TB, guide string, changes []string) {
	t.Helper()
	m.dir = filepath.Join(m.cluster.dir, m.Name)
	if err := os.Mkdir(m.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	m.cluster.own(t, m.dir)
	changes = append(changes, "HOST", m.Name, "ADDRESS", m.address)
	changes = append(changes, "/var/lib/etcd", filepath.Join(m.dir, "etcd"))
	for _, folder := range []string{"/etc/patroni", "/var/lib/postgresql", "/var/run/postgresql"} {
		changes = append(changes, folder, m.dir)
	}
	own := strings.NewReplacer(changes...)
	m.etcdEnv = strings.Fields(own.Replace(written(t, guide, "/etc/default/etcd")))
	m.config = m.put(t, "config.yml", own.Replace(written(t, guide, "/etc/patroni/config.yml")), 0o600)
	m.put(t, "roles.sh", "#!/bin/sh\n"+written(t, guide, "/etc/patroni/roles.sh"), 0o700)
}

// written is a file that the guide shows, without the line that names it.
func written(t testing.TB, guide, path string) string {
	t.Helper()
	_, rest, begun := strings.Cut(guide, "\n# "+path+"\n")
	content, _, ended := strings.Cut(rest, "```")
	if !begun || !ended {
		t.Fatalf("the guide does not show %s", path)
	}
	return content
}

func (m *Member) put(t testing.TB, name, content string, mode os.FileMode) (path string) {
	t.Helper()
	path = filepath.Join(m.dir, name)
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	m.cluster.own(t, path)
	return path
}

func (p *Patroni) own(t testing.TB, path string) {
	t.Helper()
	if p.as == nil {
		return
	}
	if err := os.Chown(path, int(p.as.Uid), int(p.as.Gid)); err != nil {
		t.Fatal(err)
	}
}

// certify gives all machines one certificate, which vouches for itself.
func (p *Patroni) certify(t testing.TB) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "three machines"}, NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	for _, m := range p.Members {
		template.IPAddresses = append(template.IPAddresses, net.ParseIP(m.address))
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}))
	for _, m := range p.Members {
		m.put(t, "server.crt", public, 0o600)
		m.put(t, "server.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})), 0o600)
	}
	p.authority = filepath.Join(t.TempDir(), "authority.pem") // whoever runs the test reads it
	if err := os.WriteFile(p.authority, []byte(public), 0o600); err != nil {
		t.Fatal(err)
	}
}

// outlived ends the servers when the test's process is killed: Patroni leaves
// PostgreSQL running when it goes.
func (p *Patroni) outlived(t testing.TB) {
	t.Helper()
	const script = `cat >/dev/null; for f in "$1"/*/poterne/postmaster.pid; do kill -9 $(head -n 1 "$f"); done; rm -rf "$1"`
	watch := exec.Command("sh", "-c", script, "watch", p.dir)
	watch.SysProcAttr = &syscall.SysProcAttr{Credential: p.as, Setsid: true}
	lifeline, err := watch.StdinPipe()
	if err == nil {
		err = watch.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = lifeline.Close()
		_ = watch.Wait()
	})
}

// Start starts the machine: the first time, or after Kill.
func (m *Member) Start(t testing.TB) {
	t.Helper()
	m.StartEtcd(t)
	m.StartPatroni(t)
}

// StartPatroni starts its Patroni, which starts PostgreSQL, after KillPatroni.
func (m *Member) StartPatroni(t testing.TB) {
	t.Helper()
	m.patroni = m.start(t, "patroni", nil, m.config)
}

// StartEtcd starts its etcd alone, after KillEtcd.
func (m *Member) StartEtcd(t testing.TB) {
	t.Helper()
	m.etcd = m.start(t, "etcd", m.etcdEnv)
}

func (m *Member) start(t testing.TB, program string, env []string, args ...string) *exec.Cmd {
	t.Helper()
	said, err := os.OpenFile(m.log(program), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = m.dir, said, said
	cmd.Env = append(env, "PATH="+os.Getenv("PATH"), "LC_ALL=C.UTF-8", "HOME="+m.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: m.cluster.as, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func (m *Member) log(program string) string {
	return filepath.Join(m.cluster.dir, m.Name+"."+program+".log")
}

// Kill takes the machine's power away.
func (m *Member) Kill() {
	m.signal(syscall.SIGKILL)
	for _, cmd := range []*exec.Cmd{m.etcd, m.patroni} {
		if cmd != nil {
			_ = cmd.Wait()
		}
	}
	m.etcd, m.patroni = nil, nil
}

// Freeze stops everything on the machine as it is: its connections stay open, and
// say nothing.
func (m *Member) Freeze() { m.signal(syscall.SIGSTOP) }

// Thaw lets it go on, not knowing that it was away.
func (m *Member) Thaw() { m.signal(syscall.SIGCONT) }

// signal sends to everything that runs on the machine, Patroni first: it would
// start PostgreSQL again.
func (m *Member) signal(s syscall.Signal) {
	for _, cmd := range []*exec.Cmd{m.patroni, m.etcd} {
		if cmd != nil {
			_ = cmd.Process.Signal(s)
		}
	}
	m.signalPostgreSQL(s)
}

func (m *Member) signalPostgreSQL(s syscall.Signal) {
	text, err := os.ReadFile(filepath.Join(m.dir, "poterne", "postmaster.pid"))
	if err != nil {
		return // it does not run
	}
	first, _, _ := strings.Cut(string(text), "\n")
	server, _ := strconv.Atoi(first)
	if !strings.Contains(read("/proc/"+first+"/cmdline"), m.dir) {
		return // an old file, and somebody else's number by now
	}
	for _, pid := range append([]int{server}, children(first)...) {
		_ = syscall.Kill(pid, s)
	}
}

// children are the processes that a process has started.
func children(parent string) (pids []int) {
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, process := range processes {
		_, after, _ := strings.Cut(read(process+"/stat"), ") ")
		if fields := strings.Fields(after); len(fields) > 1 && fields[1] == parent { // after the state
			pid, _ := strconv.Atoi(filepath.Base(process))
			pids = append(pids, pid)
		}
	}
	return pids
}

func read(path string) string {
	text, _ := os.ReadFile(path)
	return string(text)
}

// KillPostgreSQL kills the machine's PostgreSQL and nothing else.
func (m *Member) KillPostgreSQL() { m.signalPostgreSQL(syscall.SIGKILL) }

// KillEtcd kills the machine's etcd and nothing else.
func (m *Member) KillEtcd() {
	_ = m.etcd.Process.Kill()
	_ = m.etcd.Wait()
	m.etcd = nil
}

// KillPatroni kills the machine's Patroni and PostgreSQL; its etcd goes on.
func (m *Member) KillPatroni() {
	_ = m.patroni.Process.Kill()
	_ = m.patroni.Wait()
	m.patroni = nil
	m.KillPostgreSQL()
}

// FreezePatroni stops the machine's Patroni alone: PostgreSQL goes on unwatched.
func (m *Member) FreezePatroni() { _ = m.patroni.Process.Signal(syscall.SIGSTOP) }

// seen is what Patroni says of a member.
type seen struct {
	Name, Role, State string
	Lag               any
}

// members asks each Patroni in turn who there is.
func (p *Patroni) members() (list []seen, err error) {
	for _, m := range p.Members {
		var cluster struct{ Members []seen }
		if err = m.ask("GET", "8008", "/cluster", &cluster); err == nil {
			return cluster.Members, nil
		}
	}
	return nil, err
}

func (m *Member) ask(method, port, path string, answer any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://"+net.JoinHostPort(m.address, port)+path, strings.NewReader("{}"))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return json.NewDecoder(response.Body).Decode(answer)
}

// Healthy says what is missing for all three machines to be there: a primary, a
// standby that commits wait for, and another that follows.
func (p *Patroni) Healthy() error {
	members, err := p.members()
	if err != nil {
		return err
	}
	roles := make(map[string]int)
	for _, m := range members {
		if (m.State != "running" && m.State != "streaming") || fmt.Sprint(m.Lag) == "unknown" {
			return fmt.Errorf("%s is %s", m.Name, m.State)
		}
		roles[m.Role]++
	}
	if roles["leader"] != 1 || roles["sync_standby"] != 1 || len(members) != 3 {
		return fmt.Errorf("there are %v", roles)
	}
	for _, m := range p.Members {
		var health struct{ Health string }
		if err := m.ask("GET", "2379", "/health", &health); err != nil || health.Health != "true" {
			return fmt.Errorf("etcd of %s: %v", m.Name, err)
		}
	}
	return nil
}

// Primary is the machine that takes writes, and Standby the one that commits wait
// for; nil when there is none.
func (p *Patroni) Primary() *Member { return p.with("leader") }

// Standby is the machine that commits wait for.
func (p *Patroni) Standby() *Member { return p.with("sync_standby") }

func (p *Patroni) with(role string) *Member {
	members, _ := p.members()
	i := slices.IndexFunc(members, func(m seen) bool { return m.Role == role })
	if i < 0 {
		return nil
	}
	return p.Members[slices.IndexFunc(p.Members, func(m *Member) bool { return m.Name == members[i].Name })]
}

// EtcdLeader is the machine whose etcd leads; nil when none does.
func (p *Patroni) EtcdLeader() *Member {
	for _, m := range p.Members {
		var status struct {
			Header struct {
				Member string `json:"member_id"`
			}
			Leader string
		}
		if err := m.ask("POST", "2379", "/v3/maintenance/status", &status); err == nil && status.Leader == status.Header.Member {
			return m
		}
	}
	return nil
}

// Switchover hands the primary's part to the standby that commits wait for, as an
// operator plans it.
func (p *Patroni) Switchover() error {
	to := p.Standby()
	if to == nil {
		return errors.New("there is no standby to hand over to")
	}
	cmd := exec.Command("patronictl", "-c", to.config, "switchover", "--candidate", to.Name, "--force")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.as}
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "HOME=" + to.dir}
	cmd.Dir = to.dir
	if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("Successfully switched over")) {
		return fmt.Errorf("patronictl: %w\n%s", err, out)
	}
	return nil
}

// Migrate makes the tables, and returns how the program connects to all machines.
func (p *Patroni) Migrate(t testing.TB) (connection string) {
	t.Helper()
	passwords := filepath.Join(t.TempDir(), "pgpass")
	const content = "*:*:*:poterne:the-programs-password\n*:*:*:poterne_owner:the-owners-password\n"
	if err := os.WriteFile(passwords, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	var hosts, ports []string
	for _, m := range p.Members {
		hosts, ports = append(hosts, m.address), append(ports, "5432")
	}
	connection = fmt.Sprintf("host=%s port=%s user=%s dbname=poterne passfile=%s sslmode=verify-full sslrootcert=%s",
		strings.Join(hosts, ","), strings.Join(ports, ","), program, passwords, p.authority)
	migrate(t, as(connection, owner), connection)
	return connection
}

// Over leads a connection to all machines over one wire of its own.
func (p *Patroni) Over(t testing.TB, connection string) (over string, wire *Wire) {
	t.Helper()
	wire = &Wire{}
	var hosts, ports []string
	for _, m := range p.Members {
		hosts = append(hosts, "127.0.0.1")
		ports = append(ports, strconv.Itoa(wire.to(t, net.JoinHostPort(m.address, "5432"))))
	}
	_, rest, _ := strings.Cut(connection, " user=")
	return fmt.Sprintf("host=%s port=%s user=%s", strings.Join(hosts, ","), strings.Join(ports, ","), rest), wire
}

// Said is the end of what each Patroni wrote, for whoever looks for a fault.
func (p *Patroni) Said() string {
	var all strings.Builder
	for _, m := range p.Members {
		lines := slices.DeleteFunc(strings.Split(read(m.log("patroni")), "\n"), func(line string) bool {
			return strings.Contains(line, "Lock owner") || strings.Contains(line, "no action") || strings.Contains(line, "Watchdog")
		})
		fmt.Fprintf(&all, "--- %s\n%s", m.Name, strings.Join(lines[max(0, len(lines)-30):], "\n"))
	}
	return all.String()
}

func (p *Patroni) wait(t testing.TB, what string, patience time.Duration, ask func() error) {
	t.Helper()
	var err error
	for began := time.Now(); time.Since(began) < patience; time.Sleep(100 * time.Millisecond) {
		if err = ask(); err == nil {
			return
		}
	}
	t.Fatalf("%s: %v\n%s", what, err, p.Said())
}
