package grants_test

import (
	"errors"
	"testing"
	"time"

	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/grants"
	"poterne/internal/journal"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/roster"
	"poterne/internal/store/storetest"
)

// Promise: METER-6
func TestMETER_6_ARaiseIsGivenByAnotherBoundedAndBoundedInAll(t *testing.T) {
	n, _ := newHouse(t).node()
	soon := storetest.At.Add(time.Hour)
	good := grants.Raise{By: "chief", Of: "pauline", People: 50, Until: soon, Because: "shelter"}
	for what, test := range map[string]struct {
		change func(*grants.Raise)
		want   fault.Kind
	}{
		"to oneself":                {func(r *grants.Raise) { r.By = "pauline" }, fault.Refused},
		"by another house":          {func(r *grants.Raise) { r.By = "other" }, fault.Refused},
		"by a colleague":            {func(r *grants.Raise) { r.By = "karim" }, fault.Refused},
		"by who is not there":       {func(r *grants.Raise) { r.By = "nobody" }, fault.Refused},
		"of nobody":                 {func(r *grants.Raise) { r.People = 0 }, fault.Invalid},
		"of more than one can give": {func(r *grants.Raise) { r.People = grants.MostRaised + 1 }, fault.Invalid},
		"for ever":                  {func(r *grants.Raise) { r.Until = soon.AddDate(0, 0, 2) }, fault.Invalid},
		"that has ended":            {func(r *grants.Raise) { r.Until = soon.Add(-2 * time.Hour) }, fault.Invalid},
		"without a reason":          {func(r *grants.Raise) { r.Because = "" }, fault.Invalid},
	} {
		r := good
		test.change(&r)
		if _, err := do(t, n.Journal, r); !fault.Is(err, test.want) {
			t.Errorf("a raise %s: %v, want %v", what, err, test.want)
		}
	}
	pauline := gate.Asker{Account: "pauline", Organisation: "mlv", Role: roster.Adviser}
	if n.Standing(pauline, "").Raise != 0 {
		t.Error("a raise that was refused counts")
	}
	for i := range 2 {
		if _, err := do(t, n.Journal, good); err != nil {
			t.Fatalf("raise %d: %v", i+1, err)
		}
	}
	one := good
	one.People = 1
	if _, err := do(t, n.Journal, one); !fault.Is(err, fault.Refused) {
		t.Errorf("one more than 100 in 28 days: %v", err)
	}
	if _, err := do(t, storetest.Outside(newHouse(t).store()), one); err != nil {
		t.Errorf("from outside a running program: %v", err)
	}
}

// Promise: RIGHTS-10
func TestRIGHTS_10_AYoungAccountIsGivenATenthBySignaturesAndRaises(t *testing.T) {
	h := houseOf(t, storetest.At)
	n, _ := h.node()
	raise := grants.Raise{By: "chief", Of: "pauline", People: 11, Until: storetest.At.Add(time.Hour), Because: "shelter"}
	if _, err := do(t, n.Journal, raise); !fault.Is(err, fault.Refused) {
		t.Errorf("11 people: %v", err)
	}
	h.spend(n)
	for i := range 5 {
		_, receipt := commit(t, n, ask(200+i))
		if err := h.cosign(n, receipt); (err == nil) != (i < 4) {
			t.Errorf("signature %d: %v", i+1, err)
		}
	}
	raise.Until = h.now().Add(time.Hour)
	raise.People = 7
	if _, err := do(t, n.Journal, raise); !fault.Is(err, fault.Refused) {
		t.Errorf("7 people beside 4 signed for: %v", err)
	}
	raise.People = 6
	if _, err := do(t, n.Journal, raise); err != nil {
		t.Errorf("6 people beside 4 signed for: %v", err)
	}
}

