package shape_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"

	"poterne/internal/gate/shape"
)

// declared reads a draft as the TOML that it is, without its comments.
func declared(t *testing.T, draft string) (routes []map[string]any) {
	t.Helper()
	var tree struct {
		Service struct{ Route []map[string]any }
	}
	if err := toml.Unmarshal([]byte(draft), &tree); err != nil {
		t.Fatalf("%v\n%s", err, draft)
	}
	return tree.Service.Route
}

// ofAnswer drafts what declares one answer to a GET.
func ofAnswer(path, media, body string) string {
	parts, _ := shape.Read(media, []byte(body))
	return shape.Draft([]shape.Shape{{Method: "GET", Path: path, Answer: media, Parts: parts, Times: 1, Why: "not-declared"}}, nil, "dossier")
}

// What stands for one person, and what names them, is found in the forms that
// applications answer in.
//
// Promise: RUN-9
func TestRUN_9_RowsAndWhatNamesThemAreFound(t *testing.T) {
	for name, test := range map[string]struct {
		path, media, body string
		wants, never      []string
	}{
		"lists within a row": {
			"/patients", "application/fhir+json",
			`{"entry":[{"resource":{"id":"p105001","identifier":[{"system":"urn:x","value":"105001"}],"name":[{"family":"Fourcade","given":["Elsa"]}],"telecom":[{"value":"06 39 98 12 34"}]}}]}`,
			[]string{`type = "application/fhir+json"`, `row = "$.entry[*]"`, `person = { dossier = "@.resource.id" }`, `fields.name = ["@.resource.name[*].family", "@.resource.name[*].given[*]"]`, `fields.contact = "@.resource.telecom[*].value"`},
			[]string{`row = "$.entry[*].resource.name[*]"`},
		},
		"people within a list of something else": {
			"/teams", "application/json", `{"teams":[{"id":7,"title":"x","members":[{"id":105,"name":"Elsa Fourcade","mails":["elsa@boite.example"]}]}]}`,
			[]string{`row = "$.teams[*].members[*]"`, `person = { dossier = "@.id" }`, `fields.contact = "@.mails[*]"`},
			nil,
		},
		"a file": {
			"/people/{}", "application/vnd.api+json", `{"data":{"id":"105001","attributes":{"email":"elsa@boite.example"}}}`,
			[]string{`about = true`, `row = "$"`, `person = { dossier = "@.data.id" }`, `fields.contact = "@.data.attributes.email"`},
			nil,
		},
		"names of members that are identifiers": {
			"/people", "application/json", `{"people":{"105001":{"name":"Elsa Fourcade"},"109001":{"name":"Anne Morvan"}}}`,
			[]string{`row = "$.people[*]"`, `person = { dossier = "@~" }`, `fields.name = "@.name"`},
			nil,
		},
		"links": {
			"/users", "text/html", `<table><tr class="user"><td class="firstname">Elsa</td><td class="email"><a href="/users/105/edit">elsa@boite.example</a></td></tr><tr class="user"><td class="firstname">Anne</td><td class="email"><a href="/users/109/edit">anne@boite.example</a></td></tr></table>`,
			[]string{`row = "tr.user"`, `person = { dossier = "td.email a@href as /users/{id}/edit" }`, `fields.name = "td.firstname"`},
			nil,
		},
		"a form": {
			"/users/{}/edit", "text/html", `<form action="/search"><input name="q"><input type="submit" value="Elsa"></form><form class="edit_user" action="/users/105"><input type="hidden" name="authenticity_token" value="Zm9v+/8="><p><label>First name<input name="user[firstname]" value="Elsa"></label><p><input name="user[mail]" value="elsa@boite.example"><textarea name="note">x</textarea></form>`,
			[]string{`about = true`, `row = "form.edit_user"`, `person = { dossier = ":scope@action as /users/{id}" }`, `input[name=\"user[firstname]\"]@value`, `input[name=\"user[mail]\"]@value`},
			[]string{"submit", `[name=\"authenticity_token\"]@value"`},
		},
		"a table whose head says what its columns are": {
			"/people", "text/html", `<table><thead><tr><th>id</th><th>last_name</th><th>Dupont</th><th>birth</th></tr></thead><tbody><tr><td><a href="/people/105001">105001</a></td><td>fourcade</td><td>x</td><td>1990-02-03</td></tr><tr><td><a href="/people/109001">109001</a></td><td>morvan</td><td>y</td><td>1991-02-03</td></tr></tbody></table>`,
			[]string{`row = "tbody tr"`, `person = { dossier = "td:nth-of-type(1) a" }`, `fields.name = "td:nth-of-type(2)"`, `fields.birth = "td:nth-of-type(4)"`, `under last_name`},
			[]string{"Dupont", "td:nth-of-type(3)\""},
		},
		"a form that is laid out in a table": {
			"/people/{}", "text/html", `<form action="/people/105001"><table><tr><td><input type="hidden" name="view[people][records][0][pk]" value="105001"></td></tr><tr><td>Name<td><div><input name="view[people][records][0][columns][last_name]" value="fourcade"></div></tr><tr><td><textarea name="note">x</textarea></table></form>`,
			[]string{`row = "form"`, `person = { dossier = "input[name=\"view[people][records][0][pk]\"]@value" }`, `fields.name = "input[name=\"view[people][records][0][columns][last_name]\"]@value"`, `fields.note = "textarea[name=\"note\"]"`},
			nil,
		},
		"lines of a table that are changed in their places": {
			"/people", "text/html", `<form action="/people"><table><tr><td><input type="hidden" name="person1" value="105001"></td><td><input name="phone1" value="06 39 98 12 34"></td></tr></table></form>`,
			[]string{`row = "tr"`, `person = { dossier = "td:nth-of-type(1) input[name=\"person1\"]@value" }`},
			[]string{`row = "form"`},
		},
		"columns with spaces": {
			"/users.csv", "text/csv", "First name,Dupont,Id\nElsa,elsa@boite.example,105001\n",
			[]string{`fields.name = "First name"`, `#   {} 2: 1× a mail address; looks like contact`, `person = { dossier = "Id" }`},
			nil,
		},
		"events": {
			"/news", "text/event-stream", "retry: 5\nid: 7\ndata: {\"id\":105001,\"name\":\"Elsa Fourcade\",\ndata: \"state\":\"open\"}\n\nevent: people\ndata: [{\"person\":\"105001\",\"phone\":\"06 39 98 12 34\"}]\n\nevent: user.status\ndata: {\"version\":3}\n\nevent: fourcade\ndata: 1\n\ndata: {\"mail\":\"anne@boite.example\"}",
			[]string{`[[service.route.events.of.message.people]]`, `row = "$"`, `person = { dossier = "@.id" }`, `fields.name = "@.name"`, `[[service.route.events.of.people.people]]`, `row = "$[*]"`, `person = { dossier = "@.person" }`, `fields.contact = "@.phone"`, `# [service.route.events.of."user.status"]`, "of a type that is no plain word", "# Its events have ids (1× a number)"},
			[]string{"fourcade", "anne", "mail", "about"},
		},
		"one of whom everything is said in lists": {
			"/patients/{}", "application/fhir+json", `{"id":"105001","name":[{"family":"Fourcade","given":["Elsa"]}],"telecom":[{"value":"06 39 98 12 34"}],"address":[{"city":"Vire","postalCode":"14500"}]}`,
			[]string{`about = true`, `row = "$"`, `person = { dossier = "@.id" }`, `fields.name = ["@.name[*].family", "@.name[*].given[*]"]`, `"@.address[*].postalCode"`},
			[]string{`row = "$.address[*]"`},
		},
		"what refers to a person": {
			"/observations", "application/fhir+json", `{"entry":[{"fullUrl":"urn:uuid:00000000-0000-4000-8000-000000000001","resource":{"id":"7001","subject":{"reference":"Patient/105001"}}},{"fullUrl":"urn:uuid:00000000-0000-4000-8000-000000000002","resource":{"id":"7002","subject":{"reference":"Patient/109001"}}}]}`,
			[]string{`person = { dossier = "@.resource.subject.reference as Patient/{id}" }`, `"@.fullUrl"`},
			[]string{"00000000", "105001"},
		},
		"a row of somebody else's number": {
			"/contracts", "application/json", `[{"id":1,"userId":101,"name":"Elsa Fourcade"},{"id":2,"userId":102,"name":"Anne Morvan"}]`,
			[]string{`person = { dossier = "@.userId" }`},
			nil,
		},
		"lists whose elements are told apart by their places": {
			"/news", "text/event-stream", "data: [[\"props\",{\"version\":1}],[\"+\",{\"n\":\"00000000-0000-4000-8000-900000000003/\",\"m\":\"2026-01-02\"}]]\n\n",
			[]string{`row = "$[*]"`, `person = { dossier = "@[1].n as {id}/" }`, `fields.identifier = "@[1].n"`, `fields.status = "@[1].m"`},
			nil,
		},
		"one person in an envelope": {
			"/service", "text/xml", `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:example:people" xmlns:d="urn:dupont"><s:Body><found><person><id>105001</id><name>Elsa</name><d:phone>06 39 98 12 34</d:phone></person></found></s:Body></s:Envelope>`,
			[]string{`row = "/soap:Envelope/soap:Body/p:found/p:person"`, `person = { dossier = "p:id" }`, `fields.name = "p:name"`, `fields.contact = "p2:phone"`},
			[]string{"dupont", "lsa"},
		},
		"XML": {
			"/people", "application/xml", `<?xml version="1.0"?><people total="2"><person id="105001"><name>Elsa</name><address><city>Vire</city></address></person><person id="109001"><name>Anne</name></person></people>`,
			[]string{`row = "/people/person"`, `person = { dossier = "@id" }`, `fields.name = "name"`, `fields.contact = "address/city"`},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			draft := ofAnswer(test.path, test.media, test.body)
			declared(t, draft)
			for _, want := range test.wants {
				if !strings.Contains(draft, want) {
					t.Errorf("the draft lacks %s:\n%s", want, draft)
				}
			}
			for _, not := range test.never {
				if strings.Contains(draft, not) {
					t.Errorf("the draft has %s:\n%s", not, draft)
				}
			}
		})
	}
}

