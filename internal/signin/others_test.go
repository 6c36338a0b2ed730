package signin_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"poterne/internal/roster"
	"poterne/internal/signin"
)

// realms are the accounts of two providers, which call two people alike.
type realms struct {
	*house
	other *forger
}

func (r realms) ByIdentity(ctx context.Context, identity roster.Identity) (roster.Account, roster.Organisation, error) {
	if identity == (roster.Identity{Issuer: r.other.server.URL, Provider: "idp-1", Subject: "subject-1"}) {
		return roster.Account{ID: "odette", Organisation: "mission", Role: roster.Adviser, Identity: identity}, roster.Organisation{ID: "mission", SIRET: siret}, nil
	}
	return r.house.ByIdentity(ctx, identity)
}

func (r realms) Account(ctx context.Context, id roster.AccountID) (roster.Account, roster.Organisation, error) {
	if id == "odette" {
		return r.ByIdentity(ctx, roster.Identity{Issuer: r.other.server.URL, Provider: "idp-1", Subject: "subject-1"})
	}
	return r.house.Account(ctx, id)
}

// twoRealms is a house with a second provider, by whose profile a level alone is strong.
func twoRealms(t *testing.T) (*house, *forger) {
	t.Helper()
	h := newHouse(t)
	other := newForger(t, h.clock)
	other.kind = "application/json"
	other.token = set(claims{"acr": "gold", "amr": nil, "auth_time": h.clock().Unix()})
	s := h.settings()
	s.AdmitWeak, s.Name = false, "ProConnect"
	profile := signin.OIDC()
	profile.ClientAuth, profile.Claims.Provider, profile.Strong = signin.SecretPost, "idp_id", []signin.Assurance{{ACR: []string{"gold"}}}
	s.Others = []signin.Party{{Name: "La mission", Issuer: other.server.URL, ClientID: clientID, ClientSecret: clientSecret, Profile: profile}}
	door, err := signin.New(s, h.sessions, realms{h, other}, h)
	if err != nil {
		t.Fatal(err)
	}
	h.door = door
	return h, other
}

// goes goes to a provider that it chooses, which agrees, and returns the way back.
func (b *browser) goes(with string, f *forger) string {
	b.h.t.Helper()
	answer := b.does("GET", signin.BeginPath+"?"+url.Values{"return": {"/"}, "with": {with}}.Encode())
	if to := answer.Header.Get("Location"); !strings.HasPrefix(to, f.server.URL+"/authorize?") {
		b.h.t.Fatalf("%s is at %q: shown %v", with, to, b.h.shown)
	}
	return f.back(answer.Header.Get("Location"))
}

// back is where a provider that is asked, and agrees, sends the browser: it knows no other address.
func (f *forger) back(asked string) string {
	f.t.Helper()
	answer := f.authorize(asked)
	return at(f.t, asked) + "?" + answer.Encode()
}

// at is the path that a provider is asked to answer at.
func at(t *testing.T, asked string) string {
	t.Helper()
	u, err := url.Parse(asked)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(u.Query().Get("redirect_uri"), origin)
}

