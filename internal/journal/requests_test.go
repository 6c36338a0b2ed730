package journal

import (
	"maps"
	"testing"
	"time"

	"poterne/internal/ledger"
)

// Promise: LEDGER-6. A request that is an entry is known to be answered for longer than any waits, by
// whichever kind of entry, and after a restart too.
func TestLEDGER_6_ARequestThatWasAnsweredIsKnownToBeForWeeks(t *testing.T) {
	s := newState()
	began := time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC)
	now := began
	answered := func(request ledger.Number) bool { _, is := s.requests.answered[request]; return is }
	for day, answer := range []ledger.Kind{ledger.Held, ledger.HoldAsked, ledger.ReleaseAsked, ledger.Released} {
		now = began.AddDate(0, 0, day)
		s.count(&ledger.Entry{Number: ledger.Number(100 + day), Kind: ledger.HoldAsked, State: ledger.Asked, Account: "samir", Time: now})
		s.count(&ledger.Entry{Number: ledger.Number(200 + day), Kind: answer, State: ledger.Refused, Time: now, Cause: ledger.Number(1 + day)})
	}
	for request := range ledger.Number(300) {
		if is := request >= 1 && request <= 4; answered(request) != is {
			t.Errorf("%d: answered %v", request, !is)
		}
	}
	if waiting := s.Waiting(); len(waiting) != 4 || waiting[0] != (Waiting{Number: 100, At: began, By: "samir"}) {
		t.Errorf("%v wait", waiting)
	}
	kept := s.requests.append(nil, now)
	in, again := keptReader{rest: kept}, newRequests()
	if again.read(&in); in.bad || len(in.rest) > 0 || !maps.EqualFunc(again.answered, s.requests.answered, time.Time.Equal) || !maps.Equal(again.waiting, s.requests.waiting) {
		t.Errorf("%v is kept of %v, %v", again, s.requests, in.bad)
	}
	for cut := range kept {
		in := keptReader{rest: kept[:cut]}
		if newRequests().read(&in); !in.bad {
			t.Errorf("%d bytes of it are taken", cut)
		}
	}
	s.count(&ledger.Entry{Number: 300, Kind: ledger.Held, Time: began.AddDate(0, 0, 29), Cause: 5})
	s.count(&ledger.Entry{Number: 301, Kind: ledger.ReleaseAsked, State: ledger.Asked, Account: "nadia", Time: began.AddDate(0, 0, 29), From: 5})
	if waiting := s.Waiting(); answered(1) || !answered(2) || !answered(5) || len(waiting) != 4 || waiting[3] != (Waiting{301, began.AddDate(0, 0, 29), "nadia", 5}) {
		t.Errorf("after four weeks it is %v", s.requests)
	}
	s.count(&ledger.Entry{Number: 302, Kind: ledger.ReleaseAsked, State: ledger.Withdrawn, Time: began.AddDate(0, 0, 29), Cause: 301})
	if waiting := s.Waiting(); len(waiting) != 3 {
		t.Errorf("once it is taken back, %v wait", waiting)
	}
}
