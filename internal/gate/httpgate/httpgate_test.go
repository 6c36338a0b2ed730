package httpgate_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/gate/content"
	"poterne/internal/gate/httpgate"
	"poterne/internal/i18n"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/store/storetest"
)

// Promise: LEDGER-1
func TestLEDGER_1_AFileGoesOutWrittenWithItsReceipt(t *testing.T) {
	w := newWorld(t, file())
	w.says("application/json", say("p1"))
	g := w.get("/files/p1")
	if g.status != http.StatusOK || decoded(t, g.body)["name"] != "‹p1›" {
		t.Fatalf("got %v", g)
	}
	if nir, said := decoded(t, g.body)["nir"]; !said || nir != nil {
		t.Errorf("a field that the purpose does not allow came out: %v", nir)
	}
	last := w.last()
	if last.Kind != ledger.Consulted || last.Person != w.key.Person("p1") || last.Fields != register.Name || last.Verdict != policy.Masked ||
		last.Route != "GET /files/{id}" || last.Session != "s1" {
		t.Errorf("written: %+v", last)
	}
	if g.header.Get("Poterne-Receipt") != fmt.Sprint(last.Receipt) || g.header.Get("Cache-Control") != "no-store" {
		t.Errorf("header %v", g.header)
	}
}

// Promise: SCOPE-7
func TestSCOPE_7_AFileOfAStrangerIsRefusedOnceTheAllowanceIsEmptyAndTheApplicationIsNotAsked(t *testing.T) {
	w := newWorld(t, file())
	w.app = func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		_, _ = rw.Write([]byte(say(strings.TrimPrefix(r.URL.Path, "/files/"))))
	}
	for n := 10; n < 13; n++ {
		if g := w.get(fmt.Sprintf("/files/p%d", n)); g.status != http.StatusOK {
			t.Fatalf("within the allowance: %v", g)
		}
	}
	before := w.times()
	w.refused(w.get("/files/p13"), policy.ShortEmpty)
	if w.times() != before {
		t.Error("the application was asked for somebody who may not be shown")
	}
	if last := w.last(); last.Kind != ledger.Attempted || last.Person != w.key.Person("p13") {
		t.Errorf("written: %+v", last)
	}
	if g := w.get("/files/p1"); g.status != http.StatusOK {
		t.Errorf("the caseload must stay open: %v", g)
	}
}

// Promise: SCOPE-7
func TestSCOPE_7_PeopleOfAListAreWithheldInEveryFormat(t *testing.T) {
	var rows, records strings.Builder
	everybody := []string{"p1", "p10", "p11", "p12", "p13", "p2", "p14"}
	records.WriteString("id,name,undeclared\n")
	for _, who := range everybody {
		fmt.Fprintf(&rows, `<tr class="person" data-id="%s"><td>‹%s›</td></tr>`, who, who)
		fmt.Fprintf(&records, "%s,‹%s›,‹p39›\n", who, who)
	}
	for name, test := range map[string]struct{ media, body string }{
		"JSON": {"application/json", sayAll(everybody...)},
		"HTML": {"text/html; charset=utf-8", "<!doctype html><title>‹p38›</title><h1>List</h1><table><tbody>" + rows.String() + "</tbody></table><p>‹p39›</p>"},
		"CSV":  {"text/csv", records.String()},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, list())
			w.says(test.media, test.body)
			g := w.get("/list")
			if want := []string{"p1", "p10", "p11", "p12", "p2"}; !slices.Equal(shown(g.body), want) {
				t.Errorf("shown: %v, want %v", g, want)
			}
			media, _, _ := strings.Cut(test.media, ";")
			if !strings.HasPrefix(g.header.Get("Content-Type"), media) {
				t.Errorf("content type %q", g.header.Get("Content-Type"))
			}
			if entries := w.entries(); len(entries) != len(everybody) || w.outcomes[0] != httpgate.Cut {
				t.Errorf("%d entries for %d people, %v", len(entries), len(everybody), w.outcomes)
			}
			if name == "CSV" && g.header.Get("Content-Disposition") != `attachment; filename="list.csv"` {
				t.Errorf("download %q", g.header.Get("Content-Disposition"))
			}
		})
	}
}

