package httpgate_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"poterne/internal/fault"
	"poterne/internal/gate/content"
	"poterne/internal/gate/httpgate"
	"poterne/internal/policy"
	"poterne/internal/register"
)

// encoded writes a body in a content coding.
func encoded(coding, body string) string {
	var out bytes.Buffer
	var to io.WriteCloser = &nothing{&out}
	switch coding {
	case "gzip":
		to = gzip.NewWriter(&out)
	case "br":
		to = brotli.NewWriter(&out)
	case "zstd":
		to, _ = zstd.NewWriter(&out)
	}
	_, _ = io.WriteString(to, body)
	_ = to.Close()
	return out.String()
}

type nothing struct{ io.Writer }

func (*nothing) Close() error { return nil }

// raw makes the application answer these very bytes.
func (w *world) raw(text string) {
	w.app = func(rw http.ResponseWriter, _ *http.Request) {
		connection, buffered, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			w.t.Error(err)
			return
		}
		_, _ = buffered.WriteString(text)
		_ = buffered.Flush()
		_ = connection.Close()
	}
}

// Acceptance: A9
func TestA9_AnEncodedAnswerIsReadAndCut(t *testing.T) {
	everybody := []string{"p1", "p10", "p11", "p12", "p13", "p14"}
	for _, codings := range []string{"gzip", "br", "zstd", "identity", "gzip, br", "br, gzip, zstd"} {
		t.Run(codings, func(t *testing.T) {
			w := newWorld(t, list())
			body := sayAll(everybody...)
			for coding := range strings.SplitSeq(codings, ", ") {
				body = encoded(coding, body)
			}
			w.app = func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("Content-Type", "application/json")
				rw.Header().Set("Content-Encoding", codings)
				_, _ = io.WriteString(rw, body)
			}
			g := w.get("/list")
			if want := everybody[:4]; !slices.Equal(shown(g.body), want) || g.header.Get("Content-Encoding") != "" {
				t.Errorf("got %v, want %v", g, want)
			}
		})
	}
}

// Acceptance: A9
func TestA9_AnAnswerThatCannotBeReadWholeIsRefused(t *testing.T) {
	body := sayAll("p1")
	page := `<table><tr class="person"><td>‹p1›</td></tr></table>`
	large := sayAll(slices.Repeat([]string{"p1"}, 2000)...)
	long := "<table><tbody>" + strings.Repeat(`<tr class="person" data-id="p1"><td>‹p1›</td></tr>`, 2000) + "</tbody></table>"
	with := func(header, body string) string {
		return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n\r\n%s", len(body), header, body)
	}
	const asJSON = "Content-Type: application/json"
	w := newWorld(t, list())
	for name, answer := range map[string]string{
		"JSON cut short":                   with(asJSON, body[:len(body)-3]),
		"JSON with a name twice":           with(asJSON, `[{"id":"p1","id":"p30","name":"‹p30›"}]`),
		"a second JSON value":              with(asJSON, body+body),
		"JSON that is empty":               with(asJSON, ""),
		"JSON that names nobody":           with(asJSON, `[{"name":"‹p1›"}]`),
		"HTML that names nobody":           with("Content-Type: text/html", page),
		"CSV without the column":           with("Content-Type: text/csv", "name\n‹p1›\n"),
		"larger than the limit":            with(asJSON, large),
		"chunked, larger than the limit":   "HTTP/1.1 200 OK\r\n" + asJSON + "\r\nTransfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(large), large),
		"HTML larger than the limit":       "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(long), long),
		"larger once decoded":              with(asJSON+"\r\nContent-Encoding: gzip", encoded("gzip", large)),
		"larger once decoded, br":          with(asJSON+"\r\nContent-Encoding: br", encoded("br", large)),
		"larger once decoded, zstd":        with(asJSON+"\r\nContent-Encoding: zstd", encoded("zstd", large)),
		"not in its coding":                with(asJSON+"\r\nContent-Encoding: gzip", body),
		"cut short in its coding":          with(asJSON+"\r\nContent-Encoding: gzip", encoded("gzip", body)[:30]),
		"something after its coding":       with(asJSON+"\r\nContent-Encoding: gzip", encoded("gzip", body)+"‹p1›"),
		"an unknown coding":                with(asJSON+"\r\nContent-Encoding: deflate", body),
		"an unknown coding among others":   with(asJSON+"\r\nContent-Encoding: gzip, rot13", encoded("gzip", body)),
		"too many codings":                 with(asJSON+"\r\nContent-Encoding: identity, identity, identity, identity", body),
		"shorter than it says":             strings.Replace(with(asJSON, body), "Content-Length: ", "Content-Length: 1", 1),
		"chunks without an end":            "HTTP/1.1 200 OK\r\n" + asJSON + "\r\nTransfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n", len(body), body),
		"ended by the connection only":     "HTTP/1.1 200 OK\r\n" + asJSON + "\r\nConnection: close\r\n\r\n" + body,
		"HTTP/1.0 without length":          "HTTP/1.0 200 OK\r\n" + asJSON + "\r\n\r\n" + body,
		"no content type":                  with("X-Nothing: 1", body),
		"two content types":                with(asJSON+"\r\nContent-Type: text/html", body),
		"a content type not declared":      with("Content-Type: application/pdf", body),
		"a content type that is none":      with("Content-Type: json", body),
		"another charset":                  with(asJSON+"; charset=utf-16", body),
		"another charset, of HTML":         with("Content-Type: text/html; charset=windows-1252", page),
		"a part of it":                     strings.Replace(with(asJSON+"\r\nContent-Range: bytes 0-9/99", body), "200 OK", "206 Partial Content", 1),
		"not modified":                     "HTTP/1.1 304 Not Modified\r\nEtag: \"‹p1›\"\r\n\r\n",
		"from somebody else":               strings.Replace(with(asJSON, body), "200 OK", "203 Non-Authoritative Information", 1),
		"several choices":                  strings.Replace(with(asJSON+"\r\nLocation: /list", body), "200 OK", "300 Multiple Choices", 1),
		"another protocol nobody asked of": "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n‹p1›",
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.raw(answer)
			why := policy.NotUnderstood
			if strings.HasPrefix(name, "a content type") {
				why = policy.UndeclaredAnswer
			}
			w.refused(w.get("/list"), why)
		})
	}
	w.t = t
}

