package journal

import (
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/meter"
)

// answered is which requests were answered that are entries and no rows, and when: see
// ledger.Entry.Answers. What was answered longer ago than meters look back is left out: no request
// waits for so long.
type answered map[ledger.Number]time.Time

// count takes in an entry of the ledger.
func (a answered) count(entry *ledger.Entry) {
	if request := entry.Answers(); request != 0 {
		maps.DeleteFunc(a, func(_ ledger.Number, at time.Time) bool { return forgotten(at, entry.Time) })
		a[request] = entry.Time
	}
}

func forgotten(at, now time.Time) bool { return now.Sub(at) > meter.Memory }

func (a answered) append(b []byte, now time.Time) []byte {
	kept := slices.Sorted(maps.Keys(a))
	kept = slices.DeleteFunc(kept, func(request ledger.Number) bool { return forgotten(a[request], now) })
	b = binary.AppendUvarint(b, uint64(len(kept)))
	for _, request := range kept {
		b = binary.AppendVarint(binary.AppendUvarint(b, uint64(request)), a[request].UnixMicro())
	}
	return b
}

func (a answered) read(in *keptReader) {
	for range in.number() {
		request := ledger.Number(in.number())
		if a[request] = in.time(); in.bad {
			return
		}
	}
}

// Answered reports whether a request that is an entry and no row was answered within the last weeks.
func (s *State) Answered(request ledger.Number) bool {
	_, is := s.answered[request]
	return is
}

// Answered reports whether a request that is an entry and no row was answered within the last weeks, by
// this turn too.
func (tx *Tx) Answered(request ledger.Number) bool {
	tx.know()
	return tx.journal.state.Answered(request) || slices.ContainsFunc(tx.entries, func(e ledger.Entry) bool { return e.Answers() == request })
}
