package signin_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"poterne/internal/fault"
	"poterne/internal/signin"
)

// boundFor is what a copy of all cookies is worth at most, in seconds that the owner's browser
// was not asked anything: docs/entry.md says so.
const boundFor = 310 * time.Second

// device is a browser with Device Bound Session Credentials: it does of itself what the draft
// of the W3C says, and Chromium does.
type device struct {
	*browser
	key        *ecdsa.PrivateKey
	id         string // of the credential; empty before it registers, and once it forgot it
	challenge  string // to be signed the next time
	expires    time.Time
	given      time.Time     // when the newest cookie was, by the right clock
	skew       time.Duration // of its own clock
	signatures []time.Time   // as its quota counts them

	offline  bool // requests for the next cookie do not arrive
	deaf     bool // answers to them do not
	elsewise bool // the next request is one that another site began
	skipped  string
}

// signings is how often Chromium signs in nine minutes.
const signings = 6

func (h *house) device() *device {
	return &device{browser: h.browser(), key: ecdsaKey(h.t, elliptic.P256())}
}

func (d *device) now() time.Time { return d.h.clock().Add(d.skew) }

// signs signs a challenge; false when its quota is used up.
func (d *device) signs(challenge string, with *ecdsa.PrivateKey, brings bool) (string, bool) {
	d.h.t.Helper()
	for len(d.signatures) > 0 && d.h.clock().Sub(d.signatures[0]) >= 9*time.Minute {
		d.signatures = d.signatures[1:]
	}
	if len(d.signatures) >= signings {
		return "", false
	}
	d.signatures = append(d.signatures, d.h.clock())
	return proofOf(d.h.t, challenge, with, brings), true
}