// Acceptance: A9
func TestA9_ErrorPagesOfTheApplicationNeverGoOut(t *testing.T) {
	w := newWorld(t, list())
	for status, want := range map[int]struct {
		kind fault.Kind
		why  policy.Why
	}{
		400: {fault.Invalid, policy.AnsweredNo}, 401: {fault.Refused, policy.AnsweredNo}, 403: {fault.Refused, policy.AnsweredNo},
		404: {fault.Absent, policy.AnsweredAbsent}, 409: {fault.Invalid, policy.AnsweredNo}, 418: {fault.Invalid, policy.AnsweredNo},
		422: {fault.Invalid, policy.AnsweredNo}, 429: {fault.Unavailable, policy.AnsweredLater}, 500: {fault.Broken, policy.AnsweredError},
		502: {fault.Unavailable, policy.AnsweredLater}, 503: {fault.Unavailable, policy.AnsweredLater}, 504: {fault.Unavailable, policy.AnsweredLater},
		599: {fault.Broken, policy.AnsweredError},
	} {
		w.app = func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "application/json")
			rw.Header().Set("Set-Cookie", "who=‹p1›")
			rw.WriteHeader(status)
			_, _ = io.WriteString(rw, sayAll("p1"))
		}
		w.failed(w.get("/list"), want.kind, want.why)
	}
}

// Acceptance: A9
func TestA9_EarlyHintsAndTrailersAreSwallowed(t *testing.T) {
	w := newWorld(t, list())
	body := sayAll("p1")
	w.raw("HTTP/1.1 103 Early Hints\r\nLink: </files/‹p30›>; rel=preload\r\n\r\n" +
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTrailer: X-Who\r\nTransfer-Encoding: chunked\r\n\r\n" +
		fmt.Sprintf("%x\r\n%s\r\n0\r\nX-Who: ‹p30›\r\n\r\n", len(body), body))
	var raw strings.Builder
	r := w.request("GET", "/list", "")
	g := w.do(r)
	_, _ = fmt.Fprint(&raw, g.header)
	if g.status != http.StatusOK || !slices.Equal(shown(g.body), []string{"p1"}) || strings.Contains(raw.String(), "p30") {
		t.Errorf("got %v %v", g, g.header)
	}
}

