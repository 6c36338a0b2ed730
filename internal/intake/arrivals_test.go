package intake_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/fault"
	"poterne/internal/intake"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// cases takes people in who come to an account, as the case-management system tells them by
// file: their numbers under the town's key.
func (a *agency) cases(w journal.Writer, kind string, to roster.AccountID, people ...int) error {
	a.t.Helper()
	var lines []string
	for _, n := range people {
		lines = append(lines, strings.Join([]string{fmt.Sprintf("%s-%s-%d", kind, to, n), kind, string(to), "dossier", dossierOf(n), a.now().Format(time.RFC3339), a.now().AddDate(0, 1, 0).Format(time.RFC3339)}, ","))
	}
	return a.tells(w, lines...)
}

const casesHeader = "id,kind,account,scheme,person,from,until\n"

func (a *agency) tells(w journal.Writer, lines ...string) error {
	in := a.facts(w)
	in.Arrivals = intake.Arrivals{roster.Adviser: 3}
	var said []string
	_, err := in.Take(a.t.Context(), "planning", intake.CSV, strings.NewReader(casesHeader+strings.Join(lines, "\n")+"\n"), intake.Said{Rejected: func(r intake.Rejection) { said = append(said, r.Reason) }})
	if err == nil && len(said) > 0 {
		err = fault.Errorf(fault.Invalid, "%s", said[0])
	}
	return err
}

// dossierOf is a register's identifier.
func dossierOf(n int) string { return fmt.Sprintf("%08d", 70000000+n) }

// personOf is whom it leads to.
func (a *agency) personOf(n int) register.PersonID { return a.key.Person(dossierOf(n)) }

// may returns which of some people an account is shown.
func (a *agency) may(n *storetest.Node, account roster.AccountID, people ...int) (shown []int) {
	a.t.Helper()
	for _, person := range people {
		if ok, _ := a.opensPerson(n, account, a.personOf(person)); ok {
			shown = append(shown, person)
		}
	}
	return shown
}

func (a *agency) caseloads(w journal.Writer) intake.Caseloads {
	return intake.Caseloads{Writer: w, Rows: store.NewFacts(a.db()), Key: a.key, Schemes: schemes}
}

// waits returns who waits for an account.
func (a *agency) waits(account roster.AccountID) (list []intake.Waiting) {
	a.t.Helper()
	all, err := a.caseloads(nil).Waiting(a.t.Context(), "")
	if err != nil {
		a.t.Fatal(err)
	}
	for _, w := range all {
		if w.Account == account {
			list = append(list, w)
		}
	}
	return list
}

// there has accounts confirm that they are there.
func (a *agency) there(n *storetest.Node, ids ...roster.AccountID) {
	a.t.Helper()
	for _, id := range ids {
		if err := n.StepUp(a.t.Context(), id, "", "", ""); err != nil {
			a.t.Fatal(err)
		}
	}
}

