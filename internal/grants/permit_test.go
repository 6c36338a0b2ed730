package grants_test

import (
	"crypto/sha256"
	"testing"
	"time"

	"poterne/internal/fault"
	"poterne/internal/grants"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/store/storetest"
)

// Promise: METER-8
func TestMETER_8_AnExportPermitIsGivenByTwoOthersAndBounded(t *testing.T) {
	h := newHouse(t)
	n, stop := h.node()
	good := grants.ExportPermit{
		By: "chief", Approver: "samir", Of: "pauline", Service: "dossier", Route: "GET /export", People: 2,
		Until: storetest.At.AddDate(0, 0, 7), Purpose: "yearly report", List: sha256.Sum256([]byte("id\np1\n")),
	}
	for what, test := range map[string]struct {
		change func(*grants.ExportPermit)
		want   fault.Kind
	}{
		"by one person":             {func(p *grants.ExportPermit) { p.By = "samir" }, fault.Refused},
		"by the account itself":     {func(p *grants.ExportPermit) { p.By = "pauline" }, fault.Refused},
		"approved by the account":   {func(p *grants.ExportPermit) { p.By, p.Approver = "samir", "pauline" }, fault.Refused},
		"by a colleague":            {func(p *grants.ExportPermit) { p.By = "karim" }, fault.Refused},
		"by another house":          {func(p *grants.ExportPermit) { p.By = "other" }, fault.Refused},
		"by two managers":           {func(p *grants.ExportPermit) { p.Approver = "deputy" }, fault.Refused},
		"by nobody":                 {func(p *grants.ExportPermit) { p.By = "" }, fault.Refused},
		"for nobody that there is":  {func(p *grants.ExportPermit) { p.Of = "nobody" }, fault.Refused},
		"for no route":              {func(p *grants.ExportPermit) { p.Route = "" }, fault.Invalid},
		"for no service":            {func(p *grants.ExportPermit) { p.Service = "" }, fault.Invalid},
		"of nobody":                 {func(p *grants.ExportPermit) { p.People = 0 }, fault.Invalid},
		"of more than there can be": {func(p *grants.ExportPermit) { p.People = grants.MostExported + 1 }, fault.Invalid},
		"that has ended":            {func(p *grants.ExportPermit) { p.Until = storetest.At }, fault.Invalid},
		"that lasts too long":       {func(p *grants.ExportPermit) { p.Until = storetest.At.Add(grants.LongestPermit + time.Second) }, fault.Invalid},
		"without a purpose":         {func(p *grants.ExportPermit) { p.Purpose = " " }, fault.Invalid},
		"without a list":            {func(p *grants.ExportPermit) { p.List = [sha256.Size]byte{} }, fault.Invalid},
	} {
		p := good
		test.change(&p)
		if _, err := do(t, n.Journal, p); !fault.Is(err, test.want) {
			t.Errorf("a permit %s: %v, want %v", what, err, test.want)
		}
	}
	export := policy.Ask{
		Act: policy.Show, Account: "pauline", Session: "s1", Service: "dossier", Purpose: "accompany", Route: "GET /export",
		Signs: meter.Exported | meter.Listed, People: []policy.Opening{{Person: storetest.Person(1), Fields: register.Name}},
	}
	commit := func(n *storetest.Node) policy.Decision {
		decision, _ := commit(t, n, export)
		return decision
	}
	if got := commit(n); got.Shown() || got.Whole.Why != policy.NoPermit {
		t.Errorf("permits that were refused let an export out: %v", got.Whole.Why)
	}

	written, err := do(t, n.Journal, good)
	if err != nil {
		t.Fatal(err)
	}
	if written.Kind != ledger.Permitted || written.Account != "chief" || written.Approver != "samir" || written.Subject != "pauline" ||
		written.Cost != meter.People(2) || written.Digest != good.List || written.Note != "yearly report" {
		t.Errorf("the ledger says %+v", written)
	}
	if got := commit(n).People[0].Why; got != policy.Explained {
		t.Errorf("with a permit: %v", got)
	}
	stop()
	again, _ := h.node() // a restart knows what is left
	for i, want := range []policy.Why{policy.Explained, policy.PermitSpent} {
		if got := commit(again).People[0].Why; got != want {
			t.Errorf("export %d after a restart: %v, want %v", i+1, got, want)
		}
	}
	other := good // the command line opens one while the program runs
	other.By, other.Approver = "samir", "chief"
	if _, err := do(t, storetest.Outside(h.store()), other); err != nil {
		t.Fatal(err)
	}
	if got := commit(again).People[0].Why; got != policy.Explained {
		t.Errorf("with a new permit in its place: %v", got)
	}
}
