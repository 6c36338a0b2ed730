package shape_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"

	"poterne/internal/gate/shape"
	"poterne/internal/journal"
	"poterne/internal/ledger"
)

func TestRUN_9_ANameIsKeptOnlyIfItsWordsAreEverybodys(t *testing.T) {
	for _, name := range []string{"users", "first_name", "firstName", "birthDate", "X-Total", "user[email]", "page2", "csrfmiddlewaretoken", "NIR", "application-id", "First name", "q", "view[people][records][0][columns][first_name]"} {
		if shape.Word(name) != name {
			t.Errorf("%s is not kept", name)
		}
	}
	for _, name := range []string{"dupont", "users-dupont", "dupont.name", "105", "0", "[0]", "page[10]", "page-0", "page[0]0", "page105", "a@b.example", "Ünal", "name  name", " name", "name ", "name Dupont", "uSERs", "", "é", "5", "Q", strings.Repeat("name", 20), "id_0199001234", "name-name-name-name-name-name-name", "\u202ename"} {
		if shape.Word(name) != shape.Placeholder {
			t.Errorf("%s is kept", name)
		}
	}
	if got := shape.Path([]string{"users", "105", "letters", "dupont-anne", ""}); got != "/users/{}/letters/{}/" {
		t.Errorf("an address is kept as %s", got)
	}
}

// fields is every kind of field of people there is in an answer, of which the last word
// is the category that it is found to be.
const fields = `{"users":[{"id":105,"uuid":"6f1c0c2e-9d3b-4f0e-8a53-0a2b6a1f9c11","name":"Elsa Fourcade","fullName":"Anne de la Tour","birthDate":"1990-02-03",
	"mail":"elsa@boite.example","reply":"anne@boite.example","phone":"01 99 00 12 34","callback":"+33 6 39 98 12 34","nir":"990029900100134",
	"number":"9 90 02 99 001 001 34","address":{"street":"1 rue des Lilas","city":"Vire"},"status":"active","version":3,"tags":["a"]}],"total":1,"dupont":{"secret":"x"}}`

// Whatever an answer holds, nothing of it is kept but plain words and kinds of values.
//
// Promise: RUN-9
func TestRUN_9_NoValueIsKept(t *testing.T) {
	bodies := map[string]string{
		"application/json": fields,
		"text/html":        `<h1>Elsa Fourcade</h1><table><tr class="person dupont"><td class=name>Elsa Fourcade<td data-id="105" data-dupont=x><a href="/users/105">elsa@boite.example</a></tr></table><fourcade>x</fourcade>`,
		"text/csv":         "id;name;Dupont\n105;Elsa Fourcade;x\n",
	}
	for media, body := range bodies {
		parts, _ := shape.Read(media, []byte(body))
		kept, err := json.Marshal(parts)
		if err != nil || len(parts) == 0 {
			t.Fatal(err, parts)
		}
		for _, value := range []string{"Elsa", "ourcade", "105", "boite", "upont", "Lilas", "Vire", "1990", "9900", "6f1c"} {
			if strings.Contains(string(kept), value) {
				t.Errorf("%s: %q is kept: %s", media, value, kept)
			}
		}
	}
}

// What a draft says of people: every field of theirs is marked, none is declared plain,
// and it is TOML.
//
// Promise: RUN-9
func TestRUN_9_ADraftMarksPeopleAndDeclaresNobodyHarmless(t *testing.T) {
	parts, _ := shape.Read("application/json", []byte(fields))
	query, _ := shape.Pairs([]string{"page", "mail", "dupont"}, []string{"2", "a@b.example", "x"})
	draft := shape.Draft([]shape.Shape{
		{Method: "GET", Path: "/users/{}", Query: query, Why: "not-declared", Answer: "application/json", Parts: parts, Times: 3},
		{Method: "POST", Path: "/notes", Media: "application/x-www-form-urlencoded", Body: query, Why: "not-declared", Times: 1},
		{Method: "GET", Path: "/users/page", Why: "not-declared", Answer: "application/pdf", Times: 1},
	}, nil, "dossier")
	var tree map[string]any
	if err := toml.Unmarshal([]byte(draft), &tree); err != nil {
		t.Fatalf("%v\n%s", err, draft)
	}
	for _, want := range []string{
		`get = "/users/{id}"`, `request = { path = { dossier = "id" } }`, `row = "$.users[*]"`, `person = { dossier = "@.id" }`, `fields.nir = ["@.nir", "@.number"]`,
		`fields.contact = ["@.mail", "@.reply", "@.phone", "@.address.street", "@.address.city"]`, `fields.name = ["@.name", "@.fullName"]`, `fields.birth = "@.birthDate"`,
		`1× a NIR, by its key; looks like nir`, `[{}]: 1× a telephone number; looks like contact`, `@.version: 1× a number; nothing speaks for a category`, `query = ["page"]`, `# query "mail" may say of a person: contact`, `unread = ["application/pdf"]`,
	} {
		if !strings.Contains(draft, want) {
			t.Errorf("the draft lacks %s:\n%s", want, draft)
		}
	}
	for line := range strings.Lines(draft) {
		if said, _, _ := strings.Cut(line, "#"); strings.Contains(said, "plain") || strings.Contains(said, "static") || strings.Contains(said, "shows") || strings.Contains(said, "version") {
			t.Errorf("it declares by itself: %s", line)
		}
	}
}