// Acceptance: A9
func TestA9_HEADIsDecidedLikeGETAndTellsNoMore(t *testing.T) {
	w := newWorld(t, file())
	w.says("application/json", say("p10"))
	g := w.do(w.request("HEAD", "/files/p10", ""))
	if g.status != http.StatusOK || g.body != "" || g.header.Get("Content-Length") == "0" || w.asked[0].Method != "GET" {
		t.Errorf("got %v %v, asked by %s", g, g.header, w.asked[0].Method)
	}
	if last := w.last(); last.Person != w.key.Person("p10") || last.Cost == 0 {
		t.Errorf("written: %+v", last)
	}
	rw := httptest.NewRecorder() // which, unlike a server, would keep the body of an answer to HEAD
	w.proxy.ServeHTTP(rw, httptest.NewRequest("HEAD", "/dossier/files/p10", nil))
	if rw.Code != http.StatusOK || rw.Body.Len() > 0 {
		t.Errorf("%d, with %d bytes", rw.Code, rw.Body.Len())
	}
}

// Acceptance: A9
func TestA9_AnotherProtocolIsRefused(t *testing.T) {
	w := newWorld(t, list())
	r := w.request("GET", "/list", "")
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	w.refused(w.do(r), policy.RequestUnreadable)
	if w.times() != 0 {
		t.Error("the application was asked")
	}
}

// Acceptance: A9
func TestA9_RedirectionsLeadToDeclaredAddressesOnly(t *testing.T) {
	old := httpgate.Route{
		Methods: []string{"GET", "POST"}, Path: "/old", Kind: httpgate.Page, Purpose: "accompany",
		Answers: []httpgate.Answer{{Layout: content.Layout{Format: content.HTML, Plain: []string{"body"}}}},
	}
	note := old
	note.Methods, note.Path = nil, "/notes/{n}"
	pages := list()
	pages.Leads = []httpgate.Value{{Name: "page", Pattern: "[0-9]"}}
	w := newWorld(t, file(), pages, old, note)
	var location string
	var status int
	w.app = func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Location", location)
		rw.Header().Set("Content-Type", "text/html")
		rw.WriteHeader(status)
		_, _ = io.WriteString(rw, "‹p1›")
	}
	for name, test := range map[string]struct{ location, want string }{
		"as the application sees it":    {"/list?page=2", "/dossier/list?page=2"},
		"as the browser sees it":        {"/dossier/list", "/dossier/list"},
		"relative":                      {"list", "/dossier/list"},
		"relative, and up":              {"../list?page=1", "/dossier/list?page=1"},
		"the parameters only":           {"?", "/dossier/old"},
		"to the application itself":     {w.upstream.String() + "/list", "/dossier/list"},
		"to Poterne itself":             {w.front.URL + "/dossier/list", "/dossier/list"},
		"without what the browser adds": {"/list#‹p1›", "/dossier/list"},
		"to somebody of the caseload":   {"/files/p1", "/dossier/files/p1"},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			for _, status = range []int{301, 302, 303, 307, 308} {
				location = test.location
				if g := w.get("/old"); g.status != status || g.header.Get("Location") != test.want || g.body != "" {
					t.Errorf("%d: got %v to %q, want %q", status, g, g.header.Get("Location"), test.want)
				}
			}
		})
	}
	status = 302
	for name, to := range map[string]string{
		"elsewhere": "https://thief.example/list", "elsewhere, without scheme": "//thief.example/list", "a script": "javascript:alert(1)",
		"a backslash": `/\thief.example/list`, "somebody's name and password": "http://a:b@" + w.upstream.Host + "/list",
		"what is not declared": "/secrets", "an undeclared parameter": "/list?who=p30", "a value that nobody asked for": "/list?page=2850699", "a part of the path that nobody asked for": "/notes/2850699", "the gate's own": "/.poterne/leave",
		"another service": "/kairos/list", "nowhere": "", "a strange path": "/files/p1%2fnotes", "no http": "ftp://" + w.upstream.Host + "/list",
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			location = to
			if g := w.get("/old"); g.header.Get("Location") != "" || g.status != http.StatusForbidden {
				t.Errorf("got %v to %q", g, g.header.Get("Location"))
			}
		})
	}
	w.t = t
	for n := 10; n < 13; n++ { // who is found by a redirection counts like anybody
		location = fmt.Sprintf("/files/p%d", n)
		if g := w.get("/old"); g.status != status || !w.last().Disclosed() {
			t.Errorf("within the allowance: %v", g)
		}
	}
	location = "/files/p13"
	w.refused(w.get("/old"), policy.ShortEmpty)
	status, location = 307, "/list"
	w.refused(w.post("/old", "", ""), policy.NotUnderstood) // it would be posted again
}

