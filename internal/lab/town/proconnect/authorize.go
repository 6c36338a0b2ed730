package proconnect

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// parameters lists what an authorization request may carry; ProConnect refuses
// every other one. It has no max_age either: the imitation takes it, as other
// providers do, so that what needs a fresh sign-in can be shown.
var parameters = []string{
	"response_type", "client_id", "redirect_uri", "scope", "state", "nonce",
	"code_challenge", "code_challenge_method", "claims", "acr_values", "prompt", "max_age", "login_hint", "idp_hint", "ui_locales",
}

// request is an authorization request that was found to be in order.
type request struct {
	client    Client
	redirect  string
	scope     []string
	state     string
	nonce     string
	challenge string
	wantsAMR  bool
	again     bool // the person is to sign in anew, though they did before
}

// parse reads an authorization request and refuses whatever ProConnect refuses.
func (p *Provider) parse(q url.Values) (request, error) {
	for _, name := range slices.Sorted(maps.Keys(q)) {
		if !slices.Contains(parameters, name) {
			return request{}, fmt.Errorf("%q is not a parameter of this request", name)
		}
		if len(q[name]) > 1 {
			return request{}, fmt.Errorf("%s is given twice", name)
		}
	}
	client, ok := p.client(q.Get("client_id"))
	if !ok {
		return request{}, errors.New("client_id is not known")
	}
	r := request{
		client: client, redirect: q.Get("redirect_uri"), scope: strings.Fields(q.Get("scope")),
		state: q.Get("state"), nonce: q.Get("nonce"), challenge: q.Get("code_challenge"),
	}
	const long = 32
	switch {
	case !slices.Contains(client.Redirects, r.redirect):
		return request{}, errors.New("redirect_uri is not registered")
	case q.Get("response_type") != "code":
		return request{}, errors.New("response_type is not code")
	case !slices.Contains(r.scope, "openid"):
		return request{}, errors.New("scope lacks openid")
	case slices.ContainsFunc(r.scope, func(s string) bool { return !slices.Contains(scopes[p.settings.Imitates], s) }):
		return request{}, errors.New("scope asks for something that does not exist")
	case len(r.state) < long:
		return request{}, fmt.Errorf("state has fewer than %d characters", long)
	case len(r.nonce) < long:
		return request{}, fmt.Errorf("nonce has fewer than %d characters", long)
	case q.Get("code_challenge_method") != "S256" || len(r.challenge) != 43:
		return request{}, errors.New("code_challenge is not one of PKCE by S256")
	case p.settings.Imitates == FranceConnect && !strings.HasPrefix(q.Get("acr_values"), "eidas"):
		return request{}, errors.New("acr_values names no level")
	case !slices.Contains(prompts, q.Get("prompt")):
		return request{}, errors.New("prompt is not login")
	}
	if age := q.Get("max_age"); age != "" {
		if _, err := strconv.ParseUint(age, 10, 32); err != nil {
			return request{}, errors.New("max_age is not a number of seconds")
		}
	}
	// Nobody is let in by an earlier sign-in: whoever comes back signed in just now.
	r.again = q.Get("prompt") == "login" || q.Has("max_age")
	var err error
	r.wantsAMR, err = asksAMR(q.Get("claims"))
	return r, err
}

// prompts lists what a request may ask to be shown.
var prompts = []string{"", "login"}

// asksAMR reports whether the claims parameter asks how somebody signed in.
func asksAMR(raw string) (bool, error) {
	if raw == "" {
		return false, nil
	}
	var claims struct {
		IDToken map[string]any `json:"id_token"`
	}
	if err := json.Unmarshal([]byte(raw), &claims); err != nil {
		return false, errors.New("claims is not JSON")
	}
	_, asked := claims.IDToken["amr"]
	return asked, nil
}

// authorize asks who is there.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	asked, err := p.parse(r.URL.Query())
	if err != nil {
		p.problem(w, r, err)
		return
	}
	p.showPeople(w, r, asked)
}

// choose sends the browser back, as the person whose button was pressed or as
// nobody.
func (p *Provider) choose(w http.ResponseWriter, r *http.Request) {
	asked, err := p.parse(r.URL.Query())
	if err != nil {
		p.problem(w, r, err)
		return
	}
	answer := url.Values{"state": {asked.state}, "iss": {p.settings.Issuer}}
	if r.PostFormValue("decline") != "" {
		answer.Set("error", "access_denied")
		answer.Set("error_description", "User auth aborted")
	} else {
		i, err := strconv.Atoi(r.PostFormValue("person"))
		if err != nil || i < 0 || i >= len(p.settings.People) {
			p.problem(w, r, errors.New("person is nobody on this page"))
			return
		}
		person := p.settings.People[i]
		sid := p.enter(w, r, asked.client, person)
		answer.Set("code", p.grant(asked, person, sid))
	}
	goTo(w, asked.redirect, answer)
}

// grant returns a code that stands for what person lets the client know.
func (p *Provider) grant(asked request, person Person, sid string) (code string) {
	now := p.settings.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.codes, func(_ string, g *grant) bool { return over(g.given, codeLife, now) })
	maps.DeleteFunc(p.access, func(_ string, g *grant) bool { return over(g.given, accessLife, now) })
	code = rand.Text()
	p.codes[code] = &grant{request: asked, person: person, sid: sid, given: now}
	return code
}

func over(given time.Time, life time.Duration, now time.Time) bool {
	return !now.Before(given.Add(life))
}

// goTo sends the browser to a registered address.
func goTo(w http.ResponseWriter, address string, answer url.Values) {
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", address+separator+answer.Encode())
	w.WriteHeader(http.StatusSeeOther)
}
