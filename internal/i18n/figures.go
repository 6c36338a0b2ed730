package i18n

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// The two spaces of French typography, neither of which breaks a line.
const (
	thin = "\u202f"
	wide = "\u00a0"
)

// singular reports whether a language counts n in the singular, as CLDR has it:
// French for less than two, English for one.
func (l Language) singular(n float64) bool {
	if l == French {
		return math.Abs(n) < 2
	}
	return n == 1
}

// Number writes a count in groups of three digits.
func (l Language) Number(n int) string { return l.grouped(strconv.Itoa(n)) }

// Shortest is as many decimals as a figure has.
const Shortest = -1

// Decimal writes a figure to so many decimals: "1,016.2".
func (l Language) Decimal(x float64, decimals int) string {
	whole, part, ok := strings.Cut(strconv.FormatFloat(x, 'f', decimals, 64), ".")
	switch {
	case !ok:
		return l.grouped(whole)
	case l == French:
		return l.grouped(whole) + "," + part
	default:
		return l.grouped(whole) + "." + part
	}
}

// grouped separates the thousands of an integer.
func (l Language) grouped(digits string) string {
	digits, negative := strings.CutPrefix(digits, "-")
	gap := ","
	if l == French {
		gap = thin
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + gap + digits[i:]
	}
	if negative {
		return "−" + digits
	}
	return digits
}

var weekdays = map[Language][7]string{
	French:  {"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"},
	English: {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
}

var months = map[Language][12]string{
	French:  {"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"},
	English: {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
}

// Day writes the day of a moment in the zone of now: "today", "Tuesday 3 March".
func (l Language) Day(t, now time.Time) string {
	t = t.In(now.Location())
	switch calendar(t).Sub(calendar(now)) / (24 * time.Hour) {
	case 0:
		return l.Say("day.today")
	case 1:
		return l.Say("day.tomorrow")
	case -1:
		return l.Say("day.yesterday")
	}
	text := weekdays[l][t.Weekday()] + " " + l.dayOfYear(t)
	if t.Year() != now.Year() {
		text += wide + strconv.Itoa(t.Year())
	}
	return text
}

// dayOfYear is "3 March".
func (l Language) dayOfYear(t time.Time) string {
	number := strconv.Itoa(t.Day())
	if l == French && t.Day() == 1 {
		number = "1er"
	}
	return number + wide + months[l][t.Month()-1]
}

// Birthday writes the day on which somebody was born: "3 March 2012".
func (l Language) Birthday(t time.Time) string {
	return l.dayOfYear(t) + wide + strconv.Itoa(t.Year())
}

// calendar puts a day among days that all have 24 hours.
func calendar(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// Hour writes the time of day: "14:32".
func (l Language) Hour(t time.Time) string {
	if l == French {
		return t.Format("15" + wide + "h" + wide + "04")
	}
	return t.Format("15:04")
}

// Moment writes a day and the time in the zone of now: "today at 14:32".
func (l Language) Moment(t, now time.Time) string {
	return l.Say("day.moment", "day", l.Day(t, now), "hour", l.Hour(t.In(now.Location())))
}

// Dated writes a moment in its own zone with the year, for documents that are read
// later: "Monday 25 May 2026 at 16:10".
func (l Language) Dated(t time.Time) string {
	return l.Say("day.moment", "day", l.DatedDay(t), "hour", l.Hour(t))
}

// DatedDay is Dated without the hour.
func (l Language) DatedDay(t time.Time) string {
	return l.Day(t, t.AddDate(2, 0, 0)) // two years later no day goes without its year
}

// MonthOf is a month with its year: "March 2026".
func (l Language) MonthOf(t time.Time) string {
	return months[l][t.Month()-1] + wide + strconv.Itoa(t.Year())
}

// Clock writes the time to the second in the zone of now, after the day when it is
// another one.
func (l Language) Clock(t, now time.Time) string {
	text := t.In(now.Location()).Format(time.TimeOnly)
	if day := l.Day(t, now); day != l.Say("day.today") {
		return day + " " + text
	}
	return text
}

// Span writes how long something lasts, to one unit.
func (l Language) Span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return l.Say("span.second", "n", int(d/time.Second))
	case d < 2*time.Hour:
		return l.Say("span.minute", "n", int(d/time.Minute))
	case d < 48*time.Hour:
		return l.Say("span.hour", "n", int(d/time.Hour))
	default:
		return l.Say("span.day", "n", int(d/(24*time.Hour)))
	}
}
