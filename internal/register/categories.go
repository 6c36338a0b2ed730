package register

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"poterne/internal/i18n"
)

// Class is what a category of fields counts as, whatever its operator calls it: the rules, the
// notices to authorities and the score of an incident go by it.
type Class string

const (
	Identity   Class = "identity"   // surname, first names
	BirthData  Class = "birth"      // date and place of birth
	NIRData    Class = "nir"        // social-security number
	Contacts   Class = "contact"    // where the person is reached: only they change it
	References Class = "identifier" // of the register, or by which the person signs in
	Document   Class = "document"   // an official document: passport, licence, registration
	Place      Class = "place"      // where the person is or was
	Household  Class = "family"     // private life: household, dependants
	Life       Class = "life"       // working life, dealings with bodies, what was written of them
	Financial  Class = "financial"  // income, rights, payments, property
	Medical    Class = "health"     // health, disability
	Special    Class = "special"    // the other categories of article 9 of the GDPR
	Offences   Class = "offences"   // convictions, offences, security measures
	Other      Class = "other"
)

// Classes are all, as they are listed to whoever declares a category.
var Classes = []Class{Identity, BirthData, NIRData, Contacts, References, Document, Place, Household, Life, Financial, Medical, Special, Offences, Other}

// Words are what people call something, in each language.
type Words map[i18n.Language]string

// Category is what one bit of Fields means. Its number and its id are given once: entries,
// sealed lists and files of incidents keep them.
type Category struct {
	Number    int    `json:"number"` // from 1: the bit is 1 << (Number-1)
	ID        string `json:"id"`     // in lists and in configurations
	Class     Class  `json:"class"`
	Confirmed bool   `json:"confirmed,omitempty"` // it is shown of one person at a time, who is opened, to an account that has confirmed lately
	Names     Words  `json:"names,omitempty"`     // as staff call it; none: the program's own words for the id
	Yours     Words  `json:"yours,omitempty"`     // as the person is told of it: "your number plate"; none: as Names
	Gone      bool   `json:"gone,omitempty"`      // the configuration does not declare it any more
}

// Bit is the category as a set.
func (c Category) Bit() Fields { return 1 << (c.Number - 1) }

// Name is what staff call it.
func (c Category) Name(in i18n.Language) string { return c.said(in, "field.", c.Names[in]) }

// YoursIn is what its person is told that it is.
func (c Category) YoursIn(in i18n.Language) string {
	if c.Yours[in] == "" && c.Names[in] != "" {
		return c.Names[in]
	}
	return c.said(in, "yours.", c.Yours[in])
}

// Mine is the same on the person's own page, in fewer words.
func (c Category) Mine(in i18n.Language) string {
	if c.Yours[in] == "" && c.Names[in] != "" {
		return c.Names[in]
	}
	return c.said(in, "mine.field-", c.Yours[in])
}

// Data is what an authority is told that it is: the class of data in its words, and the
// category.
func (c Category) Data(in i18n.Language) string {
	if key := "data." + c.ID; c.Names[in] == "" && in.Has(key) {
		return in.Say(key)
	}
	return in.Say("data.of", "class", in.Say("data.class-"+string(c.Class)), "name", c.Name(in))
}

func (c Category) said(in i18n.Language, area, own string) string {
	if own != "" {
		return own
	}
	if key := area + c.ID; in.Has(key) {
		return in.Say(key)
	}
	return c.ID
}

// Categories say what each bit of Fields means. Nil is the categories of this register.
type Categories []Category

// own are the categories of this register.
var own = Categories{
	{Number: 1, ID: "name", Class: Identity},
	{Number: 2, ID: "birth", Class: BirthData},
	{Number: 3, ID: "nir", Class: NIRData, Confirmed: true},
	{Number: 4, ID: "contact", Class: Contacts},
	{Number: 5, ID: "identifier", Class: References},
	{Number: 6, ID: "status", Class: Life},
	{Number: 7, ID: "employment", Class: Life},
	{Number: 8, ID: "note", Class: Life},
	{Number: 9, ID: "training", Class: Life},
	{Number: 10, ID: "benefit", Class: Financial},
	{Number: 11, ID: "health", Class: Medical},
	{Number: 12, ID: "family", Class: Household},
	{Number: 13, ID: "agenda", Class: Life},
	{Number: 14, ID: "residence", Class: Place},
}

// All are the categories, those that are gone too, in the order of their numbers.
func (c Categories) All() Categories {
	if c == nil {
		return own
	}
	return c
}

// Parse returns the category with an id, among those that are declared.
func (c Categories) Parse(id string) (Fields, error) {
	var ids []string
	for _, one := range c.All() {
		switch {
		case one.Gone:
		case one.ID == id:
			return one.Bit(), nil
		default:
			ids = append(ids, one.ID)
		}
	}
	return 0, fmt.Errorf("%q is not a field category; write one of %s", id, strings.Join(ids, ", "))
}

