package signin_test

import (
	"context"
	"crypto/elliptic"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"poterne/internal/fault"
	"poterne/internal/roster"
	"poterne/internal/signin"
	"poterne/internal/signin/signintest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const origin = "https://poterne.example"

// house is a door with everything around it: a clock that is moved by hand, a
// provider, sessions, one account, and pages that remember what they showed.
type house struct {
	t        *testing.T
	door     *signin.Door
	forger   *forger
	sessions *signintest.Sessions

	mu     sync.Mutex // guards what follows
	now    time.Time
	shown  []string
	told   []signin.Ended
	stepUp []signin.Session
	touch  []*signin.Touch
	tried  []signin.Attempt
	asked  *signin.Asked // of a passkey, the last time
	lost   error         // what looking for an account fails with
	full   error         // what writing anything down fails with
}

func newHouse(t *testing.T) *house {
	h := &house{t: t, sessions: signintest.NewSessions(), now: time.Date(2026, 3, 3, 9, 0, 0, 0, time.UTC)}
	h.forger = newForger(t, h.clock)
	h.build(h.settings())
	return h
}

func (h *house) settings() signin.Settings {
	client := &http.Client{Transport: &http.Transport{}}
	h.t.Cleanup(client.CloseIdleConnections)
	return signin.Settings{
		Issuer: h.forger.server.URL, ClientID: clientID, ClientSecret: clientSecret, Secret: []byte("thirty-two bytes that nodes share"),
		Origins: []string{origin, "https://kairos.example"},
		Client:  client, Now: h.clock, AdmitWeak: true,
		Told: func(_ context.Context, ended signin.Ended) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.told = append(h.told, ended)
		},
		Tried: func(_ *http.Request, attempt signin.Attempt) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			if h.full != nil {
				return h.full
			}
			h.tried = append(h.tried, attempt)
			return nil
		},
		SteppedUp: func(_ *http.Request, session signin.Session, touch *signin.Touch) error {
			if h.full != nil {
				return h.full
			}
			h.stepUp, h.touch = append(h.stepUp, session), append(h.touch, touch)
			return nil
		},
		Device: func(secret string) string { return "the browser of " + secret },
	}
}

func (h *house) build(s signin.Settings) {
	h.t.Helper()
	door, err := signin.New(s, h.sessions, h, h)
	if err != nil {
		h.t.Fatal(err)
	}
	h.door = door
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *house) ByIdentity(_ context.Context, identity roster.Identity) (roster.Account, roster.Organisation, error) {
	if h.lost != nil {
		return roster.Account{}, roster.Organisation{}, h.lost
	}
	known := map[roster.Identity]roster.AccountID{
		{Issuer: h.forger.server.URL, Provider: "idp-1", Subject: "subject-1"}: "ninon",
		{Issuer: h.forger.server.URL, Provider: "idp-1", Subject: "subject-2"}: "odilon", // a colleague
	}
	id, ok := known[identity]
	if !ok {
		return roster.Account{}, roster.Organisation{}, &fault.Error{Kind: fault.Absent}
	}
	return roster.Account{ID: id, Organisation: "mission", Role: roster.Adviser, Identity: identity},
		roster.Organisation{ID: "mission", SIRET: siret, Name: "Mission locale"}, nil
}

func (h *house) Account(_ context.Context, id roster.AccountID) (roster.Account, roster.Organisation, error) {
	for subject, account := range map[string]roster.AccountID{"subject-1": "ninon", "subject-2": "odilon"} {
		if id == account {
			return h.ByIdentity(context.Background(), roster.Identity{Issuer: h.forger.server.URL, Provider: "idp-1", Subject: subject})
		}
	}
	return roster.Account{}, roster.Organisation{}, &fault.Error{Kind: fault.Absent}
}

func (h *house) Passkey(w http.ResponseWriter, _ *http.Request, asked signin.Asked) {
	h.asked = &asked
	_, _ = fmt.Fprintf(w, "passkey %s", asked.For)
}

func (h *house) Invitation(w http.ResponseWriter, _ *http.Request, token string) {
	_, _ = fmt.Fprintf(w, "invitation %s", token)
}

