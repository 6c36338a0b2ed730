package configtest

import (
	"fmt"
	"regexp"
	"strings"
)

// landWords are the categories of a register of land, in place of those of the example, and what
// each counts as.
var landWords = []struct{ ours, id, class string }{
	{"name", "holder", "identity"},
	{"birth", "born", "birth"},
	{"nir", "fiscal-number", "nir"},
	{"contact", "reach", "contact"},
	{"identifier", "parcel", "identifier"},
	{"status", "title", "life"},
	{"employment", "use", "life"},
	{"note", "remark", "life"},
	{"training", "deed", "document"},
	{"benefit", "price", "financial"},
	{"health", "easement", "special"},
	{"family", "heirs", "family"},
	{"agenda", "visit", "life"},
	{"residence", "place", "place"},
}

var places = regexp.MustCompile(`(?m)^#? ?(fields|writes|shows|written) = .*$|fields = \{.*$`)

// Land is a configuration whose register is one of land: none of its categories of fields is
// ours, and they have other numbers.
func Land(text string) string {
	text = places.ReplaceAllStringFunc(text, func(line string) string {
		from := strings.Index(line, "fields = ")
		if from < 0 {
			from = 0
		}
		head, rest := line[:from], line[from:]
		for _, w := range landWords {
			rest = regexp.MustCompile(`([{,] )`+w.ours+` = `).ReplaceAllString(rest, "${1}\x00"+w.id+" = ")
			rest = regexp.MustCompile(`([\[ ])"`+w.ours+`"`).ReplaceAllStringFunc(rest, func(found string) string {
				return found[:1] + `"` + "\x00" + w.id + `"`
			})
		}
		return head + strings.ReplaceAll(rest, "\x00", "")
	})
	var declared strings.Builder
	for i, w := range landWords {
		fmt.Fprintf(&declared, "[[field]]\nid = %q\nnumber = %d\ncounts_as = %q\nname_fr = \"%s (fr)\"\nname_en = \"the %s\"\nyours_en = \"your %s\"\n\n", w.id, 24-i, w.class, w.id, w.id, w.id)
	}
	before, after, _ := strings.Cut(text, "# Which categories of fields a purpose")
	return before + declared.String() + "# Which categories of fields a purpose" + after
}
