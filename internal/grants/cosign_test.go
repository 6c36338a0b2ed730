package grants_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/fault"
	"poterne/internal/grants"
	"poterne/internal/i18n"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store/storetest"
)

// most is how many people one account can be signed for.
const most = 40

func ask(people ...int) policy.Ask {
	a := policy.Ask{Act: policy.Show, Account: "pauline", Session: "s1", Service: "dossier", Purpose: "accompany", Route: "GET /files/{dossier}"}
	for _, n := range people {
		a.People = append(a.People, policy.Opening{Person: storetest.Person(n), Fields: register.Name})
	}
	return a
}

func commit(t *testing.T, n *storetest.Node, a policy.Ask) (policy.Decision, ledger.Number) {
	t.Helper()
	passage, err := n.Commit(context.Background(), a)
	if err != nil {
		t.Fatal(err)
	}
	return passage.Decision, passage.Receipt
}

func (h *house) cosign(n *storetest.Node, receipt ledger.Number) error {
	return grants.Service{Journal: n, Most: most, Now: h.now}.Cosign(context.Background(), "chief", receipt)
}

// searching asks for the rows of a list that holds so many strangers.
func searching(first, people int) policy.Ask {
	a := ask()
	a.Route, a.Signs = "GET /files", meter.SearchRow
	for n := range people {
		a.People = append(a.People, policy.Opening{Person: storetest.Person(first + n), Fields: register.Name})
	}
	return a
}

// spend opens as many strangers as the account may in 28 days, and moves the clock to
// when the hour's allowance is whole again.
func (h *house) spend(n *storetest.Node) {
	h.t.Helper()
	for i := range 20 {
		if d, _ := commit(h.t, n, ask(100+i)); d.People[0].Verdict != policy.Shown {
			h.t.Fatalf("stranger %d is %v", i+1, d.People[0].Verdict)
		}
		h.advance(25 * time.Minute)
	}
	h.advance(time.Hour)
}

// opened counts those whom an answer shows.
func opened(d policy.Decision) (n int) {
	for _, ruling := range d.People {
		if ruling.Verdict.Shows() {
			n++
		}
	}
	return n
}

// Promise: RIGHTS-10
func TestRIGHTS_10_OneSignatureIsForOnePersonAndNeverForAList(t *testing.T) {
	h := newHouse(t)
	n, _ := h.node()
	h.spend(n)
	const many = 3000
	listed := searching(1000, many)
	page := ask()
	page.About, page.People = true, searching(1000, many).People
	export := searching(1000, many)
	export.Signs = meter.Exported
	for what, a := range map[string]policy.Ask{"the rows of a search": listed, "a page about them": page, "an export": export} {
		refused, receipt := commit(t, n, a)
		if opened(refused) != 0 {
			t.Fatalf("%s: strangers are shown with an empty allowance", what)
		}
		if err := h.cosign(n, receipt); err == nil {
			t.Errorf("one signature is taken for %s with %d people", what, many)
		}
		if again, _ := commit(t, n, a); opened(again) > 0 {
			t.Errorf("after one signature %s shows %d people", what, opened(again))
		}
	}
	_, receipt := commit(t, n, ask(1000))
	if err := h.cosign(n, receipt); err != nil {
		t.Fatalf("one person, opened: %v", err)
	}
	if rows, _ := commit(t, n, listed); opened(rows) > 0 {
		t.Errorf("a signature for an opening shows %d rows of a list", opened(rows))
	}
	if d, _ := commit(t, n, ask(1000)); d.People[0].Why != policy.Vouched {
		t.Errorf("who was signed for is %v, %v", d.People[0].Verdict, d.People[0].Why)
	}
}

// Promise: RIGHTS-10
func TestRIGHTS_10_ASignatureUsedAtOnceOnTwoNodesOpensOnePerson(t *testing.T) {
	h := newHouse(t)
	left, _ := h.node()
	right, _ := h.node()
	h.spend(left)
	_, receipt := commit(t, right, ask(1000))
	var signed atomic.Int64
	var wait sync.WaitGroup
	for _, n := range []*storetest.Node{left, right, left, right} {
		wait.Go(func() {
			if err := h.cosign(n, receipt); err == nil {
				signed.Add(1)
			}
		})
	}
	wait.Wait()
	if signed.Load() != 1 {
		t.Errorf("one opening was signed for %d times", signed.Load())
	}
	shown := sync.Map{}
	for n := range 200 {
		wait.Go(func() {
			who := 1000 + n%50
			passage, err := []*storetest.Node{left, right}[n%2].Commit(context.Background(), ask(who))
			if err != nil {
				t.Error(err)
			} else if opened(passage.Decision) > 0 {
				shown.Store(who, true)
			}
		})
	}
	wait.Wait()
	people := 0
	shown.Range(func(any, any) bool { people++; return true })
	if people != 1 {
		t.Errorf("one signature opened %d people over two nodes", people)
	}
}

