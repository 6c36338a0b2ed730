package shape

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"poterne/internal/register"
)

// looks says what a part's name may mean of a person, by the words it has.
var looks = []struct {
	field register.Fields
	words []string
}{
	{register.NIR, []string{"nir", "ssn", "insee", "vat"}},
	{register.Birth, []string{"birth", "birthday", "birthdate", "born", "naissance", "anniversaire", "age"}},
	{register.Contact, []string{"mail", "email", "emails", "phone", "phones", "tel", "telephone", "telephones", "portable", "mobile", "fax", "courriel", "telecom", "address", "addresses", "adresse", "adresses", "street", "postcode", "zip", "contact", "contacts", "voie", "rue"}},
	{register.Residence, []string{"city", "town", "commune", "ville", "quartier", "district", "residence"}},
	{register.Name, []string{"name", "names", "firstname", "lastname", "surname", "fullname", "given", "maiden", "nom", "noms", "prenom", "prenoms", "nickname", "civilite", "gender", "sex", "sexe", "photo", "avatar"}},
	{register.Health, []string{"health", "handicap", "disability", "disabled", "diagnosis", "medical", "sante", "medication", "condition"}},
	{register.Family, []string{"family", "families", "children", "child", "married", "spouse", "enfants", "famille", "mother", "father", "mere", "pere"}},
	{register.Benefit, []string{"benefit", "benefits", "salary", "salaire", "income", "revenu", "payment", "payments", "iban", "bank", "amount", "montant", "allocation", "prestation", "prestations"}},
	{register.Employment, []string{"employer", "employment", "emploi", "metier", "job", "profession", "occupation", "skill", "skills", "company", "entreprise"}},
	{register.Training, []string{"training", "trainings", "course", "courses", "formation", "formations", "diploma", "diplome"}},
	{register.Agenda, []string{"appointment", "appointments", "rendez", "entretien", "visit", "visits"}},
	{register.Note, []string{"note", "notes", "comment", "comments", "commentaire", "observation", "observations", "remark"}},
	{register.Status, []string{"status", "statut", "situation", "state", "etat"}},
	{register.Identifier, []string{"id", "ids", "uuid", "identifier", "identifiant", "matricule", "dossier", "number", "numero", "patient", "reference", "ref", "username", "user"}},
}

// Guess is the category of this register that a part may be of, by the kinds of its values and then by
// its name; none when nothing speaks for one. It is a guess for somebody to look at.
func (p Part) Guess() register.Fields {
	for kind, field := range map[Kind]register.Fields{NIR: register.NIR, Mail: register.Contact, Telephone: register.Contact, PersonName: register.Name} {
		if p.Kinds[kind] > 0 {
			return field
		}
	}
	name := strings.ToLower(splitWords(p.Path))
	last := name
	if fields := strings.Fields(name); len(fields) > 4 {
		last = strings.Join(fields[len(fields)-4:], " ")
	}
	for _, look := range looks {
		for _, word := range look.words {
			if slices.Contains(strings.Fields(last), word) {
				return look.field
			}
		}
	}
	switch {
	case p.Kinds[Date] > 0:
		return register.Status
	case p.Kinds[Identifier] > 0:
		return register.Identifier
	case p.Kinds[Long] > 0:
		return register.Note
	}
	return 0
}

