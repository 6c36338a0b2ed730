package httpgate_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/gate/content"
	"poterne/internal/gate/httpgate"
	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/indexdb"
)

// naming is a route whose requests name a person, and how they do.
type naming struct {
	name    string
	route   httpgate.Route
	request func(w *world, who string) *http.Request
}

// namings is every kind of route whose requests can name a person.
func namings() []naming {
	in := func(place httpgate.Place, name string) []httpgate.Naming {
		return []httpgate.Naming{{In: place, Name: name, Scheme: "dossier"}}
	}
	all := []content.Layout{manyFiles, table, sheet, book}
	lists := func(path string, names []httpgate.Naming) httpgate.Route {
		r := httpgate.Route{Path: path, Kind: httpgate.People, Purpose: "accompany", Request: names}
		for _, layout := range all {
			r.Answers = append(r.Answers, httpgate.Answer{Layout: layout})
		}
		return r
	}
	status := httpgate.Route{
		Path: "/sub/{id}/status", Kind: httpgate.People, Purpose: "accompany", Request: in(httpgate.InPath, "id"), Shows: register.Note,
		Answers: []httpgate.Answer{
			{Layout: content.Layout{Format: content.JSON, Plain: []string{"$.status"}}},
			{Layout: content.Layout{Format: content.HTML, Plain: []string{"h1"}}},
			{Layout: content.Layout{Format: content.CSV, Plain: []string{"status"}}},
		},
	}
	found := lists("/found", in(httpgate.InQuery, "number"))
	found.Search = &httpgate.Search{Most: 3}
	letters := httpgate.Route{
		Path: "/letters/{id}", Kind: httpgate.People, Purpose: "accompany", Request: in(httpgate.InPath, "id"), Unread: []string{"application/pdf"},
		Header: &httpgate.HeaderNaming{Name: "Poterne-People", Schemes: []string{"dossier"}},
	}
	scan := httpgate.Route{
		Path: "/scans/{id}/", Kind: httpgate.People, Purpose: "accompany", Request: in(httpgate.InPath, "id"), Shows: register.Name,
		Unread: []string{"application/pdf"},
	}
	photo := scan
	photo.Path, photo.Unread = "/photos/{id}", []string{asJPEG, asWord}
	workbook := httpgate.Route{
		Path: "/workbook", Kind: httpgate.People, Purpose: "accompany", Request: in(httpgate.InQuery, "person"),
		Answers: []httpgate.Answer{{Layout: book, Download: "people.xlsx"}},
	}
	header := lists("/header", in(httpgate.InHeader, "X-Person"))
	notes := status
	notes.Methods, notes.Path, notes.Shows, notes.Writes, notes.Form = []string{"POST"}, "/files/{id}/notes", 0, register.Note, []string{"text"}
	form := status
	form.Methods, form.Path, form.Request = []string{"POST"}, "/enrol", in(httpgate.InForm, "person")
	asked := lists("/ask", in(httpgate.InJSON, "$.person"))
	asked.Methods, asked.Reads, asked.Members, asked.Search = []string{"POST"}, true, []string{"$.birth"}, &httpgate.Search{Most: 3}
	reference := lists("/referenced", []httpgate.Naming{{In: httpgate.InQuery, Name: "subject", Scheme: "dossier", Template: "Patient/{id}"}})
	reference.Answers = append(reference.Answers, httpgate.Answer{Layout: content.Layout{Format: content.NDJSON, People: []content.Group{{
		Row: "$", Person: []content.Naming{{Scheme: "dossier", Path: "@.id"}}, Fields: []content.Part{{Field: register.Name, Path: "@.name"}},
	}}}})
	reference.Total, reference.Links = "X-Total-Count", true
	fragments := lists("/rows", in(httpgate.InQuery, "of"))
	fragments.Answers = slices.Clone(fragments.Answers)
	fragments.Answers[1].Layout.Fragment, fragments.Answers[1].Charset = true, "windows-1252"
	upload := status
	upload.Methods, upload.Path, upload.Shows, upload.Writes = []string{"POST"}, "/files/{id}/photo", 0, register.Note
	upload.Form, upload.Files = []string{"text"}, []httpgate.File{{Name: "photo", Types: []string{"image/png"}}}
	upload.Invalid = &httpgate.Invalid{Status: []int{409, 422}, Answers: []httpgate.Answer{{Layout: oneFile, About: true}}}
	wrong := file()
	wrong.Path, wrong.Invalid = "/wrong/{id}", &httpgate.Invalid{Status: []int{400, 409}, Answers: []httpgate.Answer{{Layout: oneFile, About: true}}}
	body := lists("/json", in(httpgate.InJSON, "$.person"))
	body.Methods, body.Writes = []string{"POST"}, register.Note
	inXML := lists("/xml", in(httpgate.InXML, "/find/number"))
	inXML.Methods, inXML.Reads, inXML.Members, inXML.Search = []string{"POST"}, true, []string{"/find/@born"}, &httpgate.Search{Most: 3}
	inXML.Answers = append(inXML.Answers, httpgate.Answer{Layout: manyElements})
	soap := lists("/soap", in(httpgate.InXML, "/soap:Envelope/soap:Body/note/person"))
	soap.Methods, soap.Writes, soap.Operation = []string{"POST"}, register.Note, "note"
	soap.Answers = append(soap.Answers, httpgate.Answer{Type: "text/xml", Layout: manyElements})
	stream := newsOf()
	stream.Shows |= register.Name | register.Contact
	channel := live()
	channel.Path, channel.Shows, channel.Request = "/live/{id}", register.Name|register.Contact, in(httpgate.InPath, "id")
	graph := httpgate.Route{
		Methods: []string{"POST"}, Path: "/graphql", Kind: httpgate.People, Purpose: "accompany", Request: in(httpgate.InJSON, "$.variables.id"),
		Document: `query Person($id: ID!) { person(id: $id) { id name } }`,
		Answers:  []httpgate.Answer{{About: true, Layout: content.Layout{Format: content.JSON, People: []content.Group{{Row: "$.data.person", Person: manyFiles.People[0].Person, Fields: oneFile.People[0].Fields[:1]}}}}},
	}
	mutation := graph
	mutation.Document, mutation.Writes = `mutation Note($id: ID!) { person: note(id: $id) { id name } }`, register.Note
	get := func(format string) func(*world, string) *http.Request {
		return func(w *world, who string) *http.Request { return w.request("GET", fmt.Sprintf(format, who), "") }
	}
	post := func(path, media, body string) func(*world, string) *http.Request {
		return func(w *world, who string) *http.Request {
			r := w.request("POST", strings.ReplaceAll(path, "WHO", who), strings.ReplaceAll(body, "WHO", who))
			r.Header.Set("Content-Type", media)
			return r
		}
	}
	const urlencoded = "application/x-www-form-urlencoded"
	return []naming{
		{"a status", status, get("/sub/%s/status")},
		{"a file", file(), get("/files/%s")},
		{"a list", lists("/persons", in(httpgate.InQuery, "person")), get("/persons?person=%s")},
		{"a search", found, get("/found?number=%s")},
		{"a header of the answer", letters, get("/letters/%s")},
		{"a file that passes unread", scan, get("/scans/%s/")},
		{"a picture and an office file", photo, get("/photos/%s")},
		{"a workbook", workbook, get("/workbook?person=%s")},
		{"a header of the request", header, func(w *world, who string) *http.Request {
			r := w.request("GET", "/header", "")
			r.Header.Set("X-Person", who)
			return r
		}},
		{"a change", notes, post("/files/WHO/notes", urlencoded, "text=x")},
		{"a form", form, post("/enrol", urlencoded, "person=WHO")},
		{"a search with a body", asked, post("/ask", "application/json", `{"person":"WHO","birth":"1990-01-01"}`)},
		{"a reference", reference, get("/referenced?subject=Patient/%s")},
		{"a part of a page", fragments, get("/rows?of=%s")},
		{"a form with a file", upload, post("/files/WHO/photo", "multipart/form-data; boundary=xyz",
			"--xyz\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nx\r\n--xyz\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"p.png\"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n--xyz--\r\n")},
		{"a request that was wrong", wrong, get("/wrong/%s")},
		{"a body in JSON", body, post("/json", "application/json", `{"person":"WHO"}`)},
		{"a body in XML", inXML, post("/xml", "application/xml", `<find born="1990-01-01"><number>WHO</number></find>`)},
		{"a stream", stream, get("/news/%s")},
		{"a WebSocket", channel, func(w *world, who string) *http.Request {
			r := w.request("GET", "/live/"+who, "")
			for name, value := range map[string]string{"Origin": w.front.URL, "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="} {
				r.Header.Set(name, value)
			}
			return r
		}},
		{"a query of GraphQL", graph, post("/graphql", "application/json", `{"query":"query Person($id:ID!){person(id:$id){id name}}","variables":{"id":"WHO"}}`)},
		{"a mutation of GraphQL", mutation, post("/graphql", "application/json", `{"query":"mutation Note($id:ID!){person:note(id:$id){id name}}","variables":{"id":"WHO"}}`)},
		{"an operation of SOAP", soap, post("/soap", "text/xml", `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><note><person>WHO</person></note></s:Body></s:Envelope>`)},
	}
}

