package gate_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store/storetest"
)

var (
	pauline = gate.Asker{Account: "pauline", Organisation: "mlv", Role: roster.Adviser}
	chief   = gate.Asker{Account: "chief", Organisation: "mlv", Role: roster.Manager}
)

// Promise: METER-6
func TestMETER_6_ARaiseIsGivenByAnotherBoundedAndBoundedInAll(t *testing.T) {
	h := newHouse(t)
	g, _ := h.gate()
	soon := h.clock.now().Add(time.Hour)
	for what, test := range map[string]struct {
		by     gate.Asker
		people int
		until  time.Time
		reason string
		want   fault.Kind
	}{
		"to oneself":                {pauline, 5, soon, "a", fault.Refused},
		"by another house":          {gate.Asker{Account: "other", Organisation: "else", Role: roster.Manager}, 5, soon, "a", fault.Refused},
		"by a colleague":            {gate.Asker{Account: "karim", Organisation: "mlv", Role: roster.Adviser}, 5, soon, "a", fault.Refused},
		"of nobody":                 {chief, 0, soon, "a", fault.Invalid},
		"of more than one can give": {chief, 51, soon, "a", fault.Invalid},
		"for ever":                  {chief, 5, soon.AddDate(0, 0, 2), "a", fault.Invalid},
		"that has ended":            {chief, 5, soon.Add(-2 * time.Hour), "a", fault.Invalid},
		"without a reason":          {chief, 5, soon, "", fault.Invalid},
	} {
		if err := g.Raise(t.Context(), test.by, pauline, test.people, test.until, test.reason); err == nil || fault.Of(err) != test.want {
			t.Errorf("a raise %s: %v, want %v", what, err, test.want)
		}
	}
	if g.Standing(pauline, "").Raise != 0 {
		t.Error("a raise that was refused counts")
	}
	for n := range 3 {
		if err := g.Raise(t.Context(), chief, pauline, 50, soon, "shelter"); err != nil {
			t.Fatalf("raise %d: %v", n+1, err)
		}
	}
	if err := g.Raise(t.Context(), chief, pauline, 1, soon, "once more"); fault.Of(err) != fault.Refused || err == nil {
		t.Errorf("one more than 150 in 28 days: %v", err)
	}
}

// searching asks for the rows of a list that holds so many strangers.
func searching(first, people int) policy.Ask {
	a := ask()
	a.Route, a.Signs = "GET /files", meter.SearchRow
	for n := range people {
		a.People = append(a.People, policy.Opening{Person: storetest.Person(first + n), Fields: register.Name})
	}
	return a
}

// spend opens as many strangers as the account may in 28 days, and returns the
// moment's gate time after which the hour's allowance is whole again.
func (h *house) spend(g *gate.Gate) {
	h.t.Helper()
	for n := range 20 {
		if p := settle(h.t, g, ask(100+n)); p.Decision.People[0].Verdict != policy.Shown {
			h.t.Fatalf("stranger %d is %v", n+1, p.Decision.People[0].Verdict)
		}
		h.clock.advance(25 * time.Minute)
	}
	h.clock.advance(time.Hour)
}

// opened counts those whom an answer shows.
func opened(p gate.Passage) (n int) {
	for _, ruling := range p.Decision.People {
		if ruling.Verdict.Shows() {
			n++
		}
	}
	return n
}

