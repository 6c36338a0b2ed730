package refund_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/refund"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

var noon = time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)

// house is a real store of one organisation, with two nodes that give back.
type house struct {
	t     *testing.T
	clock atomic.Int64
	db    *store.DB
	nodes []*storetest.Node
	rules policy.Rules
	facts int
}

func (h *house) now() time.Time { return time.UnixMicro(h.clock.Load()).UTC() }

func (h *house) after(d time.Duration) *house {
	h.clock.Add(d.Microseconds())
	return h
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, rules: policy.Rules{
		Purposes:   roster.Purposes{"accompany": register.Name},
		Allowances: map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(20), Long: meter.People(20)}},
		Ceilings:   map[roster.Role]int{roster.Adviser: 10}, Signed: policy.Signed,
	}}
	h.clock.Store(noon.UnixMicro())
	path := filepath.Join(t.TempDir(), "poterne.db")
	open := func() *store.DB {
		db, err := store.OpenSQLite(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	h.db = open()
	list := accounts.List{Organisations: []roster.Organisation{{ID: "ml", SIRET: "12345678901234", Name: "Mission locale"}}}
	for _, id := range []roster.AccountID{"pauline", "karim"} {
		list.Accounts = append(list.Accounts, roster.Account{ID: id, Organisation: "ml", Role: roster.Adviser, Opened: noon.AddDate(-1, 0, 0), Identity: roster.Identity{Subject: string(id)}})
		list.Habilitations = append(list.Habilitations, roster.Habilitation{Account: id, Service: "dossier", Purpose: "accompany", From: noon.AddDate(-1, 0, 0), Until: noon.AddDate(1, 0, 0)})
	}
	if err := storetest.TakeRoster(t, h.db, list); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	t.Cleanup(func() { cancel(); wait.Wait() })
	for range 2 {
		db := open()
		n, err := storetest.OpenNode(t.Context(), store.NewLedger(db), store.NewFacts(db), h.rules, h.now)
		if err != nil {
			t.Fatal(err)
		}
		h.nodes = append(h.nodes, n)
		back := refund.New(refund.Deps{Journal: n.Journal, Ledger: store.NewLedger(db), Facts: store.NewFacts(db)}, h.rules, h.now, slog.New(slog.DiscardHandler))
		wait.Go(func() { _ = n.Run(ctx) })
		wait.Go(func() { _ = back.Run(ctx) })
	}
	return h
}

func (h *house) opens(account roster.AccountID, person int) policy.Ruling {
	h.t.Helper()
	passage, err := h.nodes[person%2].Commit(h.t.Context(), policy.Ask{
		Act: policy.Show, Account: account, Service: "dossier", Purpose: "accompany", Route: "GET /files/{dossier}", About: true,
		People: []policy.Opening{{Person: storetest.Person(person), Fields: register.Name}},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return passage.Decision.People[0]
}

// told has a system tell of a person, from now on or from another moment.
func (h *house) told(f reason.Fact, people ...int) {
	h.t.Helper()
	var facts []reason.Fact
	for _, n := range people {
		h.facts++
		f.ID, f.Person = fmt.Sprint(h.facts), storetest.Person(n)
		if f.From.IsZero() {
			f.From = h.now()
		}
		if f.Until.IsZero() {
			f.Until = f.From.Add(time.Hour)
		}
		facts = append(facts, f)
	}
	if err := storetest.TakeFacts(h.t, h.db, "telephony", facts...); err != nil {
		h.t.Fatal(err)
	}
}

// spent is what an account spent of its month, on every node the same.
func (h *house) spent(account roster.AccountID) (spent meter.Cost) {
	h.t.Helper()
	for i, n := range h.nodes {
		err := n.Turn(h.t.Context(), 0, func(tx *journal.Tx) error {
			now := tx.Meter(account).Spent(meter.Memory, 0, tx.Now())
			if i > 0 && now != spent {
				h.t.Errorf("one node knows of %d, another of %d", spent, now)
			}
			spent = now
			return nil
		})
		if err != nil {
			h.t.Fatal(err)
		}
	}
	return spent
}

// refunds returns what came back, once so many entries say so; or after a while, so that
// one too many would be there.
func (h *house) refunds(want int) (list []ledger.Entry) {
	h.t.Helper()
	for tries := 0; tries < 400 && (len(list) < want || tries < 30); tries++ {
		time.Sleep(50 * time.Millisecond)
		list = list[:0]
		for e, err := range store.NewLedger(h.db).Entries(h.t.Context(), 0) {
			if err != nil {
				h.t.Fatal(err)
			}
			if e.Kind == ledger.Refunded {
				list = append(list, e)
			}
		}
	}
	if len(list) != want {
		h.t.Fatalf("%d openings were refunded, not %d", len(list), want)
	}
	return list
}

// Promise: METER-1
func TestMETER_1_AnOpeningWhoseReasonCameLateIsGivenBackOnceOnEveryNode(t *testing.T) {
	h := newHouse(t)
	for n := 1; n <= 3; n++ {
		if r := h.after(time.Minute).opens("pauline", n); r.Cost != meter.Whole {
			t.Fatalf("%+v", r)
		}
	}
	h.after(time.Minute).opens("karim", 1)
	h.after(2*24*time.Hour).told(reason.Fact{Kind: reason.Call, Account: "pauline", From: h.now()}, 1, 3)
	for _, e := range h.refunds(2) {
		if e.Subject != "pauline" || e.Cost != meter.Whole || e.Reason.Kind != reason.Call || e.Reason.Source != "telephony" || e.Cause == 0 {
			t.Errorf("%+v", e)
		}
	}
	h.told(reason.Fact{Kind: reason.Call, Account: "pauline", From: h.now()}, 1, 3) // and again
	h.refunds(2)
	if pauline, karim := h.spent("pauline"), h.spent("karim"); pauline != meter.Whole || karim != meter.Whole {
		t.Errorf("%d and %d are left to be paid for", pauline, karim)
	}
	if r := h.after(time.Minute).opens("pauline", 3); r.Why != policy.Explained && r.Why != policy.AlreadySeen {
		t.Errorf("who was given back is %v", r.Why)
	}
}

// Promise: METER-1
func TestMETER_1_NothingIsGivenBackForWhatStaffTypedForOthersOrTooLate(t *testing.T) {
	h := newHouse(t)
	for n := 1; n <= 5; n++ {
		h.after(time.Minute).opens("pauline", n)
	}
	h.after(time.Hour)
	began := h.now()
	h.told(reason.Fact{Kind: reason.DeskTicket, Account: "pauline", Author: "karim", From: began}, 1)   // a second account types it
	h.told(reason.Fact{Kind: reason.DeskTicket, Account: "pauline", Author: "pauline", From: began}, 1) // or the same one
	h.told(reason.Fact{Kind: reason.Call, Account: "karim", From: began}, 2)
	h.told(reason.Fact{Kind: reason.Protected, Organisation: reason.Everybody, From: began}, 3)
	h.told(reason.Fact{Kind: reason.Call, Account: "pauline", From: noon.Add(-time.Hour), Until: noon.Add(-time.Minute)}, 4) // over when they were opened
	h.after(8*24*time.Hour).told(reason.Fact{Kind: reason.Call, Account: "pauline", From: h.now()}, 5)
	h.refunds(0)
	if spent := h.spent("pauline"); spent != meter.People(5) {
		t.Errorf("%d of 500 are left to be paid for", spent)
	}
}

// Promise: METER-9
func TestMETER_9_WhatIsGivenBackIsHalfTheAllowanceADayTwiceInAllAndCountsForTheCeiling(t *testing.T) {
	h := newHouse(t)
	var people []int
	for n := 1; n <= 20; n++ {
		h.after(time.Minute).opens("pauline", n)
		people = append(people, n)
	}
	h.after(time.Hour).told(reason.Fact{Kind: reason.Call, Account: "pauline", From: h.now()}, people...)
	if h.refunds(10); h.spent("pauline") != meter.People(10) {
		t.Errorf("%d are left to be paid for", h.spent("pauline"))
	}
	h.after(25*time.Hour).told(reason.Fact{Kind: reason.Call, Account: "pauline", From: h.now()}, people...)
	h.refunds(10) // the ceiling of ten is reached
	h.after(time.Hour).told(reason.Fact{Kind: reason.Call, Account: "pauline", From: h.now()}, 100)
	if r := h.after(time.Minute).opens("pauline", 100); r.Why != policy.CeilingReached {
		t.Errorf("somebody with a reason beyond the ceiling is %v for %v", r.Verdict, r.Why)
	}
}
