package proconnect_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/andybalholm/cascadia"
	"go.uber.org/goleak"
	"golang.org/x/net/html"
	"golang.org/x/oauth2"

	"poterne/internal/fault"
	"poterne/internal/lab/town/proconnect"
	"poterne/internal/roster"
	"poterne/internal/signin"
	"poterne/internal/signin/signintest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	siret  = "90000000000017"
	back   = "http://localhost:8080/.poterne/callback"
	exit   = "http://localhost:8080/.poterne/left"
	secret = "the demonstration's secret"
)

var people = []proconnect.Person{
	{
		Subject: "1", GivenName: "Ninon", UsualName: "Farge", Email: "ninon.farge@mission.example", SIRET: siret, Idp: "idp-1",
		ACR: "eidas1-mfa", AMR: []string{"pwd", "otp", "mfa"},
		Role: roster.Adviser, Organisation: "Mission locale de Valbourg",
	},
	{
		Subject: "2", GivenName: "Odilon", UsualName: "Brac", Email: "odilon.brac@horizon.example", SIRET: "90000000000025", Idp: "idp-2",
		ACR: "eidas1-mfa", AMR: []string{"pwd", "mail"},
		Role: roster.Training, Organisation: "Organisme de formation Horizon",
	},
}

// desk is a provider on a real listener, with a clock moved by hand.
type desk struct {
	t      *testing.T
	issuer string
	now    time.Time
	client *http.Client
}

func newDesk(t *testing.T, algorithm string, redirects, exits []string, changes ...func(*proconnect.Settings)) *desk {
	d := &desk{t: t, now: time.Now()}
	// The issuer must be known before the provider is made, and the address before the issuer.
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	d.issuer = server.URL + "/api/v2"
	settings := proconnect.Settings{
		Issuer: d.issuer, Algorithm: algorithm, People: people, Now: func() time.Time { return d.now },
		Clients: []proconnect.Client{{ID: "poterne", Secret: secret, Name: "Poterne", Redirects: redirects, Exits: exits}},
	}
	for _, change := range changes {
		change(&settings)
	}
	provider, err := proconnect.New(settings)
	if err != nil {
		t.Fatal(err)
	}
	handler = provider.Handler()
	d.client = &http.Client{
		Transport:     &http.Transport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(d.client.CloseIdleConnections)
	return d
}

func (d *desk) do(r *http.Request) (*http.Response, string) {
	d.t.Helper()
	answer, err := d.client.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return answer, string(body)
}

func (d *desk) get(path string, header ...string) (*http.Response, string) {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, path, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return d.do(r)
}

func (d *desk) post(path string, form url.Values) (*http.Response, string) {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, path, strings.NewReader(form.Encode()))
	if err != nil {
		d.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return d.do(r)
}

var verifier = strings.Repeat("v", 43)

// asking is an authorization request that is in order.
func asking() url.Values {
	return url.Values{
		"response_type": {"code"}, "client_id": {"poterne"}, "redirect_uri": {back},
		"scope": {"openid given_name usual_name email siret idp_id"},
		"state": {strings.Repeat("s", 32)}, "nonce": {strings.Repeat("n", 32)},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
		"claims": {`{"id_token":{"amr":null}}`},
	}
}

// code signs somebody in and returns the code the browser carries back.
func (d *desk) code(asked url.Values, person int) string {
	d.t.Helper()
	answer, body := d.post(d.issuer+"/authorize?"+asked.Encode(), url.Values{"person": {strconv.Itoa(person)}})
	to, err := answer.Location()
	if err != nil {
		d.t.Fatalf("status %d: %s", answer.StatusCode, body)
	}
	q := to.Query()
	if !strings.HasPrefix(to.String(), back+"?") || q.Get("state") != asked.Get("state") || q.Get("iss") != d.issuer {
		d.t.Fatalf("sent to %s", to)
	}
	return q.Get("code")
}

func exchange(code string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {back},
		"client_id": {"poterne"}, "client_secret": {secret}, "code_verifier": {verifier},
	}
}

