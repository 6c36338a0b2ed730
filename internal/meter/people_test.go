package meter

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"poterne/internal/register"
)

// A meter keeps little more memory than its people take, however they come: a body has tens of
// thousands of accounts, and each keeps hundreds of people.
func TestPeopleTakeLittleMoreThanTheirSightings(t *testing.T) {
	m, at := New(), time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)
	for n := range 3000 {
		at = at.Add(10 * time.Minute)
		m.Record(Event{Kind: Shown, At: at, Answer: uint64(n), Person: register.PersonID{byte(n * 37), byte(n >> 8), byte(n)}, Ground: Own})
		if kept, most := cap(m.seen), len(m.seen)+len(m.seen)/8+16; kept > most && len(m.seen) < 800 { // beyond, allocations come in larger steps
			t.Fatalf("%d sightings keep room for %d", len(m.seen), kept)
		}
	}
	if len(m.seen) < 2000 {
		t.Errorf("only %d are remembered", len(m.seen))
	}
}

// Whatever is left out of the people, a decision asks nothing of them that the sightings would
// not all answer, whenever some were forgotten.
func TestLeftOutSightingsChangeNoAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)
		var kept, all people
		for range rapid.IntRange(1, 40).Draw(t, "sightings") {
			pause := rapid.SampledFrom([]time.Duration{time.Second, time.Hour, 24 * time.Hour, 20 * 24 * time.Hour}).Draw(t, "pause")
			at = at.Add(time.Duration(rapid.Int64Range(0, int64(pause)).Draw(t, "gap")))
			if rapid.IntRange(0, 5).Draw(t, "swept") == 0 {
				kept = kept.remembered(at)
			}
			s := sighting{
				tag:  rapid.Uint64Range(1, 3).Draw(t, "person"),
				what: rapid.Uint32Range(0, 7).Draw(t, "fields") | rapid.Uint32Range(0, 1<<waysOf-1).Draw(t, "ways")<<(32-waysOf),
				last: uint32(at.Unix()) - rapid.SampledFrom([]uint32{0, 0, 0, 3 * 86400}).Draw(t, "refunded after"),
			}
			kept = kept.sees(s)
			i, _ := slices.BinarySearchFunc(all, s, sighting.compare)
			all = slices.Insert(all, i, s)
		}
		now := at.Add(time.Duration(rapid.Int64Range(0, int64(30*24*time.Hour)).Draw(t, "later")))
		if edge := rapid.SampledFrom([]time.Duration{0, time.Minute, Hour, 24 * time.Hour, Memory}).Draw(t, "edge"); edge > 0 { // to the second
			now = time.Unix(int64(rapid.SampledFrom(all).Draw(t, "of").last), 0).Add(edge).Add(time.Duration(rapid.IntRange(-1, 1).Draw(t, "seconds")) * time.Second)
			now = time.Unix(max(now.Unix(), at.Unix()), 0)
		}
		if rapid.Bool().Draw(t, "swept at last") {
			kept = kept.remembered(now)
		}
		asked := func(p people, sums func(people, windows) sums) (list []any) {
			by := windows{memory: now.Add(-Memory).Unix(), day: now.Add(-24 * time.Hour).Unix()}
			for _, lately := range []time.Duration{Hour, time.Minute, 0} {
				by.lately, by.observed = now.Add(-lately).Unix(), by.observed^CeilingLimit
				list = append(list, sums(p, by))
				for tag := range uint64(4) {
					list = append(list, sums(p.of(tag), by))
				}
			}
			for _, observed := range []Limits{0, CeilingLimit, RowsLimit, StrangersLimit} {
				list = append(list, sums(p, windows{strange: true, observed: observed, memory: by.memory}))
			}
			for tag := range uint64(4) {
				k := known{}.and(p.of(tag), now)
				list = append(list, k.any, k.whole, k.fields, k.paid(), k.row.After(now.Add(-Hour)))
			}
			return list
		}
		if got, want := asked(kept, people.sums), asked(all, naive); !reflect.DeepEqual(got, want) {
			t.Fatalf("%v\nsay   %v\nall sightings\n%v\nsay   %v", kept, got, all, want)
		}
		if len(kept) > len(all) || !slices.IsSortedFunc(kept, sighting.compare) {
			t.Fatalf("%v is kept of %v", kept, all)
		}
	})
}

// Who is read of one's own list each morning and opened now and then takes one sighting, not one
// for each way.
func TestWhoIsListedAndOpenedIsKeptOnce(t *testing.T) {
	m, at := New(), time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)
	for day := range 20 {
		for n := range 100 {
			e := Event{Kind: Shown, At: at.AddDate(0, 0, day), Answer: uint64(1000*day + n), Person: register.PersonID{byte(n)}, Fields: register.Name, Ground: Own}
			if e.Signs = Listed; n%20 == day {
				e.Signs = 0
			}
			m.Record(e)
		}
	}
	if n := len(m.seen); n > 105 { // a hundred, and who was opened today or yesterday
		t.Errorf("100 people take %d sightings", n)
	}
}

// naive counts people way by way, each time from the first.
func naive(p people, by windows) sums {
	if by.strange {
		return sums{strangers: p.such(people.strange, by.observed, by.memory), found: p.such(people.found, by.observed, by.memory)}
	}
	not := uint32(uncapped)
	if by.observed.Has(CeilingLimit) {
		not = 0
	}
	return sums{
		reasons: p.count(reasoned, not, by.memory),
		day:     p.count(forCause, 0, by.day), first: p.count(firstRow, 0, by.day), own: p.count(asOwn, 0, by.lately),
	}
}

// count returns how many different people were shown with one sign, and without another, after a second.
func (p people) count(with, without uint32, past int64) int {
	people := make(map[uint64]bool)
	for _, s := range p {
		if s.after(past) && s.what&with != 0 && s.what&without == 0 {
			people[s.tag] = true
		}
	}
	return len(people)
}

// such returns how many different people there are of whose sightings is says so.
func (p people) such(is func(one people, observed Limits, past int64) bool, observed Limits, past int64) (n int) {
	for begin := 0; begin < len(p); {
		one := p.of(p[begin].tag)
		if is(one, observed, past) {
			n++
		}
		begin += len(one)
	}
	return n
}