// Acceptance: A9
func TestA9_PagesAndAssetsGoOutAsDeclared(t *testing.T) {
	page := httpgate.Route{
		Path: "/", Kind: httpgate.Page, Purpose: "accompany",
		Answers: []httpgate.Answer{{Layout: content.Layout{Format: content.HTML, Plain: []string{"h1"}}}},
	}
	style := httpgate.Route{Path: "/style.css", Kind: httpgate.Static, Purpose: "accompany", Query: []string{"v"}, Unread: []string{"text/css"}}
	guide := httpgate.Route{Path: "/guide", Kind: httpgate.Page, Purpose: "accompany", Unread: []string{"application/pdf"}}
	w := newWorld(t, page, style, guide)
	w.says("text/html", "<h1>Welcome</h1><p>‹p1›</p>")
	if g := w.get("/"); g.status != http.StatusOK || !strings.Contains(g.body, "Welcome") || g.header.Get("Cache-Control") != "no-store" {
		t.Errorf("page: %v", g)
	}
	if len(w.entries()) != 0 {
		t.Error("a page about nobody needs no entry")
	}
	w.says("application/pdf", "%PDF")
	if g := w.get("/guide"); g.body != "%PDF" {
		t.Errorf("guide: %v", g)
	}
	w.refused(w.get("/style.css"), policy.UndeclaredAnswer)
	w.says("text/html", "‹p1›")
	w.refused(w.get("/style.css"), policy.UndeclaredAnswer)
	w.refused(w.get("/guide"), policy.UndeclaredAnswer)
	w.app = func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Etag", `"1"`)
		rw.Header().Set("Content-Type", "text/css")
		http.ServeContent(rw, r, "", time.Time{}, strings.NewReader("a{}"))
	}
	g := w.get("/style.css?v=2")
	if g.body != "a{}" || g.header.Get("Etag") != `"1"` || g.header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("style: %v %v", g, g.header)
	}
	r := w.request("GET", "/style.css?v=2", "")
	r.Header.Set("If-None-Match", `"1"`)
	if g := w.do(r); g.status != http.StatusNotModified || g.body != "" {
		t.Errorf("asked again: %v", g)
	}
}

// Acceptance: A9
func TestA9_TheHeaderOfACooperatingApplicationDecidesOnTheWhole(t *testing.T) {
	scan := httpgate.Route{
		Path: "/scans/{n}", Kind: httpgate.People, Purpose: "accompany", Unread: []string{"application/pdf"},
		Header: &httpgate.HeaderNaming{Name: "Poterne-People", Schemes: []string{"dossier", "mail"}},
	}
	w := newWorld(t, scan)
	var header []string
	w.app = func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header()["Poterne-People"] = header
		rw.Header().Set("Content-Type", "application/pdf")
		_, _ = io.WriteString(rw, "‹p1›")
	}
	for name, test := range map[string]struct {
		header []string
		why    policy.Why
	}{
		"it is missing":               {nil, policy.NotUnderstood},
		"it is empty":                 {[]string{""}, policy.NotUnderstood},
		"fields are missing":          {[]string{"dossier=p1"}, policy.NotUnderstood},
		"a category nobody knows":     {[]string{"dossier=p1; fields=shoe"}, policy.NotUnderstood},
		"a scheme not declared":       {[]string{"nir=9; fields=name"}, policy.NotUnderstood},
		"nobody, and somebody":        {[]string{"nobody", "dossier=p1; fields=name"}, policy.NotUnderstood},
		"an identifier of nobody":     {[]string{"mail=x@test.example; fields=name"}, policy.NobodyKnown},
		"one of the two is of nobody": {[]string{"dossier=p1; fields=name, mail=x@test.example; fields=name"}, policy.NobodyKnown},
		"a field must be masked":      {[]string{"dossier=p1; fields=name+nir"}, policy.NotForPurpose},
		"one too many":                {[]string{"dossier=p10; fields=name, dossier=p11; fields=name", "dossier=p12; fields=name, dossier=p13; fields=name"}, policy.ShortEmpty},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			header = test.header
			w.refused(w.get("/scans/1"), test.why)
		})
	}
	w.t = t
	for _, entry := range w.entries() {
		if entry.Disclosed() || entry.Cost != 0 {
			t.Errorf("nothing went out, yet it is written: %+v", entry)
		}
	}
	header = []string{"mail=p1%40test.example; fields=name+birth"}
	if g := w.get("/scans/1"); g.body != "‹p1›" || w.last().Fields != register.Name|register.Birth || g.header.Get("Poterne-People") != "" {
		t.Errorf("got %v %v, written %+v", g, g.header, w.last())
	}
}