// endings is every way in which an application can answer, whomever it was asked
// for. It may speak of somebody else as well.
func endings(t testing.TB) map[string]func(rw http.ResponseWriter, who, other string) {
	says := func(status int, media, body string) func(http.ResponseWriter, string, string) {
		return func(rw http.ResponseWriter, who, other string) {
			if media != "" {
				rw.Header().Set("Content-Type", media)
			}
			rw.WriteHeader(status)
			_, _ = io.WriteString(rw, strings.NewReplacer("WHO", who, "OTHER", other).Replace(body))
		}
	}
	leads := func(status int, to string) func(http.ResponseWriter, string, string) {
		return func(rw http.ResponseWriter, who, other string) {
			rw.Header().Set("Location", strings.NewReplacer("WHO", who, "OTHER", other).Replace(to))
			rw.WriteHeader(status)
		}
	}
	names := func(people string) func(http.ResponseWriter, string, string) {
		return func(rw http.ResponseWriter, who, other string) {
			rw.Header().Set("Poterne-People", strings.NewReplacer("WHO", who, "OTHER", other).Replace(people))
			says(200, "application/pdf", "%PDF ‹WHO›")(rw, who, other)
		}
	}
	books := func(people ...string) func(http.ResponseWriter, string, string) {
		return func(rw http.ResponseWriter, who, other string) {
			var real []string
			for _, one := range people {
				real = append(real, strings.NewReplacer("WHO", who, "OTHER", other).Replace(one))
			}
			rw.Header().Set("Content-Type", asXLSX)
			_, _ = io.WriteString(rw, bookOf(t, real...))
		}
	}
	large := func(length bool, portions int) func(http.ResponseWriter, string, string) {
		return func(rw http.ResponseWriter, who, _ string) {
			rw.Header().Set("Content-Type", asPDF)
			body := strings.Repeat("%PDF ‹"+who+"› ", 8<<10)
			if length {
				rw.Header().Set("Content-Length", strconv.Itoa(2*len(body)))
			}
			for range portions {
				_, _ = io.WriteString(rw, body)
			}
			if portions < 2 {
				panic(http.ErrAbortHandler)
			}
		}
	}
	const js, one = "application/json", `{"id":"WHO","name":"‹WHO›"}`
	const row = `<tr class="person" data-id="WHO"><td>‹WHO›</td></tr>`
	return map[string]func(http.ResponseWriter, string, string){
		"a plain part":                says(200, js, `{"status":"‹WHO›"}`),
		"their file":                  says(200, js, one),
		"somebody else's file":        says(200, js, `{"id":"OTHER","name":"‹OTHER›"}`),
		"a list with them":            says(200, js, `[`+one+`,{"id":"OTHER","name":"‹OTHER›"}]`),
		"a list without them":         says(200, js, `[{"id":"OTHER","name":"‹OTHER›"}]`),
		"an empty list":               says(200, js, `[]`),
		"created, and empty":          says(201, js, `{}`),
		"a page that speaks of them":  says(200, "text/html; charset=utf-8", `<!doctype html><h1>‹WHO›</h1>`),
		"a table with them":           says(200, "text/html; charset=utf-8", `<!doctype html><h1>x</h1><table>`+row+`</table>`),
		"a table without anybody":     says(200, "text/html; charset=utf-8", `<!doctype html><h1>x</h1><table></table>`),
		"a sheet with them":           says(200, "text/csv", "id,name,status\nWHO,‹WHO›,‹WHO›\n"),
		"a sheet without anybody":     says(200, "text/csv", "id,name,status\n"),
		"a document a line":           says(200, "application/x-ndjson", one+"\n"+`{"id":"OTHER","name":"‹OTHER›"}`+"\n"),
		"rows of a table":             says(200, "text/html; charset=utf-8", row),
		"an old charset":              says(200, "text/html; charset=iso-8859-1", `<!doctype html><h1>x</h1><table><tr class="person" data-id="WHO"><td>`+"\xe9</td></tr></table>"),
		"a charset nobody reads":      says(200, "text/html; charset=utf-16", `<h1>‹WHO›</h1>`),
		"a picture":                   says(200, asJPEG, "\xff\xd8\x81‹WHO›"),
		"an office file":              says(200, asWord, "PK‹WHO›"),
		"elements with them":          says(200, "application/xml", `<list><person id="WHO"><name>‹WHO›</name></person><person id="OTHER"><name>‹OTHER›</name></person></list>`),
		"an envelope with them":       says(200, "text/xml; charset=utf-8", `<list><person id="WHO"><name>‹WHO›</name></person></list>`),
		"elements without anybody":    says(200, "application/xml", `<list/>`),
		"data with them":              says(200, js, `{"data":{"person":`+one+`}}`),
		"data with somebody else":     says(200, js, `{"data":{"person":{"id":"OTHER","name":"‹OTHER›"}}}`),
		"data without them":           says(200, js, `{"data":{"person":null}}`),
		"data with an error":          says(200, js, `{"errors":[{"message":"‹WHO›, ‹OTHER›","path":["person","name"]}],"data":{"person":`+one+`}}`),
		"an error in place of data":   says(200, js, `{"errors":[{"message":"‹WHO›, ‹OTHER›"}],"data":null}`),
		"an error alone":              says(200, js, `{"errors":[{"message":"‹WHO›, ‹OTHER›"}]}`),
		"a document type":             says(200, "application/xml", `<!DOCTYPE list [<!ENTITY w "‹WHO›">]><list><person id="WHO"><name>&w;</name></person></list>`),
		"a PDF with a charset":        says(200, asPDF+";charset=ISO-8859-1", "%PDF \x81‹WHO›"),
		"a workbook with them":        books("WHO", "OTHER"),
		"a workbook without them":     books("OTHER"),
		"a workbook without anybody":  books(),
		"a workbook that is none":     says(200, asXLSX, "PK‹WHO›"),
		"a large file":                large(true, 2),
		"a large file without length": large(false, 2),
		"half of a large file":        large(true, 1),
		"events with them":            says(200, "text/event-stream", "id: 1\ndata: "+one+"\n\ndata: {\"id\":\"OTHER\",\"name\":\"‹OTHER›\"}\n\n"),
		"events about nobody":         says(200, "text/event-stream", "event: ping\ndata\n\nevent: status\ndata: {\"status\":\"‹WHO›\"}\n\n"),
		"no event":                    says(200, "text/event-stream", ""),
		"events in no order":          says(200, "text/event-stream", "event: several\ndata: ["+one+",{\"id\":\"OTHER\",\"name\":\"‹OTHER›\"}]\n\nevent: ‹WHO›\ndata: {}\n\n"),
		"204":                         says(204, "", ""),
		"206":                         says(206, js, one),
		"301 elsewhere":               leads(301, "/elsewhere"),
		"303 elsewhere":               leads(303, "/elsewhere"),
		"303 to them":                 leads(303, "/files/WHO"),
		"303 to somebody else":        leads(303, "/files/OTHER"),
		"303 to what is not declared": leads(303, "/nowhere"),
		"304":                         says(304, "", ""),
		"400":                         says(400, js, one),
		"401":                         says(401, js, one),
		"403":                         says(403, js, one),
		"404":                         says(404, js, one),
		"409":                         says(409, js, one),
		"422":                         says(422, js, one),
		"429":                         says(429, js, one),
		"500":                         says(500, js, one),
		"503":                         says(503, js, one),
		"a header that says nobody":   names("nobody"),
		"a header that says them":     names("dossier=WHO;fields=name"),
		"a header of somebody else":   names("dossier=OTHER;fields=name"),
		"a header that says nothing":  names(""),
		"a file without a header":     says(200, "application/pdf", "%PDF ‹WHO›"),
		"a type nobody declared":      says(200, "application/zip", "PK ‹WHO›"),
		"no type":                     says(200, "", ""),
		"JSON that is none":           says(200, js, `{"id":"WHO"`),
		"an answer cut short": func(rw http.ResponseWriter, who, other string) {
			rw.Header().Set("Content-Length", "1000")
			says(200, js, `{"status":"‹WHO›"}`)(rw, who, other)
		},
		"a connection that is closed": func(http.ResponseWriter, string, string) { panic(http.ErrAbortHandler) },
	}
}

