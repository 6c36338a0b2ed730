package httpgate_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"poterne/internal/fault"
	"poterne/internal/gate/content"
	"poterne/internal/gate/httpgate"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
)

// graphSchema is what the small application of these tests answers: it validates a document against it, and
// runs it.
var graphSchema = gqlparser.MustLoadSchema(&ast.Source{Input: `
type Query { person(id: ID!): Person  people(first: Int, city: String): [Person!]!  version: String! }
type Mutation { note(note: NoteInput!): Noted }
input NoteInput { person: ID! text: String! at: [String!] }
type Noted { saved: Boolean! by: String! }
type Person { id: ID! name: String nir: String phone: String knows: [Person!]! }
`})

// graphPeople are in its register.
var graphPeople = []string{"p1", "p2", "p20", "p21"}

// graph is the application: it runs whatever valid document it is sent, and keeps it in sent.
func graph(t *testing.T, sent *[]string) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		*sent = append(*sent, string(body))
		var asked struct {
			Query, OperationName string
			Variables            map[string]any
		}
		if err := json.Unmarshal(body, &asked); err != nil {
			t.Errorf("the application was sent %s: %v", body, err)
		}
		document, wrong := gqlparser.LoadQueryWithRules(graphSchema, asked.Query, nil)
		if wrong != nil {
			t.Errorf("the application was sent %s: %v", body, wrong)
			return
		}
		data := runGraph(document.Operations.ForName(asked.OperationName).SelectionSet, asked.Variables, func(field *ast.Field, arguments map[string]any) any {
			switch field.Name {
			case "person":
				if id := fmt.Sprint(arguments["id"]); slices.Contains(graphPeople, id) {
					return id
				}
				return nil
			case "people":
				return graphPeople
			case "note":
				return true
			default:
				return "1"
			}
		})
		rw.Header().Set("Content-Type", "application/json")
		answer, _ := json.Marshal(map[string]any{"data": data, "extensions": map[string]any{"trace": "‹p30›"}})
		_, _ = rw.Write(answer)
	}
}

// runGraph runs a selection: resolve says what its root fields are; a text is a person.
func runGraph(selections ast.SelectionSet, variables map[string]any, resolve func(*ast.Field, map[string]any) any) map[string]any {
	out := make(map[string]any)
	for _, one := range selections {
		switch one := one.(type) {
		case *ast.FragmentSpread:
			for name, value := range runGraph(one.Definition.SelectionSet, variables, resolve) {
				out[name] = value
			}
		case *ast.InlineFragment:
			for name, value := range runGraph(one.SelectionSet, variables, resolve) {
				out[name] = value
			}
		case *ast.Field:
			value := resolve(one, one.ArgumentMap(variables))
			switch found := value.(type) {
			case string:
				if len(one.SelectionSet) > 0 {
					value = runGraph(one.SelectionSet, variables, personField(found))
				}
			case []string:
				var list []any
				for _, who := range found {
					list = append(list, runGraph(one.SelectionSet, variables, personField(who)))
				}
				value = list
			case bool:
				if len(one.SelectionSet) > 0 {
					value = runGraph(one.SelectionSet, variables, func(field *ast.Field, _ map[string]any) any {
						return map[string]any{"saved": true, "by": "‹p30›"}[field.Name]
					})
				}
			}
			out[one.Alias] = value
		}
	}
	return out
}

func personField(who string) func(*ast.Field, map[string]any) any {
	return func(field *ast.Field, _ map[string]any) any {
		if field.Name == "knows" {
			return []string{"p20"}
		}
		return map[string]any{"id": who, "name": "‹" + who + "›", "nir": "9 99 " + who, "phone": "01 99 00 00 00"}[field.Name]
	}
}

const (
	personDocument = "query Person($id: ID!) {\n  them: person(id: $id) { ...Shown nir }\n}\nfragment Shown on Person { id name } # shown on the page\n"
	peopleDocument = `query People($first: Int, $city: String = "Vire") { people(first: $first, city: $city) { id name knows { id name } } }`
	noteDocument   = `mutation Note($note: NoteInput!) { note(note: $note) { saved by } }`
)