func (h *house) Welcomed(w http.ResponseWriter, _ *http.Request, _ signin.Visitor, welcome signin.Welcome) {
	_, _ = fmt.Fprintf(w, "welcome %s", welcome)
}

func (h *house) Stranger(w http.ResponseWriter, _ *http.Request, v signin.Visitor) {
	h.shown = append(h.shown, "stranger: "+string(v.Bar)+" "+v.UsualName+" "+v.SIRET)
	w.WriteHeader(http.StatusForbidden)
}

func (h *house) Choose(w http.ResponseWriter, _ *http.Request, among signin.Choice) {
	h.shown = append(h.shown, "choose "+strings.Join(among.Names, " or "))
	_, _ = fmt.Fprint(w, among)
}

func (h *house) Failed(w http.ResponseWriter, _ *http.Request, reason signin.Reason) {
	h.shown = append(h.shown, "failed: "+string(reason))
	w.WriteHeader(http.StatusBadRequest)
}

func (h *house) Unconfirmed(w http.ResponseWriter, _ *http.Request, reason signin.Reason, target string) {
	h.shown = append(h.shown, "unconfirmed: "+string(reason)+", on the way to "+target)
	w.WriteHeader(http.StatusForbidden)
}

func (h *house) Prove(_ http.ResponseWriter, _ *http.Request, target string, bound bool) {
	h.shown = append(h.shown, fmt.Sprintf("prove: %t, on the way to %s", bound, target))
}

func (h *house) SignedOut(http.ResponseWriter, *http.Request) {
	h.shown = append(h.shown, "signed out")
}

// browser keeps cookies as a browser does.
type browser struct {
	h      *house
	jar    map[string]string
	header http.Header
	origin string
}

func (h *house) browser() *browser {
	return &browser{h: h, jar: map[string]string{}, origin: origin, header: http.Header{
		"User-Agent": {"Mozilla/5.0 (a browser)"}, "Accept-Language": {"fr"},
		"Sec-Ch-Ua-Platform": {`"Linux"`}, "Sec-Fetch-Mode": {"navigate"},
	}}
}

// copied is another browser that has stolen b's cookies and all its headers.
func (b *browser) copied() *browser {
	return &browser{h: b.h, jar: maps.Clone(b.jar), header: b.header.Clone(), origin: b.origin}
}

