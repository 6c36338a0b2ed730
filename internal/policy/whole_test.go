package policy_test

import (
	"testing"

	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
)

// spent is a meter whose hour is used up by three strangers, 2 to 4, seen by name.
func spent(t *testing.T) *meter.Draft {
	t.Helper()
	f := facts(meter.New())
	a := ask(2, 3, 4)
	for i := range a.People {
		a.People[i].Fields = register.Name
	}
	for i, ruling := range rules.Decide(a, f, now).People {
		if !ruling.Verdict.Shows() {
			t.Fatalf("stranger %d: %v", i, ruling.Why)
		}
		f.Meter.Record(policy.Event(a, a.People[i].Person, ruling, 1, now))
	}
	return f.Meter
}

// What cannot be cut is refused for the rule that stops a part of it, with what was
// counted and the limit, and no person is charged.
//
// Promise: METER-1
func TestMETER_1_WhatCannotBeCutIsRefusedWithWhatWasCounted(t *testing.T) {
	f := facts(meter.New())
	f.Meter = spent(t)
	a := ask(2)
	a.People[0].Fields = register.Name | register.Birth
	if d := rules.Decide(a, f, now); d.People[0].Verdict != policy.Masked || d.People[0].Fields != register.Name {
		t.Fatalf("in a list, what was seen stays open: %+v", d.People[0])
	}
	for name, bind := range map[string]func(*policy.Ask){
		"as a whole":         func(a *policy.Ask) { a.Whole = true },
		"in one field of it": func(a *policy.Ask) { a.About, a.People[0].Uncut = true, register.Birth },
	} {
		bound := a
		bound.People = append([]policy.Opening(nil), a.People...)
		bind(&bound)
		whole := rules.Decide(bound, f, now).Whole
		if whole.Verdict != policy.AskStepUp || whole.Why != policy.ShortEmpty || whole.Counted != meter.People(3) || whole.Limit != meter.People(3) || whole.Again.IsZero() {
			t.Errorf("what cannot be cut %s: %+v", name, whole)
		}
	}
	a.About, a.People[0].Uncut = true, register.Name
	if d := rules.Decide(a, f, now); !d.Shown() || d.People[0].Verdict != policy.Masked {
		t.Errorf("what may be cut of it, is: %+v", d.Whole)
	}
}

// Promise: SCOPE-9
func TestSCOPE_9_WhoeverTheRequestNamesIsShownOrNothingIs(t *testing.T) {
	f := facts(meter.New())
	f.Meter = spent(t)
	a := ask(1, 6, 1)
	a.People[1] = policy.Opening{Person: person(6), Named: true} // a stranger, of whom no field is shown
	if d := rules.Decide(a, f, now); d.Shown() || d.Whole.Why != policy.ShortEmpty {
		t.Errorf("a list is shown without whom the request names: %+v", d.Whole)
	}
	a.People[1].Named = false
	if d := rules.Decide(a, f, now); !d.Shown() || d.People[1].Verdict.Shows() {
		t.Errorf("a row of a list is cut out of it: %+v", d)
	}
}

// An account that types a number in a search names a person: the person is opened, not found.
//
// Promises: SCOPE-9, METER-3
func TestSCOPE_9_WhoeverASearchNamesCostsAPerson(t *testing.T) {
	a := ask(5, 6)
	a.Signs, a.People[0].Named = meter.SearchRow|meter.Listed, true
	d := rules.Decide(a, facts(meter.New()), now)
	if d.People[0].Cost != meter.Whole || d.People[1].Cost != meter.Row {
		t.Errorf("whom the search names costs %v, whom it finds %v", d.People[0].Cost, d.People[1].Cost)
	}
}

func TestAChangeOfWhatThePurposeDoesNotAllowSaysSo(t *testing.T) {
	a := ask(1)
	a.Act, a.Whole, a.People[0].Fields = policy.Change, true, register.Name|register.NIR
	whole := rules.Decide(a, facts(meter.New()), now).Whole
	if whole.Why != policy.NotToBeChanged {
		t.Errorf("%v", whole.Why)
	}
}
