package archive_test

import (
	"testing"
	"time"

	"poterne/internal/archive"
	"poterne/internal/grants"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/register"
	"poterne/internal/store"
)

// Promise: PERSON-6, METER-8
func TestPERSON_6_TheListOfAnExportPermitIsErasedMonthsAfterItsEnd(t *testing.T) {
	h := newHouse(t)
	was := rules
	t.Cleanup(func() { rules = was })
	rules = []archive.Rule{{Of: archive.Lists, Erase: 3}}
	h.does(func(w journal.Writer) error {
		for _, id := range []ledger.Entry{{Kind: ledger.SteppedUp, Account: "nadia"}, {Kind: ledger.SteppedUp, Account: "samir"}} {
			if err := journal.Record(t.Context(), w, id); err != nil {
				return err
			}
		}
		asked, err := journal.Do(t.Context(), w, journal.Act[grants.PermitRows](grants.AskPermit{By: "nadia", Export: grants.Export{
			Of: "pauline", Service: "dossier", Route: "GET /export", People: 2, Until: h.now.AddDate(0, 0, 7), Purpose: "bilan", List: [32]byte{1}, Listed: []register.PersonID{someone(1)},
		}}))
		if err == nil {
			_, err = journal.Do(t.Context(), w, journal.Act[grants.PermitRows](grants.ApprovePermit{Number: asked.Number, By: "samir"}))
		}
		return err
	})
	listed := func() int {
		t.Helper()
		asker, err := store.NewFacts(h.db).Asker(t.Context(), "pauline")
		if err != nil || len(asker.Exports) != 1 {
			t.Fatalf("%d permits, %v", len(asker.Exports), err)
		}
		return len(asker.Exports[0].People)
	}
	h.until(2026, time.April)
	if told := h.run(false); told != "" || listed() != 1 {
		t.Errorf("three months after it was given: %q, and %d are on it", told, listed())
	}
	h.until(2026, time.May)
	if told := h.run(false); told != "lists: 0 archived, 1 erased" || listed() != 0 {
		t.Errorf("three months after its end: %q, and %d are on it", told, listed())
	}
}