func (b *browser) request(method, path string) *http.Request {
	r := httptest.NewRequest(method, b.origin+path, nil)
	r.Header = b.header.Clone()
	for name, value := range b.jar {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	return r
}

// receive puts an answer's cookies into the jar.
func (b *browser) receive(w *httptest.ResponseRecorder) *http.Response {
	answer := w.Result()
	for _, c := range answer.Cookies() {
		if c.MaxAge < 0 {
			delete(b.jar, c.Name)
		} else {
			b.jar[c.Name] = c.Value
		}
	}
	return answer
}

func (b *browser) does(method, path string) *http.Response {
	mux, w := http.NewServeMux(), httptest.NewRecorder()
	b.h.door.Mount(mux)
	mux.ServeHTTP(w, b.request(method, path))
	return b.receive(w)
}

// begin goes to the provider, which agrees, and returns the way back.
func (b *browser) begin(path string) string {
	b.h.t.Helper()
	answer := b.does("GET", signin.BeginPath+"?return="+url.QueryEscape(path))
	if answer.StatusCode != http.StatusSeeOther {
		b.h.t.Fatalf("beginning: status %d, shown %v", answer.StatusCode, b.h.shown)
	}
	return signin.CallbackPath + "?" + b.h.forger.authorize(answer.Header.Get("Location")).Encode()
}

// signIn signs in, and fails the test if that does not work.
func (b *browser) signIn() *browser {
	b.h.t.Helper()
	if answer := b.does("GET", b.begin("/")); answer.StatusCode != http.StatusSeeOther {
		b.h.t.Fatalf("signing in: status %d, shown %v", answer.StatusCode, b.h.shown)
	}
	return b
}

// sends shows the session's cookie in a request whose answer is still to come.
func (b *browser) sends() (w *httptest.ResponseRecorder, who signin.Session, err error) {
	w = httptest.NewRecorder()
	who, err = b.h.door.Who(w, b.request("GET", "/"))
	return w, who, err
}

// asks is a request and its answer.
func (b *browser) asks() (signin.Session, error) {
	w, who, err := b.sends()
	b.receive(w)
	return who, err
}

func (b *browser) isSignedIn() signin.Session {
	b.h.t.Helper()
	who, err := b.asks()
	if err != nil {
		b.h.t.Fatalf("not signed in: %v", err)
	}
	return who
}

func (b *browser) isOut(why signin.Why) {
	b.h.t.Helper()
	_, err := b.asks()
	if !fault.Is(err, fault.Anonymous) {
		b.h.t.Fatalf("error = %v, want anonymous", err)
	}
	ended, ok := errors.AsType[*signin.Ended](err)
	if !ok && why != "" || ok && ended.Why != why {
		b.h.t.Fatalf("error = %v, want a session that ended: %q", err, why)
	}
}

// check is the promise behind every sign-in that must fail: the person is told,
// and no session exists.
func (h *house) check(want string) {
	h.t.Helper()
	if !slices.Equal(h.shown, []string{want}) {
		h.t.Errorf("shown %v, want %q", h.shown, want)
	}
	if rows := h.sessions.Rows(); len(rows) != 0 {
		h.t.Errorf("%d sessions were opened", len(rows))
	}
}

func TestENTRY_1_ASessionOpensOnAVerifiedTokenOnly(t *testing.T) {
	another := ecdsaKey(t, elliptic.P256())
	for name, test := range map[string]struct {
		forge func(f *forger)
		want  string
	}{
		"signed as declared, for us, now": {func(*forger) {}, ""},
		"two audiences, issued to us":     {func(f *forger) { f.token = set(claims{"aud": []string{clientID, "b"}, "azp": clientID}) }, ""},

		"unsigned":                                 {func(f *forger) { f.idSign = signing{alg: "none"} }, "unverified"},
		"signed with the shared secret":            {func(f *forger) { f.idSign = signing{"HS256", []byte(clientSecret)} }, "unverified"},
		"signed with the published key as secret":  {func(f *forger) { f.idSign = signing{"HS256", publicBytes(f)} }, "unverified"},
		"signed by somebody else":                  {func(f *forger) { f.idSign.key = another }, "unverified"},
		"signed by an algorithm not declared":      {func(f *forger) { f.idSign = signing{"ES384", f.keys["ES384"]} }, "unverified"},
		"of another issuer":                        {func(f *forger) { f.token = set(claims{"iss": "https://else.example"}) }, "unverified"},
		"for another audience":                     {func(f *forger) { f.token = set(claims{"aud": "kairos"}) }, "unverified"},
		"two audiences, issued to nobody in sight": {func(f *forger) { f.token = set(claims{"aud": []string{clientID, "b"}}) }, "unverified"},
		"issued to another party":                  {func(f *forger) { f.token = set(claims{"azp": "b"}) }, "unverified"},
		"expired":                                  {func(f *forger) { f.token = set(claims{"exp": f.now().Add(-time.Second).Unix()}) }, "unverified"},
		"without expiry":                           {func(f *forger) { f.token = set(claims{"exp": nil}) }, "unverified"},
		"with another nonce":                       {func(f *forger) { f.token = set(claims{"nonce": strings.Repeat("n", 52)}) }, "unverified"},
		"without a nonce":                          {func(f *forger) { f.token = set(claims{"nonce": nil}) }, "unverified"},
		"without a subject":                        {func(f *forger) { f.sub = "" }, "unverified"},
		"for another access token":                 {func(f *forger) { f.token = set(claims{"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}) }, "unverified"},
		"userinfo about somebody else":             {func(f *forger) { f.info = set(claims{"sub": "subject-2"}) }, "unverified"},
		"userinfo unsigned":                        {func(f *forger) { f.kind = "application/json" }, "unverified"},
		"userinfo signed with the shared secret":   {func(f *forger) { f.uiSign = signing{"HS256", []byte(clientSecret)} }, "unverified"},
		"userinfo signed by somebody else":         {func(f *forger) { f.uiSign.key = another }, "unverified"},
		"userinfo by an algorithm not declared":    {func(f *forger) { f.uiSign = signing{"ES384", f.keys["ES384"]} }, "unverified"},
		"userinfo for another client":              {func(f *forger) { f.info = set(claims{"aud": "kairos"}) }, "unverified"},
		"answered by another issuer":               {func(f *forger) { f.answer = func(v url.Values) { v.Set("iss", "https://else.example") } }, "unverified"},
		"answered without the issuer it promised":  {func(f *forger) { f.answer = func(v url.Values) { v.Del("iss") } }, "unverified"},
		"with another code":                        {func(f *forger) { f.answer = func(v url.Values) { v.Set("code", "stolen") } }, "unverified"},
		"code bound to another PKCE verifier":      {func(f *forger) { f.answer = func(url.Values) { f.asked.Set("code_challenge", "of another") } }, "unverified"},
		"an error that is the provider's own":      {func(f *forger) { f.answer = func(v url.Values) { v.Set("error", "invalid_scope") } }, "unverified"},
		"the person declined":                      {func(f *forger) { f.answer = func(v url.Values) { v.Set("error", "access_denied") } }, "declined"},
		"the provider fell over":                   {func(f *forger) { f.answer = func(url.Values) { f.down = true } }, "unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			test.forge(h.forger)
			b := h.browser()
			b.does("GET", b.begin("/"))
			if test.want == "" {
				b.isSignedIn()
				return
			}
			h.check("failed: " + test.want)
			b.isOut("")
		})
	}
}

func TestENTRY_1_TheRequestCarriesPKCEAndLongStateAndNonce(t *testing.T) {
	h := newHouse(t)
	h.browser().begin("/")
	asked := h.forger.asked
	if asked.Get("code_challenge_method") != "S256" || len(asked.Get("code_challenge")) != 43 {
		t.Errorf("PKCE: %q by %q", asked.Get("code_challenge"), asked.Get("code_challenge_method"))
	}
	for _, name := range []string{"state", "nonce"} {
		if len(asked.Get(name)) < 32 {
			t.Errorf("%s has %d characters, ProConnect wants 32", name, len(asked.Get(name)))
		}
	}
	first := asked
	h.browser().begin("/")
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if first.Get(name) == h.forger.asked.Get(name) {
			t.Errorf("%s was used twice", name)
		}
	}
}

func TestENTRY_1_AStateServesOnceInItsBrowserWhileItLasts(t *testing.T) {
	t.Run("replayed", func(t *testing.T) {
		h := newHouse(t)
		b := h.browser()
		back := b.begin("/")
		b.does("GET", back)
		delete(b.jar, signin.SessionCookie)
		b.does("GET", back)
		b.isOut("")
		if !slices.Equal(h.shown, []string{"failed: stale"}) || len(h.sessions.Rows()) != 1 {
			t.Errorf("shown %v with %d sessions", h.shown, len(h.sessions.Rows()))
		}
	})
	for name, back := range map[string]func(h *house, b *browser) (*browser, string){
		"in a browser that began nothing": func(h *house, b *browser) (*browser, string) { return h.browser(), b.begin("/") },
		"in a browser that began another": func(h *house, b *browser) (*browser, string) {
			other := h.browser()
			other.begin("/")
			return other, b.begin("/")
		},
		"at another origin": func(_ *house, b *browser) (*browser, string) {
			back := b.begin("/")
			b.origin = "https://kairos.example"
			return b, back
		},
		"too late": func(h *house, b *browser) (*browser, string) {
			back := b.begin("/")
			h.pass(10 * time.Minute)
			return b, back
		},
		"never begun": func(_ *house, b *browser) (*browser, string) {
			b.begin("/")
			return b, signin.CallbackPath + "?code=the+code&state=" + strings.Repeat("s", 52)
		},
		"without a state": func(_ *house, b *browser) (*browser, string) {
			b.begin("/")
			return b, signin.CallbackPath + "?code=the+code"
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			b, path := back(h, h.browser())
			b.does("GET", path)
			h.check("failed: stale")
		})
	}
	t.Run("two tabs of one browser", func(t *testing.T) {
		h := newHouse(t)
		b := h.browser()
		one := b.begin("/one")
		two := b.begin("/two")
		if got := b.does("GET", two).Header.Get("Location"); got != "/two" {
			t.Errorf("the second tab went to %q", got)
		}
		if got := b.does("GET", one).Header.Get("Location"); got != "/one" {
			t.Errorf("the first tab went to %q", got)
		}
		b.isSignedIn()
		if len(h.told) != 1 || h.told[0].Why != signin.Replaced {
			t.Errorf("told %v: the first session must make room for the second", h.told)
		}
	})
}

func TestENTRY_1_SignInReturnsToALocalPathOnly(t *testing.T) {
	for name, test := range map[string]struct{ asked, want string }{
		"a path":                       {"/dossier/7", "/dossier/7"},
		"a path with a query":          {"/kairos?vue=notes&page=2", "/kairos?vue=notes&page=2"},
		"an encoded path":              {"/liste/%C3%A9t%C3%A9", "/liste/%C3%A9t%C3%A9"},
		"two slashes further on":       {"/a//b", "/a//b"},
		"nothing":                      {"", "/"},
		"an absolute address":          {"https://else.example/", "/"},
		"another host, no scheme":      {"//else.example", "/"},
		"three slashes":                {"///else.example", "/"},
		"a backslash for a slash":      {`/\else.example`, "/"},
		"a backslash further on":       {`/a\b`, "/"},
		"a tab browsers drop":          {"/\t/else.example", "/"},
		"a line break":                 {"/a\r\nSet-Cookie: a=b", "/"},
		"a relative path":              {"dossier/7", "/"},
		"a script":                     {"javascript:alert(1)", "/"},
		"a space first":                {" //else.example", "/"},
		"the door itself":              {"/.poterne/begin", "/"},
		"the door itself, encoded":     {"/%2Epoterne/callback", "/"},
		"a path that is much too long": {"/" + strings.Repeat("a", 4000), "/"},
		"a broken escape":              {"/%zz", "/"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			b := h.browser()
			if got := b.does("GET", b.begin(test.asked)).Header.Get("Location"); got != test.want {
				t.Errorf("went to %q, want %q", got, test.want)
			}
		})
	}
}

func TestENTRY_1_AProtectiveSettingThatIsWrongStopsTheDoor(t *testing.T) {
	h := newHouse(t)
	for name, test := range map[string]struct {
		spoil func(*signin.Settings)
		want  string
	}{
		"no signature":              {func(s *signin.Settings) { s.Algorithms = []string{"ES256", "none"} }, `"none"`},
		"a shared secret":           {func(s *signin.Settings) { s.Algorithms = []string{"HS256"} }, `"HS256"`},
		"an issuer in the clear":    {func(s *signin.Settings) { s.Issuer = "http://idp.example" }, "issuer"},
		"an origin in the clear":    {func(s *signin.Settings) { s.Origins = []string{"http://poterne.example"} }, "origin"},
		"an origin with a path":     {func(s *signin.Settings) { s.Origins = []string{"https://poterne.example/"} }, "origin"},
		"no origin":                 {func(s *signin.Settings) { s.Origins = nil }, "origin"},
		"no client secret":          {func(s *signin.Settings) { s.ClientSecret = "" }, "secret"},
		"no secret to seal with":    {func(s *signin.Settings) { s.Secret = s.Secret[:31] }, "nodes share"},
		"never idle":                {func(s *signin.Settings) { s.Idle = 11 * time.Hour }, "idle"},
		"idle before it is noticed": {func(s *signin.Settings) { s.Idle = time.Second }, "idle"},
		"never old":                 {func(s *signin.Settings) { s.Life = -time.Hour }, "negative"},
		"grace without end":         {func(s *signin.Settings) { s.Grace = time.Hour }, "grace"},
	} {
		t.Run(name, func(t *testing.T) {
			s := h.settings()
			test.spoil(&s)
			if _, err := signin.New(s, h.sessions, h, h); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error = %v, want one about %s", err, test.want)
			}
		})
	}
	_, err := signin.New(signin.Settings{}, h.sessions, h, h)
	if wrong, ok := errors.AsType[fault.Complaints](err); !ok || len(wrong) < 3 {
		t.Errorf("error = %v: all complaints come at once", err)
	}
}

