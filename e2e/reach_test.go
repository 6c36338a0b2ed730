package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/lab/proof"
	"poterne/internal/lab/town/life"
	"poterne/internal/lab/town/proconnect"
	"poterne/internal/ledger"
	"poterne/internal/reason"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

const (
	fleetNodes = 3
	longList   = 200 // people in a list
)

// fleet is three nodes over one PostgreSQL, and clients who download long lists, one after
// the other. An order of any reach but the widest concerns the first half of them: they are of
// another organisation and role than the second, of one manager's lineage, in another
// network, and use another service.
type fleet struct {
	config  string
	ledger  store.Ledger
	clients []*downloader
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// reaches are orders as somebody at a terminal places them, and how many of the clients each
// concerns.
var reaches = []struct {
	name     string
	place    []string
	concerns func(clients int) int
}{
	{"account", []string{"suspend", "account", "adviser0"}, func(int) int { return 1 }},
	{"lineage", []string{"suspend", "account", "manager", "--lineage"}, half},
	{"organisation", []string{"suspend", "organisation", "mlv"}, half},
	{"role", []string{"suspend", "role", "adviser"}, half},
	{"network", []string{"close", "network", "counter"}, half},
	{"function", []string{"close", "function", "app GET /lists/{client}"}, half},
	{"service", []string{"close", "service", "app"}, half},
	{"everything", []string{"close", "everything"}, func(clients int) int { return clients }},
}

func half(clients int) int { return clients / 2 }

const fleetConfig = `
[[service]]
id = "%[1]s"
prefix = "/%[1]s"
upstream = "%[2]s"
purpose = "accompany"
[[service.route]]
get = "/lists/{client}"
json = { row = "$.results[*]", person = { id = "@.id" }, fields = { identifier = "@.id", name = ["@.surname", "@.first"], birth = "@.birth", contact = ["@.phone", "@.mail", "@.street"], residence = "@.commune", status = ["@.status", "@.since"], employment = ["@.sought", "@.skills", "@.experience"], note = "@.note" }, plain = "$.total" }
`

// newFleet starts the nodes, and signs the clients in, who pause between two lists.
func newFleet(tb testing.TB, clients int, pause time.Duration) *fleet {
	tb.Helper()
	application := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/lists/"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		var list bytes.Buffer
		list.WriteString(`{"results":[`)
		for n := range longList {
			if n > 0 {
				list.WriteByte(',')
			}
			benchPerson(&list, client, n)
		}
		fmt.Fprintf(&list, `],"total":%d}`, longList)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(list.Bytes())
	}))
	tb.Cleanup(application.Close)
	connection, dir := storetest.StartPostgreSQL(tb).Database(tb), tb.TempDir()
	if out, err := exec.Command(binary, "keys", dir, "--origin", "bench.example").CombinedOutput(); err != nil {
		tb.Fatalf("%v: %s", err, out)
	}
	hosts := make([]string, fleetNodes)
	for i := range hosts {
		hosts[i] = fmt.Sprintf("localhost:%d", freePort(tb))
	}
	origin := "http://" + hosts[0]
	issuer := providerOf(tb, origin, func(client int) string {
		if client < half(clients) {
			return benchSIRET
		}
		return otherSIRET
	})
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
		return path
	}
	write("client.secret", "a secret of the benchmark alone")
	f := &fleet{}
	f.people(tb, dir, connection, issuer, clients)
	for i, host := range hosts {
		// What the example of the benchmark guards beside is not asked for here.
		base, _, _ := strings.Cut(fmt.Sprintf(benchConfig, origin, host, issuer, application.URL), "[[service]]")
		text := strings.Replace(base, `path = "poterne.db"`, fmt.Sprintf("server = %q", connection), 1) +
			fmt.Sprintf(fleetConfig, "app", application.URL) + fmt.Sprintf(fleetConfig, "other", application.URL) +
			"[[network]]\nname = \"counter\"\nranges = [\"127.0.0.2/32\"]\n"
		f.config = write(fmt.Sprintf("node%d.toml", i), text)
		node, err := proof.Start(binary, "serve", "--config", f.config)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() {
			node.Kill()
			if tb.Failed() {
				tb.Log(node.Output)
			}
		})
		if err := node.Ready(tb.Context(), "http://"+host); err != nil {
			tb.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	f.stop = stop
	tb.Cleanup(func() {
		stop()
		f.done.Wait()
	})
	for i := range clients {
		browser := life.NewBrowser(origin)
		if err := browser.SignIn(tb.Context(), strconv.Itoa(i)); err != nil {
			tb.Fatal(err)
		}
		service, network := "app", "127.0.0.2"
		if i >= half(clients) {
			service, network = "other", "127.0.0.1"
		}
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(network)}}
		d := &downloader{
			account: fleetAccount(i),
			address: fmt.Sprintf("http://%s/%s/lists/%d", hosts[i%fleetNodes], service, i), host: hosts[0], cookies: browser.Cookies(), pause: pause,
			http: &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
				return dialer.DialContext(ctx, "tcp4", address)
			}}},
		}
		f.clients = append(f.clients, d)
		f.done.Go(func() { d.run(ctx) })
	}
	return f
}

