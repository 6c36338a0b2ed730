package gate_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

var rules = policy.Rules{
	Purposes: roster.Purposes{"accompany": register.Name | register.Birth | register.Contact},
	Allowances: map[roster.Role]meter.Allowance{
		roster.Adviser: {Short: meter.People(3), Long: meter.People(20)},
	},
	Signed: policy.Signed,
}

// clock is a time that tests move.
type clock struct{ us atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.us.Store(storetest.At.UnixMicro())
	return c
}

func (c *clock) now() time.Time          { return time.UnixMicro(c.us.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.us.Add(d.Microseconds()) }

// house is a store with staff, and gates over it.
type house struct {
	t     *testing.T
	path  string
	clock *clock
}

func newHouse(t *testing.T) *house {
	h := &house{t, filepath.Join(t.TempDir(), "poterne.db"), newClock()}
	s := h.store()
	if err := errors.Join(storetest.TakeRoster(t, s, storetest.Staff()), storetest.TakeRoster(t, s, storetest.Signers())); err != nil {
		t.Fatal(err)
	}
	caseload := reason.Fact{Kind: reason.Caseload, Account: "pauline", Person: storetest.Person(1), From: storetest.At.Add(-time.Hour), Until: storetest.At.AddDate(1, 0, 0), ID: "1"}
	if err := storetest.TakeFacts(t, s, "cases", caseload); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) store() *store.DB {
	h.t.Helper()
	s, err := store.OpenSQLite(h.t.Context(), h.path)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = s.Close() })
	return s
}

// gate opens a gate, as one node or one start of the program would; stop ends it.
func (h *house) gate() (g *storetest.Node, stop func()) {
	h.t.Helper()
	s := h.store()
	g, err := storetest.OpenNode(h.t.Context(), store.NewLedger(s), store.NewFacts(s), rules, h.clock.now)
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			h.t.Errorf("the gate ended with %v", err)
		}
	})
	h.t.Cleanup(stop)
	return g, stop
}

func ask(people ...int) policy.Ask {
	a := policy.Ask{Act: policy.Show, Account: "pauline", Session: "s1", Service: "dossier", Purpose: "accompany", Route: "GET /files/{dossier}"}
	for _, n := range people {
		a.People = append(a.People, policy.Opening{Person: storetest.Person(n), Fields: register.Name})
	}
	return a
}

func settle(t *testing.T, g *storetest.Node, a policy.Ask) gate.Passage {
	t.Helper()
	passage, err := g.Commit(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return passage
}

func verdicts(p gate.Passage) (list []policy.Verdict) {
	for _, ruling := range p.Decision.People {
		list = append(list, ruling.Verdict)
	}
	return list
}

func entries(t *testing.T, g *storetest.Node, from ledger.Number) (list []ledger.Entry) {
	t.Helper()
	for entry, err := range g.Entries(t.Context(), from) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, entry)
	}
	return list
}

