package policy_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/reason"
)

// found is a search that shows these people, of whom those from 900 on exist for
// Poterne only.
func found(people ...int) policy.Ask {
	a := ask(people...)
	a.Signs = meter.SearchRow
	for i, n := range people {
		a.People[i].Canary = n >= 900
	}
	return a
}

// opened is one file, opened by its identifier.
func opened(n int) policy.Ask {
	a := ask(n)
	a.About, a.People[0].Canary = true, n >= 900
	return a
}

// desk is an account at work: what is decided is kept.
type desk struct {
	meter *meter.Meter
	now   time.Time
	next  uint64 // answer
	facts func(*policy.Facts)
}

func (d *desk) do(a policy.Ask) policy.Decision {
	d.now = d.now.Add(time.Minute)
	f := facts(d.meter)
	d.next++
	f.Answer = d.next
	if d.facts != nil {
		d.facts(&f)
	}
	decision := rules.Decide(a, f, d.now)
	draft := d.meter.Draft()
	for i, ruling := range decision.People {
		draft.Record(policy.Event(a, a.People[i].Person, ruling, d.next, d.now))
	}
	draft.Keep()
	return decision
}

func (d *desk) stepUp() {
	d.now = d.now.Add(time.Minute)
	draft := d.meter.Draft()
	d.next++
	draft.Record(meter.Event{Kind: meter.SteppedUp, At: d.now, Answer: d.next})
	draft.Keep()
}

// Promise: WATCH-3
func TestWATCH_3_ACanaryOpenedByIdentifierFreezesWhateverExplainsIt(t *testing.T) {
	for name, facts := range map[string]func(*policy.Facts){
		"nothing does": nil,
		"a caseload": func(f *policy.Facts) {
			f.Evidence.Facts = append(f.Evidence.Facts, reason.Fact{Kind: reason.Caseload, Account: "pauline", Person: person(900), From: now.AddDate(0, -1, 0), Until: now.AddDate(0, 1, 0), Source: "cases", ID: "x"})
		},
	} {
		d := &desk{meter: meter.New(), now: now, facts: facts}
		if got := d.do(opened(900)); got.Shown() || got.Whole.Verdict != policy.Freeze || got.Whole.Why != policy.CanaryOpened {
			t.Errorf("%s: %v %v", name, got.Whole.Verdict, got.Whole.Why)
		}
		if _, freezes := d.do(found(20, 901)).Freezes(); freezes {
			t.Errorf("%s: the first canary of a search freezes", name)
		}
	}
}

// Promise: WATCH-3
func TestWATCH_3_OneCanaryInASearchAsksForATouchAndAnotherFreezes(t *testing.T) {
	d := &desk{meter: meter.New(), now: now}
	if got := d.do(found(20, 900, 21)); !got.Shown() || got.People[1].Verdict != policy.Shown || got.People[1].Why != policy.CanaryListed {
		t.Fatalf("the first: %+v", got)
	}
	if got := d.do(opened(22)); got.Whole.Verdict != policy.AskStepUp || got.Whole.Why != policy.CanaryListed {
		t.Errorf("the next stranger: %v %v", got.Whole.Verdict, got.Whole.Why)
	}
	if got := d.do(opened(1)); !got.Shown() {
		t.Errorf("one's own people: %v", got.Whole.Why)
	}
	d.stepUp()
	if got := d.do(opened(22)); !got.Shown() {
		t.Errorf("after a step-up: %v %v", got.Whole.Verdict, got.Whole.Why)
	}
	for range 5 { // the account reloads the page
		if got := d.do(found(20, 900, 21)); got.People[1].Why != policy.AlreadySeen || !got.People[1].Verdict.Shows() {
			t.Fatalf("the same search once more: %v %v", got.People[1].Verdict, got.People[1].Why)
		}
	}
	if ruling, freezes := d.do(found(23, 901)).Freezes(); !freezes || ruling.Why != policy.CanaryOpened {
		t.Errorf("another one: %v", ruling.Why)
	}
}

// Promise: WATCH-3
func TestWATCH_3_ACanaryInASearchIsDecidedAsAStranger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var frozen func(*policy.Facts)
		if rapid.Bool().Draw(t, "frozen") {
			frozen = func(f *policy.Facts) { f.Orders = ordered(order.Frozen, order.Account, "pauline") }
		}
		one, other := meter.New(), meter.New()
		bird, stranger := &desk{meter: one, now: now, facts: frozen}, &desk{meter: other, now: now, facts: frozen}
		for range rapid.IntRange(0, 12).Draw(t, "before") {
			before := found(rapid.IntRange(1, 60).Draw(t, "person"))
			bird.do(before)
			stranger.do(before)
		}
		a, b := found(900, 70), found(100, 70)
		got, want := bird.do(a), stranger.do(b)
		for i := range got.People {
			g, w := got.People[i], want.People[i]
			if i == 0 && g.Why == policy.CanaryListed {
				g.Why = policy.Counted
			}
			if g != w {
				t.Fatalf("row %d: %+v, a stranger's is %+v", i, g, w)
			}
		}
		again, asBefore := bird.do(a).People[0], stranger.do(b).People[0]
		if again.Verdict.Shows() != asBefore.Verdict.Shows() {
			t.Fatalf("once more: %+v, a stranger's is %+v", again, asBefore)
		}
	})
}
