package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"poterne/internal/portal/portaltest"
)

// screen is a tab in a profile of its own. Whatever its console complains
// of fails the test.
type screen struct {
	t      *testing.T
	tab    context.Context
	origin string

	mu         sync.Mutex
	complaints []string // guarded by mu
	refusals   bool     // guarded by mu; that pages are refused is no complaint, from now on
}

// browsers are the Chromiums of this package, by the language that they prefer. Each
// starts when a test first wants it.
var browsers struct {
	mu   sync.Mutex
	open map[string]context.Context // guarded by mu
	stop []func()                   // guarded by mu
}

func browserOf(t *testing.T, language string) context.Context {
	t.Helper()
	path, err := portaltest.Chromium()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no chromium here: the walk must be made")
		}
		t.Skip("no chromium here: the walk in a browser was not made")
	}
	browsers.mu.Lock()
	defer browsers.mu.Unlock()
	if browser := browsers.open[language]; browser != nil {
		return browser
	}
	profile, err := os.MkdirTemp("", "poterne-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(profile),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-features", "Translate,SpareRendererForSitePerProcess"),
		chromedp.Flag("accept-lang", language), chromedp.WindowSize(1280, 900))
	ctx, end := chromedp.NewExecAllocator(context.Background(), options...)
	browser, leave := chromedp.NewContext(ctx)
	browsers.stop = append(browsers.stop, func() {
		leave()
		end()
		_ = os.RemoveAll(profile)
	})
	if err := chromedp.Do(browser); err != nil {
		t.Fatal(err)
	}
	if browsers.open == nil {
		browsers.open = make(map[string]context.Context)
	}
	browsers.open[language] = browser
	return browser
}

func closeBrowsers() {
	for _, stop := range browsers.stop {
		stop()
	}
}

// newScreen opens a profile of its own in a browser that prefers a language, for one
// who has never been to origin.
func newScreen(t *testing.T, origin, language string) *screen {
	t.Helper()
	tab, leave := chromedp.NewContext(browserOf(t, language), chromedp.WithNewBrowserContext())
	s := &screen{t: t, tab: tab, origin: origin}
	messages := chromedp.Console(tab)
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		for message, err := range messages {
			if err != nil {
				return
			}
			s.hear(message)
		}
	}()
	t.Cleanup(func() {
		leave()
		<-heard
		for _, complaint := range s.complaints {
			t.Error("the console says: " + complaint)
		}
	})
	s.do(chromedp.EmulateViewport(1280, 900))
	return s
}

// hear keeps what a console complains of. That a file, a stream of events or a WebSocket is refused, or an icon that a
// service's plain answer does not name, an answer about people cut, or another site
// kept from showing ours, that somebody may not sign, that a session is over, or that a service's form
// was refused or found wrong, is no fault of a page.
func (s *screen) hear(m chromedp.ConsoleMessage) {
	form := strings.HasSuffix(m.URL, "/attendance") || strings.Contains(m.URL, "/quotes") || strings.HasSuffix(m.URL, "/appointments")
	answered := form && strings.Contains(m.Text, "status of 4")
	instead := m.URL == "chrome-error://chromewebdata/" // what Chromium's shell shows in a frame that was refused
	refused := strings.Contains(m.Text, "status of 403") && (s.refused() || strings.Contains(m.URL, "/files/") || strings.HasSuffix(m.URL, "/favicon.ico") || strings.HasSuffix(m.URL, "/events") || instead) ||
		strings.Contains(m.Text, "/live' failed: Error during WebSocket handshake: Unexpected response code: 403")
	cut := strings.Contains(m.Text, "ERR_CONTENT_LENGTH_MISMATCH") && strings.Contains(m.URL, "/list")
	unsigned := m.Source == "network" && strings.Contains(m.Text, "status of 4") && (strings.Contains(m.URL, "/manager/") || strings.Contains(m.URL, "/bypass/") || strings.HasSuffix(m.URL, "/nir"))
	kept := strings.Contains(m.Text, "ERR_BLOCKED_BY_RESPONSE") || strings.Contains(m.Text, `"frame-ancestors 'none'"`)
	ended := strings.Contains(m.Text, "status of 401") && strings.Contains(m.URL, "/sessions")
	left := strings.Contains(m.Text, "WebSocket is closed before the connection is established") && strings.Contains(m.URL, "/socket.io/") // its page went away, or was refused, while it tried one beside its polling
	if m.Source == "network" && (refused || answered || cut || ended || left) || unsigned || kept || m.Type != chromedp.ConsoleError && m.Type != chromedp.ConsoleWarning && !m.IsException() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.complaints = append(s.complaints, fmt.Sprintf("%s %s (%s)", m, m.URL, m.Source))
}

func (s *screen) refused() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refusals
}

// tries is for pages that will be refused: that they are is no complaint from now on.
func (s *screen) tries() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusals = true
}

// patience is how long a browser may take for one thing on a machine with much else to do.
const patience = 5 * time.Minute

// aSecondOr is the second in which something promised is seen, or, on a machine so busy
// that the act alone took longer than half of that, twice as long as the act.
func aSecondOr(act time.Duration) time.Duration { return max(time.Second, 2*act) }

