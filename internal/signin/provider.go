package signin

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"

	"poterne/internal/fault"
	"poterne/internal/roster"
)

// asymmetric lists the signature algorithms that only the provider can have used: none
// rests on a shared secret.
var asymmetric = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512,
	oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
}

// proof is what a verified ID token and its userinfo say.
type proof struct {
	Issuer    string
	Subject   string
	At        time.Time // when the person signed in with the provider; 1970 if it does not say
	ACR       string
	AMR       []string
	GivenName string
	UsualName string
	Email     string
	SIRET     string
	Provider  string
	Hint      string // the ID token itself
	Session   string // what the provider calls its own session; empty when it says nothing

	claims map[string]any // of the ID token
	touch  *Touch         // the passkey that was used, too
}

func (p proof) identity() roster.Identity {
	return roster.Identity{Issuer: p.Issuer, Provider: p.Provider, Subject: p.Subject}
}

// provider speaks to the identity provider. What it publishes about itself is
// asked for when first needed, so that Poterne starts, and serves people who are signed
// in, while the provider is away.
type provider struct {
	settings Settings
	key      jose.SigningKey // of the client, where it has one

	mu     sync.Mutex // guards what follows
	found  *metadata
	failed time.Time
	err    error
}

// metadata is what the provider publishes about itself.
type metadata struct {
	*oidc.Provider
	UserInfo string `json:"userinfo_endpoint"`
	Keys     string `json:"jwks_uri"`
	End      string `json:"end_session_endpoint"`
	NamesIss bool   `json:"authorization_response_iss_parameter_supported"`
}

