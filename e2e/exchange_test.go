package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// misbehaving is an application that answers about whomever it is asked for, each
// time in another way: with a plain part, no body, a redirection, an empty list, a
// header that says nobody.
func misbehaving(asked func(who string)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
		if len(parts) < 2 {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = fmt.Fprint(w, "<!doctype html><p>Accueil</p>")
			return
		}
		who := parts[1]
		asked(who)
		switch who[len(who)-1] {
		case '1', '6':
			w.WriteHeader(http.StatusNoContent)
		case '2', '7':
			http.Redirect(w, r, "/", http.StatusFound)
		case '3', '8':
			w.Header().Set("Content-Type", "application/pdf")
			w.Header().Set("Poterne-People", "nobody")
			_, _ = fmt.Fprint(w, "%PDF")
		case '4', '9':
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprint(w, "[]")
		default:
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"status":"dossier %s suivi"}`, who)
		}
	})
}

// Two hundred strangers are named, in every way an application can answer about
// them: as many as the hour allows are shown, each of them is found, and of the
// others the application is not even asked. A path that ends in a slash is no more
// than itself.
//
// Promises: SCOPE-9, SCOPE-1, METER-3
func TestSCOPE_9_NobodyWhoIsNamedGoesRoundTheAllowance(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	asked := make(map[string]bool)
	application := httptest.NewServer(misbehaving(func(who string) {
		mu.Lock()
		defer mu.Unlock()
		asked[who] = true
	}))
	t.Cleanup(application.Close)
	h := newHouse(t, "application", map[string]string{
		"http://127.0.0.1:3000": application.URL, "adviser     = { hour = 20, month = 20 }": "adviser = { hour = 3, month = 20 }",
		"[[service.route]]\nget = \"/list\"\n": `[[service.route]]
get = "/"
html = { plain = "body" }

[[service.route]]
get = "/sub/{id}/status"
request = { path = { dossier = "id" } }
shows = ["note"]
json = { plain = "$.status" }

[[service.route]]
get = "/rows/{id}/"
request = { path = { dossier = "id" } }
json = { row = "$[*]", person = { dossier = "@.id" }, fields = { name = "@.name" } }

[[service.route]]
get = "/letters/{id}"
request = { path = { dossier = "id" } }
header = { name = "Poterne-People", schemes = ["dossier"] }
unread = ["application/pdf"]

[[service.route]]
get = "/list"
`,
	})
	program := h.serve()
	pauline := h.browser("pauline.mercier")
	var shown []string
	for n := range 200 {
		who := crowdID(7000 + n)
		path := "/people/sub/" + who + "/status"
		switch who[len(who)-1] {
		case '3', '8':
			path = "/people/letters/" + who
		case '4', '9':
			path = "/people/rows/" + who + "/"
		}
		if page := h.get(pauline, path); page.Status == http.StatusOK || page.Status == http.StatusNoContent {
			shown = append(shown, who)
		}
	}
	if page := h.get(pauline, "/people/secret.html"); page.Status != http.StatusForbidden || asked["secret.html"] {
		t.Errorf("/secret.html is below /: status %d", page.Status)
	}
	if page := h.get(pauline, "/people/"); page.Status != http.StatusOK || !strings.Contains(string(page.Body), "Accueil") {
		t.Errorf("/ itself: status %d", page.Status)
	}
	program.stop()
	t.Logf("Of 200 strangers, something went out about %v.", shown)
	if len(shown) != 3 || len(asked) != 3 {
		t.Errorf("%d people were shown, the application was asked for %d; want the 3 of the hour", len(shown), len(asked))
	}
	for _, who := range shown {
		if seen := h.poterne("ledger", "who-saw", "--because", "a complaint", "--config", h.config, "--as", "nadia", who); !strings.Contains(seen, "pauline.mercier") {
			t.Errorf("nobody saw %s:\n%s", who, seen)
		}
	}
	h.verified()
}
