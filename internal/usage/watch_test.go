package usage_test

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/grants"
	"poterne/internal/i18n"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/seal"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
	"poterne/internal/usage"
)

// house is a real ledger with advisers who work behind a gate.
type house struct {
	t        *testing.T
	db       *store.DB
	node     *storetest.Node
	clock    atomic.Int64
	policy   policy.Rules
	rng      *rand.ChaCha8
	facts    int
	followed atomic.Uint64 // from which entry on
}

func newHouse(t *testing.T) *house {
	h := &house{t: t, rng: rand.NewChaCha8([32]byte{8})}
	h.clock.Store(storetest.At.UnixMicro())
	db, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "poterne.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.Seal(t.Context(), seal.New()); err != nil {
		t.Fatal(err)
	}
	staff := storetest.Staff()
	for i := range 9 {
		a := roster.Account{ID: roster.AccountID(fmt.Sprint("adviser-", i)), Organisation: "mlv", Role: roster.Adviser, Name: fmt.Sprint("Adviser ", i), Opened: storetest.At}
		a.Identity = roster.Identity{Issuer: "https://idp.example", Provider: "p", Subject: string(a.ID)}
		staff.Accounts = append(staff.Accounts, a)
		staff.Habilitations = append(staff.Habilitations, roster.Habilitation{Account: a.ID, Service: "dossier", Purpose: "accompany", From: storetest.At.AddDate(0, -1, 0), Until: storetest.At.AddDate(1, 0, 0)})
	}
	for i := range staff.Accounts {
		staff.Accounts[i].Opened = storetest.At.AddDate(-1, 0, 0) // none is on probation
	}
	if err := storetest.TakeRoster(t, db, staff); err != nil {
		t.Fatal(err)
	}
	h.db = db
	h.policy = policy.Rules{
		Purposes:   roster.Purposes{"accompany": register.Name},
		Allowances: map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(20), Long: meter.People(20)}},
		Ceilings:   map[roster.Role]int{roster.Adviser: 160}, Rows: map[roster.Role]int{roster.Adviser: 40}, Signed: 40,
	}
	if h.node, err = storetest.OpenNode(t.Context(), store.NewLedger(db), store.NewFacts(db), h.policy, h.now); err != nil {
		t.Fatal(err)
	}
	h.run(h.node.Run)
	return h
}

func (h *house) now() time.Time { return time.UnixMicro(h.clock.Load()).UTC() }

// run runs a part until the test ends, or stop is called.
func (h *house) run(part func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	wait.Go(func() {
		if err := part(ctx); err != nil && ctx.Err() == nil {
			h.t.Errorf("it ended with %v", err)
		}
	})
	stop = sync.OnceFunc(func() {
		cancel()
		wait.Wait()
	})
	h.t.Cleanup(stop)
	return stop
}

// Follow implements usage.Journal.
func (h *house) Follow(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error] {
	h.followed.Store(uint64(from))
	return h.node.Follow(ctx, from)
}

// watch runs a watch over the ledger.
func (h *house) watch(kept journal.Keeper) (w *usage.Watch, stop func()) {
	w = usage.New(usage.Deps{Journal: h, Ledger: store.NewLedger(h.db), Roster: store.NewRoster(h.db), Kept: kept}, usage.RulesOf(h.policy), h.now, slog.New(slog.DiscardHandler))
	return w, h.run(w.Run)
}

func (h *house) person() (p register.PersonID) {
	_, _ = h.rng.Read(p[:])
	return p
}

