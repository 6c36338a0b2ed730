package httpgate_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"poterne/internal/gate/assert"
	"poterne/internal/gate/httpgate"
	"poterne/internal/gate/shape"
	"poterne/internal/policy"
)

// seeing puts routes behind a gate that keeps what undeclared requests look like; with
// learn, the application is asked for them.
func seeing(t *testing.T, learn bool, routes ...httpgate.Route) (*world, *shape.Book) {
	w, book := newWorld(t), shape.NewBook()
	d := w.dependencies(t)
	d.Shapes = book
	service := w.service(routes...)
	if learn {
		service.Learn = "accompany"
	}
	var err error
	if w.proxy, err = httpgate.New([]httpgate.Service{service}, d); err != nil {
		t.Fatal(err)
	}
	return w, book
}

// Beside people's identifiers, a name that begins with a sign is most often the application's own, and answers otherwise: it is a
// route of its own, of which nothing but the sign is kept, so that nobody's identifier is written as one, whoever asks however often.
//
// Promise: RUN-9
func TestRUN_9_ANameThatBeginsWithASignIsARouteOfItsOwn(t *testing.T) {
	w, book := seeing(t, true)
	w.app = func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/cases/_fourcade" {
			rw.Header().Set("Content-Type", "text/csv")
			_, _ = io.WriteString(rw, "id,surname\n4711,Fourcade\n")
			return
		}
		rw.Header().Set("Content-Type", "application/json")
		if strings.Contains(r.URL.Path, "/_") {
			_, _ = io.WriteString(rw, `{"rows":[{"id":"4711","surname":"Fourcade"},{"id":"4712","surname":"Boucher"}]}`)
			return
		}
		_, _ = io.WriteString(rw, `{"id":"4711","surname":"Fourcade","phone":"0199001234"}`)
	}
	for range 30 {
		for _, path := range []string{"/people/_all_docs", "/people/_4711", "/people/_fourcade", "/people/4711", "/people/fourcade", "/cases/_4711", "/cases/_fourcade"} {
			w.refused(w.get(path), policy.NotDeclared)
		}
	}
	draft := held(t, book, "4711", "4712", "ourcade", "oucher", "_docs", "0199")
	routes := strings.Split(draft, "[[service.route]]\n")[1:]
	if len(routes) != 3 {
		t.Errorf("%d routes:\n%s", len(routes), draft)
	}
	for start, want := range map[string]string{
		"get = \"/people/_\"\n":    "row = \"$.rows[*]\"",
		"get = \"/people/{id}\"\n": "fields.contact = \"@.phone\"",
		"get = \"/cases/{id}\"\n":  "row = \"$.rows[*]\"", // nothing tells these from identifiers
	} {
		i := slices.IndexFunc(routes, func(route string) bool { return strings.HasPrefix(route, start) })
		if i < 0 || !strings.Contains(routes[i], want) {
			t.Errorf("no route %q with %q:\n%s", start, want, draft)
		}
		if i >= 0 && strings.Contains(start, "people/{id}") && strings.Contains(routes[i], "$.rows") {
			t.Errorf("the list stands with what one person's address answers:\n%s", routes[i])
		}
	}
}

// Where everybody is called by a name with a sign, that is one of the identifier: a link to somebody names whom their own address does. What lies in
// somebody's folder is a file, whatever it is called. Beside identifiers, a name with a sign is a route of its own by whichever method it is asked for.
//
// Promise: RUN-9
func TestRUN_9_ASignIsOfTheIdentifierWhereEverybodyHasOne(t *testing.T) {
	w, book := seeing(t, true)
	w.app = func(rw http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/cases":
			rw.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(rw, `<html><head><title>cases</title></head><body><table><thead><tr><th>surname</th></tr></thead><tbody><tr><td><a href="/cases/_4711">Fourcade</a></td></tr><tr><td><a href="/cases/_4712">Boucher</a></td></tr></tbody></table></body></html>`)
		case strings.HasSuffix(r.URL.Path, ".pdf"):
			rw.Header().Set("Content-Type", "application/pdf")
			_, _ = io.WriteString(rw, "%PDF-1.7")
		default:
			rw.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(rw, `{"id":"4711","surname":"Fourcade"}`)
		}
	}
	for _, path := range []string{"/cases", "/cases/_4711", "/people/4711", "/files/4711/fourcade.pdf", "/files/4711/_fourcade.pdf"} {
		w.refused(w.get(path), policy.NotDeclared)
	}
	w.refused(w.post("/people/_4711", "application/json", `{"surname":"Fourcade"}`), policy.NotDeclared)
	draft := held(t, book, "4711", "4712", "ourcade", "oucher")
	for _, want := range []string{"a@href as /cases/{id}\"", "get = \"/cases/{id}\"\n", "get = \"/files/{id}/{file}\"\n", "post = \"/people/_\"\n"} {
		if !strings.Contains(draft, want) {
			t.Errorf("%q is not in the draft:\n%s", want, draft)
		}
	}
	if strings.Contains(draft, "/files/{id}/_") {
		t.Errorf("a file of somebody's is a route of its own:\n%s", draft)
	}
}

