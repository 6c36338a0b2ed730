package accounts_test

import (
	"testing"

	"poterne/internal/ledger"
	"poterne/internal/meter"
)

// Whoever signs for an export hears of each step, and whoever may export once they may; another
// house hears of nothing.
//
// Promise: METER-8
func TestMETER_8_WhoSignsForAnExportAndWhoTakesItAreTold(t *testing.T) {
	p := posted(t)
	n := p.node()
	e := ledger.Entry{Number: 900, Kind: ledger.PermitAsked, Account: chief, Subject: "pauline", Service: "dossier", Route: "GET /export", State: ledger.Asked, Cost: meter.People(40)}
	dropped, given, ended := e, e, e
	dropped.Number, dropped.State, dropped.Cause = 901, ledger.Refused, 900
	given.Number, given.Kind, given.State, given.Approver = 902, ledger.Permitted, "", samir
	ended.Number, ended.Kind, ended.State = 903, ledger.PermitEnded, ""
	for _, one := range []ledger.Entry{e, dropped, given, ended} {
		for range 2 { // on two nodes
			if err := n.Tell(t.Context(), one); err != nil {
				t.Fatal(err)
			}
		}
	}
	said := []string{"A permit to export is asked for", "A request for a permit to export is dropped", "An export is allowed", "A permit to export was ended"}
	for to, want := range map[string][]int{
		"chief@staff.example": {1, 1, 1, 1}, "direction@mlv.example": {1, 1, 1, 1}, "samir@staff.example": {1, 1, 1, 1}, "pauline@staff.example": {0, 0, 1, 1}, "other@staff.example": {0, 0, 0, 0},
	} {
		for i, what := range said {
			if got := p.letters(to, what); got != want[i] {
				t.Errorf("%s was told %d times: %s", to, got, what)
			}
		}
	}
}
