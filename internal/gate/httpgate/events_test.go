package httpgate_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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

// The layouts of the application's events: a person each, a list, what speaks of nobody.
var (
	onePerson = content.Layout{Format: content.JSON, People: []content.Group{{
		Row: "$", Person: []content.Naming{{Scheme: "dossier", Path: "@.id"}},
		Fields: []content.Part{{Field: register.Name, Path: "@.name"}, {Field: register.Contact, Path: "@.phone"}},
	}}}
	nobodyInIt = content.Layout{Format: content.JSON, Plain: []string{"$.status"}}
)

// news is a route whose answer is a stream.
func news() httpgate.Route {
	return httpgate.Route{
		Path: "/news", Kind: httpgate.People, Purpose: "accompany",
		Events: &httpgate.Events{ID: "[0-9]{1,6}", Of: []httpgate.Event{
			{Name: content.MessageEvent, Layout: onePerson}, {Name: "several", Layout: manyFiles}, {Name: "file", Layout: onePerson, About: true}, {Name: "status", Layout: nobodyInIt}, {Name: "ping"},
		}},
	}
}

// newsOf is the same about whom the request names.
func newsOf() httpgate.Route {
	r := news()
	r.Path, r.Shows = "/news/{id}", register.Note
	r.Request = []httpgate.Naming{{In: httpgate.InPath, Name: "id", Scheme: "dossier"}}
	return r
}

// script is an application that sends what a test tells it, piece by piece.
type script struct {
	send chan string // closed to end the stream
	gone chan struct{}
}

func (w *world) plays() *script {
	s := &script{send: make(chan string), gone: make(chan struct{})}
	var over sync.Once
	w.app = func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/event-stream")
		rw.Header().Set("Cache-Control", "no-cache")
		rw.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(rw).Flush()
		defer over.Do(func() { close(s.gone) })
		for {
			select {
			case text, more := <-s.send:
				if !more {
					return
				}
				_, _ = io.WriteString(rw, text)
				_ = http.NewResponseController(rw).Flush()
			case <-r.Context().Done():
				return
			}
		}
	}
	return s
}

// says sends events.
func (s *script) says(t *testing.T, text string) {
	t.Helper()
	select {
	case s.send <- text:
	case <-s.gone:
		t.Fatal("the gate asks for no other event")
	case <-time.After(time.Minute):
		t.Fatal("nothing is read")
	}
}

// tuned is a browser with an open stream.
type tuned struct {
	w      *world
	header http.Header
	events *bufio.Reader
	closes func()
}

func (w *world) listens(r *http.Request) *tuned {
	w.t.Helper()
	ctx, leave := context.WithCancel(r.Context())
	response, err := browser.Do(r.WithContext(ctx))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(leave)
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		body, _ := io.ReadAll(response.Body)
		w.t.Fatalf("%d %v: %s", response.StatusCode, response.Header, body)
	}
	return &tuned{w, response.Header, bufio.NewReader(response.Body), leave}
}

// hears returns what comes up to the next empty line that is no heartbeat; "" at the end.
func (l *tuned) hears() string {
	l.w.t.Helper()
	var text strings.Builder
	for {
		line, err := l.events.ReadString('\n')
		text.WriteString(line)
		if err != nil {
			return text.String()
		}
		if line != "\n" {
			continue
		}
		if got := text.String(); got != ":\n\n" {
			l.w.mu.Lock()
			l.w.received = append(l.w.received, got)
			l.w.mu.Unlock()
			return got
		}
		text.Reset()
	}
}

const begins = "retry: 3000\n\n"

var receiptLine = regexp.MustCompile(`(?m)^: Poterne-Receipt (\d+)\n`)

// withoutReceipt is an event as a script in a page sees it.
func withoutReceipt(text string) string { return receiptLine.ReplaceAllString(text, "") }

// told is what one tuned is told by a stream that the application ends.
func (w *world) told(path, stream string) string {
	w.t.Helper()
	w.says("text/event-stream", stream)
	g := w.get(path)
	if g.status != http.StatusOK {
		w.t.Fatalf("got %v", g)
	}
	return withoutReceipt(strings.TrimPrefix(g.body, begins))
}

