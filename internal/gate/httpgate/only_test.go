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
	save.Only = []httpgate.Value{{Name: "_method", Pattern: "patch|put"}, {Name: "format", Pattern: "json"}}
	w := newWorld(t, save)
	w.says("application/json", say("p1"))
	const form = "application/x-www-form-urlencoded"
	for name, test := range map[string]struct {
		query, body string
		why         policy.Why
	}{
		"a deletion":        {"", "text=x&_method=delete", policy.UndeclaredField},
		"in capitals":       {"", "text=x&_method=DELETE", policy.UndeclaredField},
		"a second one":      {"", "_method=patch&text=x&_method=delete", policy.UndeclaredField},
		"around what fits":  {"", "text=x&_method=patchdelete", policy.UndeclaredField},
		"nothing":           {"", "text=x&_method=", policy.UndeclaredField},
		"a line after it":   {"", "text=x&_method=patch%0A", policy.UndeclaredField},
		"another parameter": {"?format=xml", "text=x", policy.UndeclaredParameter},
		"a second format":   {"?format=json&format=xml", "text=x", policy.UndeclaredParameter},
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
		`route[0].only: "other" is neither a parameter nor a field`: func(r *httpgate.Route) { r.Only = []httpgate.Value{{Name: "other", Pattern: "x"}} },
		`route[0].only: "(" is not a regular expression`:            func(r *httpgate.Route) { r.Only = []httpgate.Value{{Name: "text", Pattern: "("}} },
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
