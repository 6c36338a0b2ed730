package e2e

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
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

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/net/html"

	"poterne/internal/accounts"
	"poterne/internal/containment"
	"poterne/internal/lab/proof"
	"poterne/internal/lab/town/life"
	"poterne/internal/lab/town/proconnect"
	"poterne/internal/ledger"
	"poterne/internal/portal/portaltest"
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
	origin  string
	issuer  string // of whom the accounts are
	ledger  store.Ledger
	clients []*downloader
	signals ed25519.PrivateKey // of the transmitter that may suspend accounts
	desk    *life.Browser      // of somebody signed in there
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// reach is an order, as somebody places it at a terminal or on the page of the desk, and how
// many of the clients it concerns.
type reach struct {
	name     string
	place    []string   // after "order place"
	page     url.Values // of the address of the page that places it
	concerns func(clients int) int
}

var reaches = []reach{
	{"account", []string{"suspend", "account", "adviser0"}, on("suspended", "account", "adviser0"), func(int) int { return 1 }},
	{"lineage", []string{"suspend", "account", "manager", "--lineage"}, lineage("manager"), half},
	{"organisation", []string{"suspend", "organisation", "mlv"}, on("suspended", "organisation", "mlv"), half},
	{"role", []string{"suspend", "role", "adviser"}, on("suspended", "role", "adviser"), half},
	{"network", []string{"close", "network", "counter"}, on("closed", "network", "counter"), half},
	{"function", []string{"close", "function", "app GET /lists/{client}"}, on("closed", "function", "app GET /lists/{client}"), half},
	{"service", []string{"close", "service", "app"}, on("closed", "service", "app"), half},
	{"everything", []string{"close", "everything"}, on("closed", "everything", ""), func(clients int) int { return clients }},
}

// on is the address of the page that places an order, as the desk links to it.
func on(effect, reach, target string) url.Values {
	address := url.Values{"effect": {effect}, "reach": {reach}}
	if target != "" {
		address.Set("target", target)
	}
	return address
}

func lineage(of string) url.Values {
	address := on("suspended", "account", of)
	address.Set("lineage", "1")
	return address
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
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		tb.Fatal(err)
	}
	signing, err := json.Marshal(jose.JSONWebKey{Key: public, KeyID: "k"})
	if err != nil {
		tb.Fatal(err)
	}
	f := &fleet{origin: origin, issuer: issuer, signals: private}
	f.people(tb, dir, connection, issuer, clients)
	for i, host := range hosts {
		// What the example of the benchmark guards beside is not asked for here.
		base, _, _ := strings.Cut(fmt.Sprintf(benchConfig, origin, host, issuer, application.URL), "[[service]]")
		text := strings.Replace(base, `path = "poterne.db"`, fmt.Sprintf("server = %q", connection), 1) +
			fmt.Sprintf(fleetConfig, "app", application.URL) + fmt.Sprintf(fleetConfig, "other", application.URL) +
			"[[network]]\nname = \"counter\"\nranges = [\"127.0.0.2/32\"]\n" +
			fmt.Sprintf("[[transmitter]]\nname = \"entra\"\nissuer = \"https://signals.example\"\npeople = %q\nprovider = \"bench\"\nkeys = '{\"keys\":[%s]}'\n", issuer, signing)
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
		service, network := "app", "127.0.0.2"
		if i >= half(clients) {
			service, network = "other", "127.0.0.1"
		}
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(network)}}
		d := &downloader{
			account: fleetAccount(i),
			address: fmt.Sprintf("http://%s/%s/lists/%d", hosts[i%fleetNodes], service, i), host: hosts[0], pause: pause,
			http: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Transport: &http.Transport{DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
				return dialer.DialContext(ctx, "tcp4", address)
			}}},
		}
		f.signIn(tb, d, i)
		f.clients = append(f.clients, d)
		f.done.Go(func() { d.run(ctx) })
	}
	return f
}