// opens has an account shown new people: for its caseload, in the rows of a search, and without
// a reason.
func (h *house) opens(account roster.AccountID, explained, found, unexplained int) {
	h.t.Helper()
	ask := policy.Ask{Act: policy.Show, Account: account, Service: "dossier", Purpose: "accompany", Route: "GET /files/{dossier}"}
	list, search := ask, ask
	list.Signs, search.Signs = meter.Listed, meter.SearchRow
	var facts []reason.Fact
	for range explained {
		h.facts++
		p := h.person()
		facts = append(facts, reason.Fact{Kind: reason.Caseload, Account: account, Person: p, From: h.now().Add(-time.Hour), Until: h.now().AddDate(0, 1, 0), ID: fmt.Sprint(h.facts)})
		list.People = append(list.People, policy.Opening{Person: p, Fields: register.Name})
	}
	if err := storetest.TakeFacts(h.t, h.db, "cases", facts...); err != nil {
		h.t.Fatal(err)
	}
	for range found {
		search.People = append(search.People, policy.Opening{Person: h.person(), Fields: register.Name})
	}
	asks := []policy.Ask{list, search}
	for range unexplained {
		one := ask
		one.People = []policy.Opening{{Person: h.person(), Fields: register.Name}}
		asks = append(asks, one)
	}
	for _, ask := range asks {
		if len(ask.People) == 0 {
			continue
		}
		passage, err := h.node.Commit(h.t.Context(), ask)
		if err != nil {
			h.t.Fatal(err)
		}
		for _, ruling := range passage.Decision.People {
			if !ruling.Verdict.Shows() {
				h.t.Fatalf("%s is not shown a person: %s", account, ruling.Why)
			}
		}
	}
}

