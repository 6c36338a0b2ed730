package httpgate_test

import (
	"net/url"
	"strings"
	"testing"

	"poterne/internal/gate/httpgate"
	"poterne/internal/policy"
	"poterne/internal/register"
)

// A form that saves cannot be made to delete by the field that frameworks take for the
// method, nor a parameter have another value than is declared.
//
// Promise: SCOPE-1
func TestSCOPE_1_AFieldThatReplacesTheMethodHasNoOtherValueThanIsDeclared(t *testing.T) {
	save := changing()
	save.Methods, save.Form, save.Query = []string{"POST"}, []string{"text", "_method"}, []string{"format"}
	save.Only = []httpgate.Choice{{Name: "_method", Texts: []string{"patch|put"}}, {Name: "format", Texts: []string{"json"}}}
	w := newWorld(t, save)
	w.says("application/json", say("p1"))
	const form = "application/x-www-form-urlencoded"
	for name, test := range map[string]struct {
		query, body string
		why         policy.Why
	}{
		"a deletion":        {"", "text=x&_method=delete", policy.ValueNotListed},
		"in capitals":       {"", "text=x&_method=DELETE", policy.ValueNotListed},
		"a second one":      {"", "_method=patch&text=x&_method=delete", policy.ValueNotListed},
		"around what fits":  {"", "text=x&_method=patchdelete", policy.ValueNotListed},
		"nothing":           {"", "text=x&_method=", policy.ValueNotListed},
		"a line after it":   {"", "text=x&_method=patch%0A", policy.ValueNotListed},
		"another parameter": {"?format=xml", "text=x", policy.ValueNotListed},
		"a second format":   {"?format=json&format=xml", "text=x", policy.ValueNotListed},
	} {
		t.Run(name, func(t *testing.T) {
			before := w.times()
			w.refused(w.post("/files/p1/notes"+test.query, form, test.body), test.why)
			if w.times() != before {
				t.Error("the application was asked")
			}
		})
	}
	if g := w.post("/files/p1/notes?format=json", form, "text=x&_method=patch"); g.status != 200 {
		t.Errorf("what is declared is answered with %d", g.status)
	}
}

// A member of JSON that chooses what the application does has no other value either, however
// it is written.
//
// Promise: SCOPE-1
func TestSCOPE_1_AMemberThatChoosesTheOperationHasNoOtherValueThanIsDeclared(t *testing.T) {
	save := changing()
	save.Methods, save.Form, save.Members = []string{"POST"}, nil, []string{"$.op", "$._method", "$.steps[*].kind", "$.n"}
	save.Only = []httpgate.Choice{{Name: "$.op", Texts: []string{"save", "move"}}, {Name: "$._method", Texts: []string{"patch"}}, {Name: "$.steps[*].kind", Texts: []string{"add"}}, {Name: "$.n", Exact: []string{"1", "true"}}}
	w := newWorld(t, save)
	w.says("application/json", say("p1"))
	for name, test := range map[string]struct {
		body string
		why  policy.Why
	}{
		"a deletion":          {`{"op":"delete"}`, policy.ValueNotListed},
		"as escapes":          {`{"op":"\u0064elete"}`, policy.ValueNotListed},
		"in capitals":         {`{"op":"SAVE"}`, policy.ValueNotListed},
		"around what fits":    {`{"op":"save delete"}`, policy.ValueNotListed},
		"a line after it":     {`{"op":"save\n"}`, policy.ValueNotListed},
		"nothing":             {`{"op":""}`, policy.ValueNotListed},
		"null":                {`{"op":null}`, policy.ValueNotListed},
		"a truth":             {`{"op":true}`, policy.ValueNotListed},
		"a number":            {`{"n":1.0}`, policy.ValueNotListed},
		"a list":              {`{"op":["save","delete"]}`, policy.UndeclaredField},
		"twice":               {`{"op":"save","op":"delete"}`, policy.RequestUnreadable},
		"in another case":     {`{"Op":"delete"}`, policy.UndeclaredField},
		"another method":      {`{"_method":"delete"}`, policy.ValueNotListed},
		"the second of steps": {`{"steps":[{"kind":"add"},{"kind":"remove"}]}`, policy.ValueNotListed},
	} {
		t.Run(name, func(t *testing.T) {
			before := w.times()
			w.refused(w.post("/files/p1/notes", "application/json", test.body), test.why)
			if w.times() != before {
				t.Error("the application was asked")
			}
		})
	}
	for _, body := range []string{`{"op":"save","_method":"patch","steps":[{"kind":"add"}],"n":1}`, `{"op":"move","n":true}`, `{"op":"s\u0061ve"}`, `{}`} {
		if g := w.post("/files/p1/notes", "application/json", body); g.status != 200 {
			t.Errorf("%s is answered with %d", body, g.status)
		}
	}
}

