package journal

import (
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/roster"
)

// ended is which sessions the ledger says have ended, and when: whoever owns the database can
// put the row of one back as it was before. One that would have ended by its age is left out.
type ended struct {
	at      map[roster.SessionID]time.Time
	dropped time.Time // when those that are too old were last left out
}

// count takes in an entry of the ledger.
func (s *ended) count(entry *ledger.Entry) {
	session, over := entry.Over()
	if !over {
		return
	}
	if s.at == nil {
		s.at = make(map[roster.SessionID]time.Time)
	}
	s.at[session] = entry.Time
	if entry.Time.Sub(s.dropped) >= time.Hour {
		s.dropped = entry.Time
		maps.DeleteFunc(s.at, func(_ roster.SessionID, at time.Time) bool { return aged(at, entry.Time) })
	}
}

// aged reports whether a session that ended then lives no more, however late it had begun.
func aged(at, now time.Time) bool { return now.Sub(at) > roster.SessionLife }

func (s *ended) append(b []byte, now time.Time) []byte {
	kept := slices.Sorted(maps.Keys(s.at))
	kept = slices.DeleteFunc(kept, func(session roster.SessionID) bool { return aged(s.at[session], now) })
	b = binary.AppendUvarint(b, uint64(len(kept)))
	for _, session := range kept {
		b = binary.AppendVarint(chunk(b, session), s.at[session].UnixMicro())
	}
	return b
}

func (s *ended) read(in *keptReader) {
	count := in.number()
	s.at = make(map[roster.SessionID]time.Time, min(count, uint64(len(in.rest))))
	for range count {
		session := roster.SessionID(in.chunk())
		if s.at[session] = in.time(); in.bad {
			return
		}
	}
}

// Ended reports whether the ledger says that a session has ended, as far as this node has
// seen.
func (j *Journal) Ended(session roster.SessionID) bool {
	j.mu.RLock()
	defer j.mu.RUnlock()
	_, over := j.state.ended.at[session]
	return over
}