// Promise: METER-3
func TestMETER_3_APersonInSeveralRowsCountsOnce(t *testing.T) {
	w := newWorld(t, list())
	w.says("application/json", `[{"id":"p10","name":"‹p10›"},{"id":"p10 ","phone":"01 99 00 00 00"},{"id":"p10","name":"‹p10›"}]`)
	if g := w.get("/list"); len(shown(g.body)) != 2 {
		t.Errorf("got %v", g)
	}
	entries := w.entries()
	if len(entries) != 1 || entries[0].Cost != meter.Whole || entries[0].Fields != register.Name|register.Contact {
		t.Errorf("written: %+v", entries)
	}
}

// Promise: SCOPE-7
func TestSCOPE_7_TheAnswersPeopleDecideWhoeverWasAskedFor(t *testing.T) {
	w := newWorld(t, file())
	for n := 10; n < 13; n++ { // nothing is left of the allowance
		w.says("application/json", say(fmt.Sprintf("p%d", n)))
		w.get(fmt.Sprintf("/files/p%d", n))
	}
	w.says("application/json", say("p20"))
	w.refused(w.get("/files/p1"), policy.ShortEmpty)
	entries := w.entries()
	if both := entries[len(entries)-2:]; both[0].Person != w.key.Person("p1") || both[1].Person != w.key.Person("p20") {
		t.Errorf("both whom was asked for and whom was found are written, got %+v", both)
	}
}

// Promise: SCOPE-5
func TestSCOPE_5_NobodyKnownAndNotThereLookTheSame(t *testing.T) {
	byMail := file()
	byMail.Path, byMail.Request[0].Scheme = "/people/{id}", "mail"
	w := newWorld(t, byMail)
	w.app = func(rw http.ResponseWriter, _ *http.Request) { http.Error(rw, "no ‹p1› here", http.StatusNotFound) }
	unknown := w.get("/people/nobody@test.example")
	w.refused(unknown, policy.NobodyKnown)
	if w.times() != 0 {
		t.Error("the application was asked for an identifier that leads nowhere")
	}
	for _, status := range []int{404, 410, 403} {
		w.app = func(rw http.ResponseWriter, _ *http.Request) { http.Error(rw, "no ‹p1› here", status) }
		absent := w.get("/people/p1@test.example")
		w.refused(absent, policy.NotThere)
		if w.last().Kind != ledger.Consulted || w.last().Cost != 0 || w.last().Disclosed() {
			t.Error("nobody was shown, so nobody is charged")
		}
	}
	for _, in := range []i18n.Language{i18n.French, i18n.English} {
		for _, why := range []policy.Why{policy.NotThere, policy.ClosedUntold, policy.ArchivedUntold} {
			if in.Sentence(policy.Ruling{Why: policy.NobodyKnown}) != in.Sentence(policy.Ruling{Why: why}) {
				t.Errorf("the sentence of %v differs", why)
			}
		}
	}
}

// Promise: SCOPE-1
func TestSCOPE_1_WhatIsNotDeclaredIsRefusedAndWritten(t *testing.T) {
	w := newWorld(t, file(), list(), changing())
	w.says("application/json", "[]")
	for name, test := range map[string]struct {
		method, path, media, body string
		why                       policy.Why
	}{
		"a route":                       {"GET", "/admin", "", "", policy.NotDeclared},
		"a route below one":             {"GET", "/files/p1/secrets", "", "", policy.NotDeclared},
		"the root":                      {"GET", "/", "", "", policy.NotDeclared},
		"a method":                      {"PUT", "/list", "", "", policy.UndeclaredMethod},
		"a method nobody knows":         {"BREW", "/list", "", "", policy.UndeclaredMethod},
		"OPTIONS":                       {"OPTIONS", "/list", "", "", policy.UndeclaredMethod},
		"TRACE":                         {"TRACE", "/list", "", "", policy.UndeclaredMethod},
		"HEAD of what is only posted":   {"HEAD", "/files/p1/notes", "", "", policy.UndeclaredMethod},
		"a parameter":                   {"GET", "/list?page=2&all=1", "", "", policy.UndeclaredParameter},
		"a parameter in another case":   {"GET", "/list?Page=2", "", "", policy.UndeclaredParameter},
		"a parameter as an array":       {"GET", "/list?page[]=2", "", "", policy.UndeclaredParameter},
		"a field of a form":             {"POST", "/files/p1/notes", "application/x-www-form-urlencoded", "text=a&dossier=p2", policy.UndeclaredField},
		"a content type of the request": {"POST", "/files/p1/notes", "application/json", `{"text":"a"}`, policy.UndeclaredBody},
		"a file in a form":              {"POST", "/files/p1/notes", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a\"\r\n\r\nx\r\n--x--\r\n", policy.UndeclaredField},
		"no content type":               {"POST", "/files/p1/notes", "", "text=a", policy.RequestUnreadable},
		"a trailing slash":              {"GET", "/list/", "", "", policy.NotDeclared},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			r := w.request(test.method, test.path, test.body)
			if test.media != "" {
				r.Header.Set("Content-Type", test.media)
			}
			g := w.do(r)
			if test.method == "HEAD" {
				if last := w.last(); g.status != http.StatusForbidden || last.Why != test.why {
					t.Errorf("got %v, written %v", g, last.Why)
				}
			} else {
				w.refused(g, test.why)
			}
			if test.why == policy.NotDeclared && strings.Contains(w.last().Route, "admin") {
				t.Errorf("the ledger has what the asker made up: %s", w.last().Route)
			}
		})
	}
	w.t = t
	if w.times() != 0 {
		t.Errorf("the application was asked %d times", w.times())
	}
}

