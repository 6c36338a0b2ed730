package town_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/cascadia"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/net/html"

	"poterne/internal/fault"
	"poterne/internal/lab/town"
	"poterne/internal/roster"
)

const issuer = "https://porte.example"

// gate signs assertions as a real one does, and publishes its key.
type gate struct {
	key  *ecdsa.PrivateKey
	keys *httptest.Server
}

func newGate(t testing.TB) *gate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{key: key}
	g.keys = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "k1", Algorithm: "ES256", Use: "sig"}}}
		_ = json.NewEncoder(w).Encode(set)
	}))
	t.Cleanup(g.keys.Close)
	return g
}

func (g *gate) verify(audience string) town.Verify {
	return town.NewVerify(issuer, audience, town.KeysFrom(g.keys.URL, g.keys.Client()), time.Now)
}

// claims are what an assertion for agent says.
func claims(audience string, agent town.Agent) map[string]any {
	now := time.Now()
	return map[string]any{
		"iss": issuer, "aud": audience, "sub": agent.ID, "org": agent.Organisation, "role": agent.Role, "name": agent.Name,
		"purpose": "accompany", "sid": "s1", "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(30 * time.Second).Unix(),
	}
}

func (g *gate) sign(t testing.TB, said map[string]any) string {
	t.Helper()
	return sign(t, jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: g.key, KeyID: "k1"}}, said)
}

func sign(t testing.TB, key jose.SigningKey, said map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(key, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(said).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// place is the town with its applications, on real sockets.
type place struct {
	t        *testing.T
	gate     *gate
	register *town.Register
	staff    *town.Staff
	folder   string // where the applications keep what is written in them
	kept     *town.Databases
	servers  map[string]*httptest.Server
}

// operator is the token of who runs the applications.
const operator = "who-runs-it"

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{t: t, gate: newGate(t), folder: t.TempDir()}
	p.begin()
	t.Cleanup(p.end)
	return p
}

// begin starts the applications, with what their files hold.
func (p *place) begin() {
	p.t.Helper()
	must := func(err error) {
		p.t.Helper()
		if err != nil {
			p.t.Fatal(err)
		}
	}
	ctx := p.t.Context()
	p.register = people(p.t, 20_000)
	p.staff = town.NewStaff(p.register)
	var err error
	p.kept, err = town.OpenDatabases(ctx, p.folder, p.register)
	must(err)
	must(p.register.Keep(ctx, p.kept.Contacts))
	training, err := town.NewTraining(ctx, p.staff, p.kept.Training)
	must(err)
	p.servers = make(map[string]*httptest.Server)
	serve := func(service string, kept *town.Database, application func(town.Site) (http.Handler, error)) {
		handler, err := application(town.Site{Register: p.register, Staff: p.staff, Who: p.gate.verify(service), Now: time.Now, Kept: kept, Operator: operator})
		must(err)
		p.servers[service] = httptest.NewServer(handler)
	}
	serve("dossier", p.kept.Dossier, func(s town.Site) (http.Handler, error) { return town.NewDossier(ctx, s) })
	serve("kairos", p.kept.Training, func(s town.Site) (http.Handler, error) { return town.NewKairos(ctx, s, training) })
	serve("ouiform", p.kept.Training, func(s town.Site) (http.Handler, error) { return town.NewOuiform(ctx, s, training) })
	serve("suivi", p.kept.Suivi, func(s town.Site) (http.Handler, error) { return town.NewSuivi(ctx, s) })
}

// end ends the applications.
func (p *place) end() {
	for _, server := range p.servers {
		server.Close()
	}
	if err := p.kept.Close(); err != nil {
		p.t.Error(err)
	}
}

// told are the reasons that others are to be told, by what is asked one after the other.
func (p *place) told() (told []string) {
	p.t.Helper()
	for _, file := range []string{"dossier.db", "training.db"} {
		db, err := sql.Open("sqlite", filepath.Join(p.folder, file))
		if err != nil {
			p.t.Fatal(err)
		}
		defer db.Close()
		rows, err := db.QueryContext(p.t.Context(), `select source, line from told order by number`)
		if err != nil {
			p.t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var source, line string
			var r town.Reason
			if err := errors.Join(rows.Scan(&source, &line), json.Unmarshal([]byte(line), &r)); err != nil {
				p.t.Fatal(err)
			}
			told = append(told, source+" "+r.Kind+" "+string(r.Organisation)+string(r.Account)+" "+r.Person)
		}
		if err := rows.Err(); err != nil {
			p.t.Fatal(err)
		}
	}
	return told
}

type reply struct {
	status int
	header http.Header
	body   string
}

// ask is one request of an agent to a service, through the prefix it has there.
func (p *place) ask(agent roster.AccountID, service, method, path string, body io.Reader, header ...string) reply {
	p.t.Helper()
	a, ok := p.staff.Agent(agent)
	if !ok {
		p.t.Fatalf("%s does not work here", agent)
	}
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.servers[service].URL+path, body)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set(town.AssertionHeader, p.gate.sign(p.t, claims(service, a)))
	r.Header.Set("X-Forwarded-Prefix", "/"+service)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for n := 0; n+1 < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	return p.do(r)
}

// send sends a form of one of the application's pages: of on, which has its token.
func (p *place) send(agent roster.AccountID, service, on, path string, fields ...string) reply {
	p.t.Helper()
	form := make(url.Values)
	root, err := html.Parse(strings.NewReader(p.ask(agent, service, "GET", on, nil).body))
	if err != nil {
		p.t.Fatal(err)
	}
	if tokens := all(root, "input[type=hidden][name=token]"); len(tokens) > 0 {
		form.Set("token", attr(tokens[0], "value"))
	}
	for n := 0; n < len(fields); n += 2 {
		form.Set(fields[n], fields[n+1])
	}
	return p.ask(agent, service, "POST", path, strings.NewReader(form.Encode()))
}

