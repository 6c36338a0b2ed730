package shape

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"poterne/internal/register"
)

// operation writes which operation of SOAP it is, and the namespaces of its elements.
func (s Shape) operation(b *strings.Builder) {
	switch {
	case s.Operation == Placeholder:
		fmt.Fprintf(b, "# operation = \"…\": the name of the element in the body, which is no plain word\n")
	case s.Operation != "":
		fmt.Fprintf(b, "operation = %q\n", s.Operation)
	}
	if len(s.Spaces) == 0 {
		return
	}
	var each []string
	comment := ""
	for i, name := range s.Spaces {
		if name == Placeholder {
			comment, name = "# … stands for a name that is no plain word, and is not kept: write it.\n# ", "…"
		}
		each = append(each, fmt.Sprintf("%s = %q", prefix(i), name))
	}
	fmt.Fprintf(b, "%snamespaces = { %s }\n", comment, strings.Join(each, ", "))
}

// forms writes which routes there may be at an address whose parameter leads now here, now there.
func (s Shape) forms(b *strings.Builder, scheme string) {
	for _, p := range s.Query {
		if s.Method != "GET" || p.Path == Placeholder || len(p.Leads) < 2 {
			continue
		}
		fmt.Fprintf(b, "# %s leads to several places; each may be a route of its own:\n", p.Path)
		for _, lead := range p.Leads {
			name := strings.Join(strings.FieldsFunc(strings.ReplaceAll(lead, Placeholder, "id"), func(r rune) bool { return !isLetter(r) }), ".")
			switch to := template(lead); {
			case name == "":
			case to != "":
				fmt.Fprintf(b, "# operation = %q\n# request = { query = { %s = %q } }\n", name, scheme, p.Path+" as "+to)
			case !strings.Contains(lead, Placeholder):
				fmt.Fprintf(b, "# operation = %q\n# query = [%q]\n# only = { %s = %q }\n", name, p.Path, key(p.Path), regexp.QuoteMeta(lead))
			}
		}
	}
}

func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// namesAgain are the places of a request, besides the parts of its address, that name whom it is about or
// somebody else, and under which key of a request they are declared.
func (s Shape) namesAgain() (key string, places []string) {
	from, key := s.Body, "form"
	switch {
	case s.Method == "GET":
		from, key = s.Query, "query"
	case isJSON(s.Media):
		key = "json"
	case isXML(s.Media):
		key = "xml"
	}
	for _, p := range from {
		if p.names() >= byID && p.Guess() == register.Identifier && p.Kinds[Identifier]+p.Kinds[Number] > 0 {
			places = append(places, p.Path)
		}
		if s.Method == "GET" && p.Path != Placeholder {
			if to := p.leadsTo(); to != "" && !strings.HasSuffix(to, unsaid) {
				places = append(places, p.Path+" as "+to)
			}
		}
	}
	return key, places
}

// sendsPassword reports whether a form has a field that is called a password.
func (s Shape) sendsPassword() bool {
	return slices.ContainsFunc(s.Body, func(p Part) bool {
		words := strings.Fields(strings.ToLower(splitWords(p.Path)))
		return slices.Contains(words, "password") || slices.Contains(words, "pass")
	})
}

// named writes a list of names, for whoever confirms that they are nobody's. Those that may say something of a person
// are not in it: what a change writes of somebody whom its address names is declared so, and of the others
// it is said what they may be.
func (s Shape) named(b *strings.Builder, known register.Categories, key string, from []Part, changes bool) {
	var names []string
	written := make(map[register.Fields][]string)
	for _, p := range from {
		if strings.Contains(p.Path, Placeholder) {
			fmt.Fprintf(b, "# %s: a name that is no plain word: %s\n", key, p.Evidence())
			continue
		}
		if isXML(s.Media) {
			p.Path = strings.ReplaceAll(p.Path, "[*]", "")
		}
		field, like := known.Like(p.asksFor())
		switch {
		case !like && p.isOrdinary():
			names = append(names, p.Path)
		case !like:
			fmt.Fprintf(b, "# %s %q: %s; nothing says that it is nobody's. If it names nobody and says nothing of them, it stands with the others\n", key, p.Path, p.Evidence())
		case changes && s.Method != "GET":
			fmt.Fprintf(b, "# %s %q looks like %s (%s)\n", key, p.Path, field.ID, p.Evidence())
			written[field.Bit()] = append(written[field.Bit()], p.Path)
		default:
			fmt.Fprintf(b, "# %s %q may say of a person: %s (%s); if it names one, it stands under request, if it writes, under written, and if neither, with the others\n", key, p.Path, field.ID, p.Evidence())
		}
	}
	if len(names) > 0 {
		fmt.Fprintf(b, "# If these name nobody, and say nothing of anybody:\n# %s = %s\n", key, list(names))
	}
	if len(written) > 0 {
		var each []string
		for _, field := range slices.Sorted(maps.Keys(written)) {
			each = append(each, known.Of(field).ID+" = "+oneOrMore(written[field]))
		}
		fmt.Fprintf(b, "written = { %s }\n", strings.Join(each, ", "))
	}
}

// cookies says which cookies an answer sets.
func (s Shape) cookies(b *strings.Builder) {
	for _, name := range s.Cookies {
		if name == Placeholder {
			fmt.Fprintf(b, "# Its answer sets a cookie whose name is no plain word: if the application needs it, list it under cookies of the service\n")
			continue
		}
		fmt.Fprintf(b, "# Its answer sets a cookie: if the application needs it, cookies = [%q] on the service\n", name)
	}
}