// People choose their provider by its name; an account is opened by its own, judged by that one's profile,
// stepped up and signed out there.
func TestRUN_8_PeopleChooseAmongProvidersAndAnAccountIsOpenedByItsOwn(t *testing.T) {
	h, other := twoRealms(t)
	for _, path := range []string{signin.BeginPath, signin.BeginPath + "?with=elsewhere"} {
		if h.browser().does("GET", path); h.shown[len(h.shown)-1] != "choose ProConnect or La mission" {
			t.Errorf("%s: shown %v", path, h.shown)
		}
	}
	chosen := len(h.shown)
	if h.browser().posts(signin.InvitedPath, url.Values{"token": {"abc"}}); len(h.shown) != chosen+1 {
		t.Errorf("an invitation: shown %v", h.shown)
	}
	if to := h.browser().posts(signin.InvitedPath, url.Values{"token": {"abc"}, "with": {"La mission"}}).Header.Get("Location"); !strings.HasPrefix(to, other.server.URL) {
		t.Errorf("an invitation is accepted at %s", to)
	}

	for name, test := range map[string]struct {
		from *forger
		who  roster.AccountID
	}{"ProConnect": {h.forger, "ninon"}, "La mission": {other, "odette"}} {
		h.stepUp = nil
		b := h.browser()
		b.does("GET", b.goes(name, test.from))
		if who := b.isSignedIn(); who.Account != test.who || who.Factor != signin.Strong {
			t.Fatalf("%s signs in %+v", name, who)
		}
		test.from.token = set(claims{"acr": "gold", "amr": []string{"hwk"}, "auth_time": h.clock().Unix()})
		if test.from == h.forger {
			test.from.token = set(claims{"auth_time": h.clock().Unix()})
		}
		asked := b.does("POST", signin.StepUpPath).Header.Get("Location")
		if !strings.HasPrefix(asked, test.from.server.URL) {
			t.Errorf("%s: a step-up is asked for at %s", name, asked)
		}
		b.does("GET", test.from.back(asked))
		if len(h.stepUp) != 1 {
			t.Errorf("%s: no step-up, shown %v", name, h.shown)
		}
		if to := b.does("POST", signin.LeavePath).Header.Get("Location"); !strings.HasPrefix(to, test.from.server.URL+"/end?") {
			t.Errorf("%s: leaving goes to %s", name, to)
		}
	}
	h.forger.token = set(claims{"acr": "gold", "amr": nil}) // what is strong at the other
	b := h.browser()
	b.does("GET", b.goes("ProConnect", h.forger))
	b.isOut("")
}

// What one provider says opens nothing of the other's, however it comes.
func TestRUN_8_OneProvidersWordIsNotTakenForAnothers(t *testing.T) {
	for name, way := range map[string]func(b *browser, ours, other *forger) string{
		"an answer of the other to a question of the first": func(b *browser, ours, other *forger) string {
			asked := b.does("GET", signin.BeginPath+"?with=ProConnect").Header.Get("Location")
			return other.back(asked)
		},
		"an answer of the first, said to be the other's": func(b *browser, ours, other *forger) string {
			asked := b.does("GET", signin.BeginPath+"?with=La+mission").Header.Get("Location")
			answer := ours.authorize(asked)
			answer.Set("iss", other.server.URL)
			return at(b.h.t, asked) + "?" + answer.Encode()
		},
		"an answer without an issuer, of who names one": func(b *browser, ours, other *forger) string {
			asked := b.does("GET", signin.BeginPath+"?with=La+mission").Header.Get("Location")
			answer := other.authorize(asked)
			answer.Del("iss")
			return at(b.h.t, asked) + "?" + answer.Encode()
		},
		"a token of the first, handed out by the other": func(b *browser, ours, other *forger) string {
			other.token = set(claims{"iss": ours.server.URL})
			return b.goes("La mission", other)
		},
		"a subject that only the first knows": func(b *browser, _, other *forger) string {
			other.sub = "subject-2"
			return b.goes("La mission", other)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h, other := twoRealms(t)
			b := h.browser()
			b.does("GET", way(b, h.forger, other))
			b.isOut("")
			if len(h.sessions.Rows()) != 0 {
				t.Errorf("%d sessions", len(h.sessions.Rows()))
			}
		})
	}

	h, other := twoRealms(t)
	ninon, odette := h.browser(), h.browser()
	ninon.does("GET", ninon.goes("ProConnect", h.forger))
	odette.does("GET", odette.goes("La mission", other))
	gone := h.gone()
	if answer := h.says(other.sign(other.idSign, gone)); answer.StatusCode != http.StatusBadRequest {
		t.Errorf("the other signs people of the first out: %s", answer.Status)
	}
	gone["iss"] = "https://nobody.example"
	if answer := h.says(other.sign(other.idSign, gone)); answer.StatusCode != http.StatusBadRequest {
		t.Errorf("a provider that there is not signs somebody out: %s", answer.Status)
	}
	ninon.isSignedIn()
	gone["iss"] = other.server.URL
	if answer := h.says(other.sign(other.idSign, gone)); answer.StatusCode != http.StatusOK {
		t.Errorf("the other signs its own people out: %s", answer.Status)
	}
	ninon.isSignedIn()
	odette.isOut(signin.Recalled)

	asked := ninon.does("POST", signin.StepUpPath).Header.Get("Location") // and comes back with the other's word
	ninon.does("GET", other.back(asked))
	if len(h.stepUp) != 0 {
		t.Errorf("the other's word is a step-up: shown %v", h.shown)
	}

	gone["iss"] = h.forger.server.URL // under the name that the other gave a token of its own
	if answer := h.says(h.forger.sign(h.forger.idSign, gone)); answer.StatusCode != http.StatusOK {
		t.Errorf("the other's token uses up one of the first's: %s", answer.Status)
	}
	ninon.isOut(signin.Recalled)
}