func (p *place) do(r *http.Request) reply {
	p.t.Helper()
	answer, err := http.DefaultTransport.RoundTrip(r) // redirects are not followed
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return reply{answer.StatusCode, answer.Header, string(text)}
}

// page reads a reply as a page and checks what every page promises.
func (p *place) page(r reply, status int) *html.Node {
	p.t.Helper()
	if r.status != status || !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") {
		p.t.Fatalf("status %d, %s; want a page with %d\n%s", r.status, r.header.Get("Content-Type"), status, r.body)
	}
	root, err := html.Parse(strings.NewReader(r.body))
	if err != nil {
		p.t.Fatal(err)
	}
	if lang := attr(one(p.t, root, "html"), "lang"); lang != "fr" {
		p.t.Errorf("lang %q", lang)
	}
	one(p.t, root, "h1")
	for _, link := range all(root, "a[href], form[action]") {
		if to := attr(link, "href") + attr(link, "action"); !strings.HasPrefix(to, "/dossier/") && !strings.HasPrefix(to, "/kairos/") && !strings.HasPrefix(to, "/ouiform/") && !strings.HasPrefix(to, "/suivi/") {
			p.t.Errorf("%s leaves the prefix", to)
		}
	}
	for _, field := range all(root, "input[id], textarea[id]") {
		one(p.t, root, "label[for="+attr(field, "id")+"]")
	}
	return root
}

func all(root *html.Node, selector string) []*html.Node {
	return cascadia.QueryAll(root, cascadia.MustCompile(selector))
}

func one(t testing.TB, root *html.Node, selector string) *html.Node {
	t.Helper()
	found := all(root, selector)
	if len(found) != 1 {
		t.Fatalf("%d of %s", len(found), selector)
	}
	return found[0]
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func text(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	var b strings.Builder
	for c := range n.ChildNodes() {
		b.WriteString(text(c))
	}
	return b.String()
}

func TestOnlyAFreshAssertionForThisServiceIsBelieved(t *testing.T) {
	g := newGate(t)
	verify := g.verify("dossier")
	agent := town.Agent{ID: "pauline.mercier", Organisation: "mission-locale-valbourg", Role: roster.Adviser, Name: "Pauline Mercier"}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	with := func(name string, value any) map[string]any {
		c := claims("dossier", agent)
		if c[name] = value; value == nil {
			delete(c, name)
		}
		return c
	}
	now := time.Now()
	good := g.sign(t, claims("dossier", agent))
	caller, err := verify(good)
	want := town.Caller{Account: agent.ID, Organisation: agent.Organisation, Role: agent.Role, Name: agent.Name, Purpose: "accompany", Session: "s1"}
	if err != nil || caller != want {
		t.Errorf("a good assertion says %+v, %v", caller, err)
	}
	old := with("iat", now.Add(-2*time.Minute).Unix())
	old["exp"] = now.Add(-90 * time.Second).Unix()
	for name, token := range map[string]string{
		"none":                 "",
		"nonsense":             "a.b.c",
		"another service's":    g.sign(t, with("aud", "kairos")),
		"another issuer's":     g.sign(t, with("iss", "https://elsewhere.example")),
		"expired":              g.sign(t, old),
		"good for too long":    g.sign(t, with("exp", now.Add(2*time.Minute).Unix())),
		"made in the future":   g.sign(t, with("iat", now.Add(20*time.Second).Unix())),
		"without an end":       g.sign(t, with("exp", nil)),
		"without a beginning":  g.sign(t, with("iat", nil)),
		"without a number":     g.sign(t, with("jti", nil)),
		"without an account":   g.sign(t, with("sub", nil)),
		"signed by another":    sign(t, jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: other, KeyID: "k1"}}, claims("dossier", agent)),
		"of an unknown key":    sign(t, jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: g.key, KeyID: "k2"}}, claims("dossier", agent)),
		"signed with a secret": sign(t, jose.SigningKey{Algorithm: jose.HS256, Key: make([]byte, 32)}, claims("dossier", agent)),
		"not signed":           "eyJhbGciOiJub25lIn0." + strings.Split(good, ".")[1] + ".",
		"changed":              strings.Split(good, ".")[0] + "." + strings.Split(g.sign(t, with("org", "of-horizon")), ".")[1] + "." + strings.Split(good, ".")[2],
	} {
		if caller, err := verify(token); !fault.Is(err, fault.Anonymous) || caller != (town.Caller{}) {
			t.Errorf("an assertion %s is believed: %v", name, err)
		}
	}
}

func TestNothingIsServedWithoutAnAssertion(t *testing.T) {
	p := newPlace(t)
	for service, paths := range map[string][]string{
		"dossier": {"/", "/closed", "/search?dossier=" + p.register.Dossier(0), "/mine", "/files/" + p.register.Dossier(0), "/nowhere"},
		"kairos":  {"/", "/billing", "/candidates", "/api/trainees", "/api/candidates", "/trainees/" + p.register.FT(0)},
		"suivi":   {"/", "/files/" + p.register.Dossier(0), "/files/" + p.register.Dossier(0) + "/health"},
		"ouiform": {"/", "/mine", "/courses/caces-chariots", "/courses/caces-chariots/enrolled.csv"},
	} {
		for _, path := range paths {
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, p.servers[service].URL+path, nil)
			if got := p.do(r); got.status != http.StatusUnauthorized {
				t.Errorf("%s %s: %d", service, path, got.status)
			}
		}
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, p.servers[service].URL+"/status", nil)
		if got := p.do(r); got.status != http.StatusOK {
			t.Errorf("%s: health is %d", service, got.status)
		}
	}
}

