package httpgate_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/pelletier/go-toml/v2"

	"poterne/internal/gate/httpgate"
	"poterne/internal/gate/shape"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/signin"
)

// packets is a WebSocket whose messages are packets of socket.io, which a page may poll for as well.
func packets() httpgate.Route {
	route := live()
	row := onePerson
	row.People = slices.Clone(onePerson.People)
	row.People[0].Person = slices.Clone(onePerson.People[0].Person)
	row.People[0].Person[0].Path = "@[1].id"
	row.People[0].Fields = slices.Clone(onePerson.People[0].Fields)
	row.People[0].Fields[0].Path, row.People[0].Fields[1].Path = "@[1].name", "@[1].phone"
	opening := nobodyInIt
	opening.Plain = []string{"$.sid"}
	route.Methods = []string{"GET"}
	route.Query, route.Only = []string{"transport", "sid"}, []httpgate.Choice{{Name: "transport", Texts: []string{"polling|websocket"}}}
	route.Socket = &httpgate.Socket{
		Prefixes: []string{"0", "40", "42", "42/desk,"}, Type: []string{"$[0]"}, Words: []string{"2", "3", "6", "40", "2probe", "3probe", "5"}, Polling: true,
		Sends: []httpgate.Event{{Name: "0", Layout: opening}, {Name: "40", Layout: opening}, {Name: "42 row", Layout: row}, {Name: "42/desk, tick"}},
		Takes: []httpgate.Message{
			{Name: "42 follow", Request: []httpgate.Naming{{In: httpgate.InJSON, Name: "$[1].id", Scheme: "dossier"}}, Reads: true, Shows: register.Name},
			{Name: "42 note", Request: []httpgate.Naming{{In: httpgate.InJSON, Name: "$[1].id", Scheme: "dossier"}}, Written: []httpgate.Writing{{Name: "$[1].text", Field: register.Note}}},
			{Name: "42 hello", Reads: true},
		},
	}
	return route
}

func packet(who string) string {
	return fmt.Sprintf(`42["row",{"id":%q,"name":"‹%s›","nir":"9 99 99"}]`, who, who)
}

