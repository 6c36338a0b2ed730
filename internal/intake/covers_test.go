package intake_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/gate"
	"poterne/internal/intake"
	"poterne/internal/journal"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// agency is a real store with two organisations, and nodes over it.
type agency struct {
	t     *testing.T
	path  string
	clock atomic.Int64
	key   register.Key
}

func (a *agency) now() time.Time { return time.UnixMicro(a.clock.Load()).UTC() }

func (a *agency) db() *store.DB {
	a.t.Helper()
	db, err := store.OpenSQLite(a.t.Context(), a.path)
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { _ = db.Close() })
	return db
}

// newAgency has three absent advisers with a person each (1, 2, 3), the substitute pauline,
// the managers nadia, who proposed pepe, and mona, and rose who manages elsewhere.
func newAgency(t *testing.T) *agency {
	t.Helper()
	a := &agency{t: t, path: filepath.Join(t.TempDir(), "poterne.db")}
	a.clock.Store(noon.UnixMicro())
	key, err := register.NewKey([]byte(strings.Repeat("k", register.KeyBytes)))
	if err != nil {
		t.Fatal(err)
	}
	a.key = key
	list := accounts.List{Organisations: []roster.Organisation{
		{ID: "ml", SIRET: "12345678901234", Name: "Mission locale"}, {ID: "cap", SIRET: "12345678901242", Name: "Cap emploi"},
	}}
	for id, at := range map[roster.AccountID]struct {
		organisation roster.OrganisationID
		role         roster.Role
		proposer     roster.AccountID
	}{
		"pauline": {"ml", roster.Adviser, ""}, "pepe": {"ml", roster.Adviser, "nadia"}, "absent1": {"ml", roster.Adviser, ""}, "absent2": {"ml", roster.Adviser, ""},
		"absent3": {"ml", roster.Adviser, ""}, "nadia": {"ml", roster.Manager, ""}, "mona": {"ml", roster.Manager, ""},
		"samir": {"ml", roster.Security, ""}, "rose": {"cap", roster.Manager, ""}, "carl": {"cap", roster.Adviser, ""},
	} {
		list.Accounts = append(list.Accounts, roster.Account{
			ID: id, Organisation: at.organisation, Role: at.role, Proposer: at.proposer, Opened: noon.AddDate(-1, 0, 0), Identity: roster.Identity{Subject: string(id)},
		})
		if at.role.ReadsFiles() {
			list.Habilitations = append(list.Habilitations, roster.Habilitation{Account: id, Service: "dossier", Purpose: "accompany", From: noon.AddDate(-1, 0, 0), Until: noon.AddDate(1, 0, 0)})
		}
	}
	db := a.db()
	if err := storetest.TakeRoster(t, db, list); err != nil {
		t.Fatal(err)
	}
	var facts []reason.Fact
	for n := 1; n <= 3; n++ {
		facts = append(facts, reason.Fact{
			Kind: reason.Caseload, ID: fmt.Sprint(n), Account: roster.AccountID(fmt.Sprintf("absent%d", n)), Person: storetest.Person(n),
			From: noon.AddDate(0, -1, 0), Until: noon.AddDate(1, 0, 0),
		})
	}
	if err := storetest.TakeFacts(t, db, "cases", facts...); err != nil {
		t.Fatal(err)
	}
	return a
}