// Each event is decided by itself, and written before it goes out: a stranger's is left out where it is a list's, and
// the receipt alone tells that something was.
//
// Promises: LEDGER-1, LEDGER-2, SCOPE-9
func TestLEDGER_1_EachEventIsDecidedAndWrittenBeforeItGoesOut(t *testing.T) {
	w := newWorldUnder(t, rules, news())
	s := w.plays()
	l := w.listens(w.request("GET", "/news", ""))
	if got := l.hears(); got != begins {
		t.Fatalf("it begins with %q", got)
	}
	if opened := w.last(); l.header.Get("Poterne-Receipt") != fmt.Sprint(opened.Receipt) || opened.Kind != ledger.Consulted || opened.Route != "GET /news" {
		t.Errorf("the opening is written as %+v", opened)
	}
	for n, test := range []struct{ sent, want string }{
		{"id: 1\ndata: " + say("p1") + "\n\n", "id: 1\ndata: {\"name\":\"‹p1›\"}\n\n"},
		{"id: 2\nevent: several\ndata: " + sayAll("p2", "p10") + "\n\n", "id: 2\nevent: several\ndata: [{\"name\":\"‹p2›\",\"phone\":\"01 99 00 00 00\"},{\"name\":\"‹p10›\",\"phone\":\"01 99 00 00 00\"}]\n\n"},
		{"data: " + say("p11") + "\n\n", "data: {\"name\":\"‹p11›\"}\n\n"},
		{"data: " + say("p12") + "\n\n", "data: {\"name\":\"‹p12›\"}\n\n"},
		{"id: 3\ndata: " + say("p13") + "\n\n", "\n"}, // beyond the allowance of an hour
		{"event: several\ndata: " + sayAll("p14", "p3") + "\n\n", "event: several\ndata: [{\"name\":\"‹p3›\",\"phone\":\"01 99 00 00 00\"}]\n\n"},
		{"event: status\ndata: {\"status\":\"on\",\"who\":\"‹p15›\"}\n\n", "event: status\ndata: {\"status\":\"on\"}\n\n"},
		{"event: ping\ndata: ‹p16›\n\n", "event: ping\ndata: \n\n"},
		{"id: 9\n\n", "id: 9\n\n"},
		{": ‹p17›\nretry: 17\nother: ‹p17›\ndata: {\"id\":\"p1\",\ndata: \"name\":\"‹p1›\"}\n\n", "data: {\"name\":\"‹p1›\"}\n\n"},
	} {
		before := len(w.entries())
		s.says(t, test.sent)
		got := l.hears()
		if plain := withoutReceipt(got); plain != test.want {
			t.Fatalf("event %d came as %q", n, got)
		}
		written := w.entries()[before:]
		receipt := receiptLine.FindStringSubmatch(got)
		if people := strings.Count(test.sent, `"id":"p`); len(written) != people || people > 0 && (receipt == nil || receipt[1] != fmt.Sprint(written[0].Receipt)) {
			t.Errorf("event %d (%s) left %d entries: %+v", n, got, len(written), written)
		}
	}
	close(s.send)
	if rest := l.hears(); rest != "" {
		t.Errorf("after the end comes %q", rest)
	}
	var cost meter.Cost
	for _, e := range w.entries() {
		cost += e.Cost
	}
	if cost != meter.People(3) {
		t.Errorf("charged %v", cost)
	}
	w.front.Close() // the outcome is counted when the handler has returned
	if !slices.Equal(w.outcomes, []httpgate.Outcome{httpgate.Cut}) {
		t.Errorf("counted as %v", w.outcomes)
	}
}

