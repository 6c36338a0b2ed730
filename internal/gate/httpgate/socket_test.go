package httpgate_test

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/pelletier/go-toml/v2"

	"poterne/internal/fault"
	"poterne/internal/gate/content"
	"poterne/internal/gate/httpgate"
	"poterne/internal/gate/shape"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/signin"
)

// live is a WebSocket: a person each, several, what speaks of nobody; a page follows somebody and takes notes.
func live() httpgate.Route {
	within := onePerson
	within.Plain, within.People = []string{"$.shade"}, slices.Clone(onePerson.People)
	within.People[0].Row = "$.person"
	several := manyFiles
	several.People = slices.Clone(manyFiles.People)
	several.People[0].Row = "$.people[*]"
	inJSON := func(path string) []httpgate.Naming {
		return []httpgate.Naming{{In: httpgate.InJSON, Name: path, Scheme: "dossier"}}
	}
	return httpgate.Route{
		Path: "/live", Kind: httpgate.People, Purpose: "accompany",
		Socket: &httpgate.Socket{
			Type: []string{"$.type"}, Protocols: []string{"town.v1", "town.v2"}, Codes: []int{4001}, Words: []string{"♥"},
			Sends: []httpgate.Event{{Name: "moved", Layout: within}, {Name: "file", Layout: onePerson, About: true}, {Name: "row", Layout: onePerson}, {Name: "several", Layout: several}, {Name: "status", Layout: nobodyInIt}, {Name: "tick"}},
			Takes: []httpgate.Message{
				{Name: "hello", Members: []string{"$.page"}, Reads: true},
				{Name: "follow", Request: inJSON("$.id"), Reads: true, Shows: register.Name},
				{Name: "note", Request: inJSON("$.id"), Written: []httpgate.Writing{{Name: "$.text", Field: register.Note}}},
			},
		},
	}
}

// speaker is an application with a real WebSocket server, which a test speaks for.
type speaker struct {
	t     *testing.T
	conns chan *websocket.Conn
	heard chan string               // every message the application was given
	ended chan websocket.StatusCode // by which its connection was closed
}

func (w *world) speaks() *speaker {
	s := &speaker{t: w.t, conns: make(chan *websocket.Conn, 64), heard: make(chan string, 64), ended: make(chan websocket.StatusCode, 64)}
	w.app = func(rw http.ResponseWriter, r *http.Request) {
		http.SetCookie(rw, &http.Cookie{Name: "sid", Value: "1"})
		conn, err := websocket.Accept(rw, r, &websocket.AcceptOptions{Subprotocols: []string{"town.v2"}})
		if err != nil {
			return
		}
		conn.SetReadLimit(4 << 20)
		s.conns <- conn
		for {
			_, text, err := conn.Read(context.Background())
			if err != nil {
				s.ended <- websocket.CloseStatus(err)
				return
			}
			s.heard <- string(text)
		}
	}
	return s
}

// page is a browser's page with an open WebSocket.
type page struct {
	w      *world
	conn   *websocket.Conn
	answer *http.Response
	app    *websocket.Conn // the application's end
	s      *speaker
}

// dial asks for a WebSocket as a browser's page does.
func (w *world) dial(path string, header http.Header, protocols ...string) (*websocket.Conn, *http.Response, error) {
	w.t.Helper()
	if header == nil {
		header = make(http.Header)
	}
	if header.Get("Origin") == "" {
		header.Set("Origin", w.front.URL)
	}
	return websocket.Dial(w.t.Context(), w.front.URL+"/dossier"+path, &websocket.DialOptions{HTTPHeader: header, Subprotocols: protocols})
}

func (w *world) opens(s *speaker, path string, protocols ...string) *page {
	w.t.Helper()
	conn, answer, err := w.dial(path, nil, protocols...)
	if err != nil {
		w.t.Fatalf("%v: %v", err, answer)
	}
	conn.SetReadLimit(4 << 20)
	w.t.Cleanup(func() { _ = conn.CloseNow() })
	return &page{w, conn, answer, <-s.conns, s}
}

// tells has the application say something.
func (p *page) tells(text string) {
	p.w.t.Helper()
	if err := p.app.Write(p.w.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		p.w.t.Fatal(err)
	}
}

// hears is the next message; the code and the reason in place of it at the end.
func (p *page) hears() string {
	p.w.t.Helper()
	ctx, cancel := context.WithTimeout(p.w.t.Context(), time.Minute)
	defer cancel()
	kind, text, err := p.conn.Read(ctx)
	if err != nil {
		if closed, ok := errors.AsType[websocket.CloseError](err); ok {
			return fmt.Sprintf("closed %d %s", closed.Code, closed.Reason)
		}
		return "broken off"
	}
	p.w.mu.Lock()
	p.w.received = append(p.w.received, string(text))
	p.w.mu.Unlock()
	if kind != websocket.MessageText {
		p.w.t.Errorf("a message of kind %v", kind)
	}
	return string(text)
}

// asks has the page say something.
func (p *page) asks(text string) {
	p.w.t.Helper()
	if err := p.conn.Write(p.w.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		p.w.t.Fatal(err)
	}
}

// ofType is a message about somebody.
func ofType(kind, who string) string {
	return fmt.Sprintf(`{"type":%q,"id":%q,"name":"‹%s›","nir":"9 99 99"}`, kind, who, who)
}

