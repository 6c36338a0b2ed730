package accounts_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// body is an organisation as it is.
func (h *house) body(id roster.OrganisationID) roster.Organisation {
	h.t.Helper()
	list, err := store.NewRoster(h.s).Organisations(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(o roster.Organisation) bool { return o.ID == id })
	if i < 0 {
		return roster.Organisation{}
	}
	return list[i]
}

// newBody is an organisation that nobody has anything against.
func newBody() *accounts.AskOrganisation {
	return &accounts.AskOrganisation{By: samir, Does: ledger.Adding, Because: "convention", As: roster.Organisation{ID: "neuve", SIRET: "90000000100017", Name: "Mission locale neuve", Mail: "direction@neuve.example", Quota: 3}}
}

// altering is a change of mlv.
func altering(change func(*roster.Organisation)) *accounts.AskOrganisation {
	a := &accounts.AskOrganisation{By: samir, Does: ledger.Altering, Because: "avenant", As: roster.Organisation{ID: "mlv", Name: "Mission locale", Mail: "direction@mlv.example"}}
	change(&a.As)
	return a
}

// settles asks for something and has another person allow it.
func (h *house) settles(ask *accounts.AskOrganisation, by roster.AccountID) (ledger.Entry, error) {
	h.t.Helper()
	h.there(samir, nadia)
	asked := h.must(do(h, ask))
	return do(h, &accounts.AllowOrganisation{Number: asked.Number, By: by})
}

// Promises: RIGHTS-1, RIGHTS-7. An organisation is added, and has another name, head or quota, when
// two people of two lineages had it so, of whom one is of the security desk.
func TestRIGHTS_1_AnOrganisationIsAddedAndChangedByTwo(t *testing.T) {
	h := open(t)
	h.there(samir, nadia, chief)
	asked := h.must(do(h, newBody()))
	for who, allow := range map[string]roster.AccountID{"whoever asked": samir, "a manager": chief, "one who is nobody": "nobody", "one who has not confirmed": "suspended"} {
		if _, err := do(h, &accounts.AllowOrganisation{Number: asked.Number, By: allow}); err == nil || h.body("neuve").ID != "" {
			t.Errorf("%s allows it", who)
		}
	}
	made := h.must(do(h, &accounts.AllowOrganisation{Number: asked.Number, By: nadia}))
	if made.Kind != ledger.OrganisationSet || made.Account != samir || made.Approver != nadia || made.Organisation != "neuve" || made.Cause != asked.Number || made.State != ledger.Adding {
		t.Errorf("the ledger says %+v", made)
	}
	if is := h.body("neuve"); is.SIRET != "90000000100017" || is.Quota != 3 || is.Set != uint64(made.Number) || !is.Closed.IsZero() {
		t.Errorf("it is %+v", is)
	}
	if _, err := do(h, &accounts.AllowOrganisation{Number: asked.Number, By: nadia}); err == nil {
		t.Error("it is allowed twice")
	}
	h.must(h.settles(altering(func(o *roster.Organisation) { o.Name, o.Quota = "Mission locale de Valbourg", 10 }), nadia))
	if is := h.body("mlv"); is.Name != "Mission locale de Valbourg" || is.Quota != 10 || is.SIRET != "90000000000017" {
		t.Errorf("it is changed to %+v", is)
	}
}

// Promise: RIGHTS-1. Somebody who has one account of the desk and has had another made allows nothing
// that the first asked for.
func TestRIGHTS_1_NobodyAllowsAnOrganisationThatTheirOwnLineageAskedFor(t *testing.T) {
	h := open(t)
	creature := h.proposal(samir, "creature")
	creature.Organisation, creature.Role, creature.Rights, creature.Mail = "garde", roster.Security, nil, "creature@mlv.example"
	h.there(samir, nadia)
	made := h.must(do(h, creature))
	h.must(do(h, &accounts.Approve{Number: made.Number, By: nadia, Token: "creature", Bounds: bounds}))
	accept := accepting("creature")
	accept.Visitor.SIRET, accept.Visitor.Of = "90000000000033", func(siret string) bool { return siret == "90000000000033" }
	h.must(do(h, accept))
	account := h.must(do(h, &accounts.Join{Number: made.Number, By: nadia})).Subject
	h.there(account)
	asked := h.must(do(h, newBody()))
	if _, err := do(h, &accounts.AllowOrganisation{Number: asked.Number, By: account}); err == nil || !strings.Contains(err.Error(), "one account") {
		t.Errorf("one lineage asks and allows: %v", err)
	}
	h.must(do(h, &accounts.AllowOrganisation{Number: asked.Number, By: nadia}))
}

