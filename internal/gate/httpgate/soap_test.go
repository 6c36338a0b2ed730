package httpgate_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"poterne/internal/gate/content"
	"poterne/internal/gate/httpgate"
	"poterne/internal/register"
)

const personsURI = "urn:example:persons"

// soapRoutes are the operations of one address: one finds people, one changes somebody.
func soapRoutes() []httpgate.Route {
	const at = "/soap:Envelope/soap:Body/"
	find := httpgate.Route{
		Methods: []string{"POST"}, Path: "/service", Kind: httpgate.People, Purpose: "accompany", Reads: true,
		Operation: "find", Namespaces: content.Namespaces{"p": personsURI},
		Request: []httpgate.Naming{{In: httpgate.InXML, Name: at + "p:find/p:id", Scheme: "dossier"}},
		Answers: []httpgate.Answer{{Type: "text/xml", Layout: content.Layout{Format: content.XML, People: []content.Group{{
			Row: at + "p:found/p:person", Person: []content.Naming{{Scheme: "dossier", Path: "p:id"}},
			Fields: []content.Part{{Field: register.Name, Path: "p:name"}, {Field: register.NIR, Path: "p:nir"}},
		}}}}},
	}
	note := find
	note.Reads, note.Operation = false, "note"
	note.Request = []httpgate.Naming{{In: httpgate.InXML, Name: at + "p:note/@person", Scheme: "dossier"}}
	note.Written = []httpgate.Writing{{Name: at + "p:note/p:text", Field: register.Note}}
	note.Answers = []httpgate.Answer{{Type: "text/xml", Layout: content.Layout{Format: content.XML, Plain: []string{at + "p:noted/p:saved"}}}}
	return []httpgate.Route{find, note}
}

func soapEnvelope(inside string) string {
	return `<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/" xmlns:w="` + personsURI + `"><S:Header/><S:Body>` + inside + `</S:Body></S:Envelope>`
}

// Promise: RUN-2
func TestRUN_2_OperationsOfSOAPAreRoutesOfOneAddress(t *testing.T) {
	w := newWorld(t, soapRoutes()...)
	var sent []string
	w.app = func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		sent = append(sent, r.Header.Get("Content-Type")+" "+string(body))
		rw.Header().Set("Content-Type", "text/xml; charset=utf-8")
		if strings.Contains(string(body), "find>") {
			_, _ = io.WriteString(rw, soapEnvelope(`<w:found by="w1"><w:person><w:id>w1</w:id><w:name>‹w1›</w:name><w:nir>9 99</w:nir></w:person></w:found>`))
			return
		}
		_, _ = io.WriteString(rw, soapEnvelope(`<w:noted><w:saved>true</w:saved><w:by>‹w9›</w:by></w:noted>`))
	}
	ask := func(media, action, inside string) got {
		r := w.request("POST", "/service", soapEnvelope(inside))
		r.Header.Set("Content-Type", media)
		if action != "" {
			r.Header.Set("SOAPAction", action)
		}
		return w.do(r)
	}
	const findOne, noteOne = `<w:find><w:id>w1</w:id></w:find>`, `<w:note person="w1"><w:text>a</w:text></w:note>`
	for _, action := range []string{"", `""`, `"urn:example:persons#find"`, "urn:example:persons:find", `"http://example/find"`} {
		g := ask("text/xml; charset=utf-8", action, findOne)
		if g.status != http.StatusOK || !strings.Contains(g.body, "<p:name>‹w1›</p:name>") || strings.Contains(g.body, "9 99") || strings.Contains(g.body, "by=") {
			t.Errorf("%q: %v", action, g)
		}
	}
	if g := ask("application/soap+xml; action=delete", "", noteOne); g.status != http.StatusOK || !strings.Contains(g.body, "<p:saved>true</p:saved>") || strings.Contains(g.body, "w9") {
		t.Errorf("a change: %v", g)
	}
	if last := sent[len(sent)-1]; !strings.HasPrefix(last, `application/soap+xml; charset=utf-8 <?xml`) || !strings.Contains(last, `<p:note person="w1"><p:text>a</p:text></p:note>`) {
		t.Errorf("the application was sent %s", last)
	}
	names := map[string]bool{}
	for _, e := range w.entries() {
		names[e.Kind.String()+" "+e.Route] = true
	}
	if !names["consulted POST /service find"] || !names["changed POST /service note"] {
		t.Errorf("the ledger has %v", names)
	}
	asked := w.times()
	for name, c := range map[string]struct{ media, action, inside string }{
		"an operation that is not declared":   {"text/xml", "", `<w:delete><w:id>w1</w:id></w:delete>`},
		"two operations":                      {"text/xml", "", findOne + noteOne},
		"none":                                {"text/xml", "", ``},
		"the same in another namespace":       {"text/xml", "", `<find><id>w1</id></find>`},
		"another action":                      {"text/xml", `"urn:example:persons#delete"`, findOne},
		"another declared action":             {"text/xml", `"urn:example:persons#note"`, findOne},
		"another action, and a sign after it": {"text/xml", `"urn:example:persons#delete/"`, findOne},
		"another action alone, and a sign":    {"text/xml", "delete#", findOne},
		"nobody":                              {"text/xml", "", `<w:find/>`},
		"another charset":                     {"text/xml; charset=utf-16", "", findOne},
		"another type":                        {"application/json", "", findOne},
		"a page":                              {"application/xhtml+xml", "", findOne},
		"an element more":                     {"text/xml", "", `<w:find><w:id>w1</w:id><w:all>true</w:all></w:find>`},
	} {
		if g := ask(c.media, c.action, c.inside); g.passedOn() {
			t.Errorf("%s: %v", name, g)
		}
	}
	if w.times() != asked {
		t.Errorf("the application was asked %d times for what is not declared", w.times()-asked)
	}
}

func TestRUN_2_OperationsThatCannotBeToldApartAreComplainedOf(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]func([]httpgate.Route){
		"twice":        func(r []httpgate.Route) { r[1].Operation = "find" },
		"one of them":  func(r []httpgate.Route) { r[1].Operation = "" },
		"by GET":       func(r []httpgate.Route) { r[0].Methods = nil },
		"a parameter":  func(r []httpgate.Route) { r[0].Query = []string{"wsdl"} },
		"JSON as well": func(r []httpgate.Route) { r[0].Members = []string{"$.a"} },
		"no name":      func(r []httpgate.Route) { r[0].Operation = "a b" },
		"no body":      func(r []httpgate.Route) { r[0].Request = nil },
		"unread":       func(r []httpgate.Route) { r[1].Takes, r[1].Request, r[1].Written = []string{"text/xml"}, nil, nil },
	} {
		routes := soapRoutes()
		change(routes)
		if _, err := httpgate.New([]httpgate.Service{w.service(routes...)}, w.dependencies(t)); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
}