type tokens struct {
	Access string `json:"access_token"`
	ID     string `json:"id_token"`
	Error  string `json:"error"`
}

func (d *desk) exchange(form url.Values) (int, tokens) {
	d.t.Helper()
	answer, body := d.post(d.issuer+"/token", form)
	var got tokens
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		d.t.Fatalf("status %d: %s", answer.StatusCode, body)
	}
	return answer.StatusCode, got
}

func claimsOf(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("not a JWT: %q", token)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(raw, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// staff is who has an account, and the pages sign-in shows.
type staff struct {
	issuer string

	mu   sync.Mutex // guards what follows
	last string
}

func (s *staff) show(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = what
}

func (s *staff) shown() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

func (s *staff) ByIdentity(_ context.Context, identity roster.Identity) (roster.Account, roster.Organisation, error) {
	for i, p := range people[:1] {
		if identity == (roster.Identity{Issuer: s.issuer, Provider: p.Idp, Subject: proconnect.Subject("poterne", p.Idp, p.Subject)}) {
			return roster.Account{ID: roster.AccountID(strconv.Itoa(i)), Organisation: "o"}, roster.Organisation{ID: "o", SIRET: p.SIRET}, nil
		}
	}
	return roster.Account{}, roster.Organisation{}, &fault.Error{Kind: fault.Absent}
}

func (s *staff) Account(context.Context, roster.AccountID) (roster.Account, roster.Organisation, error) {
	return roster.Account{}, roster.Organisation{}, &fault.Error{Kind: fault.Absent}
}

func (*staff) Prove(http.ResponseWriter, *http.Request, string, bool) {}

func (s *staff) Passkey(http.ResponseWriter, *http.Request, signin.Asked) { s.show("a passkey") }

func (s *staff) Stranger(_ http.ResponseWriter, _ *http.Request, v signin.Visitor) {
	s.show("stranger " + v.GivenName + " " + v.UsualName + " " + v.Email + " " + v.SIRET)
}

func (s *staff) Invitation(http.ResponseWriter, *http.Request, string) { s.show("an invitation") }

func (s *staff) Welcomed(_ http.ResponseWriter, _ *http.Request, _ signin.Visitor, welcome signin.Welcome) {
	s.show("welcome " + string(welcome))
}

func (s *staff) Choose(http.ResponseWriter, *http.Request, signin.Choice) { s.show("a choice") }

func (s *staff) Failed(_ http.ResponseWriter, _ *http.Request, reason signin.Reason) {
	s.show("failed " + string(reason))
}

func (s *staff) Unconfirmed(_ http.ResponseWriter, _ *http.Request, reason signin.Reason, target string) {
	s.show("unconfirmed " + string(reason) + " " + target)
}
func (s *staff) SignedOut(http.ResponseWriter, *http.Request) { s.show("signed out") }

// The whole dance, over two real listeners, by a browser that knows only what it
// reads.
func TestENTRY_1_SigningInThroughTheProviderOpensASession(t *testing.T) {
	for _, algorithm := range []string{"RS256", "ES256"} {
		t.Run(algorithm, func(t *testing.T) {
			mux := http.NewServeMux()
			portal := httptest.NewTLSServer(mux) // browsers keep our cookies over https only
			t.Cleanup(portal.Close)
			d := newDesk(t, algorithm, []string{portal.URL + signin.CallbackPath}, []string{portal.URL + signin.LeftPath})
			s := &staff{issuer: d.issuer}
			door, err := signin.New(signin.Settings{
				Tried:  func(*http.Request, signin.Attempt) error { return nil },
				Issuer: d.issuer, ClientID: "poterne", ClientSecret: secret, Secret: []byte("thirty-two bytes that nodes share"), Origins: []string{portal.URL},
				Algorithms: []string{algorithm}, Client: d.client,
			}, signintest.NewSessions(), s, s)
			if err != nil {
				t.Fatal(err)
			}
			door.Mount(mux)
			mux.HandleFunc("GET /dossier", func(w http.ResponseWriter, r *http.Request) {
				who, err := door.Who(w, r)
				if err != nil {
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				_, _ = io.WriteString(w, "account "+string(who.Account)+" "+string(who.Factor))
			})
			browser := portal.Client()
			browser.Jar, _ = cookiejar.New(nil)
			d.client = browser

			page, body := d.get(portal.URL + signin.BeginPath + "?return=/dossier")
			form := parse(t, body)
			if n := len(all(form, "form[method=post] button[name=person]")); n != len(people) {
				t.Fatalf("%d people to choose from, want %d", n, len(people))
			}
			// A form without action posts to the page's own address.
			_, body = d.post(page.Request.URL.String(), url.Values{"person": {"0"}})
			if body != "account 0 strong" {
				t.Fatalf("after signing in: %q, shown %q", body, s.shown())
			}
			d.post(portal.URL+signin.LeavePath, nil)
			if s.shown() != "signed out" {
				t.Errorf("after leaving: shown %q", s.shown())
			}
			if answer, _ := d.get(portal.URL + "/dossier"); answer.StatusCode != http.StatusUnauthorized {
				t.Errorf("after leaving: status %d", answer.StatusCode)
			}

			page, _ = d.get(portal.URL + signin.BeginPath)
			d.post(page.Request.URL.String(), url.Values{"person": {"1"}})
			if want := "stranger Odilon Brac odilon.brac@horizon.example 90000000000025"; s.shown() != want {
				t.Errorf("a stranger: shown %q, want %q", s.shown(), want)
			}
			page, _ = d.get(portal.URL + signin.BeginPath)
			d.post(page.Request.URL.String(), url.Values{"decline": {"yes"}})
			if s.shown() != "failed declined" {
				t.Errorf("declining: shown %q", s.shown())
			}
		})
	}
}

func TestAuthorizeRefusesWhatProConnectRefuses(t *testing.T) {
	d := newDesk(t, "ES256", []string{back}, nil)
	for name, test := range map[string]struct {
		change url.Values
		want   string // in the page's detail; empty: accepted
	}{
		"in order":                   {nil, ""},
		"in English":                 {url.Values{"ui_locales": {"en"}}, ""},
		"anew":                       {url.Values{"prompt": {"login"}, "max_age": {"0"}}, ""},
		"silently":                   {url.Values{"prompt": {"none"}}, "prompt"},
		"an age that is no number":   {url.Values{"max_age": {"soon"}}, "max_age"},
		"a parameter nobody knows":   {url.Values{"display": {"page"}}, "display"},
		"a parameter twice":          {url.Values{"scope": {"openid", "email"}}, "twice"},
		"another client":             {url.Values{"client_id": {"else"}}, "client_id"},
		"another address":            {url.Values{"redirect_uri": {"https://else.example/"}}, "redirect_uri"},
		"a longer address":           {url.Values{"redirect_uri": {back + "/more"}}, "redirect_uri"},
		"an implicit flow":           {url.Values{"response_type": {"id_token"}}, "response_type"},
		"not OpenID":                 {url.Values{"scope": {"email"}}, "openid"},
		"a scope nobody knows":       {url.Values{"scope": {"openid nir"}}, "scope"},
		"a short state":              {url.Values{"state": {strings.Repeat("s", 31)}}, "state"},
		"a short nonce":              {url.Values{"nonce": {strings.Repeat("n", 31)}}, "nonce"},
		"no PKCE":                    {url.Values{"code_challenge": nil, "code_challenge_method": nil}, "PKCE"},
		"PKCE in the clear":          {url.Values{"code_challenge_method": {"plain"}}, "PKCE"},
		"claims that cannot be read": {url.Values{"claims": {"amr"}}, "claims"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := asking()
			maps.Copy(asked, test.change)
			answer, body := d.get(d.issuer + "/authorize?" + asked.Encode())
			posted, _ := d.post(d.issuer+"/authorize?"+asked.Encode(), url.Values{"person": {"0"}})
			if test.want == "" {
				if answer.StatusCode != http.StatusOK || posted.StatusCode != http.StatusSeeOther {
					t.Errorf("status %d, then %d", answer.StatusCode, posted.StatusCode)
				}
				return
			}
			detail := all(parse(t, body), ".detail")
			if answer.StatusCode != http.StatusBadRequest || len(detail) != 1 || !strings.Contains(text(detail[0]), test.want) {
				t.Errorf("status %d, page %s", answer.StatusCode, body)
			}
			if posted.StatusCode != http.StatusBadRequest || posted.Header.Get("Location") != "" {
				t.Errorf("the form was accepted: status %d to %s", posted.StatusCode, posted.Header.Get("Location"))
			}
		})
	}
}

func TestNobodyIsSignedInWithoutAButtonOfThePage(t *testing.T) {
	d := newDesk(t, "ES256", []string{back}, nil)
	for _, person := range []string{"", "-1", "2", "x"} {
		answer, _ := d.post(d.issuer+"/authorize?"+asking().Encode(), url.Values{"person": {person}})
		if answer.StatusCode != http.StatusBadRequest {
			t.Errorf("person %q: status %d", person, answer.StatusCode)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.issuer+"/authorize?"+asking().Encode(), strings.NewReader("person=0"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if answer, _ := d.do(r); answer.StatusCode != http.StatusForbidden {
		t.Errorf("another site's form: status %d", answer.StatusCode)
	}
}

func TestACodeServesOnceItsClientInTime(t *testing.T) {
	for name, test := range map[string]struct {
		change url.Values
		wait   time.Duration
		want   string
	}{
		"in order":            {nil, time.Minute - time.Microsecond, ""},
		"too late":            {nil, time.Minute, "invalid_grant"},
		"another code":        {url.Values{"code": {"guessed"}}, 0, "invalid_grant"},
		"another address":     {url.Values{"redirect_uri": {exit}}, 0, "invalid_grant"},
		"another verifier":    {url.Values{"code_verifier": {strings.Repeat("w", 43)}}, 0, "invalid_grant"},
		"no verifier":         {url.Values{"code_verifier": nil}, 0, "invalid_grant"},
		"another secret":      {url.Values{"client_secret": {"guessed"}}, 0, "invalid_client"},
		"no secret":           {url.Values{"client_secret": nil}, 0, "invalid_client"},
		"another client":      {url.Values{"client_id": {"else"}}, 0, "invalid_client"},
		"another grant":       {url.Values{"grant_type": {"password"}}, 0, "unsupported_grant_type"},
		"an unpublished type": {url.Values{"grant_type": {"client_credentials"}}, 0, "unsupported_grant_type"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, "ES256", []string{back}, nil)
			form := exchange(d.code(asking(), 0))
			maps.Copy(form, test.change)
			d.now = d.now.Add(test.wait)
			status, got := d.exchange(form)
			if got.Error != test.want || (got.ID == "") != (test.want != "") || (status == http.StatusOK) != (test.want == "") {
				t.Errorf("status %d, %+v, want %q", status, got, test.want)
			}
		})
	}
	t.Run("twice takes back what the first gave", func(t *testing.T) {
		d := newDesk(t, "ES256", []string{back}, nil)
		form := exchange(d.code(asking(), 0))
		_, got := d.exchange(form)
		if _, again := d.exchange(form); again.Error != "invalid_grant" {
			t.Errorf("a code served twice: %+v", again)
		}
		if answer, _ := d.get(d.issuer+"/userinfo", "Authorization", "Bearer "+got.Access); answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("the first token still serves: status %d", answer.StatusCode)
		}
	})
}

func TestTokensSayWhatWasAskedAndNoMore(t *testing.T) {
	d := newDesk(t, "ES256", []string{back}, []string{exit})
	_, full := d.exchange(exchange(d.code(asking(), 1)))
	claims := claimsOf(t, full.ID)
	for name, want := range map[string]any{
		"iss": d.issuer, "aud": "poterne", "nonce": strings.Repeat("n", 32), "acr": "eidas1-mfa",
		"sub": proconnect.Subject("poterne", "idp-2", "2"), "auth_time": float64(d.now.Unix()),
	} {
		if claims[name] != want {
			t.Errorf("%s = %v, want %v", name, claims[name], want)
		}
	}
	if amr, _ := claims["amr"].([]any); len(amr) != 2 || amr[1] != "mail" || claims["sid"] == nil || claims["email"] != nil {
		t.Errorf("the ID token says %v", claims)
	}

	asked := asking()
	asked.Set("scope", "openid siret")
	asked.Del("claims")
	_, little := d.exchange(exchange(d.code(asked, 1)))
	if _, said := claimsOf(t, little.ID)["amr"]; said {
		t.Error("amr is said though nobody asked")
	}
	answer, body := d.get(d.issuer+"/userinfo", "Authorization", "Bearer "+little.Access)
	info := claimsOf(t, body)
	if answer.Header.Get("Content-Type") != "application/jwt" || info["siret"] != "90000000000025" || info["email"] != nil || info["idp_id"] != nil {
		t.Errorf("userinfo as %s says %v", answer.Header.Get("Content-Type"), info)
	}

	d.now = d.now.Add(time.Hour)
	if answer, _ := d.get(d.issuer+"/userinfo", "Authorization", "Bearer "+little.Access); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("an access token serves for more than an hour: status %d", answer.StatusCode)
	}
	if proconnect.Subject("kairos", "idp-2", "2") == proconnect.Subject("poterne", "idp-2", "2") {
		t.Error("two clients hear the same sub")
	}
}

func TestSigningOutLeadsBackToARegisteredAddressOnly(t *testing.T) {
	d := newDesk(t, "ES256", []string{back}, []string{exit})
	_, got := d.exchange(exchange(d.code(asking(), 0)))
	leave := func(hint, to string) *http.Response {
		answer, _ := d.get(d.issuer + "/session/end?" + url.Values{
			"id_token_hint": {hint}, "state": {"x"}, "post_logout_redirect_uri": {to},
		}.Encode())
		return answer
	}
	if answer := leave(got.ID, "https://else.example/"); answer.StatusCode != http.StatusBadRequest {
		t.Errorf("another address: status %d", answer.StatusCode)
	}
	if answer := leave(got.ID[:len(got.ID)-9]+"AAAAAAAAA", exit); answer.StatusCode != http.StatusBadRequest {
		t.Errorf("a token that somebody made: status %d", answer.StatusCode)
	}
	d.now = d.now.Add(50 * time.Minute) // the hint has expired, as it will have by then
	if answer := leave(got.ID, exit); answer.Header.Get("Location") != exit+"?state=x" {
		t.Errorf("sent to %q", answer.Header.Get("Location"))
	}
	if answer, _ := d.get(d.issuer+"/userinfo", "Authorization", "Bearer "+got.Access); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("the access token outlives the session: status %d", answer.StatusCode)
	}
}