// manyRules allows so many people that every cell of the table has its own.
func manyRules() policy.Rules {
	many := rules
	many.Allowances = map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(100_000), Long: meter.People(100_000)}}
	return many
}

// cell is one route, asked for somebody of its own, and one ending.
type cell struct {
	naming
	ending     string
	who, other string
	got        got
	reached    atomic.Bool
	ended      atomic.Bool // what it was answered is in got
}

// nameWorld has every kind of route in which somebody can be named, and a cell of
// the table for each and each ending. The application is told by a header which
// cell it is asked in; meanwhile is done when it is asked.
func nameWorld(t *testing.T, kinds []naming, meanwhile func(c *cell)) (*world, []*cell) {
	elsewhere := httpgate.Route{
		Path: "/elsewhere", Kind: httpgate.Page, Purpose: "accompany",
		Answers: []httpgate.Answer{{Layout: content.Layout{Format: content.HTML, Plain: []string{"body"}}}},
	}
	routes := []httpgate.Route{elsewhere}
	if !slices.ContainsFunc(kinds, func(k naming) bool { return k.name == "a file" }) {
		routes = append(routes, file()) // where redirections lead
	}
	var cells []*cell
	all := endings(t)
	for _, kind := range kinds {
		routes = append(routes, kind.route)
		for _, ending := range slices.Sorted(maps.Keys(all)) {
			n := 1000 + 2*len(cells)
			cells = append(cells, &cell{naming: kind, ending: ending, who: fmt.Sprintf("p%d", n), other: fmt.Sprintf("p%d", n+1)})
		}
	}
	w := newWorldUnder(t, manyRules())
	service := w.service(routes...)
	service.Downloads, service.Timeout = 8<<20, 10*time.Minute // all cells are asked for at once, on a machine that does other things beside
	d := w.dependencies(t)
	d.Reading = 2 << 30
	var err error
	if w.proxy, err = httpgate.New([]httpgate.Service{service}, d); err != nil {
		t.Fatal(err)
	}
	w.proxy.Streams(len(cells)) // all wait at once
	w.app = func(rw http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.Header.Get("X-Csrf-Token"))
		c := cells[n]
		c.reached.Store(true)
		if meanwhile != nil {
			meanwhile(c)
		}
		all[c.ending](rw, c.who, c.other)
	}
	return w, cells
}