// What stands before the JSON of a message is part of its type, word for word, both ways; each message is decided by
// itself.
//
// Promises: LEDGER-1, SCOPE-1, SCOPE-9
func TestSCOPE_9_WhatStandsBeforeAMessageIsItsType(t *testing.T) {
	w := newWorldUnder(t, rules, packets())
	s := w.speaks()
	p := w.opens(s, "/live?transport=websocket")
	for _, test := range []struct{ sent, want string }{
		{`0{"sid":"abc","who":"‹p20›"}`, `0{"sid":"abc"}`},
		{`40{"sid":"def"}`, `40{"sid":"def"}`},
		{"3probe", "3probe"},
		{packet("p1"), `42["row",{"name":"‹p1›"}]`},
		{packet("p10"), `42["row",{"name":"‹p10›"}]`},
		{`42/desk,["tick",{"who":"‹p20›"}]`, `42/desk,["tick",null]`},
	} {
		p.tells(test.sent)
		if got := p.hears(); got != test.want {
			t.Fatalf("%s came as %q", test.sent, got)
		}
	}
	for _, text := range []string{"2", "40", `42["hello"]`, `42["follow",{"id":"p2"}]`, `42["note",{"id":"p3","text":"called"}]`} {
		p.asks(text)
		if got := <-s.heard; got != text {
			t.Errorf("%s is heard as %s", text, got)
		}
	}
	if last := w.last(); last.Route != "GET /live 42 note" || last.Kind != ledger.Changed || last.Person != w.key.Person("p3") {
		t.Errorf("written: %+v", last)
	}
	_ = p.conn.CloseNow()
	<-s.ended

	for sentence, test := range map[string]struct {
		sent string
		why  policy.Why
	}{
		"another prefix":                       {`43["follow",{"id":"p1"}]`, policy.UndeclaredBody},
		"a question that is numbered":          {`421["follow",{"id":"p1"}]`, policy.UndeclaredBody},
		"attachments that are binary":          {`451-["follow",{"id":"p1"}]`, policy.UndeclaredBody},
		"another namespace":                    {`42/other,["follow",{"id":"p1"}]`, policy.UndeclaredBody},
		"a declared type of another namespace": {`42/desk,["follow",{"id":"p1"}]`, policy.UndeclaredBody},
		"no prefix":                            {`["follow",{"id":"p1"}]`, policy.UndeclaredBody},
		"a space before the prefix":            {` 42["follow",{"id":"p1"}]`, policy.UndeclaredBody},
		"a space after the prefix":             {`42 ["follow",{"id":"p1"}]`, policy.UndeclaredBody},
		"the prefix twice":                     {`4242["follow",{"id":"p1"}]`, policy.UndeclaredBody},
		"a prefix with nothing after it":       {`42`, policy.RequestUnreadable},
		"a number after it":                    {`427`, policy.UndeclaredBody},
		"two messages in one":                  {`42["hello"]` + "\x1e" + `42["hello"]`, policy.RequestUnreadable},
		"a type that is no text":               {`42[["follow"],{"id":"p1"}]`, policy.UndeclaredBody},
		"a type with a space in it":            {`42["hello x"]`, policy.UndeclaredBody},
		"an object in place of a list":         {`42{"0":"follow","1":{"id":"p1"}}`, policy.UndeclaredBody},
		"a second person behind":               {`42["follow",{"id":"p1"},{"id":"p20"}]`, policy.UndeclaredField},
		"a second person within":               {`42["follow",{"id":"p1","also":"p20"}]`, policy.UndeclaredField},
		"nobody":                               {`42["follow"]`, policy.Unnamed},
		"a list of people":                     {`42["follow",[{"id":"p1"}]]`, policy.Unnamed},
		"a change that names nobody":           {`42["note",{"text":"x"}]`, policy.Unnamed},
	} {
		t.Run(sentence, func(t *testing.T) {
			w := newWorld(t, packets())
			s := w.speaks()
			p := w.opens(s, "/live?transport=websocket")
			p.asks(test.sent)
			if got, last := p.hears(), w.last(); got != fmt.Sprintf("closed 1008 %v; Poterne-Receipt %d", test.why, last.Receipt) {
				t.Errorf("%q", got)
			}
			if <-s.ended; len(s.heard) > 0 {
				t.Errorf("the application hears %q", <-s.heard)
			}
		})
	}
	for sentence, sent := range map[string]string{
		"another prefix": `43["row",{"id":"p1"}]`, "another type": `42["other",{"id":"p1"}]`, "a number that counts": `4299["row",{"id":"p1","name":"x"}]`, "a prefix alone": "0", "no JSON": "42[",
	} {
		t.Run("the application: "+sentence, func(t *testing.T) {
			w := newWorld(t, packets())
			s := w.speaks()
			p := w.opens(s, "/live?transport=websocket")
			p.tells(sent)
			if got := p.hears(); !strings.HasPrefix(got, "closed 1008 ") || strings.Contains(got, "99") {
				t.Errorf("%q", got)
			}
		})
	}
}

// polled is an application that is polled: what it has to say, and what it heard.
type polled struct {
	says  chan string
	heard chan string
}

func (w *world) isPolled() *polled {
	a := &polled{make(chan string, 64), make(chan string, 64)}
	w.app = func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			text, _ := io.ReadAll(r.Body)
			a.heard <- string(text)
			rw.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(rw, "ok")
			return
		}
		rw.Header().Set("Content-Type", "text/plain; charset=UTF-8")
		_, _ = io.WriteString(rw, <-a.says)
	}
	return a
}

// pageSays has a page say something by polling.
func (w *world) pageSays(body string) got {
	return w.post("/live?transport=polling&sid=abc", "text/plain;charset=UTF-8", body)
}

