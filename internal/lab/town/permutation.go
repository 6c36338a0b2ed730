package town

import (
	"crypto/sha256"
	"encoding/binary"
)

// permutation maps the numbers of 2·half bits onto one another, under a key: a
// balanced Feistel network of four rounds. The few numbers of a register land
// far apart in the many there are, and come back without a table.
type permutation struct {
	key  [16]byte
	half uint
}

// rounds is the least that is indistinguishable from random to who can ask both ways.
const rounds = 4

// newPermutation derives a permutation of 2·half bits from a secret.
func newPermutation(secret [32]byte, purpose string, half uint) permutation {
	sum := sha256.Sum256(append(secret[:], purpose...))
	return permutation{key: [16]byte(sum[:16]), half: half}
}

func (p permutation) forward(n uint64) uint64 {
	left, right := n>>p.half, n&p.mask()
	for round := range rounds {
		left, right = right, left^p.scramble(round, right)
	}
	return left<<p.half | right
}

func (p permutation) back(n uint64) uint64 {
	left, right := n>>p.half, n&p.mask()
	for round := rounds - 1; round >= 0; round-- {
		left, right = right^p.scramble(round, left), left
	}
	return left<<p.half | right
}

func (p permutation) mask() uint64 { return 1<<p.half - 1 }

func (p permutation) scramble(round int, half uint64) uint64 {
	var in [25]byte
	copy(in[:], p.key[:])
	in[16] = byte(round)
	binary.BigEndian.PutUint64(in[17:], half)
	sum := sha256.Sum256(in[:])
	return binary.BigEndian.Uint64(sum[:]) & p.mask()
}
