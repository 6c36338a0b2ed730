package shape

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"poterne/internal/register"
)

// answer writes how the answer may be read; about whom the request names, if it names somebody.
func (s Shape) answer(b *strings.Builder, known register.Categories, scheme string, about bool, all []Shape) {
	format := formatOf(s.Answer)
	switch {
	case s.Status >= 400:
		fmt.Fprintf(b, "# The application answered with status %d, which is not looked into. If it wants its own sign-in first, declare that, sign in, and ask again.\n", s.Status)
		return
	case s.Status >= 300:
		fmt.Fprintf(b, "# The application led elsewhere (status %d): to its own sign-in, perhaps. If so, declare that, sign in, and ask again.\n", s.Status)
		return
	case s.Answer == "" && s.Document != "":
		fmt.Fprintf(b, "# Its answer was not seen: these are the names that its document selects. Where there is a list, write [*] after its name.\n")
		rows := selection(s.Document)
		d := rowsDraft{b: b, known: known, scheme: scheme, format: "json", media: "application/json", selected: true}
		for _, row := range slices.Sorted(maps.Keys(rows)) {
			d.row(row, rows[row])
		}
		return
	case s.Answer == "" && s.Method != "GET":
		fmt.Fprintf(b, "# Its answer was not seen: what may change something is not asked for to learn from it. Once it is declared but for its answer, it is refused with that, and seen.\n")
		return
	case s.Answer == "":
		fmt.Fprintf(b, "# Its answer was not seen: the application was not asked. With learn = the name of a purpose, on the service, it is, and its answer is still refused.\n")
		return
	case s.Answer == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":
		fmt.Fprintf(b, "# Its answer is a workbook, which was not looked into. Say by the names of its columns: xlsx = { person = { %s = … }, fields = { … } }\n", scheme)
		return
	case isStatic(s.Answer):
		media := list(s.beside(all, isStatic))
		fmt.Fprintf(b, "# If its answer is what pages are made with, and about nobody:\n# static = %s\n# If it is about whom the request names, and of which categories:\n# unread = %s\n# shows = […]\n", media, media)
		return
	case isFile(s.Answer):
		fmt.Fprintf(b, "# If its answer is about whom the request names, and of which categories:\n# unread = %s\n# shows = […]\n", list(s.beside(all, isFile)))
		return
	case s.Answer == OtherMedia:
		fmt.Fprintf(b, "# Its answer is of a content type that is not looked into. If it is what pages are made with, it stands under static; if it is about whom the request names, under unread, with shows\n")
		return
	case s.Answer == eventsMedia:
		s.stream(b, known, scheme)
		return
	}
	rows := s.rows(format)
	d := rowsDraft{b: b, known: known, scheme: scheme, format: format, media: s.Answer, about: about}
	for _, row := range slices.Sorted(maps.Keys(rows)) {
		d.row(row, rows[row])
	}
	switch {
	case d.people && !d.wrote:
		fmt.Fprintf(b, "# It has people, and nothing that surely names them.\n")
	case !d.wrote:
		whole := map[string]string{"html": `["head", "body"]`, "json": `"$"`, "ndjson": `"$"`}
		fmt.Fprintf(b, "# Nothing in its answer looks like a person's. Look before you declare it plain:\n# %s = { plain = %s }\n", format, cmp.Or(whole[format], "[…]"))
		if category, like := known.Like(register.Identifier); about && like {
			fmt.Fprintf(b, "# What it shows of whom the request names, that they are known there at least:\n# shows = [%q]\n", category.ID)
		}
	}
}

// stream writes how the events of a stream may be read, type by type. Each that is not declared ends it.
func (s Shape) stream(b *strings.Builder, known register.Categories, scheme string) {
	types, rows := make(map[string]bool), s.rows("events")
	for _, p := range s.Parts {
		name, place, _ := strings.Cut(p.Path, " ")
		if types[name] = true; place == "id" {
			fmt.Fprintf(b, "# Its events have ids (%s). If they name nobody, say their form: id = \"[0-9]{1,9}\" in [service.route.events]\n", p.Evidence())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(types)) {
		if name == Placeholder {
			fmt.Fprintf(b, "# It has events of a type that is no plain word: declare it by hand.\n")
			continue
		}
		fmt.Fprintf(b, "# events of type %s:\n", name)
		d := rowsDraft{b: b, known: known, scheme: scheme, format: "events.of." + key(name)}
		for _, row := range slices.Sorted(maps.Keys(rows)) {
			if of, place, _ := strings.Cut(row, " "); of == name && place != "" {
				d.row(place, rows[row])
			}
		}
		if !d.wrote {
			fmt.Fprintf(b, "# Nothing in it looks like a person's that is named there. With nothing declared in it, it goes out without its data:\n# [service.route.%s]\n", d.format)
		}
	}
	if len(types) == 0 {
		fmt.Fprintf(b, "# Its answer is a stream of events, of which none came while it was looked at: ask again when there are some.\n")
	}
}

// formatOf is how an answer of a content type is read; empty when it is not.
func formatOf(media string) string {
	format := map[string]string{
		"text/html": "html", "text/csv": "csv", "application/csv": "csv", "application/x-ndjson": "ndjson", "application/ndjson": "ndjson",
	}[media]
	switch {
	case format != "":
	case strings.HasSuffix(media, "json"):
		format = "json"
	case isXML(media):
		format = "xml"
	}
	return format
}

// beside are the content types of what was answered at the same address, of those that some are.
func (s Shape) beside(all []Shape, some func(media string) bool) (media []string) {
	for _, other := range all {
		if other.at() == s.at() && some(other.Answer) && !slices.Contains(media, other.Answer) {
			media = append(media, other.Answer)
		}
	}
	slices.Sort(media)
	return media
}

// isFile reports whether what is of a content type is a document that is not read.
func isFile(media string) bool {
	return media != "" && media != OtherMedia && media != eventsMedia && formatOf(media) == "" && (!isStatic(media) || strings.HasPrefix(media, "image/"))
}

// isStatic reports whether pages are made with what is of a content type.
func isStatic(media string) bool {
	return strings.HasPrefix(media, "image/") || strings.HasPrefix(media, "font/") || slices.Contains([]string{"text/css", "text/javascript", "application/javascript"}, media)
}

// usual are the content types that a format has when none is declared.
var usual = map[string]string{"html": "text/html", "csv": "text/csv", "json": "application/json", "ndjson": "application/x-ndjson", "xml": "application/xml"}
