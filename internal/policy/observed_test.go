package policy_test

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// watching are rules under which every counting ground can deny.
func watching(observed policy.Observed) policy.Rules {
	r := rules
	r.Watches = map[roster.Role]policy.Watch{roster.Adviser: {Forgiven: 50, Line: 300, Pace: 2, Wall: 3, Evidence: true}}
	r.Wider.Organisation = meter.Allowance{Short: meter.People(4), Long: meter.People(15)}
	r.Wider.Service = meter.Allowance{Short: meter.People(5), Long: meter.People(16)}
	r.Wider.Register = meter.Allowance{Short: meter.People(6), Long: meter.People(17)}
	r.Observed = observed
	return r
}

// doing is an ask of an account with an arbitrary past.
type doing struct {
	ask   policy.Ask
	facts policy.Facts
	meter *meter.Meter

	events []meter.Event // which the meter took in
}

// under decides it.
func (d doing) under(r policy.Rules) policy.Decision {
	d.facts.Meter = d.meter.Draft()
	return r.Decide(d.ask, d.facts, now)
}

var suspicious = rapid.Custom(func(t *rapid.T) doing {
	var events []meter.Event
	m := meter.New()
	at := now.Add(-time.Duration(rapid.IntRange(1, 300).Draw(t, "minutes ago")) * time.Minute)
	for n := range rapid.IntRange(0, 30).Draw(t, "events") {
		at = at.Add(time.Duration(rapid.IntRange(1, 600).Draw(t, "seconds later")) * time.Second)
		if at.After(now) {
			break
		}
		events = append(events, meter.Event{
			Answer: uint64(n + 1),
			Kind:   rapid.SampledFrom([]meter.EventKind{meter.Shown, meter.Shown, meter.Shown, meter.Missed, meter.SteppedUp}).Draw(t, "kind"),
			At:     at, Person: person(rapid.IntRange(1, 40).Draw(t, "seen")), Fields: register.Name,
			Ground: rapid.SampledFrom([]meter.Ground{meter.Unexplained, meter.Own}).Draw(t, "ground"),
			Cost:   meter.Cost(rapid.SampledFrom([]int{0, 20, 100}).Draw(t, "cost")),
			Signs:  rapid.SampledFrom([]meter.Signs{0, meter.InOrder, meter.NextPage, meter.Canary}).Draw(t, "sign"),
		})
		m.Record(events[len(events)-1])
	}
	a, f := ask(), facts(m)
	f.Answer = 100
	asked := policy.Opening{Person: person(rapid.IntRange(0, 40).Draw(t, "asked")), Fields: register.Name, Canary: rapid.IntRange(0, 9).Draw(t, "canary") == 0}
	if asked.Person == person(0) {
		asked.Person = register.PersonID{}
	}
	a.People = append(a.People, asked)
	for n := range rapid.IntRange(0, 5).Draw(t, "own") {
		f.Evidence.Facts = append(f.Evidence.Facts, reason.Fact{
			Kind: reason.Caseload, Account: "pauline", Person: person(10 + n), From: now.AddDate(0, -1, 0), Until: now.AddDate(0, 1, 0), Source: "cases", ID: "1",
		})
	}
	f.Wider.Add(meter.CommonOf(meter.People(rapid.IntRange(0, 6).Draw(t, "all together")), 0), 0, now.Add(-time.Minute))
	return doing{a, f, m, events}
})

func TestObservingStopsNobodyAndSaysWhatWouldHaveBeen(t *testing.T) {
	met := map[policy.Why]bool{}
	for seed := range 2000 {
		d := suspicious.Example(seed)
		enforced, observed := d.under(watching(policy.Observed{})), d.under(watching(policy.Observed{Everything: true}))
		is, would := observed.People[0], enforced.People[0]
		if is.Spared != meter.AllLimits || would.Spared != 0 {
			t.Fatalf("observed it spares %b, enforced %b", is.Spared, would.Spared)
		}
		is.Spared = 0
		switch {
		case d.ask.People[0].Person.IsZero():
			if is.Verdict != policy.Withheld {
				t.Fatalf("somebody who is nobody is %v", is.Verdict)
			}
		case !would.Verdict.Shows() && would.Why.Counts():
			met[would.Why] = true
			if !is.Verdict.Shows() || !is.Observed || is.Why != would.Why {
				t.Fatalf("enforced it is %+v, observed %+v", would, is)
			}
		case !reflect.DeepEqual(is, would):
			t.Fatalf("nothing counts against it, but enforced it is %+v, observed %+v", would, is)
		}
		if _, freezes := observed.Freezes(); freezes {
			t.Fatal("who is only observed is frozen")
		}
	}
	for _, why := range []policy.Why{policy.ShortEmpty, policy.PaceReached, policy.WallReached, policy.Enumerating, policy.Drifting, policy.CanaryOpened, policy.OrganisationEmpty} {
		if !met[why] {
			t.Errorf("no draw meets %v", why)
		}
	}
}

func TestToObserveOneRuleSwitchesOffNoOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := suspicious.Draw(t, "doing")
		enforced := d.under(watching(policy.Observed{})).People[0]
		for why := range policy.Why(40) {
			if !why.Counts() {
				continue
			}
			ruling := d.under(watching(policy.Observed{Grounds: map[policy.Why]bool{why: true}})).People[0]
			ruling.Spared = 0
			switch {
			case enforced.Why != why && !reflect.DeepEqual(ruling, enforced):
				t.Fatalf("observing %v turns %+v into %+v", why, enforced, ruling)
			case enforced.Why == why && !enforced.Verdict.Shows() && ruling.Why == why && !ruling.Observed:
				t.Fatalf("observing %v still stops: %+v", why, ruling)
			}
		}
	})
}