func TestSCOPE_1_AHabilitationIsNeededForEveryKindOfRoute(t *testing.T) {
	style := httpgate.Route{Path: "/style.css", Kind: httpgate.Static, Purpose: "other", Unread: []string{"text/css"}}
	home := httpgate.Route{Path: "/", Kind: httpgate.Page, Purpose: "other", Answers: []httpgate.Answer{{Layout: content.Layout{Format: content.HTML, Plain: []string{"body"}}}}}
	people := list()
	people.Purpose = "other"
	w := newWorld(t, style, home, people)
	w.says("text/css", "‹p1›")
	for _, path := range []string{"/style.css", "/", "/list"} {
		w.refused(w.get(path), policy.NotHabilitated)
	}
	if w.times() != 0 {
		t.Error("the application was asked")
	}
}

func TestNobodyWhoIsNotSignedInGetsAnything(t *testing.T) {
	w := newWorld(t, file())
	w.says("application/json", say("p1"))
	r := w.request("GET", "/files/p1", "")
	r.Header.Set("Test-Nobody", "1")
	if g := w.do(r); g.status != http.StatusUnauthorized || w.times() != 0 {
		t.Errorf("got %v, the application was asked %d times", g, w.times())
	}
}

func TestAnAddressThatIsNoServiceIsNotThere(t *testing.T) {
	w := newWorld(t, file())
	for _, path := range []string{"/", "/dossiers/files/p1", "/doss%69er/files/p1", "//dossier/files/p1"} {
		r, _ := http.NewRequest("GET", w.front.URL, nil)
		r.URL.Opaque = path
		if strings.HasPrefix(path, "//") {
			r.URL.Opaque, r.URL.Path = "", path
		}
		if g := w.do(r); g.status != http.StatusNotFound || len(w.entries()) != 0 {
			t.Errorf("%s: %v", path, g)
		}
	}
}

// Acceptance: A9
func TestA9_AnAddressThatCanBeReadInTwoWaysIsRefused(t *testing.T) {
	w := newWorld(t, file(), list(), httpgate.Route{
		Path: "/files/{id}/{rest}", Kind: httpgate.People, Purpose: "accompany", Answers: []httpgate.Answer{{Layout: manyFiles}},
	})
	w.says("application/json", say("p1"))
	for _, path := range []string{
		"/files/../list", "/files/./p1", "/files//p1", "//files/p1", "/files/p1%2Fnotes", "/files/p1%2fnotes", "/files/%2e%2e/list", "/files/..%2f",
		"/files/p1;a=b", "/files/p1%3Ba", "/files/p1%00", "/files/p1%0a", "/files/p%31", "/f%69les/p1", "/files/p1%5Cx", "/files/p1%252F",
		"/files/p1%3Fx", "/files/%ff", "/files/p1%23", "/files/p1/..;/x",
		"/list?page=1;page=2", "/list?page=%zz", "/list?page=%00", "/list?page=%ff", "/list?=1", "/list?page=1&&page=2",
	} {
		w.refused(w.get(path), policy.RequestUnreadable)
	}
	w.refused(w.get("/files/%20"), policy.Unnamed)
	if w.times() != 0 {
		t.Errorf("the application was asked %d times", w.times())
	}
}

