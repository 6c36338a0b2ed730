package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/jackc/pgx/v5"

	"poterne/internal/lab/town/life"
	"poterne/internal/store/storetest"
)

// foreigner is somebody of the forty invented people whom testdata's applications have.
func foreigner(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-9000000000%02d", n) }

// declarationOf is what docs/foreign.md declares of an application: the table of its service,
// and its routes.
func declarationOf(t *testing.T, application string) (service, routes string) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "docs", "foreign.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "\n## "+application+"\n")
	block := tomlBlock.FindStringSubmatch(section)
	if !found || block == nil {
		t.Fatalf("docs/foreign.md declares nothing under %s", application)
	}
	service, routes, _ = strings.Cut(block[1], "\n\n")
	return service + "\n\n", routes
}

// declares writes what is declared of the application into the configuration, in place of what was.
func (h *house) declares(text string) {
	h.t.Helper()
	before, err := os.ReadFile(h.config)
	if err != nil {
		h.t.Fatal(err)
	}
	kept, _, _ := strings.Cut(string(before), "\n[[service]]")
	h.write("poterne.toml", kept+"\n"+text)
}

// share holds what was made of a draft against it: 60 lines, four fifths of which it had word for
// word, as they are or behind a #; and of those that say where people are, 95 %.
func share(t *testing.T, routes, draft string) {
	t.Helper()
	total, kept, people, found := shareOf(t, routes, draft)
	if found*100 < people*95 {
		t.Errorf("%d lines say where people are, of which %d were drafted:\n%s", people, found, draft)
	}
	if total > 60 || kept*100 < total*80 {
		t.Errorf("%d lines, of which %d were drafted:\n%s", total, kept, draft)
	}
}

// shareOf counts the lines of what was made of a draft, those that it had word for word, as they are or behind
// a #, and both of those that say where people are.
func shareOf(t *testing.T, routes, draft string) (total, kept, people, found int) {
	t.Helper()
	for line := range strings.Lines(routes) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		ofPeople := ofPeopleLine.MatchString(line)
		if ofPeople {
			people++
		}
		if total++; isDrafted(line, draft) {
			kept++
			if ofPeople {
				found++
			}
		} else {
			t.Logf("by hand: %s", line)
		}
	}
	t.Logf("%d lines, of which %d were drafted; %d say where people are, of which %d were", total, kept, people, found)
	return total, kept, people, found
}

// isDrafted reports whether a line stands in a draft word for word. What is written into one line of a row, or of its
// fields, is drafted if each of its entries is.
func isDrafted(line, draft string) bool {
	if strings.Contains(draft, line+"\n") || strings.Contains(draft, line+" #") {
		return true
	}
	key, inline, found := strings.Cut(line, " = { ")
	inline, closed := strings.CutSuffix(inline, " }")
	before := ""
	if key == "fields" {
		before = "fields."
	}
	message := strings.HasPrefix(key, `"`)
	if !found || !closed || before == "" && !message && !strings.HasPrefix(inline, "row = ") {
		return false
	}
	all := !message || strings.Contains(draft, ".sends."+key)
	depth, from := 0, 0
	for i, r := range inline + "," {
		switch {
		case strings.ContainsRune("[{", r):
			depth++
		case strings.ContainsRune("]}", r):
			depth--
		case r == ',' && depth == 0:
			all = all && isDrafted(before+strings.TrimSpace(inline[from:i]), draft)
			from = i + 1
		}
	}
	return all
}

// ofPeopleLine is a line that says who is in a row, or what of them.
var ofPeopleLine = regexp.MustCompile(`^(person|fields|request|written)\b|\bperson = `)

// harmlessKeys are those that say that something speaks of nobody, or changes nothing: learn writes none of them.
var harmlessKeys = regexp.MustCompile(`^(query|form|members|headers|cookies)\b|\b(plain|static|unread|shows|reads)\b`)

func declaresNobodyHarmless(t *testing.T, draft string) {
	t.Helper()
	for line := range strings.Lines(draft) {
		if said, _, _ := strings.Cut(line, "#"); harmlessKeys.MatchString(said) {
			t.Errorf("learn declares by itself: %s", line)
		}
	}
}

