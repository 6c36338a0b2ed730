package httpgate_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"poterne/internal/gate"
	"poterne/internal/gate/httpgate"
	"poterne/internal/intake"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/store/storetest"
)

// search finds people by name and birth date, or by number.
func search() httpgate.Route {
	r := list()
	r.Path, r.Query = "/search", []string{"surname", "birth", "first", "page"}
	r.Request = []httpgate.Naming{{In: httpgate.InQuery, Name: "number", Scheme: "dossier"}}
	r.Search = &httpgate.Search{Most: 3, Name: []string{"surname"}, Birth: "birth"}
	return r
}

// byMail opens the file of whoever has an address.
func byMail() httpgate.Route {
	r := file()
	r.Path, r.Request = "/by-mail", []httpgate.Naming{{In: httpgate.InQuery, Name: "mail", Scheme: "mail"}}
	return r
}

// listener is a gate that remembers what it was asked.
type listener struct {
	httpgate.Gate
	mu   sync.Mutex // guards asks
	asks []policy.Ask
}

func (l *listener) Check(ctx context.Context, ask policy.Ask) (policy.Decision, error) {
	l.heard(ask)
	return l.Gate.Check(ctx, ask)
}

func (l *listener) Commit(ctx context.Context, ask policy.Ask) (gate.Passage, error) {
	l.heard(ask)
	return l.Gate.Commit(ctx, ask)
}

func (l *listener) heard(ask policy.Ask) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asks = append(l.asks, ask)
}

// last is the newest ask.
func (l *listener) last() policy.Ask {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asks[len(l.asks)-1]
}

// listen makes the gate one that remembers, with these routes and canaries.
func (w *world) listen(t *testing.T, canaries register.Canaries, routes ...httpgate.Route) *listener {
	t.Helper()
	d := w.dependencies(t)
	l := &listener{Gate: d.Gate}
	d.Gate, d.Canaries = l, canaries
	w.remake(d, routes...)
	return l
}

// Promise: SCOPE-4
func TestSCOPE_4_ASearchShowsFewRowsOrNone(t *testing.T) {
	w := newWorld(t, search())
	w.says("application/json", sayAll("p1", "p2", "p3"))
	if got := w.get("/search?surname=x&birth=1990-01-01"); got.status != http.StatusOK || !slices.Equal(shown(got.body), []string{"p1", "p2", "p3"}) {
		t.Errorf("three rows: %v", got)
	}
	w.says("application/json", sayAll("p1", "p2", "p3", "p4"))
	w.refused(w.get("/search?surname=x&birth=1990-01-01"), policy.TooMany)
	w.says("text/html; charset=utf-8", `<!doctype html><h1>x</h1><table><tr class="person" data-id="p1"><td>‹p1›</td></tr><tr class="person" data-id="p2"><td>‹p2›</td></tr>`+
		`<tr class="person" data-id="p3"><td>‹p3›</td></tr><tr class="person" data-id="p4"><td>‹p4›</td></tr></table>`)
	w.refused(w.get("/search?surname=x&birth=1990-01-01"), policy.TooMany)
	w.says("text/csv", "id,name\np1,‹p1›\np2,‹p2›\np3,‹p3›\np4,‹p4›\n")
	w.refused(w.get("/search?surname=x&birth=1990-01-01"), policy.TooMany)
	if last := w.last(); !last.Person.IsZero() || last.Cost != 0 {
		t.Errorf("what was not shown is charged: %v", last.Cost)
	}
}

// Promise: SCOPE-4
func TestSCOPE_4_ARowThatWasFoundCostsAFifthAndIsWrittenDown(t *testing.T) {
	w := newWorld(t, search())
	w.says("application/json", sayAll("p20", "p21", "p1"))
	before := len(w.entries())
	if got := w.get("/search?surname=x&birth=1990-01-01"); got.status != http.StatusOK || len(shown(got.body)) != 3 {
		t.Fatalf("got %v", got)
	}
	var cost meter.Cost
	people := make(map[register.PersonID]bool)
	for _, e := range w.entries()[before:] {
		if e.Kind == ledger.Consulted {
			cost += e.Cost
			people[e.Person] = true
		}
	}
	if cost != 2*meter.Whole/5 || !people[w.key.Person("p20")] || !people[w.key.Person("p1")] {
		t.Errorf("two strangers' rows and one of her own cost %d, %d people are written down", cost, len(people))
	}
}

