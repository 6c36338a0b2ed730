package content

import (
	"regexp"
	"strings"
)

var byName = regexp.MustCompile(`\[\s*name\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\]\s]+))\s*(?:[iIsS]\s*)?\]`)

// ControlNames lists the names under which what a part of a page shows is sent by a form, as far as its
// selector says.
func (p Part) ControlNames() (names []string) {
	for _, found := range byName.FindAllStringSubmatch(p.Path, -1) {
		names = append(names, found[1]+found[2]+found[3])
	}
	return names
}

var (
	combinators = regexp.MustCompile(`[\s>+~]+`)
	ownTag      = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*`)
)

// IsControl reports whether a part of a page is what a field of a form holds, or may be.
func (p Part) IsControl() bool {
	for one := range strings.SplitSeq(p.Path, ",") {
		compounds := combinators.Split(strings.TrimSpace(one), -1)
		switch tag := strings.ToLower(ownTag.FindString(compounds[len(compounds)-1])); tag {
		case "input", "textarea", "select", "option":
			return true
		case "":
			if p.Attribute == "value" || p.Attribute == "checked" || p.Attribute == "selected" {
				return true
			}
		}
	}
	return false
}
