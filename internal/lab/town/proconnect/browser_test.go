package proconnect_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"poterne/internal/portal/portaltest"
	"poterne/internal/signin"
	"poterne/internal/signin/signintest"
)

// A real browser keeps __Host- cookies of http://localhost, follows the form's
// redirection under its policy, and stays signed in while its token changes and
// its page asks for much at once.
func TestENTRY_9_ABrowserSignsInAndStaysTheOne(t *testing.T) {
	path, err := portaltest.Chromium()
	if err != nil {
		t.Skip("no chromium here: the walk in a browser was not made")
	}
	mux := http.NewServeMux()
	portal := httptest.NewServer(mux)
	t.Cleanup(portal.Close)
	_, port, err := net.SplitHostPort(portal.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	origin := "http://localhost:" + port // another site than the provider's 127.0.0.1
	d := newDesk(t, "ES256", []string{origin + signin.CallbackPath}, []string{origin + signin.LeftPath})
	s := &staff{issuer: d.issuer}
	sessions := signintest.NewSessions()
	door, err := signin.New(signin.Settings{
		Tried:  func(*http.Request, signin.Attempt) error { return nil },
		Issuer: d.issuer, ClientID: "poterne", ClientSecret: secret, Secret: []byte("thirty-two bytes that nodes share"), Origins: []string{origin}, Client: d.client,
		Rotate: 50 * time.Millisecond, Grace: 40 * time.Millisecond, // a minute's work in a blink
	}, sessions, s, s)
	if err != nil {
		t.Fatal(err)
	}
	door.Mount(mux)
	mux.HandleFunc("GET /home", func(w http.ResponseWriter, r *http.Request) {
		who, err := door.Who(w, r)
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = fmt.Fprintf(w, "<p id=who>%v</p>", err)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, "<p id=who>account %s</p><form method=post action=%s><button>Out</button></form>", who.Account, signin.LeavePath)
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.Path) })

	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()

	if err := chromedp.Do(ctx,
		chromedp.Navigate(origin+signin.BeginPath+"?return=/home"),
		chromedp.Click(chromedp.CSS("button[name=person][value='0']")),
		chromedp.WaitVisible(chromedp.CSS("#who")),
	); err != nil {
		t.Fatal(err)
	}
	// One after the other, each after a rotation; then many at once, whose answers
	// all carry the same next token.
	const ask = `(async () => {
		const said = [];
		for (let i = 0; i < 10; i++) {
			said.push((await fetch("/home")).status);
			await new Promise(next => setTimeout(next, 60));
		}
		const all = await Promise.all(Array.from({length: 6}, () => fetch("/home", {headers: {"Accept-Language": "de"}})));
		return said.concat(all.map(a => a.status)).join(" ");
	})()`
	said, err := chromedp.Run(ctx, chromedp.Evaluate[string](ask, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.TrimSpace(strings.Repeat("200 ", 16)); said != want {
		t.Errorf("the page's requests were answered %s", said)
	}
	if row := sessions.Rows()[0]; row.Version < 5 {
		t.Errorf("the token changed %d times only", row.Version)
	}
	if err := chromedp.Do(ctx,
		chromedp.Navigate(origin+"/home"),
		chromedp.Click(chromedp.CSS("button")),
	); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if where, err := chromedp.Run(ctx, chromedp.Location()); err != nil {
			t.Fatal(err)
		} else if strings.HasPrefix(where, origin+signin.LeftPath) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if rows := sessions.Rows(); s.shown() != "signed out" || len(rows) != 1 || rows[0].Why != signin.Left {
		t.Errorf("after leaving: shown %q, %d sessions, the first ended: %q", s.shown(), len(rows), rows[0].Why)
	}
}