// node runs a gate over the agency's store.
func (a *agency) node() *storetest.Node {
	a.t.Helper()
	db := a.db()
	rules := policy.Rules{Purposes: roster.Purposes{"accompany": register.Name}, Covers: reason.Covers} // without a reason no person is shown
	n, err := storetest.OpenNode(a.t.Context(), store.NewLedger(db), store.NewFacts(db), rules, a.now)
	if err != nil {
		a.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	wait.Go(func() {
		if err := n.Run(ctx); err != nil {
			a.t.Errorf("the journal ended with %v", err)
		}
	})
	a.t.Cleanup(func() { cancel(); wait.Wait() })
	return n
}

// opens says whether an account is shown a person, and why.
func (a *agency) opens(n *storetest.Node, account roster.AccountID, person int) (bool, policy.Ruling) {
	a.t.Helper()
	return a.opensPerson(n, account, storetest.Person(person))
}

func (a *agency) opensPerson(n *storetest.Node, account roster.AccountID, person register.PersonID) (bool, policy.Ruling) {
	a.t.Helper()
	passage, err := n.Commit(a.t.Context(), policy.Ask{
		Act: policy.Show, Account: account, Service: "dossier", Purpose: "accompany", Route: "GET /files/{dossier}",
		People: []policy.Opening{{Person: person, Fields: register.Name}},
	})
	if err != nil {
		a.t.Fatal(err)
	}
	r := passage.Decision.People[0]
	return r.Verdict.Shows(), r
}

func (a *agency) facts(w journal.Writer) intake.Facts {
	db := a.db()
	return intake.Facts{
		Writer: w, Directory: gate.NewDirectory(a.key, schemes, store.NewAliases(db)), Schemes: schemes, Roster: store.NewRoster(db),
		Sources: map[string]intake.Source{"planning": everyKind}, Covers: reason.Covers, Now: a.now,
	}
}

// declare takes in a line of a cover by file, and returns why it was rejected.
func (a *agency) declare(w journal.Writer, lines ...string) (said []string) {
	a.t.Helper()
	file := "id,kind,absent,substitute,declared_by,from,until\n" + strings.Join(lines, "\n") + "\n"
	_, err := a.facts(w).Take(a.t.Context(), "planning", intake.CSV, strings.NewReader(file), intake.Said{Rejected: func(r intake.Rejection) { said = append(said, r.Reason) }})
	if err != nil {
		a.t.Fatal(err)
	}
	return said
}

// cover is a line that declares a cover for so many days from now on.
func (a *agency) cover(id, absent, substitute, by string, days int) string {
	return strings.Join([]string{id, "cover", absent, substitute, by, a.now().Format(time.RFC3339), a.now().AddDate(0, 0, days).Format(time.RFC3339)}, ",")
}

const byManager = "declared_by: a cover is declared by a manager of the absent agent's organisation, under no order, who did not propose the substitute's account"

// Promise: RIGHTS-10
func TestRIGHTS_10_ACoverIsDeclaredByAManagerOfTheAbsentAgentUnderNoOrderByFileAndByPush(t *testing.T) {
	const notKnown = ": not in the roster; import the roster first, or spell it as it is there"
	for name, test := range map[string]struct{ absent, substitute, by, want string }{
		"their manager":                      {"absent1", "pauline", "nadia", ""},
		"nobody at all":                      {"absent1", "pauline", "nobody-at-all", "declared_by" + notKnown},
		"another organisation's manager":     {"absent1", "pauline", "rose", byManager},
		"a colleague":                        {"absent1", "pauline", "absent2", byManager},
		"the security desk":                  {"absent1", "pauline", "samir", byManager},
		"the substitute":                     {"absent1", "pauline", "pauline", "declared_by: a cover is declared by somebody else than the substitute and the absent agent"},
		"the absent agent":                   {"absent1", "pauline", "absent1", "declared_by: a cover is declared by somebody else than the substitute and the absent agent"},
		"who proposed the substitute":        {"absent1", "pepe", "nadia", byManager},
		"another than who proposed them":     {"absent1", "pepe", "mona", ""},
		"of a substitute from elsewhere":     {"absent1", "carl", "nadia", "substitute: of another organisation than the absent agent"},
		"of an absent agent from elsewhere":  {"carl", "pauline", "nadia", byManager},
		"of themself":                        {"pauline", "pauline", "nadia", "substitute: nobody covers themself"},
		"a manager who is absent themself":   {"nadia", "pauline", "nadia", "declared_by: a cover is declared by somebody else than the substitute and the absent agent"},
		"an absent agent who is not there":   {"absent9", "pauline", "nadia", "absent" + notKnown},
		"in capitals, which is another name": {"absent1", "pauline", "Nadia", "declared_by" + notKnown},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAgency(t)
			n := a.node()
			line := a.cover("1", test.absent, test.substitute, test.by, 14)
			var want []string
			if test.want != "" {
				want = []string{test.want}
			}
			if said := a.declare(n.Journal, line); !slices.Equal(said, want) {
				t.Errorf("by file: %q, want %q", said, want)
			}
			token := strings.Repeat("t", intake.TokenLength)
			mux := http.NewServeMux()
			mux.Handle(intake.PushPattern, intake.NewPush(a.facts(n.Journal), map[string]intake.Token{"planning": intake.NewToken(token)}, slog.New(slog.DiscardHandler)))
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/.poterne/facts/planning", strings.NewReader("id,kind,absent,substitute,declared_by,from,until\n"+line+"\n"))
			r.Header.Set("Content-Type", "text/csv")
			r.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, r)
			if test.want != "" && !strings.Contains(w.Body.String(), test.want) || test.want == "" && !strings.Contains(w.Body.String(), `"kept":1`) {
				t.Errorf("by push: %s", w.Body)
			}
			if test.absent == "absent1" {
				if shown, ruling := a.opens(n, roster.AccountID(test.substitute), 1); shown != (test.want == "") || shown && ruling.Reason.Kind != reason.Cover {
					t.Errorf("the absent agent's person is shown: %v, %v", shown, ruling.Reason.Kind)
				}
			}
		})
	}
	for _, o := range []order.Order{
		{Effect: order.Suspended, Reach: order.Account, Target: "nadia"},
		{Effect: order.Frozen, Reach: order.Account, Target: "nadia"},
		{Effect: order.Suspended, Reach: order.Organisation, Target: "ml"},
		{Effect: order.Frozen, Reach: order.Organisation, Target: "ml"},
	} {
		a := newAgency(t)
		n := a.node()
		o.By, o.Because = "samir", "vol"
		if _, err := n.Place(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		if said := a.declare(n.Journal, a.cover("1", "absent1", "pauline", "nadia", 14)); !slices.Equal(said, []string{byManager}) {
			t.Errorf("declared by a manager who is %s by an order on the %s: %q", o.Effect, o.Reach, said)
		}
	}
}

