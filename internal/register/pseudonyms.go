package register

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// EpochKey is the secret of one epoch of the ledger. From it follow those of all
// later epochs and of none before: once an early key is thrown away, the later keys
// reveal nothing that was concealed under it.
type EpochKey [sha256.Size]byte

// ParseEpochKey reads what Text wrote.
func ParseEpochKey(text string) (EpochKey, error) {
	var k EpochKey
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != len(k) {
		return k, errors.New("the key of an epoch is 32 bytes in base64")
	}
	copy(k[:], raw)
	return k, nil
}

// Text spells the key out, for the file that keeps it; nothing else prints it.
func (k EpochKey) Text() string { return base64.StdEncoding.EncodeToString(k[:]) }

// Format prints every verb as (key).
func (EpochKey) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, "(key)") }

// LogValue keeps keys out of logs.
func (EpochKey) LogValue() slog.Value { return slog.StringValue("(key)") }

// Next is the key of the epoch after this one.
func (k EpochKey) Next() EpochKey { return k.derive("poterne/epoch") }

// Mark tells whether two keys are the same, and nothing else about them.
func (k EpochKey) Mark() [16]byte {
	mark := k.derive("poterne/epoch/mark")
	return [16]byte(mark[:16])
}

// Pseudonyms are those of this epoch. They do not lead back to the key: given away,
// they reveal this epoch only.
func (k EpochKey) Pseudonyms() Pseudonyms {
	return Pseudonyms{people: k.cipher("poterne/epoch/people"), texts: k.cipher("poterne/epoch/texts")}
}

func (k EpochKey) derive(about string) EpochKey {
	mac := hmac.New(sha256.New, k[:])
	_, _ = io.WriteString(mac, about)
	return EpochKey(mac.Sum(nil))
}

func (k EpochKey) cipher(about string) cipher.Block {
	key := k.derive(about)
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // the key is 32 bytes long
	}
	return block
}

// Pseudonyms gives each person a pseudonym for one epoch, which has nothing in common
// with the person's pseudonym in any other epoch. It is safe to share.
type Pseudonyms struct {
	people cipher.Block
	texts  cipher.Block
}

// Conceal replaces a person by the pseudonym of the epoch. The zero person stays zero.
func (p Pseudonyms) Conceal(person *PersonID) { walk(person, p.people.Encrypt) }

// Reveal undoes Conceal.
func (p Pseudonyms) Reveal(person *PersonID) { walk(person, p.people.Decrypt) }

// walk goes on from nobody, so that the cipher permutes everybody else.
func walk(p *PersonID, step func(dst, src []byte)) {
	if p.IsZero() {
		return
	}
	step(p[:], p[:])
	for p.IsZero() {
		step(p[:], p[:])
	}
}

// ConcealText encrypts what another system calls something about a person, which would
// lead to the same person in every epoch. number must never come twice in an epoch:
// then equal texts do not look equal either.
func (p Pseudonyms) ConcealText(text string, number uint64) string {
	return base64.RawURLEncoding.EncodeToString(p.mixed([]byte(text), number))
}

// RevealText undoes ConcealText.
func (p Pseudonyms) RevealText(concealed string, number uint64) (string, error) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(concealed)
	if err != nil {
		return "", errors.New("a concealed text is damaged")
	}
	return string(p.mixed(text, number)), nil
}

// mixed is text and the cipher's key stream for this number; done twice it undoes
// itself.
// It is CTR mode (SP 800-38A), by hand: cipher.NewCTR copies the cipher for each text, and
// texts are one or two blocks long.
func (p Pseudonyms) mixed(text []byte, number uint64) []byte {
	var blocks [2 * aes.BlockSize]byte
	counter, stream := blocks[:aes.BlockSize], blocks[aes.BlockSize:]
	binary.BigEndian.PutUint64(counter, number)
	for done := 0; done < len(text); {
		p.texts.Encrypt(stream, counter)
		done += subtle.XORBytes(text[done:], text[done:], stream)
		binary.BigEndian.PutUint64(counter[8:], binary.BigEndian.Uint64(counter[8:])+1)
	}
	return text
}
