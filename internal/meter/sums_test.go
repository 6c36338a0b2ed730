package meter_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"poterne/internal/meter"
)

// Promise: METER-3. People are counted on from event to event, and come to what is counted anew,
// and to what the events say: whatever is observed, drafted, cut, kept, decoded or forgotten.
func TestMETER_3_PeopleAreCountedOnFromEventToEvent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		asked := func(d *meter.Draft, at time.Time) (all []int) {
			for _, observed := range []meter.Limits{meter.AllLimits, 0, meter.RowsLimit} { // what was counted for one is not for another
				strangers, found := d.Strangers(observed, at)
				all = append(all, d.Reasons(observed, at), strangers, found)
			}
			for p := range 4 {
				explained, _ := d.Explained(person(p), at)
				own, _ := d.Own(person(p), at)
				all = append(all, explained, own)
			}
			first, _ := meter.FirstInRows(d, at)
			return append(all, first)
		}
		m := meter.New()
		counted := m.Draft()
		var written, drafted ledger
		for _, e := range events(t, 20*24*time.Hour) {
			opened := func(o meter.Event) bool { return paid(o) && o.Person == e.Person && o.At.Equal(e.Since) }
			if e.Kind == meter.Refunded && !slices.ContainsFunc(slices.Concat(written, drafted), opened) {
				continue // it was cut
			}
			counted.Record(e)
			drafted = append(drafted, e)
			switch rapid.IntRange(0, 9).Draw(t, "then") {
			case 0:
				drafted = drafted[:rapid.IntRange(0, len(drafted)).Draw(t, "cut")]
				counted.Cut(len(drafted))
			case 1:
				counted.Keep()
				written, drafted = append(written, drafted...), nil
			case 2:
				if len(drafted) > 0 || len(written) == 0 {
					break
				}
				at := written[len(written)-1].At
				back, err := meter.Decode(m.Append(nil, at), at)
				if err != nil {
					t.Fatal(err)
				}
				m, counted = back, back.Draft()
			}
			now := e.At.Add(rapid.SampledFrom([]time.Duration{0, 0, 0, time.Minute, time.Hour, 24 * time.Hour, 28 * 24 * time.Hour}).Draw(t, "later"))
			once := meter.New()
			for _, e := range written {
				once.Record(e)
			}
			anew := once.Draft()
			for _, e := range drafted {
				anew.Record(e)
			}
			if got, want := asked(counted, now), asked(anew, now); !slices.Equal(got, want) {
				t.Fatalf("counted on %v, anew %v", got, want)
			}
			all := slices.Concat(written, drafted)
			for _, observed := range []meter.Limits{0, meter.AllLimits} {
				strangers, found := counted.Strangers(observed, now)
				got := []int{counted.Reasons(observed, now), strangers, found}
				if want := []int{all.reasons(observed, now), all.strangers(observed, now), all.rows(observed, now)}; !slices.Equal(got, want) {
					t.Fatalf("while %b is observed: %v, the events say %v", observed, got, want)
				}
			}
			since := e.At.Add(-rapid.SampledFrom([]time.Duration{-time.Second, 0, time.Second, time.Hour, 20 * 24 * time.Hour}).Draw(t, "since"))
			shown := slices.ContainsFunc(all, func(e meter.Event) bool {
				return e.Kind == meter.Shown && e.At.Unix() >= since.Unix() || e.Kind == meter.Refunded && e.Since.Unix() >= since.Unix()
			})
			if got := counted.ShownSince(since); got != shown {
				t.Fatalf("anybody was shown since %v: %v, the events say %v", since, got, shown)
			}
			if first, _ := meter.FirstInRows(counted, now); first != all.first(now) {
				t.Fatalf("%d people are new in rows, the events say %d", first, all.first(now))
			}
		}
	})
}
