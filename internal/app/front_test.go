package app

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"poterne/internal/gate/httpgate"
	"poterne/internal/gate/network"
	"poterne/internal/lab/freeport"
	"poterne/internal/ledger"
	"poterne/internal/register"
	"poterne/internal/signin"
)

// front is a web server before the program, with the configuration that the package has.
type front struct {
	*partner
	server   string
	logs     []string
	dir      string
	address  string // where it speaks TLS
	plain    string // and where it does not
	pool     *x509.CertPool
	received atomic.Pointer[http.Header] // by the application, last
	sent     atomic.Int64                // by the application, of the file
	token    string
	speakers chan *websocket.Conn // the application's ends of WebSockets
	heard    chan string          // what it was told by them
}

// scan is how large a file the application sends: more than all buffers on the way hold.
const scan = 64 << 20

// where a web server is, also where the path of whoever tests leaves out what root runs.
func where(server string) string {
	if path, err := exec.LookPath(server); err == nil {
		return path
	}
	return "/usr/sbin/" + server
}

func newFront(t *testing.T, server string) *front {
	t.Helper()
	if _, err := os.Stat(where(server)); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(server + " is not here: tools/prepare installs it")
		}
		t.Skip(server + " is not here")
	}
	f := &front{server: server, dir: t.TempDir(), address: free(t), plain: free(t), speakers: make(chan *websocket.Conn, 8), heard: make(chan string, 8)}
	application := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := r.Header.Clone()
		f.received.Store(&header)
		if strings.HasPrefix(r.URL.Path, "/scans/") {
			w.Header().Set("Content-Type", "application/pdf")
			for portion := bytes.Repeat([]byte("%PDF 1.7 "), 8<<10); f.sent.Load() < scan; {
				n, err := w.Write(portion[:min(int64(len(portion)), scan-f.sent.Load())])
				if f.sent.Add(int64(n)); err != nil {
					return
				}
			}
			return
		}
		if r.URL.Path == "/spoken" {
			f.speaks(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Accel-Redirect", "/.poterne/jwks.json")
		_ = json.NewEncoder(w).Encode(map[string]any{"id": r.URL.Path[len("/users/"):], "name": "Nina Fictive", "version": 1})
	}))
	t.Cleanup(application.Close)
	_, port, _ := net.SplitHostPort(f.address)
	f.partner = newPartner(t, func(o *Opened) {
		o.Origin = "https://localhost:" + port
		o.SignIn.Origins = []string{o.Origin}
		service := &o.Services[0]
		var err error
		if service.Upstream, err = url.Parse(application.URL); err != nil {
			t.Fatal(err)
		}
		service.Downloads = 2 * scan
		service.Routes = append(service.Routes, httpgate.Route{
			Path: "/scans/{id}", Kind: httpgate.People, Purpose: "accompany", Request: []httpgate.Naming{{In: httpgate.InPath, Name: "id", Scheme: "dossier"}},
			Unread: []string{"application/pdf"}, Shows: register.Name,
		}, liveRoute())
		o.Networks = network.Map{
			Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
			Classes: []network.Class{{Name: "agency", Ranges: []netip.Prefix{netip.MustParsePrefix("127.0.0.7/32"), netip.MustParsePrefix("10.20.0.0/16")}}},
		}
	})
	f.serve(strings.TrimPrefix(f.origin, "http://"))
	f.origin = f.Origin
	if err := f.life.Approve(t.Context(), f.proposed(), "deputy"); err != nil {
		t.Fatal(err)
	}
	f.token = f.given()
	return f
}

