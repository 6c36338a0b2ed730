package shape

import (
	"fmt"
	"slices"
	"strings"

	"poterne/internal/register"
)

// Draft writes, for each shape, the declaration that it lacks, with what was seen beside
// each line. What does not look like a person's is left in a comment, parameters and fields
// of requests too: nothing is said to speak of nobody.
func Draft(shapes []Shape, known register.Categories, scheme string) string {
	var b strings.Builder
	done := make(map[string]bool)
	statements := 0
	seen := shapes
	shapes = slices.Clone(shapes)
	for i, s := range shapes { // a name that begins with a sign is told from identifiers where there are some beside it
		if beside := unsigned(s.Path); !slices.ContainsFunc(seen, func(o Shape) bool { return o.Path == beside }) {
			s.Path = beside
		}
		shapes[i].Path = s.address()
	}
	for i, inner := range shapes { // files in folders within a folder of files
		for _, outer := range shapes {
			if folder, all := strings.CutSuffix(outer.Path, anyFile); all && len(outer.Path) < len(shapes[i].Path) && strings.HasSuffix(inner.Path, anyFile) && strings.HasPrefix(inner.Path, folder) {
				shapes[i].Path = outer.Path
			}
		}
	}
	for _, s := range shapes {
		if s.Method == SQL {
			statements++
			s.draftStatement(&b, known, scheme, statements)
			continue
		}
		if s.Socket != "" {
			if at := s.Method + " " + s.Path; !done[at+" websocket"] {
				done[at+" websocket"] = true
				draftSocket(&b, shapes, s, known, scheme)
			}
			continue
		}
		best := s
		for _, other := range shapes { // another of the same address may have an answer
			if other.at() == s.at() && best.Answer == "" {
				best = other
			}
		}
		if at := s.at(); !done[at] {
			done[at] = true
			best.draft(&b, known, scheme, shapes)
		}
	}
	return b.String()
}

// anyFile ends the address of what lies below a folder.
const anyFile = "/{file...}"

// address is the path of a shape, in which what files are called is left open: of what pages are made with, below a folder
// of the application's, and of what lies in somebody's.
func (s Shape) address() string {
	at := strings.LastIndexByte(s.Path, '/')
	if at <= 0 || at == len(s.Path)-1 || s.Method != "GET" || strings.HasSuffix(s.Path, "...") {
		return s.Path
	}
	folder, name := s.Path[:at], s.Path[at+1:]
	ofSomebody := strings.Contains(folder, Placeholder)
	switch {
	case isStatic(s.Answer) && !strings.HasPrefix(s.Answer, "image/"): // a picture may be of somebody
		if above, _, _ := strings.Cut(folder, "/"+Placeholder); above != "" && !strings.Contains(above, Placeholder) {
			return above + anyFile // whatever the folders below are called
		}
	case isFile(s.Answer) && ofSomebody && (strings.HasSuffix(name, Placeholder) || strings.Contains(name, ".")):
		return folder + "/{file}"
	}
	return s.Path
}

// at tells routes apart.
func (s Shape) at() string {
	return strings.Join([]string{s.Method, s.Path, s.Operation, s.Document}, " ")
}