// express-admin has pages made by a server, with sessions and CSRF tokens, over a table of
// people: its user signs in, lists, opens, edits and saves in a browser, as without Poterne, but
// for strangers.
//
// Promises: RUN-9, RUN-2, SCOPE-1
func TestRUN_9_PagesOfAnApplicationWithSessionsAreGuardedInABrowser(t *testing.T) {
	t.Parallel()
	application, database := admin(t)
	h := newHouse(t, "foreign", map[string]string{"http://127.0.0.1:3000": application})
	h.takeFacts("caseloads", filepath.Join("testdata", "foreign", "caseloads.csv"))
	service, routes := declarationOf(t, "express-admin")
	service = strings.NewReplacer("http://127.0.0.1:3500", application, "people.example", "people.localhost").Replace(service)
	signIn, _, found := strings.Cut(routes, "\n[[service.route]]\nget = \"/people\"")
	if !found {
		t.Fatal("docs/foreign.md does not begin with the sign-in of express-admin")
	}
	host := strings.Replace(h.origin, "localhost", "people.localhost", 1)

	t.Log("Round by round: the page of the sign-in, its form, and all that lies behind it, each of which is refused, and learnt from.")
	page, _, _ := strings.Cut(signIn, "\n[[service.route]]\npost")
	var draft string
	for round, declared := range []string{"", page, signIn} {
		h.declares(strings.Replace(service, "\n\n", "\nlearn = \"accompany\"\n\n", 1) + declared)
		program := h.serve()
		pauline := life.NewBrowser(host)
		_ = pauline.SignIn(t.Context(), "0") // to a page that nobody declared
		status, body := sent(t, pauline, host, http.MethodGet, "/login", nil)
		if shown := round > 0; shown != (status == http.StatusOK) {
			t.Fatalf("round %d: the sign-in is answered with %d:\n%s", round, status, body)
		}
		if round > 0 {
			sent(t, pauline, host, http.MethodPost, "/login", url.Values{"_csrf": {csrf(body)}, "username": {"clerk"}, "password": {"clerk of Valbourg"}})
		}
		if round == 2 {
			for _, path := range []string{"/people?p=1", "/people/" + foreigner(3), "/people/" + foreigner(4), "/csslib/bootstrap.min.css", "/jslib/cookie.js", "/express-admin.css", "/express-admin.js", "/favicon.ico", "/bootswatch/default/bootstrap.min.css", "/bootswatch/fonts/glyphicons-halflings-regular.woff"} {
				if status, body := sent(t, pauline, host, http.MethodGet, path, nil); status != http.StatusForbidden || strings.Contains(body, "boite.example") {
					t.Errorf("%s: %d", path, status)
				}
			}
			name := "view[people][records][0][columns]"
			sent(t, pauline, host, http.MethodPost, "/people/"+foreigner(3), url.Values{
				"_csrf": {"x"}, "view[people][records][0][pk]": {foreigner(3)}, name + "[id]": {foreigner(3)}, name + "[first_name]": {"Denis"}, name + "[last_name]": {"Fourcade"},
				name + "[birth]": {"1953-03-13"}, name + "[email]": {"contact3@boite.example"}, name + "[phone]": {"06 39 98 10 03"}, name + "[note]": {"Came to the desk."}, "action[save]": {""},
			})
		}
		program.stop()
		draft += h.poterne("learn", "--config", h.config)
	}
	declaresNobodyHarmless(t, draft)
	share(t, routes, draft)

	t.Log("From now on all of it is declared.")
	h.declares(service + routes)
	h.serve()
	pauline := newScreen(t, host, "en-GB")
	pauline.open("/login")
	pauline.click("button[name=person][value='0']")
	pauline.arrivesAt("/login")
	adminSignIn(pauline)
	pauline.says("#content", "people")
	if status := pauline.open("/people"); status != http.StatusOK {
		t.Fatalf("the list is answered with %d", status)
	}
	if rows, all := pauline.count("tbody tr"), len(list(t, database, "first_name")); rows != 3 || all != 40 { // one of her own on this page, and two strangers
		t.Errorf("%d people are shown, of %d", rows, all)
	}
	pauline.keep("express-admin-list")
	if status := pauline.click("a[href='/people/" + foreigner(3) + "']"); status != http.StatusOK {
		t.Fatalf("one of her own is answered with %d", status)
	}
	const phone = `input[name="view[people][records][0][columns][phone]"]`
	pauline.do(chromedp.SetValue(chromedp.CSS(phone), "06 39 98 77 77"))
	pauline.keep("express-admin-form")
	if status := pauline.click("button[name='action[save]']"); status != http.StatusOK {
		t.Errorf("saving is answered with %d", status)
	}
	pauline.arrivesAt("/people")
	pauline.says("tbody", "06 39 98 77 77")
	if list(t, database, "phone")[foreigner(3)] != "06 39 98 77 77" {
		t.Error("what was saved is not there")
	}

	t.Log("Nobody else's page opens, is written over through hers, or is deleted by the button that the page has.")
	pauline.tries()
	if status := pauline.open("/people/" + foreigner(20)); status != http.StatusForbidden {
		t.Errorf("a stranger is answered with %d", status)
	}
	before := list(t, database, "phone")
	for _, press := range []struct{ field, button string }{{"pk", "save"}, {"columns][id", "save"}, {"", "remove"}} {
		pauline.open("/people/" + foreigner(3))
		if press.field != "" {
			pauline.evaluate(fmt.Sprintf("document.getElementsByName('view[people][records][0][%s]')[0].value = %q", press.field, foreigner(20)))
		}
		if status := pauline.click("button[name='action[" + press.button + "]']"); status != http.StatusForbidden {
			t.Errorf("%v is answered with %d", press, status)
		}
	}
	if after := list(t, database, "phone"); !maps.Equal(before, after) {
		t.Errorf("the application has %v", after)
	}
	h.verified()
}