// Promise: LEDGER-2
func TestLEDGER_2_EveryAskLeavesItsEntries(t *testing.T) {
	g, _ := newHouse(t).gate()
	granted := policy.Ask{Act: policy.Attempt, Account: "pauline", Service: "dossier", Purpose: "accompany"}
	for name, test := range map[string]struct {
		change func(*policy.Ask)
		want   []ledger.Entry // kind, verdict, why and fields
	}{
		"two people shown": {func(a *policy.Ask) { *a = ask(1, 2) }, []ledger.Entry{
			{Kind: ledger.Consulted, Verdict: policy.Shown, Why: policy.Explained, Fields: register.Name},
			{Kind: ledger.Consulted, Verdict: policy.Shown, Why: policy.Counted, Fields: register.Name},
		}},
		"a search without a result":  {func(a *policy.Ask) { *a = ask() }, []ledger.Entry{{Kind: ledger.Consulted, Verdict: policy.Shown}}},
		"an attempt that is granted": {func(a *policy.Ask) { *a = granted; a.People = ask(1, 9).People }, nil},
		"an attempt that is refused": {func(a *policy.Ask) { *a = granted; a.Service = "kairos" }, []ledger.Entry{
			{Kind: ledger.Attempted, Verdict: policy.Refused, Why: policy.NotHabilitated},
		}},
		"a change": {func(a *policy.Ask) { *a = ask(1); a.Act = policy.Change }, []ledger.Entry{
			{Kind: ledger.Changed, Verdict: policy.Shown, Why: policy.Explained, Fields: register.Name},
		}},
		"nobody behind a reference": {func(a *policy.Ask) { *a = ask(); a.People = []policy.Opening{{Fields: register.Name}} }, []ledger.Entry{
			{Kind: ledger.Consulted, Verdict: policy.Withheld, Why: policy.NobodyKnown},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var a policy.Ask
			test.change(&a)
			before := g.Next()
			passage := settle(t, g, a)
			written := entries(t, g, before)
			if len(written) != len(test.want) || passage.Written != len(written) {
				t.Fatalf("%d entries, the passage says %d, want %d", len(written), passage.Written, len(test.want))
			}
			for i, e := range written {
				got := ledger.Entry{Kind: e.Kind, Verdict: e.Verdict, Why: e.Why, Fields: e.Fields}
				if got != test.want[i] {
					t.Errorf("entry %d: %+v, want %+v", i, got, test.want[i])
				}
				if e.Receipt != passage.Receipt || e.Account != "pauline" || e.Number != before+ledger.Number(i) {
					t.Errorf("entry %d: receipt %d of %d, account %q", e.Number, e.Receipt, passage.Receipt, e.Account)
				}
			}
		})
	}
}

// Acceptance A5 of the spine.
//
// Promise: METER-3
func TestMETER_3_ParallelRequestsDiscloseExactlyTheAllowance(t *testing.T) {
	h := newHouse(t)
	var shown atomic.Int64
	storm := func(g *storetest.Node, first int) {
		var wait sync.WaitGroup
		for i := range 200 {
			wait.Go(func() {
				a := ask(first + i)
				a.Session = roster.SessionID(fmt.Sprint("session ", i%10))
				passage, err := g.Commit(context.Background(), a)
				if err != nil {
					t.Error(err)
					return
				}
				if passage.Decision.People[0].Verdict.Shows() {
					shown.Add(1)
				}
			})
		}
		wait.Wait()
	}
	one, stopOne := h.gate()
	storm(one, 1000)
	if got := shown.Load(); got != 3 {
		t.Errorf("%d people shown, the allowance is 3", got)
	}
	stopOne()

	again, stopAgain := h.gate() // after a restart nothing is forgotten
	storm(again, 2000)
	if got := shown.Load(); got != 3 {
		t.Errorf("%d people shown after a restart, the allowance is 3", got)
	}
	h.clock.advance(meter.Hour)
	storm(again, 3000)
	if got := shown.Load(); got != 6 {
		t.Errorf("%d people shown in two hours, the allowance is 6", got)
	}
	stopAgain()

	left, right := first(h.gate()), first(h.gate()) // two nodes on one ledger
	h.clock.advance(meter.Hour)
	var wait sync.WaitGroup
	wait.Go(func() { storm(left, 4000) })
	wait.Go(func() { storm(right, 5000) })
	wait.Wait()
	if got := shown.Load(); got != 9 {
		t.Errorf("%d people shown over two nodes in three hours, the allowance is 9", got)
	}
	disclosed := 0
	for _, e := range entries(t, left, 0) {
		if e.Disclosed() {
			disclosed++
		}
	}
	if disclosed != 9 {
		t.Errorf("the ledger holds %d disclosures, 9 people were shown", disclosed)
	}
}

func first(g *storetest.Node, _ func()) *storetest.Node { return g }

