package signin_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"poterne/internal/signin"
)

// keyText is a private key as its file has it.
func keyText(t *testing.T, key crypto.Signer) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// showsKey is a token endpoint that knows the other half of a client's key, takes an assertion
// once, and no secret.
func (f *forger) showsKey(public crypto.PublicKey) func(*http.Request) bool {
	seen := make(map[string]bool)
	return func(r *http.Request) bool {
		token, err := jwt.ParseSigned(r.PostFormValue("client_assertion"), []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.EdDSA})
		if err != nil {
			return false
		}
		var said jwt.Claims
		if token.Claims(public, &said) != nil || seen[said.ID] || said.ID == "" || r.PostFormValue("client_secret") != "" || r.Header.Get("Authorization") != "" {
			return false
		}
		seen[said.ID] = true
		expected := jwt.Expected{Issuer: clientID, Subject: clientID, AnyAudience: jwt.Audience{f.server.URL + "/token"}, Time: f.now()}
		return said.Validate(expected) == nil && said.Expiry.Time().Sub(f.now()) <= time.Minute &&
			r.PostFormValue("client_assertion_type") == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	}
}

// Providers differ in how they are shown who we are, how they answer, by what they sign, what
// they call people, and what they publish of themselves. With the profile for any of them, and
// its lines, somebody signs in, steps up and leaves at each.
func TestRUN_8_SomebodySignsInAtAnyProviderByItsConfiguration(t *testing.T) {
	signers := map[jose.SignatureAlgorithm]any{jose.ES256: ecdsaKey(t, elliptic.P256()), jose.ES384: ecdsaKey(t, elliptic.P384())}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signers[jose.RS256], signers[jose.PS256] = rsaKey, rsaKey
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signers[jose.EdDSA] = edwards
	ours := map[string]crypto.Signer{"P-256": ecdsaKey(t, elliptic.P256()), "RSA": rsaKey, "Ed25519": edwards}

	auths := []string{"post", "basic", "P-256", "RSA", "Ed25519"}
	infos := []signin.UserInfo{signin.PlainUserInfo, signin.SignedUserInfo, signin.NoUserInfo}
	algorithms := []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA, jose.PS256, jose.ES384, jose.RS256, jose.ES256}
	names := []signin.ClaimNames{
		{GivenName: "given_name", UsualName: "family_name", Email: "email", Provider: "idp"},
		{GivenName: "prenom", UsualName: "nom", Email: "courriel", SIRET: "etablissement", Provider: "source"},
	}
	for i := range 30 {
		auth, info, alg, called := auths[i%5], infos[i%3], algorithms[i%7], names[i/2%2]
		namesIss, offersEnd := i%2 == 0, i/4%2 == 0
		t.Run(fmt.Sprintf("%s, userinfo %s, %s, %s, iss %t, end %t", auth, info, alg, called.UsualName, namesIss, offersEnd), func(t *testing.T) {
			h := newHouse(t)
			f, s := h.forger, h.settings()
			s.Profile, s.Algorithms = signin.OIDC(), []string{string(alg)}
			s.Profile.UserInfo, s.Profile.Claims = info, called
			f.keys, f.idSign = map[jose.SignatureAlgorithm]any{alg: signers[alg]}, signing{alg, signers[alg]}
			f.uiSign, f.kind = f.idSign, "application/json"
			if info == signin.SignedUserInfo {
				f.kind = "application/jwt"
			}
			people := claims{called.GivenName: "Ninon", called.UsualName: "Farge", called.Email: "ninon@mission.example", called.Provider: "idp-1"}
			if called.SIRET != "" {
				people[called.SIRET] = siret
			}
			f.info = func(said claims) {
				for _, name := range []string{"given_name", "usual_name", "email", "siret", "idp_id"} { // ProConnect's
					delete(said, name)
				}
				set(people)(said)
			}
			f.token = func(said claims) {
				said["auth_time"] = h.clock().Unix()
				if info == signin.NoUserInfo {
					set(people)(said)
				}
			}
			f.meta = func(published claims) {
				published["id_token_signing_alg_values_supported"] = []string{string(alg)}
				if !namesIss {
					delete(published, "authorization_response_iss_parameter_supported")
				}
				if !offersEnd {
					delete(published, "end_session_endpoint")
				}
			}
			if !namesIss {
				f.answer = func(v url.Values) { v.Del("iss") }
			}
			switch auth {
			case "post":
				s.Profile.ClientAuth = signin.SecretPost
			case "basic":
				f.client = func(r *http.Request) bool {
					id, secret, ok := r.BasicAuth()
					unescaped, err := url.QueryUnescape(secret)
					return ok && err == nil && id == clientID && unescaped == clientSecret && r.PostFormValue("client_secret") == ""
				}
			default:
				s.Profile.ClientAuth, s.ClientSecret = signin.PrivateKey, keyText(t, ours[auth])
				f.client = f.showsKey(ours[auth].Public())
			}
			h.build(s)
			b := h.browser().signIn()
			if who := b.isSignedIn(); who.Account != "ninon" || who.Factor != signin.Strong {
				t.Fatalf("signed in: %+v", who)
			}
			asked := b.does("POST", signin.StepUpPath)
			b.does("GET", signin.CallbackPath+"?"+f.authorize(asked.Header.Get("Location")).Encode())
			if len(h.stepUp) != 1 {
				t.Errorf("no step-up: shown %v", h.shown)
			}
			left := b.does("POST", signin.LeavePath)
			if there := strings.HasPrefix(left.Header.Get("Location"), f.server.URL+"/end?"); there != offersEnd {
				t.Errorf("leaving goes to %q", left.Header.Get("Location"))
			}
			b.isOut("")
		})
	}
}

// A client that has a key shows nobody else's, and no secret in its place.
func TestRUN_8_AnotherKeyThanTheRegisteredOpensNothing(t *testing.T) {
	h := plainHouse(t, func(*signin.Profile) {})
	s := h.settings()
	s.Profile = signin.OIDC()
	s.Profile.ClientAuth, s.ClientSecret = signin.PrivateKey, keyText(t, ecdsaKey(t, elliptic.P256()))
	h.forger.client = h.forger.showsKey(ecdsaKey(t, elliptic.P256()).Public())
	h.build(s)
	b := h.browser()
	b.does("GET", b.begin("/"))
	h.check("failed: unverified")

	for what, text := range map[string]string{
		"a secret": clientSecret, "a key on another curve": keyText(t, ecdsaKey(t, elliptic.P384())), "nothing in PEM": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		"half a key": `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`,
	} {
		s.ClientSecret = text
		if _, err := signin.New(s, h.sessions, h, h); err == nil || !strings.Contains(err.Error(), "key") {
			t.Errorf("%s is taken: %v", what, err)
		}
	}
	key, err := jose.JSONWebKey{Key: ecdsaKey(t, elliptic.P256()), KeyID: "2026"}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	s.ClientSecret = string(key)
	if _, err := signin.New(s, h.sessions, h, h); err != nil || slices.Contains(h.shown, string(key)) {
		t.Errorf("a JWK with a name: %v", err)
	}
}
