package config_test

import (
	"fmt"
	"strings"
	"testing"

	"poterne/internal/config"
	"poterne/internal/config/configtest"
	"poterne/internal/i18n"
	"poterne/internal/register"
)

// Promise: RUN-10. The categories of fields are those that the operator declares; ours are not
// there when they are not declared.
func TestRUN_10_FieldCategoriesAreTheOperatorsOwn(t *testing.T) {
	dir := configtest.Secrets(t)
	text := configtest.Land(config.Example)
	s, err := parse(dir, text)
	if err != nil {
		t.Fatal(err)
	}
	known := s.Rules.Categories
	parcel, err := known.Parse("parcel")
	if err != nil || parcel != 1<<19 || known.Of(parcel).Name(i18n.English) != "the parcel" || known.Of(parcel).YoursIn(i18n.French) != "parcel (fr)" {
		t.Errorf("a parcel is %d, %v", parcel, err)
	}
	if _, err := known.Parse("name"); err == nil || !strings.Contains(err.Error(), `"name" is not a field category; write one of place, visit`) {
		t.Errorf("ours, which nobody declared: %v", err)
	}
	if got := known.Joined(s.Rules.Purposes["train"]); got != "deed+parcel+reach+holder" {
		t.Errorf("a purpose is shown %s", got)
	}
	if got := known.Joined(known.Confirmed()); got != "fiscal-number" {
		t.Errorf("masked until a confirmation: %s", got)
	}
	if got := known.Joined(s.Rules.Theirs); s.People != nil && s.People.Contacts != nil && got != "reach" {
		t.Errorf("only people themselves change %q", got)
	}
	if _, err := parse(dir, strings.Replace(text, `"born", "reach"`, `"born", "contact"`, 1)); err == nil || !strings.Contains(err.Error(), `"contact" is not a field category`) {
		t.Errorf("a purpose with one of ours: %v", err)
	}
	confirmed, err := parse(dir, strings.Replace(text, "id = \"easement\"\n", "id = \"easement\"\nconfirm = true\n", 1))
	if err != nil || known.Joined(confirmed.Rules.Categories.Confirmed()) != "easement+fiscal-number" {
		t.Errorf("one that is confirmed: %v", err)
	}
}

// Promise: RUN-10. Some of ours can be declared beside one's own, by their ids alone.
func TestRUN_10_OurCategoriesStandBesideOnesOwn(t *testing.T) {
	dir := configtest.Secrets(t)
	var all strings.Builder
	for _, one := range register.Categories(nil).All() {
		fmt.Fprintf(&all, "[[field]]\nid = %q\n", one.ID)
	}
	s, err := parse(dir, withFields(all.String()))
	if err != nil || !s.Rules.Categories.Equal(nil) {
		t.Errorf("all of ours, by their ids: %v", err)
	}
	s, err = parse(dir, withFields(all.String()+plate))
	if got := s.Rules.Categories.Joined(register.NIR | 1<<14); err != nil || got != "nir+plate" {
		t.Errorf("beside them a plate: %s, %v", got, err)
	}
}

const plate = "[[field]]\nid = \"plate\"\nnumber = 15\ncounts_as = \"document\"\nname_fr = \"plaque\"\nname_en = \"plate\"\n"

func withFields(fields string) string {
	return strings.Replace(config.Example, "# Which categories of fields a purpose", fields+"\n# Which categories of fields a purpose", 1)
}

// Promise: RUN-10. A category is never half declared, nor one too many.
func TestRUN_10_ACategoryIsNeverHalfDeclared(t *testing.T) {
	dir := configtest.Secrets(t)
	var ours strings.Builder
	for _, one := range register.Categories(nil).All() {
		fmt.Fprintf(&ours, "[[field]]\nid = %q\n", one.ID)
	}
	more := func(upTo int) string {
		var b strings.Builder
		for n := 15; n <= upTo; n++ {
			fmt.Fprintf(&b, "[[field]]\nid = \"own-%d\"\nnumber = %d\ncounts_as = \"other\"\nname_fr = \"f%d\"\nname_en = \"e%d\"\n", n, n, n, n)
		}
		return b.String()
	}
	if s, err := parse(dir, withFields(ours.String()+more(24))); err != nil || s.Rules.Categories.Declared() != register.AllFields {
		t.Errorf("24 categories: %v", err)
	}
	for name, test := range map[string]struct{ was, is, want string }{
		"25":                       {plate, more(25), "number: must be between 1 and 24"},
		"32":                       {plate, more(32), "number: must be between 1 and 24"},
		"no number":                {"number = 15\n", "", "field[14].number: missing; write number = 15, which no category has"},
		"a number below":           {"number = 15\n", "number = -1\n", "field[14].number: must be between 1 and 24"},
		"a number of ours":         {"number = 15\n", "number = 3\n", "field[14].number: the category nir has this number; write another"},
		"ours under another":       {`id = "nir"`, "id = \"nir\"\nnumber = 15", "the category nir has this number"},
		"twice":                    {`id = "plate"`, `id = "nir"`, "field[14].id: this category is declared twice"},
		"no id":                    {"id = \"plate\"\n", "", "field[14].id: missing"},
		"an id with capitals":      {`id = "plate"`, `id = "Plate"`, `"Plate" is not the id of a category`},
		"the id of one unknown":    {`id = "plate"`, `id = "category-7"`, `"category-7" is not the id of a category`},
		"an id with a plus":        {`id = "plate"`, `id = "a+b"`, `"a+b" is not the id of a category`},
		"counts as nothing":        {"counts_as = \"document\"\n", "", "field[14].counts_as: write one of [identity birth nir"},
		"counts as what is not":    {`"document"`, `"secret"`, "field[14].counts_as: write one of"},
		"one language":             {"name_en = \"plate\"\n", "", "field[14].name_en: missing; write name_en"},
		"a name twice":             {plate, plate + strings.NewReplacer("15", "16", `"plate"`, `"plates"`).Replace(plate), "the category plate has this name"},
		"a name with a tag":        {`name_fr = "plaque"`, `name_fr = "<b>plaque"`, "holds what people cannot read"},
		"a name without end":       {`name_fr = "plaque"`, `name_fr = "` + strings.Repeat("é", 81) + `"`, "longer than 80 characters"},
		"a name that turns around": {`name_fr = "plaque"`, `name_fr = "pl` + "\u202e" + `aque"`, "field[14].name_fr"},
	} {
		text := withFields(ours.String() + plate)
		changed := withFields(strings.Replace(ours.String()+plate, test.was, test.is, 1))
		if _, err := parse(dir, changed); changed == text || err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}
