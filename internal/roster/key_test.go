package roster_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"poterne/internal/roster"
)

func jwk(t *testing.T, key any) string {
	t.Helper()
	text, err := jose.JSONWebKey{Key: key, KeyID: "k", Use: "sig"}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestOneKeyIsOneIdentityAndNoPrivateKeyIsTaken(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	large, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	old, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]interface {
		Equal(crypto.PublicKey) bool
	}{"Ed25519": public, "P-256": &curve.PublicKey} {
		written := jwk(t, key)
		one, err := roster.KeyIdentity(written)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		again, err := roster.KeyIdentity(strings.Replace(one.Subject, "{", "{ \"kid\":\"other\", ", 1))
		if err != nil || again != one {
			t.Errorf("%s: %v and %v are one key, %v", name, one, again, err)
		}
		if read, ok := one.Key(); !ok || !key.Equal(read) {
			t.Errorf("%s: %v is read as %v", name, one, read)
		}
		of := jose.JSONWebKey{Key: key}
		if print, err := of.Thumbprint(crypto.SHA256); err != nil || one.Thumbprint() != base64.RawURLEncoding.EncodeToString(print) {
			t.Errorf("%s: the thumbprint is %s, not %x, %v", name, one.Thumbprint(), print, err)
		}
		if !roster.Programme.Fits(one) || roster.Adviser.Fits(one) {
			t.Errorf("%s: a key is a programme's, and nobody else's", name)
		}
	}
	for name, text := range map[string]string{
		"Ed25519, private": jwk(t, private), "P-256, private": jwk(t, curve), "P-384": jwk(t, large.Public()), "RSA": jwk(t, old.Public()), "a secret": jwk(t, []byte("0123456789abcdef0123456789abcdef")),
		"nothing": "", "a word": "key", "no point": `{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}`,
	} {
		if identity, err := roster.KeyIdentity(text); err == nil {
			t.Errorf("%s is taken: %v", name, identity)
		}
	}
	if roster.Programme.Fits(roster.Identity{Issuer: "https://idp.example", Subject: "s"}) || roster.Programme.Fits(roster.Identity{}) || !roster.Adviser.Fits(roster.Identity{}) || roster.Adviser.Fits(roster.Identity{Issuer: roster.KeyIssuer, Subject: "s"}) {
		t.Error("people have a provider, programmes a key")
	}
}