func TestDossierShowsRowsWithAReferenceANameACommuneAndAStatus(t *testing.T) {
	p := newPlace(t)
	caseload := p.staff.Caseload("pauline.mercier")
	if len(caseload) < 30 {
		t.Fatalf("a caseload of %d", len(caseload))
	}
	seen := map[string]bool{}
	for _, path := range []string{"/mine", "/mine?page=2", "/mine?page=999", "/mine?page=nonsense"} {
		root := p.page(p.ask("pauline.mercier", "dossier", "GET", path, nil), 200)
		rows := all(root, "tr.person[data-dossier]")
		if len(rows) == 0 || len(rows) > 25 {
			t.Errorf("%s has %d rows", path, len(rows))
		}
		for _, row := range rows {
			i, ok := p.register.ByDossier(attr(row, "data-dossier"))
			if !ok || !slices.Contains(caseload, i) {
				t.Fatalf("a row is not one of Pauline's people")
			}
			seen[attr(row, "data-dossier")] = true
			person := p.register.Person(i)
			if got := text(one(t, row, "[data-field=name]")); got != person.Name() {
				t.Errorf("the row says %q", got)
			}
			one(t, row, "[data-field=commune]")
			one(t, row, "[data-field=status]")
			if got := text(row); strings.Contains(got, person.NIR) || strings.Contains(got, person.Mail) || strings.Contains(got, person.Phone) {
				t.Error("a row shows more than a name, a commune and a status")
			}
		}
	}
	if len(seen) < 50 && len(seen) < len(caseload) {
		t.Errorf("three pages show %d people", len(seen))
	}
	if root := p.page(p.ask("odile.garnier", "dossier", "GET", "/mine", nil), 200); len(all(root, "tr.person")) > 0 {
		t.Error("the desk has no caseload")
	}
}

func TestDossierFindsAnExactPerson(t *testing.T) {
	p := newPlace(t)
	who := p.register.Person(17)
	query := func(pairs ...string) string {
		v := url.Values{}
		for n := 0; n < len(pairs); n += 2 {
			v.Set(pairs[n], pairs[n+1])
		}
		return "/search?" + v.Encode()
	}
	for name, path := range map[string]string{
		"by name":            query("surname", who.Surname, "birth", who.Birth.Format(time.DateOnly), "first", who.First),
		"by name, in French": query("surname", strings.ToLower(who.Surname), "birth", who.Birth.Format("02/01/2006"), "first", ""),
		"by number":          query("dossier", who.Dossier),
	} {
		root := p.page(p.ask("odile.garnier", "dossier", "GET", path, nil), 200)
		one(t, root, `tr.person[data-dossier="`+who.Dossier+`"]`)
		if n := len(all(root, "tr.person")); n > 10 {
			t.Errorf("%s: %d rows", name, n)
		}
	}
	for name, path := range map[string]string{
		"nobody's number":      query("dossier", "00000000000A"),
		"another day of birth": query("surname", who.Surname, "birth", "1900-01-01"),
		"a beginning":          query("surname", who.Surname[:3], "birth", who.Birth.Format(time.DateOnly)),
	} {
		if root := p.page(p.ask("odile.garnier", "dossier", "GET", path, nil), 200); len(all(root, "tr.person")) > 0 {
			t.Errorf("%s finds somebody", name)
		}
	}
	for _, path := range []string{query("surname", who.Surname), query("birth", "1990-01-01"), query("surname", "x", "birth", "yesterday"), "/search"} {
		root := p.page(p.ask("odile.garnier", "dossier", "GET", path, nil), 422)
		one(t, root, "#problem")
	}
}

func TestDossierShowsAFileAndKeepsNotes(t *testing.T) {
	p := newPlace(t)
	who := p.register.Person(p.staff.Caseload("pauline.mercier")[0])
	path := "/files/" + who.Dossier
	root := p.page(p.ask("pauline.mercier", "dossier", "GET", path, nil), 200)
	file := one(t, root, `article.file[data-dossier="`+who.Dossier+`"]`)
	for field, want := range map[string]string{
		"name": who.Name(), "birth": who.Birth.Format("02/01/2006"), "phone": who.Phone, "mail": who.Mail, "ft": who.FT, "dossier": who.Dossier,
		"nir": who.NIR[:1] + " " + who.NIR[1:3] + " " + who.NIR[3:5] + " " + who.NIR[5:7] + " " + who.NIR[7:10] + " " + who.NIR[10:13] + " " + who.NIR[13:],
	} {
		if got := text(one(t, file, "[data-field="+field+"]")); got != want {
			t.Errorf("%s is %q, want %q", field, got, want)
		}
	}
	for _, field := range []string{"birthplace", "address", "commune", "status", "since", "sought", "experience"} {
		one(t, file, "[data-field="+field+"]")
	}
	outside := strings.Replace(text(root), text(file), "", 1)
	if strings.Contains(outside, who.Surname) || strings.Contains(outside, who.First) {
		t.Error("the person is named outside their file")
	}

	before := len(all(root, "li.note[data-field=note]"))
	got := p.send("pauline.mercier", "dossier", path, path+"/notes", "text", "Rendez-vous pris <b>lundi</b>.")
	if got.status != http.StatusSeeOther || got.header.Get("Location") != "/dossier"+path+"?done=note" {
		t.Errorf("status %d to %q", got.status, got.header.Get("Location"))
	}
	notes := all(p.page(p.ask("pauline.mercier", "dossier", "GET", path, nil), 200), "li.note[data-field=note]")
	if len(notes) != before+1 || !strings.Contains(text(notes[0]), "Rendez-vous pris <b>lundi</b>.") || !strings.Contains(text(notes[0]), "Pauline Mercier") {
		t.Errorf("%d notes, want %d, the new one first", len(notes), before+1)
	}
	for _, wrong := range []string{"", "   ", strings.Repeat("a", 2001)} {
		root := p.page(p.send("pauline.mercier", "dossier", path, path+"/notes", "text", wrong), 422)
		one(t, root, "#problem")
		if strings.TrimSpace(text(one(t, root, "textarea"))) != strings.TrimSpace(wrong) {
			t.Error("what was typed is lost")
		}
	}
	p.page(p.ask("pauline.mercier", "dossier", "GET", "/files/00000000000A", nil), 404)
	p.page(p.send("pauline.mercier", "dossier", path, "/files/00000000000A/notes", "text", "x"), 404)
}

