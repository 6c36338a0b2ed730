package content_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"poterne/internal/gate/content"
	"poterne/internal/register"
)

// one is a group of people, each with a name.
func one(row, person, name string) content.Group {
	return content.Group{
		Row: row, Person: []content.Naming{{Scheme: "d", Path: person}},
		Fields: []content.Part{{Field: register.Name, Path: name}},
	}
}

// What real applications answer with, and what is read and released of it when
// the people of the rows in without are withheld.
//
// Promise: RUN-2
func TestRUN_2_WhatApplicationsAnswerWithCanBeSaid(t *testing.T) {
	patient := one("$.entry[?@.resource.resourceType=='Patient']", "@.resource.id", "@.resource.name")
	observation := one("$.entry[?@.resource.resourceType == 'Observation' && @.search.mode==\"match\"]", "@.resource.subject.reference", "@.resource.value")
	observation.Person[0].Template = "Patient/{id}"
	keyed := one("$.people[*]", "@~", "@.name")
	keyed.Fields = append(keyed.Fields, content.Part{Field: register.Identifier, Path: "@~"})
	number := one("$", "@.identifier[?@.system=='urn:oid:1.2'].value", "@.name")
	link := one("tr.p", "", "td a")
	link.Person = []content.Naming{{Scheme: "d", Path: "a", Attribute: "href", Template: "/p/{id}/edit"}}
	link.Fields = append(link.Fields, content.Part{Field: register.Name, Path: "a", Attribute: "href"})
	for sentence, test := range map[string]struct {
		layout  content.Layout
		body    string
		rows    string
		without []int
		keep    register.Fields
		want    string
	}{
		"a Bundle of several kinds": {
			content.Layout{Format: content.JSON, People: []content.Group{patient, observation}, Plain: []string{"$.resourceType", "$.total"}},
			`{"resourceType":"Bundle","total":4,"entry":[
				{"resource":{"resourceType":"Patient","id":"A","name":"x","nir":1}},
				{"resource":{"value":1,"subject":{"reference":"Patient/B"},"resourceType":"Observation"},"search":{"mode":"match"}},
				{"resource":{"resourceType":"Observation","subject":{"reference":"Patient/C"},"value":1},"search":{"mode":"include"}},
				{"resource":{"resourceType":"Organization","id":"O","name":"secret"}},
				{"resource":{"resourceType":"Patient","id":"D","name":"y"}}]}`,
			"d:A name\nd:B name\nd:D name",
			[]int{2},
			register.AllFields,
			`{"resourceType":"Bundle","total":4,"entry":[{"resource":{"name":"x"}},{"resource":{"value":1,"subject":{}}}]}`,
		},
		"included by type": {
			content.Layout{Format: content.JSON, People: []content.Group{one("$.data[*]", "@.id", "@.attributes.name"), one("$.included[?(@.type=='people')]", "@.id", "@.attributes.name")}, Plain: []string{"$.included[?@.type=='offices']"}},
			`{"data":[{"type":"people","id":1,"attributes":{"name":"x"}}],"included":[{"type":"offices","id":9,"attributes":{"name":"Agence"}},{"id":"2","type":"people","attributes":{"name":"y"}},{"type":"notes","id":3}]}`,
			"d:1 name\nd:2 name",
			[]int{1},
			register.AllFields,
			`{"data":[{"attributes":{"name":"x"}}],"included":[{"type":"offices","id":9,"attributes":{"name":"Agence"}}]}`,
		},
		"identifiers of several systems": {
			content.Layout{Format: content.JSON, People: []content.Group{number}},
			`{"identifier":[{"system":"urn:other","value":"secret"},{"value":"A","system":"urn:oid:1.2"}],"name":"x"}`,
			"d:A name",
			nil,
			register.AllFields,
			`{"identifier":[{}],"name":"x"}`,
		},
		"names of members that name people": {
			content.Layout{Format: content.JSON, People: []content.Group{keyed}},
			`{"people":{"A":{"name":"x"},"\u0042":{"name":"y"},"C":null,"D":{"name":"z"}}}`,
			"d:A name+identifier\nd:B name+identifier\nd:D name+identifier",
			[]int{0},
			register.AllFields,
			`{"people":{"\u0042":{"name":"y"},"D":{"name":"z"}}}`,
		},
		"names of members that may not be seen": {
			content.Layout{Format: content.JSON, People: []content.Group{keyed}},
			`{"people":{"A":{"name":"x"},"B":{"name":"y"}}}`,
			"d:A name+identifier\nd:B name+identifier",
			nil,
			register.Name,
			`{"people":{"•••2":{"name":"x"},"•••4":{"name":"y"}}}`,
		},
		"a document a line": {
			content.Layout{Format: content.NDJSON, People: []content.Group{one("$[?@.kind=='person'].of", "@.id", "@.name"), one("$", "@.id", "@.name")}[1:]},
			"{\"id\":\"A\",\"name\":\"x\",\"nir\":1}\r\n\n{\"id\":\"B\",\"name\":\"y\"}\n{\"id\":\"C\",\"name\":\"z\"}",
			"d:A name\nd:B name\nd:C name",
			[]int{1},
			register.AllFields,
			"{\"name\":\"x\"}\n{\"name\":\"z\"}\n",
		},
		"rows that a script puts into a table": {
			content.Layout{Format: content.HTML, Fragment: true, Under: "/app", People: []content.Group{link}},
			`<tr class=p><td><a href="/p/A/edit">x</a><td>secret</tr><tr class=p><td><a href="/p/B/edit">y</a></tr><div>secret</div>`,
			"d:A name\nd:B name",
			[]int{1},
			register.AllFields,
			`<tr class="p"><td><a href="/app/p/A/edit">x</a></td><td></td></tr>`,
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			reading, err := compile(t, test.layout).Read([]byte(test.body))
			if err != nil {
				t.Fatal(err)
			}
			if rows := told(reading.Rows()); rows != test.rows {
				t.Errorf("rows:\n%s\nwant:\n%s", rows, test.rows)
			}
			out, err := reading.Release(nil, func(row int) (bool, register.Fields) { return !slices.Contains(test.without, row), test.keep })
			if err != nil || string(out) != test.want {
				t.Errorf("%v\n%s\nwant\n%s", err, out, test.want)
			}
		})
	}
}

