// Package seal tells rows that a node wrote from rows that somebody put into its
// database. A seal is a keyed hash over a row's columns; nodes have the key and the
// database has not, so whoever owns the database can delete rows and put old ones back,
// and can make none.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
	"sync"
)

const (
	// Size is how many bytes a seal takes: which key made it, and a hash.
	Size     = nameSize + hashSize
	nameSize = 4
	hashSize = 16 // bytes of HMAC-SHA-256; guessing one takes 2^128 tries, each through a node
	keySize  = 32
)

// Keys make seals and check them. The first key makes them; the others still check what
// they made. Keys without a key panic. Keys are safe to share.
type Keys struct{ keys []*key }

type key struct {
	name   [nameSize]byte
	secret [keySize]byte
	macs   sync.Pool   // of hash.Hash, keyed
	cipher cipher.AEAD // under a key of its own
}

// New makes keys of one fresh key.
func New() Keys { return Keys{[]*key{fresh()}} }

func fresh() *key {
	var secret [keySize]byte
	_, _ = rand.Read(secret[:]) // never fails: crypto/rand ends the program instead
	return named(secret)
}

// named gives a key the name that its seals bear, which tells nothing of it.
func named(secret [keySize]byte) *key {
	digest := sha256.Sum256(append([]byte("poterne seal key\n"), secret[:]...))
	mac := hmac.New(sha256.New, secret[:])
	mac.Write([]byte("poterne cipher key\n"))
	block, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		panic(err) // the key has a length that AES takes
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return &key{
		name: [nameSize]byte(digest[:nameSize]), secret: secret,
		macs:   sync.Pool{New: func() any { return hmac.New(sha256.New, secret[:]) }},
		cipher: aead,
	}
}

// Parse reads what Text wrote: a key a line, of 32 bytes in base64; the first makes
// seals. It refuses a text without keys, and a key twice.
func Parse(text string) (Keys, error) {
	var k Keys
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		secret, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(secret) != keySize {
			return Keys{}, fmt.Errorf("a seal key is %d bytes in base64, one on each line, as poterne keys makes them", keySize)
		}
		one := named([keySize]byte(secret))
		if k.find(one.name[:]) != nil {
			return Keys{}, errors.New("a seal key is there twice")
		}
		k.keys = append(k.keys, one)
	}
	if len(k.keys) == 0 {
		return Keys{}, errors.New("there is no seal key; poterne keys makes one")
	}
	return k, nil
}

// Text is what is kept of the keys.
func (k Keys) Text() string {
	var text strings.Builder
	for _, one := range k.keys {
		text.WriteString(base64.StdEncoding.EncodeToString(one.secret[:]))
		text.WriteByte('\n')
	}
	return text.String()
}

// None reports whether there is no key.
func (k Keys) None() bool { return len(k.keys) == 0 }

// Rotated adds a fresh key, which checks seals and makes none yet. Every node MUST have
// these keys before one has those that Promoted returns: it could not check their seals.
func (k Keys) Rotated() Keys { return Keys{append(slices.Clip(k.keys), fresh())} }

// Promoted has the newest key make seals.
func (k Keys) Promoted() Keys {
	last := len(k.keys) - 1
	return Keys{append([]*key{k.keys[last]}, k.keys[:last]...)}
}

// Seal seals a row. The row MUST NOT be used afterwards.
func (k Keys) Seal(row *Row) []byte {
	defer row.release()
	return k.keys[0].seal(row)
}

// Check returns nil when one of the keys sealed these columns, and an error that is
// ErrBroken otherwise. The row MUST NOT be used afterwards.
func (k Keys) Check(seal []byte, row *Row) error {
	defer row.release()
	if len(seal) != Size {
		return fmt.Errorf("%w: a row of %s has none", ErrBroken, row.table)
	}
	by := k.find(seal[:nameSize])
	if by == nil {
		return fmt.Errorf("%w: a row of %s is under another key", ErrBroken, row.table)
	}
	if subtle.ConstantTimeCompare(seal, by.seal(row)) != 1 {
		return fmt.Errorf("%w: a row of %s was not written as it is", ErrBroken, row.table)
	}
	return nil
}

// Encrypt seals the columns of a row together with a text of which the database is to
// know nothing, and returns that. The row MUST NOT be used afterwards.
func (k Keys) Encrypt(text []byte, row *Row) []byte {
	defer row.release()
	by := k.keys[0]
	sealed := make([]byte, 0, nameSize+len(text)+by.cipher.Overhead())
	return by.cipher.Seal(append(sealed, by.name[:]...), nil, text, row.text)
}

// Decrypt returns the text that one of the keys encrypted with these columns, and an error
// that is ErrBroken otherwise. The row MUST NOT be used afterwards.
func (k Keys) Decrypt(sealed []byte, row *Row) ([]byte, error) {
	defer row.release()
	if len(sealed) < nameSize {
		return nil, fmt.Errorf("%w: a row of %s has none", ErrBroken, row.table)
	}
	by := k.find(sealed[:nameSize])
	if by == nil {
		return nil, fmt.Errorf("%w: a row of %s is under another key", ErrBroken, row.table)
	}
	text, err := by.cipher.Open(nil, nil, sealed[nameSize:], row.text)
	if err != nil {
		return nil, fmt.Errorf("%w: a row of %s was not written as it is", ErrBroken, row.table)
	}
	return text, nil
}

// ErrBroken is a row without the seal that it must have. Whoever reads it MUST decide
// as though it were not there, or stop.
var ErrBroken = errors.New("broken seal")

func (k Keys) find(name []byte) *key {
	for _, one := range k.keys {
		if string(one.name[:]) == string(name) {
			return one
		}
	}
	return nil
}

func (k *key) seal(row *Row) []byte {
	mac := k.macs.Get().(hash.Hash)
	defer k.macs.Put(mac)
	mac.Reset()
	_, _ = mac.Write(row.text)
	return mac.Sum(append(make([]byte, 0, nameSize+sha256.Size), k.name[:]...))[:Size]
}
