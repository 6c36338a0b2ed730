package roster

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"

	"github.com/go-jose/go-jose/v4"
)

// KeyIssuer is the issuer of identities that no provider vouches for: a programme proves itself
// by a key, and the subject is the public half. No provider is called so: theirs are addresses.
const KeyIssuer = "key"

// KeyIdentity is the identity of whoever has the private half of a key, a JWK of P-256 or
// Ed25519. The subject is the key as RFC 7638 writes it, so that one key is one identity.
func KeyIdentity(jwk string) (Identity, error) {
	var key jose.JSONWebKey
	if err := key.UnmarshalJSON([]byte(jwk)); err != nil || !key.Valid() {
		return Identity{}, errors.New("is no key; write the public half as JWK, on one line")
	}
	if !key.IsPublic() {
		return Identity{}, errors.New("holds the private half, which is not a secret any more: make another key, and write the public half")
	}
	text, err := jose.JSONWebKey{Key: key.Key}.MarshalJSON()
	if err != nil {
		return Identity{}, errors.New("is no key that can be written")
	}
	var part struct {
		Curve string `json:"crv"`
		Kind  string `json:"kty"`
		X     string `json:"x"`
		Y     string `json:"y,omitempty"`
	}
	if err := json.Unmarshal(text, &part); err != nil || part.Curve != "P-256" && part.Curve != "Ed25519" {
		return Identity{}, errors.New("is neither of P-256 (ES256) nor Ed25519 (EdDSA)")
	}
	subject, err := json.Marshal(part) // in the order of RFC 7638
	return Identity{Issuer: KeyIssuer, Subject: string(subject)}, err
}

// Key is the public key that an identity is; none for one that a provider vouches for.
func (i Identity) Key() (crypto.PublicKey, bool) {
	var key jose.JSONWebKey
	if i.Issuer != KeyIssuer || i.Provider != "" || key.UnmarshalJSON([]byte(i.Subject)) != nil || !key.IsPublic() {
		return nil, false
	}
	return key.Key, true
}

// Thumbprint is the key's by RFC 7638, which whoever has it can work out; empty where there is
// no key.
func (i Identity) Thumbprint() string {
	if _, ok := i.Key(); !ok {
		return ""
	}
	sum := sha256.Sum256([]byte(i.Subject))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Fits reports whether an identity is of the kind that an account of the role has: programmes
// prove themselves by a key, and people by a provider's word.
func (r Role) Fits(i Identity) bool {
	_, key := i.Key()
	return key == (r == Programme) && (i.Issuer == KeyIssuer) == key
}
