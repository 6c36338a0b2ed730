package grants_test

import (
	"crypto/sha256"
	"strings"
	"testing"

	"poterne/internal/containment"
	"poterne/internal/fault"
	"poterne/internal/grants"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// Promise: LEDGER-2
func TestLEDGER_2_TwoPeopleSignBeforeAnybodyIsNamed(t *testing.T) {
	s := newHouse(t).store()
	outside := storetest.Outside(s)
	var held order.Order
	for _, o := range []order.Order{
		{Effect: order.Closed, Reach: order.Everything, By: "samir", Because: "vol"}, // people are told of a theft all the same
		{Effect: order.Suspended, Reach: order.Account, Target: "suspended", By: "samir", Because: "vol"},
	} {
		var err error
		if held, err = (containment.Service{Writer: outside}).Place(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	good := grants.Naming{By: "chief", Approver: "samir", People: 12, List: sha256.Sum256([]byte("person\n")), Because: "prévenir les personnes"}
	for who, test := range map[string]struct {
		change func(*grants.Naming)
		want   fault.Kind
		says   string
	}{
		"one person":           {func(n *grants.Naming) { n.By = "samir" }, fault.Refused, `"samir" cannot do it and approve it`},
		"nobody":               {func(n *grants.Naming) { n.By = "" }, fault.Refused, `"" is no account`},
		"approved by nobody":   {func(n *grants.Naming) { n.Approver = "nobody" }, fault.Refused, `"nobody" is no account`},
		"approved by an agent": {func(n *grants.Naming) { n.Approver = "pauline" }, fault.Refused, `"pauline" may not sign`},
		"two managers":         {func(n *grants.Naming) { n.Approver = "deputy" }, fault.Refused, "one is of the security desk"},
		"who is suspended":     {func(n *grants.Naming) { n.Approver = "suspended" }, fault.Refused, `"suspended" cannot sign while order ` + string(held.ID)},
		"without a reason":     {func(n *grants.Naming) { n.Because = " " }, fault.Invalid, "takes a reason"},
		"without anybody":      {func(n *grants.Naming) { n.People = 0 }, fault.Invalid, "from a list that has somebody in it"},
		"without a list":       {func(n *grants.Naming) { n.List = [sha256.Size]byte{} }, fault.Invalid, "from a list"},
	} {
		n := good
		test.change(&n)
		if _, err := do(t, outside, n); !fault.Is(err, test.want) || !strings.Contains(fault.Public(err), test.says) {
			t.Errorf("%s: %v", who, err)
		}
	}
	for entry, err := range store.NewLedger(s).Entries(t.Context(), 0) {
		if err != nil || entry.Kind == ledger.Named {
			t.Errorf("what was refused is written: %+v, %v", entry, err)
		}
	}
	named, err := do(t, outside, good)
	if err != nil {
		t.Fatal(err)
	}
	written, err := store.NewLedger(s).Entry(t.Context(), named.Number)
	if err != nil || written != named || written.Kind != ledger.Named || written.Account != "chief" || written.Organisation != "mlv" ||
		written.Approver != "samir" || written.Count != 12 || written.Digest != good.List || written.Note != good.Because {
		t.Errorf("the ledger says %+v, %v", written, err)
	}
}