// Promise: RIGHTS-1. What cannot be, what is taken for another and what no longer fits is refused.
func TestRIGHTS_1_AnOrganisationThatCannotBeIsNotAskedFor(t *testing.T) {
	for name, spoil := range map[string]func(*accounts.AskOrganisation){
		"a wrong key":                              func(a *accounts.AskOrganisation) { a.As.SIRET = "90000000100018" },
		"no SIRET":                                 func(a *accounts.AskOrganisation) { a.As.SIRET = "" },
		"the SIRET of another":                     func(a *accounts.AskOrganisation) { a.As.SIRET = "90000000000017" },
		"the id of another":                        func(a *accounts.AskOrganisation) { a.As.ID = "mlv" },
		"an id that reads alike":                   func(a *accounts.AskOrganisation) { a.As.ID = "MLV" },
		"the name of another":                      func(a *accounts.AskOrganisation) { a.As.Name = "MISSION locale" },
		"the name of another, by what is not seen": func(a *accounts.AskOrganisation) { a.As.Name = "Mission\u200b locale" },
		"the name of another, with a space":        func(a *accounts.AskOrganisation) { a.As.Name = "Mission\u00a0 locale" },
		"an id of what is not seen":                func(a *accounts.AskOrganisation) { a.As.ID = "mlv\u034f" },
		"no name":                                  func(a *accounts.AskOrganisation) { a.As.Name = " " },
		"no head":                                  func(a *accounts.AskOrganisation) { a.As.Mail = "" },
		"no address":                               func(a *accounts.AskOrganisation) { a.As.Mail = "direction" },
		"a quota below none":                       func(a *accounts.AskOrganisation) { a.As.Quota = -1 },
		"a quota of everybody":                     func(a *accounts.AskOrganisation) { a.As.Quota = accounts.MostQuota + 1 },
		"an end that has come":                     func(a *accounts.AskOrganisation) { a.As.Until = storetest.At },
		"an end in a century":                      func(a *accounts.AskOrganisation) { a.As.Until = storetest.At.AddDate(100, 0, 0) },
		"without a word":                           func(a *accounts.AskOrganisation) { a.Because = "" },
		"by a manager":                             func(a *accounts.AskOrganisation) { a.By = chief },
		"by somebody absent":                       func(a *accounts.AskOrganisation) { a.By = "suspended" },
		"another act":                              func(a *accounts.AskOrganisation) { a.Does = ledger.Granted },
		"a change of none":                         func(a *accounts.AskOrganisation) { a.Does = ledger.Altering },
		"the closing of none":                      func(a *accounts.AskOrganisation) { a.Does = ledger.Closing },
		"the closing of the desk": func(a *accounts.AskOrganisation) {
			a.Does, a.As = ledger.Closing, roster.Organisation{ID: "garde"}
		},
		"an end of the desk": func(a *accounts.AskOrganisation) {
			a.Does, a.As = ledger.Altering, roster.Organisation{ID: "garde", Name: "Poste de garde", Mail: "direction@garde.example", Until: storetest.At.AddDate(0, 1, 0)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			h.there(samir, chief)
			ask := newBody()
			if spoil(ask); second(do(h, ask)) == nil {
				t.Error("it is asked for")
			}
		})
	}
	t.Run("it has changed since", func(t *testing.T) {
		h := open(t)
		h.there(samir, nadia)
		asked := h.must(do(h, altering(func(o *roster.Organisation) { o.Quota = 9 })))
		h.must(do(h, &accounts.Import{By: "setup", List: accounts.List{Organisations: []roster.Organisation{{ID: "mlv", SIRET: "90000000000017", Name: "Autre nom"}}}}))
		if _, err := do(h, &accounts.AllowOrganisation{Number: asked.Number, By: nadia}); !errors.Is(err, accounts.OrganisationMoved) {
			t.Errorf("what no longer fits: %v", err)
		}
		h.must(do(h, &accounts.DropOrganisation{Number: asked.Number, By: nadia}))
		h.must(h.settles(altering(func(o *roster.Organisation) { o.Quota = 9 }), nadia))
	})
	t.Run("after two weeks", func(t *testing.T) {
		h := open(t)
		h.there(samir)
		asked := h.must(do(h, newBody()))
		h.at = h.at.Add(accounts.OrganisationWaits)
		h.there(nadia)
		if _, err := do(h, &accounts.AllowOrganisation{Number: asked.Number, By: nadia}); err == nil {
			t.Error("it is allowed")
		}
	})
	t.Run("more than one person may ask for", func(t *testing.T) {
		h := open(t)
		h.there(samir)
		for i := range 11 {
			ask := newBody()
			ask.As.ID, ask.As.Name = roster.OrganisationID(fmt.Sprint("neuve-", i)), fmt.Sprint("Neuve ", i)
			if _, err := do(h, ask); (err == nil) != (i < 10) {
				t.Fatalf("request %d: %v", i+1, err)
			}
		}
	})
}