// Of returns the category of a bit. Nobody declared it where it has no id.
func (c Categories) Of(bit Fields) Category {
	for _, one := range c.All() {
		if one.Bit() == bit {
			return one
		}
	}
	n := 1
	for ; n < 32 && bit != 1<<(n-1); n++ {
	}
	return Category{Number: n, ID: fmt.Sprintf("category-%d", n), Class: Other, Gone: true}
}

// In lists the categories of a set, in the order of their numbers.
func (c Categories) In(f Fields) []Category {
	list := make([]Category, 0, f.Count())
	for bit := Fields(1); bit != 0 && bit <= f; bit <<= 1 {
		if f&bit != 0 {
			list = append(list, c.Of(bit))
		}
	}
	return list
}

// IDs lists the ids of a set.
func (c Categories) IDs(f Fields) []string {
	ids := make([]string, 0, f.Count())
	for _, one := range c.In(f) {
		ids = append(ids, one.ID)
	}
	return ids
}

// Joined is the ids of a set in one word, as lists have them.
func (c Categories) Joined(f Fields) string { return strings.Join(c.IDs(f), "+") }

// Declared are the categories of these classes, of all where none is named, but for those that
// are gone.
func (c Categories) Declared(classes ...Class) (f Fields) {
	for _, one := range c.All() {
		if !one.Gone && (len(classes) == 0 || slices.Contains(classes, one.Class)) {
			f |= one.Bit()
		}
	}
	return f
}

// Counting are the categories of a set that count as one of the classes, gone or not.
func (c Categories) Counting(f Fields, classes ...Class) (counted Fields) {
	for _, one := range c.In(f) {
		if slices.Contains(classes, one.Class) {
			counted |= one.Bit()
		}
	}
	return counted
}

// Confirmed are those that are shown of one person at a time, after a confirmation.
func (c Categories) Confirmed() (f Fields) {
	for _, one := range c.All() {
		if one.Confirmed {
			f |= one.Bit()
		}
	}
	return f
}

var categoryID = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)

// CheckCategoryID returns what is wrong with an id.
func CheckCategoryID(id string) error {
	if !categoryID.MatchString(id) || strings.HasPrefix(id, "category-") {
		return fmt.Errorf("%q is not the id of a category; write small letters, digits and - only, 40 at most, and not category-…", id)
	}
	return nil
}

// After returns what the categories are, once some were known before: what was known and is not
// declared any more stays, as gone. Neither its number nor its id may mean another thing: what
// was written under it would be read as that.
func (c Categories) After(known Categories) (Categories, error) {
	declared := c.All()
	var next Categories
	for _, before := range known {
		i := slices.IndexFunc(declared, func(d Category) bool { return d.Number == before.Number })
		j := slices.IndexFunc(declared, func(d Category) bool { return d.ID == before.ID })
		switch {
		case i >= 0 && declared[i].ID != before.ID:
			return nil, fmt.Errorf("the field category %q has the number %d, which entries were written under as %q: an id and a number mean one thing for ever; give %q a number that was never used",
				declared[i].ID, before.Number, before.ID, declared[i].ID)
		case j >= 0 && declared[j].Number != before.Number:
			return nil, fmt.Errorf("the field category %q has the number %d, and entries were written of it under %d: write number = %d", before.ID, declared[j].Number, before.Number, before.Number)
		case i < 0:
			before.Gone = true
			next = append(next, before)
		}
	}
	next = append(next, declared...)
	slices.SortFunc(next, func(a, b Category) int { return a.Number - b.Number })
	return next, nil
}

// Equal reports whether two lists say the same.
func (c Categories) Equal(other Categories) bool {
	return slices.EqualFunc(c.All(), other.All(), func(a, b Category) bool {
		return a.Number == b.Number && a.ID == b.ID && a.Class == b.Class && a.Confirmed == b.Confirmed && a.Gone == b.Gone && maps.Equal(a.Names, b.Names) && maps.Equal(a.Yours, b.Yours)
	})
}

// Rows gives each category to row, for a digest of all.
func (c Categories) Rows(row func(columns ...any)) {
	for _, one := range c.All() {
		row(one.Number, one.ID, one.Class, one.Confirmed, one.Gone, one.Names[i18n.French], one.Names[i18n.English], one.Yours[i18n.French], one.Yours[i18n.English])
	}
}

// Known returns the category with an id, gone or not; the zero category when there is none.
func (c Categories) Known(id string) Category {
	for _, one := range c.All() {
		if one.ID == id {
			return one
		}
	}
	return Category{}
}

// Like returns the declared category that is most like one of this register: that with its id,
// else the first of its class.
func (c Categories) Like(ours Fields) (Category, bool) {
	meant := own.Of(ours)
	for _, fits := range []func(Category) bool{
		func(one Category) bool { return one.ID == meant.ID },
		func(one Category) bool { return one.Class == meant.Class },
	} {
		if i := slices.IndexFunc(c.All(), func(one Category) bool { return !one.Gone && fits(one) }); i >= 0 {
			return c.All()[i], true
		}
	}
	return Category{}, false
}
