package signin_test

import (
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"poterne/internal/fault"
	"poterne/internal/signin"
)

// presses presses the button that steps up, on the way to a page.
func (b *browser) presses(path string) *http.Response {
	mux, w := http.NewServeMux(), httptest.NewRecorder()
	b.h.door.Mount(mux)
	r := b.request("POST", signin.StepUpPath)
	form := httptest.NewRequest("POST", "/", strings.NewReader(url.Values{"return": {path}}.Encode()))
	r.Body, r.ContentLength = form.Body, form.ContentLength
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	mux.ServeHTTP(w, r)
	return b.receive(w)
}

// stepUps goes to the provider, which agrees, and returns the way back.
func (b *browser) stepUps(path string) string {
	b.h.t.Helper()
	answer := b.presses(path)
	if answer.StatusCode != http.StatusSeeOther {
		b.h.t.Fatalf("stepping up: status %d, shown %v", answer.StatusCode, b.h.shown)
	}
	return signin.CallbackPath + "?" + b.h.forger.authorize(answer.Header.Get("Location")).Encode()
}

// signedInAt makes the provider say that the person signed in then.
func signedInAt(when time.Time) func(claims) { return set(claims{"auth_time": when.Unix()}) }

// Promise: ENTRY-6
func TestENTRY_6_ATouchIsAFreshSignInOfTheSamePerson(t *testing.T) {
	for name, test := range map[string]struct {
		forge func(h *house) // once the button was pressed, 20 seconds later
		want  string
	}{
		"signed in anew, just now":                       {func(*house) {}, ""},
		"signed in anew, and slow on the way back":       {func(h *house) { h.pass(55 * time.Second) }, ""},
		"signed in anew, too long ago":                   {func(h *house) { h.pass(61 * time.Second) }, "not-asked"},
		"signed in moments before the button":            {func(h *house) { h.forger.token = signedInAt(h.clock().Add(-31 * time.Second)) }, "not-asked"},
		"signed in an hour ago: the provider asked none": {func(h *house) { h.forger.token = signedInAt(h.clock().Add(-time.Hour)) }, "not-asked"},
		"the provider does not say when":                 {func(h *house) { h.forger.token = set(claims{"auth_time": nil}) }, "not-asked"},
		"the provider says it is to come":                {func(h *house) { h.forger.token = signedInAt(h.clock().Add(time.Hour)) }, "not-asked"},
		"the provider says when in words":                {func(h *house) { h.forger.token = set(claims{"auth_time": "now"}) }, "unverified"},
		"a colleague":                                    {func(h *house) { h.forger.sub = "subject-2" }, "somebody-else"},
		"somebody without an account":                    {func(h *house) { h.forger.sub = "subject-9" }, "somebody-else"},
		"the same subject of another provider":           {func(h *house) { h.forger.info = set(claims{"idp_id": "idp-2"}) }, "somebody-else"},
		"the same person for another organisation":       {func(h *house) { h.forger.info = set(claims{"siret": "90000000000025"}) }, "somebody-else"},
		"by a password alone": {func(h *house) {
			h.forger.token = set(claims{"auth_time": h.clock().Unix(), "acr": "eidas1", "amr": []string{"pwd"}})
		}, "weaker"},
		"an unsigned token":           {func(h *house) { h.forger.idSign = signing{alg: "none"} }, "unverified"},
		"with another nonce":          {func(h *house) { h.forger.token = set(claims{"nonce": strings.Repeat("n", 52)}) }, "unverified"},
		"of another issuer":           {func(h *house) { h.forger.token = set(claims{"iss": "https://else.example"}) }, "unverified"},
		"code of another request":     {func(h *house) { h.forger.asked.Set("code_challenge", "of another") }, "unverified"},
		"the provider fell over":      {func(h *house) { h.forger.down = true }, "unreachable"},
		"accounts cannot be found":    {func(h *house) { h.lost = errors.New("no database") }, "unreachable"},
		"the ledger is not writeable": {func(h *house) { h.full = errors.New("the disk is full") }, "unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			b := h.browser().signIn()
			h.pass(time.Hour / 10)
			h.forger.token = signedInAt(h.clock().Add(20 * time.Second))
			back := b.stepUps("/dossier/7")
			h.pass(20 * time.Second)
			test.forge(h)
			answer := b.does("GET", back)
			who := b.isSignedIn() // whatever came of it
			if test.want == "" {
				if answer.Header.Get("Location") != "/dossier/7" || !who.SteppedUp.Equal(h.clock()) || len(h.stepUp) != 1 {
					t.Fatalf("sent to %q, stepped up at %v, %d step-ups written, shown %v", answer.Header.Get("Location"), who.SteppedUp, len(h.stepUp), h.shown)
				}
				if told := h.stepUp[0]; told.Account != "ninon" || told.ID != who.ID || told.Device != who.Device || !told.SteppedUp.IsZero() {
					t.Errorf("written down: %+v", told)
				}
				return
			}
			if want := []string{"unconfirmed: " + test.want + ", on the way to /dossier/7"}; !slices.Equal(h.shown, want) {
				t.Errorf("shown %v, want %v", h.shown, want)
			}
			if !who.SteppedUp.IsZero() || len(h.stepUp) != 0 {
				t.Errorf("stepped up at %v, %d step-ups written", who.SteppedUp, len(h.stepUp))
			}
		})
	}
}