func fleetAccount(client int) roster.AccountID {
	return roster.AccountID(fmt.Sprint("adviser", client))
}

// people fills the database.
func (f *fleet) people(tb testing.TB, dir, connection, issuer string, clients int) {
	s, err := store.OpenPostgreSQL(tb.Context(), connection)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	if err := proof.Unveil(tb.Context(), s, dir); err != nil {
		tb.Fatal(err)
	}
	f.ledger = store.NewLedger(s)
	key := pseudonymKey(tb, dir)
	from, until := time.Now().AddDate(0, -1, 0), time.Now().AddDate(0, 11, 0)
	identity := func(subject string) roster.Identity {
		return roster.Identity{Issuer: issuer, Provider: "bench", Subject: proconnect.Subject("bench", "bench", subject)}
	}
	list := accounts.List{
		Organisations: []roster.Organisation{{ID: "mlv", SIRET: benchSIRET, Name: "Mission locale"}, {ID: "cap", SIRET: otherSIRET, Name: "Cap emploi"}},
		Accounts: []roster.Account{
			{ID: "manager", Organisation: "cap", Role: roster.Manager, Name: "Manager", Opened: from, Identity: identity("manager")},
			{ID: "samir", Organisation: "cap", Role: roster.Security, Name: "Samir", Opened: from, Identity: identity("samir")},
		},
	}
	var facts []reason.Fact
	for client := range clients {
		id := fleetAccount(client)
		a := roster.Account{ID: id, Organisation: "mlv", Role: roster.Adviser, Proposer: "manager", Name: string(id), Opened: from, Identity: identity(strconv.Itoa(client))}
		service := roster.ServiceID("app")
		if client >= half(clients) {
			a.Organisation, a.Role, a.Proposer, service = "cap", roster.Desk, "", "other"
		}
		list.Accounts = append(list.Accounts, a)
		list.Habilitations = append(list.Habilitations, roster.Habilitation{Account: id, Service: service, Purpose: "accompany", From: from, Until: until})
		for n := range longList {
			facts = append(facts, reason.Fact{Kind: reason.Caseload, Account: id, Person: key.Person(benchID(client, n)), From: from, Until: until, ID: benchID(client, n)})
		}
	}
	if err := storetest.TakeRoster(tb, s, list); err != nil {
		tb.Fatal(err)
	}
	if err := storetest.TakeFacts(tb, s, "cases", facts...); err != nil {
		tb.Fatal(err)
	}
}

// downloader is a client who downloads one long list after the other.
type downloader struct {
	account       roster.AccountID
	address, host string
	cookies       []*http.Cookie
	http          *http.Client
	pause         time.Duration

	whole   atomic.Int64 // lists that came to their end
	broken  atomic.Int64 // that ended in the midst of it
	refused atomic.Int64 // that were refused
	lifted  atomic.Int64 // that were stopped by an order which was lifted before the refusal was written
	last    atomic.Int64 // when the last byte of a list came, since 1970
	odd     atomic.Value // an answer that is none of these, in words
}

func (d *downloader) run(ctx context.Context) {
	portion := make([]byte, 32<<10)
	for ctx.Err() == nil {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.address, nil)
		if err != nil {
			panic(err)
		}
		request.Host = d.host
		request.Header.Set("User-Agent", life.Agent)
		request.Header.Set("Accept-Language", life.Language)
		for _, c := range d.cookies {
			request.AddCookie(c)
		}
		answer, err := d.http.Do(request)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil: // broken off before its first bytes were on their way
			d.broken.Add(1)
			time.Sleep(20 * time.Millisecond)
			continue
		case answer.StatusCode == http.StatusForbidden:
			d.refused.Add(1)
			time.Sleep(20 * time.Millisecond)
		case answer.StatusCode == http.StatusServiceUnavailable:
			d.lifted.Add(1)
			time.Sleep(20 * time.Millisecond)
		case answer.StatusCode != http.StatusOK:
			d.odd.Store(answer.Status)
			return
		}
		for answer.StatusCode == http.StatusOK {
			n, err := answer.Body.Read(portion)
			if n > 0 {
				d.last.Store(time.Now().UnixNano())
			}
			if errors.Is(err, io.EOF) {
				d.whole.Add(1)
				time.Sleep(d.pause)
				break
			} else if err != nil {
				d.broken.Add(1)
				break
			}
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
	}
}

