package meter_test

import (
	"testing"
	"time"

	"poterne/internal/meter"
)

func TestWhatTheEvidenceRestsOnIsNamed(t *testing.T) {
	m := meter.New()
	at, answer := noon, uint64(0)
	record := func(e meter.Event) {
		answer++
		e.At, e.Answer = at, answer
		m.Record(e)
	}
	miss := func() {
		at = at.Add(time.Minute)
		record(meter.Event{Kind: meter.Missed})
	}
	stranger := func(n int, gap time.Duration) {
		at = at.Add(gap)
		record(meter.Event{Kind: meter.Shown, Person: person(n), Cost: meter.Whole})
	}
	check := func(when string, want map[meter.Trait]int) {
		t.Helper()
		found := m.Draft().Noticed(0, at)
		if len(found) != len(want) {
			t.Errorf("%s: %v", when, found)
		}
		for _, n := range found {
			if n.Times != want[n.Trait] {
				t.Errorf("%s: %d is noticed %d times, not %d", when, n.Trait, n.Times, want[n.Trait])
			}
		}
	}
	check("before anything", nil)
	miss()
	miss()
	stranger(1, time.Minute)
	stranger(2, time.Second)
	check("after two misses and one hurry", map[meter.Trait]int{meter.Misses: 2, meter.Hurry: 1})
	for range 2 { // each takes away as much as two misses give
		at = at.Add(time.Minute)
		record(meter.Event{Kind: meter.SteppedUp})
	}
	check("after its holder proved to be there, twice", nil)
	miss()
	check("after one more", map[meter.Trait]int{meter.Misses: 1})
	record(meter.Event{Kind: meter.Thawed})
	check("after a freeze was undone", nil)
	miss()
	at = at.Add(meter.Memory)
	check("after 28 days", nil)
}

// An account that works where it is enforced and where it is only observed cannot have the one
// forgotten by means of the other.
func TestWhatIsOnlyObservedPushesNoEvidenceOut(t *testing.T) {
	m := meter.New()
	at := noon
	answer := uint64(0)
	miss := func(times int, spared meter.Limits) {
		for range times {
			answer++
			at = at.Add(time.Minute)
			m.Record(meter.Event{Kind: meter.Missed, At: at, Answer: answer, Spared: spared})
		}
	}
	miss(4, 0)
	before := m.Draft().EvidenceNow(0, at)
	miss(200, meter.AllLimits)
	if after := m.Draft().EvidenceNow(0, at); before == 0 || after != before {
		t.Errorf("the evidence was %d, and is %d after more that is only observed", before, after)
	}
}

func TestEachDayOfTheCUSUMIsTold(t *testing.T) {
	m := meter.New()
	day := func(n int) time.Time { return noon.AddDate(0, 0, n) }
	for n := range 3 {
		m.Record(meter.Event{Kind: meter.Shown, At: day(0).Add(time.Duration(n) * time.Minute), Person: person(n), Cost: meter.Whole})
	}
	m.Record(meter.Event{Kind: meter.Looked, At: day(1)}) // at work, without unexplained people
	m.Record(meter.Event{Kind: meter.Shown, At: day(3), Person: person(9), Cost: meter.Whole})
	days := m.Draft().Days(meter.Whole, 0, day(3))
	if len(days) != 28 {
		t.Fatalf("%d days", len(days))
	}
	for i, want := range []meter.Day{
		{Charged: 300, High: 300, Left: 200},
		{High: 200, Left: 100},
		{High: 100, Left: 100}, // absent: nothing is forgiven
		{Charged: 100, High: 200, Left: 200},
	} {
		got := days[24+i]
		if want.Begins = day(i).Truncate(24 * time.Hour); got != want {
			t.Errorf("day %d: %+v, not %+v", i, got, want)
		}
	}
	if drift := m.Draft().Drift(meter.Whole, 0, day(3)); drift != days[27].High {
		t.Errorf("the CUSUM stands at %d and its last day at %d", drift, days[27].High)
	}
}

func TestWhatAnAccountIsUsedFromIsTold(t *testing.T) {
	m := meter.New()
	m.Record(meter.Event{Kind: meter.Looked, At: noon, Device: "old", Network: "office"})
	m.Record(meter.Event{Kind: meter.Looked, At: noon.AddDate(0, 0, 10), Device: "new", Network: "office"})
	told := func() map[string]meter.Used {
		found := make(map[string]meter.Used)
		for _, u := range append(m.Draft().Devices().Used(noon.AddDate(0, 0, 10)), m.Draft().Networks().Used(noon.AddDate(0, 0, 10))...) {
			found[u.Name] = u
		}
		return found
	}
	if u := told(); len(u) != 3 || u["old"].New || !u["new"].New || u["office"].New || u["new"].Proved || !u["new"].Since.Equal(noon.AddDate(0, 0, 10).Truncate(24*time.Hour)) {
		t.Errorf("%+v", u)
	}
	m.Record(meter.Event{Kind: meter.SteppedUp, At: noon.AddDate(0, 0, 10), Device: "new"})
	if u := told(); u["new"].New || !u["new"].Proved {
		t.Errorf("after a step-up on it: %+v", u["new"])
	}
}