func TestThePageSpeaksTheLanguageAskedFor(t *testing.T) {
	d := newDesk(t, "ES256", []string{back}, nil)
	for name, test := range map[string]struct{ locales, accept, lang, button, factor string }{
		"nothing asked":             {"", "", "fr", "Entrer comme Ninon Farge", "un mot de passe et le code d’une application"},
		"a language nobody has":     {"", "de", "fr", "Entrer comme Ninon Farge", "un mot de passe et le code d’une application"},
		"the browser's English":     {"", "en-GB,en;q=0.9,fr;q=0.5", "en", "Enter as Ninon Farge", "a password and an application’s code"},
		"English asked for":         {"en", "fr", "en", "Enter as Ninon Farge", "a password and an application’s code"},
		"French before the browser": {"fr", "en", "fr", "Entrer comme Ninon Farge", "un mot de passe et le code d’une application"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := asking()
			if test.locales != "" {
				asked.Set("ui_locales", test.locales)
			}
			answer, body := d.get(d.issuer+"/authorize?"+asked.Encode(), "Accept-Language", test.accept)
			page := parse(t, body)
			if got := attr(all(page, "html")[0], "lang"); got != test.lang {
				t.Errorf("lang = %q, want %q", got, test.lang)
			}
			if got := text(all(page, "button")[0]); got != test.button {
				t.Errorf("button %q, want %q", got, test.button)
			}
			if got := text(all(page, ".factor")[0]); !strings.HasSuffix(got, test.factor) {
				t.Errorf("factor %q, want %q", got, test.factor)
			}
			policy := answer.Header.Get("Content-Security-Policy")
			if !strings.HasPrefix(policy, "default-src 'none';") || !strings.HasSuffix(policy, "form-action 'self' http://localhost:8080") || strings.Contains(policy, "unsafe") {
				t.Errorf("policy %q", policy)
			}
			if n := len(all(page, "script, style, [style], [onclick]")); n != 0 {
				t.Errorf("%d inline scripts or styles", n)
			}
			if len(all(page, "h1")) != 1 || len(all(page, "main")) != 1 || text(all(page, ".imitation")[0]) == "" || len(all(page, "title")) != 1 {
				t.Error("the page lacks its heading, its main part, its title or its warning")
			}
			sheet, _ := d.get(strings.TrimSuffix(d.issuer, "/api/v2") + attr(all(page, "link[rel=stylesheet]")[0], "href"))
			if sheet.StatusCode != http.StatusOK || !strings.HasPrefix(sheet.Header.Get("Content-Type"), "text/css") {
				t.Errorf("the style sheet: status %d, %s", sheet.StatusCode, sheet.Header.Get("Content-Type"))
			}
			for _, link := range all(page, "nav a") {
				other, _ := d.get(strings.TrimSuffix(d.issuer, "/api/v2") + attr(link, "href"))
				if other.StatusCode != http.StatusOK {
					t.Errorf("the page in %s: status %d", attr(link, "lang"), other.StatusCode)
				}
			}
		})
	}
}