func TestENTRY_1_AProviderThatPublishesOpenAddressesIsNotUsed(t *testing.T) {
	h := newHouse(t)
	h.forger.meta = set(claims{"token_endpoint": "http://idp.example/token"})
	h.browser().does("GET", signin.BeginPath)
	h.check("failed: unreachable")
}

func TestTheDoorWaitsForAProviderThatIsAway(t *testing.T) {
	h := newHouse(t)
	h.forger.down = true
	for range 3 {
		h.browser().does("GET", signin.BeginPath)
	}
	if h.forger.served != 1 {
		t.Errorf("a provider that is away was asked %d times at once", h.forger.served)
	}
	h.forger.down = false
	h.pass(2 * time.Second)
	h.browser().signIn().isSignedIn()
}

func TestTheClientSecretDoesNotFollowARedirection(t *testing.T) {
	h := newHouse(t)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("somebody else received %d bytes", r.ContentLength)
	}))
	t.Cleanup(elsewhere.Close)
	h.forger.moved = elsewhere.URL
	b := h.browser()
	b.does("GET", b.begin("/"))
	h.check("failed: unverified")
}

func TestARequestToAnOriginNotDeclaredDoesNotBegin(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	b.origin = "https://else.example"
	b.does("GET", signin.BeginPath)
	h.check("failed: unverified")
}

