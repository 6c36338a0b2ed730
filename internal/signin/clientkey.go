package signin

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"
)

// A client that holds a private key shows its provider an assertion that the key signs
// (private_key_jwt), and no secret that the provider has too.

// assertionLife is how long one serves.
const assertionLife = time.Minute

// clientKey reads a private key, as a JWK or in PEM (PKCS #8): on P-256, of RSA or Ed25519.
func clientKey(text string) (jose.SigningKey, error) {
	var key jose.JSONWebKey
	if err := key.UnmarshalJSON([]byte(text)); err != nil {
		block, _ := pem.Decode([]byte(text))
		if block == nil {
			return jose.SigningKey{}, errors.New("not a private key, as a JWK or in PEM")
		}
		if key.Key, err = x509.ParsePKCS8PrivateKey(block.Bytes); err != nil {
			return jose.SigningKey{}, errors.New("the key is not in PKCS #8")
		}
	}
	var algorithm jose.SignatureAlgorithm
	switch private := key.Key.(type) {
	case *ecdsa.PrivateKey:
		if private.Curve == elliptic.P256() {
			algorithm = jose.ES256
		}
	case *rsa.PrivateKey:
		algorithm = jose.RS256
	case ed25519.PrivateKey:
		algorithm = jose.EdDSA
	}
	if algorithm == "" {
		return jose.SigningKey{}, errors.New("not a private key on P-256, of RSA or Ed25519")
	}
	return jose.SigningKey{Algorithm: algorithm, Key: key}, nil
}

// asserts is what a token endpoint is shown in the place of a secret.
func (p *provider) asserts(endpoint string) ([]oauth2.AuthCodeOption, error) {
	signer, err := jose.NewSigner(p.key, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, err
	}
	now := p.settings.Now()
	text, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: p.settings.ClientID, Subject: p.settings.ClientID, Audience: jwt.Audience{endpoint}, ID: rand.Text(),
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(assertionLife)),
	}).Serialize()
	return []oauth2.AuthCodeOption{oauth2.SetAuthURLParam("client_assertion_type", assertionType), oauth2.SetAuthURLParam("client_assertion", text)}, err
}