// An event may hold tuples, which their first element tells apart: whoever is withheld leaves with the tuple. One
// without data says that no other comes, and lists nobody.
//
// Promise: SCOPE-9
func TestSCOPE_9_TuplesInAnEventAreDecidedOneByOne(t *testing.T) {
	route := news()
	route.Events.Of = []httpgate.Event{{Name: content.MessageEvent, Layout: content.Layout{
		Format: content.JSON, Plain: []string{"$[?@[0]=='props']", "$[?@[0]=='+'][0]"},
		People: []content.Group{{
			Row: "$[?@[0]=='+']", Person: []content.Naming{{Scheme: "dossier", Path: "@[1].n", Template: "{id}/"}},
			Fields: []content.Part{{Field: register.Name, Path: "@[1].n"}},
		}},
	}}}
	w := newWorldUnder(t, rules, route)
	for n := 10; n < 13; n++ { // the hour's allowance
		w.told("/news", fmt.Sprintf("data: [[\"+\",{\"n\":\"p%d/\"}]]\n\n", n))
	}
	got := w.told("/news", `data: [["props",{"can_read":true}],["+",{"n":"p1/","s":7}],["+",{"n":"p20/","s":7}],["e","‹p20›"],["+",{"n":"p2/"}]]`+"\n\ndata:\n\n")
	if want := `data: [["props",{"can_read":true}],["+",{"n":"p1/"}],["+",{"n":"p2/"}]]` + "\n\ndata: \n\n"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := w.told("/news", `data: [["+",{"n":"letter.pdf"}]]`+"\n\n"); !strings.HasSuffix(got, "retry: 60000\n\n") || strings.Contains(got, "letter") {
		t.Errorf("a row that names nobody came as %q", got)
	}
}

// Whoever comes back is asked where to go on, and costs nothing a second time.
//
// Promises: METER-3, SCOPE-9
func TestMETER_3_AReconnectionCostsNothingAndOpensNothing(t *testing.T) {
	w := newWorld(t, news())
	const stream = "id: 4\ndata: {\"id\":\"p10\",\"name\":\"‹p10›\"}\n\n"
	for n := range 20 {
		w.says("text/event-stream", stream)
		r := w.request("GET", "/news", "")
		if n > 0 {
			r.Header.Set("Last-Event-ID", "4")
		}
		if g := w.do(r); g.status != http.StatusOK || !slices.Equal(shown(g.body), []string{"p10"}) {
			t.Fatalf("got %v", g)
		}
		if n > 0 && w.asked[n].Header.Get("Last-Event-ID") != "4" {
			t.Errorf("the application is asked with %v", w.asked[n].Header)
		}
	}
	var cost meter.Cost
	for _, e := range w.entries() {
		cost += e.Cost
	}
	if cost != meter.Whole {
		t.Errorf("charged %v", cost)
	}
	asked := w.times()
	for _, odd := range []string{"p12", "4 ", "1234567", "4\tx", "é"} {
		r := w.request("GET", "/news", "")
		r.Header.Set("Last-Event-ID", odd)
		if odd == "4 " {
			continue // a header has no blanks around it
		}
		w.refused(w.do(r), policy.RequestUnreadable)
	}
	r := w.request("GET", "/news", "")
	r.Header["Last-Event-Id"] = []string{"4", "5"}
	w.refused(w.do(r), policy.RequestUnreadable)
	if w.times() != asked {
		t.Error("the application was asked")
	}
	without := news()
	without.Events.ID = ""
	w.remake(w.dependencies(t), without)
	r = w.request("GET", "/news", "")
	r.Header.Set("Last-Event-ID", "p12")
	w.says("text/event-stream", "event: ping\ndata\n\n")
	if g := w.do(r); g.status != http.StatusOK || w.asked[asked].Header["Last-Event-Id"] != nil {
		t.Errorf("%v; the application is asked with %v", g, w.asked[asked].Header)
	}
}

