package e2e

import (
	"context"
	"database/sql"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"poterne/internal/app"
	"poterne/internal/config"
	"poterne/internal/ledger"
	"poterne/internal/roster"
	"poterne/internal/store"
)

// lapse is longer than what a proof of a session is good for.
const lapse = 121 * time.Second

// remembered is longer than a node remembers a session.
const remembered = 1100 * time.Millisecond

// steals gives the tab all the cookies that another has for an origin.
func (s *screen) steals(from *screen) {
	s.t.Helper()
	var cookies []*network.CookieParam
	from.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		found, err := cdp.Call(ctx, target, network.GetCookies, network.GetCookiesParams{URLs: []string{from.origin}})
		for _, c := range found.Cookies {
			cookies = append(cookies, &network.CookieParam{
				Name: c.Name, Value: c.Value, URL: strings.Replace(from.origin, "http://", "https://", 1), Path: c.Path, Secure: c.Secure, HTTPOnly: c.HTTPOnly, SameSite: c.SameSite,
			})
		}
		return err
	}))
	if !slices.ContainsFunc(cookies, func(c *network.CookieParam) bool { return c.Name == "__Host-poterne" }) {
		s.t.Fatal("there is no session to steal")
	}
	s.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, network.SetCookies, network.SetCookiesParams{Cookies: cookies})
		return err
	}))
}

// withScripts lets the browser run scripts again.
func (s *screen) withScripts() {
	s.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: false})
		return err
	}))
}

// away leaves every page, as a laptop that is closed does.
func (s *screen) away() { s.do(chromedp.Navigate("about:blank")) }

// comesTo waits until the browser is at a path.
func (s *screen) comesTo(path string) {
	s.t.Helper()
	for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		where, err := chromedp.Run(s.tab, chromedp.Location()) // an error while one page gives way to the next
		if where == s.origin+path {
			return
		}
		if time.Since(begun) > patience {
			s.t.Fatalf("the browser is at %s, not at %s: %v", where, s.origin+path, err)
		}
	}
}

// isBound waits until so many sessions are bound to a key.
func isBound(t *testing.T, database string, want int) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+database+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		var bound int
		if err := db.QueryRow(`select count(*) from session where length(bound) > 80`).Scan(&bound); err != nil {
			t.Fatal(err)
		}
		if bound == want {
			return
		}
		if time.Since(begun) > patience {
			t.Fatalf("%d sessions are bound, not %d", bound, want)
		}
	}
}

// lapses puts the last proof of somebody's sessions so far back that it is good for
// nothing any more, as waiting would.
func (h *house) lapses(account roster.AccountID) {
	h.t.Helper()
	ctx := h.t.Context()
	settings, err := config.Read(h.config)
	if err != nil {
		h.t.Fatal(err)
	}
	o, err := app.Open(ctx, settings)
	if err != nil {
		h.t.Fatal(err)
	}
	defer o.Close()
	sessions := store.NewSessions(o.DB)
	list, err := sessions.Of(ctx, account)
	if err != nil || len(list) == 0 {
		h.t.Fatalf("%d sessions: %v", len(list), err)
	}
	for _, row := range list {
		row.Proven = row.Proven.Add(-lapse)
		if swapped, err := sessions.Swap(ctx, row); err != nil || !swapped {
			h.t.Fatalf("a proof was put back: %t, %v", swapped, err)
		}
	}
	time.Sleep(remembered) // a node goes by a session that it read a moment ago
}

// boundHouse is a house whose sessions are bound to their browsers.
func boundHouse(t *testing.T, application http.Handler) *house {
	t.Helper()
	upstream := httptest.NewServer(application)
	t.Cleanup(upstream.Close)
	h := newHouse(t, "application", map[string]string{"http://127.0.0.1:3000": upstream.URL})
	config, err := os.ReadFile(h.config)
	if err != nil {
		t.Fatal(err)
	}
	h.write("poterne.toml", strings.Replace(string(config), "[signin]\n", "[signin]\nbind_browsers = true\n", 1))
	h.serve()
	return h
}

// A session's cookies are lifted out of one Chromium and shown by another.
//
// Promise: ENTRY-9
func TestENTRY_9_CookiesLiftedFromOneChromiumShowNobodyInAnother(t *testing.T) {
	t.Parallel()
	application := &listed{asked: map[string]int{}}
	h := boundHouse(t, application)

	t.Log("She signs in, and her session is bound to a key that her browser keeps.")
	owner, thief := newScreen(t, h.origin, "fr-FR"), newScreen(t, h.origin, "fr-FR")
	owner.signIn("0")
	isBound(t, h.database(), 1)
	owner.away()

	t.Log("Her cookies are lifted. After the lapse they show nobody.")
	thief.steals(owner)
	h.lapses("pauline.mercier")
	thief.open("/people/files/000001")
	thief.comesToSay("main", "n’a pas la clé de la session", patience)
	thief.keep("thief")
	if asked := application.times("/files/000001"); asked != 0 {
		t.Errorf("the application was asked %d times", asked)
	}

	t.Log("She is told, in her own browser and by the ledger, and goes on with a new session.")
	if status := owner.open("/sessions"); status != http.StatusUnauthorized {
		t.Errorf("her session goes on: %d", status)
	}
	owner.says("main", "second navigateur")
	owner.keep("owner")
	owner.click("main a.button.main")
	if owner.count("button[name=person]") > 0 {
		owner.click("button[name=person][value='0']")
	}
	owner.arrivesAt("/sessions")
	isBound(t, h.database(), 2)
	owner.says("main", "montrée par un navigateur qui n’a pas sa clé")
	owner.keep("told")
	if copied := slices.IndexFunc(h.entries(0), func(e ledger.Entry) bool { return e.Kind == ledger.Session && e.State == "copied" }); copied < 0 {
		t.Error("the ledger says nothing of it")
	}
}

// What she opens and what she sends after her laptop slept opens, and is sent once.
//
// Promise: ENTRY-9
func TestENTRY_9_ALaptopThatSleptGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	h := boundHouse(t, &listed{asked: map[string]int{}})
	owner := newScreen(t, h.origin, "fr-FR")
	owner.signIn("0")
	isBound(t, h.database(), 1)
	owner.open("/sessions")
	owner.away()
	h.lapses("pauline.mercier")
	owner.do(chromedp.Navigate(h.origin + "/sessions"))
	owner.comesTo("/sessions")
	isBound(t, h.database(), 1) // the same session, and no new one
	owner.withoutScripts()      // nothing proves meanwhile
	owner.open("/sessions")
	h.lapses("pauline.mercier")
	owner.withScripts()
	owner.click("form[action='/sessions/not-me'] button")
	owner.comesTo("/.poterne/left")
	var frozen int
	for _, e := range h.entries(0) {
		if e.Kind == ledger.Placed && e.Account == "pauline.mercier" {
			frozen++
		}
	}
	if frozen != 1 {
		t.Errorf("what she sent was done %d times", frozen)
	}
}
