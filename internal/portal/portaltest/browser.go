package portaltest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"poterne/internal/roster"
)

// Chromium is where the browser of tests is: its shell without windows where that is,
// which is the same engine, and takes a third less to start and to show a page.
func Chromium() (path string, err error) {
	if path, err = exec.LookPath("chromium-headless-shell"); err != nil {
		path, err = exec.LookPath("chromium")
	}
	return path, err
}

// OpenTab starts a browser.
func OpenTab(t *testing.T) context.Context {
	t.Helper()
	path, err := Chromium()
	if err != nil {
		t.Skip("chromium is not here: the pages are not looked at")
	}
	tab, stop := chromedp.NewContext(context.Background(), chromedp.WithAllocatorOptions(chromedp.ExecPath(path),
		chromedp.Flag("no-sandbox", true), chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-features", "Translate,SpareRendererForSitePerProcess"), chromedp.UserDataDir(t.TempDir()),
	))
	t.Cleanup(stop)
	return tab
}

// As makes a tab ask as an account, in English.
func As(who roster.AccountID) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		if _, err := cdp.Call(ctx, target, network.Enable, network.EnableParams{}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, target, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{
			Headers: network.Headers{Actor: string(who), "Accept-Language": "en"},
		})
		return err
	})
}

// KeepScreenshot keeps what a tab shows among the test's artifacts: the whole page, a wide
// one at half its size. Painting all of it once more is most of what a picture takes.
func KeepScreenshot(t *testing.T, tab context.Context, name string) {
	t.Helper()
	shot, err := chromedp.Run(tab, picture)
	if err == nil {
		err = os.WriteFile(filepath.Join(t.ArtifactDir(), name+".png"), shot, 0o644)
	}
	if err != nil {
		t.Error(err)
	}
}

func picture(ctx context.Context, target *chromedp.Target) ([]byte, error) {
	size, err := chromedp.Evaluate[[]float64](`[innerWidth, document.documentElement.scrollHeight]`)(ctx, target)
	if err != nil {
		return nil, err
	}
	beyond := true
	shot, err := cdp.Call(ctx, target, page.CaptureScreenshot, page.CaptureScreenshotParams{
		CaptureBeyondViewport: &beyond, Clip: &page.Viewport{Width: size[0], Height: size[1], Scale: min(1, 640/size[0])},
	})
	if err != nil {
		return nil, err
	}
	return shot.Data, nil
}