// graphRoutes are the operations of one address.
func graphRoutes() []httpgate.Route {
	at := func(document string) httpgate.Route {
		return httpgate.Route{Methods: []string{"POST"}, Path: "/graphql", Kind: httpgate.People, Purpose: "accompany", Document: document}
	}
	person, people, note, version := at(personDocument), at(peopleDocument), at(noteDocument), at("{ version }")
	person.Request = []httpgate.Naming{{In: httpgate.InJSON, Name: "$.variables.id", Scheme: "dossier"}}
	naming := []content.Naming{{Scheme: "dossier", Path: "@.id"}}
	person.Answers = []httpgate.Answer{{About: true, Layout: content.Layout{Format: content.JSON, People: []content.Group{{
		Row: "$.data.them", Person: naming, Fields: []content.Part{{Field: register.Name, Path: "@.name"}, {Field: register.NIR, Path: "@.nir"}},
	}}}}}
	people.Members = []string{"$.variables.first", "$.variables.city"}
	people.Answers = []httpgate.Answer{{Layout: content.Layout{Format: content.JSON, Plain: []string{"$.errors[*].extensions.code"}, People: []content.Group{
		{Row: "$.data.people[*]", Person: naming, Fields: []content.Part{{Field: register.Name, Path: "@.name"}}},
		{Row: "$.data.people[*].knows[*]", Person: naming, Fields: []content.Part{{Field: register.Name, Path: "@.name"}}},
	}}}}
	note.Request = []httpgate.Naming{{In: httpgate.InJSON, Name: "$.variables.note.person", Scheme: "dossier"}}
	note.Written = []httpgate.Writing{{Name: "$.variables.note.text", Field: register.Note}}
	note.Members = []string{"$.variables.note.at[*]"}
	note.Answers = []httpgate.Answer{{Layout: content.Layout{Format: content.JSON, Plain: []string{"$.data.note.saved"}}}}
	version.Kind, version.Operation = httpgate.Page, "Version"
	version.Answers = []httpgate.Answer{{Layout: content.Layout{Format: content.JSON, Plain: []string{"$.data.version"}}}}
	return []httpgate.Route{person, people, note, version}
}

// asking is a request of GraphQL: members and their JSON, by turns.
func asking(parts ...string) string {
	var members []string
	for i := 0; i < len(parts); i += 2 {
		members = append(members, fmt.Sprintf("%q:%s", parts[i], parts[i+1]))
	}
	return "{" + strings.Join(members, ",") + "}"
}

func quoted(text string) string {
	quoted, _ := json.Marshal(text)
	return string(quoted)
}

func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return `{"persistedQuery":{"version":1,"sha256Hash":"` + hex.EncodeToString(sum[:]) + `"}}`
}

// Each declared document is a route; the application is sent it as it is declared, whatever it was
// sent as.
//
// Promises: RUN-2, SCOPE-1
func TestRUN_2_OperationsOfGraphQLAreRoutesOfOneAddress(t *testing.T) {
	w := newWorld(t, graphRoutes()...)
	var sent []string
	w.app = graph(t, &sent)
	ask := func(body string) got { return w.post("/graphql", "application/json", body) }

	const about = `{"id":"p1"}`
	for name, body := range map[string]string{
		"as it is declared":        asking("query", quoted(personDocument), "operationName", `"Person"`, "variables", about),
		"without a name":           asking("query", quoted(personDocument), "variables", about),
		"with nulls":               asking("variables", about, "extensions", "null", "query", quoted(personDocument), "operationName", "null"),
		"blanks, commas, comments": asking("query", quoted("\ufeff# p20\nquery Person ( $id:ID! ) ,{them:person(id:$id,){...Shown,nir}}\r\nfragment Shown on Person{id,,name}"), "variables", about),
		"by its digest":            asking("extensions", hashed(personDocument), "variables", about),
		"with its digest":          asking("query", quoted(personDocument), "extensions", hashed(personDocument), "variables", about),
	} {
		g := ask(body)
		if g.status != http.StatusOK || g.body != `{"data":{"them":{"name":"‹p1›","nir":null}}}` {
			t.Errorf("%s: %v", name, g)
		}
		want := `{"query":` + quoted(personDocument) + `,"operationName":"Person","variables":{"id":"p1"}}`
		if last := sent[len(sent)-1]; last != want {
			t.Errorf("%s: the application was sent\n%s, want\n%s", name, last, want)
		}
	}

	// A list: strangers are decided one by one, also those inside somebody's row.
	g := ask(asking("query", quoted(peopleDocument), "variables", `{"first":10}`))
	if g.status != http.StatusOK || strings.Contains(g.body, "p30") || !strings.Contains(g.body, "‹p1›") || strings.Contains(g.body, "phone") {
		t.Errorf("a list: %v", g)
	}

	// A mutation is a change: it is written before the application hears of it.
	if g := ask(asking("query", quoted(noteDocument), "variables", `{"note":{"person":"p2","text":"a","at":["x"]}}`)); g.status != http.StatusOK || g.body != `{"data":{"note":{"saved":true}}}` {
		t.Errorf("a mutation: %v", g)
	}
	if g := ask(asking("query", `"{version}"`, "variables", "{}")); g.status != http.StatusOK || g.body != `{"data":{"version":"1"}}` {
		t.Errorf("an operation without a name: %v", g)
	}
	found := make(map[string]bool)
	for _, e := range w.entries() {
		found[e.Kind.String()+" "+e.Route] = true
		if e.Route == "POST /graphql Note" && e.Kind == ledger.Changed && (e.Person != w.key.Person("p2") || e.Fields != register.Note) {
			t.Errorf("a mutation is written as %v of %v", e.Fields, e.Person)
		}
	}
	for _, want := range []string{"consulted POST /graphql Person", "consulted POST /graphql People", "changed POST /graphql Note"} {
		if !found[want] {
			t.Errorf("the ledger lacks %s: %v", want, found)
		}
	}
}

