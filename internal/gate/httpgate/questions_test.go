package httpgate_test

import (
	"fmt"
	"net/http"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/gate/asked"
	"poterne/internal/gate/content"
	"poterne/internal/gate/httpgate"
	"poterne/internal/gate/socket"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
)

// asks is a WebSocket by which a page asks as Feathers does, by numbered packets of socket.io, for which it may poll as well.
func asks() httpgate.Route {
	answer := func(row string, plain ...string) *httpgate.Answer {
		layout := content.Layout{Plain: plain}
		if row != "" {
			layout.People = []content.Group{{
				Row: row, Person: []content.Naming{{Scheme: "dossier", Path: "@.id"}},
				Fields: []content.Part{{Field: register.Name, Path: "@.name"}, {Field: register.Contact, Path: "@.phone"}},
			}}
		}
		return &httpgate.Answer{Layout: layout}
	}
	route, about := packets(), answer("$[1]")
	about.About = true
	who := []httpgate.Naming{{In: httpgate.InJSON, Name: "$[2]", Scheme: "dossier"}}
	route.Socket = &httpgate.Socket{
		Prefixes: []string{"0", "40", "42"}, Type: []string{"$[0]", "$[1]"}, Words: []string{"2", "3", "6", "40", "2probe", "3probe", "5"}, Polling: true,
		Numbered: []socket.Numbered{{Asks: "42", Answers: "43"}, {Asks: "42/desk,", Answers: "43/desk,"}},
		Sends:    []httpgate.Event{{Name: "0", Layout: content.Layout{Plain: []string{"$.sid"}}}, {Name: "42 people moved", Layout: route.Socket.Sends[2].Layout}},
		Takes: []httpgate.Message{
			{Name: "42 hello", Members: []string{"$[1].page"}, Reads: true},
			{Name: "42 find, people", Members: []string{"$[2].surname"}, Reads: true, Answer: answer("$[1].data[*]", "$[0].code", "$[1].total")},
			{Name: "42 get, people", Request: who, Reads: true, Answer: answer("$[1]", "$[0].code")},
			{Name: "42 file, people", Request: who, Reads: true, Answer: about},
			{Name: "42 letter, people", Request: who, Reads: true, Shows: register.Name, Answer: answer("", "$[1]")},
			{Name: "42 patch, people", Request: who, Written: []httpgate.Writing{{Name: "$[3].note", Field: register.Note}}, Answer: answer("$[1]")},
			{Name: "42 ping", Reads: true, Answer: &httpgate.Answer{}},
			{Name: "42/desk, count", Members: []string{"$[1].of"}, Reads: true, Answer: answer("", "$[0]")},
		},
	}
	return route
}

// people is what Feathers answers a search with.
func people(who ...string) string {
	for i, one := range who {
		who[i] = fmt.Sprintf(`{"id":%q,"name":"‹%s›","nir":"9 99 99"}`, one, one)
	}
	return `[null,{"total":7,"data":[` + strings.Join(who, ",") + `]}]`
}

var numbered = regexp.MustCompile(`^(42(?:/desk,)?)(0|[1-9][0-9]{0,14})(\[.*)$`)

// heardAsked is a question as the application hears it: what stands before its number, that, and what is asked.
func heardAsked(t *testing.T, heard <-chan string) (before, number, rest string) {
	t.Helper()
	select {
	case text := <-heard:
		parts := numbered.FindStringSubmatch(text)
		if parts == nil {
			t.Fatalf("the application hears %s", text)
		}
		return parts[1], parts[2], parts[3]
	case <-time.After(time.Minute):
		t.Fatal("the application hears nothing")
	}
	return "", "", ""
}

