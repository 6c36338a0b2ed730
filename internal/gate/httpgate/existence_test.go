package httpgate_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/gate/httpgate"
	"poterne/internal/i18n"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/signin"
)

// telling says to whoever is refused all that any page could be made of, but for
// the receipt, which the header has.
type telling struct{ pages }

func (telling) Refused(w http.ResponseWriter, _ *http.Request, refusal httpgate.Refusal) {
	w.WriteHeader(http.StatusForbidden)
	r := refusal.Ruling
	_, _ = fmt.Fprintf(w, "%v %v on %s, %d of %d, again %v, reason %v, fields %v: %s", r.Verdict, r.Why, refusal.Route, r.Counted, r.Limit, r.Again, r.Reason, r.Fields, i18n.English.Sentence(r))
}

// watchful are rules under which everything is watched.
func watchful() policy.Rules {
	r := rules
	r.Watches = policy.Watches
	return r
}

// guesser is an account at work in a world whose time stands still between its asks.
type guesser struct {
	*world
	us *atomic.Int64
}

func newGuesser(t *testing.T, rules policy.Rules, begun time.Time) *guesser {
	t.Helper()
	g := &guesser{us: new(atomic.Int64)}
	g.us.Store(begun.UnixMicro())
	now := func() time.Time { return time.UnixMicro(g.us.Load()).UTC() }
	g.world = newWorldAt(t, rules, now, file(), byMail())
	d := g.dependencies(t)
	d.Pages, d.Now = telling{}, now
	d.Who = func(_ http.ResponseWriter, r *http.Request) (signin.Session, error) {
		session := roster.SessionID(r.Header.Get("Test-Session"))
		return signin.Session{ID: session, Account: account, Organisation: "mlv"}, nil
	}
	g.remake(d, file(), byMail())
	g.app = func(rw http.ResponseWriter, r *http.Request) {
		who := strings.TrimPrefix(r.URL.Path, "/files/")
		if mail := r.URL.Query().Get("mail"); mail != "" {
			who, _, _ = strings.Cut(mail, "@")
		}
		rw.Header().Set("Content-Type", "application/json")
		switch {
		case r.Header.Get("X-CSRF-Token") == "gone":
			rw.WriteHeader(http.StatusGone)
		case r.Header.Get("X-CSRF-Token") == "not found":
			rw.WriteHeader(http.StatusNotFound)
		default:
			_, _ = fmt.Fprint(rw, say(who))
		}
	}
	return g
}

func (g *guesser) pass(d time.Duration) { g.us.Add(d.Microseconds()) }

// opens asks for somebody by their address, and returns all that was told.
func (g *guesser) opens(mail, application string) string {
	r := g.request("GET", "/by-mail?mail="+mail, "")
	r.Header.Set("X-CSRF-Token", application)
	got := g.do(r)
	delete(got.header, "Date")
	return fmt.Sprint(got.status, got.header, got.body)
}

func (g *guesser) place(o order.Order) {
	g.t.Helper()
	o.By, o.Because = "samir", "test"
	if _, err := g.gate.Place(g.t.Context(), o); err != nil {
		g.t.Fatal(err)
	}
}

// strangers opens so many, slowly.
func (g *guesser) strangers(n int) {
	g.t.Helper()
	for i := range n {
		if told := g.opens(fmt.Sprintf("p%d@test.example", 10+i), ""); !strings.HasPrefix(told, "200 ") {
			g.t.Fatalf("a stranger who could be opened: %s", told)
		}
		g.pass(5*time.Minute + time.Duration(i)*time.Minute)
	}
}