func proofOf(t *testing.T, challenge string, with *ecdsa.PrivateKey, brings bool) string {
	t.Helper()
	options := (&jose.SignerOptions{EmbedJWK: brings}).WithType("dbsc+jwt")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: with}, options)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(jwt.Claims{ID: challenge}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// sendsTo is a request of the browser's own, which is in no page.
func (d *device) sendsTo(path string, header map[string]string) *http.Response {
	d.h.t.Helper()
	r := httptest.NewRequest(http.MethodPost, d.origin+path, nil)
	r.Header.Set("User-Agent", d.header.Get("User-Agent"))
	for name, value := range d.jar {
		if path != signin.RegisterPath { // the sign-in came from another site
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	mux, w := http.NewServeMux(), httptest.NewRecorder()
	d.h.door.Mount(mux)
	mux.ServeHTTP(w, r)
	answer := w.Result()
	if d.deaf {
		return answer
	}
	d.takes(answer)
	return answer
}

var challengeIn = regexp.MustCompile(`"([^"]+)";id="([^"]+)"`)

// takes puts the cookies of an answer into the jar, and keeps its challenge.
func (d *device) takes(answer *http.Response) {
	for _, c := range answer.Cookies() {
		if c.MaxAge < 0 {
			delete(d.jar, c.Name)
			continue
		}
		d.jar[c.Name] = c.Value
		if c.Name == signin.BoundCookie {
			d.expires, d.given = d.now().Add(time.Duration(c.MaxAge)*time.Second), d.h.clock()
		}
	}
	if m := challengeIn.FindStringSubmatch(answer.Header.Get("Secure-Session-Challenge")); m != nil && (m[2] == d.id || d.id == "") {
		d.challenge = m[1]
	}
}

var offered = regexp.MustCompile(`^\(ES256\);path="([^"]+)";challenge="([^"]+)"$`)

// registers does what an answer offers, and reports whether the session is bound.
func (d *device) registers(answer *http.Response) bool {
	d.h.t.Helper()
	m := offered.FindStringSubmatch(answer.Header.Get("Secure-Session-Registration"))
	if m == nil {
		return false
	}
	proof, ok := d.signs(m[2], d.key, true)
	if !ok {
		return false
	}
	registered := d.sendsTo(m[1], map[string]string{"Secure-Session-Response": `"` + proof + `"`})
	if registered.StatusCode != http.StatusOK {
		return false
	}
	var said struct {
		ID      string `json:"session_identifier"`
		Refresh string `json:"refresh_url"`
		Scope   struct {
			Origin string `json:"origin"`
			All    *bool  `json:"include_site"`
		} `json:"scope"`
		Credentials []struct{ Type, Name, Attributes string } `json:"credentials"`
	}
	if err := json.NewDecoder(registered.Body).Decode(&said); err != nil {
		d.h.t.Fatal(err)
	}
	if said.ID == "" || said.Refresh != signin.RefreshPath || said.Scope.Origin != d.origin || said.Scope.All == nil || *said.Scope.All ||
		len(said.Credentials) != 1 || said.Credentials[0].Type != "cookie" || said.Credentials[0].Name != signin.BoundCookie {
		d.h.t.Fatalf("told %+v", said)
	}
	d.id, d.challenge = said.ID, ""
	d.takes(registered)
	return true
}

// enters signs in, and binds the session.
func (d *device) enters() *device {
	d.h.t.Helper()
	if !d.registers(d.signsInAnew()) {
		d.h.t.Fatal("the session is not bound to the device")
	}
	return d
}

func (d *device) signsInAnew() *http.Response {
	d.h.t.Helper()
	answer := d.does(http.MethodGet, d.begin("/"))
	if answer.StatusCode != http.StatusSeeOther {
		d.h.t.Fatalf("signing in: status %d, shown %v", answer.StatusCode, d.h.shown)
	}
	d.takes(answer)
	return answer
}

// refreshes asks for the next cookie, as a browser does that has none.
func (d *device) refreshes() {
	d.h.t.Helper()
	d.skipped = ""
	header := map[string]string{"Sec-Secure-Session-Id": `"` + d.id + `"`}
	for range 3 {
		if d.offline {
			d.skipped = "unreachable"
			return
		}
		delete(header, "Secure-Session-Response")
		if d.challenge != "" {
			proof, ok := d.signs(d.challenge, d.key, false)
			if !ok {
				d.skipped = "quota_exceeded"
				return
			}
			header["Secure-Session-Response"] = `"` + proof + `"`
		}
		answer := d.sendsTo(signin.RefreshPath, header)
		if d.deaf {
			d.skipped = "unreachable"
			return
		}
		switch answer.StatusCode {
		case http.StatusForbidden: // and another challenge
			continue
		case http.StatusOK:
			var said struct{ Continue *bool }
			if json.NewDecoder(answer.Body).Decode(&said) == nil && said.Continue != nil && !*said.Continue {
				d.id = ""
			}
			return
		default:
			d.skipped = "server_error"
			return
		}
	}
}

// asks is a request, before which the browser asks for the next cookie if it has none.
func (d *device) asks() (signin.Session, error) {
	d.h.t.Helper()
	d.readies()
	r := d.request(http.MethodGet, "/")
	if d.skipped != "" {
		r.Header.Set("Secure-Session-Skipped", d.skipped+`;session_identifier="`+d.id+`"`)
	}
	if d.elsewise {
		r.Header.Set("Sec-Fetch-Site", "cross-site")
	}
	w := httptest.NewRecorder()
	who, err := d.h.door.Who(w, r)
	d.takes(w.Result())
	return who, err
}

func (d *device) readies() {
	d.skipped = ""
	if _, shown := d.jar[signin.BoundCookie]; shown && !d.now().Before(d.expires) {
		delete(d.jar, signin.BoundCookie)
	}
	if _, shown := d.jar[signin.BoundCookie]; !shown && d.id != "" && !d.elsewise {
		d.refreshes()
	}
}

func (d *device) isSignedIn() signin.Session {
	d.h.t.Helper()
	who, err := d.asks()
	if err != nil {
		d.h.t.Fatalf("not signed in: %v", err)
	}
	return who
}

// bindingDevices is a house whose sessions are bound, and hears of those without their key.
func bindingDevices(t *testing.T) (h *house, keyless *[]signin.Session) {
	h, keyless = newHouse(t), new([]signin.Session)
	s := h.settings()
	s.Bind, s.Keyless = true, func(_ context.Context, session signin.Session) { *keyless = append(*keyless, session) }
	h.build(s)
	return h, keyless
}

// wantNobody wants a browser to be shown nobody for want of a proof.
func wantNobody(t *testing.T, b *browser) {
	t.Helper()
	if _, err := b.asks(); !fault.Is(err, fault.Anonymous) {
		t.Fatalf("shown somebody (%v)", err)
	}
}

// Promise: ENTRY-9
func TestENTRY_9_ACopyOfABoundDevicesCookiesShowsNobodyAfterThreeHundredAndTenSeconds(t *testing.T) {
	h, keyless := bindingDevices(t)
	d := h.device().enters()
	d.isSignedIn()
	thief := d.copied()
	h.pass(boundFor - time.Microsecond)
	if _, err := thief.asks(); err != nil {
		t.Fatalf("what the last cookie still covers: %v", err)
	}
	for range 3 { // its owner goes on, by what the browser does of itself
		d.isSignedIn()
		h.pass(20 * time.Second)
		if _, err := thief.asks(); !errors.Is(err, signin.ErrUnproven) {
			t.Fatalf("a copy is shown somebody although its owner goes on: %v", err)
		}
	}
	if len(*keyless) != 1 || (*keyless)[0].Account != "ninon" {
		t.Errorf("its owner was told %d times", len(*keyless))
	}
	d.isSignedIn()

	t.Log("Nor does an answer that a copy began last for longer, although its owner goes on.")
	d.isSignedIn()
	later := d.copied()
	stream, err := later.asks()
	if err != nil {
		t.Fatal(err)
	}
	left := boundFor - time.Second - h.clock().Sub(d.given)
	for range 4 {
		h.pass(left / 4)
		d.isSignedIn()
	}
	if err := h.door.Still(t.Context(), stream); err != nil {
		t.Errorf("it is cut too early: %v", err)
	}
	h.pass(2 * time.Second)
	own := d.isSignedIn()
	if err := h.door.Still(t.Context(), stream); !errors.Is(err, signin.ErrUnproven) {
		t.Errorf("what a copy began goes on: %v", err)
	}
	if err := h.door.Still(t.Context(), own); err != nil {
		t.Errorf("what its owner began is cut: %v", err)
	}

	t.Log("The cookie of the session alone is worth nothing.")
	bare := d.copied()
	delete(bare.jar, signin.BoundCookie)
	wantNobody(t, bare)
	t.Log("Nor with a bound cookie of another session, of another account's browser or of nobody's.")
	other := h.device().enters()
	bare.jar[signin.BoundCookie] = other.jar[signin.BoundCookie]
	wantNobody(t, bare)
	bare.jar[signin.BoundCookie] = "AAAA"
	wantNobody(t, bare)
	t.Log("A proof by a script counts for nothing.")
	if challenge := bare.challenged(); challenge != "" {
		t.Error("a script is asked to prove a session of a device")
	}
	if len(h.told) != 0 {
		t.Errorf("a session ended: %+v", h.told)
	}
}

// Promise: ENTRY-9
func TestENTRY_9_AWrongSignatureOfADeviceEndsTheSessionAndAnOldOneDoesNot(t *testing.T) {
	for name, test := range map[string]struct {
		try  func(h *house, d *device) *http.Response
		want int
		ends bool
	}{
		"no proof": {func(_ *house, d *device) *http.Response {
			return d.sendsTo(signin.RefreshPath, map[string]string{"Sec-Secure-Session-Id": `"` + d.id + `"`})
		}, http.StatusForbidden, false},
		"a proof that was used": {func(h *house, d *device) *http.Response {
			header := map[string]string{"Sec-Secure-Session-Id": `"` + d.id + `"`, "Secure-Session-Response": `"` + proofOf(h.t, d.challenge, d.key, false) + `"`}
			d.sendsTo(signin.RefreshPath, header)
			return d.sendsTo(signin.RefreshPath, header)
		}, http.StatusForbidden, false},
		"an old challenge": {func(h *house, d *device) *http.Response {
			old := d.challenge
			h.pass(7*time.Minute - boundFor)
			return d.sendsTo(signin.RefreshPath, map[string]string{"Sec-Secure-Session-Id": `"` + d.id + `"`, "Secure-Session-Response": `"` + proofOf(h.t, old, d.key, false) + `"`})
		}, http.StatusForbidden, false},
		"another session's challenge": {func(h *house, d *device) *http.Response {
			return d.sendsTo(signin.RefreshPath, map[string]string{"Sec-Secure-Session-Id": `"` + d.id + `"`, "Secure-Session-Response": `"` + proofOf(h.t, h.device().enters().challenge, d.key, false) + `"`})
		}, http.StatusForbidden, false},
		"no signature at all": {func(_ *house, d *device) *http.Response {
			return d.sendsTo(signin.RefreshPath, map[string]string{"Sec-Secure-Session-Id": `"` + d.id + `"`, "Secure-Session-Response": `"eyJhbGciOiJub25lIiwidHlwIjoiZGJzYytqd3QifQ.e30."`})
		}, http.StatusForbidden, false},
		"another key, brought along": {func(h *house, d *device) *http.Response {
			return d.sendsTo(signin.RefreshPath, map[string]string{"Sec-Secure-Session-Id": `"` + d.id + `"`, "Secure-Session-Response": `"` + proofOf(h.t, d.challenge, ecdsaKey(h.t, elliptic.P256()), true) + `"`})
		}, http.StatusOK, true},
		"another name": {func(h *house, d *device) *http.Response {
			return d.sendsTo(signin.RefreshPath, map[string]string{"Sec-Secure-Session-Id": `"x"`, "Secure-Session-Response": `"` + proofOf(h.t, d.challenge, d.key, false) + `"`})
		}, http.StatusOK, false},
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := bindingDevices(t)
			d := h.device().enters()
			h.pass(boundFor)
			delete(d.jar, signin.BoundCookie)
			if answer := test.try(h, d); answer.StatusCode != test.want {
				t.Errorf("status %d, want %d", answer.StatusCode, test.want)
			}
			if test.want == http.StatusOK && d.jar[signin.BoundCookie] != "" {
				t.Error("it brings a cookie")
			}
			if ended := len(h.told) > 0; ended != test.ends || ended && h.told[0].Why != signin.Copied {
				t.Fatalf("told %+v", h.told)
			}
			if !test.ends {
				d.isSignedIn()
			}
		})
	}
}

// Promise: ENTRY-9
func TestENTRY_9_ADevicesKeyIsRegisteredByWhoSignedInOnceAndByNoCopyOfTheCookies(t *testing.T) {
	h, _ := bindingDevices(t)
	d := h.device()
	answer := d.signsInAnew()
	thief := &device{browser: d.copied(), key: ecdsaKey(t, elliptic.P256())}
	for what, proof := range map[string]string{
		"no challenge":            proofOf(t, "", thief.key, true),
		"a challenge of a script": proofOf(t, thief.challenged(), thief.key, true),
		"sealed for nothing":      proofOf(t, "AAAA", thief.key, true),
		"no key":                  proofOf(t, offered.FindStringSubmatch(answer.Header.Get("Secure-Session-Registration"))[2], thief.key, false),
	} {
		if got := thief.sendsTo(signin.RegisterPath, map[string]string{"Secure-Session-Response": `"` + proof + `"`}); got.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d", what, got.StatusCode)
		}
	}
	if !d.registers(answer) {
		t.Fatal("whoever signed in registers no key")
	}
	if (&device{browser: d.copied(), key: thief.key}).registers(answer) {
		t.Error("the offer serves twice")
	}
	if got := thief.sendsTo(signin.RegisterPath, map[string]string{"Secure-Session-Response": `"` + proofOf(t, d.challenge, thief.key, true) + `"`}); got.StatusCode != http.StatusBadRequest {
		t.Errorf("a challenge for the next cookie registers a key: status %d", got.StatusCode)
	}
	d.isSignedIn()
	late := h.device()
	answer = late.signsInAnew()
	h.pass(2 * time.Minute)
	if late.registers(answer) {
		t.Error("an offer of two minutes ago serves")
	}
	if _, err := late.asks(); err != nil {
		t.Errorf("a session that no key was registered for: %v", err)
	}
	unbound := newHouse(t).device()
	if got := unbound.signsInAnew().Header.Get("Secure-Session-Registration"); got != "" {
		t.Errorf("where sessions are not bound, browsers are offered %q", got)
	}
}