// poterne runs a command.
func (f *fleet) poterne(tb testing.TB, args ...string) string {
	tb.Helper()
	args = slices.Insert(args, 2, "--config", f.config, "--as", "samir", "--because", "the drill")
	out, err := exec.Command(binary, args...).CombinedOutput()
	if err != nil {
		tb.Fatalf("poterne %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// come waits until each of some clients has got as far as it says.
func (f *fleet) come(tb testing.TB, what string, some []*downloader, counter func(*downloader) *atomic.Int64, more int64) {
	tb.Helper()
	targets := make([]int64, len(some))
	for i, d := range some {
		targets[i] = counter(d).Load() + more
	}
	for begun := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		left := 0
		for i, d := range some {
			if odd := d.odd.Load(); odd != nil {
				tb.Fatalf("%s is answered: %v", d.account, odd)
			}
			if counter(d).Load() < targets[i] {
				left++
			}
		}
		if left == 0 {
			return
		}
		if time.Since(begun) > patience {
			tb.Fatalf("%d clients of %d do not come to this: %s", left, len(some), what)
		}
	}
}

func whole(d *downloader) *atomic.Int64   { return &d.whole }
func refused(d *downloader) *atomic.Int64 { return &d.refused }

// placed is what came of an order.
type placed struct {
	last []time.Duration // from its entry to the last byte of each client whom it concerns; zero when that came before
	cut  int             // clients whose list ended in the midst of it
}

// order places an order while every client downloads, and wants those whom it concerns to be
// refused, the others to go on, and the ledger to hold no disclosure to the first after it.
// Then it lifts the order, and all go on.
func (f *fleet) order(tb testing.TB, place []string, concerns int) (p placed) {
	tb.Helper()
	stopped, others := f.clients[:concerns], f.clients[concerns:]
	f.come(tb, "they download", f.clients, whole, 1)
	said := f.poterne(tb, append([]string{"order", "place"}, place...)...)
	f.come(tb, "refused, twice", stopped, refused, 2)
	f.come(tb, "whoever it does not concern goes on", others, whole, 2)
	for _, d := range others {
		if d.refused.Load()+d.broken.Load()+d.lifted.Load() > 0 {
			tb.Errorf("%s is stopped by an order that does not concern it", d.account)
		}
	}
	numbers := proof.OrderNumber.FindAllStringSubmatch(said, -1)
	if numbers == nil {
		tb.Fatalf("no order: %s", said)
	}
	first, err := strconv.ParseUint(numbers[0][1], 10, 63)
	if err != nil {
		tb.Fatal(err)
	}
	entry, err := f.ledger.Entry(tb.Context(), ledger.Number(first))
	if err != nil {
		tb.Fatal(err)
	}
	concerned := make(map[roster.AccountID]bool)
	for _, d := range stopped {
		concerned[d.account] = true
		p.last = append(p.last, max(0, time.Unix(0, d.last.Load()).Sub(entry.Time)))
		p.cut += int(d.broken.Load())
	}
	for e, err := range f.ledger.Entries(tb.Context(), entry.Number) {
		if err != nil {
			tb.Fatal(err)
		}
		if e.Disclosed() && concerned[e.Account] {
			tb.Fatalf("entry %d discloses somebody to %s after order %d", e.Number, e.Account, first)
		}
	}
	for _, number := range numbers {
		f.poterne(tb, "order", "lift", number[1])
	}
	f.come(tb, "all go on", f.clients, whole, 1)
	for _, d := range stopped {
		d.refused.Store(0)
		d.broken.Store(0)
		d.lifted.Store(0)
	}
	return p
}

// An order of each reach, placed by somebody at a terminal while clients of three nodes
// download long lists, ends what it concerns on all of them, and nothing else.
//
// Promises: ACT-5, ACT-1, ACT-3
func TestACT_5_AnOrderOfEachReachEndsTheListsUnderWayThatItConcernsOnEveryNode(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2*fleetNodes, 40*time.Millisecond)
	for _, r := range reaches {
		if !t.Run(r.name, func(t *testing.T) { f.order(t, r.place, r.concerns(len(f.clients))) }) {
			return
		}
	}
}

// BenchmarkOrder measures from the entry of an order until the last byte that a client has of
// what the order stops, while 64 clients of three nodes download long lists: as fast as they
// can, or with a second between two.
func BenchmarkOrder(b *testing.B) {
	for _, pace := range []struct {
		name  string
		pause time.Duration
	}{{"saturated", 0}, {"paced", time.Second}} {
		b.Run(pace.name, func(b *testing.B) {
			f := newFleet(b, benchClients, pace.pause)
			for _, r := range reaches {
				b.Run(r.name, func(b *testing.B) { f.measure(b, r.place, r.concerns(len(f.clients))) })
			}
		})
	}
}

func (f *fleet) measure(b *testing.B, place []string, concerns int) {
	var last []time.Duration
	cut := 0
	for range b.N {
		p := f.order(b, place, concerns)
		last, cut = append(last, p.last...), cut+p.cut
	}
	slices.Sort(last)
	b.ReportMetric(0, "ns/op") // of placing, waiting and lifting: it says nothing
	for _, share := range []int{50, 90, 99, 100} {
		b.ReportMetric(float64(last[(len(last)-1)*share/100].Microseconds())/1000, fmt.Sprintf("p%d-ms", share))
	}
	b.ReportMetric(float64(len(last)), "clients")
	b.ReportMetric(float64(cut), "cut-midway")
}
