package httpgate_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/gate/assert"
	"poterne/internal/gate/content"
	"poterne/internal/gate/httpgate"
	"poterne/internal/intake"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/signin"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// world is a real gate over a real ledger, in front of a real server that answers
// whatever the test makes it. People are called p1, p2…; p1 to p9 are in pauline's
// caseload. Whatever speaks of somebody says so with a secret, such as ‹p12›, and
// check looks for it in every byte that came out.
type world struct {
	t     *testing.T
	key   register.Key
	store *store.DB
	path  string // of its database
	gate  *storetest.Node
	proxy *httpgate.Proxy
	front *httptest.Server
	app   http.HandlerFunc // what the application does; the tests' to replace

	upstream *url.URL

	mu       sync.Mutex // guards what follows
	asked    []*http.Request
	bodies   []string
	received []string // whatever the browser got, header and body
	outcomes []httpgate.Outcome
}

// schemes is how everybody is named.
var schemes = register.NewSchemes("dossier", map[string]register.Form{
	"dossier": form(`[a-z][a-z0-9-]*`), "mail": form(`[a-z0-9]+@[a-z.]+`, register.FoldCase), "number": form(`[0-9]{1,10}`),
})

func form(pattern string, folds ...register.Fold) register.Form {
	f, err := register.NewForm(pattern, folds...)
	if err != nil {
		panic(err)
	}
	return f
}

const account = roster.AccountID("pauline")

var rules = policy.Rules{
	Purposes: roster.Purposes{
		"accompany": register.Name | register.Birth | register.Contact | register.Identifier | register.Note,
		"train":     register.Name,
		"write":     register.Name | register.Note,
		"all":       register.AllFields,
	},
	Allowances: map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(3), Long: meter.People(20)}},
	Signed:     policy.Signed,
}

// newWorld puts the routes behind the gate, as service "dossier" at /dossier.
func newWorld(t *testing.T, routes ...httpgate.Route) *world {
	t.Helper()
	return newWorldUnder(t, rules, routes...)
}

// newWorldUnder is newWorld under other rules.
func newWorldUnder(t *testing.T, rules policy.Rules, routes ...httpgate.Route) *world {
	t.Helper()
	return newWorldAt(t, rules, time.Now, routes...)
}

// newWorldAt is newWorldUnder at other times.
func newWorldAt(t *testing.T, rules policy.Rules, now func() time.Time, routes ...httpgate.Route) *world {
	t.Helper()
	w := &world{t: t}
	secret := bytes.Repeat([]byte{7}, register.KeyBytes)
	w.key, _ = register.NewKey(secret)
	w.fill(now)
	var err error
	if w.gate, err = storetest.OpenNode(t.Context(), store.NewLedger(w.store), store.NewFacts(w.store), rules, now); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- w.gate.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the gate ended: %v", err)
		}
	})
	behind := httptest.NewServer(http.HandlerFunc(w.answer))
	t.Cleanup(behind.Close)
	w.upstream, _ = url.Parse(behind.URL)
	if len(routes) > 0 {
		w.remake(w.dependencies(t), routes...)
	}
	w.front = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.proxy.ServeHTTP(rw, r) }))
	t.Cleanup(w.check)
	t.Cleanup(w.front.Close)
	return w
}

// remake puts another proxy in the old one's place.
func (w *world) remake(d httpgate.Deps, routes ...httpgate.Route) {
	w.t.Helper()
	var err error
	if w.proxy, err = httpgate.New([]httpgate.Service{w.service(routes...)}, d); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) service(routes ...httpgate.Route) httpgate.Service {
	return httpgate.Service{
		ID: "dossier", Name: "Dossier", Prefix: "/dossier", Upstream: w.upstream, Routes: routes,
		Largest: 64 << 10, Timeout: time.Minute, Headers: []string{"X-CSRF-Token"}, Cookies: []string{"sid"},
	}
}

