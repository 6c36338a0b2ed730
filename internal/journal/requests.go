package journal

import (
	"cmp"
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/roster"
)

// requests is which requests wait that are entries and no rows, and which were answered, and when: see
// ledger.Entry.Asks and Answers. What is older than meters look back is left out: no request waits for
// so long.
type requests struct {
	waiting  map[ledger.Number]Waiting
	answered map[ledger.Number]time.Time
}

// Waiting is a request that nothing has answered. It may have lapsed.
type Waiting struct {
	Number ledger.Number
	At     time.Time
	By     roster.AccountID
	Of     ledger.Number // the hold that it asks to be released; zero of a hold that is asked for
}

func newRequests() requests {
	return requests{make(map[ledger.Number]Waiting), make(map[ledger.Number]time.Time)}
}

// count takes in an entry of the ledger.
func (r requests) count(entry *ledger.Entry) {
	if request := entry.Answers(); request != 0 {
		maps.DeleteFunc(r.answered, func(_ ledger.Number, at time.Time) bool { return forgotten(at, entry.Time) })
		r.answered[request] = entry.Time
		delete(r.waiting, request)
	}
	if entry.Asks() {
		maps.DeleteFunc(r.waiting, func(_ ledger.Number, w Waiting) bool { return forgotten(w.At, entry.Time) })
		r.waiting[entry.Number] = waitingOf(entry)
	}
}

func waitingOf(e *ledger.Entry) Waiting { return Waiting{e.Number, e.Time, e.Account, e.From} }

func forgotten(at, now time.Time) bool { return now.Sub(at) > meter.Memory }

func (r requests) append(b []byte, now time.Time) []byte {
	waiting := slices.DeleteFunc(sorted(r.waiting), func(w Waiting) bool { return forgotten(w.At, now) })
	b = binary.AppendUvarint(b, uint64(len(waiting)))
	for _, w := range waiting {
		b = binary.AppendVarint(binary.AppendUvarint(b, uint64(w.Number)), w.At.UnixMicro())
		b = chunk(binary.AppendUvarint(b, uint64(w.Of)), w.By)
	}
	kept := slices.Sorted(maps.Keys(r.answered))
	kept = slices.DeleteFunc(kept, func(request ledger.Number) bool { return forgotten(r.answered[request], now) })
	b = binary.AppendUvarint(b, uint64(len(kept)))
	for _, request := range kept {
		b = binary.AppendVarint(binary.AppendUvarint(b, uint64(request)), r.answered[request].UnixMicro())
	}
	return b
}

func (r requests) read(in *keptReader) {
	for range in.number() {
		w := Waiting{Number: ledger.Number(in.number()), At: in.time(), Of: ledger.Number(in.number())}
		w.By = roster.AccountID(in.chunk())
		if r.waiting[w.Number] = w; in.bad {
			return
		}
	}
	for range in.number() {
		request := ledger.Number(in.number())
		if r.answered[request] = in.time(); in.bad {
			return
		}
	}
}

func sorted(waiting map[ledger.Number]Waiting) []Waiting {
	return slices.SortedFunc(maps.Values(waiting), func(a, b Waiting) int { return cmp.Compare(a.Number, b.Number) })
}

// Waiting returns the requests of the last weeks that are entries and no rows, and that nothing has
// answered, the oldest first.
func (s *State) Waiting() []Waiting { return sorted(s.requests.waiting) }

// Waiting returns the requests of the last weeks that are entries and no rows, and that nothing has
// answered, in this turn neither.
func (tx *Tx) Waiting() []Waiting {
	tx.know()
	waiting := maps.Clone(tx.journal.state.requests.waiting)
	for i := range tx.entries {
		e := &tx.entries[i]
		if delete(waiting, e.Answers()); e.Asks() {
			waiting[e.Number] = waitingOf(e)
		}
	}
	return sorted(waiting)
}

// Answered reports whether a request that is an entry and no row was answered within the last weeks, by
// this turn too.
func (tx *Tx) Answered(request ledger.Number) bool {
	tx.know()
	_, is := tx.journal.state.requests.answered[request]
	return is || slices.ContainsFunc(tx.entries, func(e ledger.Entry) bool { return e.Answers() == request })
}