// An answer is decided as the response to a request is: with whom its question named, by the layout that is declared for it; and the page is
// given it under the number by which it waits.
//
// Promises: LEDGER-1, LEDGER-2, SCOPE-1, SCOPE-9
func TestSCOPE_9_AnAnswerIsDecidedByWhatItsQuestionAsked(t *testing.T) {
	w := newWorldUnder(t, rules, asks())
	s := w.speaks()
	p := w.opens(s, "/live?transport=websocket")
	for n, test := range []struct {
		asked, answer, want string
		entries             int // of the ledger
	}{
		{`420["find","people",{"surname":"x"}]`, people("p1", "p10"), `430[null,{"total":7,"data":[{"name":"‹p1›"},{"name":"‹p10›"}]}]`, 2},
		{`421["find","people",{"surname":"x"}]`, people(), `431[null,{"total":7,"data":[]}]`, 1}, // that nobody was found is written as well
		{`422["find","people",{}]`, people("p10", "p11", "p12", "p13"), `432[null,{"total":7,"data":[{"name":"‹p10›"},{"name":"‹p11›"},{"name":"‹p12›"}]}]`, 4},
		{`4217["get","people","p2"]`, `[null,{"id":"p2","name":"‹p2›","nir":"9 99 99"}]`, `4317[null,{"name":"‹p2›"}]`, 1},
		{`4217["get","people","p2"]`, `[{"code":404,"message":"‹p2›"}]`, `4317[{"code":404}]`, 1},
		{`42999999999999999["get","people","p2"]`, `[null,{"id":"p14","name":"‹p14›"}]`, `43999999999999999[null,null]`, 2}, // it answers about another
		{`423["letter","people","p3"]`, `[null,"to ‹p3›"]`, `433[null,"to ‹p3›"]`, 2},
		{`424["patch","people","p2",{"note":"called"}]`, `[null,{"id":"p2","name":"‹p2›"}]`, `434[null,{"name":"‹p2›"}]`, 2},
		{`425["ping"]`, `[ ]`, `435[]`, 1},
		{`42/desk,5["count",{}]`, `[12]`, `43/desk,5[12]`, 1},
	} {
		before := len(w.entries())
		p.asks(test.asked)
		at, number, rest := heardAsked(t, s.heard)
		if !strings.HasPrefix(test.asked, at) || !strings.HasSuffix(test.asked, rest) || test.asked == at+number+rest {
			t.Errorf("%s is heard as %s%s%s", test.asked, at, number, rest)
		}
		p.tells(strings.Replace(at, "42", "43", 1) + number + test.answer)
		if got := p.hears(); got != test.want {
			t.Fatalf("%d: %s is answered with %q, not %s", n, test.asked, got, test.want)
		}
		if written := len(w.entries()[before:]); written != test.entries {
			t.Errorf("%s leaves %d entries: %+v", test.asked, written, w.entries()[before:])
		}
	}
	changed := slices.IndexFunc(w.entries(), func(e ledger.Entry) bool { return e.Kind == ledger.Changed })
	if e := w.entries()[changed]; e.Route != "GET /live 42 patch, people" || e.Person != w.key.Person("p2") {
		t.Errorf("written: %+v", e)
	}
	var cost meter.Cost
	for _, e := range w.entries() {
		cost += e.Cost
	}
	if cost != meter.People(3) {
		t.Errorf("charged %v", cost)
	}
}

// What a message does, its words alone do not say: it is a change, written before the application hears of it, unless it is declared a reading.
//
// Promises: LEDGER-1, LEDGER-2
func TestLEDGER_2_AMessageIsAChangeUnlessItIsDeclaredAReading(t *testing.T) {
	route := asks()
	route.Socket.Takes = append(route.Socket.Takes,
		httpgate.Message{Name: "42 remove, people", Request: route.Socket.Takes[2].Request, Answer: route.Socket.Takes[2].Answer},
		httpgate.Message{Name: "42 close", Request: []httpgate.Naming{{In: httpgate.InJSON, Name: "$[1].id", Scheme: "dossier"}}},
		httpgate.Message{Name: "42 clear"})
	w := newWorldUnder(t, rules, route)
	s := w.speaks()
	p := w.opens(s, "/live?transport=websocket")
	for _, test := range []struct {
		says  string
		about register.PersonID
	}{
		{`427["remove","people","p2"]`, w.key.Person("p2")},
		{`42["close",{"id":"p3"}]`, w.key.Person("p3")},
		{`42["clear"]`, register.PersonID{}},
	} {
		before := len(w.entries())
		p.asks(test.says)
		select {
		case <-s.heard:
		case <-time.After(time.Minute):
			t.Fatalf("the application never hears %s", test.says)
		}
		written := w.entries()[before:]
		if len(written) != 1 || written[0].Kind != ledger.Changed || written[0].Person != test.about {
			t.Errorf("when the application hears %s, this is written: %+v", test.says, written)
		}
	}
}

