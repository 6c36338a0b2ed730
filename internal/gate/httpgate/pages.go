package httpgate

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"poterne/internal/policy"
)

// isTotal is how a list says how many rows it has on all its pages.
var isTotal = regexp.MustCompile(`^[0-9]{1,9}$`)

// withoutWithheld is what a list says of how many rows it has, less those that are cut
// out of this page of it. Whoever reads on is told as much as they are shown, and that
// there are others.
func withoutWithheld(total string, places []int, decision policy.Decision) string {
	n, err := strconv.Atoi(total)
	if err != nil {
		return ""
	}
	shown := 0
	for _, place := range places {
		if decision.People[place].Verdict.Shows() {
			shown++
		}
	}
	return strconv.Itoa(max(shown, n-(len(places)-shown)))
}

// relations are how a page of a list stands to others.
var relations = map[string]string{"first": "first", "prev": "prev", "previous": "prev", "next": "next", "last": "last"}

var oneLink = regexp.MustCompile(`<([^<>"]*)>\s*;\s*rel="?([a-z]+)"?\s*(?:,|$)`)

// links are those that lead to other pages of a list, each like a redirection: to a
// declared address that says nothing but what was asked, or has a declared form. One
// that names somebody, or leads elsewhere, is left out.
func (x *exchange) links(lines []string) (kept []string) {
	for _, found := range oneLink.FindAllStringSubmatch(strings.Join(lines, ", "), -1) {
		relation, known := relations[found[2]]
		target, location, err := x.target(found[1], http.MethodGet)
		if !known || err != nil || x.leads(target) != nil {
			continue
		}
		if named, err := target.route.refsIn(target.address); err != nil || len(named) > 0 {
			continue
		}
		kept = append(kept, "<"+location+`>; rel="`+relation+`"`)
	}
	return kept
}
