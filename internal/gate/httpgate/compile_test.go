package httpgate_test

import (
	"context"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"poterne/internal/gate/content"
	"poterne/internal/gate/httpgate"
	"poterne/internal/register"
	"poterne/internal/roster"
)

func TestEveryComplaintAboutServicesComesAtOnce(t *testing.T) {
	upstream, _ := url.Parse("http://127.0.0.1:3000")
	deep, _ := url.Parse("http://user@127.0.0.1:3000/api")
	plain := []httpgate.Answer{{Layout: content.Layout{Format: content.HTML, Plain: []string{"body"}}}}
	people := []httpgate.Answer{{Layout: manyFiles}}
	_, err := httpgate.New([]httpgate.Service{
		{ID: "Bad ID", Upstream: deep, Prefix: "/a", Host: "a.example", Largest: -1},
		{ID: "gate", Upstream: upstream, Prefix: "/.poterne", Headers: []string{"cookie", "Poterne-Assertion", "X-HTTP-Method-Override"}, Routes: []httpgate.Route{
			{Path: "/a", Kind: "odd", Purpose: "p", Answers: plain},
			{Path: "/b/{id}", Kind: httpgate.People, Answers: people, Request: []httpgate.Naming{{In: httpgate.InPath, Name: "other", Scheme: "s"}, {In: "elsewhere", Name: "n"}}},
			{Path: "/c", Kind: httpgate.Static, Purpose: "p", Unread: []string{"text/html"}},
			{Path: "/d", Kind: httpgate.Page, Purpose: "p", Answers: people},
			{Path: "/e", Kind: httpgate.People, Purpose: "p", Unread: []string{"application/pdf"}},
			{Path: "/f", Kind: httpgate.People, Purpose: "p"},
			{Path: "/g", Kind: httpgate.People, Purpose: "p", Answers: []httpgate.Answer{{Type: "text/html", Layout: manyFiles}}},
			{Path: "/h", Methods: []string{"CONNECT", "GET"}, Kind: httpgate.People, Purpose: "p", Answers: people},
			{Path: "example.org/i", Kind: httpgate.People, Purpose: "p", Answers: people},
			{Path: "/j/{x}", Kind: httpgate.People, Purpose: "p", Answers: people},
			{Path: "/j/{y}", Kind: httpgate.People, Purpose: "p", Answers: people},
			{Path: "/k", Methods: []string{"POST"}, Kind: httpgate.People, Purpose: "p", Answers: people, Form: []string{"x"}, Takes: []string{"text/plain"}, Writes: register.AllFields + 1},
			{Path: "/l", Kind: httpgate.People, Purpose: "p", Answers: []httpgate.Answer{{Layout: content.Layout{Format: "yaml"}}}},
			{Path: "/m", Kind: httpgate.People, Purpose: "p", Answers: []httpgate.Answer{{Layout: sheet, Download: `a"b`}}},
			{Path: "/n", Kind: httpgate.People, Purpose: "p", Unread: []string{"application/pdf"}, Header: &httpgate.HeaderNaming{}},
			{Path: "/s", Kind: httpgate.People, Purpose: "p", Answers: people, Search: &httpgate.Search{Most: 26, Name: []string{"surname"}}},
			{Path: "/t", Kind: httpgate.People, Purpose: "p", Answers: []httpgate.Answer{{Layout: oneFile, About: true}}, Search: &httpgate.Search{}},
			{Path: "/p", Methods: []string{"POST"}, Kind: httpgate.People, Purpose: "p", Answers: people, Form: []string{"x"}, Takes: []string{"application/x-www-form-urlencoded"}, Request: []httpgate.Naming{{In: httpgate.InForm, Name: "id", Scheme: "dossier", Optional: true}}, Written: []httpgate.Writing{{Name: "id", Field: register.Note}}},
			{Path: "/q", Methods: []string{"POST"}, Kind: httpgate.People, Purpose: "p", Answers: people, Takes: []string{"application/json"}, Members: []string{"$..x"}},
			{Path: "/o", Methods: []string{"POST"}, Kind: httpgate.People, Purpose: "p", Answers: people, Request: []httpgate.Naming{{In: httpgate.InJSON, Name: "id", Scheme: "s"}}},
		}},
		{ID: "gate", Upstream: upstream, Prefix: "/.poterne"},
	}, httpgate.Deps{Schemes: schemes})
	if err == nil {
		t.Fatal("nothing was complained about")
	}
	for _, want := range []string{
		"a gate, a directory, who is asking, pages and assertions are all needed",
		"service[0].id:", "service[0]: it has either a host or a prefix", "service[0].upstream:", "service[0]: a limit is negative", "service[0].route: no route is declared",
		"service[1].prefix:", "service[1].headers: cookie is never", "service[1].headers: Poterne-Assertion is never", "service[1].headers: X-HTTP-Method-Override is never",
		"service[2].id: there are two of the name gate", "service[2]: it has the same address as service gate",
		"route[0].kind:", "route[1].purpose:", "route[1].request[0]: the path has no {other}", "route[1].request[1].in:", "route[1].request[1]: say where",
		`route[2].unread: "text/html"`, "route[3]: a page speaks of nobody", "route[4].unread: an answer about people is read", "route[5]: no answer is declared",
		`route[6].answers[0].type: "text/html"`, `route[7].methods: "CONNECT"`, "route[8].path:", "route[10].path:",
		"route[11].takes:", "route[11].writes:", "route[12].answers[0].format:", "route[13].answers[0].download:", "route[14].header:", "route[19].request:", "route[19].scheme: how s identifiers are written is not declared; write [register.schemes.s]",
		"route[17].optional:", "route[17].written:", "route[17].takes: a form is read", "route[18].takes: JSON is read", "route[18].request:",
		"route[15].search.most:", `route[15].search: "surname" is neither`, "route[15].search: say where the name is",
		"route[16].search: a search answers with a list", "route[16].search.most:",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no complaint %q", want)
		}
	}
	if t.Failed() {
		t.Log(err)
	}
	if len(strings.Split(err.Error(), "\n")) > 60 {
		t.Errorf("too many complaints:\n%v", err)
	}
}

