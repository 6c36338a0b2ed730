package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/lab/town/life"
	"poterne/internal/lab/town/proconnect"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/signin"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// The parts of the benchmark that are not Poterne run as processes of their own,
// so that the processor time of each is its own: this test binary, told its role.
const roleVariable = "POTERNE_E2E_ROLE"

func init() {
	role, argument, _ := strings.Cut(os.Getenv(roleVariable), " ")
	var handler http.Handler
	switch role {
	case "application":
		handler = peopleApplication()
	case "bare-proxy":
		handler = bareProxy(argument)
	default:
		return
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(l.Addr())
	fmt.Fprintln(os.Stderr, http.Serve(l, handler))
	os.Exit(1)
}

const (
	benchClients = 64
	benchList    = 100 // people in a list
)

// benchID is how the application names the n-th person of a client.
func benchID(client, n int) string { return fmt.Sprintf("%d-%d", client, n) }

// benchPerson writes a person of about 500 bytes, as a real application would.
func benchPerson(w *bytes.Buffer, client, n int) {
	fmt.Fprintf(w, `{"id":%q,"surname":"Durand","first":"Camille","birth":"1990-05-%02d","phone":"06 39 98 %02d %02d","mail":"c.%d.%d@boite.example","street":"%d rue des Lilas","commune":"Valbourg","status":"inscription en cours","since":"2025-03-31","sought":"Conduite d’engins","skills":["caces 3","caces 5","gestes et postures"],"experience":{"years":%d,"last":"préparation de commandes"},"note":"Souhaite se former ; disponible le matin."}`,
		benchID(client, n), n%28+1, client%100, n%100, client, n, n+1, n%20)
}

// peopleApplication answers with one person, or with a list of a hundred.
func peopleApplication() http.Handler {
	bodies := make(map[string][]byte)
	for client := range benchClients {
		var one, list bytes.Buffer
		benchPerson(&one, client, 0)
		list.WriteString(`{"results":[`)
		for n := range benchList {
			if n > 0 {
				list.WriteByte(',')
			}
			benchPerson(&list, client, n)
		}
		fmt.Fprintf(&list, `],"total":%d}`, benchList)
		bodies["/people/"+benchID(client, 0)] = one.Bytes()
		bodies[fmt.Sprintf("/lists/%d", client)] = list.Bytes()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := bodies[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	})
}

// bareProxy is the reference: the standard library's proxy, with as many
// connections kept as it needs.
func bareProxy(upstream string) http.Handler {
	target, err := url.Parse(upstream)
	if err != nil {
		panic(err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 512
	transport.DisableCompression = true
	return &httputil.ReverseProxy{
		Transport: transport,
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
	}
}

// role starts this binary in a role, and returns where it listens.
func role(b testing.TB, role string) (address string, pid int) {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line := make([]byte, 64)
	n, err := out.Read(line)
	if err != nil {
		b.Fatal(err)
	}
	return "http://" + strings.TrimSpace(string(line[:n])), cmd.Process.Pid
}

// processorTime is what a process has used of the processors, in user and system
// mode.
func processorTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Skip("processor time of a process is read from /proc")
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var ticks int64
	for _, field := range fields[11:13] { // utime and stime, in hundredths of a second
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// BenchmarkPassage measures whole passages beside a bare proxy, by turns in the
// same run: the processor time of each proxy's process for a request, and how many
// people a second are durably disclosed to 64 clients who ask as fast as they can.
func BenchmarkPassage(b *testing.B) {
	application, _ := role(b, "application")
	bare, barePID := role(b, "bare-proxy "+application)
	guarded, guardedPID, _ := guard(b, benchConfig, application, benchClients)
	direct := make([]*life.Browser, benchClients)
	for i := range direct {
		direct[i] = life.NewBrowser(bare)
	}
	for _, shape := range []struct {
		name   string
		people int
		path   func(client int) string
	}{
		{"one-person", 1, func(client int) string { return "/people/" + benchID(client, 0) }},
		{"list-of-100", benchList, func(client int) string { return fmt.Sprintf("/lists/%d", client) }},
	} {
		b.Run(shape.name, func(b *testing.B) {
			reference := storm{pid: barePID, clients: direct, path: shape.path, people: shape.people}
			passage := storm{pid: guardedPID, clients: guarded, people: shape.people, path: func(client int) string { return "/app" + shape.path(client) }}
			reference.round(b, benchClients) // connections, sessions
			passage.round(b, benchClients)
			reference.forget()
			passage.forget()
			const turn = 1000
			b.ResetTimer()
			for left := b.N; left > 0; left -= turn {
				reference.round(b, min(left, turn))
				passage.round(b, min(left, turn))
			}
			b.ReportMetric(0, "ns/op") // of both together: it says nothing
			b.ReportMetric(reference.cost(), "bare-cpu-µs/req")
			b.ReportMetric(passage.cost(), "cpu-µs/req")
			b.ReportMetric(passage.cost()/reference.cost(), "x-bare")
			b.ReportMetric(passage.rate(), "disclosures/s")
		})
	}
}

// storm is clients who ask as fast as they can, and what it costs a process.
type storm struct {
	pid     int
	clients []*life.Browser
	path    func(client int) string
	people  int // in each answer

	requests int
	used     time.Duration // of the processors, by the process
	took     time.Duration
}

func (s *storm) forget() { s.requests, s.used, s.took = 0, 0, 0 }

// cost is the processor time of a request, in microseconds.
func (s *storm) cost() float64 { return float64(s.used.Microseconds()) / float64(s.requests) }

// rate is how many people were shown in a second.
func (s *storm) rate() float64 { return float64(s.requests*s.people) / s.took.Seconds() }

// round lets the clients ask until n requests are answered.
func (s *storm) round(b *testing.B, n int) {
	var left atomic.Int64
	left.Store(int64(n))
	before, began := processorTime(b, s.pid), time.Now()
	var wait sync.WaitGroup
	for client, browser := range s.clients {
		wait.Go(func() {
			for left.Add(-1) >= 0 {
				page, err := browser.Get(context.Background(), s.path(client))
				if err != nil || page.Status != http.StatusOK || bytes.Count(page.Body, []byte(`"id"`)) != s.people {
					b.Errorf("status %d, %d bytes, %v", page.Status, len(page.Body), err)
					return
				}
			}
		})
	}
	wait.Wait()
	s.requests += n
	s.took += time.Since(began)
	s.used += processorTime(b, s.pid) - before
}

const benchConfig = `
[public]
origin = "%[1]s"
listen = "%[2]s"
[database]
path = "poterne.db"
[keys]
pseudonym = "pseudonym.key"
checkpoint = "checkpoint.key"
assertion = "assertion.key"
seal = "seal.key"
epoch = "epoch.key"
[signin]
issuer = "%[3]s"
client_id = "bench"
client_secret_file = "client.secret"
[register]
scheme = "id"
[register.schemes.id]
pattern = "[0-9]+-[0-9]+"
[[purpose]]
name = "accompany"
fields = ["name", "birth", "contact", "identifier", "status", "employment", "note", "residence"]
[allowance]
adviser = { hour = 3, month = 20 }
desk = { hour = 6, month = 80 }
call-centre = { hour = 6, month = 80 }
training = { hour = 2, month = 5 }
probation = { hour = 1, month = 5 }
organisation = { hour = 100, month = 2000 }
service = { hour = 500, month = 20000 }
register = { hour = 1000, month = 40000 }
cold = false
[watch]
adviser = { forgiven = 1, line = 20, pace = 10000, wall = 10000 }
desk = { forgiven = 3.2, line = 35, pace = 20, wall = 400 }
call-centre = { forgiven = 3, line = 35, pace = 20, wall = 400 }
training = { forgiven = 0.25, line = 8, pace = 20, wall = 200 }
[[service]]
id = "app"
prefix = "/app"
reuse = true
upstream = "%[4]s"
purpose = "accompany"
[[service.route]]
get = "/people/{id}"
request = { path = { id = "id" } }
json = { about = true, row = "$", person = { id = "@.id" }, fields = { identifier = "@.id", name = ["@.surname", "@.first"], birth = "@.birth", contact = ["@.phone", "@.mail", "@.street"], residence = "@.commune", status = ["@.status", "@.since"], employment = ["@.sought", "@.skills", "@.experience"], note = "@.note" } }
[[service.route]]
get = "/lists/{client}"
json = { row = "$.results[*]", person = { id = "@.id" }, fields = { identifier = "@.id", name = ["@.surname", "@.first"], birth = "@.birth", contact = ["@.phone", "@.mail", "@.street"], residence = "@.commune", status = ["@.status", "@.since"], employment = ["@.sought", "@.skills", "@.experience"], note = "@.note" }, plain = "$.total" }
`

// guard puts Poterne in front of the application, and signs in an adviser for
// each client, who accompanies exactly the people it asks for.
func guard(b testing.TB, config, application string, clients int) (browsers []*life.Browser, pid int, said *lockedBuffer) {
	b.Helper()
	dir := b.TempDir()
	port := freePort(b)
	origin := fmt.Sprintf("http://localhost:%d", port)
	if out, err := exec.Command(binary, "keys", dir, "--origin", "bench.example").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	issuer := provider(b, origin)
	for name, text := range map[string]string{
		"client.secret": "a secret of the benchmark alone",
		"poterne.toml":  fmt.Sprintf(config, origin, fmt.Sprintf("localhost:%d", port), issuer, application),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	people(b, dir, issuer, clients)
	cmd := exec.Command(binary, "serve", "--config", filepath.Join(dir, "poterne.toml"))
	said = new(lockedBuffer)
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if b.Failed() {
			b.Log(said.String())
		}
	})
	for ready := false; !ready; time.Sleep(50 * time.Millisecond) {
		answer, err := http.Get(origin + "/readyz")
		if err == nil {
			ready = answer.StatusCode == http.StatusOK
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
		}
	}
	for client := range clients {
		browser := life.NewBrowser(origin)
		if err := browser.SignIn(b.Context(), strconv.Itoa(client)); err != nil {
			b.Fatal(err, said.String())
		}
		browsers = append(browsers, browser)
	}
	return browsers, cmd.Process.Pid, said
}

const benchSIRET = "90000000000017"

// provider is an identity provider that knows an adviser for each client.
func provider(b testing.TB, origin string) (issuer string) {
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	b.Cleanup(server.Close)
	issuer = server.URL + "/api/v2"
	advisers := make([]proconnect.Person, benchClients)
	for i := range advisers {
		advisers[i] = proconnect.Person{
			Subject: strconv.Itoa(i), GivenName: "Adviser", UsualName: strconv.Itoa(i), Email: fmt.Sprintf("a%d@poste.example", i),
			SIRET: benchSIRET, Idp: "bench", ACR: "eidas1-mfa", AMR: []string{"pwd", "otp", "mfa"},
		}
	}
	p, err := proconnect.New(proconnect.Settings{
		Issuer: issuer, People: advisers,
		Clients: []proconnect.Client{{ID: "bench", Secret: "a secret of the benchmark alone", Name: "Poterne", Redirects: []string{origin + signin.CallbackPath}, Exits: []string{origin + signin.LeftPath}}},
	})
	if err != nil {
		b.Fatal(err)
	}
	handler = p.Handler()
	return issuer
}

// people fills the database: an adviser for each client, and their caseloads.
func people(b testing.TB, dir, issuer string, clients int) {
	s, err := store.OpenSQLite(b.Context(), filepath.Join(dir, "poterne.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	sealed(b, s, dir)
	key := pseudonymKey(b, dir)
	from, until := time.Now().AddDate(0, -1, 0), time.Now().AddDate(0, 11, 0)
	list := accounts.List{Organisations: []roster.Organisation{{ID: "mlv", SIRET: benchSIRET, Name: "Mission locale"}}}
	var facts []reason.Fact
	for client := range clients {
		id := roster.AccountID(fmt.Sprint("adviser", client))
		list.Accounts = append(list.Accounts, roster.Account{
			ID: id, Organisation: "mlv", Role: roster.Adviser, Name: string(id), Opened: from,
			Identity: roster.Identity{Issuer: issuer, Provider: "bench", Subject: proconnect.Subject("bench", "bench", strconv.Itoa(client))},
		})
		list.Habilitations = append(list.Habilitations, roster.Habilitation{Account: id, Service: "app", Purpose: "accompany", From: from, Until: until})
		for n := range benchList {
			facts = append(facts, reason.Fact{Kind: reason.Caseload, Account: id, Person: key.Person(benchID(client, n)), From: from, Until: until, ID: benchID(client, n)})
		}
	}
	if err := storetest.TakeRoster(b, s, list); err != nil {
		b.Fatal(err)
	}
	if err := storetest.TakeFacts(b, s, "cases", facts...); err != nil {
		b.Fatal(err)
	}
}

// pseudonymKey reads the key that `poterne keys` made.
func pseudonymKey(t testing.TB, dir string) register.Key {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "pseudonym.key"))
	if err != nil {
		t.Fatal(err)
	}
	secret := make([]byte, register.KeyBytes)
	if _, err := fmt.Sscanf(string(text), "%x", &secret); err != nil {
		t.Fatal(err)
	}
	key, err := register.NewKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
