package gate_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
)

// Promise: LEDGER-2
func TestLEDGER_2_TwoPeopleSignBeforeAnybodyIsNamed(t *testing.T) {
	h := newHouse(t)
	s := h.store()
	suspended := gate.Asker{Account: "suspended", Organisation: "garde", Role: roster.Security}
	for _, o := range []order.Order{
		{Effect: order.Suspended, Reach: order.Account, Target: "suspended", By: "samir", Because: "vol"},
		{Effect: order.Closed, Reach: order.Everything, By: "samir", Because: "vol"}, // people are told of a theft all the same
	} {
		if _, err := gate.Place(t.Context(), s, h.clock.now, o); err != nil {
			t.Fatal(err)
		}
	}
	list := sha256.Sum256([]byte("person\n"))
	good := gate.Naming{People: 12, List: list, Because: "prévenir les personnes"}
	deputy := gate.Asker{Account: "deputy", Organisation: "mlv", Role: roster.Manager}
	for who, test := range map[string]struct {
		by, approver gate.Asker
		change       func(*gate.Naming)
		want         fault.Kind
		says         string
	}{
		"one person":           {samir, samir, nil, fault.Refused, `"samir" cannot do both`},
		"nobody":               {gate.Asker{}, samir, nil, fault.Refused, `"" is no manager and not of the security desk`},
		"approved by nobody":   {samir, gate.Asker{Role: roster.Security}, nil, fault.Refused, `"" is no manager`},
		"approved by an agent": {samir, pauline, nil, fault.Refused, `"pauline" is no manager and not of the security desk`},
		"two managers":         {chief, deputy, nil, fault.Refused, "one is of the security desk"},
		"who is suspended":     {chief, suspended, nil, fault.Refused, `"suspended" cannot sign while order 1 is in force`},
		"without a reason":     {chief, samir, func(n *gate.Naming) { n.Because = " " }, fault.Invalid, "takes a reason"},
		"without anybody":      {chief, samir, func(n *gate.Naming) { n.People = 0 }, fault.Invalid, "from a list that has somebody in it"},
		"without a list":       {chief, samir, func(n *gate.Naming) { n.List = [sha256.Size]byte{} }, fault.Invalid, "from a list"},
	} {
		n := good
		if test.change != nil {
			test.change(&n)
		}
		err := gate.Name(t.Context(), s, h.clock.now, test.by, test.approver, n)
		if err == nil || fault.Of(err) != test.want || !strings.Contains(fault.Public(err), test.says) {
			t.Errorf("%s: %v", who, err)
		}
	}
	for entry, err := range s.Entries(t.Context(), 0) {
		if err != nil || entry.Kind == ledger.Named {
			t.Errorf("what was refused is written: %+v, %v", entry, err)
		}
	}

	if err := gate.Name(t.Context(), s, h.clock.now, chief, samir, good); err != nil {
		t.Fatal(err)
	}
	written, err := s.Entry(t.Context(), 3)
	want := fmt.Sprintf("approved by samir; 12 people; list sha256:%x; prévenir les personnes", list)
	if err != nil || written.Kind != ledger.Named || written.Account != "chief" || written.Organisation != "mlv" || written.Detail != want {
		t.Errorf("the ledger says %+v, %v", written, err)
	}
}