// A route is checked for each of its methods, in whatever order they are declared; what
// they share is complained of once.
func TestEveryMethodOfARouteIsChecked(t *testing.T) {
	upstream, _ := url.Parse("http://127.0.0.1:3000")
	for _, methods := range [][]string{{"GET", "POST"}, {"POST", "GET"}} {
		r := httpgate.Route{
			Path: "/files/{id}/status", Methods: methods, Kind: httpgate.People,
			Request: []httpgate.Naming{{In: httpgate.InPath, Name: "id", Scheme: "dossier"}}, Writes: register.Note,
			Answers: []httpgate.Answer{{Layout: content.Layout{Format: content.HTML, Plain: []string{"h1"}}}},
		}
		err := httpgate.Check([]httpgate.Service{{ID: "gate", Upstream: upstream, Prefix: "/a", Routes: []httpgate.Route{r}}}, schemes, 0)
		if err == nil || strings.Count(err.Error(), "say with shows") != 1 || strings.Count(err.Error(), "purpose:") != 1 {
			t.Errorf("%v: %v", methods, err)
		}
	}
}

func TestAServiceIsFoundByItsHostOrItsLongestPrefix(t *testing.T) {
	w := newWorld(t, list())
	var services []httpgate.Service
	for _, s := range []struct{ id, host, prefix string }{{"host", "Kairos.example", ""}, {"short", "", "/a"}, {"long", "", "/a/b"}, {"port", "local.example:8080", ""}} {
		services = append(services, httpgate.Service{ID: roster.ServiceID(s.id), Host: s.host, Prefix: s.prefix, Upstream: w.upstream, Routes: []httpgate.Route{list()}})
	}
	d := w.dependencies(t)
	var found roster.ServiceID
	d.Observe = func(_ context.Context, passed httpgate.Passed) { found = passed.Service }
	proxy, err := httpgate.New(services, d)
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]roster.ServiceID{
		"http://kairos.example/x": "host", "http://KAIROS.example:8443/a/x": "host", "http://other.example/a/x": "short", "http://other.example/a": "short",
		"http://other.example/a/b/x": "long", "http://other.example/a/bc": "short", "http://other.example/ab": "", "http://local.example:8080/": "port",
		"http://local.example/": "", "http://kairos.example.evil/": "", "http://other.example/": "",
	} {
		found = ""
		r := httptest.NewRequest("GET", address, nil)
		r.URL.Scheme, r.URL.Host = "", ""
		proxy.ServeHTTP(httptest.NewRecorder(), r)
		if found != want || proxy.Serves(r) != (want != "") {
			t.Errorf("%s went to %q, want %q", address, found, want)
		}
	}
}

func TestAReaderThatPanicsHasNotUnderstood(t *testing.T) {
	w := newWorld(t, list())
	if err := httpgate.ReadByNothing(w.proxy, httptest.NewRequest("GET", "/", nil)); err == nil {
		t.Error("no error")
	}
}