func (a *agency) must(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

func numbers(from, to int) (list []int) {
	for n := from; n <= to; n++ {
		list = append(list, n)
	}
	return list
}

// Promises: METER-9, RIGHTS-4
func TestMETER_9_BeyondWhatADayBringsPeopleOfACaseloadWaitForASecondPerson(t *testing.T) {
	a := newAgency(t)
	n := a.node()
	a.must(a.cases(n.Journal, "caseload", "pauline", numbers(1, 5)...))
	if got := a.may(n, "pauline", numbers(1, 5)...); !slices.Equal(got, []int{1, 2, 3}) {
		t.Fatalf("of five people who come in a day, %v are shown", got)
	}
	a.must(a.cases(n.Journal, "caseload", "pauline", numbers(1, 5)...))
	a.must(a.cases(n.Journal, "enrolment", "pauline", 6))
	if got := a.may(n, "pauline", numbers(1, 6)...); !slices.Equal(got, []int{1, 2, 3}) {
		t.Errorf("told again, and as enrolments: %v", got)
	}
	a.must(a.tells(n.Journal, strings.Join([]string{"caseload-pauline-1", "caseload", "pauline", "dossier", dossierOf(7), a.now().Format(time.RFC3339), a.now().AddDate(0, 1, 0).Format(time.RFC3339)}, ",")))
	if got := a.may(n, "pauline", 7); len(got) > 0 {
		t.Error("a line that is told of another person brings one more")
	}
	list := a.waits("pauline")
	if len(list) != 1 || list[0].People != 4 {
		t.Fatalf("who waits: %+v", list)
	}
	a.clock.Add((24 * time.Hour).Microseconds())
	a.must(a.cases(n.Journal, "caseload", "pauline", numbers(1, 12)...))
	if got := a.may(n, "pauline", numbers(1, 12)...); !slices.Equal(got, []int{1, 2, 3, 8, 9}) {
		t.Errorf("the next day: %v", got)
	}

	list = a.waits("pauline")
	do := a.caseloads(n.Journal)
	a.there(n, "nadia", "mona", "rose", "samir", "pauline")
	for name, try := range map[string]error{
		"the account itself":             do.Admit(t.Context(), "pauline", list),
		"another organisation's manager": do.Admit(t.Context(), "rose", list),
		"more than was shown": do.Admit(t.Context(), "mona", []intake.Waiting{{
			Source: list[0].Source, Account: "pauline", UpTo: list[0].UpTo, People: list[0].People - 1,
		}}),
		"another list": do.Admit(t.Context(), "mona", []intake.Waiting{{Source: "planning", Account: "absent1", UpTo: list[0].UpTo, People: 1}}),
	} {
		if try == nil {
			t.Errorf("%s admits", name)
		}
	}
	if err := do.Admit(t.Context(), "mona", list); err != nil {
		t.Fatal(err)
	}
	if got := a.may(n, "pauline", numbers(1, 5)...); !slices.Equal(got, numbers(1, 5)) {
		t.Errorf("admitted: %v", got)
	}
	if len(a.waits("pauline")) > 0 {
		t.Error("somebody waits still")
	}
	a.must(a.cases(n.Journal, "caseload", "pauline", numbers(1, 12)...))
	if len(a.waits("pauline")) > 0 {
		t.Error("who was admitted waits again when they are told again")
	}
}

// Two pushes at once, on two nodes, bring what one day does.
func TestMETER_9_PushesAtOnceBringExactlyADay(t *testing.T) {
	a := newAgency(t)
	nodes := []*storetest.Node{a.node(), a.node()}
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			if err := a.cases(nodes[i%2].Journal, "caseload", "pauline", numbers(10*i, 10*i+9)...); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if got := a.may(nodes[0], "pauline", numbers(0, 79)...); len(got) != 3 {
		t.Errorf("80 people told at once: %v are shown", got)
	}
}

// The attack of issue 12: 2,000 people assigned to an account that was made for it.
func TestRIGHTS_4_ACaseloadNeverComesFromWhoMadeTheAccount(t *testing.T) {
	a := newAgency(t)
	n := a.node()
	do := a.caseloads(n.Journal)
	a.there(n, "nadia", "mona", "samir", "rose", "pauline")
	assign := func(by, to roster.AccountID, people ...int) error {
		var ids []string
		for _, person := range people {
			ids = append(ids, dossierOf(person))
		}
		return do.Assign(t.Context(), intake.Assign{By: by, To: to, Until: a.now().AddDate(0, 3, 0), Because: "departure of a colleague"}, ids)
	}
	for name, try := range map[string]error{
		"by who proposed it":              assign("nadia", "pepe", 1),
		"by itself":                       assign("pepe", "pepe", 1),
		"by another organisation's":       assign("rose", "pauline", 1),
		"by a reader":                     assign("pauline", "absent1", 1),
		"to a manager":                    assign("mona", "nadia", 1),
		"of nobody":                       assign("mona", "pauline"),
		"of too many":                     assign("mona", "pauline", numbers(1, intake.MostAssigned+1)...),
		"for years":                       do.Assign(t.Context(), intake.Assign{By: "mona", To: "pauline", Until: a.now().AddDate(2, 0, 0), Because: "x"}, []string{dossierOf(1)}),
		"of what is no identifier at all": do.Assign(t.Context(), intake.Assign{By: "mona", To: "pauline", Until: a.now().AddDate(0, 1, 0), Because: "x"}, []string{""}),
	} {
		if try == nil {
			t.Errorf("it is assigned %s", name)
		}
	}
	a.must(assign("mona", "pepe", numbers(1, 30)...))
	if got := a.may(n, "pepe", numbers(1, 30)...); len(got) > 0 {
		t.Fatalf("assigned by one person, %v are shown", got)
	}
	waiting := a.waits("pepe")
	for _, by := range []roster.AccountID{"mona", "nadia", "rose", "pepe"} {
		if err := do.Admit(t.Context(), by, waiting); err == nil {
			t.Errorf("%s admits", by)
		}
	}
	a.must(do.Admit(t.Context(), "samir", waiting))
	if got := a.may(n, "pepe", numbers(1, 30)...); len(got) != 30 {
		t.Errorf("admitted by another, %d are shown", len(got))
	}

	t.Run("a young account is given a tenth", func(t *testing.T) {
		a.must(storetest.TakeRoster(t, a.db(), accounts.List{
			Accounts:      []roster.Account{{ID: "minted", Organisation: "ml", Role: roster.Adviser, Name: "Minted", Opened: a.now(), Identity: roster.Identity{Subject: "minted"}}},
			Habilitations: []roster.Habilitation{{Account: "minted", Service: "dossier", Purpose: "accompany", From: a.now(), Until: a.now().AddDate(1, 0, 0)}},
		}))
		a.there(n, "samir", "mona")
		if list, err := store.NewRoster(a.db()).Accounts(t.Context()); err == nil {
			i := slices.IndexFunc(list, func(a roster.Account) bool { return a.ID == "minted" })
			if _, err := journal.Do(t.Context(), n.Journal, &accounts.Admit{By: "samir", Import: ledger.Number(list[i].Waits)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := assign("mona", "minted", numbers(1, 31)...); !fault.Is(err, fault.Refused) {
			t.Errorf("31 people are assigned to it: %v", err)
		}
		a.must(assign("mona", "minted", numbers(1, 30)...))
		if err := assign("nadia", "minted", 31); !fault.Is(err, fault.Refused) {
			t.Errorf("one more, by another: %v", err)
		}
		a.must(a.cases(n.Journal, "caseload", "minted", numbers(1000, 2999)...))
		list := a.waits("minted")
		if got := a.may(n, "minted", numbers(1000, 1009)...); len(got) != 3 || list[0].People != 1997 {
			t.Errorf("of 2,000 people who are told to be its, %v are shown, and wait %+v", got, list)
		}
	})
}

// Promise: RIGHTS-10
func TestRIGHTS_10_WhatOnePersonEntrustsIsBounded(t *testing.T) {
	a := newAgency(t)
	n := a.node()
	do := a.caseloads(n.Journal)
	given := 0
	for round := 0; ; round++ {
		for i, to := range []roster.AccountID{"pauline", "absent1", "absent2", "absent3"} {
			a.there(n, "mona", "samir")
			from := 10_000*round + 1_000*i
			if err := a.cases(n.Journal, "caseload", to, numbers(from, from+152)...); err != nil {
				t.Fatal(err)
			}
			list := a.waits(to)
			err := do.Admit(t.Context(), "mona", list)
			if err == nil {
				given += list[0].People
				continue
			}
			if err != intake.EntrustedMost || given < 1000 || given > 1200 {
				t.Fatalf("after %d people: %v", given, err)
			}
			a.must(do.Admit(t.Context(), "samir", list)) // the desk looks at these
			a.clock.Add((29 * 24 * time.Hour).Microseconds())
			a.there(n, "mona")
			a.must(a.cases(n.Journal, "caseload", to, numbers(from+500, from+510)...))
			a.must(do.Admit(t.Context(), "mona", a.waits(to)))
			return
		}
	}
}

// What waits and is refused gives no reason, and a source that pushes is bounded as a file is.
func TestRIGHTS_4_WhatIsRefusedGivesNoReasonAndAPushIsAFile(t *testing.T) {
	a := newAgency(t)
	n := a.node()
	in := a.facts(n.Journal)
	in.Arrivals = intake.Arrivals{roster.Adviser: 1}
	const secret = "0123456789abcdef0123456789abcdef"
	push := intake.NewPush(in, map[string]intake.Token{"planning": intake.NewToken(secret)}, slog.New(slog.DiscardHandler))
	mux := http.NewServeMux()
	mux.Handle(intake.PushPattern, push)
	body := casesHeader
	for _, person := range []int{1, 2, 3} {
		body += fmt.Sprintf("%d,caseload,pauline,dossier,%s,%s,%s\n", person, dossierOf(person), a.now().Format(time.RFC3339), a.now().AddDate(0, 1, 0).Format(time.RFC3339))
	}
	asked := httptest.NewRequest(http.MethodPost, "/.poterne/facts/planning", strings.NewReader(body))
	asked.Header.Set("Authorization", "Bearer "+secret)
	asked.Header.Set("Content-Type", "text/csv")
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, asked)
	if answer.Code != http.StatusOK {
		t.Fatal(answer.Code, answer.Body)
	}
	if got := a.may(n, "pauline", 1, 2, 3); !slices.Equal(got, []int{1}) {
		t.Errorf("pushed: %v are shown", got)
	}
	do, list := a.caseloads(n.Journal), a.waits("pauline")
	if err := do.Refuse(t.Context(), "rose", list[0]); err == nil {
		t.Error("another organisation's manager refuses it")
	}
	a.must(do.Refuse(t.Context(), "mona", list[0]))
	a.there(n, "mona")
	if err := do.Admit(t.Context(), "mona", list); !fault.Is(err, fault.Absent) {
		t.Errorf("what was refused is admitted: %v", err)
	}
	if got := a.may(n, "pauline", 1, 2, 3); !slices.Equal(got, []int{1}) {
		t.Errorf("refused: %v are shown", got)
	}
	if err := a.tells(n.Journal, "x,caseload,,dossier,"+dossierOf(5)+","+a.now().Format(time.RFC3339)+","+a.now().AddDate(0, 1, 0).Format(time.RFC3339)); err == nil {
		t.Error("a caseload of nobody is taken")
	}
}

// Promise: RIGHTS-10 (covers)
func TestRIGHTS_10_OneManagerDeclaresSoManyCoversAtOnce(t *testing.T) {
	a := newAgency(t)
	n := a.node()
	bounds := reason.Covers
	bounds.Declared = 2
	in := a.facts(n.Journal)
	in.Covers = bounds
	declare := func(lines ...string) (said []string) {
		file := "id,kind,absent,substitute,declared_by,from,until\n" + strings.Join(lines, "\n") + "\n"
		_, err := in.Take(t.Context(), "planning", intake.CSV, strings.NewReader(file), intake.Said{Rejected: func(r intake.Rejection) { said = append(said, r.Reason) }})
		a.must(err)
		return said
	}
	if said := declare(a.cover("1", "absent1", "pauline", "nadia", 7), a.cover("2", "absent2", "absent3", "nadia", 7), a.cover("3", "absent3", "pauline", "nadia", 7)); len(said) != 1 || !strings.Contains(said[0], "has declared 2 covers") {
		t.Errorf("a third: %v", said)
	}
	if said := declare(a.cover("2", "absent2", "absent3", "nadia", 6)); len(said) > 0 {
		t.Errorf("one that is told again: %v", said)
	}
	if said := declare(a.cover("3", "absent3", "pauline", "mona", 7)); len(said) > 0 {
		t.Errorf("by another manager: %v", said)
	}
}