// Promise: ACT-1
func TestACT_1_AnOrderHoldsAtTheNextDecisionOnEveryNode(t *testing.T) {
	for name, o := range map[string]order.Order{
		"account":      {Effect: order.Suspended, Reach: order.Account, Target: "pauline"},
		"organisation": {Effect: order.Suspended, Reach: order.Organisation, Target: "mlv"},
		"service":      {Effect: order.Closed, Reach: order.Service, Target: "dossier"},
		"role":         {Effect: order.Suspended, Reach: order.Role, Target: "adviser"},
		"function":     {Effect: order.Closed, Reach: order.Function, Target: "dossier GET /files/{dossier}"},
		"portal":       {Effect: order.Closed, Reach: order.Everything},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			here, there := first(h.gate()), first(h.gate())
			for _, g := range []*storetest.Node{here, there} {
				if got := verdicts(settle(t, g, ask(1))); !slices.Equal(got, []policy.Verdict{policy.Shown}) {
					t.Fatalf("before: %v", got)
				}
			}
			before := there.Next()
			o.By = "samir"
			placed, err := here.Place(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range []*storetest.Node{here, there} {
				if got := verdicts(settle(t, g, ask(1))); !slices.Equal(got, []policy.Verdict{policy.Refused}) {
					t.Errorf("under the order: %v", got)
				}
			}
			if err := there.Lift(t.Context(), placed.ID, "samir", "over"); err != nil {
				t.Fatal(err)
			}
			if got := verdicts(settle(t, here, ask(1))); !slices.Equal(got, []policy.Verdict{policy.Shown}) {
				t.Errorf("after lifting: %v", got)
			}
			var kinds []ledger.Kind
			for _, e := range entries(t, here, before) {
				kinds = append(kinds, e.Kind)
			}
			want := []ledger.Kind{ledger.Placed, ledger.Consulted, ledger.Consulted, ledger.Lifted, ledger.Consulted}
			if !slices.Equal(kinds, want) {
				t.Errorf("the ledger tells %v, want %v", kinds, want)
			}
		})
	}
}

// Promise: ACT-1
func TestACT_1_APassageUnderWayIsCut(t *testing.T) {
	h := newHouse(t)
	here, there := first(h.gate()), first(h.gate())
	ctx, leave := here.Enter(t.Context(), order.Use{Account: "pauline", Organisation: "mlv", Service: "dossier"})
	defer leave()
	bystander, left := here.Enter(t.Context(), order.Use{Account: "karim", Organisation: "mlv", Service: "dossier"})
	defer left()
	freeze := order.Order{Effect: order.Frozen, Reach: order.Account, Target: "pauline", By: "samir"}
	if _, err := here.Place(t.Context(), freeze); err != nil {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Error("a freeze cut a passage under way")
	}
	suspend := order.Order{Effect: order.Suspended, Reach: order.Account, Target: "pauline", By: "samir"}
	if _, err := there.Place(t.Context(), suspend); err != nil { // on another node: within a poll
		t.Fatal(err)
	}
	select {
	case <-ctx.Done():
		if !errors.Is(context.Cause(ctx), gate.ErrCut) {
			t.Errorf("cut because of %v", context.Cause(ctx))
		}
	case <-time.After(time.Minute):
		t.Error("the passage goes on")
	}
	if bystander.Err() != nil {
		t.Error("somebody else's passage was cut")
	}
}