// Promise: RIGHTS-10
func TestRIGHTS_10_OneSignatureIsForOnePersonAndNeverForAList(t *testing.T) {
	h := newHouse(t)
	g, _ := h.gate()
	h.spend(g)
	const many = 3000
	listed := searching(1000, many)
	page := ask()
	page.About, page.People = true, searching(1000, many).People
	export := searching(1000, many)
	export.Signs = meter.Exported
	for what, a := range map[string]policy.Ask{"the rows of a search": listed, "a page about them": page, "an export": export} {
		refused := settle(t, g, a)
		if opened(refused) != 0 {
			t.Fatalf("%s: strangers are shown with an empty allowance", what)
		}
		if err := g.Cosign(t.Context(), chief, refused.Receipt); err == nil {
			t.Errorf("one signature is taken for %s with %d people", what, many)
		}
		if n := opened(settle(t, g, a)); n > 0 {
			t.Errorf("after one signature %s shows %d people", what, n)
		}
	}
	one := settle(t, g, ask(1000))
	if err := g.Cosign(t.Context(), chief, one.Receipt); err != nil {
		t.Fatalf("one person, opened: %v", err)
	}
	if n := opened(settle(t, g, listed)); n > 0 {
		t.Errorf("a signature for an opening shows %d rows of a list", n)
	}
	if p := settle(t, g, ask(1000)); p.Decision.People[0].Why != policy.Vouched {
		t.Errorf("who was signed for is %v, %v", p.Decision.People[0].Verdict, p.Decision.People[0].Why)
	}
}

// Promise: RIGHTS-10
func TestRIGHTS_10_ASignatureUsedAtOnceOnTwoNodesOpensOnePerson(t *testing.T) {
	h := newHouse(t)
	left, right := first(h.gate()), first(h.gate())
	h.spend(left)
	refused := settle(t, right, ask(1000))
	var signed atomic.Int64
	var wait sync.WaitGroup
	for _, g := range []*gate.Gate{left, right, left, right} {
		wait.Go(func() {
			if err := g.Cosign(context.Background(), chief, refused.Receipt); err == nil {
				signed.Add(1)
			}
		})
	}
	wait.Wait()
	if signed.Load() != 1 {
		t.Errorf("one opening was signed for %d times", signed.Load())
	}
	shown := sync.Map{}
	for n := range 200 {
		wait.Go(func() {
			who := 1000 + n%50
			passage, err := []*gate.Gate{left, right}[n%2].Settle(context.Background(), ask(who))
			if err != nil {
				t.Error(err)
			} else if opened(passage) > 0 {
				shown.Store(who, true)
			}
		})
	}
	wait.Wait()
	people := 0
	shown.Range(func(any, any) bool { people++; return true })
	if people != 1 {
		t.Errorf("one signature opened %d people over two nodes", people)
	}
}

// Promise: RIGHTS-10
func TestRIGHTS_10_HowManyPeopleOneAccountIsSignedForIsBounded(t *testing.T) {
	h := newHouse(t)
	g, stop := h.gate()
	h.spend(g)
	signed := 0
	for n := range 60 {
		refused := settle(t, g, ask(1000+n))
		if ruling := refused.Decision.People[0]; ruling.Verdict != policy.AskCosign {
			if want := "Other people signed for 40 people for this account within 28 days, and that is the limit."; !strings.HasPrefix(ruling.Sentence(policy.English), want) {
				t.Errorf("the sentence is %q", ruling.Sentence(policy.English))
			}
			if err := g.Cosign(t.Context(), chief, refused.Receipt); err == nil {
				t.Error("one more is signed for")
			}
			break
		}
		if err := g.Cosign(t.Context(), chief, refused.Receipt); err != nil {
			t.Fatalf("signature %d: %v", n+1, err)
		}
		signed++
		if opened(settle(t, g, ask(1000+n))) != 1 {
			t.Fatalf("who was signed for is not shown")
		}
	}
	if signed != 40 {
		t.Errorf("signed for %d people within 28 days, want 40", signed)
	}
	stop()
	again, _ := h.gate() // rebuilt from the ledger
	if ruling := settle(t, again, ask(2000)).Decision.People[0]; ruling.Verdict == policy.AskCosign {
		t.Error("after a restart the bound is forgotten")
	}
	soon := h.clock.now().Add(time.Hour)
	for _, people := range []int{50, 50} {
		if err := again.Raise(t.Context(), chief, pauline, people, soon, "shelter"); err != nil {
			t.Fatal(err)
		}
	}
	if err := again.Raise(t.Context(), chief, pauline, 11, soon, "once more"); err == nil || fault.Of(err) != fault.Refused {
		t.Errorf("40 signed for and 111 raised: %v", err)
	}
}