// Each message of the application is decided by itself, and written before it goes out: a stranger beyond the
// allowance is left out.
//
// Promises: LEDGER-1, LEDGER-2, SCOPE-9
func TestLEDGER_1_EachMessageOfAWebSocketIsDecidedAndWrittenBeforeItGoesOut(t *testing.T) {
	w := newWorldUnder(t, rules, live())
	s := w.speaks()
	p := w.opens(s, "/live", "town.v1", "town.v2")
	if opened := w.last(); p.answer.Header.Get("Poterne-Receipt") != fmt.Sprint(opened.Receipt) || opened.Kind != ledger.Consulted || opened.Route != "GET /live" || p.conn.Subprotocol() != "town.v2" {
		t.Errorf("the opening is written as %+v, and %v", opened, p.answer.Header)
	}
	for n, test := range []struct{ sent, want string }{
		{ofType("row", "p1"), `{"type":"row","name":"‹p1›"}`},
		{`{"type":"several","people":` + sayAll("p2", "p10") + `}`, `{"type":"several","people":[{"name":"‹p2›","phone":"01 99 00 00 00"},{"name":"‹p10›","phone":"01 99 00 00 00"}]}`},
		{ofType("row", "p11"), `{"type":"row","name":"‹p11›"}`},
		{ofType("row", "p12"), `{"type":"row","name":"‹p12›"}`},
		{ofType("row", "p13"), ""}, // beyond the allowance of an hour
		{`{"type":"several","people":` + sayAll("p14", "p3") + `}`, `{"type":"several","people":[{"name":"‹p3›","phone":"01 99 00 00 00"}]}`},
		{`{"type":"moved","shade":"grey","person":` + say("p15") + `}`, `{"type":"moved","shade":"grey"}`},
		{`{"type":"status","status":"on","who":"‹p15›"}`, `{"type":"status","status":"on"}`},
		{`{"type":"tick","who":"‹p16›"}`, `{"type":"tick"}`},
		{"♥", "♥"},
		{ofType("file", "p4"), `{"type":"file","name":"‹p4›"}`},
	} {
		before := len(w.entries())
		p.tells(test.sent)
		if test.want == "" { // the next one comes in its place
			p.tells("♥")
			test.want = "♥"
		}
		if got := p.hears(); got != test.want {
			t.Fatalf("message %d came as %q", n, got)
		}
		if written, people := len(w.entries()[before:]), strings.Count(test.sent, `"id":"p`); written != people {
			t.Errorf("message %d left %d entries", n, written)
		}
	}
	_ = p.app.Close(4001, "‹p20›")
	if got := p.hears(); got != "closed 4001 " {
		t.Errorf("at the end comes %q", got)
	}
	var cost meter.Cost
	for _, e := range w.entries() {
		cost += e.Cost
	}
	if cost != meter.People(3) {
		t.Errorf("charged %v", cost)
	}
	w.closes([]httpgate.Outcome{httpgate.Cut})
	if asked := w.asked[0]; asked.Header.Get("Origin") != w.upstream.String() || asked.Header.Get("Poterne-Assertion") == "" || asked.Header.Get("Sec-Websocket-Protocol") != "town.v1,town.v2" || asked.Header.Get("Sec-Websocket-Extensions") != "" {
		t.Errorf("the application is asked with %v", asked.Header)
	}
}

// closes waits for what is under way to end, and asks what it was counted as.
func (w *world) closes(want []httpgate.Outcome) {
	w.t.Helper()
	for {
		w.mu.Lock()
		got := slices.Clone(w.outcomes)
		w.mu.Unlock()
		if len(got) >= len(want) {
			if !slices.Equal(got, want) {
				w.t.Errorf("counted as %v", got)
			}
			break
		}
		time.Sleep(time.Millisecond)
	}
	if left := w.proxy.LeftToRead(); left != httpgate.Reading {
		w.t.Errorf("%d bytes are held", httpgate.Reading-left)
	}
}

// What is not declared, or not understood, closes the WebSocket, and is written; the page is told the ground and
// the number.
//
// Promise: SCOPE-9
func TestSCOPE_9_WhatIsNotUnderstoodClosesAWebSocket(t *testing.T) {
	for sentence, test := range map[string]struct {
		sent string
		why  policy.Why
	}{
		"a type that is not declared":   {ofType("other", "p1"), policy.UndeclaredAnswer},
		"a type in other letters":       {ofType("Row", "p1"), policy.UndeclaredAnswer},
		"no type":                       {say("p1"), policy.NotUnderstood},
		"a type that is a number":       {`{"type":1}`, policy.NotUnderstood},
		"a type that comes twice":       {`{"type":"tick","type":"row","id":"p1"}`, policy.NotUnderstood},
		"no JSON":                       {"‹p1›", policy.NotUnderstood},
		"nothing":                       {"", policy.NotUnderstood},
		"a word with something after":   {"♥ ", policy.NotUnderstood},
		"two documents":                 {`{"type":"tick"}{"type":"tick"}`, policy.NotUnderstood},
		"a person who is not named":     {`{"type":"row","name":"‹p1›"}`, policy.NotUnderstood},
		"text that is not UTF-8":        {"{\"type\":\"tick\",\"x\":\"\xff\"}", policy.NotUnderstood},
		"a file that may not be opened": {ofType("file", "p13"), policy.ShortEmpty},
		"more than a message may have":  {`{"type":"status","status":"` + strings.Repeat("x", 65<<10) + `"}`, policy.NotUnderstood},
		"a binary message":              {"\x00binary", policy.NotUnderstood},
	} {
		t.Run(sentence, func(t *testing.T) {
			w := newWorld(t, live())
			s := w.speaks()
			p := w.opens(s, "/live")
			for n := 10; n < 13; n++ { // the hour's allowance
				p.tells(ofType("row", fmt.Sprintf("p%d", n)))
				p.hears()
			}
			if binary, is := strings.CutPrefix(test.sent, "\x00"); is {
				_ = p.app.Write(t.Context(), websocket.MessageBinary, []byte(binary))
			} else {
				_ = p.app.Write(t.Context(), websocket.MessageText, []byte(test.sent))
			}
			got := p.hears()
			if last := w.last(); got != fmt.Sprintf("closed 1008 %v; Poterne-Receipt %d", test.why, last.Receipt) || last.Why != test.why || last.Verdict.Shows() || last.Route != "GET /live" {
				t.Errorf("%q, and the ledger ends with %v %v, receipt %d", got, last.Verdict, last.Why, last.Receipt)
			}
			if code := <-s.ended; code != websocket.StatusGoingAway {
				t.Errorf("the application is told %v", code)
			}
			w.closes([]httpgate.Outcome{httpgate.Refused})
		})
	}
}