// fill stores the roster, pauline's caseload and everybody's e-mail address.
func (w *world) fill(now func() time.Time) {
	t := w.t
	var err error
	w.path = filepath.Join(t.TempDir(), "poterne.db")
	if w.store, err = store.OpenSQLite(t.Context(), w.path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.store.Close() })
	from, until := time.Now().AddDate(0, -1, 0), time.Now().AddDate(0, 1, 0)
	list := accounts.List{
		Organisations: []roster.Organisation{{ID: "mlv", SIRET: "90000000000001", Name: "Mission locale"}},
		Accounts: []roster.Account{
			{ID: account, Organisation: "mlv", Role: roster.Adviser, Name: "Pauline", Identity: roster.Identity{Subject: "p"}, Opened: from},
			{ID: "chief", Organisation: "mlv", Role: roster.Manager, Name: "Chief", Identity: roster.Identity{Subject: "c"}, Opened: from},
			{ID: "samir", Organisation: "mlv", Role: roster.Security, Name: "Samir", Identity: roster.Identity{Subject: "s"}, Opened: from},
		},
	}
	for _, purpose := range []roster.Purpose{"accompany", "train", "write", "all"} {
		list.Habilitations = append(list.Habilitations, roster.Habilitation{Account: account, Service: "dossier", Purpose: purpose, From: from, Until: until})
	}
	outside := journal.Outside{DB: store.NewLedger(w.store), Now: now}
	if err := storetest.TakeRosterBy(t, outside, list); err != nil {
		t.Fatal(err)
	}
	var facts []reason.Fact
	var aliases []intake.Alias
	for n := range 64 {
		who := fmt.Sprintf("p%d", n)
		aliases = append(aliases, intake.Alias{Alias: w.key.Alias(register.Ref{Scheme: "mail", Value: who + "@test.example"}), Person: w.key.Person(who)})
		switch f := (reason.Fact{Person: w.key.Person(who), From: from, Until: until, ID: who}); {
		case n >= 1 && n <= 9:
			f.Kind, f.Account = reason.Caseload, account
			facts = append(facts, f)
		case n >= 52:
			f.Kind, f.Organisation = reason.Archived, reason.Everybody
			facts = append(facts, f)
		case n >= 40:
			f.Kind, f.Organisation = reason.Closed, reason.Everybody
			facts = append(facts, f)
		}
	}
	if _, err := journal.Do(t.Context(), outside, &intake.FactBatch{Source: "cases", Facts: facts}); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Do(t.Context(), outside, intake.AliasBatch{Aliases: aliases}); err != nil {
		t.Fatal(err)
	}
}

func (w *world) dependencies(t *testing.T) httpgate.Deps {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := assert.New(key, "https://poterne.example", store.NewRoster(w.store), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return httpgate.Deps{
		Gate: w.gate, Directory: gate.NewDirectory(w.key, schemes, store.NewAliases(w.store)), Schemes: schemes, Who: who, Pages: pages{}, Assertions: signer, Insecure: true,
		Even: func(context.Context, time.Duration) {}, // tests of the wait have it
		Observe: func(_ context.Context, passed httpgate.Passed) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.outcomes = append(w.outcomes, passed.Outcome)
		},
	}
}

// who stands for the sign-in: pauline, unless the request says nobody.
func who(_ http.ResponseWriter, r *http.Request) (signin.Session, error) {
	if r.Header.Get("Test-Nobody") != "" {
		return signin.Session{}, &fault.Error{Kind: fault.Anonymous}
	}
	return signin.Session{ID: "s1", Account: account, Organisation: "mlv"}, nil
}

// pages stands for the portal, in words a test can compare.
type pages struct{}

func (pages) Refused(w http.ResponseWriter, _ *http.Request, refusal httpgate.Refusal) {
	w.WriteHeader(http.StatusForbidden)
	_, _ = fmt.Fprintf(w, "refused %v on %s", refusal.Ruling.Why, refusal.Route)
}

func (pages) SignIn(w http.ResponseWriter, _ *http.Request, _ error) {
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = io.WriteString(w, "sign in")
}