// One account cannot push out what others saw, however much it asks for.
//
// Promise: RUN-9
func TestRUN_9_NobodyFillsTheBook(t *testing.T) {
	b := shape.NewBook()
	for n := range 50 {
		b.Saw("people", "pauline", shape.Shape{Method: "GET", Path: fmt.Sprint("/honest", n)})
	}
	for n := range 5000 {
		b.Saw("people", "thief", shape.Shape{Method: "GET", Path: fmt.Sprint("/made-up", n), Last: int64(n)})
	}
	honest := 0
	all := b.Shapes("people")
	for _, s := range all {
		if strings.HasPrefix(s.Path, "/honest") {
			honest++
		}
	}
	if honest != 50 || len(all) != 200 {
		t.Errorf("%d of 50 are left, among %d", honest, len(all))
	}
	k := &kept{}
	if err := b.Keep(t.Context(), k, func() ledger.Number { return 1 }); err != nil || len(k.parts) != 1 || len(k.parts[0].State) > 1<<20 {
		t.Fatal(err, len(k.parts))
	}
	again := shape.NewBook()
	if err := again.Load(t.Context(), k); err != nil || len(again.Shapes("people")) != 200 {
		t.Errorf("%d are read again: %v", len(again.Shapes("people")), err)
	}
}

// However large the shapes are that one account makes up, by addresses, parameters, fields and answers of words that are
// everybody's, a service takes no more than a few megabytes, and what others brought stays.
//
// Promise: RUN-9
func TestRUN_9_ShapesOfTheLargestKindTakeLittleMemory(t *testing.T) {
	words := strings.Fields("account action address agency agenda answer approval archive article asset benefit birth block board branch budget button calendar campaign cancel card case")
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	b := shape.NewBook()
	b.Saw("people", "pauline", shape.Shape{Method: "GET", Path: "/people"})
	before := heap()
	for n := range 60 {
		var names, values []string
		var object strings.Builder
		for i := range 96 {
			name := fmt.Sprintf("%s_%s_%s_%s", words[i%22], words[i/22], words[n%22], words[n/22%22])
			names, values = append(names, name), append(values, "/people/105001/elsa")
			fmt.Fprintf(&object, `,"%s":{"%s":{"%s":["Elsa",1,"x"]}}`, name, name, name)
		}
		query, _ := shape.Pairs(names, values)
		answer, _ := shape.Read("application/json", []byte("{"+object.String()[1:]+"}"))
		b.Saw("people", "thief", shape.Shape{Method: "GET", Path: fmt.Sprintf("/%s/%s/%s", words[n%22], words[n/22%22], words[n/484]), Query: query, Body: query, Parts: answer, Answer: "application/json", Last: int64(n)})
	}
	after := heap()
	const most = 6 << 20
	all := b.Shapes("people")
	if t.Logf("%d shapes in %d KB", len(all), (after-before)>>10); after > before+most || !slices.ContainsFunc(all, func(s shape.Shape) bool { return s.Path == "/people" }) {
		t.Errorf("%d shapes take %d bytes", len(all), after-before)
	}
}

