package town

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"poterne/internal/fault"
	"poterne/internal/roster"
)

// AssertionHeader is where a gate says who asks.
const AssertionHeader = "Poterne-Assertion"

// Caller is who asks, as a gate asserts it.
type Caller struct {
	Account      roster.AccountID
	Organisation roster.OrganisationID
	Role         roster.Role
	Name         string
	Purpose      roster.Purpose
	Session      roster.SessionID
}

// Verify turns an assertion into who asks, or says why it does not hold.
type Verify func(token string) (Caller, error)

// Keys finds the public key that a key id names.
type Keys func(kid string) (*jose.JSONWebKey, error)

// assertionLife is the longest an assertion may be good for: it is made for one
// request and should not be worth stealing.
const assertionLife = time.Minute

// NewVerify trusts ES256 assertions that the issuer made for this audience less
// than a minute ago. It does not remember them: within that minute one can be
// used again by who already reached the application.
func NewVerify(issuer, audience string, keys Keys, now func() time.Time) Verify {
	return func(token string) (Caller, error) {
		caller, err := verified(token, issuer, audience, keys, now())
		if err != nil {
			return Caller{}, &fault.Error{Kind: fault.Anonymous, Public: "personne n’est connecté", Err: err}
		}
		return caller, nil
	}
}

func verified(token, issuer, audience string, keys Keys, now time.Time) (Caller, error) {
	signed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return Caller{}, err
	}
	key, err := keys(signed.Headers[0].KeyID)
	if err != nil {
		return Caller{}, err
	}
	var claims jwt.Claims
	var said struct {
		Organisation roster.OrganisationID `json:"org"`
		Role         roster.Role           `json:"role"`
		Name         string                `json:"name"`
		Purpose      roster.Purpose        `json:"purpose"`
		Session      roster.SessionID      `json:"sid"`
	}
	if err := signed.Claims(key.Key, &claims, &said); err != nil {
		return Caller{}, err
	}
	if claims.Expiry == nil || claims.IssuedAt == nil || claims.Subject == "" || claims.ID == "" {
		return Caller{}, errors.New("an assertion has sub, jti, iat and exp")
	}
	if claims.Expiry.Time().Sub(claims.IssuedAt.Time()) > assertionLife {
		return Caller{}, errors.New("an assertion is good for a minute at most")
	}
	const clocks = 2 * time.Second // what two machines' clocks may differ by
	expected := jwt.Expected{Issuer: issuer, AnyAudience: jwt.Audience{audience}, Time: now}
	if err := claims.ValidateWithLeeway(expected, clocks); err != nil {
		return Caller{}, err
	}
	return Caller{
		Account: roster.AccountID(claims.Subject), Organisation: said.Organisation, Role: said.Role,
		Name: said.Name, Purpose: said.Purpose, Session: said.Session,
	}, nil
}

// KeysFrom reads keys from a JWKS at url, when first needed and again when a key
// is not among them, at most every five seconds. Requests wait while it reads:
// give it a client with a short time-out.
func KeysFrom(url string, client *http.Client) Keys {
	var mu sync.Mutex // guards set and read
	var set jose.JSONWebKeySet
	var read time.Time
	return func(kid string) (*jose.JSONWebKey, error) {
		mu.Lock()
		defer mu.Unlock()
		if len(set.Key(kid)) == 0 && time.Since(read) > 5*time.Second {
			read = time.Now()
			fresh, err := readKeys(url, client)
			if err != nil {
				return nil, err
			}
			set = fresh
		}
		found := set.Key(kid)
		if len(found) != 1 {
			return nil, errors.New("no key of that id")
		}
		return &found[0], nil
	}
}

func readKeys(url string, client *http.Client) (set jose.JSONWebKeySet, err error) {
	answer, err := client.Get(url)
	if err != nil {
		return set, fmt.Errorf("reading keys: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return set, fmt.Errorf("reading keys: %s", answer.Status)
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, 64<<10)).Decode(&set); err != nil {
		return set, fmt.Errorf("reading keys: %w", err)
	}
	return set, nil
}