// What is not declared, or not understood, ends the stream, and is written. Whoever asks again does so later.
//
// Promise: SCOPE-9
func TestSCOPE_9_WhatIsNotUnderstoodEndsTheStream(t *testing.T) {
	for sentence, test := range map[string]struct {
		sent string
		why  policy.Why
	}{
		"a type that is not declared":    {"event: other\ndata: " + say("p1"), policy.UndeclaredAnswer},
		"a type in other letters":        {"event: File\ndata: " + say("p1"), policy.UndeclaredAnswer},
		"an id that is not declared":     {"id: p20\ndata: " + say("p1"), policy.UndeclaredAnswer},
		"an id without data likewise":    {"id: p20", policy.UndeclaredAnswer},
		"data that is no JSON":           {"data: ‹p1›", policy.NotUnderstood},
		"two documents":                  {"data: {}\ndata: {}", policy.NotUnderstood},
		"a name twice":                   {`data: {"id":"p1","id":"p2"}`, policy.NotUnderstood},
		"a person who is not named":      {`data: {"name":"‹p1›"}`, policy.NotUnderstood},
		"a file about nobody":            {"event: file\ndata: null", policy.NotUnderstood},
		"a file without data":            {"event: file\ndata", policy.NotUnderstood},
		"a line that is too long":        {"data: " + strings.Repeat("x", 65<<10), policy.NotUnderstood},
		"lines that are":                 {strings.Repeat("data: xxxxxxxx\n", 8<<10), policy.NotUnderstood},
		"a comment that is":              {": " + strings.Repeat("x", 65<<10), policy.NotUnderstood},
		"text that is not UTF-8":         {"data: {\"id\":\"p1\",\"name\":\"\xff\"}", policy.NotUnderstood},
		"a file that may not be opened":  {"event: file\ndata: " + say("p13"), policy.ShortEmpty},
		"a file of nobody in particular": {"event: file\ndata: " + say("nobody-at-all"), 0},
	} {
		t.Run(sentence, func(t *testing.T) {
			w := newWorld(t, news())
			for n := 10; n < 13; n++ { // the hour's allowance
				if got := w.told("/news", fmt.Sprintf("event: file\ndata: %s\n\n", say(fmt.Sprintf("p%d", n)))); len(shown(got)) != 1 {
					t.Fatal(got)
				}
			}
			w.says("text/event-stream", "event: ping\ndata\n\n"+test.sent+"\n\nevent: ping\ndata\n\n")
			g := w.get("/news")
			body := withoutReceipt(g.body)
			if sentence == "a file of nobody in particular" { // of whom p64 and beyond are: a stranger, who is one too many
				test.why = policy.ShortEmpty
			}
			if body != begins+"event: ping\ndata: \n\nretry: 60000\n\n" {
				t.Fatalf("got %.300q", g.body)
			}
			if last := w.last(); last.Why != test.why || last.Verdict.Shows() || !strings.Contains(g.body, fmt.Sprintf(": Poterne-Receipt %d\n", last.Receipt)) {
				t.Errorf("%.300q, and the ledger ends with %v %v, receipt %d", g.body, last.Verdict, last.Why, last.Receipt)
			}
			if left := w.proxy.LeftToRead(); left != httpgate.Reading {
				t.Errorf("%d bytes are held", httpgate.Reading-left)
			}
		})
	}
}

// The id of an event in which somebody is withheld stays behind, wherever in it they are: it may be their number.
//
// Promise: SCOPE-9
func TestSCOPE_9_TheIDOfAnEventTellsNobodyWhoIsWithheld(t *testing.T) {
	route := news()
	inside := onePerson
	inside.Plain, inside.People = []string{"$.type"}, slices.Clone(onePerson.People)
	inside.People[0].Row = "$.person"
	route.Events.Of = append(route.Events.Of, httpgate.Event{Name: "moved", Layout: inside})
	w := newWorld(t, route)
	for n := 10; n < 13; n++ { // the hour's allowance
		w.told("/news", fmt.Sprintf("event: file\ndata: %s\n\n", say(fmt.Sprintf("p%d", n))))
	}
	got := w.told("/news", "id: 20\nevent: moved\ndata: {\"type\":\"x\",\"person\":"+say("p20")+"}\n\n"+
		"id: 21\nevent: several\ndata: "+sayAll("p1", "p21")+"\n\nid: 2\nevent: moved\ndata: {\"type\":\"x\",\"person\":"+say("p2")+"}\n\n")
	if strings.Contains(got, "id: 20") || strings.Contains(got, "id: 21") || !strings.Contains(got, "id: 2\n") || !slices.Equal(shown(got), []string{"p1", "p2"}) {
		t.Errorf("got %q", got)
	}
}

