package config

import (
	"slices"
	"strings"

	"poterne/internal/i18n"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

// fieldTable is a category of fields. Its id and its number stand in the ledger, and neither is
// ever given to another: the database remembers them, and a start under which one of them would
// mean another thing is refused. Without such tables the categories are those of this register,
// and for one of these only the id need be written.
type fieldTable struct {
	ID           string `toml:"id" need:"id = \"plate\", a name of its own that never changes"`
	Number       int64  `toml:"number"` // between 1 and 24, given once
	CountsAs     string `toml:"counts_as"`
	Confirm      bool   `toml:"confirm"`  // it is masked but for one person who is opened, within a quarter of an hour of a confirmation
	French       string `toml:"name_fr"`  // as staff call it
	English      string `toml:"name_en"`  //
	YoursFrench  string `toml:"yours_fr"` // as its person is told of it; as name_fr when left out
	YoursEnglish string `toml:"yours_en"`
}

// longestWords bounds what a category is called, in characters.
const longestWords = 80

// fields reads the categories.
func (c *config) fields(s *Settings, wrong *document) {
	if c.Field == nil {
		return
	}
	categories := register.Categories{}
	called := make(map[string]string) // by what people call them, in a language
	for i, t := range c.Field {
		path := index("field", i)
		one := register.Category{ID: t.ID, Number: int(t.Number), Class: register.Class(t.CountsAs), Confirmed: t.Confirm}
		if t.ID == "" {
			continue // complained of already
		}
		ours := register.Categories(nil).Known(t.ID)
		if err := register.CheckCategoryID(t.ID); err != nil {
			wrong.Add(path+".id", "%v", err)
		}
		if t.Number == 0 && ours.Number != 0 {
			one.Number = ours.Number
		}
		if t.CountsAs == "" && ours.Number != 0 {
			one.Class = ours.Class
		}
		switch {
		case one.Number == 0 && t.Number == 0:
			wrong.Add(path+".number", "missing; write number = %d, which no category has: it is given once, since entries are written under it", free(c.Field, categories))
		case one.Number < 1 || one.Number > register.MostCategories:
			wrong.Add(path+".number", "must be between 1 and %d", register.MostCategories)
		}
		if !slices.Contains(register.Classes, one.Class) {
			wrong.Add(path+".counts_as", "write one of %v: what authorities are told that it is", register.Classes)
		}
		if one.Class == register.NIRData {
			one.Confirmed = true
		}
		for _, before := range categories {
			if before.ID == one.ID {
				wrong.Add(path+".id", "this category is declared twice")
			} else if before.Number == one.Number && one.Number != 0 {
				wrong.Add(path+".number", "the category %s has this number; write another", before.ID)
			}
		}
		for in, name := range map[i18n.Language]string{i18n.French: t.French, i18n.English: t.English} {
			key, like := path+".name_"+string(in), string(in)+" "+roster.Alike(name)
			switch {
			case name == "" && ours.Number != 0:
				continue
			case name == "":
				wrong.Add(key, "missing; write name_%s = \"…\", what people call it", in)
			case called[like] != "":
				wrong.Add(key, "the category %s has this name; write another", called[like])
			}
			called[like] = t.ID
			one.Names = words(wrong, key, one.Names, in, name)
		}
		for in, name := range map[i18n.Language]string{i18n.French: t.YoursFrench, i18n.English: t.YoursEnglish} {
			if name != "" {
				one.Yours = words(wrong, path+".yours_"+string(in), one.Yours, in, name)
			}
		}
		if len(one.Names) == 1 {
			wrong.Add(path, "is called something in one language only; write name_fr and name_en")
		}
		categories = append(categories, one)
	}
	slices.SortFunc(categories, func(a, b register.Category) int { return a.Number - b.Number })
	s.Rules.Categories = categories
}

func words(wrong *document, key string, all register.Words, in i18n.Language, said string) register.Words {
	if all == nil {
		all = make(register.Words)
	}
	switch {
	case len([]rune(said)) > longestWords:
		wrong.Add(key, "longer than %d characters", longestWords)
	case typed.Wrong(said) != typed.Nothing || strings.ContainsAny(said, "\n<>{}"):
		wrong.Add(key, "holds what people cannot read as words")
	}
	all[in] = said
	return all
}

// free is the first number that no category has.
func free(tables []fieldTable, before register.Categories) int {
	for n := 1; ; n++ {
		taken := func(t fieldTable) bool { return int(t.Number) == n }
		if !slices.ContainsFunc(tables, taken) && !slices.ContainsFunc(before, func(c register.Category) bool { return c.Number == n }) {
			return n
		}
	}
}