// Several WebSockets at once, on which strangers come together, show no more of them than one.
//
// Promise: LEDGER-2
func TestLEDGER_2_SeveralWebSocketsHaveOneAllowance(t *testing.T) {
	w := newWorld(t, live())
	s := w.speaks()
	came := make(chan string, 64)
	var all sync.WaitGroup
	for n := range 6 {
		p := w.opens(s, "/live")
		all.Go(func() {
			for i := range 8 {
				_ = p.app.Write(t.Context(), websocket.MessageText, []byte(ofType("row", fmt.Sprintf("p%d", 10+(n*8+i)%20))))
			}
			_ = p.app.Write(t.Context(), websocket.MessageText, []byte("♥"))
		})
		all.Go(func() {
			for text := p.hears(); text != "♥"; text = p.hears() {
				if came <- text; len(shown(text)) == 0 {
					return
				}
			}
		})
	}
	all.Wait()
	close(came)
	of := make(map[string]bool)
	for text := range came {
		of[text] = true
	}
	if len(of) != 3 {
		t.Errorf("%d strangers are shown of 3: %v", len(of), of)
	}
}

// A page's message that names somebody is decided as a request would be, and written before the application hears of
// it. What is not declared reaches nobody.
//
// Promises: LEDGER-1, SCOPE-1, SCOPE-9
func TestLEDGER_1_WhomAPageNamesIsDecidedBeforeTheApplicationHears(t *testing.T) {
	w := newWorld(t, live())
	s := w.speaks()
	p := w.opens(s, "/live")
	for _, test := range []struct {
		sent  string
		kind  ledger.Kind
		route string
		who   string
	}{
		{`{"type":"hello","page":"‹home›"}`, 0, "", ""},
		{"♥", 0, "", ""},
		{`{"type":"follow","id":"p1"}`, ledger.Consulted, "GET /live follow", "p1"},
		{`{"type":"note","id":"p10","text":"called"}`, ledger.Changed, "GET /live note", "p10"},
		{` {"id":"p2", "type":"follow"} `, ledger.Consulted, "GET /live follow", "p2"},
	} {
		before := len(w.entries())
		p.asks(test.sent)
		select {
		case got := <-s.heard:
			if got != test.sent {
				t.Errorf("the application hears %q", got)
			}
		case <-s.ended:
			t.Fatalf("%s: %s", test.sent, p.hears())
		}
		written := w.entries()[before:]
		if test.kind == 0 && len(written) == 0 {
			continue
		}
		if len(written) != 1 || written[0].Kind != test.kind || written[0].Route != test.route || written[0].Person != w.key.Person(test.who) || !written[0].Verdict.Shows() {
			t.Errorf("%s is written as %+v", test.sent, written)
		}
	}
	_ = p.conn.Close(websocket.StatusNormalClosure, "‹p20›")
	if code := <-s.ended; code != websocket.StatusNormalClosure {
		t.Errorf("the application is told %v", code)
	}
	w.closes([]httpgate.Outcome{httpgate.Shown})
}

