package meter

import "time"

// Tally counts what many accounts were charged together: an organisation's, a
// service's, all of them. It counts exactly, in windows that move by a minute for the
// hour and by a day for Memory, so its size is constant. It counts apart what was
// charged while its limit was only observed. The zero value is ready for use. Copies
// are independent.
type Tally struct {
	minutes  [60]charged
	minute   int64 // the last one counted
	days     [wholeDays]charged
	returned [wholeDays]charged // what came back, by the day on which it did
	day      int64
}

// charged is what was charged in one step of a window.
type charged struct{ counted, spared Cost }

func (c *charged) add(cost Cost, spared bool) {
	if spared {
		c.spared += cost
	} else {
		c.counted += cost
	}
}

// Add takes in what was charged at a moment, and whether the limit was only observed
// then; moments never go back.
func (t *Tally) Add(cost Common, spared bool, at time.Time) {
	t.minute = turn(t.minutes[:], t.minute, at.Unix()/60)
	turn(t.returned[:], t.day, at.Unix()/86400)
	t.day = turn(t.days[:], t.day, at.Unix()/86400)
	t.minutes[t.minute%int64(len(t.minutes))].add(cost.Hour, spared)
	t.days[t.day%int64(len(t.days))].add(cost.Month, spared)
}

// Common is what showing somebody costs those who share an allowance.
type Common struct{ Hour, Month Cost }

// CommonOf is what many are charged when one account is charged a cost. In the hour a row of
// a search is a person: hundreds of accounts that search at once MUST NOT take five people
// for each that they would be allowed to open.
func CommonOf(cost Cost, signs Signs) Common {
	if cost > 0 && signs.Has(SearchRow) {
		return Common{Hour: max(cost, Whole), Month: cost}
	}
	return Common{Hour: cost, Month: cost}
}

// Refund takes back, at a moment, what was charged for an opening at an earlier one.
func (t *Tally) Refund(cost Cost, spared bool, since, at time.Time) {
	t.Add(Common{}, false, at)
	t.returned[t.day%int64(len(t.returned))].add(cost, spared)
	for _, w := range []struct {
		window     []charged
		last, step int64
	}{{t.minutes[:], t.minute, 60}, {t.days[:], t.day, 86400}} {
		if n := int64(len(w.window)); since.Unix()/w.step > w.last-n {
			w.window[since.Unix()/w.step%n].add(-cost, spared)
		}
	}
}

// turn empties what the window has left behind, and returns where it now ends.
func turn(window []charged, last, now int64) int64 {
	for ; last < now; last++ {
		if now-last > int64(len(window)) {
			last = now - int64(len(window))
		}
		window[(last+1)%int64(len(window))] = charged{}
	}
	return last
}

// Spent is what was charged within the hour and within Memory before now, and counts
// while the limit is only observed, or is enforced.
func (t Tally) Spent(observed bool, now time.Time) (hour, month Cost) {
	t.Add(Common{}, false, now)
	for _, c := range t.minutes {
		hour += c.counting(observed)
	}
	for _, c := range t.days {
		month += c.counting(observed)
	}
	return hour, month
}

// Returned is what came back within Memory before now, of what counts while the limit is only
// observed, or is enforced.
func (t Tally) Returned(observed bool, now time.Time) (month Cost) {
	t.Add(Common{}, false, now)
	for _, c := range t.returned {
		month += c.counting(observed)
	}
	return month
}

func (c charged) counting(observed bool) Cost {
	if observed {
		return c.counted + c.spared
	}
	return c.counted
}

// Weigh says whether cost fits in what all may be charged together. An allowance
// of zero is none.
func (t Tally) Weigh(cost Common, allowance Allowance, observed bool, now time.Time) Balance {
	hour, month := t.Spent(observed, now)
	switch {
	case allowance == Allowance{}:
		return Balance{Counted: hour}
	case month+cost.Month > allowance.Long:
		return Balance{Empty: Long, Counted: month, Limit: allowance.Long}
	case hour+cost.Hour > allowance.Short:
		return Balance{Empty: Short, Counted: hour, Limit: allowance.Short, Again: now.Truncate(time.Minute).Add(time.Minute)}
	default:
		return Balance{Counted: hour, Limit: allowance.Short}
	}
}