func (pages) Failed(w http.ResponseWriter, _ *http.Request, kind fault.Kind, why policy.Why) {
	w.WriteHeader(http.StatusBadGateway)
	_, _ = fmt.Fprintf(w, "failed %v", kind)
	if why != policy.Granted {
		_, _ = fmt.Fprintf(w, ": %v", why)
	}
}

// answer is the application: it remembers what it was asked.
func (w *world) answer(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	w.mu.Lock()
	w.asked, w.bodies = append(w.asked, r), append(w.bodies, string(body))
	app := w.app
	w.mu.Unlock()
	app(rw, r)
}

// says makes the application answer a body of a content type.
func (w *world) says(contentType, body string) {
	w.app = func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(rw, body)
	}
}

// got is an answer as the browser has it.
type got struct {
	status int
	header http.Header
	body   string
}

func (g got) String() string { return fmt.Sprintf("%d %s", g.status, g.body) }

// get asks for a path under /dossier.
func (w *world) get(path string) got { w.t.Helper(); return w.do(w.request("GET", path, "")) }

func (w *world) request(method, path, body string) *http.Request {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.front.URL, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	path, r.URL.RawQuery, _ = strings.Cut("/dossier"+path, "?")
	r.URL.Opaque = path // to the byte
	return r
}

// post sends a body of a content type.
func (w *world) post(path, contentType, body string) got {
	w.t.Helper()
	r := w.request("POST", path, body)
	r.Header.Set("Content-Type", contentType)
	return w.do(r)
}

var browser = &http.Client{
	Transport:     &http.Transport{DisableCompression: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (w *world) do(r *http.Request) got {
	w.t.Helper()
	response, err := browser.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.received = append(w.received, fmt.Sprint(response.Header), unpacked(string(body)))
	if err != nil {
		return got{0, response.Header, "cut short"}
	}
	return got{response.StatusCode, response.Header, string(body)}
}

// refused asks that an answer is this refusal, and that it was written down.
func (w *world) refused(g got, why policy.Why) {
	w.t.Helper()
	if g.status != http.StatusForbidden || !strings.HasPrefix(g.body, "refused "+why.String()+" on ") {
		w.t.Errorf("got %v, want it refused as %v", g, why)
		return
	}
	if last := w.last(); last.Why != why || last.Verdict.Shows() || g.header.Get("Poterne-Receipt") != fmt.Sprint(last.Receipt) {
		w.t.Errorf("receipt %s; the ledger ends with %v %v, number %d", g.header.Get("Poterne-Receipt"), last.Verdict, last.Why, last.Number)
	}
}

// failed asks that an answer says that nothing was passed on, and why if it was the
// application's failure.
func (w *world) failed(g got, kind fault.Kind, why policy.Why) {
	w.t.Helper()
	want := "failed " + kind.String()
	if why != policy.Granted {
		want += ": " + why.String()
	}
	if g.status != http.StatusBadGateway || g.body != want {
		w.t.Errorf("got %v, want %s", g, want)
	}
}

func (w *world) entries() []ledger.Entry {
	w.t.Helper()
	var all []ledger.Entry
	for entry, err := range w.gate.Entries(w.t.Context(), 8) { // after its beginning, the roster, facts and aliases
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, entry)
	}
	return all
}

// asksNIR asks, as its account, for the NIR of whoever was last opened.
func (w *world) asksNIR() {
	w.t.Helper()
	opened := w.last()
	err := journal.Record(w.t.Context(), w.gate.Journal, ledger.Entry{Kind: ledger.NIRAsked, Account: opened.Account, Service: opened.Service, Person: opened.Person, Cause: opened.Receipt, Fields: register.NIR})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) last() ledger.Entry {
	w.t.Helper()
	all := w.entries()
	if len(all) == 0 {
		return ledger.Entry{}
	}
	return all[len(all)-1]
}

// times is how often the application was asked.
func (w *world) times() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.asked)
}

var secrets = regexp.MustCompile(`‹(\w+)›`)