func TestTheApplicationIsSentExactlyWhatWasMatched(t *testing.T) {
	search := list()
	search.Path, search.Query = "/search/{what}", []string{"q", "done"}
	w := newWorld(t, search)
	w.says("application/json", "[]")
	for _, address := range []string{"/search/a%20b?q=%C3%A9+x&done", "/search/caf%c3%a9:(1)?q=&q=2", "/search/a"} {
		if g := w.get(address); g.status != http.StatusOK {
			t.Fatalf("%s: %v", address, g)
		}
		if sent := w.asked[len(w.asked)-1].RequestURI; sent != address {
			t.Errorf("sent %s, matched %s", sent, address)
		}
	}
}

// Promise: SCOPE-7
func TestSCOPE_7_EverybodyARequestNamesIsDecidedOn(t *testing.T) {
	search := list()
	search.Query = nil
	search.Request = []httpgate.Naming{
		{In: httpgate.InQuery, Name: "id", Scheme: "dossier"},
		{In: httpgate.InQuery, Name: "mail", Scheme: "mail"},
		{In: httpgate.InHeader, Name: "X-Person", Scheme: "dossier"},
	}
	form := changing()
	form.Path, form.Request = "/enrol", []httpgate.Naming{{In: httpgate.InForm, Name: "mail", Scheme: "mail"}}
	body := changing()
	body.Path, body.Form = "/json", nil
	body.Request = []httpgate.Naming{{In: httpgate.InJSON, Name: "$.people[*].id", Scheme: "dossier"}}
	w := newWorld(t, search, form, body)
	w.says("application/json", sayAll("p1"))
	for who := 20; who < 23; who++ { // the allowance is used up
		w.get(fmt.Sprintf("/list?id=p%d", who))
		w.says("application/json", sayAll("p20", "p21", "p22"))
	}
	w.says("application/json", sayAll("p1"))
	const urlencoded, asJSON = "application/x-www-form-urlencoded", "application/json"
	asked := w.times()
	for name, ask := range map[string]func() got{
		"in the query":              func() got { return w.get("/list?id=p30") },
		"second of two":             func() got { return w.get("/list?id=p1&id=p30") },
		"in another parameter":      func() got { return w.get("/list?id=p1&mail=p30%40test.example") },
		"in a form":                 func() got { return w.post("/enrol", urlencoded, "mail=p30%40test.example") },
		"in a form, second of two":  func() got { return w.post("/enrol", urlencoded, "mail=p1%40test.example&mail=p30%40test.example") },
		"in JSON":                   func() got { return w.post("/json", asJSON, `{"people":[{"id":"p1"},{"id":"p30"}]}`) },
		"in JSON, with the escapes": func() got { return w.post("/json", asJSON, `{"people":[{"\u0069d":"p30"}]}`) },
		"in a header": func() got {
			r := w.request("GET", "/list", "")
			r.Header.Set("X-Person", "p30")
			return w.do(r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.refused(ask(), policy.ShortEmpty)
		})
	}
	for name, sent := range map[string]struct {
		body string
		why  policy.Why
	}{
		"a name twice":               {`{"people":[{"id":"p1","id":"p30"}]}`, policy.RequestUnreadable},
		"a name in another case":     {`{"people":[{"id":"p1","ID":"p30"}]}`, policy.UndeclaredField},
		"a parent in another case":   {`{"people":[{"id":"p1"}],"People":[{"id":"p30"}]}`, policy.UndeclaredField},
		"only another case":          {`{"people":[{"Id":"p30"}]}`, policy.UndeclaredField},
		"a second value":             {`{"people":[{"id":"p1"}]}{"people":[{"id":"p30"}]}`, policy.RequestUnreadable},
		"cut short":                  {`{"people":[{"id":"p1"}`, policy.RequestUnreadable},
		"an identifier that is none": {`{"people":[{"id":{"$ne":""}}]}`, policy.Unnamed},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.refused(w.post("/json", asJSON, sent.body), sent.why)
		})
	}
	w.t = t
	if w.times() != asked {
		t.Error("the application was asked")
	}
	if g := w.get("/list?id=&mail="); g.status != http.StatusOK {
		t.Errorf("an empty parameter names nobody: %v", g)
	}
}