// Whoever may not open somebody is told the same, is counted the same, and is
// stopped at the same moment, whether there is such a person or not.
//
// Promise: WATCH-9
// Promises: SCOPE-5, SCOPE-6
func TestWATCH_9_WhoExistsCannotBeToldByWhoeverMayNotKnow(t *testing.T) {
	kinds := map[string]func(*guesser, int) string{
		"strangers":                   func(g *guesser, n int) string { return g.opens(fmt.Sprintf("p%d@test.example", 20+n), "") },
		"addresses of nobody's":       func(g *guesser, n int) string { return g.opens(fmt.Sprintf("p%dx@test.example", 20+n), "") },
		"people whose file is closed": func(g *guesser, n int) string { return g.opens(fmt.Sprintf("p%d@test.example", 40+n), "") },
		"people who are archived":     func(g *guesser, n int) string { return g.opens(fmt.Sprintf("p%d@test.example", 52+n), "") },
		"strangers without a file":    func(g *guesser, n int) string { return g.opens(fmt.Sprintf("p%d@test.example", 20+n), "not found") },
		"strangers who were deleted":  func(g *guesser, n int) string { return g.opens(fmt.Sprintf("p%d@test.example", 20+n), "gone") },
		"nobody and somebody in turn": func(g *guesser, n int) string {
			return g.opens(fmt.Sprintf("p%d%s@test.example", 20+n, [...]string{"", "x"}[n%2]), "")
		},
	}
	states := map[string]struct {
		rules func(*policy.Rules)
		comes func(*guesser)
	}{
		"frozen": {nil, func(g *guesser) {
			g.place(order.Order{Effect: order.Frozen, Reach: order.Account, Target: string(account)})
		}},
		"hour empty": {nil, func(g *guesser) { g.strangers(3) }},
		"month empty": {func(r *policy.Rules) {
			r.Allowances = map[roster.Role]meter.Allowance{roster.Adviser: {Short: 300, Long: 300}}
		}, func(g *guesser) { g.strangers(3) }},
		"doubted": {nil, func(g *guesser) { g.opens("a@test.example", ""); g.pass(time.Minute); g.opens("b@test.example", "") }},
		"on probation": {func(r *policy.Rules) {
			r.Allowances = map[roster.Role]meter.Allowance{roster.Adviser: {Short: 300, Long: 400}}
			r.Probation = meter.Allowance{Short: 100, Long: 100}
		}, func(g *guesser) { g.strangers(1) }},
		"nobody allowed": {func(r *policy.Rules) { r.Allowances = nil }, func(*guesser) {}},
		"narrowed": {nil, func(g *guesser) {
			g.place(order.Order{Effect: order.Narrowed, Reach: order.Account, Target: string(account)})
		}},
		"suspended": {nil, func(g *guesser) {
			g.place(order.Order{Effect: order.Suspended, Reach: order.Organisation, Target: "mlv"})
		}},
		"closed":            {nil, func(g *guesser) { g.place(order.Order{Effect: order.Closed, Reach: order.Service, Target: "dossier"}) }},
		"organisation done": {func(r *policy.Rules) { r.Wider.Organisation = meter.Allowance{Short: 100, Long: 100} }, func(g *guesser) { g.strangers(1) }},
		"drifted": {func(r *policy.Rules) {
			r.Watches = map[roster.Role]policy.Watch{roster.Adviser: {Line: 250, Evidence: true}}
		}, func(g *guesser) { g.strangers(2) }},
		"cold people cost twice, and one is left": {func(r *policy.Rules) { r.Cold = true }, func(g *guesser) { g.strangers(1) }},
	}
	for state, test := range states {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			begun, told := time.Now(), make(map[string][]string)
			for kind, asks := range kinds {
				with := watchful()
				if test.rules != nil {
					test.rules(&with)
				}
				g := newGuesser(t, with, begun)
				test.comes(g)
				for n := range 12 {
					g.pass(time.Minute)
					told[kind] = append(told[kind], asks(g, n))
				}
			}
			for kind, all := range told {
				for n, one := range all {
					if want := told["strangers"][n]; one != want || !strings.HasPrefix(one, "403 ") {
						t.Errorf("%s, ask %d:\n%s\nof a stranger it would be\n%s", kind, n, one, want)
						break
					}
				}
			}
		})
	}
}

// Promise: WATCH-9
func TestWATCH_9_SixtyGuessesAreStopped(t *testing.T) {
	states := map[string]func(*guesser){
		"at work": func(*guesser) {},
		"frozen": func(g *guesser) {
			g.place(order.Order{Effect: order.Frozen, Reach: order.Account, Target: string(account)})
		},
		"month empty": func(g *guesser) { g.strangers(3) },
	}
	for state, comes := range states {
		t.Run(state, func(t *testing.T) {
			with := watchful()
			with.Allowances = map[roster.Role]meter.Allowance{roster.Adviser: {Short: 300, Long: 300}}
			g := newGuesser(t, with, time.Now())
			comes(g)
			expelled, nobody := 0, 0
			for n := range 60 { // slowly
				g.pass(30*time.Second + time.Duration(n)*time.Second)
				g.opens(fmt.Sprintf("x%d@test.example", n), "")
				switch g.last().Why {
				case policy.Expelled:
					expelled++
				case policy.NobodyKnown:
					nobody++
				}
			}
			if expelled == 0 || nobody > 2 {
				t.Errorf("sessions ended %d times, and %d times it was told that there is nobody", expelled, nobody)
			}
			for _, e := range g.entries() {
				if !e.Verdict.Shows() && e.Account == account && !e.Guessed() {
					t.Errorf("the ledger does not say of entry %d that it led to nobody: %v", e.Number, e.Why)
				}
			}
		})
	}
}

