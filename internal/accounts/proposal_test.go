package accounts_test

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/containment"
	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
	"poterne/internal/seal"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// house is a real store, with its managers and its security desk, and a clock.
type house struct {
	t    *testing.T
	path string
	s    *store.DB
	at   time.Time
}

const (
	chief, deputy, other = "chief", "deputy", "other" // managers: two of mlv, one of ofh
	samir, nadia         = "samir", "nadia"           // of the security desk
)

func open(t *testing.T) *house {
	t.Helper()
	path := filepath.Join(t.TempDir(), "poterne.db")
	s, err := store.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.Seal(t.Context(), seal.New()); err != nil {
		t.Fatal(err)
	}
	h := &house{t, path, s, storetest.At}
	h.must(do(h, &accounts.Import{By: "setup", List: storetest.Staff()}))
	h.must(do(h, &accounts.Import{By: "setup", List: storetest.Signers()}))
	return h
}

func (h *house) writer() journal.Outside {
	return journal.Outside{DB: store.NewLedger(h.s), Now: func() time.Time { return h.at }}
}

func (h *house) must(e ledger.Entry, err error) ledger.Entry {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
	return e
}

func do[R any](h *house, act journal.Act[R]) (ledger.Entry, error) {
	return journal.Do(h.t.Context(), h.writer(), act)
}

// there has accounts confirm that they are there.
func (h *house) there(ids ...roster.AccountID) {
	h.t.Helper()
	for _, id := range ids {
		h.must(do(h, journal.Note{Kind: ledger.SteppedUp, Account: id}))
	}
}

var bounds = accounts.Bounds{
	Quota:  func(roster.OrganisationID) int { return 8 },
	Rights: map[accounts.Right]bool{{Service: "dossier", Purpose: "accompany"}: true}, Roles: roster.Readers,
}

func (h *house) proposal(by roster.AccountID, name string) *accounts.Propose {
	return &accounts.Propose{Bounds: bounds, Proposal: accounts.Proposal{
		By: by, Organisation: "mlv", Role: roster.Adviser, Name: name, Mail: name + "@mlv.example", Because: "recrutement",
		Rights: []accounts.Right{{Service: "dossier", Purpose: "accompany"}}, Until: h.at.AddDate(0, 6, 0),
	}}
}

func identity(subject string) roster.Identity {
	return roster.Identity{Issuer: "https://idp.example", Provider: "p", Subject: subject}
}

func accepting(name string) *accounts.Accept {
	return &accounts.Accept{Token: name, Visitor: accounts.Visitor{
		Identity: identity(name), Mail: name + "@mlv.example", SIRET: "90000000000017", Factor: "strong",
		Of: func(siret string) bool { return siret == "90000000000017" },
	}}
}

// invited is a proposal that samir approved, with its name for a token.
func (h *house) invited(p *accounts.Propose) ledger.Number {
	h.t.Helper()
	h.there(p.By, samir)
	made := h.must(do(h, p))
	h.must(do(h, &accounts.Approve{Number: made.Number, By: samir, Token: p.Name, Bounds: bounds}))
	return made.Number
}

// joined is an account that was proposed, approved, accepted and confirmed.
func (h *house) joined(p *accounts.Propose) roster.AccountID {
	h.t.Helper()
	number := h.invited(p)
	h.must(do(h, accepting(p.Name)))
	return h.must(do(h, &accounts.Join{Number: number, By: samir})).Subject
}