// Whoever is named by another spelling, or by none, is asked of nobody.
//
// Promise: SCOPE-10
func TestSCOPE_10_ARequestNamesSomebodyAsDeclaredOrIsRefused(t *testing.T) {
	in := func(place httpgate.Place, name string) httpgate.Naming {
		return httpgate.Naming{In: place, Name: name, Scheme: "number"}
	}
	route := func(path string, named ...httpgate.Naming) httpgate.Route {
		r := changing()
		r.Path, r.Methods, r.Request, r.Shows = path, []string{"GET", "POST"}, named, register.Note
		r.Answers = []httpgate.Answer{{Layout: content.Layout{Format: content.JSON, Plain: []string{"$.status"}}}}
		return r
	}
	body := route("/json", in(httpgate.InJSON, "$.people[*].id"))
	body.Form, body.Members = nil, []string{"$.text"}
	either := route("/either", in(httpgate.InForm, "id"), in(httpgate.InQuery, "by"))
	either.Request[1].Optional = true
	trusted := httpgate.Route{
		Path: "/trusted", Kind: httpgate.People, Purpose: "accompany", Unread: []string{"application/pdf"},
		Header: &httpgate.HeaderNaming{Name: "Poterne-People", Schemes: []string{"number"}},
	}
	w := newWorld(t, route("/path/{id}", in(httpgate.InPath, "id")), route("/query", in(httpgate.InQuery, "id")), route("/form", in(httpgate.InForm, "id")), route("/header", in(httpgate.InHeader, "X-Id")), body, either, trusted)
	w.says("application/json", `{"status":"‹p999›"}`)
	const urlencoded, asJSON = "application/x-www-form-urlencoded", "application/json"
	header := func(method string, values ...string) got {
		r := w.request(method, "/header", "text=a")
		if r.Method == "GET" {
			r = w.request(method, "/header", "")
		}
		r.Header.Set("Content-Type", urlencoded)
		r.Header["X-Id"] = values
		return w.do(r)
	}
	for _, spelled := range []string{"0999", "999-x", "999abc", "999.0", "+999", "%20999", "999%20", "9%2099", "%EF%BC%99%EF%BC%99%EF%BC%99", "999e0", "0x3E7", "999%27", "999%C2%A0"} {
		plain, _ := url.QueryUnescape(spelled)
		for how, g := range map[string]got{
			"path": w.get("/path/" + strings.ReplaceAll(spelled, "+", "%2B")), "query": w.get("/query?id=" + spelled), "second": w.get("/query?id=1&id=" + spelled),
			"form": w.post("/form", urlencoded, "id="+spelled), "json": w.post("/json", asJSON, fmt.Sprintf(`{"people":[{"id":1},{"id":%q}]}`, plain)), "query of a change": w.post("/query?id="+spelled, urlencoded, "text=a"),
		} {
			if g.status != http.StatusForbidden || !strings.HasPrefix(g.body, "refused unnamed") {
				t.Errorf("%s %s: %v", how, spelled, g)
			}
		}
		if !strings.ContainsAny(plain, " +") { // which HTTP itself takes away
			w.refused(header("GET", plain), policy.Unnamed)
		}
	}
	for _, g := range []got{
		w.post("/query", urlencoded, "text=a"), w.post("/query?id=", urlencoded, "text=a"), w.post("/query?id=1&id=", urlencoded, "text=a"),
		w.post("/form", urlencoded, "text=a"), w.post("/form", urlencoded, "id="), w.post("/form", urlencoded, "id=1&id="), w.post("/form", urlencoded, ""),
		header("POST"), header("POST", ""), w.post("/either?by=1", urlencoded, "text=a"), w.post("/either", urlencoded, "id="),
		w.post("/json", asJSON, `{"people":[]}`), w.post("/json", asJSON, `{"people":[{}]}`), w.post("/json", asJSON, `{"people":[{"id":1},{"id":null}]}`), w.post("/json", asJSON, `{"text":"a"}`),
		w.post("/json", asJSON, `[{"people":[{"id":1}]}]`), w.post("/json", asJSON, ``),
	} {
		if g.status != http.StatusForbidden || !strings.HasPrefix(g.body, "refused unnamed") {
			t.Error(g)
		}
	}
	w.refused(w.post("/json", asJSON, `{"people":[{"id":1}],"id":999}`), policy.UndeclaredField)
	w.refused(w.post("/json", asJSON, `{"data":{"people":[{"id":999}]}}`), policy.UndeclaredField)
	if w.times() != 0 {
		t.Errorf("the application was asked: %s", w.asked[0].RequestURI)
	}
	w.app = func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/pdf")
		rw.Header().Set("Poterne-People", "number=0999; fields=name")
		_, _ = io.WriteString(rw, "‹p999›")
	}
	w.refused(w.get("/trusted"), policy.NotUnderstood)
}