// Promise: RIGHTS-10
func TestRIGHTS_10_AtMostTwoColleaguesAreCoveredAtOnceFor28DaysAtMost(t *testing.T) {
	a := newAgency(t)
	n := a.node()
	if said := a.declare(n.Journal, a.cover("0", "absent1", "pauline", "nadia", 29)); !slices.Equal(said, []string{"until: a cover lasts for at most 28 days"}) {
		t.Errorf("29 days: %q", said)
	}
	two := []string{a.cover("1", "absent1", "pauline", "nadia", 14), a.cover("2", "absent2", "pauline", "mona", 28)}
	third := a.cover("3", "absent3", "pauline", "nadia", 7)
	const crowded = "absent: the substitute would cover more than 2 absent agents at once"
	if said := a.declare(n.Journal, append(two, third)...); !slices.Equal(said, []string{crowded}) {
		t.Errorf("three in one file: %q", said)
	}
	if said := a.declare(n.Journal, third); !slices.Equal(said, []string{crowded}) {
		t.Errorf("a third later: %q", said)
	}
	if said := a.declare(n.Journal, a.cover("1", "absent3", "pauline", "nadia", 14)); said != nil {
		t.Errorf("a third in place of the first: %q", said)
	}
	for person, want := range map[int]bool{1: false, 2: true, 3: true} {
		if shown, _ := a.opens(n, "pauline", person); shown != want {
			t.Errorf("the person of absent%d is shown: %v", person, shown)
		}
	}
	a.clock.Add((14*24*time.Hour + time.Second).Microseconds())
	if said := a.declare(n.Journal, a.cover("4", "absent1", "pauline", "nadia", 7)); said != nil {
		t.Errorf("once the first is over: %q", said)
	}
}

