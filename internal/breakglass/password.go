package breakglass

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/argon2"

	"poterne/internal/ledger"
)

// Sealed is what is kept of the sealed password: its Argon2id hash, in the form of PHC strings.
type Sealed struct {
	memory, passes uint32 // KiB, and how often they are gone over
	lanes          uint8
	salt, hash     []byte
	text           string
}

// How a password is hashed. RFC 9106 recommends these where 64 MiB can be had.
const (
	memory    = 64 << 10 // KiB
	passes    = 3
	lanes     = 4
	hashBytes = 32
)

// Nothing weaker is believed, and nothing that would take a node's memory.
const (
	leastMemory, mostMemory = 19 << 10, 256 << 10
	leastPasses, mostPasses = 2, 10
)

// Seal makes a password, which nobody chooses, and what is kept of it.
func Seal() (password string, s Sealed) {
	bare, salt := rand.Text(), make([]byte, 16)
	_, _ = rand.Read(salt) // it never fails
	s = Sealed{memory: memory, passes: passes, lanes: lanes, salt: salt}
	s.hash = s.of(bare)
	s.text = fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, s.memory, s.passes, s.lanes, encoding.EncodeToString(s.salt), encoding.EncodeToString(s.hash))
	var fours []string
	for some := range slices.Chunk([]byte(bare), 4) {
		fours = append(fours, string(some))
	}
	return strings.Join(fours, " "), s
}

var encoding = base64.RawStdEncoding

// Parse reads what Seal made.
func Parse(text []byte) (s Sealed, err error) {
	parts := strings.Split(string(text), "$")
	none := errors.New("not what poterne keys break-glass makes")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return s, none
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &s.memory, &s.passes, &s.lanes); n != 3 || err != nil {
		return s, none
	}
	var badSalt, badHash error
	s.salt, badSalt = encoding.DecodeString(parts[4])
	s.hash, badHash = encoding.DecodeString(parts[5])
	switch {
	case badSalt != nil || badHash != nil || len(s.salt) < 16 || len(s.hash) != hashBytes:
		return Sealed{}, none
	case s.memory < leastMemory || s.memory > mostMemory || s.passes < leastPasses || s.passes > mostPasses || s.lanes < 1 || s.lanes > 16:
		return Sealed{}, errors.New("it is hashed too weakly, or would take too much memory; make another with poterne keys break-glass")
	}
	s.text = string(text)
	return s, nil
}

// Text is what is kept in a file.
func (s Sealed) Text() string { return s.text }

// IsZero reports whether there is none.
func (s Sealed) IsZero() bool { return s.text == "" }

func (s Sealed) of(password string) []byte {
	return argon2.IDKey([]byte(password), s.salt, s.passes, s.memory, s.lanes, hashBytes)
}

// typed is a password as people type it: in small letters, with spaces.
var typed = strings.NewReplacer(" ", "", "-", "", "\u00a0", "", "\u202f", "", "0", "O", "1", "I", "8", "B")

// opens reports whether a password is the sealed one. How long it takes says nothing of it.
func (s Sealed) opens(password string) bool {
	return subtle.ConstantTimeCompare(s.of(typed.Replace(strings.ToUpper(password))), s.hash) == 1
}

// digest names it in the ledger.
func (s Sealed) digest() ledger.Digest { return sha256.Sum256([]byte(s.text)) }