// lists returns the list of a watch that has come to the end of the ledger.
func (h *house) lists(w *usage.Watch) []usage.Notice {
	h.t.Helper()
	if err := h.node.Look(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	h.reads(w)
	h.clock.Add(2 * time.Minute.Microseconds()) // the list of a moment ago may stand
	list, err := w.ListNow(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

// reads waits until a watch has come to the end of the ledger.
func (h *house) reads(w *usage.Watch) {
	h.t.Helper()
	for end := time.Now().Add(time.Minute); w.UpTo() != h.node.Next(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatal("the watch does not come to the end of the ledger")
		}
	}
}

// Next implements usage.Journal.
func (h *house) Next() ledger.Number { return h.node.Next() }

// Generation implements usage.Journal.
func (h *house) Generation() uint64 { return h.node.Generation() }

// Eight weeks pauline works as her colleagues do; then somebody takes in her name what the
// limits allow, through the real gate. A watch that was stopped carries on what it kept, and
// one that kept nothing comes to the same from the ledger.
// Promise: WATCH-8
func TestWATCH_8_WhatAThiefTakesThroughTheGateIsListedAndOutlivesARestart(t *testing.T) {
	h := newHouse(t)
	kept := store.NewKept(h.db, "usage")
	watch, stop := h.watch(kept)
	works := func(explained, found, unexplained int) {
		for i := range 9 {
			h.opens(roster.AccountID(fmt.Sprint("adviser-", i)), 8, 2, 1)
		}
		h.opens("pauline", explained, found, unexplained)
		h.clock.Add(7 * 24 * time.Hour.Microseconds())
	}
	for range 8 {
		works(8, 2, 1)
	}
	if list := h.lists(watch); len(list) != 0 {
		t.Errorf("honest work is listed: %+v", list)
	}
	upTo := h.node.Next()
	stop()
	watch, stop = h.watch(kept)
	for range 8 {
		works(38, 8, 3)
	}
	if from := ledger.Number(h.followed.Load()); from != upTo {
		t.Errorf("it read from entry %d on, and had seen those before %d", from, upTo)
	}
	list := h.lists(watch)
	if len(list) != 1 || list[0].Account != "pauline" || list[0].Role != roster.Adviser {
		t.Fatalf("listed: %+v", list)
	}
	for _, u := range list[0].Uses {
		t.Log(i18n.English.Sentence(u))
		t.Log(i18n.French.Sentence(u))
	}
	if used := list[0].Uses; len(used) != 3 {
		t.Errorf("it is listed for %+v", used)
	}

	anew, stopAnew := h.watch(nil)
	if again := h.lists(anew); !reflect.DeepEqual(again, list) {
		t.Errorf("rebuilt: %+v\ncarried on: %+v", again, list)
	}
	stop()
	stopAnew()
	if !reflect.DeepEqual(anew.Sums(), watch.Sums()) {
		t.Errorf("rebuilt: %+v\ncarried on: %+v", anew.Sums(), watch.Sums())
	}
}

// The month of pauline is full. Of those whom she is refused chief signs for some and allows others:
// they are given, and nobody who was refused, or was allowed and not opened, was taken.
// Promise: WATCH-8
func TestWATCH_8_WhoeverIsShownTakesFromOneLimitAndWhoeverIsRefusedFromNone(t *testing.T) {
	h := newHouse(t)
	if err := storetest.TakeRoster(t, h.db, storetest.Signers()); err != nil {
		t.Fatal(err)
	}
	watch, stop := h.watch(nil)
	h.opens("pauline", 0, 0, 20)
	may := grants.Service{Journal: h.node, Most: h.policy.Signed, Now: h.now}
	asks := func(person register.PersonID) (shown bool, receipt ledger.Number) {
		t.Helper()
		passage, err := h.node.Commit(t.Context(), policy.Ask{
			Act: policy.Show, Account: "pauline", Service: "dossier", Purpose: "accompany", Route: "GET /files/{dossier}",
			People: []policy.Opening{{Person: person, Fields: register.Name}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return passage.Decision.People[0].Verdict.Shows(), passage.Receipt
	}
	h.clock.Add(2 * time.Hour.Microseconds())
	if err := h.node.StepUp(t.Context(), "chief", "s2", "", ""); err != nil {
		t.Fatal(err)
	}
	var refused []register.PersonID
	for range 9 {
		person := h.person()
		shown, receipt := asks(person)
		if shown {
			t.Fatal("her month is not full")
		}
		if len(refused) < 4 {
			if err := may.Cosign(t.Context(), "chief", receipt); err != nil {
				t.Fatal(err)
			}
		}
		refused = append(refused, person)
	}
	raise := grants.Raise{By: "chief", Of: "pauline", People: 10, Until: h.now().Add(time.Hour), Because: "shelter"}
	for i, person := range refused[:7] {
		if i == 4 {
			if err := may.Raise(t.Context(), raise); err != nil {
				t.Fatal(err)
			}
		}
		if shown, _ := asks(person); !shown {
			t.Fatalf("person %d is not shown", i)
		}
	}
	h.reads(watch)
	stop()
	var used usage.Amounts
	for _, week := range watch.Sums().Accounts["pauline"].Weeks {
		for l, of := range week {
			used[l] += of
		}
	}
	if want := (usage.Amounts{usage.Unexplained: meter.People(20), usage.Given: meter.People(7)}); used != want {
		t.Errorf("of 20 people in her month, four signed for and three allowed it counts %v, not %v", used, want)
	}
}

// Whoever asks while the weeks before are still being read is told so, and is told of them some
// seconds after they were read: a list that was made too early does not stand as long as others.
// Promise: WATCH-8
func TestWATCH_8_AListThatWasMadeTooEarlyIsMadeAnewOnceTheLedgerIsRead(t *testing.T) {
	h := newHouse(t)
	for i := range 9 {
		h.opens(roster.AccountID(fmt.Sprint("adviser-", i)), 120, 0, 0)
	}
	watch := usage.New(usage.Deps{Journal: h, Ledger: store.NewLedger(h.db), Roster: store.NewRoster(h.db)}, usage.RulesOf(h.policy), h.now, slog.New(slog.DiscardHandler))
	if _, whole, err := watch.List(t.Context()); whole || err != nil {
		t.Fatalf("a list that rests on nothing: whole %t, %v", whole, err)
	}
	h.run(watch.Run)
	h.reads(watch)
	h.clock.Add(5 * time.Second.Microseconds())
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		_, whole, err := watch.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if whole {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the ledger is read, and the list does not say so")
		}
	}
}
