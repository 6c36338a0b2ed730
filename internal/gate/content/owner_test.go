package content_test

import (
	"strings"
	"testing"

	"poterne/internal/gate/content"
	"poterne/internal/register"
)

// Rows, parts, names and plain parts may lie inside one another: what lies inside
// several of them belongs to the innermost.

func TestWhatLiesInSeveralDeclaredPartsOfJSONBelongsToTheInnermost(t *testing.T) {
	outer := content.Group{Row: "$.p", Person: []content.Naming{{Scheme: "d", Path: "@.id"}}}
	inner := content.Group{Row: "$.p.house[*]", Person: []content.Naming{{Scheme: "d", Path: "@.id"}}}
	for sentence, check := range map[string]struct {
		fields     []content.Part
		plain      []string
		body, rows string
		want       string
	}{
		"an inner row inside a declared part": {
			[]content.Part{{Field: register.Family, Path: "@.house"}},
			nil,
			`{"p":{"id":"A","house":[{"id":"B","secret":1}]}}`, "d:A family\nd:B ", `{"p":{"house":[{}]}}`,
		},
		"an inner row inside a plain part": {
			nil,
			[]string{"$.p.house", "$"},
			`{"p":{"id":"A","house":[{"id":"B","secret":1}]},"x":1}`, "d:A \nd:B ", `{"p":{"house":[{}]},"x":1}`,
		},
		"a deep part ends where an inner row begins": {
			[]content.Part{{Field: register.Contact, Path: "@..mail"}},
			nil,
			`{"p":{"id":"A","house":[{"id":"B","mail":"secret"}],"x":{"mail":"m"}}}`, "d:A contact\nd:B ", `{"p":{"house":[{}],"x":{"mail":"m"}}}`,
		},
		"a part that only an inner row holds": {
			[]content.Part{{Field: register.Contact, Path: "@..mail"}},
			nil,
			`{"p":{"id":"A","house":[{"id":"B","mail":"secret"}]}}`, "d:A \nd:B ", `{"p":{"house":[{}]}}`,
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			outer.Fields = check.fields
			r := compile(t, content.Layout{Format: content.JSON, People: []content.Group{outer, inner}, Plain: check.plain, Keep: []string{"x", "house"}})
			released(t, r, check.body, check.rows, check.want)
		})
	}
	t.Run("a name inside a declared part, itself not declared", func(t *testing.T) {
		r := compile(t, content.Layout{Format: content.JSON, People: []content.Group{{
			Row: "$", Person: []content.Naming{{Scheme: "d", Path: "@.file.id"}}, Fields: []content.Part{{Field: register.Name, Path: "@.file"}},
		}}})
		released(t, r, `{"file":{"id":"A","last":"x"}}`, "d:A name", `{"file":{"last":"x"}}`)
	})
}

func TestWhatLiesInSeveralDeclaredPartsOfHTMLBelongsToTheInnermost(t *testing.T) {
	outer := content.Group{Row: ".outer", Person: []content.Naming{{Scheme: "d", Path: "b"}}}
	inner := content.Group{Row: ".inner", Person: []content.Naming{{Scheme: "d", Attribute: "data-id"}}}
	for sentence, check := range map[string]struct {
		fields     []content.Part
		plain      []string
		body, rows string
		want       string
	}{
		"an inner row inside a declared part": {
			[]content.Part{{Field: register.Family, Path: "ul"}},
			nil,
			`<div class="outer"><b>A</b><ul title="t"><li class="inner" data-id="B" title="secret">secret</li></ul></div>`, "d:A family\nd:B ",
			`<div class="outer"><ul title="t"><li class="inner"></li></ul></div>`,
		},
		"rows inside a plain part": {
			nil,
			[]string{"main"},
			`<main data-x="x">x<div class="outer" title="secret">secret<b>A</b><script>secret</script><ul><li class="inner" data-id="B">secret</li></ul></div><script>x</script></main>`, "d:A \nd:B ",
			`<main data-x="x">x<div class="outer"><ul><li class="inner"></li></ul></div><script>x</script></main>`,
		},
		"a name inside a declared part, itself not declared": {
			[]content.Part{{Field: register.Name, Path: "p"}},
			nil,
			`<div class="outer"><p>x<b>A</b></p></div>`, "d:A name", `<div class="outer"><p>x</p></div>`,
		},
		"what runs inside a part, inside a plain part": {
			[]content.Part{{Field: register.Name, Path: "p"}},
			[]string{"section"},
			`<div class="outer"><b>A</b><section>x<p>y<script>secret</script></p><script>x</script></section></div>`, "d:A name",
			`<div class="outer"><section>x<p>y</p><script>x</script></section></div>`,
		},
		"what runs inside a name, inside a plain part": {
			nil,
			[]string{"section"},
			`<div class="outer"><section>x<b>A<script>secret</script></b></section></div>`, "d:A ",
			`<div class="outer"><section>x</section></div>`,
		},
		"a row that no reader sees, inside a row": {
			nil,
			[]string{"main"},
			`<main><div class="outer"><b>A</b><template><p class="inner" data-id="B"></p></template></div></main>`, "d:A ",
			`<main><div class="outer"></div></main>`,
		},
		"a part of the outer row is not looked for in the inner one": {
			[]content.Part{{Field: register.Contact, Path: "i"}},
			nil,
			`<div class="outer"><b>A</b><p class="inner" data-id="B"><i>secret</i></p></div>`, "d:A \nd:B ",
			`<div class="outer"><p class="inner"></p></div>`,
		},
		"an attribute that names is cut when its element is shown": {
			[]content.Part{{Field: register.Family, Path: "p"}},
			nil,
			`<div class="outer"><b>A</b><p>x<i class="inner" data-id="B">secret</i></p></div>`, "d:A family\nd:B ",
			`<div class="outer"><p>x<i class="inner"></i></p></div>`,
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			outer.Fields = check.fields
			r := compile(t, content.Layout{Format: content.HTML, People: []content.Group{outer, inner}, Plain: check.plain})
			released(t, r, check.body, check.rows, "<html><head></head><body>"+check.want+"</body></html>")
		})
	}
}

func TestAClassThatNamesIsCutWhenMasked(t *testing.T) {
	r := compile(t, content.Layout{Format: content.HTML, People: []content.Group{{
		Row: "p", Person: []content.Naming{{Scheme: "d", Path: "b", Attribute: "class"}}, Fields: []content.Part{{Field: register.Name, Path: "b"}},
	}}})
	reading, err := r.Read([]byte(`<p><b class=` + sentinel + `>x</b>`))
	if err != nil {
		t.Fatal(err)
	}
	for _, keep := range []content.Keep{everything, only(0)} {
		if out, err := reading.Release(nil, keep); err != nil || strings.Contains(string(out), sentinel) {
			t.Errorf("released %s, %v", out, err)
		}
	}
}

func released(t *testing.T, r *content.Reader, body, rows, want string) {
	t.Helper()
	reading, err := r.Read([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if got := told(reading.Rows()); got != rows {
		t.Errorf("rows %q, want %q", got, rows)
	}
	if got, err := reading.Release(nil, everything); err != nil || string(got) != want {
		t.Errorf("released %v\n%s\nwant\n%s", err, got, want)
	}
}