// Promise: WATCH-2
func TestWATCH_2_TheDoorNoticesWhoGoesThroughTheRegister(t *testing.T) {
	w := newWorld(t, file())
	l := w.listen(t, register.Canaries{}, file(), list(), search(), changing(), byMail())
	everyone := []string{"p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9"}
	w.app = func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		switch who := strings.TrimPrefix(r.URL.Path, "/files/"); {
		case who == "p404":
			rw.WriteHeader(http.StatusNotFound)
		case strings.HasPrefix(r.URL.Path, "/files/"):
			_, _ = fmt.Fprint(rw, say(strings.TrimSuffix(who, "/notes")))
		case r.URL.Path == "/list":
			_, _ = fmt.Fprint(rw, sayAll("p9", "p2", "p7", "p1"))
		default:
			_, _ = fmt.Fprint(rw, sayAll(everyone[:2]...))
		}
	}
	const row = meter.SearchRow
	for _, step := range []struct {
		path, because string
		want          meter.Signs
	}{
		{"/search?surname=martin&birth=1990-01-01", "a first search", row},
		{"/search?surname=martin&birth=1990-01-01&first=anne", "the same, refined", row},
		{"/search?surname=bernard&birth=1990-01-01", "another name on the same day", row | meter.SameBirth},
		{"/search?surname=%20BERNARD&birth=1990-01-02", "another day for the same name", row | meter.SameName},
		{"/search?surname=petit&birth=1971-05-06", "somebody else altogether", row},
		{"/search?surname=petit&birth=1971-05-06&page=2", "its next page", row | meter.NextPage},
		{"/search?surname=petit&birth=1971-05-06&page=1", "and back", row},
		{"/list", "one's list", 0},
		{"/list?page=2", "its second page", meter.NextPage},
		{"/list?page=2", "the same again", 0},
		{"/list?page=5", "a later one", meter.NextPage},
		{"/list?page=1", "the first", 0},
		{"/files/p9", "the first file of all", 0},
		{"/files/p9", "the same file", 0},
		{"/files/p2", "the next in the list", meter.InOrder},
		{"/files/p7", "and the next", meter.InOrder},
		{"/files/p3", "one that is neither in the list nor after it", meter.OutOfOrder},
		{"/files/p5", "one that comes after it", meter.InOrder},
		{"/files/p404", "nobody's", meter.OutOfOrder},
		{"/files/p404", "nobody's again", meter.Repeated | meter.Again},
		{"/files/p4", "somebody's", meter.OutOfOrder},
		{"/files/p404", "and nobody's again", meter.Repeated | meter.Again | meter.InOrder},
		{"/search?number=p8", "by number", row | meter.InOrder},
		{"/by-mail?mail=a@nowhere.example", "an address of nobody's", meter.OutOfOrder},
		{"/by-mail?mail=b@nowhere.example", "and the next one", meter.InOrder},
	} {
		w.get(step.path)
		if got := l.last().Signs &^ meter.Listed; got != step.want {
			t.Errorf("%s (%s): signs %b, want %b", step.because, step.path, got, step.want)
		}
	}
	w.get("/files/p8")
	w.post("/files/p8/notes", "application/x-www-form-urlencoded", "text=x")
	if got := l.last().Signs; got != 0 {
		t.Errorf("writing about the person one looks at is a sign: %b", got)
	}
}

// bird is a canary that is live now, under a key's function, and another file that
// is none.
func bird(t *testing.T, key register.Key) (canaries register.Canaries, canary, other string) {
	t.Helper()
	canaries, err := key.Canaries("test", 100)
	if err != nil {
		t.Fatal(err)
	}
	for n := 100; canary == "" || other == ""; n++ {
		who := fmt.Sprintf("p%d", n)
		if canaries.Live(key.Person(who), time.Now()) {
			canary = who
		} else if !canaries.Reserved(key.Person(who)) {
			other = who
		}
	}
	return canaries, canary, other
}

