package journal

import (
	"fmt"
	"testing"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/roster"
)

// Promise: RIGHTS-9
func TestRIGHTS_9_TheEndOfASessionIsKnownForAsLongAsItsRowWouldGoOn(t *testing.T) {
	var s ended
	began := time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC)
	now := began
	name := func(n int) roster.SessionID { return roster.SessionID(fmt.Sprint("s", n)) }
	for n := range 30 * 60 { // one a minute, for thirty hours
		now = began.Add(time.Duration(n) * time.Minute)
		s.count(&ledger.Entry{Kind: ledger.SignedOut, Session: name(n), Time: now, State: "left"})
		s.count(&ledger.Entry{Kind: ledger.Session, Session: roster.SessionID(fmt.Sprint("goes on ", n)), Time: now, State: ledger.Unbound})
	}
	for n := range 30 * 60 {
		_, known := s.at[name(n)]
		if old := now.Sub(began.Add(time.Duration(n) * time.Minute)); old <= roster.SessionLife && !known {
			t.Fatalf("what ended %v ago is not known", old)
		} else if old > roster.SessionLife+time.Hour && known {
			t.Fatalf("what ended %v ago is remembered", old)
		}
	}
	var again ended
	in := keptReader{rest: s.append(nil, now)}
	if again.read(&in); in.bad || len(in.rest) > 0 || len(again.at) != 10*60+1 || !again.at[name(1799)].Equal(now) {
		t.Errorf("%d are kept, %v", len(again.at), in.bad)
	}
	for cut := range 40 {
		in := keptReader{rest: s.append(nil, now)[:cut]}
		if again.read(&in); !in.bad {
			t.Errorf("%d bytes of it are taken", cut)
		}
	}
}
