package installed_test

import (
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/approval"
	"poterne/internal/audit"
	"poterne/internal/fault"
	"poterne/internal/installed"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/roster"
	"poterne/internal/seal"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// house is a ledger with its staff and those who sign.
type house struct {
	t    *testing.T
	path string
	db   *store.DB
	at   time.Time
}

func open(t *testing.T, lists ...accounts.List) *house {
	t.Helper()
	path := filepath.Join(t.TempDir(), "poterne.db")
	db, err := store.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.Seal(t.Context(), seal.New()); err != nil {
		t.Fatal(err)
	}
	for _, list := range append([]accounts.List{storetest.Staff()}, lists...) {
		if err := storetest.TakeRoster(t, db, list); err != nil {
			t.Fatal(err)
		}
	}
	return &house{t, path, db, storetest.At}
}

func (h *house) writer() journal.Outside {
	return journal.Outside{DB: store.NewLedger(h.db), Now: func() time.Time { return h.at }}
}

func (h *house) do(act journal.Act[installed.Rows]) (ledger.Entry, error) {
	return journal.Do(h.t.Context(), h.writer(), act)
}

func (h *house) must(act journal.Act[installed.Rows]) ledger.Entry {
	h.t.Helper()
	e, err := h.do(act)
	if err != nil {
		h.t.Fatal(err)
	}
	return e
}

// there has accounts confirm that they are there.
func (h *house) there(ids ...roster.AccountID) {
	h.t.Helper()
	for _, id := range ids {
		if err := journal.Record(h.t.Context(), h.writer(), ledger.Entry{Kind: ledger.SteppedUp, Account: id}); err != nil {
			h.t.Fatal(err)
		}
	}
}

// goes is the configuration that nodes go by.
func (h *house) goes() installed.Change {
	h.t.Helper()
	is, err := store.NewInstalled(h.db).Installed(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return is
}

// tampers changes the database as its owner may, without a key.
func (h *house) tampers(statement string) {
	h.t.Helper()
	raw, err := sql.Open("sqlite", h.path)
	if err != nil {
		h.t.Fatal(err)
	}
	defer raw.Close()
	if _, err := raw.ExecContext(h.t.Context(), statement); err != nil {
		h.t.Fatal(err)
	}
}

// said is what a node's file says.
func said(node string, digest byte, byTwo bool) installed.Proposal {
	return installed.Proposal{Node: node, Text: fmt.Sprintf("number = %d\n", digest), Digest: ledger.Digest{digest}, ByTwo: byTwo}
}

// begun is a house in which two people allow each change; the first is said("north", 1).
func begun(t *testing.T) *house {
	t.Helper()
	h := open(t, storetest.Signers())
	h.must(installed.Take{Proposal: said("north", 1, true)})
	h.there("samir", "nadia", "chief")
	return h
}

// allows has two people allow what a node found.
func (h *house) allows(p installed.Proposal) {
	h.t.Helper()
	found := h.must(&installed.Find{Proposal: p})
	h.must(&installed.Sign{Number: found.Number, By: "samir", Because: "convenu"})
	h.must(&installed.Allow{Number: found.Number, By: "nadia"})
}

// Promise: RIGHTS-1. A configuration that asks for two people is the first where two could allow a
// change, and nothing is taken where one alone could; then no other is taken, whatever it says.
func TestRIGHTS_1_TheFirstConfigurationIsTakenWhereTwoCouldAllowTheNext(t *testing.T) {
	one := storetest.Signers()
	one.Accounts = one.Accounts[:4] // and samir alone of the desk
	for name, h := range map[string]*house{"nobody": open(t), "one of the desk": open(t, one)} {
		if _, err := h.do(installed.Take{Proposal: said("north", 1, true)}); !errors.Is(err, installed.Alone) || h.goes().Number != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	h := open(t, storetest.Signers())
	if _, err := h.do(installed.Take{Proposal: said("north", 1, false)}); !errors.Is(err, journal.Unchanged) {
		t.Errorf("one that asks for nobody: %v", err)
	}
	if _, err := h.do(&installed.Find{Proposal: said("north", 1, true)}); !errors.Is(err, journal.Unchanged) {
		t.Errorf("before the first, something waits: %v", err)
	}
	first := h.must(installed.Take{Proposal: said("north", 1, true)})
	if is := h.goes(); is.Number != first.Number || first.State != ledger.First || first.Target != "north" || first.Digest != is.Digest || first.Account != journal.Itself {
		t.Errorf("the first is %+v, by %+v", is, first)
	}
	if _, err := h.do(installed.Take{Proposal: said("south", 1, true)}); !errors.Is(err, journal.Unchanged) {
		t.Errorf("another node with the same: %v", err)
	}
	for _, p := range []installed.Proposal{said("north", 2, true), said("north", 2, false), said("south", 3, true)} {
		if _, err := h.do(installed.Take{Proposal: p}); err == nil || errors.Is(err, journal.Unchanged) {
			t.Errorf("%+v is taken: %v", p, err)
		}
	}
}

// Promise: RIGHTS-1. What a node found is what nodes go by once two people of two lineages had it so, of
// whom one is of the security desk; not before, and for nobody else.
func TestRIGHTS_1_AConfigurationIsAllowedByTwo(t *testing.T) {
	h := begun(t)
	found := h.must(&installed.Find{Proposal: said("north", 2, true)})
	if found.State != ledger.Found || found.Account != journal.Itself {
		t.Errorf("it is found by %+v", found)
	}
	for who, by := range map[string]roster.AccountID{"a manager": "chief", "nobody": "nobody", "whoever has not confirmed": "suspended", "the program": journal.Itself, "an adviser": "karim"} {
		if _, err := h.do(&installed.Sign{Number: found.Number, By: by, Because: "convenu"}); err == nil {
			t.Errorf("%s signs", who)
		}
	}
	if _, err := h.do(&installed.Allow{Number: found.Number, By: "nadia"}); !errors.Is(err, installed.Unsigned) {
		t.Errorf("one alone allows it: %v", err)
	}
	if _, err := h.do(&installed.Sign{Number: found.Number, By: "samir"}); err == nil {
		t.Error("without a word why")
	}
	signed := h.must(&installed.Sign{Number: found.Number, By: "samir", Because: "convenu"})
	if signed.State != ledger.SignedFor || signed.Account != "samir" || signed.Cause != found.Number || signed.Digest != found.Digest {
		t.Errorf("signed by %+v", signed)
	}
	if _, err := h.do(&installed.Sign{Number: found.Number, By: "nadia", Because: "convenu"}); err == nil {
		t.Error("two sign first")
	}
	for who, by := range map[string]roster.AccountID{"whoever signed": "samir", "a manager": "chief", "nobody": "nobody", "whoever has not confirmed": "suspended", "the program": journal.Itself} {
		if _, err := h.do(&installed.Allow{Number: found.Number, By: by}); err == nil {
			t.Errorf("%s allows it", who)
		}
	}
	if h.goes().Digest != (ledger.Digest{1}) {
		t.Error("nodes go by it already")
	}
	set := h.must(&installed.Allow{Number: found.Number, By: "nadia"})
	if is := h.goes(); is.Number != found.Number || is.Text != "number = 2\n" || set.Account != "samir" || set.Approver != "nadia" || set.Digest != is.Digest || set.State != ledger.Altering {
		t.Errorf("nodes go by %+v, by %+v", is, set)
	}
	if _, err := h.do(&installed.Allow{Number: found.Number, By: "nadia"}); err == nil {
		t.Error("it is allowed twice")
	}
}

// Promise: RIGHTS-1. Two accounts of one lineage, or of one person, are one; the data-protection officer
// is the other where the desk has one person.
func TestRIGHTS_1_TwoWhoAllowAConfigurationAreTwo(t *testing.T) {
	desk := storetest.Signers()
	desk.Accounts = desk.Accounts[3:4]
	desk.Accounts[0].Mail = "samir@garde.example"
	desk.Accounts = append(desk.Accounts,
		roster.Account{ID: "creature", Organisation: "garde", Role: roster.Security, Name: "Creature", Proposer: "samir", Identity: roster.Identity{Issuer: "https://idp.example", Provider: "p", Subject: "c"}, Opened: storetest.At},
		roster.Account{ID: "claire", Organisation: "garde", Role: roster.Privacy, Name: "Claire Noir", Identity: roster.Identity{Issuer: "https://idp.example", Provider: "p", Subject: "n"}, Opened: storetest.At},
		roster.Account{ID: "paul", Organisation: "garde", Role: roster.Privacy, Name: "Paul Noir", Identity: roster.Identity{Issuer: "https://idp.example", Provider: "p", Subject: "o"}, Opened: storetest.At})
	h := open(t, desk)
	h.must(installed.Take{Proposal: said("north", 1, true)})
	h.there("samir", "creature", "claire", "paul")
	found := h.must(&installed.Find{Proposal: said("north", 2, true)})
	h.must(&installed.Sign{Number: found.Number, By: "samir", Because: "convenu"})
	if _, err := h.do(&installed.Allow{Number: found.Number, By: "creature"}); err == nil {
		t.Error("whom the first one made allows it")
	}
	h.must(&installed.Drop{Number: found.Number, By: "samir"})
	found = h.must(&installed.Find{Proposal: said("north", 2, true)})
	h.must(&installed.Sign{Number: found.Number, By: "claire", Because: "convenu"})
	if _, err := h.do(&installed.Allow{Number: found.Number, By: "paul"}); err == nil {
		t.Error("nobody of the desk is among the two")
	}
	h.must(&installed.Allow{Number: found.Number, By: "samir"})
}

// Promise: RIGHTS-1. Leaving the setting out, going back to an older configuration, and one that was
// refused are changes like any other: nothing that two people allowed once counts twice.
func TestRIGHTS_1_NeitherAnOlderConfigurationNorNoneComesBackByItself(t *testing.T) {
	h := begun(t)
	h.allows(said("north", 2, true))
	if _, err := h.do(installed.Take{Proposal: said("north", 1, true)}); err == nil || errors.Is(err, journal.Unchanged) {
		t.Errorf("the one before is taken: %v", err)
	}
	back := h.must(&installed.Find{Proposal: said("north", 1, true)})
	if _, err := h.do(&installed.Allow{Number: back.Number, By: "nadia"}); err == nil {
		t.Error("the one before is allowed by one")
	}
	h.must(&installed.Drop{Number: back.Number, By: "nadia"})
	if _, err := h.do(&installed.Sign{Number: back.Number, By: "samir", Because: "convenu"}); err == nil {
		t.Error("what was refused is signed for")
	}
	without := h.must(&installed.Find{Proposal: said("north", 3, false)})
	if _, err := h.do(installed.Take{Proposal: said("north", 3, false)}); err == nil || errors.Is(err, journal.Unchanged) {
		t.Errorf("one without the setting is taken: %v", err)
	}
	h.must(&installed.Sign{Number: without.Number, By: "samir", Because: "fin"})
	if set := h.must(&installed.Allow{Number: without.Number, By: "nadia"}); set.State != ledger.Freed {
		t.Errorf("that one person alone goes on is not said: %+v", set)
	}
	if _, err := h.do(installed.Take{Proposal: said("north", 4, false)}); !errors.Is(err, journal.Unchanged) {
		t.Errorf("one person alone cannot go on: %v", err)
	}
	if again := h.must(installed.Take{Proposal: said("north", 5, true)}); again.State != ledger.First {
		t.Errorf("it begins again as %+v", again)
	}
}

// Promise: RIGHTS-1. What a node's file said before waits no more when it says another, also when it was
// half signed; what was compared with a configuration from before is found anew, and two weeks are the end.
func TestRIGHTS_1_WhatAFileDoesNotSayAnyMoreIsNotAllowed(t *testing.T) {
	h := begun(t)
	good := h.must(&installed.Find{Proposal: said("north", 2, true)})
	h.must(&installed.Sign{Number: good.Number, By: "samir", Because: "convenu"})
	if _, err := h.do(&installed.Find{Proposal: said("north", 2, true)}); !errors.Is(err, journal.Unchanged) {
		t.Errorf("it is found twice: %v", err)
	}
	if _, err := h.do(&installed.Find{Proposal: said("south", 2, true)}); !errors.Is(err, journal.Unchanged) {
		t.Errorf("another node that says the same waits beside it: %v", err)
	}
	bad := h.must(&installed.Find{Proposal: said("north", 3, true)})
	if bad.Cause != good.Number {
		t.Errorf("what it replaces is not said: %+v", bad)
	}
	if _, err := h.do(&installed.Allow{Number: good.Number, By: "nadia"}); !errors.Is(err, approval.NotWaiting) {
		t.Errorf("what was replaced is allowed: %v", err)
	}
	if _, err := h.do(&installed.Allow{Number: bad.Number, By: "nadia"}); !errors.Is(err, installed.Unsigned) {
		t.Errorf("a signature passes to the next: %v", err)
	}
	h.allows(said("south", 4, true))
	if _, err := h.do(&installed.Sign{Number: bad.Number, By: "samir", Because: "convenu"}); !errors.Is(err, installed.Moved) {
		t.Errorf("what was compared with another is signed for: %v", err)
	}
	anew := h.must(&installed.Find{Proposal: said("north", 3, true)})
	h.must(&installed.Sign{Number: anew.Number, By: "samir", Because: "convenu"})
	h.at = h.at.Add(installed.Waits)
	h.there("samir", "nadia")
	if _, err := h.do(&installed.Allow{Number: anew.Number, By: "nadia"}); !errors.Is(err, approval.NotWaiting) {
		t.Errorf("after two weeks it is allowed: %v", err)
	}
	for n := range 20 {
		h.must(&installed.Find{Proposal: said(fmt.Sprint("node-", n), byte(50+n), true)})
	}
	if _, err := h.do(&installed.Find{Proposal: said("one-more", 99, true)}); err == nil || !strings.Contains(err.Error(), "as many configurations") {
		t.Errorf("more wait than can: %v", err)
	}
	h.must(&installed.Find{Proposal: said("node-3", 98, true)}) // in place of its own
}

// Promise: RIGHTS-9. Whoever owns the database allows nothing: no row without its seal is gone by, an older
// one that is put back is not, and where the row is gone there is no first configuration again.
func TestRIGHTS_9_WhoOwnsTheDatabaseAllowsNoConfiguration(t *testing.T) {
	for name, statements := range map[string][]string{
		"the row is gone":          {`delete from configuration`},
		"the head names none":      {`update head set installed = 0`},
		"the head names another":   {`update head set installed = (select max(number) from configuration)`},
		"the text is another":      {`update configuration set text = 'number = 9'`},
		"the digest is another":    {`update configuration set digest = x'09' where allowed_us is not null`},
		"one person is enough":     {`update configuration set by_two = 0`},
		"the first is put back":    {`update configuration set number = -number where allowed_us is not null`, `insert into configuration select (select installed from head), node, text, digest, by_two, base, found_us, signed_by, because, signed_us, approved_by, allowed_us, dropped_us, seal from configuration where signed_by = '' and allowed_us is not null`},
		"what waits takes its row": {`update configuration set text = (select text from configuration where allowed_us is null), digest = (select digest from configuration where allowed_us is null), seal = (select seal from configuration where allowed_us is null) where signed_by <> ''`},
	} {
		t.Run(name, func(t *testing.T) {
			h := begun(t)
			h.allows(said("north", 2, true))
			h.must(&installed.Find{Proposal: said("north", 7, false)})
			for _, one := range statements {
				h.tampers(one)
			}
			if is, err := store.NewInstalled(h.db).Installed(t.Context()); err == nil {
				t.Errorf("nodes go by %+v", is)
			}
			for _, p := range []installed.Proposal{said("north", 7, false), said("north", 9, true), said("north", 1, true)} {
				if _, err := h.do(installed.Take{Proposal: p}); err == nil || errors.Is(err, journal.Unchanged) {
					t.Errorf("%+v is taken: %v", p, err)
				}
			}
		})
	}
}

// Promise: RIGHTS-9. A configuration that was taken back half signed, and whose older row is put back, is
// found by the ledger and dropped: one signature more allows nothing.
func TestRIGHTS_9_AConfigurationThatIsPutBackHalfSignedIsNotAllowed(t *testing.T) {
	h := begun(t)
	found := h.must(&installed.Find{Proposal: said("north", 2, true)})
	h.must(&installed.Sign{Number: found.Number, By: "samir", Because: "convenu"})
	h.tampers(`create table older as select * from configuration where allowed_us is null`)
	h.must(&installed.Drop{Number: found.Number, By: "samir"})
	h.tampers(fmt.Sprintf(`delete from configuration where number = %d`, found.Number))
	h.tampers(`insert into configuration select * from older`)
	now := func() time.Time { return h.at }
	watch := audit.NewWatch(audit.New(store.NewLedger(h.db), store.NewAudit(h.db), now), h.writer(), nil, slog.New(slog.DiscardHandler))
	if err := watch.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	changes := installed.Changes{Writer: h.writer(), Rows: store.NewInstalled(h.db), Now: now}
	if waiting, err := changes.Waiting(t.Context()); err != nil || len(waiting) != 0 {
		t.Errorf("there wait %+v, %v", waiting, err)
	}
	if err := changes.Allow(t.Context(), found.Number, "nadia"); err == nil {
		t.Error("one signature more allows it")
	}
}

// Promise: RIGHTS-1. A node whose file now says what another node asked for already asks for nothing more, and
// what its own file said before waits no more: it was half signed, and no file says it.
func TestRIGHTS_1_WhatAFileDoesNotSayAnyMoreIsNotAllowedWhereAnotherNodeAsksForTheSame(t *testing.T) {
	h := begun(t)
	changes := installed.Changes{Writer: h.writer(), Rows: store.NewInstalled(h.db), Now: func() time.Time { return h.at }}
	find := func(p installed.Proposal) ledger.Number {
		t.Helper()
		number, err := changes.Find(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		return number
	}
	for _, before := range []string{"north", "zulu"} { // before and after the other's
		bad := find(said(before, 2, true))
		h.must(&installed.Sign{Number: bad, By: "samir", Because: "convenu"})
		good := find(said("south", 3, true))
		if at := find(said(before, 3, true)); at != good {
			t.Errorf("%s asks at %d, not %d", before, at, good)
		}
		if _, err := h.do(&installed.Allow{Number: bad, By: "nadia"}); !errors.Is(err, approval.NotWaiting) {
			t.Errorf("what no file says is allowed: %v", err)
		}
		if waiting, err := changes.Waiting(t.Context()); err != nil || len(waiting) != 1 || waiting[0].Number != good {
			t.Errorf("there wait %+v, %v", waiting, err)
		}
		h.must(&installed.Drop{Number: good, By: "nadia"})
	}
}

// Promise: RIGHTS-1. Whoever proposes one configuration after the other fills neither the ledger nor the database:
// a day has an end, and the next day goes on.
func TestRIGHTS_1_ConfigurationsAreNotFoundWithoutEnd(t *testing.T) {
	h := begun(t)
	var refused error
	n := 0
	for ; n < 1000 && refused == nil; n++ {
		_, refused = h.do(&installed.Find{Proposal: installed.Proposal{Node: "north", Text: fmt.Sprintf("number = %d\n", n), Digest: ledger.Digest{9, byte(n), byte(n >> 8)}, ByTwo: true}})
	}
	if refused == nil || !fault.Is(refused, fault.Refused) || n < 50 {
		t.Fatalf("after %d: %v", n, refused)
	}
	h.at = h.at.Add(24 * time.Hour)
	h.must(&installed.Find{Proposal: said("north", 77, true)})
}