func TestARowThatNamesTwoPeopleIsNotUnderstood(t *testing.T) {
	w := newWorld(t, file())
	w.says("application/json", `{"id":"p1","mail":"p2@test.example","name":"‹p1›"}`)
	w.refused(w.get("/files/p1"), policy.NotUnderstood)
	w.says("application/json", `{"id":"p1","mail":"nobody@test.example","name":"‹p1›"}`)
	w.refused(w.get("/files/p1"), policy.NobodyKnown)
	w.says("application/json", `{"id":"p1","mail":"p1@test.example","name":"‹p1›"}`)
	if g := w.get("/files/p1"); g.status != http.StatusOK {
		t.Errorf("got %v", g)
	}
}

func TestAFileThatNamesNobodyIsNotUnderstood(t *testing.T) {
	r := file()
	r.Answers[0].Layout = content.Layout{Format: content.HTML, Plain: []string{"h1"}, People: []content.Group{{
		Row: "article", Person: []content.Naming{{Scheme: "dossier", Attribute: "data-id"}}, Fields: []content.Part{{Field: register.Name, Path: "p"}},
	}}}
	w := newWorld(t, r)
	w.says("text/html", "<h1>File</h1><p>‹p1›</p>")
	w.refused(w.get("/files/p1"), policy.NotUnderstood)
}

func TestTooLongAListIsNotAskedOfTheLedger(t *testing.T) {
	w := newWorld(t, httpgate.Route{
		Path: "/ids", Kind: httpgate.People, Purpose: "accompany",
		Answers: []httpgate.Answer{{Layout: content.Layout{Format: content.CSV, People: []content.Group{{Person: []content.Naming{{Scheme: "dossier", Path: "id"}}}}}}},
	})
	w.says("text/csv", "id\n"+strings.Repeat("p1\n", 5000))
	w.refused(w.get("/ids"), policy.NotUnderstood)
}