// An appointment is told as the reason of who receives, written by who made it, for its day.
func TestDossierTellsTheAppointmentsMadeInIt(t *testing.T) {
	p := newPlace(t)
	who := p.register.Person(p.staff.Caseload("pauline.mercier")[0])
	path := "/files/" + who.Dossier
	colleague := slices.IndexFunc(p.staff.Agents(), func(a town.Agent) bool {
		return a.Organisation == "mission-locale-valbourg" && a.Role == roster.Adviser && a.ID != "pauline.mercier"
	})
	with, day := string(p.staff.Agents()[colleague].ID), time.Now().AddDate(0, 0, 7).Format(time.DateOnly)
	for name, form := range map[string][]string{
		"no day":               {"day", "", "clock", "09:00", "with", with},
		"no hour":              {"day", day, "clock", "", "with", with},
		"a day that is past":   {"day", "2020-01-01", "clock", "09:00", "with", with},
		"a day years ahead":    {"day", "2090-01-01", "clock", "09:00", "with", with},
		"with another's staff": {"day", day, "clock", "09:00", "with", "karim.benali"},
		"with a manager":       {"day", day, "clock", "09:00", "with", "helene.roux"},
	} {
		root := p.page(p.send("pauline.mercier", "dossier", path, path+"/appointments", form...), 422)
		one(t, root, "#problem")
		if got := attr(one(t, root, "#day"), "value"); got != form[1] {
			t.Errorf("%s: the day typed is lost: %q", name, got)
		}
	}
	if len(p.told()) > 0 {
		t.Errorf("what was refused is told: %q", p.told())
	}
	if got := p.send("pauline.mercier", "dossier", path, path+"/appointments", "day", day, "clock", "09:30", "with", with); got.status != 303 {
		t.Fatalf("making it: %d", got.status)
	}
	root := p.page(p.ask("pauline.mercier", "dossier", "GET", path, nil), 200)
	if said := text(one(t, root, "[data-field=agenda]")); !strings.Contains(said, "à 09:30, avec "+p.staff.Agents()[colleague].Name) {
		t.Errorf("the file says %q", said)
	}
	id := attr(one(t, root, "input[name=appointment]"), "value")
	if got := p.send("pauline.mercier", "dossier", path, path+"/cancellations", "appointment", "another"); got.status != 404 {
		t.Errorf("cancelling nothing: %d", got.status)
	}
	if got := p.send("pauline.mercier", "dossier", path, path+"/cancellations", "appointment", id); got.status != 303 {
		t.Errorf("cancelling it: %d", got.status)
	}
	if told := "agenda appointment " + with + " " + who.Dossier; !slices.Equal(p.told(), []string{told, told}) {
		t.Errorf("others are told %q", p.told())
	}
	if all(p.page(p.ask("pauline.mercier", "dossier", "GET", path, nil), 200), "[data-field=agenda]") != nil {
		t.Error("it is still there")
	}
}

// A file of one's own people is closed for a reason that is on the list, told for everybody, and
// opened again.
func TestDossierClosesAFileAndOpensItAgain(t *testing.T) {
	p := newPlace(t)
	caseload := p.staff.Caseload("pauline.mercier")
	who := p.register.Dossier(caseload[0])
	path := "/files/" + who
	if got := p.send("karim.benali", "dossier", path, path+"/closing", "why", "Retraite"); got.status != 403 {
		t.Errorf("somebody else closes it: %d", got.status)
	}
	if got := p.send("pauline.mercier", "dossier", path, path+"/reopening"); got.status != 404 {
		t.Errorf("an open file is opened: %d", got.status)
	}
	one(t, p.page(p.send("pauline.mercier", "dossier", path, path+"/closing", "why", "par humeur"), 422), "#problem")
	if got := p.send("pauline.mercier", "dossier", path, path+"/closing", "why", "Retraite"); got.status != 303 || got.header.Get("Location") != "/dossier/closed?done=closed" {
		t.Fatalf("closing it: %d to %s", got.status, got.header.Get("Location"))
	}
	one(t, p.page(p.ask("pauline.mercier", "dossier", "GET", "/closed", nil), 200), "tr.person[data-dossier='"+who+"']")
	if rows := all(p.page(p.ask("karim.benali", "dossier", "GET", "/closed", nil), 200), "tr.person"); rows != nil {
		t.Error("somebody else's list has it")
	}
	root := p.page(p.ask("pauline.mercier", "dossier", "GET", "/mine", nil), 200)
	if all(root, "tr.person[data-dossier='"+who+"']") != nil || !strings.HasPrefix(text(one(t, root, "caption")), strconv.Itoa(len(caseload)-1)+" personnes") {
		t.Error("it is among those who are accompanied")
	}
	one(t, p.page(p.ask("pauline.mercier", "dossier", "GET", path, nil), 200), "form.reopen")
	if got := p.send("pauline.mercier", "dossier", path, path+"/reopening"); got.status != 303 {
		t.Errorf("opening it again: %d", got.status)
	}
	if told := "registre closed  " + who; !slices.Equal(p.told(), []string{told, told}) {
		t.Errorf("others are told %q", p.told())
	}
}

func TestLinksStayOnTheHost(t *testing.T) {
	p := newPlace(t)
	for _, hostile := range []string{"//evil.example", "https://evil.example", "/a/../..", "/a b", `/"><b>`, "javascript:alert(1)"} {
		got := p.ask("pauline.mercier", "dossier", "GET", "/", nil, "X-Forwarded-Prefix", hostile)
		if strings.Contains(got.body, "evil") || !strings.Contains(got.body, `action="/search"`) {
			t.Errorf("prefix %q is written into the page", hostile)
		}
	}
	if got := p.ask("pauline.mercier", "dossier", "GET", "/", nil, "X-Forwarded-Prefix", "/guichet/dossier/"); !strings.Contains(got.body, `action="/guichet/dossier/search"`) {
		t.Error("a longer prefix is honoured")
	}
}