// Promise: RIGHTS-10
func TestRIGHTS_10_ACoverEndsOnEveryNodeWhenTheAbsentAgentIsAtWorkOrItsManagerIsStopped(t *testing.T) {
	for name, end := range map[string]func(a *agency, other *storetest.Node){
		"the absent agent opens a file": func(a *agency, other *storetest.Node) {
			if shown, _ := a.opens(other, "absent1", 1); !shown {
				a.t.Fatal("the absent agent is not shown their own person")
			}
		},
		"the manager is suspended": func(a *agency, other *storetest.Node) {
			if _, err := other.Place(a.t.Context(), order.Order{Effect: order.Suspended, Reach: order.Account, Target: "nadia", By: "samir", Because: "vol"}); err != nil {
				a.t.Fatal(err)
			}
		},
		"the manager manages no more": func(a *agency, other *storetest.Node) {
			list := accounts.List{Accounts: []roster.Account{{ID: "nadia", Organisation: "ml", Role: roster.Privacy, Opened: noon.AddDate(-1, 0, 0), Identity: roster.Identity{Subject: "nadia"}}}}
			if err := storetest.TakeRosterBy(a.t, other.Journal, list); err != nil {
				a.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAgency(t)
			n, other := a.node(), a.node()
			if shown, _ := a.opens(n, "absent1", 1); !shown { // before the cover
				t.Fatal("the absent agent is not shown their own person")
			}
			a.clock.Add(time.Minute.Microseconds())
			if said := a.declare(n.Journal, a.cover("1", "absent1", "pauline", "nadia", 14)); said != nil {
				t.Fatal(said)
			}
			a.clock.Add(time.Minute.Microseconds())
			if shown, _ := a.opens(n, "pauline", 1); !shown {
				t.Fatal("the cover explains nothing")
			}
			end(a, other)
			if _, ruling := a.opens(n, "pauline", 1); ruling.Reason.Kind == reason.Cover {
				t.Error("the cover still explains")
			}
		})
	}
}

// Both at once come to what one after the other does: in the order of the ledger.
func TestACoverAndTheAbsentAgentAtOnceAreDecidedInTheOrderOfTheLedger(t *testing.T) {
	a := newAgency(t)
	n, other := a.node(), a.node()
	if said := a.declare(n.Journal, a.cover("1", "absent1", "pauline", "nadia", 14)); said != nil {
		t.Fatal(said)
	}
	a.clock.Add(time.Minute.Microseconds())
	var wait sync.WaitGroup
	wait.Go(func() { a.opens(other, "absent1", 1) })
	for range 5 {
		wait.Go(func() { a.opens(n, "pauline", 1) })
	}
	wait.Wait()
	worked := false
	for e, err := range n.Entries(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		worked = worked || e.Account == "absent1" && e.Disclosed()
		if e.Account == "pauline" && worked && e.Reason.Kind == reason.Cover {
			t.Errorf("entry %d is explained by a cover whose absent agent was at work", e.Number)
		}
	}
	if !worked {
		t.Error("the absent agent was not shown their own person")
	}
}

// A row in the database that breaks the rule explains nothing, as if no node had taken it in.
func TestRIGHTS_10_ACoverThatBreaksTheRuleExplainsNothingHoweverItCameIn(t *testing.T) {
	a := newAgency(t)
	n := a.node()
	bounds := reason.CoverBounds{Absent: 9, Longest: 70 * 366 * 24 * time.Hour} // a program with other bounds wrote them
	for i, until := range []time.Time{noon.AddDate(60, 0, 0), noon.AddDate(0, 0, 7), noon.AddDate(0, 0, 7)} {
		c := reason.CoverDuty{
			ID: fmt.Sprint(i), Absent: roster.AccountID(fmt.Sprintf("absent%d", i+1)), Substitute: "pauline", DeclaredBy: "nadia",
			From: noon.Add(-time.Duration(i) * time.Minute), Until: until,
		}
		if _, err := journal.Do(t.Context(), n.Journal, &intake.FactBatch{Source: "planning", Covers: []reason.CoverDuty{c}, Bounds: bounds}); err != nil {
			t.Fatal(err)
		}
	}
	if shown, _ := a.opens(n, "pauline", 1); shown {
		t.Error("a cover of 60 years explains")
	}
	for _, person := range []int{2, 3} {
		if shown, _ := a.opens(n, "pauline", person); !shown {
			t.Errorf("the cover of absent%d explains nothing", person)
		}
	}
}
