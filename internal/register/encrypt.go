package register

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
)

// Encrypt hides from the database what is kept about a person for a while, such as their
// identifier or an address: AES-GCM under a key of its own that nodes have. What was encrypted
// of one person opens as no other's.
func (k Key) Encrypt(of PersonID, text []byte) ([]byte, error) {
	sealed, err := k.aead()
	if err != nil {
		return nil, err
	}
	return sealed.Seal(nil, nil, text, of[:]), nil
}

// Decrypt undoes Encrypt.
func (k Key) Decrypt(of PersonID, encrypted []byte) ([]byte, error) {
	sealed, err := k.aead()
	if err != nil {
		return nil, err
	}
	text, err := sealed.Open(nil, nil, encrypted, of[:])
	if err != nil {
		return nil, errors.New("what is kept about a person was damaged, or is another's")
	}
	return text, nil
}

func (k Key) aead() (cipher.AEAD, error) {
	secret, err := k.child("poterne/kept/v1")
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
