package register_test

import (
	"strings"
	"testing"

	"poterne/internal/i18n"
	"poterne/internal/register"
)

// Promise: RUN-10. What an entry was written under is read as it was meant, whatever the
// configuration says later: a category is called something else, goes and comes back, and never
// means another thing.
func TestRUN_10_ANumberMeansOneThingForEver(t *testing.T) {
	plate := register.Category{Number: 15, ID: "plate", Class: register.Document, Names: register.Words{i18n.French: "plaque", i18n.English: "plate"}}
	deed := register.Category{Number: 3, ID: "deed", Class: register.Document}
	known, err := register.Categories{deed, plate}.After(nil)
	if err != nil {
		t.Fatal(err)
	}
	renamed := plate
	renamed.Names = register.Words{i18n.French: "immatriculation", i18n.English: "registration"}
	next, err := register.Categories{deed, renamed}.After(known)
	if err != nil || next.Of(1<<14).Name(i18n.French) != "immatriculation" {
		t.Errorf("renamed: %v, %v", next, err)
	}
	next, err = register.Categories{deed}.After(known)
	if err != nil || next.Joined(1<<14|1<<2) != "deed+plate" || next.Declared() != 1<<2 || next.Of(1<<14).Name(i18n.English) != "plate" {
		t.Errorf("gone: %v, %v", next, err)
	}
	if _, err := next.Parse("plate"); err == nil {
		t.Error("one that is gone can be declared of an answer")
	}
	if back, err := (register.Categories{deed, plate}).After(next); err != nil || !back.Equal(known) {
		t.Errorf("back again: %v, %v", back, err)
	}
	for name, test := range map[string]struct {
		declared register.Categories
		want     string
	}{
		"renumbered":           {register.Categories{deed, {Number: 16, ID: "plate"}}, `"plate" has the number 16, and entries were written of it under 15`},
		"its number reused":    {register.Categories{deed, {Number: 15, ID: "owner"}}, `"owner" has the number 15, which entries were written under as "plate"`},
		"swapped":              {register.Categories{{Number: 15, ID: "deed"}, {Number: 3, ID: "plate"}}, "mean one thing for ever"},
		"reused while it gone": {register.Categories{{Number: 15, ID: "deed"}}, `"deed" has the number 15, and entries were written of it under 3`},
		"ours in its place":    {nil, `"nir" has the number 3, which entries were written under as "deed"`},
	} {
		if _, err := test.declared.After(next); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if got := (register.Categories{deed}).IDs(1<<2 | 1<<20 | 1<<31); strings.Join(got, " ") != "deed category-21 category-32" {
		t.Errorf("bits that nobody declared are called %v", got)
	}
}
