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

// Canaries tells the people who exist only for Poterne from everybody else: a
// file that nobody has a reason to open, so that opening it says who opens. It is
// a keyed function of the pseudonym and no list: nothing that is stored, copied or
// shown tells a canary apart, and whoever lacks the key has to guess.
//
// Of all the identifiers that could be written, a share is reserved: no person is
// ever given one, and a file under one is a canary's. Which of the reserved are
// live changes by the month, so that what somebody found out about one goes stale.
//
// It is safe to share. Its zero value knows no canary.
type Canaries struct {
	draws *sync.Pool // of *draw
	below uint64     // of 2^64: the reserved share
}

// LiveShare is how many of the reserved are live in any one month.
const LiveShare = 0.75

// leastOneIn is the largest share that can be reserved. With more, honest slips of
// the pen would meet canaries every week.
const leastOneIn = 100

// Canaries returns the canaries of a set: one in oneIn of all identifiers is
// reserved. Another set's name gives other canaries under the same key, for when
// too many people know the old ones. Its key is the pseudonym key's own child:
// whoever has that one can tell who everybody in the ledger is, so a file more to
// keep would protect nothing more.
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

// Any reports whether there are canaries at all.
func (c Canaries) Any() bool { return c.draws != nil }

// Reserved reports whether no person is ever given this pseudonym's identifier.
func (c Canaries) Reserved(p PersonID) bool {
	reserved, _ := c.draw(p)
	return reserved == 1
}

// Live reports whether p is a canary at a moment. For every person it does the
// same work, so that how long it takes does not tell.
//
// Each month tosses a coin for each of the reserved, and who is chosen stays until
// the end of the month after: a canary that was met last night is still one this
// morning, and three in four are live at any time.
func (c Canaries) Live(p PersonID, at time.Time) bool {
	reserved, coins := c.draw(p)
	at = at.UTC()
	month := uint(at.Year()*12 + int(at.Month()))
	return reserved&(coins.toss(month)|coins.toss(month-1)) == 1
}

// Life is a number that decides who somebody pretends to be, were they a canary. It
// tells nothing about whether and when they are one.
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

// draw is all there is to know about a person, from one keyed hash: 1 if
// reserved, and the coins of the months.
func (c Canaries) draw(p PersonID) (reserved uint64, tossed coins) {
	if c.draws == nil {
		return 0, coins{}
	}
	d := c.draws.Get().(*draw)
	defer c.draws.Put(d)
	d.make(p, "")
	_, reserved = bits.Sub64(binary.BigEndian.Uint64(d.sum[:8]), c.below, 0) // 1 when it is below
	if p.IsZero() {
		reserved = 0 // nobody is no canary
	}
	return reserved, coins(d.sum[8:])
}

// child derives another key from the pseudonym key, which is itself uniformly
// random and so needs no extraction.
func child(secret []byte) func(about string) ([]byte, error) {
	return func(about string) ([]byte, error) { return hkdf.Expand(sha256.New, secret, about, sha256.Size) }
}
