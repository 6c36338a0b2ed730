package e2e

import (
	"fmt"
	"net/http/httptest"
	"os"
	"strconv"
	"testing"

	"poterne/internal/lab/proof"
	"poterne/internal/store/storetest"
)

// Acceptance A6 of the spine: the program is killed under load, fifty times on SQLite and five on PostgreSQL; POTERNE_KILLS
// is how often on each. Each time, whoever is in a body that was received, even in part, is in the ledger under
// that answer's receipt with at least those fields; numbers have no gap, the tree
// verifies, and the meters are what the ledger says.
//
// Promises: LEDGER-1, LEDGER-2, LEDGER-3, METER-3
func TestLEDGER_1_KilledUnderLoadNothingReceivedIsUnwritten(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) { killedUnderLoad(t, 50, "") })
	t.Run("postgres", func(t *testing.T) { killedUnderLoad(t, 5, storetest.StartPostgreSQL(t).Database(t)) })
}

func killedUnderLoad(t *testing.T, kills int, server string) {
	t.Parallel()
	if testing.Short() {
		kills = 5
	}
	if said := os.Getenv("POTERNE_KILLS"); said != "" {
		var err error
		if kills, err = strconv.Atoi(said); err != nil {
			t.Fatal("POTERNE_KILLS: ", err)
		}
	}
	application := httptest.NewServer(proof.Crowd())
	t.Cleanup(application.Close)
	changes := map[string]string{proof.Upstream: application.URL}
	if server != "" {
		changes[`path = "poterne.db"`] = fmt.Sprintf("server = %q", server)
	}
	h := newHouse(t, "application", changes)
	h.site.Server = server
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
