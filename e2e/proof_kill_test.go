package e2e

import (
	"net/http/httptest"
	"testing"

	"poterne/internal/lab/proof"
)

// Acceptance A6 of the spine: the program is killed under load, fifty times. Each
// time, whoever is in a body that was received, even in part, is in the ledger under
// that answer's receipt with at least those fields; numbers have no gap, the tree
// verifies, and the meters are what the ledger says.
//
// Promises: LEDGER-1, LEDGER-2, LEDGER-3, METER-3
func TestLEDGER_1_KilledUnderLoadNothingReceivedIsUnwritten(t *testing.T) {
	t.Parallel()
	kills := 50
	if testing.Short() {
		kills = 5
	}
	application := httptest.NewServer(proof.Crowd())
	t.Cleanup(application.Close)
	h := newHouse(t, "application", map[string]string{proof.Upstream: application.URL})
	h.takeFacts("caseloads", h.write("caseloads.csv", proof.CrowdCaseloads()))
	after := proof.NewAftermath(h.key)
	toll, err := proof.Killed(t.Context(), h.site, after, kills)
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d kills, %d entries, %d of %d bodies received in part; spent %v", toll.Kills, after.Next, toll.Broken, toll.Answers, after.Spent)
}

// What tests of the crowd speak of.
const (
	crowdOwn  = proof.CrowdOwn
	crowdList = proof.CrowdList
)

var (
	crowdStaff     = proof.CrowdStaff
	crowdID        = proof.CrowdID
	crowd          = proof.Crowd
	crowdCaseloads = proof.CrowdCaseloads
)