// An application that shows the same number in all rows would have everybody counted as one: that is not declared, until
// answers in which it differs were seen, or somebody has said that it is right.
//
// Promise: RUN-9
func TestRUN_9_WhatIsTheSameInAllRowsIsNotDeclaredToNameThem(t *testing.T) {
	const same, apart = `[{"id":7,"name":"Elsa Fourcade"},{"id":7,"name":"Anne Morvan"}]`, `[{"id":7,"name":"Elsa Fourcade"},{"id":8,"name":"Anne Morvan"}]`
	for body, wants := range map[string]bool{same: false, apart: true, `[{"id":7,"name":"Elsa Fourcade"}]`: true} {
		if draft := ofAnswer("/people", "application/json", body); strings.Contains(draft, "\nperson = ") != wants || !strings.Contains(draft, `person = { dossier = "@.id" }`) {
			t.Errorf("%s is drafted as\n%s", body, draft)
		}
	}
	b := shape.NewBook()
	for _, body := range []string{same, apart, same} {
		parts, _ := shape.Read("application/json", []byte(body))
		b.Saw("people", "pauline", shape.Shape{Method: "GET", Path: "/people", Answer: "application/json", Parts: parts, Why: "not-declared"})
	}
	if draft := shape.Draft(b.Shapes("people"), nil, "dossier"); !strings.Contains(draft, "\nperson = ") {
		t.Errorf("all of them are drafted as\n%s", draft)
	}
}