func TestAValidStrangerIsToldWhyAndGetsNoSession(t *testing.T) {
	for name, test := range map[string]struct {
		forge func(h *house)
		want  string
	}{
		"nobody opened an account": {
			func(h *house) { h.forger.sub = "subject-9" },
			"stranger: no-account Farge " + siret,
		},
		"the same subject from another provider": {
			func(h *house) { h.forger.info = set(claims{"idp_id": "idp-2"}) },
			"stranger: no-account Farge " + siret,
		},
		"the account's organisation has another SIRET": {
			func(h *house) { h.forger.info = set(claims{"siret": "90000000000025"}) },
			"stranger: other-organisation Farge 90000000000025",
		},
		"no SIRET at all": {
			func(h *house) { h.forger.info = set(claims{"siret": nil}) },
			"stranger: other-organisation Farge ",
		},
		"accounts cannot be looked up": {
			func(h *house) { h.lost = errors.New("no database") },
			"failed: unreachable",
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			test.forge(h)
			b := h.browser()
			b.does("GET", b.begin("/"))
			h.check(test.want)
			b.isOut("")
		})
	}
}

// Promise: ENTRY-12 (granted and refused alike)
func TestENTRY_12_EverySignInIsWrittenDownBeforeItCounts(t *testing.T) {
	identity := func(h *house, subject string) roster.Identity {
		return roster.Identity{Issuer: h.forger.server.URL, Provider: "idp-1", Subject: subject}
	}
	for name, test := range map[string]struct {
		forge func(h *house)
		want  func(h *house) []signin.Attempt
		shown string
	}{
		"granted": {func(h *house) { h.forger.token = set(claims{"acr": "eidas1", "amr": []string{"pwd", "mail"}}) }, func(h *house) []signin.Attempt {
			return []signin.Attempt{{
				Identity: identity(h, "subject-1"), SIRET: siret, ACR: "eidas1", AMR: []string{"pwd", "mail"}, Factor: signin.Weak, Account: "ninon", Organisation: "mission",
			}}
		}, ""},
		"no account": {func(h *house) { h.forger.sub = "subject-9" }, func(h *house) []signin.Attempt {
			return []signin.Attempt{{Identity: identity(h, "subject-9"), SIRET: siret, ACR: "eidas1-mfa", AMR: []string{"pwd", "hwk", "mfa"}, Factor: signin.Strong, Bar: signin.NoAccount}}
		}, "stranger: no-account Farge " + siret},
		"another organisation's account": {func(h *house) { h.forger.info = set(claims{"siret": "90000000000025"}) }, func(h *house) []signin.Attempt {
			return []signin.Attempt{{
				Identity: identity(h, "subject-1"), SIRET: "90000000000025", ACR: "eidas1-mfa", AMR: []string{"pwd", "hwk", "mfa"}, Factor: signin.Strong, Bar: signin.OtherOrganisation, Account: "ninon", Organisation: "mission",
			}}
		}, "stranger: other-organisation Farge 90000000000025"},
		"what nobody vouches for":              {func(h *house) { h.forger.idSign = signing{alg: "none"} }, func(*house) []signin.Attempt { return nil }, "failed: unverified"},
		"granted, and it cannot be written":    {func(h *house) { h.full = errors.New("no ledger") }, func(*house) []signin.Attempt { return nil }, "failed: unreachable"},
		"no account, and it cannot be written": {func(h *house) { h.full, h.forger.sub = errors.New("no ledger"), "subject-9" }, func(*house) []signin.Attempt { return nil }, "failed: unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			test.forge(h)
			b := h.browser()
			b.does("GET", b.begin("/"))
			want := test.want(h)
			if test.shown != "" {
				h.check(test.shown)
			} else {
				who := b.isSignedIn()
				want[0].Session, want[0].Device = who.ID, who.Device
				if who.Device == "" {
					t.Error("the browser has no name")
				}
			}
			if !reflect.DeepEqual(h.tried, want) {
				t.Errorf("written down: %+v, want %+v", h.tried, want)
			}
		})
	}
	h := newHouse(t)
	s := h.settings()
	s.Tried = nil
	h.build(s)
	b := h.browser()
	b.does("GET", b.begin("/"))
	h.check("failed: unreachable")
}

