package ledger

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"

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

// usualBody is more than what most bodies take.
const usualBody = 192

// Seal encodes entries, each with its person concealed and under a fresh salt.
func (p Pseudonyms) Seal(entries []Entry) ([]Sealed, error) {
	salts := make([]byte, len(entries)*len(Salt{}))
	_, _ = rand.Read(salts) // never fails: crypto/rand ends the program instead
	sealed := make([]Sealed, len(entries))
	bodies := make([]byte, 0, len(entries)*usualBody)
	at := epoch{of: p}
	for i := range entries {
		at.entry = entries[i]
		if err := at.conceal(); err != nil {
			return nil, fmt.Errorf("entry %d cannot be sealed: %w", entries[i].Number, err)
		}
		start := len(bodies)
		var err error
		if bodies, err = at.entry.encode(bodies); err != nil {
			return nil, fmt.Errorf("entry %d cannot be sealed: %w", entries[i].Number, err)
		}
		sealed[i] = Sealed{at.entry.Number, Salt(salts[i*len(Salt{}):]), bodies[start:len(bodies):len(bodies)]}
	}
	return sealed, nil
}

// CommitmentSize is the size of a commitment.
const CommitmentSize = sha256.Size

// Commitment is what the published tree says of the entry: nothing, without its salt.
func (s Sealed) Commitment() [CommitmentSize]byte {
	const label = "poterne/entry/v1"
	buffer := make([]byte, 0, 512)
	buffer = append(buffer, label...)
	buffer = append(buffer, s.Salt[:]...)
	buffer = append(buffer, s.Body...)
	return sha256.Sum256(buffer)
}

// Leaf is the hash of the commitment as a leaf of the tree (RFC 6962).
func (s Sealed) Leaf() tlog.Hash { return leafOf(s.Commitment()) }

func leafOf(commitment [CommitmentSize]byte) tlog.Hash { return tlog.RecordHash(commitment[:]) }
