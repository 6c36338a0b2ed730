package installation_test

import (
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"poterne/internal/i18n"
	"poterne/internal/portal/portaltest"
	"poterne/internal/portal/rooms/installation"
	"poterne/internal/roster"
)

var row = regexp.MustCompile(`(?s)<tr><td.*?</tr>`)

// Those who answer for the installation read what its configuration says, and nobody else
// reads anything of it.
func TestWhatIsInForceIsReadByThoseWhoAnswerForIt(t *testing.T) {
	stage := portaltest.NewStage()
	stage.Fill()
	for who, may := range map[roster.AccountID]bool{"noa.lambert": true, "claire.noir": true, "camille.aubry": false, "jeanne.vidal": false, "": false} {
		answer := httptest.NewRecorder()
		stage.Visits(who, "GET", installation.Path, nil)(answer, httptest.NewRequest("GET", installation.Path, nil), i18n.English)
		page := answer.Body.String()
		for _, of := range []string{"3f9a07000000", "proconnect.example", "astreinte@poterne.example", "3 witnesses, 2 needed", "never heard", "heard <time"} {
			if strings.Contains(page, of) != may {
				t.Errorf("%q: that %q is read is %v, want %v (%d)", who, of, !may, may, answer.Code)
			}
		}
		if !may {
			continue
		}
		rows := row.FindAllString(page, -1)
		about := func(word, of string) string {
			i := slices.IndexFunc(rows, func(r string) bool { return strings.Contains(r, word) && strings.Contains(r, of) })
			if i < 0 {
				t.Errorf("%q: no row of %s has %s", who, word, of)
				return ""
			}
			return rows[i]
		}
		if r := about(">Adviser", ">20<"); !strings.Contains(r, ">5<") || !strings.Contains(r, ">600<") || !strings.Contains(r, ">150<") || strings.Contains(r, "observed") {
			t.Errorf("an adviser's limits: %s", r)
		}
		if r := about(">Front desk", ">45"); !strings.Contains(r, "observed") || !strings.Contains(r, "no limit") {
			t.Errorf("a desk's limits: %s", r)
		}
	}
}

// The organisations that have taken most of their quota stand first.
func TestTheFullestOrganisationsStandFirst(t *testing.T) {
	answer := httptest.NewRecorder()
	portaltest.NewStage().Visits("noa.lambert", "GET", installation.Path, nil)(answer, httptest.NewRequest("GET", installation.Path, nil), i18n.English)
	_, table, _ := strings.Cut(answer.Body.String(), `id="quotas"`)
	table, _, _ = strings.Cut(table, "</table>")
	counts := regexp.MustCompile(`data-label="Accounts" class="figure">(\d+)`).FindAllStringSubmatch(table, -1)
	if len(counts) < 3 {
		t.Fatalf("%d organisations", len(counts))
	}
	for i := range counts[1:] {
		if counts[i][1] < counts[i+1][1] { // all have the same quota here, and fewer than ten accounts
			t.Errorf("%v is not in order", counts)
		}
	}
}