// signIn gives a client a session.
func (f *fleet) signIn(tb testing.TB, d *downloader, client int) {
	tb.Helper()
	browser := life.NewBrowser(f.origin)
	if err := browser.SignIn(tb.Context(), strconv.Itoa(client)); err != nil {
		tb.Fatal(err)
	}
	cookies := browser.Cookies()
	d.cookies.Store(&cookies)
	d.out.Store(false)
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
	cookies       atomic.Pointer[[]*http.Cookie]
	http          *http.Client
	pause         time.Duration

	whole   atomic.Int64 // lists that came to their end
	broken  atomic.Int64 // that ended in the midst of it
	refused atomic.Int64 // that were refused
	out     atomic.Bool  // it has no session any more
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
		for _, c := range *d.cookies.Load() {
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
		case answer.StatusCode == http.StatusForbidden, answer.StatusCode == http.StatusUnauthorized, answer.StatusCode == http.StatusSeeOther: // the last two: its session is over
			d.out.Store(answer.StatusCode != http.StatusForbidden)
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

// hand is a way in which an order is placed.
type hand struct {
	name  string
	place func(*fleet, testing.TB, reach)
}

var (
	byCommand = hand{"command", func(f *fleet, tb testing.TB, r reach) {
		f.poterne(tb, append([]string{"order", "place"}, r.place...)...)
	}}
	// byPage opens the page that the desk links to, says why, and sends the page's own form.
	byPage = hand{"page", func(f *fleet, tb testing.TB, r reach) {
		page, err := f.officer(tb).Get(tb.Context(), "/desk/orders/new?"+r.page.Encode())
		if err != nil || page.Status != http.StatusOK {
			tb.Fatalf("the page that places an order: %d %v", page.Status, err)
		}
		form := filled(tb, page.Body, "/desk/orders")
		form.Set("because", "the drill")
		if done, err := f.officer(tb).Post(tb.Context(), "/desk/orders", form); err != nil || done.Status != http.StatusOK || !done.Address.Query().Has("said") {
			tb.Fatalf("placing an order: %d at %s %v", done.Status, done.Address, err)
		}
	}}
)

// disable has another system say that the account of a client is disabled.
func (f *fleet) disable(tb testing.TB, client int) {
	tb.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: f.signals}, (&jose.SignerOptions{}).WithType("secevent+jwt"))
	if err != nil {
		tb.Fatal(err)
	}
	person := proconnect.Subject("bench", "bench", strconv.Itoa(client))
	token, err := jwt.Signed(signer).Claims(map[string]any{
		"iss": "https://signals.example", "aud": f.origin, "jti": rand.Text(), "iat": time.Now().Unix(),
		"sub_id": map[string]any{"format": "iss_sub", "iss": f.issuer, "sub": person},
		"events": map[string]any{"https://schemas.openid.net/secevent/risc/event-type/account-disabled": map[string]any{}},
	}).Serialize()
	if err != nil {
		tb.Fatal(err)
	}
	answer, err := http.Post(f.origin+"/.poterne/signals/entra", "application/secevent+jwt", strings.NewReader(token))
	if err != nil {
		tb.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted {
		tb.Fatalf("the signal is answered %s", answer.Status)
	}
}

// officer is signed in at the desk.
func (f *fleet) officer(tb testing.TB) *life.Browser {
	tb.Helper()
	if f.desk == nil {
		f.desk = life.NewBrowser(f.origin)
		if err := f.desk.SignIn(tb.Context(), strconv.Itoa(benchClients)); err != nil {
			tb.Fatal(err)
		}
	}
	return f.desk
}

// filled is what the form of a page sends as it stands.
func filled(tb testing.TB, page []byte, action string) url.Values {
	tb.Helper()
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		tb.Fatal(err)
	}
	form := make(url.Values)
	for _, f := range portaltest.All(root, "form") {
		if portaltest.Attr(f, "action") != action {
			continue
		}
		for _, field := range portaltest.All(f, "input", "textarea", "select") {
			has := func(name string) bool {
				return slices.ContainsFunc(field.Attr, func(a html.Attribute) bool { return a.Key == name })
			}
			switch value := portaltest.Attr(field, "value"); {
			case field.Data == "textarea":
				form.Add(portaltest.Attr(field, "name"), portaltest.Text(field))
			case field.Data == "select":
				form.Add(portaltest.Attr(field, "name"), portaltest.Attr(portaltest.All(field, "option")[0], "value"))
			case portaltest.Attr(field, "type") != "checkbox" || has("checked"):
				form.Add(portaltest.Attr(field, "name"), value)
			}
		}
		return form
	}
	tb.Fatalf("the page has no form that goes to %s", action)
	return nil
}

