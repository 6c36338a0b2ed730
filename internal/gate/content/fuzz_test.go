package content_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"

	"poterne/internal/gate/content"
	"poterne/internal/register"
)

// always is what every fuzzed answer must keep to, whatever it holds. The
// layouts declare references as identifiers, so that what went out can be read
// again. People counts the rows in a released answer with another parser.
func always(t *testing.T, r *content.Reader, body []byte, people func(t *testing.T, released []byte) int) {
	original := bytes.Clone(body)
	reading, err := r.Read(body)
	if err != nil {
		return
	}
	release := func(reading *content.Reading, keep content.Keep) []byte {
		out, err := reading.Release(nil, keep)
		if err != nil && strings.Contains(err.Error(), "not well-formed enough") {
			t.Skip(err)
		}
		if err != nil {
			t.Fatalf("read, but not released: %v\n%q", err, body)
		}
		return out
	}
	rows := reading.Rows()
	if left := people(t, release(reading, nothing)); left != 0 {
		t.Errorf("%d people in an answer that shows none\n%q", left, body)
	}

	// Some rows withheld, and with them those inside.
	choice := rand.New(rand.NewPCG(uint64(len(body)), 1))
	shown := make([]bool, len(rows))
	for i := range shown {
		shown[i] = choice.IntN(2) == 0
	}
	var kept []content.Row
	some := release(reading, func(row int) (bool, register.Fields) {
		if shown[row] {
			kept = append(kept, rows[row])
		}
		return shown[row], register.AllFields
	})
	if again := reread(t, r, some); refs(again.Rows()) != refs(kept) {
		t.Errorf("released rows:\n%s\nkept:\n%s\n%q\n%q", refs(again.Rows()), refs(kept), body, some)
	}

	all := release(reading, everything)
	again := reread(t, r, all)
	if told(again.Rows()) != told(rows) {
		t.Errorf("released rows:\n%s\nall:\n%s\n%q\n%q", told(again.Rows()), told(rows), body, all)
	}
	if twice := release(again, everything); !bytes.Equal(twice, all) {
		t.Errorf("releasing what was released changes it:\n%q\n%q", all, twice)
	}

	// Identifiers alone may be seen: no category but theirs is left.
	for _, row := range reread(t, r, release(reading, only(register.Identifier))).Rows() {
		if row.Fields&^register.Identifier != 0 {
			t.Errorf("%v is still there\n%q", row.Fields, body)
		}
	}
	if !bytes.Equal(body, original) {
		t.Error("the body was changed")
	}
}

func reread(t *testing.T, r *content.Reader, released []byte) *content.Reading {
	t.Helper()
	reading, err := r.Read(released)
	if err != nil {
		t.Fatalf("what was released cannot be read: %v\n%q", err, released)
	}
	return reading
}

func refs(rows []content.Row) string {
	named := make([]content.Row, len(rows))
	for i, row := range rows {
		named[i].Refs = row.Refs
	}
	return told(named)
}