// Whom the request names is in each event, in those that speak of nobody too, and in the opening.
//
// Promise: SCOPE-9
func TestSCOPE_9_WhomARequestNamesIsInEachEvent(t *testing.T) {
	w := newWorld(t, newsOf())
	got := w.told("/news/p1", "event: status\ndata: {\"status\":\"‹p1›\"}\n\nevent: ping\ndata\n\ndata: "+say("p2")+"\n\n")
	if !slices.Equal(shown(got), []string{"p1", "p2"}) {
		t.Error(got)
	}
	of := make(map[register.PersonID]int)
	for _, e := range w.entries() {
		if e.Disclosed() {
			of[e.Person]++
		}
	}
	if of[w.key.Person("p1")] != 4 || of[w.key.Person("p2")] != 1 {
		t.Errorf("written %d and %d times", of[w.key.Person("p1")], of[w.key.Person("p2")])
	}
	asked := w.times()
	for n := 10; n < 13; n++ {
		w.told(fmt.Sprintf("/news/p%d", n), "")
	}
	w.refused(w.get("/news/p13"), policy.ShortEmpty)
	if w.times() != asked+3 {
		t.Error("the application was asked for somebody who may not be shown")
	}
	r := newsOf()
	r.Shows = 0
	if _, err := httpgate.New([]httpgate.Service{w.service(r)}, w.dependencies(t)); err == nil || !strings.Contains(err.Error(), "shows") {
		t.Errorf("events that tell something of whom the request names are declared: %v", err)
	}
}

// An order ends the stream at once, whoever waits for whom; so do the end of the session, the end of the habilitation and
// the program's leaving. An order's refusal is written.
//
// Promises: ACT-5, ENTRY-11
func TestACT_5_AStreamEndsWithWhatLetItOpen(t *testing.T) {
	suspends := func(w *world) {
		if _, err := w.gate.Place(w.t.Context(), order.Order{Reach: order.Account, Target: string(account), Effect: order.Suspended, By: "desk"}); err != nil {
			w.t.Error(err)
		}
	}
	over := fmt.Errorf("over: %w", &fault.Error{Kind: fault.Anonymous})
	for sentence, test := range map[string]struct {
		happens func(w *world, session *error, leaving chan struct{})
		event   bool // it is found out when something is to go out
		why     policy.Why
		became  httpgate.Outcome
	}{
		"an order":                     {func(w *world, _ *error, _ chan struct{}) { suspends(w) }, false, policy.Suspended, httpgate.Refused},
		"the session's end":            {func(_ *world, session *error, _ chan struct{}) { *session = over }, false, 0, httpgate.Anonymous},
		"the session's end, and event": {func(_ *world, session *error, _ chan struct{}) { *session = over }, true, 0, httpgate.Anonymous},
		"a store that does not answer": {func(_ *world, session *error, _ chan struct{}) { *session = errors.New("away") }, false, 0, httpgate.Failed},
		"the program leaves":           {func(_ *world, _ *error, leaving chan struct{}) { close(leaving) }, false, 0, httpgate.Shown},
	} {
		t.Run(sentence, func(t *testing.T) {
			w := newWorld(t, news())
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
			w.remake(d, news())
			if !test.event {
				w.proxy.Looks(10 * time.Millisecond)
			}
			s := w.plays()
			l := w.listens(w.request("GET", "/news", ""))
			l.hears()
			s.says(t, "data: "+say("p1")+"\n\n")
			if got := l.hears(); len(shown(got)) != 1 {
				t.Fatal(got)
			}
			before := len(w.entries())
			mu.Lock()
			test.happens(w, &session, leaving)
			mu.Unlock()
			if test.event {
				s.says(t, "data: "+say("p2")+"\n\n")
			}
			if rest := l.hears(); rest != "" {
				t.Errorf("something came: %q", rest)
			}
			<-s.gone
			w.front.Close()
			written := slices.DeleteFunc(w.entries()[before:], func(e ledger.Entry) bool { return e.Kind != ledger.Attempted && e.Kind != ledger.Consulted })
			if test.why != 0 && (len(written) != 1 || written[0].Why != test.why) || test.why == 0 && len(written) != 0 {
				t.Errorf("written %+v", written)
			}
			if !slices.Equal(w.outcomes, []httpgate.Outcome{test.became}) {
				t.Errorf("counted as %v", w.outcomes)
			}
		})
	}
}

