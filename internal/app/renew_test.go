package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poterne/internal/config"
	"poterne/internal/config/configtest"
)

// Whoever renews a certificate has the node take it up: what somebody wrote wrongly into the configuration
// meanwhile is told, and keeps no certificate that ends. Nor does a certificate that cannot be read take
// the one before it away.
//
// Promise: RUN-11
func TestRUN_11_ARenewedCertificateDoesNotWaitForTheRestOfTheFile(t *testing.T) {
	dir := configtest.Secrets(t)
	file, cert, key := filepath.Join(dir, "poterne.toml"), filepath.Join(dir, "renewed.crt"), filepath.Join(dir, "renewed.key")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	renew := func(serial int64) {
		t.Helper()
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
		made, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
		if err != nil {
			t.Fatal(err)
		}
		secret, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			t.Fatal(err)
		}
		write(cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made})))
		write(key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	}
	renew(1)
	good := strings.Replace(configtest.Land(config.Example), "[public]\n", fmt.Sprintf("[control]\nsocket = %q\n\n[public]\ncert = %q\nkey = %q\n", filepath.Join(dir, "node.sock"), cert, key), 1)
	write(file, good)
	h, ctx, leave := nodeOf(t, file)
	h.certificate.Store(h.opened.Certificate)
	public, err := listen(ctx, "127.0.0.1:0", h.certificate.Load)
	if err != nil {
		t.Fatal(err)
	}
	serving := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Minute}
	public.tls(serving)
	go func() { _ = serving.ServeTLS(public, "", "") }()
	defer serving.Close()
	asked, deaf, err := h.askings(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer deaf()
	h.asked = asked
	h.group.Go(func() error { return h.hear(ctx) })
	shown := func() int64 {
		t.Helper()
		connection, err := tls.Dial("tcp", public.Addr().String(), &tls.Config{InsecureSkipVerify: true}) // only its number is asked for
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		return connection.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	reload := func(serial int64, says ...string) {
		t.Helper()
		_, err := Ask(t.Context(), file, Reload)
		for _, words := range says {
			if err == nil || !strings.Contains(err.Error(), words) {
				t.Errorf("it says %v, without %q", err, words)
			}
		}
		if n := shown(); n != serial {
			t.Errorf("certificate %d is shown, not %d: %v", n, serial, err)
		}
	}
	broken := strings.Replace(good, "[public]\n", "[public]\nnonsense = 1\n", 1)
	write(file, broken)
	reload(1, "nothing has changed", "public.nonsense: not a key")
	renew(2)
	reload(2, "public.nonsense: not a key", "the certificate of "+cert+" was taken up all the same, and ends on ")
	write(file, strings.Replace(good, "months = 12", "months = 12\nmonths = ", 1)) // no TOML, which only a signal brings to the node
	renew(3)
	if said := h.takeUp(ctx).Error; !strings.Contains(said, "was taken up all the same") || shown() != 3 {
		t.Errorf("certificate %d is shown, and it says %s", shown(), said)
	}
	write(file, broken)
	write(cert, "half of one")
	reload(3, "public.nonsense: not a key", "nor can the certificate be read anew, and the one before it stays: ")
	leave()
	if err := h.group.Wait(); err != nil {
		t.Error(err)
	}
}