// What is large fills the book no more than what is much: neither memory, nor what is kept for the next start.
//
// Promise: RUN-9
func TestRUN_9_WhatIsLargeLeavesRoomForTheOthers(t *testing.T) {
	large := func(n int) shape.Shape {
		s := shape.Shape{Method: "POST", Path: fmt.Sprint("/made-up", n), Times: 3, Last: int64(n)}
		for place := range 96 {
			part := shape.Part{Path: strings.Repeat("patient-", 19) + fmt.Sprint(place), Kinds: make(map[shape.Kind]int), Leads: slices.Repeat([]string{strings.Repeat("/patient", 20)}, 3)}
			for _, kind := range shape.Kinds {
				part.Kinds[kind] = 1
			}
			s.Query, s.Body, s.Parts = append(s.Query, part), append(s.Body, part), append(s.Parts, part)
		}
		return s
	}
	b := shape.NewBook()
	for n := range 50 {
		b.Saw("people", "pauline", shape.Shape{Method: "GET", Path: fmt.Sprint("/honest", n)})
	}
	for n := range 60 {
		b.Saw("people", "thief", large(n))
		b.Saw("people", "thief", large(0)) // which grows where it is
	}
	honest := func(b *shape.Book) (n int) {
		for _, s := range b.Shapes("people") {
			if strings.HasPrefix(s.Path, "/honest") {
				n++
			}
		}
		return n
	}
	if held, err := json.Marshal(b.Shapes("people")); err != nil || len(held) > 1<<20 || honest(b) != 50 {
		t.Errorf("%d bytes are held, of which %d of 50 are honest: %v", len(held), honest(b), err)
	}
	k, again := &kept{}, shape.NewBook()
	if err := b.Keep(t.Context(), k, func() ledger.Number { return 1 }); err != nil || len(k.parts) != 1 || len(k.parts[0].State) > 1<<20 {
		t.Fatal(err, len(k.parts))
	}
	if err := again.Load(t.Context(), k); err != nil || honest(again) != 50 {
		t.Errorf("%d of 50 are read again: %v", honest(again), err)
	}
}

// kept is a keeper in memory.
type kept struct{ parts []journal.Kept }

func (k *kept) Keep(_ context.Context, parts []journal.Kept) error { k.parts = parts; return nil }

func (k *kept) Parts(context.Context) iter.Seq2[journal.Kept, error] {
	return func(yield func(journal.Kept, error) bool) {
		for _, part := range k.parts {
			if !yield(part, nil) {
				return
			}
		}
	}
}

var syntax = regexp.MustCompile(`\{\} [0-9]+|\[\*\]|\[\{\}\]|\[[0-7]\]|\b(p[23]|soap|soap12|xsi|xsd|xml):|:nth-of-type\([0-9]+\)|[$.'\[\]{} |@:/~-]`)

// FuzzRead holds that whatever a body is, places are made of plain words.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{fields, `<tr class="a b"><td><b id=x>x`, "id,name\n1,2", `{"name":{"dupont":[1,{"a b":2}]}}`, "<!--", "\xff", `[[[[`, "<svg><title>x", `<a xmlns="urn:x" b="1"><c:d xmlns:c="dupont">x</c:d></a>`, "data: [\"+\",{\"name\":1}]\n\n"} {
		f.Add([]byte(seed))
	}
	tags := strings.Fields("html head body div span p a b i u em strong table thead tbody tfoot tr td th ul ol li dl dt dd h1 h2 h3 h4 h5 h6 form input select option textarea button label article section nav main aside header footer pre code")
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, media := range []string{"application/json", "application/x-ndjson", "text/html", "text/csv", "application/xml", "text/event-stream"} {
			parts, _ := shape.Read(media, body)
			if len(parts) > 96 {
				t.Fatalf("%d parts", len(parts))
			}
			for _, p := range parts {
				if media != "text/html" {
					keepsPlainWords(t, p, tags)
				}
				for kind := range p.Kinds {
					if !slices.Contains(shape.Kinds, kind) {
						t.Errorf("%q is no kind", kind)
					}
				}
			}
		}
	})
}

// keepsPlainWords holds that the place of a part is called by plain words, and others that are listed.
func keepsPlainWords(t *testing.T, p shape.Part, others []string) {
	t.Helper()
	for word := range strings.FieldsSeq(syntax.ReplaceAllString(p.Path, " ")) {
		if shape.Word(word) == shape.Placeholder && !slices.Contains(others, word) {
			t.Errorf("%q keeps %q", p.Path, word)
		}
	}
}