// Whatever is not a declared document to the token is refused, whatever it is called, and the
// application never hears of it.
//
// Promises: RUN-2, SCOPE-1, SCOPE-9
func TestRUN_2_AnUndeclaredDocumentIsRefusedWhateverItsName(t *testing.T) {
	w := newWorld(t, graphRoutes()...)
	var sent []string
	w.app = graph(t, &sent)
	const about = `{"id":"p1"}`
	named := func(document string) string {
		return asking("query", quoted(document), "operationName", `"Person"`, "variables", about)
	}
	const personLine = "query Person($id: ID!) { them: person(id: $id) { ...Shown nir } } fragment Shown on Person { id name }"
	for name, c := range map[string]struct {
		body string
		why  policy.Why
	}{
		"a declared name, other fields":       {named("query Person($id: ID!) { them: person(id: $id) { ...Shown nir phone } } fragment Shown on Person { id name }"), policy.NotDeclared},
		"fewer fields":                        {named("query Person($id: ID!) { them: person(id: $id) { ...Shown } } fragment Shown on Person { id name }"), policy.NotDeclared},
		"another order of fields":             {named("query Person($id: ID!) { them: person(id: $id) { nir ...Shown } } fragment Shown on Person { id name }"), policy.NotDeclared},
		"another alias":                       {named(strings.Replace(personLine, "them:", "they:", 1)), policy.NotDeclared},
		"a field under another's name":        {named(strings.Replace(personLine, "id name", "id name: nir", 1)), policy.NotDeclared},
		"the fragment written out":            {named("query Person($id: ID!) { them: person(id: $id) { id name nir } }"), policy.NotDeclared},
		"another fragment":                    {named(strings.Replace(personLine, "id name", "id name phone", 1)), policy.NotDeclared},
		"somebody written out":                {named(strings.Replace(personLine, "id: $id", `id: "p20"`, 1)), policy.NotDeclared},
		"a default":                           {named(strings.Replace(personLine, "$id: ID!", `$id: ID! = "p20"`, 1)), policy.NotDeclared},
		"a directive":                         {named(strings.Replace(personLine, "nir", "nir @include(if: true)", 1)), policy.NotDeclared},
		"a second root field":                 {named(strings.Replace(personLine, "query Person($id: ID!) {", `query Person($id: ID!) { people { id } `, 1)), policy.NotDeclared},
		"a second operation":                  {named(personLine + " query All { people { id nir } }"), policy.NotDeclared},
		"a second operation that is meant":    {asking("query", quoted(personLine+" query All { people { id nir } }"), "operationName", `"All"`, "variables", about), policy.NotDeclared},
		"another name":                        {asking("query", quoted(personLine), "operationName", `"People"`, "variables", about), policy.NotDeclared},
		"an empty document":                   {named(""), policy.NotDeclared},
		"a comment":                           {named("# query"), policy.NotDeclared},
		"introspection":                       {asking("query", `"{ __schema { types { name fields { name } } } }"`), policy.NotDeclared},
		"introspection beside":                {named(strings.Replace(personLine, "{ them", "{ __schema { types { name } } them", 1)), policy.NotDeclared},
		"__typename":                          {named(strings.Replace(personLine, "id name", "id name __typename", 1)), policy.NotDeclared},
		"a subscription":                      {asking("query", `"subscription Person { people { id } }"`), policy.NotDeclared},
		"a mutation under a query's name":     {asking("query", `"mutation Person($id: ID!) { note(note: {person: $id, text: \"\"}) { saved } }"`, "variables", about), policy.NotDeclared},
		"a name alone":                        {asking("operationName", `"Person"`, "variables", about), policy.NotDeclared},
		"nothing":                             {`{}`, policy.NotDeclared},
		"a digest that nobody declared":       {asking("extensions", hashed(personLine), "variables", about), policy.NotDeclared},
		"a digest in capitals":                {asking("extensions", strings.ToUpper(hashed(personDocument)[:40])+hashed(personDocument)[40:], "variables", about), policy.RequestUnreadable},
		"another document's digest":           {asking("query", quoted("{ people { id nir } }"), "extensions", hashed(personDocument), "variables", about), policy.RequestUnreadable},
		"a declared document, wrong digest":   {asking("query", quoted(personDocument), "extensions", hashed("x"), "variables", about), policy.RequestUnreadable},
		"a short digest":                      {asking("query", quoted(personDocument), "extensions", `{"persistedQuery":{"version":1,"sha256Hash":"a"}}`, "variables", about), policy.RequestUnreadable},
		"an extension more":                   {asking("query", quoted(personDocument), "extensions", `{"tracing":true}`, "variables", about), policy.RequestUnreadable},
		"a batch":                             {"[" + named(personDocument) + "," + named(personDocument) + "]", policy.RequestUnreadable},
		"two queries":                         {asking("query", quoted("{ people { id nir } }"), "query", quoted(personDocument), "variables", about), policy.RequestUnreadable},
		"two queries, one escaped":            {`{"quer\u0079":` + quoted(personDocument) + "," + asking("query", quoted(personDocument), "variables", about)[1:], policy.RequestUnreadable},
		"variables twice":                     {asking("query", quoted(personDocument), "variables", about, "variables", `{"id":"p20"}`), policy.RequestUnreadable},
		"a variable twice":                    {asking("query", quoted(personDocument), "variables", `{"id":"p1","id":"p20"}`), policy.RequestUnreadable},
		"a member more":                       {asking("query", quoted(personDocument), "variables", about, "documentId", `"x"`), policy.RequestUnreadable},
		"a list in place of variables":        {asking("query", quoted(personDocument), "variables", `["p1"]`), policy.RequestUnreadable},
		"variables as a text":                 {asking("query", quoted(personDocument), "variables", quoted(about)), policy.RequestUnreadable},
		"a document that is none":             {named("query Person('"), policy.RequestUnreadable},
		"something after it":                  {named(personDocument) + "{}", policy.RequestUnreadable},
		"no JSON":                             {"query=" + personDocument, policy.RequestUnreadable},
		"a variable that nobody declared":     {asking("query", quoted(personDocument), "variables", `{"id":"p1","all":true}`), policy.UndeclaredField},
		"a variable where none is":            {asking("query", `"{version}"`, "variables", `{"id":"p1"}`), policy.UndeclaredField},
		"a member of a variable more":         {asking("query", quoted(noteDocument), "variables", `{"note":{"person":"p1","text":"a","as":"p20"}}`), policy.UndeclaredField},
		"an object in place of a variable":    {asking("query", quoted(peopleDocument), "variables", `{"city":{"like":"%"}}`), policy.UndeclaredField},
		"nobody":                              {asking("query", quoted(personDocument)), policy.Unnamed},
		"nobody, without variables":           {asking("query", quoted(personDocument), "variables", "null"), policy.Unnamed},
		"null":                                {asking("query", quoted(personDocument), "variables", `{"id":null}`), policy.Unnamed},
		"several":                             {asking("query", quoted(personDocument), "variables", `{"id":["p1","p20"]}`), policy.Unnamed},
		"another spelling":                    {asking("query", quoted(personDocument), "variables", `{"id":" p1"}`), policy.Unnamed},
		"a mutation of nobody":                {asking("query", quoted(noteDocument), "variables", `{"note":{"text":"a"}}`), policy.Unnamed},
		"a mutation with a mask that is back": {asking("query", quoted(noteDocument), "variables", `{"note":{"person":"p1","text":"a `+content.Mask+`"}}`), policy.Overwrites},
		"fragments of fragments of fragments": {named(laughing(12)), policy.NotDeclared},
		"a document too deep":                 {named("query Person {" + strings.Repeat("{", 20_000)), policy.RequestUnreadable},
		"a document too large":                {named("query Person {" + strings.Repeat(" a", 40_000) + "}"), policy.RequestUnreadable},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.refused(w.post("/graphql", "application/json", c.body), c.why)
		})
	}
	w.t = t
	document := strings.ReplaceAll(strings.ReplaceAll(personLine, " ", "+"), "$", "%24")
	for address, why := range map[string]policy.Why{
		"/graphql?query=" + document + "&variables=%7B%22id%22%3A%22p1%22%7D": policy.UndeclaredMethod,
		"/graphql?query=%7Bpeople%7Bid%20nir%7D%7D":                           policy.UndeclaredMethod,
		"/graphql": policy.UndeclaredMethod,
	} {
		w.refused(w.get(address), why)
	}
	w.refused(w.post("/graphql?query=%7Bpeople%7Bid%20nir%7D%7D", "application/json", named(personDocument)), policy.UndeclaredParameter)
	for _, media := range []string{"application/graphql", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "application/graphql+json", ""} {
		g := w.post("/graphql", media, named(personDocument))
		w.refused(g, policy.UndeclaredBody)
	}
	if len(sent) > 0 {
		t.Errorf("the application was sent %q", sent)
	}
}