func newProvider(s Settings) *provider {
	// A redirection could carry the client's secret, or a token, elsewhere.
	client := &http.Client{Timeout: 10 * time.Second}
	if s.Client != nil {
		client = new(*s.Client)
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s.Client = client
	p := &provider{settings: s}
	if s.Profile.ClientAuth == PrivateKey {
		p.key, _ = clientKey(s.ClientSecret) // which Check has read
		p.settings.ClientSecret = ""
	}
	return p
}

// discover returns what the provider publishes, asking only until it answers,
// and not again within two seconds of a failure.
func (p *provider) discover(ctx context.Context) (*metadata, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	if p.err != nil && p.settings.Now().Sub(p.failed) < 2*time.Second {
		return nil, p.err
	}
	found, err := p.ask(ctx)
	if err != nil {
		p.failed = p.settings.Now()
		p.err = unavailable(fmt.Errorf("discovering the identity provider: %w", err))
		return nil, p.err
	}
	p.found = found
	return found, nil
}

func (p *provider) ask(ctx context.Context) (*metadata, error) {
	// Others wait for this answer too: it must not end with one browser's request.
	ctx = context.WithoutCancel(p.context(ctx))
	known, err := oidc.NewProvider(ctx, p.settings.Issuer)
	if err != nil {
		return nil, err
	}
	found := &metadata{Provider: known}
	if err := known.Claims(found); err != nil {
		return nil, err
	}
	endpoint := known.Endpoint()
	secret := []string{endpoint.AuthURL, endpoint.TokenURL, found.Keys}
	if p.settings.Profile.UserInfo != NoUserInfo {
		secret = append(secret, found.UserInfo)
	}
	if found.End != "" {
		secret = append(secret, found.End)
	}
	for _, raw := range secret {
		if err := confidential(raw); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (p *provider) context(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.settings.Client)
}

func (p *provider) config(m *metadata, origin string) *oauth2.Config {
	endpoint := m.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if p.settings.Profile.ClientAuth != SecretBasic {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{
		ClientID: p.settings.ClientID, ClientSecret: p.settings.ClientSecret, Endpoint: endpoint,
		RedirectURL: origin + p.settings.callback,
		Scopes:      p.settings.Profile.scopes(),
	}
}

// begin returns where to send a browser for a sign-in, or a step-up, under state.
func (p *provider) begin(ctx context.Context, state string, begun pending) (string, error) {
	m, err := p.discover(ctx)
	if err != nil {
		return "", err
	}
	with := append(p.settings.Profile.asks(), oidc.Nonce(begun.Nonce), oauth2.S256ChallengeOption(begun.Verifier))
	if begun.Session != nil {
		with = append(with, oauth2.SetAuthURLParam("prompt", "login"), oauth2.SetAuthURLParam("max_age", "0"))
	}
	return p.config(m, begun.Origin).AuthCodeURL(state, with...), nil
}

// finish exchanges what the provider sent back for a proof. The error is
// fault.Refused when what it says does not hold, fault.Unavailable when it could
// not be asked.
func (p *provider) finish(ctx context.Context, begun pending, answer url.Values) (proof, error) {
	m, err := p.discover(ctx)
	if err != nil {
		return proof{}, err
	}
	if iss := answer.Get("iss"); iss != p.settings.Issuer && (iss != "" || m.NamesIss) {
		return proof{}, refused(errors.New("the answer comes from another issuer"))
	}
	ctx = p.context(ctx)
	with := []oauth2.AuthCodeOption{oauth2.VerifierOption(begun.Verifier)}
	if p.settings.Profile.ClientAuth == PrivateKey {
		asserted, err := p.asserts(m.Endpoint().TokenURL)
		if err != nil {
			return proof{}, fmt.Errorf("signing for the token endpoint: %w", err)
		}
		with = append(with, asserted...)
	}
	tokens, err := p.config(m, begun.Origin).Exchange(ctx, answer.Get("code"), with...)
	if err != nil {
		return proof{}, notExchanged(err)
	}
	said, err := p.verify(ctx, m, begun, tokens)
	if err != nil {
		return proof{}, err
	}
	if err := p.complete(ctx, m, tokens, &said); err != nil {
		return proof{}, err
	}
	return said, nil
}

// notExchanged sorts what came instead of tokens, without the answer's body.
func notExchanged(err error) error {
	said, ok := errors.AsType[*oauth2.RetrieveError](err)
	switch {
	case !ok:
		return unavailable(fmt.Errorf("exchanging the code: %w", err))
	case said.Response.StatusCode >= http.StatusInternalServerError:
		return unavailable(fmt.Errorf("exchanging the code: status %d", said.Response.StatusCode))
	}
	return refused(fmt.Errorf("the code was not accepted: %.40q", said.ErrorCode))
}

// verify reads the ID token that came with tokens.
func (p *provider) verify(ctx context.Context, m *metadata, begun pending, tokens *oauth2.Token) (proof, error) {
	raw, _ := tokens.Extra("id_token").(string)
	token, err := m.Verifier(&oidc.Config{
		ClientID: p.settings.ClientID, SupportedSigningAlgs: p.settings.Algorithms, Now: p.settings.Now,
	}).Verify(ctx, raw)
	if err != nil {
		return proof{}, refused(fmt.Errorf("ID token: %w", err))
	}
	var claims struct {
		Party string   `json:"azp"`
		ACR   string   `json:"acr"`
		AMR   []string `json:"amr"`
		At    float64  `json:"auth_time"`
		SID   string   `json:"sid"`
	}
	var all map[string]any
	if err := errors.Join(token.Claims(&claims), token.Claims(&all)); err != nil {
		return proof{}, refused(errors.New("ID token: claims cannot be read"))
	}
	switch {
	case subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(begun.Nonce)) != 1:
		return proof{}, refused(errors.New("ID token: another nonce"))
	case claims.Party != p.settings.ClientID && (claims.Party != "" || len(token.Audience) > 1):
		return proof{}, refused(errors.New("ID token: issued to another party"))
	case token.Subject == "":
		return proof{}, refused(errors.New("ID token: no subject"))
	}
	if token.AccessTokenHash != "" {
		if err := token.VerifyAccessToken(tokens.AccessToken); err != nil {
			return proof{}, refused(fmt.Errorf("access token: %w", err))
		}
	}
	return proof{
		Issuer: token.Issuer, Subject: token.Subject, ACR: claims.ACR, AMR: claims.AMR, Hint: raw, Session: claims.SID, claims: all,
		At: time.Unix(int64(claims.At), 0),
	}, nil
}

// complete adds to said who the person is, from the ID token and from userinfo, which has
// the last word and must be about the same subject.
func (p *provider) complete(ctx context.Context, m *metadata, tokens *oauth2.Token, said *proof) error {
	claims := said.claims
	if p.settings.Profile.UserInfo != NoUserInfo {
		more, err := p.userInfo(ctx, m, tokens.AccessToken)
		if err != nil {
			return err
		}
		if subject, _ := more["sub"].(string); subject != said.Subject {
			return refused(errors.New("userinfo: about another subject"))
		}
		maps.Copy(claims, more)
	}
	names := p.settings.Profile.Claims
	for _, one := range []struct {
		name string
		to   *string
	}{
		{names.GivenName, &said.GivenName},
		{names.UsualName, &said.UsualName},
		{names.Email, &said.Email},
		{names.SIRET, &said.SIRET},
		{names.Provider, &said.Provider},
	} {
		value, there := claims[one.name]
		if one.name == "" || !there || value == nil {
			continue
		}
		text, ok := value.(string)
		if !ok {
			return refused(fmt.Errorf("the claim %s is no text", one.name))
		}
		*one.to = text
	}
	return nil
}

// userInfo returns the claims that the provider's userinfo has. A JWT is verified as an ID
// token is; where the profile says that userinfo is signed, nothing else is believed.
func (p *provider) userInfo(ctx context.Context, m *metadata, access string) (claims map[string]any, err error) {
	body, kind, err := p.askUserInfo(ctx, m, access)
	if err != nil {
		return nil, err
	}
	if kind != jwtType {
		if err := json.Unmarshal(body, &claims); err != nil || claims == nil {
			return nil, refused(errors.New("userinfo: claims cannot be read"))
		}
		return claims, nil
	}
	// Userinfo was fetched this instant and needs no expiry; what an ID token
	// must have besides is the same.
	info, err := m.Verifier(&oidc.Config{
		ClientID: p.settings.ClientID, SupportedSigningAlgs: p.settings.Algorithms, Now: p.settings.Now, SkipExpiryCheck: true,
	}).Verify(ctx, string(body))
	if err != nil {
		return nil, refused(fmt.Errorf("userinfo: %w", err))
	}
	if err := info.Claims(&claims); err != nil {
		return nil, refused(errors.New("userinfo: claims cannot be read"))
	}
	return claims, nil
}

const jwtType, jsonType = "application/jwt", "application/json"

// askUserInfo returns what the userinfo endpoint answers, and of which of the types that
// the profile allows.
func (p *provider) askUserInfo(ctx context.Context, m *metadata, access string) (body []byte, kind string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, m.UserInfo, nil)
	if err != nil {
		return nil, "", err
	}
	r.Header.Set("Authorization", "Bearer "+access)
	allowed := []string{jwtType}
	if p.settings.Profile.UserInfo == PlainUserInfo {
		allowed = append(allowed, jsonType)
	}
	r.Header.Set("Accept", strings.Join(allowed, ", "))
	answer, err := p.settings.Client.Do(r)
	if err != nil {
		return nil, "", unavailable(fmt.Errorf("asking for userinfo: %w", err))
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode >= http.StatusInternalServerError {
		return nil, "", unavailable(fmt.Errorf("userinfo: status %d", answer.StatusCode))
	}
	kind, _, _ = mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if answer.StatusCode != http.StatusOK || !slices.Contains(allowed, kind) {
		return nil, "", refused(fmt.Errorf("userinfo: status %d, unsigned or of an unknown kind", answer.StatusCode))
	}
	body, err = io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return nil, "", unavailable(fmt.Errorf("reading userinfo: %w", err))
	}
	return body, kind, nil
}

// end returns where a browser goes to end its session with the provider too, or
// nothing when the provider offers no such place.
func (p *provider) end(ctx context.Context, hint, state, origin string) string {
	m, err := p.discover(ctx)
	if err != nil || m.End == "" || hint == "" {
		return ""
	}
	return m.End + "?" + url.Values{
		"id_token_hint":            {hint},
		"state":                    {state},
		"post_logout_redirect_uri": {origin + LeftPath},
	}.Encode()
}

func refused(err error) error     { return &fault.Error{Kind: fault.Refused, Err: err} }
func unavailable(err error) error { return &fault.Error{Kind: fault.Unavailable, Err: err} }

// reason says in one word to the person what err says to the operator.
func reason(err error) Reason {
	if fault.Is(err, fault.Refused) {
		return Unverified
	}
	return Unreachable
}

// unanswered says in one word what an error sent back instead of a code means.
func unanswered(code string) Reason {
	switch code {
	case "access_denied", "login_required", "consent_required", "interaction_required":
		return Declined
	case "server_error", "temporarily_unavailable":
		return Unreachable
	}
	return Unverified
}

// issuerOf is who says to have signed a token: by it the provider is found that verifies it.
func issuerOf(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var said struct {
		Issuer string `json:"iss"`
	}
	_ = json.Unmarshal(raw, &said) // nobody's, if it cannot be read
	return said.Issuer
}