// Promises: ACT-1, RIGHTS-6, RIGHTS-7. An organisation is closed with its accounts, in one act; nobody
// comes into it afterwards by a proposal or a roster, and its quota is that which two people gave it.
func TestRIGHTS_6_AnOrganisationIsClosedWithItsAccounts(t *testing.T) {
	h := open(t)
	if !h.may("pauline") {
		t.Fatal("pauline uses nothing")
	}
	h.must(h.settles(altering(func(o *roster.Organisation) { o.Quota = 1 }), nadia))
	h.there(chief)
	if _, err := do(h, h.proposal(chief, "alix")); !errors.Is(err, accounts.QuotaReached) {
		t.Errorf("beyond the quota: %v", err)
	}
	h.must(h.settles(altering(func(o *roster.Organisation) { o.Quota = 20 }), nadia))
	number := h.invited(h.proposal(chief, "bea"))
	closed := h.must(h.settles(&accounts.AskOrganisation{By: samir, Does: ledger.Closing, As: roster.Organisation{ID: "mlv"}, Because: "fin de convention"}, nadia))
	if h.may("pauline") || h.body("mlv").Closed.IsZero() {
		t.Error("it is open")
	}
	rights, err := store.NewRoster(h.s).Rights(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n := uint64(0)
	for _, r := range rights {
		if r.Account.Organisation == "mlv" {
			n++
			if r.Account.Closed.IsZero() {
				t.Errorf("%s is open", r.Account.ID)
			}
		} else if !r.Account.Closed.IsZero() {
			t.Errorf("%s of another organisation is closed", r.Account.ID)
		}
	}
	if n < 3 || closed.Count != n {
		t.Errorf("%d accounts were closed, and the ledger says %d", n, closed.Count)
	}
	if err := second(do(h, accepting("bea"))); err == nil {
		if _, err = do(h, &accounts.Join{Number: number, By: samir}); !errors.Is(err, accounts.OrganisationShut) {
			t.Errorf("an invitation opens it: %v", err)
		}
	}
	ask := h.proposal(nadia, "zoe")
	if _, err := do(h, ask); !errors.Is(err, accounts.OrganisationShut) && !errors.Is(err, accounts.QuotaReached) {
		t.Errorf("somebody is proposed into it: %v", err)
	}
	newcomer := roster.Account{ID: "late", Organisation: "mlv", Role: roster.Adviser, Name: "Late", Identity: identity("late"), Opened: h.at}
	moved := h.account("other")
	moved.Organisation = "mlv"
	for name, a := range map[string]roster.Account{"a new account": newcomer, "one of another organisation": moved} {
		if _, err := do(h, &accounts.Import{By: "operator", List: accounts.List{Accounts: []roster.Account{a}}}); err == nil {
			t.Errorf("%s comes into it by a roster", name)
		}
	}
	if _, err := do(h, altering(func(o *roster.Organisation) { o.Quota = 5 })); err == nil {
		t.Error("it is changed after its end")
	}
}

// Promise: RIGHTS-6. The data-protection officer, who could refuse, is not closed beside an organisation
// without being named, nor at its end.
func TestRIGHTS_6_NoOrganisationTakesWhoOverseesAwayWithIt(t *testing.T) {
	h := open(t)
	officer := roster.Account{ID: "claire", Organisation: "mlv", Role: roster.Privacy, Name: "Claire", Identity: identity("claire"), Opened: h.at}
	ends := altering(func(o *roster.Organisation) { o.Until = h.at.AddDate(0, 1, 0) })
	h.must(h.settles(ends, nadia))
	h.must(do(h, &accounts.Import{By: "operator", List: accounts.List{Accounts: []roster.Account{officer}}}))
	for name, ask := range map[string]*accounts.AskOrganisation{
		"closed": {By: samir, Does: ledger.Closing, As: roster.Organisation{ID: "mlv"}, Because: "fin de convention"},
		"ended":  altering(func(o *roster.Organisation) { o.Until = h.at.AddDate(0, 2, 0) }),
	} {
		h.there(samir)
		if _, err := do(h, ask); !errors.Is(err, accounts.OrganisationKeepsDesk) {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.at = h.at.AddDate(0, 1, 1)
	h.must(do(h, &accounts.EndOrganisation{Of: "mlv"}))
	if h.body("mlv").Closed.IsZero() || !h.account("claire").Closed.IsZero() {
		t.Error("the officer's account ended with the organisation, or that did not end")
	}
}

// Promise: RIGHTS-5. Whoever imports an older roster does not undo alone what two people did, and is
// told what it would undo.
func TestRIGHTS_5_ARosterDoesNotUndoWhatTwoPeopleDid(t *testing.T) {
	h := open(t)
	h.must(h.settles(altering(func(o *roster.Organisation) {
		o.Name, o.Mail, o.Quota, o.Until = "Nouveau nom", "nouvelle@mlv.example", 4, h.at.AddDate(0, 3, 0)
	}), nadia))
	old := storetest.Staff().Organisations
	_, err := do(h, &accounts.Import{By: "operator", List: accounts.List{Organisations: old}})
	if err == nil {
		t.Fatal("an older roster puts it back")
	}
	for _, said := range []string{`the name of "mlv" is "Nouveau nom" and would be "Mission locale"`, `the mail address of "mlv" is "nouvelle@mlv.example" and would be ""`} {
		if !strings.Contains(err.Error(), said) {
			t.Errorf("%q is not said: %v", said, err)
		}
	}
	is := h.body("mlv")
	if is.Name != "Nouveau nom" || is.Quota != 4 {
		t.Errorf("it is %+v", is)
	}
	// What is as it is goes in, and what a roster does not say stays.
	h.must(do(h, &accounts.Import{By: "operator", List: accounts.List{Organisations: []roster.Organisation{old[1], {ID: "mlv", SIRET: is.SIRET, Name: is.Name, Mail: is.Mail}}}}))
	if now := h.body("mlv"); now != is {
		t.Errorf("it was %+v and is %+v", is, now)
	}
}

// Promises: RIGHTS-5, RIGHTS-6. What is asked for an organisation and done is told at once to its head,
// to whoever was its head before, to its managers and to those who could allow it; its end is told
// before it comes, and closes it.
func TestRIGHTS_5_WhatIsDoneAboutAnOrganisationIsToldToItsHeads(t *testing.T) {
	p := posted(t)
	n := p.node()
	tell := func() {
		t.Helper()
		for _, kind := range []ledger.Kind{ledger.OrganisationAsked, ledger.OrganisationSet, ledger.Ended} {
			for _, e := range p.entries(kind) {
				if err := n.Tell(t.Context(), e); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	end := p.at.AddDate(0, 0, 20)
	p.there(samir, nadia)
	asked := p.must(do(p.house, altering(func(o *roster.Organisation) { o.Mail, o.Until = "nouvelle@mlv.example", end })))
	tell()
	for to, want := range map[string]int{"direction@mlv.example": 1, "chief@staff.example": 1, "nadia@staff.example": 1, "samir@staff.example": 1, "nouvelle@mlv.example": 0, "karim@staff.example": 0} {
		if got := p.letters(to, "asks to change what is kept of the organisation"); got != want {
			t.Errorf("%s was told %d times that it is asked for, want %d", to, got, want)
		}
	}
	p.must(do(p.house, &accounts.AllowOrganisation{Number: asked.Number, By: nadia}))
	tell()
	for to, want := range map[string]int{"direction@mlv.example": 1, "nouvelle@mlv.example": 1, "chief@staff.example": 1, "samir@staff.example": 1, "karim@staff.example": 0} {
		if got := p.letters(to, "is changed; samir asked and nadia allowed it"); got != want {
			t.Errorf("%s was told %d times that it is done, want %d", to, got, want)
		}
	}
	p.upkeep(n)
	p.upkeep(n)
	if got := p.letters("nouvelle@mlv.example", "closes in 20 days"); got != 1 || p.body("mlv").Closed != (time.Time{}) {
		t.Errorf("its head was reminded %d times", got)
	}
	p.at = end
	p.upkeep(n)
	ended := p.entries(ledger.OrganisationSet)
	last := ended[len(ended)-1]
	if p.may("pauline") || p.body("mlv").Closed.IsZero() || last.State != ledger.Expired || last.Count == 0 || !slices.Contains(p.ended, "pauline") {
		t.Errorf("its end came, and it is %+v; the ledger says %+v, and sessions ended of %v", p.body("mlv"), last, p.ended)
	}
	before := len(p.box.Letters("chief@staff.example"))
	tell()
	if all := len(p.box.Letters("chief@staff.example")) - before; all != 1 || p.letters("chief@staff.example", "has come: it is closed with its accounts") != 1 {
		t.Errorf("a manager had %d letters of its end", all)
	}
}

// Promise: ACT-1. Whoever is suspended asks for no organisation and allows none.
func TestACT_1_WhoIsSuspendedAllowsNoOrganisation(t *testing.T) {
	h := open(t)
	h.there(samir, nadia)
	asked := h.must(do(h, newBody()))
	h.stop(nadia, order.Suspended)
	if _, err := do(h, &accounts.AllowOrganisation{Number: asked.Number, By: nadia}); err == nil {
		t.Error("they allow it")
	}
}