// What a page says that is not declared, or may not be, reaches nobody and closes the WebSocket.
//
// Promises: SCOPE-1, SCOPE-9
func TestSCOPE_1_WhatAPageMayNotSayReachesNobody(t *testing.T) {
	for sentence, test := range map[string]struct {
		sent string
		why  policy.Why
	}{
		"a type that is not declared":        {sent: `{"type":"delete","id":"p1"}`, why: policy.UndeclaredBody},
		"a type of the application's":        {sent: ofType("row", "p1"), why: policy.UndeclaredBody},
		"no JSON":                            {sent: "p1", why: policy.RequestUnreadable},
		"two messages in one":                {sent: `{"type":"hello","page":"1"}{"type":"delete"}`, why: policy.RequestUnreadable},
		"two types in one":                   {sent: `{"type":"hello","type":"delete"}`, why: policy.RequestUnreadable},
		"two types, one of them as escapes":  {sent: `{"\u0074ype":"follow","id":"p1","type":"hello"}`, why: policy.RequestUnreadable},
		"a second person, named in escapes":  {sent: `{"type":"follow","id":"p1","\u0069d":"p20"}`, why: policy.RequestUnreadable},
		"a second type in other letters":     {sent: `{"type":"hello","page":"1","Type":"follow"}`, why: policy.UndeclaredField},
		"a member that is not listed":        {sent: `{"type":"hello","page":"1","id":"p20"}`, why: policy.UndeclaredField},
		"somebody who is not named":          {sent: `{"type":"note","text":"called"}`, why: policy.Unnamed},
		"somebody named by a list":           {sent: `{"type":"follow","id":["p1","p2"]}`, why: policy.Unnamed},
		"another spelling":                   {sent: `{"type":"follow","id":"P1"}`, why: policy.Unnamed},
		"a mask":                             {sent: `{"type":"note","id":"p1","text":"` + content.Mask + `"}`, why: policy.Overwrites},
		"a stranger too many":                {sent: `{"type":"follow","id":"p13"}`, why: policy.ShortEmpty},
		"a change of a stranger too many":    {sent: `{"type":"note","id":"p13","text":"x"}`, why: policy.ShortEmpty},
		"a binary message":                   {sent: "\x00" + `{"type":"hello","page":"1"}`, why: policy.RequestUnreadable},
		"more than a message may have":       {sent: `{"type":"hello","page":"` + strings.Repeat("x", 1<<20) + `"}`, why: policy.RequestUnreadable},
		"text that is not UTF-8":             {sent: "{\"type\":\"hello\",\"page\":\"\xff\"}", why: policy.RequestUnreadable},
		"a message that names nobody by far": {sent: `{"type":"follow","id":""}`, why: policy.Unnamed},
	} {
		t.Run(sentence, func(t *testing.T) {
			w := newWorld(t, live())
			s := w.speaks()
			p := w.opens(s, "/live")
			for n := 10; n < 13; n++ { // the hour's allowance
				p.tells(ofType("row", fmt.Sprintf("p%d", n)))
				p.hears()
			}
			kind := websocket.MessageText
			text, binary := strings.CutPrefix(test.sent, "\x00")
			if binary {
				kind = websocket.MessageBinary
			}
			_ = p.conn.Write(t.Context(), kind, []byte(text))
			_ = p.conn.Write(t.Context(), websocket.MessageText, []byte(`{"type":"hello","page":"after"}`))
			got := p.hears()
			if last := w.last(); got != fmt.Sprintf("closed 1008 %v; Poterne-Receipt %d", test.why, last.Receipt) || last.Why != test.why || last.Verdict.Shows() {
				t.Errorf("%q, and the ledger ends with %v %v on %s, receipt %d", got, last.Verdict, last.Why, last.Route, last.Receipt)
			}
			if code := <-s.ended; code != websocket.StatusGoingAway || len(s.heard) != 0 {
				t.Errorf("the application is told %v, and heard %d messages", code, len(s.heard))
			}
			w.closes([]httpgate.Outcome{httpgate.Refused})
		})
	}
}

