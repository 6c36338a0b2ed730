package portal

import (
	"embed"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"golang.org/x/text/language"

	"poterne/internal/i18n"
)

//go:embed words
var wordFiles embed.FS

// languages are those the program speaks, the one for everybody else first.
var languages = []i18n.Language{i18n.French, i18n.English}

// words are what the pages say in one language, by key: "desk.quiet".
type words struct {
	language i18n.Language
	texts    map[string]string
}

// readWords panics on what cannot be read: the words are part of the program.
func readWords(in i18n.Language) words {
	raw, err := wordFiles.ReadFile("words/" + string(in) + ".toml")
	if err != nil {
		panic(err)
	}
	var tables map[string]map[string]string
	if err := toml.Unmarshal(raw, &tables); err != nil {
		panic(fmt.Sprintf("words/%s.toml: %v", in, err))
	}
	w := words{in, make(map[string]string)}
	for table, texts := range tables {
		for key, text := range texts {
			w.texts[table+"."+key] = text
		}
	}
	return w
}

// said finds what the templates say by a name that is written out.
var said = regexp.MustCompile(`\b(?:say|plural)\s+"([^"]+)"`)

// demand panics unless there are words for all that a template says.
func (w words) demand(template string) {
	for _, match := range said.FindAllStringSubmatch(template, -1) {
		if !w.has(match[1]) {
			panic(fmt.Sprintf("words/%s.toml has no %q", w.language, match[1]))
		}
	}
}

func (w words) has(key string) bool {
	for known := range w.texts {
		if known == key || known == key+"-many" {
			return true
		}
	}
	return false
}

// Say returns the words of a key, with the values of pairs in place of their
// {names}. Words that are missing are an error, so that no page goes out without.
func (w words) Say(key string, pairs ...any) (string, error) {
	text, ok := w.texts[key]
	if !ok {
		return "", fmt.Errorf("words/%s.toml has no %q", w.language, key)
	}
	if len(pairs)%2 != 0 {
		return "", fmt.Errorf("%q is said with a name that has no value", key)
	}
	for i := 0; i < len(pairs); i += 2 {
		text = strings.ReplaceAll(text, fmt.Sprintf("{%v}", pairs[i]), fmt.Sprint(pairs[i+1]))
	}
	return text, nil
}

// Must is Say where the program itself chose the key.
func (w words) Must(key string, pairs ...any) string {
	text, err := w.Say(key, pairs...)
	if err != nil {
		panic(err)
	}
	return text
}

// Plural says n of something: key has the two forms "one" and "many".
func (w words) Plural(key string, n int) (string, error) {
	form := "many"
	if n == 1 || n == 0 && w.language == i18n.French {
		form = "one"
	}
	return w.Say(key+"-"+form, "n", w.Number(n))
}

// Several is Plural where the program itself chose the key.
func (w words) Several(key string, n int) string {
	text, err := w.Plural(key, n)
	if err != nil {
		panic(err)
	}
	return text
}

// LanguageCookie remembers the language somebody chose. No application behind
// the gate has a use for it.
const LanguageCookie = "__Host-poterne-lang"

var matcher = language.NewMatcher([]language.Tag{language.French, language.English})

// languageOf is what the person chose, or else what their browser asks for.
func languageOf(r *http.Request) i18n.Language {
	if cookie, err := r.Cookie(LanguageCookie); err == nil && slices.Contains(languages, i18n.Language(cookie.Value)) {
		return i18n.Language(cookie.Value)
	}
	_, i := language.MatchStrings(matcher, r.Header.Get("Accept-Language"))
	return languages[i]
}
