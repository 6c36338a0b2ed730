package gate_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/roster"
)

var samir = gate.Asker{Account: "samir", Organisation: "garde", Role: roster.Security}

// Promise: METER-8
func TestMETER_8_AMissionIsGivenByTwoOthersAndBounded(t *testing.T) {
	h := newHouse(t)
	g, stop := h.gate()
	list := sha256.Sum256([]byte("id\np1\n"))
	good := gate.Mission{Service: "dossier", Route: "GET /export", People: 2, Until: h.clock.now().AddDate(0, 0, 7), Purpose: "yearly report", List: list}
	deputy := gate.Asker{Account: "deputy", Organisation: "mlv", Role: roster.Manager}
	for what, test := range map[string]struct {
		by, approver gate.Asker
		change       func(*gate.Mission)
		want         fault.Kind
	}{
		"by one person":             {samir, samir, nil, fault.Refused},
		"by the account itself":     {pauline, samir, nil, fault.Refused},
		"approved by the account":   {samir, pauline, nil, fault.Refused},
		"by a colleague":            {gate.Asker{Account: "karim", Organisation: "mlv", Role: roster.Adviser}, samir, nil, fault.Refused},
		"by another house":          {gate.Asker{Account: "other", Organisation: "else", Role: roster.Manager}, samir, nil, fault.Refused},
		"by two managers":           {chief, deputy, nil, fault.Refused},
		"by nobody":                 {gate.Asker{}, samir, nil, fault.Refused},
		"for no route":              {chief, samir, func(m *gate.Mission) { m.Route = "" }, fault.Invalid},
		"for no service":            {chief, samir, func(m *gate.Mission) { m.Service = "" }, fault.Invalid},
		"of nobody":                 {chief, samir, func(m *gate.Mission) { m.People = 0 }, fault.Invalid},
		"of more than there can be": {chief, samir, func(m *gate.Mission) { m.People = gate.MostExported + 1 }, fault.Invalid},
		"that has ended":            {chief, samir, func(m *gate.Mission) { m.Until = h.clock.now() }, fault.Invalid},
		"that lasts too long":       {chief, samir, func(m *gate.Mission) { m.Until = h.clock.now().Add(gate.LongestMission + time.Second) }, fault.Invalid},
		"without a purpose":         {chief, samir, func(m *gate.Mission) { m.Purpose = " " }, fault.Invalid},
		"without a list":            {chief, samir, func(m *gate.Mission) { m.List = [sha256.Size]byte{} }, fault.Invalid},
	} {
		m := good
		if test.change != nil {
			test.change(&m)
		}
		if err := g.Commission(t.Context(), test.by, test.approver, pauline, m); err == nil || fault.Of(err) != test.want {
			t.Errorf("a mission %s: %v, want %v", what, err, test.want)
		}
	}
	export := ask(1)
	export.Route, export.Signs = "GET /export", meter.Exported|meter.Listed
	if got := settle(t, g, export).Decision; got.Shown() || got.Whole.Why != policy.NoMission {
		t.Errorf("missions that were refused let an export out: %v", got.Whole.Why)
	}

	if err := g.Commission(t.Context(), chief, samir, pauline, good); err != nil {
		t.Fatal(err)
	}
	written := entries(t, g, g.Next()-1)[0]
	if written.Kind != ledger.Mission || written.Account != "chief" || written.Subject != "pauline" || written.Cost != meter.People(2) ||
		!strings.Contains(written.Detail, "approved by samir") || !strings.Contains(written.Detail, fmt.Sprintf("%x", list)) || !strings.Contains(written.Detail, "yearly report") {
		t.Errorf("the ledger says %+v", written)
	}
	if got := settle(t, g, export).Decision.People[0].Why; got != policy.Explained {
		t.Errorf("with a mission: %v", got)
	}
	stop()
	again, _ := h.gate() // a restart knows what is left
	for i, want := range []policy.Why{policy.Explained, policy.MissionSpent} {
		if got := settle(t, again, export).Decision.People[0].Why; got != want {
			t.Errorf("export %d after a restart: %v, want %v", i+1, got, want)
		}
	}
	beside := h.store() // the command line opens one while the gate runs
	if err := gate.Commission(t.Context(), beside, h.clock.now, samir, chief, pauline, good); err != nil {
		t.Fatal(err)
	}
	if got := settle(t, again, export).Decision.People[0].Why; got != policy.Explained {
		t.Errorf("with a new mission in its place: %v", got)
	}
}