// Promise: LEDGER-1
func TestLEDGER_1_AChangeIsWrittenBeforeItIsForwardedToTheByte(t *testing.T) {
	w := newWorld(t, changing())
	const body = "text=R%C3%A9sum%C3%A9%0D%0Aoui"
	var before ledger.Entry
	w.app = func(rw http.ResponseWriter, _ *http.Request) {
		before = w.last()
		rw.WriteHeader(http.StatusNoContent)
	}
	g := w.post("/files/p1/notes", "application/x-www-form-urlencoded", body)
	if g.status != http.StatusNoContent || w.bodies[0] != body {
		t.Errorf("got %v, the application %q", g, w.bodies[0])
	}
	if before.Kind != ledger.Changed || before.Person != w.key.Person("p1") || before.Fields != register.Note {
		t.Errorf("when the application was asked, the ledger ended with %+v", before)
	}
	w.app = func(rw http.ResponseWriter, _ *http.Request) {
		http.Error(rw, "‹p1›", http.StatusUnprocessableEntity)
	}
	w.failed(w.post("/files/p1/notes", "application/x-www-form-urlencoded", body), fault.Invalid, policy.AnsweredNo)
}

func TestAChangeOfWhatThePurposeDoesNotAllowIsNotForwarded(t *testing.T) {
	r := changing()
	r.Writes = register.Note | register.Health
	w := newWorld(t, r)
	w.refused(w.do(w.request("DELETE", "/files/p10/notes", "")), policy.NotToBeChanged)
	if w.times() != 0 || w.last().Cost != 0 {
		t.Error("it was forwarded, or charged")
	}
}

func TestARequestThatIsTooLargeOrSpeaksWhereItShouldNotIsRefused(t *testing.T) {
	search := list()
	search.Form = []string{"id"}
	w := newWorld(t, changing(), search)
	w.says("application/json", "[]")
	w.refused(w.post("/files/p1/notes", "application/x-www-form-urlencoded", "text="+strings.Repeat("a", httpgate.LargestRequest)), policy.RequestUnreadable)
	r := w.request("GET", "/list", "id=p1")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w.refused(w.do(r), policy.RequestUnreadable)
	r = w.request("POST", "/files/p1/notes", "text=a")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Content-Encoding", "gzip")
	w.refused(w.do(r), policy.RequestUnreadable)
	if w.times() != 0 {
		t.Error("the application was asked")
	}
}

// Promise: ACT-1
func TestACT_1_AnOrderStopsAnAnswerUnderWay(t *testing.T) {
	w := newWorld(t, file())
	suspend := order.Order{Reach: order.Account, Target: string(account), Effect: order.Suspended, By: "desk"}
	w.app = func(rw http.ResponseWriter, r *http.Request) {
		if _, err := w.gate.Place(r.Context(), suspend); err != nil {
			t.Error(err)
		}
		rw.Header().Set("Content-Type", "application/json")
		_, _ = rw.Write([]byte(say("p1")))
	}
	w.refused(w.get("/files/p1"), policy.Suspended)
	asked := w.times()
	w.refused(w.get("/files/p1"), policy.Suspended)
	if w.times() != asked {
		t.Error("the application was asked for a suspended account")
	}
}

// An answer that waits for its turn is not read any more once an order stops it.
//
// Promise: ACT-5
func TestACT_5_AnOrderEndsTheWaitingForATurn(t *testing.T) {
	w := newWorld(t, file())
	giveBack := w.proxy.HoldTurns()
	w.app = func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		_, _ = rw.Write([]byte(say("p1")))
		time.AfterFunc(50*time.Millisecond, func() { // the answer has come meanwhile
			o := order.Order{Reach: order.Account, Target: string(account), Effect: order.Suspended, By: "desk"}
			if _, err := w.gate.Place(t.Context(), o); err != nil {
				t.Error(err)
			}
		})
	}
	w.refused(w.get("/files/p1"), policy.Suspended)
	giveBack()
	if slices.ContainsFunc(w.entries(), ledger.Entry.Disclosed) {
		t.Error("it is written that somebody was shown")
	}
}