// A list with one element in it is the same list as one with several: what is drafted of it is drafted once.
//
// Promise: RUN-9
func TestRUN_9_AListOfXMLWithOneInItIsTheSameList(t *testing.T) {
	const one = `<person><id>105001</id><name>Elsa</name></person>`
	single, _ := shape.Read("application/xml", []byte("<people>"+one+"</people>"))
	several, _ := shape.Read("application/xml", []byte("<people>"+one+one+"</people>"))
	draft := shape.Draft([]shape.Shape{{Method: "GET", Path: "/people", Answer: "application/xml", Parts: slices.Concat(single, several), Times: 2, Why: "not-declared"}}, nil, "dossier")
	if declared(t, draft); strings.Count(draft, "[[service.route.xml.people]]") != 1 || !strings.Contains(draft, `row = "/people/person"`) {
		t.Errorf("it is drafted as\n%s", draft)
	}
}

// An operation of SOAP is drafted as a route of its own, with the namespaces that are made of plain words, and what its
// elements may say of a person; whatever they are called, neither a value nor a name that is none is in it.
//
// Promise: RUN-9
func TestRUN_9_AnOperationOfSOAPIsDrafted(t *testing.T) {
	envelope := func(inside string) []byte {
		return []byte(`<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/" xmlns:w="urn:example:people" xmlns:x="urn:dupont:elsa"><S:Header/><S:Body>` + inside + `</S:Body></S:Envelope>`)
	}
	var shapes []shape.Shape
	for _, inside := range []string{
		`<w:getPerson><w:id>105001</w:id><w:page>2</w:page></w:getPerson>`,
		`<w:search><w:filter>fourcade</w:filter><x:name>Elsa</x:name><w:Dupont>1</w:Dupont></w:search>`,
		`<w:Dupont w:fourcade="Elsa"/>`, `<w:list/>`, `<w:list/><w:delete/>`,
	} {
		var spaces shape.Spaces
		body, _ := spaces.Read("text/xml", envelope(inside))
		shapes = append(shapes, shape.Shape{Method: "POST", Path: "/service", Media: "text/xml", Body: body, Operation: shape.Operation(body), Spaces: spaces.Words(), Why: "not-declared", Times: 1})
	}
	draft := shape.Draft(shapes, nil, "dossier")
	for _, want := range []string{
		"operation = \"getPerson\"\nnamespaces = { p = \"urn:example:people\" }\n", `# request = { xml = { dossier = "/soap:Envelope/soap:Body/p:getPerson/p:id" } }`,
		`# members = ["/soap:Envelope/soap:Body/p:getPerson/p:page"]`,
		"operation = \"search\"\n", `# namespaces = { p = "urn:example:people", p2 = "…" }`, `members "/soap:Envelope/soap:Body/p:search/p:filter" may say of a person: name`, `members "/soap:Envelope/soap:Body/p:search/p2:name" may say of a person: name`,
		`# operation = "…"`, "operation = \"list\"\n",
	} {
		if !strings.Contains(draft, want) {
			t.Errorf("the draft lacks %s:\n%s", want, draft)
		}
	}
	for _, not := range []string{"upont", "lsa", "ourcade", "105001", "form ="} {
		if strings.Contains(draft, not) {
			t.Errorf("the draft has %s:\n%s", not, draft)
		}
	}
	harmless(t, "SOAP", draft)
}