func (s *screen) do(steps ...chromedp.Action[chromedp.Void]) {
	s.t.Helper()
	ctx, stop := context.WithTimeout(s.tab, patience)
	defer stop()
	if chromedp.FromContext(s.tab).Target == nil {
		ctx = s.tab // the browser lives as long as its first action's context
	}
	if err := chromedp.Do(ctx, steps...); err != nil {
		s.t.Fatal(err)
	}
}

// goes takes steps that lead to another page, and returns the status of its answer.
func (s *screen) goes(steps ...chromedp.Action[chromedp.Void]) (status int) {
	s.t.Helper()
	ctx, stop := context.WithTimeout(s.tab, patience)
	defer stop()
	answer, err := chromedp.RunResponse(ctx, steps...)
	if err != nil {
		s.t.Fatal(err)
	}
	return int(answer.Status)
}

func (s *screen) open(path string) (status int) {
	s.t.Helper()
	return s.goes(chromedp.Navigate(s.origin + path))
}

// click clicks what leads to another page: a link, or the button of a form.
func (s *screen) click(selector string) (status int) {
	s.t.Helper()
	return s.goes(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// signIn passes by the identity provider's page.
func (s *screen) signIn(button string) {
	s.t.Helper()
	s.open("/")
	if status := s.click("button[name=person][value='" + button + "']"); status != 200 {
		s.t.Fatalf("signing in ended with %d", status)
	}
	s.arrivesAt("/")
}

// signInAgain passes by the identity provider's page if it is asked for.
func (s *screen) signInAgain(button string) {
	s.t.Helper()
	s.open("/")
	if s.count("button[name=person]") > 0 {
		s.click("button[name=person][value='" + button + "']")
	}
	s.arrivesAt("/")
}

func (s *screen) arrivesAt(path string) {
	s.t.Helper()
	where, err := chromedp.Run(s.tab, chromedp.Location())
	if err != nil {
		s.t.Fatal(err)
	}
	if where != s.origin+path {
		s.t.Fatalf("the browser is at %s, not at %s", where, s.origin+path)
	}
}

// text is what can be read in an element, its spaces made plain.
func (s *screen) text(selector string) string {
	s.t.Helper()
	ctx, stop := context.WithTimeout(s.tab, patience)
	defer stop()
	for {
		text, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS(selector)))
		switch {
		case err == nil:
			return plainSpaces(text)
		case !strings.Contains(err.Error(), "No node with given id"): // else another page took its place between finding it and reading it
			s.t.Fatalf("reading %s: %v", selector, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func plainSpaces(text string) string { return strings.Join(strings.Fields(text), " ") }

// says wants an element to say all of this.
func (s *screen) says(selector string, wants ...string) {
	s.t.Helper()
	said := s.text(selector)
	for _, want := range wants {
		if !strings.Contains(said, want) {
			s.t.Errorf("%s says %q, not %q", selector, said, want)
		}
	}
}

// comesToSay waits until an element says this, without touching the page, and
// returns how long that took.
func (s *screen) comesToSay(selector, want string, within time.Duration) time.Duration {
	s.t.Helper()
	begun := time.Now()
	for {
		said := s.text(selector)
		took := time.Since(begun)
		if strings.Contains(said, want) {
			return took
		}
		if took > within {
			s.t.Fatalf("after %v %s does not say %q but %q", took, selector, want, said)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// count is how many elements there are.
func (s *screen) count(selector string) (n int) {
	s.t.Helper()
	n, err := chromedp.Run(s.tab, chromedp.Evaluate[int](fmt.Sprintf("document.querySelectorAll(%q).length", selector)))
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// links are the addresses that elements lead to.
func (s *screen) links(selector string) []string {
	s.t.Helper()
	links, err := chromedp.Run(s.tab, chromedp.Evaluate[[]string](fmt.Sprintf("[...document.querySelectorAll(%q)].map(a => a.getAttribute('href'))", selector)))
	if err != nil {
		s.t.Fatal(err)
	}
	return links
}

// evaluate runs a script in the page, and returns the text that it, or its promise,
// comes to.
func (s *screen) evaluate(script string) string {
	s.t.Helper()
	ctx, stop := context.WithTimeout(s.tab, patience)
	defer stop()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise))
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

// tabTo presses the tab key until an element has the focus.
func (s *screen) tabTo(selector string) {
	s.t.Helper()
	for range 100 {
		s.do(chromedp.KeyEvent(kb.Tab))
		there, err := chromedp.Run(s.tab, chromedp.Evaluate[bool](fmt.Sprintf("document.activeElement.matches(%q)", selector)))
		if err != nil {
			s.t.Fatal(err)
		}
		if there {
			return
		}
	}
	s.t.Fatalf("the tab key does not lead to %s", selector)
}

// press presses a key that leads to another page.
func (s *screen) press(key string) (status int) {
	s.t.Helper()
	return s.goes(chromedp.KeyEvent(key))
}

// withoutScripts makes the browser one that runs no script of any page.
func (s *screen) withoutScripts() {
	s.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
}

// keep keeps a picture of the whole page with the test's artifacts.
func (s *screen) keep(name string) {
	s.t.Helper()
	ctx, stop := context.WithTimeout(s.tab, patience)
	defer stop()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(s.t.ArtifactDir(), name+".png"), picture, 0o644)
	}
	if err != nil {
		s.t.Error(err)
	}
}