func TestAnotherSiteCannotAskInTheAgentsName(t *testing.T) {
	w := newWorld(t, changing())
	r := w.request("POST", "/files/p1/notes", "")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w.failed(w.do(r), fault.Refused, policy.OtherSite)
	if w.times() != 0 {
		t.Error("the application was asked")
	}
}

// Promise: LEDGER-1
func TestLEDGER_1_WhatCannotBeWrittenDoesNotGoOut(t *testing.T) {
	for _, step := range []string{"foresee", "attempt", "change", "show"} {
		t.Run(step+" breaks", func(t *testing.T) {
			w := newWorld(t, file(), changing())
			d := w.dependencies(t)
			d.Gate = breaking{w.gate, step}
			w.remake(d, file(), changing())
			w.says("application/json", say("p1"))
			g := w.get("/files/p1")
			if step == "change" {
				g = w.post("/files/p1/notes", "application/x-www-form-urlencoded", "text=a")
			}
			if step == "attempt" {
				w.says("application/json", "[]")
				g = w.get("/nowhere")
			}
			w.failed(g, fault.Unavailable, policy.Granted)
			if step == "change" && w.bodies[len(w.bodies)-1] != "" {
				t.Error("a change was forwarded that is not written")
			}
		})
	}
}

// breaking is a gate that cannot do one step.
type breaking struct {
	*storetest.Node
	step string
}

var errBroken = &fault.Error{Kind: fault.Unavailable, Err: errors.New("broken by the test")}

func (b breaking) Check(ctx context.Context, ask policy.Ask) (policy.Decision, error) {
	if b.step == "foresee" {
		return policy.Decision{}, errBroken
	}
	return b.Gate.Check(ctx, ask)
}

func (b breaking) Commit(ctx context.Context, ask policy.Ask) (gate.Passage, error) {
	if b.step == ask.Act.String() {
		return gate.Passage{}, errBroken
	}
	return b.Gate.Commit(ctx, ask)
}

func TestAnApplicationThatDoesNotAnswerShowsNothing(t *testing.T) {
	w := newWorld(t, list())
	w.app = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	w.failed(w.get("/list"), fault.Unavailable, policy.NotAnswered)
	service := w.service(list())
	service.Timeout = 20 * time.Millisecond // whatever the machine does, nothing comes
	var err error
	if w.proxy, err = httpgate.New([]httpgate.Service{service}, w.dependencies(t)); err != nil {
		t.Fatal(err)
	}
	w.app = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	w.failed(w.get("/list"), fault.Unavailable, policy.NotInTime)
}

// Promise: METER-3
func TestMETER_3_ParallelRequestsShowExactlyTheAllowance(t *testing.T) {
	w := newWorld(t, file())
	w.app = func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		_, _ = rw.Write([]byte(say(strings.TrimPrefix(r.URL.Path, "/files/"))))
	}
	var group sync.WaitGroup
	for n := 10; n < 40; n++ {
		group.Go(func() { w.get(fmt.Sprintf("/files/p%d", n)) })
	}
	group.Wait()
	came := map[string]bool{}
	for _, text := range w.received {
		for _, who := range shown(text) {
			came[who] = true
		}
	}
	if len(came) != 3 {
		t.Errorf("%d people came out, the allowance is 3", len(came))
	}
}

// Promise: ACT-1
func TestACT_1_AnOrderCutsAnAnswerThatIsBeingSent(t *testing.T) {
	w := newWorld(t, httpgate.Route{Path: "/big", Kind: httpgate.Page, Purpose: "accompany", Unread: []string{"text/plain"}})
	const portion = 64 << 10
	body := strings.Repeat("a", 8<<20)
	w.says("text/plain", body)
	service := w.service(httpgate.Route{Path: "/big", Kind: httpgate.Page, Purpose: "accompany", Unread: []string{"text/plain"}})
	service.Largest = int64(len(body))
	proxy, err := httpgate.New([]httpgate.Service{service}, w.dependencies(t))
	if err != nil {
		t.Fatal(err)
	}
	rw := &stopping{ResponseRecorder: httptest.NewRecorder(), stop: func() {
		o := order.Order{Reach: order.Account, Target: string(account), Effect: order.Suspended, By: "desk"}
		if _, err := w.gate.Place(t.Context(), o); err != nil {
			t.Error(err)
		}
	}}
	defer func() {
		if recover() != http.ErrAbortHandler || rw.Body.Len() > portion {
			t.Errorf("%d bytes went out, and the connection must be dropped", rw.Body.Len())
		}
		if w.outcomes[0] != httpgate.Aborted {
			t.Errorf("outcome %v", w.outcomes)
		}
	}()
	proxy.ServeHTTP(rw, httptest.NewRequest("GET", "/dossier/big", nil))
}

