package e2e

import (
	"fmt"
	"html"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// forms is an application whose files are forms to edit. Whatever it is sent, it
// stores.
type forms struct {
	mu     sync.Mutex
	stored url.Values
	saved  int
}

func (f *forms) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if r.Method == http.MethodPost {
		_ = r.ParseForm()
		maps.Copy(f.stored, r.PostForm)
		f.saved++
		_, _ = fmt.Fprint(w, "<!DOCTYPE html><html lang=en><title>Saved</title><h1>Saved</h1>")
		return
	}
	text := func(field string) string { return html.EscapeString(f.stored.Get(field)) }
	_, _ = fmt.Fprintf(w, `<!DOCTYPE html><html lang=en><title>Edit</title><h1>Edit</h1><form method="post" class="person" data-id="41">
<label>Name <input name="name" value="%s"></label>
<label>Telephone <input type="tel" name="phone" value="%s"></label>
<label>Street <textarea name="street">%s</textarea></label>
<input type="hidden" name="nir" value="%s">
<label>Household <select name="family"><option value="one">One</option><option value="two" selected>Two</option></select></label>
<label>Health <input type="checkbox" name="health" value="yes" checked></label>
<label>Note <textarea name="text">%s</textarea></label>
<button>Save</button></form>`, text("name"), text("phone"), text("street"), text("nir"), text("text"))
}

func (f *forms) now() (stored url.Values, saved int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.stored), f.saved
}

// In a real browser, somebody changes what they may see of a file, and saves: that is
// changed, and what was masked is as it was. Whatever is sent round the form is
// refused, and told why, in both languages.
//
// Promises: SCOPE-10, SCOPE-5
func TestSCOPE_10_ABrowserSavesAFormWithoutHarmToWhatItDoesNotShow(t *testing.T) {
	t.Parallel()
	app := &forms{stored: url.Values{
		"name": {"Aline Roche"}, "phone": {"01 99 00 00 41"}, "street": {"1 rue Basse"}, "nir": {"9 99 99 41"}, "family": {"two"}, "health": {"yes"}, "text": {""},
	}}
	want, _ := app.now()
	server := httptest.NewServer(app)
	t.Cleanup(server.Close)
	h := newHouse(t, "forms", map[string]string{"http://127.0.0.1:3000": server.URL})
	h.serve()

	pauline := newScreen(t, h.origin, "en-GB")
	pauline.signIn("0")
	if status := pauline.open("/people/files/41/edit"); status != http.StatusOK {
		t.Fatalf("the form is answered with %d", status)
	}
	pauline.keep("masked-form")
	if masks := pauline.evaluate(`[...document.querySelectorAll("form :disabled")].map(c => c.value).join(" ")`); strings.Count(masks, "•••") < 4 {
		t.Errorf("the masks read %q", masks)
	}
	pauline.do(chromedp.SendKeys(chromedp.CSS("textarea[name=text]"), "seen on Tuesday"))
	if status := pauline.click("form.person button"); status != http.StatusOK {
		t.Fatalf("saving is answered with %d: %s", status, pauline.text("body"))
	}
	pauline.says("h1", "Saved")
	want["text"] = []string{"seen on Tuesday"}
	holds := func() {
		t.Helper()
		stored, saved := app.now()
		if saved != 1 {
			t.Errorf("saved %d times", saved)
		}
		for field, value := range want {
			if strings.TrimSpace(stored.Get(field)) != value[0] || len(stored[field]) != 1 {
				t.Errorf("%s is stored as %q, want %q", field, stored[field], value)
			}
		}
		if len(stored) != len(want) {
			t.Errorf("stored are the fields %q", slices.Sorted(maps.Keys(stored)))
		}
	}
	holds()

	t.Log("Round the form.")
	for language, says := range map[string][2]string{
		"en-GB": {"This change touches fields that do not belong to the purpose of this service", "Saving this would write over data that you do not see"},
		"fr-FR": {"Cette modification touche des champs qui ne relèvent pas de la finalité de ce service", "Enregistrer écraserait des données que vous ne voyez pas"},
	} {
		screen := newScreen(t, h.origin, language)
		screen.signIn("0")
		for i, value := range []string{"", "•••"} {
			screen.open("/people/files/41/edit")
			masked := "form.person input[type=hidden]"
			if screen.evaluate(fmt.Sprintf(`(() => { const c = document.querySelector(%q); c.name = "nir"; c.disabled = false; c.value = %q; return c.name })()`, masked, value)) != "nir" {
				t.Fatal("the field could not be put back")
			}
			if status := screen.click("form.person button"); status != http.StatusForbidden {
				t.Errorf("%q is answered with %d", value, status)
			}
			screen.says("main", says[i])
		}
	}
	holds()
}
