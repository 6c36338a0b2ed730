//go:build pictures

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Pictures of every room on a living town, in both languages, both themes, wide
// and narrow, with the test's artifacts; those of the documentation go to docs/img:
//
//	go test -tags pictures -run Pictures -artifacts ./e2e
func TestPictures(t *testing.T) {
	const size = 100_000
	port, dir := freePort(t), t.TempDir()
	d := &demo{
		process: start(t, "demo", "--people", fmt.Sprint(size), "--dir", dir, "--listen", fmt.Sprintf("localhost:%d", port)),
		dir:     dir, origin: fmt.Sprintf("http://localhost:%d", port),
	}
	d.ready(d.origin)
	d.visit(t, size)
	pauline, samir := newScreen(t, d.origin, "fr-FR"), newScreen(t, d.origin, "fr-FR")
	pauline.signIn(d.button("pauline.mercier"))
	samir.signIn(d.button("samir.cohen"))
	caseload := d.staff.Caseload("pauline.mercier")
	stopped := d.file(d.staff.Stranger(3))
	steps := []string{"/dossier/"}
	for _, person := range caseload[:3] {
		steps = append(steps, d.file(person))
	}
	for n := range 4 {
		steps = append(steps, d.file(d.staff.Stranger(n)))
	}
	for _, path := range steps { // a morning, told in two minutes and a half
		time.Sleep(18 * time.Second)
		pauline.open(path)
	}
	samir.open("/incidents/new?account=pauline.mercier")
	samir.click("main form button.main")
	samir.click("main form[action$='/count'] button")
	samir.do(chromedp.SetValue(chromedp.CSS("#at"), time.Now().Add(-70*time.Minute).Format("2006-01-02T15:04")), chromedp.SendKeys(chromedp.CSS("#aware-because"), "Alerte du poste de garde"))
	samir.click("main form[action$='/aware'] button")
	incident := samir.evaluate(`Promise.resolve(location.pathname)`)
	rooms := []struct {
		name string
		on   *screen
		path string
	}{
		{"desk", samir, "/desk"},
		{"account", samir, "/desk/accounts/pauline.mercier"},
		{"wall", samir, "/desk/wall"},
		{"month", samir, "/desk/month"},
		{"directory", samir, "/desk/directory"},
		{"order", samir, "/desk/orders/new?reach=service&effect=closed&target=dossier"},
		{"incident", samir, incident},
		{"notice", samir, incident + "/notices/cnil"},
		{"message", samir, incident + "/message"},
		{"portal", pauline, "/"},
		{"stopped", pauline, stopped},
		{"dossier", pauline, d.file(caseload[0])},
		{"mine", pauline, "/dossier/mine"},
	}
	for _, language := range []string{"fr", "en"} {
		pauline.inLanguage(language)
		samir.inLanguage(language)
		for _, room := range rooms {
			room.on.do(chromedp.EmulateViewport(1280, 960))
			room.on.prefers("light")
			room.on.open(room.path)
			if room.name == "desk" || room.name == "wall" {
				time.Sleep(2500 * time.Millisecond) // it comes alive
			}
			for _, theme := range []string{"light", "dark"} {
				for _, width := range []int64{1280, 360} {
					room.on.do(chromedp.EmulateViewport(width, 960))
					room.on.prefers(theme)
					name := fmt.Sprintf("%s-%s-%s-%d", room.name, language, theme, width)
					room.on.keep(name)
					over, err := chromedp.Run(room.on.tab, chromedp.Evaluate[int64]("document.documentElement.scrollWidth - innerWidth"))
					if err != nil || over > 0 {
						t.Errorf("%s is %d too wide, %v", name, over, err)
					}
					if language == "fr" && width == 1280 {
						room.on.forDocs(room.name, theme)
					}
				}
			}
		}
	}
}

// docsPictures says how much of which page goes to the documentation.
var docsPictures = map[string]struct {
	file   string
	height int64
}{
	"portal light": {"portal", 1360}, "stopped light": {"stopped", 720}, "dossier light": {"dossier", 960},
	"desk light": {"desk", 1520}, "desk dark": {"desk-dark", 1520}, "wall dark": {"wall", 960}, "month light": {"month", 1200}, "incident light": {"incident", 1500}, "account light": {"account", 1480},
}

// forDocs keeps the upper part of a page in docs/img.
func (s *screen) forDocs(room, theme string) {
	wanted, ok := docsPictures[room+" "+theme]
	if !ok {
		return
	}
	s.do(chromedp.EmulateViewport(1280, wanted.height))
	picture, err := chromedp.Run(s.tab, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join("..", "docs", "img", wanted.file+".png"), picture, 0o644)
	}
	if err != nil {
		s.t.Error(err)
	}
}

// inLanguage presses the language button of the portal.
func (s *screen) inLanguage(language string) {
	s.open("/")
	if s.count("button[name=language][value="+language+"]") == 1 {
		s.click("button[name=language]")
	}
}

// prefers sets the theme, light or dark.
func (s *screen) prefers(theme string) {
	s.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}},
		})
		return err
	}))
}