// Whatever is refused because nobody declared it leaves what it looked like, and no
// value of the request or the answer.
//
// Promise: RUN-9
func TestRUN_9_WhatIsRefusedAsUndeclaredLeavesItsShapeAndNoValue(t *testing.T) {
	w, book := seeing(t, false, list(), changing())
	w.says("application/zip", "PK")
	const form = "application/x-www-form-urlencoded"
	w.refused(w.get("/users/4711/letters/Dupont-Anne"), policy.NotDeclared)
	w.refused(w.get("/list?page=2&mail=elsa%40boite.example&elsa=1"), policy.UndeclaredParameter)
	w.refused(w.post("/files/p1/notes", form, "text=Elsa+Fourcade&phone=0199001234&fourcade=1"), policy.UndeclaredField)
	w.refused(w.post("/search", "application/json", `{"surname":"Fourcade","birth":"1990-02-03","4711":1}`), policy.NotDeclared)
	w.refused(w.get("/list"), policy.UndeclaredAnswer)
	asked := w.times()
	kept, err := json.Marshal(book.Shapes("dossier"))
	if err != nil || asked != 1 {
		t.Fatalf("%v; the application was asked %d times", err, asked)
	}
	for _, value := range []string{"4711", "upont", "lsa", "ourcade", "boite", "0199", "1990", "p1"} {
		if strings.Contains(string(kept), value) {
			t.Errorf("%q is kept: %s", value, kept)
		}
	}
	for _, want := range []string{`"/users/{}/letters/{}"`, `"mail","kinds":{"a mail address":1}`, `"phone","kinds":{"a telephone number":1}`, `"$.birth","kinds":{"a date":1}`, `"/files/{}/notes"`, `"application/zip"`} {
		if !strings.Contains(string(kept), want) {
			t.Errorf("%s is not kept: %s", want, kept)
		}
	}
	r := w.request("GET", "/users/secret", "")
	r.Header.Set("Test-Nobody", "x")
	w.do(r)
	if n := len(book.Shapes("dossier")); n != 5 {
		t.Errorf("%d shapes; whoever is not signed in leaves none", n)
	}
}

// With learn, the application is asked for what nobody declared, by somebody who may
// use it; what its answer looks like is noted, and nothing of it goes out.
//
// Promises: RUN-9, SCOPE-1
func TestRUN_9_AnAnswerThatIsLearntFromDoesNotGoOut(t *testing.T) {
	w, book := seeing(t, true)
	w.app = func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.Header.Get(assert.Header) == "" {
			t.Errorf("asked by %s", r.Method)
		}
		rw.Header().Set("Content-Type", "application/json")
		rw.Header().Set("Set-Cookie", "sid=secret")
		_, _ = io.WriteString(rw, sayAll("p1", "p30"))
	}
	for range 3 {
		g := w.get("/users?page=1")
		w.refused(g, policy.NotDeclared)
		if strings.Contains(fmt.Sprint(g), "p30") || strings.Contains(fmt.Sprint(g.header), "secret") {
			t.Errorf("got %v", g)
		}
	}
	w.refused(w.post("/users", "application/json", `{"name":"x"}`), policy.NotDeclared)
	if w.times() != 3 {
		t.Errorf("asked %d times; a change is never asked for to learn from it", w.times())
	}
	draft := shape.Draft(book.Shapes("dossier"), nil, "dossier")
	for _, want := range []string{`get = "/users"`, `query = ["page"]`, `row = "$[*]"`, `person = { dossier = "@.id" }`, `fields.contact = "@.phone"`, `fields.name = "@.name"`, `post = "/users"`} {
		if !strings.Contains(draft, want) {
			t.Errorf("the draft lacks %s:\n%s", want, draft)
		}
	}
	if slices.ContainsFunc(w.outcomes, func(o httpgate.Outcome) bool { return o != httpgate.Refused }) {
		t.Errorf("outcomes %v", w.outcomes)
	}
}

