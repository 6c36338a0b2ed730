package portal_test

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

	"poterne/internal/portal/portaltest"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
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
	t.Cleanup(site.Close)
	for _, look := range looks { // each in a browser of its own, beside the other
		t.Run(look.language, func(t *testing.T) {
			t.Parallel()
			tab := portaltest.OpenTab(t)
			// Each document finds axe-core there: the browser is sent it once, not with every page.
			prepare := chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
				_, err := cdp.Call(ctx, target, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: axe})
				if err == nil {
					_, err = cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
						Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: look.theme}},
					})
				}
				return err
			})
			if err := chromedp.Do(tab, chromedp.EmulateViewport(look.width, look.height), prepare); err != nil {
				t.Fatal(err)
			}
			for _, name := range slices.Sorted(maps.Keys(Scenes())) {
				t.Run(name, func(t *testing.T) {
					if err := chromedp.Do(tab, chromedp.Navigate(site.URL+"/gallery/"+look.language+"/"+name)); err != nil {
						t.Fatal(err)
					}
					for _, check := range []string{tooWide, tooSmall, axeRun} {
						wrong, err := chromedp.Run(tab, chromedp.Evaluate[[]string](check, chromedp.EvalAwaitPromise))
						if err != nil {
							t.Fatal(err)
						}
						for _, complaint := range wrong {
							t.Error(complaint)
						}
					}
					portaltest.KeepScreenshot(t, tab, name+"-"+look.language)
				})
			}
		})
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

// axeRun has axe-core judge the page by WCAG 2.2 AA, and by enhanced contrast. It says no
// more of what it finds right than that it is.
const axeRun = `axe.run({
	resultTypes: ["violations"],
	selectors: false,
	runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
	rules: {"color-contrast-enhanced": {enabled: true}},
}).then(found => found.violations.map(v => v.id + ": " + v.help + ": " + v.nodes.map(n => n.html.slice(0, 120)).join(" | ")))`

const axeVersion = "4.14.1"

// axeSource is axe-core's script: from POTERNE_AXE, or from npm.
func axeSource(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("POTERNE_AXE"); path != "" {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
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
	return script
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
