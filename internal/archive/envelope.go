package archive

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"

	"poterne/internal/register"
)

// Tag is a person as the archive knows them until one period ends: a keyed hash, which nobody can
// make any more once the period's key is destroyed.
type Tag [16]byte

// WrappedBytes is how long a person's key is, wrapped: a nonce, the key and a tag.
const WrappedBytes = 12 + keyBytes + 16

// envelope wraps the keys of people under the key of one period.
type envelope struct {
	tag  []byte
	wrap cipher.AEAD
}

func newEnvelope(period []byte) (e envelope, err error) {
	if e.tag, err = hkdf.Expand(sha256.New, period, "poterne/archive/tag/v1", keyBytes); err != nil {
		return e, err
	}
	key, err := hkdf.Expand(sha256.New, period, "poterne/archive/wrap/v1", keyBytes)
	if err != nil {
		return e, err
	}
	e.wrap, err = sealed(key)
	return e, err
}

func sealed(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// of returns the person's tag.
func (e envelope) of(person register.PersonID) (tag Tag) {
	mac := hmac.New(sha256.New, e.tag)
	_, _ = mac.Write(person[:])
	copy(tag[:], mac.Sum(nil))
	return tag
}

// make makes a person's key, and wraps it.
func (e envelope) make(tag Tag) (person cipher.AEAD, wrapped []byte, err error) {
	key := make([]byte, keyBytes)
	_, _ = rand.Read(key) // it never fails
	person, err = sealed(key)
	return person, e.wrap.Seal(nil, nil, key, tag[:]), err
}

// open unwraps a person's key.
func (e envelope) open(tag Tag, wrapped []byte) (cipher.AEAD, error) {
	key, err := e.wrap.Open(nil, nil, wrapped, tag[:])
	if err != nil {
		return nil, errDamaged
	}
	return sealed(key)
}

var errDamaged = errors.New("what the archive keeps of a person was damaged, or is another's")
