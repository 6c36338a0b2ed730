package signin

import (
	"crypto/rand"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// The cookies that are ours; no application ever sees them.
const (
	SessionCookie = "__Host-poterne"
	PersonCookie  = "__Host-dossier" // of people of the register, who have no account
	DeviceCookie  = "__Host-poterne-device"
	SigninCookie  = "__Host-poterne-signin-"  // and what tells one sign-in under way from another
	StepUpCookie  = "__Host-poterne-step-up-" // the same for step-ups
)

// deviceLife is how long a browser keeps its name after a sign-in: the longest
// that browsers allow. Signing out leaves it.
const deviceLife = 400 * 24 * time.Hour

// deviceSecret is what rand.Text makes.
var deviceSecret = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// setCookie writes a cookie that only this host gets back, over https, out of
// reach of scripts, and not in requests that other sites make for the browser,
// except when it comes here by a link. A life of zero lasts as long as the browser.
func setCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(life.Seconds()),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

func (d *Door) setSession(w http.ResponseWriter, key, token string) {
	setCookie(w, d.sessionCookie(), key+"."+token, 0)
}

// sessionCookie is the cookie that keeps a session of this door.
func (d *Door) sessionCookie() string {
	if d.settings.Match != nil {
		return PersonCookie
	}
	return SessionCookie
}

func dropCookie(w http.ResponseWriter, name string) { setCookie(w, name, "", -time.Second) }

// shownSession returns the two parts of r's session cookie.
func (d *Door) shownSession(r *http.Request) (key, token string, ok bool) {
	value, ok := shownCookie(r, d.sessionCookie(), 128)
	if !ok {
		return "", "", false
	}
	key, token, ok = strings.Cut(value, ".")
	return key, token, ok && key != "" && token != ""
}

// shownCookie returns the value of the cookie called name. Two of that name, or one
// that is longer than any of ours, do not come from an honest browser, and count as
// none.
func shownCookie(r *http.Request, name string, longest int) (string, bool) {
	cookies := r.CookiesNamed(name)
	if len(cookies) != 1 || cookies[0].Value == "" || len(cookies[0].Value) > longest {
		return "", false
	}
	return cookies[0].Value, true
}

// shownDevice returns the secret that names r's browser, if it has one of ours.
func shownDevice(r *http.Request) (string, bool) {
	secret, ok := shownCookie(r, DeviceCookie, 128)
	return secret, ok && deviceSecret.MatchString(secret)
}

// deviceSecretOf is what names r's browser: what it shows, or something unguessable.
func deviceSecretOf(r *http.Request) string {
	if secret, ok := shownDevice(r); ok {
		return secret
	}
	return rand.Text()
}

// device is the name of r's browser in the ledger; empty when it has none.
func (d *Door) device(r *http.Request) string {
	if secret, ok := shownDevice(r); ok {
		return d.settings.Device(secret)
	}
	return ""
}

// sameBrowser reports whether r comes from a browser that says the same of
// itself as the one the session began in. A copied cookie with all the headers
// copied too passes; the rotation of tokens is for that.
func (row Row) sameBrowser(r *http.Request) bool {
	return agentOf(r) == row.Agent && (!navigates(r) || browserOf(r) == row.Browser)
}

// agentOf is the name that a browser gives itself in every request.
func agentOf(r *http.Request) Digest { return digest(r.UserAgent()) }

// browserOf is what else a browser says of itself when it navigates.
func browserOf(r *http.Request) Digest {
	var said strings.Builder
	for _, name := range []string{"Accept-Language", "Sec-CH-UA-Platform", "Sec-CH-UA-Mobile"} {
		said.WriteString(strings.Join(r.Header.Values(name), ",") + "\n")
	}
	return digest(said.String())
}

// navigates reports whether the browser asks for a page rather than a script or
// a page's part, whose headers a page may choose. Old browsers do not say, and
// count as navigating. Of a WebSocket Chromium says neither that nor what it says of itself elsewhere.
func navigates(r *http.Request) bool {
	mode := r.Header.Get("Sec-Fetch-Mode")
	return mode == "" && len(r.Header["Upgrade"]) == 0 || mode == "navigate"
}
