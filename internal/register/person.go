// Package register speaks of the people whose files are guarded. Inside Poterne
// a person is a pseudonym, and neither a person nor a reference to one can be
// printed by accident.
package register

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"sync"

	"poterne/internal/fault"
)

// PersonID is a person inside Poterne: the first 16 bytes of HMAC-SHA-256 of the
// register's identifier, under a key that is not in the database. The zero value is no
// person.
type PersonID [16]byte

// IsZero reports whether p is no person.
func (p PersonID) IsZero() bool { return p == PersonID{} }

// Compare orders pseudonyms by their bytes, as a list of them is kept.
func (p PersonID) Compare(other PersonID) int { return bytes.Compare(p[:], other[:]) }

// Hex spells the pseudonym out, for evidence and for the command line; nothing
// else prints it.
func (p PersonID) Hex() string { return hex.EncodeToString(p[:]) }

// ParsePersonID reads what Hex wrote.
func ParsePersonID(text string) (PersonID, error) {
	var p PersonID
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(p) {
		return p, &fault.Error{Kind: fault.Invalid, Public: "a pseudonym is 32 hexadecimal digits"}
	}
	copy(p[:], raw)
	return p, nil
}

// Format prints every verb as (person).
func (PersonID) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, "(person)") }

// LogValue keeps pseudonyms out of logs.
func (PersonID) LogValue() slog.Value { return slog.StringValue("(person)") }

// Ref is how an application names a person: a value in one scheme, such as a
// dossier number or an e-mail address.
type Ref struct {
	Scheme string
	Value  string
}

// Format prints every verb as (reference).
func (Ref) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, "(reference)") }

// LogValue keeps references out of logs.
func (Ref) LogValue() slog.Value { return slog.StringValue("(reference)") }

// Alias is the keyed hash of a Ref, as the alias table stores it.
type Alias [16]byte

// Key turns identifiers into pseudonyms and aliases. It is safe to share.
type Key struct {
	macs  *sync.Pool
	child func(about string) ([]byte, error) // derives another key from it
}

// KeyBytes is the least length of a pseudonym key.
const KeyBytes = 32

// NewKey takes a secret of at least KeyBytes random bytes.
func NewKey(secret []byte) (Key, error) {
	if len(secret) < KeyBytes {
		return Key{}, fmt.Errorf("a pseudonym key has at least %d bytes, this one has %d", KeyBytes, len(secret))
	}
	secret = append([]byte(nil), secret...)
	return Key{macs: &sync.Pool{New: func() any { return hmac.New(sha256.New, secret) }}, child: child(secret)}, nil
}

// IsZero reports whether k is no key at all.
func (k Key) IsZero() bool { return k.macs == nil }

// Device returns the name, for the ledger, of the browser that keeps a secret: 16
// hexadecimal digits.
func (k Key) Device(secret string) string {
	sum := k.sum("poterne/device/v1\x00", secret)
	return hex.EncodeToString(sum[:8])
}

// Signin returns the secret under which nodes seal sign-ins under way.
func (k Key) Signin() ([]byte, error) { return k.child("poterne/signin/v1") }

// Mark tells this key from others, and nothing else of it.
func (k Key) Mark() [16]byte { return k.sum("poterne/pseudonym/mark/v1\x00") }

// Person returns the pseudonym of the person with the register's own identifier, as
// Schemes reads it.
func (k Key) Person(identifier string) PersonID {
	return PersonID(k.sum("poterne/person/v1\x00", identifier))
}

// Alias returns the keyed hash of a reference in any scheme, as Schemes reads it.
func (k Key) Alias(ref Ref) Alias {
	return Alias(k.sum("poterne/alias/v1\x00", ref.Scheme, "\x00", ref.Value))
}

func (k Key) sum(parts ...string) (short [16]byte) {
	mac := k.macs.Get().(hash.Hash)
	defer k.macs.Put(mac)
	mac.Reset()
	for _, part := range parts {
		_, _ = io.WriteString(mac, part)
	}
	var full [sha256.Size]byte
	copy(short[:], mac.Sum(full[:0]))
	return short
}