// A page that polls is answered with the messages that it would be sent by a WebSocket, and what it says is decided
// as there.
//
// Promises: LEDGER-1, LEDGER-2, SCOPE-1, SCOPE-9
func TestLEDGER_1_EachMessageThatIsPolledForIsDecidedAndWritten(t *testing.T) {
	w := newWorldUnder(t, rules, packets())
	a := w.isPolled()
	for n, test := range []struct{ sent, want string }{
		{`0{"sid":"abc","upgrades":["websocket"]}`, `0{"sid":"abc"}`},
		{`40{"sid":"def"}` + "\x1e" + packet("p1") + "\x1e" + packet("p10") + "\x1e2", `40{"sid":"def"}` + "\x1e" + `42["row",{"name":"‹p1›"}]` + "\x1e" + `42["row",{"name":"‹p10›"}]` + "\x1e2"},
		{packet("p11") + "\x1e" + packet("p12") + "\x1e" + packet("p13"), `42["row",{"name":"‹p11›"}]` + "\x1e" + `42["row",{"name":"‹p12›"}]`},
		{packet("p14"), "6"},
		{"6", "6"},
	} {
		a.says <- test.sent
		before := len(w.entries())
		got := w.get("/live?transport=polling&sid=abc")
		if got.status != http.StatusOK || got.body != test.want || !strings.HasPrefix(got.header.Get("Content-Type"), "text/plain") {
			t.Fatalf("poll %d is answered with %d %q", n, got.status, got.body)
		}
		if written, people := len(w.entries()[before:]), strings.Count(test.sent, `"id":"p`); written != people+1 { // the poll is written as well
			t.Errorf("poll %d left %d entries", n, written)
		}
	}
	var cost meter.Cost
	for _, e := range w.entries() {
		cost += e.Cost
	}
	if cost != meter.People(3) {
		t.Errorf("charged %v", cost)
	}
	for _, text := range []string{"40", `42["hello"]` + "\x1e" + `42["follow",{"id":"p2"}]`, `42["note",{"id":"p3","text":"called"}]`} {
		if got := w.pageSays(text); got.status != http.StatusOK || got.body != "ok" || <-a.heard != text {
			t.Errorf("%s is answered with %d %q", text, got.status, got.body)
		}
	}
	if last := w.last(); last.Route != "POST /live 42 note" || last.Kind != ledger.Changed || last.Person != w.key.Person("p3") {
		t.Errorf("written: %+v", last)
	}
}

// What is not declared, or not understood, of what is polled reaches nobody, with whatever stood beside it.
//
// Promises: SCOPE-1, SCOPE-9, ACT-5
func TestSCOPE_9_WhatIsNotUnderstoodOfWhatIsPolledReachesNobody(t *testing.T) {
	for sentence, sent := range map[string]string{
		"a type that is not declared, beside one that is": packet("p1") + "\x1e" + `42["other",{"id":"p1"}]`, "nothing": "", "an empty message": packet("p1") + "\x1e", "no packet": "<p>‹p1›</p>",
		"a binary packet": "bAAAA", "an older protocol": "14:" + packet("p1"), "too many": strings.Repeat("6\x1e", 1000) + "6",
	} {
		t.Run("the application says "+sentence, func(t *testing.T) {
			w := newWorld(t, packets())
			a := w.isPolled()
			a.says <- sent
			if got := w.get("/live?transport=polling"); got.status != http.StatusForbidden && got.status != http.StatusBadGateway || strings.Contains(got.body, "‹") {
				t.Errorf("answered with %d %s", got.status, got.body)
			}
			if last := w.last(); last.Verdict.Shows() {
				t.Errorf("written: %v", last)
			}
		})
	}
	for sentence, sent := range map[string]string{
		"a type that is not declared, beside one that is": `42["hello"]` + "\x1e" + `42["delete",{"id":"p1"}]`, "an empty message": `42["hello"]` + "\x1e", "a binary packet": "bAAAA", "an older protocol": "2:40",
		"somebody who is not named": `42["follow",{}]`, "nothing": "",
	} {
		t.Run("the page says "+sentence, func(t *testing.T) {
			w := newWorld(t, packets())
			a := w.isPolled()
			if got := w.pageSays(sent); got.status < 400 || len(a.heard) > 0 {
				t.Errorf("answered with %d, the application heard %d", got.status, len(a.heard))
			}
		})
	}
	t.Run("requests that are none", func(t *testing.T) {
		w := newWorld(t, packets())
		a := w.isPolled()
		for _, spoil := range []func(r *http.Request){
			func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }, func(r *http.Request) { r.Method = http.MethodPut },
			func(r *http.Request) { r.Header.Set("Upgrade", "h2c") }, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, func(r *http.Request) { r.Method = http.MethodHead },
			func(r *http.Request) { r.URL.RawQuery = "transport=flash" }, func(r *http.Request) { r.Method = http.MethodGet },
		} {
			r := w.request(http.MethodPost, "/live?transport=polling&sid=abc", "40")
			r.Header.Set("Content-Type", "text/plain")
			if spoil(r); w.do(r).status < 400 || len(a.heard) > 0 {
				t.Errorf("%s %s %v is passed on", r.Method, r.URL, r.Header)
			}
		}
	})
	t.Run("an answer to what is said", func(t *testing.T) {
		w := newWorld(t, packets())
		w.app = func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(rw, "ok ‹p1›")
		}
		if got := w.pageSays("40"); got.status < 400 || strings.Contains(got.body, "‹") {
			t.Errorf("answered with %d %s", got.status, got.body)
		}
	})
	t.Run("an order", func(t *testing.T) {
		w := newWorld(t, packets())
		a := w.isPolled()
		defer close(a.says)
		came := make(chan got)
		go func() { came <- w.get("/live?transport=polling&sid=abc") }()
		for w.times() == 0 {
			time.Sleep(time.Millisecond)
		}
		if _, err := w.gate.Place(t.Context(), order.Order{Reach: order.Account, Target: string(account), Effect: order.Suspended, By: "desk"}); err != nil {
			t.Fatal(err)
		}
		if got := <-came; got.status != http.StatusForbidden || w.last().Why != policy.Suspended {
			t.Errorf("answered with %d, %v", got.status, w.last())
		}
	})
}

