// Package proconnect is a small OpenID provider that imitates ProConnect, for staff, or
// FranceConnect, for everybody, in the demonstration and in tests. Its flow, its refusals and its signatures are
// real; its people are invented, and it believes whoever presses their button.
// It must never stand before anything that matters.
package proconnect

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"poterne/internal/register"
	"poterne/internal/roster"
)

// Settings are what a provider is made of.
type Settings struct {
	Issuer    string // its own URL, path included, such as http://127.0.0.1:8081/api/v2
	Clients   []Client
	People    []Person         // whom one may sign in as, in this order
	Algorithm string           // RS256 or ES256; RS256 when empty
	Imitates  Federation       // ProConnect when empty
	Now       func() time.Time // nil: time.Now
}

// Federation is what is imitated.
type Federation string

// Both sign people in alike; they differ in what they tell of them, and FranceConnect wants
// to be told of a level, knows no means, and tells no service that somebody left.
const (
	ProConnect    Federation = "proconnect"
	FranceConnect Federation = "franceconnect"
)

// Client is a service that people sign in to.
type Client struct {
	ID        string
	Secret    string
	Name      string   // as the page says it
	Redirects []string // where an answer may go, exactly
	Exits     []string // where somebody who signed out may go, exactly
	Recall    string   // is told when they sign out here: the back-channel logout URI; empty for none
}

// Person is somebody invented whom one may sign in as.
type Person struct {
	Subject      string // who they are at their own identity provider; see Subject
	GivenName    string
	UsualName    string
	Email        string
	SIRET        string
	Idp          string      // idp_id, the identity provider behind this one
	ACR          string      // such as eidas1-mfa
	AMR          []string    // such as pwd, mail or pwd, otp, mfa
	Role         roster.Role // what they do; empty when nobody says it
	Organisation string      // where

	Civil register.Civil // who they are, of somebody whom FranceConnect knows
}

// scopes lists what a client may ask to know.
var scopes = map[Federation][]string{
	ProConnect:    {"openid", "given_name", "usual_name", "email", "siret", "idp_id"},
	FranceConnect: {"openid", "given_name", "family_name", "birthdate", "gender", "birthplace", "birthcountry"},
}

// told is what each scope tells of somebody.
func (f Federation) told(p Person) map[string]string {
	if f == FranceConnect {
		return map[string]string{
			"given_name": p.Civil.Given, "family_name": p.Civil.Family, "birthdate": p.Civil.Birth,
			"gender": p.Civil.Gender, "birthplace": p.Civil.Birthplace, "birthcountry": p.Civil.Country,
		}
	}
	return map[string]string{
		"given_name": p.GivenName, "usual_name": p.UsualName, "email": p.Email, "siret": p.SIRET, "idp_id": p.Idp,
	}
}

// Subject is what a client hears as sub: it tells that client nothing about how
// others know the same person.
func Subject(client, idp, subject string) string {
	mac := hmac.New(sha256.New, []byte("poterne/imitation/sub/v1"))
	_, _ = fmt.Fprintf(mac, "%q %q %q", client, idp, subject)
	return hex.EncodeToString(mac.Sum(nil))
}

// What ProConnect documents about its lives.
const (
	codeLife   = time.Minute
	accessLife = time.Hour
	visitLife  = 12 * time.Hour
)

// Provider signs people in for its clients. It is safe to share.
type Provider struct {
	settings Settings
	base     string // the issuer's path
	signer   jose.Signer
	leaves   jose.Signer        // of logout tokens
	keys     jose.JSONWebKeySet // the public part

	mu     sync.Mutex // guards what follows
	codes  map[string]*grant
	access map[string]*grant
	visits map[string]*visit // by sid
}

// grant is what somebody let a client know.
type grant struct {
	request
	person Person
	sid    string
	given  time.Time
	token  string // the access token, once the code was exchanged
}