// laughing is a document whose fragments, written out, are larger by a factor of two for each.
func laughing(deep int) string {
	var b strings.Builder
	b.WriteString("query Person { ...F0 }")
	for i := range deep {
		fmt.Fprintf(&b, " fragment F%d on Query { a%d: version ...F%d b%d: version ...F%d }", i, i, i+1, i, i+1)
	}
	fmt.Fprintf(&b, " fragment F%d on Query { version }", deep)
	return b.String()
}

// What an application of GraphQL says of what went wrong does not go out, and who was asked for in
// vain is written and not charged.
//
// Promise: SCOPE-9
func TestSCOPE_9_WhatGraphQLSaysOfErrorsStaysBehind(t *testing.T) {
	w := newWorld(t, graphRoutes()...)
	ask := map[string]string{
		"Person": asking("query", quoted(personDocument), "variables", `{"id":"p1"}`),
		"People": asking("query", quoted(peopleDocument)),
		"Note":   asking("query", quoted(noteDocument), "variables", `{"note":{"person":"p1","text":"a"}}`),
	}
	const quoting = `"errors":[{"message":"no such person as ‹p30›","path":["them"],"extensions":{"code":"MISSING","of":"‹p30›"}}]`
	for _, c := range []struct{ operation, answer, want string }{
		{"Person", `{"data":{"them":null}}`, "refused not-there"},
		{"Person", `{"data":{"them":null},` + quoting + `}`, "refused not-there"},
		{"Person", `{"data":null,` + quoting + `}`, "refused not-there"},
		{"Person", `{` + quoting + `}`, "refused not-there"},
		{"Person", `{` + quoting + `,"data":{"them":{"id":"p1","name":"‹p1›","nir":null}}}`, `{"data":{"them":{"name":"‹p1›","nir":null}}}`},
		{"Person", `{}`, "refused not-understood"},
		{"Person", `[]`, "refused not-understood"},
		{"Person", `{"data":[]}`, "refused not-understood"},
		{"Person", `{"data":{"them":null},"data":{"them":{"id":"p30"}}}`, "refused not-understood"},
		{"Person", `{"errors":null}`, "refused not-understood"},
		{"People", `{"data":null,` + quoting + `}`, "failed invalid: answered-no"},
		{"People", `{` + quoting + `}`, "failed invalid: answered-no"},
		{"People", `{` + quoting + `,"data":{"people":[]}}`, `{"errors":[{"extensions":{"code":"MISSING"}}],"data":{"people":[]}}`},
		{"Note", `{"data":null,` + quoting + `}`, "failed broken: not-confirmed"},
		{"Note", `{` + quoting + `}`, "failed invalid: answered-no"},
		{"Note", `{"data":{"note":null},` + quoting + `}`, `{"data":{}}`},
	} {
		w.says("application/json", c.answer)
		g := w.post("/graphql", "application/json", ask[c.operation])
		if !strings.HasPrefix(g.body, c.want) || strings.Contains(g.body, "p30") {
			t.Errorf("%s: %s: %v, want %s", c.operation, c.answer, g, c.want)
		}
		for _, e := range w.entries() {
			if e.Why == policy.NotThere && e.Cost != 0 {
				t.Errorf("%s: %v is charged", c.answer, e.Cost)
			}
		}
	}
}

