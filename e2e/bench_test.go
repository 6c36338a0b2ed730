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
	case "opa-proxy":
		upstream, opa, _ := strings.Cut(argument, " ")
		handler = opaProxy(upstream, opa)
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
	benchList    = 100  // people in a list
	benchShort   = 20   // people in a short one, and in a page
	benchFile    = 1000 // people in a file
)

// benchID is how the application names the n-th person of a client.
func benchID(client, n int) string { return fmt.Sprintf("%d-%d", client, n) }

// benchPerson writes a person of about 500 bytes, as a real application would.
func benchPerson(w *bytes.Buffer, client, n int) {
	fmt.Fprintf(w, `{"id":%q,"surname":"Durand","first":"Camille","birth":"1990-05-%02d","phone":"06 39 98 %02d %02d","mail":"c.%d.%d@boite.example","street":"%d rue des Lilas","commune":"Valbourg","status":"inscription en cours","since":"2025-03-31","sought":"Conduite d’engins","skills":["caces 3","caces 5","gestes et postures"],"experience":{"years":%d,"last":"préparation de commandes"},"note":"Souhaite se former ; disponible le matin."}`,
		benchID(client, n), n%28+1, client%100, n%100, client, n, n+1, n%20)
}

// benchPage writes a page of some 2 KB for each person.
func benchPage(w *bytes.Buffer, client, people int) {
	w.WriteString(`<!DOCTYPE html><html lang="fr"><head><meta charset="utf-8"><title>Personnes</title></head><body><h1>Personnes</h1><table><thead><tr><th>Nom</th><th>Naissance</th><th>Joindre</th><th>Commune</th><th>Statut</th><th>Emploi</th><th>Note</th></tr></thead><tbody>`)
	for n := range people {
		id := benchID(client, n)
		fmt.Fprintf(w, `<tr class="person" data-id="%[1]s"><td class="name"><div class="cell"><a class="link" href="/people/%[1]s"><strong class="surname">Durand</strong> <span class="first">Camille</span></a></div></td><td class="birth"><div class="cell"><time class="date" datetime="1990-05-%02[2]d">%02[2]d/05/1990</time></div></td>`, id, n%28+1)
		fmt.Fprintf(w, `<td class="contact"><ul class="lines"><li class="line"><span class="label">Téléphone</span> <a class="link" href="tel:+33639980000">06 39 98 00 %02[2]d</a></li><li class="line"><span class="label">Courriel</span> <a class="link" href="mailto:c.%[1]d.%[2]d@boite.example">écrire</a></li><li class="line"><span class="label">Adresse</span> %[2]d rue des Lilas</li></ul></td><td class="residence"><div class="cell">Valbourg</div></td>`, client, n)
		w.WriteString(`<td class="status"><div class="cell"><span class="badge badge-open">inscription en cours</span> depuis le <time class="date" datetime="2025-03-31">31/03/2025</time></div></td><td class="employment"><dl class="wish"><dt class="label">Recherche</dt><dd class="value">Conduite d’engins</dd><dt class="label">Compétences</dt><dd class="value"><ul class="tags"><li class="tag">caces 3</li><li class="tag">caces 5</li><li class="tag">gestes et postures</li></ul></dd><dt class="label">Expérience</dt>`)
		fmt.Fprintf(w, `<dd class="value">%[1]d ans, préparation de commandes</dd></dl></td><td class="note"><p class="text">Souhaite se former ; disponible le matin. Rendez-vous pris avec l’organisme de formation, dossier complet.</p><p class="text">Permis B, véhicule. Mobile dans un rayon de trente kilomètres autour de Valbourg ; horaires décalés acceptés, sauf le mercredi.</p><p class="text">Suivi depuis trois mois : deux ateliers de rédaction, une immersion de cinq jours chez un logisticien, bilan positif. <em class="next">À faire :</em> <a class="link" href="/people/%[2]s/appointments">fixer le rendez-vous</a>, vérifier la validité des certificats et transmettre le dossier de financement au service concerné.</p></td></tr>`, n%20, id)
	}
	w.WriteString(`</tbody></table></body></html>`)
}

