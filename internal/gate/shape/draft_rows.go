package shape

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"poterne/internal/register"
)

// rows sorts the parts of an answer by the row they would lie in.
func (s Shape) rows(format string) map[string][]Part {
	rows := make(map[string][]Part)
	if format == "xml" {
		s.Parts = repeated(s.Parts)
	}
	named := make(map[string]int) // how surely the elements of a list are named, by a part of none within it
	if format != "html" && format != "csv" {
		for _, p := range s.Parts {
			if within := lists(p.Path); len(within) > 0 {
				row := within[len(within)-1]
				named[row] = max(named[row], Part{Path: relative(format, row, p.Path), Kinds: p.Kinds, Leads: p.Leads}.names())
			}
		}
	}
	one := s.one(format, named)
	for _, p := range s.Parts {
		row, part := "", p.Path
		switch format {
		case "html":
			row, part, _ = strings.Cut(p.Path, " | ")
			if part == "" {
				row, part = "", row
			}
			part = strings.TrimSuffix(strings.Replace(part, " @", "@", 1), " ")
			if strings.HasPrefix(part, "@") {
				part = ":scope" + part
			}
		case "csv":
		default:
			row = rowOf(lists(p.Path), named)
			root := "$"
			if name, place, _ := strings.Cut(p.Path, " "); format == "events" {
				if root = name + " $"; place == "id" {
					continue
				}
			}
			switch {
			case one != "" && strings.HasPrefix(p.Path, one):
				row = one
			case row == "" && format != "xml":
				row = root
			}
			part = relative(format, row, p.Path)
		}
		rows[row] = append(rows[row], Part{Path: part, Kinds: p.Kinds, Leads: p.Leads, Head: p.Head, Tells: p.Tells})
	}
	return rows
}

// one is the path of what an answer says of one person; empty where there is none, or where people are in lists.
func (s Shape) one(format string, named map[string]int) string {
	if format != "xml" && (format != "json" || !strings.Contains(s.Path, "/"+Placeholder) && s.Socket == "") {
		return ""
	}
	for _, rank := range named {
		if rank >= byID {
			return ""
		}
	}
	var outside []Part // of any list
	for _, p := range s.Parts {
		if len(lists(p.Path)) == 0 {
			if format == "json" {
				p.Path = relative(format, "$", p.Path)
			}
			outside = append(outside, p)
		}
	}
	by := naming(outside)
	switch {
	case by == "" || format == "json" && !slices.ContainsFunc(outside, func(p Part) bool { return p.names() >= byID }):
		return ""
	case format == "json":
		return "$"
	}
	by, _, _ = strings.Cut(by, " as ")
	return by[:strings.LastIndexByte(by, '/')]
}

// repeated calls an element a row where it came once, if it came more than once elsewhere.
func repeated(parts []Part) []Part {
	all := make(map[string]string) // each list, by its path without what says that it is one
	for _, p := range parts {
		for _, list := range lists(p.Path) {
			all[strings.ReplaceAll(list, "[*]", "")] = list
		}
	}
	var joined Shape
	for _, p := range parts {
		for _, once := range slices.Backward(slices.Sorted(maps.Keys(all))) {
			if rest, within := strings.CutPrefix(p.Path, once+"/"); within {
				p.Path = all[once] + "/" + rest
				break
			}
		}
		joined.Parts = join(&joined, joined.Parts, []Part{p})
	}
	return joined.Parts
}

// lists are the paths of the lists that a part lies in, the outermost first, each as far
// as its elements.
func lists(path string) (all []string) {
	const element = "[*]"
	for i := 0; ; {
		next := strings.Index(path[i:], element)
		if i += next + len(element); next < 0 || i == len(path) { // what a list of plain values holds is in no row
			return all
		}
		all = append(all, path[:i])
	}
}

// rowOf is the innermost list whose elements have an id of their own, else the outermost
// one whose elements have anything that may name somebody, else the outermost.
func rowOf(within []string, named map[string]int) string {
	for _, list := range slices.Backward(within) {
		if named[list] >= byID {
			return list
		}
	}
	for _, list := range within {
		if named[list] > 0 {
			return list
		}
	}
	if len(within) > 0 {
		return within[0]
	}
	return ""
}

// relative is a path from its row.
func relative(format, row, path string) string {
	rest := strings.TrimPrefix(path, row)
	if format == "xml" {
		return cmp.Or(strings.TrimPrefix(strings.ReplaceAll(rest, "[*]", ""), "/"), ".")
	}
	if row == "$" || row == "" {
		rest = strings.TrimPrefix(path, "$")
	}
	return "@" + rest
}

// rowsDraft writes how an answer is read, row by row.
type rowsDraft struct {
	b      *strings.Builder
	known  register.Categories
	scheme string
	format string
	media  string
	about  bool // whom the request names
	people bool // there are some
	wrote  bool

	selected bool // the names are those that a document selects: the answer was not seen
}

