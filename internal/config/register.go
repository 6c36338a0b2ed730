package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"poterne/internal/register"
)

// registerTable names the register's own identifiers, the ones that need no alias,
// and says how identifiers are written. What a request spells otherwise is refused:
// the application could take it for somebody else's.
type registerTable struct {
	Scheme  string                 `toml:"scheme" need:"scheme = \"dossier\", the name of the register's own identifiers"`
	Schemes map[string]schemeTable `toml:"schemes"` // by name; the register's own are whole numbers without leading zeros when left out
}

// schemeTable is how the identifiers of one scheme are written.
type schemeTable struct {
	Pattern string    `toml:"pattern" need:"pattern = \"[0-9]{8}\", a regular expression that the whole identifier matches"`
	Fold    oneOrMore `toml:"fold"` // what makes no difference: "case", "spaces", or "none"
}

// canariesTable reserves identifiers of the register for people who exist only for
// Poterne. It is safe as long as no person is ever given one: `poterne canaries
// check` looks. Another set has other canaries.
type canariesTable struct {
	Set   string `toml:"set" need:"set = \"2026\", any name; another name gives other canaries"`
	OneIn int64  `toml:"one_in" need:"one_in = 1000000: of all identifiers that can be written, one in so many is reserved"`
}

// purposeTable says which categories of fields a purpose may be shown.
type purposeTable struct {
	Name   string   `toml:"name" need:"name = \"accompany\""`
	Fields []string `toml:"fields" need:"fields = [\"name\", \"contact\"]"`
}

// schemes reads how identifiers are written.
func (c *config) schemes(s *Settings, wrong *document) {
	declared := make(map[string]register.Form)
	for _, name := range slices.Sorted(maps.Keys(c.Register.Schemes)) {
		table, path := c.Register.Schemes[name], "register.schemes."+name
		if !schemeNames.MatchString(name) {
			wrong.Add(path, "not a plain name; write letters, digits, - and _ only")
		}
		var folds []register.Fold
		for _, fold := range table.Fold {
			folds = append(folds, register.Fold(fold))
		}
		if table.Pattern == "" {
			continue // complained of already
		}
		form, err := register.NewForm(table.Pattern, folds...)
		if err != nil {
			key, said, _ := strings.Cut(err.Error(), ": ")
			wrong.Add(path+"."+key, "%s", said)
			continue
		}
		declared[name] = form
	}
	s.Schemes = register.NewSchemes(c.Register.Scheme, declared)
}

var schemeNames = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// canaries derives the function that knows them.
func (c *config) canaries(s *Settings, wrong *document) {
	if c.Canaries == nil || s.Pseudonym.IsZero() || c.Canaries.Set == "" || c.Canaries.OneIn == 0 {
		return // none are wanted, or what is missing was complained of
	}
	var err error
	if s.Canaries, err = s.Pseudonym.Canaries(c.Canaries.Set, c.Canaries.OneIn); err != nil {
		wrong.Add("canaries", "%v", err)
	}
}

// Person returns the pseudonym of one of the register's own identifiers, as somebody
// wrote it.
func (s Settings) Person(identifier string) (register.PersonID, error) {
	ref, err := s.Schemes.Told(s.Schemes.Own(), identifier)
	if err != nil {
		return register.PersonID{}, err
	}
	return s.Pseudonym.Person(ref.Value), nil
}

// Reserved reports whether one of the register's own identifiers is kept for
// canaries.
func (s Settings) Reserved(identifier string) bool {
	person, err := s.Person(identifier)
	return err == nil && s.Canaries.Reserved(person)
}

func categories(wrong *document, known register.Categories, path string, names []string) (fields register.Fields) {
	for i, name := range names {
		field, err := known.Parse(name)
		if err != nil {
			wrong.Add(index(path, i), "%v", err)
		}
		fields |= field
	}
	return fields
}
