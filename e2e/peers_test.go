package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"poterne/internal/lab/town/life"
)

const oauthCallback = "/oauth2/callback"

// peer is a proxy that is measured, in front of the benchmark's application.
type peer struct {
	name   string
	pids   []int                   // its processes
	host   string                  // where it listens
	prefix string                  // before the application's paths
	header func(client int) string // says who asks
}

// figures are what was measured of a peer with one kind of answer, over all rounds.
type figures struct {
	most            []float64 // requests a second at saturation, of each round
	full, light     cost
	atLight, atHalf []time.Duration // how long each request took
}

// cost is the processor time of requests.
type cost struct {
	used     time.Duration
	requests int
}

func (c cost) each() time.Duration { return c.used / time.Duration(c.requests) }

// BenchmarkPeers measures proxies by turns, in front of the same application and under
// the same load. Each proxy has a processor to itself; the load and the application
// have the other. It prints tables. An iteration is a round, in which each has its
// turn. POTERNE_PEERS is the folder with the programs that make bench-peers builds.
func BenchmarkPeers(b *testing.B) {
	programs := os.Getenv("POTERNE_PEERS")
	if programs == "" {
		b.Skip("make bench-peers")
	}
	if runtime.NumCPU() < 2 {
		b.Skip("the proxies need a processor to themselves")
	}
	runtime.GOMAXPROCS(2) // one for the sleeper
	pin(b, 0, os.Getpid())
	application, _ := role(b, "application")
	peers := startPeers(b, programs, application)
	for _, p := range peers {
		pin(b, 1, p.pids...)
	}
	guarded := peers[len(peers)-1].name

	var tables bytes.Buffer
	for _, shape := range []struct {
		name, path string // path of a client
		people     int
	}{
		{"one person, JSON", "/people/%d-0", 1},
		{"list of 20, JSON", "/lists/20/%d", 20},
		{"list of 100, JSON", "/lists/100/%d", 100},
		{"page of 20 people, HTML", "/pages/%d", 20},
		{"file of 1,000 rows, CSV", "/files/%d", 1000},
	} {
		var measured map[string]*figures
		var lightRate float64
		var size int
		b.Run(strings.ReplaceAll(shape.name, " ", "-"), func(b *testing.B) {
			measured = make(map[string]*figures) // the framework runs it once more, to warm up
			for _, p := range peers {
				measured[p.name] = new(figures)
			}
			turn := func(p peer, spent *cost, measure func(ask func(client int) error) (answers int, err error)) {
				callers := make([]*caller, benchClients)
				for client := range callers {
					c, err := dial(p.host, p.prefix+fmt.Sprintf(shape.path, client), p.header(client))
					if err != nil {
						b.Fatal(p.name, err)
					}
					defer c.conn.Close()
					callers[client] = c
					if err := c.ask(); err != nil { // connections, sessions
						b.Fatal(p.name, err)
					}
					if n := bytes.Count(c.body, []byte("@boite.example")); n != shape.people {
						b.Fatalf("%s shows %d people of %d: %.500s", p.name, n, shape.people, c.body)
					}
				}
				if p.name == peers[0].name {
					size = len(callers[0].body) // as the application made it
				}
				before := processorTime(b, p.pids...)
				answers, err := measure(func(client int) error { return callers[client].ask() })
				if err != nil {
					b.Fatal(p.name, err)
				}
				spent.used += processorTime(b, p.pids...) - before
				spent.requests += answers
			}
			const window = 2 * time.Second
			for range b.N {
				for _, p := range peers {
					f := measured[p.name]
					turn(p, &f.full, func(ask func(int) error) (int, error) {
						n, took, err := closedLoop(benchClients, window, ask)
						f.most = append(f.most, float64(n)/took.Seconds())
						return n, err
					})
				}
				lightRate = min(400, slices.Min(measured[guarded].most)/4)
				for _, p := range peers {
					f := measured[p.name]
					open := func(took *[]time.Duration, spent *cost, rate float64) {
						turn(p, spent, func(ask func(int) error) (int, error) {
							n := max(1, int(rate*window.Seconds()))
							each, err := openLoop(benchClients, n, rate, sleepExactly, ask)
							*took = append(*took, each...)
							return n, err
						})
					}
					open(&f.atLight, &f.light, lightRate)
					open(&f.atHalf, new(cost), f.most[len(f.most)-1]/2)
				}
			}
			b.ReportMetric(0, "ns/op") // of all together: it says nothing
		})
		if b.Failed() {
			return
		}
		if measured == nil { // -bench left it out
			continue
		}
		table(&tables, fmt.Sprintf("%s, %.1f KB; light load is %.0f/s", shape.name, float64(size)/1000, lightRate), peers, measured)
	}
	fmt.Print(tables.String())
}

