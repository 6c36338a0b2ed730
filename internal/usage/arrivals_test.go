package usage_test

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"poterne/internal/intake"
	"poterne/internal/journal"
	"poterne/internal/reason"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
	"poterne/internal/usage"
)

// Promise: WATCH-8
func TestWATCH_8_ManyPeopleToldToBeOneAccountsInADayArePutBeforeAPerson(t *testing.T) {
	h := newHouse(t)
	kept := store.NewKept(h.db, "arrivals")
	watch := func() (*usage.Arrivals, func()) {
		a := usage.NewArrivals(usage.Deps{Journal: h, Ledger: store.NewLedger(h.db), Kept: kept}, store.NewFacts(h.db), h.now, slog.New(slog.DiscardHandler))
		return a, h.run(a.Run)
	}
	tell := func(source string, kind reason.FactKind, account roster.AccountID, from, n int) {
		t.Helper()
		var facts []reason.Fact
		for i := range n {
			facts = append(facts, reason.Fact{Kind: kind, Account: account, Person: storetest.Person(from + i), ID: fmt.Sprint(account, from+i), From: h.now(), Until: h.now().AddDate(1, 0, 0)})
		}
		if _, err := journal.Do(t.Context(), h.node, &intake.FactBatch{Source: source, Facts: facts}); err != nil {
			t.Fatal(err)
		}
	}
	a, stop := watch()
	listed := func(want ...int) (list []usage.Arrival) {
		t.Helper()
		for range 200 {
			list = a.List()
			if slices.EqualFunc(list, want, func(a usage.Arrival, people int) bool { return a.People == people }) {
				return list
			}
			time.Sleep(20 * time.Millisecond)
		}
		t.Fatalf("%+v, not arrivals of %d", list, want)
		return nil
	}
	after := func(d time.Duration) { h.clock.Add(d.Microseconds()) }

	tell("cases", reason.Caseload, "adviser-1", 0, 150) // the source is new: it tells of everybody
	tell("agenda", reason.Appointment, "adviser-2", 1000, 1)
	after(8 * 24 * time.Hour)
	tell("cases", reason.Caseload, "adviser-1", 0, 150) // the same people again
	tell("cases", reason.Caseload, "adviser-2", 2000, usage.ADay)
	tell("agenda", reason.Appointment, "adviser-3", 3000, 60) // no standing facts
	tell("cases", reason.Caseload, "adviser-4", 4000, 20)     // in three portions
	tell("cases", reason.Caseload, "adviser-4", 4020, 20)
	tell("cases", reason.Caseload, "adviser-4", 4040, 5)
	if list := listed(45); list[0].Account != "adviser-4" || list[0].Source != "cases" {
		t.Errorf("%+v", list)
	}
	stop()
	after(24 * time.Hour)
	a, _ = watch()
	listed(45)
	tell("cases", reason.Caseload, "adviser-1", 0, 190) // forty more, to a node that began again
	tell("cases", reason.Caseload, "adviser-4", 4000, 45)
	if list := listed(45, 40); list[1].Account != "adviser-1" {
		t.Errorf("%+v", list)
	}
	after(29 * 24 * time.Hour)
	listed()
}
