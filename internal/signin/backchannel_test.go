package signin_test

import (
	"crypto/elliptic"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"poterne/internal/fault"
	"poterne/internal/signin"
)

// says posts a logout token as the identity provider does.
func (h *house) says(token string) *http.Response {
	h.t.Helper()
	mux, w := http.NewServeMux(), httptest.NewRecorder()
	h.door.Mount(mux)
	r := httptest.NewRequest("POST", origin+signin.RecallPath, strings.NewReader(url.Values{"logout_token": {token}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	mux.ServeHTTP(w, r)
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		h.t.Errorf("Cache-Control: %q", got)
	}
	return w.Result()
}

// gone are the claims of a logout token that is in order.
func (h *house) gone() claims {
	return claims{
		"iss": h.forger.server.URL, "aud": clientID, "sub": "subject-1", "jti": "one", "iat": h.clock().Unix(),
		"exp":    h.clock().Add(2 * time.Minute).Unix(),
		"events": claims{"http://schemas.openid.net/event/backchannel-logout": claims{}},
	}
}

// signInAs signs a person in under a session that the provider gives a name.
func (h *house) signInAs(subject, session string) *browser {
	h.t.Helper()
	h.forger.sub = subject
	h.forger.token = set(claims{"sid": session})
	if session == "" {
		h.forger.token = func(claims) {}
	}
	return h.browser().signIn()
}

func TestENTRY_11_ALogoutTokenEndsTheSessionsItNames(t *testing.T) {
	for name, test := range map[string]struct {
		token claims
		out   string // which of the five sessions end
	}{
		"the person":                   {claims{}, "one two nameless"},
		"a session":                    {claims{"sub": nil, "sid": "s1"}, "one"},
		"a session of the person":      {claims{"sid": "s1"}, "one nameless"},
		"a session nobody has":         {claims{"sub": nil, "sid": "s9"}, ""},
		"a session of somebody else":   {claims{"sub": "subject-1", "sid": "s3"}, "nameless"},
		"a person nobody knows":        {claims{"sub": "subject-9"}, ""},
		"without an expiry":            {claims{"exp": nil}, "one two nameless"},
		"for two audiences":            {claims{"aud": []string{"b", clientID}}, "one two nameless"},
		"with a type in its own words": {claims{"sid": "s2", "sub": nil, "trace_id": "x"}, "two"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			browsers := map[string]*browser{
				"one": h.signInAs("subject-1", "s1"), "two": h.signInAs("subject-1", "s2"),
				"nameless": h.signInAs("subject-1", ""), "other": h.signInAs("subject-2", "s3"),
			}
			said := h.gone()
			set(test.token)(said)
			if answer := h.says(h.forger.sign(h.forger.idSign, said)); answer.StatusCode != http.StatusOK {
				t.Errorf("status %d", answer.StatusCode)
			}
			told := len(strings.Fields(test.out))
			for who, b := range browsers {
				if strings.Contains(" "+test.out+" ", " "+who+" ") {
					b.isOut(signin.Recalled)
				} else {
					b.isSignedIn()
				}
			}
			if len(h.told) != told {
				t.Errorf("%d ends were told, want %d", len(h.told), told)
			}
		})
	}
}

func TestENTRY_11_ALogoutTokenIsVerifiedInEveryPart(t *testing.T) {
	another := ecdsaKey(t, elliptic.P256())
	for name, test := range map[string]struct {
		token claims
		by    func(f *forger) signing
	}{
		"of another issuer":               {token: claims{"iss": "https://else.example"}},
		"for another audience":            {token: claims{"aud": "kairos"}},
		"of five minutes ago":             {token: claims{"iat": time.Date(2026, 3, 3, 8, 54, 59, 0, time.UTC).Unix()}},
		"of an hour that is to come":      {token: claims{"iat": time.Date(2026, 3, 3, 10, 0, 0, 0, time.UTC).Unix()}},
		"of no time":                      {token: claims{"iat": nil}},
		"expired":                         {token: claims{"exp": time.Date(2026, 3, 3, 8, 58, 0, 0, time.UTC).Unix()}},
		"without an identifier":           {token: claims{"jti": nil}},
		"without an event":                {token: claims{"events": nil}},
		"with another event":              {token: claims{"events": claims{"http://schemas.openid.net/event/other": claims{}}}},
		"with an event that is no object": {token: claims{"events": claims{"http://schemas.openid.net/event/backchannel-logout": true}}},
		"with a nonce":                    {token: claims{"nonce": "n"}},
		"that names nobody":               {token: claims{"sub": nil}},
		"unsigned":                        {by: func(*forger) signing { return signing{alg: "none"} }},
		"signed with the shared secret":   {by: func(*forger) signing { return signing{"HS256", []byte(clientSecret)} }},
		"signed by somebody else":         {by: func(*forger) signing { return signing{"ES256", another} }},
		"by an algorithm not declared":    {by: func(f *forger) signing { return signing{"ES384", f.keys["ES384"]} }},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			b := h.signInAs("subject-1", "s1")
			said, by := h.gone(), h.forger.idSign
			set(test.token)(said)
			if test.by != nil {
				by = test.by(h.forger)
			}
			if answer := h.says(h.forger.sign(by, said)); answer.StatusCode != http.StatusBadRequest {
				t.Errorf("status %d", answer.StatusCode)
			}
			b.isSignedIn()
		})
	}
	h := newHouse(t)
	h.signInAs("subject-1", "s1").isSignedIn()
	for _, token := range []string{"", "a.b.c", strings.Repeat("a", 100_000)} {
		if answer := h.says(token); answer.StatusCode != http.StatusBadRequest {
			t.Errorf("a token of %d bytes: status %d", len(token), answer.StatusCode)
		}
	}
}

func TestENTRY_11_ALogoutTokenServesOnceAndEndsNothingThatCameAfter(t *testing.T) {
	h := newHouse(t)
	first := h.signInAs("subject-1", "s1")
	token := h.forger.sign(h.forger.idSign, h.gone())

	h.sessions.Break(errors.New("no database"))
	if answer := h.says(token); answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("without a database: status %d", answer.StatusCode)
	}
	h.sessions.Break(nil)
	if answer := h.says(token); answer.StatusCode != http.StatusOK {
		t.Errorf("sent again: status %d", answer.StatusCode)
	}
	first.isOut(signin.Recalled)
	h.pass(2 * time.Minute)
	second := h.signInAs("subject-1", "s1")
	if answer := h.says(token); answer.StatusCode != http.StatusBadRequest {
		t.Errorf("shown twice: status %d", answer.StatusCode)
	}
	second.isSignedIn()
}

// Each host has a session of its own; who signs out of one is out of all, in every
// browser.
func TestENTRY_11_SigningOutEndsTheSessionOnEveryHost(t *testing.T) {
	h := newHouse(t)
	portal, elsewhere := h.browser().signIn(), h.browser().signIn()
	service := h.browser()
	service.origin = "https://kairos.example"
	service.signIn().isSignedIn()
	other := h.signInAs("subject-2", "")
	portal.does("POST", signin.LeavePath)
	portal.isOut("")
	service.isOut(signin.Left)
	elsewhere.isOut(signin.Left)
	other.isSignedIn()
	if len(h.told) != 3 {
		t.Errorf("%d ends were told", len(h.told))
	}
	service.does("POST", signin.LeavePath) // there is nothing left to end
	if _, err := other.asks(); fault.Is(err, fault.Anonymous) {
		t.Error("somebody else was signed out")
	}
}
