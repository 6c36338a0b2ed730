package grants_test

import (
	"testing"
	"time"

	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/grants"
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
	for i := range 3 {
		if _, err := do(t, n.Journal, good); err != nil {
			t.Fatalf("raise %d: %v", i+1, err)
		}
	}
	one := good
	one.People = 1
	if _, err := do(t, n.Journal, one); !fault.Is(err, fault.Refused) {
		t.Errorf("one more than 150 in 28 days: %v", err)
	}
	if _, err := do(t, storetest.Outside(newHouse(t).store()), one); err != nil {
		t.Errorf("from outside a running program: %v", err)
	}
}
