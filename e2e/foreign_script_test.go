package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"poterne/internal/lab/town/life"
)

// PouchDB Server has a page made by scripts, with a sign-in and a form of its own, over documents of
// people: its user signs in, lists, opens, edits and saves in a browser, as without Poterne, but for strangers.
//
// Promises: RUN-9, RUN-2, SCOPE-1
func TestRUN_9_APageMadeByScriptsThatSavesIsGuardedInABrowser(t *testing.T) {
	t.Parallel()
	application, held := documents(t)
	h := newHouse(t, "foreign", map[string]string{"http://127.0.0.1:3000": application})
	h.takeFacts("caseloads", filepath.Join("testdata", "foreign", "caseloads.csv"))
	service, routes := declarationOf(t, "PouchDB Server")
	service = strings.NewReplacer("http://127.0.0.1:5984", application, "people.example", "people.localhost").Replace(service)
	signIn, _, found := strings.Cut(routes, "\n[[service.route]]\nget = \"/people/_all_docs\"")
	if !found {
		t.Fatal("docs/foreign.md does not begin with the sign-in of PouchDB Server")
	}
	host := strings.Replace(h.origin, "localhost", "people.localhost", 1)

	t.Log("Round by round: the page and its sign-in, and all that lies behind it, each of which is refused, and learnt from.")
	var drafts string
	for _, declared := range []string{"", signIn} {
		h.declares(strings.Replace(service, "\n\n", "\nlearn = \"accompany\"\n\n", 1) + declared)
		program := h.serve()
		pauline := life.NewBrowser(host)
		_ = pauline.SignIn(t.Context(), "0")
		asked := func(method, path, media, body string) {
			request, err := http.NewRequestWithContext(t.Context(), method, host+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Accept", "application/json, text/javascript, */*; q=0.01")
			if body != "" {
				request.Header.Set("Origin", host)
				request.Header.Set("Content-Type", media)
			}
			page, err := pauline.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			if refused := declared == "" || strings.Contains(path, "/people/"); refused != (page.Status == http.StatusForbidden) {
				t.Errorf("%s %s: %d", method, path, page.Status)
			}
		}
		asked("GET", "/_utils/", "", "")
		for _, file := range []string{"css/styles-a9623008fc27e79da2388441deeacfab.css", "js/bundle-34997e32896293a1fa5d71f79eb1b4f7.js", "img/pouchdb-site.png", "fonts/fauxtonicon5.woff", "fonts/fontawesome-webfont.woff"} {
			asked("GET", "/_utils/dashboard.assets/"+file, "", "")
		}
		asked("GET", "/_session", "", "")
		asked("GET", "/", "", "")
		asked("POST", "/_session", "application/x-www-form-urlencoded", "name=clerk&password=clerk+of+Valbourg")
		if declared != "" {
			for _, path := range []string{
				"/_all_dbs?_=1796074139515", "/_all_dbs?startkey=%22%22&endkey=%22%E9%A6%99%22&limit=30&_=1796074139516", "/people?_=1796074139519", "/_users?_=1796074139519",
				"/people/_all_docs?startkey=%22_design%2F%22&endkey=%22_design0%22&include_docs=true&limit=501", "/people/_all_docs?limit=21", "/people/_all_docs?startkey=%22%22&endkey=%22%E9%A6%99%22&limit=30&_=1796074139520",
				"/people/" + foreigner(3) + "?conflicts=true", "/people/" + foreigner(4) + "?conflicts=true", "/_uuids?count=1", "/people/_changes?limit=100",
			} {
				asked("GET", path, "", "")
			}
			asked("PUT", "/people/"+foreigner(3)+"?conflicts=true", "application/json", personDocument(3, "1-a68f342d6b70ff7aff3b87e00cca19c2"))
		}
		program.stop()
		drafts += h.poterne("learn", "--config", h.config)
	}
	declaresNobodyHarmless(t, drafts)
	share(t, routes, drafts)

	t.Log("From now on all of it is declared.")
	h.declares(service + routes)
	h.serve()
	pauline := newScreen(t, host, "en-GB")
	pauline.open("/_utils/")
	pauline.click("button[name=person][value='0']")
	pauline.comesToSay("#login", "Enter your username", soon)
	pauline.do(chromedp.SendKeys(chromedp.CSS("#username"), "clerk"), chromedp.SendKeys(chromedp.CSS("#password"), "clerk of Valbourg"), chromedp.Click(chromedp.CSS("#submit")))
	pauline.comesToSay("#notifications", "You have been logged in", soon)
	pauline.evaluate("location.hash = 'database/people/_all_docs'")
	pauline.comesToSay("#dashboard-content", foreigner(3), soon)
	if rows := pauline.count(".doc-row"); rows != 3 { // one of her own among the first twenty, and two strangers
		t.Errorf("%d people are shown, of 20: %s", rows, pauline.text("#dashboard-content"))
	}
	pauline.keep("pouchdb-list")
	pauline.evaluate("location.hash = 'database/people/" + foreigner(3) + "'")
	pauline.comesToSay(".ace_content", "06 39 98 10 03", soon)
	pauline.keep("pouchdb-form")
	pauline.evaluate("(editor => editor.setValue(editor.getValue().replace('06 39 98 10 03', '06 39 98 77 77')))(document.querySelector('.ace_editor').env.editor) ?? ''")
	pauline.do(chromedp.Click(chromedp.CSS(".save-doc")))
	pauline.comesToSay("#dashboard-content", `"2-`, soon) // the page leads back to the list, where its second revision is
	if now := held(3); !strings.Contains(now, "06 39 98 77 77") || !strings.Contains(now, `"_rev":"2-`) {
		t.Errorf("the application has %s", now)
	}

	t.Log("Nobody else's document opens, or is written over, through hers or by its own address; and no other change is made.")
	pauline.tries()
	before, hers := held(20), held(3)
	for _, try := range []struct{ method, path, body string }{
		{"GET", "/people/" + foreigner(20), ""},
		{"GET", "/people/_changes", ""},
		{"GET", "/people/_all_docs?keys=%5B%22" + foreigner(20) + "%22%5D", ""},
		{"PUT", "/people/" + foreigner(20), personDocument(20, "1-0")},
		{"PUT", "/people/" + foreigner(3), personDocument(20, "1-0")},
		{"PUT", "/people/" + foreigner(3), strings.Replace(personDocument(3, "2-0"), "{", `{"_deleted":true,`, 1)},
		{"DELETE", "/people/" + foreigner(3) + "?rev=2-0", ""},
		{"POST", "/people/_bulk_docs", `{"docs":[` + personDocument(20, "1-0") + "]}"},
		{"DELETE", "/people", ""},
	} {
		script := fmt.Sprintf("fetch(%q, { method: %q, headers: { accept: 'application/json', 'content-type': 'application/json' }, body: %q || undefined }).then(r => String(r.status))", try.path, try.method, try.body)
		if got := pauline.evaluate(script); got != "403" {
			t.Errorf("%s %s is answered with %s", try.method, try.path, got)
		}
	}
	if got := pauline.evaluate("fetch('/_config', { headers: { accept: 'application/json' } }).then(r => r.text())"); strings.Contains(got, "pbkdf2") || strings.Contains(got, "admins") || !strings.HasPrefix(got, "{") {
		t.Errorf("the server's configuration is answered with %s", got)
	}
	if held(20) != before || held(3) != hers {
		t.Errorf("the application has %s and %s", held(20), held(3))
	}
	h.verified()
}

// personDocument is what PouchDB Server holds of one of the forty invented people, at a revision where it has one.
func personDocument(n int, revision string) string {
	said := fmt.Sprintf(`{"_id":%q,"first_name":"Invented","last_name":"Dumontet","birth":"19%d-03-11","email":"contact%d@boite.example","phone":"06 39 98 10 %02d"`, foreigner(n), 50+n, n, n)
	if revision != "" {
		said += fmt.Sprintf(`,"_rev":%q`, revision)
	}
	return said + "}"
}

// documents starts PouchDB Server over a document of each of the forty invented people, which only its clerk may read,
// and returns its address, and what gives what it holds of one of them.
func documents(t *testing.T) (address string, held func(n int) string) {
	program := npm(t, "pouchdb-server", "4.2.0", filepath.Join("bin", "pouchdb-server"))
	place := t.TempDir()
	settings := filepath.Join(place, "config.json")
	if err := os.WriteFile(settings, []byte(fmt.Sprintf(`{"admins":{"clerk":"clerk of Valbourg"},"log":{"file":%q}}`, filepath.Join(place, "log.txt"))), 0o600); err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	server := exec.Command("node", program, "--in-memory", "--port", fmt.Sprint(port), "--config", settings)
	server.Dir = place
	neighbour(t, server, port)
	address = fmt.Sprintf("http://127.0.0.1:%d", port)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	clerk := &http.Client{Jar: jar}
	says := func(method, path, media, body string) string {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, address+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", media)
		answer, err := clerk.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode >= 300 {
			t.Fatalf("%s %s: %s %v\n%s", method, path, answer.Status, err, text)
		}
		return string(text)
	}
	says(http.MethodPost, "/_session", "application/x-www-form-urlencoded", url.Values{"name": {"clerk"}, "password": {"clerk of Valbourg"}}.Encode())
	says(http.MethodPut, "/people", "application/json", "")
	says(http.MethodPut, "/people/_security", "application/json", `{"members":{"names":["clerk"],"roles":[]}}`)
	for n := 1; n <= 40; n++ {
		says(http.MethodPut, "/people/"+foreigner(n), "application/json", personDocument(n, ""))
	}
	return address, func(n int) string { return says(http.MethodGet, "/people/"+foreigner(n), "application/json", "") }
}