// askAll asks in every cell at once: each few as soon as those before have reached the application, or have ended,
// since a listener refuses hundreds of connections of one moment.
func (w *world) askAll(cells []*cell, all []*cell) {
	var group sync.WaitGroup
	for few := range slices.Chunk(cells, 32) {
		for _, c := range few {
			r := c.request(w, c.who)
			r.Header.Set("X-CSRF-Token", strconv.Itoa(slices.Index(all, c)))
			c.ended.Store(false)
			group.Go(func() {
				c.got = w.do(r)
				c.ended.Store(true)
			})
		}
		for _, c := range few {
			for !c.reached.Load() && !c.ended.Load() {
				time.Sleep(time.Millisecond)
			}
		}
	}
	group.Wait()
}

// passedOn reports whether anything of the application's answer came out: the
// gate's own pages have these two statuses.
func (g got) passedOn() bool {
	return g.status != http.StatusForbidden && g.status != http.StatusBadGateway
}

// Whoever a request names is decided on, counted, written and found, whatever the
// application answers; or nothing of its answer goes out, and that is written.
//
// Promises: SCOPE-9, METER-3
func TestSCOPE_9_WhoeverARequestNamesIsDecidedCountedAndFoundInEveryEnding(t *testing.T) {
	w, cells := nameWorld(t, namings(), nil)
	w.askAll(cells, cells)
	shelf, err := indexdb.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "ledger"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = shelf.Close() })
	who := index.New(index.Standard, store.NewLedger(w.store), shelf)
	if err := who.CatchUp(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	written, costs, disclosed := make(map[register.PersonID]int), make(map[register.PersonID]meter.Cost), make(map[register.PersonID]bool)
	for _, e := range w.entries() {
		written[e.Person]++
		costs[e.Person] += e.Cost
		disclosed[e.Person] = disclosed[e.Person] || e.Disclosed()
	}
	out := 0
	for _, c := range cells {
		t.Run(c.name+", "+c.ending, func(t *testing.T) {
			person, g := w.key.Person(c.who), c.got
			if !c.reached.Load() || written[person] == 0 {
				t.Fatalf("got %v: the application was asked: %v, and %d entries are of whom the request names", g, c.reached.Load(), written[person])
			}
			if !g.passedOn() {
				return
			}
			out++
			more := meter.Cost(0)
			if c.route.Methods != nil && costs[person] > meter.Whole {
				more = meter.Reveal // the answer to a change shows other fields than the change wrote
			}
			if !disclosed[person] || costs[person] != meter.Whole+more {
				t.Errorf("got %v: disclosed: %v, charged %v", g, disclosed[person], costs[person])
			}
			for _, one := range []string{c.who, c.other} {
				if one == c.other && !strings.Contains(g.header.Get("Location")+unpacked(g.body), one) {
					continue
				}
				if seen, err := who.WhoSaw(t.Context(), w.key.Person(one)); err != nil || len(seen.Numbers) == 0 {
					t.Errorf("got %v: nobody is said to have seen %s: %v", g, one, err)
				}
			}
		})
	}
	t.Logf("%d cells, in %d of them something went out", len(cells), out)
	if out < 100 {
		t.Error("the table tries too little: most applications do answer")
	}
}