// What names somebody in another form than is declared, or in none, is not guessed at.
//
// Promise: SCOPE-1
func TestSCOPE_1_WhatNamesNobodyAsDeclaredIsNotRead(t *testing.T) {
	reference := one("$[*]", "@.subject", "@.name")
	reference.Person[0].Template = "Patient/{id}"
	keyed := one("$[*]", "@~", "@.name")
	keyed.Fields[0].Path = "@~"
	for body, group := range map[string]content.Group{
		`[{"subject":"Group/A"}]`: reference, `[{"subject":"Patient/"}]`: reference, `[{"subject":"Patient/A/x"}]`: reference,
		`[{"subject":"Patient/A?x"}]`: reference, `[{"subject":"http://x/Patient/A"}]`: reference, `[{"subject":"Patient/%41"}]`: reference,
		`[{"name":"x"}]`: keyed, `{"":{}}`: keyed, `{"•••2":{}}`: keyed, `{"A\u0000":{}}`: keyed,
	} {
		r := compile(t, content.Layout{Format: content.JSON, People: []content.Group{group}})
		if reading, err := r.Read([]byte(body)); err == nil {
			t.Errorf("%s was read: %v", body, told(reading.Rows()))
		}
	}
	for want, group := range map[string]content.Group{
		"under fields": {Row: "$[*]", Person: []content.Naming{{Scheme: "d", Path: "@~"}}},
		"each member":  {Row: "$.a", Person: []content.Naming{{Scheme: "d", Path: "@~"}}, Fields: []content.Part{{Field: register.Name, Path: "@~"}}},
		"around one":   {Row: "$[*]", Person: []content.Naming{{Scheme: "d", Path: "@.a", Template: "Patient/"}}},
	} {
		if _, err := content.Compile(content.Layout{Format: content.JSON, People: []content.Group{group}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want a sentence with %q", err, want)
		}
	}
}

// FuzzFilter holds the filters against a naive one that looks at the whole tree.
func FuzzFilter(f *testing.F) {
	for _, seed := range []string{
		`[{"t":"a","v":1},{"v":2,"t":"b"},{"t":{"k":"a"}},[],null,{"v":3,"t":"\u0061"}]`, `{"x":{"t":"a","v":{"t":"b"}}}`,
		`[{"t":"a","t":"b","v":1}]`, `[ { "v" : [1 , {}], "t" : "a" } , {"t":true,"v":5},{"t":true,"u":7,"v":6}]`, `[{"t":"a"}`, `[[{"t":"a","v":1}]]`,
	} {
		f.Add([]byte(seed))
	}
	r, err := content.Compile(content.Layout{Format: content.JSON, Plain: []string{"$[?@.t=='a'].v", "$[?@.t==true && @.u==7].v", "$[?@.u==7].w"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		reading, err := r.Read(body)
		var list []any
		if err != nil || json.Unmarshal(body, &list) != nil {
			return
		}
		out, err := reading.Release(nil, everything)
		if err != nil {
			t.Fatal(err)
		}
		var want, got []any
		for _, one := range list {
			object, _ := one.(map[string]any)
			has := func(name, as string) bool {
				value, there := object[name]
				return there && fmt.Sprintf("%T %v", value, value) == as
			}
			kept := map[string]any{}
			if v, there := object["v"]; there && (has("t", "string a") || has("t", "bool true") && has("u", "float64 7")) {
				kept["v"] = v
			}
			if w, there := object["w"]; there && has("u", "float64 7") {
				kept["w"] = w
			}
			if len(kept) > 0 || has("t", "string a") || has("u", "float64 7") {
				want = append(want, kept)
			}
		}
		decoder := json.NewDecoder(bytes.NewReader(out))
		if err := decoder.Decode(&got); err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(list, func(one any) bool { object, _ := one.(map[string]any); _, odd := object["u"].(float64); return odd }) && bytes.ContainsAny(body, ".eE") {
			return // 7.0 is not written as 7, and is not chosen
		}
		if len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("%s\nreleased as %s\nwant %v", body, out, want)
		}
	})
}

// FuzzNDJSON holds for lines what always holds.
func FuzzNDJSON(f *testing.F) {
	layout := content.Layout{Format: content.NDJSON, People: []content.Group{one("$", "@.id", "@.name")}}
	layout.People[0].Fields = append(layout.People[0].Fields, content.Part{Field: register.Identifier, Path: "@.id"})
	r, err := content.Compile(layout)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"{\"id\":1,\"name\":\"x\"}\n{\"id\":\"b\"}\n", "null\n{\"id\":1}", "{\"id\":1}{\"id\":2}", "\n\r\n{\"id\":\"a\\n\"}", "{\"id\":\n1}", "[]\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		always(t, r, body, func(t *testing.T, released []byte) int {
			people := 0
			for line := range bytes.Lines(released) {
				var row map[string]any
				if err := json.Unmarshal(line, &row); err != nil {
					t.Fatalf("released what is not JSON: %v\n%q", err, released)
				}
				if row != nil {
					people++
				}
			}
			return people
		})
	})
}