// Where a page said by polling that something is to change, and the application does not answer that it heard, it is not known whether it did.
//
// Promise: LEDGER-1
func TestLEDGER_1_AChangeThatIsSaidByPollingMayHaveTakenPlace(t *testing.T) {
	w := newWorld(t, packets())
	for _, status := range []int{http.StatusInternalServerError, http.StatusServiceUnavailable} {
		w.app = func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(status) }
		for text, confirmed := range map[string]bool{`42["hello"]`: true, `42["note",{"id":"p3","text":"called"}]`: false, `42["note",{"id":"p3","text":"called"}]` + "\x1e" + `42["hello"]`: false} {
			if got := w.pageSays(text); got.status < 400 || strings.Contains(got.body, policy.NotConfirmed.String()) == confirmed {
				t.Errorf("%d to %s: %v", status, text, got)
			}
		}
	}
}

// A page that polls makes nobody forget which lists its account turns over.
//
// Promise: WATCH-9
func TestWATCH_9_PollingHidesNoSign(t *testing.T) {
	w := newWorldUnder(t, rules, packets(), list())
	for page := range 3 {
		w.says("application/json", sayAll("p1"))
		w.get(fmt.Sprint("/list?page=", page+1))
		if found := w.last().Signs&meter.NextPage != 0; found != (page > 0) {
			t.Errorf("page %d is the next one: %t", page+1, found)
		}
		w.says("text/plain; charset=utf-8", "6")
		for n := range 20 {
			if got := w.get(fmt.Sprintf("/live?transport=polling&sid=%d-%d", page, n)); got.status != http.StatusOK {
				t.Fatal(got)
			}
		}
	}
}

// Messages that are polled for take as much of what may be read at once as those of a WebSocket: they are read and copied.
//
// Promise: SCOPE-9
func TestSCOPE_9_WhatIsPolledForHasItsPlaceWhileItIsRead(t *testing.T) {
	w := newWorld(t, packets())
	a := w.isPolled()
	text, taken := packet("p1")+strings.Repeat("\x1e3", 500), int64(0)
	d := w.dependencies(t)
	d.Gate = meddling{Node: w.gate, settled: func(ask policy.Ask) {
		if len(ask.People) > 0 {
			taken = httpgate.Reading - w.proxy.LeftToRead()
		}
	}}
	w.remake(d, packets())
	a.says <- text
	if got := w.get("/live?transport=polling&sid=abc"); got.status != http.StatusOK {
		t.Fatal(got)
	}
	if most := 3 * int64(len(text)); taken != most {
		t.Errorf("%d bytes take %d while a message is decided", len(text), taken)
	}
	d.Reading = 2 * 64 << 10
	if _, err := httpgate.New([]httpgate.Service{w.service(packets())}, d); err == nil || !strings.Contains(err.Error(), "raise that, or lower largest") {
		t.Errorf("that the longest never fit: %v", err)
	}
}

