package gate_test

import (
	"testing"
	"time"

	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/roster"
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