// FuzzKeyed holds for rows that are named by their own members what always holds.
func FuzzKeyed(f *testing.F) {
	layout := content.Layout{Format: content.JSON, People: []content.Group{one("$.people[*]", "@~", "@.name")}, Plain: []string{"$.total"}}
	layout.People[0].Fields = append(layout.People[0].Fields, content.Part{Field: register.Identifier, Path: "@~"})
	r, err := content.Compile(layout)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{`{"people":{"A":{"name":"x"},"B":{}},"total":2}`, `{"people":[{"name":"x"}]}`, `{"people":{"A":null,"B":1}}`, `{"people":{"A":{},"\u0041":{}}}`, `{"people":{" A":{"people":{"C":{}}}}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		always(t, r, body, func(t *testing.T, released []byte) int {
			var out struct{ People map[string]any }
			if err := json.Unmarshal(released, &out); err != nil {
				return 0 // not an object
			}
			return len(out.People)
		})
	})
}

// FuzzFragment holds for parts of pages what always holds.
func FuzzFragment(f *testing.F) {
	layout := content.Layout{Format: content.HTML, Fragment: true, Under: "/app", People: []content.Group{{
		Row: ".person", Person: []content.Naming{{Scheme: "d", Attribute: "data-id"}},
		Fields: []content.Part{{Field: register.Identifier, Attribute: "data-id"}, {Field: register.Name, Path: ".name"}},
	}}, Plain: []string{"nav"}}
	r, err := content.Compile(layout)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		`<tr class=person data-id=A><td class=name>x<td>y`, `<td class=person data-id=A><p class=name>x`, `<option class=person data-id=A>x</option>`, `<li class=person data-id=A><a class=name href="/x">x</a>`,
		`<tbody><tr class=person data-id=A></tbody><div class=person data-id=B>`, `<nav><template><p class=person data-id=A></template></nav>`, `</template><p class=person data-id=A>`, `<html><body class=person data-id=A>`, `<col><tr class=person data-id=A>`,
	} {
		f.Add([]byte(seed))
	}
	rows := cascadia.MustCompile(".person")
	f.Fuzz(func(t *testing.T, body []byte) {
		always(t, r, body, func(t *testing.T, released []byte) int {
			around := &html.Node{Type: html.ElementNode, Data: "template", DataAtom: atom.Template}
			parts, err := html.ParseFragment(bytes.NewReader(released), around)
			if err != nil {
				t.Fatal(err)
			}
			people := 0
			for _, part := range parts {
				people += len(cascadia.QueryAll(&html.Node{FirstChild: part, LastChild: part}, rows))
			}
			return people
		})
	})
}