// What may be a person's is not among the parameters of nobody, whatever was sent in it this time: what is looked for is
// somebody, most often, and so is what a number under a person's word stands for.
//
// Promise: RUN-9
func TestRUN_9_AParameterInWhichSomebodyIsLookedForIsNotAmongThoseOfNobody(t *testing.T) {
	query, _ := shape.Pairs([]string{"page", "q", "name_like", "person", "label", "sort", "uri", "uri", "back"}, []string{"2", "active", "7", "7", "fourcade elsa", "name", "/people/105001/", "/people/", "/people/105001/"})
	draft := shape.Draft([]shape.Shape{{Method: "GET", Path: "/people", Query: query, Why: "not-declared", Times: 1}}, nil, "dossier")
	for _, want := range []string{
		`# query = ["page", "sort"]`, `query "q" may say of a person: name`, `query "name_like" may say of a person: name`, `query "person" may say of a person: identifier`, `query "label": 1× a text; nothing says`, `# request = { query = { dossier = "back as /people/{id}/" } }`,
		"# operation = \"people.id\"\n# request = { query = { dossier = \"uri as /people/{id}/\" } }\n# operation = \"people\"\n# query = [\"uri\"]\n# only = { uri = \"/people/\" }\n",
	} {
		if !strings.Contains(draft, want) {
			t.Errorf("the draft lacks %s:\n%s", want, draft)
		}
	}
	harmless(t, "a search", draft)
}

