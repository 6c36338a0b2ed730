package httpgate_test

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/gate/httpgate"
	"poterne/internal/gate/network"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/signin"
	"poterne/internal/store/storetest"
)

// remembering keeps what people are told when they are refused.
type remembering struct {
	pages
	told *httpgate.Refusal
}

func (p remembering) Refused(w http.ResponseWriter, r *http.Request, refusal httpgate.Refusal) {
	*p.told = refusal
	p.pages.Refused(w, r, refusal)
}

// Promise: METER-1
func TestMETER_1_ATouchOpensWhatTheHoursAllowanceDoesNot(t *testing.T) {
	w := newWorld(t, file())
	d, told := w.dependencies(t), httpgate.Refusal{}
	d.Pages = remembering{told: &told}
	w.remake(d, file())
	w.app = func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		_, _ = rw.Write([]byte(say(strings.TrimPrefix(r.URL.Path, "/files/"))))
	}
	for _, who := range []string{"p20", "p21", "p22"} {
		if g := w.get("/files/" + who); g.status != http.StatusOK {
			t.Fatalf("%s: %v", who, g)
		}
	}
	w.refused(w.get("/files/p23"), policy.ShortEmpty)
	if r := told.Ruling; r.Verdict != policy.AskStepUp || r.Limit != meter.People(3) || w.last().Verdict != policy.AskStepUp {
		t.Errorf("told %+v, written %v", r, w.last().Verdict)
	}
	if err := w.gate.StepUp(t.Context(), account, "s1", "", network.Elsewhere); err != nil {
		t.Fatal(err)
	}
	if g := w.get("/files/p23"); g.status != http.StatusOK {
		t.Errorf("after a step-up: %v", g)
	}
	w.refused(w.get("/files/p24"), policy.ShortEmpty)
}

// Whoever is masked for want of a step-up cannot be cut out of a change: it is
// refused, with what the limit was.
func TestMETER_1_AChangeThatWouldNeedATouchSaysSo(t *testing.T) {
	w := newWorld(t, file(), changing())
	d, told := w.dependencies(t), httpgate.Refusal{}
	d.Pages = remembering{told: &told}
	w.remake(d, file(), changing())
	w.app = func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		_, _ = rw.Write([]byte(say(strings.TrimPrefix(r.URL.Path, "/files/"))))
	}
	for _, who := range []string{"p20", "p21", "p22"} {
		w.get("/files/" + who)
	}
	asked := w.times()
	w.refused(w.post("/files/p20/notes", "application/x-www-form-urlencoded", "text=seen"), policy.ShortEmpty)
	if r := told.Ruling; r.Verdict != policy.Refused && r.Verdict != policy.AskStepUp || r.Counted != meter.People(3) || r.Limit != meter.People(3) || r.Again.IsZero() {
		t.Errorf("told %+v", r)
	}
	if w.times() != asked {
		t.Error("the application was asked")
	}
}

func TestWhichBrowserAndWhichNetworkAreWrittenDown(t *testing.T) {
	w := newWorld(t, file())
	d := w.dependencies(t)
	d.Who = func(_ http.ResponseWriter, r *http.Request) (signin.Session, error) {
		return signin.Session{ID: "s1", Account: account, Organisation: "mlv", Device: r.Header.Get("Test-Device")}, nil
	}
	d.Networks = network.Map{
		Classes: []network.Class{{Name: "agency", Ranges: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}},
		Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
	}
	w.remake(d, file())
	w.says("application/json", say("p1"))
	for _, test := range []struct{ device, address, network string }{
		{"00112233445566ff", "10.1.2.3", "agency"}, {"", "203.0.113.9", "other"},
	} {
		r := w.request("GET", "/files/p1", "")
		r.Header.Set("Test-Device", test.device)
		r.Header.Set("X-Forwarded-For", test.address)
		if g := w.do(r); g.status != http.StatusOK {
			t.Fatal(g)
		}
		if e := w.last(); e.Device != test.device || e.Network != test.network {
			t.Errorf("written: browser %q, network %q; want %q, %q", e.Device, e.Network, test.device, test.network)
		}
	}
}

// Promise: WATCH-5
func TestWATCH_5_WhoGoesOnWhileFrozenLosesTheirSessions(t *testing.T) {
	for name, broken := range map[string]error{"": nil, "even when the sessions cannot be ended": &fault.Error{Kind: fault.Unavailable}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, file())
			d := w.dependencies(t)
			var expelled []roster.AccountID
			d.Expel = func(_ context.Context, who roster.AccountID) error {
				expelled = append(expelled, who)
				return broken
			}
			d.Gate = insisted{w.gate, map[register.PersonID]bool{w.key.Person("p20"): true}}
			w.remake(d, file())
			w.says("application/json", say("p20"))
			if g := w.get("/files/p20"); g.status != http.StatusForbidden || len(expelled) != 1 || expelled[0] != account {
				t.Errorf("got %v, expelled %v", g, expelled)
			}
			w.says("application/json", say("p1"))
			if g := w.get("/files/p1"); g.status != http.StatusOK || len(expelled) != 1 {
				t.Errorf("got %v, expelled %v", g, expelled)
			}
		})
	}
}

// insisted is a gate that finds that some people were asked for once too often.
type insisted struct {
	*storetest.Node
	people map[register.PersonID]bool
}

func (g insisted) Check(ctx context.Context, ask policy.Ask) (policy.Decision, error) {
	if decision, over := g.over(ask); over {
		return decision, nil
	}
	return g.Gate.Check(ctx, ask)
}

func (g insisted) Commit(ctx context.Context, ask policy.Ask) (gate.Passage, error) {
	if decision, over := g.over(ask); over {
		return gate.Passage{Decision: decision}, nil
	}
	return g.Gate.Commit(ctx, ask)
}

func (g insisted) over(ask policy.Ask) (policy.Decision, bool) {
	expelled := policy.Ruling{Verdict: policy.Refused, Why: policy.Expelled}
	for _, opening := range ask.People {
		if g.people[opening.Person] {
			return policy.Decision{Whole: expelled, People: make([]policy.Ruling, len(ask.People))}, true
		}
	}
	return policy.Decision{}, false
}
