package ledger

import (
	"crypto/rand"
	"crypto/sha256"

	"golang.org/x/mod/sumdb/tlog"
)

// Sealed is an entry as it is stored: its bytes, and the salt that hides them in
// its commitment. Erasing the salt closes the commitment for ever.
type Sealed struct {
	Number Number
	Salt   Salt
	Body   []byte
}

// Salt is random and known to the ledger only.
type Salt [16]byte

// Seal encodes entries, each under a fresh salt.
func Seal(entries []Entry) []Sealed {
	salts := make([]byte, len(entries)*len(Salt{}))
	_, _ = rand.Read(salts) // never fails: crypto/rand ends the program instead
	sealed := make([]Sealed, len(entries))
	var bodies []byte
	for i, entry := range entries {
		start := len(bodies)
		bodies = entry.Append(bodies)
		sealed[i] = Sealed{entry.Number, Salt(salts[i*len(Salt{}):]), bodies[start:len(bodies):len(bodies)]}
	}
	return sealed
}

// Commitment is what the published tree says of the entry: nothing, to whoever
// does not have its salt.
func (s Sealed) Commitment() [sha256.Size]byte {
	const label = "poterne/entry/v1"
	buffer := make([]byte, 0, 512)
	buffer = append(buffer, label...)
	buffer = append(buffer, s.Salt[:]...)
	buffer = append(buffer, s.Body...)
	return sha256.Sum256(buffer)
}

// Leaf is the hash of the commitment as a leaf of the tree (RFC 6962).
func (s Sealed) Leaf() tlog.Hash {
	commitment := s.Commitment()
	return tlog.RecordHash(commitment[:])
}
