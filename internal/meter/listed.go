package meter

import "time"

// FirstInRows is how many different people the account was shown for a reason, within a day, in the rows
// of lists and searches, whom it had not been shown within Memory before. The flag tells whether
// there was a step-up within half a day.
func FirstInRows(d *Draft, now time.Time) (people int, steppedUp bool) {
	if !d.first.at.Equal(now) || now.IsZero() {
		since := now.Add(-24 * time.Hour)
		first := way{is: firstRow}
		d.first = firsts{now, d.meter.seen.count(first, since, 0) + d.seen.count(first, since, 0)} // who is new in the draft is not in the meter
	}
	return d.first.people, d.steppedUpToday(now)
}

// firsts is what FirstInRows counted at a moment, and goes on counting for what is recorded
// at that moment: a list of a thousand would count all that is known a thousand times.
type firsts struct {
	at     time.Time
	people int
}

// goOn takes in an event that shows somebody; new tells whether the account was not shown them
// within Memory before.
func (f *firsts) goOn(e Event, new bool) {
	switch {
	case !f.at.Equal(e.At):
		*f = firsts{}
	case new && e.firstInRow():
		f.people++
	}
}

// firstInRow reports whether the event shows somebody for a reason in a row of a list or a search.
func (e Event) firstInRow() bool {
	return e.Kind == Shown && e.Signs.InRow() && (e.Ground == Own || e.Ground == Ticketed)
}
