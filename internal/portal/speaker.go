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

// Speaker says words, times and counts in one language, the way people say them.
type Speaker struct {
	words
	zone *time.Location
	now  func() time.Time
}

// Language is the one spoken.
func (s Speaker) Language() i18n.Language { return s.language }

// Zone is where its clocks are read.
func (s Speaker) Zone() *time.Location { return s.zone }

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

// Moment is a time in words, with its exact value: "today at 14:32".
func (s Speaker) Moment(t time.Time) template.HTML {
	return exact(t, s.Must("day.moment", "day", s.dayWords(t), "hour", s.HourWords(t)))
}

// Date is a day in words: "Tuesday 3 March".
func (s Speaker) Date(t time.Time) template.HTML { return exact(t, s.dayWords(t)) }

// Clock is the time of day to the second, after the day when it is another one.
func (s Speaker) Clock(t time.Time) template.HTML { return exact(t, s.ClockWords(t)) }

func (s Speaker) ClockWords(t time.Time) string {
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

func (s Speaker) dayWords(t time.Time) string {
	day, today := t.In(s.zone), s.now().In(s.zone)
	switch midnight(day).Sub(midnight(today)) / (24 * time.Hour) {
	case 0:
		return s.Must("day.today")
	case 1:
		return s.Must("day.tomorrow")
	case -1:
		return s.Must("day.yesterday")
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

func (s Speaker) HourWords(t time.Time) string {
	if s.language == i18n.French {
		return t.In(s.zone).Format("15" + unbroke + "h" + unbroke + "04")
	}
	return t.In(s.zone).Format("15:04")
}

// Lasting is a span in words, to one unit.
func (s Speaker) Lasting(d time.Duration) (string, error) {
	switch {
	case d < time.Minute:
		return s.Plural("span.second", int(d/time.Second))
	case d < 2*time.Hour:
		return s.Plural("span.minute", int(d/time.Minute))
	case d < 48*time.Hour:
		return s.Plural("span.hour", int(d/time.Hour))
	default:
		return s.Plural("span.day", int(d/(24*time.Hour)))
	}
}

// Number writes a count in groups of three.
func (w words) Number(n int) string {
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

// Entry writes the number of an entry in groups of three.
func (w words) Entry(n ledger.Number) string { return w.Number(int(n)) }

// Cost writes a cost in people: "7.2".
func (w words) Cost(c meter.Cost) string {
	text := strconv.FormatFloat(float64(c)/float64(meter.Whole), 'f', -1, 64)
	if w.language == i18n.French {
		text = strings.Replace(text, ".", ",", 1)
	}
	return text
}

// Decimal writes a figure to the hundredth at most: "0.25".
func (w words) Decimal(x float64) string {
	text := strconv.FormatFloat(math.Round(x*100)/100, 'f', -1, 64)
	if w.language == i18n.French {
		text = strings.Replace(text, ".", ",", 1)
	}
	return text
}

// People says a cost with its noun: "7.2 people".
func (w words) People(c meter.Cost) string {
	form := "people.many"
	if c == meter.Whole || c < 2*meter.Whole && w.language == i18n.French {
		form = "people.one"
	}
	return w.Must(form, "n", w.Cost(c))
}

// Attack is what people call an attack; one that has no words goes by its name.
func (w words) Attack(name string) string {
	if text, err := w.Say("attack." + name); err == nil {
		return text
	}
	return name
}