// Of a mutation whose answer has null for whom it changes, nobody knows whether it took place.
//
// Promise: SCOPE-9
func TestSCOPE_9_AMutationThatAnswersNullIsNotConfirmed(t *testing.T) {
	routes := graphRoutes()
	routes[2].Document = `mutation Note($note: NoteInput!) { note(note: $note) { person { id name } } }`
	routes[2].Answers = []httpgate.Answer{{About: true, Layout: content.Layout{Format: content.JSON, People: []content.Group{{
		Row: "$.data.note.person", Person: []content.Naming{{Scheme: "dossier", Path: "@.id"}}, Fields: []content.Part{{Field: register.Name, Path: "@.name"}},
	}}}}}
	w := newWorld(t, routes...)
	for _, answer := range []string{`{"data":{"note":null},"errors":[{"message":"late"}]}`, `{"data":{"note":{"person":null}}}`} {
		w.says("application/json", answer)
		g := w.post("/graphql", "application/json", asking("query", quoted(routes[2].Document), "variables", `{"note":{"person":"p1","text":"a"}}`))
		w.failed(g, fault.Broken, policy.NotConfirmed)
	}
}

// A stranger whom a variable names is decided like any; somebody who was refused looks like nobody.
//
// Promises: SCOPE-9, METER-3
func TestSCOPE_9_WhomAVariableNamesIsDecidedAndCounted(t *testing.T) {
	w := newWorld(t, graphRoutes()...)
	var sent []string
	w.app = graph(t, &sent)
	graphStrangers := []string{"p20", "p21"}
	for _, who := range graphStrangers {
		g := w.post("/graphql", "application/json", asking("query", quoted(personDocument), "variables", `{"id":"`+who+`"}`))
		if e := w.last(); g.status != http.StatusOK || e.Person != w.key.Person(who) || e.Cost != meter.Whole {
			t.Errorf("%s: %v, written with %v", who, g, e.Cost)
		}
	}
	gone := w.post("/graphql", "application/json", asking("query", quoted(personDocument), "variables", `{"id":"p22"}`))
	w.refused(gone, policy.NotThere)
}

