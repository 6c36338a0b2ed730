//go:build pictures

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"poterne/internal/town"
)

// Pictures of every room on a living town, in both languages, both themes, wide
// and narrow: go test -tags pictures -run Pictures -artifacts ./e2e
func TestPictures(t *testing.T) {
	const size = 100_000
	register, err := town.NewRegister("1", size)
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	origin := fmt.Sprintf("http://localhost:%d", port)
	d := &demo{
		process: start(t, "demo", "--people", fmt.Sprint(size), "--dir", t.TempDir(), "--listen", fmt.Sprintf("localhost:%d", port)),
		origin:  origin, register: register, staff: town.NewStaff(register),
	}
	d.ready(origin)
	began := time.Now()
	pauline, samir := newScreen(t, origin, "fr-FR"), newScreen(t, origin, "fr-FR")
	pauline.signIn(d.button("pauline.mercier"))
	samir.signIn(d.button("samir.cohen"))
	caseload := d.staff.Caseload("pauline.mercier")
	for _, person := range caseload[:3] {
		pauline.open(d.file(person))
	}
	for n := range 3 {
		pauline.open(d.file(d.stranger(n)))
	}
	stopped := d.file(d.stranger(3))
	pauline.open(stopped)
	pauline.open(stopped)
	lucas := d.browser("lucas.ferrand")
	d.get(lucas, "/kairos/api/candidates?count=1000")
	if wait := 150*time.Second - time.Since(began); os.Getenv("POTERNE_HASTE") == "" {
		time.Sleep(wait)
	}
	for _, room := range []struct {
		name string
		on   *screen
		path string
	}{
		{"portal", pauline, "/"}, {"dossier", pauline, d.file(caseload[0])}, {"mine", pauline, "/dossier/mine"}, {"stopped", pauline, stopped},
		{"desk", samir, "/desk"}, {"account", samir, "/desk/accounts/pauline.mercier"}, {"directory", samir, "/desk/directory"},
		{"order", samir, "/desk/orders/new?reach=service&effect=closed&target=dossier"},
	} {
		for _, language := range []string{"fr", "en"} {
			for _, theme := range []string{"light", "dark"} {
				for _, width := range []int64{1280, 360} {
					height := int64(900)
					room.on.do(chromedp.EmulateViewport(width, height))
					room.on.prefers(theme)
					room.on.inLanguage(language)
					room.on.open(room.path)
					if room.name == "desk" {
						room.on.comesToSay("[data-live]", map[string]string{"fr": "En direct", "en": "Live"}[language], 5*time.Second)
						time.Sleep(1200 * time.Millisecond)
					}
					name := fmt.Sprintf("%s-%s-%s-%d", room.name, language, theme, width)
					room.on.keep(name)
					if over, err := chromedp.Run(room.on.tab, chromedp.Evaluate[int64]("document.documentElement.scrollWidth - innerWidth")); err != nil || over > 0 {
						t.Errorf("%s is %d too wide, %v", name, over, err)
					}
					if path := os.Getenv("POTERNE_AXE"); path != "" {
						room.on.axe(name, path)
					}
				}
			}
		}
	}
}

// inLanguage presses the language button of the portal.
func (s *screen) inLanguage(language string) {
	s.open("/")
	if s.count("button[name=language][value="+language+"]") == 1 {
		s.click("button[name=language]")
	}
}

func (s *screen) axe(name, path string) {
	source, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	found, err := chromedp.Run(s.tab, chromedp.Evaluate[[]string](string(source)+`;axe.run({rules: {"color-contrast-enhanced": {enabled: true}}}).then(found => found.violations.map(v => v.impact + " " + v.id + ": " + v.help + ": " + v.nodes.map(n => n.html.slice(0, 160)).join(" | ")))`, chromedp.EvalAwaitPromise))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, violation := range found {
		s.t.Errorf("%s: %s", name, violation)
	}
}

var _ = context.Background
var _ = http.StatusOK
var _ = strings.Contains
