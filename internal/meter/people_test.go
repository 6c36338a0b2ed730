package meter

import (
	"testing"
	"time"

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