// What the application tells of whom a question names outside of rows, it may tell before it answers, and whoever asked may have gone by then: that is
// written before the application hears of it, as for a message that is not answered.
//
// Promises: LEDGER-1, SCOPE-9
func TestLEDGER_1_WhatAQuestionHasToldIsWrittenBeforeItIsAsked(t *testing.T) {
	route := asks()
	route.Socket.Sends = append(route.Socket.Sends, httpgate.Event{Name: "42 progress", Layout: content.Layout{Plain: []string{"$[1].of"}}})
	w := newWorld(t, route)
	s := w.speaks()
	p := w.opens(s, "/live?transport=websocket")
	p.asks(`427["letter","people","p3"]`)
	heardAsked(t, s.heard)
	p.tells(`42["progress",{"of":"a letter to ‹p3›"}]`)
	if got := p.hears(); got != `42["progress",{"of":"a letter to ‹p3›"}]` {
		t.Fatal(got)
	}
	if last := w.last(); last.Route != "GET /live 42 letter, people" || last.Person != w.key.Person("p3") || !last.Verdict.Shows() {
		t.Errorf("written: %+v", last)
	}
}

// Questions may be answered in another order, and one that is answered may be asked again under its number.
//
// Promise: SCOPE-9
func TestSCOPE_9_AnswersComeInAnyOrder(t *testing.T) {
	w := newWorld(t, asks())
	s := w.speaks()
	p := w.opens(s, "/live?transport=websocket")
	numbers := make(map[string]bool)
	for range 2 {
		var waits []string
		for n := range 5 {
			p.asks(fmt.Sprintf(`42%d["get","people","p%d"]`, n, n+1))
			_, number, _ := heardAsked(t, s.heard)
			waits, numbers[number] = append(waits, number), true
		}
		for n := 4; n >= 0; n-- {
			p.tells(fmt.Sprintf(`43%s[null,{"id":"p%d","name":"‹p%d›"}]`, waits[n], n+1, n+1))
			if got, want := p.hears(), fmt.Sprintf(`43%d[null,{"name":"‹p%d›"}]`, n, n+1); got != want {
				t.Errorf("%q comes, not %s", got, want)
			}
		}
	}
	if len(numbers) != 10 {
		t.Errorf("the application is given %d numbers", len(numbers))
	}
}

