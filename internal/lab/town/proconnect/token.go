package proconnect

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
)

// token exchanges a code for tokens, once.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	refuse := func(status int, code string) { writeJSON(w, status, map[string]string{"error": code}) }
	// ProConnect reads the secret in the body only.
	client, known := p.client(r.PostFormValue("client_id"))
	if !known || !same(r.PostFormValue("client_secret"), client.Secret) || r.Header.Get("Authorization") != "" {
		refuse(http.StatusUnauthorized, "invalid_client")
		return
	}
	if r.PostFormValue("grant_type") != "authorization_code" {
		refuse(http.StatusBadRequest, "unsupported_grant_type")
		return
	}
	g, ok := p.redeem(r.PostFormValue("code"), client.ID, r.PostFormValue("redirect_uri"), r.PostFormValue("code_verifier"))
	if !ok {
		refuse(http.StatusBadRequest, "invalid_grant")
		return
	}
	idToken, err := p.sign(p.idClaims(g))
	if err != nil {
		refuse(http.StatusInternalServerError, "server_error")
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"access_token": g.token, "token_type": "Bearer", "expires_in": int(accessLife.Seconds()),
		"id_token": idToken, "scope": strings.Join(g.scope, " "),
	})
}

// redeem returns what code stands for, if the client that asked for it proves to
// be that client, in time. A code shown twice takes back what it gave.
func (p *Provider) redeem(code, client, redirect, verifier string) (grant, bool) {
	sum := sha256.Sum256([]byte(verifier))
	p.mu.Lock()
	defer p.mu.Unlock()
	g, ok := p.codes[code]
	switch {
	case !ok:
		return grant{}, false
	case g.token != "":
		delete(p.access, g.token)
		return grant{}, false
	case over(g.given, codeLife, p.settings.Now()), g.client.ID != client, g.redirect != redirect,
		!same(base64.RawURLEncoding.EncodeToString(sum[:]), g.challenge):
		delete(p.codes, code)
		return grant{}, false
	}
	g.token = rand.Text()
	p.access[g.token] = g
	return *g, true
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// common are the claims of everything the provider signs about g.
func (p *Provider) common(g grant) map[string]any {
	now := p.settings.Now()
	return map[string]any{
		"iss": p.settings.Issuer, "aud": g.client.ID,
		"sub": Subject(g.client.ID, g.person.Idp, g.person.Subject),
		"iat": now.Unix(), "exp": now.Add(codeLife).Unix(),
	}
}

func (p *Provider) idClaims(g grant) map[string]any {
	claims := p.common(g)
	claims["nonce"] = g.nonce
	claims["acr"] = g.person.ACR
	claims["auth_time"] = g.given.Unix()
	claims["sid"] = g.sid
	hash := sha256.Sum256([]byte(g.token))
	claims["at_hash"] = base64.RawURLEncoding.EncodeToString(hash[:len(hash)/2])
	if g.wantsAMR {
		claims["amr"] = g.person.AMR
	}
	return claims
}

// userInfo tells the client, in a signed JWT, what it asked to know.
func (p *Provider) userInfo(w http.ResponseWriter, r *http.Request) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	g, ok := p.granted(token)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	claims := p.common(g)
	for scope, value := range p.settings.Imitates.told(g.person) {
		if slices.Contains(g.scope, scope) {
			claims[scope] = value
		}
	}
	signed, err := p.sign(claims)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/jwt")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(signed)) // a client that went away needs no answer
}

func (p *Provider) granted(token string) (grant, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g, ok := p.access[token]
	if !ok || over(g.given, accessLife, p.settings.Now()) {
		return grant{}, false
	}
	return *g, true
}
