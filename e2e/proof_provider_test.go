package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"

	"poterne/internal/lab/proof"
	"poterne/internal/lab/town/life"
	"poterne/internal/ledger"
	"poterne/internal/roster"
)

// With nothing but the profile "oidc", people sign in at a provider that is not
// ProConnect's kind: its userinfo is plain JSON, it wants the secret in a header, and it
// knows no SIRET.
//
// Promises: ENTRY-1, ENTRY-4, ENTRY-12, RUN-8
func TestENTRY_1_PeopleSignInAtAProviderThatNobodyHereWrote(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "neighbours", nil)
	issuer := oidcProvider(t, h.origin)
	config, err := os.ReadFile(h.config)
	if err != nil {
		t.Fatal(err)
	}
	before, after, _ := strings.Cut(string(config), "[signin]\nissuer = \"")
	_, after, _ = strings.Cut(after, "\"\n")
	h.write("poterne.toml", before+"[signin]\nprofile = \"oidc\"\nadmit_weak = true\nissuer = \""+issuer+"\"\n"+after)
	h.poterne("config", "check", h.config)
	h.poterne("roster", "import", "--config", h.config, "--as", "nadia", h.write("alix.toml", fmt.Sprintf(`
[[account]]
id = "alix.morel"
organisation = "ml-valbourg"
role = "adviser"
name = "Alix Morel"
issuer = %q
subject = "alix"
`, issuer)))
	h.serve()

	alix := life.NewBrowser(h.origin)
	if page := signInAt(h, alix, "/.poterne/begin?return=%2F", "alix"); page.Status != http.StatusOK || page.Address.String() != h.origin+"/" || !bytes.Contains(page.Body, []byte("Alix Morel")) {
		t.Fatalf("alix arrives at %s: %d\n%s", page.Address, page.Status, page.Body)
	}
	stranger := life.NewBrowser(h.origin)
	refused := signInAt(h, stranger, "/.poterne/begin?return=%2F", "noor")
	code := roster.Identity{Issuer: issuer, Subject: "noor"}.Code()
	if refused.Status != http.StatusForbidden || !bytes.Contains(refused.Body, []byte(code)) {
		t.Errorf("somebody without an account is answered %d, without the code %s:\n%s", refused.Status, code, refused.Body)
	}

	t.Log("A step-up has them sign in anew, though the provider knows them.")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.origin+"/.poterne/step-up", strings.NewReader("return=%2F"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", h.origin)
	asked, err := alix.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if page := answer(h, alix, asked, "alix"); page.Status != http.StatusOK || page.Address.String() != h.origin+"/" {
		t.Errorf("after a step-up alix is at %s: %d\n%s", page.Address, page.Status, page.Body)
	}

	var written []string
	for _, e := range h.entries(0) {
		if e.Kind == ledger.SignIn || e.Kind == ledger.SteppedUp {
			written = append(written, strings.TrimSpace(fmt.Sprint(e.Kind, " ", e.Account, " ", e.Identity.Subject, " ", e.State, " ", e.Factor)))
		}
	}
	if got, want := strings.Join(written, "; "), "sign-in alix.morel alix granted weak; sign-in  noor no-account weak; stepped-up alix.morel   sign-in"; got != want {
		t.Errorf("the ledger says %q, want %q", got, want)
	}
}

// oidcProvider starts the provider, and returns its issuer.
func oidcProvider(t *testing.T, origin string) (issuer string) {
	library := npm(t, "oidc-provider", "9.5.2", filepath.Join("lib", "index.js"))
	port := freePort(t)
	neighbour(t, exec.Command("node", filepath.Join("testdata", "provider", "provider.mjs"), library, fmt.Sprint(port), origin, proof.Secret), port)
	return fmt.Sprintf("http://localhost:%d", port)
}

// signInAt goes to the provider from a path of the portal, and answers all it asks.
func signInAt(h *house, b *life.Browser, path, who string) life.Page {
	h.t.Helper()
	return answer(h, b, h.get(b, path), who)
}

// answer fills in the provider's pages, one after the other, until one is not the
// provider's any more.
func answer(h *house, b *life.Browser, page life.Page, who string) life.Page {
	h.t.Helper()
	for range 5 {
		if strings.HasPrefix(page.Address.String(), h.origin) {
			return page
		}
		tree, err := html.Parse(bytes.NewReader(page.Body))
		if err != nil {
			h.t.Fatal(err)
		}
		form := cascadia.Query(tree, cascadia.MustCompile("form[action]"))
		if form == nil {
			h.t.Fatalf("%s has no form:\n%s", page.Address, page.Body)
		}
		values := url.Values{}
		for _, input := range cascadia.QueryAll(form, cascadia.MustCompile("input[name]")) {
			values.Set(attribute(input, "name"), attribute(input, "value"))
		}
		if values.Has("login") {
			values.Set("login", who)
			values.Set("password", "anything")
		}
		action, err := page.Address.Parse(attribute(form, "action"))
		if err != nil {
			h.t.Fatal(err)
		}
		request, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, action.String(), strings.NewReader(values.Encode()))
		if err != nil {
			h.t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if page, err = b.Do(request); err != nil {
			h.t.Fatal(err)
		}
	}
	h.t.Fatalf("the provider goes on asking, at %s", page.Address)
	return page
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