type candidates struct {
	Candidates []struct{ FTID, NIR, Commune, Mail string }
	Next       int
}

func (p *place) json(r reply, status int, into any) {
	p.t.Helper()
	if r.status != status || r.header.Get("Content-Type") != "application/json" {
		p.t.Fatalf("status %d, %s, want JSON with %d", r.status, r.header.Get("Content-Type"), status)
	}
	if err := json.Unmarshal([]byte(r.body), into); err != nil {
		p.t.Fatal(err)
	}
}

func TestKairosGivesAThousandStrangersToWhoeverAsks(t *testing.T) {
	p := newPlace(t)
	for _, agent := range []roster.AccountID{"lucas.ferrand", "helene.roux", "odile.garnier"} {
		seen := map[string]bool{}
		for from, page := 0, 0; page < 3; page++ {
			var got candidates
			p.json(p.ask(agent, "kairos", "GET", "/api/candidates?count=1000&from="+strconv.Itoa(from), nil), 200, &got)
			if len(got.Candidates) != 1000 {
				t.Fatalf("%s gets %d people", agent, len(got.Candidates))
			}
			for _, c := range got.Candidates {
				if i, ok := p.register.ByFT(c.FTID); !ok || p.register.Person(i).NIR != c.NIR {
					t.Fatal("a candidate is nobody")
				}
				seen[c.FTID] = true
			}
			from = got.Next
		}
		if len(seen) != 3000 {
			t.Errorf("%s has %d people after three thousand", agent, len(seen))
		}
	}
	var got candidates
	p.json(p.ask("lucas.ferrand", "kairos", "GET", "/api/candidates?commune=vichy&count=50", nil), 200, &got)
	if len(got.Candidates) != 50 {
		t.Errorf("%d people of Vichy", len(got.Candidates))
	}
	for _, c := range got.Candidates {
		if c.Commune != "Vichy" {
			t.Errorf("somebody lives in %s", c.Commune)
		}
	}
	got = candidates{}
	p.json(p.ask("lucas.ferrand", "kairos", "GET", "/api/candidates?count=100000", nil), 200, &got)
	if len(got.Candidates) != 1000 {
		t.Errorf("%d people at a time", len(got.Candidates))
	}
	got = candidates{}
	p.json(p.ask("lucas.ferrand", "kairos", "GET", "/api/candidates?from=19990", nil), 200, &got)
	if len(got.Candidates) != 10 || got.Next != 0 {
		t.Errorf("the last page has %d people and goes on at %d", len(got.Candidates), got.Next)
	}
	for _, wrong := range []string{"from=-1", "count=x", "from=99999999999999999999"} {
		if r := p.ask("lucas.ferrand", "kairos", "GET", "/api/candidates?"+wrong, nil); r.status != 422 {
			t.Errorf("%s: %d", wrong, r.status)
		}
	}
	if r := p.ask("lucas.ferrand", "kairos", "GET", "/candidates", nil); !strings.Contains(text(p.page(r, 200)), "oublie de vérifier") {
		t.Error("the page must say that the check is forgotten")
	}
}

func TestKairosShowsAnOrganisationItsOwnTraineesOnly(t *testing.T) {
	p := newPlace(t)
	var list struct {
		Trainees []struct {
			FTID            string
			Present, Absent int
		}
	}
	p.json(p.ask("lucas.ferrand", "kairos", "GET", "/api/trainees", nil), 200, &list)
	own := p.staff.Enrolments("of-horizon")
	if len(list.Trainees) != len(own) {
		t.Fatalf("%d trainees, want %d", len(list.Trainees), len(own))
	}
	rows := all(p.page(p.ask("lucas.ferrand", "kairos", "GET", "/", nil), 200), "tr.trainee[data-ftid]")
	if len(rows) != len(own) {
		t.Errorf("%d rows", len(rows))
	}
	for n, row := range rows {
		if attr(row, "data-ftid") != list.Trainees[n].FTID {
			t.Error("page and interface differ")
		}
		one(t, row, "[data-field=name]")
		one(t, row, "[data-field=commune]")
	}
	mine, theirs := p.register.FT(own[0]), p.register.FT(p.staff.Enrolments("of-tremplin")[0])
	var shown struct{ FTID, NIR string }
	p.json(p.ask("lucas.ferrand", "kairos", "GET", "/api/trainees/"+mine, nil), 200, &shown)
	if shown.FTID != mine || shown.NIR != "" {
		t.Errorf("the trainee is %+v", shown)
	}
	for _, path := range []string{"/api/trainees/" + theirs, "/api/trainees/00000000", "/trainees/" + theirs} {
		if r := p.ask("lucas.ferrand", "kairos", "GET", path, nil); r.status != 404 {
			t.Errorf("%s: %d", path, r.status)
		}
	}
	if r := p.ask("lucas.ferrand", "kairos", "POST", "/api/trainees/"+theirs+"/attendance", strings.NewReader(`{"day":"2026-11-23","present":true}`), "Content-Type", "application/json"); r.status != 404 {
		t.Errorf("attendance of another's trainee: %d", r.status)
	}
	for _, form := range []string{"/attendance", "/quotes", "/invoices"} {
		if r := p.send("lucas.ferrand", "kairos", "/trainees/"+mine, "/trainees/"+theirs+form, "day", "2026-11-23", "rate", "9"); r.status != 404 {
			t.Errorf("%s of another's trainee: %d", form, r.status)
		}
	}
	list.Trainees = nil
	p.json(p.ask("pauline.mercier", "kairos", "GET", "/api/trainees", nil), 200, &list)
	if list.Trainees == nil || len(list.Trainees) > 0 {
		t.Error("a mission locale trains nobody")
	}
}

