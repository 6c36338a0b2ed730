package app

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"poterne/internal/containment"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/signin"
)

// certified is a partner whose programme connects where client certificates are asked for.
type certified struct {
	*partner
	at   string
	pool *x509.CertPool
}

func newCertified(t *testing.T) *certified {
	t.Helper()
	c := &certified{partner: newPartner(t)}
	c.joins()
	dir := t.TempDir()
	c.pool = certify(t, dir, "localhost")
	pair, err := tls.LoadX509KeyPair(dir+"/tls.crt", dir+"/tls.key")
	if err != nil {
		t.Fatal(err)
	}
	l, err := listenForCertificates(t.Context(), "127.0.0.1:0", func() *tls.Certificate { return &pair })
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: c.p.Programmes, ReadHeaderTimeout: long}
	l.tls(server)
	go func() { _ = server.ServeTLS(l, "", "") }()
	t.Cleanup(func() { _ = server.Close() })
	c.at = l.Addr().String()
	return c
}

// made is a certificate of a key, signed by itself.
func (c *certified) made(key crypto.Signer, from, until time.Time) *tls.Certificate {
	c.t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: from, NotAfter: until}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		c.t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

// fresh is one of the programme's own key, good for a year.
func (c *certified) fresh() *tls.Certificate {
	return c.made(c.key, c.Now().Add(-time.Hour), c.Now().AddDate(1, 0, 0))
}

// does sends a request on a connection of its own, which shows a certificate.
func (c *certified) does(shown *tls.Certificate, r *http.Request) (int, string, error) {
	c.t.Helper()
	config := &tls.Config{RootCAs: c.pool, ServerName: "localhost"}
	if shown != nil {
		config.Certificates = []tls.Certificate{*shown}
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: config}}
	answer, err := client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text), err
}

func (c *certified) request(method, path string, form url.Values) *http.Request {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, "https://"+c.at+path, strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(c.at)
	r.Host = "localhost:" + port // which is none that is declared: the programme writes where it connects
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

// token asks for one by a certificate.
func (c *certified) token(shown *tls.Certificate, client string, more ...string) (string, int) {
	c.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {client}}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	status, text, err := c.does(shown, c.request(http.MethodPost, signin.TokenPath, form))
	if err != nil {
		c.t.Fatal(err)
	}
	var said struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(text), &said); err != nil {
		c.t.Fatalf("%d: %s", status, text)
	}
	return said.Token, status
}

