package meter_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"poterne/internal/meter"
	"poterne/internal/register"
)

// Promise: METER-5. Who is new in a list is counted on from row to row, and comes to what is
// counted anew.
func TestMETER_5_WhoIsNewInAListIsCountedOnFromRowToRow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		event := func(at time.Time) meter.Event {
			return meter.Event{
				Kind: rapid.SampledFrom([]meter.EventKind{meter.Shown, meter.Shown, meter.Shown, meter.Looked, meter.Refunded}).Draw(t, "kind"), At: at,
				Person: person(rapid.IntRange(1, 12).Draw(t, "person")), Fields: register.Name,
				Ground: rapid.SampledFrom([]meter.Ground{meter.Own, meter.Ticketed, meter.Unexplained}).Draw(t, "ground"),
				Signs:  rapid.SampledFrom([]meter.Signs{meter.Listed, meter.Listed, meter.SearchRow, 0, meter.Listed | meter.Exported}).Draw(t, "signs"),
				Since:  at,
			}
		}
		m := meter.New()
		for range rapid.IntRange(0, 8).Draw(t, "before") {
			m.Record(event(noon.Add(-time.Duration(rapid.IntRange(0, 40).Draw(t, "hours")) * time.Hour)))
		}
		counted := m.Draft()
		var all []meter.Event
		for range rapid.IntRange(1, 20).Draw(t, "rows") {
			at := noon
			if rapid.IntRange(0, 9).Draw(t, "another moment") == 0 {
				at = noon.Add(-30 * time.Hour)
			}
			e := event(at)
			counted.Record(e)
			if all = append(all, e); rapid.IntRange(0, 9).Draw(t, "cut") == 0 {
				all = all[:rapid.IntRange(0, len(all)).Draw(t, "left")]
				counted.Cut(len(all))
			}
			anew := m.Draft()
			for _, e := range all {
				anew.Record(e)
			}
			got, _ := meter.FirstInRows(counted, noon)
			if want, _ := meter.FirstInRows(anew, noon); got != want {
				t.Fatalf("%d people are new in rows when counted on, %d when counted anew: %+v", got, want, all)
			}
		}
	})
}
