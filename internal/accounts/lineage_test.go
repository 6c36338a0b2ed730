package accounts_test

import (
	"context"
	"database/sql"
	"testing"

	"poterne/internal/accounts"
	"poterne/internal/approval"
	"poterne/internal/containment"
	"poterne/internal/fault"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// shown reports whether the gate shows an account a person without a reason.
func (h *house) shown(id roster.AccountID) bool {
	h.t.Helper()
	rules := policy.Rules{
		Purposes:   roster.Purposes{"accompany": register.Name},
		Allowances: map[roster.Role]meter.Allowance{},
	}
	for _, role := range append(roster.Given(roster.Readers), roster.Messages) { // also of those who MUST read nothing
		rules.Allowances[role] = meter.Allowance{Short: meter.People(5), Long: meter.People(5)}
	}
	node, err := storetest.OpenNode(h.t.Context(), store.NewLedger(h.s), store.NewFacts(h.s), rules, h.writer().Now)
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(h.t.Context())
	ended := make(chan error)
	go func() { ended <- node.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	passage, err := node.Commit(h.t.Context(), policy.Ask{
		Act: policy.Show, Account: id, Service: "dossier", Purpose: "accompany", Route: "GET /files/{dossier}",
		People: []policy.Opening{{Person: storetest.Person(1), Fields: register.Name}},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return passage.Decision.People[0].Verdict.Shows()
}

// right is a habilitation for dossier.
func (h *house) right(of roster.AccountID) roster.Habilitation {
	return roster.Habilitation{Account: of, Service: "dossier", Purpose: "accompany", From: h.at, Until: h.at.AddDate(1, 0, 0)}
}

// takes takes a roster in and has the desk admit it.
func (h *house) takes(list accounts.List) error {
	h.t.Helper()
	h.there(nadia)
	made, err := do(h, &accounts.Import{By: "operator", List: list})
	if err == nil {
		_, err = do(h, &accounts.Admit{By: nadia, Import: made.Number})
	}
	return err
}

// manager is a proposal of a manager.
func (h *house) manager(by roster.AccountID, name string) *accounts.Propose {
	p := h.proposal(by, name)
	p.Role, p.Rights = roster.Manager, nil
	return p
}

func TestRIGHTS_2_ManagingAndReadingAreNeverOneAccountNorOnePersonsTwoInOneChain(t *testing.T) {
	for name, try := range map[string]func(h *house) error{
		"a manager is proposed who may use a service": func(h *house) error {
			p := h.manager(chief, "mona")
			p.Rights = []accounts.Right{{Service: "dossier", Purpose: "accompany"}}
			h.there(chief)
			return second(do(h, p))
		},
		"a manager becomes a reader by a roster": func(h *house) error {
			a := h.account(chief)
			a.Role = roster.Adviser
			return h.takes(accounts.List{Accounts: []roster.Account{a}, Habilitations: []roster.Habilitation{h.right(chief)}})
		},
		"a reader becomes a manager by a roster": func(h *house) error {
			a := h.account("pauline")
			a.Role = roster.Manager
			return h.takes(accounts.List{Accounts: []roster.Account{a}})
		},
		"a roster gives one address to a manager and to a reader": func(h *house) error {
			a, b := h.account(chief), h.account("karim")
			a.Mail, b.Mail = "same@mlv.example", "same@mlv.example"
			return h.takes(accounts.List{Accounts: []roster.Account{a, b}})
		},
		"a roster gives a reader the address of a manager": func(h *house) error {
			a := h.account(chief)
			a.Mail = "same@mlv.example"
			if err := h.takes(accounts.List{Accounts: []roster.Account{a}}); err != nil {
				h.t.Fatal(err)
			}
			b := h.account("karim")
			b.Mail = "same@mlv.example"
			return h.takes(accounts.List{Accounts: []roster.Account{b}})
		},
		"a manager proposes a reader of their own name": func(h *house) error {
			h.there(chief)
			p := h.proposal(chief, "x")
			p.Name = " ＣＨＩＥＦ "
			return second(do(h, p))
		},
		"a manager proposes a reader of the name of who proposed them": func(h *house) error {
			mona := h.joined(h.manager(chief, "mona"))
			h.there(mona)
			p := h.proposal(mona, "x")
			p.Name = "Chief"
			return second(do(h, p))
		},
		"a manager approves a reader of their own name": func(h *house) error {
			h.there(chief, deputy)
			p := h.proposal(chief, "x")
			p.Name = "Deputy"
			made := h.must(do(h, p))
			return second(do(h, &accounts.Approve{Number: made.Number, By: deputy, Token: "x", Bounds: bounds}))
		},
		"the identity that accepts has the address of the proposer, whose account was closed": func(h *house) error {
			if err := h.takes(accounts.List{Accounts: []roster.Account{{
				ID: "mara", Organisation: "mlv", Role: roster.Manager, Name: "Mara", Mail: "mara@mlv.example", Identity: identity("mara"), Opened: h.at,
			}}}); err != nil {
				h.t.Fatal(err)
			}
			mona := h.joined(h.manager("mara", "mona"))
			h.invited(h.proposal(mona, "x"))
			h.must(do(h, &accounts.Close{By: samir, Of: "mara", Why: ledger.ByHand, Because: "partie"}))
			accept := accepting("x")
			accept.Visitor.Mail = "mara@mlv.example"
			return second(do(h, accept))
		},
		"whoever was closed is opened again as a reader by whom they made": func(h *house) error {
			mona := h.joined(h.manager(chief, "mona"))
			h.must(do(h, &accounts.Close{By: samir, Of: chief, Why: ledger.ByHand, Because: "parti"}))
			number := h.invited(h.proposal(mona, "new"))
			accept := accepting("new")
			accept.Visitor.Identity = identity("signs-chief")
			h.must(do(h, accept))
			return second(do(h, &accounts.Join{Number: number, By: samir}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			if err := try(h); !fault.Is(err, fault.Refused) && !fault.Is(err, fault.Invalid) {
				t.Errorf("it is not refused: %v", err)
			}
			for _, id := range []roster.AccountID{chief, deputy} {
				if h.may(id) && h.account(id).Role.ReadsFiles() || h.shown(id) {
					t.Errorf("%s is shown somebody", id)
				}
			}
		})
	}
	t.Run("nobody signs for their own other account", func(t *testing.T) {
		rows := staff{"m": {ID: "m", Organisation: "mlv", Name: "M", Mail: "m@mlv.example"}, "r": {ID: "r", Organisation: "ofh", Name: "R", Mail: "m@mlv.example"}}
		if err := approval.Apart(rows, rows["m"], rows["r"], "a raise"); !fault.Is(err, fault.Refused) {
			t.Errorf("one person's two accounts are told apart as two people: %v", err)
		}
	})
	t.Run("a row", func(t *testing.T) {
		h := open(t)
		if err := h.takes(accounts.List{Habilitations: []roster.Habilitation{h.right(chief)}}); err != nil {
			t.Fatal(err)
		}
		if h.shown(chief) {
			t.Error("a manager with a habilitation that was admitted is shown somebody")
		}
		if !h.shown("pauline") {
			t.Error("the test's reader is shown nobody")
		}
		raw, err := sql.Open("sqlite", h.path)
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		if _, err := raw.Exec(`update account set role = 'adviser' where id = 'chief'`); err != nil {
			t.Fatal(err)
		}
		if h.shown(chief) {
			t.Error("a row that somebody changed lets a manager read")
		}
	})
}

// staff is accounts without a ledger.
type staff map[roster.AccountID]roster.Account

func (s staff) Account(id roster.AccountID) (roster.Account, error) {
	a, known := s[id]
	if !known {
		return a, fault.Errorf(fault.Absent, "no such account")
	}
	return a, nil
}

func TestRIGHTS_8_WhoMadeWhomIsKeptAndContainmentFollowsIt(t *testing.T) {
	p := posted(t)
	alix := p.joined(p.proposal(deputy, "alix"))
	if a := p.account(alix); a.Proposer != deputy || a.Approver != samir {
		t.Errorf("the account is %+v", a)
	}
	for kind, want := range map[ledger.Kind]ledger.Entry{
		ledger.Proposed: {Account: deputy}, ledger.Approved: {Account: samir, Subject: deputy}, ledger.Joined: {Account: samir, Approver: samir, Subject: alix},
	} {
		if list := p.entries(kind); len(list) != 1 || list[0].Account != want.Account || list[0].Subject != want.Subject || kind != ledger.Proposed && list[0].Cause == 0 {
			t.Errorf("%s: %+v", kind, list)
		}
	}
	n, number := p.asked() // by chief, of pauline
	for _, by := range []roster.AccountID{deputy, samir} {
		p.there(by)
		if err := n.Approve(t.Context(), number, by); err != nil {
			t.Fatal(err)
		}
	}
	p.at = p.at.Add(accounts.RecoveryWaits)
	p.upkeep(n)
	accept := accepting("pauline-anew")
	accept.Token, accept.Visitor.Mail = p.newest(), "pauline@staff.example"
	p.must(do(p.house, accept))
	p.there(nadia)
	if err := n.Confirm(t.Context(), number, nadia); err != nil {
		t.Fatal(err)
	}
	if a := p.account("pauline"); a.Recoverer != chief {
		t.Errorf("who asked for the recovery is kept as %q", a.Recoverer)
	}
	if err := p.takes(accounts.List{Accounts: []roster.Account{p.account("pauline")}}); err != nil && !fault.Is(err, fault.Absent) {
		t.Fatal(err)
	}
	if a := p.account("pauline"); a.Recoverer != chief {
		t.Error("a roster forgets who asked for a recovery")
	}
	for stolen, held := range map[roster.AccountID]roster.AccountID{chief: "pauline", deputy: alix} {
		p.must(do(p.house, &containment.PlaceLineage{Place: containment.Place{Order: order.Order{
			By: "nadia", Effect: order.Suspended, Reach: order.Account, Target: string(stolen), Because: "vol",
		}}}))
		if p.shown(held) {
			t.Errorf("%s is stopped, and %s is shown somebody", stolen, held)
		}
	}
	if !p.shown("karim") && p.may("karim") {
		t.Error("one of no lineage is stopped")
	}
}
