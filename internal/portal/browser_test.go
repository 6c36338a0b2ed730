package portal_test

import (
	"context"
	"maps"
	"net/http/httptest"
	"slices"
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

// widths are those at which a page in either language is held to need no scrolling sideways.
var widths = []int64{320, 768, 1920}

func TestRUN_7_EveryPageIsReadableInABrowser(t *testing.T) {
	axe := portaltest.Axe(t)
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
					for _, check := range portaltest.Readable {
						wrong, err := chromedp.Run(tab, chromedp.Evaluate[[]string](check, chromedp.EvalAwaitPromise))
						if err != nil {
							t.Fatal(err)
						}
						for _, complaint := range wrong {
							t.Error(complaint)
						}
					}
					portaltest.KeepScreenshot(t, tab, name+"-"+look.language)
					for _, width := range widths {
						if err := chromedp.Do(tab, chromedp.EmulateViewport(width, look.height)); err != nil {
							t.Fatal(err)
						}
						wide, err := chromedp.Run(tab, chromedp.Evaluate[int64]("document.documentElement.scrollWidth"))
						if err != nil || wide > width {
							t.Errorf("the page is %d wide in a window of %d: %v", wide, width, err)
						}
					}
					if err := chromedp.Do(tab, chromedp.EmulateViewport(look.width, look.height)); err != nil {
						t.Fatal(err)
					}
				})
			}
		})
	}
}
