package shape

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
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
	{register.Contact, []string{"mail", "email", "emails", "phone", "phones", "tel", "telephone", "telephones", "portable", "mobile", "fax", "courriel", "telecom", "address", "addresses", "adresse", "adresses", "street", "postal", "postcode", "zip", "contact", "contacts", "voie", "rue"}},
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
	{register.Identifier, []string{"id", "ids", "pk", "uuid", "identifier", "identifiant", "matricule", "dossier", "number", "numero", "patient", "reference", "ref", "username", "user"}},
}

// searches are words of parameters in which anything may be looked for, most often somebody by name.
var searches = []string{"q", "query", "search", "searches", "term", "terms", "keyword", "keywords", "filter", "filters", "text", "like", "find", "lookup", "match", "recherche", "recherches", "filtre"}

// persons are words that a person is called by in what refers to them.
var persons = []string{
	"person", "people", "patient", "patients", "subject", "user", "users", "customer", "customers", "client", "clients", "member", "beneficiary", "guest", "resident", "student", "tenant", "trainee", "worker",
	"personne", "personnes", "usager", "usagers", "beneficiaire", "allocataire", "demandeur", "adherent", "candidat", "eleve", "salarie", "titulaire",
}

// others are words for lists, and texts, that say who else is concerned.
var others = []string{"to", "cc", "bcc", "from", "recipient", "recipients", "sender", "senders", "participant", "participants", "attendee", "attendees", "members", "contacts", "staff"}

// prose are words for texts that are written of somebody, or to them.
var prose = []string{"subject", "text", "message", "content"}

// tells are the kinds of values that say by themselves what they are of a person, what
// weighs most first.
var tells = []struct {
	kind  Kind
	field register.Fields
}{{NIR, register.NIR}, {Mail, register.Contact}, {Telephone, register.Contact}, {PersonName, register.Name}}

// hints are the kinds that say it where the name of the place says nothing.
var hints = []struct {
	kind  Kind
	field register.Fields
}{{Date, register.Status}, {Identifier, register.Identifier}, {Leading, register.Identifier}, {Long, register.Note}, {Coded, register.Note}}

// Guess is the category of this register that a part may be of, by the kinds of its values and then by
// its name; none when nothing speaks for one. It is a guess for somebody to look at.
func (p Part) Guess() register.Fields {
	p = p.typed()
	for _, tell := range tells {
		if p.Kinds[tell.kind] > 0 {
			return tell.field
		}
	}
	name := p.words()
	for _, look := range looks {
		for _, word := range look.words {
			if slices.Contains(name, word) {
				return look.field
			}
		}
	}
	if p.isToken() {
		return 0
	}
	if words := p.words(); p.Kinds[Text] > 0 && len(words) > 0 && slices.Contains(prose, words[len(words)-1]) {
		return register.Note
	}
	for _, hint := range hints {
		if p.Kinds[hint.kind] > 0 {
			return hint.field
		}
	}
	if p.Kinds[Capital] > 0 && p.Kinds[Text]+p.Kinds[Mark]+p.Kinds[Number] == 0 { // nothing but such words
		return register.Name
	}
	return 0
}

// words are those of a place's name; the last ones of a long place say what it is.
func (p Part) words() []string {
	const nearest = 4
	path := strings.ReplaceAll(p.Path, "[name=", "[")
	if _, inBody, found := strings.Cut(path, ":Body/"); found { // what an operation is called says nothing of its parts
		_, path, _ = strings.Cut(inBody, "/")
	}
	name := strings.Fields(strings.ToLower(splitWords(path + " " + p.Head)))
	return name[max(0, len(name)-nearest):]
}

// isCalled reports whether one of these words is in its name.
func (p Part) isCalled(words []string) bool {
	return slices.ContainsFunc(p.words(), func(word string) bool { return slices.Contains(words, word) })
}

// asksFor is Guess, of what is sent: what is looked for is somebody, most often, whatever was looked for this time.
func (p Part) asksFor() register.Fields {
	switch field := p.Guess(); {
	case field != 0:
		return field
	case p.isCalled(searches):
		return register.Name
	case p.isCalled(persons):
		return register.Identifier
	}
	return 0
}

