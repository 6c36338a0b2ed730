package e2e

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"poterne/internal/roster"
)

// What the gate takes out of the demonstration's pages is nothing that their style
// sheet or their labels speak of: they look through it as they look without it.
func TestTheDemonstrationsPagesKeepWhatTheirStyleSpeaksOf(t *testing.T) {
	t.Parallel()
	sheet, err := os.ReadFile("../internal/lab/town/pages/style.css")
	if err != nil {
		t.Fatal(err)
	}
	styled := make(map[string]bool)
	for _, found := range regexp.MustCompile(`\.([a-z][a-z-]*)`).FindAllStringSubmatch(string(sheet), -1) {
		styled[found[1]] = true
	}
	tokens := func(page string) (list []string) {
		for _, found := range regexp.MustCompile(` (class|id|for|role|lang|scope|aria-[a-z]+)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
			for _, token := range strings.Fields(found[2]) {
				if found[1] != "class" || styled[token] {
					list = append(list, found[1]+" "+token)
				}
			}
		}
		slices.Sort(list)
		return list
	}
	d := startDemo(t, t.TempDir())
	mine := d.staff.Caseload("pauline.mercier")[0]
	trainee := d.register.FT(d.staff.Enrolments("of-horizon")[0])
	for _, c := range []struct {
		service roster.ServiceID
		account roster.AccountID
		paths   []string
	}{
		{"dossier", "pauline.mercier", []string{"/", "/mine", "/search?dossier=" + d.register.Dossier(mine), "/files/" + d.register.Dossier(mine)}},
		{"kairos", "lucas.ferrand", []string{"/", "/candidates", "/trainees/" + trainee}},
		{"ouiform", "pauline.mercier", []string{"/"}},
	} {
		b := d.browser(c.account)
		for _, path := range c.paths {
			whole, got := tokens(d.direct(t, c.service, c.account, path)), tokens(string(d.get(b, "/"+string(c.service)+path).Body))
			if len(whole) < 5 {
				t.Fatalf("%s%s itself has only %v", c.service, path, whole)
			}
			if !slices.Equal(whole, got) {
				t.Errorf("%s%s has through the gate\n%v\nand without it\n%v", c.service, path, got, whole)
			}
		}
	}
}