func free(t *testing.T) string {
	t.Helper()
	port, err := freeport.Find()
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// serve starts the web server before the program's own listener.
func (f *front) serve(behind string) {
	t := f.t
	t.Helper()
	f.pool = certify(t, f.dir, "localhost")
	command := map[string]func(string) *exec.Cmd{"nginx": f.nginx, "haproxy": f.haproxy, "caddy": f.caddy}[f.server](behind)
	said := new(strings.Builder)
	command.Stdout, command.Stderr = said, said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	for end := time.Now().Add(long); ; time.Sleep(5 * time.Millisecond) {
		connection, err := net.Dial("tcp", f.address)
		if err == nil {
			_ = connection.Close()
			return
		}
		if time.Now().After(end) {
			log, _ := os.ReadFile(f.dir + "/main.log")
			t.Fatalf("%s does not listen: %v\n%s\n%s", f.server, err, said, log)
		}
	}
}

// packaged is a configuration of the package, with this test's own names in it.
func (f *front) packaged(name string, changes ...[2]string) string {
	f.t.Helper()
	text, err := os.ReadFile("../../packaging/" + name)
	if err != nil {
		f.t.Fatal(err)
	}
	config := string(text)
	for _, change := range changes {
		if !strings.Contains(config, change[0]) {
			f.t.Fatalf("the configuration does not say %s", change[0])
		}
		config = strings.ReplaceAll(config, change[0], change[1])
	}
	return config
}

func (f *front) nginx(behind string) *exec.Cmd {
	config := f.packaged("nginx/poterne.conf", [][2]string{
		{"server 127.0.0.1:8080;", "server " + behind + ";"},
		{"listen 443 ssl http2 default_server;", "listen " + f.address + " ssl http2 default_server;"},
		{"listen 443 ssl http2;", "listen " + f.address + " ssl http2;"},
		{"listen 80 default_server;", "listen " + f.plain + " default_server;"},
		{"server_name poterne.example courses.example;", "server_name localhost courses.example;"},
		{"/etc/poterne/tls.", f.dir + "/tls."},
		{"/var/log/nginx/poterne.error.log crit", f.dir + "/error.log crit"},
	}...)
	main := "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log " + f.dir + "/main.log;\nevents {}\nhttp {\n"
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		main += kind + "_temp_path " + f.dir + "/temp;\n"
	}
	f.write("poterne.conf", config)
	f.write("nginx.conf", main+"include poterne.conf;\n}\n")
	f.logs = []string{"main.log", "error.log"}
	return exec.Command(where("nginx"), "-p", f.dir, "-c", "nginx.conf", "-e", f.dir+"/main.log")
}

func (f *front) haproxy(behind string) *exec.Cmd {
	config := f.packaged("haproxy/haproxy.cfg", [][2]string{
		{"server poterne 127.0.0.1:8080", "server poterne " + behind},
		{"bind :443 ssl", "bind " + f.address + " ssl"},
		{"bind :80", "bind " + f.plain},
		{"poterne.example courses.example", "localhost courses.example"},
		{"/etc/poterne/tls.pem", f.dir + "/tls.pem"},
	}...)
	var both []byte
	for _, name := range []string{"tls.crt", "tls.key"} {
		text, err := os.ReadFile(filepath.Join(f.dir, name))
		if err != nil {
			f.t.Fatal(err)
		}
		both = append(both, text...)
	}
	f.write("tls.pem", string(both))
	f.write("haproxy.cfg", config)
	command := exec.Command(where("haproxy"), "-db", "-f", "haproxy.cfg")
	command.Dir = f.dir
	return command
}

func (f *front) caddy(behind string) *exec.Cmd {
	config := f.packaged("caddy/Caddyfile", [][2]string{
		{"reverse_proxy 127.0.0.1:8080", "reverse_proxy " + behind},
		{"https://poterne.example, https://courses.example", "https://localhost, https://courses.example"},
		{"/etc/poterne/tls.", f.dir + "/tls."},
	}...)
	_, secure, _ := net.SplitHostPort(f.address)
	_, plain, _ := net.SplitHostPort(f.plain)
	f.write("Caddyfile", "{\n\tdefault_bind 127.0.0.1\n\thttps_port "+secure+"\n\thttp_port "+plain+"\n"+strings.TrimPrefix(config[strings.Index(config, "\n{\n")+1:], "{\n"))
	command := exec.Command(where("caddy"), "run", "--config", "Caddyfile", "--adapter", "caddyfile")
	command.Dir, command.Env = f.dir, append(os.Environ(), "HOME="+f.dir, "XDG_DATA_HOME="+f.dir+"/temp", "XDG_CONFIG_HOME="+f.dir+"/kept")
	return command
}

