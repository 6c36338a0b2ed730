package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"poterne/internal/lab/town/life"
)

// listed is an application that knows files 000001 to 000009 and counts who asks for what.
type listed struct {
	mu    sync.Mutex
	asked map[string]int // guarded by mu
}

func (l *listed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	l.asked[r.URL.Path]++
	l.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	file := func(id string) map[string]string {
		return map[string]string{"id": id, "name": "Somebody " + id, "mail": id + "@boite.example", "note": "none"}
	}
	if id, ok := strings.CutPrefix(r.URL.Path, "/files/"); ok {
		_ = json.NewEncoder(w).Encode(file(id))
		return
	}
	_ = json.NewEncoder(w).Encode([]any{file("000001")})
}

func (l *listed) times(path string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked[path]
}

// elsewhere is a site that leads its readers to addresses behind the gate, by links
// and by parts of its page.
func elsewhere(t *testing.T, links map[string]string, parts ...string) string {
	t.Helper()
	page := "<!doctype html><title>Elsewhere</title><h1>Elsewhere</h1>" + strings.Join(parts, "")
	for id, to := range links {
		page += fmt.Sprintf("<p><a id=%s rel=noreferrer href='%s'>%s</a>", id, to, id)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(page))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// A link on another site, or a part of its page, opens nobody's file: a page asks
// first, and what was chosen there is then opened and stays open to a reload, through
// a sign-in too. What is typed opens as ever.
func TestALinkOnAnotherSiteSpendsNothingBeforeAPageHasAsked(t *testing.T) {
	t.Parallel()
	application := &listed{asked: map[string]int{}}
	upstream := httptest.NewServer(application)
	t.Cleanup(upstream.Close)
	h := newHouse(t, "application", map[string]string{"http://127.0.0.1:3000": upstream.URL})
	h.serve()
	site := elsewhere(t, map[string]string{
		"link":  h.origin + "/people/files/000001",
		"later": h.origin + "/people/files/000004",
		"begin": h.origin + "/.poterne/begin?return=/people/files/000005",
		"again": h.origin + "/people/files/000006",
	}, "<img alt='' src='"+h.origin+"/people/files/000002'><iframe src='"+h.origin+"/people/files/000003'></iframe>")
	const goOn = "main a.button.main"
	wants := func(path string, want int) {
		t.Helper()
		if n := application.times(path); n != want {
			t.Errorf("%s was asked for %d times, want %d", path, n, want)
		}
	}

	pauline := newScreen(t, h.origin, "en-GB")
	pauline.signIn("0")
	pauline.withoutScripts()
	before := len(h.entries(0))
	pauline.goes(chromedp.Navigate(site))
	wants("/files/000002", 0)
	wants("/files/000003", 0)
	pauline.click("#link")
	pauline.says("main", "another site")
	wants("/files/000001", 0)
	if after := len(h.entries(0)); after != before {
		t.Errorf("%d entries were written before she chose", after-before)
	}
	pauline.keep("asked")
	pauline.click(goOn)
	pauline.arrivesAt("/people/files/000001")
	wants("/files/000001", 1)
	pauline.goes(chromedp.Reload())
	wants("/files/000001", 2)
	pauline.open("/people/files/000009")
	wants("/files/000009", 1)

	t.Log("Somebody who is signed out chooses, signs in, and is there.")
	karim := newScreen(t, h.origin, "en-GB")
	karim.goes(chromedp.Navigate(site))
	karim.click("#later")
	karim.click(goOn)
	karim.click("button[name=person][value='0']")
	karim.arrivesAt("/people/files/000004")
	wants("/files/000004", 1)
	karim.goes(chromedp.Reload())
	wants("/files/000004", 2)

	t.Log("Another site cannot choose where a sign-in leads.")
	karim.goes(chromedp.Navigate(site))
	karim.click("#begin")
	karim.click("button[name=person][value='0']")
	karim.arrivesAt("/")
	wants("/files/000005", 0)
	karim.goes(chromedp.Navigate(site))
	karim.click("#again")
	karim.says("main", "another site")
	wants("/files/000006", 0)
}

// onTwoHosts is a house whose service has another host than its portal.
func onTwoHosts(t *testing.T) (h *house, application *listed, host string) {
	t.Helper()
	application = &listed{asked: map[string]int{}}
	upstream := httptest.NewServer(application)
	t.Cleanup(upstream.Close)
	h = newHouse(t, "application", map[string]string{"http://127.0.0.1:3000": upstream.URL})
	text, err := os.ReadFile(h.config)
	if err != nil {
		t.Fatal(err)
	}
	host = strings.TrimPrefix(h.byAddress(), "http://")
	h.write("poterne.toml", strings.Replace(string(text), `prefix = "/people"`, `host = "`+host+`"`, 1)+`
[[service.route]]
get = "/{$}"
json = { row = "$[*]", person = { dossier = "@.id" }, fields = { identifier = "@.id", name = "@.name", note = "@.note" } }
`)
	h.serve()
	return h, application, host
}

// The portal and a service have hosts of their own: the portal's link asks nothing,
// with a sign-in on the way or without, and another site's does.
//
// Promise: ENTRY-11
func TestENTRY_11_ThePortalLeadsToAnotherHostAndSigningOutThereEndsBoth(t *testing.T) {
	t.Parallel()
	h, application, host := onTwoHosts(t)
	site := elsewhere(t, map[string]string{"link": "http://" + host + "/files/000002"})

	pauline := newScreen(t, h.origin, "en-GB")
	pauline.signIn("0")
	pauline.click("main .service a")
	pauline.click("button[name=person][value='0']")
	if n := application.times("/"); n != 1 {
		t.Fatalf("the portal's link led there %d times", n)
	}
	pauline.open("/")
	pauline.click("main .service a")
	if n := application.times("/"); n != 2 {
		t.Errorf("the portal's second link led there %d times", n-1)
	}
	pauline.goes(chromedp.Navigate(site))
	pauline.click("#link")
	if n := application.times("/files/000002"); n != 0 {
		t.Error("another site's link opened a file")
	}

	t.Log("She signs out at the portal, and is out at the service.")
	pauline.open("/")
	pauline.click("form[action='/.poterne/leave'] button")
	pauline.goes(chromedp.Navigate("http://" + host + "/"))
	if n := application.times("/"); n != 2 {
		t.Error("the service's host still knows her")
	}
}

// Who signs out at the identity provider is out of every host at the next request.
// Another browser of hers, and somebody else at the same provider, stay.
//
// Promise: ENTRY-11
func TestENTRY_11_SigningOutAtTheIdentityProviderEndsTheSessionOnEveryHost(t *testing.T) {
	t.Parallel()
	h, application, host := onTwoHosts(t)
	text, err := os.ReadFile(h.config)
	if err != nil {
		t.Fatal(err)
	}
	issuer := regexp.MustCompile(`issuer = "(http://[^/"]+)`).FindSubmatch(text)
	service := "http://" + host + "/"

	pauline := newScreen(t, h.origin, "en-GB")
	pauline.signIn("0")
	pauline.click("main .service a")
	pauline.click("button[name=person][value='0']")
	if n := application.times("/"); n != 1 {
		t.Fatalf("the service was asked %d times", n)
	}
	elsewhere, marc := h.browser("pauline.mercier"), h.browser("marc.petit")
	pauline.goes(chromedp.Navigate(string(issuer[1]) + "/"))
	pauline.says("h1", "pauline mercier")
	pauline.click("main form button")
	pauline.says("h1", "You are signed out")
	pauline.says("main", "have been told")

	pauline.goes(chromedp.Navigate(service))
	if n := application.times("/"); n != 1 {
		t.Error("the service's host still knows her")
	}
	pauline.open("/desk")
	pauline.says("main", "Who are you today?")
	for who, b := range map[string]*life.Browser{"her other browser": elsewhere, "somebody else": marc} {
		if page := h.get(b, "/"); page.Address.String() != h.origin+"/" || page.Status != http.StatusOK {
			t.Errorf("%s was led to %s", who, page.Address)
		}
		if page := h.get(b, "/desk"); page.Address.String() != h.origin+"/desk" {
			t.Errorf("%s is no longer signed in: led to %s", who, page.Address)
		}
	}
}
