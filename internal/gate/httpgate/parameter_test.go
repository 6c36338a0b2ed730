package httpgate_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"poterne/internal/gate/httpgate"
	"poterne/internal/policy"
	"poterne/internal/register"
)

// folders are two routes of one address: the list of all folders, and what lies in one person's.
func folders() []httpgate.Route {
	all := list()
	all.Path, all.Query, all.Operation = "/folder", []string{"at", "sort"}, "all"
	all.Only = []httpgate.Choice{{Name: "at", Texts: []string{"/people/"}}}
	one := list()
	one.Path, one.Query, one.Operation, one.Shows = "/folder", nil, "one", register.Note
	one.Request = []httpgate.Naming{{In: httpgate.InQuery, Name: "at", Scheme: "dossier", Template: "/people/{id}/"}}
	one.Answers = []httpgate.Answer{{Layout: nobodyInIt}}
	return []httpgate.Route{all, one}
}

// Where a parameter says what is asked for, each of its forms is a route of its own, and what is none of them, or two of
// them, is refused before the application hears of it.
//
// Promises: SCOPE-1, SCOPE-10
func TestSCOPE_1_RoutesOfOneAddressAreToldApartByAParameter(t *testing.T) {
	w := newWorld(t, folders()...)
	w.says("application/json", sayAll("p1", "p2"))
	if g := w.get("/folder?sort=n&at=/people/"); g.status != http.StatusOK || len(shown(g.body)) != 2 {
		t.Errorf("the list: %v", g)
	}
	if last := w.last(); last.Route != "GET /folder all" {
		t.Errorf("written as %q", last.Route)
	}
	w.says("application/json", `{"status":"‹p1›"}`)
	for _, path := range []string{"/folder?at=/people/p1/", "/folder?at=%2Fpeople%2Fp1%2F"} {
		if g := w.get(path); g.status != http.StatusOK || !strings.Contains(g.body, "p1") {
			t.Errorf("one: %v", g)
		}
		if last := w.last(); last.Route != "GET /folder one" || last.Person != w.key.Person("p1") {
			t.Errorf("written as %q of %v", last.Route, last.Person)
		}
	}
	asked := w.times()
	for query, why := range map[string]policy.Why{
		"":                                    policy.ValueNotListed,
		"?at=":                                policy.ValueNotListed,
		"?at=/":                               policy.ValueNotListed,
		"?at=/people":                         policy.ValueNotListed,
		"?at=/people//":                       policy.ValueNotListed,
		"?at=/people/p1/x":                    policy.ValueNotListed,
		"?at=/people/p1/../":                  policy.ValueNotListed,
		"?at=/people/%252e%252e/":             policy.ValueNotListed,
		"?at=/people/p1/&at=/people/":         policy.ValueNotListed,
		"?at=/people/&at=/people/p1/":         policy.ValueNotListed,
		"?at=/people/p1/&at=":                 policy.ValueNotListed,
		"?sort=n":                             policy.ValueNotListed,
		"?at=/people/p1/&sort=n":              policy.ValueNotListed,
		"?At=/people/p1/":                     policy.UndeclaredParameter,
		"?at=/people/&other=x":                policy.UndeclaredParameter,
		"?at=/people/" + "no%C3%A9body" + "/": policy.Unnamed,
	} {
		w.refused(w.get("/folder"+query), why)
	}
	if w.times() != asked {
		t.Error("the application was asked")
	}

	t.Log("What two of them take could be decided as either.")
	both := folders()
	both[0].Only[0].Texts = []string{"/people/.*"}
	w.remake(w.dependencies(t), both...)
	w.refused(w.get("/folder?at=/people/p1/"), policy.RequestUnreadable)
	if w.times() != asked {
		t.Error("the application was asked")
	}
}

// Promise: SCOPE-1
func TestSCOPE_1_RoutesThatNoParameterTellsApartAreComplainedOf(t *testing.T) {
	w := newWorld(t, list())
	upstream, _ := url.Parse("http://127.0.0.1:3000")
	for want, change := range map[string]func(all, one *httpgate.Route){
		"GET /folder is declared twice":            func(all, one *httpgate.Route) { all.Operation, one.Operation = "", "" },
		"GET /folder one is declared twice":        func(all, _ *httpgate.Route) { all.Operation = "one" },
		"such as operation = \"one\"":              func(all, _ *httpgate.Route) { all.Operation = "" },
		"operation: routes of one address":         func(all, _ *httpgate.Route) { all.Only = nil },
		`operation: "a b" is no name`:              func(all, _ *httpgate.Route) { all.Operation = "a b" },
		`only: "at" is neither a parameter nor a `: func(all, _ *httpgate.Route) { all.Query = nil },
	} {
		routes := folders()
		change(&routes[0], &routes[1])
		_, err := httpgate.New([]httpgate.Service{{ID: "files", Prefix: "/app", Upstream: upstream, Routes: routes}}, w.dependencies(t))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
