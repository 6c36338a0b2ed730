package portal_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"poterne/internal/fault"
	"poterne/internal/i18n"
	"poterne/internal/policy"
	"poterne/internal/portal"
	"poterne/internal/portal/portaltest"
	"poterne/internal/signin"
)

const (
	camille  = portaltest.Camille
	theo     = portaltest.Theo
	jeanne   = portaltest.Jeanne
	remi     = portaltest.Remi
	sacha    = portaltest.Sacha
	security = portaltest.Security
)

func TestAFormOfAnotherSiteDoesNothing(t *testing.T) {
	h := portaltest.New(t)
	form := url.Values{"reach": {"account"}, "target": {string(theo)}, "effect": {"frozen"}, "because": {"x"}}
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, h.URL+"/desk/orders", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set(portaltest.Actor, string(security))
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden || len(h.Gate.Orders()) != 0 {
		t.Errorf("%s, %d orders", answer.Status, len(h.Gate.Orders()))
	}
}

func TestWhoIsNotSignedInIsSentToSignIn(t *testing.T) {
	h := portaltest.New(t)
	answer, _ := h.Goes("", http.MethodGet, "/desk/accounts/x?a=b", nil)
	if want := signin.BeginPath + "?return=%2Fdesk%2Faccounts%2Fx%3Fa%3Db"; answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != want {
		t.Error(answer.Status, answer.Header.Get("Location"))
	}
	answer, raw := h.Goes("", http.MethodPost, "/desk/orders", url.Values{"reach": {"everything"}})
	if answer.StatusCode != http.StatusUnauthorized || !strings.Contains(raw, "Your session is over") {
		t.Error(answer.Status)
	}
}

func TestAScriptIsToldInJSON(t *testing.T) {
	p := portaltest.NewStage().Pages
	r := httptest.NewRequest(http.MethodGet, "/kairos/api/trainees", nil)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Accept-Language", "fr")
	answer := httptest.NewRecorder()
	p.Stops().Refused(answer, r, portal.Refusal{Service: "kairos", Receipt: 12, Ruling: policy.Ruling{Verdict: policy.Withheld, Why: policy.OrganisationEmpty}})
	var said map[string]any
	if err := json.Unmarshal(answer.Body.Bytes(), &said); err != nil || answer.Code != http.StatusForbidden || answer.Header().Get("Content-Type") != "application/problem+json" {
		t.Fatal(answer.Code, err)
	}
	if said["title"] == "" || said["status"] != 403.0 || !strings.HasPrefix(said["detail"].(string), "Votre structure a épuisé") || said["receipt"] != "12" || len(said) != 4 {
		t.Errorf("%v", said)
	}
	answer = httptest.NewRecorder()
	p.Stops().SignIn(answer, r, &fault.Error{Kind: fault.Anonymous})
	if answer.Code != http.StatusUnauthorized || answer.Header().Get("Location") != "" {
		t.Errorf("a script without a session: %d", answer.Code)
	}
	answer = httptest.NewRecorder()
	p.Stops().SignIn(answer, r, errors.New("the shelf is gone"))
	if answer.Code != http.StatusBadGateway {
		t.Errorf("a door that broke: %d", answer.Code)
	}
}

func TestNotThereAndNotYoursLookTheSame(t *testing.T) {
	p := portaltest.NewStage().Pages
	read := func(why policy.Why, accept string) string {
		r := httptest.NewRequest(http.MethodGet, "/dossier/files/1", nil)
		r.Header.Set("Accept", accept)
		answer := httptest.NewRecorder()
		p.Stops().Refused(answer, r, portal.Refusal{Service: "dossier", Receipt: 12, Ruling: policy.Ruling{Why: why}})
		return answer.Result().Status + answer.Body.String()
	}
	for _, accept := range []string{"text/html", "application/json"} {
		if read(policy.NobodyKnown, accept) != read(policy.NotThere, accept) {
			t.Errorf("%s tells one from the other", accept)
		}
	}
}

func TestEachSpeaksTheirLanguageAndFrenchComesFirst(t *testing.T) {
	for accept, want := range map[string]i18n.Language{"": "fr", "de": "fr", "en-GB,en;q=0.8": "en", "fr;q=0.5,en;q=0.9": "en", "fr-CA": "fr", "nonsense;;": "fr"} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept-Language", accept)
		answer := httptest.NewRecorder()
		portaltest.NewStage().Pages.SignedOut(answer, r)
		if in := i18n.Language(answer.Header().Get("Content-Language")); in != want {
			t.Errorf("%q speaks %s", accept, in)
		}
	}
	h := portaltest.New(t)
	for to, want := range map[string]string{"/desk?q=1": "/desk?q=1", "//evil.example": "/", "https://evil.example": "/", `/\evil.example`: "/", "": "/"} {
		answer, _ := h.Goes("", http.MethodPost, signin.Prefix+"language", url.Values{"language": {"en"}, "return": {to}})
		if answer.Header.Get("Location") != want || len(answer.Cookies()) != 1 || answer.Cookies()[0].Value != "en" {
			t.Errorf("%q leads to %q", to, answer.Header.Get("Location"))
		}
	}
	if answer, _ := h.Goes("", http.MethodPost, signin.Prefix+"language", url.Values{"language": {"tlh"}}); len(answer.Cookies()) != 0 {
		t.Error("a language that is not spoken is remembered")
	}
}
