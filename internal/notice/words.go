package notice

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"poterne/internal/i18n"
	"poterne/internal/register"
)

// Words say documents in one language, with the clock of one zone.
type Words struct {
	In         i18n.Language
	Zone       *time.Location
	Categories register.Categories // of fields
}

// Label names a field.
func (w Words) Label(key string) string { return w.In.Say("notice." + key) }

// Choice says one of a field's choices.
func (w Words) Choice(key, code string) string { return w.In.Say("choice." + key + "-" + code) }

// Lines says what stands in a field of a document, or that nothing does yet.
func (w Words) Lines(d Document, f Filled) []string {
	switch {
	case f.Takes == Told && f.State == Said:
		return w.told(d, f.Key)
	case f.Answer.Unknown == Never:
		return []string{w.In.Say("notice.never")}
	case f.State == Awaited:
		return []string{w.In.Say("notice.not-yet")}
	case f.State == Lacking && d.Stage == Initial && f.Open:
		return []string{w.In.Say("notice.not-yet")}
	case f.State == Lacking:
		return []string{w.In.Say("notice.lacking")}
	case f.State == Spared, f.State == Unasked:
		return []string{w.In.Say("notice.nothing")}
	}
	var said []string
	for _, value := range f.Answer.Values {
		switch f.Takes {
		case One, Some:
			said = append(said, w.Choice(f.Key, value))
		case Moment:
			at, _ := time.Parse(time.RFC3339, value) // Check has
			said = append(said, w.dated(at))
		case Number:
			n, _ := strconv.Atoi(value) // likewise
			said = append(said, w.In.Number(n))
		default:
			said = slices.AppendSeq(said, lines(value))
		}
	}
	return said
}

func (w Words) dated(t time.Time) string { return w.In.Dated(t.In(w.Zone)) }

// told says what the facts of a document answer.
func (w Words) told(d Document, key string) []string {
	f := d.Facts
	if said, is := f.Controller.field(key); is {
		return slices.Collect(lines(said))
	}
	one := func(text string) []string { return []string{text} }
	switch key {
	case "stage":
		said := one(w.In.Say("stage." + string(d.Stage)))
		if f.Before != "" {
			said = append(said, w.In.Say("notice.follows", "number", f.Before))
		}
		return said
	case "reference":
		return one(f.Reference)
	case "involved":
		return f.Involved
	case "begun":
		return one(w.dated(f.Begun))
	case "ended":
		return one(w.dated(f.Ended))
	case "going-on":
		return one(w.In.Say("notice.going-on-" + yesNo(f.GoingOn)))
	case "aware":
		return one(w.dated(f.Aware))
	case "aware-from":
		return one(w.In.Say("aware." + f.From))
	case "data":
		return w.data(f.Data)
	case "records":
		return one(w.In.Say("notice.records-of", "n", f.Records))
	case "people":
		return []string{
			w.In.Say("notice.people-of", "n", f.People),
			w.In.Say("notice.people-without", "n", f.WithNone),
			w.In.Say("notice.people-with", "n", f.People-f.WithNone),
		}
	case "orders":
		var said []string
		for _, o := range f.Orders {
			said = append(said, w.In.Say("notice.order", "at", w.dated(o.At), "what", w.In.Say("state."+o.Effect), "target", o.Target, "number", strconv.FormatUint(o.Entry, 10)))
		}
		return said
	case "accounts":
		return f.Accounts
	case "authorities":
		var said []string
		for _, s := range f.Authorities {
			said = append(said, w.In.Say("notice.sent-before", "form", w.In.Say("form."+string(s.Form)), "stage", w.In.Say("stage."+string(s.Stage)), "at", w.dated(s.At), "number", cmp.Or(s.Receipt, "—")))
		}
		return said
	case "evidence":
		return []string{w.In.Say("notice.evidence-entries", "number", strconv.FormatUint(f.Entries, 10)), w.In.Say("notice.evidence-list", "digest", cmp.Or(f.List, "—"))}
	default:
		return nil
	}
}

// data says how many people were shown which categories of.
func (w Words) data(all []Data) (said []string) {
	for _, d := range all {
		said = append(said, w.In.Say("notice.data-of", "category", w.Categories.Known(d.Name).Data(w.In), "people", w.In.Say("n.people", "n", d.People)))
	}
	return said
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// Mark names what a mark is for.
func (w Words) Mark(m Mark) string { return w.In.Say("mark." + m.Key) }

// Ends says when a mark ends, and which days on the way count although somebody might
// think that they do not.
func (w Words) Ends(m Mark, from time.Time) string {
	said := w.dated(m.Ends)
	if m.Ends.Sub(from) > Deadline { // a month is no period in hours
		return said
	}
	holidays, weekend := RunsThrough(from, m.Ends, w.Zone)
	var counts []string
	for _, key := range holidays {
		counts = append(counts, w.In.Say("mark.holiday", "day", w.In.Say("holiday."+key)))
	}
	if weekend {
		counts = append(counts, w.In.Say("mark.weekend"))
	}
	if len(counts) == 0 {
		return said
	}
	return w.In.Say("mark.through", "at", said, "days", strings.Join(counts, ", "))
}
