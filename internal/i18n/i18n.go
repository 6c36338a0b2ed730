// Package i18n is what Poterne says, in French and in English: one catalogue of
// texts, and how numbers and dates are written. Rules and entries hold codes and
// figures; sentences are made from them here, when they are shown.
package i18n

import (
	_ "embed"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"golang.org/x/text/language"
)

// Language is one of the two that the program speaks.
type Language string

const (
	French  Language = "fr"
	English Language = "en"
)

// Languages are both, the default first.
var Languages = []Language{French, English}

var matcher = language.NewMatcher([]language.Tag{language.French, language.English})

// Preferred is the language that Accept-Language headers ask for; the first of them
// that asks for one of the two decides.
func Preferred(accept ...string) Language {
	_, i := language.MatchStrings(matcher, accept...)
	return Languages[i]
}

//go:embed texts.toml
var texts []byte

// catalogue is read once. A program whose texts cannot be read does not start.
var catalogue = read(texts)

// text is one entry of the catalogue. A counted one has a singular and a plural.
type text struct {
	singular, plural string
	counted          bool
}

func read(raw []byte) map[Language]map[string]text {
	var areas map[string]map[string]map[Language]any
	if err := toml.Unmarshal(raw, &areas); err != nil {
		panic(fmt.Sprintf("i18n: texts.toml: %v", err))
	}
	all := map[Language]map[string]text{French: {}, English: {}}
	for area, entries := range areas {
		for key, entry := range entries {
			for in, written := range entry {
				t, ok := entryText(written)
				if all[in] == nil || !ok {
					panic(fmt.Sprintf("i18n: texts.toml: %s.%s.%s is neither a text in French or English nor one with the forms one and other", area, key, in))
				}
				all[in][area+"."+key] = t
			}
		}
	}
	return all
}

func entryText(entry any) (text, bool) {
	switch entry := entry.(type) {
	case string:
		return text{plural: entry}, true
	case map[string]any:
		one, isText := entry["one"].(string)
		other, isTextToo := entry["other"].(string)
		return text{one, other, true}, isText && isTextToo && len(entry) == 2
	default:
		return text{}, false
	}
}

// Message is what can be said in either language: a key of the catalogue, and names
// and values of its placeholders by turns.
type Message interface {
	Message() (key string, values []any)
}

// Sentence says a message.
func (l Language) Sentence(m Message) string {
	key, values := m.Message()
	return l.Say(key, values...)
}

// Has reports whether the catalogue has a text, for keys made of what another
// version of the program wrote.
func (l Language) Has(key string) bool {
	_, ok := catalogue[l][key]
	return ok
}

var placeholder = regexp.MustCompile(`\{[a-z.:-]+\}`)

// Say returns the text of a key. Names and values come by turns; a counted text
// takes its form from the value of n. A text has three kinds of placeholders:
//
//	{limit}             the value of limit
//	{counted:n.people}  the counted text n.people, with the value of counted for n
//	{policy.missing}    another text
//
// A text or a value that is missing is a fault of the program: Say panics, and no
// reader ever sees a key.
func (l Language) Say(key string, values ...any) string {
	t, ok := catalogue[l][key]
	if !ok {
		panic(fmt.Sprintf("i18n: texts.toml has no %q in %s", key, l))
	}
	form := t.plural
	if t.counted && l.singular(figure(value(key, "n", values))) {
		form = t.singular
	}
	return placeholder.ReplaceAllStringFunc(form, func(found string) string {
		name, counted, other := parse(found)
		switch {
		case other != "":
			return l.Say(other, values...)
		case counted != "":
			return l.Say(counted, "n", value(key, name, values))
		default:
			return l.written(value(key, name, values))
		}
	})
}

// parse takes a placeholder apart: the name of a value, which may be said by a
// counted text; or the key of another text.
func parse(found string) (name, counted, other string) {
	inside := found[1 : len(found)-1]
	if name, counted, ok := strings.Cut(inside, ":"); ok {
		return name, counted, ""
	}
	if strings.Contains(inside, ".") {
		return "", "", inside
	}
	return inside, "", ""
}

// value finds a value by its name.
func value(key, name string, values []any) any {
	for i := 0; i+1 < len(values); i += 2 {
		if values[i] == name {
			return values[i+1]
		}
	}
	panic(fmt.Sprintf("i18n: %q is said without a value for {%s}", key, name))
}

// written is a value as the language writes it.
func (l Language) written(value any) string {
	switch v := value.(type) {
	case Message:
		return l.Sentence(v)
	case fmt.Stringer:
		return v.String()
	}
	switch v := reflect.ValueOf(value); {
	case v.CanInt():
		return l.Number(int(v.Int()))
	case v.CanUint():
		return l.Number(int(v.Uint()))
	case v.CanFloat():
		return l.Decimal(v.Float(), Shortest)
	case v.Kind() == reflect.String:
		return v.String()
	default:
		panic(fmt.Sprintf("i18n: a %T cannot be written", value))
	}
}

func figure(value any) float64 {
	switch v := reflect.ValueOf(value); {
	case v.CanInt():
		return float64(v.Int())
	case v.CanUint():
		return float64(v.Uint())
	default:
		return v.Float()
	}
}
