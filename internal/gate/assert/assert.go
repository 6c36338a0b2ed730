// Package assert tells applications who asks, signed for one of them and a minute.
package assert

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"poterne/internal/roster"
	"poterne/internal/signin"
)

// Header is where an application reads who asks: a compact JWS, ES256,
// for one service, good for a minute.
const Header = "Poterne-Assertion"

const (
	assertionLife  = time.Minute
	assertionReuse = 30 * time.Second // signing costs, so one is used again this long
)

// Askers knows who an account is.
type Askers interface {
	Account(ctx context.Context, id roster.AccountID) (roster.Account, roster.Organisation, error)
}

// Signer tells applications who asks. It is safe to share.
type Signer struct {
	issuer string
	askers Askers
	now    func() time.Time
	signer jose.Signer
	events jose.Signer // of security event tokens: of another type, so that none passes for an assertion
	jwks   []byte

	mu    sync.Mutex // guards what follows
	made  map[assertionFor]assertion
	swept time.Time
}

type assertionFor struct {
	session roster.SessionID
	service roster.ServiceID
	purpose roster.Purpose
}

type assertion struct {
	token string
	made  time.Time
}

// New signs with a P-256 key, in the name of issuer, Poterne's own address.
func New(key *ecdsa.PrivateKey, issuer string, askers Askers, now func() time.Time) (*Signer, error) {
	if key == nil || key.Curve != elliptic.P256() || issuer == "" || askers == nil {
		return nil, errors.New("assertions: a P-256 key, an issuer and who knows accounts are all needed")
	}
	if now == nil {
		now = time.Now
	}
	public := jose.JSONWebKey{Key: key.Public(), Algorithm: string(jose.ES256), Use: "sig"}
	thumb, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("assertions: %w", err)
	}
	public.KeyID = base64.RawURLEncoding.EncodeToString(thumb)
	with := jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: public.KeyID}}
	signer, err := jose.NewSigner(with, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, fmt.Errorf("assertions: %w", err)
	}
	events, err := jose.NewSigner(with, (&jose.SignerOptions{}).WithType("secevent+jwt"))
	if err != nil {
		return nil, fmt.Errorf("assertions: %w", err)
	}
	jwks, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}})
	if err != nil {
		return nil, fmt.Errorf("assertions: %w", err)
	}
	return &Signer{
		issuer: issuer, askers: askers, now: now, signer: signer, events: events, jwks: jwks,
		made: make(map[assertionFor]assertion),
	}, nil
}

// JWKSPath is where the keys are published.
const JWKSPath = signin.Prefix + "jwks.json"

// JWKS publishes the key that assertions are verified with.
func (s *Signer) JWKS() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "public, max-age=60")
		_, _ = w.Write(s.jwks)
	})
}

// SecurityEvent signs claims as a security event token, RFC 8417.
func (s *Signer) SecurityEvent(claims any) (string, error) {
	return jwt.Signed(s.events).Claims(claims).Serialize()
}

// claims is what an assertion says besides the registered claims.
type claims struct {
	jwt.Claims
	Organisation roster.OrganisationID `json:"org"`
	Role         roster.Role           `json:"role"`
	Name         string                `json:"name"`
	Purpose      roster.Purpose        `json:"purpose"`
	Session      roster.SessionID      `json:"sid"`
}

// Assert says who asks, to one service, for one purpose.
func (s *Signer) Assert(ctx context.Context, session signin.Session, service roster.ServiceID, purpose roster.Purpose) (string, error) {
	of, now := assertionFor{session.ID, service, purpose}, s.now()
	s.mu.Lock()
	known, ok := s.made[of]
	s.mu.Unlock()
	if ok && now.Before(known.made.Add(assertionReuse)) {
		return known.token, nil
	}
	account, organisation, err := s.askers.Account(ctx, session.Account)
	if err != nil {
		return "", fmt.Errorf("saying who asks: %w", err)
	}
	token, err := jwt.Signed(s.signer).Claims(claims{
		Claims: jwt.Claims{
			Issuer: s.issuer, Audience: jwt.Audience{string(service)}, Subject: string(account.ID), ID: rand.Text(),
			IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(assertionLife)),
		},
		Organisation: organisation.ID, Role: account.Role, Name: account.Name, Purpose: purpose, Session: session.ID,
	}).Serialize()
	if err != nil {
		return "", fmt.Errorf("signing who asks: %w", err)
	}
	s.keep(of, assertion{token, now})
	return token, nil
}

// keep remembers an assertion, and forgets those that are too old.
func (s *Signer) keep(of assertionFor, a assertion) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !a.made.Before(s.swept.Add(assertionReuse)) {
		for other, old := range s.made {
			if !a.made.Before(old.made.Add(assertionReuse)) {
				delete(s.made, other)
			}
		}
		s.swept = a.made
	}
	s.made[of] = a
}