func TestENTRY_6_ATouchAsksTheProviderToHaveThePersonSignInAnew(t *testing.T) {
	h := newHouse(t)
	b := h.browser().signIn()
	signedIn := h.forger.asked
	b.stepUps("/")
	asked := h.forger.asked
	if asked.Get("prompt") != "login" || asked.Get("max_age") != "0" {
		t.Errorf("prompt %q, max_age %q", asked.Get("prompt"), asked.Get("max_age"))
	}
	if signedIn.Has("prompt") || signedIn.Has("max_age") {
		t.Error("an ordinary sign-in asks for more than it needs")
	}
	if asked.Get("code_challenge_method") != "S256" || len(asked.Get("code_challenge")) != 43 || len(asked.Get("state")) < 32 {
		t.Errorf("the request is %v", asked)
	}
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if asked.Get(name) == signedIn.Get(name) {
			t.Errorf("%s was used twice", name)
		}
	}
}

func TestENTRY_6_ATouchServesOnceInTheSessionThatAsked(t *testing.T) {
	for name, test := range map[string]struct {
		then      func(h *house, b *browser, back string) *browser // which browser comes back
		shown     string
		steppedUp int
	}{
		"twice": {func(_ *house, b *browser, back string) *browser {
			b.does("GET", back)
			return b
		}, "failed: stale", 1},
		"in another browser": {func(h *house, _ *browser, _ string) *browser { return h.browser().signIn() }, "failed: stale", 0},
		"in a browser that has the cookie, and another session": {func(h *house, b *browser, _ string) *browser {
			other := h.browser().signIn()
			maps.Copy(other.jar, b.pending(signin.StepUpCookie))
			return other
		}, "failed: stale", 0},
		"after signing in again": {func(_ *house, b *browser, _ string) *browser { return b.signIn() }, "failed: stale", 0},
		"after signing out": {func(_ *house, b *browser, _ string) *browser {
			b.does("POST", signin.LeavePath)
			return b
		}, "failed: stale", 0},
		"after the desk ended the session": {func(h *house, b *browser, _ string) *browser {
			if err := h.door.EndAll(h.t.Context(), "ninon"); err != nil {
				h.t.Fatal(err)
			}
			return b
		}, "failed: stale", 0},
		"too late": {func(h *house, b *browser, _ string) *browser {
			h.pass(10 * time.Minute)
			return b
		}, "failed: stale", 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.forger.token = func(said claims) { said["auth_time"] = h.clock().Unix() }
			b := h.browser().signIn()
			back := b.stepUps("/dossier/7")
			who := test.then(h, b, back)
			h.shown = nil
			answer := who.does("GET", back)
			if !slices.Equal(h.shown, []string{test.shown}) || answer.Header.Get("Location") != "" || len(h.stepUp) != test.steppedUp {
				t.Errorf("shown %v, sent to %q, %d step-ups written", h.shown, answer.Header.Get("Location"), len(h.stepUp))
			}
		})
	}
}

func TestENTRY_6_ATouchIsWrittenDownBeforeItCounts(t *testing.T) {
	h := newHouse(t)
	s := h.settings()
	s.SteppedUp = func(*http.Request, signin.Session, *signin.Touch) error {
		if steppedUp := h.sessions.Rows()[0].SteppedUp; !steppedUp.IsZero() {
			t.Errorf("it counted at %v, before it was written", steppedUp)
		}
		return nil
	}
	h.build(s)
	h.forger.token = func(said claims) { said["auth_time"] = h.clock().Unix() }
	b := h.browser().signIn()
	b.does("GET", b.stepUps("/"))
	if b.isSignedIn().SteppedUp.IsZero() {
		t.Error("it does not count at all")
	}
}

func TestENTRY_6_WithoutALedgerThereAreNoTouches(t *testing.T) {
	h := newHouse(t)
	s := h.settings()
	s.SteppedUp = nil
	h.build(s)
	h.forger.token = func(said claims) { said["auth_time"] = h.clock().Unix() }
	b := h.browser().signIn()
	b.does("GET", b.stepUps("/"))
	if !slices.Equal(h.shown, []string{"unconfirmed: unreachable, on the way to /"}) || !b.isSignedIn().SteppedUp.IsZero() {
		t.Errorf("shown %v", h.shown)
	}
}