// Files below somebody's address are one route, whatever they are called, and so is what pages are made with; which of
// the two they are is for whoever reads it, and a picture may be of somebody.
//
// Promises: RUN-9, SCOPE-11
func TestRUN_9_FilesOfAPersonAreDraftedAsOneRoute(t *testing.T) {
	file := func(media string, path ...string) shape.Shape {
		return shape.Shape{Method: "GET", Path: shape.Path(path), Answer: media, Why: "not-declared", Times: 1}
	}
	draft := shape.Draft([]shape.Shape{
		file("application/pdf", "people", "105001", "letter.pdf"), file("image/jpeg", "people", "105001", "Elsa.jpg"), file("application/pdf", "people", "105001", "report"),
		file("text/css", "styles", "main.css"), file("font/woff2", "styles", "files", "x17.woff2"), file("image/png", "pictures", "105001.png"), file("text/css", "main.css"),
	}, nil, "dossier")
	for _, want := range []string{
		"get = \"/people/{id}/{file}\"\nrequest = { path = { dossier = \"id\" } } #", "# unread = [\"application/pdf\", \"image/jpeg\"]\n# shows = ", `get = "/people/{id}/report"`,
		"get = \"/styles/{file...}\"\n", "# static = [\"font/woff2\", \"text/css\"]\n", `get = "/pictures/{id}"`, `get = "/main.css"`,
	} {
		if !strings.Contains(draft, want) {
			t.Errorf("the draft lacks %s:\n%s", want, draft)
		}
	}
	if strings.Contains(draft, "/styles/files") {
		t.Errorf("a folder within the folder is drafted once more:\n%s", draft)
	}
	harmless(t, "files", draft)
}

// What an application does to be taken for one that has nobody in it: its names mislead,
// its values are coded, its people stand in the names of members, in addresses, in texts. All
// of them are marked, whatever the place is called.
//
// Promise: RUN-9
func TestRUN_9_AnApplicationThatHidesItsPeopleIsSeenThrough(t *testing.T) {
	coded := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	const nir, mail, telephone = "990029900100134", "elsa@boite.example", "06 39 98 12 34"
	for name, body := range map[string]string{
		"a NIR that is called a version":    `{"items":[{"version":"` + nir + `"}]}`,
		"a NIR as a number":                 `{"items":[{"total":` + nir + `}]}`,
		"a mail address that is a colour":   `{"items":[{"color":"` + mail + `"}]}`,
		"a name that is a colour":           `{"items":[{"color":"Elsa Fourcade"}]}`,
		"a surname that is a colour":        `{"items":[{"color":"Fourcade"}]}`,
		"a name under no plain word":        `{"items":[{"zzz":"Elsa Fourcade"}]}`,
		"a telephone in a text":             `{"items":[{"label":"ask at ` + telephone + ` today"}]}`,
		"a NIR in a text":                   `{"items":[{"label":"no. ` + nir + ` of"}]}`,
		"a mail address in a text":          `{"items":[{"label":"Elsa <` + mail + `>"}]}`,
		"a coded NIR":                       `{"items":[{"token":"` + coded(nir) + `"}]}`,
		"a coded mail address":              `{"items":[{"hash":"` + coded(mail) + `"}]}`,
		"a coded object":                    `{"items":[{"hash":"` + coded(`{"who":"Elsa Fourcade"}`) + `"}]}`,
		"a mail address in an address":      `{"items":[{"self":"/pages/elsa%40boite.example"}]}`,
		"a NIR in a query":                  `{"items":[{"self":"https://x.example/pages?page=` + nir + `"}]}`,
		"a name in an address":              `{"items":[{"self":"/pages/fourcade-elsa"}]}`,
		"an identifier in an address":       `{"items":[{"self":"/pages/105"}]}`,
		"a NIR as the name of a member":     `{"items":{"` + nir + `":{"version":1}}}`,
		"mail as the name of a member":      `{"items":{"` + mail + `":true}}`,
		"a name as the name of a member":    `{"items":{"Elsa Fourcade":1}}`,
		"an identifier as a member's name":  `{"items":{"105001":{"version":1}}}`,
		"a date that is called a version":   `{"items":[{"version":"1990-02-03"}]}`,
		"a file named as a word":            `{"items":[{"self":"page/` + nir + `"}]}`,
		"a reference":                       `{"items":[{"label":"urn:page:105001"}]}`,
		"one beside a word":                 `{"items":[["page",{"version":"` + mail + `"}]]}`,
		"one of many":                       `{"items":[{"version":"1"},{"version":"2"},{"version":"` + nir + `"}]}`,
		"beside what has a category":        `{"items":[{"id":1,"status":"Elsa Fourcade"}]}`,
		"a NIR with spaces and capitals":    `{"items":[{"version":"9 90 02 99 001 001 34"}]}`,
		"a mail address after its protocol": `{"items":[{"self":"mailto:` + mail + `"}]}`,
	} {
		draft := ofAnswer("/items", "application/json", body)
		if !strings.Contains(draft, "; looks like ") {
			t.Errorf("%s: nothing is marked:\n%s", name, draft)
		}
		harmless(t, name, draft)
	}
}

