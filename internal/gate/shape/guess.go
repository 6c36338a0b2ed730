package shape

import (
	"fmt"
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
