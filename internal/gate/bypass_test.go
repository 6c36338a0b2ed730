package gate_test

import (
	"testing"
	"time"

	"poterne/internal/containment"
	"poterne/internal/intake"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// A caseload ends while its source is silent, on a node that remembers and on one that does not.
// In a bypass each account is shown its own caseload as it was when the source was heard last, and
// nobody else, whoever holds its session: not a stranger of its allowance, not somebody whom
// it was shown before, not an appointment, and nobody that the source had taken away.
// A canary still freezes, and when the bypass ends, all is as before.
//
// Promise: SCOPE-2
func TestInABypassAnAccountIsWorthItsCaseload(t *testing.T) {
	h := newHouse(t)
	s := h.store()
	end := storetest.At.Add(2 * time.Hour)
	const own, gone, expected, seen, stranger, trap = 2, 3, 4, 5, 6, 7
	fact := func(id string, kind reason.FactKind, person int, until time.Time) reason.Fact {
		return reason.Fact{Kind: kind, Account: "pauline", Person: storetest.Person(person), From: storetest.At.Add(-48 * time.Hour), Until: until, ID: id}
	}
	if err := storetest.TakeFacts(t, s, "silent", fact("2", reason.Caseload, own, end), fact("3", reason.Caseload, gone, storetest.At.Add(-time.Hour))); err != nil {
		t.Fatal(err)
	}
	if err := storetest.TakeFacts(t, s, "agenda", fact("4", reason.Appointment, expected, storetest.At.Add(72*time.Hour))); err != nil {
		t.Fatal(err)
	}
	remembers, _ := h.gate()
	if p := settle(t, remembers, ask(own, seen)).Decision.People; p[0].Why != policy.Explained || !p[1].Verdict.Shows() {
		t.Fatalf("before, %+v", p)
	}
	h.clock.advance(3 * time.Hour)
	forgetful, _ := h.gate()
	nodes := map[string]*storetest.Node{"one that remembers": remembers, "another": forgetful}
	if p := settle(t, remembers, ask(own)).Decision.People; p[0].Why == policy.Explained {
		t.Fatalf("a caseload that ended explains %+v", p)
	}
	w := journal.Outside{DB: store.NewLedger(s), Now: h.clock.now}
	placed, err := containment.Service{Writer: w}.AskBypass(t.Context(), containment.AskBypass{
		Source: "silent", For: time.Hour, By: "samir", Approver: "nadia", Because: "the gateway of caseloads is down",
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, node := range nodes {
		settle(t, node, policy.Ask{Act: policy.Show, Account: "karim"}) // any turn at the head tells the node
		asked := ask(own, gone, expected, seen, stranger)
		asked.People = append(asked.People, policy.Opening{Fields: register.Name}) // whom nobody knows
		p := settle(t, node, asked).Decision.People
		if p[0].Why != policy.Explained || p[0].Reason.Kind != reason.Caseload || p[0].Reason.Source != "silent" {
			t.Errorf("on %s, of the caseload: %+v", name, p[0])
		}
		for i, who := range []string{"who had left it", "who has an appointment", "who was shown before", "a stranger", "nobody"} {
			if p[i+1].Verdict.Shows() || p[i+1].Why != policy.CaseloadOnly || p[i+1].Cost != 0 {
				t.Errorf("on %s, %s: %+v", name, who, p[i+1])
			}
		}
		export := ask(own)
		export.Signs = meter.Exported
		if decision := settle(t, node, export).Decision; decision.Whole.Verdict.Shows() && decision.People[0].Verdict.Shows() {
			t.Errorf("on %s, an export: %+v", name, decision)
		}
	}
	lifted := containment.Lift{ID: placed.ID, By: "nadia"}
	if err := (containment.Service{Writer: w}).Lift(t.Context(), containment.Lift{ID: placed.ID, By: roster.AccountID("karim")}); err == nil {
		t.Error("somebody who does not sign for a bypass ends it")
	}
	if err := (containment.Service{Writer: w}).Lift(t.Context(), lifted); err != nil {
		t.Fatalf("one person cannot end a bypass: %v", err)
	}
	again := containment.AskBypass{Source: "silent", For: time.Hour, By: "nadia", Approver: "samir", Because: "the gateway of caseloads is down again"}
	for name, node := range nodes {
		settle(t, node, policy.Ask{Act: policy.Show, Account: "karim"})
		if p := settle(t, node, ask(expected, own)).Decision.People; p[0].Why != policy.Explained || p[1].Why == policy.Explained {
			t.Errorf("on %s, once it was ended: %+v", name, p)
		}
	}
	if _, err := (containment.Service{Writer: w}).AskBypass(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	for name, node := range nodes {
		settle(t, node, policy.Ask{Act: policy.Show, Account: "karim"})
		if p := settle(t, node, ask(own)).Decision.People; p[0].Why != policy.Explained {
			t.Errorf("on %s, in a second bypass: %+v", name, p[0])
		}
	}
	h.clock.advance(time.Hour)
	if p := settle(t, forgetful, ask(expected, own)).Decision.People; p[0].Why != policy.Explained || p[1].Why == policy.Explained {
		t.Errorf("when it has ended by itself: %+v", p)
	}
	if _, err := (containment.Service{Writer: w}).AskBypass(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	settle(t, forgetful, policy.Ask{Act: policy.Show, Account: "karim"})
	canary := ask()
	canary.People = []policy.Opening{{Person: storetest.Person(trap), Fields: register.Name, Canary: true}}
	if decision := settle(t, forgetful, canary).Decision; decision.People[0].Why != policy.CanaryOpened {
		t.Errorf("in a bypass, a canary: %+v", decision.People)
	}
}

// A bypass is for a source that was heard within a week, and still is silent when it is approved.
func TestABypassIsForASourceThatIsSilentAndNotForLong(t *testing.T) {
	h := newHouse(t)
	s := h.store()
	w := journal.Outside{DB: store.NewLedger(s), Now: h.clock.now}
	service := containment.Service{Writer: w}
	asking := containment.AskBypass{Source: "cases", For: time.Hour, By: "samir", Because: "muet"}
	asked, err := service.AskBypass(t.Context(), asking)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Do(t.Context(), w, journal.Note{Kind: ledger.SteppedUp, Account: "nadia"}); err != nil {
		t.Fatal(err)
	}
	h.clock.advance(time.Minute)
	if _, err := journal.Do(t.Context(), w, &intake.FactBatch{Source: "cases"}); err != nil {
		t.Fatal(err)
	}
	if err := service.ApproveBypass(t.Context(), containment.ApproveBypass{Asked: asked.ID, By: "nadia"}); err == nil {
		t.Error("a bypass is approved for a source that speaks again")
	}
	h.clock.advance(8 * 24 * time.Hour)
	if _, err := service.AskBypass(t.Context(), asking); err == nil {
		t.Error("a bypass goes by what was told eight days ago")
	}
}