func (f *front) write(name, text string) {
	f.t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// certify makes a certificate for a name, and who vouches for it.
func certify(t *testing.T, dir, name string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	made, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	private, wrong := x509.MarshalPKCS8PrivateKey(key)
	parsed, unread := x509.ParseCertificate(made)
	if err := errors.Join(err, wrong, unread,
		os.WriteFile(filepath.Join(dir, "tls.crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made}), 0o600),
		os.WriteFile(filepath.Join(dir, "tls.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600)); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return pool
}

// dial connects to the web server from one of this machine's addresses, as a browser that asks for a
// name.
func (f *front) dial(from, name string, protocols ...string) (*tls.Conn, error) {
	dialer := tls.Dialer{
		NetDialer: &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}},
		Config:    &tls.Config{RootCAs: f.pool, ServerName: name, NextProtos: protocols},
	}
	connection, err := dialer.DialContext(f.t.Context(), "tcp", f.address)
	if err != nil {
		return nil, err
	}
	f.t.Cleanup(func() { _ = connection.Close() })
	return connection.(*tls.Conn), nil
}

// does makes one request from an address of this machine's.
func (f *front) does(from string, r *http.Request) (*http.Response, string) {
	f.t.Helper()
	client := http.Client{Transport: &http.Transport{
		ForceAttemptHTTP2: true, DisableKeepAlives: true,
		DialTLSContext: func(context.Context, string, string) (net.Conn, error) {
			return f.dial(from, "localhost", "h2", "http/1.1")
		},
	}}
	answer, err := client.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return answer, string(text)
}

func (f *front) request(method, path string, body io.Reader) *http.Request {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), method, f.origin+path, body)
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+f.token)
	return r
}

// given is a token that the programme is given through it.
func (f *front) given() string {
	f.t.Helper()
	r := f.request(http.MethodPost, signin.TokenPath, strings.NewReader(url.Values{
		"grant_type": {"client_credentials"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {f.assertion(nil)},
	}.Encode()))
	r.Header.Del("Authorization")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, text := f.does("127.0.0.7", r)
	var said struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(text), &said); err != nil || said.Token == "" {
		f.t.Fatalf("%d: %s", answer.StatusCode, text)
	}
	return said.Token
}

// Promise: RUN-2
func TestRUN_2_BehindNginxNothingIsSmuggledKeptOrTunnelled(t *testing.T) { tryFront(t, "nginx") }

// Promise: RUN-2
func TestRUN_2_BehindHAProxyNothingIsSmuggledKeptOrTunnelled(t *testing.T) { tryFront(t, "haproxy") }

// Promise: RUN-2
func TestRUN_2_BehindCaddyNothingIsSmuggledKeptOrTunnelled(t *testing.T) { tryFront(t, "caddy") }

func tryFront(t *testing.T, server string) {
	f := newFront(t, server)

	// The browser's own address decides, and the application hears from Poterne alone.
	for from, class := range map[string]string{"127.0.0.7": "agency", "127.0.0.9": network.Elsewhere} {
		r := f.request(http.MethodGet, "/people/users/4711", nil)
		for name, value := range map[string]string{
			"X-Forwarded-For": "10.20.0.5", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "X-Real-IP": "10.20.0.5", "Forwarded": "for=10.20.0.5;host=evil.example",
			"Poterne-Assertion": "forged", "X_Forwarded_For": "10.20.0.5", "X-Original-URL": "/people/users/1",
		} {
			r.Header.Set(name, value)
		}
		answer, text := f.does(from, r)
		if answer.StatusCode != http.StatusOK || !strings.Contains(text, "Fictive") || answer.ProtoMajor != 2 || answer.Header.Get("Strict-Transport-Security") == "" {
			t.Fatalf("from %s: %d %s %s", from, answer.StatusCode, answer.Proto, text)
		}
		shown := f.entries(ledger.Consulted)
		if last := shown[len(shown)-1]; last.Network != class {
			t.Errorf("from %s the ledger has the network %q, not %q", from, last.Network, class)
		}
		heard := *f.received.Load()
		if heard.Get("X-Forwarded-Host") != strings.TrimPrefix(f.origin, "https://") || heard.Get("X-Forwarded-Proto") != "https" || heard.Get("Poterne-Assertion") == "forged" || heard.Get("Poterne-Assertion") == "" {
			t.Errorf("the application hears %v", heard)
		}
		for name, values := range heard {
			if said := strings.Join(values, " "); strings.Contains(said, "10.20.0.5") || strings.Contains(said, "evil") || strings.Contains(name, "_") || name == "X-Original-Url" {
				t.Errorf("the application hears %s: %s", name, said)
			}
		}
	}

	// Another name is nobody's: by TLS, and by the header behind it.
	if _, err := f.dial("127.0.0.1", "evil.example"); err == nil || !strings.Contains(err.Error(), "unrecognized name") && (server != "caddy" || !strings.Contains(err.Error(), "remote error: tls: internal error")) {
		t.Errorf("another name is greeted: %v", err)
	}
	connection, err := f.dial("127.0.0.7", "localhost", "http/1.1")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(connection, "GET /people/users/4711 HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer %s\r\n\r\n", f.token)
	if text, err := io.ReadAll(connection); err != nil || len(text) > 0 {
		t.Errorf("asked by another name it answers %s (%v)", text, err)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Get("http://" + f.plain + "/people/users/4711")
	if err != nil || answer.StatusCode != http.StatusPermanentRedirect || !strings.HasPrefix(answer.Header.Get("Location"), "https://") {
		t.Errorf("without TLS: %v %v", answer, err)
	}

	// No tunnel.
	if connection, err = f.dial("127.0.0.7", "localhost", "http/1.1"); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(connection, "GET /people/users/4711 HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
		strings.TrimPrefix(f.origin, "https://"), f.token)
	answer, err = http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil || answer.StatusCode == http.StatusSwitchingProtocols {
		t.Errorf("a tunnel: %v %v", answer, err)
	}
	if heard := *f.received.Load(); heard.Get("Upgrade") != "" || heard.Get("Sec-Websocket-Key") != "" {
		t.Errorf("the application is asked for a tunnel: %v", heard)
	}

	// A large file comes as fast as it is read, and lies nowhere.
	if connection, err = f.dial("127.0.0.7", "localhost", "http/1.1"); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(connection, "GET /people/scans/4711 HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", strings.TrimPrefix(f.origin, "https://"), f.token)
	file := bufio.NewReader(connection)
	if answer, err = http.ReadResponse(file, nil); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer, err)
	}
	for before := int64(-1); before != f.sent.Load(); time.Sleep(200 * time.Millisecond) { // until nobody takes more
		before = f.sent.Load()
	}
	if sent := f.sent.Load(); sent == 0 || sent > scan/2 {
		t.Errorf("%d of %d bytes are on their way, and nobody reads them", sent, scan)
	}
	_ = fs.WalkDir(os.DirFS(f.dir), "temp", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && !strings.HasPrefix(name, "temp/caddy/pki/") { // an authority of its own, which signs nothing here
			t.Errorf("%s keeps something in %s", server, name)
		}
		return nil
	})
	if n, err := io.Copy(io.Discard, answer.Body); err != nil || n != scan {
		t.Errorf("%d bytes of the file: %v", n, err)
	}

	// Nor is it written here who was asked for.
	for _, name := range f.logs {
		if text, err := os.ReadFile(filepath.Join(f.dir, name)); err != nil || strings.Contains(string(text), "4711") {
			t.Errorf("%s: %s %v", name, text, err)
		}
	}
}