// Promise: SCOPE-6
func TestSCOPE_6_AClosedFileAndAnArchivedOneLookLikeNone(t *testing.T) {
	begun := time.Now()
	told := make(map[string]string)
	for _, who := range []string{"nobody", "p45", "p55"} {
		g := newGuesser(t, rules, begun)
		for range 3 { // again and again
			told[who] += g.opens(who+"@test.example", "")
			if g.last().Signs.Has(meter.Repeated) != (told[who] != "" && len(g.entries()) > 1) {
				t.Errorf("%s: asked %d times, and the signs are %v", who, len(g.entries()), g.last().Signs)
			}
			g.pass(time.Minute)
		}
		if g.times() != 0 {
			t.Errorf("the application was asked for %s", who)
		}
		if g.last().Why.Told() == g.last().Why && who != "nobody" {
			t.Errorf("of %s the ledger says %v", who, g.last().Why)
		}
	}
	if told["p45"] != told["nobody"] || told["p55"] != told["nobody"] {
		t.Errorf("nobody:\n%s\nclosed:\n%s\narchived:\n%s", told["nobody"], told["p45"], told["p55"])
	}
}

// What is asked for at once is decided one by one: an application that says that
// somebody is not there does not make it told, once the account is stopped.
//
// Promise: WATCH-9
func TestWATCH_9_TwentyAtOnceAreStoppedAndTellNothing(t *testing.T) {
	with := watchful()
	with.Allowances = map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(100), Long: meter.People(100)}}
	for kind, application := range map[string]string{"strangers": "", "whom the application does not know": "not found"} {
		t.Run(kind, func(t *testing.T) {
			let := func(told ...string) (n int) {
				for _, one := range told {
					if strings.HasPrefix(one, "200 ") || strings.Contains(one, policy.NotThere.String()) {
						n++
					}
				}
				return n
			}
			asks := func(g *guesser, n int) string {
				r := g.request("GET", fmt.Sprintf("/by-mail?mail=p%d@test.example", 15+n), "")
				r.Header.Set("Test-Session", fmt.Sprint("s", n%10))
				r.Header.Set("X-CSRF-Token", application)
				return g.do(r).String()
			}
			inTurn := 0
			alone := newGuesser(t, with, time.Now())
			for n := range 20 {
				inTurn += let(asks(alone, n))
			}

			g := newGuesser(t, with, time.Now())
			answer, ready := g.app, make(chan struct{})
			var asked atomic.Int64
			g.app = func(rw http.ResponseWriter, r *http.Request) { // until all are asked for
				if asked.Add(1) == 20 {
					close(ready)
				}
				<-ready
				answer(rw, r)
			}
			told := make([]string, 20)
			var wait sync.WaitGroup
			for n := range told {
				wait.Go(func() { told[n] = asks(g, n) })
			}
			wait.Wait()
			frozen := slices.ContainsFunc(g.gate.Orders(), func(o order.Order) bool { return o.Effect == order.Frozen })
			if atOnce := let(told...); !frozen || max(inTurn, atOnce) > 3 || atOnce > inTurn+1 {
				t.Errorf("%d of 20 were let through at once, %d one after the other, frozen %v", atOnce, inTurn, frozen)
			}
		})
	}
}

// A session for each search gains nothing.
//
// Promise: WATCH-9
func TestWATCH_9_ASearchIsComparedWithThoseOfTheAccountsOtherSessions(t *testing.T) {
	w := newWorld(t, search())
	l := w.listen(t, register.Canaries{}, search())
	d := w.dependencies(t)
	d.Gate = l
	d.Who = func(_ http.ResponseWriter, r *http.Request) (signin.Session, error) {
		return signin.Session{ID: roster.SessionID(r.Header.Get("Test-Session")), Account: account, Organisation: "mlv"}, nil
	}
	w.remake(d, search())
	w.says("application/json", "[]")
	for n := range 5 {
		r := w.request("GET", fmt.Sprintf("/search?surname=name%d&birth=1990-01-01", n), "")
		r.Header.Set("Test-Session", fmt.Sprint("s", n))
		w.do(r)
		if signs := l.last().Signs; n > 0 && !signs.Has(meter.SameBirth) {
			t.Errorf("search %d in a session of its own: signs %b", n, signs)
		}
	}
}