// benchCSV writes a file of some 113 bytes for each person.
func benchCSV(w *bytes.Buffer, client, people int) {
	w.WriteString("id;surname;first;birth;phone;mail;commune;status;since;sought\n")
	for n := range people {
		fmt.Fprintf(w, "%s;Durand;Camille;1990-05-%02d;06 39 98 %02d %02d;c.%d.%d@boite.example;Valbourg;inscription;2025-03-31;Conduite d’engins\n", benchID(client, n), n%28+1, client%100, n%100, client, n)
	}
}

// peopleApplication answers with one person, with lists, with a page and with a file.
func peopleApplication() http.Handler {
	type answer struct {
		media string
		body  bytes.Buffer
	}
	answers := make(map[string]*answer)
	add := func(media, path string) *bytes.Buffer {
		answers[path] = &answer{media: media}
		return &answers[path].body
	}
	for client := range benchClients {
		benchPerson(add("application/json", "/people/"+benchID(client, 0)), client, 0)
		for _, people := range []int{benchShort, benchList} {
			list := add("application/json", fmt.Sprintf("/lists/%d/%d", people, client))
			list.WriteString(`{"results":[`)
			for n := range people {
				if n > 0 {
					list.WriteByte(',')
				}
				benchPerson(list, client, n)
			}
			fmt.Fprintf(list, `],"total":%d}`, people)
		}
		benchPage(add("text/html; charset=utf-8", fmt.Sprintf("/pages/%d", client)), client, benchShort)
		benchCSV(add("text/csv; charset=utf-8", fmt.Sprintf("/files/%d", client)), client, benchFile)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", answer.media)
		w.Header().Set("Content-Length", strconv.Itoa(answer.body.Len()))
		_, _ = w.Write(answer.body.Bytes())
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

// processorTime is what processes have used of the processors, by the scheduler's own
// account of each thread.
func processorTime(b *testing.B, pids ...int) time.Duration {
	b.Helper()
	var used time.Duration
	for _, pid := range pids {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if err != nil || len(threads) == 0 {
			b.Skip("processor time of a process is read from /proc")
		}
		for _, thread := range threads {
			stat, err := os.ReadFile(thread)
			if err != nil {
				continue // it has ended
			}
			var ns int64
			if _, err := fmt.Sscan(string(stat), &ns); err != nil {
				b.Fatal(err)
			}
			used += time.Duration(ns)
		}
	}
	return used
}

// BenchmarkPassage measures whole passages beside a bare proxy, by turns in the
// same run: the processor time of each proxy's process for a request, with every request
// traced as well, and how many people a second are durably disclosed to 64 clients who ask as fast as they can.
func BenchmarkPassage(b *testing.B) {
	application, _ := role(b, "application")
	bare, barePID := role(b, "bare-proxy "+application)
	guarded, guardedPID, _ := guard(b, benchConfig, application, benchClients, benchFile)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer collector.Close()
	watched, watchedPID, _ := guard(b, benchConfig+"\n[traces]\nurl = \""+collector.URL+"/v1/traces\"\n", application, benchClients, benchFile)
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
		{"list-of-100", benchList, func(client int) string { return fmt.Sprintf("/lists/%d/%d", benchList, client) }},
		{"page-of-20", benchShort, func(client int) string { return fmt.Sprintf("/pages/%d", client) }},
		{"file-of-1000", benchFile, func(client int) string { return fmt.Sprintf("/files/%d", client) }},
	} {
		b.Run(shape.name, func(b *testing.B) {
			reference := storm{pid: barePID, clients: direct, path: shape.path, people: shape.people}
			passage := storm{pid: guardedPID, clients: guarded, people: shape.people, path: func(client int) string { return "/app" + shape.path(client) }}
			traced := passage
			traced.pid, traced.clients = watchedPID, watched
			all := []*storm{&reference, &passage, &traced}
			for _, one := range all {
				one.round(b, benchClients) // connections, sessions
				one.forget()
			}
			const turn = 1000
			b.ResetTimer()
			for left := b.N; left > 0; left -= turn {
				for _, one := range all {
					one.round(b, min(left, turn))
				}
			}
			b.ReportMetric(0, "ns/op") // of both together: it says nothing
			b.ReportMetric(reference.cost(), "bare-cpu-µs/req")
			b.ReportMetric(passage.cost(), "cpu-µs/req")
			b.ReportMetric(passage.cost()/reference.cost(), "x-bare")
			b.ReportMetric(traced.cost(), "traced-cpu-µs/req")
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
				if err != nil || page.Status != http.StatusOK || bytes.Count(page.Body, []byte("@boite.example")) != s.people {
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
lists = { adviser = 10000 }
ceiling = { adviser = 10000 }
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
get = "/lists/{people}/{client}"
json = { row = "$.results[*]", person = { id = "@.id" }, fields = { identifier = "@.id", name = ["@.surname", "@.first"], birth = "@.birth", contact = ["@.phone", "@.mail", "@.street"], residence = "@.commune", status = ["@.status", "@.since"], employment = ["@.sought", "@.skills", "@.experience"], note = "@.note" }, plain = "$.total" }
[[service.route]]
get = "/pages/{client}"
html = { row = "tr.person", person = { id = ":scope@data-id" }, fields = { name = "td.name", birth = "td.birth", contact = "td.contact", residence = "td.residence", status = "td.status", employment = "td.employment", note = "td.note" }, plain = ["head", "h1", "thead"] }
[[service.route]]
get = "/files/{client}"
csv = { comma = ";", download = "people.csv", person = { id = "id" }, fields = { identifier = "id", name = ["surname", "first"], birth = "birth", contact = ["phone", "mail"], residence = "commune", status = ["status", "since"], employment = "sought" } }
`

// guard puts Poterne in front of the application, and signs in an adviser for
// each client, with a caseload of so many people.
func guard(b testing.TB, config, application string, clients, caseload int) (browsers []*life.Browser, pid int, said *lockedBuffer) {
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
	people(b, dir, issuer, clients, caseload)
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
	tries := 0
	for ready := false; !ready; time.Sleep(50 * time.Millisecond) {
		if tries++; tries > 1200 {
			b.Fatal("not ready: ", said.String())
		}
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

const benchSIRET, otherSIRET = "90000000000017", "90000000000025"

// provider is an identity provider that knows an adviser for each client.
func provider(b testing.TB, origin string) (issuer string) {
	return providerOf(b, origin, func(int) string { return benchSIRET })
}

// providerOf is one that knows each client under the body that siret says.
func providerOf(b testing.TB, origin string, siret func(client int) string) (issuer string) {
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	b.Cleanup(server.Close)
	issuer = server.URL + "/api/v2"
	advisers := make([]proconnect.Person, benchClients)
	for i := range advisers {
		advisers[i] = proconnect.Person{
			Subject: strconv.Itoa(i), GivenName: "Adviser", UsualName: strconv.Itoa(i), Email: fmt.Sprintf("a%d@poste.example", i),
			SIRET: siret(i), Idp: "bench", ACR: "eidas1-mfa", AMR: []string{"pwd", "otp", "mfa"},
		}
	}
	officer := advisers[len(advisers)-1]
	officer.Subject, officer.UsualName, officer.Email = "samir", "Samir", "samir@poste.example"
	p, err := proconnect.New(proconnect.Settings{
		Issuer: issuer, People: append(advisers, officer),
		Clients: []proconnect.Client{{ID: "bench", Secret: "a secret of the benchmark alone", Name: "Poterne", Redirects: []string{origin + signin.CallbackPath, origin + oauthCallback}, Exits: []string{origin + signin.LeftPath}}},
	})
	if err != nil {
		b.Fatal(err)
	}
	handler = p.Handler()
	return issuer
}

// people fills the database: an adviser for each client, and their caseloads.
func people(b testing.TB, dir, issuer string, clients, caseload int) {
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
		for n := range caseload {
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