// Promise: RIGHTS-10
func TestRIGHTS_10_WhoWasSignedForDoesNotFillTheMonth(t *testing.T) {
	h := newHouse(t)
	n, _ := h.node()
	h.spend(n)
	for i := range 5 {
		_, receipt := commit(t, n, ask(200+i))
		if err := h.cosign(n, receipt); err != nil {
			t.Fatal(err)
		}
		if d, _ := commit(t, n, ask(200+i)); d.People[0].Why != policy.Vouched {
			t.Fatalf("who was signed for is %v", d.People[0].Why)
		}
	}
	pauline := gate.Asker{Account: "pauline", Organisation: "mlv", Role: roster.Adviser}
	if month := n.Standing(pauline, "dossier").Month; month != meter.People(20) {
		t.Errorf("the month holds %v people, want the 20 that nobody signed for", month.People())
	}
	h.advance(meter.Memory - 20*25*time.Minute) // the first of the 20 are forgotten
	if d, _ := commit(t, n, ask(300)); d.People[0].Verdict != policy.Shown {
		t.Errorf("once the month has room: %v", d.People[0].Why)
	}
}

// Promise: RIGHTS-10 (what one person gives is bounded, whoever it is given to)
func TestRIGHTS_10_OnePersonGivesNoMoreThanTheBoundToAllTogether(t *testing.T) {
	h := newHouse(t)
	n, stop := h.node()
	raise := func(w journal.Writer, by, of roster.AccountID, people int) error {
		_, err := do(t, w, grants.Raise{By: by, Of: of, People: people, Until: h.now().Add(time.Hour), Because: "shelter"})
		return err
	}
	for _, of := range []roster.AccountID{"pauline", "karim"} {
		for range 2 {
			if err := raise(n.Journal, "samir", of, 50); err != nil {
				t.Fatalf("to %s: %v", of, err)
			}
		}
		if err := raise(n.Journal, "samir", "lucas", 1); !errors.Is(err, grants.GaveMost) {
			t.Errorf("one more within the hour, to somebody else: %v", err)
		}
		h.advance(2 * time.Hour)
	}
	another, _ := h.node()
	if err := raise(another.Journal, "samir", "lucas", 1); !errors.Is(err, grants.GaveMost) {
		t.Errorf("one more on another node: %v", err)
	}
	if err := raise(n.Journal, "nadia", "lucas", 1); err != nil {
		t.Errorf("by a colleague of theirs: %v", err)
	}
	stop()
	again, _ := h.node()
	if err := raise(again.Journal, "samir", "lucas", 1); !errors.Is(err, grants.GaveMost) {
		t.Errorf("after a restart: %v", err)
	}
	h.advance(29 * 24 * time.Hour)
	if err := raise(again.Journal, "samir", "lucas", 1); err != nil {
		t.Errorf("four weeks later: %v", err)
	}
}

// Promise: RIGHTS-10 (an operator sets the bound)
func TestRIGHTS_10_WhatOnePersonGivesIsWhatTheOperatorSet(t *testing.T) {
	h := newHouse(t)
	n, _ := h.node()
	service := grants.Service{Journal: n, Now: h.now, Gives: meter.Allowance{Short: meter.People(3), Long: meter.People(4)}}
	raise := func(of roster.AccountID, people int) error {
		return service.Raise(t.Context(), grants.Raise{By: "samir", Of: of, People: people, Until: h.now().Add(time.Hour), Because: "shelter"})
	}
	if err := raise("pauline", 3); err != nil {
		t.Fatal(err)
	}
	if err := raise("karim", 1); !errors.Is(err, grants.GaveMost) {
		t.Errorf("a fourth within the hour: %v", err)
	}
	h.advance(2 * time.Hour)
	if err := raise("karim", 1); err != nil {
		t.Errorf("a fourth within 28 days: %v", err)
	}
	h.advance(2 * time.Hour)
	if err := raise("karim", 1); !errors.Is(err, grants.GaveMost) {
		t.Errorf("a fifth within 28 days: %v", err)
	}
}