// FuzzReadList holds that each element of a list is read as it would be alone, at its place, and that of them all no more is kept than of another body.
func FuzzReadList(f *testing.F) {
	for _, seed := range []string{`["find","people",{"surname":"x"},7]`, `[null,{"data":[{"id":"4711-01","name":"Elsa Fourcade"}]}]`, `[[[]],[1,["a",{"b":2}]]]`, `[1,2,3,4,5,6,7,8,9]`, `["a","a"`, `[]`, ` [ ] x`, `{"a":[1]}`, `["a",`, "[\xff]", ""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		parts, more := shape.ReadList(body)
		if len(parts) > 96 {
			t.Fatalf("%d parts", len(parts))
		}
		for _, p := range parts {
			keepsPlainWords(t, p, nil)
		}
		var elements []json.RawMessage
		if json.Unmarshal(body, &elements) != nil || elements == nil || !utf8.Valid(body) {
			return
		}
		at := 0
		for n, element := range elements {
			alone, over := shape.Read("application/json", element)
			rest := n == 8 || at+len(alone) > len(parts)
			if (rest || over) && !more {
				t.Fatalf("%s: not all of it is read, and it is not said", body)
			}
			if rest {
				return
			}
			for _, p := range alone {
				if got, want := parts[at].Path, fmt.Sprintf("$[%d]%s", n, strings.TrimPrefix(p.Path, "$")); got != want {
					t.Errorf("%s: %s, not %s", body, got, want)
				}
				at++
			}
		}
		if at != len(parts) {
			t.Errorf("%s: %d parts, of which its elements have %d", body, len(parts), at)
		}
	})
}

// FuzzGraphQL holds that of a document only plain words are kept, and marks of the language.
func FuzzGraphQL(f *testing.F) {
	for _, seed := range []string{`query A($id: ID!) { name(id: $id, b: "x") { dupont } }`, `{name: dupont}`, `mutation { a(b: """ x """) }`, `{...F} fragment F on dupont {...F ...F}`, "# x\n{a}"} {
		f.Add(seed)
	}
	language := strings.Fields("query mutation subscription fragment on true false null ID String Int Float Boolean __typename __schema __type _")
	f.Fuzz(func(t *testing.T, text string) {
		body, err := json.Marshal(map[string]string{"query": text})
		if err != nil {
			t.Fatal(err)
		}
		document, _, ok := shape.GraphQL(body)
		if !ok {
			return
		}
		if len(document) > 1100 {
			t.Errorf("%d bytes are kept", len(document))
		}
		for word := range strings.FieldsSeq(strings.NewReplacer("(", " ", ")", " ", "{", " ", "}", " ", "[", " ", "]", " ", ":", " ", "!", " ", "$", " ", "@", " ", "...", " ", "=", " ", "|", " ", "&", " ").Replace(document)) {
			if shape.Word(word) == shape.Placeholder && !slices.Contains(language, word) {
				t.Errorf("%q keeps %q", text, word)
			}
		}
		shape.Draft([]shape.Shape{{Method: "POST", Path: "/graphql", Media: "application/json", Document: document}}, nil, "dossier")
	})
}

// Whoever sends what nobody declared has it looked at: that takes a bounded multiple of its bytes, however it is made.
//
// Promise: RUN-9
func TestRUN_9_WhatIsLookedAtTakesNoMoreThanItsBytesAllow(t *testing.T) {
	const bytes, most = 256 << 10, 200 // of memory, for each
	name := strings.Repeat("patient-", 5) + "patient"
	var names strings.Builder
	for n := range bytes / 10 {
		fmt.Fprintf(&names, `,"z%d":1`, n)
	}
	for kind, c := range map[string]struct{ media, before, each string }{
		"elements within long names": {"application/xml", strings.Repeat("<"+name+">", 40), "<a/>"},
		"members within long names":  {"application/json", strings.Repeat(`{"`+name+`":`, 20) + `{"z":1` + names.String(), "}"},
		"cells":                      {"text/html", "<table><tr>", "<td>b"},
		"heads":                      {"text/html", "<table><tr>", "<th>b"},
		"lines of a table":           {"text/html", "<table>", "<tr><th>a<td>b"},
		"elements of a page":         {"text/html", strings.Repeat("<div class='"+name+"'>", 90), "<b>a</b>"},
		"columns":                    {"text/csv", "", "a,"},
		"addresses":                  {"application/json", "[", `"/a/b7/c?d=e",`},
		"parts of an address":        {"application/json", `["/`, "b7/"},
	} {
		body := []byte(c.before + strings.Repeat(c.each, max(1, (bytes-len(c.before))/len(c.each))))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _ = shape.Read(c.media, body)
		runtime.ReadMemStats(&after)
		if took := (after.TotalAlloc - before.TotalAlloc) / uint64(len(body)); took > most {
			t.Errorf("%s: %d bytes of memory for each that is looked at", kind, took)
		}
	}
}