// halt has an order placed while every client downloads, and wants those whom it concerns to
// be refused, the others to go on, and the ledger to hold no disclosure to the first after it.
// It returns the entries of the order.
func (f *fleet) halt(tb testing.TB, stopped, others []*downloader, place func()) (p placed, orders []ledger.Entry) {
	tb.Helper()
	f.come(tb, "they download", f.clients, whole, 1)
	before, err := f.ledger.FirstAt(tb.Context(), time.Now())
	if err != nil {
		tb.Fatal(err)
	}
	place()
	f.come(tb, "refused, twice", stopped, refused, 2)
	f.come(tb, "whoever it does not concern goes on", others, whole, 2)
	for _, d := range others {
		if d.refused.Load()+d.broken.Load()+d.lifted.Load() > 0 {
			tb.Errorf("%s is stopped by an order that does not concern it", d.account)
		}
	}
	concerned := make(map[roster.AccountID]bool)
	for _, d := range stopped {
		concerned[d.account] = true
	}
	for e, err := range f.ledger.Entries(tb.Context(), before) {
		if err != nil {
			tb.Fatal(err)
		}
		if e.Kind == ledger.Placed {
			orders = append(orders, e)
		}
		if len(orders) > 0 && e.Disclosed() && concerned[e.Account] {
			tb.Fatalf("entry %d discloses somebody to %s after order %d", e.Number, e.Account, orders[0].Number)
		}
	}
	if len(orders) == 0 {
		tb.Fatal("no order")
	}
	for _, d := range stopped {
		p.last = append(p.last, max(0, time.Unix(0, d.last.Load()).Sub(orders[0].Time)))
		p.cut += int(d.broken.Load())
	}
	return p, orders
}

// order places an order, and lifts it: then all go on.
func (f *fleet) order(tb testing.TB, by hand, r reach) placed {
	tb.Helper()
	concerns := r.concerns(len(f.clients))
	stopped := f.clients[:concerns]
	p, orders := f.halt(tb, stopped, f.clients[concerns:], func() { by.place(f, tb, r) })
	for _, o := range orders {
		f.poterne(tb, "order", "lift", string(containment.IDOf(o.Number)))
	}
	for i, d := range stopped {
		if d.out.Load() {
			f.signIn(tb, d, i)
		}
	}
	f.come(tb, "all go on", f.clients, whole, 1)
	for _, d := range stopped {
		d.refused.Store(0)
		d.broken.Store(0)
		d.lifted.Store(0)
	}
	return p
}

// signal has the last client disabled by another system. Since it takes two persons to lift what
// that ordered, the client is none of the fleet any more.
func (f *fleet) signal(tb testing.TB) placed {
	tb.Helper()
	last := len(f.clients) - 1
	stopped := f.clients[last:]
	f.clients = f.clients[:last]
	p, _ := f.halt(tb, stopped, f.clients, func() { f.disable(tb, last) })
	return p
}

// An order of each reach, placed by somebody at a terminal or on the page of the desk, and the
// word of another system that an account is disabled, while clients of three nodes download
// long lists, end what they concern on all of them, and nothing else.
//
// Promises: ACT-5, ACT-1, ACT-3
func TestACT_5_AnOrderOfEachReachEndsTheListsUnderWayThatItConcernsOnEveryNode(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2*fleetNodes, 40*time.Millisecond)
	for _, by := range []hand{byCommand, byPage} {
		for _, r := range reaches {
			if !t.Run(by.name+"/"+r.name, func(t *testing.T) { f.order(t, by, r) }) {
				return
			}
		}
	}
	t.Run("signal", func(t *testing.T) { f.signal(t) })
}

// BenchmarkOrder measures from the entry of an order until the last byte that a client has of
// what the order stops, while 64 clients of three nodes download long lists: as fast as they
// can, or with a second between two. The order is placed at a terminal, on the page of the desk
// or, for one account, by another system's signal: of these, twenty within an hour.
func BenchmarkOrder(b *testing.B) {
	for _, pace := range []struct {
		name  string
		pause time.Duration
	}{{"saturated", 0}, {"paced", time.Second}} {
		b.Run(pace.name, func(b *testing.B) {
			f := newFleet(b, benchClients, pace.pause)
			for _, by := range []hand{byCommand, byPage} {
				for _, r := range reaches {
					b.Run(by.name+"/"+r.name, func(b *testing.B) { measure(b, func() placed { return f.order(b, by, r) }) })
				}
			}
			b.Run("signal/account", func(b *testing.B) { measure(b, func() placed { return f.signal(b) }) })
		})
	}
}

func measure(b *testing.B, order func() placed) {
	var last []time.Duration
	cut := 0
	for range b.N {
		p := order()
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