// Promise: ENTRY-3 (a code that was sent leads to no data)
func TestENTRY_3_ACodeThatWasSentOpensNoSession(t *testing.T) {
	for name, test := range map[string]struct {
		acr   string
		amr   []string
		shown string
	}{
		"a code by mail, which ProConnect calls eidas1-mfa": {"eidas1-mfa", []string{"pwd", "mail", "mfa"}, "stranger: too-weak Farge " + siret},
		"a code by SMS":        {"eidas1-mfa", []string{"pwd", "otp", "sms"}, "stranger: too-weak Farge " + siret},
		"a password":           {"eidas1", []string{"pwd"}, "stranger: too-weak Farge " + siret},
		"nothing that is said": {"", nil, "stranger: too-weak Farge " + siret},
		"a key":                {"eidas1-mfa", []string{"pwd", "hwk"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			s := h.settings()
			s.AdmitWeak = false
			h.build(s)
			h.forger.token = set(claims{"acr": test.acr, "amr": test.amr})
			b := h.browser()
			b.does("GET", b.begin("/"))
			if test.shown == "" {
				b.isSignedIn()
				return
			}
			h.check(test.shown)
			b.isOut("")
			if len(h.tried) != 1 || h.tried[0].Bar != signin.TooWeak || h.tried[0].Account != "ninon" || h.tried[0].Session != "" {
				t.Errorf("written down: %+v", h.tried)
			}
		})
	}
}