func (d *rowsDraft) row(row string, inRow []Part) {
	fields := make(map[register.Fields][]string)
	var seen []string
	for _, p := range inRow {
		category, like := d.known.Like(p.Guess())
		mark := "nothing speaks for a category; look at it"
		if like {
			mark = "looks like " + category.ID
		}
		seen = append(seen, fmt.Sprintf("#   %s: %s; %s", p.Path, p.Evidence(), mark))
		place, several := p.first()
		if several {
			seen[len(seen)-1] += "; there may be several people there, and others than the row's: of a list the first is proposed, of a text none"
		}
		if like && !strings.Contains(p.Path, Placeholder) && place != "" {
			fields[category.Bit()] = append(fields[category.Bit()], place)
		}
	}
	if len(fields) == 0 || (d.format == "html" || d.format == "xml" || d.selected) && row == "" {
		if len(seen) > 0 {
			fmt.Fprintf(d.b, "# outside of any row:\n%s\n", strings.Join(seen, "\n"))
		}
		return
	}
	fmt.Fprintf(d.b, "# in %s:\n%s\n", strings.TrimSpace("row "+row), strings.Join(seen, "\n"))
	d.people = true
	person := naming(inRow)
	comment := ""
	if person == "" || strings.Contains(row, Placeholder) {
		comment = "# "
		fmt.Fprintf(d.b, "# Nothing in it names its person; say what does under person.\n")
		if len(fields) == 1 && fields[register.Identifier] != nil {
			return // links that lead somewhere: a menu, most often
		}
	}
	by, _, _ := strings.Cut(person, " as ")
	if slices.ContainsFunc(inRow, func(p Part) bool { return p.Path == by && p.Tells == Same && row != "$" }) {
		comment = "# "
		fmt.Fprintf(d.b, "# %s was the same in all rows of an answer. If it tells people apart:\n", by)
	}
	first := !d.wrote
	if comment == "" {
		d.wrote = true
	}
	if d.format == "csv" {
		fmt.Fprintf(d.b, "%s[service.route.csv]\n", comment)
		d.ofAnswer(comment, false)
	} else {
		if first {
			d.ofAnswer(comment, row == "$" || strings.HasPrefix(row, "form"))
		}
		if d.format == "xml" {
			row = strings.ReplaceAll(row, "[*]", "")
		}
		fmt.Fprintf(d.b, "%s[[service.route.%s.people]]\n%srow = %q\n", comment, d.format, comment, row)
	}
	fmt.Fprintf(d.b, "%sperson = { %s = %q }\n", comment, d.scheme, person)
	boxes := ""
	for _, p := range inRow {
		if place, _ := p.first(); p.Kinds[Mail] > 0 && p.leadsTo() != "" && place != "" {
			boxes += fmt.Sprintf("# person = { %s = %q }\n", d.scheme, place+" as "+p.leadsTo())
		}
	}
	if boxes != "" {
		fmt.Fprintf(d.b, "# If it is named by a mail address instead (%s stands for a domain that is not kept):\n%s", unsaid, boxes)
	}
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		fmt.Fprintf(d.b, "%sfields.%s = %s\n", comment, d.known.Of(field).ID, oneOrMore(fields[field]))
	}
}

// first is a place of a row as it is proposed, and whether it is one where there may be several people: of a list
// of them it is the first one's, so that nobody else is shown as the row's. It is empty for a text that may have several in it.
func (p Part) first() (place string, several bool) {
	list, inside, within := strings.Cut(p.Path, "[*]")
	called := func(path string) bool {
		words := strings.Fields(strings.ToLower(splitWords(path)))
		return len(words) > 0 && (slices.Contains(others, words[len(words)-1]) || slices.Contains(persons, words[len(words)-1]))
	}
	switch {
	case !strings.HasPrefix(p.Path, "@"):
		return p.Path, false
	case within && called(list):
		return list + "[0]" + inside, true
	case !within && p.Kinds[Mail] > 0 && called(p.Path):
		return "", true
	}
	return p.Path, false
}

// ofAnswer writes what holds for the whole answer, where anything does.
func (d *rowsDraft) ofAnswer(comment string, one bool) {
	type line struct{ key, value string }
	var lines []line
	if d.media != "" && d.media != usual[d.format] {
		lines = append(lines, line{"type", fmt.Sprintf("%q", d.media)})
	}
	if d.about && one {
		lines = append(lines, line{"about", "true"})
	}
	if len(lines) > 0 && d.format != "csv" {
		fmt.Fprintf(d.b, "%s[service.route.%s]\n", comment, d.format)
	}
	for _, l := range lines {
		fmt.Fprintf(d.b, "%s%s = %s\n", comment, l.key, l.value)
	}
}