func TestKairosKeepsOneWordADayForATrainee(t *testing.T) {
	p := newPlace(t)
	ft := p.register.FT(p.staff.Enrolments("of-horizon")[0])
	api := "/api/trainees/" + ft
	for _, body := range []string{`{"day":"2026-11-23","present":true}`, `{"day":"2026-11-24","present":true}`, `{"day":"2026-11-23","present":false}`} {
		if r := p.ask("lucas.ferrand", "kairos", "POST", api+"/attendance", strings.NewReader(body), "Content-Type", "application/json"); r.status != 201 {
			t.Fatalf("%s: %d %s", body, r.status, r.body)
		}
	}
	got := p.send("lucas.ferrand", "kairos", "/trainees/"+ft, "/trainees/"+ft+"/attendance", "day", "2026-11-25", "present", "no")
	if got.status != 303 || got.header.Get("Location") != "/kairos/trainees/"+ft+"?done=attendance" {
		t.Errorf("status %d to %s", got.status, got.header.Get("Location"))
	}
	var heard struct {
		Attendance []struct {
			Day     string
			Present bool
		}
	}
	p.json(p.ask("lucas.ferrand", "kairos", "GET", api, nil), 200, &heard)
	if len(heard.Attendance) != 3 || heard.Attendance[0].Present || !heard.Attendance[1].Present || heard.Attendance[2].Day != "2026-11-25" {
		t.Errorf("%+v", heard.Attendance)
	}
	root := p.page(p.ask("lucas.ferrand", "kairos", "GET", "/trainees/"+ft, nil), 200)
	article := one(t, root, `article.trainee[data-ftid="`+ft+`"]`)
	if n := len(all(article, "[data-field=attendance] li")); n != 3 {
		t.Errorf("%d days", n)
	}
	for _, field := range []string{"name", "birth", "phone", "mail", "commune", "status", "sought", "training", "ft"} {
		one(t, article, "[data-field="+field+"]")
	}
	for _, wrong := range []string{"", "{}", `{"day":"lundi"}`, "[]"} {
		if r := p.ask("lucas.ferrand", "kairos", "POST", api+"/attendance", strings.NewReader(wrong), "Content-Type", "application/json"); r.status != 422 {
			t.Errorf("%q: %d", wrong, r.status)
		}
	}
	for _, day := range []string{"lundi", "", time.Now().AddDate(0, 0, 2).Format(time.DateOnly)} {
		one(t, p.page(p.send("lucas.ferrand", "kairos", "/trainees/"+ft, "/trainees/"+ft+"/attendance", "day", day), 422), "#problem")
	}
}

func TestOuiformShowsAnOrganisationWhoIsEnrolledInItsCourses(t *testing.T) {
	p := newPlace(t)
	catalogue := p.ask("lucas.ferrand", "ouiform", "GET", "/", nil)
	if n := len(all(p.page(catalogue, 200), "tr.course")); n != len(p.staff.Courses()) {
		t.Errorf("%d courses", n)
	}
	if strings.Contains(catalogue.body, "@") {
		t.Error("the catalogue names somebody")
	}
	for _, course := range p.staff.Courses() {
		path := "/courses/" + course.ID
		rows := all(p.page(p.ask("lucas.ferrand", "ouiform", "GET", path, nil), 200), "tr.enrolled[data-mail]")
		file := p.ask("lucas.ferrand", "ouiform", "GET", path+"/enrolled.csv", nil)
		if course.Organisation != "of-horizon" {
			if len(rows) > 0 || file.status != 403 {
				t.Errorf("%s of another organisation: %d people, list %d", course.ID, len(rows), file.status)
			}
			continue
		}
		if len(rows) != len(course.Enrolled) {
			t.Errorf("%s has %d rows", course.ID, len(rows))
		}
		lines, err := csv.NewReader(strings.NewReader(file.body)).ReadAll()
		if err != nil || file.status != 200 || file.header.Get("Content-Type") != "text/csv; charset=utf-8" || !strings.Contains(file.header.Get("Content-Disposition"), course.ID+".csv") {
			t.Fatalf("%v, %d %v", err, file.status, file.header)
		}
		if len(lines) != len(rows)+1 || strings.Join(lines[0], ",") != "mail,surname,first,phone,commune,enrolled" {
			t.Fatalf("%s: %d lines under %v", course.ID, len(lines), lines[0])
		}
		for n, row := range rows {
			mail := attr(row, "data-mail")
			if i, ok := p.register.ByMail(mail); !ok || !slices.Contains(course.Enrolled, i) || lines[n+1][0] != mail {
				t.Errorf("somebody in %s is not enrolled", course.ID)
			}
			for _, field := range []string{"name", "mail", "phone", "commune", "enrolled"} {
				one(t, row, "[data-field="+field+"]")
			}
		}
	}
	p.page(p.ask("lucas.ferrand", "ouiform", "GET", "/courses/nothing", nil), 404)
}