// A page that polled goes on by a WebSocket at the same address, where the handshake is looked at as any.
//
// Promise: SCOPE-1
func TestSCOPE_1_WhoPolledOpensAWebSocketAsAnybodyDoes(t *testing.T) {
	w := newWorld(t, packets())
	s := w.speaks()
	p := w.opens(s, "/live?transport=websocket&sid=abc")
	p.asks("2probe")
	if got := <-s.heard; got != "2probe" {
		t.Errorf("%q", got)
	}
	if _, _, err := w.dial("/live?transport=websocket&sid=abc", http.Header{"Origin": {"https://evil.example"}}); err == nil {
		t.Error("another site's page opens it")
	}
	_ = p.conn.Close(websocket.StatusNormalClosure, "")
	<-s.ended
}

// Whoever has the number of somebody else's connection is decided as themselves: what is withheld from them, and what they
// may not say, is no more because the connection is another's.
//
// Promises: LEDGER-2, SCOPE-1
func TestSCOPE_1_WhoPollsOnAnothersConnectionIsThemselves(t *testing.T) {
	w := newWorldUnder(t, rules, packets())
	a := w.isPolled()
	a.says <- packet("p1")
	if got := w.get("/live?transport=polling&sid=abc"); !strings.Contains(got.body, "‹p1›") { // of her caseload
		t.Fatal(got)
	}
	d := w.dependencies(t)
	who := d.Who
	d.Who = func(rw http.ResponseWriter, r *http.Request) (signin.Session, error) {
		session, err := who(rw, r)
		session.Account = "another"
		return session, err
	}
	w.remake(d, packets())
	a.says <- packet("p1")
	if got := w.get("/live?transport=polling&sid=abc"); strings.Contains(got.body, "‹p1›") || w.last().Account != "another" {
		t.Errorf("%v; %+v", got, w.last())
	}
	if got := w.pageSays(`42["follow",{"id":"p1"}]`); got.status != http.StatusForbidden || len(a.heard) > 0 || w.last().Account != "another" {
		t.Errorf("%v; %+v", got, w.last())
	}
}

// A page that does nothing but ask for signs of life, and reads none, holds its place for a minute at most; an order ends it at
// once. However often an account opens WebSockets, it has so many, and each that ends makes room.
//
// Promises: SCOPE-9, ACT-5
func TestACT_5_FloodsAndStormsEndLikeAnyWebSocket(t *testing.T) {
	w := newWorld(t, live())
	s := w.speaks()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.front.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /dossier/live HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", strings.TrimPrefix(w.front.URL, "http://"), w.front.URL)
	<-s.conns
	pings := make(chan struct{})
	go func() {
		defer close(pings)
		for flood := slices.Repeat(frame(0x89, true, strings.Repeat("p", 125)), 100); ; {
			if _, err := conn.Write(flood); err != nil {
				return
			}
		}
	}()
	var open []*page
	for range httpgate.MostOfAccount - 1 {
		open = append(open, w.opens(s, "/live"))
	}
	asked := w.times()
	for range 50 {
		if _, answer, err := w.dial("/live", nil); err == nil || answer == nil || answer.StatusCode == http.StatusSwitchingProtocols {
			t.Fatalf("one more is opened: %v", answer)
		}
	}
	if w.times() != asked {
		t.Errorf("the application is asked %d times for what may not be opened", w.times()-asked)
	}
	for range 20 { // as fast as one goes, another comes
		_ = open[0].conn.CloseNow()
		<-s.ended
		open = append(open[1:], w.comesIn(s))
	}
	if _, err := w.gate.Place(t.Context(), order.Order{Reach: order.Account, Target: string(account), Effect: order.Suspended, By: "desk"}); err != nil {
		t.Fatal(err)
	}
	<-pings
	for _, p := range open {
		if got := p.hears(); !strings.HasPrefix(got, "closed 1008 suspended; ") {
			t.Errorf("ends with %q", got)
		}
	}
	if len(s.heard) > 0 {
		t.Errorf("the application hears %q", <-s.heard)
	}
}