// Acceptance: A9
func TestA9_HeadersAndCookiesAreKeptApart(t *testing.T) {
	w := newWorld(t, list())
	w.app = func(rw http.ResponseWriter, _ *http.Request) {
		h := rw.Header()
		h.Set("Content-Type", "application/json")
		for _, name := range []string{"Link", "Refresh", "Server-Timing", "X-Person", "Etag", "Last-Modified", "Poterne-Receipt", "Access-Control-Allow-Origin", "Content-Location", "Location", "Server", "Clear-Site-Data", "Secure-Session-Registration", "Secure-Session-Challenge"} {
			h.Set(name, "‹p30›")
		}
		h.Set("Content-Language", "fr")
		h.Set("Content-Security-Policy", "default-src 'self' p30-2850699; report-uri /p30-2850699; script-src https://p30-2850699.example 'nonce-p30-2850699'")
		h.Set("Cache-Control", "public, max-age=9999")
		h.Set("Content-Disposition", `inline; filename="‹p30›.json"`)
		h.Add("Set-Cookie", "sid=abc; Path=/deep; Domain=example.org; SameSite=None; HttpOnly; Secure; Max-Age=60; Partitioned")
		h.Add("Set-Cookie", "__Host-poterne=stolen; Path=/; Secure")
		h.Add("Set-Cookie", "__Host-poterne-bound=stolen; Path=/; Secure")
		h.Add("Set-Cookie", "bad name=1")
		h.Add("Set-Cookie", "p30-2850699=1")
		_, _ = io.WriteString(rw, "[]")
	}
	r := w.request("GET", "/list", "")
	for name, value := range map[string]string{
		"Cookie":           "__Host-poterne=key.token; sid=mine; svc-dossier.sid=abc; svc-kairos.sid=theirs; __Host-poterne-signin=x; __Host-poterne-bound=y; svc-dossier.=empty",
		"Poterne-Receipt":  "1",
		"X-Forwarded-For":  "1.2.3.4",
		"X-Forwarded-Host": "evil.example", "X-Forwarded-Prefix": "/evil", "Forwarded": "for=1", "X-Real-IP": "1",
		"Poterne-Assertion": "forged", "X-HTTP-Method-Override": "DELETE", "X-Original-URL": "/admin", "Authorization": "Bearer x",
		"Range": "bytes=0-9", "If-None-Match": "*", "If-Modified-Since": "x", "If-Match": "x", "If-Range": "x", "TE": "trailers", "Accept-Encoding": "gzip",
		"Referer": "https://poterne.example/kairos/trainees/9", "Connection": "X-Drop", "X-Drop": "1",
		"Accept": "application/json", "X-CSRF-Token": "t", "Traceparent": "00-1",
	} {
		r.Header.Set(name, value)
	}
	g := w.do(r)
	sent := w.asked[0].Header.Clone()
	if sent.Get("Poterne-Assertion") == "forged" || strings.Count(sent.Get("Poterne-Assertion"), ".") != 2 || len(sent["Poterne-Assertion"]) != 1 {
		t.Errorf("assertion %q", sent["Poterne-Assertion"])
	}
	sent.Del("Poterne-Assertion")
	want := http.Header{
		"Accept": {"application/json"}, "Accept-Encoding": {"identity"}, "Connection": {"close"}, "X-Csrf-Token": {"t"}, "Traceparent": {"00-1"}, "Cookie": {"sid=abc"},
		"User-Agent": {"Go-http-client/1.1"}, "X-Forwarded-Host": {w.asked[0].Header.Get("X-Forwarded-Host")}, "X-Forwarded-Prefix": {"/dossier"}, "X-Forwarded-Proto": {"http"},
	}
	if fmt.Sprint(sent) != fmt.Sprint(want) || !strings.HasPrefix(w.front.URL, "http://"+sent.Get("X-Forwarded-Host")) || w.asked[0].Host != w.upstream.Host {
		t.Errorf("the application was sent\n%v, want\n%v", sent, want)
	}
	g.header.Del("Date")
	wantOut := http.Header{
		"Cache-Control": {"no-store"}, "Content-Language": {"fr"}, "Content-Length": {"2"}, "Content-Security-Policy": {"default-src 'self'; script-src 'none'"},
		"Content-Type": {"application/json"}, "Poterne-Receipt": {"8"}, "Referrer-Policy": {"same-origin"}, "X-Content-Type-Options": {"nosniff"}, "X-Frame-Options": {"SAMEORIGIN"},
		"Set-Cookie": {
			"svc-dossier.sid=abc; Path=/dossier/; Max-Age=60; HttpOnly; SameSite=Lax",
		},
	}
	if fmt.Sprint(g.header) != fmt.Sprint(wantOut) {
		t.Errorf("the browser got\n%v, want\n%v", g.header, wantOut)
	}
}

func TestARequestThatSmugglesIsNotForwarded(t *testing.T) {
	w := newWorld(t, list())
	w.says("application/json", "[]")
	for _, text := range []string{
		"GET http://poterne.example/dossier/list HTTP/1.1\r\nHost: poterne.example\r\nConnection: close\r\n\r\n",
		"GET /dossier/list HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
	} {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
		if err != nil {
			t.Fatal(err)
		}
		rw := httptest.NewRecorder()
		w.proxy.ServeHTTP(rw, r)
		if rw.Code != http.StatusForbidden || w.times() != 0 {
			t.Errorf("%q: %d, the application was asked %d times", text, rw.Code, w.times())
		}
	}
}