// Of an application that wants its own sign-in, the draft says that it led elsewhere or
// answered with an error, and which cookies it wants to set; not that it was not asked.
//
// Promise: RUN-9
func TestRUN_9_AnApplicationThatDidNotAnswerIsSaidToHave(t *testing.T) {
	w, book := seeing(t, true)
	w.app = func(rw http.ResponseWriter, r *http.Request) {
		http.SetCookie(rw, &http.Cookie{Name: "sessionid", Value: "secret"})
		http.SetCookie(rw, &http.Cookie{Name: "elsa-fourcade", Value: "secret"})
		if r.URL.Path == "/users" {
			http.Redirect(rw, r, "/login?next=elsa", http.StatusFound)
			return
		}
		http.Error(rw, "no", http.StatusForbidden)
	}
	w.refused(w.get("/users"), policy.NotDeclared)
	w.refused(w.get("/users/all"), policy.NotDeclared)
	draft := shape.Draft(book.Shapes("dossier"), nil, "dossier")
	for _, want := range []string{"led elsewhere (status 302)", "answered with status 403", `cookies = ["sessionid"]`, "a cookie whose name is no plain word"} {
		if !strings.Contains(draft, want) {
			t.Errorf("the draft lacks %s:\n%s", want, draft)
		}
	}
	for _, not := range []string{"was not asked", "elsa", "secret"} {
		if strings.Contains(draft, not) {
			t.Errorf("the draft has %s:\n%s", not, draft)
		}
	}
}

// Operations of GraphQL that nobody declared leave their documents, each its own, without a value or a name
// that is no plain word; and draft their routes.
//
// Promise: RUN-9
func TestRUN_9_AnUndeclaredOperationOfGraphQLLeavesItsDocument(t *testing.T) {
	w, book := seeing(t, false, graphRoutes()[3])
	for range 2 {
		w.refused(w.post("/graphql", "application/json", asking("query", quoted(`query Person($id: ID!, $city: [String!] = ["Vire"]) { # Dupont
	person(id: $id, like: "Elsa", at: 4711, kind: DUPONT) { id ...Shown address { city } contacts { id name } dupont: phone } }
	fragment Shown on Person { name birthDate }`), "variables", `{"id":"p20","city":["Elsa"],"dupont":1}`, "operationName", `"Dupont"`)), policy.NotDeclared)
	}
	w.refused(w.post("/graphql", "application/json", asking("query", quoted(`mutation Update($phone: String!) { update(phone: $phone) { status } }`), "variables", `{"phone":"01 99 00 12 34"}`)), policy.NotDeclared)
	w.refused(w.post("/graphql", "application/json", asking("query", quoted("query Person {"+strings.Repeat(" id name", 500)+"}"))), policy.NotDeclared)
	w.refused(w.post("/search", "application/json", asking("query", quoted("Dupont Elsa"))), policy.NotDeclared)
	shapes := book.Shapes("dossier")
	kept, err := json.Marshal(shapes)
	if err != nil || len(shapes) != 4 {
		t.Fatalf("%d shapes: %v", len(shapes), err)
	}
	for _, value := range []string{"4711", "upont", "DUPONT", "lsa", "Vire", "p20", "0199", "01 99"} {
		if strings.Contains(string(kept), value) {
			t.Errorf("%q is kept: %s", value, kept)
		}
	}
	draft := shape.Draft(shapes, nil, "dossier")
	for _, want := range []string{
		`document = "query Person($id: ID! $city: [String!] = [_]) { person(id: $id like: _ _: _ kind: _) { id ..._ address { city } contacts { id name } _: phone } } fragment _ on Person { name birthDate }"`,
		`# members "$.variables.id" may say of a person`, `# members "$.variables.city[*]" may say of a person`, `row = "$.data.person"`, `row = "$.data.person.contacts"`, `person = { dossier = "@.id" }`, `fields.birth = "@.birthDate"`, `fields.contact = "@.address.city"`,
		`document = "mutation Update($phone: String!) { update(phone: $phone) { status } }"`, "# writes = ",
	} {
		if !strings.Contains(draft, want) {
			t.Errorf("the draft lacks %s:\n%s", want, draft)
		}
	}
}

