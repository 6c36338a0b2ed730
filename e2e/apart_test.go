package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"poterne/internal/roster"
)

// A newcomer who follows what the demonstration says sees the pages of files that are kept apart.
//
// Promise: SCOPE-6
func TestSCOPE_6_TheDemonstrationShowsFilesThatAreKeptApart(t *testing.T) {
	t.Parallel()
	d := startDemo(t, t.TempDir())
	var paths []string
	for begun := time.Now(); len(paths) < 3 && time.Since(begun) < patience; time.Sleep(50 * time.Millisecond) { // it greets once it serves
		if _, said, found := strings.Cut(d.output.String(), "kept apart"); found {
			paths = regexp.MustCompile(`/dossier/files/\w+`).FindAllString(said, -1)
		}
	}
	if len(paths) != 3 {
		t.Fatalf("the demonstration names %v\n%s", paths, d.output)
	}
	for _, test := range []struct {
		agent  roster.AccountID
		path   string
		status int
		says   string
	}{
		{"pauline.mercier", paths[0], http.StatusForbidden, "Ce dossier est clos"},
		{"pauline.mercier", paths[1], http.StatusForbidden, "Ce dossier est archivé"},
		{"odile.garnier", paths[2], http.StatusOK, ""},
		{"pauline.mercier", paths[2], http.StatusForbidden, ""},
	} {
		page := d.get(d.browser(test.agent), test.path)
		if page.Status != test.status || !strings.Contains(string(page.Body), test.says) {
			t.Errorf("%s at %s: %d, want %d and %q:\n%.600s", test.agent, test.path, page.Status, test.status, test.says, page.Body)
		}
	}

	// What the application itself lists of them goes out in no list: a closed file is on the page of closed files alone.
	pauline := d.browser("pauline.mercier")
	var listed, itself strings.Builder
	for page := 1; page <= (len(d.staff.Caseload("pauline.mercier"))+24)/25; page++ {
		path := fmt.Sprintf("/mine?page=%d", page)
		got := d.get(pauline, "/dossier"+path)
		if got.Status != http.StatusOK {
			t.Fatalf("%s: status %d", path, got.Status)
		}
		listed.Write(got.Body)
		itself.WriteString(d.direct(t, "dossier", "pauline.mercier", path))
	}
	for _, path := range paths[:2] {
		dossier := strings.TrimPrefix(path, "/dossier/files/")
		i, known := d.register.ByDossier(dossier)
		if !known || !strings.Contains(itself.String(), dossier) {
			t.Fatalf("the application itself does not list %s", path)
		}
		if strings.Contains(listed.String(), dossier) || strings.Contains(listed.String(), d.register.Person(i).Name()) {
			t.Errorf("%s is in a list", path)
		}
	}
	if got := d.get(pauline, "/dossier/closed"); got.Status != http.StatusOK || !strings.Contains(string(got.Body), "Un dossier archivé n’est dans aucune liste.") {
		t.Errorf("the page of closed files does not say where an archived one is asked for: status %d", got.Status)
	}
}