// Each reach cuts the answers under way that it concerns, before Place returns on that node,
// and no other.
//
// Promises: ACT-1, ACT-3
func TestACT_1_AnOrderOfEachReachCutsWhatItConcernsAndNothingElse(t *testing.T) {
	use := order.Use{Account: "pauline", Organisation: "mlv", Service: "dossier", Route: "GET /export", Function: order.Exports}
	elsewhere := order.Use{Account: "samir", Organisation: "desk", Service: "kairos", Route: "GET /trainees/{id}"}
	for name, o := range map[string]order.Order{
		"account":      {Effect: order.Suspended, Reach: order.Account, Target: "pauline"},
		"organisation": {Effect: order.Suspended, Reach: order.Organisation, Target: "mlv"},
		"role":         {Effect: order.Suspended, Reach: order.Role, Target: "adviser"},
		"a kind":       {Effect: order.Closed, Reach: order.Function, Target: order.Exports},
		"a route":      {Effect: order.Closed, Reach: order.Function, Target: "dossier GET /export"},
		"service":      {Effect: order.Closed, Reach: order.Service, Target: "dossier"},
	} {
		t.Run(name, func(t *testing.T) {
			here := first(newHouse(t).gate())
			ctx, leave := here.Enter(t.Context(), use)
			defer leave()
			bystander, left := here.Enter(t.Context(), elsewhere)
			defer left()
			o.By = "nadia"
			begun := time.Now()
			if _, err := here.Place(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			select {
			case <-ctx.Done():
				t.Logf("cut %v after the order", time.Since(begun))
			case <-time.After(10 * time.Second):
				t.Error("the answer goes on")
			}
			if bystander.Err() != nil {
				t.Error("another answer is cut")
			}
		})
	}
}

// A session that began before its account went to another organisation says where it was: what it has under way is of
// where the account is.
//
// Promise: ACT-1
func TestACT_1_AnOrderOnWhereAnAccountIsNowCutsWhatASessionFromBeforeHasUnderWay(t *testing.T) {
	here := first(newHouse(t).gate())
	moved, leave := here.Enter(t.Context(), order.Use{Account: "pauline", Organisation: "ofh", Service: "dossier"})
	defer leave()
	for _, suspended := range []string{"ofh", "mlv"} {
		if _, err := here.Place(t.Context(), order.Order{Effect: order.Suspended, Reach: order.Organisation, Target: suspended, By: "nadia"}); err != nil {
			t.Fatal(err)
		}
		if cut, want := errors.Is(context.Cause(moved), gate.ErrCut), suspended == "mlv"; cut != want {
			t.Errorf("%s is suspended, and the answer is cut: %t", suspended, cut)
		}
	}
	if by, stopped := here.Against(t.Context(), order.Use{Account: "pauline", Organisation: "nowhere", Service: "dossier"}); !stopped || by.Target != "mlv" {
		t.Errorf("who asks is told of the order on %q", by.Target)
	}
}

// Orders that another node placed end what they stop before this node has the head: it never
// takes it here.
//
// Promise: ACT-5
func TestACT_5_WhatIsUnderWayDoesNotWaitForTheHead(t *testing.T) {
	h := newHouse(t)
	there := first(h.gate())
	s := h.store()
	here, err := storetest.OpenNode(t.Context(), store.NewLedger(s), store.NewFacts(s), rules, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	under, leave := here.Enter(t.Context(), order.Use{Account: "pauline", Organisation: "mlv", Service: "dossier"})
	defer leave()
	bystander, left := here.Enter(t.Context(), order.Use{Account: "karim", Organisation: "mlv", Service: "dossier"})
	defer left()
	if _, err := there.Place(t.Context(), order.Order{Effect: order.Suspended, Reach: order.Account, Target: "pauline", By: "samir"}); err != nil {
		t.Fatal(err)
	}
	orders, err := store.NewOrders(s).InForce(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	here.Cut(orders)
	if !errors.Is(context.Cause(under), gate.ErrCut) || bystander.Err() != nil {
		t.Errorf("cut because of %v; somebody else's: %v", context.Cause(under), bystander.Err())
	}
}

// cutOff is a book that is out of reach from a moment on.
type cutOff struct {
	journal.DB
	gone chan struct{} // closed when it is
	back chan struct{}
}

func (c cutOff) Turn(ctx context.Context, act func(journal.Head) error) error {
	select {
	case <-c.gone:
		<-c.back
		return errors.New("nobody answers")
	default:
		return c.DB.Turn(ctx, act)
	}
}

// Promise: ACT-1
func TestACT_1_ANodeThatCannotHearOfOrdersCutsAllThatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newHouse(t).store()
		book := cutOff{store.NewLedger(s), make(chan struct{}), make(chan struct{})}
		g, err := storetest.OpenNode(t.Context(), book, store.NewFacts(s), rules, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		running, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- g.Run(running) }()
		ctx, leave := g.Enter(t.Context(), order.Use{Account: "pauline", Organisation: "mlv", Service: "dossier"})
		defer leave()
		time.Sleep(time.Minute)
		if ctx.Err() != nil {
			t.Error("cut while the book is within reach")
		}
		close(book.gone)
		time.Sleep(3 * time.Second)
		if ctx.Err() != nil {
			t.Error("cut as soon as the book is out of reach")
		}
		time.Sleep(4 * time.Second)
		if ctx.Err() == nil {
			t.Error("the passage goes on, and no order could reach it")
		}
		close(book.back)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestAnOrderThatMakesNoSenseChangesNothing(t *testing.T) {
	g, _ := newHouse(t).gate()
	before := g.Next()
	if _, err := g.Place(t.Context(), order.Order{Effect: order.Closed, Reach: order.Account, Target: "pauline", By: "samir"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("placed with %v", err)
	}
	if err := g.Lift(t.Context(), "404", "samir", "over"); !fault.Is(err, fault.Absent) {
		t.Errorf("lifted with %v", err)
	}
	if g.Next() != before || len(g.Orders()) != 0 {
		t.Error("something was written")
	}
	settle(t, g, ask(1)) // and the gate goes on
}

func TestForeseeingChargesNothingAndWritesNothing(t *testing.T) {
	g, _ := newHouse(t).gate()
	before := g.Next()
	for range 10 {
		decision, err := g.Check(t.Context(), ask(2, 3, 4, 5))
		if err != nil {
			t.Fatal(err)
		}
		if !decision.People[2].Verdict.Shows() || decision.People[3].Verdict.Shows() {
			t.Errorf("foresees %v, %v", decision.People[2].Verdict, decision.People[3].Verdict)
		}
	}
	if g.Next() != before || g.Standing(gate.Asker{Account: "pauline", Organisation: "mlv", Role: roster.Adviser}, "dossier").Hour != 0 {
		t.Error("foreseeing left a trace")
	}
}

func TestTheRosterSaysWhoAsksNotTheAsker(t *testing.T) {
	g, _ := newHouse(t).gate()
	a := ask(1)
	a.Account, a.Role, a.Organisation = "stranger", roster.Adviser, "mlv"
	if got := settle(t, g, a); got.Decision.Shown() {
		t.Error("an account that the roster does not have was shown somebody")
	}
}

func TestFollowingMissesNothing(t *testing.T) {
	h := newHouse(t)
	g, other := first(h.gate()), first(h.gate())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := make(chan ledger.Number, 100)
	go func() {
		defer close(seen)
		for entry, err := range g.Follow(ctx, 0) {
			if err != nil {
				return
			}
			seen <- entry.Number
		}
	}()
	for i := range 20 {
		settle(t, []*storetest.Node{g, other}[i%2], ask(1))
	}
	for want := range g.Next() {
		select {
		case got := <-seen:
			if got != want {
				t.Fatalf("saw entry %d, want %d", got, want)
			}
		case <-time.After(time.Minute):
			t.Fatalf("entry %d never came", want)
		}
	}
	cancel()
	for range seen {
		t.Error("something came after the end")
	}
}

func TestAnAccountsEntriesAreFoundNewestFirst(t *testing.T) {
	h := newHouse(t)
	g, stop := h.gate()
	for i := range 5 {
		settle(t, g, ask(i+1))
	}
	check := func(g *storetest.Node) {
		list, err := g.RecentBy(t.Context(), "pauline", 3)
		if err != nil || len(list) != 3 || list[0].Number != g.Next()-1 || list[2].Number != g.Next()-3 {
			t.Errorf("%d entries, %v", len(list), err)
		}
	}
	check(g)
	stop()
	check(first(h.gate()))
}

func TestOnlyTheNewestEntriesAreKeptAtHand(t *testing.T) {
	g, _ := newHouse(t).gate()
	var people []int
	for i := range 900 {
		people = append(people, 1000+i)
	}
	for range 20 { // 18,000 entries: more than is kept
		settle(t, g, ask(people...))
	}
	list, err := g.RecentBy(t.Context(), "pauline", 100_000)
	if err != nil || len(list) < 1000 || len(list) > 3000 || list[0].Number+1 != g.Next() {
		t.Errorf("%d entries at hand, %v", len(list), err)
	}
	want := ledger.Number(0)
	for entry, err := range g.Follow(t.Context(), 0) {
		if err != nil || entry.Number != want {
			t.Fatalf("entry %d follows, want %d: %v", entry.Number, want, err)
		}
		if want++; want == g.Next() {
			break
		}
	}
}

func TestAStoppedGateShowsNothing(t *testing.T) {
	g, stop := newHouse(t).gate()
	stop()
	if _, err := g.Commit(t.Context(), ask(1)); !fault.Is(err, fault.Unavailable) {
		t.Errorf("settled with %v", err)
	}
}

func TestTimeInTheLedgerNeverGoesBack(t *testing.T) {
	h := newHouse(t)
	g, _ := h.gate()
	settle(t, g, ask(1))
	h.clock.advance(-time.Hour)
	settle(t, g, ask(1))
	list := entries(t, g, 0)
	if last := list[len(list)-1]; last.Time.Before(list[len(list)-2].Time) {
		t.Errorf("entry %d is before the one before it", last.Number)
	}
}

// Promise: METER-9
func TestMETER_9_ReasonsHaveACeilingHoweverPeopleAreShown(t *testing.T) {
	h := newHouse(t)
	s := h.store()
	var assigned []reason.Fact
	for n := 1; n <= 60; n++ {
		assigned = append(assigned, reason.Fact{Kind: reason.Caseload, Account: "pauline", Person: storetest.Person(n), From: storetest.At.Add(-time.Hour), Until: storetest.At.AddDate(1, 0, 0), ID: fmt.Sprint(n)})
	}
	if err := storetest.TakeFacts(t, s, "cases", assigned...); err != nil {
		t.Fatal(err)
	}
	was := rules
	t.Cleanup(func() { rules = was })
	rules.Ceilings = map[roster.Role]int{roster.Adviser: 20}
	g, stop := h.gate()
	list := func(from, until int, signs meter.Signs) policy.Ask {
		a := ask()
		a.Signs = signs
		for n := from; n <= until; n++ {
			a.People = append(a.People, policy.Opening{Person: storetest.Person(n), Fields: register.Name})
		}
		return a
	}
	shown := func(p gate.Passage) (n int) {
		for _, r := range p.Decision.People {
			if r.Verdict.Shows() {
				n++
			}
		}
		return n
	}
	settle(t, g, ask(1))
	settle(t, g, list(1, 10, meter.Listed))
	settle(t, g, list(8, 12, meter.SearchRow))
	h.clock.advance(24 * time.Hour)
	stop() // what was counted is read from the ledger again
	g, _ = h.gate()
	if got := g.Standing(gate.Asker{Account: "pauline", Role: roster.Adviser}, "dossier"); got.Reasons != 12 || got.Ceiling != 20 {
		t.Fatalf("%d people of %d, want 12 of 20", got.Reasons, got.Ceiling)
	}
	if p := settle(t, g, list(1, 60, meter.Listed)); shown(p) != 20 || p.Decision.People[20].Verdict != policy.Withheld || p.Decision.People[20].Why != policy.CeilingReached {
		t.Errorf("a list of 60 shows %d, then %v", shown(p), p.Decision.People[20])
	}
	a := ask(21)
	a.About = true
	if r := settle(t, g, a).Decision.Whole; r.Verdict != policy.AskCosign || r.Why != policy.CeilingReached || r.Counted != meter.People(20) || r.Limit != meter.People(20) {
		t.Errorf("the twenty-first is %+v", r)
	}
	if r := settle(t, g, ask(20)).Decision.People[0]; r.Verdict != policy.Shown || r.Why != policy.Explained {
		t.Errorf("somebody already shown is %v for %v", r.Verdict, r.Why)
	}
	h.clock.advance(meter.Memory)
	if r := settle(t, g, a).Decision.Whole; !r.Verdict.Shows() {
		t.Errorf("after 28 days, %v for %v", r.Verdict, r.Why)
	}
}

// Promise: METER-5
func TestMETER_5_ADayOfListsIsCountedThroughTheGateAndAfterARestart(t *testing.T) {
	h := newHouse(t)
	var assigned []reason.Fact
	for n := 1; n <= 60; n++ {
		assigned = append(assigned, reason.Fact{Kind: reason.Caseload, Account: "pauline", Person: storetest.Person(n), From: storetest.At.Add(-time.Hour), Until: storetest.At.AddDate(1, 0, 0), ID: fmt.Sprint(n)})
	}
	if err := storetest.TakeFacts(t, h.store(), "cases", assigned...); err != nil {
		t.Fatal(err)
	}
	was := rules
	t.Cleanup(func() { rules = was })
	rules.Lists = map[roster.Role]int{roster.Adviser: 10}
	g, stop := h.gate()
	list := func(from, until int) policy.Ask {
		a := ask()
		a.Signs = meter.Listed
		for n := from; n <= until; n++ {
			a.People = append(a.People, policy.Opening{Person: storetest.Person(n), Fields: register.Name})
		}
		return a
	}
	rulings := func(a policy.Ask) (shown int, last policy.Ruling) {
		for _, last = range settle(t, g, a).Decision.People {
			if last.Verdict.Shows() {
				shown++
			}
		}
		return shown, last
	}
	if n, last := rulings(list(1, 7)); n != 7 {
		t.Fatalf("%d of 7 are shown, then %v for %v", n, last.Verdict, last.Why)
	}
	h.clock.advance(time.Hour)
	stop()
	g, _ = h.gate()
	if n, last := rulings(list(1, 60)); n != 10 || last.Verdict != policy.AskStepUp || last.Why != policy.ListsReached {
		t.Errorf("a list of 60 shows %d, then %v for %v", n, last.Verdict, last.Why)
	}
	if got := g.Standing(gate.Asker{Account: "pauline", Role: roster.Adviser}, "dossier"); got.Listed != 10 || got.MostListed != 10 {
		t.Errorf("the agent is told %d of %d", got.Listed, got.MostListed)
	}
	h.clock.advance(24 * time.Hour)
	if n, last := rulings(list(1, 60)); n != 20 || last.Why != policy.ListsReached {
		t.Errorf("the next day, a list of 60 shows %d, then %v for %v", n, last.Verdict, last.Why)
	}
}

// Promise: METER-9
func TestMETER_9_TheCeilingIsExactOverNodesAndAtOnce(t *testing.T) {
	h := newHouse(t)
	var assigned []reason.Fact
	for n := 1; n <= 60; n++ {
		assigned = append(assigned, reason.Fact{Kind: reason.Caseload, Account: "pauline", Person: storetest.Person(n), From: storetest.At.Add(-time.Hour), Until: storetest.At.AddDate(1, 0, 0), ID: fmt.Sprint(n)})
	}
	if err := storetest.TakeFacts(t, h.store(), "cases", assigned...); err != nil {
		t.Fatal(err)
	}
	was := rules
	t.Cleanup(func() { rules = was })
	rules.Ceilings = map[roster.Role]int{roster.Adviser: 20}
	var nodes [2]*storetest.Node
	for i := range nodes {
		nodes[i], _ = h.gate()
	}
	var shown atomic.Int64
	var wait sync.WaitGroup
	for n := 1; n <= 60; n++ {
		wait.Go(func() {
			passage, err := nodes[n%2].Commit(context.Background(), ask(n))
			if err != nil {
				t.Error(err)
				return
			}
			if passage.Decision.People[0].Verdict.Shows() {
				shown.Add(1)
			}
		})
	}
	wait.Wait()
	if shown.Load() != 20 {
		t.Errorf("%d people were shown, want 20", shown.Load())
	}
}

// Promise: METER-10
func TestMETER_10_PeopleFoundAreBoundedOverNodesAndAtOnce(t *testing.T) {
	h := newHouse(t)
	was := rules
	t.Cleanup(func() { rules = was })
	rules.Rows = map[roster.Role]int{roster.Adviser: 100} // pauline is young, and has a tenth
	rules.Allowances = map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(100), Long: meter.People(100)}}
	var nodes [2]*storetest.Node
	var stops [2]func()
	for i := range nodes {
		nodes[i], stops[i] = h.gate()
	}
	find := func(g *storetest.Node, n int) (shown int) {
		a := ask(n, n+1, n+2)
		a.Signs = meter.SearchRow
		passage, err := g.Commit(context.Background(), a)
		if err != nil {
			t.Error(err)
		}
		for _, r := range passage.Decision.People {
			if r.Verdict.Shows() {
				shown++
			}
		}
		return shown
	}
	var shown atomic.Int64
	var wait sync.WaitGroup
	for n := range 20 {
		wait.Go(func() { shown.Add(int64(find(nodes[n%2], 100+3*n))) })
	}
	wait.Wait()
	if shown.Load() != 10 {
		t.Errorf("%d people were found, want 10", shown.Load())
	}
	for _, stop := range stops {
		stop()
	}
	g, _ := h.gate() // reads what was counted
	if got := g.Standing(gate.Asker{Account: "pauline", Role: roster.Adviser, Opened: storetest.At}, "dossier"); got.Rows != 10 || got.MostRows != 10 {
		t.Errorf("%d people of %d, want 10 of 10", got.Rows, got.MostRows)
	}
	if more := find(g, 300); more != 0 {
		t.Errorf("%d more after a restart", more)
	}
}