// Another site's link, or the provider's way back, brings a request before which the browser
// asks for nothing: it is led by a page of ours, and its owner hears of no theft.
//
// Promise: ENTRY-9
func TestENTRY_9_ARequestOfAnotherSiteIsLedByAPageFromWhichTheBrowserAsks(t *testing.T) {
	h, keyless := bindingDevices(t)
	d := h.device().enters()
	h.pass(6 * time.Minute)
	d.elsewise = true
	if _, err := d.asks(); !errors.Is(err, signin.ErrUnproven) {
		t.Fatalf("error = %v", err)
	}
	d.elsewise = false
	d.readies() // as a script of that page asks for a challenge
	if challenge := d.challenged(); challenge != "" {
		t.Error("a script has something to prove")
	}
	d.isSignedIn()
	if len(*keyless) != 0 {
		t.Error("its owner is told of a theft")
	}
}

// A clock that was set back keeps a cookie that ended: it is taken back, and the browser asks
// for the next one.
//
// Promise: ENTRY-9
func TestENTRY_9_AClockThatIsSetBackLocksNobodyOut(t *testing.T) {
	h, _ := bindingDevices(t)
	d := h.device().enters()
	d.skew = -time.Hour
	h.pass(6 * time.Minute)
	if _, err := d.asks(); !errors.Is(err, signin.ErrUnproven) {
		t.Fatalf("error = %v", err)
	}
	d.isSignedIn()
	if strings.Contains(d.skipped, "quota") || len(h.told) > 0 {
		t.Errorf("told %+v", h.told)
	}
}