func TestAProviderThatCannotWorkIsNotMade(t *testing.T) {
	client := proconnect.Client{ID: "poterne", Secret: secret, Redirects: []string{back}}
	for name, s := range map[string]proconnect.Settings{
		"no issuer":               {},
		"a final slash":           {Issuer: "http://127.0.0.1:8081/"},
		"an algorithm by secret":  {Issuer: "http://127.0.0.1:8081", Algorithm: "HS256"},
		"a client with no secret": {Issuer: "http://127.0.0.1:8081", Clients: []proconnect.Client{{ID: client.ID, Redirects: client.Redirects}}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := proconnect.New(s); err == nil {
				t.Error("it was made")
			}
		})
	}
}

func parse(t *testing.T, body string) *html.Node {
	t.Helper()
	page, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func all(n *html.Node, selector string) []*html.Node {
	return cascadia.QueryAll(n, cascadia.MustCompile(selector))
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func text(n *html.Node) string {
	var said strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			said.WriteString(d.Data)
		}
	}
	return strings.TrimSpace(said.String())
}

func TestWhoeverIsToSignInAnewIsAskedAgain(t *testing.T) {
	d := newDesk(t, "ES256", []string{back}, nil)
	asked := asking()
	_, first := d.get(d.issuer + "/authorize?" + asked.Encode())
	asked.Set("prompt", "login")
	asked.Set("max_age", "0")
	_, again := d.get(d.issuer + "/authorize?" + asked.Encode())
	titles := []string{text(all(parse(t, first), "h1")[0]), text(all(parse(t, again), "h1")[0])}
	if titles[0] == titles[1] || !strings.HasPrefix(titles[1], "Est-ce toujours vous") {
		t.Errorf("the pages are called %q", titles)
	}
	d.now = d.now.Add(time.Hour)
	_, got := d.exchange(exchange(d.code(asked, 0)))
	if at := claimsOf(t, got.ID)["auth_time"]; at != float64(d.now.Unix()) {
		t.Errorf("auth_time is %v, it is %d", at, d.now.Unix())
	}
}