// comesIn opens a WebSocket once there is room.
func (w *world) comesIn(s *speaker) *page {
	w.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if conn, answer, err := w.dial("/live", nil); err == nil {
			return &page{w, conn, answer, <-s.conns, s}
		}
	}
	w.t.Fatal("there is no room")
	return nil
}

// What stands before the JSON of a message that nobody declared is drafted where it is one digit or two; nothing longer is kept.
//
// Promise: RUN-9
func TestRUN_9_APrefixIsDraftedFromWhatWasRefused(t *testing.T) {
	bare := packets()
	bare.Path, bare.Kind, bare.Socket = "/messages", httpgate.Page, &httpgate.Socket{Type: []string{"$[0]"}, Prefixes: []string{"40"}, Polling: true}
	w, book := seeing(t, true, bare)
	s := w.speaks()
	for _, text := range []string{`42["person",{"id":"4711","name":"Elsa Fourcade"}]`, `0{"sid":"lsa4711","page":2}`, `424711["person",{"name":"Elsa Fourcade"}]`} {
		p := w.opens(s, "/messages?transport=websocket")
		p.tells(text)
		if got := p.hears(); !strings.HasPrefix(got, "closed 1008 ") {
			t.Fatalf("%q", got)
		}
	}
	p := w.opens(s, "/messages?transport=websocket")
	p.asks(`42["note",{"id":"4711","text":"Elsa Fourcade called"}]`)
	p.hears()
	kept, err := json.Marshal(book.Shapes("dossier"))
	if err != nil {
		t.Fatal(err)
	}
	draft := shape.Draft(book.Shapes("dossier"), nil, "dossier")
	for _, value := range []string{"4711", "lsa", "ourcade"} {
		if strings.Contains(string(kept), value) || strings.Contains(draft, value) {
			t.Errorf("%q is kept: %s\n%s", value, kept, draft)
		}
	}
	for _, want := range []string{`prefixes = ["0", "42"]`, `[[service.route.websocket.sends."42 person".people]]`, `[[service.route.websocket.sends."0".people]]`, `[service.route.websocket.takes."42 note"]`} {
		if !strings.Contains(draft, want) {
			t.Errorf("%s is not in the draft:\n%s", want, draft)
		}
	}
	var read map[string]any
	if err := toml.Unmarshal([]byte(draft), &read); err != nil {
		t.Errorf("%v in\n%s", err, draft)
	}
}

// An application that speaks socket.io is learnt from its first answer, before anything of it is declared: what the protocol has of its own is
// proposed behind a #, and what else comes in the same answer is seen as well. What is no session of its making is not among what is proposed, and no
// value is kept.
//
// Promise: RUN-9
func TestRUN_9_SocketIOIsDraftedFromItsFirstAnswer(t *testing.T) {
	w, book := seeing(t, true)
	const between = "\x1e"
	opening := `0{"sid":"jWpZ4711ElsaFourcade","upgrades":["websocket"],"pingInterval":25000,"owner":"Elsa Fourcade"}`
	w.app = func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/plain; charset=UTF-8")
		fmt.Fprint(rw, opening+between+`40{"sid":"elsa.fourcade@mail.example"}`+between+`42["person",{"id":"4711-01","name":"Elsa Fourcade"}]`+between+`42["elsafourcade",{"id":"4711-01"}]`+strings.Repeat(between+"2", 5000))
	}
	if got := w.get("/socket.io/?EIO=4&transport=polling&t=fourcade"); got.status != http.StatusForbidden || strings.Contains(got.body, "sid") {
		t.Errorf("%d %s", got.status, got.body)
	}
	draft := held(t, book, "4711", "lsa", "ourcade")
	for _, want := range []string{
		"get = \"/socket.io/\"", "\n# query = [\"EIO\", \"transport\", \"t\", \"sid\"]\n", "\nprefixes = [\"0\", \"40\", \"42\"]\n", "\ntype = \"$[0]\"\n", "\npolling = true", "\n# words = [",
		"[service.route.websocket.sends.\"0\"]\n#   $.owner: 1× what may be a person's name; not of the protocol; look at it\n", "# plain = [\"$.sid\", \"$.upgrades\", \"$.pingInterval\"]",
		"[service.route.websocket.sends.\"40\"]\n#   $.sid: 1× a mail address; not of the protocol; look at it\n",
		"[[service.route.websocket.sends.\"42 person\".people]]\nrow = \"$\"\nperson = { dossier = \"@[1].id\" }\nfields.name = \"@[1].name\"\n", "a type that is no plain word",
	} {
		if !strings.Contains(draft, want) {
			t.Errorf("%q is not in the draft:\n%s", want, draft)
		}
	}
	for line := range strings.Lines(draft) {
		if said, _, _ := strings.Cut(line, "#"); strings.Contains(said, "plain") || strings.Contains(said, "words") || strings.Contains(said, "query") {
			t.Errorf("the draft declares by itself: %s", line)
		}
	}
}

