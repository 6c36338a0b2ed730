package content_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/parser"

	"poterne/internal/gate/content"
)

const declaredDocument = `query Person($id: ID!, $more: [In!] = [{a: "x\u0020", b: -1.5e3, c: EN, d: null, e: """ block """}]) @live {
  them: person(id: $id) { ...Shown, nir @include(if: true) ... on Person { city } } # with a comment
}
fragment Shown on Person { id name }`

func compiledDocument(t testing.TB, text string) *content.Document {
	t.Helper()
	d, err := content.CompileDocument(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// written is a document as another reader of it, the parser, has it; nothing when it is none.
func written(text string) string {
	parsed, err := parser.ParseQuery(&ast.Source{Input: text})
	if err != nil {
		return ""
	}
	var b bytes.Buffer
	formatter.NewFormatter(&b).FormatQueryDocument(parsed)
	return b.String()
}

// FuzzGraphQLRequest holds that whatever a request is, the application is sent no other document than
// the declared one, and that what is taken for it is the same to a parser as well.
func FuzzGraphQLRequest(f *testing.F) {
	d := compiledDocument(f, declaredDocument)
	quoted, _ := json.Marshal(declaredDocument)
	for _, seed := range []string{
		`{"query":` + string(quoted) + `,"variables":{"id":"p1"}}`, `{"query":` + string(quoted) + `,"operationName":"Person","extensions":null}`,
		`{"query":"{a}","query":` + string(quoted) + `}`, `[{"query":` + string(quoted) + `}]`, `{"query":"query{a(b:\"\\u007b\",c:\"\"\"x\"\"\")}"}`, `{}`, `{"query":"...F fragment F on Q{...F}"}`,
		`{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"0000000000000000000000000000000000000000000000000000000000000000"}}}`, `{"query":"\ufeff{ a , }#"}`, `{"variables":{"a":1,"a":2}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		asked, err := content.ReadGraphQL(body)
		if err != nil || !asked.For(d) {
			return
		}
		var came, sent struct {
			Query     *string         `json:"query"`
			Operation string          `json:"operationName"`
			Variables json.RawMessage `json:"variables"`
		}
		if err := json.Unmarshal(body, &came); err != nil {
			t.Fatalf("%v in %q, which was read", err, body)
		}
		if came.Query != nil && written(*came.Query) != written(declaredDocument) {
			t.Errorf("%q was taken for the declared document", *came.Query)
		}
		out, err := d.Request(asked)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(out, &sent); err != nil || sent.Query == nil || *sent.Query != declaredDocument || sent.Operation != "Person" {
			t.Errorf("the application is sent %q: %v", out, err)
		}
		if asked.NoVariables() != (len(bytes.Trim(came.Variables, "{} \t\r\n")) == 0 || string(came.Variables) == "null") {
			t.Errorf("variables in %q: %v", body, asked.NoVariables())
		}
	})
}

// FuzzGraphQLDocument holds that documents are the same where a parser says so, and only there, and
// that a declared one is refused rather than misread.
func FuzzGraphQLDocument(f *testing.F) {
	for _, seed := range []string{declaredDocument, "{a}", "query A{a b}", "query A { a, b, }", `mutation A($b:C=1){d(e:$b)}`, "{a(b:\"\\n\")}", "subscription A{a}", "{...F}fragment F on Q{...F}", strings.Repeat("{", 2000)} {
		f.Add(seed, strings.ReplaceAll(seed, " ", "\n#x\n,"))
	}
	f.Fuzz(func(t *testing.T, one, other string) {
		d, err := content.CompileDocument(one)
		if err != nil {
			return
		}
		if written(one) == "" {
			t.Fatalf("%q is no document", one)
		}
		if e, err := content.CompileDocument(other); err == nil && d.Same(e) && written(one) != written(other) {
			t.Errorf("%q and %q are taken for the same", one, other)
		}
		all, needed := d.Variables()
		if len(needed) > len(all) {
			t.Errorf("%q needs %q of %q", one, needed, all)
		}
		_ = d.CheckLayout(content.Layout{Format: content.JSON, Plain: []string{"$.data.a.b[*].c", "$.data..a", "$.data.*.a"}, People: []content.Group{{Row: "$.data[*]", Person: []content.Naming{{Path: "@.a"}}}}})
	})
}

// FuzzGraphQLOutcome holds that an answer that has data for another reader is not taken for one that
// was refused, and that nothing but an object is an answer.
func FuzzGraphQLOutcome(f *testing.F) {
	for _, seed := range []string{`{"data":{"a":1}}`, `{"errors":[{"message":"x"}],"data":null}`, `{"errors":[]}`, `{"data":{},"data":null}`, `[]`, `{"\u0064ata":{}}`, ``} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		outcome, err := content.ReadGraphQLOutcome(body)
		if err != nil {
			return
		}
		var answer map[string]json.RawMessage
		if err := json.NewDecoder(bytes.NewReader(body)).Decode(&answer); err != nil {
			t.Fatalf("%v in %q, which was read", err, body)
		}
		want, data := content.GraphQLRefused, answer["data"]
		switch {
		case string(data) == "null":
			want = content.GraphQLFailed
		case data != nil:
			want = content.GraphQLAnswered
		}
		if outcome != want {
			t.Errorf("%q is %s, want %s", body, outcome, want)
		}
	})
}
