package ledger

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"poterne/internal/reason"
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

// A commitment has two halves, so that the person whom an entry is about can be given a proof
// of what they may read of it, and of nothing else: one half commits to that, the other to
// the whole entry. Each has a salt of its own, and neither salt leads to the other.
const (
	commitmentLabel = "poterne/entry/v2"
	wholeLabel      = "poterne/entry/v2/whole"
	openLabel       = "poterne/entry/v2/open"
	openSaltLabel   = "poterne/entry/v2/open/salt"
)

func hashed(label string, parts ...[]byte) [CommitmentSize]byte {
	buffer := append(make([]byte, 0, 512), label...)
	for _, part := range parts {
		buffer = append(buffer, part...)
	}
	return sha256.Sum256(buffer)
}

// Commitment is what the published tree says of the entry: nothing, without its salt.
func (s Sealed) Commitment() [CommitmentSize]byte {
	salt, whole := hashed(openSaltLabel, s.Salt[:]), hashed(wholeLabel, s.Salt[:], s.Body)
	return joined(salt, whole, s.open())
}

func joined(salt, whole [CommitmentSize]byte, open []byte) [CommitmentSize]byte {
	half := hashed(openLabel, salt[:], open)
	return hashed(commitmentLabel, half[:], whole[:])
}

// open is what the person whom the entry is about may read of it, encoded; nothing of an
// entry that shows nobody.
func (s Sealed) open() []byte {
	e, err := decode(codec{bytes: s.Body, whole: string(s.Body)})
	if err != nil || !e.Disclosed() {
		return nil
	}
	return e.ToPerson().Append(make([]byte, 0, usualBody))
}

// ToPerson is what the person whom the entry is about may read of it: no account, and nothing
// of where and how it asked.
func (e Entry) ToPerson() Entry {
	return Entry{
		Number: e.Number, Time: e.Time, Kind: e.Kind, Organisation: e.Organisation, Service: e.Service, Purpose: e.Purpose,
		Person: e.Person, Epoch: e.Epoch, Fields: e.Fields, Verdict: e.Verdict, Reason: reason.Reason{Kind: e.Reason.Kind},
	}
}

// Opening opens the half of the commitment that the person may read; OpenToPerson reads it.
func (s Sealed) Opening() []byte {
	salt, whole := hashed(openSaltLabel, s.Salt[:]), hashed(wholeLabel, s.Salt[:], s.Body)
	return append(append(salt[:], whole[:]...), s.open()...)
}

// OpenToPerson reads an opening: what it says of the entry, and the leaf that commits to it.
func OpenToPerson(opening []byte) (Entry, tlog.Hash, error) {
	if len(opening) <= 2*CommitmentSize {
		return Entry{}, tlog.Hash{}, errors.New("not an opening of an entry")
	}
	open := opening[2*CommitmentSize:]
	e, err := Decode(open)
	if err != nil {
		return Entry{}, tlog.Hash{}, err
	}
	return e, leafOf(joined([CommitmentSize]byte(opening), [CommitmentSize]byte(opening[CommitmentSize:]), open)), nil
}

// Leaf is the hash of the commitment as a leaf of the tree (RFC 6962).
func (s Sealed) Leaf() tlog.Hash { return leafOf(s.Commitment()) }

func leafOf(commitment [CommitmentSize]byte) tlog.Hash { return tlog.RecordHash(commitment[:]) }
