package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poterne/internal/lab/proof"
	"poterne/internal/lab/town/life"
)

// What the table of keys in docs/failures.md says of a key that is gone, and of another one
// in its place. Nobody is served without any of them; with the assertions' made anew the
// program serves, and publishes the new half.
func TestNobodyIsServedWithoutAKeyOrUnderAnotherThanTheLedgers(t *testing.T) {
	t.Parallel()
	application := httptest.NewServer(crowd())
	t.Cleanup(application.Close)
	h := newHouse(t, "application", map[string]string{"http://127.0.0.1:3000": application.URL})
	p := h.serve()
	b := h.browser("pauline.mercier")
	if shown := h.openStrangers([]*life.Browser{b}, 0, 3); shown != 3 {
		t.Fatalf("%d were shown", shown)
	}
	published := h.published()
	p.stop()
	other := t.TempDir()
	h.poterne("keys", other, "--origin", "other.example/ledger")
	for _, c := range []struct{ key, replaced string }{
		{"epoch.key", "the epoch key is not the one"},
		{"seal.key", "seal"},
		{"checkpoint.key", "other.example/ledger"},
		{"assertion.key", ""},
		{"pseudonym.key", ""},
	} {
		key := filepath.Join(h.dir, c.key)
		kept := readFile(t, key)
		if err := os.Remove(key); err != nil {
			t.Fatal(err)
		}
		h.refusesToServe(c.key)
		rewrite(t, key, kept)
		if c.replaced == "" {
			continue
		}
		rewrite(t, key, readFile(t, filepath.Join(other, c.key)))
		h.refusesToServe(c.replaced)
		rewrite(t, key, kept)
	}
	rewrite(t, filepath.Join(h.dir, "assertion.key"), readFile(t, filepath.Join(other, "assertion.key")))
	p = h.serve()
	if now := h.published(); now == published || now == "" {
		t.Errorf("of a new key for assertions the half that applications read is %q, and was %q", now, published)
	}
	if shown := h.openStrangers([]*life.Browser{b}, 0, 4); shown != 4 {
		t.Errorf("%d people are shown once every key is there", shown)
	}
	h.verified()
	p.stop()

	// Under another key for pseudonyms everybody is somebody else: the four who were shown
	// count again, among the twenty, and cannot be found by their identifiers.
	rewrite(t, filepath.Join(h.dir, "pseudonym.key"), readFile(t, filepath.Join(other, "pseudonym.key")))
	h.serve()
	if shown := h.openStrangers([]*life.Browser{b}, 0, 20); shown != 16 {
		t.Errorf("%d people are shown under another key, after 4 of 20", shown)
	}
	h.verified()
}

// published is the name of the key by which applications believe who asks.
func (h *house) published() string {
	h.t.Helper()
	answer, err := http.Get(h.origin + "/.poterne/jwks.json")
	if err != nil {
		h.t.Fatal(err)
	}
	defer answer.Body.Close()
	var set struct{ Keys []struct{ Kid string } }
	if err := json.NewDecoder(answer.Body).Decode(&set); err != nil || len(set.Keys) != 1 {
		h.t.Fatalf("the keys for applications: %v %v", set, err)
	}
	return set.Keys[0].Kid
}

// With a client's secret that the provider does not know any more nobody signs in, and
// whoever is signed in goes on; the new one is taken up without a restart.
func TestAClientSecretIsReplacedWithoutARestart(t *testing.T) {
	t.Parallel()
	application := httptest.NewServer(crowd())
	t.Cleanup(application.Close)
	h := newHouse(t, "application", map[string]string{"http://127.0.0.1:3000": application.URL})
	secret := filepath.Join(h.dir, "client.secret")
	p := h.serve()
	b := h.browser("pauline.mercier")
	rewrite(t, secret, strings.Repeat("another ", 5))
	p.hangUp(readAnew)
	if _, err := h.site.Browser(t.Context(), "marc.petit"); err == nil {
		t.Fatal("somebody signs in with a secret that the provider does not know")
	}
	if shown := h.openStrangers([]*life.Browser{b}, 0, 1); shown != 1 {
		t.Error("whoever was signed in is shown nobody")
	}
	rewrite(t, secret, proof.Secret)
	p.hangUp(readAnew)
	h.browser("marc.petit")
}