// Events wait for their turn as answers do, and an order ends the waiting.
//
// Promise: ACT-5
func TestACT_5_AnOrderEndsTheWaitingOfAnEvent(t *testing.T) {
	w := newWorld(t, news())
	s := w.plays()
	l := w.listens(w.request("GET", "/news", ""))
	l.hears()
	giveBack := w.proxy.HoldTurns()
	defer giveBack()
	s.says(t, "data: "+say("p1")+"\n\n")
	time.AfterFunc(50*time.Millisecond, func() {
		o := order.Order{Reach: order.Account, Target: string(account), Effect: order.Suspended, By: "desk"}
		if _, err := w.gate.Place(t.Context(), o); err != nil {
			t.Error(err)
		}
	})
	if rest := l.hears(); rest != "" {
		t.Errorf("something came: %q", rest)
	}
	w.front.Close()
	if last := w.last(); last.Why != policy.Suspended || slices.ContainsFunc(w.entries(), func(e ledger.Entry) bool { return e.Disclosed() && e.Person == w.key.Person("p1") }) {
		t.Errorf("the ledger ends with %v %v", last.Verdict, last.Why)
	}
}

// An account that is frozen is shown no new stranger, and goes on with whom it has a reason for.
//
// Promise: WATCH-5
func TestWATCH_5_AFrozenAccountsStreamShowsNoStranger(t *testing.T) {
	w := newWorld(t, news())
	s := w.plays()
	l := w.listens(w.request("GET", "/news", ""))
	l.hears()
	if _, err := w.gate.Place(t.Context(), order.Order{Reach: order.Account, Target: string(account), Effect: order.Frozen, By: "desk"}); err != nil {
		t.Fatal(err)
	}
	s.says(t, "data: "+say("p20")+"\n\ndata: "+say("p1")+"\n\n")
	if got := withoutReceipt(l.hears()); got != "\n" {
		t.Errorf("a stranger's came as %q", got)
	}
	if got := l.hears(); !slices.Equal(shown(got), []string{"p1"}) {
		t.Errorf("then came %q", got)
	}
}

// Whoever does not read holds one event, and not for ever; an order does not wait for them.
//
// Promises: SCOPE-9, ACT-5
func TestSCOPE_9_WhoDoesNotReadHoldsOneEvent(t *testing.T) {
	for _, how := range []string{"timeout", "order"} {
		t.Run(how, func(t *testing.T) {
			w := newWorld(t)
			route := news()
			route.Events.Of = []httpgate.Event{{Name: content.MessageEvent, Layout: content.Layout{Format: content.JSON, Plain: []string{"$"}}}}
			service := w.service(route)
			service.Largest = 1 << 20
			if service.Timeout = 300 * time.Millisecond; how == "order" {
				service.Timeout = time.Hour
			}
			var err error
			if w.proxy, err = httpgate.New([]httpgate.Service{service}, w.dependencies(t)); err != nil {
				t.Fatal(err)
			}
			gone := make(chan struct{})
			w.app = func(rw http.ResponseWriter, r *http.Request) {
				defer close(gone)
				rw.Header().Set("Content-Type", "text/event-stream")
				for r.Context().Err() == nil {
					if _, err := io.WriteString(rw, `data: "`+strings.Repeat("x", 500<<10)+"\"\n\n"); err != nil {
						return
					}
				}
			}
			response, err := browser.Do(w.request("GET", "/news", ""))
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			for held := int64(0); how == "order" && held == 0; held = httpgate.Reading - w.proxy.LeftToRead() {
				time.Sleep(time.Millisecond)
			}
			if held := httpgate.Reading - w.proxy.LeftToRead(); held > 4<<20 {
				t.Errorf("%d bytes are held of one stream", held)
			}
			if how == "order" {
				time.Sleep(200 * time.Millisecond) // until what lies between the two is full
				if _, err := w.gate.Place(t.Context(), order.Order{Reach: order.Account, Target: string(account), Effect: order.Suspended, By: "desk"}); err != nil {
					t.Fatal(err)
				}
			}
			<-gone
			w.front.Close()
			if left := w.proxy.LeftToRead(); left != httpgate.Reading {
				t.Errorf("%d bytes are held after the end", httpgate.Reading-left)
			}
		})
	}
}

// An application may send comments for ever: what is left out takes nothing of what may be read, and ends no
// stream.
//
// Promise: RUN-2
func TestRUN_2_CommentsOfAStreamTakeNothing(t *testing.T) {
	w := newWorld(t)
	d := w.dependencies(t)
	d.Reading = 4 * 64 << 10
	w.remake(d, news())
	s := w.plays()
	l := w.listens(w.request("GET", "/news", ""))
	l.hears()
	for range 400 {
		s.says(t, ": "+strings.Repeat(" ", 2<<10)+"\n\n")
	}
	s.says(t, "data: "+say("p1")+"\n\n")
	if got := l.hears(); !slices.Equal(shown(got), []string{"p1"}) {
		t.Errorf("after the comments comes %q", got)
	}
}

