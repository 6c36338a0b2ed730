package register

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"math/bits"
	"sync"
	"time"
)

// Canaries tells canaries from people. A canary is a file that no account has a reason
// to open. Canaries are a keyed function of the pseudonym and no list: nothing that is
// stored, copied or shown tells one apart, and an attacker without the key has to guess.
//
// A share of all possible identifiers is reserved: no person MUST be given one, and a
// file under one is a canary's. The live ones of the reserved change by the month, so
// that knowledge of one goes stale.
//
// It is safe to share. Its zero value knows no canary.
type Canaries struct {
	draws *sync.Pool // of *draw
	below uint64     // of 2^64: the reserved share
}

// LiveShare is how many of the reserved are live in any one month.
const LiveShare = 0.75

// leastOneIn bounds the reserved share. With more, honest typing errors would meet
// canaries every week.
const leastOneIn = 100

// Canaries returns the canaries of a set: one in oneIn of all identifiers is
// reserved. Another set's name gives other canaries under the same key, for when too many
// people know the old ones. The key is derived from the pseudonym key: an attacker who
// has that one can name every person in the ledger, so a key of its own would protect
// nothing more.
func (k Key) Canaries(set string, oneIn int64) (Canaries, error) {
	if set == "" {
		return Canaries{}, errors.New("a set of canaries has a name")
	}
	if oneIn < leastOneIn {
		return Canaries{}, fmt.Errorf("at most one in %d identifiers can be reserved for canaries, not one in %d", leastOneIn, oneIn)
	}
	secret, err := k.child("poterne/canary/v1\x00" + set)
	if err != nil {
		return Canaries{}, fmt.Errorf("deriving the canaries' key: %w", err)
	}
	return Canaries{
		draws: &sync.Pool{New: func() any { return &draw{mac: hmac.New(sha256.New, secret)} }},
		below: math.MaxUint64/uint64(oneIn) + 1,
	}, nil
}

// Any reports whether an identifier is reserved at all.
func (c Canaries) Any() bool { return c.draws != nil }

// Reserved reports whether the pseudonym's identifier is reserved for canaries.
func (c Canaries) Reserved(p PersonID) bool {
	reserved, _ := c.draw(p)
	return reserved == 1
}

// Live reports whether p is a canary at a moment. It MUST take the same time for every
// person.
//
// Each month draws half of the reserved, and a canary drawn stays live until the end of
// the next month. So a canary does not end overnight, and three in four are live at any
// time.
func (c Canaries) Live(p PersonID, at time.Time) bool {
	reserved, coins := c.draw(p)
	at = at.UTC()
	month := uint(at.Year()*12 + int(at.Month()))
	return reserved&(coins.toss(month)|coins.toss(month-1)) == 1
}

// Life is the number from which a canary's biography is made. It tells nothing about
// whether and when p is a canary.
func (c Canaries) Life(p PersonID) uint64 {
	if !c.Any() {
		return 0
	}
	d := c.draws.Get().(*draw)
	defer c.draws.Put(d)
	d.make(p, "life")
	return binary.BigEndian.Uint64(d.sum[:8])
}

// coins are one toss for each of 192 months, which then begin again.
type coins [24]byte

func (c coins) toss(month uint) uint64 {
	month %= 8 * uint(len(c))
	return uint64(c[month/8]>>(month%8)) & 1
}

// draw is one keyed hash, with the room to make it in.
type draw struct {
	mac hash.Hash
	of  PersonID
	sum [sha256.Size]byte
}

func (d *draw) make(p PersonID, about string) {
	d.of = p
	d.mac.Reset()
	_, _ = d.mac.Write(d.of[:])
	_, _ = io.WriteString(d.mac, about)
	d.mac.Sum(d.sum[:0])
}

// draw returns whether a pseudonym is reserved, as 1 or 0, and the coins of the months,
// from one keyed hash.
func (c Canaries) draw(p PersonID) (reserved uint64, tossed coins) {
	if c.draws == nil {
		return 0, coins{}
	}
	d := c.draws.Get().(*draw)
	defer c.draws.Put(d)
	d.make(p, "")
	_, reserved = bits.Sub64(binary.BigEndian.Uint64(d.sum[:8]), c.below, 0) // 1 when it is below
	if p.IsZero() {
		reserved = 0 // the zero pseudonym is no canary
	}
	return reserved, coins(d.sum[8:])
}

// child derives another key from the pseudonym key, which is itself uniformly
// random and so needs no extraction.
func child(secret []byte) func(about string) ([]byte, error) {
	return func(about string) ([]byte, error) { return hkdf.Expand(sha256.New, secret, about, sha256.Size) }
}