// Operations of SOAP that nobody declared leave their elements, each its own, without a value or a name that is no plain
// word; the application hears of none of them. One that is declared but for its answer leaves what that has.
//
// Promise: RUN-9
func TestRUN_9_AnUndeclaredOperationOfSOAPLeavesItsElements(t *testing.T) {
	other := soapRoutes()[0]
	other.Answers[0].Type = "application/xml"
	w, book := seeing(t, true, other)
	w.app = func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/xml; charset=utf-8")
		_, _ = io.WriteString(rw, soapEnvelope(`<w:found><w:person w:fourcade="Elsa"><w:id>w1</w:id><w:name>Elsa Fourcade</w:name></w:person></w:found>`))
	}
	for path, inside := range map[string]string{
		"/service": `<w:update><w:id>105001</w:id><w:phone>01 99 00 12 34</w:phone><w:fourcade>1</w:fourcade></w:update>`, "/other": `<w:get><w:id>105001</w:id></w:get>`,
	} {
		w.refused(w.post(path, "text/xml", soapEnvelope(inside)), policy.NotDeclared)
		w.refused(w.post(path, "application/soap+xml", soapEnvelope(inside)), policy.NotDeclared)
	}
	if w.times() != 0 {
		t.Errorf("the application was asked %d times for what may change something", w.times())
	}
	w.refused(w.post("/service", "text/xml", soapEnvelope(`<w:find><w:id>w1</w:id></w:find>`)), policy.UndeclaredAnswer)
	shapes := book.Shapes("dossier")
	kept, err := json.Marshal(shapes)
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"105001", "01 99", "lsa", "ourcade"} {
		if strings.Contains(string(kept), value) {
			t.Errorf("%q is kept: %s", value, kept)
		}
	}
	draft := shape.Draft(shapes, nil, "dossier")
	const at = "/soap:Envelope/soap:Body/p:"
	for _, want := range []string{
		`operation = "update"`, `# members "` + at + `update/p:phone" may say of a person: contact`, `operation = "get"`, `# request = { xml = { dossier = "` + at + `get/p:id" } }`,
		`operation = "find"`, `row = "` + at + `found/p:person"`, `person = { dossier = "p:id" }`, `fields.name = "p:name"`, `namespaces = { p = "urn:example:persons" }`,
	} {
		if !strings.Contains(draft, want) {
			t.Errorf("the draft lacks %s:\n%s", want, draft)
		}
	}
}

// A stream of events that nobody declared is learnt from by those that come while it is looked at,
// whether or not it ends; none of them goes out.
//
// Promise: RUN-9
func TestRUN_9_EventsThatNobodyDeclaredAreLearntFrom(t *testing.T) {
	w, book := seeing(t, true)
	w.app = func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(rw, "data: {\"id\":\"p30\",\"phone\":\"06 39 98 12 34\"}\n\n")
		_ = http.NewResponseController(rw).Flush()
		if r.URL.Path == "/users/live" {
			<-r.Context().Done()
		}
	}
	for _, path := range []string{"/users/live", "/users/recent"} {
		g := w.get(path)
		w.refused(g, policy.NotDeclared)
		if strings.Contains(fmt.Sprint(g), "p30") {
			t.Errorf("got %v", g)
		}
	}
	draft := shape.Draft(book.Shapes("dossier"), nil, "dossier")
	for _, want := range []string{`get = "/users/live"`, `get = "/users/recent"`, `[[service.route.events.of.message.people]]`, `fields.contact = "@.phone"`} {
		if !strings.Contains(draft, want) || strings.HasPrefix(want, "[[") && strings.Count(draft, want) != 2 {
			t.Errorf("the draft lacks %s:\n%s", want, draft)
		}
	}
}
