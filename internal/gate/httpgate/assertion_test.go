package httpgate_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"poterne/internal/gate/assert"
	"poterne/internal/roster"
	"poterne/internal/signin"
	"poterne/internal/store"
)

func TestAnAssertionSaysWhoAsksForAMinute(t *testing.T) {
	w := newWorld(t, file(), list())
	w.says("application/json", say("p1"))
	w.get("/files/p1")
	w.get("/files/p1")
	first, second := w.asked[0].Header.Get(assert.Header), w.asked[1].Header.Get(assert.Header)
	if first == "" || first != second {
		t.Error("within half a minute the same assertion is used again")
	}
	published := httptest.NewRecorder()
	w.proxy.Assertions.JWKS().ServeHTTP(published, httptest.NewRequest("GET", assert.JWKSPath, nil))
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(published.Body.Bytes(), &set); err != nil || len(set.Keys) != 1 || !set.Keys[0].IsPublic() {
		t.Fatalf("%v: keys %s", err, published.Body)
	}
	signed, err := jwt.ParseSigned(first, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	var registered jwt.Claims
	var own map[string]any
	if err := signed.Claims(set.Key(signed.Headers[0].KeyID)[0].Key, &registered, &own); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"iss": "https://poterne.example", "sub": "pauline", "org": "mlv", "role": "adviser", "name": "Pauline", "purpose": "accompany", "sid": "s1",
	} {
		if own[name] != want {
			t.Errorf("%s = %v, want %v", name, own[name], want)
		}
	}
	if !registered.Audience.Contains("dossier") || registered.ID == "" || registered.Expiry.Time().Sub(registered.IssuedAt.Time()) != time.Minute {
		t.Errorf("claims %+v", registered)
	}
}

// nobodyKnown is asked about accounts in vain.
type nobodyKnown struct{}

func (nobodyKnown) Account(context.Context, roster.AccountID) (roster.Account, roster.Organisation, error) {
	return roster.Account{}, roster.Organisation{}, errBroken
}

func TestNothingIsForwardedWithoutAnAssertion(t *testing.T) {
	w := newWorld(t, list())
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	d := w.dependencies(t)
	d.Assertions, _ = assert.New(key, "https://poterne.example", nobodyKnown{}, nil)
	w.remake(d, list())
	w.says("application/json", "[]")
	if g := w.get("/list"); g.status != http.StatusBadGateway || w.times() != 0 {
		t.Errorf("got %v, the application was asked %d times", g, w.times())
	}
}

func TestAnAssertionIsMadeAnewForEachServiceAndSessionAndInTime(t *testing.T) {
	w := newWorld(t, list())
	now := time.Now()
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	signer, err := assert.New(key, "https://poterne.example", store.NewRoster(w.store), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	make := func(session roster.SessionID, service roster.ServiceID, purpose roster.Purpose) string {
		token, err := signer.Assert(t.Context(), signin.Session{ID: session, Account: account}, service, purpose)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	seen := map[string]bool{}
	for _, token := range []string{make("s1", "a", "x"), make("s2", "a", "x"), make("s1", "b", "x"), make("s1", "a", "y")} {
		if seen[token] {
			t.Error("an assertion for another is used again")
		}
		seen[token] = true
	}
	now = now.Add(29 * time.Second)
	if !seen[make("s1", "a", "x")] {
		t.Error("after 29 seconds it is still good")
	}
	now = now.Add(time.Second)
	if seen[make("s1", "a", "x")] {
		t.Error("after 30 seconds a new one is made")
	}
}

func TestAnotherCurveIsNoKeyForAssertions(t *testing.T) {
	key, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if _, err := assert.New(key, "https://poterne.example", nobodyKnown{}, nil); err == nil {
		t.Error("ES256 needs P-256")
	}
}
