package portal

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"poterne/internal/i18n"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// Speaker says texts, times and figures in one language and one zone.
type Speaker struct {
	i18n.Language
	zone  *time.Location
	now   func() time.Time
	roles map[roster.Role]string // that the operator named

	Categories register.Categories // of fields
}

// Role is what people call a role. One that neither the operator nor the program names any
// more goes by its id.
func (s Speaker) Role(role roster.Role) string {
	if name := s.roles[role]; name != "" {
		return name
	}
	if key := "role." + string(role); s.Has(key) {
		return s.Say(key)
	}
	return string(role)
}

// Fields is what staff call the categories of a set.
func (s Speaker) Fields(f register.Fields) string {
	var said []string
	for _, one := range s.Categories.In(f) {
		said = append(said, one.Name(s.Language))
	}
	return strings.Join(said, ", ")
}

// Zone is where its clocks are read.
func (s Speaker) Zone() *time.Location { return s.zone }

func (s Speaker) today() time.Time { return s.now().In(s.zone) }

// Moment is a time in words, with its exact value: "today at 14:32".
func (s Speaker) Moment(t time.Time) template.HTML { return exact(t, s.Language.Moment(t, s.today())) }

// Date is a day in words: "Tuesday 3 March".
func (s Speaker) Date(t time.Time) template.HTML { return exact(t, s.Day(t, s.today())) }

// Clock is the time of day to the second, after the day when it is another one.
func (s Speaker) Clock(t time.Time) template.HTML { return exact(t, s.ClockWords(t)) }

// ClockWords is Clock without the exact value.
func (s Speaker) ClockWords(t time.Time) string { return s.Language.Clock(t, s.today()) }

// HourWords is the time of day.
func (s Speaker) HourWords(t time.Time) string { return s.Hour(t.In(s.zone)) }

// exact keeps the value of a time beside its words, which are ours.
func exact(t time.Time, text string) template.HTML {
	return template.HTML(fmt.Sprintf(`<time datetime="%s">%s</time>`,
		t.UTC().Format(time.RFC3339), template.HTMLEscapeString(text)))
}

// Typed reads what a field for a day and an hour holds, by the speaker's clock; nothing is
// no time. Of an hour that the clock shows twice, where summer time ends, it is in the first.
func (s Speaker) Typed(text string) (at time.Time, err error) {
	at, _, err = s.typed(text)
	return at, err
}

// TypedEnd reads it where something ends: of an hour that comes twice, it is in the second. So a
// period has whatever may be meant.
func (s Speaker) TypedEnd(text string) (at time.Time, err error) {
	_, at, err = s.typed(text)
	return at, err
}

func (s Speaker) typed(text string) (first, second time.Time, err error) {
	if text == "" {
		return first, second, nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", time.DateOnly} {
		if first, err = time.ParseInLocation(layout, text, s.zone); err == nil {
			first, second = twice(first)
			return first, second, nil
		}
	}
	first, err = time.Parse(time.RFC3339, text)
	return first, first, err
}

// twice are the moments at which a clock shows what it shows at one: the same, but where it is set back.
func twice(at time.Time) (first, second time.Time) {
	first, second = at, at
	begins, ends := at.ZoneBounds()
	_, offset := at.Zone()
	for _, beside := range []time.Time{begins.Add(-1), ends} {
		_, other := beside.Zone()
		again := at.Add(time.Duration(offset-other) * time.Second)
		switch _, is := again.Zone(); {
		case is != other:
		case again.Before(first):
			first = again
		case again.After(second):
			second = again
		}
	}
	return first, second
}

// Entry writes the number of an entry in groups of three.
func (s Speaker) Entry(n ledger.Number) string { return s.Number(int(n)) }

// Cost writes a cost in people: "7.2".
func (s Speaker) Cost(c meter.Cost) string { return s.Decimal(c.People(), i18n.Shortest) }

// Attack is what people call an attack; one that has no words goes by its name.
func (s Speaker) Attack(name string) string {
	if key := "attack." + name; s.Has(key) {
		return s.Say(key)
	}
	return name
}
