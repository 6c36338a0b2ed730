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
	for day, answer := range []ledger.Kind{ledger.Held, ledger.HoldAsked, ledger.ReleaseAsked, ledger.Released} {
		now = began.AddDate(0, 0, day)
		s.count(&ledger.Entry{Number: ledger.Number(100 + day), Kind: ledger.HoldAsked, State: ledger.Asked, Time: now})
		s.count(&ledger.Entry{Number: ledger.Number(200 + day), Kind: answer, State: ledger.Refused, Time: now, Cause: ledger.Number(1 + day)})
	}
	for request := range ledger.Number(300) {
		if is := request >= 1 && request <= 4; s.Answered(request) != is {
			t.Errorf("%d: answered %v", request, !is)
		}
	}
	kept := s.answered.append(nil, now)
	in, again := keptReader{rest: kept}, make(answered)
	if again.read(&in); in.bad || len(in.rest) > 0 || !maps.EqualFunc(again, s.answered, time.Time.Equal) {
		t.Errorf("%v is kept of %v, %v", again, s.answered, in.bad)
	}
	for cut := range kept {
		in := keptReader{rest: kept[:cut]}
		if make(answered).read(&in); !in.bad {
			t.Errorf("%d bytes of it are taken", cut)
		}
	}
	s.count(&ledger.Entry{Number: 300, Kind: ledger.Held, Time: began.AddDate(0, 0, 29), Cause: 5})
	if s.Answered(1) || !s.Answered(2) || !s.Answered(5) {
		t.Errorf("after four weeks it is %v", s.answered)
	}
}
