package signin_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// forger is an identity provider that signs whatever it is told to.
type forger struct {
	t      *testing.T
	server *httptest.Server
	keys   map[jose.SignatureAlgorithm]any
	now    func() time.Time

	mu     sync.Mutex // guards what follows
	asked  url.Values // the last authorization request
	codes  map[string]url.Values
	names  map[jose.SignatureAlgorithm]string // of keys, where not the algorithm's
	idSign signing
	uiSign signing
	token  func(claims) // changes the ID token's claims before they are signed
	info   func(claims) // changes the userinfo before it is signed
	meta   func(claims) // changes what is published
	kind   string       // the userinfo's media type
	answer func(url.Values)
	down   bool
	moved  string // where the token endpoint redirects to
	served int
	client func(*http.Request) bool // whether a request comes from our client; nil: it has the secret in its body
	sub    string
}

type claims = map[string]any

type signing struct {
	alg jose.SignatureAlgorithm
	key any
}

const (
	clientID     = "poterne"
	clientSecret = "a secret of 32 bytes that both sides know"
	siret        = "90000000000017"
)

func ecdsaKey(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newForger(t *testing.T, now func() time.Time) *forger {
	f := &forger{t: t, now: now, sub: "subject-1", kind: "application/jwt", codes: map[string]url.Values{}}
	f.keys = map[jose.SignatureAlgorithm]any{
		jose.ES256: ecdsaKey(t, elliptic.P256()),
		jose.ES384: ecdsaKey(t, elliptic.P384()),
	}
	f.idSign = signing{jose.ES256, f.keys[jose.ES256]}
	f.uiSign = f.idSign
	nothing := func(claims) {}
	f.token, f.info, f.meta, f.answer = nothing, nothing, nothing, func(url.Values) {}
	f.server = httptest.NewServer(f)
	t.Cleanup(f.server.Close)
	return f
}

func (f *forger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.served++
	if f.down {
		http.Error(w, "away", http.StatusServiceUnavailable)
		return
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		published := claims{
			"issuer":                 f.server.URL,
			"authorization_endpoint": f.server.URL + "/authorize",
			"token_endpoint":         f.server.URL + "/token",
			"userinfo_endpoint":      f.server.URL + "/userinfo",
			"jwks_uri":               f.server.URL + "/keys",
			"end_session_endpoint":   f.server.URL + "/end",
			"authorization_response_iss_parameter_supported": true,
			// A careless provider publishes what must not be accepted.
			"id_token_signing_alg_values_supported": []string{"none", "HS256", "ES256", "ES384"},
		}
		f.meta(published)
		f.json(w, published)
	case "/keys":
		var set jose.JSONWebKeySet
		for alg, key := range f.keys {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.(crypto.Signer).Public(), KeyID: f.named(alg), Algorithm: string(alg), Use: "sig"})
		}
		f.json(w, set)
	case "/token":
		if f.moved != "" {
			http.Redirect(w, r, f.moved, http.StatusTemporaryRedirect)
			return
		}
		verified := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		asked := f.codes[r.FormValue("code")]
		if asked == nil || !f.knows(r) ||
			r.FormValue("redirect_uri") != asked.Get("redirect_uri") ||
			base64.RawURLEncoding.EncodeToString(verified[:]) != asked.Get("code_challenge") {
			w.WriteHeader(http.StatusBadRequest)
			f.json(w, claims{"error": "invalid_grant"})
			return
		}
		said := claims{
			"iss": f.server.URL, "sub": f.sub, "aud": clientID, "nonce": asked.Get("nonce"),
			"iat": f.now().Unix(), "exp": f.now().Add(time.Minute).Unix(),
			"acr": "eidas1-mfa", "amr": []string{"pwd", "hwk", "mfa"},
		}
		f.token(said)
		f.json(w, claims{"access_token": "the token", "token_type": "Bearer", "id_token": f.sign(f.idSign, said)})
	case "/userinfo":
		if r.Header.Get("Authorization") != "Bearer the token" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		said := claims{
			"iss": f.server.URL, "sub": f.sub, "aud": clientID,
			"given_name": "Ninon", "usual_name": "Farge", "email": "ninon.farge@mission.example",
			"siret": siret, "idp_id": "idp-1",
		}
		f.info(said)
		w.Header().Set("Content-Type", f.kind)
		if f.kind != "application/jwt" {
			_ = json.NewEncoder(w).Encode(said)
			return
		}
		_, _ = w.Write([]byte(f.sign(f.uiSign, said)))
	default:
		http.NotFound(w, r)
	}
}

func (f *forger) knows(r *http.Request) bool {
	if f.client != nil {
		return f.client(r)
	}
	return r.PostFormValue("client_secret") == clientSecret
}

func (f *forger) json(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// named is what a key is called: kid.
func (f *forger) named(alg jose.SignatureAlgorithm) string {
	if name, ok := f.names[alg]; ok {
		return name
	}
	return string(alg)
}

func (f *forger) sign(by signing, said claims) string {
	payload, err := json.Marshal(said)
	if err != nil {
		f.t.Error(err)
	}
	if by.alg == "none" {
		b64 := base64.RawURLEncoding.EncodeToString
		return b64([]byte(`{"alg":"none"}`)) + "." + b64(payload) + "."
	}
	options := (&jose.SignerOptions{}).WithHeader("kid", f.named(by.alg))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: by.alg, Key: by.key}, options)
	if err != nil {
		f.t.Error(err)
		return ""
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		f.t.Error(err)
		return ""
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		f.t.Error(err)
	}
	return text
}

// authorize plays the person who agrees at the provider: it returns the
// parameters that the browser carries back.
func (f *forger) authorize(address string) url.Values {
	u, err := url.Parse(address)
	if err != nil {
		f.t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = u.Query()
	code := fmt.Sprint("code ", len(f.codes))
	f.codes[code] = f.asked
	answer := url.Values{"code": {code}, "state": {f.asked.Get("state")}, "iss": {f.server.URL}}
	f.answer(answer)
	return answer
}

// publicBytes is a published key as a forger would use it for a shared secret.
func publicBytes(f *forger) []byte {
	raw, err := x509.MarshalPKIXPublicKey(&f.keys[jose.ES256].(*ecdsa.PrivateKey).PublicKey)
	if err != nil {
		f.t.Fatal(err)
	}
	return raw
}

// set changes claims to values; nil removes one.
func set(values claims) func(claims) {
	return func(said claims) {
		maps.Copy(said, values)
		maps.DeleteFunc(said, func(_ string, v any) bool { return v == nil })
	}
}
