package register

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"hash"
	"strings"
	"sync"
	"testing"
	"time"
)

// counted is a keyed hash that counts what is done with it.
type counted struct {
	hash.Hash
	work *work
}

// work is what finding out about one person takes.
type work struct{ hashes, bytes int }

func (c counted) Write(b []byte) (int, error) { c.work.bytes += len(b); return c.Hash.Write(b) }
func (c counted) Sum(b []byte) []byte         { c.work.hashes++; return c.Hash.Sum(b) }

// How long it takes is a matter of the machine; what is done is not.
//
// Promise: WATCH-3
func TestWATCH_3_WhetherSomebodyIsACanaryTakesTheSameWorkToFindOut(t *testing.T) {
	key, err := NewKey([]byte(strings.Repeat("k", KeyBytes)))
	if err != nil {
		t.Fatal(err)
	}
	c, err := key.Canaries("2026", 100)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := key.child("poterne/canary/v1\x002026")
	if err != nil {
		t.Fatal(err)
	}
	var did work
	watched := Canaries{below: c.below, draws: &sync.Pool{New: func() any { return &draw{mac: counted{hmac.New(sha256.New, secret), &did}} }}}
	month := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	kinds := map[string]int{}
	for i := range 20_000 {
		p := key.Person(fmt.Sprintf("%011d", i))
		if i == 0 {
			p = PersonID{} // no person
		}
		did = work{}
		live := watched.Live(p, month)
		if took := did; took != (work{1, len(p)}) {
			t.Fatalf("it takes %+v for person %d, who is live: %t", took, i, live)
		}
		if live != c.Live(p, month) {
			t.Fatalf("person %d is live: %t, and not as it is in truth", i, live)
		}
		kinds[fmt.Sprint(live, watched.Reserved(p))]++
	}
	if len(kinds) != 3 { // live, reserved and not live, neither
		t.Errorf("only %v were met", kinds)
	}
}