func TestOuiformEnrolsAPersonOnceByTheirAddress(t *testing.T) {
	p := newPlace(t)
	const path = "/courses/caces-chariots"
	mail := p.register.Mail(p.staff.Caseload("pauline.mercier")[0])
	count := func() int {
		return len(all(p.page(p.ask("lucas.ferrand", "ouiform", "GET", path, nil), 200), "tr.enrolled"))
	}
	before := count()
	for range 2 {
		got := p.send("pauline.mercier", "ouiform", path, path+"/enrolments", "mail", mail)
		if got.status != 303 || got.header.Get("Location") != "/ouiform"+path+"?done=enrolled" {
			t.Fatalf("status %d to %q", got.status, got.header.Get("Location"))
		}
	}
	if after := count(); after != before+1 {
		t.Errorf("%d enrolled, want %d", after, before+1)
	}
	if want := []string{"inscriptions enrolment of-horizon " + mail}; !slices.Equal(p.told(), want) {
		t.Errorf("others are told %q, want %q", p.told(), want)
	}
	one(t, p.page(p.ask("pauline.mercier", "ouiform", "GET", path+"?done=enrolled", nil), 200), ".done")
	root := p.page(p.send("pauline.mercier", "ouiform", path, path+"/enrolments", "mail", "nobody@courriel.example"), 422)
	if attr(one(t, root, "form.enrol input[name=mail]"), "value") != "nobody@courriel.example" {
		t.Error("what was typed is lost")
	}
	if got := p.send("lucas.ferrand", "ouiform", path, "/courses/bureautique/enrolments", "mail", mail); got.status != 403 {
		t.Errorf("a training body enrols into another's course: %d", got.status)
	}
	if all(p.page(p.ask("odile.garnier", "ouiform", "GET", path, nil), 200), "form.enrol") != nil {
		t.Error("the desk is offered to enrol")
	}
	one(t, p.page(p.send("pauline.mercier", "ouiform", path, "/courses/agent-entretien/enrolments", "mail", mail), 422), "#problem") // one course at a time

	if got := p.send("karim.benali", "ouiform", path, path+"/withdrawals", "mail", mail); got.status != 404 {
		t.Errorf("somebody else ends the training: %d", got.status)
	}
	if got := p.send("pauline.mercier", "ouiform", "/mine", path+"/withdrawals", "mail", mail); got.status != 303 || count() != before || len(p.told()) != 2 {
		t.Errorf("ending it answers %d: %d are enrolled, and others are told %q", got.status, count(), p.told())
	}
}

// What one body was told the other is shown, with its source and date, and is not asked again.
func TestSuiviAsksNobodyTwice(t *testing.T) {
	p := newPlace(t)
	file := "/files/" + p.register.Dossier(p.staff.Caseload("pauline.mercier")[0])
	root := p.page(p.ask("pauline.mercier", "suivi", "GET", file, nil), 200)
	one(t, root, "select[name=licence]")
	for name, form := range map[string][]string{"nothing": nil, "what is no choice": {"licence", "Permis C"}, "too much": {"aim", strings.Repeat("é", 301)}, "another page's": {"recognition", "Reconnue"}} {
		one(t, p.page(p.send("pauline.mercier", "suivi", file, file+"/situation", form...), 422), "#problem")
		if root := p.page(p.ask("pauline.mercier", "suivi", "GET", file, nil), 200); len(all(root, ".source")) > 0 {
			t.Errorf("%s is kept", name)
		}
	}
	if got := p.send("pauline.mercier", "suivi", file, file+"/situation", "licence", "Permis B", "aim", "<b>Soudure</b>"); got.status != 303 {
		t.Fatalf("giving it: %d", got.status)
	}
	root = p.page(p.ask("karim.benali", "suivi", "GET", file, nil), 200)
	said := plain(text(one(t, root, "article.file")))
	today := time.Now().Format("02/01/2006")
	for _, want := range []string{"Permis B donné par Mission locale de Valbourg le " + today, "<b>Soudure</b> donné par Mission locale"} {
		if !strings.Contains(said, want) {
			t.Errorf("the other body is not told %q: %s", want, said)
		}
	}
	if all(root, "[name=licence], [name=aim]") != nil || len(all(root, "select[name=transport]")) != 1 {
		t.Error("it is asked again, or the rest is not asked")
	}

	// What is known is replaced only by who says that it was wrong.
	if got := p.send("karim.benali", "suivi", file, file+"/situation", "licence", "Aucun permis"); got.status != 422 {
		t.Errorf("it is replaced unseen: %d", got.status)
	}
	root = p.page(p.ask("karim.benali", "suivi", "GET", file+"?correct=licence", nil), 200)
	if attr(one(t, root, "select[name=licence] option[selected]"), "value") != "" || text(one(t, root, "select[name=licence] option[selected]")) != "Permis B" {
		t.Error("a correction does not begin with what is known")
	}
	if got := p.send("karim.benali", "suivi", file, file+"/situation", "correct", "licence", "licence", "Permis B en préparation"); got.status != 303 {
		t.Errorf("correcting it: %d", got.status)
	}
	if said := plain(text(one(t, p.page(p.ask("pauline.mercier", "suivi", "GET", file, nil), 200), "article.file"))); !strings.Contains(said, "Permis B en préparation donné par Cap emploi Valbourg") {
		t.Errorf("corrected, it is %s", said)
	}
	if strings.Contains(said, "Handicap") || strings.Contains(said, "handicap (RQTH)") {
		t.Error("health is on the common page")
	}
}

func plain(text string) string { return strings.Join(strings.Fields(text), " ") }

// The catalogue is searched, and says how many places are left.
func TestOuiformsCatalogueIsSearched(t *testing.T) {
	p := newPlace(t)
	for query, want := range map[string]int{"": len(p.staff.Courses()), "?q=secretaire": 1, "?q=Tremplin&place=Valbourg": 2, "?place=Vichy": 2, "?q=nothing+like+it": 0} {
		if n := len(all(p.page(p.ask("pauline.mercier", "ouiform", "GET", "/"+query, nil), 200), "tr.course")); n != want {
			t.Errorf("%q finds %d courses, want %d", query, n, want)
		}
	}
	const path = "/courses/caces-chariots"
	for n, person := range p.staff.Caseload("pauline.mercier")[:5] {
		got := p.send("pauline.mercier", "ouiform", path, path+"/enrolments", "mail", p.register.Mail(person))
		if want := map[bool]int{true: 303, false: 422}[n < 16-len(p.staff.Courses()[0].Enrolled)]; got.status != want {
			t.Errorf("person %d: status %d, want %d", n+1, got.status, want)
		}
	}
}

