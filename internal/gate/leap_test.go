package gate_test

import (
	"testing"
	"time"
)

// A clock that leaps ahead beyond 28 days forgets what an allowance was spent on, once: this
// is the leap to fear, and whoever operates looks at its entries. Set right, the clock gives
// nothing more: time in the ledger waits, on the node that saw the leap and on one that did not.
func TestAClockThatLeapsAheadForgetsAnAllowanceOnceAndGivesNothingMoreWhenSetRight(t *testing.T) {
	h := newHouse(t)
	saw, stop := h.gate()
	next := 100
	shown := func() (people int) {
		t.Helper()
		for range 60 {
			next++
			if settle(t, saw, ask(next)).Decision.People[0].Verdict.Shows() {
				people++
			}
		}
		return people
	}
	allowed := shown()
	if allowed == 0 || shown() != 0 {
		t.Fatalf("%d strangers are shown, and more after them", allowed)
	}
	const leap = 29 * 24 * time.Hour
	h.clock.advance(leap)
	if again := shown(); again == 0 || again > allowed { // to an account that seems dormant each costs more
		t.Errorf("after the leap %d are shown, an allowance is %d", again, allowed)
	}
	h.clock.advance(-leap)
	if more := shown(); more != 0 {
		t.Errorf("%d more are shown once the clock is right", more)
	}
	stop()
	saw, _ = h.gate()
	if more := shown(); more != 0 {
		t.Errorf("a node that did not see the leap shows %d more", more)
	}
}