func TestWhoeverLooksLikeAGuesserIsStillCountedWhileThatIsObserved(t *testing.T) {
	m := meter.New()
	for n := range 4 {
		at := now.Add(time.Duration(n-8) * time.Minute)
		m.Record(meter.Event{Kind: meter.Shown, At: at, Answer: uint64(2*n + 1), Person: person(20 + n), Fields: register.Name, Cost: meter.Whole})
		m.Record(meter.Event{Kind: meter.Missed, At: at.Add(time.Second), Answer: uint64(2*n + 2)})
	}
	f := facts(m)
	f.Answer = 100
	guessed := map[policy.Why]bool{policy.Doubted: true, policy.Enumerating: true}
	if ruling := watching(policy.Observed{}).Decide(ask(2), f, now).People[0]; !guessed[ruling.Why] {
		t.Fatalf("this is not guessing: %+v", ruling)
	}
	f.Meter = m.Draft()
	if ruling := watching(policy.Observed{Grounds: guessed}).Decide(ask(2), f, now).People[0]; ruling.Verdict != policy.AskStepUp || ruling.Why != policy.ShortEmpty {
		t.Errorf("the hour's allowance is empty, and the ruling is %+v", ruling)
	}
}

// Promise: METER-1
func TestMETER_1_WhileItIsObservedEverythingCounts(t *testing.T) {
	met := map[policy.Why]bool{}
	for seed := range 1000 {
		plain, spared := suspicious.Example(seed), meter.New()
		for _, e := range plain.events {
			e.Spared = meter.AllLimits
			spared.Record(e)
		}
		r := watching(policy.Observed{Everything: true})
		want := plain.under(r)
		plain.meter = spared
		if got := plain.under(r); !reflect.DeepEqual(got, want) {
			t.Fatalf("what was charged under observation gives %+v, charged in earnest %+v", got, want)
		}
		met[want.People[0].Why] = true
	}
	for _, why := range []policy.Why{policy.ShortEmpty, policy.Enumerating, policy.Drifting} {
		if !met[why] {
			t.Errorf("no draw meets %v", why)
		}
	}
}

// What was collected while a freeze was only observed freezes no account later; a canary
// that stood in a search then is the first one again.
//
// Promise: METER-1
func TestMETER_1_WhatWasObservedIsNoEvidenceOnceItIsEnforced(t *testing.T) {
	for name, events := range map[string][]meter.Event{
		"references that lead to nobody": {{Kind: meter.Missed}, {Kind: meter.Missed}, {Kind: meter.Missed}},
		"a canary in a search":           {{Kind: meter.Shown, Person: person(60), Cost: meter.Row, Signs: meter.SearchRow | meter.Canary}},
	} {
		for observed, want := range map[meter.Limits]bool{0: true, meter.AllLimits: false} {
			m := meter.New()
			for i, e := range events {
				e.At, e.Spared, e.Answer = now.Add(time.Duration(i-30)*time.Minute), observed, uint64(i+1)
				m.Record(e)
			}
			ruling := watching(policy.Observed{}).Decide(ask(2), answering(m), now).People[0]
			if stopped := !ruling.Verdict.Shows(); stopped != want {
				t.Errorf("%s, while %b was observed: %v for %v", name, observed, ruling.Verdict, ruling.Why)
			}
			a := ask(70)
			a.People[0].Canary, a.Signs = true, meter.SearchRow
			ruling = watching(policy.Observed{}).Decide(a, answering(m), now).People[0]
			if froze := ruling.Why.Freezes(); froze != want && name == "a canary in a search" {
				t.Errorf("%s, and another while %b was observed: %v for %v", name, observed, ruling.Verdict, ruling.Why)
			}
		}
	}
}

// To observe that an account looks like a guesser neither forgives the drift that is
// enforced, nor hides the doubt.
func TestAFreezeThatIsOnlyObservedUndoesNothingThatIsEnforced(t *testing.T) {
	m := meter.New()
	for n := range 4 {
		m.Record(meter.Event{
			Answer: uint64(n + 1), Kind: meter.Shown, At: now.Add(time.Duration(n-300) * time.Minute), Person: person(20 + n), Cost: meter.Whole,
			Excused: n == 3, Spared: meter.EnumerationLimit,
		})
	}
	r := watching(policy.Observed{Grounds: map[policy.Why]bool{policy.Enumerating: true}})
	if ruling := r.Decide(ask(2), answering(m), now).People[0]; ruling.Why != policy.Drifting || ruling.Verdict != policy.Freeze {
		t.Errorf("after an observed freeze the drift is forgiven: %+v", ruling)
	}

	m = meter.New()
	for n := range 4 {
		m.Record(meter.Event{Answer: uint64(n + 1), Kind: meter.Missed, At: now.Add(time.Duration(n-300) * time.Minute), Spared: meter.EnumerationLimit})
	}
	if ruling := r.Decide(ask(2), answering(m), now).People[0]; ruling.Why != policy.Doubted || ruling.Verdict != policy.AskIdentity {
		t.Errorf("beyond what freezes, which is only observed, nobody doubts: %+v", ruling)
	}
}

// answering are the facts of an answer that comes after the meter's own.
func answering(m *meter.Meter) policy.Facts {
	f := facts(m)
	f.Answer = 100
	return f
}