// harmless wants a draft to declare nobody harmless: every key of it says where it is, whom something
// is about, or which category it is of.
func harmless(t *testing.T, name, draft string) {
	t.Helper()
	only := []string{"get", "post", "methods", "path", "operation", "namespaces", "request", "written", "json", "ndjson", "html", "csv", "xml", "events"}
	for _, route := range declared(t, draft) {
		for key, value := range route {
			if !slices.Contains(only, key) {
				t.Errorf("%s: the draft declares %s by itself:\n%s", name, key, draft)
			}
			answer, of := value.(map[string]any)
			for inner := range answer {
				if of && !slices.Contains([]string{"request", "written", "namespaces"}, key) && !slices.Contains([]string{"people", "type", "about", "person", "fields", "of"}, inner) {
					t.Errorf("%s: the draft declares %s.%s by itself:\n%s", name, key, inner, draft)
				}
			}
		}
	}
}

// Names that an asker or an application makes up do not get into the draft, whatever
// they would be there; and what names somebody is never listed as an ordinary parameter.
//
// Promise: RUN-9
func TestRUN_9_NamesThatAreTOMLAreNotWritten(t *testing.T) {
	evil := []string{
		"page\"]\nstatic = [\"text/html", "page\"\nplain = \"$", "]]\n[[service.route]]\nget = \"/x\"", "page' ]", "page\\u0022", "page\r\nplain", "pa\u2028ge", "page # x", "plain = '$'", "\x00page", "page\"", "name'] = 1",
	}
	query, _ := shape.Pairs(append(slices.Clone(evil), "page", "nir", "q", "person"), append(slices.Repeat([]string{"x"}, len(evil)), "2", "990029900100134", "Elsa Fourcade", "105001"))
	var object strings.Builder
	for i, name := range evil {
		if i > 0 {
			object.WriteByte(',')
		}
		object.WriteString(`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\x00", `\u0000`).Replace(name) + `":"Elsa Fourcade"`)
	}
	bodies := map[string]string{
		"application/json":  `{"items":[{"id":105001,` + object.String() + `}]}`,
		"text/event-stream": "event: x\"]\ndata: {\"id\":105001," + strings.ReplaceAll(object.String(), "\n", " ") + "}\n\nevent: people.\"x\"\ndata: {\"id\":105001}\n\nevent: message]]\ndata: {}\n\ndata: {\"id\":105001,\"plain = 1\":\"Elsa Fourcade\"}\n\n",
		"text/csv":          strings.Join([]string{"id", `"page""]` + "\n" + `static = [""x"`}, ",") + "\n105001,Elsa Fourcade\n",
		"text/html":         `<table><tr class="x&quot;]&#10;plain=1" id=x><td class='a"b'><a href="/users/105&quot;]">Elsa Fourcade</a><input name='x"]' value=x></table>`,
		"application/xml":   `<people><person id="105001"><name.plain>Elsa</name.plain></person><person id="105002"><zzz plain="Elsa Fourcade"/></person></people>`,
	}
	var spaces shape.Spaces
	sent, _ := spaces.Read("text/xml", []byte(`<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><get.plain xmlns="urn:&quot; }&#10;plain = &quot;/" xmlns:x="page&quot;]"><x:id plain="1">105001</x:id></get.plain></e:Body></e:Envelope>`))
	for media, body := range bodies {
		parts, _ := shape.Read(media, []byte(body))
		if len(parts) == 0 {
			t.Fatalf("%s: nothing is read", media)
		}
		draft := shape.Draft([]shape.Shape{
			{Method: "GET", Path: shape.Path([]string{"users", "\"]\nplain = 1", evil[0]}), Query: query, Answer: media, Parts: parts, Why: "not-declared", Cookies: []string{shape.Word(evil[0])}},
			{Method: "POST", Path: "/users/{}", Media: "application/x-www-form-urlencoded", Body: query, Why: "not-declared"},
			{Method: "POST", Path: "/login", Media: "application/x-www-form-urlencoded", Body: query, Why: "not-declared"},
			{Method: "POST", Path: "/service", Media: "text/xml", Body: sent, Operation: shape.Operation(sent), Spaces: spaces.Words(), Answer: media, Parts: parts, Why: "not-declared"},
		}, nil, "dossier")
		harmless(t, media, draft)
		for _, route := range declared(t, draft) {
			for _, key := range []string{"query", "form"} {
				listed, _ := route[key].([]any)
				for _, name := range listed {
					if name != "page" {
						t.Errorf("%s: %v is listed under %s:\n%s", media, name, key, draft)
					}
				}
			}
		}
		for line := range strings.Lines(draft) {
			if said, _, _ := strings.Cut(line, "#"); strings.Contains(said, "static") || strings.Contains(said, "plain =") {
				t.Errorf("%s: it says %s", media, line)
			}
		}
	}
}

// A message may be of a type that is no key of TOML, as what one sign stands for.
//
// Promise: RUN-9
func TestRUN_9_ATypeThatIsNoKeyIsWrittenAsOne(t *testing.T) {
	for _, from := range []string{shape.Sends, shape.Takes} {
		draft := shape.Draft([]shape.Shape{{Method: "GET", Path: "/live", Socket: from, Tag: "$.type", Type: shape.Word("~"), Why: "not-declared", Times: 1}}, nil, "dossier")
		socket, _ := declared(t, draft)[0]["websocket"].(map[string]any)
		if types, _ := socket[from].(map[string]any); types["~"] == nil {
			t.Errorf("%v:\n%s", socket, draft)
		}
	}
}

// A change that says once more whom it is about says so in what names them: where the address and
// the body could name two people, both must be the same. A sign-in of the application's own, and
// what pages are made with, are drafted for whoever confirms that they are.
//
// Promise: RUN-9
func TestRUN_9_WhatAFormNamesItsPersonByIsDraftedBesideTheAddress(t *testing.T) {
	form, _ := shape.Pairs([]string{"_csrf", "pk", "view[people][records][0][columns][id]", "phone"}, []string{"k-3", "105001", "105001", "06 39 98 12 34"})
	signIn, _ := shape.Pairs([]string{"_csrf", "username", "password"}, []string{"k-3", "elsa", "secret of Elsa"})
	document, _ := shape.Read("application/json", []byte(`{"data":{"id":"105001","type":"people","phone":"06 39 98 12 34"}}`))
	draft := shape.Draft([]shape.Shape{
		{Method: "POST", Path: "/people/{}", Media: "multipart/form-data", Body: form, Why: "not-declared", Times: 1},
		{Method: "PATCH", Path: "/people/{}", Media: "application/json", Body: document, Why: "not-declared", Times: 1},
		{Method: "POST", Path: "/login", Media: "application/x-www-form-urlencoded", Body: signIn, Why: "not-declared", Times: 1},
		{Method: "GET", Path: "/{}/{}", Answer: "text/css", Why: "not-declared", Times: 2},
		{Method: "GET", Path: "/{}/{}", Answer: "text/javascript", Why: "not-declared", Times: 1},
	}, nil, "dossier")
	for _, want := range []string{
		`request = { path = { dossier = "id" }, form = { dossier = ["pk", "view[people][records][0][columns][id]"] } } #`, `written = { contact = "phone" }`, `form = ["_csrf"]`,
		`request = { path = { dossier = "id" }, json = { dossier = "$.data.id" } } #`, `members = ["$.data.type"]`,
		`# form = ["_csrf", "username", "password"]`, `# reads = true`, `# static = ["text/css", "text/javascript"]`,
	} {
		if !strings.Contains(draft, want) {
			t.Errorf("the draft lacks %s:\n%s", want, draft)
		}
	}
	harmless(t, "a form", draft)
	for _, route := range declared(t, draft) {
		if route["post"] == "/login" && route["form"] != nil {
			t.Errorf("the form of the sign-in is declared by itself:\n%s", draft)
		}
	}
}

// A list, or a text, that says who else is concerned may be of others than the row's person: of the list the first is proposed,
// of the text none. That a mail address names somebody is proposed behind a #, whatever else was found to.
//
// Promise: RUN-9
func TestRUN_9_WhoElseIsConcernedIsNotDraftedAsTheRowsPerson(t *testing.T) {
	draft := ofAnswer("/mails", "application/json", `[
		{"id": "4711-01", "subject": "about you", "headers": {"to": "Elsa <9000001@mail.example>, Karim <9000002@mail.example>"},
		 "to": [{"address": "9000001@mail.example", "name": "Elsa Fourcade"}, {"address": "9000002@mail.example", "name": "Karim Benali"}], "telecom": [{"value": "0199001234"}]},
		{"id": "4711-02", "subject": "about me", "headers": {"to": "x"},
		 "to": [{"address": "9000003@mail.example", "name": "Louis Vasseur"}], "telecom": [{"value": "0199001235"}]}]`)
	for _, want := range []string{
		"person = { dossier = \"@.id\" }\n", "\n# person = { dossier = \"@.to[0].address as {id}@mail.example\" }\n", "\nfields.name = \"@.to[0].name\"\n",
		"\nfields.contact = [\"@.to[0].address\", \"@.telecom[*].value\"]\n", "\nfields.note = \"@.subject\"\n", "there may be several people there",
	} {
		if !strings.Contains(draft, want) {
			t.Errorf("%q is not in the draft:\n%s", want, draft)
		}
	}
	if draft := ofAnswer("/mails", "application/json", `[{"id": "4711-01", "to": "9000001@fourcade.example"}, {"id": "4711-02", "from": {"mail": "9000001@fourcade.example"}}]`); strings.Contains(draft, "ourcade") || strings.Contains(draft, "900000") || !strings.Contains(draft, "@.from.mail as {id}@…") {
		t.Errorf("the domain is kept, or not asked for:\n%s", draft)
	}
}

// Files that pages are made with are one route, whatever the folders below the first are called, and pictures are not: they may be of
// somebody.
//
// Promise: RUN-9
func TestRUN_9_FilesOfPagesAreOneRouteWhateverTheirFoldersAreCalled(t *testing.T) {
	of := func(path, media string) shape.Shape {
		return shape.Shape{Method: "GET", Path: path, Answer: media, Why: "not-declared", Times: 1}
	}
	draft := shape.Draft([]shape.Shape{of("/components/{}/{}", "application/javascript"), of("/components/{}", "text/css"), of("/{}/{}", "text/css"), of("/people/{}/photo", "image/png")}, nil, "dossier")
	for _, want := range []string{"get = \"/components/{file...}\"", "# static = [\"application/javascript\", \"text/css\"]", "get = \"/{id}/{id2}\"", "get = \"/people/{id}/photo\""} {
		if strings.Count(draft, want) != 1 {
			t.Errorf("%q is not in the draft once:\n%s", want, draft)
		}
	}
}