// Promise: RIGHTS-10
func TestRIGHTS_10_HowManyPeopleOneAccountIsSignedForIsBounded(t *testing.T) {
	h := newHouse(t)
	n, stop := h.node()
	h.spend(n)
	signed := 0
	for i := range 60 {
		refused, receipt := commit(t, n, ask(1000+i))
		if ruling := refused.People[0]; ruling.Verdict != policy.AskCosign {
			if want := "Other people signed for 40 people for this account within 28 days, and that is the limit."; !strings.HasPrefix(i18n.English.Sentence(ruling), want) {
				t.Errorf("the sentence is %q", i18n.English.Sentence(ruling))
			}
			if err := h.cosign(n, receipt); err == nil {
				t.Error("one more is signed for")
			}
			break
		}
		if err := h.cosign(n, receipt); err != nil {
			t.Fatalf("signature %d: %v", i+1, err)
		}
		signed++
		if d, _ := commit(t, n, ask(1000+i)); opened(d) != 1 {
			t.Fatalf("who was signed for is not shown")
		}
	}
	if signed != most {
		t.Errorf("signed for %d people within 28 days, want %d", signed, most)
	}
	stop()
	again, _ := h.node() // rebuilt from the ledger
	if d, _ := commit(t, again, ask(2000)); d.People[0].Verdict == policy.AskCosign {
		t.Error("after a restart the bound is forgotten")
	}
	raise := grants.Raise{By: "chief", Of: "pauline", Until: h.now().Add(time.Hour), Because: "shelter"}
	for _, people := range []int{50} {
		raise.People = people
		if _, err := doAct(again, raise); err != nil {
			t.Fatal(err)
		}
	}
	raise.People = 11
	if _, err := doAct(again, raise); !fault.Is(err, fault.Refused) {
		t.Errorf("40 signed for and 61 raised: %v", err)
	}
}

// What waits is shown to those who may sign for it, as the rule that decides says, and
// to nobody else.
func TestWhatWaitsIsShownToThoseWhoMaySignForIt(t *testing.T) {
	h := newHouse(t)
	made := storetest.Signers()
	made.Accounts = []roster.Account{
		{ID: "maker", Organisation: "mlv", Role: roster.Manager, Name: "maker", Identity: roster.Identity{Issuer: "https://idp.example", Provider: "p", Subject: "maker"}, Opened: storetest.At, Proposer: "pauline"},
	}
	if err := storetest.TakeRoster(t, h.store(), made); err != nil {
		t.Fatal(err)
	}
	n, _ := h.node()
	h.spend(n)
	if _, err := n.Place(t.Context(), order.Order{Effect: order.Suspended, Reach: order.Account, Target: "suspended", By: "samir", Because: "left"}); err != nil {
		t.Fatal(err)
	}
	service := grants.Service{Journal: n, Most: most, Now: h.now}
	_, several := commit(t, n, searching(2000, 2))
	shown := 0
	for i, by := range []roster.AccountID{"chief", "deputy", "samir", "nadia", "other", "suspended", "maker", "pauline", "karim", "nobody", ""} {
		_, receipt := commit(t, n, ask(1000+i))
		_, sees := service.Waiting(t.Context(), by, receipt)
		if sees != nil && !errors.Is(sees, grants.NoneWaits) {
			t.Errorf("%q looks: %v", by, sees)
		}
		if signs := service.Cosign(t.Context(), by, receipt); (sees == nil) != (signs == nil) {
			t.Errorf("%q is shown what waits: %v; signs for it: %v", by, sees, signs)
		}
		if signs := service.Cosign(t.Context(), by, several); errors.Is(signs, grants.ManyWait) != (sees == nil) {
			t.Errorf("%q is shown what waits: %v; signs for several people: %v", by, sees, signs)
		}
		if sees == nil {
			shown++
		}
	}
	if shown != 4 {
		t.Errorf("%d people are shown what waits, not the two managers and the two of the desk", shown)
	}
}