// table prints what was measured, and its ratio to the first peer.
func table(to *bytes.Buffer, title string, peers []peer, measured map[string]*figures) {
	fmt.Fprintf(to, "\n| %s | processor time at saturation | most, a second | processor time at light load | p50, p99 at light load | p50, p99 at half of its most |\n|---|---|---|---|---|---|\n", title)
	first := measured[peers[0].name]
	micros := func(c, of cost) string {
		if of.each() == 0 {
			return "too few requests"
		}
		return fmt.Sprintf("%d µs, ×%.2f", c.each().Microseconds(), float64(c.each())/float64(of.each()))
	}
	tail := func(took, of []time.Duration) string {
		slices.Sort(took)
		p99 := quantile(took, 0.99)
		slices.Sort(of)
		return fmt.Sprintf("%.2f, %.2f ms, p99 ×%.2f", quantile(took, 0.5).Seconds()*1000, p99.Seconds()*1000, float64(p99)/float64(quantile(of, 0.99)))
	}
	for _, p := range peers {
		f := measured[p.name]
		fmt.Fprintf(to, "| %s | %s | %.0f | %s | %s | %s |\n", p.name,
			micros(f.full, first.full), median(f.most), micros(f.light, first.light),
			tail(f.atLight, first.atLight), tail(f.atHalf, first.atHalf))
	}
}

// median returns the middle of values, the lower of two.
func median(values []float64) float64 { return quantile(slices.Sorted(slices.Values(values)), 0.5) }

// pin gives processes a processor, with all their threads.
func pin(b *testing.B, processor int, pids ...int) {
	b.Helper()
	for _, pid := range pids {
		if out, err := exec.Command("taskset", "-a", "-c", "-p", strconv.Itoa(processor), strconv.Itoa(pid)).CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	}
}

// startPeers starts the bare proxy first and Poterne last.
func startPeers(b *testing.B, programs, application string) []peer {
	upstream := strings.TrimPrefix(application, "http://")
	unsigned := func(int) string { return "" }
	start := func(config func(host string) *exec.Cmd) (host string, pid int) {
		b.Helper()
		port := freePort(b)
		host = fmt.Sprintf("127.0.0.1:%d", port)
		cmd := config(host)
		neighbour(b, cmd, port)
		return host, cmd.Process.Pid
	}
	write := func(dir, name, format string, args ...any) (path string) {
		b.Helper()
		path = filepath.Join(dir, name)
		if err := os.WriteFile(path, fmt.Appendf(nil, format, args...), 0o600); err != nil {
			b.Fatal(err)
		}
		return path
	}

	bare, barePID := role(b, "bare-proxy "+application)
	peers := []peer{{"bare `httputil.ReverseProxy`", []int{barePID}, strings.TrimPrefix(bare, "http://"), "", unsigned}}

	debian(b, "nginx", "nginx-light")
	host, pid := start(func(host string) *exec.Cmd {
		dir := b.TempDir()
		return exec.Command(lookPath("nginx"), "-p", dir, "-c", write(dir, "nginx.conf", nginxConfig, upstream, host))
	})
	peers = append(peers, peer{"nginx, `proxy_pass`", []int{pid}, host, "", unsigned})

	host, pid = start(func(host string) *exec.Cmd {
		dir := b.TempDir()
		cmd := exec.Command(filepath.Join(programs, "caddy"), "run", "--adapter", "caddyfile", "--config", write(dir, "Caddyfile", caddyConfig, host, application))
		cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
		return cmd
	})
	peers = append(peers, peer{"Caddy, `reverse_proxy`", []int{pid}, host, "", unsigned})

	// Its cookie is the whole session, encrypted, as after any sign-in by OpenID Connect.
	host, pid = start(func(host string) *exec.Cmd {
		return exec.Command(filepath.Join(programs, "oauth2-proxy"), "--http-address="+host, "--upstream="+application,
			"--provider=oidc", "--oidc-issuer-url="+provider(b, "http://"+host), "--client-id=bench", "--client-secret=a secret of the benchmark alone",
			"--redirect-url=http://"+host+oauthCallback, "--scope=openid email", "--code-challenge-method=S256", "--prompt=login",
			"--oidc-email-claim=sub", "--insecure-oidc-allow-unverified-email", "--skip-claims-from-profile-url", "--insecure-oidc-skip-nonce=false", "--email-domain=*",
			"--cookie-secret=0123456789abcdef0123456789abcdef", "--cookie-secure=false", "--skip-provider-button",
			"--request-logging=false", "--auth-logging=false", "--standard-logging=false")
	})
	sessions := make([]string, benchClients)
	for client := range sessions {
		browser := life.NewBrowser("http://" + host)
		if err := browser.SignInFrom(b.Context(), "/oauth2/start?rd=%2Fpeople%2F0-0", strconv.Itoa(client)); err != nil {
			b.Fatal("oauth2-proxy: ", err)
		}
		sessions[client] = cookies(b, browser)
	}
	peers = append(peers, peer{"oauth2-proxy, a cookie checked", []int{pid}, host, "", func(client int) string { return sessions[client] }})

	dir := b.TempDir()
	accounts := make(map[string]any)
	for client := range benchClients {
		accounts[strconv.Itoa(client)] = map[string]any{"role": "adviser", "services": []string{"app"}}
	}
	data, err := json.Marshal(map[string]any{"accounts": accounts})
	if err != nil {
		b.Fatal(err)
	}
	opa, opaPID := start(func(host string) *exec.Cmd {
		return exec.Command(filepath.Join(programs, "opa"), "run", "--server", "--addr="+host, "--log-level=error", "--disable-telemetry",
			write(dir, "policy.rego", "%s", opaPolicy), write(dir, "data.json", "%s", data))
	})
	asking, askingPID := role(b, "opa-proxy "+application+" http://"+opa)
	peers = append(peers, peer{"the bare proxy, OPA asked each time", []int{askingPID, opaPID}, strings.TrimPrefix(asking, "http://"), "", func(client int) string {
		return fmt.Sprintf("Account: %d\r\n", client)
	}})

	browsers, poternePID, _ := guard(b, benchConfig, application, benchClients, benchFile)
	signed := make([]string, benchClients)
	for client, browser := range browsers {
		signed[client] = cookies(b, browser)
	}
	return append(peers, peer{"**Poterne**", []int{poternePID}, browsers[0].Host(), "/app", func(client int) string { return signed[client] }})
}