// may reports whether an account may use dossier, as the gate reads it.
func (h *house) may(id roster.AccountID) bool {
	h.t.Helper()
	asker, err := store.NewFacts(h.s).Asker(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, right := range asker.Habilitations {
		if right.Covers("dossier", "accompany", h.at) {
			return true
		}
	}
	return false
}

func (h *house) account(id roster.AccountID) roster.Account {
	h.t.Helper()
	a, _, err := store.NewRoster(h.s).Account(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

func TestAnAccountIsProposedApprovedAcceptedConfirmedAndEnds(t *testing.T) {
	h := open(t)
	number := h.invited(h.proposal(chief, "alix"))
	e := h.must(do(h, accepting("alix")))
	if e.Account != "" || e.Identity != identity("alix") || e.Cause != number || e.Subject != chief || e.Approver != samir {
		t.Errorf("the acceptance is written as %+v", e)
	}
	if _, _, err := store.NewRoster(h.s).ByIdentity(t.Context(), identity("alix")); !fault.Is(err, fault.Absent) {
		t.Errorf("who accepted has an account before a second person confirmed it: %v", err)
	}
	id := h.must(do(h, &accounts.Join{Number: number, By: samir})).Subject
	a := h.account(id)
	if a.Proposer != chief || a.Approver != samir || !a.Opened.Equal(h.at) || a.Identity != identity("alix") || !h.may(id) {
		t.Errorf("the account is %+v, and may read: %t", a, h.may(id))
	}
	if asker := gate.AskerOf(a); !asker.Opened.Equal(h.at) {
		t.Error("the account is not young to the gate")
	}

	if _, err := do(h, &accounts.Close{By: journal.Itself, Of: id, Why: ledger.Expired}); !fault.Is(err, fault.Refused) {
		t.Errorf("it is closed before its end: %v", err)
	}
	h.at = h.at.AddDate(0, 6, 0)
	if h.may(id) || h.account(id).Gives(h.at) {
		t.Error("the account gives rights at its end")
	}
	h.must(do(h, &accounts.Close{By: journal.Itself, Of: id, Why: ledger.Expired}))
	if _, err := do(h, &accounts.Close{By: journal.Itself, Of: id, Why: ledger.Expired}); err != journal.Unchanged {
		t.Errorf("it is closed twice: %v", err)
	}
	again := h.joined(h.proposal(deputy, "alix"))
	if a := h.account(again); again != id || a.Proposer != deputy || !a.Opened.Equal(h.at) || !h.may(id) {
		t.Errorf("the same person came back as %s: %+v", again, a)
	}
}

func TestRIGHTS_1_NobodyAloneMakesAnAccountThatReads(t *testing.T) {
	for name, try := range map[string]func(h *house) error{
		"a reader proposes": func(h *house) error {
			h.there("pauline")
			return second(do(h, h.proposal("pauline", "alix")))
		},
		"without a confirmation": func(h *house) error { return second(do(h, h.proposal(chief, "alix"))) },
		"for another organisation": func(h *house) error {
			h.there(other)
			return second(do(h, h.proposal(other, "alix")))
		},
		"a manager proposes one of the desk": func(h *house) error {
			p := h.proposal(chief, "alix")
			p.Role, p.Rights = roster.Security, nil
			h.there(chief)
			return second(do(h, p))
		},
		"a manager who reads files": func(h *house) error {
			p := h.proposal(chief, "alix")
			p.Role = roster.Manager
			h.there(chief)
			return second(do(h, p))
		},
		"one approves their own":                  approves(chief),
		"a reader approves":                       approves("pauline"),
		"another organisation's manager approves": approves(other),
		"whoever is nobody approves":              approves("nobody"),
		"the deputy approves, suspended": func(h *house) error {
			h.stop(deputy, order.Suspended)
			return approves(deputy)(h)
		},
		"after the proposer was frozen": func(h *house) error {
			h.there(chief, samir)
			made := h.must(do(h, h.proposal(chief, "alix")))
			h.stop(chief, order.Frozen)
			return second(do(h, &accounts.Approve{Number: made.Number, By: samir, Token: "alix", Bounds: bounds}))
		},
		"a manager whom one made approves": func(h *house) error {
			p := h.proposal(chief, "mona")
			p.Role, p.Rights = roster.Manager, nil
			mona := h.joined(p)
			h.there(chief, mona)
			made := h.must(do(h, h.proposal(chief, "alix")))
			return second(do(h, &accounts.Approve{Number: made.Number, By: mona, Token: "alix", Bounds: bounds}))
		},
		"one made by a third approves": func(h *house) error {
			var made []roster.AccountID
			for _, name := range []string{"mona", "mila"} {
				p := h.proposal(chief, name)
				p.Role, p.Rights = roster.Manager, nil
				made = append(made, h.joined(p))
			}
			h.there(made...)
			e := h.must(do(h, h.proposal(made[0], "alix")))
			return second(do(h, &accounts.Approve{Number: e.Number, By: made[1], Token: "alix", Bounds: bounds}))
		},
		"a manager approves a manager": func(h *house) error {
			h.there(chief, deputy)
			p := h.proposal(chief, "mona")
			p.Role, p.Rights = roster.Manager, nil
			made := h.must(do(h, p))
			return second(do(h, &accounts.Approve{Number: made.Number, By: deputy, Token: "mona", Bounds: bounds}))
		},
		"the proposer confirms who accepted": func(h *house) error {
			number := h.invited(h.proposal(chief, "alix"))
			h.must(do(h, accepting("alix")))
			return second(do(h, &accounts.Join{Number: number, By: chief}))
		},
		"the program confirms an identity that nobody saw": func(h *house) error {
			number := h.invited(h.proposal(chief, "alix"))
			h.must(do(h, accepting("alix")))
			return second(do(h, &accounts.Join{Number: number, By: journal.Itself}))
		},
		"confirmed before it is accepted": func(h *house) error {
			number := h.invited(h.proposal(chief, "alix"))
			return second(do(h, &accounts.Join{Number: number, By: samir}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			if err := try(h); !fault.Is(err, fault.Refused) && !fault.Is(err, fault.Absent) && !fault.Is(err, fault.Invalid) {
				t.Errorf("it is not refused: %v", err)
			}
			if a, _, err := store.NewRoster(h.s).ByIdentity(t.Context(), identity("alix")); !fault.Is(err, fault.Absent) {
				t.Errorf("there is an account: %+v, %v", a, err)
			}
		})
	}
}

func second[T any](_ T, err error) error { return err }

func approves(by roster.AccountID) func(*house) error {
	return func(h *house) error {
		h.there(chief, by)
		made := h.must(do(h, h.proposal(chief, "alix")))
		return second(do(h, &accounts.Approve{Number: made.Number, By: by, Token: "alix", Bounds: bounds}))
	}
}

func (h *house) stop(id roster.AccountID, effect order.Effect) {
	h.t.Helper()
	h.must(do(h, containment.Place{Order: order.Order{By: "nadia", Effect: effect, Reach: order.Account, Target: string(id)}}))
}

// An invitation is bound to one person, serves once, for 72 hours, while nobody who made it
// is stopped; and nobody comes back by it under a second identity.
func TestAnInvitationServesWhomItIsForOnce(t *testing.T) {
	for name, try := range map[string]func(h *house) error{
		"another token":  func(h *house) error { return accepts(h, func(a *accounts.Accept) { a.Token = "guess" }) },
		"an empty token": func(h *house) error { return accepts(h, func(a *accounts.Accept) { a.Token = "" }) },
		"of another organisation": func(h *house) error {
			return accepts(h, func(a *accounts.Accept) { a.Visitor.Of = func(string) bool { return false } })
		},
		"whoever has an account": func(h *house) error {
			return accepts(h, func(a *accounts.Accept) { a.Visitor.Identity = identity("signs-chief") })
		},
		"by the address of one who has an account": func(h *house) error {
			h.must(do(h, &accounts.Admit{By: nadia, Import: h.mailOf(deputy, "d.eputy@mlv.example")}))
			return accepts(h, func(a *accounts.Accept) { a.Visitor.Mail = "D.Eputy@mlv.example" })
		},
		"too late": func(h *house) error {
			h.at = h.at.Add(accounts.InvitationWaits)
			return second(do(h, accepting("alix")))
		},
		"twice": func(h *house) error {
			h.must(do(h, accepting("alix")))
			return second(do(h, accepting("alix")))
		},
		"after it was replaced": func(h *house) error {
			h.there(samir)
			h.must(do(h, &accounts.Approve{Number: h.only(), By: samir, Token: "newer", Bounds: bounds}))
			return second(do(h, accepting("alix")))
		},
		"after it was withdrawn": func(h *house) error {
			h.must(do(h, &accounts.Decline{Number: h.only(), By: chief}))
			return second(do(h, accepting("alix")))
		},
		"after the proposer was frozen": func(h *house) error { h.stop(chief, order.Frozen); return second(do(h, accepting("alix"))) },
		"after the approver was suspended": func(h *house) error {
			h.stop(samir, order.Suspended)
			return second(do(h, accepting("alix")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			h.invited(h.proposal(chief, "alix"))
			if err := try(h); !fault.Is(err, fault.Refused) && !fault.Is(err, fault.Absent) && !fault.Is(err, fault.Invalid) {
				t.Errorf("it is not refused: %v", err)
			}
		})
	}
	t.Run("an identity that was proposed is let in by itself, and no other is", func(t *testing.T) {
		h := open(t)
		p := h.proposal(chief, "alix")
		p.Identity = identity("alix")
		number := h.invited(p)
		forwarded := accepting("alix")
		forwarded.Visitor.Identity = identity("friend")
		if _, err := do(h, forwarded); err != accounts.OtherIdentity {
			t.Errorf("a forwarded invitation: %v", err)
		}
		h.must(do(h, accepting("alix")))
		if id := h.must(do(h, &accounts.Join{Number: number, By: journal.Itself})).Subject; !h.may(id) {
			t.Error("it may not read")
		}
	})
}

func accepts(h *house, change func(*accounts.Accept)) error {
	a := accepting("alix")
	change(a)
	return second(do(h, a))
}

// only is the number of the only proposal that waits.
func (h *house) only() ledger.Number {
	h.t.Helper()
	list, err := store.NewRoster(h.s).Proposals(h.t.Context(), "")
	if err != nil || len(list) != 1 {
		h.t.Fatal(len(list), err)
	}
	return list[0].Number
}

// mailOf writes an account's address by a roster, and returns the roster's entry.
func (h *house) mailOf(id roster.AccountID, mail string) ledger.Number {
	h.t.Helper()
	a := h.account(id)
	a.Mail = mail
	h.there(nadia)
	return h.must(do(h, &accounts.Import{By: "setup", List: accounts.List{Accounts: []roster.Account{a}}})).Number
}

func TestProposalsAreBounded(t *testing.T) {
	h := open(t)
	h.there(chief, deputy)
	h.must(do(h, h.proposal(chief, "alix")))
	if _, err := do(h, h.proposal(deputy, "alix")); err != accounts.MailTaken {
		t.Errorf("one person is proposed twice: %v", err)
	}
	for _, name := range []string{"bea", "cid", "dan"} { // of mlv there are four accounts, and eight may be
		h.must(do(h, h.proposal(chief, name)))
	}
	if _, err := do(h, h.proposal(chief, "eve")); err != accounts.QuotaReached {
		t.Errorf("beyond the quota: %v", err)
	}
	h.must(do(h, &accounts.Decline{Number: h.first(), By: deputy, Because: "doublon"}))
	h.must(do(h, h.proposal(chief, "eve")))

	wide := bounds
	wide.Quota = func(roster.OrganisationID) int { return 1000 }
	var err error
	made := 4
	for ; err == nil && made < 100; made++ {
		p := h.proposal(chief, strings.Repeat("f", made))
		p.Bounds = wide
		_, err = do(h, p)
	}
	if err != accounts.ManyWait || made > 12 {
		t.Errorf("%d wait: %v", made, err)
	}
}

// first is the number of the oldest proposal that waits.
func (h *house) first() ledger.Number {
	list, err := store.NewRoster(h.s).Proposals(h.t.Context(), "mlv")
	if err != nil || len(list) == 0 {
		h.t.Fatal(len(list), err)
	}
	return list[len(list)-1].Number
}

// Of two people who approve at once, on two nodes, both are heard: the invitation is the
// later one's. Of two who confirm at once, one makes the account.
func TestTwoAtOnceMakeOneAccount(t *testing.T) {
	h := open(t)
	number := h.invited(h.proposal(chief, "alix"))
	h.must(do(h, accepting("alix")))
	h.there(nadia)
	var group sync.WaitGroup
	done := make(chan error, 2)
	for _, by := range []roster.AccountID{samir, nadia} {
		group.Go(func() { done <- second(do(h, &accounts.Join{Number: number, By: by})) })
	}
	group.Wait()
	if one, two := <-done, <-done; (one == nil) == (two == nil) {
		t.Errorf("%v, %v", one, two)
	}
}

// Promise: RIGHTS-1 (what an operator's roster makes)
func TestARosterMakesNoAccountThatReadsBeforeTheDeskAdmitsIt(t *testing.T) {
	h := open(t)
	thief := roster.Account{ID: "thief", Organisation: "mlv", Role: roster.Adviser, Name: "T", Identity: identity("thief"), Opened: h.at}
	right := func(of roster.AccountID) roster.Habilitation {
		return roster.Habilitation{Account: of, Service: "dossier", Purpose: "accompany", From: h.at, Until: h.at.AddDate(1, 0, 0)}
	}
	desk := roster.Account{ID: "moles", Organisation: "garde", Role: roster.Security, Name: "M", Identity: identity("moles"), Opened: h.at}
	made := h.must(do(h, &accounts.Import{By: "operator", List: accounts.List{
		Accounts: []roster.Account{thief, desk}, Habilitations: []roster.Habilitation{right("thief"), right("karim")},
	}}))
	h.there("moles", samir, chief)
	for _, id := range []roster.AccountID{"thief", "karim"} {
		if h.may(id) || h.account(id).Gives(h.at) {
			t.Errorf("%s gives rights", id)
		}
	}
	for _, by := range []roster.AccountID{"moles", chief, "operator", "thief"} {
		if _, err := do(h, &accounts.Admit{By: by, Import: made.Number}); !fault.Is(err, fault.Refused) {
			t.Errorf("%s admits it: %v", by, err)
		}
	}
	h.must(do(h, &accounts.Admit{By: samir, Import: made.Number}))
	if !h.may("thief") || !h.may("karim") {
		t.Error("what was admitted gives no right")
	}
	h.must(do(h, &accounts.Close{By: samir, Of: "thief", Why: ledger.ByHand, Because: "parti"}))
	h.must(do(h, &accounts.Import{By: "operator", List: accounts.List{Accounts: []roster.Account{thief}}}))
	if h.may("thief") {
		t.Error("a roster opens an account that was closed")
	}
}

// Promise: RIGHTS-10 (approvals)
func TestRIGHTS_10_OnePersonApprovesSoManyAccounts(t *testing.T) {
	h := open(t)
	wide := bounds
	wide.Quota = func(roster.OrganisationID) int { return 1000 }
	var err error
	made := 0
	for ; err == nil && made < 40; made++ {
		h.there(chief, deputy, samir)
		p := h.proposal(chief, "n"+strings.Repeat("o", made))
		p.Bounds = wide
		number := h.must(do(h, p)).Number
		if _, err = do(h, &accounts.Approve{Number: number, By: deputy, Token: p.Name, Bounds: wide}); err == nil {
			_, err = do(h, &accounts.Decline{Number: number, By: chief})
		} else {
			h.must(do(h, &accounts.Approve{Number: number, By: samir, Token: p.Name, Bounds: wide}))
		}
	}
	if err != accounts.ApprovedMost || made != 31 {
		t.Errorf("the approval number %d: %v", made, err)
	}
}

// Two organisations become one by a file that names the new one for their accounts: nobody
// reads before the desk admits it, and then everybody has what they had.
func TestAMergerMovesAccountsWithWhatTheyHoldOnceTheDeskAdmitsIt(t *testing.T) {
	h := open(t)
	karim := h.account("karim")
	proposer, opened, identity := karim.Proposer, karim.Opened, karim.Identity
	karim.Organisation = "merged"
	merged := roster.Organisation{ID: "merged", SIRET: "90000000000090", Name: "Mission locale réunie"}
	made := h.must(do(h, &accounts.Import{By: "operator", List: accounts.List{Organisations: []roster.Organisation{merged}, Accounts: []roster.Account{karim}}}))
	if h.account("karim").Gives(h.at) {
		t.Error("a file moves somebody, and they read")
	}
	h.there(samir)
	h.must(do(h, &accounts.Admit{By: samir, Import: made.Number}))
	moved := h.account("karim")
	if moved.Organisation != "merged" || moved.Proposer != proposer || !moved.Opened.Equal(opened) || moved.Identity != identity || !moved.Gives(h.at) {
		t.Errorf("once admitted: %+v", moved)
	}
}