// What cannot be an operation of GraphQL is complained of, by what is wrong with it.
func TestRUN_2_WhatIsNoOperationOfGraphQLIsComplainedOf(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		change func([]httpgate.Route)
		want   string
	}{
		"no GraphQL":             {func(r []httpgate.Route) { r[0].Document = "query {" }, "no document of GraphQL"},
		"two operations":         {func(r []httpgate.Route) { r[0].Document += " query B { version }" }, "2 operations"},
		"none":                   {func(r []httpgate.Route) { r[0].Document = "fragment A on B { c }" }, "0 operations"},
		"a subscription":         {func(r []httpgate.Route) { r[3].Document = "subscription A { version }" }, "goes on answering"},
		"in parts":               {func(r []httpgate.Route) { r[3].Document = "query A { ... @defer { version } }" }, "answered in parts"},
		"a fragment that is not": {func(r []httpgate.Route) { r[3].Document = "query A { ...B }" }, "the fragment B"},
		"a fragment in itself": {func(r []httpgate.Route) {
			r[3].Document = "query A { ...B } fragment B on Q { a { ...C } } fragment C on Q { ...B }"
		}, "uses itself"},
		"a fragment too many": {func(r []httpgate.Route) { r[3].Document = "query A { version } fragment B on Q { a }" }, "does not use the fragment B"},
		"a fragment twice": {func(r []httpgate.Route) {
			r[3].Document = "query A { ...B } fragment B on Q { version } fragment B on Q { a }"
		}, "two fragments of the name B"},
		"no name":                 {func(r []httpgate.Route) { r[3].Operation = "" }, "what the ledger calls it"},
		"an odd name":             {func(r []httpgate.Route) { r[3].Operation = "a b" }, "no name of an operation"},
		"the same twice":          {func(r []httpgate.Route) { r[0].Document = r[1].Document }, ""},
		"one name twice":          {func(r []httpgate.Route) { r[3].Operation = "Person" }, "declared twice"},
		"the same but for blanks": {func(r []httpgate.Route) { r[2].Document, r[2].Operation = "# again\n{version,}", "Other" }, ""},
		"beside what is none":     {func(r []httpgate.Route) { r[3].Document, r[3].Operation, r[3].Members = "", "", []string{"$.a"} }, "declared twice"},
		"any document by GET": {func(r []httpgate.Route) {
			r[3].Document, r[3].Operation, r[3].Methods, r[3].Query = "", "", nil, []string{"query"}
		}, "any document"},
		"any document by PUT": {func(r []httpgate.Route) {
			r[3].Document, r[3].Operation, r[3].Methods, r[3].Members = "", "", []string{"PUT"}, []string{"$.query"}
		}, "any document"},
		"any document unread": {func(r []httpgate.Route) {
			r[0].Document, r[0].Methods, r[0].Request, r[0].Takes = "", []string{"PUT"}, nil, []string{"application/graphql"}
		}, ""},
		"by GET":                  {func(r []httpgate.Route) { r[0].Methods = nil }, "asked for by POST"},
		"a parameter":             {func(r []httpgate.Route) { r[0].Query = []string{"query"} }, "without parameters"},
		"a form":                  {func(r []httpgate.Route) { r[0].Form = []string{"query"} }, "its body is JSON"},
		"XML":                     {func(r []httpgate.Route) { r[0].Members = []string{"/a"} }, "its body is JSON"},
		"unread":                  {func(r []httpgate.Route) { r[0].Takes = []string{"text/plain"} }, "its body is JSON"},
		"an answer in HTML":       {func(r []httpgate.Route) { r[3].Answers[0].Layout = table }, "answers in JSON"},
		"a mutation that reads":   {func(r []httpgate.Route) { r[2].Reads = true }, "changes something"},
		"a query that writes":     {func(r []httpgate.Route) { r[0].Writes = register.Note }, "changes nothing"},
		"a variable that is not":  {func(r []httpgate.Route) { r[1].Members = []string{"$.variables.all"} }, "in no variable"},
		"a member of the request": {func(r []httpgate.Route) { r[1].Members = []string{"$.extensions.a"} }, "in no variable"},
		"a variable not listed":   {func(r []httpgate.Route) { r[0].Request = nil }, "needs the variable id"},
		"what is not selected":    {func(r []httpgate.Route) { r[0].Answers[0].Layout.People[0].Row = "$.data.person" }, "selects no person"},
		"a field not selected":    {func(r []httpgate.Route) { r[0].Answers[0].Layout.People[0].Fields[0].Path = "@.phone" }, "selects no phone"},
		"nothing under data":      {func(r []httpgate.Route) { r[3].Answers[0].Layout.Plain = []string{"$.version"} }, "under $.data"},
		"everything":              {func(r []httpgate.Route) { r[3].Answers[0].Layout.Plain = []string{"$"} }, "under $.data"},
		"any depth":               {func(r []httpgate.Route) { r[3].Answers[0].Layout.Plain = []string{"$..message"} }, "under $.data"},
		"any name":                {func(r []httpgate.Route) { r[3].Answers[0].Layout.Plain = []string{"$[*]"} }, "under $.data"},
		"what errors say":         {func(r []httpgate.Route) { r[3].Answers[0].Layout.Plain = []string{"$.errors[*].message"} }, "may quote anybody"},
		"what errors say of wrong": {func(r []httpgate.Route) {
			r[3].Invalid = &httpgate.Invalid{Status: []int{400}, Answers: []httpgate.Answer{{Layout: content.Layout{Format: content.JSON, Plain: []string{"$['errors']"}}}}}
		}, "may quote anybody"},
	} {
		routes := graphRoutes()
		c.change(routes)
		_, err := httpgate.New([]httpgate.Service{w.service(routes...)}, w.dependencies(t))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := httpgate.New([]httpgate.Service{w.service(graphRoutes()...)}, w.dependencies(t)); err != nil {
		t.Error(err)
	}
}