// ordinary are the kinds of values that name nobody by themselves.
var ordinary = []Kind{Nothing, Truth, Number, Mark}

// isOrdinary reports whether nothing that was sent there looks like somebody's.
func (p Part) isOrdinary() bool {
	for kind := range p.Kinds {
		if !slices.Contains(ordinary, kind) {
			return p.isToken()
		}
	}
	return true
}

// isToken reports whether it is the session's, and another each time.
func (p Part) isToken() bool {
	return slices.ContainsFunc(p.words(), func(word string) bool { return strings.HasPrefix(word, "csrf") })
}

// splitWords puts a space between the words of a name.
func splitWords(name string) string {
	var b strings.Builder
	var before rune
	for _, r := range name {
		if r >= 'A' && r <= 'Z' && before >= 'a' && before <= 'z' {
			b.WriteByte(' ')
		}
		if before = r; strings.ContainsRune("-_.:[]/'\"=*@|()$~ ", r) {
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
	if p.Type != "" {
		seen = append([]string{"of type " + p.Type}, seen...)
	}
	if len(seen) == 0 {
		return "by its name alone"
	}
	if p.Head != "" {
		seen = append(seen, "under "+p.Head)
	}
	return strings.Join(seen, ", ")
}

// What ranks a part of a row that is called an id, and one that says whose.
const (
	byLink     = 2
	byID       = 5
	byPersonID = 6
)

// names ranks how likely a part of a row names its person; 0 when it does not.
func (p Part) names() int {
	p = p.typed()
	name := " " + strings.ToLower(splitWords(p.Path)) + " "
	switch {
	case strings.Contains(p.Path, Placeholder) || p.Kinds[Nothing] > 0 || p.Kinds[Long] > 0 || p.Path == "input@value":
		return 0
	case p.Path == "@~":
		return byID
	case p.Kinds[Link]+p.Kinds[Leading] > 0: // an id of a link is told by where it leads
		switch to := p.leadsTo(); {
		case to == "":
			return 0
		case !strings.HasPrefix(to, "/") && (Part{Path: to}).isCalled(persons): // a reference
			return byPersonID
		}
		return byLink
	case strings.Contains(name, " id "), strings.Contains(name, " pk "):
		if strings.HasPrefix(p.Path, "@") && p.isCalled(persons) {
			return byPersonID
		}
		return byID
	case p.Kinds[Identifier] > 0 && p.Guess() == register.Identifier:
		return 4
	case p.Guess() == register.Identifier && p.Kinds[Number] > 0:
		return 3
	case p.Kinds[NIR] > 0:
		return 1
	}
	return 0
}

// leadsTo is the one address that all links of a place lead to, but for one part that
// tells them apart.
func (p Part) leadsTo() string {
	if len(p.Leads) != 1 {
		return ""
	}
	return template(p.Leads[0])
}

// template is an address with one part that tells people apart; empty when it has none, or several.
func template(lead string) string {
	if strings.Count(lead, Placeholder) != 1 || strings.HasSuffix(lead, "...") {
		return ""
	}
	return strings.Replace(lead, Placeholder, "{id}", 1)
}

// naming finds the part of a row by which it most likely names its person, as it is
// declared.
func naming(inRow []Part) string {
	var found Part
	steps := func(p Part) int { return strings.Count(p.Path, ".") }
	for _, p := range inRow {
		if r, best := p.names(), found.names(); r > best || r == best && r > 0 && steps(p) < steps(found) {
			found = p
		}
	}
	if to := found.leadsTo(); to != "" && found.Kinds[Link]+found.Kinds[Leading] > 0 {
		return found.Path + " as " + to
	}
	return found.Path
}

// Draft writes, for each shape, the declaration that it lacks, with what was seen beside
// each line. What does not look like a person's is left in a comment, parameters and fields
// of requests too: nothing is said to speak of nobody.
func Draft(shapes []Shape, known register.Categories, scheme string) string {
	var b strings.Builder
	done := make(map[string]bool)
	statements := 0
	shapes = slices.Clone(shapes)
	for i, s := range shapes {
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
	case isFile(s.Answer) && ofSomebody && (name == Placeholder || strings.Contains(name, ".")):
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
	unsaid := strings.Contains(strings.ReplaceAll(s.Path, "/"+Placeholder, ""), Placeholder) || strings.HasSuffix(s.Path, "...")
	fmt.Fprintf(b, "# %s %s: asked %d×, and refused: %s\n", s.Method, s.Path, s.Times, s.Why)
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

// draftSocket writes a WebSocket, of which some messages were seen: those that are declared already, which are not, are
// beside them.
func draftSocket(b *strings.Builder, shapes []Shape, first Shape, known register.Categories, scheme string) {
	names, ok := first.begin(b, scheme)
	if !ok {
		return
	}
	engine := slices.ContainsFunc(shapes, func(s Shape) bool { return s.Path == first.Path && s.IsEngine() })
	query := first.Query
	for _, s := range shapes {
		if s.Path == first.Path && s.Socket == Handshake {
			query = join(&first, query, s.Query)
		}
	}
	if engine {
		own := slices.DeleteFunc(slices.Clone(engineQuery), func(name string) bool {
			return slices.ContainsFunc(query, func(p Part) bool { return p.Path == name && p.tellsOf() })
		})
		query = slices.DeleteFunc(query, func(p Part) bool { return slices.Contains(own, p.Path) })
		fmt.Fprintf(b, "# These are parameters of Engine.IO, by which socket.io is carried: its version, by which means, a time, and a session that the application made up:\n# query = %s\n", list(own))
	}
	first.named(b, known, "query", query, false)
	fmt.Fprintf(b, "# A page opens a WebSocket here. What each side says is refused, and noted, until it is declared.\n[service.route.websocket]\n")
	tag, numbered := "", false
	var prefixes []string
	if engine {
		tag, prefixes = EventTag, slices.Clone(enginePrefixes)
	}
	for _, s := range shapes {
		if s.Path == first.Path && len(s.Tag) > len(tag) {
			tag = s.Tag
		}
		if s.Path == first.Path && s.Socket == Asks {
			numbered = true
		}
		if s.Path == first.Path && s.Prefix != "" && s.Socket != Asks && s.Socket != Answers && len(s.Body)+len(s.Parts) > 0 && !slices.Contains(prefixes, s.Prefix) {
			prefixes = append(prefixes, s.Prefix)
		}
	}
	if slices.Sort(prefixes); len(prefixes) > 0 {
		fmt.Fprintf(b, "prefixes = %s\n", list(prefixes))
	}
	if numbered {
		fmt.Fprintf(b, "numbered = { %s = %q }\n", EventPrefix, answerPrefix)
	}
	switch tags := strings.Fields(tag); len(tags) {
	case 0:
		fmt.Fprintf(b, "# type = \"$.type\": the member that tells messages apart, where there are several\n")
	case 1:
		fmt.Fprintf(b, "type = %q\n", tag)
	default:
		fmt.Fprintf(b, "type = %s\n", list(tags))
	}
	if engine {
		fmt.Fprintf(b, "polling = true # as long as there is no WebSocket\n# Packets of Engine.IO and socket.io that carry nothing:\n# words = %s\n", list(engineWords))
	}
	for _, s := range shapes {
		if s.Path != first.Path || s.Socket == Handshake || s.Socket == "" {
			continue
		}
		side := s.Socket
		if side == Asks || side == Answers {
			side = Takes
		}
		table := fmt.Sprintf("service.route.websocket.%s.%s", side, key(cmp.Or(s.Type, "message")))
		if s.Prefix != "" {
			table = fmt.Sprintf("service.route.websocket.%s.%q", side, strings.TrimSpace(s.Prefix+" "+s.Type))
		}
		if s.Socket == Answers {
			table += ".answer"
		}
		if s.Prefix != "" && len(s.Parts)+len(s.Body) == 0 && !s.More {
			fmt.Fprintf(b, "# %s: %q alone, seen %d×: what says nothing of anybody stands under words\n", s.Socket, s.Prefix, s.Times)
			continue
		}
		if engine && s.Socket == Sends && s.Type == "" && (s.Prefix == "0" || s.Prefix == "40") {
			s.opening(b, table)
			continue
		}
		if strings.Contains(s.Type, Placeholder) || strings.ContainsAny(strings.ReplaceAll(s.Type, ", ", ""), ". /:[]") {
			fmt.Fprintf(b, "# %s: a type that is no plain word, seen %d×: %d parts\n", s.Socket, s.Times, len(s.Parts)+len(s.Body))
			continue
		}
		var own strings.Builder
		switch s.Socket {
		case Takes, Asks:
			fmt.Fprintf(&own, "# what a page says, refused %d×: whom it names stands under request, and what it changes under written\n[%s]\n", s.Times, table)
			if s.Socket == Asks {
				fmt.Fprintf(&own, "answer = {} # it is seen once this is declared\n")
			}
			s.named(&own, known, "members", without(s.Body, tag), false)
		default:
			fmt.Fprintf(&own, "# what the application says, refused %d×\n", s.Times)
			d := rowsDraft{b: &own, known: known, scheme: scheme, format: "json", media: "application/json", about: names}
			if s.Socket == Sends {
				s.Parts = without(s.Parts, tag)
			}
			rows := s.rows("json")
			for _, row := range slices.Sorted(maps.Keys(rows)) {
				d.row(row, rows[row])
			}
			if !d.wrote {
				fmt.Fprintf(&own, "# Nothing in it looks like a person's. Without plain = […], it goes out with its type alone:\n[%s]\n", table)
			}
		}
		b.WriteString(strings.ReplaceAll(own.String(), "service.route.json", table))
	}
	fmt.Fprintln(b)
}

// socketIO is the part of an address that an application which speaks socket.io has, unless it says another.
const socketIO = "socket.io"

// What Engine.IO and socket.io have of their own, in every application: see their protocols, 4 and 5.
var (
	engineQuery    = []string{"EIO", "transport", "t", "sid"}
	enginePrefixes = []string{"0", "40", "42"}
	engineWords    = []string{"1", "2", "3", "5", "6", "40", "41", "2probe", "3probe"}
	engineOpening  = []string{"$.sid", "$.upgrades", "$.pingInterval", "$.pingTimeout", "$.maxPayload"}
)

// An event of socket.io says its name at EventTag, and those of Feathers what of at EventTopic. EventPrefix stands before it, and
// before its number where it has one; answerPrefix before that of its answer.
const (
	EventTag     = "$[0]"
	EventTopic   = "$[1]"
	EventPrefix  = "42"
	answerPrefix = "43"
)

// IsEngine reports whether it is asked for as Engine.IO is.
func (s Shape) IsEngine() bool {
	has := func(name string) bool {
		return slices.ContainsFunc(s.Query, func(p Part) bool { return p.Path == name })
	}
	return has("EIO") && has("transport")
}

// tellsOf reports whether what was seen there says by itself that it is somebody's.
func (p Part) tellsOf() bool {
	return slices.ContainsFunc(telling, func(kind Kind) bool { return p.Kinds[kind] > 0 })
}

// opening writes how the packet may be read by which Engine.IO, or socket.io, begins.
func (s Shape) opening(b *strings.Builder, table string) {
	fmt.Fprintf(b, "# what the application says, refused %d×: a packet that opens a session\n[%s]\n", s.Times, table)
	var own []string
	for _, p := range s.Parts {
		if path := strings.TrimSuffix(p.Path, "[*]"); slices.Contains(engineOpening, path) && !p.tellsOf() {
			own = append(own, path)
		} else {
			fmt.Fprintf(b, "#   %s: %s; not of the protocol; look at it\n", p.Path, p.Evidence())
		}
	}
	if len(own) > 0 {
		fmt.Fprintf(b, "# What the protocol has there, if the session is a text that the application made up:\n# plain = %s\n", list(own))
	}
}

// without leaves places out, which have a blank between them.
func without(parts []Part, paths string) []Part {
	all := strings.Fields(paths)
	return slices.DeleteFunc(slices.Clone(parts), func(p Part) bool { return slices.Contains(all, p.Path) })
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

// key is a name as TOML has it for a key.
func key(name string) string {
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == "" {
		return name
	}
	return fmt.Sprintf("%q", name)
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

// usual are the content types that a format has when none is declared.
var usual = map[string]string{"html": "text/html", "csv": "text/csv", "json": "application/json", "ndjson": "application/x-ndjson", "xml": "application/xml"}

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
