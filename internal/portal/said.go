package portal

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"time"

	"poterne/internal/i18n"
	"poterne/internal/ledger"
	"poterne/internal/meter"
)

// speaker says times and counts the way people say them.
type speaker struct {
	words
	zone *time.Location
	now  func() time.Time
}

// The two spaces of French typography.
const (
	thin    = "\u202f" // narrow and unbreakable
	unbroke = "\u00a0"
)

var weekdays = map[i18n.Language][7]string{
	i18n.French:  {"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"},
	i18n.English: {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
}

var months = map[i18n.Language][12]string{
	i18n.French:  {"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"},
	i18n.English: {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
}

// moment is a time in words, with its exact value: "today at 14:32".
func (s speaker) moment(t time.Time) template.HTML {
	return exact(t, s.must("day.moment", "day", s.dayWords(t), "hour", s.hourWords(t)))
}

// date is a day in words: "Tuesday 3 March".
func (s speaker) date(t time.Time) template.HTML { return exact(t, s.dayWords(t)) }

// clock is the time of day to the second, after the day when it is another one.
func (s speaker) clock(t time.Time) template.HTML { return exact(t, s.clockWords(t)) }

func (s speaker) clockWords(t time.Time) string {
	text := t.In(s.zone).Format("15:04:05")
	if day := s.dayWords(t); day != s.dayWords(s.now()) {
		text = day + " " + text
	}
	return text
}

// exact keeps the value of a time beside its words, which are ours.
func exact(t time.Time, text string) template.HTML {
	return template.HTML(fmt.Sprintf(`<time datetime="%s">%s</time>`,
		t.UTC().Format(time.RFC3339), template.HTMLEscapeString(text)))
}

func (s speaker) dayWords(t time.Time) string {
	day, today := t.In(s.zone), s.now().In(s.zone)
	switch midnight(day).Sub(midnight(today)) / (24 * time.Hour) {
	case 0:
		return s.must("day.today")
	case 1:
		return s.must("day.tomorrow")
	case -1:
		return s.must("day.yesterday")
	}
	number := strconv.Itoa(day.Day())
	if s.language == i18n.French && day.Day() == 1 {
		number = "1er"
	}
	text := weekdays[s.language][day.Weekday()] + " " + number + unbroke + months[s.language][day.Month()-1]
	if day.Year() != today.Year() {
		text += unbroke + strconv.Itoa(day.Year())
	}
	return text
}

// midnight puts a day on a calendar whose days all have 24 hours.
func midnight(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

func (s speaker) hourWords(t time.Time) string {
	if s.language == i18n.French {
		return t.In(s.zone).Format("15" + unbroke + "h" + unbroke + "04")
	}
	return t.In(s.zone).Format("15:04")
}

// lasting is a span in words, to one unit.
func (s speaker) lasting(d time.Duration) (string, error) {
	switch {
	case d < time.Minute:
		return s.plural("span.second", int(d/time.Second))
	case d < 2*time.Hour:
		return s.plural("span.minute", int(d/time.Minute))
	case d < 48*time.Hour:
		return s.plural("span.hour", int(d/time.Hour))
	default:
		return s.plural("span.day", int(d/(24*time.Hour)))
	}
}

// number writes a count in groups of three.
func (w words) number(n int) string {
	gap := thin
	if w.language == i18n.English {
		gap = ","
	}
	digits := strconv.Itoa(max(n, -n))
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + gap + digits[i:]
	}
	if n < 0 {
		digits = "−" + digits
	}
	return digits
}

// entry writes the number of an entry in groups of three.
func (w words) entry(n ledger.Number) string { return w.number(int(n)) }

// cost writes a cost in people: "7.2".
func (w words) cost(c meter.Cost) string {
	text := strconv.FormatFloat(float64(c)/float64(meter.Whole), 'f', -1, 64)
	if w.language == i18n.French {
		text = strings.Replace(text, ".", ",", 1)
	}
	return text
}

// decimal writes a figure to the hundredth at most: "0.25".
func (w words) decimal(x float64) string {
	text := strconv.FormatFloat(math.Round(x*100)/100, 'f', -1, 64)
	if w.language == i18n.French {
		text = strings.Replace(text, ".", ",", 1)
	}
	return text
}

// people says a cost with its noun: "7.2 people".
func (w words) people(c meter.Cost) string {
	form := "people.many"
	if c == meter.Whole || c < 2*meter.Whole && w.language == i18n.French {
		form = "people.one"
	}
	return w.must(form, "n", w.cost(c))
}