// A thousand honest sessions, in browsers that keep keys of their devices, without one false
// end: browsers that skip for their quota, laptops that sleep, tabs that ask at once, networks
// that lose requests or answers, clocks that jump, links of other sites. Thieves are among
// them, who lift all cookies at some moment: each is shown nobody after the stated seconds.
//
// Promise: ENTRY-9
func TestENTRY_9_AThousandHonestSessionsEndForNothingAndThievesAmongThemAreShownNobody(t *testing.T) {
	const sessions = 1000
	h := newKeyHouse(t)
	keyless := make(map[string]bool)
	s := h.settings()
	h.keep(&s)
	s.Bind, s.Keyless = true, func(_ context.Context, session signin.Session) { keyless[string(session.ID)] = true }
	h.build(s)
	a := newAuthenticator(virtualwebauthn.KeyTypeEC2)
	h.enrols(h.browser().signIn(), a)
	random := rand.New(rand.NewPCG(1, 2))
	robbed := make(map[string]bool)
	var asked, touched, skips, sees, refused, misled int
	for n := range sessions {
		d := h.device().enters()
		id := string(d.isSignedIn().ID)
		var thief *browser
		var lifted time.Time // when the newest bound cookie of the copy was given
		for range 10 {
			h.pass(time.Duration(random.Int64N(int64(3 * time.Minute))))
			d.elsewise = false
			switch random.IntN(9) {
			case 0: // a laptop sleeps
				h.pass(time.Duration(random.Int64N(int64(40 * time.Minute))))
			case 1: // or its clock is put right
				d.skew += time.Duration(random.Int64N(int64(2*time.Hour))) - time.Hour
			case 2: // the network is away for what the browser asks of itself
				d.offline = true
			case 3: // or loses its answers
				d.deaf = true
			case 4: // the browser has signed too often for other sessions
				for len(d.signatures) < signings {
					d.signatures = append(d.signatures, h.clock())
				}
			case 5: // two tabs ask at once
				delete(d.jar, signin.BoundCookie)
				twin := *d
				twin.browser = d.copied()
				twin.readies()
			case 6: // a link in a mail
				d.elsewise = true
			case 7: // another network: nothing of it is looked at
				d.header.Set("X-Forwarded-For", "203.0.113.7")
			}
			asked++
			_, err := d.asks()
			skipped := d.skipped != ""
			if skipped {
				skips++
			}
			d.offline, d.deaf = false, false
			if errors.Is(err, signin.ErrUnproven) { // by way of a page of ours
				misled++
				d.elsewise = false
				_, err = d.asks()
			}
			if errors.Is(err, signin.ErrLocked) { // it was idle, or the browser skipped
				d.readies()
				h.asked = nil
				if answer := d.does(http.MethodGet, signin.UnlockPath+"?return=%2Fpeople"); answer.StatusCode != http.StatusSeeOther { // the browser has asked meanwhile
					touched++
					answer = d.posts(signin.UnlockPath, a.answers(t, h.asked))
					d.takes(answer)
					d.registers(answer)
				}
				_, err = d.asks()
			}
			if err != nil {
				t.Fatalf("session %d: %v", n, err)
			}
			switch {
			case thief == nil && n%10 == 0 && random.IntN(4) == 0:
				thief, lifted = d.copied(), d.given
				robbed[id] = true
			case thief != nil:
				if _, err := thief.asks(); err == nil {
					sees++
					if h.clock().Sub(lifted) >= boundFor {
						t.Fatalf("session %d: a thief is shown somebody %v after the cookie", n, h.clock().Sub(lifted))
					}
				} else {
					refused++
				}
				if !slices.ContainsFunc(h.told, func(e signin.Ended) bool { return string(e.Session) == id }) {
					continue
				}
			default:
				continue
			}
			if slices.ContainsFunc(h.told, func(e signin.Ended) bool { return string(e.Session) == id }) {
				break // it was seen in two browsers, and ended for both: no false end
			}
		}
		d.does("POST", signin.LeavePath)
	}
	for _, ended := range h.told {
		if ended.Why != signin.Left && !robbed[string(ended.Session)] {
			t.Errorf("an honest session ended: %+v", ended)
		}
	}
	t.Logf("%d requests: %d skips, %d touches of the passkey, %d by way of a page, %d thieves shown somebody %d times and nobody %d times", asked, skips, touched, misled, len(robbed), sees, refused)
	if skips < 300 || touched < 300 || len(robbed) < 50 || refused < 100 {
		t.Error("too little of it happened")
	}
	told := make(map[string]bool)
	for id := range keyless {
		if told[id] = true; !robbed[id] {
			t.Errorf("the holder of an honest session was told of a copy: %s", id)
		}
	}
	for _, ended := range h.told {
		if ended.Why == signin.Doubled {
			told[string(ended.Session)] = true
		}
	}
	t.Logf("the holders of %d robbed sessions of %d were told", len(told), len(robbed))
	if len(told) < len(robbed)/2 {
		t.Error("too few were told")
	}
}