// splitWords puts a space between the words of a name.
func splitWords(name string) string {
	var b strings.Builder
	var before rune
	for _, r := range name {
		if r >= 'A' && r <= 'Z' && before >= 'a' && before <= 'z' {
			b.WriteByte(' ')
		}
		if before = r; strings.ContainsRune("-_.:[]/'*@|()$ ", r) {
			b.WriteByte(' ')
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Evidence says what was seen at a place.
func (p Part) Evidence() string {
	var seen []string
	for _, kind := range Kinds {
		if n := p.Kinds[kind]; n > 0 {
			seen = append(seen, fmt.Sprintf("%d× %s", n, kind))
		}
	}
	return strings.Join(seen, ", ")
}

// naming finds the part of a row by which it most likely names its person.
func naming(inRow []Part) (found Part, ok bool) {
	rank := func(p Part) int {
		name := " " + strings.ToLower(splitWords(p.Path)) + " "
		switch {
		case p.Kinds[Nothing] > 0 || p.Kinds[Long] > 0:
			return 0
		case strings.Contains(name, " id ") || strings.HasSuffix(strings.TrimSpace(name), " id"):
			return 4
		case p.Kinds[Identifier] > 0 && p.Guess() == register.Identifier:
			return 3
		case p.Guess() == register.Identifier && p.Kinds[Number] > 0:
			return 2
		case p.Kinds[NIR] > 0:
			return 1
		}
		return 0
	}
	best := 0
	for _, p := range inRow {
		if r := rank(p); r > best && !strings.Contains(p.Path, Placeholder) {
			found, best = p, r
		}
	}
	return found, best > 0
}

// Draft writes, for each shape, the declaration that it lacks, with what was seen beside
// each line. What does not look like a person's is left in a comment, and what speaks of
// nobody is never said to.
func Draft(shapes []Shape, known register.Categories, scheme string) string {
	var b strings.Builder
	done := make(map[string]bool)
	for _, s := range shapes {
		best := s
		for _, other := range shapes { // another of the same address may have an answer
			if other.Method == s.Method && other.Path == s.Path && best.Answer == "" {
				best = other
			}
		}
		if at := s.Method + " " + s.Path; !done[at] {
			done[at] = true
			best.draft(&b, known, scheme)
		}
	}
	return b.String()
}

func (s Shape) draft(b *strings.Builder, known register.Categories, scheme string) {
	unsaid := strings.Contains(strings.ReplaceAll(s.Path, "/"+Placeholder, ""), Placeholder) || strings.HasSuffix(s.Path, "...")
	fmt.Fprintf(b, "# %s %s: asked %d×, and refused: %s\n", s.Method, s.Path, s.Times, s.Why)
	if unsaid {
		fmt.Fprintf(b, "# Its address has too many parts to be kept; declare it by hand.\n\n")
		return
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
	fmt.Fprintf(b, "[[service.route]]\n")
	switch s.Method {
	case "GET", "POST":
		fmt.Fprintf(b, "%s = %q\n", strings.ToLower(s.Method), path)
	default:
		fmt.Fprintf(b, "methods = [%q]\npath = %q\n", s.Method, path)
	}
	if len(ids) > 0 {
		fmt.Fprintf(b, "request = { path = { %s = %s } } # does this part of the address name a person? If it is a word of the application, write it in its place\n", scheme, oneOrMore(ids))
	}
	s.named(b, known, "query", s.Query)
	if s.Media == "application/json" {
		s.named(b, known, "members", s.Body)
	} else if s.Media != "" {
		s.named(b, known, "form", s.Body)
	}
	if s.Method != "GET" {
		fmt.Fprintf(b, "# writes = […]: which categories it changes; or reads = true, of a POST that changes nothing\n")
	}
	s.answer(b, known, scheme)
	fmt.Fprintln(b)
}

// named writes a list of names, and marks those that may name a person.
func (s Shape) named(b *strings.Builder, known register.Categories, key string, from []Part) {
	var names []string
	for _, p := range from {
		if strings.Contains(p.Path, Placeholder) {
			fmt.Fprintf(b, "# %s: a name that is no plain word: %s\n", key, p.Evidence())
			continue
		}
		if field, like := known.Like(p.Guess()); like {
			fmt.Fprintf(b, "# %s %q may say of a person: %s (%s); if it names one, it stands under request, if it writes, under written\n", key, p.Path, field.ID, p.Evidence())
		}
		names = append(names, p.Path)
	}
	if len(names) > 0 {
		fmt.Fprintf(b, "%s = %s\n", key, list(names))
	}
}

// answer writes how the answer may be read.
func (s Shape) answer(b *strings.Builder, known register.Categories, scheme string) {
	format := map[string]string{"text/html": "html", "text/csv": "csv", "application/csv": "csv", "application/x-ndjson": "ndjson", "application/ndjson": "ndjson"}[s.Answer]
	if format == "" && strings.HasSuffix(s.Answer, "json") {
		format = "json"
	}
	switch {
	case s.Answer == "":
		fmt.Fprintf(b, "# Its answer was not seen: the application was not asked. With learn = the name of a purpose, on the service, it is, and its answer is still refused.\n")
		return
	case s.Answer == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":
		fmt.Fprintf(b, "# Its answer is a workbook, which was not looked into. Say by the names of its columns: xlsx = { person = { %s = … }, fields = { … } }\n", scheme)
	case format == "":
		fmt.Fprintf(b, "# Its answer is %s. If it is about whom the request names: unread = [%q], and shows = […]\n", s.Answer, s.Answer)
		return
	}
	var wrote bool
	for _, row := range slices.Sorted(maps.Keys(s.rows(format))) {
		wrote = s.row(b, known, scheme, format, row, s.rows(format)[row]) || wrote
	}
	if !wrote {
		fmt.Fprintf(b, "# Nothing in its answer looks like a person's. Look before you declare it plain:\n")
		fmt.Fprintf(b, "# %s = { plain = […] }\n", format)
	}
}

// rows sorts the parts of an answer by the row they would lie in: the innermost list.
func (s Shape) rows(format string) map[string][]Part {
	rows := make(map[string][]Part)
	for _, p := range s.Parts {
		row, part := "", p.Path
		switch format {
		case "json", "ndjson":
			row = "$"
			if i := strings.LastIndex(p.Path, "[*]."); i >= 0 {
				row = p.Path[:i+3]
			}
			part = "@" + strings.TrimPrefix(p.Path, row)
		case "html":
			row, part, _ = strings.Cut(p.Path, " | ")
			if part == "" {
				row, part = "", row
			}
			part = strings.TrimSuffix(strings.Replace(part, " @", "@", 1), " ")
			if strings.HasPrefix(part, "@") {
				part = ":scope" + part
			}
		}
		rows[row] = append(rows[row], Part{part, p.Kinds})
	}
	return rows
}

func (s Shape) row(b *strings.Builder, known register.Categories, scheme, format, row string, inRow []Part) bool {
	fields := make(map[register.Fields][]string)
	var seen []string
	for _, p := range inRow {
		category, like := known.Like(p.Guess())
		mark := "nothing speaks for a category; look at it"
		if like {
			mark = "looks like " + category.ID
		}
		seen = append(seen, fmt.Sprintf("#   %s: %s; %s", p.Path, p.Evidence(), mark))
		if like && !strings.Contains(p.Path, Placeholder) {
			fields[category.Bit()] = append(fields[category.Bit()], p.Path)
		}
	}
	if len(fields) == 0 || format == "html" && row == "" {
		if len(seen) > 0 {
			fmt.Fprintf(b, "# outside of any row:\n%s\n", strings.Join(seen, "\n"))
		}
		return false
	}
	fmt.Fprintf(b, "# in %s:\n%s\n", strings.TrimSpace("row "+row), strings.Join(seen, "\n"))
	person, ok := naming(inRow)
	comment := ""
	if !ok {
		comment = "# "
		fmt.Fprintf(b, "# Nothing in it names its person; say what does under person.\n")
	}
	if format == "csv" {
		fmt.Fprintf(b, "%s[service.route.csv]\n", comment)
	} else {
		fmt.Fprintf(b, "%s[[service.route.%s.people]]\n%srow = %q\n", comment, format, comment, row)
	}
	fmt.Fprintf(b, "%sperson = { %s = %q }\n", comment, scheme, person.Path)
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		fmt.Fprintf(b, "%sfields.%s = %s\n", comment, known.Of(field).ID, oneOrMore(fields[field]))
	}
	return true
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