// list is one column of what express-admin's database has, by person.
func list(t *testing.T, database *pgx.ConnConfig, column string) map[string]string {
	t.Helper()
	db, err := pgx.ConnectConfig(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.WithoutCancel(t.Context()))
	rows, err := db.Query(t.Context(), "SELECT id, "+pgx.Identifier{column}.Sanitize()+" FROM people")
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	var id, value string
	if _, err := pgx.ForEachRow(rows, []any{&id, &value}, func() error { all[id] = value; return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// sent sends a request as a page of the application would, and returns its answer.
func sent(t *testing.T, b *life.Browser, host, method, path string, form url.Values) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, host+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		request.Header.Set("Origin", host)
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	page, err := b.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	return page.Status, string(page.Body)
}

var csrfField = regexp.MustCompile(`name="_csrf" value="([^"]*)"`)

// csrf is the token in a form.
func csrf(page string) string {
	if found := csrfField.FindStringSubmatch(page); found != nil {
		return found[1]
	}
	return ""
}

// adminSignIn passes by express-admin's own sign-in.
func adminSignIn(s *screen) {
	s.t.Helper()
	s.do(chromedp.SendKeys(chromedp.CSS("input[name=username]"), "clerk"), chromedp.SendKeys(chromedp.CSS("input[name=password]"), "clerk of Valbourg"))
	s.click("input[type=submit]")
}

// admin starts express-admin over a table of testdata's invented people, and returns its address
// and its database.
func admin(t *testing.T) (address string, _ *pgx.ConnConfig) {
	cluster := storetest.StartPostgreSQL(t)
	database, err := pgx.ParseConfig(cluster.Owner(cluster.Empty(t)))
	if err != nil {
		t.Fatal(err)
	}
	connection, err := json.Marshal(map[string]any{"host": database.Host, "port": database.Port, "user": database.User, "password": database.Password, "database": database.Database})
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Dir(filepath.Dir(npm(t, "express-admin", "2.0.0", "package.json", "pg@8.23.1")))
	port := freePort(t)
	neighbour(t, exec.Command("node", filepath.Join("testdata", "foreign", "admin.cjs"), folder, fmt.Sprint(port), string(connection), filepath.Join(t.TempDir(), "settings.json")), port)
	return fmt.Sprintf("http://127.0.0.1:%d", port), database
}