// A server bounds a request and its response as a whole; a stream is not bounded, though it be silent.
//
// Promise: RUN-2
func TestRUN_2_AStreamMayLastLongerThanAnAnswer(t *testing.T) {
	w := newWorld(t)
	service := w.service(news())
	service.Timeout = 400 * time.Millisecond
	var err error
	if w.proxy, err = httpgate.New([]httpgate.Service{service}, w.dependencies(t)); err != nil {
		t.Fatal(err)
	}
	w.proxy.Looks(50 * time.Millisecond)
	w.front.Close()
	server := httptest.NewUnstartedServer(w.proxy)
	server.Config.ReadTimeout, server.Config.WriteTimeout = 300*time.Millisecond, 300*time.Millisecond
	server.Start()
	defer server.Close()
	w.front = server
	s := w.plays()
	l := w.listens(w.request("GET", "/news", ""))
	l.hears()
	for range 3 {
		time.Sleep(500 * time.Millisecond)
		s.says(t, "data: "+say("p1")+"\n\n")
		if got := l.hears(); len(shown(got)) != 1 {
			t.Errorf("got %q", got)
		}
	}
	l.closes()
}

// One account has so many streams at once, and those it ended leave room.
//
// Promise: RUN-2
func TestRUN_2_AnAccountHasSoManyStreams(t *testing.T) {
	w := newWorld(t, news())
	s := w.plays()
	var open []*tuned
	for range httpgate.MostOfAccount {
		l := w.listens(w.request("GET", "/news", ""))
		l.hears()
		open = append(open, l)
	}
	w.failed(w.get("/news"), fault.Unavailable, policy.TooMuchAtOnce)
	open[0].closes()
	<-s.gone
	for {
		w.app = func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusNoContent) }
		if g := w.get("/news"); g.status == http.StatusNoContent {
			break
		}
		time.Sleep(time.Millisecond)
	}
}

// A stream that nobody declared is refused at once, whatever else its route declares, and its type is noted.
//
// Promises: SCOPE-1, RUN-9
func TestSCOPE_1_AStreamThatIsNotDeclaredIsRefusedAtOnce(t *testing.T) {
	unread := file()
	unread.Answers, unread.Unread, unread.Shows = nil, []string{"text/event-stream"}, register.Note
	w := newWorld(t, list(), file())
	if _, err := httpgate.New([]httpgate.Service{w.service(unread)}, w.dependencies(t)); err == nil || !strings.Contains(err.Error(), "declare events") {
		t.Errorf("a stream passes unread: %v", err)
	}
	d, book := w.dependencies(t), shape.NewBook()
	d.Shapes = book
	w.remake(d, list(), file())
	s := w.plays()
	w.refused(w.get("/list"), policy.UndeclaredAnswer)
	<-s.gone
	w.plays()
	w.refused(w.get("/files/p1"), policy.UndeclaredAnswer)
	if noted := book.Shapes("dossier"); len(noted) != 2 || noted[0].Answer != "text/event-stream" || noted[1].Answer != "text/event-stream" {
		t.Errorf("noted: %+v", noted)
	}
	w.says("application/json", "[]")
	w.remake(w.dependencies(t), news())
	w.refused(w.get("/news"), policy.UndeclaredAnswer)
	for _, odd := range []string{"text/event-stream; charset=iso-8859-1", "text/event-stream; charset"} {
		w.says(odd, "event: ping\ndata\n\n")
		w.refused(w.get("/news"), policy.NotUnderstood)
	}
	w.app = func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/event-stream")
		rw.Header().Set("Content-Encoding", "gzip")
		_, _ = io.WriteString(rw, "data")
	}
	w.refused(w.get("/news"), policy.NotUnderstood)
	w.says("text/event-stream", "event: ping\ndata\n\n")
	if g := w.do(w.request("HEAD", "/news", "")); g.status != http.StatusOK || g.body != "" {
		t.Errorf("HEAD: %v", g)
	}
}
