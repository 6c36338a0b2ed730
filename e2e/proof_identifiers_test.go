package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode"

	"poterne/internal/lab/town/life"
	"poterne/internal/ledger"
	"poterne/internal/register"
)

// lenient is an application that reads identifiers as atoi, parseInt and the like
// do: what can be taken for a number at the beginning is one, wherever a request
// has it. It remembers whom it was asked about.
type lenient struct {
	mu  sync.Mutex
	met []int
}

// number reads the number at the beginning of a text.
func number(text string) (int, bool) {
	text = strings.TrimPrefix(strings.TrimSpace(text), "+")
	var digits strings.Builder
	for _, r := range text {
		if '０' <= r && r <= '９' {
			r += '0' - '０'
		}
		if !unicode.IsDigit(r) {
			break
		}
		digits.WriteRune(r)
	}
	n, err := strconv.Atoi(digits.String())
	return n, err == nil
}

// inside finds a number by the names it may go under, however deep.
func inside(value any) (int, bool) {
	switch value := value.(type) {
	case float64:
		return int(value), true
	case string:
		return number(value)
	case []any:
		for _, one := range value {
			if n, ok := inside(one); ok {
				return n, true
			}
		}
	case map[string]any:
		for _, name := range []string{"person", "id", "data", "Person"} {
			if n, ok := inside(value[name]); ok {
				return n, true
			}
		}
	}
	return 0, false
}

func (l *lenient) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	var sent any
	_ = json.Unmarshal(body, &sent)
	n, named := number(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:])
	for _, text := range []string{r.URL.Query().Get("person"), form.Get("person"), form.Get("id")} {
		if !named {
			n, named = number(text)
		}
	}
	if !named && r.Method == http.MethodPost {
		if n, named = inside(sent); !named {
			n, named = 999, true // without a name it is the last one's turn
		}
	}
	l.mu.Lock()
	if named {
		l.met = append(l.met, n)
	}
	l.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprint(w, `{"status":"done"}`)
}

// times is how often it was asked about somebody.
func (l *lenient) times(n int) (times int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, met := range l.met {
		if met == n {
			times++
		}
	}
	return times
}

// In front of an application that reads identifiers leniently, whoever is named by
// another spelling than the declared one, or by none, is never asked for: neither
// the application nor the ledger hears of a person under two names. Spelled as
// declared the person is written, and who-saw finds them.
//
// Promises: SCOPE-10, SCOPE-1
func TestSCOPE_10_ALenientApplicationNeverHearsOfSomebodyUnderAnotherSpelling(t *testing.T) {
	t.Parallel()
	app := &lenient{}
	server := httptest.NewServer(app)
	t.Cleanup(server.Close)
	h := newHouse(t, "lenient", map[string]string{"http://127.0.0.1:3000": server.URL})
	h.serve()
	pauline := h.browser("pauline.mercier")
	const canary = 999

	spellings := []string{
		"0999", "00000999", "999-x", "999abc", "999.0", "999,1", "+999", "９９９", " 999", "999 ", "999 or 1=1", "999e0", "999_", "9 99", "999'", "999:1", "٩٩٩", "\u00a0999", "999\u200b",
	}
	var passed []string
	tried := func(how string, page life.Page) {
		if n := app.times(canary); n > 0 || page.Status != http.StatusForbidden {
			passed = append(passed, fmt.Sprintf("%s: %d", how, page.Status))
			app.mu.Lock()
			app.met = nil
			app.mu.Unlock()
		}
	}
	for _, spelled := range spellings {
		tried(fmt.Sprintf("path %q", spelled), h.get(pauline, "/people/files/"+url.PathEscape(spelled)))
		tried(fmt.Sprintf("query %q", spelled), h.get(pauline, "/people/status?person="+url.QueryEscape(spelled)))
		tried(fmt.Sprintf("form %q", spelled), h.send(pauline, "/people/notes", "application/x-www-form-urlencoded", url.Values{"person": {spelled}}.Encode()))
		text, _ := json.Marshal(map[string]string{"person": spelled})
		tried("json "+string(text), h.send(pauline, "/people/api/notes", "application/json", string(text)))
	}
	for _, body := range []string{
		`{"person":999.0}`, `{"person":9.99e2}`, `{"person":999e0}`, `[{"person":999}]`, `{"data":{"person":999}}`, `{"person":null,"id":999}`, `{"person":{"id":999}}`,
		`{"person":[999]}`, `{"id":999}`, `{"Person":999}`, `{"person":"","id":999}`, `{"person":true,"id":999}`, `{}`, `[]`, `999`, `"999"`, `null`, ``,
	} {
		tried("json "+body, h.send(pauline, "/people/api/notes", "application/json", body))
	}
	for _, body := range []string{"text=a", "person=&text=a", "person", "", "person=1&person=&text=a", "id=999&text=a"} {
		tried("form "+body, h.send(pauline, "/people/notes", "application/x-www-form-urlencoded", body))
	}
	if len(passed) > 0 {
		t.Errorf("%d of %d spellings passed:\n%s", len(passed), 4*len(spellings)+24, strings.Join(passed, "\n"))
	}
	for _, entry := range h.entries(1) {
		if entry.Disclosed() || entry.Kind == ledger.Changed || !entry.Person.IsZero() {
			t.Errorf("entry %d is about somebody: %v %v", entry.Number, entry.Kind, entry.Why)
		}
	}
	if told := h.poterne("ledger", "who-saw", "--because", "a complaint", "--config", h.config, "--as", "samir.cohen", "999"); !strings.Contains(told, "nobody was shown this person") {
		t.Errorf("who-saw says of the canary: %s", told)
	}

	// As declared, the person is found wherever they are named.
	for i, sent := range []life.Page{
		h.send(pauline, "/people/notes", "application/x-www-form-urlencoded", "person=41&text=a"),
		h.send(pauline, "/people/api/notes", "application/json", `{"person":42}`),
		h.send(pauline, "/people/api/notes", "application/json", `{"person":"43"}`),
	} {
		n := 41 + i
		if sent.Status != http.StatusOK || app.times(n) != 1 {
			t.Errorf("%d is answered with %d, asked for %d times", n, sent.Status, app.times(n))
		}
		person := h.key.Person(fmt.Sprint(n))
		if !slices.ContainsFunc(h.entries(1), func(e ledger.Entry) bool { return e.Person == person && e.Fields.Has(register.Note) }) {
			t.Errorf("%d is not in the ledger", n)
		}
	}
	if _, code := poterne(t, "ledger", "who-saw", "--because", "a complaint", "--config", h.config, "--as", "samir.cohen", "042"); code == 0 {
		t.Error("who-saw takes another spelling for an identifier")
	}
}

// send posts a body.
func (h *house) send(b *life.Browser, path, contentType, body string) life.Page {
	h.t.Helper()
	request, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, h.origin+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	request.Header.Set("Content-Type", contentType)
	page, err := b.Do(request)
	if err != nil {
		h.t.Fatal(err)
	}
	return page
}