func TestENTRY_2_AssuranceIsJudgedFromLevelAndMeansTogether(t *testing.T) {
	for name, test := range map[string]struct {
		acr  string
		amr  []string
		want signin.Factor
	}{
		"a password":                           {"eidas1", []string{"pwd"}, signin.Weak},
		"a password and a mailed code":         {"eidas1-mfa", []string{"pwd", "mail", "mfa"}, signin.Weak},
		"a mailed one-time code":               {"eidas1-mfa", []string{"pwd", "mail", "otp", "mfa"}, signin.Weak},
		"several means that are not named":     {"eidas1-mfa", []string{"pwd", "mfa"}, signin.Weak},
		"no means at all":                      {"eidas2", nil, signin.Weak},
		"a key, at a level that has no factor": {"eidas1", []string{"pwd", "hwk"}, signin.Weak},
		"a key, at a level nobody declared":    {"mfa", []string{"pwd", "hwk"}, signin.Weak},
		"a one-time code":                      {"eidas1-mfa", []string{"pwd", "otp", "mfa"}, signin.Strong},
		"a security key":                       {"eidas1-mfa", []string{"pwd", "hwk", "mfa"}, signin.Strong},
		"a card":                               {"eidas2", []string{"pin", "pop"}, signin.Strong},
		"a key after a mailed code":            {"eidas0-mfa", []string{"mail", "hwk"}, signin.Strong},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.forger.token = set(claims{"acr": test.acr, "amr": test.amr})
			if got := h.browser().signIn().isSignedIn().Factor; got != test.want {
				t.Errorf("factor = %s, want %s", got, test.want)
			}
		})
	}
}
