package ledger

import (
	"encoding/binary"
	"iter"
)

// Turn is a row of the ledger: entries of one turn, in the order of their numbers, as
// many as a row takes. A turn that wrote more takes several rows.
type Turn struct {
	First Number
	Count int
	// Body holds, for each entry: how many bytes its salt and its body take (varint),
	// its salt, its body.
	Body []byte
}

// How much one row takes: to read one entry is to read its whole row.
const (
	TurnEntries = 256
	turnBytes   = 32 << 10
)

// Turns lays out consecutive entries in as few rows as take them.
func Turns(entries []Sealed) (turns []Turn) {
	for len(entries) > 0 {
		count, bytes := 0, 0
		for count < min(len(entries), TurnEntries) {
			size := binary.MaxVarintLen16 + len(Salt{}) + len(entries[count].Body)
			if count > 0 && bytes+size > turnBytes {
				break
			}
			count, bytes = count+1, bytes+size
		}
		turn := Turn{First: entries[0].Number, Body: make([]byte, 0, bytes)}
		for _, entry := range entries[:count] {
			turn.add(entry)
		}
		turns, entries = append(turns, turn), entries[count:]
	}
	return turns
}

func (t *Turn) add(entry Sealed) {
	t.Count++
	t.Body = binary.AppendUvarint(t.Body, uint64(len(entry.Salt)+len(entry.Body)))
	t.Body = append(t.Body, entry.Salt[:]...)
	t.Body = append(t.Body, entry.Body...)
}

// End is the number after the turn's last entry.
func (t Turn) End() Number { return t.First + Number(t.Count) }

// Entries yields the turn's entries; their bodies alias the turn's. Where the row is
// damaged, that entry and those after it have no body: they cannot be decoded, and a
// verification finds each of them changed.
func (t Turn) Entries() iter.Seq[Sealed] {
	return func(yield func(Sealed) bool) {
		rest, intact := t.Body, true
		for i := range min(t.Count, TurnEntries) {
			entry := Sealed{Number: t.First + Number(i)}
			var text []byte
			if intact {
				text, rest, intact = cutEntry(rest)
				intact = intact && (i < t.Count-1 || len(rest) == 0) // nothing follows the last
			}
			if intact {
				entry.Salt, entry.Body = Salt(text), text[len(Salt{}):]
			}
			if !yield(entry) {
				return
			}
		}
	}
}

// cutEntry cuts the salt and the body of an entry from the beginning of a turn's body.
func cutEntry(body []byte) (text, rest []byte, intact bool) {
	size, n := binary.Uvarint(body)
	if n <= 0 || size < uint64(len(Salt{})) || size > uint64(len(body)-n) {
		return nil, nil, false
	}
	end := n + int(size)
	return body[n:end:end], body[end:], true
}
