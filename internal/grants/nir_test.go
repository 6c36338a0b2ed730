package grants_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"poterne/internal/grants"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store/storetest"
)

// A NIR that was asked for is shown once, however many ask at once, on however many nodes, and
// after a restart as before it.
//
// Promise: SCOPE-3
func TestSCOPE_3_ANIRThatIsOpenedAtOnceOnTwoNodesIsShownOnce(t *testing.T) {
	was := rules
	t.Cleanup(func() { rules = was })
	rules.Purposes = roster.Purposes{"accompany": register.Name | register.NIR}
	h := newHouse(t)
	left, _ := h.node()
	right, stop := h.node()
	open := func(n *storetest.Node, who int, signs meter.Signs) (passage ledger.Number, nir bool) {
		a := ask(who)
		a.People[0].Fields, a.Signs = register.Name|register.NIR, signs
		p, err := n.Commit(context.Background(), a)
		if err != nil {
			t.Error(err)
			return 0, false
		}
		return p.Receipt, p.Decision.People[0].Fields.Has(register.NIR)
	}
	asks := func(n *storetest.Node, receipt ledger.Number) error {
		if err := n.Record(t.Context(), ledger.Entry{Kind: ledger.SteppedUp, Account: "pauline"}); err != nil {
			t.Fatal(err)
		}
		return grants.NIRs{Journal: n, Purposes: rules.Purposes, Confirmed: register.NIR, Now: h.now}.Ask(t.Context(), "pauline", "s1", receipt)
	}
	receipt, shown := open(left, 1, 0)
	if shown {
		t.Fatal("a NIR is shown that nobody asked for")
	}
	h.advance(1000)
	if err := asks(right, receipt); err != nil {
		t.Fatal(err)
	}
	var nirs atomic.Int64
	var wait sync.WaitGroup
	for n := range 60 {
		wait.Go(func() {
			who, signs := 1+n%3, []meter.Signs{0, 0, meter.Listed, meter.SearchRow}[n%4]
			if _, shown := open([]*storetest.Node{left, right}[n%2], who, signs); shown {
				if nirs.Add(1); who != 1 || signs != 0 {
					t.Errorf("the NIR of person %d is shown, with the signs %v", who, signs)
				}
			}
		})
	}
	wait.Wait()
	if nirs.Load() != 1 {
		t.Errorf("one confirmation shows %d NIRs", nirs.Load())
	}
	h.advance(1000)
	if err := asks(left, receipt); err != nil {
		t.Fatal(err)
	}
	stop()
	again, _ := h.node() // rebuilt from the ledger
	for i, want := range []bool{true, false} {
		if _, shown := open(again, 1, 0); shown != want {
			t.Errorf("after a restart, time %d: shown %v", i+1, shown)
		}
	}
	if _, err := (grants.NIRs{Journal: again, Purposes: roster.Purposes{"accompany": register.Name}, Now: h.now}).Opened(t.Context(), "pauline", receipt); err != grants.ErrNoFile {
		t.Errorf("where the purpose has no NIR: %v", err)
	}
}
