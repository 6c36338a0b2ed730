package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poterne/internal/lab/town/life"
	"poterne/internal/lab/town/proconnect"
	"poterne/internal/ledger"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/signin"
)

// house is a folder in which somebody has set Poterne up from the files of a
// folder in testdata, with its own commands. Only the addresses in those files are
// changed: to ports that are free.
type house struct {
	t      *testing.T
	dir    string
	origin string
	config string
	key    register.Key
}

// members is who can sign in at the house's identity provider, in the order of
// their buttons, and the SIRET that it knows them under.
var members = []struct {
	account roster.AccountID
	siret   string
}{
	{"pauline.mercier", "90000000000017"}, {"marc.petit", "90000000000017"}, {"karim.benali", "90000000000025"}, {"samir.cohen", "90000000000033"},
}

const (
	houseClient = "poterne"
	houseSecret = "a secret that the provider gave"
	houseIdp    = "poste"
)

// newHouse sets a house up. Upstreams says where the addresses that the
// configuration names really are. Whatever else the folder holds stays with the
// caller.
func newHouse(t *testing.T, folder string, upstreams map[string]string) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), origin: fmt.Sprintf("http://localhost:%d", freePort(t))}
	h.config = filepath.Join(h.dir, "poterne.toml")
	changes := []string{"localhost:8080", strings.TrimPrefix(h.origin, "http://"), "http://127.0.0.1:8081/api/v2", h.identityProvider()}
	for written, real := range upstreams {
		changes = append(changes, written, real)
	}
	for _, m := range members {
		changes = append(changes, "sub of "+string(m.account), proconnect.Subject(houseClient, houseIdp, string(m.account)))
	}
	for _, name := range []string{"poterne.toml", "roster.toml"} {
		text, err := os.ReadFile(filepath.Join("testdata", folder, name))
		if err != nil {
			t.Fatal(err)
		}
		h.write(name, strings.NewReplacer(changes...).Replace(string(text)))
	}
	h.write("client.secret", houseSecret)
	h.poterne("keys", h.dir, "--origin", "poterne.example/ledger")
	h.poterne("config", "check", h.config)
	h.poterne("roster", "import", "--config", h.config, "--as", "nadia", filepath.Join(h.dir, "roster.toml"))
	h.key = pseudonymKey(t, h.dir)
	return h
}

// byAddress is the house under another host, which is another origin.
func (h *house) byAddress() string { return strings.Replace(h.origin, "localhost", "127.0.0.1", 1) }

// in is the same house, for a subtest.
func (h *house) in(t *testing.T) *house {
	inside := *h
	inside.t = t
	return &inside
}

// write writes a file that its owner alone may read.
func (h *house) write(name, text string) string {
	h.t.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return path
}

// poterne runs a command that must succeed, and returns what it printed.
func (h *house) poterne(args ...string) string {
	h.t.Helper()
	output, code := poterne(h.t, args...)
	if code != 0 {
		h.t.Fatalf("poterne %s ended with %d:\n%s", strings.Join(args, " "), code, output)
	}
	return output
}

// takeFacts imports a CSV file of facts.
func (h *house) takeFacts(source, file string) {
	h.t.Helper()
	h.poterne("facts", "import", "--config", h.config, "--as", "nadia", "--source", source, file)
}

// serve starts guarding, and returns once it answers.
func (h *house) serve() *process {
	h.t.Helper()
	p := start(h.t, "serve", "--config", h.config)
	p.ready(h.origin)
	return p
}

// browser returns a browser in which somebody is signed in.
func (h *house) browser(account roster.AccountID) *life.Browser {
	h.t.Helper()
	b := life.NewBrowser(h.origin)
	for button, m := range members {
		if m.account != account {
			continue
		}
		if err := b.SignIn(h.t.Context(), fmt.Sprint(button)); err != nil {
			h.t.Fatal(err)
		}
		return b
	}
	h.t.Fatalf("nobody is called %s", account)
	return nil
}

// get opens a page, whatever its status.
func (h *house) get(b *life.Browser, path string) life.Page {
	h.t.Helper()
	page, err := b.Get(h.t.Context(), path)
	if err != nil {
		h.t.Fatal(err)
	}
	return page
}

// entries reads the house's ledger from a number on.
func (h *house) entries(from ledger.Number) []ledger.Entry {
	h.t.Helper()
	return entries(h.t, h.database(), from)
}

func (h *house) database() string { return filepath.Join(h.dir, "poterne.db") }

// verified holds the whole ledger against its tree, as somebody at a terminal does.
func (h *house) verified() {
	h.t.Helper()
	if output, code := poterne(h.t, "ledger", "verify", "--config", h.config); code != 0 {
		h.t.Errorf("the ledger does not verify:\n%s", output)
	}
}

// identityProvider starts one that lives as long as the test, and returns its
// issuer.
func (h *house) identityProvider() (issuer string) {
	h.t.Helper()
	var handler http.Handler // the issuer must be known before the provider is made
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	h.t.Cleanup(server.Close)
	issuer = server.URL + "/api/v2"
	var people []proconnect.Person
	for _, m := range members {
		given, usual, _ := strings.Cut(string(m.account), ".")
		people = append(people, proconnect.Person{
			Subject: string(m.account), GivenName: given, UsualName: usual, Email: string(m.account) + "@poste.example",
			SIRET: m.siret, Idp: houseIdp, ACR: "eidas1-mfa", AMR: []string{"pwd", "otp", "mfa"},
		})
	}
	provider, err := proconnect.New(proconnect.Settings{
		Issuer: issuer, People: people,
		Clients: []proconnect.Client{{
			ID: houseClient, Secret: houseSecret, Name: "Poterne",
			Redirects: []string{h.origin + signin.CallbackPath, h.byAddress() + signin.CallbackPath},
			Exits:     []string{h.origin + signin.LeftPath, h.byAddress() + signin.LeftPath},
			Recall:    h.origin + signin.RecallPath,
		}},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	handler = provider.Handler()
	return issuer
}
