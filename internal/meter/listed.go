package meter

import "time"

// FirstInRows is how many different people the account was shown for a reason, within a day, in the rows
// of lists and searches, whom it had not been shown within Memory before. The flag tells whether
// there was a step-up within half a day.
func FirstInRows(d *Draft, now time.Time) (people int, steppedUp bool) {
	since := now.Add(-24 * time.Hour)
	first := way{is: firstRow}
	people = d.meter.seen.count(first, since, 0) + d.seen.count(first, since, 0) // who is new in the draft is not in the meter
	return people, d.steppedUpToday(now)
}