// Promise: METER-9
func TestMETER_9_ASignatureOpensOnePersonBeyondTheCeiling(t *testing.T) {
	was := rules
	t.Cleanup(func() { rules = was })
	rules.Ceilings = map[roster.Role]int{roster.Adviser: 1}
	h := newHouse(t)
	for i := 2; i <= 3; i++ {
		fact := reason.Fact{Kind: reason.Caseload, Account: "pauline", Person: storetest.Person(i), From: storetest.At.Add(-time.Hour), Until: storetest.At.AddDate(1, 0, 0), ID: strings.Repeat("i", i)}
		if err := storetest.TakeFacts(t, h.store(), "cases", fact); err != nil {
			t.Fatal(err)
		}
	}
	n, _ := h.node()
	if d, _ := commit(t, n, ask(1)); d.People[0].Why != policy.Explained {
		t.Fatalf("the first is %v for %v", d.People[0].Verdict, d.People[0].Why)
	}
	d, receipt := commit(t, n, ask(2))
	if d.People[0].Verdict != policy.AskCosign || d.People[0].Why != policy.CeilingReached {
		t.Fatalf("the second is %v for %v", d.People[0].Verdict, d.People[0].Why)
	}
	if err := h.cosign(n, receipt); err != nil {
		t.Fatal(err)
	}
	if d, _ := commit(t, n, ask(2)); d.People[0].Why != policy.Vouched {
		t.Errorf("signed for, the second is %v for %v", d.People[0].Verdict, d.People[0].Why)
	}
	if d, _ := commit(t, n, ask(3)); d.People[0].Why != policy.CeilingReached {
		t.Errorf("the third is %v for %v", d.People[0].Verdict, d.People[0].Why)
	}
}

// Promise: SCOPE-6
func TestSCOPE_6_AClosedFileOpensToOneSignatureForAnHour(t *testing.T) {
	h := newHouse(t)
	closed := func(n int) reason.Fact {
		return reason.Fact{Kind: reason.Closed, Organisation: reason.Everybody, Person: storetest.Person(n), From: storetest.At.Add(-time.Hour), Until: storetest.At.AddDate(20, 0, 0), ID: strings.Repeat("c", n)}
	}
	if err := storetest.TakeFacts(t, h.store(), "register", closed(1), closed(9)); err != nil {
		t.Fatal(err)
	}
	n, _ := h.node()
	for person, why := range map[int]policy.Why{1: policy.FileClosed, 9: policy.ClosedUntold} { // 1 is in Pauline's caseload
		d, receipt := commit(t, n, ask(person))
		if opened(d) != 0 || d.People[0].Why != why {
			t.Fatalf("person %d is %v for %v", person, d.People[0].Verdict, d.People[0].Why)
		}
		if err := h.cosign(n, receipt); err != nil {
			t.Fatal(err)
		}
		if d, _ := commit(t, n, ask(person)); d.People[0].Verdict != policy.Shown || d.People[0].Why != policy.Vouched {
			t.Errorf("signed for, person %d is %v for %v", person, d.People[0].Verdict, d.People[0].Why)
		}
	}
	h.advance(2 * time.Hour)
	if d, _ := commit(t, n, ask(1)); d.People[0].Why != policy.FileClosed {
		t.Errorf("two hours later it is %v for %v", d.People[0].Verdict, d.People[0].Why)
	}
}

// Whoever has no stranger left this month is told of the month, not of the archive: whoever signs
// is told that the file is archived before the signature is spent.
//
// Promise: SCOPE-6
func TestSCOPE_6_ASignatureIsNotSpentOnAnArchivedFileThatItWouldNotOpen(t *testing.T) {
	h := newHouse(t)
	archived := reason.Fact{Kind: reason.Archived, Organisation: reason.Everybody, Person: storetest.Person(9), From: storetest.At.Add(-time.Hour), Until: storetest.At.AddDate(20, 0, 0), ID: "9"}
	if err := storetest.TakeFacts(t, h.store(), "register", archived); err != nil {
		t.Fatal(err)
	}
	n, _ := h.node()
	h.spend(n)
	d, receipt := commit(t, n, ask(9))
	if d.People[0].Why != policy.LongEmpty {
		t.Fatalf("the person is %v for %v", d.People[0].Verdict, d.People[0].Why)
	}
	service := grants.Service{Journal: n, Most: most, Now: h.now}
	waiting, err := service.Waiting(t.Context(), "chief", receipt)
	if err != nil || !grants.Archived(waiting) {
		t.Errorf("whoever signs is not told that the file is archived: %v, %v", waiting.Why, err)
	}
	if err := h.cosign(n, receipt); !errors.Is(err, grants.InArchive) {
		t.Errorf("signed for: %v", err)
	}
	if err := journal.Record(t.Context(), n, ledger.Entry{Kind: ledger.SteppedUp, Account: "chief"}); err != nil {
		t.Fatal(err)
	}
	if err := service.OpenArchive(t.Context(), "chief", receipt, "DOS-1187", 2); err != nil {
		t.Fatal(err)
	}
	if d, _ := commit(t, n, ask(9)); opened(d) != 1 {
		t.Errorf("opened by two, the person is %v for %v", d.People[0].Verdict, d.People[0].Why)
	}
}
