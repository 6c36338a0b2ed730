package witness

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// The kinds of public keys that a verifier key may hold, as C2SP signed-note and
// tlog-cosignature number them.
const (
	kindEd25519     = 0x01
	kindCosignature = 0x04
)

// Key is a witness's public key. It verifies cosignature/v1 signatures.
type Key struct {
	name   string
	id     uint32
	public ed25519.PublicKey
}

var errNoKey = errors.New(`a witness's key is written NAME+ID+KEY, Ed25519, as the witness publishes it`)

// ParseKey reads a verifier key. Witnesses publish it as one for cosignatures or as
// a plain Ed25519 one; what they sign with it is the same.
func ParseKey(text string) (Key, error) {
	parts := strings.SplitN(text, "+", 3)
	if len(parts) != 3 || parts[0] == "" || strings.ContainsFunc(parts[0], func(r rune) bool { return r <= ' ' }) {
		return Key{}, errNoKey
	}
	id, err := strconv.ParseUint(parts[1], 16, 32)
	key, badKey := base64.StdEncoding.Strict().DecodeString(parts[2])
	switch {
	case err != nil || badKey != nil || len(parts[1]) != 8 || len(key) != 1+ed25519.PublicKeySize:
		return Key{}, errNoKey
	case key[0] != kindEd25519 && key[0] != kindCosignature:
		return Key{}, errNoKey
	case uint32(id) != keyID(parts[0], key[0], key[1:]):
		return Key{}, errors.New("the name and the key of this witness do not belong together; copy it again from where the witness publishes it")
	}
	return NewKey(parts[0], key[1:]), nil
}

// NewKey is the key of the witness of that name.
func NewKey(name string, public ed25519.PublicKey) Key {
	return Key{name, keyID(name, kindCosignature, public), public}
}

func keyID(name string, kind byte, public ed25519.PublicKey) uint32 {
	sum := sha256.Sum256(slices.Concat([]byte(name), []byte{'\n', kind}, public))
	return binary.BigEndian.Uint32(sum[:])
}

// String is the key as a verifier key.
func (k Key) String() string {
	public := append([]byte{kindCosignature}, k.public...)
	return fmt.Sprintf("%s+%08x+%s", k.name, k.id, base64.StdEncoding.EncodeToString(public))
}

// Name implements note.Verifier.
func (k Key) Name() string { return k.name }

// KeyHash implements note.Verifier.
func (k Key) KeyHash() uint32 { return k.id }

// Verify implements note.Verifier. A signature begins with the time at which the
// witness signed.
func (k Key) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	at := binary.BigEndian.Uint64(signature)
	return at < 1<<63 && ed25519.Verify(k.public, Statement(at, text), signature[8:])
}

// Statement is what a witness signs: that at that time, in seconds since 1970, it
// knew of no larger tree than this checkpoint's.
func Statement(at uint64, checkpoint []byte) []byte {
	return fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, checkpoint)
}

// cosignature is one witness's signature under a checkpoint.
type cosignature struct {
	note.Signature
	at time.Time
}

// cosignatures returns the signatures under a note that are of these keys, and
// valid. One that is not makes the note worth nothing.
func cosignatures(signed []byte, keys ...Key) ([]cosignature, error) {
	known := make([]note.Verifier, len(keys))
	for i, key := range keys {
		known[i] = key
	}
	opened, err := note.Open(signed, note.VerifierList(known...))
	if _, none := errors.AsType[*note.UnverifiedNoteError](err); none {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found := make([]cosignature, len(opened.Sigs))
	for i, signature := range opened.Sigs {
		raw, err := base64.StdEncoding.DecodeString(signature.Base64) // the key's id, the time, and more
		if err != nil {
			return nil, err
		}
		found[i] = cosignature{signature, time.Unix(int64(binary.BigEndian.Uint64(raw[4:])), 0).UTC()}
	}
	return found, nil
}

// Quorum is the witnesses, and how many of them a checkpoint needs.
type Quorum struct {
	Keys []Key
	Need int
}

// Met reports whether a note has the co-signatures that it needs.
func (q Quorum) Met(signed []byte) bool {
	found, err := cosignatures(signed, q.Keys...)
	return err == nil && len(found) >= q.Need
}

// Under puts lines under a note: those that are co-signatures of it by these
// witnesses, one of each.
func (q Quorum) Under(signed []byte, lines [][]byte) []byte {
	under := slices.Clone(signed)
	for _, key := range q.Keys {
		for _, line := range lines {
			if found, err := cosignatures(slices.Concat(text(signed), line), key); err == nil && len(found) == 1 {
				under = append(under, line...)
				break
			}
		}
	}
	return under
}

// text is a note's text, and the empty line that its signatures come after.
func text(signed []byte) []byte {
	if i := bytes.LastIndex(signed, []byte("\n\n")); i >= 0 {
		return signed[:i+2]
	}
	return signed
}

// line is a signature as it stands under a note.
func (c cosignature) line() []byte { return fmt.Appendf(nil, "— %s %s\n", c.Name, c.Base64) }
