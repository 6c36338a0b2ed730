package register_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"poterne/internal/register"
)

func canaries(t testing.TB, fill byte, set string, oneIn int64) register.Canaries {
	t.Helper()
	k, err := register.NewKey([]byte(strings.Repeat(string(fill), register.KeyBytes)))
	if err != nil {
		t.Fatal(err)
	}
	c, err := k.Canaries(set, oneIn)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// crowd is n people, and the key that names them.
func crowd(t testing.TB, n int) []register.PersonID {
	t.Helper()
	k, err := register.NewKey([]byte(strings.Repeat("k", register.KeyBytes)))
	if err != nil {
		t.Fatal(err)
	}
	people := make([]register.PersonID, n)
	for i := range people {
		people[i] = k.Person(fmt.Sprintf("%011d", i))
	}
	return people
}

var monthStart = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// near reports whether count of n is what a share foresees, within five standard
// deviations.
func near(count, n int, share float64) bool {
	return math.Abs(float64(count)-share*float64(n)) < 5*math.Sqrt(share*(1-share)*float64(n))
}

// Promise: WATCH-3
func TestWATCH_3_TheDeclaredShareIsReservedAndThreeInFourOfItLive(t *testing.T) {
	const people, oneIn = 100_000, 100
	c := canaries(t, 'k', "2026", oneIn)
	reserved, live := 0, 0
	for _, p := range crowd(t, people) {
		if c.Reserved(p) {
			reserved++
		}
		if c.Live(p, monthStart) {
			live++
			if !c.Reserved(p) {
				t.Fatal("somebody who is not reserved is live: a person could be a canary")
			}
		}
	}
	if !near(reserved, people, 1.0/oneIn) || !near(live, reserved, register.LiveShare) {
		t.Errorf("%d of %d reserved and %d live", reserved, people, live)
	}
}

// Promise: WATCH-3
func TestWATCH_3_ACanaryIsNotDroppedAtTheTurnOfAMonth(t *testing.T) {
	c := canaries(t, 'k', "2026", 100)
	changed, reserved := 0, 0
	for _, p := range crowd(t, 8_000) {
		if !c.Reserved(p) {
			continue
		}
		reserved++
		for month := range 240 { // longer than the coins last
			before := monthStart.AddDate(0, month, 0).Add(-time.Microsecond)
			turn, next := before.Add(time.Microsecond), monthStart.AddDate(0, month+1, 0)
			if c.Live(p, before.AddDate(0, 0, -20)) != c.Live(p, before) || c.Live(p, turn) != c.Live(p, next.Add(-time.Microsecond)) {
				t.Fatal("a canary changes within a month")
			}
			if !c.Live(p, before) && c.Live(p, turn) && !c.Live(p, next) {
				t.Fatal("a canary that comes alive stays until the end of the month after")
			}
			if c.Live(p, before) != c.Live(p, turn) {
				changed++
			}
		}
	}
	// Live before and dead after is two tails after a head, 1 in 8; and the reverse.
	if !near(changed, 240*reserved, 0.25) {
		t.Errorf("%d of %d changed at the turn of a month, a quarter should", changed, 240*reserved)
	}
}

// Promise: WATCH-3
func TestWATCH_3_WhoLacksTheKeyHasToGuess(t *testing.T) {
	people := crowd(t, 60_000)
	one := canaries(t, 'k', "2026", 100)
	for name, other := range map[string]register.Canaries{
		"another key": canaries(t, 'l', "2026", 100), "another set": canaries(t, 'k', "2027", 100),
	} {
		both, reserved := 0, 0
		for _, p := range people {
			if one.Reserved(p) {
				reserved++
				if other.Reserved(p) {
					both++
				}
			}
		}
		if !near(both, reserved, 0.01) {
			t.Errorf("%s: %d of %d canaries are the same, chance would have a hundredth", name, both, reserved)
		}
	}
}

func TestALargerShareReservesThoseOfASmallerOneToo(t *testing.T) {
	few, many := canaries(t, 'k', "2026", 1000), canaries(t, 'k', "2026", 100)
	for _, p := range crowd(t, 20_000) {
		if few.Reserved(p) && !many.Reserved(p) || few.Live(p, monthStart) && !many.Live(p, monthStart) {
			t.Fatal("a canary is lost when more are reserved")
		}
	}
}

// The files of canaries lie in registers: which they are may never change.
func TestTheCanariesOfAKeyNeverChange(t *testing.T) {
	c := canaries(t, 'k', "2026", 100)
	var got []string
	for i, p := range crowd(t, 600) {
		if c.Reserved(p) {
			row := fmt.Sprintf("%d:", i)
			for month := range 6 {
				row += map[bool]string{true: "x", false: "."}[c.Live(p, monthStart.AddDate(0, month, 0))]
			}
			got = append(got, row)
		}
	}
	const want = "98:xxxxxx 259:xxxxxx 428:xxxxx. 557:x..xxx"
	if text := strings.Join(got, " "); text != want {
		t.Errorf("canaries are\n%s\nwere\n%s", text, want)
	}
}

func TestALifeTellsNothingOfACanary(t *testing.T) {
	c := canaries(t, 'k', "2026", 100)
	lives, low, reserved := make(map[uint64]bool), 0, 0
	for _, p := range crowd(t, 60_000) {
		life := c.Life(p)
		lives[life] = true
		if c.Reserved(p) {
			reserved++
			if life < math.MaxUint64/100 {
				low++
			}
		}
	}
	if len(lives) != 60_000 || !near(low, reserved, 0.01) {
		t.Errorf("%d lives; %d of %d canaries have the numbers that reserve them", len(lives), low, reserved)
	}
	if new(register.Canaries).Life(crowd(t, 1)[0]) != 0 {
		t.Error("without a set there is a life")
	}
}

func TestNobodyIsNoCanary(t *testing.T) {
	for set := range 500 {
		c := canaries(t, 'k', fmt.Sprint(set), 100)
		if c.Reserved(register.PersonID{}) || c.Live(register.PersonID{}, monthStart) {
			t.Fatal("nobody is a canary")
		}
	}
	var none register.Canaries
	if p := crowd(t, 1)[0]; none.Any() || none.Reserved(p) || none.Live(p, monthStart) {
		t.Error("without a set there is a canary")
	}
}

func TestASetOfCanariesThatCannotBe(t *testing.T) {
	k := key(t, 1)
	for name, make := range map[string]func() (register.Canaries, error){
		"without a name":   func() (register.Canaries, error) { return k.Canaries("", 1000) },
		"too large":        func() (register.Canaries, error) { return k.Canaries("2026", 99) },
		"a negative share": func() (register.Canaries, error) { return k.Canaries("2026", -1) },
	} {
		if c, err := make(); err == nil || c.Any() {
			t.Errorf("%s: it is taken", name)
		}
	}
}

func BenchmarkLive(b *testing.B) {
	c := canaries(b, 'k', "2026", 1000)
	people := crowd(b, 1000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c.Live(people[i%len(people)], monthStart)
	}
}