// An account that is frozen while the application answers is shown nothing of it,
// whatever it is. The answer to a change is about whom it was charged for already.
//
// Promise: SCOPE-9
func TestSCOPE_9_WhoMayNotBeShownWhenTheAnswerComesIsNotShownByAnyEnding(t *testing.T) {
	kinds := slices.DeleteFunc(namings(), func(k naming) bool { return k.route.Methods != nil })
	var waiting sync.WaitGroup
	frozen := make(chan struct{})
	var once [1000]sync.Once // the transport may ask again where a connection was closed
	var cells []*cell
	var w *world
	w, cells = nameWorld(t, kinds, func(c *cell) {
		once[slices.Index(cells, c)].Do(waiting.Done)
		<-frozen
	})
	waiting.Add(len(cells))
	go func() {
		waiting.Wait()
		if _, err := w.gate.Place(context.WithoutCancel(t.Context()), order.Order{Reach: order.Account, Target: string(account), Effect: order.Frozen, By: "desk"}); err != nil {
			t.Error(err)
		}
		close(frozen)
	}()
	w.askAll(cells, cells)
	for _, c := range cells {
		if c.got.passedOn() {
			t.Errorf("%s, %s: got %v", c.name, c.ending, c.got)
		}
	}
}

// Nor is the application asked for somebody who may not be shown, or who exists for
// Poterne only.
//
// Promises: SCOPE-9, WATCH-3
func TestSCOPE_9_ACanaryIsOneHoweverARequestNamesIt(t *testing.T) {
	for _, kind := range namings() {
		t.Run(kind.name, func(t *testing.T) {
			w := newWorldUnder(t, manyRules(), kind.route)
			canaries, canary, _ := bird(t, w.key)
			w.listen(t, canaries, kind.route)
			w.app = func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusNoContent) }
			if g := w.do(kind.request(w, canary)); g.passedOn() || w.times() != 0 {
				t.Errorf("got %v, the application was asked %d times", g, w.times())
			}
			if !slices.ContainsFunc(w.entries(), func(e ledger.Entry) bool { return e.Why == policy.CanaryOpened && e.Person == w.key.Person(canary) }) {
				t.Error("it is not written")
			}
		})
	}
}

// An application that does not answer in time has been asked: that is written.
//
// Promise: SCOPE-9
func TestSCOPE_9_WhoWasAskedForIsWrittenWhenTheAnswerDoesNotCome(t *testing.T) {
	kinds := namings()
	w := newWorldUnder(t, manyRules())
	service := w.service()
	service.Timeout = 300 * time.Millisecond // nothing comes; and a busy machine has asked by then
	for _, kind := range kinds {
		service.Routes = append(service.Routes, kind.route)
	}
	var err error
	if w.proxy, err = httpgate.New([]httpgate.Service{service}, w.dependencies(t)); err != nil {
		t.Fatal(err)
	}
	w.app = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for n, kind := range kinds {
		named := fmt.Sprintf("p%d", 1000+n)
		g := w.do(kind.request(w, named))
		if g.passedOn() {
			t.Errorf("%s: got %v", kind.name, g)
		}
		if !slices.ContainsFunc(w.entries(), func(e ledger.Entry) bool { return e.Person == w.key.Person(named) }) {
			t.Errorf("%s: nothing is written of whom the request names", kind.name)
		}
	}
}