// Of what a page asks by a number that is none, or not so declared, the application hears nothing.
//
// Promises: SCOPE-1, SCOPE-9
func TestSCOPE_1_AQuestionIsNumberedInOneWay(t *testing.T) {
	for sentence, test := range map[string]struct {
		sent string
		why  policy.Why
	}{
		"a zero in front":                       {`4207["get","people","p1"]`, policy.UndeclaredBody},
		"two zeros":                             {`4200["get","people","p1"]`, policy.UndeclaredBody},
		"twenty digits":                         {`4212345678901234567890["get","people","p1"]`, policy.UndeclaredBody},
		"more than programs count to":           {`421000000000000000["get","people","p1"]`, policy.UndeclaredBody},
		"other digits":                          {`42٣["get","people","p1"]`, policy.UndeclaredBody},
		"wide digits":                           {`42７["get","people","p1"]`, policy.UndeclaredBody},
		"a sign":                                {`42-7["get","people","p1"]`, policy.UndeclaredBody},
		"a plus":                                {`42+7["get","people","p1"]`, policy.UndeclaredBody},
		"a fraction":                            {`427.5["get","people","p1"]`, policy.UndeclaredBody},
		"an exponent":                           {`421e3["get","people","p1"]`, policy.UndeclaredBody},
		"hexadecimal":                           {`420x7["get","people","p1"]`, policy.UndeclaredBody},
		"a blank in front":                      {`42 7["get","people","p1"]`, policy.UndeclaredBody},
		"a blank behind":                        {`427 ["get","people","p1"]`, policy.UndeclaredBody},
		"a tab behind":                          {"427\t[\"get\",\"people\",\"p1\"]", policy.UndeclaredBody},
		"attachments":                           {`451-7["get","people","p1"]`, policy.UndeclaredBody},
		"a namespace":                           {`42/chat,7["get","people","p1"]`, policy.UndeclaredBody},
		"a namespace without a comma":           {`42/desk7["count",{}]`, policy.UndeclaredBody},
		"a namespace with a query":              {`42/desk?x,7["count",{}]`, policy.UndeclaredBody},
		"a namespace behind the number":         {`427/desk,["count",{}]`, policy.UndeclaredBody},
		"a question of another namespace":       {`42/desk,7["get","people","p1"]`, policy.UndeclaredBody},
		"no number":                             {`42["get","people","p1"]`, policy.UndeclaredBody},
		"a number on what is not answered":      {`427["hello"]`, policy.UndeclaredBody},
		"a type that is not declared":           {`427["remove","people","p1"]`, policy.UndeclaredBody},
		"another service":                       {`427["get","secrets","p1"]`, policy.UndeclaredBody},
		"a part of a type":                      {`427["get"]`, policy.UndeclaredBody},
		"both parts of a type in one":           {`427["get, people",null,"p1"]`, policy.RequestUnreadable},
		"an answer":                             {`437[null,{"id":"p1"}]`, policy.UndeclaredBody},
		"a number alone":                        {`427`, policy.RequestUnreadable},
		"no list":                               {`427{"0":"get","1":"people","2":"p1"}`, policy.UndeclaredBody},
		"nobody":                                {`427["get","people"]`, policy.Unnamed},
		"two people":                            {`427["get","people","p1","p2"]`, policy.UndeclaredField},
		"a member that is not listed":           {`427["find","people",{"name":"x"}]`, policy.UndeclaredField},
		"a placeholder for an attachment":       {`427["get","people",{"_placeholder":true,"num":0}]`, policy.Unnamed},
		"somebody whom the account may not ask": {`427["get","people","p60"]`, policy.NobodyKnown},
	} {
		t.Run(sentence, func(t *testing.T) {
			w := newWorld(t, asks())
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
	t.Run("one that waits already", func(t *testing.T) {
		w := newWorld(t, asks())
		s := w.speaks()
		p := w.opens(s, "/live?transport=websocket")
		p.asks(`427["get","people","p1"]`)
		heardAsked(t, s.heard)
		p.asks(`427["find","people",{}]`)
		if got := p.hears(); !strings.HasPrefix(got, "closed 1008 request-unreadable") || len(s.heard) > 0 {
			t.Errorf("%q", got)
		}
	})
	t.Run("more than may wait", func(t *testing.T) {
		w := newWorld(t, asks())
		s := w.speaks()
		p := w.opens(s, "/live?transport=websocket")
		for n := range asked.MostOpen / asked.Weighs {
			p.asks(fmt.Sprintf(`42%d["find","people",{}]`, n))
			heardAsked(t, s.heard)
		}
		p.asks(`42999["find","people",{}]`)
		if got := p.hears(); got != "closed 1013 " {
			t.Errorf("%q", got)
		}
	})
}

// What the application answers without having been asked, or twice, or otherwise than is declared, reaches nobody.
//
// Promises: SCOPE-1, SCOPE-9, ACT-5
func TestSCOPE_1_AnAnswerNobodyAskedForReachesNobody(t *testing.T) {
	for sentence, answer := range map[string]func(number string) []string{
		"a number that nobody gave":      func(string) []string { return []string{"431" + people("p1")} },
		"the page's own number":          func(string) []string { return []string{"437" + people("p1")} },
		"a zero in front":                func(n string) []string { return []string{"430" + n + people("p1")} },
		"a blank behind":                 func(n string) []string { return []string{"43" + n + " " + people("p1")} },
		"twenty digits":                  func(n string) []string { return []string{"43" + strings.Repeat("9", 20) + people("p1")} },
		"another namespace":              func(n string) []string { return []string{"43/desk," + n + people("p1")} },
		"attachments":                    func(n string) []string { return []string{"461-" + n + people("p1")} },
		"a question of the application":  func(n string) []string { return []string{"42" + n + `["people moved",{"id":"p1"}]`} },
		"an answer without a number":     func(string) []string { return []string{"43" + people("p1")} },
		"no JSON":                        func(n string) []string { return []string{"43" + n} },
		"JSON that can be read twice":    func(n string) []string { return []string{"43" + n + `[null,{"data":[],"data":[]}]`} },
		"two answers":                    func(n string) []string { return []string{"43" + n + people(), "43" + n + people("p1")} },
		"an answer to another's service": func(n string) []string { return []string{"43" + n + `[null,{"data":[{"name":"‹p1›"}]}]`} },
	} {
		t.Run(sentence, func(t *testing.T) {
			w := newWorld(t, asks())
			s := w.speaks()
			p := w.opens(s, "/live?transport=websocket")
			p.asks(`427["find","people",{}]`)
			_, number, _ := heardAsked(t, s.heard)
			all := answer(number)
			for i, text := range all {
				p.tells(text)
				if got := p.hears(); (i == len(all)-1) != strings.HasPrefix(got, "closed 1008 ") || strings.Contains(got, "‹") {
					t.Errorf("%q", got)
				}
			}
		})
	}
	for sentence, test := range map[string]struct{ asked, answer, want string }{
		"nothing is declared of it":     {`427["ping"]`, `["‹p1›"]`, "closed 1008 undeclared-answer"},
		"a list within":                 {`427["ping"]`, `[[]]`, "closed 1008 undeclared-answer"},
		"as a whole, and about nobody":  {`427["file","people","p1"]`, `[{"code":404}]`, "closed 1008 not-understood"},
		"as a whole, about a stranger":  {`427["file","people","p1"]`, `[null,{"id":"p60","name":"‹p60›"}]`, "closed 1008 "},
		"as a whole, about one of hers": {`427["file","people","p1"]`, `[null,{"id":"p1","name":"‹p1›"}]`, `437[null,{"name":"‹p1›"}]`},
	} {
		t.Run(sentence, func(t *testing.T) {
			w := newWorld(t, asks())
			s := w.speaks()
			p := w.opens(s, "/live?transport=websocket")
			p.asks(test.asked)
			_, number, _ := heardAsked(t, s.heard)
			p.tells("43" + number + test.answer)
			if got := p.hears(); !strings.HasPrefix(got, test.want) {
				t.Errorf("%q", got)
			}
		})
	}
	t.Run("on another WebSocket", func(t *testing.T) {
		w := newWorld(t, asks())
		s := w.speaks()
		one := w.opens(s, "/live?transport=websocket")
		other := w.opens(s, "/live?transport=websocket")
		one.asks(`427["find","people",{}]`)
		_, number, _ := heardAsked(t, s.heard)
		other.asks(`427["get","people","p2"]`)
		heardAsked(t, s.heard)
		other.tells("43" + number + people("p1"))
		if got := other.hears(); !strings.HasPrefix(got, "closed 1008 ") {
			t.Errorf("%q", got)
		}
	})
}

// asksByPolling has a page ask by polling, and returns the numbers under which the application hears it.
func (w *world) asksByPolling(a *polled, path string, asked ...string) (numbers []string) {
	w.t.Helper()
	if got := w.post(path, "text/plain;charset=UTF-8", strings.Join(asked, "\x1e")); got.status != http.StatusOK {
		w.t.Fatal(got)
	}
	one := make(chan string, 1)
	for text := range strings.SplitSeq(<-a.heard, "\x1e") {
		one <- text
		_, number, _ := heardAsked(w.t, one)
		numbers = append(numbers, number)
	}
	return numbers
}

// What is asked by polling is answered by polling, or on the WebSocket by which the same connection goes on, and nowhere else.
//
// Promises: LEDGER-1, SCOPE-1, SCOPE-9
func TestSCOPE_9_WhatIsAskedByPollingIsAnsweredOnItsConnection(t *testing.T) {
	const path = "/live?transport=polling&sid=abc"
	answer := func(number string) string { return "43" + number + people("p1") }
	const want = `437[null,{"total":7,"data":[{"name":"‹p1›"}]}]`
	t.Run("by polling", func(t *testing.T) {
		w := newWorld(t, asks())
		a := w.isPolled()
		numbers := w.asksByPolling(a, path, `427["find","people",{}]`, `428["get","people","p2"]`)
		a.says <- `43` + numbers[1] + `[null,{"id":"p2","name":"‹p2›"}]` + "\x1e" + answer(numbers[0])
		if got := w.get(path); got.body != `438[null,{"name":"‹p2›"}]`+"\x1e"+want {
			t.Errorf("%v", got)
		}
		a.says <- answer(numbers[0])
		if got := w.get(path); got.status < 400 || strings.Contains(got.body, "‹") {
			t.Errorf("answered twice: %v", got)
		}
	})
	for sentence, other := range map[string]string{"another connection": "/live?transport=polling&sid=abd", "none": "/live?transport=polling", "two": path + "&sid=abc"} {
		t.Run("on "+sentence, func(t *testing.T) {
			w := newWorld(t, asks())
			a := w.isPolled()
			numbers := w.asksByPolling(a, path, `427["find","people",{}]`)
			a.says <- answer(numbers[0])
			if got := w.get(other); got.status < 400 || strings.Contains(got.body, "‹") {
				t.Errorf("%v", got)
			}
		})
	}
	t.Run("by the WebSocket it goes on by", func(t *testing.T) {
		w := newWorld(t, asks())
		a := w.isPolled()
		number := w.asksByPolling(a, path, `427["find","people",{}]`)[0]
		s := w.speaks()
		p := w.opens(s, "/live?transport=websocket&sid=abc")
		p.asks("2probe")
		p.tells("3probe")
		p.hears()
		p.tells(answer(number))
		if got := p.hears(); got != want {
			t.Errorf("%q", got)
		}
	})
	t.Run("by another WebSocket", func(t *testing.T) {
		w := newWorld(t, asks())
		a := w.isPolled()
		number := w.asksByPolling(a, path, `427["find","people",{}]`)[0]
		s := w.speaks()
		p := w.opens(s, "/live?transport=websocket&sid=abd")
		p.tells(answer(number))
		if got := p.hears(); !strings.HasPrefix(got, "closed 1008 ") {
			t.Errorf("%q", got)
		}
	})
	t.Run("by polling, where a WebSocket was tried", func(t *testing.T) {
		w := newWorld(t, asks())
		a := w.isPolled()
		number := w.asksByPolling(a, path, `427["find","people",{}]`)[0]
		polls := w.app
		s := w.speaks()
		p := w.opens(s, "/live?transport=websocket&sid=abc")
		_ = p.conn.CloseNow()
		<-s.ended
		w.app = polls
		a.says <- answer(number)
		if got := w.get(path); got.body != want {
			t.Errorf("%v", got)
		}
	})
	t.Run("what is refused asks nothing", func(t *testing.T) {
		w := newWorld(t, asks())
		a := w.isPolled()
		for _, text := range []string{`427["find","people",{}]` + "\x1e" + `428["remove","people","p1"]`, `428["get","people","p60"]`} {
			if got := w.post(path, "text/plain", text); got.status < 400 || len(a.heard) > 0 {
				t.Errorf("%s: %v", text, got)
			}
		}
	})
}

// Questions that nobody answers take a place each, of which an account has as many as it may have streams; that of a WebSocket is given back when it is closed.
//
// Promise: SCOPE-9
func TestSCOPE_9_WhatIsAskedAndNotAnsweredIsBounded(t *testing.T) {
	w := newWorld(t, asks())
	a := w.isPolled()
	ask := func(n int) got {
		return w.post(fmt.Sprintf("/live?transport=polling&sid=%d", n), "text/plain", `427["find","people",{}]`)
	}
	for n := range asked.MostOfAccount {
		if got := ask(n); got.status != http.StatusOK {
			t.Fatal(got)
		}
		<-a.heard
	}
	if got := ask(asked.MostOfAccount); got.status < http.StatusInternalServerError || len(a.heard) > 0 {
		t.Errorf("one connection more: %v", got)
	}
	if got := w.proxy.Asking(); got != asked.MostOfAccount {
		t.Errorf("%d connections are kept", got)
	}

	w.remake(w.dependencies(t), asks())
	s := w.speaks()
	for range 3 {
		p := w.opens(s, "/live?transport=websocket")
		p.asks(`427["find","people",{}]`)
		heardAsked(t, s.heard)
		_ = p.conn.CloseNow()
		<-s.ended
	}
	for end := time.Now().Add(time.Minute); w.proxy.Asking() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d connections are kept of WebSockets that are closed", w.proxy.Asking())
		}
	}
}

// What is polled is kept as long as its connection is heard of, whatever is said on it, and two minutes more.
//
// Promise: SCOPE-9
func TestSCOPE_9_WhatIsPolledIsKeptAsLongAsItsConnectionIsHeardOf(t *testing.T) {
	const path = "/live?transport=polling&sid=abc"
	w := newWorld(t)
	var later atomic.Int64
	d := w.dependencies(t)
	d.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	w.remake(d, asks())
	a := w.isPolled()
	numbers := w.asksByPolling(a, path, `427["find","people",{}]`, `428["find","people",{}]`)
	for n := range 3 {
		later.Add(int64(asked.KeptFor - 10*time.Second))
		a.says <- "6"
		if got := w.get(path); got.body != "6" {
			t.Fatal(got)
		}
		w.asksByPolling(a, fmt.Sprint(path, n), `427["find","people",{}]`) // on another connection of the account, which is never answered
	}
	a.says <- "43" + numbers[0] + people("p1")
	if got := w.get(path); got.body != `437[null,{"total":7,"data":[{"name":"‹p1›"}]}]` {
		t.Errorf("%v", got)
	}
	later.Add(int64(asked.KeptFor + time.Second))
	a.says <- "43" + numbers[1] + people("p1")
	if got := w.get(path); got.status < 400 || strings.Contains(got.body, "‹") {
		t.Errorf("after two minutes of silence: %v", got)
	}
}

// Of a question that was not passed on, or that can have no answer, nothing is kept: it keeps no place from others of its account.
//
// Promise: SCOPE-9
func TestSCOPE_9_WhatCannotBeAnsweredIsNotKept(t *testing.T) {
	w := newWorld(t, asks())
	a := w.isPolled()
	for n := range 2 * asked.MostOfAccount {
		refused := w.post(fmt.Sprintf("/live?transport=polling&sid=%d", n), "text/plain", `427["find","people",{}]`+"\x1e"+`42["other"]`)
		w.refused(refused, policy.UndeclaredBody)
		w.asksByPolling(a, "/live?transport=polling", `427["find","people",{}]`)
	}
	w.asksByPolling(a, "/live?transport=polling&sid=0", `427["find","people",{}]`) // its number waits for nothing
	if n := w.proxy.Asking(); n != 1 {
		t.Errorf("%d connections are kept", n)
	}
}

// A question is kept without the request that it stood in.
//
// Promise: SCOPE-9
func TestSCOPE_9_AQuestionIsKeptWithoutItsRequest(t *testing.T) {
	route := asks()
	route.Path, route.Request = "/live/{dossier}", []httpgate.Naming{{In: httpgate.InPath, Name: "dossier", Scheme: "dossier"}}
	route.Shows = register.Name
	w := newWorld(t, route)
	a := w.isPolled()
	padding := strings.Repeat("&transport=polling", 3000)
	used := func() int64 {
		browser.CloseIdleConnections()
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	ask := func(n int) {
		w.asksByPolling(a, fmt.Sprintf("/live/p1?sid=%d&transport=polling%s", n/8, padding), fmt.Sprintf(`42%d["find","people",{}]`, n))
		w.mu.Lock()
		w.asked, w.received = nil, nil
		w.mu.Unlock()
	}
	ask(0)
	before := used()
	const times = 8*asked.MostOfAccount - 1
	for n := 1; n <= times; n++ {
		ask(n)
	}
	if each := (used() - before) / times; each > int64(len(padding))/2 {
		t.Errorf("%d bytes are kept of each, of an address of %d", each, len(padding))
	}
	runtime.KeepAlive(w)
}

// What is numbered is declared in one way.
//
// Promise: SCOPE-1
func TestSCOPE_1_WhatIsNumberedIsDeclaredInOneWay(t *testing.T) {
	w := newWorld(t)
	for want, spoil := range map[string]func(s *httpgate.Socket){
		"only what is numbered is answered":        func(s *httpgate.Socket) { s.Numbered = s.Numbered[1:] },
		"could be \"42\" with a number behind it":  func(s *httpgate.Socket) { s.Prefixes = append(s.Prefixes, "421") },
		"could be \"43\" with a number behind it":  func(s *httpgate.Socket) { s.Numbered[1].Answers = "437" },
		"\"43\" stands before what is no answer":   func(s *httpgate.Socket) { s.Prefixes = append(s.Prefixes, "43") },
		"write what stands before the number":      func(s *httpgate.Socket) { s.Numbered[1].Answers = "" },
		"has more parts than type has places":      func(s *httpgate.Socket) { s.Takes[1].Name = "42 find, people, all" },
		"says two parts of a type":                 func(s *httpgate.Socket) { s.Type = []string{"$[0]", "$[0]"} },
		"begins with none of prefixes":             func(s *httpgate.Socket) { s.Takes[0].Name = "43 hello" },
		"say with shows":                           func(s *httpgate.Socket) { s.Takes[4].Shows = 0 },
		"is not declared; write [register.schemes": func(s *httpgate.Socket) { s.Takes[1].Answer.Layout.People[0].Person[0].Scheme = "unknown" },
		"answer": func(s *httpgate.Socket) { s.Takes[1].Answer.Layout.Plain = []string{"total"} },
	} {
		r := asks()
		spoil(r.Socket)
		if _, err := httpgate.New([]httpgate.Service{w.service(r)}, w.dependencies(t)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not said: %v", want, err)
		}
	}
	page := asks()
	page.Kind, page.Socket.Sends = httpgate.Page, nil
	page.Socket.Takes = page.Socket.Takes[1:2]
	if _, err := httpgate.New([]httpgate.Service{w.service(page)}, w.dependencies(t)); err == nil || !strings.Contains(err.Error(), "declare a route of people") {
		t.Errorf("people in an answer: %v", err)
	}
}

// What a page asks by a number is drafted as a question, whose answer is seen once it is declared; neither its number nor a value is kept.
//
// Promise: RUN-9
func TestRUN_9_QuestionsAndTheirAnswersAreDrafted(t *testing.T) {
	bare := asks()
	bare.Path, bare.Query, bare.Only = "/messages", nil, nil
	bare.Socket = &httpgate.Socket{Prefixes: []string{"40"}}
	w, book := seeing(t, true, bare)
	s := w.speaks()
	for _, text := range []string{`424711["find","people",{"surname":"Fourcade"}]`, `424712["follow","elsafourcade"]`} {
		p := w.opens(s, "/messages")
		p.asks(text)
		if got := p.hears(); !strings.HasPrefix(got, "closed 1008 ") {
			t.Errorf("%q", got)
		}
	}
	draft := held(t, book, "4711", "lsa", "ourcade")
	for _, want := range []string{"numbered = { 42 = \"43\" }\n", "type = [\"$[0]\", \"$[1]\"]\n", "[service.route.websocket.takes.\"42 find, people\"]\nanswer = {}", "$[2].surname", "[service.route.websocket.takes.\"42 follow\"]\nanswer = {}", "\n# reads = true, if it changes nothing\n"} {
		if !strings.Contains(draft, want) {
			t.Errorf("%q is not in the draft:\n%s", want, draft)
		}
	}

	bare.Socket = &httpgate.Socket{
		Prefixes: []string{"40"}, Numbered: []socket.Numbered{{Asks: "42", Answers: "43"}}, Type: []string{"$[0]", "$[1]"},
		Takes: []httpgate.Message{{Name: "42 find, people", Members: []string{"$[2].surname"}, Reads: true, Answer: &httpgate.Answer{}}},
	}
	w, book = seeing(t, true, bare)
	s = w.speaks()
	p := w.opens(s, "/messages")
	p.asks(`424711["find","people",{"surname":"Fourcade"}]`)
	_, number, _ := heardAsked(t, s.heard)
	p.tells("43" + number + `[null,{"data":[{"id":"4711-01","name":"Elsa Fourcade"},{"id":"4711-02","name":"Elsa Fourcade"}]}]`)
	if got := p.hears(); !strings.HasPrefix(got, "closed 1008 undeclared-answer") {
		t.Errorf("%q", got)
	}
	draft = held(t, book, "4711", "lsa", "ourcade", number)
	if want := "[[service.route.websocket.takes.\"42 find, people\".answer.people]]\nrow = \"$[1].data[*]\"\nperson = { dossier = \"@.id\" }\nfields.name = \"@.name\"\n"; !strings.Contains(draft, want) {
		t.Errorf("%q is not in the draft:\n%s", want, draft)
	}
}

// What is declared is not drafted again where it came beside an answer that is wrong.
//
// Promise: RUN-9
func TestRUN_9_WhatComesBesideAWrongAnswerIsNotDraftedWhereItIsDeclared(t *testing.T) {
	w, book := seeing(t, true, asks())
	a := w.isPolled()
	const path = "/live?transport=polling&sid=abc"
	number := w.asksByPolling(a, path, `427["ping"]`)[0]
	a.says <- "43" + number + `["x"]` + "\x1e" + `42["people moved",{"id":"p1"}]` + "\x1e" + `42["others moved",{"id":"p1"}]`
	w.refused(w.get(path), policy.UndeclaredAnswer)
	draft := held(t, book, number)
	for _, want := range []string{"# sends: a type that is no plain word, seen 1×", "only an empty list may come:\n[service.route.websocket.takes.\"42 ping\".answer]\n"} {
		if !strings.Contains(draft, want) {
			t.Errorf("%q is not in the draft:\n%s", want, draft)
		}
	}
}
