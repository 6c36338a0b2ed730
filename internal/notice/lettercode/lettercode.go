// Package lettercode makes the codes that letters have for their readers to type. A code says whose
// letter it is and has 80 bits of a keyed hash, so that no number of tries finds one, and nobody has
// to be refused for theirs: whoever tries wrong codes takes nothing from the reader of the right one.
package lettercode

import (
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"slices"
	"strings"
)

// Code is a code, in capitals and without spaces.
type Code string

const (
	tagBytes = 10
	longest  = 64
)

// crockford is letters and figures of which none is taken for another.
var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// New makes the code of a letter that figures name, with a keyed hash of them.
func New(tag [16]byte, figures ...uint64) Code {
	var raw []byte
	for _, n := range figures {
		raw = binary.AppendUvarint(raw, n)
	}
	return Code(crockford.EncodeToString(append(raw, tag[:tagBytes]...)))
}

// Grouped is the code in fours, as letters print it.
func (c Code) Grouped() string {
	var fours []string
	for some := range slices.Chunk([]byte(c), 4) {
		fours = append(fours, string(some))
	}
	return strings.Join(fours, " ")
}

// Equal compares two codes, in a time that tells nothing of either.
func (c Code) Equal(other Code) bool {
	return subtle.ConstantTimeCompare([]byte(c), []byte(other)) == 1
}

// asTyped is a code as people type it: O for 0, I and L for 1, with spaces and in small letters.
var asTyped = strings.NewReplacer(" ", "", "-", "", "\u00a0", "", "\u202f", "", "O", "0", "I", "1", "L", "1")

// Read reads what somebody typed, and the figures that it names. Its hash is not looked at: the caller
// makes the code of these figures, and compares.
func Read(typed string, figures int) (c Code, read []uint64, ok bool) {
	if len(typed) > longest {
		return "", nil, false
	}
	c = Code(asTyped.Replace(strings.ToUpper(typed)))
	raw, err := crockford.DecodeString(string(c))
	if err != nil || len(raw) <= tagBytes {
		return "", nil, false
	}
	raw = raw[:len(raw)-tagBytes]
	for range figures {
		n, size := binary.Uvarint(raw)
		if size <= 0 || n >= 1<<62 {
			return "", nil, false
		}
		read, raw = append(read, n), raw[size:]
	}
	return c, read, len(raw) == 0
}
