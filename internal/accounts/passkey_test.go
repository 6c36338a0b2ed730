package accounts_test

import (
	"bytes"
	"testing"

	"poterne/internal/accounts"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/roster"
	"poterne/internal/store"
)

// An invitation that is accepted with a password and a new passkey waits for a second
// person, also when its identity was proposed by name; the passkey serves from then on, and
// not once the account is closed and opened again.
//
// Promise: ENTRY-3
func TestENTRY_3_APasskeyThatCameWithAnInvitationServesOnceSomebodyRecognisedItsHolder(t *testing.T) {
	h := open(t)
	serving := func(id roster.AccountID) []roster.Passkey {
		list, err := store.NewRoster(h.s).Passkeys(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	joins := func(n byte) roster.AccountID {
		p := h.proposal(chief, "alix")
		p.Identity = identity("alix")
		number := h.invited(p)
		accept := accepting("alix")
		accept.Visitor.Factor, accept.Visitor.Passkey = "passkey", &roster.Passkey{ID: bytes.Repeat([]byte{n}, 16), Name: "clé", Key: []byte("public")}
		if e := h.must(do(h, accept)); e.Digest.IsZero() || e.Target != roster.PrintOf(accept.Visitor.Passkey.ID) || e.Factor != "passkey" {
			t.Errorf("accepted: %+v", e)
		}
		if _, err := do(h, &accounts.Join{Number: number, By: journal.Itself}); !fault.Is(err, fault.Refused) {
			t.Errorf("nobody recognised them: %v", err)
		}
		if len(serving("")) != 0 {
			t.Error("it serves before there is an account")
		}
		return h.must(do(h, &accounts.Join{Number: number, By: samir})).Subject
	}
	id := joins(1)
	if list := serving(id); len(list) != 1 || list[0].ID[0] != 1 {
		t.Fatalf("serving: %+v", list)
	}
	h.there(samir)
	h.must(do(h, &accounts.Close{By: samir, Of: id, Why: ledger.ByHand, Because: "partie"}))
	if again := joins(2); again != id {
		t.Fatalf("opened again as %s", again)
	}
	if list := serving(id); len(list) != 1 || list[0].ID[0] != 2 {
		t.Errorf("serving: %+v", list)
	}
}