// shows asks for somebody with a token, on a connection with a certificate.
func (c *certified) shows(shown *tls.Certificate, token string, headers ...string) int {
	c.t.Helper()
	r := c.request(http.MethodGet, "/people/users/4711", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	status, text, err := c.does(shown, r)
	if err != nil {
		c.t.Fatal(err)
	}
	if strings.Contains(text, "Fictive") != (status == http.StatusOK) {
		c.t.Errorf("%d: %s", status, text)
	}
	return status
}

// A programme proves itself by a certificate of its account's key, and what it is given is good
// where that certificate is shown and nowhere else.
func TestSCOPE_8_AProgrammeProvesItselfByACertificateOfItsKey(t *testing.T) {
	c := newCertified(t)
	mine, renewed := c.fresh(), c.fresh()
	token, status := c.token(mine, string(c.account))
	if token == "" {
		t.Fatalf("no token: %d", status)
	}
	if got := c.shows(mine, token); got != http.StatusOK {
		t.Errorf("with its certificate: %d", got)
	}
	second, _ := c.token(renewed, string(c.account)) // both certificates of one key are good at once
	if got := c.shows(renewed, second); got != http.StatusOK {
		t.Errorf("with another certificate of the key: %d", got)
	}

	// A token that was copied shows nobody from a connection without its certificate, and is over.
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	stranger := c.made(other, c.Now().Add(-time.Hour), c.Now().AddDate(1, 0, 0))
	header := base64.StdEncoding.EncodeToString(mine.Certificate[0])
	for name, thief := range map[string]func(token string) int{
		"the other listener":  func(token string) int { s, _ := c.asks(token, "/people/users/4711"); return s },
		"another certificate": func(token string) int { return c.shows(stranger, token) },
		"one of the same key": func(token string) int { return c.shows(renewed, token) },
		"a header's word": func(token string) int {
			return c.shows(stranger, token, "X-Client-Cert", header, "X-SSL-Client-Cert", header, "X-Forwarded-Client-Cert", header, "Client-Cert", ":"+header+":")
		},
	} {
		stolen, _ := c.token(mine, string(c.account))
		if got := c.shows(mine, stolen); got != http.StatusOK {
			t.Fatalf("before %s has it: %d", name, got)
		}
		if got := thief(stolen); got != http.StatusUnauthorized {
			t.Errorf("from %s: %d", name, got)
		}
		if got := c.shows(mine, stolen); got != http.StatusUnauthorized {
			t.Errorf("a token that %s showed goes on: %d", name, got)
		}
	}
	copied := 0
	for _, e := range c.entries(ledger.Session) {
		if e.State == ledger.State(signin.Copied) {
			copied++
		}
	}
	if copied != 4 {
		t.Errorf("the ledger has %d copies of 4", copied)
	}

	// An order holds as for any other token.
	o := order.Order{Effect: order.Suspended, Reach: order.Account, Target: string(c.account), By: "samir", Because: "doute", Ends: ledger.Cut(c.Now().Add(time.Minute))}
	if _, err := (containment.Service{Writer: c.p.Journal}).Place(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if got := c.shows(mine, token); got != http.StatusForbidden {
		t.Errorf("under an order: %d", got)
	}
	for _, e := range c.entries(ledger.SignIn) {
		if e.Factor != "certificate" || e.State != ledger.Granted || !e.Until.After(c.Now()) {
			t.Errorf("%+v", e)
		}
	}
}

// Whoever has another key, no certificate, one that has ended, or a header that says so, is
// given nothing.
func TestSCOPE_8_ACertificateOfAnotherKeyOrOutOfDateShowsNobody(t *testing.T) {
	c := newCertified(t)
	year := c.Now().AddDate(1, 0, 0)
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	id := string(c.account)
	for name, shown := range map[string]*tls.Certificate{
		"another key": c.made(p256, c.Now().Add(-time.Hour), year), "a key of RSA": c.made(rsaKey, c.Now().Add(-time.Hour), year),
		"one that ended": c.made(c.key, c.Now().Add(-2*time.Hour), c.Now().Add(-time.Hour)), "one of a time to come": c.made(c.key, c.Now().Add(time.Hour), year),
	} {
		for range 2 {
			if token, status := c.token(shown, id); token != "" || status != http.StatusUnauthorized {
				t.Errorf("%s: %d", name, status)
			}
		}
	}
	mine := c.fresh()
	for name, client := range map[string]string{"a person": "pauline", "nobody": "a0", "no one at all": ""} {
		if token, status := c.token(mine, client); token != "" || status != http.StatusUnauthorized {
			t.Errorf("%s by a programme's certificate: %d", name, status)
		}
	}
	if token, status := c.token(mine, id, "client_assertion", c.assertion(nil)); token != "" || status != http.StatusBadRequest {
		t.Errorf("a certificate and an assertion: %d", status)
	}
	if token, status := c.partner.token("", "client_id", id); token != "" || status != http.StatusUnauthorized {
		t.Errorf("on the listener of browsers, by nothing: %d", status)
	}
	if _, _, err := c.does(nil, c.request(http.MethodPost, signin.TokenPath, url.Values{"client_id": {id}})); err == nil {
		t.Error("who shows no certificate is answered")
	}
	// Somebody else's certificate needs its private half.
	_, thief, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.does(&tls.Certificate{Certificate: mine.Certificate, PrivateKey: thief}, c.request(http.MethodPost, signin.TokenPath, url.Values{"client_id": {id}})); err == nil {
		t.Error("a certificate without its key is taken")
	}
	for _, room := range []string{"/", "/desk", "/people/users/4711"} {
		if status, text, err := c.does(mine, c.request(http.MethodGet, room, nil)); err != nil || status != http.StatusUnauthorized {
			t.Errorf("%s is answered %d to a certificate without a token: %s, %v", room, status, text, err)
		}
	}
	for _, form := range []string{"scope", "client_secret"} {
		if token, status := c.token(mine, id, form, "people"); token != "" || status != http.StatusBadRequest {
			t.Errorf("a token is given to who asks for a %s: %d", form, status)
		}
	}
	told := 0
	for _, e := range c.entries(ledger.SignIn) {
		if e.State == ledger.State(signin.OutOfDate) {
			told++
		}
	}
	if told != 2 { // the one that ended and the one to come, once each, however often they are shown
		t.Errorf("the ledger tells %d times of certificates that are out of date", told)
	}
	if c.reached.Load() != 0 {
		t.Error("the application was asked")
	}
}

// Nothing but tokens and services is served where certificates are asked for, whatever looks like a
// programme's token: no page of the portal, no way to sign in, none of what other programs keep accounts by.
//
// Promise: SCOPE-8
func TestSCOPE_8_NothingButTokensAndServicesIsServedToCertificates(t *testing.T) {
	c := newCertified(t)
	mine := c.fresh()
	token, _ := c.token(mine, string(c.account))
	for _, said := range []string{"ptn_x", token} {
		for _, path := range []string{"/", "/desk", "/sign-in", signin.Prefix, signin.Prefix + "start", signin.CallbackPath, signin.ProofPath, signin.Prefix + "sign-out", "/scim/v2/Users", "/who", "/healthz", "/readyz", "/.well-known/security.txt"} {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				r := c.request(method, path, url.Values{})
				r.Header.Add("Authorization", "Bearer "+said)
				status, text, err := c.does(mine, r)
				if err != nil || status != http.StatusUnauthorized {
					t.Errorf("%s %s is answered %d: %.80q, %v", method, path, status, text, err)
				}
			}
		}
	}
	if got := c.shows(mine, token); got != http.StatusOK {
		t.Errorf("its own token shows %d afterwards", got)
	}
}
