package signin_test

import (
	"encoding/json"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"poterne/internal/signin"
)

// plainHouse is a house whose provider is as OpenID Connect's specification has it: JSON
// userinfo, standard names, no SIRET.
func plainHouse(t *testing.T, change func(*signin.Profile)) *house {
	h := newHouse(t)
	h.forger.kind = "application/json; charset=utf-8"
	h.forger.info = set(claims{"siret": nil, "idp_id": nil, "usual_name": nil, "family_name": "Farge"})
	s := h.settings()
	s.Profile = signin.OIDC()
	s.Profile.ClientAuth = signin.SecretPost // the forger reads the body
	s.Profile.Claims.Provider = "idp"
	h.forger.token = set(claims{"idp": "idp-1"}) // under which the house knows its people
	change(&s.Profile)
	h.build(s)
	return h
}

// Promise: ENTRY-1
func TestENTRY_1_UserinfoIsBelievedAsTheProfileSaysItIsGiven(t *testing.T) {
	another := func(f *forger) { f.info = set(claims{"sub": "subject-2"}) }
	for name, test := range map[string]struct {
		change func(*signin.Profile)
		forge  func(*forger)
		want   string
	}{
		"JSON":                              {func(*signin.Profile) {}, func(*forger) {}, ""},
		"a JWT where JSON is expected":      {func(*signin.Profile) {}, func(f *forger) { f.kind = "application/jwt" }, ""},
		"JSON about somebody else":          {func(*signin.Profile) {}, another, "failed: unverified"},
		"JSON about nobody":                 {func(*signin.Profile) {}, func(f *forger) { f.info = set(claims{"sub": nil}) }, "failed: unverified"},
		"a page":                            {func(*signin.Profile) {}, func(f *forger) { f.kind = "text/html" }, "failed: unverified"},
		"JSON where a JWT is expected":      {func(p *signin.Profile) { p.UserInfo = signin.SignedUserInfo }, func(*forger) {}, "failed: unverified"},
		"none is asked for":                 {func(p *signin.Profile) { p.UserInfo = signin.NoUserInfo }, another, ""},
		"a provider that is a number":       {func(*signin.Profile) {}, func(f *forger) { f.info = set(claims{"idp": 1}) }, "failed: unverified"},
		"a SIRET that nobody asked for":     {func(*signin.Profile) {}, func(f *forger) { f.info = set(claims{"siret": "90000000000025"}) }, ""},
		"another SIRET than the account's":  {func(p *signin.Profile) { p.Claims.SIRET = "siret" }, func(f *forger) { f.info = set(claims{"siret": "90000000000025"}) }, "stranger: other-organisation  90000000000025"},
		"no SIRET where one is needed":      {func(p *signin.Profile) { p.Claims.SIRET, p.SIRET = "siret", true }, func(*forger) {}, "stranger: other-organisation Farge "},
		"the account's SIRET":               {func(p *signin.Profile) { p.Claims.SIRET, p.SIRET = "siret", true }, func(f *forger) { f.info = set(claims{"siret": siret}) }, ""},
		"the same subject of another realm": {func(*signin.Profile) {}, func(f *forger) { f.token = set(claims{"idp": "idp-2"}) }, "stranger: no-account Farge "},
	} {
		t.Run(name, func(t *testing.T) {
			h := plainHouse(t, test.change)
			test.forge(h.forger)
			b := h.browser()
			b.does("GET", b.begin("/"))
			if test.want == "" {
				b.isSignedIn()
				return
			}
			h.check(test.want)
		})
	}
}

