package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

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
		{"pseudonym.key", "the pseudonym key is not the one"},
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
	h.serve()
	if now := h.published(); now == published || now == "" {
		t.Errorf("of a new key for assertions the half that applications read is %q, and was %q", now, published)
	}
	if shown := h.openStrangers([]*life.Browser{b}, 0, 4); shown != 4 {
		t.Errorf("%d people are shown once every key is there", shown)
	}
	h.verified()

	// Nor does a command write under another key for pseudonyms, beside the node: everybody would
	// be somebody else.
	rewrite(t, filepath.Join(h.dir, "pseudonym.key"), readFile(t, filepath.Join(other, "pseudonym.key")))
	h.write("aliases.csv", "scheme,identifier,register_identifier\n")
	if said, code := poterne(t, "aliases", "import", "--config", h.config, "--as", "operator", filepath.Join(h.dir, "aliases.csv")); code != 1 || !strings.Contains(said, "the pseudonym key is not the one") {
		t.Errorf("a command under another key: %d %s", code, said)
	}
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

// A certificate that is renewed serves whoever connects from then on; one that is not whole
// leaves the one before.
func TestACertificateIsRenewedWithoutARestart(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "application", nil)
	text := strings.Replace(readFile(t, h.config), `origin = "http://`, `origin = "https://`, 1)
	rewrite(t, h.config, strings.Replace(text, "[database]", "cert = \"tls.crt\"\nkey = \"tls.key\"\n\n[database]", 1))
	h.certified(1)
	p := start(t, "serve", "--config", h.config)
	shown := func() int64 { return h.shows(p) }
	if serial := shown(); serial != 1 {
		t.Fatalf("it shows the certificate %d", serial)
	}
	h.certified(2)
	p.hangUp(readAnew)
	if serial := shown(); serial != 2 {
		t.Errorf("it shows the certificate %d after the second was there", serial)
	}
	h.write("tls.crt", "half a certificate")
	p.hangUp(unchanged)
	if serial := shown(); serial != 2 {
		t.Errorf("it shows the certificate %d after one that is not whole", serial)
	}
}

// A configuration that waits for two people keeps no certificate and no secret back: what their files hold is
// their operator's alone, and is read anew all the same.
//
// Promises: RIGHTS-1, RUN-11
func TestRIGHTS_1_AConfigurationThatWaitsKeepsNoCertificateBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "application", nil)
	text := strings.NewReplacer(`origin = "http://`, `origin = "https://`, "[database]", "cert = \"tls.crt\"\nkey = \"tls.key\"\n\n[database]",
		"[public]", "[configuration]\nby_two = true\n\n[public]").Replace(readFile(t, h.config))
	rewrite(t, h.config, text)
	h.certified(1)
	p := start(t, "serve", "--config", h.config)
	if serial := h.shows(p); serial != 1 {
		t.Fatalf("it shows the certificate %d", serial)
	}
	p.hangUp(readAnew)

	const adviser = "adviser     = { hour = 20, month = 20 }"
	if !strings.Contains(text, adviser) {
		t.Fatal("the house's configuration has no such line")
	}
	rewrite(t, h.config, strings.Replace(text, adviser, "adviser = { hour = 500, month = 500 }", 1))
	for serial := range int64(3) {
		h.certified(2 + serial)
		p.hangUp(waits)
		if shown := h.shows(p); shown != 2+serial {
			t.Errorf("it shows the certificate %d after that with %d was there", shown, 2+serial)
		}
	}
	h.write("tls.crt", "half a certificate")
	p.hangUp(unchanged)
	if shown := h.shows(p); shown != 4 {
		t.Errorf("it shows the certificate %d after one that is not whole", shown)
	}
	h.certified(5)
	elsewhere := fmt.Sprintf("listen = \"127.0.0.1:%d\"", freePort(t))
	listens := regexp.MustCompile(`listen = "[^"]*"`)
	rewrite(t, h.config, listens.ReplaceAllLiteralString(readFile(t, h.config), elsewhere))
	p.hangUp(unchanged)
	if said := p.output.String(); !strings.Contains(said[strings.LastIndex(said, unchanged):], "it waits for them at") || !strings.Contains(said[strings.LastIndex(said, unchanged):], "public.listen") {
		t.Errorf("of a file that nobody allowed and that moves the node it says %s", said[strings.LastIndex(said, unchanged):])
	}
	rewrite(t, h.config, text)
	p.hangUp(readAnew)
	if shown := h.shows(p); shown != 5 {
		t.Errorf("it shows the certificate %d once what was allowed is there again", shown)
	}
}

// shows returns the serial number of the certificate that a process shows at the house's address.
func (h *house) shows(p *process) int64 {
	h.t.Helper()
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(20 * time.Millisecond) {
		connection, err := tls.Dial("tcp", strings.TrimPrefix(h.origin, "http://"), &tls.Config{InsecureSkipVerify: true})
		if err == nil {
			defer connection.Close()
			return connection.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
		}
		select {
		case <-p.done:
			h.t.Fatalf("poterne ended: %v\n%s", p.err, p.output)
		default:
		}
	}
	h.t.Fatal("nobody answers")
	return 0
}

// certified makes a certificate for the house, with a serial number.
func (h *house) certified(serial int64) {
	h.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		h.t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	made, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	private, wrong := x509.MarshalPKCS8PrivateKey(key)
	if err := errors.Join(err, wrong); err != nil {
		h.t.Fatal(err)
	}
	h.write("tls.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made})))
	h.write("tls.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
}
