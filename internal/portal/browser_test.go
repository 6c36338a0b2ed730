package portal

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"poterne/internal/order"
)

// looks are how the gallery is looked at: each language, theme and width once.
var looks = []struct {
	language, theme string
	width, height   int64
}{
	{"fr", "light", 1280, 900},
	{"en", "dark", 320, 640},
}

func TestRUN_7_EveryPageIsReadableInABrowser(t *testing.T) {
	axe := axeSource(t)
	site := httptest.NewServer(Gallery())
	defer site.Close()
	tab := openTab(t)
	for _, name := range slices.Sorted(maps.Keys(Scenes())) {
		for _, look := range looks {
			t.Run(name+"/"+look.language, func(t *testing.T) {
				theme := chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
					_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
						Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: look.theme}},
					})
					return err
				})
				if err := chromedp.Do(tab, chromedp.EmulateViewport(look.width, look.height), theme,
					chromedp.Navigate(site.URL+"/gallery/"+look.language+"/"+name)); err != nil {
					t.Fatal(err)
				}
				keepScreenshot(t, tab, name+"-"+look.language)
				for _, check := range []string{tooWide, tooSmall, axe} {
					wrong, err := chromedp.Run(tab, chromedp.Evaluate[[]string](check, chromedp.EvalAwaitPromise))
					if err != nil {
						t.Fatal(err)
					}
					for _, complaint := range wrong {
						t.Error(complaint)
					}
				}
			})
		}
	}
}

// openTab starts a browser.
func openTab(t *testing.T) context.Context {
	t.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Skip("chromium is not here: the pages are not looked at")
	}
	tab, stop := chromedp.NewContext(context.Background(), chromedp.WithAllocatorOptions(
		chromedp.Flag("no-sandbox", true), chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.UserDataDir(t.TempDir()),
	))
	t.Cleanup(stop)
	return tab
}

func TestTheDeskIsLiveInABrowser(t *testing.T) {
	h := newHouse(t)
	tab := openTab(t)
	as := chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		if _, err := cdp.Call(ctx, target, network.Enable, network.EnableParams{}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, target, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{
			Headers: network.Headers{actor: string(security), "Accept-Language": "en"},
		})
		return err
	})
	listening, stop := context.WithCancel(tab)
	defer stop()
	messages := chromedp.Console(listening)
	if err := chromedp.Do(tab, as, chromedp.Navigate(h.site.URL+"/desk")); err != nil {
		t.Fatal(err)
	}
	says := func(what string) {
		t.Helper()
		const poll = `new Promise(done => { const end = Date.now() + 10000; (function look() {
			const said = document.body.innerText.includes(%q);
			said || Date.now() > end ? done(said) : setTimeout(look, 20) })() })`
		if said, err := chromedp.Run(tab, chromedp.Evaluate[bool](fmt.Sprintf(poll, what), chromedp.EvalAwaitPromise)); err != nil || !said {
			t.Fatalf("the desk does not come to say %q: %v", what, err)
		}
	}
	says("Live.")
	says("All quiet.")
	h.opens(theo, 1, 2, 3)
	says("3 people without a reason, within the allowance: 3 of 3 this hour.")
	says("3 people shown in the last minute")
	h.opens(theo, 4)
	says("Théo Marchand (Mission locale du Bourg) asked for 1 person beyond the allowance within an hour, after 3 people without a reason.")
	if _, err := h.gate.Place(t.Context(), order.Order{Reach: order.Account, Target: string(theo), Effect: order.Suspended, By: string(security), Because: "a test"}); err != nil {
		t.Fatal(err)
	}
	says("Théo Marchand: account suspended")
	says("All quiet.")
	keepScreenshot(t, tab, "desk-live")
	stop()
	for message, err := range messages {
		if err != nil {
			break
		}
		t.Errorf("the console says %s", message)
	}
}

// tooWide complains of a page that must be scrolled sideways.
const tooWide = `document.documentElement.scrollWidth > innerWidth
	? ["the page is " + document.documentElement.scrollWidth + " wide in a window of " + innerWidth] : []`

// tooSmall complains of what is hard to hit: targets under 24 pixels, except
// links within a sentence.
const tooSmall = `[...document.querySelectorAll("a, button, input:not([type=hidden]), textarea, summary")]
	.filter(e => !e.matches(".skip, p a"))
	.map(e => [e, e.getBoundingClientRect()])
	.filter(([, box]) => box.width < 24 || box.height < 24)
	.map(([e, box]) => e.outerHTML.slice(0, 80) + " is " + Math.round(box.width) + " by " + Math.round(box.height))`

// axeRun has axe-core judge the page by WCAG 2.2 AA, and by enhanced contrast.
const axeRun = `;axe.run({
	runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
	rules: {"color-contrast-enhanced": {enabled: true}},
}).then(found => found.violations.map(v => v.id + ": " + v.help + ": " + v.nodes.map(n => n.html.slice(0, 120)).join(" | ")))`

func keepScreenshot(t *testing.T, tab context.Context, name string) {
	t.Helper()
	shot, err := chromedp.Run(tab, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(t.ArtifactDir(), name+".png"), shot, 0o644)
	}
	if err != nil {
		t.Error(err)
	}
}

const axeVersion = "4.14.1"

// axeSource is the script that runs axe-core: from POTERNE_AXE, or from npm.
func axeSource(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("POTERNE_AXE"); path != "" {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw) + axeRun
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Skip("neither POTERNE_AXE nor npm is here: the gallery is not judged by axe-core")
	}
	folder := t.TempDir()
	pack := exec.CommandContext(t.Context(), npm, "pack", "--silent", "--pack-destination", folder, "axe-core@"+axeVersion)
	pack.Dir = folder
	if said, err := pack.CombinedOutput(); err != nil {
		t.Fatalf("npm pack: %v: %s", err, said)
	}
	file, err := os.Open(filepath.Join(folder, "axe-core-"+axeVersion+".tgz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	script, err := unpack(file, "package/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	return script + axeRun
}

// unpack returns one file of a packed folder.
func unpack(packed io.Reader, name string) (string, error) {
	plain, err := gzip.NewReader(packed)
	if err != nil {
		return "", err
	}
	for files := tar.NewReader(plain); ; {
		header, err := files.Next()
		if err != nil {
			return "", fmt.Errorf("looking for %s: %w", name, err)
		}
		if header.Name == name {
			var text strings.Builder
			_, err := io.Copy(&text, files)
			return text.String(), err
		}
	}
}