// A training is quoted by who gives it, accepted by who accompanies the person, and charged
// for the hours that they were there, once.
func TestKairosChargesWhatWasAcceptedAndAttended(t *testing.T) {
	p := newPlace(t)
	const course = "/courses/caces-chariots"
	i := p.staff.Caseload("pauline.mercier")[0]
	mail, file := p.register.Mail(i), "/trainees/"+p.register.FT(i)
	if got := p.send("pauline.mercier", "ouiform", course, course+"/enrolments", "mail", mail); got.status != 303 {
		t.Fatalf("enrolment: %d", got.status)
	}
	bill := func(what string, want int, fields ...string) {
		t.Helper()
		if got := p.send("lucas.ferrand", "kairos", file, file+"/"+what, fields...); got.status != want {
			t.Errorf("%s %q: status %d, want %d", what, fields, got.status, want)
		}
	}
	bill("invoices", 422)
	for _, rate := range []string{"", "x", "0", "-3", "101", "NaN", "1e300"} {
		bill("quotes", 422, "rate", rate)
	}
	bill("quotes", 303, "rate", "9,50")
	bill("quotes", 422, "rate", "8")
	bill("invoices", 422) // it waits
	if got := p.send("lucas.ferrand", "ouiform", course, course+"/quotes", "mail", mail, "answer", "accepted"); got.status != 404 {
		t.Errorf("who offers accepts: %d", got.status)
	}
	if got := p.send("pauline.mercier", "ouiform", "/mine", course+"/quotes", "mail", mail, "answer", "perhaps"); got.status != 422 {
		t.Errorf("perhaps: %d", got.status)
	}
	if got := p.send("pauline.mercier", "ouiform", "/mine", course+"/quotes", "mail", mail, "answer", "accepted"); got.status != 303 {
		t.Errorf("accepting: %d", got.status)
	}
	bill("invoices", 422) // nobody came
	bill("attendance", 303, "day", "2026-09-14", "present", "yes")
	bill("attendance", 303, "day", "2026-09-15", "present", "no")
	bill("invoices", 303)
	bill("invoices", 422) // again
	said := text(p.page(p.ask("lucas.ferrand", "kairos", "GET", "/billing", nil), 200))
	for _, want := range []string{"66,50\u00a0€ facturés", "665,00\u00a0€", ", accepté"} {
		if !strings.Contains(said, want) {
			t.Errorf("the list does not say %q: %s", want, said)
		}
	}
	tremplin := slices.IndexFunc(p.staff.Agents(), func(a town.Agent) bool { return a.Organisation == "of-tremplin" })
	if rows := all(p.page(p.ask(p.staff.Agents()[tremplin].ID, "kairos", "GET", "/billing", nil), 200), "tr"); len(rows) > 0 {
		t.Error("another organisation sees it")
	}
}

// Who runs Kairos makes it read-only, with a word why; nobody else does. Reading goes on.
func TestAnApplicationIsReadOnlyWhileItsOperatorSaysSo(t *testing.T) {
	p := newPlace(t)
	ft := p.register.FT(p.staff.Enrolments("of-horizon")[0])
	operate := func(method, token, why string) int {
		r, err := http.NewRequestWithContext(t.Context(), method, p.servers["kairos"].URL+"/operator/read-only", strings.NewReader(why))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		return p.do(r).status
	}
	attend := func(want int) {
		t.Helper()
		page := p.ask("lucas.ferrand", "kairos", "GET", "/trainees/"+ft, nil)
		p.page(page, 200)
		if shut := strings.Contains(page.body, "Reprise à midi"); shut != (want == 409) {
			t.Errorf("the page says that it is read-only: %v", shut)
		}
		for path, body := range map[string]string{"/trainees/": "day=2026-11-23&present=yes", "/api/trainees/": `{"day":"2026-11-23","present":true}`} {
			var got reply
			if path == "/trainees/" {
				got = p.send("lucas.ferrand", "kairos", "/trainees/"+ft, path+ft+"/attendance", "day", "2026-11-23", "present", "yes")
			} else if got = p.ask("lucas.ferrand", "kairos", "POST", path+ft+"/attendance", strings.NewReader(body), "Content-Type", "application/json"); got.status == 201 {
				got.status = 303
			}
			if got.status != want || want == 409 && !strings.Contains(got.body, "Reprise à midi") {
				t.Errorf("%s: status %d, want %d: %s", path, got.status, want, got.body)
			}
		}
	}
	attend(303)
	for token, want := range map[string]int{"": 401, "another": 401, operator: 204} {
		if got := operate("PUT", token, "Reprise à midi."); got != want {
			t.Errorf("token %q: %d", token, got)
		}
	}
	attend(409)
	if got := operate("PUT", operator, " "); got != 400 {
		t.Errorf("read-only without a word: %d", got)
	}
	if got := operate("DELETE", operator, ""); got != 204 {
		t.Errorf("taken back: %d", got)
	}
	attend(303)
}

// A form that another site sends, or that is another account's, changes nothing.
func TestAFormWithoutItsTokenChangesNothing(t *testing.T) {
	p := newPlace(t)
	file := "/files/" + p.register.Dossier(p.staff.Caseload("pauline.mercier")[0])
	root := p.page(p.ask("karim.benali", "dossier", "GET", file, nil), 200)
	for _, token := range []string{"", "x", attr(all(root, "input[name=token]")[0], "value")} {
		form := url.Values{"text": {"A note."}, "token": {token}}
		if got := p.ask("pauline.mercier", "dossier", "POST", file+"/notes", strings.NewReader(form.Encode())); got.status != 422 || !strings.Contains(got.body, "a expiré") {
			t.Errorf("token %q: %d", token, got.status)
		}
	}
}

func TestKeysThatCannotBeReadAreAnError(t *testing.T) {
	broken := httptest.NewServer(http.NotFoundHandler())
	defer broken.Close()
	if _, err := town.KeysFrom(broken.URL, broken.Client())("k1"); err == nil {
		t.Error("no keys must be an error")
	}
	g := newGate(t)
	keys := town.KeysFrom(g.keys.URL, g.keys.Client())
	if _, err := keys("another"); err == nil {
		t.Error("an unknown key must be an error")
	}
	if _, err := keys("k1"); err != nil {
		t.Error(err)
	}
}