// check is the promise: whoever is spoken of in anything that came out was
// written down as disclosed. It runs at the end of every test.
func (w *world) check() {
	var disclosed []register.PersonID
	for entry, err := range store.NewLedger(w.store).Entries(context.Background(), 1) {
		if err != nil {
			w.t.Error(err)
			return
		}
		if entry.Disclosed() {
			disclosed = append(disclosed, entry.Person)
		}
	}
	for _, text := range w.received {
		for _, secret := range secrets.FindAllStringSubmatch(text, -1) {
			if !slices.Contains(disclosed, w.key.Person(secret[1])) {
				w.t.Errorf("%s came out and is not in the ledger: %s", secret[1], text)
			}
		}
	}
}

// The layouts of the application in most tests: a file, and a list of files.
var (
	oneFile = content.Layout{Format: content.JSON, People: []content.Group{{
		Row: "$", Person: []content.Naming{{Scheme: "dossier", Path: "@.id"}, {Scheme: "mail", Path: "@.mail"}},
		Fields: []content.Part{{Field: register.Name, Path: "@.name"}, {Field: register.NIR, Path: "@.nir"}},
	}}}
	manyFiles = content.Layout{Format: content.JSON, People: []content.Group{{
		Row: "$[*]", Person: []content.Naming{{Scheme: "dossier", Path: "@.id"}},
		Fields: []content.Part{{Field: register.Name, Path: "@.name"}, {Field: register.Contact, Path: "@.phone"}},
	}}}
	table = content.Layout{Format: content.HTML, Plain: []string{"h1"}, People: []content.Group{{
		Row: "tr.person", Person: []content.Naming{{Scheme: "dossier", Attribute: "data-id"}},
		Fields: []content.Part{{Field: register.Name, Path: "td"}},
	}}}
	manyElements = content.Layout{Format: content.XML, People: []content.Group{{
		Row: "/list/person", Person: []content.Naming{{Scheme: "dossier", Path: "@id"}},
		Fields: []content.Part{{Field: register.Name, Path: "name"}},
	}}}
	sheet = content.Layout{Format: content.CSV, People: []content.Group{{
		Person: []content.Naming{{Scheme: "dossier", Path: "id"}},
		Fields: []content.Part{{Field: register.Name, Path: "name"}},
	}}}
)

// file is the route of one person's file; list that of many, by any of the formats.
func file() httpgate.Route {
	return httpgate.Route{
		Path: "/files/{id}", Kind: httpgate.People, Purpose: "accompany",
		Request: []httpgate.Naming{{In: httpgate.InPath, Name: "id", Scheme: "dossier"}},
		Answers: []httpgate.Answer{{Layout: oneFile, About: true}},
	}
}

func list() httpgate.Route {
	return httpgate.Route{
		Path: "/list", Kind: httpgate.People, Purpose: "accompany", Query: []string{"page"},
		Answers: []httpgate.Answer{{Layout: manyFiles}, {Layout: table}, {Layout: sheet, Download: "list.csv"}},
	}
}

// changing is a route that takes notes.
func changing() httpgate.Route {
	r := file()
	r.Methods, r.Path, r.Writes = []string{"POST", "DELETE"}, "/files/{id}/notes", register.Note
	r.Form = []string{"text"}
	return r
}

// say writes a person's file, as the application has it.
func say(who string) string {
	return fmt.Sprintf(`{"id":%q,"name":"‹%s›","nir":"9 99 99"}`, who, who)
}

func sayAll(people ...string) string {
	files := make([]string, len(people))
	for i, who := range people {
		files[i] = fmt.Sprintf(`{"id":%q,"name":"‹%s›","phone":"01 99 00 00 00"}`, who, who)
	}
	return "[" + strings.Join(files, ",") + "]"
}

// shown lists who is spoken of in a body.
func shown(body string) (people []string) {
	for _, secret := range secrets.FindAllStringSubmatch(body, -1) {
		people = append(people, secret[1])
	}
	return people
}

func decoded(t *testing.T, body string) (value map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &value); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return value
}