// Whoever adds the parameters of socket.io to another address changes nothing in what is learnt of it.
//
// Promise: RUN-9
func TestRUN_9_WhoCallsAnAddressSocketIODoesNotHideIt(t *testing.T) {
	w, book := seeing(t, true)
	w.app = func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		fmt.Fprint(rw, `[{"id":"4711-01","name":"Elsa Fourcade"}]`)
	}
	w.get("/people?EIO=4&transport=polling&sid=elsa.fourcade@mail.example")
	if draft := held(t, book, "4711", "lsa", "ourcade"); !strings.Contains(draft, "fields.name = \"@.name\"") || strings.Contains(draft, "websocket") {
		t.Errorf("the draft is\n%s", draft)
	}
	w.app = func(rw http.ResponseWriter, _ *http.Request) {}
	w.get("/socket.io/?EIO=4&transport=polling&sid=elsa.fourcade@mail.example")
	if draft := held(t, book, "4711", "lsa", "ourcade"); !strings.Contains(draft, "# query = [\"EIO\", \"transport\", \"t\"]\n") {
		t.Errorf("what names somebody is among the parameters of the protocol:\n%s", draft)
	}
}

// What comes in one text is seen although its first message is refused, but for what is declared.
//
// Promise: RUN-9
func TestRUN_9_WhatIsPolledWithARefusedMessageIsSeen(t *testing.T) {
	some := packets()
	some.Path, some.Kind, some.Query, some.Only, some.Request = "/messages", httpgate.Page, nil, nil, nil
	some.Socket = &httpgate.Socket{Type: []string{"$[0]"}, Prefixes: []string{"0", "42"}, Words: []string{"2"}, Polling: true, Sends: []httpgate.Event{{Name: "42 known"}}}
	w, book := seeing(t, true, some)
	w.app = func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/plain; charset=UTF-8")
		fmt.Fprint(rw, strings.Join([]string{"2", `42["news",{"id":"4711"}]`, "2", `42["known",{"id":"4711"}]`, `42["person",{"name":"Elsa Fourcade"}]`}, "\x1e"))
	}
	if got := w.get("/messages"); got.status < http.StatusBadRequest || strings.Contains(got.body, "42") {
		t.Errorf("%d %s", got.status, got.body)
	}
	draft := held(t, book, "4711", "lsa", "ourcade")
	if !strings.Contains(draft, `"42 news"`) || !strings.Contains(draft, `"42 person"`) || strings.Contains(draft, "known\"") {
		t.Errorf("the draft is\n%s", draft)
	}
}

// held is the draft of what was seen of the service, in which no value is, nor in what is kept.
func held(t *testing.T, book *shape.Book, values ...string) (draft string) {
	t.Helper()
	kept, err := json.Marshal(book.Shapes("dossier"))
	if err != nil {
		t.Fatal(err)
	}
	draft = shape.Draft(book.Shapes("dossier"), nil, "dossier")
	for _, value := range values {
		if strings.Contains(string(kept), value) || strings.Contains(draft, value) {
			t.Errorf("%q is kept: %s\n%s", value, kept, draft)
		}
	}
	var read map[string]any
	if err := toml.Unmarshal([]byte(draft), &read); err != nil {
		t.Errorf("%v in\n%s", err, draft)
	}
	return draft
}