// A handshake is refused, and the application hears nothing of it, where it comes from another site's page, can be read
// in two ways, or offers what is not declared.
//
// Promises: SCOPE-1, SCOPE-9
func TestSCOPE_1_AHandshakeIsReadInOneWay(t *testing.T) {
	w := newWorld(t, live(), list())
	s := w.speaks()
	key := "AAAAAAAAAAAAAAAAAAAAAA=="
	good := func() http.Header {
		return http.Header{"Origin": {w.front.URL}, "Connection": {"keep-alive, Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {key}}
	}
	for sentence, test := range map[string]struct {
		path string
		with http.Header
		why  policy.Why // 0 for another site
	}{
		"another site":              {"/live", http.Header{"Origin": {"https://evil.example"}}, 0},
		"a site that is in it":      {"/live", http.Header{"Origin": {w.front.URL + ".evil.example"}}, 0},
		"another scheme":            {"/live", http.Header{"Origin": {strings.Replace(w.front.URL, "http:", "https:", 1)}}, 0},
		"no page":                   {"/live", http.Header{"Origin": nil}, 0},
		"an opaque page":            {"/live", http.Header{"Origin": {"null"}}, 0},
		"two sites":                 {"/live", http.Header{"Origin": {w.front.URL, "https://evil.example"}}, 0},
		"a protocol not declared":   {"/live", http.Header{"Sec-Websocket-Protocol": {"town.v1, p20"}}, policy.UndeclaredParameter},
		"a protocol in two headers": {"/live", http.Header{"Sec-Websocket-Protocol": {"town.v1", "p20"}}, policy.UndeclaredParameter},
		"a parameter":               {"/live?who=p20", nil, policy.UndeclaredParameter},
		"another protocol":          {"/live", http.Header{"Upgrade": {"h2c"}, "Http2-Settings": {"AAMAAABkAAQAoAAAAAIAAAAA"}}, policy.RequestUnreadable},
		"two protocols":             {"/live", http.Header{"Upgrade": {"websocket, h2c"}}, policy.RequestUnreadable},
		"two upgrades":              {"/live", http.Header{"Upgrade": {"websocket", "h2c"}}, policy.RequestUnreadable},
		"no connection":             {"/live", http.Header{"Connection": {"close"}}, policy.RequestUnreadable},
		"no upgrade":                {"/live", http.Header{"Upgrade": nil}, policy.RequestUnreadable},
		"another version":           {"/live", http.Header{"Sec-Websocket-Version": {"8"}}, policy.RequestUnreadable},
		"two keys":                  {"/live", http.Header{"Sec-Websocket-Key": {key, key}}, policy.RequestUnreadable},
		"a short key":               {"/live", http.Header{"Sec-Websocket-Key": {"AAAA"}}, policy.RequestUnreadable},
		"on another route":          {"/list", nil, policy.RequestUnreadable},
		"where nothing is":          {"/nothing", nil, policy.NotDeclared},
	} {
		t.Run(sentence, func(t *testing.T) {
			r := w.request("GET", test.path, "")
			r.Header = good()
			for name, values := range test.with {
				r.Header[name] = values
			}
			asked := httptest.NewRequest("GET", w.front.URL+"/dossier"+test.path, nil)
			asked.Header = r.Header
			if w.proxy.Opens(asked) != (strings.Contains(sentence, "not declared") || sentence == "a protocol in two headers") { // which its own page asks for
				t.Errorf("whether its page opens it: %v", w.proxy.Opens(asked))
			}
			g := w.do(r)
			if test.why == 0 {
				w.failed(g, fault.Refused, policy.OtherSite)
			} else {
				w.refused(g, test.why)
			}
		})
	}
	opening := httptest.NewRequest("GET", w.front.URL+"/dossier/live", nil)
	if opening.Header = good(); !w.proxy.Opens(opening) {
		t.Error("its own page does not open it")
	}
	body := w.request("GET", "/live", "p20")
	body.Header = good()
	w.refused(w.do(body), policy.RequestUnreadable)
	post := w.request("POST", "/live", "")
	post.Header = good()
	w.refused(w.do(post), policy.UndeclaredMethod)
	head := w.request("HEAD", "/live", "")
	head.Header = good()
	if g := w.do(head); g.status != http.StatusForbidden {
		t.Errorf("HEAD: %v", g)
	}
	nobody := w.request("GET", "/live", "")
	nobody.Header = good()
	nobody.Header.Set("Test-Nobody", "1")
	if g := w.do(nobody); g.status != http.StatusUnauthorized {
		t.Errorf("nobody: %v", g)
	}
	if w.times() != 0 || len(s.conns) != 0 {
		t.Error("the application was asked")
	}
	declared := live()
	declared.Socket.Origins = []string{"https://other.example"}
	w.remake(w.dependencies(t), declared)
	conn, _, err := w.dial("/live", http.Header{"Origin": {"https://other.example"}})
	if err != nil {
		t.Fatalf("a page that is declared: %v", err)
	}
	_ = conn.CloseNow()
}

// An application that does not take a handshake, or answers otherwise, opens nothing.
//
// Promise: SCOPE-9
func TestSCOPE_9_AnApplicationThatTakesNoHandshakeOpensNothing(t *testing.T) {
	w := newWorld(t, live(), list())
	handshake := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	for sentence, test := range map[string]struct {
		says   string
		status int
	}{
		"a page":                        {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n‹p1›", 403},
		"a redirection":                 {"HTTP/1.1 302 Found\r\nLocation: /p1\r\nContent-Length: 0\r\n\r\n", 403},
		"an error":                      {"HTTP/1.1 500 Oh\r\nContent-Length: 4\r\n\r\n‹p1›", 502},
		"a key of its own":              {handshake + "Sec-WebSocket-Accept: ‹p1›\r\n\r\n", 403},
		"no key":                        {handshake + "\r\n", 403},
		"a protocol nobody offered":     {handshake + "Sec-WebSocket-Accept: KEY\r\nSec-WebSocket-Protocol: p1\r\n\r\n", 403},
		"an extension nobody offered":   {handshake + "Sec-WebSocket-Accept: KEY\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", 403},
		"frames in place of a response": {"\x81\x02p1", 502},
		"a response, then a handshake":  {"HTTP/1.1 204 No Content\r\n\r\n" + handshake + "Sec-WebSocket-Accept: KEY\r\n\r\n", 403},
		"nothing":                       {"", 502},
	} {
		t.Run(sentence, func(t *testing.T) {
			w.app = func(rw http.ResponseWriter, r *http.Request) {
				conn, _, err := http.NewResponseController(rw).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				_, _ = conn.Write([]byte(strings.ReplaceAll(test.says, "KEY", acceptKey(r.Header.Get("Sec-Websocket-Key")))))
			}
			conn, answer, err := w.dial("/live", nil)
			if err == nil {
				_ = conn.CloseNow()
				t.Fatal("it is open")
			}
			if answer == nil || answer.StatusCode != test.status {
				t.Errorf("%v: %v", answer, err)
			}
		})
	}
	w.app = func(rw http.ResponseWriter, r *http.Request) { // a handshake is taken that was never asked for
		conn, _, _ := http.NewResponseController(rw).Hijack()
		defer conn.Close()
		_, _ = conn.Write([]byte(handshake + "\r\n\x81\x02p1"))
	}
	w.refused(w.get("/list"), policy.NotUnderstood)
}

// An order ends a WebSocket at once, whoever waits for whom; so do the end of the session and the program's leaving. An
// order's refusal is written.
//
// Promises: ACT-5, ENTRY-11
func TestACT_5_AWebSocketEndsWithWhatLetItOpen(t *testing.T) {
	suspends := func(w *world) {
		if _, err := w.gate.Place(w.t.Context(), order.Order{Reach: order.Account, Target: string(account), Effect: order.Suspended, By: "desk"}); err != nil {
			w.t.Error(err)
		}
	}
	over := fmt.Errorf("over: %w", &fault.Error{Kind: fault.Anonymous})
	for sentence, test := range map[string]struct {
		happens func(w *world, session *error, leaving chan struct{})
		then    string // what finds it out: nothing, the application's message or the page's
		why     policy.Why
		told    string
		became  httpgate.Outcome
	}{
		"an order":                       {func(w *world, _ *error, _ chan struct{}) { suspends(w) }, "", policy.Suspended, "closed 1008 suspended; Poterne-Receipt ", httpgate.Refused},
		"an order, and the page speaks":  {func(w *world, _ *error, _ chan struct{}) { suspends(w) }, "page", policy.Suspended, "closed 1008 suspended; Poterne-Receipt ", httpgate.Refused},
		"the session's end":              {func(_ *world, session *error, _ chan struct{}) { *session = over }, "", 0, "closed 3000 signed out", httpgate.Anonymous},
		"its end, and a message":         {func(_ *world, session *error, _ chan struct{}) { *session = over }, "application", 0, "closed 3000 signed out", httpgate.Anonymous},
		"its end, and the page's":        {func(_ *world, session *error, _ chan struct{}) { *session = over }, "page", 0, "closed 3000 signed out", httpgate.Anonymous},
		"a store that does not answer":   {func(_ *world, session *error, _ chan struct{}) { *session = errors.New("away") }, "", 0, "closed 1011 ", httpgate.Failed},
		"the program leaves, or reloads": {func(_ *world, _ *error, leaving chan struct{}) { close(leaving) }, "", 0, "closed 1012 ", httpgate.Shown},
	} {
		t.Run(sentence, func(t *testing.T) {
			w := newWorld(t, live())
			var mu sync.Mutex
			var session error
			leaving := make(chan struct{})
			d := w.dependencies(t)
			d.Leaving = leaving
			d.Still = func(context.Context, signin.Session) error {
				mu.Lock()
				defer mu.Unlock()
				return session
			}
			w.remake(d, live())
			if test.then == "" {
				w.proxy.Looks(10 * time.Millisecond)
			}
			s := w.speaks()
			p := w.opens(s, "/live")
			p.tells(ofType("row", "p1"))
			if got := p.hears(); len(shown(got)) != 1 {
				t.Fatal(got)
			}
			before := len(w.entries())
			mu.Lock()
			test.happens(w, &session, leaving)
			mu.Unlock()
			switch test.then {
			case "application":
				_ = p.app.Write(t.Context(), websocket.MessageText, []byte(ofType("row", "p2")))
			case "page":
				_ = p.conn.Write(t.Context(), websocket.MessageText, []byte(`{"type":"follow","id":"p2"}`))
			}
			if got := p.hears(); !strings.HasPrefix(got, test.told) {
				t.Errorf("it ends with %q", got)
			}
			<-s.ended
			if len(s.heard) != 0 {
				t.Errorf("the application heard %q", <-s.heard)
			}
			w.closes([]httpgate.Outcome{test.became})
			written := slices.DeleteFunc(w.entries()[before:], func(e ledger.Entry) bool { return e.Kind != ledger.Attempted && e.Kind != ledger.Consulted })
			if test.why != 0 && (len(written) != 1 || written[0].Why != test.why) || test.why == 0 && len(written) != 0 {
				t.Errorf("written %+v", written)
			}
		})
	}
}

// acceptKey is what a server makes of a handshake's key.
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// frame is one of a page's: masked, unless it is of an impostor.
func frame(first byte, masked bool, text string) []byte {
	f := []byte{first}
	switch n := len(text); {
	case n < 126:
		f = append(f, byte(n))
	default:
		f = append(f, 126, byte(n>>8), byte(n))
	}
	if !masked {
		return append(f, text...)
	}
	f[1] |= 0x80
	return append(append(f, 0, 0, 0, 0), text...) // a mask of zeros
}

// However a page cuts its messages into frames, the application hears whole ones that were decided, or nothing; what is no
// frame of a page, what follows a closing, and what control frames say reaches nobody.
//
// Promises: SCOPE-1, SCOPE-9
func TestSCOPE_1_FramesThatAreNoMessageReachNobody(t *testing.T) {
	const hello = `{"type":"hello","page":"1"}`
	whole := frame(0x81, true, hello)
	join := func(frames ...[]byte) []byte { return slices.Concat(frames...) }
	for sentence, test := range map[string]struct {
		sent  []byte
		heard int
	}{
		"one frame":                          {whole, 1},
		"three frames":                       {join(frame(0x01, true, hello[:5]), frame(0x00, true, hello[5:9]), frame(0x80, true, hello[9:])), 1},
		"a ping among them":                  {join(frame(0x01, true, hello[:5]), frame(0x89, true, "p20"), frame(0x80, true, hello[5:])), 1},
		"a pong nobody asked for":            {join(frame(0x8a, true, "p20"), whole), 1},
		"two messages in one write":          {join(whole, frame(0x81, true, "\u2665")), 2},
		"a second message within one":        {join(frame(0x01, true, hello[:5]), whole), 0},
		"a continuation of nothing":          {frame(0x80, true, hello), 0},
		"without a mask":                     {frame(0x81, false, hello), 0},
		"with an extension":                  {frame(0xc1, true, hello), 0},
		"of a kind that is reserved":         {frame(0x83, true, hello), 0},
		"a ping that is too long":            {frame(0x89, true, strings.Repeat("x", 126)), 0},
		"a ping in two frames":               {frame(0x09, true, "x"), 0},
		"after a closing":                    {join(frame(0x88, true, "\x03\xe8"), whole), 0},
		"a closing with a reason":            {join(frame(0x88, true, "\x0f\xa1p20"), whole), 0},
		"a closing of one byte":              {join(frame(0x88, true, "\x03"), whole), 0},
		"another request in place of frames": {[]byte("GET /dossier/list HTTP/1.1\r\nHost: x\r\n\r\n"), 0},
	} {
		t.Run(sentence, func(t *testing.T) {
			w := newWorld(t, live())
			s := w.speaks()
			conn, err := net.Dial("tcp", strings.TrimPrefix(w.front.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "GET /dossier/live HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", strings.TrimPrefix(w.front.URL, "http://"), w.front.URL)
			_, _ = conn.Write(test.sent) // before it was answered
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil || answer.StatusCode != http.StatusSwitchingProtocols || answer.Header.Get("Sec-Websocket-Extensions") != "" || answer.Header.Get("Sec-Websocket-Accept") != acceptKey("AAAAAAAAAAAAAAAAAAAAAA==") {
				t.Fatalf("%v: %v", answer, err)
			}
			for range test.heard {
				if got := <-s.heard; got != hello && got != "\u2665" {
					t.Errorf("the application hears %q", got)
				}
			}
			if test.heard > 0 {
				_ = conn.Close()
			}
			<-s.ended
			if len(s.heard) != 0 {
				t.Errorf("the application hears %q", <-s.heard)
			}
			w.closes([]httpgate.Outcome{httpgate.Plain})
		})
	}
}

// Whoever does not read holds one message, and not for ever; an order does not wait for them.
//
// Promises: SCOPE-9, ACT-5
func TestSCOPE_9_WhoDoesNotReadAWebSocketHoldsOneMessage(t *testing.T) {
	for _, how := range []string{"timeout", "order"} {
		t.Run(how, func(t *testing.T) {
			w := newWorld(t)
			service := w.service(live())
			service.Largest = 1 << 20
			if service.Timeout = 300 * time.Millisecond; how == "order" {
				service.Timeout = time.Hour
			}
			var err error
			if w.proxy, err = httpgate.New([]httpgate.Service{service}, w.dependencies(t)); err != nil {
				t.Fatal(err)
			}
			s := w.speaks()
			p := w.opens(s, "/live")
			text := `{"type":"status","status":"` + strings.Repeat("x", 500<<10) + `"}`
			gone := make(chan struct{})
			go func() {
				defer close(gone)
				for p.app.Write(t.Context(), websocket.MessageText, []byte(text)) == nil {
				}
			}()
			for held := int64(0); how == "order" && held == 0; held = httpgate.Reading - w.proxy.LeftToRead() {
				time.Sleep(time.Millisecond)
			}
			if held := httpgate.Reading - w.proxy.LeftToRead(); held > 4<<20 {
				t.Errorf("%d bytes are held of one WebSocket", held)
			}
			if how == "order" {
				time.Sleep(200 * time.Millisecond) // until what lies between the two is full
				if _, err := w.gate.Place(t.Context(), order.Order{Reach: order.Account, Target: string(account), Effect: order.Suspended, By: "desk"}); err != nil {
					t.Fatal(err)
				}
			}
			<-gone
			want := httpgate.Plain
			if how == "order" {
				want = httpgate.Refused
			}
			w.closes([]httpgate.Outcome{want})
		})
	}
}

// Whom the handshake's address names is in each message, both ways, and in the opening; a stranger too many opens nothing.
//
// Promise: SCOPE-9
func TestSCOPE_9_WhomAHandshakeNamesIsInEachMessage(t *testing.T) {
	route := live()
	route.Path, route.Shows = "/live/{id}", register.Note
	route.Request = []httpgate.Naming{{In: httpgate.InPath, Name: "id", Scheme: "dossier"}}
	w := newWorld(t, route)
	s := w.speaks()
	p := w.opens(s, "/live/p1")
	for _, text := range []string{`{"type":"tick"}`, "♥", ofType("row", "p2")} {
		p.tells(text)
		p.hears()
	}
	p.asks(`{"type":"hello","page":"1"}`)
	<-s.heard
	of := make(map[register.PersonID]int)
	for _, e := range w.entries() {
		if e.Disclosed() {
			of[e.Person]++
		}
	}
	if of[w.key.Person("p1")] != 5 || of[w.key.Person("p2")] != 1 {
		t.Errorf("written %d and %d times", of[w.key.Person("p1")], of[w.key.Person("p2")])
	}
	for n := 10; n < 13; n++ {
		_ = w.opens(s, fmt.Sprintf("/live/p%d", n)).conn.CloseNow()
	}
	asked := w.times()
	if _, answer, err := w.dial("/live/p13", nil); err == nil || answer == nil || answer.StatusCode != http.StatusForbidden || w.last().Why != policy.ShortEmpty || w.times() != asked {
		t.Errorf("%v, %v: %v", answer, err, w.last())
	}
}

// What nobody declared of a WebSocket leaves its shape, from which it is drafted, and no value.
//
// Promise: RUN-9
func TestRUN_9_AWebSocketIsDraftedFromWhatWasRefused(t *testing.T) {
	bare := live()
	bare.Path, bare.Socket = "/messages", &httpgate.Socket{Type: []string{"$.type"}}
	bare.Kind = httpgate.Page
	w, book := seeing(t, true, bare)
	s := w.speaks()
	if _, answer, err := w.dial("/users/4711/live?page=2", nil, "p20"); err == nil || answer.StatusCode != http.StatusForbidden || w.times() != 0 {
		t.Errorf("%v: %v; the application was asked %d times", answer, err, w.times())
	}
	p := w.opens(s, "/messages")
	p.tells(`{"type":"person","id":"4711","name":"Elsa Fourcade","phone":"0199001234"}`)
	p.hears()
	p = w.opens(s, "/messages")
	p.asks(`{"type":"note","id":"4711","text":"Elsa Fourcade called","page":"2"}`)
	p.hears()
	p = w.opens(s, "/messages")
	p.tells(`{"type":"elsafourcade","page":2}`)
	p.hears()
	kept, err := json.Marshal(book.Shapes("dossier"))
	if err != nil {
		t.Fatal(err)
	}
	draft := shape.Draft(book.Shapes("dossier"), nil, "dossier")
	for _, value := range []string{"4711", "lsa", "ourcade", "0199", "p20"} {
		if strings.Contains(string(kept), value) || strings.Contains(draft, value) {
			t.Errorf("%q is kept: %s\n%s", value, kept, draft)
		}
	}
	for _, want := range []string{
		"get = \"/users/{id}/live\"", "# A page opens a WebSocket here", "[service.route.websocket]\ntype = \"$.type\"",
		"[[service.route.websocket.sends.person.people]]\nrow = \"$\"\nperson = { dossier = \"@.id\" }\n", "fields.name = \"@.name\"\nfields.contact = \"@.phone\"",
		"[service.route.websocket.takes.note]", "a type that is no plain word",
	} {
		if !strings.Contains(draft, want) {
			t.Errorf("%s is not in the draft:\n%s", want, draft)
		}
	}
	var read map[string]any
	if err := toml.Unmarshal([]byte(draft), &read); err != nil {
		t.Errorf("%v in\n%s", err, draft)
	}
}

// What a declaration of a WebSocket could leave open is complained of.
//
// Promise: SCOPE-1
func TestSCOPE_1_AWebSocketIsDeclaredInOneWay(t *testing.T) {
	w := newWorld(t)
	for want, spoil := range map[string]func(r *httpgate.Route){
		"is opened by GET":          func(r *httpgate.Route) { r.Methods = []string{"POST"} },
		"leave out what is said":    func(r *httpgate.Route) { r.Answers = []httpgate.Answer{{Layout: manyFiles}} },
		"leave out what is said of": func(r *httpgate.Route) { r.Export = true },
		"a handshake has no body": func(r *httpgate.Route) {
			r.Request = []httpgate.Naming{{In: httpgate.InForm, Name: "id", Scheme: "dossier"}}
		},
		"the origins of pages":           func(r *httpgate.Route) { r.Socket.Origins = []string{"https://*.example"} },
		"a subprotocol is one word":      func(r *httpgate.Route) { r.Socket.Protocols = []string{"a, b"} },
		"write numbers of 3001":          func(r *httpgate.Route) { r.Socket.Codes = []int{1008} },
		"not the path of one member":     func(r *httpgate.Route) { r.Socket.Type = []string{"$..type"} },
		"tells messages of several":      func(r *httpgate.Route) { r.Socket.Type = nil },
		"comes twice":                    func(r *httpgate.Route) { r.Socket.Takes = append(r.Socket.Takes, r.Socket.Takes[0]) },
		"is not declared; write [regist": func(r *httpgate.Route) { r.Socket.Takes[1].Request[0].Scheme = "unknown" },
		"say with shows":                 func(r *httpgate.Route) { r.Socket.Takes[1].Shows = 0 },
		"declare a route of people":      func(r *httpgate.Route) { r.Kind = httpgate.Page },
		"by their paths, such as $.id":   func(r *httpgate.Route) { r.Socket.Takes[1].Request[0].In = httpgate.InQuery },
		"for the method":                 func(r *httpgate.Route) { r.Socket.Takes[0].Members = []string{"$._method"} },
		"it changes nothing: leave":      func(r *httpgate.Route) { r.Socket.Takes[1].Partial = true },
		"it is said of what is asked":    func(r *httpgate.Route) { r.Waits = time.Minute },
	} {
		r := live()
		spoil(&r)
		if err := httpgate.Check([]httpgate.Service{w.service(r)}, schemes, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no complaint %q: %v", want, err)
		}
	}
}

// A message that is cut off reaches nobody, though what came of it could be read.
//
// Promise: SCOPE-9
func TestSCOPE_9_AMessageThatIsCutOffReachesNobody(t *testing.T) {
	w := newWorld(t, live())
	w.app = func(rw http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", acceptKey(r.Header.Get("Sec-Websocket-Key")))
		_, _ = conn.Write(frame(0x01, false, `{"type":"tick"}`)) // not the last of its frames
	}
	conn, _, err := w.dial("/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &page{w: w, conn: conn}
	if got := p.hears(); got != "closed 1011 " {
		t.Errorf("the page hears %q", got)
	}
	w.closes([]httpgate.Outcome{httpgate.Plain})
}