// A text is not the number, or the truth value, that it spells: programs take "false" for true, and "0" too.
//
// Promise: SCOPE-1
func TestSCOPE_1_ATextIsNotTheValueThatItSpells(t *testing.T) {
	save := changing()
	save.Methods, save.Form, save.Members = []string{"POST"}, nil, []string{"$.erase", "$.n", "$.code", "$.either"}
	save.Only = []httpgate.Choice{{Name: "$.erase", Exact: []string{"false"}}, {Name: "$.n", Exact: []string{"1", "-2"}}, {Name: "$.code", Texts: []string{"1", "true|null"}}, {Name: "$.either", Texts: []string{"", "all"}, Exact: []string{"0"}}}
	w := newWorld(t, save)
	w.says("application/json", say("p1"))
	for _, body := range []string{
		`{"erase":"false"}`, `{"erase":true}`, `{"erase":null}`, `{"erase":0}`, `{"erase":""}`,
		`{"n":"1"}`, `{"n":1.0}`, `{"n":1e0}`, `{"n":true}`, `{"n":2}`, `{"n":"-2"}`, `{"n":""}`,
		`{"code":1}`, `{"code":true}`, `{"code":null}`, `{"code":"tru\u0065 "}`, `{"code":"1true"}`,
		`{"either":"0"}`, `{"either":-0}`, `{"either":false}`, `{"either":"\u0000"}`,
	} {
		before := w.times()
		w.refused(w.post("/files/p1/notes", "application/json", body), policy.ValueNotListed)
		if w.times() != before {
			t.Errorf("%s: the application was asked", body)
		}
	}
	for _, body := range []string{`{"erase":false,"n":1,"code":"1","either":0}`, `{"n":-2,"code":"tru\u0065","either":"all"}`, `{"code":"null","either":""}`} {
		if g := w.post("/files/p1/notes", "application/json", body); g.status != 200 {
			t.Errorf("%s is answered with %d", body, g.status)
		}
	}
}

// Whoever declares such a field without saying what it may be is told.
//
// Promise: SCOPE-1
func TestSCOPE_1_AFieldThatReplacesTheMethodIsComplainedOf(t *testing.T) {
	upstream, _ := url.Parse("http://127.0.0.1:3000")
	for want, change := range map[string]func(*httpgate.Route){
		`route[0].form: an application may take "_method" for the method`:  func(r *httpgate.Route) { r.Form = append(r.Form, "_method") },
		`route[0].query: an application may take "_Method" for the method`: func(r *httpgate.Route) { r.Query = append(r.Query, "_Method") },
		`route[0].members: an application may take "_method"`:              func(r *httpgate.Route) { r.Form, r.Members = nil, []string{"$._method"} },
		`route[0].members: an application may take "_METHOD"`:              func(r *httpgate.Route) { r.Form, r.Members = nil, []string{"$['_METHOD']"} },
		`route[0].members: an application may take "_HttpMethod"`: func(r *httpgate.Route) {
			r.Form, r.Writes, r.Written = nil, 0, []httpgate.Writing{{Name: "$._HttpMethod", Field: register.Note}}
		},
		`route[0].members: an application may take "X-HTTP-Method"`: func(r *httpgate.Route) {
			r.Form, r.Request = nil, append(r.Request, httpgate.Naming{In: httpgate.InJSON, Name: "$['X-HTTP-Method']", Scheme: "dossier"})
		},
		`route[0].only: "other" is neither a parameter nor a field, nor a member`: func(r *httpgate.Route) { r.Only = []httpgate.Choice{{Name: "other", Texts: []string{"x"}}} },
		`route[0].only: "$.other" is neither a parameter`: func(r *httpgate.Route) {
			r.Form, r.Members, r.Only = nil, []string{"$.op"}, []httpgate.Choice{{Name: "$.other", Texts: []string{"x"}}}
		},
		`route[0].members: "atomic:operations" are changes`: func(r *httpgate.Route) {
			r.Form, r.Members, r.Only = nil, []string{"$['atomic:operations'][*].op"}, []httpgate.Choice{{Name: "$['atomic:operations'][*].op", Texts: []string{"update"}}}
		},
		`route[0].members: a bundle's entries are changes`:     func(r *httpgate.Route) { r.Form, r.Members = nil, []string{"$.entry[*].request.method"} },
		`route[0].only: "(" is not a regular expression`:       func(r *httpgate.Route) { r.Only = []httpgate.Choice{{Name: "text", Texts: []string{"("}}} },
		`route[0].only: "a)|(?:b" is not a regular expression`: func(r *httpgate.Route) { r.Only = []httpgate.Choice{{Name: "text", Texts: []string{"a)|(?:b"}}} },
		`route[0].only: "text" is given no value`:              func(r *httpgate.Route) { r.Only = []httpgate.Choice{{Name: "text"}} },
		`route[0].only: "text" is a text wherever it comes`:    func(r *httpgate.Route) { r.Only = []httpgate.Choice{{Name: "text", Exact: []string{"1"}}} },
	} {
		r := changing()
		r.Methods = []string{"POST"}
		change(&r)
		err := httpgate.Check([]httpgate.Service{{ID: "gate", Upstream: upstream, Prefix: "/a", Routes: []httpgate.Route{r}}}, schemes, 0)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; it lacks %s", err, want)
		}
	}
}

// A body of JSON:API or FHIR is read as the JSON that it is; a JSON patch, which says in
// its values what it writes, is not.
//
// Promise: RUN-2
func TestRUN_2_JSONUnderOtherNamesIsRead(t *testing.T) {
	save := changing()
	save.Methods, save.Form, save.Members, save.Writes = []string{"POST"}, nil, []string{"$.data.text"}, register.Note
	w := newWorld(t, save)
	w.says("application/json", say("p1"))
	for _, media := range []string{"application/json", "application/vnd.api+json", "application/fhir+json; charset=utf-8"} {
		if g := w.post("/files/p1/notes", media, `{"data":{"text":"x"}}`); g.status != 200 {
			t.Errorf("%s: %d", media, g.status)
		}
		w.refused(w.post("/files/p1/notes", media, `{"data":{"other":"x"}}`), policy.UndeclaredField)
	}
	w.refused(w.post("/files/p1/notes", "application/json-patch+json", `{"data":{"text":"x"}}`), policy.UndeclaredBody)
	w.refused(w.post("/files/p1/notes", "text/plain", `{"data":{"text":"x"}}`), policy.UndeclaredBody)
}