func FuzzJSON(f *testing.F) {
	layout := trainees
	for _, group := range []*content.Group{&layout.People[0], &layout.People[1]} {
		group.Fields = append(group.Fields, content.Part{Field: register.Identifier, Path: "@.id"})
	}
	layout.People[0].Person = layout.People[0].Person[:1]
	r, err := content.Compile(layout)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		`{"total":1,"results":[{"id":"A","name":{"last":"x","nir":"9"},"phones":["06"],"household":[{"id":2,"link":"y"}]}]}`,
		`{"results":[{"id":"A","id":"B"}]}`, `{"results":[{"\u0069d":"A"}]}`, `{"results":[{"id":"A","\u0069d":"B"}]}`,
		`{"results":[]} {"results":[{"id":"A"}]}`, "{\"results\":[{\"id\":\"\xff\"}]}", `{"results":[{"id":"\ud800"}]}`,
		strings.Repeat("[", 200), strings.Repeat(`{"results":[`, 150), "\ufeff{}", `{"results":{"x":{"id":"A","links":{}}}}`,
		`{"results":[null,{"id":-1},[1]],"total":{"results":[{"id":"A"}]}}`, ` null `, `"x"`, `[]`, `{"results":[{"id":1e3}]}`,
		`{"results":[{"id":"A","name":{"nir":null},"phones":{"a":"","b":[]},"mail":0}]}`, `{"results":[{"id":"A "}],"results ":[{"id":"A"}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		always(t, r, body, func(t *testing.T, released []byte) int {
			var out any
			if err := json.Unmarshal(released, &out); err != nil {
				t.Fatalf("released what is not JSON: %v\n%q", err, released)
			}
			top, _ := out.(map[string]any)
			people := 0
			if _, rows := children(top["results"]); rows != nil {
				for _, row := range rows {
					if row != nil {
						people++
					}
				}
			}
			return people
		})
	})
}

func FuzzHTML(f *testing.F) {
	layout := content.Layout{
		Format: content.HTML,
		People: []content.Group{{
			Row:    ".person",
			Person: []content.Naming{{Scheme: "d", Attribute: "data-id"}},
			Fields: []content.Part{
				{Field: register.Identifier, Attribute: "data-id"},
				{Field: register.Name, Path: ".name"},
				{Field: register.NIR, Path: "em"},
				{Field: register.Contact, Path: "a", Attribute: "href"},
			},
		}},
		Plain: []string{"head", "nav", "thead", "svg"},
	}
	r, err := content.Compile(layout)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		page(`<tr class=person data-id=A><td class=name>x <em>9</em><td><a href=y>z</a>`),
		`<div class=person data-id=A><div class=person data-id=B><p class=name>x</div></div>`,
		`<table>text<tr class=person data-id=A><td>x</table>`, `<table><div class=person data-id=A>x</div></table>`,
		`<form><div class=person data-id=A><form></form></div></form>`, `<p class=person data-id=A><p>x<b><p>y</b>`,
		`<svg><![CDATA[<p class=person data-id=A>]]></svg>`, `<svg><style><p class=person data-id=A></style>`,
		`<math><mtext><mglyph><style><!--</style><img class=person data-id=A>`, `<nav><noscript><p title="</noscript><p class=person data-id=A>">`,
		`<div class=person data-id="&#65;&amp;">&lt;p class=name&gt;</div>`, `<!--><p class=person data-id=A>-->`, "\ufeff<p>",
		`<nav><template><p class=person data-id=A></template><xmp><p class=person data-id=B></xmp></nav>`, `<plaintext><p class=person data-id=A>`,
		`<nav><textarea><p class=person data-id=A></textarea><title><p class=person data-id=A></title></nav>`, `<frameset><p class=person data-id=A>`,
		`<nav><iframe srcdoc="<p class=person data-id=A>"><p class=person data-id=A></iframe></nav>`, `<a class=person data-id=A><a class=name>x</a></a>`,
		`<div class=person data-id=A><pre class=name>` + "\n\nx</pre>", `<select><option class=person data-id=A>x</select>`, `<p class="person" data-id="A`,
		`<svg><foreignObject><div class=person data-id=A><math class=name>x`, "<p class=person data-id=a\x00b>", `<body class=person data-id=A><p class=name>x`,
	} {
		f.Add([]byte(seed))
	}
	rows := cascadia.MustCompile(".person")
	f.Fuzz(func(t *testing.T, body []byte) {
		always(t, r, body, func(t *testing.T, released []byte) int {
			page, err := html.Parse(bytes.NewReader(released))
			if err != nil {
				t.Fatalf("released what is not HTML: %v\n%q", err, released)
			}
			return len(rows.MatchAll(page))
		})
	})
}

func FuzzCSV(f *testing.F) {
	layout := enrolled
	layout.People = []content.Group{layout.People[0]}
	layout.People[0].Person = layout.People[0].Person[:1]
	r, err := content.Compile(layout)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		"dossier;nom;secret\nA;x;y\n", "\ufeffdossier;nom\r\nA;\"x\r\ny\"\r\n", "dossier\n\"\"\n", "nom;dossier;nom\n1;2;3\n", "dossier;nom\nA\n",
		"dossier;note\nA;\"a\"\"b\"\n\n\nB;\n", "dossier,nom\nA,x\n", "\"dossier\";session\n\"A;B\";\\.\n", "dossier;nom\nA;\xff\n", "dossier;nom\nA;\"x\n",
		"dossier;nom\rA;x\r", "dossier;nom\r\nA;\"x\ry\"\n", "dossier; nom\nA; x\n", "dossier\n=1+1\n", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		always(t, r, body, func(t *testing.T, released []byte) int {
			lines := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(released, []byte("\ufeff"))))
			lines.Comma = ';'
			records, err := lines.ReadAll()
			if err != nil {
				t.Fatalf("released what is not CSV: %v\n%q", err, released)
			}
			return max(0, len(records)-1)
		})
	})
}

// FuzzPath holds that a path is either refused or selects the same parts again
// in what it selected.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{"$", "$.a", "$['a','b'][0,2:4]", "$..a[*]", `$["\u0061"]`, "$[?@.a]", "$[-1]", "$...a", "$[::2]", "$[", "$.*['x']"} {
		f.Add(seed)
	}
	const body = `{"a":[1,{"a":2,"b":[[],3,4,5,6]}],"b":{"a":{"x":7},"b":[8]},"x":"y"}`
	f.Fuzz(func(t *testing.T, path string) {
		r, err := content.Compile(content.Layout{Format: content.JSON, Plain: []string{path}, Keep: []string{"a b x"}})
		if err != nil || strings.Contains(path, "?") { // what a filter compares may be left out
			return
		}
		reading, err := r.Read([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		once, err := reading.Release(nil, everything)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := reread(t, r, once).Release(nil, everything)
		if err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%s selects %s, then %s (%v)", path, once, twice, err)
		}
	})
}