func TestENTRY_6_ASecondTouchTakesTheFirstOnesPlace(t *testing.T) {
	h := newHouse(t)
	h.forger.token = func(said claims) { said["auth_time"] = h.clock().Unix() }
	b := h.browser().signIn()
	if b.isSignedIn().SteppedUpWithin(15*time.Minute, h.clock()) {
		t.Error("a sign-in counts as a step-up")
	}
	b.does("GET", b.stepUps("/"))
	first := b.isSignedIn().SteppedUp
	for range 3 { // without being idle
		h.pass(5 * time.Minute)
		b.isSignedIn()
	}
	if who := b.isSignedIn(); who.SteppedUpWithin(15*time.Minute, h.clock()) || !who.SteppedUpWithin(15*time.Minute+time.Second, h.clock()) {
		t.Errorf("stepped up at %v, it is %v", who.SteppedUp, h.clock())
	}
	b.does("GET", b.stepUps("/"))
	if second := b.isSignedIn().SteppedUp; second.Sub(first) != 15*time.Minute {
		t.Errorf("stepped up at %v, then at %v", first, second)
	}
}

func TestENTRY_6_WhoIsNotSignedInSignsInInsteadOfTouching(t *testing.T) {
	h := newHouse(t)
	answer := h.browser().presses("/dossier/7?vue=notes")
	if want := signin.BeginPath + "?return=%2Fdossier%2F7%3Fvue%3Dnotes"; answer.Header.Get("Location") != want {
		t.Errorf("sent to %q, want %q", answer.Header.Get("Location"), want)
	}
	b := h.browser().signIn()
	h.sessions.Break(&fault.Error{Kind: fault.Unavailable})
	if answer := b.presses("/"); answer.StatusCode == http.StatusSeeOther || !slices.Equal(h.shown, []string{"failed: unreachable"}) {
		t.Errorf("without a database: sent to %q, shown %v", answer.Header.Get("Location"), h.shown)
	}
}

func TestENTRY_6_ATouchReturnsToALocalPathOnly(t *testing.T) {
	for asked, want := range map[string]string{
		"/dossier/7?vue=notes": "/dossier/7?vue=notes", "": "/", "https://else.example/": "/", "//else.example": "/",
		`/\else.example`: "/", "/.poterne/leave": "/", "javascript:alert(1)": "/", "/a\r\nSet-Cookie: a=b": "/",
	} {
		t.Run(asked, func(t *testing.T) {
			h := newHouse(t)
			h.forger.token = func(said claims) { said["auth_time"] = h.clock().Unix() }
			b := h.browser().signIn()
			if got := b.does("GET", b.stepUps(asked)).Header.Get("Location"); got != want {
				t.Errorf("went to %q, want %q", got, want)
			}
		})
	}
}

func TestABrowserKeepsItsNameAfterSigningOut(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	answer := b.does("GET", b.begin("/"))
	var c *http.Cookie
	for _, set := range answer.Cookies() {
		if set.Name == signin.DeviceCookie {
			c = set
		}
	}
	if c == nil {
		t.Fatal("signing in gives the browser no name")
	}
	if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" ||
		c.MaxAge != int((400*24*time.Hour).Seconds()) || len(c.Value) < 26 { // 5 bits each
		t.Errorf("the cookie is %s", c.Raw)
	}
	name := b.isSignedIn().Device
	if name != "the browser of "+c.Value {
		t.Errorf("the browser is called %q", name)
	}
	b.does("POST", signin.LeavePath)
	if again := b.signIn().isSignedIn().Device; again != name {
		t.Errorf("after signing out it is called %q, not %q", again, name)
	}
	if other := h.browser().signIn().isSignedIn().Device; other == name || other == "" {
		t.Errorf("another browser is called %q", other)
	}
}

func TestABrowserThatKeepsNoNameHasNone(t *testing.T) {
	h := newHouse(t)
	for name, value := range map[string]string{
		"no cookie": "", "too short": "ABC", "not one of ours": strings.Repeat("a", 26), "two in one": strings.Repeat("A", 52),
	} {
		t.Run(name, func(t *testing.T) {
			b := h.browser().signIn()
			given := b.jar[signin.DeviceCookie]
			b.jar[signin.DeviceCookie] = value
			if who := b.isSignedIn(); who.Device != "" {
				t.Errorf("the browser is called %q", who.Device)
			}
			b.signIn()
			if now := b.jar[signin.DeviceCookie]; now == value || now == given || len(now) != 26 {
				t.Errorf("the next sign-in calls it %q", now)
			}
		})
	}
	t.Run("two cookies of that name", func(t *testing.T) {
		b := h.browser().signIn()
		r := b.request("GET", "/")
		r.AddCookie(&http.Cookie{Name: signin.DeviceCookie, Value: b.jar[signin.DeviceCookie]})
		who, err := h.door.Who(httptest.NewRecorder(), r)
		if err != nil || who.Device != "" {
			t.Errorf("the browser is called %q, %v", who.Device, err)
		}
	})
	t.Run("where devices are not told apart", func(t *testing.T) {
		s := h.settings()
		s.Device = nil
		h.build(s)
		if who := h.browser().signIn().isSignedIn(); who.Device != "" {
			t.Errorf("the browser is called %q", who.Device)
		}
	})
}
