package httpgate_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"poterne/internal/gate/content"
	"poterne/internal/gate/httpgate"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
)

// plainPage is a page of which everything goes out.
func plainPage(path string) httpgate.Route {
	return httpgate.Route{
		Path: path, Kind: httpgate.Page, Purpose: "accompany",
		Answers: []httpgate.Answer{{Layout: content.Layout{Format: content.HTML, Plain: []string{"body"}}}},
	}
}

// Promises: SCOPE-1, SCOPE-9
func TestSCOPE_1_ADeclaredPathIsExactlyOneAddress(t *testing.T) {
	files := file()
	files.Path = "/files/{id}/"
	assets := httpgate.Route{Path: "/assets/{path...}", Kind: httpgate.Static, Purpose: "accompany", Unread: []string{"text/css"}}
	w := newWorld(t, plainPage("/"), plainPage("/admin/"), files, assets)
	w.app = func(rw http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/assets/"):
			rw.Header().Set("Content-Type", "text/css")
		case strings.HasPrefix(r.URL.Path, "/files/"):
			rw.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprint(rw, say("p1"))
		default:
			rw.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = fmt.Fprint(rw, "<!doctype html><p>x</p>")
		}
	}
	for _, path := range []string{"/", "/admin/", "/files/p1/", "/assets/a.css", "/assets/deep/b.css"} {
		if g := w.get(path); g.status != http.StatusOK {
			t.Errorf("%s: %v", path, g)
		}
	}
	for _, path := range []string{"/secret.html", "/admin", "/admin/secret.html", "/admin/a/b", "/files/p1", "/files/p1/secret", "/assets"} {
		w.refused(w.get(path), policy.NotDeclared)
	}
}

func TestWhatIsWrongWithAPathIsSaidInOurWords(t *testing.T) {
	w := newWorld(t, file())
	people := list()
	people.Path = "/list/{rest...}"
	for name, test := range map[string]struct {
		routes []httpgate.Route
		want   string
	}{
		"people in a subtree": {[]httpgate.Route{people}, "declare each address that shows people"},
		"the same twice":      {[]httpgate.Route{plainPage("/a/"), plainPage("/a/")}, "GET /a/ is declared twice"},
		"one name for both":   {[]httpgate.Route{plainPage("/a/{x}"), plainPage("/a/{y}")}, "GET /a/{y} and GET /a/{x} can mean the same address"},
		"crossing":            {[]httpgate.Route{plainPage("/a/{x}/c"), plainPage("/{y}/b/c")}, "GET /{y}/b/c and GET /a/{x}/c can mean the same address"},
		"a method in it":      {[]httpgate.Route{plainPage("GET /a")}, "it begins with a slash"},
		"an open brace":       {[]httpgate.Route{plainPage("/a/{x")}, `"{x" is no part of a path`},
		"a brace within":      {[]httpgate.Route{plainPage("/a/b{x}")}, `"b{x}" is no part of a path`},
		"a name twice":        {[]httpgate.Route{plainPage("/a/{x}/{x}")}, "between the braces stands a name of its own"},
		"a name that is none": {[]httpgate.Route{plainPage("/a/{x y}")}, `"{x y}"`},
		"all, and more":       {[]httpgate.Route{plainPage("/a/{x...}/b")}, "comes last"},
		"an empty part":       {[]httpgate.Route{plainPage("/a//b")}, "it has an empty part"},
		"two dots":            {[]httpgate.Route{plainPage("/a/../b")}, "which no browser sends"},
	} {
		_, err := httpgate.New([]httpgate.Service{w.service(test.routes...)}, w.dependencies(t))
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), ".go") {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// Promise: SCOPE-9
func TestSCOPE_9_ARouteThatNamesSomebodySaysWhatItsPlainAnswersTell(t *testing.T) {
	w := newWorld(t, file())
	status := namings()[0].route
	status.Shows = 0
	change := status
	change.Methods = []string{"POST"}
	scan := httpgate.Route{Path: "/scans/{id}", Kind: httpgate.People, Purpose: "accompany", Request: status.Request, Unread: []string{"application/pdf"}}
	shows := list()
	shows.Shows = register.Name
	for want, route := range map[string]httpgate.Route{
		"say with shows":                    status,
		"say with writes":                   change,
		"or the request does and shows say": scan,
		"it is about whom the request":      shows,
	} {
		if _, err := httpgate.New([]httpgate.Service{w.service(route)}, w.dependencies(t)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	status.Shows, scan.Shows, change.Writes = register.Note, register.Note, register.Note
	change.Path = "/sub/{id}/change"
	if _, err := httpgate.New([]httpgate.Service{w.service(status, scan, change)}, w.dependencies(t)); err != nil {
		t.Error(err)
	}
}

// A change of somebody who is seen already, beyond what the hour allows, is refused
// as a whole, and the ledger says what the page does.
//
// Promise: METER-1
func TestMETER_1_ARefusedChangeIsWrittenWithWhatWasCounted(t *testing.T) {
	change := changing()
	change.Writes = register.Note | register.Name
	w := newWorld(t, file(), change)
	w.app = func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(rw, say(strings.TrimPrefix(r.URL.Path, "/files/")))
	}
	for _, who := range []string{"p20", "p21", "p22"} {
		w.get("/files/" + who)
	}
	asked := w.times()
	w.refused(w.post("/files/p20/notes", "application/x-www-form-urlencoded", "text=seen"), policy.ShortEmpty)
	if last := w.last(); last.Counted != meter.People(3) || last.Limit != meter.People(3) || last.Cost != 0 || last.Person != w.key.Person("p20") {
		t.Errorf("written: counted %v, limit %v, cost %v", last.Counted, last.Limit, last.Cost)
	}
	if w.times() != asked {
		t.Error("the application was asked")
	}
}
