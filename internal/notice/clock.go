package notice

import (
	"time"

	"poterne/internal/ledger"
)

// Mark is a moment by which something is owed.
type Mark struct {
	Key  string    // "early", "notice", "final"
	Ends time.Time // UTC
	Done time.Time // when it was met; zero while it was not
}

// Marks are the moments that awareness of an incident brings with it: an early warning
// within 24 hours (NIS 2 art. 23(4)(a)), a notice within 72 (GDPR art. 33(1)), and a final
// report a month after that notice was sent (NIS 2 art. 23(4)(d)), or was due. Hours run
// through nights, week-ends and holidays: Regulation 1182/71, article 3, moves only
// periods that are not in hours.
func Marks(aware time.Time, sent []Sending) []Mark {
	if aware.IsZero() {
		return nil
	}
	first := func(forms ...Form) time.Time {
		for _, s := range sent {
			for _, form := range forms {
				if s.Form == form {
					return s.At
				}
			}
		}
		return time.Time{}
	}
	final := func() time.Time {
		for _, s := range sent {
			if (s.Form == CNIL || s.Form == EDPB) && s.Stage == Complete {
				return s.At
			}
		}
		return time.Time{}
	}
	notice := Mark{"notice", aware.Add(Deadline), first(CNIL, EDPB)}
	from := notice.Ends
	if !notice.Done.IsZero() {
		from = notice.Done
	}
	return []Mark{
		{"early", aware.Add(24 * time.Hour), first(ANSSI, CNIL, EDPB)},
		notice,
		{"final", ledger.MonthsAfter(from, 1), final()},
	}
}

// Holiday returns which public holiday of mainland France a day is (code du travail,
// art. L. 3133-1), by key; empty when it is none. Some départements have more.
func Holiday(day time.Time) string {
	year, month, date := day.Date()
	switch {
	case month == time.January && date == 1:
		return "new-year"
	case month == time.May && date == 1:
		return "labour"
	case month == time.May && date == 8:
		return "victory"
	case month == time.July && date == 14:
		return "national"
	case month == time.August && date == 15:
		return "assumption"
	case month == time.November && date == 1:
		return "all-saints"
	case month == time.November && date == 11:
		return "armistice"
	case month == time.December && date == 25:
		return "christmas"
	}
	easter := easterOf(year)
	switch time.Date(year, month, date, 0, 0, 0, 0, time.UTC).Sub(easter) {
	case 1 * 24 * time.Hour:
		return "easter-monday"
	case 39 * 24 * time.Hour:
		return "ascension"
	case 50 * 24 * time.Hour:
		return "whit-monday"
	default:
		return ""
	}
}

// easterOf is Easter Sunday of a year, by the Gregorian computus (Meeus, Astronomical
// Algorithms, ch. 8).
func easterOf(year int) time.Time {
	a, b, c := year%19, year/100, year%100
	d, e := b/4, b%4
	f := (b + 8) / 25
	g := (b - f + 1) / 3
	h := (19*a + b - d - g + 15) % 30
	i, k := c/4, c%4
	l := (32 + 2*e + 2*i - h - k) % 7
	m := (a + 11*h + 22*l) / 451
	n := h + l - 7*m + 114
	return time.Date(year, time.Month(n/31), n%31+1, 0, 0, 0, 0, time.UTC)
}

// RunsThrough returns what of the days until a moment people might think does not count:
// the holidays by key, and whether a week-end is among them. Days are those of zone.
func RunsThrough(from, until time.Time, zone *time.Location) (holidays []string, weekend bool) {
	from, until = from.In(zone), until.In(zone)
	for day := from; !day.After(until); day = day.AddDate(0, 0, 1) {
		if key := Holiday(day); key != "" {
			holidays = append(holidays, key)
		}
		weekend = weekend || day.Weekday() == time.Saturday || day.Weekday() == time.Sunday
	}
	return holidays, weekend
}
