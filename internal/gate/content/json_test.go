package content_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"poterne/internal/gate/content"
	"poterne/internal/register"
)

// trainees is the layout most tests use: a list of people, with a household
// inside some of them.
var trainees = content.Layout{
	Format: content.JSON,
	People: []content.Group{{
		Row:    "$.results[*]",
		Person: []content.Naming{{Scheme: "dossier", Path: "@.id"}, {Scheme: "mail", Path: "@.mail"}},
		Fields: []content.Part{
			{Field: register.Identifier, Path: "@.id"},
			{Field: register.Name, Path: "@.name"},
			{Field: register.NIR, Path: "@.name.nir"},
			{Field: register.Contact, Path: "@.phones[*]"},
			{Field: register.Contact, Path: "@['e-mail','mail']"},
		},
	}, {
		Row:    "$.results[*].household[*]",
		Person: []content.Naming{{Scheme: "dossier", Path: "@.id"}},
		Fields: []content.Part{{Field: register.Family, Path: "@.link"}, {Field: register.Identifier, Path: "@.id"}},
	}},
	Plain: []string{"$.total", "$.results[*].links"},
}

func compile(tb rapid.TB, l content.Layout) *content.Reader {
	tb.Helper()
	r, err := content.Compile(l)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// told spells rows out, for comparison in tests only.
func told(rows []content.Row) string {
	var b strings.Builder
	for _, row := range rows {
		for _, ref := range row.Refs {
			b.WriteString(ref.Scheme + ":" + ref.Value + " ")
		}
		b.WriteString(register.Categories(nil).Joined(row.Fields) + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func everything(int) (bool, register.Fields) { return true, register.AllFields }
func nothing(int) (bool, register.Fields)    { return false, 0 }

func only(fields register.Fields) content.Keep {
	return func(int) (bool, register.Fields) { return true, fields }
}

func without(cut ...int) content.Keep {
	return func(row int) (bool, register.Fields) {
		for _, c := range cut {
			if row == c {
				return false, register.AllFields
			}
		}
		return true, register.AllFields
	}
}

func TestAJSONAnswerIsReadAndCut(t *testing.T) {
	const body = ` { "total" : 2 , "debug": {"sql": "secret"}, "results" : [
		{"id": "A1", "name": {"last": "Durand", "nir": "9..."}, "secret": 1, "phones": ["06", "07"], "links": {"self": "/1"}},
		{"\u0069d": 22, "mail": "b@b.example", "name": "L\u00e9a", "household": [
			{"id": "C3", "link": "child", "name": "secret"}, {"id": "D4"}], "e-mail": ""}
	] }`
	for sentence, check := range map[string]struct {
		keep content.Keep
		want string
	}{
		"everything declared goes out, nothing else": {everything, `{"total":2,"results":[` +
			`{"id":"A1","name":{"last":"Durand","nir":"9..."},"phones":["06","07"],"links":{"self": "/1"}},` +
			`{"\u0069d":22,"mail":"b@b.example","name":"L\u00e9a","household":[{"id":"C3","link":"child"},{"id":"D4"}],"e-mail":""}]}`},
		"withheld rows leave an empty list":                  {nothing, `{"total":2,"results":[]}`},
		"the outer row takes the inner ones with it":         {without(1), `{"total":2,"results":[{"id":"A1","name":{"last":"Durand","nir":"9..."},"phones":["06","07"],"links":{"self": "/1"}}]}`},
		"an inner row goes alone":                            {without(0, 2), `{"total":2,"results":[{"\u0069d":22,"mail":"b@b.example","name":"L\u00e9a","household":[{"id":"D4"}],"e-mail":""}]}`},
		"what may not be seen is null":                       {only(register.Identifier), `{"total":2,"results":[{"id":"A1","name":null,"phones":[null,null],"links":{"self": "/1"}},{"\u0069d":22,"mail":null,"name":null,"household":[{"id":"C3","link":null},{"id":"D4"}],"e-mail":null}]}`},
		"a part within a part needs both categories":         {only(register.Name), `{"total":2,"results":[{"id":null,"name":{"last":"Durand","nir":null},"phones":[null,null],"links":{"self": "/1"}},{"\u0069d":null,"mail":null,"name":"L\u00e9a","household":[{"id":null,"link":null},{"id":null}],"e-mail":null}]}`},
		"the inner category alone does not open its parents": {only(register.NIR | register.Family), `{"total":2,"results":[{"id":null,"name":null,"phones":[null,null],"links":{"self": "/1"}},{"\u0069d":null,"mail":null,"name":null,"household":[{"id":null,"link":"child"},{"id":null}],"e-mail":null}]}`},
	} {
		t.Run(sentence, func(t *testing.T) {
			reading, err := compile(t, trainees).Read([]byte(body))
			if err != nil {
				t.Fatal(err)
			}
			const rows = "dossier:A1 name+nir+contact+identifier\n" +
				"dossier:22 mail:b@b.example name+contact+identifier\n" +
				"dossier:C3 identifier+family\ndossier:D4 identifier"
			if got := told(reading.Rows()); got != rows {
				t.Errorf("rows:\n%s\nwant:\n%s", got, rows)
			}
			got, err := reading.Release([]byte("before "), check.keep)
			if err != nil || string(got) != "before "+check.want {
				t.Errorf("released %v\n%s\nwant\n%s", err, got, check.want)
			}
		})
	}
}

func TestSmallJSONAnswers(t *testing.T) {
	list := content.Group{Row: "$[*]", Person: []content.Naming{{Scheme: "d", Path: "@.id"}}, Fields: []content.Part{{Field: register.Identifier, Path: "@.id"}}}
	one := list
	one.Row = "$"
	bare := content.Group{Row: "$.ids[*]", Person: []content.Naming{{Scheme: "d", Path: "@"}}}
	seen := bare
	seen.Fields = []content.Part{{Field: register.Identifier, Path: "@"}}
	deep := content.Group{Row: "$..person", Person: list.Person, Fields: list.Fields}
	pair := content.Group{Row: "$.pair[1]", Person: list.Person, Fields: list.Fields}
	tuple := content.Group{Row: "$[*]", Person: []content.Naming{{Scheme: "d", Path: "@[0]"}}, Fields: []content.Part{{Field: register.Name, Path: "@[2:]"}}}
	for sentence, check := range map[string]struct {
		group           content.Group
		plain           []string
		body, rows, all string
		none            string
	}{
		"an empty list":                         {list, nil, `[]`, "", `[]`, `[]`},
		"nobody":                                {one, nil, `null`, "", `null`, `null`},
		"nobody among people":                   {list, nil, `[null,{"id":1}]`, "d:1 identifier", `[null,{"id":1}]`, `[null]`},
		"one person":                            {one, nil, `{"x":1,"id":"a"}`, "d:a identifier", `{"id":"a"}`, `null`},
		"an undeclared list":                    {deep, nil, `[1,"x"]`, "", `[]`, `[]`},
		"an undeclared text":                    {deep, nil, ` "secret" `, "", `null`, `null`},
		"an undeclared number":                  {deep, nil, `12`, "", `null`, `null`},
		"references that are not declared":      {bare, nil, `{"ids":["a",2]}`, "d:a \nd:2 ", `{"ids":[]}`, `{"ids":[]}`},
		"references that are declared":          {seen, nil, `{"ids":["a",2]}`, "d:a identifier\nd:2 identifier", `{"ids":["a",2]}`, `{"ids":[]}`},
		"people anywhere":                       {deep, nil, `{"x":{"person":{"id":1}},"secret":{"deep":[]}}`, "d:1 identifier", `{"x":{"person":{"id":1}}}`, `{"x":{}}`},
		"a whole answer that speaks of nobody":  {deep, []string{"$"}, `{"a": [1, 2]}`, "", `{"a":[1,2]}`, `{"a":[1,2]}`},
		"a row inside a plain part":             {deep, []string{"$"}, `{"a": 1, "person": {"id": 1, "b": 2}}`, "d:1 identifier", `{"a":1,"person":{"id":1}}`, `{"a":1}`},
		"people by their place leave holes":     {pair, nil, `{"pair":["secret",{"id":1},3]}`, "d:1 identifier", `{"pair":[null,{"id":1},null]}`, `{"pair":[null,null,null]}`},
		"parts by their place leave holes":      {tuple, nil, `[["a","secret","n","m"]]`, "d:a name", `[[null,null,"n","m"]]`, `[]`},
		"an empty name written with an escape":  {list, []string{`$['\u0061']`}, `[]`, "", `[]`, `[]`},
		"a row where an object was not thought": {content.Group{Row: "$.p.*", Person: list.Person}, nil, `{"p":{"x":{"id":1,"s":2}}}`, "d:1 ", `{"p":{"x":{}}}`, `{"p":{}}`},
	} {
		t.Run(sentence, func(t *testing.T) {
			r := compile(t, content.Layout{Format: content.JSON, People: []content.Group{check.group}, Plain: check.plain, Keep: []string{"x"}})
			reading, err := r.Read([]byte(check.body))
			if err != nil {
				t.Fatal(err)
			}
			if got := told(reading.Rows()); got != check.rows {
				t.Errorf("rows %q, want %q", got, check.rows)
			}
			if got, _ := reading.Release(nil, everything); string(got) != check.all {
				t.Errorf("all released: %s, want %s", got, check.all)
			}
			if got, _ := reading.Release(nil, nothing); string(got) != check.none {
				t.Errorf("none released: %s, want %s", got, check.none)
			}
		})
	}
}

// sentinel stands in hostile answers where a person's data would.
const sentinel = "9SENTINEL9"

func TestAJSONAnswerThatCannotBeReadWholeIsRefused(t *testing.T) {
	r := compile(t, trainees)
	for sentence, body := range map[string]string{
		"empty":                         ``,
		"only space":                    "  \n",
		"a name twice":                  `{"results":[{"id":"A","id":"` + sentinel + `"}]}`,
		"a name twice by an escape":     `{"results":[{"id":"A","\u0069d":"` + sentinel + `"}]}`,
		"a name twice where undeclared": `{"x":{"` + sentinel + `":1,"` + sentinel + `":2}}`,
		"a second document":             `{"total":1} {"` + sentinel + `":1}`,
		"something after the end":       `{"total":1} ` + sentinel,
		"invalid UTF-8":                 "{\"results\":[{\"id\":\"" + sentinel + "\xff\"}]}",
		"half a surrogate":              `{"results":[{"id":"` + sentinel + `\ud800"}]}`,
		"a byte order mark":             "\ufeff{\"" + sentinel + "\":1}",
		"a comment":                     `{"total":1/*` + sentinel + `*/}`,
		"a comma too many":              `{"total":1,}`,
		"cut off":                       `{"results":[{"id":"` + sentinel,
		"not a number":                  `{"total":NaN}`,
		"a row without a name":          `{"results":[{"name":"` + sentinel + `"}]}`,
		"a row named null":              `{"results":[{"id":null,"name":"` + sentinel + `"}]}`,
		"a row named by nothing":        `{"results":[{"id":"","name":"` + sentinel + `"}]}`,
		"a row named by spaces":         `{"results":[{"id":" \t","name":"` + sentinel + `"}]}`,
		"a row named by controls":       `{"results":[{"id":"` + sentinel + `\u0000"}]}`,
		"one good name and one empty":   `{"results":[{"id":"` + sentinel + `","mail":""}]}`,
		"a row named by a fraction":     `{"results":[{"id":1.5}]}`,
		"a row named by an exponent":    `{"results":[{"id":1e3}]}`,
		"a row named by a truth":        `{"results":[{"id":true}]}`,
		"a row named by an object":      `{"results":[{"id":{"` + sentinel + `":1}}]}`,
		"a row named by a list":         `{"results":[{"id":["` + sentinel + `"]}]}`,
		"a row that is a text":          `{"results":["` + sentinel + `"]}`,
		"an inner row without a name":   `{"results":[{"id":"` + sentinel + `","household":[{}]}]}`,
		"nested without end":            strings.Repeat("[", 100_000),
		"nested too deep":               strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000),
	} {
		t.Run(sentence, func(t *testing.T) {
			_, err := r.Read([]byte(body))
			if err == nil {
				t.Fatal("was read")
			}
			if strings.Contains(err.Error(), sentinel) {
				t.Errorf("the error quotes the answer: %v", err)
			}
		})
	}
}

func TestDeclaredPartsMayNotLieTooDeep(t *testing.T) {
	r := compile(t, content.Layout{Format: content.JSON, Plain: []string{"$..x"}})
	nested := func(depth int) []byte {
		return []byte(strings.Repeat("[", depth) + strings.Repeat("]", depth))
	}
	if _, err := r.Read(nested(content.MaxDepth)); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if _, err := r.Read(nested(content.MaxDepth + 1)); err == nil {
		t.Error("beyond the limit: was read")
	}
}

func TestARowOfTwoGroupsIsRefused(t *testing.T) {
	group := func(row string) content.Group {
		return content.Group{Row: row, Person: []content.Naming{{Scheme: "d", Path: "@.id"}}}
	}
	r := compile(t, content.Layout{Format: content.JSON, People: []content.Group{group("$[*]"), group("$[0]")}})
	if _, err := r.Read([]byte(`[{"id":1}]`)); err == nil {
		t.Error("was read")
	}
}

func TestReferencesComeInTheOrderOfTheLayout(t *testing.T) {
	r := compile(t, trainees)
	reading, err := r.Read([]byte(`{"results":[{"household":[{"id":"C"}],"mail":"m","id":"A"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := told(reading.Rows()), "dossier:A mail:m contact+identifier\ndossier:C identifier"; got != want {
		t.Errorf("rows %q, want %q", got, want)
	}
}

func TestALayoutThatCannotBeFollowedIsRefusedWithAllItsFaults(t *testing.T) {
	_, err := content.Compile(content.Layout{Format: content.JSON, Comma: ';', People: []content.Group{{
		Person: []content.Naming{{Path: "id", Attribute: "href"}},
		Fields: []content.Part{{Path: "@.a"}, {Field: 1 << 30, Path: "@"}},
	}, {Row: "$"}}})
	for _, want := range []string{
		"comma:", "people[0].row:", "people[0].person[0].scheme:", "people[0].person[0].attribute:",
		"people[0].fields[0].field:", "people[0].fields[1].field:", "people[1].person:",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no complaint about %s in: %v", want, err)
		}
	}
	if _, err := content.Compile(content.Layout{Format: "yaml"}); err == nil || !strings.Contains(err.Error(), `"json"`) {
		t.Errorf("an unknown format: %v", err)
	}
	if _, err := content.Compile(content.Layout{Format: content.JSON}); err == nil {
		t.Error("a layout that declares nothing was taken")
	}
}

func TestPathsThatCannotBeMatchedAreRefusedWithASentence(t *testing.T) {
	for path, sentence := range map[string]string{
		"results":         "begins with $",
		"@.results":       "begins with $",
		"$results":        "a dot or a bracket",
		"$.":              "a name is missing",
		"$..":             "a name is missing",
		"$.a-b":           "['the name']",
		"$.1a":            "['the name']",
		"$.a b":           "['the name']",
		"$[?@.id!='x']":   "compares",
		"$[?@.id]":        "compares",
		"$[?@..id==1]":    "compares",
		"$[?@.id=='x'":    "not closed",
		"$[?@.id==1.5]":   "compares",
		"$..[?@.id==1]":   "not ..",
		"$[?@[*]==1]":     "compares",
		"$[?@[0:2]==1]":   "compares",
		"$[?@[0,1]==1]":   "compares",
		"$[-1]":           "negative",
		"$[1:-1]":         "negative",
		"$[0:10:2]":       "skip",
		"$[01]":           "not an index",
		"$[99999999999]":  "not an index",
		"$[a]":            "not a selector",
		"$['a]":           "not closed",
		"$['a'":           "not closed",
		"$[":              "not closed",
		"$[]":             "not a selector",
		`$["a\x"]`:        "escape",
		"$.a['b' 'c']":    "not closed",
		"$.a[*].b[?(@.c)": "compares",
	} {
		_, err := content.Compile(content.Layout{Format: content.JSON, Plain: []string{path}})
		if err == nil || !strings.Contains(err.Error(), sentence) || !strings.Contains(err.Error(), "plain[0]") {
			t.Errorf("%s: %v; want a sentence with %q", path, err, sentence)
		}
	}
}

func TestPathsSelectWhatRFC9535Says(t *testing.T) {
	for _, check := range []struct{ path, body, want string }{
		{"$", `{"a":1}`, `{"a":1}`},
		{"$.a", `{"a":1,"b":2}`, `{"a":1}`},
		{"$.a.b", `{"a":{"b":1,"c":2}}`, `{"a":{"b":1}}`},
		{"$['a']", `{"a":1,"b":2}`, `{"a":1}`},
		{`$["a"]`, `{"a":1,"b":2}`, `{"a":1}`},
		{`$['it\'s "x"']`, `{"it's \"x\"":1,"b":2}`, `{"it's \"x\"":1}`},
		{`$["\u00e9"]`, `{"é":1,"e":2}`, `{"é":1}`},
		{"$.é_1", `{"é_1":1,"e":2}`, `{"é_1":1}`},
		{"$.*", `{"a":1,"b":[2]}`, `{"a":1,"b":[2]}`},
		{"$.a[*]", `{"a":[1,[2]],"b":[3]}`, `{"a":[1,[2]]}`},
		{"$.a[*]", `{"a":{"x":1}}`, `{"a":{"x":1}}`},
		{"$[1]", `[1,2,3]`, `[null,2,null]`},
		{"$[0]", `{"0":1}`, `{}`},
		{"$[1:]", `[1,2,3]`, `[null,2,3]`},
		{"$[:1]", `[1,2,3]`, `[1,null,null]`},
		{"$[1:2]", `[1,2,3]`, `[null,2,null]`},
		{"$[:]", `[1,2,3]`, `[1,2,3]`},
		{"$[::1]", `[1,2,3]`, `[1,2,3]`},
		{"$[2:1]", `[1,2,3]`, `[]`},
		{"$[ 0 , 2 ]", `[1,2,3]`, `[1,null,3]`},
		{"$[?@[0]=='+'][1].n", `[["props",{"n":1}],["+",{"n":2,"m":3}],["+"],[],{"0":"+","1":{"n":4}},["-","+",{"n":5}]]`, `[[null,{"n":2}],[null]]`},
		{"$[?@[1].n==2 && @[0]=='+'][1]", `[["+",{"n":1}],["+",{"n":2}]]`, `[[null,{"n":2}]]`},
		{"$['a','c'].x", `{"a":{"x":1,"y":2},"b":{"x":3},"c":{"x":4}}`, `{"a":{"x":1},"c":{"x":4}}`},
		{"$..x", `{"x":1,"b":{"x":{"y":2}},"c":[{"x":3,"z":0}],"d":{"e":0}}`, `{"x":1,"b":{"x":{"y":2}},"c":[{"x":3}]}`},
		{"$..[0]", `{"a":[1,2],"b":[[3,4]]}`, `{"a":[1,null],"b":[[3,4]]}`},
		{"$..a..b", `{"b":1,"a":{"b":2,"c":{"b":3,"d":4}}}`, `{"a":{"b":2,"c":{"b":3}}}`},
		{"$..*", `{"a":[1]}`, `{"a":[1]}`},
		{"$.a.b.c", `{"a":{"b":7}}`, `{"a":{}}`},
	} {
		r := compile(t, content.Layout{Format: content.JSON, Plain: []string{check.path}, Keep: []string{"a b c x"}})
		reading, err := r.Read([]byte(check.body))
		if err != nil {
			t.Errorf("%s: %v", check.path, err)
			continue
		}
		if got, _ := reading.Release(nil, everything); string(got) != check.want {
			t.Errorf("%s of %s: %s, want %s", check.path, check.body, got, check.want)
		}
	}
}

func TestARequestHoldsWhatIsListedAndNamesSomebodyWhereItMust(t *testing.T) {
	r, err := content.CompileRequest([]content.Member{
		{Path: "$.person.id", Scheme: "dossier"},
		{Path: "$.others[*]", Scheme: "ft", Optional: true},
		{Path: "$.person.phone", Writes: register.Contact},
		{Path: "$.text"},
		{Path: "$.guests[*].mail", Scheme: "mail", Optional: true},
		{Path: "$.guests[*].note", Writes: register.Note},
	})
	if err != nil {
		t.Fatal(err)
	}
	sent, err := r.Read([]byte(`{"others":["x",7],"text":1.5,"person":{"id":"A","phone":null},"guests":[{"mail":"m"}]}`))
	if got, want := told([]content.Row{{Refs: sent.Refs}}), "dossier:A ft:x ft:7 mail:m "; err != nil || got != want {
		t.Errorf("refs %q, %v; want %q", got, err, want)
	}
	if sent.Writes != register.Contact|register.Note || sent.Masks {
		t.Errorf("it writes %v, with masks %v", sent.Writes, sent.Masks)
	}
	if sent, err = r.Read([]byte(`{"person":{"id":7,"phone":"•\u2022• "},"others":[]}`)); err != nil || !sent.Masks || sent.Writes != register.Contact {
		t.Errorf("a mask: %+v, %v", sent, err)
	}
	for _, unnamed := range []string{
		`{}`, `null`, `[]`, `[1]`, `7`, `"A"`, `{"person":null}`, `{"person":[]}`, `{"person":{}}`, `{"person":"A"}`, `{"person":{"id":null}}`, `{"person":{"id":""}}`,
		`{"person":{"id":[1]}}`, `{"person":{"id":{"id":1}}}`, `{"person":{"id":true}}`, `{"person":{"id":1.0}}`, `{"person":{"id":1e3}}`, `{"person":{"id":-1}}`,
		`{"person":{"id":9007199254740993}}`, `{"person":{"id":"A"},"others":[null]}`,
	} {
		if _, err := r.Read([]byte(unnamed)); !errors.Is(err, content.ErrUnnamed) && (!errors.Is(err, content.ErrUnlisted) || !strings.Contains(unnamed, "{")) {
			t.Errorf("%s: %v", unnamed, err)
		}
	}
	for _, unlisted := range []string{
		`{"person":{"id":"A"},"id":"B"}`, `{"person":{"id":"A","ID":"B"}}`, `{"person":{"id":"A"},"text":{"person":"B"}}`, `{"person":{"id":"A"},"text":["B"]}`,
		`{"person":{"id":"A"},"others":"x"}`, `{"person":{"id":"A"},"guests":null}`, `{"person":{"id":"A"},"guests":[1]}`, `{"data":{"person":{"id":"A"}}}`,
	} {
		if _, err := r.Read([]byte(unlisted)); !errors.Is(err, content.ErrUnlisted) {
			t.Errorf("%s: %v", unlisted, err)
		}
	}
	for _, broken := range []string{``, ` `, `{`, `{"person":{"id":1,"id":2}}`, `{"person":{"id":"A"}} {}`, `{"person":{"id":"A"}}x`, `{"person":{"id":"\ud800"}}`, "{\"person\":{\"id\":\"\xff\"}}", `{"person":{"id":"A"}`} {
		if _, err := r.Read([]byte(broken)); err == nil || errors.Is(err, content.ErrUnnamed) || errors.Is(err, content.ErrUnlisted) || strings.Contains(err.Error(), "person") {
			t.Errorf("%s: %v", broken, err)
		}
	}
}

// An element is what stands at its position, and at no other.
func TestARequestIsListedByPosition(t *testing.T) {
	r, err := content.CompileRequest([]content.Member{
		{Path: "$[0]"}, {Path: "$[2].id", Scheme: "dossier"}, {Path: "$[2].text", Writes: register.Note}, {Path: "$[4].also", Scheme: "dossier", Optional: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]string{
		`["follow",1,{"id":"A"}]`: "unlisted", `["follow"]`: "unnamed", `["follow",null]`: "unlisted", `[]`: "unnamed", `["follow",{"id":"A"}]`: "unlisted",
		`[{"id":"A"}]`: "unlisted", `["follow",["x"],{"id":"A"}]`: "unlisted", `{"2":{"id":"A"}}`: "unnamed", `["a"]`: "unnamed",
	} {
		_, err := r.Read([]byte(body))
		if !errors.Is(err, map[string]error{"unlisted": content.ErrUnlisted, "unnamed": content.ErrUnnamed}[want]) {
			t.Errorf("%s: %v", body, err)
		}
	}
	if r, err = content.CompileRequest([]content.Member{{Path: "$[0]"}, {Path: "$[1].id", Scheme: "dossier"}, {Path: "$[1].text", Writes: register.Note}}); err != nil {
		t.Fatal(err)
	}
	sent, err := r.Read([]byte(`["note", {"text":"x","id":"A"}]`))
	if err != nil || len(sent.Refs) != 1 || sent.Refs[0].Value != "A" || sent.Writes != register.Note {
		t.Errorf("%+v %v", sent, err)
	}
	if _, err := r.Read([]byte(`["note",{"id":"A"},{"id":"B"}]`)); !errors.Is(err, content.ErrUnlisted) {
		t.Errorf("one too many: %v", err)
	}
}

func TestWhatARequestCannotBeListedAsIsSaid(t *testing.T) {
	for want, members := range map[string][]content.Member{
		"say what the body may hold":         nil,
		"begins with $":                      {{Path: "@.id"}},
		"names, [*] and positions":           {{Path: "$..id"}, {Path: "$.a[0:2]"}, {Path: "$.a[0,1]"}, {Path: "$.a[0,'b']"}, {Path: "$['a','b']"}},
		"positions are listed, [*] is not":   {{Path: "$[0]"}, {Path: "$[*].id"}},
		"positions go up to 15":              {{Path: "$[16]"}, {Path: "$.a[1000000000]"}},
		"where they are listed [*] is not":   {{Path: "$[*].id"}, {Path: "$[0]"}},
		"listed twice":                       {{Path: "$.id"}, {Path: "$.id", Scheme: "dossier"}},
		"list one or the other":              {{Path: "$.id.x"}, {Path: "$.id"}},
		"what is above it is a value of its": {{Path: "$.id"}, {Path: "$.id.x"}},
	} {
		if _, err := content.CompileRequest(members); err == nil || strings.Count(err.Error(), want) < max(1, len(members)-1) && want != "listed twice" {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestPathsThatMultiplyAreRefused(t *testing.T) {
	var plain []string
	for i := range 16 {
		plain = append(plain, fmt.Sprintf("$..a%d..b..c", i))
	}
	if _, err := content.Compile(content.Layout{Format: content.JSON, Plain: plain}); err == nil || !strings.Contains(err.Error(), "fewer descendants") {
		t.Errorf("compiled: %v", err)
	}
}

func TestDeclaredJSONValuesGoOutAsTheyCame(t *testing.T) {
	r := compile(t, content.Layout{Format: content.JSON, People: []content.Group{{
		Row: "$[*]", Person: []content.Naming{{Scheme: "d", Path: "@.id"}},
		Fields: []content.Part{{Field: register.Contact, Path: "@.phone"}, {Field: register.Note, Path: "@.note.text"}},
	}}})
	for _, value := range []string{`""`, `" "`, `0`, `-0.0`, `1.00`, `1e2`, `12345678901234567890123`, `true`, `false`, `null`, `[]`, `{}`, `"\u00e9"`, `[ ]`, `[1, "a"]`} {
		body := `[{"id":"1","phone":` + value + `,"note":{"text":` + value + `}}]`
		reading, err := r.Read([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		asked := reading.Rows()[0].Fields // as the gate does: what is not asked for is not granted
		out, err := reading.Release(nil, only(asked))
		if want := `[{"phone":` + value + `,"note":{"text":` + value + `}}]`; err != nil || string(out) != want {
			t.Errorf("%s went out as %s, %v", value, out, err)
		}
		if out, _ := reading.Release(nil, only(0)); string(out) != `[{"phone":null,"note":{"text":null}}]` {
			t.Errorf("%s, masked, went out as %s", value, out)
		}
	}
}

// Promise: SCOPE-10
func TestSCOPE_10_JSONNamesThatNobodyWroteDoNotGoOut(t *testing.T) {
	list := content.Group{Row: "$.x[*]", Person: []content.Naming{{Scheme: "d", Path: "@.id"}}, Fields: []content.Part{{Field: register.Name, Path: "@.tags[*]"}}}
	for body, want := range map[string]string{
		`{"x":[{"id":1,"tags":["a"]}]}`:                     `{"x":[{"tags":["a"]}]}`,
		`{"x":{"2850699":{"id":1}}}`:                        "",
		`{"x":{"2850699":null}}`:                            "",
		`{"x":[{"id":1,"tags":{"2850699":true}}]}`:          "",
		`{"x":[],"by":{"2850699":{"deep":1}}}`:              "",
		`{"x":[],"by":{"tags":{"deep":1}}}`:                 `{"x":[],"by":{"tags":{"deep":1}}}`,
		`{"x":[],"2850699":1,"by":{"2850699":{"other":1}}}`: `{"x":[],"by":{}}`,
	} {
		reading, err := compile(t, content.Layout{Format: content.JSON, People: []content.Group{list}, Plain: []string{"$.by..deep"}}).Read([]byte(body))
		if want == "" {
			if err == nil || strings.Contains(err.Error(), "2850699") || !strings.Contains(err.Error(), "keep") {
				t.Errorf("%s: %v", body, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		if out, err := reading.Release(nil, everything); err != nil || string(out) != want {
			t.Errorf("%s: %s, want %s, %v", body, out, want, err)
		}
	}
}