// Promise: ENTRY-2
func TestENTRY_2_WhatCountsAsStrongIsEachProvidersOwn(t *testing.T) {
	for name, test := range map[string]struct {
		strong []signin.Assurance
		acr    string
		amr    []string
		want   signin.Factor
	}{
		"a key, whatever the level":                {signin.OIDC().Strong, "", []string{"hwk"}, signin.Strong},
		"a one-time code":                          {signin.OIDC().Strong, "1", []string{"pwd", "otp"}, signin.Strong},
		"a one-time code that was sent":            {signin.OIDC().Strong, "1", []string{"pwd", "otp", "sms"}, signin.Weak},
		"a level that nobody declared":             {signin.OIDC().Strong, "gold", []string{"pwd"}, signin.Weak},
		"a level that was declared":                {[]signin.Assurance{{ACR: []string{"gold"}}}, "gold", nil, signin.Strong},
		"a declared level by a mailed code":        {[]signin.Assurance{{ACR: []string{"gold"}, Never: []string{"mail"}}}, "gold", []string{"mail"}, signin.Weak},
		"another level than the declared":          {[]signin.Assurance{{ACR: []string{"gold"}}}, "silver", []string{"hwk"}, signin.Weak},
		"a level in the place of a means":          {[]signin.Assurance{{AMR: []string{"gold"}}}, "gold", nil, signin.Weak},
		"nothing counts where nothing is declared": {nil, "eidas3", []string{"hwk"}, signin.Weak},
	} {
		t.Run(name, func(t *testing.T) {
			h := plainHouse(t, func(p *signin.Profile) { p.Strong = test.strong })
			h.forger.token = set(claims{"idp": "idp-1", "acr": test.acr, "amr": test.amr})
			if got := h.browser().signIn().isSignedIn().Factor; got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

func TestARequestForASignInAsksAsTheProfileSays(t *testing.T) {
	for name, test := range map[string]struct {
		profile signin.Profile
		scope   string
		levels  string // acr_values
		claims  string // JSON; empty: the parameter is not there
	}{
		"ProConnect's": {signin.ProConnect(), "openid given_name usual_name email siret idp_id", "", `{"id_token":{"amr":null}}`},
		"any other's":  {signin.OIDC(), "openid email profile", "", ""},
		"levels are asked for": {
			with(signin.OIDC(), func(p *signin.Profile) { p.ACRValues = []string{"gold", "silver"} }), "openid email profile", "gold silver", "",
		},
		"levels are essential": {
			with(signin.ProConnect(), func(p *signin.Profile) { p.ACRValues, p.Essential = []string{"eidas2"}, true }),
			"openid given_name usual_name email siret idp_id", "", `{"id_token":{"acr":{"essential":true,"values":["eidas2"]},"amr":null}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			s := h.settings()
			s.Profile = test.profile
			s.Profile.Parameters = map[string]string{"kc_idp_hint": "agents"}
			h.build(s)
			asked, err := url.Parse(h.browser().does("GET", signin.BeginPath).Header.Get("Location"))
			if err != nil {
				t.Fatal(err)
			}
			q := asked.Query()
			if q.Get("scope") != test.scope || q.Get("acr_values") != test.levels || q.Get("kc_idp_hint") != "agents" {
				t.Errorf("it asks for %v", q)
			}
			if test.claims == "" {
				if q.Has("claims") {
					t.Errorf("it asks for the claims %s", q.Get("claims"))
				}
				return
			}
			var got, want any
			if err := json.Unmarshal([]byte(q.Get("claims")), &got); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(test.claims), &want); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("it asks for the claims %s", q.Get("claims"))
			}
		})
	}
}

func with(p signin.Profile, change func(*signin.Profile)) signin.Profile {
	change(&p)
	return p
}

func TestAProfileThatWouldWeakenTheDoorIsRefused(t *testing.T) {
	for want, change := range map[string]func(*signin.Profile){
		"is not a way to answer":                        func(p *signin.Profile) { p.UserInfo = "trusting" },
		"is not a way to show who we are":               func(p *signin.Profile) { p.ClientAuth = "in the address" },
		"no claim is named that tells it":               func(p *signin.Profile) { p.SIRET, p.Claims.SIRET = true, "" },
		"write acr_values too":                          func(p *signin.Profile) { p.Essential = true },
		`"nonce" is written by Poterne itself`:          func(p *signin.Profile) { p.Parameters = map[string]string{"nonce": "1"} },
		"every sign-in would count as strong":           func(p *signin.Profile) { p.Strong = []signin.Assurance{{Never: []string{"sms"}}} },
		`"code_challenge" is written by Poterne itself`: func(p *signin.Profile) { p.Parameters = map[string]string{"code_challenge": ""} },
	} {
		h := newHouse(t)
		s := h.settings()
		s.Profile = with(signin.OIDC(), change)
		if _, err := signin.New(s, h.sessions, h, h); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want one that says %q", err, want)
		}
	}
}