// A provider that somebody chose sends them on to another, which names no issuer, with a question of
// the thief's own: it is not handed the code, with which the thief would have signed in.
func TestRUN_8_AProviderIsNotHandedAnothersCode(t *testing.T) {
	h, other := twoRealms(t)
	for _, f := range []*forger{h.forger, other} {
		f.meta = set(claims{"authorization_response_iss_parameter_supported": nil})
		f.answer = func(answer url.Values) { answer.Del("iss") }
	}
	thief, ninon := h.browser(), h.browser()
	begun := thief.does("GET", signin.BeginPath+"?with=ProConnect").Header.Get("Location")
	chosen := ninon.does("GET", signin.BeginPath+"?with=La+mission").Header.Get("Location")
	mixed, err := url.Parse(begun)
	if err != nil {
		t.Fatal(err)
	}
	state := func(asked string) string { return asked[strings.Index(asked, "state=")+6:][:52] }
	q := mixed.Query()
	q.Set("state", state(chosen))
	mixed.RawQuery = q.Encode()
	served := other.served
	answer := h.forger.authorize(mixed.String())
	ninon.does("GET", at(t, begun)+"?"+answer.Encode())
	if other.served != served {
		t.Error("the other provider was shown a code of the first's")
	}
	ninon.isOut("")
	answer.Set("state", state(begun))
	if thief.does("GET", at(t, begun)+"?"+answer.Encode()); len(h.sessions.Rows()) != 1 {
		t.Error("the code itself would have been of no use to the thief: the test shows nothing")
	}
	if honest := ninon.goes("La mission", other); !strings.HasPrefix(honest, signin.CallbackPath+"/la-mission?") {
		t.Errorf("the other answers at %s", honest)
	} else {
		ninon.does("GET", honest)
	}
	if who := ninon.isSignedIn(); who.Account != "odette" {
		t.Errorf("it signs in %+v", who)
	}
}

func TestRUN_8_ProvidersThatPeopleCannotTellApartAreRefused(t *testing.T) {
	h := newHouse(t)
	for want, change := range map[string]func(*signin.Settings){
		"one issuer": func(s *signin.Settings) { s.Others[0].Issuer = s.Issuer },
		"one name":   func(s *signin.Settings) { s.Others[0].Name = s.Name },
		"would answer at": func(s *signin.Settings) {
			s.Others = append(s.Others, s.Others[0])
			s.Others[1].Name, s.Others[1].Issuer = "la-mission", "https://other.example"
		},
		"write one":              func(s *signin.Settings) { s.Name = "" },
		"not https":              func(s *signin.Settings) { s.Others[0].Issuer = "http://sso.example" },
		"both needed":            func(s *signin.Settings) { s.Others[0].ClientSecret = "" },
		"is not a way to answer": func(s *signin.Settings) { s.Others[0].Profile.UserInfo = "trusting" },
	} {
		s := h.settings()
		s.Name = "ProConnect"
		s.Others = []signin.Party{{Name: "La mission", Issuer: "https://sso.example", ClientID: clientID, ClientSecret: clientSecret, Profile: signin.OIDC()}}
		if _, err := signin.New(s, h.sessions, h, h); err != nil {
			t.Fatal(err)
		}
		change(&s)
		if _, err := signin.New(s, h.sessions, h, h); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want one that says %q", err, want)
		}
	}
}
