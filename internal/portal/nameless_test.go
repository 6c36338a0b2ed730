package portal_test

import (
	"strings"
	"testing"
	"time"

	"poterne/internal/i18n"
	"poterne/internal/portal"
	"poterne/internal/portal/portaltest"
	"poterne/internal/roster"
)

// Promise: PERSON-6
func TestPERSON_6_AnAccountWithoutANameSaysSinceWhen(t *testing.T) {
	at := time.Date(2031, 3, 3, 23, 30, 0, 0, time.UTC) // the fourth in Paris
	gone := roster.Account{ID: "a1042", Name: "Zoé Partie", Mail: "zoe.partie@ml.example", Proposer: "jeanne.vidal", Closed: at.AddDate(-2, 0, 0)}.Nameless(at)
	for in, want := range map[i18n.Language]string{
		i18n.French: "a1042 (compte fermé, nom effacé le mardi 4 mars 2031)", i18n.English: "a1042 (account closed, name erased on Tuesday 4 March 2031)",
	} {
		portaltest.Visited(in, func(v *portal.Visit, shell *portal.Shell) {
			labels := shell.Labels(v, append([]roster.Account{gone}, portaltest.Accounts...), nil)
			drawn := (&portal.Lineages{Labels: labels, Held: func(roster.Account) bool { return false }}).Of(labels.Accounts["jeanne.vidal"])
			if len(drawn.Tree.Below) != 1 {
				t.Fatalf("below its proposer are %+v", drawn.Tree.Below)
			}
			for where, said := range map[string]string{"by its name": labels.Account("a1042"), "in a lineage": drawn.Tree.Below[0].Name} {
				said = strings.ReplaceAll(said, "\u00a0", " ")
				if said != want || strings.Contains(said, "Zoé") {
					t.Errorf("%s: %q", where, said)
				}
			}
		})
	}
}
