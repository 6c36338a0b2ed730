package e2e

import (
	"io/fs"
	"os"
	"strings"
	"testing"

	"poterne/internal/lab/proof"
	"poterne/internal/lab/town/life"
	"poterne/internal/ledger"
	"poterne/internal/register"
	"poterne/internal/roster"
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
	site   *proof.Site
}

// newHouse sets a house up. Upstreams says where the addresses that the
// configuration names really are. Whatever else the folder holds stays with the
// caller. The folder "application" is the one that prove-it has.
func newHouse(t *testing.T, folder string, upstreams map[string]string) *house {
	t.Helper()
	var files fs.FS = proof.Application
	if folder != "application" {
		files = os.DirFS("testdata/" + folder)
	}
	var changes []string
	for written, real := range upstreams {
		changes = append(changes, written, real)
	}
	site, err := proof.SetUp(t.Context(), t.TempDir(), binary, files, changes...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = site.Close() })
	return &house{t, site.Dir, site.Origin, site.Config, site.Key, site}
}

// byAddress is the house under another host, which is another origin.
func (h *house) byAddress() string { return h.site.ByAddress() }

// in is the same house, for a subtest.
func (h *house) in(t *testing.T) *house {
	inside := *h
	inside.t = t
	return &inside
}

// write writes a file that its owner alone may read.
func (h *house) write(name, text string) string {
	h.t.Helper()
	path, err := h.site.Write(name, text)
	if err != nil {
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
	if err := h.site.TakeFacts(h.t.Context(), source, file); err != nil {
		h.t.Fatal(err)
	}
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
	b, err := h.site.Browser(h.t.Context(), account)
	if err != nil {
		h.t.Fatal(err)
	}
	return b
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

func (h *house) database() string { return h.site.Database() }

// verified holds the whole ledger against its tree, as somebody at a terminal does.
func (h *house) verified() {
	h.t.Helper()
	if output, code := poterne(h.t, "ledger", "verify", "--config", h.config); code != 0 {
		h.t.Errorf("the ledger does not verify:\n%s", output)
	}
}
