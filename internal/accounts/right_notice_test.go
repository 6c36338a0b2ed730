package accounts_test

import (
	"testing"

	"poterne/internal/ledger"
)

// Whoever holds the account hears that a habilitation was asked for in its name, and that it was
// given: it may have been their session that somebody else had.
//
// Promise: RIGHTS-1
func TestRIGHTS_1_WhoHoldsTheAccountHearsOfAHabilitationInItsName(t *testing.T) {
	p := posted(t)
	n := p.node()
	asked := ledger.Entry{Number: 910, Kind: ledger.RightAsked, State: ledger.Asked, Account: "pauline", Organisation: "mlv", Subject: "pauline", Service: "dossier", Purpose: "accompany"}
	signed, given := asked, asked
	signed.Number, signed.State, signed.Account, signed.Cause = 911, ledger.SignedFor, chief, 910
	given.Number, given.Kind, given.State, given.Account, given.Approver, given.Cause = 912, ledger.RightGiven, "", chief, samir, 910
	for _, one := range []ledger.Entry{asked, signed, given} {
		for range 2 { // on two nodes
			if err := n.Tell(t.Context(), one); err != nil {
				t.Fatal(err)
			}
		}
	}
	for to, want := range map[string][3]int{
		"chief@staff.example": {1, 1, 0}, "direction@mlv.example": {1, 1, 0}, "pauline@staff.example": {0, 0, 2}, "karim@staff.example": {0, 0, 0},
	} {
		if got := [3]int{p.letters(to, "asks for a habilitation"), p.letters(to, "signed for first by"), p.letters(to, "your account")}; got != want {
			t.Errorf("%s was told %v times, want %v", to, got, want)
		}
	}
}
