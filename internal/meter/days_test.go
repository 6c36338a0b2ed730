package meter

import (
	"math/rand/v2"
	"testing"
	"time"
)

// The first day that counts is found by its bit; here it is looked for day by day, as Memory says it.
func TestMETER_3_TheFirstDayIsTheOldestWithinMemory(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		d := days{last: 20_000 + random.Int32N(80) - 40, bits: random.Uint32() & random.Uint32() & random.Uint32()}
		now := midnight(20_000).Add(time.Duration(random.Int64N(int64(24 * time.Hour))))
		want, any := int32(0), false
		for day := dayOf(now) - wholeDays + 1; day <= dayOf(now) && !any; day++ {
			if d.has(day) {
				want, any = day, true
			}
		}
		if got, found := d.first(now); got != want || found != any {
			t.Fatalf("the first day of %+v on day %d is %d, %v; want %d, %v", d, dayOf(now), got, found, want, any)
		}
	}
}

// What is new among devices is told for all at once as for each by itself.
func TestMETER_3_NewDevicesAreToldAtOnceAsOneByOne(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	now := midnight(20_000)
	for range 20_000 {
		var all Acquaintances
		for n := range random.IntN(6) {
			a := acquainted{name: string(rune('a' + n)), used: days{20_000 - random.Int32N(40), 1 | random.Uint32()&random.Uint32()}}
			if random.IntN(4) == 0 {
				a.steppedUp = days{20_000 - random.Int32N(40), 1}
			}
			all.list = append(all.list, a)
		}
		for _, used := range all.Used(now) {
			earlierThan := func(name string) (others bool) {
				for _, a := range all.list {
					day, any := a.used.first(now)
					others = others || a.name != name && any && midnight(day).Before(used.Since)
				}
				return others
			}
			want := !used.Proved && used.Since.After(midnight(20_000-acquaintance)) && earlierThan(used.Name)
			if used.New != want || all.New(used.Name, now) != want {
				t.Fatalf("%+v of %+v: New says %v; want %v", used, all, all.New(used.Name, now), want)
			}
		}
	}
}