// Promise: WATCH-3
func TestWATCH_3_EveryPersonWhoIsNamedOrShownIsTested(t *testing.T) {
	w := newWorld(t, file())
	canaries, canary, other := bird(t, w.key)
	letters := httpgate.Route{
		Path: "/letters", Kind: httpgate.People, Purpose: "accompany", Unread: []string{"application/pdf"},
		Header: &httpgate.HeaderNaming{Name: "Poterne-People", Schemes: []string{"dossier"}},
	}
	l := w.listen(t, canaries, file(), list(), search(), changing(), letters)
	found := func(header, value string) func() got {
		return func() got {
			w.app = func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set(header, value)
				rw.Header().Set("Content-Type", "application/pdf")
				if header == "Location" {
					rw.WriteHeader(http.StatusSeeOther)
				}
			}
			if header == "Location" {
				return w.get("/search?surname=x&birth=1990-01-01")
			}
			return w.get("/letters")
		}
	}
	for name, test := range map[string]struct {
		ask  func() got
		want map[string]bool
	}{
		"in a redirection": {found("Location", "/files/"+canary), map[string]bool{canary: true}},
		"in a header":      {found("Poterne-People", "dossier="+canary+";fields=name, dossier="+other+";fields=name"), map[string]bool{canary: true, other: false}},
		"by number":        {func() got { w.says("application/json", say(other)); return w.get("/files/" + other) }, map[string]bool{other: false}},
		"in a change":      {func() got { return w.post("/files/"+canary+"/notes", "application/x-www-form-urlencoded", "text=x") }, map[string]bool{canary: true}},
		"in a list":        {func() got { w.says("application/json", sayAll(other, canary)); return w.get("/list") }, map[string]bool{other: false, canary: true}},
		"in a search": {func() got {
			w.says("application/json", sayAll(canary, other))
			return w.get("/search?surname=x&birth=1990-01-01")
		}, map[string]bool{other: false, canary: true}},
	} {
		t.Run(name, func(t *testing.T) {
			test.ask()
			ask := l.last()
			if len(ask.People) != len(test.want) {
				t.Fatalf("%d people", len(ask.People))
			}
			for who, want := range test.want {
				i := slices.IndexFunc(ask.People, func(o policy.Opening) bool { return o.Person == w.key.Person(who) })
				if i < 0 || ask.People[i].Canary != want {
					t.Errorf("of %d people, one is wrong: canary %v", len(ask.People), !want)
				}
			}
		})
	}
}

// Promise: WATCH-3
func TestWATCH_3_ACanaryOpenedByIdentifierNeverReachesTheApplication(t *testing.T) {
	w := newWorld(t, file())
	canaries, canary, other := bird(t, w.key)
	w.listen(t, canaries, file())
	w.says("application/json", say(canary))
	before := w.times()
	if got := w.get("/files/" + canary); got.status != http.StatusForbidden || len(shown(got.body)) > 0 || w.times() != before {
		t.Errorf("got %v, the application was asked %d times", got, w.times()-before)
	}
	if last := w.last(); last.Why != policy.CanaryOpened && last.Kind != ledger.Placed {
		t.Errorf("the ledger ends with %v %v", last.Kind, last.Why)
	}
	w.says("application/json", say(other))
	if got := w.get("/files/" + other); got.status == http.StatusOK {
		t.Error("whoever opened a canary opens another stranger")
	}
	w.says("application/json", say("p1"))
	if got := w.get("/files/p1"); got.status != http.StatusOK {
		t.Errorf("and no longer their own people: %v", got)
	}
}

// Promise: WATCH-3
func TestWATCH_3_AnAliasLeadsToTheSameCanary(t *testing.T) {
	w := newWorld(t, file())
	canaries, canary, _ := bird(t, w.key)
	l := w.listen(t, canaries, byMail())
	_, err := journal.Do(t.Context(), storetest.Outside(w.store), intake.AliasBatch{Aliases: []intake.Alias{{Alias: w.key.Alias(register.Ref{Scheme: "mail", Value: "canary@test.example"}), Person: w.key.Person(canary)}}})
	if err != nil {
		t.Fatal(err)
	}
	w.says("application/json", `{"mail":"canary@test.example","name":"‹`+canary+`›"}`)
	if got := w.get("/by-mail?mail=canary@test.example"); got.status != http.StatusForbidden || len(shown(got.body)) > 0 {
		t.Errorf("got %v", got)
	}
	if ask := l.last(); len(ask.People) != 1 || !ask.People[0].Canary {
		t.Error("the canary is not one by their address")
	}
}

// What closes searches closes no file, and what closes one route leaves the others.
//
// Promises: ACT-1, ACT-3
func TestACT_3_WhatClosesAFunctionClosesNothingElse(t *testing.T) {
	for name, c := range map[string]struct {
		target       string
		search, file bool // still go through
	}{
		"searches":      {order.Searches, false, true},
		"changes":       {order.Changes, true, true},
		"the file":      {"dossier GET /files/{id}", true, false},
		"another route": {"dossier GET /list", true, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, search(), file())
			if _, err := w.gate.Place(t.Context(), order.Order{Reach: order.Function, Target: c.target, Effect: order.Closed, By: "desk"}); err != nil {
				t.Fatal(err)
			}
			closes := func(g got) bool { return strings.HasPrefix(g.body, "refused "+policy.Closed.String()+" on ") }
			w.says("text/html", "<ul></ul>")
			searched := w.get("/search?surname=martin&birth=1990-01-01")
			opened := w.get("/files/1")
			if closed := closes(searched); closed == c.search {
				t.Errorf("a search: closed %v, %d", closed, searched.status)
			}
			if closed := closes(opened); closed == c.file {
				t.Errorf("a file: closed %v, %d", closed, opened.status)
			}
		})
	}
}
