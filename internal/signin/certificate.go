package signin

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"poterne/internal/fault"
	"poterne/internal/roster"
)

// A programme may prove itself by a client certificate in the place of an assertion (RFC 8705):
// one of the account's own key, whoever signed it. The certificate is none of the account's: as
// many of one key may be good at once as the partner likes, and a new one takes no act.
// The token that it is given is good on connections that show the same certificate, and nowhere
// else: shown without, it ends.
//
// A certificate is what the connection itself proved. No header is read for one, whoever sends
// it: behind what ends TLS there are none.

// certificateOf is the certificate whose key a connection proved to have; nil where none was
// asked for.
func certificateOf(r *http.Request) *x509.Certificate {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil
	}
	return r.TLS.PeerCertificates[0]
}

// boundTo is what a token is bound to that a certificate is given; nothing that any token has
// where there is no certificate.
func boundTo(certificate *x509.Certificate) string {
	if certificate == nil {
		return ""
	}
	sum := sha256.Sum256(certificate.Raw)
	return "x5t#S256 " + base64.RawURLEncoding.EncodeToString(sum[:])
}

// outOfDate is the answer to whoever has the key: they may be told.
var outOfDate = &refusedToken{http.StatusUnauthorized, "invalid_client", "the certificate has ended, or has not begun: make another of the same key"}

// oldCertificate is for how long it is told once only that a certificate is out of date.
const oldCertificate = time.Hour

// certified gives a token to the programme that a form names, if the certificate is of its key.
func (d *Door) certified(r *http.Request, form url.Values, certificate *x509.Certificate) (string, error) {
	account, organisation, err := d.accounts.Account(r.Context(), roster.AccountID(form.Get("client_id")))
	if err != nil {
		if fault.Is(err, fault.Absent) {
			err = notTheirs
		}
		return "", err
	}
	key, ok := account.Identity.Key()
	if !ok || account.Role != roster.Programme || account.Organisation != organisation.ID || !sameKey(key, certificate) {
		return "", notTheirs
	}
	attempt := Attempt{
		Identity: account.Identity, Factor: ByCertificate, Account: account.ID, Organisation: account.Organisation, Until: instant(certificate.NotAfter),
	}
	switch now := d.settings.Now(); {
	case now.Before(certificate.NotBefore) || now.After(certificate.NotAfter):
		attempt.Bar = OutOfDate
		mark := digest("out of date\x00" + string(account.ID) + "\x00" + boundTo(certificate))
		if first, err := d.sessions.Once(r.Context(), mark, now.Add(oldCertificate)); err != nil || !first { // once: a programme asks again and again
			return "", cmp.Or[error](err, outOfDate)
		}
		if err := d.settings.Tried(r, attempt); err != nil {
			return "", fmt.Errorf("writing a sign-in down: %w", err)
		}
		return "", outOfDate
	case !account.Gives(now):
		attempt.Bar = NotOpen
		return "", d.refuses(r, attempt)
	}
	return d.openToken(r, attempt, boundTo(certificate))
}

// sameKey reports whether a certificate is of a key.
func sameKey(key any, certificate *x509.Certificate) bool {
	switch of := certificate.PublicKey.(type) {
	case *ecdsa.PublicKey:
		return of.Equal(key)
	case ed25519.PublicKey:
		return of.Equal(key)
	}
	return false
}
