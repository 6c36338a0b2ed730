package doctor_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"poterne/internal/accounts"
	"poterne/internal/app"
	"poterne/internal/app/doctor"
	"poterne/internal/config"
	"poterne/internal/installed"
	"poterne/internal/intake"
	"poterne/internal/journal"
	"poterne/internal/lab/town/proconnect"
	"poterne/internal/ledger"
	"poterne/internal/ledger/witness/witnesstest"
	"poterne/internal/policy"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

const secret = "s3cr3tsecrets3cr3tsecret"

// patient is a program's surroundings: real ones, and well until a test spoils them.
type patient struct {
	t         *testing.T
	dir, file string
	transport *http.Transport
	honest    http.Handler     // the provider
	spoil     http.HandlerFunc // in its place; nil: the provider
	away      time.Duration    // that this machine's clock is wrong by
	provider  *httptest.Server
	upstream  *httptest.Server
	witness   *witnesstest.Witness
	served    *httptest.Server // the witness
}

// spoiled answers in place of the provider for one path.
func (p *patient) spoiled(path string, answer http.HandlerFunc) {
	p.spoil = func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path {
			answer(w, r)
			return
		}
		p.honest.ServeHTTP(w, r)
	}
}

func healthy(t *testing.T) *patient {
	t.Helper()
	p := &patient{t: t, dir: t.TempDir()}
	p.file = filepath.Join(p.dir, "poterne.toml")
	p.provider = httptest.NewUnstartedServer(nil)
	issuer := "https://" + p.provider.Listener.Addr().String()
	real, err := proconnect.New(proconnect.Settings{Issuer: issuer})
	if err != nil {
		t.Fatal(err)
	}
	p.honest = real.Handler()
	p.provider.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.spoil != nil {
			p.spoil(w, r)
			return
		}
		p.honest.ServeHTTP(w, r)
	})
	p.provider.StartTLS()
	t.Cleanup(p.provider.Close)
	p.upstream = httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(p.upstream.Close)
	p.transport = p.provider.Client().Transport.(*http.Transport)

	data := filepath.Join(p.dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = config.First{
		Application: p.upstream.URL, Origin: "http://localhost:8080", Issuer: issuer, Client: "poterne", Secret: secret,
		Subject: "me", Name: "Anne Morvan", SIRET: "90000000000017", Database: filepath.Join(data, "poterne.db"),
	}.Write(p.dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s := p.settings()
	p.witness = witnesstest.New(t, "witness.example/w1", s.Verifier)
	p.served = httptest.NewServer(p.witness)
	t.Cleanup(p.served.Close)
	p.write(func(text string) string {
		return text + fmt.Sprintf("\n[[source]]\nname = \"agenda\"\nkinds = [\"call\"]\nsilent_after = \"24h\"\n\n[quorum]\nneed = 1\n\n[[witness]]\naddress = %q\nkey = %q\n", p.served.URL, p.witness.Key())
	})
	p.lives(func(o *app.Opened) {
		if _, err := o.TakesFacts(o.Writer(), "operator").Take(t.Context(), "agenda", intake.NDJSON, strings.NewReader(""), intake.Said{}); err != nil {
			t.Fatal(err)
		}
		p.signs(o)
		if err := o.Council(slog.New(slog.DiscardHandler)).Attend(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	return p
}

func (p *patient) settings() config.Settings {
	p.t.Helper()
	s, err := config.Read(p.file)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// lives does what a program does to its database.
func (p *patient) lives(act func(*app.Opened)) {
	p.t.Helper()
	o, err := app.Open(p.t.Context(), p.settings())
	if err != nil {
		p.t.Fatal(err)
	}
	act(o)
	if err := o.Close(); err != nil {
		p.t.Fatal(err)
	}
}

func (p *patient) signs(o *app.Opened) {
	p.t.Helper()
	sequencer, err := ledger.NewSequencer(p.t.Context(), o.Ledger, o.Signer, o.Verifier, nil)
	if err == nil {
		_, err = sequencer.Step(p.t.Context())
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *patient) write(change func(string) string) {
	p.t.Helper()
	text, err := os.ReadFile(p.file)
	if err == nil {
		err = os.WriteFile(p.file, []byte(change(string(text))), 0o600)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *patient) instead(old, with string) {
	p.t.Helper()
	p.write(func(text string) string {
		if !strings.Contains(text, old) {
			p.t.Fatalf("the configuration has no %q", old)
		}
		return strings.Replace(text, old, with, 1)
	})
}

func (p *patient) examined() []doctor.Finding {
	p.t.Helper()
	findings := doctor.Examine(p.t.Context(), p.file, func() time.Time { return time.Now().Add(p.away) }, p.transport)
	said, err := json.Marshal(findings)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, name := range []string{"pseudonym.key", "checkpoint.key", "epoch.key", "seal.key", "client.secret"} {
		key, err := os.ReadFile(filepath.Join(p.dir, name))
		if err != nil {
			continue
		}
		for word := range strings.FieldsSeq(string(key)) {
			if len(word) > 12 && bytes.Contains(said, []byte(word)) {
				p.t.Errorf("it says what is in %s: %s", name, said)
			}
		}
	}
	return findings
}

// Promise: RUN-5
func TestTheDoctorFindsEverythingWellAndChangesNothing(t *testing.T) {
	p := healthy(t)
	p.lives(func(o *app.Opened) { // the last entry shows a person, under a key of its month
		p.must(journal.Record(t.Context(), o.Writer(), ledger.Entry{
			Kind: ledger.Consulted, Account: "samir", Service: "dossier", Person: storetest.Person(3), Verdict: policy.Refused, Why: policy.FileArchived,
		}))
		p.signs(o)
	})
	kept := func() map[string]string {
		found := make(map[string]string)
		err := fs.WalkDir(os.DirFS(p.dir), ".", func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := os.ReadFile(filepath.Join(p.dir, name))
			found[name] = string(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	before, knows := kept(), p.witness.Knows(t, "localhost/ledger")
	about := make(map[string]bool)
	for _, f := range p.examined() {
		name, _, _ := strings.Cut(f.About, " ")
		about[name] = true
		machine := name == "disk" || name == "flush" || strings.Contains(f.Found, "this is root") // it is what it is
		if f.State != doctor.OK && !machine {
			t.Errorf("%+v", f)
		}
	}
	for _, name := range []string{"configuration", "files", "disk", "flush", "database", "ledger", "witness", "source", "provider", "application", "clock", "certificate"} {
		if !about[name] {
			t.Errorf("nothing is said of the %s", name)
		}
	}
	after := kept()
	for name := range after {
		if before[name] != after[name] {
			t.Errorf("%s was changed", name)
		}
	}
	if now := p.witness.Knows(t, "localhost/ledger"); len(before) != len(after) || now != knows || knows == 0 {
		t.Errorf("%d files became %d; the witness knew %d entries, now %d", len(before), len(after), knows, now)
	}

	var out bytes.Buffer
	p.upstream.Close()
	err := doctor.Look(t.Context(), p.file, true, &out)
	if err == nil || !strings.HasSuffix(err.Error(), "wrong") {
		t.Errorf("it says %v", err)
	}
	for line := range strings.Lines(out.String()) {
		var f doctor.Finding
		if err := json.Unmarshal([]byte(line), &f); err != nil || f.State == "" || f.About == "" || f.Found == "" || (f.Do == "") != (f.State == doctor.OK) {
			t.Errorf("%s: %v", line, err)
		}
	}
	out.Reset()
	if err := doctor.Look(t.Context(), p.file, false, &out); err == nil || !strings.Contains(out.String(), "\nwrong  application app") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// Each line can fail.
//
// Promise: RUN-5
func TestTheDoctorNamesEachFault(t *testing.T) {
	answers := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
		}
	}
	const discovery = "/.well-known/openid-configuration"
	for name, test := range map[string]struct {
		spoil func(*patient)
		state doctor.State
		about string
		says  string
	}{
		"no configuration":                  {func(p *patient) { p.file += ".not" }, doctor.Wrong, "configuration", "cannot be read"},
		"a key that is not known":           {func(p *patient) { p.instead("[quorum]", "[quorums]") }, doctor.Wrong, "configuration", "quorums"},
		"a key that all may read":           {func(p *patient) { p.must(os.Chmod(filepath.Join(p.dir, "pseudonym.key"), 0o644)) }, doctor.Wrong, "files", "keys.pseudonym"},
		"a secret that is missing":          {func(p *patient) { p.must(os.Remove(filepath.Join(p.dir, "client.secret"))) }, doctor.Wrong, "files", "client_secret_file"},
		"a configuration that others write": {func(p *patient) { p.must(os.Chmod(p.file, 0o622)) }, doctor.Wrong, "files", "may be written by others"},
		"keys beside the database": {func(p *patient) {
			p.must(os.Rename(filepath.Join(p.dir, "data", "poterne.db"), filepath.Join(p.dir, "poterne.db")))
			p.instead(filepath.Join(p.dir, "data", "poterne.db"), "poterne.db")
		}, doctor.Check, "files", "beside the database"},
		"no folder for the database": {func(p *patient) { p.must(os.RemoveAll(filepath.Join(p.dir, "data"))) }, doctor.Wrong, "disk", "no such file"},
		"no database":                {func(p *patient) { p.must(os.Remove(filepath.Join(p.dir, "data", "poterne.db"))) }, doctor.Wrong, "database", "no such file"},
		"no database, but a file": {func(p *patient) {
			p.must(os.WriteFile(filepath.Join(p.dir, "data", "poterne.db"), []byte("a letter"), 0o600))
		}, doctor.Wrong, "database", "poterne.db"},
		"another seal key": {func(p *patient) { p.another(config.NewSealKey()) }, doctor.Wrong, "database", "seal"},
		"another pseudonym key": {func(p *patient) {
			p.another(config.Key{File: "pseudonym.key", Text: strings.Repeat("0123456789abcdef", 4)})
		}, doctor.Wrong, "database", "pseudonym key"},
		"another epoch key": {func(p *patient) { p.another(config.NewEpochKey()) }, doctor.Wrong, "database", "epoch key"},
		"entries without a checkpoint": {func(p *patient) {
			p.lives(func(o *app.Opened) { p.writes(o) })
			p.away = 8 * time.Second
		}, doctor.Check, "ledger", "has waited"},
		"a clock behind the ledger": {func(p *patient) { p.away = -time.Hour }, doctor.Wrong, "clock", "ahead of it"},
		"a clock that is off":       {func(p *patient) { p.away = 5 * time.Minute }, doctor.Wrong, "clock", "from that of the provider"},
		"a clock that drifts":       {func(p *patient) { p.away = -8 * time.Second }, doctor.Check, "clock", "from that of the provider"},
		"no clock to compare":       {func(p *patient) { p.provider.Close() }, doctor.Check, "clock", "nobody said"},
		"a witness that is away":    {func(p *patient) { p.served.Close() }, doctor.Check, "witness", "refused"},
		"a strict quorum without it": {func(p *patient) {
			p.instead("need = 1", "need = 1\nstrict = \"10m\"")
			p.served.Close()
		}, doctor.Wrong, "witness", "refused"},
		"a witness that fell behind": {func(p *patient) {
			p.lives(func(o *app.Opened) {
				p.writes(o)
				p.signs(o)
			})
			p.away = 20 * time.Second
		}, doctor.Check, "witness", "for its co-signature"},
		"a witness that never co-signed": {func(p *patient) {
			other := witnesstest.New(p.t, "witness.example/w2", p.settings().Verifier)
			p.instead(p.witness.Key(), other.Key())
		}, doctor.Check, "witness", "has co-signed nothing"},
		"a source that fell silent": {func(p *patient) { p.away = 49 * time.Hour }, doctor.Wrong, "source agenda", "not heard for"},
		"a source that never spoke": {func(p *patient) { p.instead(`name = "agenda"`, `name = "calls"`) }, doctor.Check, "source calls", "never heard"},
		"a provider that is away":   {func(p *patient) { p.provider.Close() }, doctor.Wrong, "provider", "refused"},
		"a further provider that is away": {func(p *patient) {
			p.write(func(text string) string {
				secret := regexp.MustCompile(`client_secret_file = .*`).FindString(text)
				text = strings.Replace(text, "[signin]\n", "[signin]\nname = \"ProConnect\"\n", 1)
				return text + "\n[[signin.other]]\nname = \"Mission locale\"\nissuer = \"https://127.0.0.1:1\"\nclient_id = \"poterne\"\n" + secret + "\n"
			})
		}, doctor.Wrong, "provider", "127.0.0.1:1"},
		"a provider unknown to TLS":  {func(p *patient) { p.transport = http.DefaultTransport.(*http.Transport).Clone() }, doctor.Wrong, "provider", "certificate"},
		"no discovery":               {func(p *patient) { p.spoiled(discovery, answers(404, "")) }, doctor.Wrong, "provider", "answers 404"},
		"a page for a discovery":     {func(p *patient) { p.spoiled(discovery, answers(200, "<html>")) }, doctor.Wrong, "provider", "no JSON"},
		"a provider of another name": {func(p *patient) { p.spoiled(discovery, answers(200, `{"issuer":"https://other.example"}`)) }, doctor.Wrong, "provider", `"https://other.example"`},
		"keys by a way that others read": {func(p *patient) {
			p.spoiled(discovery, answers(200, fmt.Sprintf(`{"issuer":%q,"authorization_endpoint":"https://a.example","token_endpoint":"https://a.example","jwks_uri":"http://keys.example/"}`, p.provider.URL)))
		}, doctor.Wrong, "provider", "jwks_uri"},
		"no keys":                       {func(p *patient) { p.spoiled("/jwks", answers(503, "")) }, doctor.Wrong, "provider", "answers 503"},
		"keys that sign nothing":        {func(p *patient) { p.spoiled("/jwks", answers(200, `{"keys":[]}`)) }, doctor.Wrong, "provider", "no public key"},
		"an application that is away":   {func(p *patient) { p.upstream.Close() }, doctor.Wrong, "application app", "refused"},
		"an application that is broken": {func(p *patient) { p.upstream.Config.Handler = answers(502, "") }, doctor.Check, "application app", "answers 502"},
		"a certificate that ran out":    {func(p *patient) { p.certified("localhost", -time.Hour) }, doctor.Wrong, "certificate of https://localhost", "it ends on"},
		"a certificate that ends soon":  {func(p *patient) { p.certified("localhost", 5*24*time.Hour) }, doctor.Check, "certificate of https://localhost", "it ends on"},
		"a certificate of another":      {func(p *patient) { p.certified("elsewhere.example", 90*24*time.Hour) }, doctor.Wrong, "certificate of https://localhost", "elsewhere.example"},
		"a programme's that ends soon":  {func(p *patient) { p.showed(5 * 24 * time.Hour) }, doctor.Check, "certificate of programme me", "it ends on"},
		"a programme's that ran out":    {func(p *patient) { p.showed(-time.Hour) }, doctor.Wrong, "certificate of programme me", "it ends on"},
		"a provider's that ends soon":   {func(p *patient) { p.away = time.Until(p.provider.Certificate().NotAfter) - 24*time.Hour }, doctor.Check, "certificate of 127.0.0.1", "it ends on"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it waits for disks
			p := healthy(t)
			if named(p.examined(), test.state, test.about, test.says) {
				t.Fatal("it is said before anything is wrong")
			}
			test.spoil(p)
			if found := p.examined(); !named(found, test.state, test.about, test.says) {
				t.Errorf("it finds %+v", found)
			}
		})
	}
}

// What two people have not allowed is said: nodes do not go by it, and what is looked at does.
//
// Promise: RIGHTS-1
func TestRIGHTS_1_TheDoctorSaysThatNobodyAllowedTheFile(t *testing.T) {
	p := healthy(t)
	says := func(state doctor.State) bool {
		return slices.ContainsFunc(p.examined(), func(f doctor.Finding) bool {
			return f.State == state && f.About == "configuration" && strings.HasPrefix(f.Found, "two people")
		})
	}
	if says(doctor.OK) || says(doctor.Check) {
		t.Error("it speaks of two people where one changes the configuration")
	}
	p.write(func(text string) string { return "[configuration]\nby_two = true\n\n" + text })
	p.lives(func(o *app.Opened) {
		p.must(storetest.TakeRosterBy(t, o.Writer(), storetest.Staff()))
		p.must(storetest.TakeRosterBy(t, o.Writer(), storetest.Signers()))
		first := installed.Take{Proposal: installed.Proposal{Node: "north", Text: o.Deciding.Text, Digest: o.Deciding.Digest, ByTwo: true}}
		_, err := journal.Do(t.Context(), o.Writer(), journal.Act[installed.Rows](first))
		p.must(err)
	})
	if !says(doctor.OK) {
		t.Errorf("what they allowed: %+v", p.examined())
	}
	p.instead(`silent_after = "24h"`, `silent_after = "48h"`)
	if !says(doctor.Check) {
		t.Errorf("what they did not allow: %+v", p.examined())
	}
}

func named(findings []doctor.Finding, state doctor.State, about, says string) bool {
	for _, f := range findings {
		if f.State == state && strings.HasPrefix(f.About, about) && strings.Contains(f.Found, says) && f.Do != "" {
			return true
		}
	}
	return false
}

func (p *patient) must(errs ...error) {
	p.t.Helper()
	if err := errors.Join(errs...); err != nil {
		p.t.Fatal(err)
	}
}

func (p *patient) writes(o *app.Opened) {
	p.t.Helper()
	p.must(journal.Record(p.t.Context(), o.Writer(), ledger.Entry{Kind: ledger.Read, Account: "samir"}))
}

// another puts a new key in place of one.
func (p *patient) another(key config.Key) {
	p.t.Helper()
	p.must(os.WriteFile(filepath.Join(p.dir, key.File), []byte(key.Text), 0o600))
}

// certified gives the program a certificate of its own.
func (p *patient) certified(name string, left time.Duration) {
	p.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p.must(err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(left)}
	made, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	p.must(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	p.must(err, os.WriteFile(filepath.Join(p.dir, "tls.crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made}), 0o600),
		os.WriteFile(filepath.Join(p.dir, "tls.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	p.instead(`origin = "http://localhost:8080"`, "origin = \"https://localhost:8080\"\ncert = \"tls.crt\"\nkey = \"tls.key\"")
}

// showed has a programme sign in with a certificate, and a node keep when that ends.
func (p *patient) showed(left time.Duration) {
	p.t.Helper()
	p.lives(func(o *app.Opened) {
		_, err := journal.Do(p.t.Context(), o.Writer(), &accounts.Import{By: "operator", List: accounts.List{
			Organisations: []roster.Organisation{{ID: "office", SIRET: "90000000000017", Name: "Mission locale"}},
			Accounts:      []roster.Account{{ID: "me", Organisation: "office", Role: roster.Adviser, Name: "Anne Morvan", Opened: o.Now(), Identity: roster.Identity{Issuer: "https://issuer.example", Subject: "me"}}},
		}})
		p.must(err)
		j, err := journal.Open(p.t.Context(), o.Ledger, nil, o.Now)
		p.must(err)
		ctx, stop := context.WithCancel(p.t.Context())
		ended := make(chan error, 2)
		go func() { ended <- j.Run(ctx) }()
		p.must(journal.Record(ctx, j, ledger.Entry{Kind: ledger.SignIn, State: ledger.Granted, Account: "me", Factor: "certificate", Until: ledger.Cut(o.Now().Add(left))}))
		used := accounts.NewUsed(j, o.Ledger, store.NewKept(o.DB, "used"), o.Now, slog.New(slog.DiscardHandler))
		go func() { ended <- used.Run(ctx) }()
		for used.Certificate("me").IsZero() {
			time.Sleep(time.Millisecond)
		}
		stop()
		_, _ = <-ended, <-ended
	})
}

// Promise: LEDGER-5
func TestTheDoctorNamesARoleThatCouldAlterWhatWasWritten(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	connection := cluster.Database(t)
	p := healthy(t)
	p.instead(fmt.Sprintf("path = %q", filepath.Join(p.dir, "data", "poterne.db")), fmt.Sprintf("server = %q", connection))
	p.lives(func(o *app.Opened) { p.writes(o) })
	found := p.examined()
	if named(found, doctor.Wrong, "database", "") || !clocked(found) {
		t.Errorf("it finds %+v", found)
	}
	p.instead(connection, cluster.Superuser(connection))
	if found := p.examined(); !named(found, doctor.Wrong, "database", "could alter what was written") {
		t.Errorf("it finds %+v", found)
	}
	p.instead(cluster.Superuser(connection), cluster.Empty(t))
	if found := p.examined(); !named(found, doctor.Wrong, "database", "run poterne migrate") {
		t.Errorf("it finds %+v", found)
	}
}

func clocked(findings []doctor.Finding) bool {
	for _, f := range findings {
		if f.About == "clock" && strings.Contains(f.Found, "of the database") {
			return true
		}
	}
	return false
}

// A database behind the door for SQL is looked at as the door will ask it: each fault is named, none of its
// statements is run, and what cannot be seen from here is said.
//
// Promise: RUN-5
func TestTheDoctorLooksAtADatabaseBehindTheDoor(t *testing.T) {
	cluster := storetest.StartPostgreSQL(t)
	server := cluster.Empty(t)
	owner, err := pgx.Connect(t.Context(), cluster.Superuser(server))
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close(context.Background())
	does := func(sql string) {
		_, err := owner.Exec(t.Context(), sql)
		(&patient{t: t}).must(err)
	}
	does(`create table person (id int, surname text); create sequence ran; grant usage on sequence ran to poterne; grant select on person to poterne;
		create function noted() returns int language sql as $$ select nextval('ran')::int $$`)
	p := healthy(t)
	settings := p.settings()
	purpose := slices.Sorted(maps.Keys(settings.Rules.Purposes))[0]
	p.write(func(text string) string {
		return text + fmt.Sprintf("\n[sql]\nlisten = \"127.0.0.1:6432\"\n[[sql.service]]\nid = \"reports\"\nserver = %q\npurpose = %q\n[[sql.service.statement]]\nname = \"everybody\"\nsql = \"select id, surname, noted() as n from person\"\nperson = { id = %q }\nfields = { name = \"surname\" }\nplain = \"n\"\n", server, purpose, settings.Schemes.Own())
	})
	const about = "database behind reports"
	says := func(state doctor.State, text string) {
		t.Helper()
		found := p.examined()
		for _, f := range found {
			if f.State == state && f.About == about && strings.Contains(f.Found, text) && (f.Do != "") == (state != doctor.OK) {
				return
			}
		}
		t.Errorf("it does not say %q: %+v", text, found)
	}
	says(doctor.OK, "PostgreSQL 15")
	says(doctor.OK, "it describes all 1 statements")
	says(doctor.OK, "is not seen from here")
	for _, f := range p.examined() {
		if f.About == about && f.State != doctor.OK {
			t.Errorf("it finds %+v", f)
		}
	}
	does("grant insert on person to poterne")
	says(doctor.Check, "may change 1 tables")
	does("revoke insert on person from poterne; alter table person rename surname to surnames")
	says(doctor.Wrong, "statement everybody: the server does not take it: 42703")
	does("alter table person rename surnames to surname; alter table person alter id type numeric")
	says(doctor.Wrong, `the column "id" names a person, and is of a type that cannot`)
	does("alter table person alter id type int; revoke select on person from poterne")
	says(doctor.OK, "PostgreSQL 15") // rights are asked for when a statement is run
	does("alter role poterne bypassrls")
	says(doctor.Wrong, "above the rights")
	does("do $$ begin if (select is_called from ran) then raise 'a statement was run'; end if; end $$")
	p.instead(server, strings.Replace(server, "user=", "connect_timeout=1 user=nobody_", 1))
	says(doctor.Wrong, "it is not reached")
}