// New returns a provider with a fresh key.
func New(s Settings) (*Provider, error) {
	if s.Algorithm == "" {
		s.Algorithm = string(jose.RS256)
	}
	if s.Imitates == "" {
		s.Imitates = ProConnect
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	issuer, err := url.Parse(s.Issuer)
	if err != nil || issuer.Host == "" || strings.HasSuffix(s.Issuer, "/") {
		return nil, fmt.Errorf("issuer %q is not an absolute URL without a final slash", s.Issuer)
	}
	for _, c := range s.Clients {
		if c.ID == "" || c.Secret == "" || len(c.Redirects) == 0 {
			return nil, fmt.Errorf("client %q lacks an identifier, a secret or a redirection", c.ID)
		}
	}
	p := &Provider{settings: s, base: issuer.Path, codes: map[string]*grant{}, access: map[string]*grant{}, visits: map[string]*visit{}}
	return p, p.makeKey()
}

func (p *Provider) makeKey() error {
	var (
		key crypto.Signer
		err error
	)
	alg := jose.SignatureAlgorithm(p.settings.Algorithm)
	switch alg {
	case jose.RS256:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case jose.ES256:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		err = fmt.Errorf("algorithm %q is neither RS256 nor ES256", alg)
	}
	if err != nil {
		return fmt.Errorf("making the provider's key: %w", err)
	}
	public := jose.JSONWebKey{Key: key.Public(), Algorithm: string(alg), Use: "sig"}
	thumb, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return fmt.Errorf("naming the provider's key: %w", err)
	}
	public.KeyID = base64.RawURLEncoding.EncodeToString(thumb)
	p.keys = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}}
	signing := jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: public.KeyID}}
	if p.signer, err = jose.NewSigner(signing, (&jose.SignerOptions{}).WithType("JWT")); err != nil {
		return fmt.Errorf("signing with the provider's key: %w", err)
	}
	if p.leaves, err = jose.NewSigner(signing, (&jose.SignerOptions{}).WithType("logout+jwt")); err != nil {
		return fmt.Errorf("signing with the provider's key: %w", err)
	}
	return nil
}

// Handler serves the provider, at the issuer's host.
func (p *Provider) Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, serve := range map[string]http.HandlerFunc{
		"GET /.well-known/openid-configuration": p.discovery,
		"GET /jwks":                             p.jwks,
		"GET /authorize":                        p.authorize,
		"POST /authorize":                       p.choose,
		"POST /token":                           p.token,
		"GET /userinfo":                         p.userInfo,
		"GET /session/end":                      p.end,
		"POST /session/end":                     p.leave,
		"GET /style.css":                        style,
	} {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" "+p.base+path, serve)
	}
	mux.HandleFunc("GET /{$}", p.about)
	return http.MaxBytesHandler(http.NewCrossOriginProtection().Handler(mux), 64<<10)
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	at := func(path string) string { return p.settings.Issuer + path }
	alg := []string{p.settings.Algorithm}
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                                         p.settings.Issuer,
		"authorization_endpoint":                         at("/authorize"),
		"token_endpoint":                                 at("/token"),
		"userinfo_endpoint":                              at("/userinfo"),
		"jwks_uri":                                       at("/jwks"),
		"end_session_endpoint":                           at("/session/end"),
		"response_types_supported":                       []string{"code"},
		"grant_types_supported":                          []string{"authorization_code"},
		"subject_types_supported":                        []string{"pairwise"},
		"code_challenge_methods_supported":               []string{"S256"},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_post"},
		"id_token_signing_alg_values_supported":          alg,
		"userinfo_signing_alg_values_supported":          alg,
		"scopes_supported":                               scopes[p.settings.Imitates],
		"claims_supported":                               append([]string{"sub", "acr", "amr", "auth_time", "sid"}, scopes[p.settings.Imitates][1:]...),
		"acr_values_supported":                           []string{"eidas0", "eidas0-mfa", "eidas1", "eidas1-mfa", "eidas2", "eidas3"},
		"ui_locales_supported":                           []string{"fr", "en"},
		"authorization_response_iss_parameter_supported": true,
		"backchannel_logout_supported":                   p.settings.Imitates == ProConnect,
		"backchannel_logout_session_supported":           p.settings.Imitates == ProConnect,
	})
}

func (p *Provider) jwks(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, p.keys)
}

func (p *Provider) client(id string) (Client, bool) {
	i := slices.IndexFunc(p.settings.Clients, func(c Client) bool { return c.ID == id })
	if i < 0 {
		return Client{}, false
	}
	return p.settings.Clients[i], true
}

// sign returns claims as a JWT.
func (p *Provider) sign(claims map[string]any) (string, error) { return sign(p.signer, claims) }

func sign(signer jose.Signer, claims map[string]any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// read returns the claims of a JWT that the provider signed, however long ago.
func (p *Provider) read(token string) (map[string]any, error) {
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(p.settings.Algorithm)})
	if err != nil {
		return nil, errors.New("not a token of this provider")
	}
	payload, err := signed.Verify(p.keys.Keys[0])
	if err != nil {
		return nil, errors.New("not signed by this provider")
	}
	var claims map[string]any
	return claims, json.Unmarshal(payload, &claims)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that went away needs no answer
}