// stopping has an order placed at the first byte that goes out.
type stopping struct {
	*httptest.ResponseRecorder
	stop func()
	once sync.Once
}

func (s *stopping) Write(p []byte) (int, error) {
	n, err := s.ResponseRecorder.Write(p)
	s.once.Do(s.stop)
	return n, err
}

// meddling is a gate where something happens around a decision.
type meddling struct {
	*storetest.Node
	foresee func(policy.Ask) (policy.Decision, bool)
	settled func(policy.Ask)
}

func (m meddling) Check(ctx context.Context, ask policy.Ask) (policy.Decision, error) {
	if m.foresee != nil {
		if decision, ok := m.foresee(ask); ok {
			return decision, nil
		}
	}
	return m.Gate.Check(ctx, ask)
}

func (m meddling) Commit(ctx context.Context, ask policy.Ask) (gate.Passage, error) {
	passage, err := m.Gate.Commit(ctx, ask)
	if m.settled != nil {
		m.settled(ask)
	}
	return passage, err
}

// Promise: ACT-1
func TestACT_1_AnOrderPlacedAfterTheDecisionStillStopsTheAnswer(t *testing.T) {
	w := newWorld(t, file())
	d := w.dependencies(t)
	d.Gate = meddling{Node: w.gate, settled: func(ask policy.Ask) {
		o := order.Order{Reach: order.Service, Target: "dossier", Effect: order.Closed, By: "desk"}
		if ask.Act != policy.Show {
			return
		}
		if _, err := w.gate.Place(t.Context(), o); err != nil {
			t.Error(err)
		}
	}}
	w.remake(d, file())
	w.says("application/json", say("p1"))
	w.refused(w.get("/files/p1"), policy.Closed)
}

func TestWhatCannotBeCutDoesNotGoOutIfTheDecisionTurnedOutNarrower(t *testing.T) {
	r := httpgate.Route{
		Path: "/scan", Kind: httpgate.People, Purpose: "train", Unread: []string{"application/pdf"},
		Header: &httpgate.HeaderNaming{Name: "Poterne-People", Schemes: []string{"dossier"}},
	}
	w := newWorld(t, r)
	d := w.dependencies(t)
	d.Gate = meddling{Node: w.gate, foresee: func(ask policy.Ask) (policy.Decision, bool) {
		decision := policy.Decision{Whole: policy.Ruling{Verdict: policy.Shown}}
		for _, opening := range ask.People {
			decision.People = append(decision.People, policy.Ruling{Verdict: policy.Shown, Fields: opening.Fields})
		}
		return decision, true
	}}
	w.remake(d, r)
	w.app = func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Poterne-People", "dossier=p1; fields=name+birth")
		rw.Header().Set("Content-Type", "application/pdf")
		_, _ = rw.Write([]byte("a scan that nobody can mask"))
	}
	if g := w.get("/scan"); g.status != http.StatusForbidden || strings.Contains(g.body, "scan that") {
		t.Errorf("got %v", g)
	}
}

// Promise: LEDGER-2
func TestLEDGER_2_ASearchThatFoundNobodyIsWrittenToo(t *testing.T) {
	w := newWorld(t, list())
	w.says("application/json", "[]")
	if g := w.get("/list"); g.body != "[]" || w.last().Route != "GET /list" || w.last().Verdict != policy.Shown {
		t.Errorf("got %v, written %+v", g, w.last())
	}
	w.app = func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusNoContent) }
	if g := w.get("/list"); g.status != http.StatusNoContent || len(w.entries()) != 2 {
		t.Errorf("got %v, written %+v", g, w.entries())
	}
}