// cookies is the header with what a browser sends.
func cookies(b *testing.B, browser *life.Browser) string {
	request := http.Request{Header: make(http.Header)}
	for _, c := range browser.Cookies() {
		request.AddCookie(c)
	}
	if request.Header.Get("Cookie") == "" {
		b.Fatal("signed in without a cookie")
	}
	return "Cookie: " + request.Header.Get("Cookie") + "\r\n"
}

const nginxConfig = `daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
worker_rlimit_nofile 4096;
events { worker_connections 1024; }
http {
	access_log off;
	keepalive_requests 1000000000;
	proxy_buffers 32 8k;
	client_body_temp_path temp;
	proxy_temp_path temp;
	fastcgi_temp_path temp;
	uwsgi_temp_path temp;
	scgi_temp_path temp;
	upstream application {
		server %s;
		keepalive 512;
		keepalive_requests 1000000000;
	}
	server {
		listen %s;
		location / {
			proxy_pass http://application;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
		}
	}
}
`

const caddyConfig = `{
	admin off
	auto_https off
	persist_config off
	log {
		level ERROR
	}
}
http://%s {
	reverse_proxy %s {
		transport http {
			keepalive_idle_conns_per_host 512
			compression off
		}
	}
}
`

// opaPolicy is what is decided of a request before the application is asked.
const opaPolicy = `package poterne

default allow := false

allow if {
	input.method == "GET"
	account := data.accounts[input.account]
	account.role == "adviser"
	"app" in account.services
	input.path[0] in {"people", "lists", "pages", "files"}
}
`

// opaProxy is the bare proxy that asks OPA about each request first.
func opaProxy(upstream, opa string) http.Handler {
	proxy := bareProxy(upstream)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 512
	client := http.Client{Transport: transport}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		question, err := json.Marshal(map[string]any{"input": map[string]any{
			"method": r.Method, "path": strings.Split(r.URL.Path[1:], "/"), "account": r.Header.Get("Account"),
		}})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answer, err := client.Post(opa+"/v1/data/poterne/allow", "application/json", bytes.NewReader(question))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		said, err := io.ReadAll(answer.Body) // to its end: the connection is used again
		var decision struct{ Result bool }
		if err != nil || json.Unmarshal(said, &decision) != nil || !decision.Result {
			http.Error(w, "refused", http.StatusForbidden)
			return
		}
		proxy.ServeHTTP(w, r)
	})
}
