package policy_test

import (
	"slices"
	"testing"
	"time"

	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
)

// export is an ask for rows of an export.
func export(people ...int) policy.Ask {
	a := ask(people...)
	a.Route, a.Signs = "GET /export", meter.Exported|meter.Listed
	return a
}

// permitted is a meter with a permit for that export, of so many people.
func permitted(people int) *meter.Meter {
	m := meter.New()
	m.Record(meter.Event{
		Kind: meter.Permitted, At: now.Add(-time.Hour), Cost: meter.People(people), Until: now.AddDate(0, 0, 7),
		Permit: 1, Export: meter.ExportOf("dossier", "GET /export"),
	})
	return m
}

// own gives pauline the people 1 to 9.
func own(f policy.Facts) policy.Facts {
	f.Evidence.Facts = nil
	f.Exports = []policy.ExportList{{Permit: 1}}
	for n := 1; n <= 9; n++ {
		f.Exports[0].People = append(f.Exports[0].People, person(n))
	}
	slices.SortFunc(f.Exports[0].People, register.PersonID.Compare)
	for n := 1; n <= 9; n++ {
		f.Evidence.Facts = append(f.Evidence.Facts, reason.Fact{Kind: reason.Caseload, Account: "pauline", Person: person(n), From: now.AddDate(0, -1, 0), Until: now.AddDate(0, 1, 0), ID: "17"})
	}
	return f
}

func grounds(d policy.Decision) (list []policy.Why) {
	for _, ruling := range d.People {
		list = append(list, ruling.Why)
	}
	return list
}

// Promise: METER-8
func TestMETER_8_AnExportIsOffWithoutALiveMissionForIt(t *testing.T) {
	for name, test := range map[string]struct {
		meter *meter.Meter
		ask   policy.Ask
		at    time.Time
		shown bool
	}{
		"without a permit":                {meter.New(), export(1), now, false},
		"with one":                        {permitted(5), export(1), now, true},
		"just before it ends":             {permitted(5), export(1), now.AddDate(0, 0, 7).Add(-time.Microsecond), true},
		"when it has ended":               {permitted(5), export(1), now.AddDate(0, 0, 7), false},
		"with one for another route":      {permitted(5), func() policy.Ask { a := export(1); a.Route = "GET /other"; return a }(), now, false},
		"before the application is asked": {meter.New(), func() policy.Ask { a := export(); a.Act = policy.Attempt; return a }(), now, false},
		"a list that is no export":        {meter.New(), ask(1), now, true},
	} {
		t.Run(name, func(t *testing.T) {
			decision := rules.Decide(test.ask, own(facts(test.meter)), test.at)
			if decision.Shown() != test.shown || !test.shown && decision.Whole.Why != policy.NoPermit {
				t.Errorf("%v for %v, want it shown: %v", decision.Whole.Verdict, decision.Whole.Why, test.shown)
			}
		})
	}
}

// Promise: METER-8
func TestMETER_8_TheListOfAnotherPermitCountsForNobody(t *testing.T) {
	for _, of := range []uint64{0, 2} {
		f := own(facts(permitted(5)))
		f.Exports[0].Permit = of
		if got := grounds(rules.Decide(export(1), f, now)); !slices.Equal(got, []policy.Why{policy.NoPermit}) {
			t.Errorf("with the list of permit %d: %v", of, got)
		}
	}
}

// Promise: METER-8
func TestMETER_8_AnExportHoldsExplainedPeopleUpToItsMission(t *testing.T) {
	m := permitted(3)
	m.Record(meter.Event{Kind: meter.Shown, At: now.Add(-time.Minute), Person: person(30), Fields: register.AllFields, Cost: meter.Whole})
	a := export(1, 2, 30, 31, 3, 4)
	a.People[3].Canary = true
	decision := rules.Decide(a, own(facts(m)), now)
	want := []policy.Why{policy.Explained, policy.Explained, policy.NoPermit, policy.NoPermit, policy.Explained, policy.PermitSpent}
	if got := grounds(decision); !slices.Equal(got, want) {
		t.Fatalf("%v, want %v: somebody seen before and a canary are without a reason", got, want)
	}
	for i, ruling := range decision.People {
		if shows := want[i] == policy.Explained; ruling.Verdict.Shows() != shows || !shows && ruling.Verdict != policy.Withheld || ruling.Cost != 0 {
			t.Errorf("row %d: %v, costs %d", i, ruling.Verdict, ruling.Cost)
		}
		m.Record(policy.Event(a, a.People[i].Person, ruling, 1, now))
	}
	if spent := decision.People[5]; spent.Limit != meter.People(3) || spent.Counted != spent.Limit {
		t.Errorf("%d of %d are used up, want 3 of 3", spent.Counted/meter.Whole, spent.Limit/meter.Whole)
	}
	if again := rules.Decide(export(1), own(facts(m)), now); again.People[0].Why != policy.PermitSpent {
		t.Errorf("the same person once more: %v, want one more of the permit", again.People[0].Why)
	}
	if opened := rules.Decide(ask(5), own(facts(m)), now); opened.People[0].Why != policy.Explained {
		t.Errorf("a file beside the export: %v", opened.People[0].Why)
	}
}

// Promise: METER-8
func TestMETER_8_AMissionOpensNothingElse(t *testing.T) {
	a := export(2)
	a.Signs &^= meter.Exported
	if got := rules.Decide(a, facts(permitted(5)), now).People[0].Why; got != policy.Counted {
		t.Errorf("somebody without a reason in a list that is no export: %v, want them counted", got)
	}
	f := own(facts(permitted(5)))
	f.Orders = ordered(order.Suspended, order.Account, "pauline")
	if got := rules.Decide(export(1), f, now).Whole.Why; got != policy.Suspended {
		t.Errorf("a suspended account with a permit: %v", got)
	}
	observing := rules
	observing.Observed.Everything = true
	if got := observing.Decide(export(1), own(facts(meter.New())), now); got.Shown() {
		t.Error("while everything is only observed an export goes out without a permit")
	}
}
