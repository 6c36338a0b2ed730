package notice

import (
	"slices"
	"strings"
	"time"

	"poterne/internal/i18n"
	"poterne/internal/register"
)

// Version is for whom a message is written.
type Version string

const (
	Plain Version = "message" // in plain language
	Easy  Version = "easy"    // in easy-to-read language, a draft until disabled readers have read it
)

// areas is where the catalogue has each.
var areas = map[Version]string{Plain: "message.", Easy: "easy."}

// Versions are both.
var Versions = []Version{Plain, Easy}

// Message is what one person is told, or everybody of an incident when the fields and times
// are those of all (GDPR art. 34). It never has a link, an attachment or a request for
// data, nor any of what was stolen, nor the name of anybody.
type Message struct {
	Reference   string // of the incident, by which the message can be checked
	Controller  Controller
	First, Last time.Time       // of the disclosures
	Shown, Held register.Fields // what was shown of the person; what else the register holds
	Harms       []string        // codes of the field harms
	Contained   bool            // the accounts are stopped
	Notified    bool            // the authority was told
	Exercise    bool            `json:",omitempty"` // nothing happened: the message says so first
}

// Lacks lists the parts that the message cannot say yet, by key. It MUST NOT be sent while
// there are any.
func (m Message) Lacks() []string {
	var lacks []string
	for _, part := range []struct {
		key   string
		there bool
	}{
		{"who", m.Controller.Name != ""},
		{"when", !m.First.IsZero() && !m.Last.IsZero()},
		{"which", m.Shown != 0},
		{"effects", slices.ContainsFunc(m.Harms, saidPlainly)},
		{"done", m.Contained},
		{"authority", m.Notified},
		{"whom", m.Controller.Helpline != "" && m.Controller.Officer != ""},
		{"true", m.Reference != "" && m.Controller.Counter != ""},
	} {
		if !part.there {
			lacks = append(lacks, part.key)
		}
	}
	return lacks
}

// saidPlainly reports whether a harm has words that help: "other" has none.
func saidPlainly(harm string) bool { return i18n.French.Has(areas[Plain] + "harm-" + harm) }

// Paragraphs is the message in words, empty while it lacks a part.
func (m Message) Paragraphs(version Version, w Words) []string {
	if len(m.Lacks()) > 0 {
		return nil
	}
	area := areas[version]
	say := func(key string, values ...any) string { return w.In.Say(area+key, values...) }
	var said []string
	if m.Exercise {
		said = append(said, say("exercise"))
	}
	said = append(append(said, say("who", "name", m.Controller.Name)), m.facts(version, w)...)
	if rest := m.Held &^ m.Shown; rest != 0 {
		said = append(said, say("not", "data", w.list(rest)))
	}
	for _, harm := range m.Harms {
		if key := area + "harm-" + harm; w.In.Has(key) { // and some have none that are easy
			said = append(said, w.In.Say(key))
		}
	}
	return append(said,
		say("done"), say("beware"), say("never"),
		say("whom", "phone", m.Controller.Helpline, "officer", m.Controller.Officer),
		say("rights"),
		say("true", "reference", m.Reference, "counter", m.Controller.Counter),
	)
}

// facts say when it was and what was seen.
func (m Message) facts(version Version, w Words) []string {
	area := areas[version]
	when := w.In.Say(area+"on", "day", w.day(m.First))
	if w.day(m.First) != w.day(m.Last) {
		when = w.In.Say(area+"between", "first", w.day(m.First), "last", w.day(m.Last))
	}
	return []string{when, w.In.Say(area+"which", "data", w.list(m.Shown))}
}

// Facts is what happened, without the rest of the message: when it was and what was seen.
func (m Message) Facts(w Words) []string { return m.facts(Plain, w) }

// SMS is the message in the length of one text message, of letters that every telephone
// has, empty while it lacks a part. It points to where the message is, and names nothing.
func (m Message) SMS(w Words) string {
	if len(m.Lacks()) > 0 {
		return ""
	}
	if m.Exercise {
		return w.In.Say("message.sms-exercise", "reference", m.Reference)
	}
	return w.In.Say("message.sms", "reference", m.Reference, "phone", m.Controller.Helpline)
}

// Press is what is said to the press: when, what, exactly how many people, and what was done. It is empty while the
// message lacks a part or nobody was concerned, names nobody, and has nothing that helps to find them or whoever did it.
func (m Message) Press(people, withoutReason int, w Words) []string {
	if len(m.Lacks()) > 0 || people == 0 {
		return nil
	}
	say := func(key string, values ...any) string { return w.In.Say("press."+key, values...) }
	var said []string
	if m.Exercise {
		said = append(said, say("exercise"))
	}
	when := m.facts(Plain, w)[0]
	var data []string
	for _, one := range w.Categories.In(m.Shown) {
		data = append(data, one.Name(w.In))
	}
	said = append(said, say("who", "name", m.Controller.Name), when, say("people", "n", people))
	if withoutReason > 0 {
		said = append(said, say("without", "n", withoutReason))
	}
	return append(said,
		say("which", "data", strings.Join(data, ", ")),
		say("done"), say("never"),
		say("whom", "phone", m.Controller.Helpline, "reference", m.Reference),
	)
}

func (w Words) day(t time.Time) string { return w.In.DatedDay(t.In(w.Zone)) }

// list says categories in the words of people: "your name, your address".
func (w Words) list(fields register.Fields) string {
	var said []string
	for _, one := range w.Categories.In(fields) {
		said = append(said, one.YoursIn(w.In))
	}
	return strings.Join(said, ", ")
}
