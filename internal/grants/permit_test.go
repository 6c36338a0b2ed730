package grants_test

import (
	"context"
	"crypto/sha256"
	"testing"
	"time"

	"poterne/internal/approval"
	"poterne/internal/fault"
	"poterne/internal/grants"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store/storetest"
)

// yearly is an export that pauline is to take.
func yearly() grants.Export {
	return grants.Export{
		Of: "pauline", Service: "dossier", Route: "GET /export", People: 2, Until: storetest.At.AddDate(0, 0, 7), Purpose: "yearly report", List: sha256.Sum256([]byte("p1\n")),
		Listed: []register.PersonID{storetest.Person(1)},
	}
}

// permit does an act of permits.
func permit[R any](w journal.Writer, act journal.Act[R]) (ledger.Entry, error) {
	return journal.Do(context.Background(), w, act)
}

// there has everybody who may sign, and some who may not, confirm that they are there.
func there(t *testing.T, w journal.Writer, who ...roster.AccountID) {
	t.Helper()
	for _, id := range who {
		if err := journal.Record(t.Context(), w, ledger.Entry{Kind: ledger.SteppedUp, Account: id}); err != nil {
			t.Fatal(err)
		}
	}
}

// Promise: METER-8, ENTRY-6
func TestMETER_8_AnExportPermitIsGivenByTwoOthersAndBounded(t *testing.T) {
	h := newHouse(t)
	n, stop := h.node()
	ask := func(by roster.AccountID, change func(*grants.Export)) (ledger.Entry, error) {
		x := yearly()
		if change != nil {
			change(&x)
		}
		return permit(n.Journal, journal.Act[grants.PermitRows](grants.AskPermit{Export: x, By: by}))
	}
	approve := func(number ledger.Number, by roster.AccountID) (ledger.Entry, error) {
		return permit(n.Journal, journal.Act[grants.PermitRows](grants.ApprovePermit{Number: number, By: by}))
	}
	export := policy.Ask{
		Act: policy.Show, Account: "pauline", Session: "s1", Service: "dossier", Purpose: "accompany", Route: "GET /export",
		Signs: meter.Exported | meter.Listed, People: []policy.Opening{{Person: storetest.Person(1), Fields: register.Name}},
	}
	commit := func(n *storetest.Node) policy.Decision {
		decision, _ := commit(t, n, export)
		return decision
	}

	if _, err := ask("chief", nil); !fault.Is(err, fault.Refused) {
		t.Errorf("asked for by somebody who has not confirmed: %v", err)
	}
	there(t, n.Journal, "chief", "deputy", "other", "pauline", "karim")
	for what, test := range map[string]struct {
		by     roster.AccountID
		change func(*grants.Export)
		want   fault.Kind
	}{
		"by the account itself":     {"pauline", nil, fault.Refused},
		"by a colleague":            {"karim", nil, fault.Refused},
		"by another house":          {"other", nil, fault.Refused},
		"by nobody":                 {"", nil, fault.Refused},
		"for nobody that there is":  {"chief", func(x *grants.Export) { x.Of = "nobody" }, fault.Refused},
		"for no route":              {"chief", func(x *grants.Export) { x.Route = "" }, fault.Invalid},
		"for no service":            {"chief", func(x *grants.Export) { x.Service = "" }, fault.Invalid},
		"of nobody":                 {"chief", func(x *grants.Export) { x.People = 0 }, fault.Invalid},
		"of more than there can be": {"chief", func(x *grants.Export) { x.People = grants.MostExported + 1 }, fault.Invalid},
		"that has ended":            {"chief", func(x *grants.Export) { x.Until = storetest.At }, fault.Invalid},
		"that lasts too long":       {"chief", func(x *grants.Export) { x.Until = storetest.At.Add(grants.LongestPermit + time.Second) }, fault.Invalid},
		"without a purpose":         {"chief", func(x *grants.Export) { x.Purpose = " " }, fault.Invalid},
		"without a list":            {"chief", func(x *grants.Export) { x.List = [sha256.Size]byte{} }, fault.Invalid},
		"with nobody on the list":   {"chief", func(x *grants.Export) { x.Listed = nil }, fault.Invalid},
		"with a list too long":      {"chief", func(x *grants.Export) { x.Listed = make([]register.PersonID, grants.MostExported+1) }, fault.Invalid},
	} {
		if _, err := ask(test.by, test.change); !fault.Is(err, test.want) {
			t.Errorf("a permit is asked for %s: %v, want %v", what, err, test.want)
		}
	}
	asked, err := ask("chief", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, by := range []roster.AccountID{"chief", "deputy", "other", "pauline", "karim", "", "samir"} { // samir has not confirmed
		if _, err := approve(asked.Number, by); !fault.Is(err, fault.Refused) {
			t.Errorf("approved by %q: %v", by, err)
		}
	}
	if got := commit(n); got.Shown() || got.Whole.Why != policy.NoPermit {
		t.Errorf("one person's word let an export out: %v", got.Whole.Why)
	}

	there(t, n.Journal, "samir")
	written, err := approve(asked.Number, "samir")
	if err != nil {
		t.Fatal(err)
	}
	if written.Kind != ledger.Permitted || written.Account != "chief" || written.Approver != "samir" || written.Subject != "pauline" || written.Cause != asked.Number ||
		written.Cost != meter.People(2) || written.Digest != yearly().List || written.Note != "yearly report" {
		t.Errorf("the ledger says %+v", written)
	}
	if _, err := approve(asked.Number, "samir"); !fault.Is(err, fault.Refused) {
		t.Errorf("approved twice: %v", err)
	}
	if got := commit(n).People[0].Why; got != policy.Explained {
		t.Errorf("with a permit: %v", got)
	}
	stop()
	n, _ = h.node() // a restart knows what is left
	for i, want := range []policy.Why{policy.Explained, policy.PermitSpent} {
		if got := commit(n).People[0].Why; got != want {
			t.Errorf("export %d after a restart: %v, want %v", i+1, got, want)
		}
	}
	again, err := ask("samir", nil) // the desk may be the first, too
	if err == nil {
		_, err = approve(again.Number, "chief")
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := commit(n).People[0].Why; got != policy.Explained {
		t.Errorf("with a new permit in its place: %v", got)
	}
}

// A request ends by itself, is taken back or refused; a permit is ended by the security desk
// alone, on every node and after a restart.
//
// Promise: METER-8
func TestMETER_8_ARequestIsDroppedAndAPermitIsEnded(t *testing.T) {
	h := newHouse(t)
	n, stop := h.node()
	there(t, n.Journal, "chief", "samir")
	ask := func() ledger.Number {
		t.Helper()
		asked, err := permit(n.Journal, journal.Act[grants.PermitRows](grants.AskPermit{Export: yearly(), By: "chief"}))
		if err != nil {
			t.Fatal(err)
		}
		return asked.Number
	}
	drop := func(number ledger.Number, by roster.AccountID) (ledger.Entry, error) {
		return permit(n.Journal, journal.Act[grants.PermitRows](grants.DropPermit{Number: number, By: by}))
	}
	approve := func(number ledger.Number) error {
		_, err := permit(n.Journal, journal.Act[grants.PermitRows](grants.ApprovePermit{Number: number, By: "samir"}))
		return err
	}
	for by, want := range map[roster.AccountID]ledger.State{"chief": ledger.Withdrawn, "samir": ledger.Refused, "deputy": ledger.Refused} {
		number := ask()
		if dropped, err := drop(number, by); err != nil || dropped.State != want || dropped.Cause != number {
			t.Errorf("dropped by %s: %v, %+v", by, err, dropped)
		}
		if err := approve(number); !fault.Is(err, fault.Refused) {
			t.Errorf("approved after %s dropped it: %v", by, err)
		}
	}
	number := ask()
	for _, by := range []roster.AccountID{"pauline", "karim", "other", ""} {
		if _, err := drop(number, by); !fault.Is(err, fault.Refused) {
			t.Errorf("dropped by %q: %v", by, err)
		}
	}
	h.advance(grants.PermitWaits)
	there(t, n.Journal, "chief", "samir")
	if err := approve(number); !fault.Is(err, fault.Refused) {
		t.Errorf("approved after three days: %v", err)
	}

	if err := approve(ask()); err != nil {
		t.Fatal(err)
	}
	end := func(by roster.AccountID, route string) error {
		_, err := permit(n.Journal, journal.Act[approval.Rows](grants.EndPermit{By: by, Of: "pauline", Service: "dossier", Route: route}))
		return err
	}
	for _, by := range []roster.AccountID{"chief", "deputy", "pauline", "other", ""} {
		if err := end(by, "GET /export"); !fault.Is(err, fault.Refused) {
			t.Errorf("ended by %q: %v", by, err)
		}
	}
	if err := end("samir", "GET /other"); !fault.Is(err, fault.Absent) {
		t.Errorf("a permit that there is not is ended: %v", err)
	}
	export := policy.Ask{
		Act: policy.Show, Account: "pauline", Session: "s1", Service: "dossier", Purpose: "accompany", Route: "GET /export",
		Signs: meter.Exported | meter.Listed, People: []policy.Opening{{Person: storetest.Person(1), Fields: register.Name}},
	}
	if got, _ := commit(t, n, export); got.People[0].Why != policy.Explained {
		t.Fatalf("before its end: %v", got.People[0].Why)
	}
	if err := end("samir", "GET /export"); err != nil {
		t.Fatal(err)
	}
	if got, _ := commit(t, n, export); got.Shown() || got.Whole.Why != policy.NoPermit {
		t.Errorf("after its end: %v", got.Whole.Why)
	}
	stop()
	n, _ = h.node()
	if got, _ := commit(t, n, export); got.Shown() || got.Whole.Why != policy.NoPermit {
		t.Errorf("after its end and a restart: %v", got.Whole.Why)
	}
}
