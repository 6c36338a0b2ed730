package proconnect_test

import (
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"poterne/internal/lab/town/proconnect"
)

// told is what the clients heard: the claims of each logout token, by its audience.
type told map[string]map[string]any

// clients is a provider with two clients, which listen, and a browser.
func clients(t *testing.T) (d *desk, heard told) {
	t.Helper()
	heard = make(told)
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, err := jwt.ParseSigned(r.PostFormValue("logout_token"), []jose.SignatureAlgorithm{jose.RS256})
		if err != nil {
			t.Error(err)
			return
		}
		claims := make(map[string]any)
		if err := token.UnsafeClaimsWithoutVerification(&claims); err != nil { // a real client verifies them, in e2e
			t.Error(err)
		}
		if kind := token.Headers[0].ExtraHeaders[jose.HeaderType]; kind != "logout+jwt" {
			t.Errorf("the token is a %v", kind)
		}
		heard[claims["aud"].(string)] = claims
		if r.URL.Path == "/deaf" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(listener.Close)
	d = newDesk(t, "RS256", []string{back}, []string{exit}, func(s *proconnect.Settings) {
		s.Clients[0].Recall = listener.URL + "/hears"
		s.Clients = append(s.Clients, proconnect.Client{ID: "other", Secret: secret, Name: "Other", Redirects: []string{back}, Recall: listener.URL + "/deaf"})
	})
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	d.client.Jar = jar
	return d, heard
}

func TestWhoeverSignsOutHereIsOutOfEveryServiceOfThatBrowser(t *testing.T) {
	d, heard := clients(t)
	_, got := d.exchange(exchange(d.code(asking(), 0)))
	other := asking()
	other.Set("client_id", "other")
	d.code(other, 0)
	if _, page := d.get(strings.TrimSuffix(d.issuer, "/api/v2") + "/"); !strings.Contains(page, "Ninon Farge") || !strings.Contains(page, `action="/api/v2/session/end"`) {
		t.Errorf("the provider's page does not offer to sign out: %s", page)
	}
	_, page := d.post(d.issuer+"/session/end", nil)
	if !strings.Contains(page, "Other: answered 500") || !strings.Contains(page, "Vous êtes déconnecté") {
		t.Errorf("the page hides that a service did not confirm: %s", page)
	}
	if names := slices.Sorted(maps.Keys(heard)); !slices.Equal(names, []string{"other", "poterne"}) {
		t.Fatalf("told: %v", names)
	}
	events, _ := heard["poterne"]["events"].(map[string]any)
	if events["http://schemas.openid.net/event/backchannel-logout"] == nil || heard["poterne"]["nonce"] != nil ||
		heard["poterne"]["sub"] != proconnect.Subject("poterne", "idp-1", "1") || heard["poterne"]["sid"] == "" || heard["poterne"]["sid"] != heard["other"]["sid"] {
		t.Errorf("told %v", heard)
	}
	if answer, _ := d.get(d.issuer+"/userinfo", "Authorization", "Bearer "+got.Access); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("the access token outlives the session: status %d", answer.StatusCode)
	}
	clear(heard)
	d.post(d.issuer+"/session/end", nil)
	if len(heard) != 0 {
		t.Errorf("somebody who is not signed in signed out of %v", heard)
	}
}

func TestAServiceThatSendsSomebodyToSignOutIsNotToldAndTheOthersAre(t *testing.T) {
	d, heard := clients(t)
	other := asking()
	other.Set("client_id", "other")
	d.code(other, 0)
	d.code(other, 1) // somebody else at the same browser, whom this is not about
	_, got := d.exchange(exchange(d.code(asking(), 1)))
	answer, _ := d.get(d.issuer + "/session/end?" + url.Values{"id_token_hint": {got.ID}, "state": {"x"}, "post_logout_redirect_uri": {exit}}.Encode())
	if answer.Header.Get("Location") != exit+"?state=x" {
		t.Errorf("status %d, sent to %q", answer.StatusCode, answer.Header.Get("Location"))
	}
	if len(heard) != 1 || heard["other"]["sub"] != proconnect.Subject("other", "idp-2", "2") {
		t.Errorf("told: %v", heard)
	}
}