// draft writes the declaration of one route.
func (s Shape) draft(b *strings.Builder, known register.Categories, scheme string, all []Shape) {
	names, ok := s.begin(b, scheme)
	if !ok {
		return
	}
	s.named(b, known, "query", s.Query, false)
	s.operation(b)
	if !names {
		s.forms(b, scheme)
	}
	if s.Document != "" {
		fmt.Fprintf(b, "document = %q # where %s stands is a name or a value that is not kept: write the text of the application's own client, to the word\n", s.Document, blank)
	}
	body := s.Body
	if _, named := s.namesAgain(); names {
		body = slices.DeleteFunc(slices.Clone(body), func(p Part) bool { return slices.Contains(named, p.Path) })
	}
	if s.Operation != "" { // an empty header need not be declared
		body = slices.DeleteFunc(slices.Clone(body), func(p Part) bool { return strings.HasSuffix(p.Path, ":Header") && p.Kinds[Nothing] > 0 })
	}
	signIn := false
	switch {
	case isJSON(s.Media), isXML(s.Media):
		s.named(b, known, "members", body, names)
	case s.Media != "" && !names && s.sendsPassword():
		signIn = true
		var fields []string
		for _, p := range body {
			if p.Path != Placeholder {
				fields = append(fields, p.Path)
			}
		}
		fmt.Fprintf(b, "# A password is sent: if this is a sign-in of the application's own, it speaks of whoever asks, and changes nothing.\n# form = %s\n# reads = true\n", list(fields))
	case s.Media != "":
		s.named(b, known, "form", body, names)
	}
	if !signIn && s.Method != "GET" && !strings.HasPrefix(s.Document, "query") && !strings.HasPrefix(s.Document, "{") {
		fmt.Fprintf(b, "# writes = […]: which categories it changes; or reads = true, of a POST that changes nothing\n")
	}
	s.cookies(b)
	if s.More {
		fmt.Fprintf(b, "# There was more in it than is looked at: what is not here is not said to be nobody's.\n")
	}
	s.answer(b, known, scheme, names, all)
	formats := []string{formatOf(s.Answer)}
	for _, other := range all {
		if format := formatOf(other.Answer); other.at() == s.at() && !slices.Contains(formats, format) && s.Answer != "" && format != "" {
			formats = append(formats, format)
			fmt.Fprintf(b, "# Asked otherwise, it answers with %s:\n", other.Answer)
			other.answer(b, known, scheme, names, all)
		}
	}
	fmt.Fprintln(b)
}

// begin writes the address of a route, and says whether it may name somebody. It reports false for one that is
// not kept whole.
func (s Shape) begin(b *strings.Builder, scheme string) (names, whole bool) {
	at := s.Path
	folder, sign, own := ownName(s.Path)
	if own {
		s.Path = folder + sign
	}
	unsaid := strings.Contains(strings.ReplaceAll(s.Path, "/"+Placeholder, ""), Placeholder) || strings.HasSuffix(s.Path, "...")
	fmt.Fprintf(b, "# %s %s: asked %d×, and refused: %s\n", s.Method, at, s.Times, s.Why)
	if unsaid {
		fmt.Fprintf(b, "# Its address has too many parts to be kept; declare it by hand.\n\n")
		return false, false
	}
	var ids []string
	path := s.Path
	for strings.Contains(path, "/"+Placeholder) {
		name := "id"
		if len(ids) > 0 {
			name = fmt.Sprintf("id%d", len(ids)+1)
		}
		ids = append(ids, name)
		path = strings.Replace(path, "/"+Placeholder, "/{"+name+"}", 1)
	}
	if own {
		fmt.Fprintf(b, "# Its last part goes on after %s: most often a name of the application's own, beside identifiers. It is not kept: write it out.\n", sign)
	}
	fmt.Fprintf(b, "[[service.route]]\n")
	switch s.Method {
	case "GET", "POST":
		fmt.Fprintf(b, "%s = %q\n", strings.ToLower(s.Method), path)
	default:
		fmt.Fprintf(b, "methods = [%q]\npath = %q\n", s.Method, path)
	}
	key, named := s.namesAgain()
	if s.Method == "GET" && len(ids) > 0 {
		named = nil // it may be asked for without its parameters
	}
	if len(ids) == 0 {
		if len(named) > 0 {
			fmt.Fprintf(b, "# If this is whom it is about:\n# request = { %s = { %s = %s } }\n", key, scheme, oneOrMore(named))
		}
	} else {
		also := ""
		if len(named) > 0 {
			also = fmt.Sprintf(", %s = { %s = %s }", key, scheme, oneOrMore(named))
		}
		fmt.Fprintf(b, "request = { path = { %s = %s }%s } # does this part of the address name a person? If it is a word of the application, write it in its place\n", scheme, oneOrMore(ids), also)
	}
	return len(ids) > 0, true
}

// key is a name as TOML has it for a key.
func key(name string) string {
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == "" {
		return name
	}
	return fmt.Sprintf("%q", name)
}

func oneOrMore(names []string) string {
	if len(names) == 1 {
		return fmt.Sprintf("%q", names[0])
	}
	return list(names)
}

func list(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = fmt.Sprintf("%q", name)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
