package httpgate_test

import (
	"database/sql"
	"encoding/csv"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"poterne/internal/gate/content"
	"poterne/internal/gate/httpgate"
	"poterne/internal/grants"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// exporting is a route whose CSV is kept.
func exporting() httpgate.Route {
	return httpgate.Route{
		Path: "/export", Kind: httpgate.People, Purpose: "accompany", Export: true,
		Answers: []httpgate.Answer{{Layout: sheet, Download: "people.csv"}},
	}
}

func TestARouteIsCalledByEachOfItsMethodsAndItsPath(t *testing.T) {
	for _, one := range []struct {
		route httpgate.Route
		want  []string
	}{
		{httpgate.Route{Path: "/export"}, []string{"GET /export"}},
		{httpgate.Route{Path: "/{$}"}, []string{"GET /"}},
		{httpgate.Route{Path: "/export", Methods: []string{"POST", "GET"}}, []string{"POST /export", "GET /export"}},
	} {
		if got := one.route.Names(); !slices.Equal(got, one.want) {
			t.Errorf("%q, want %q", got, one.want)
		}
	}
}

// Promise: METER-8
func TestMETER_8_AnExportIsRefusedThenCappedAndWatermarked(t *testing.T) {
	w := newWorld(t, exporting(), list())
	w.says("text/csv", "id,name,poterne\np1,‹p1›,x\np20,‹p20›,x\np2,‹p2›,x\np3,‹p3›,x\n")
	w.refused(w.get("/export"), policy.NoPermit)
	if w.times() != 0 {
		t.Error("the application was asked for an export without a permit")
	}
	w.permits("p1", "p2", "p3", "p20")
	got := w.get("/export")
	if got.status != http.StatusOK || !slices.Equal(shown(got.body), []string{"p1", "p2"}) {
		t.Fatalf("%v, want the two explained people whom the permit is for", got)
	}
	receipt := got.header.Get("Poterne-Receipt")
	rows, err := csv.NewReader(strings.NewReader(got.body)).ReadAll()
	want := [][]string{{"name", "poterne"}, {"‹p1›", receipt}, {"‹p2›", receipt}}
	if err != nil || receipt == "" || fmt.Sprint(rows) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", rows, want)
	}
	if got := w.get("/export"); got.status != http.StatusOK || len(shown(got.body)) != 0 || w.last().Why != policy.PermitSpent {
		t.Errorf("once the permit is spent: %v, written as %v", got, w.last().Why)
	}
	if got := w.get("/list"); got.status != http.StatusOK || strings.Contains(got.body, "poterne") || !slices.Contains(shown(got.body), "p20") {
		t.Errorf("a list that is no export: %v", got)
	}
}

// permits has two people allow the account an export of two of those on a list.
func (w *world) permits(listed ...string) {
	w.t.Helper()
	for _, id := range []roster.AccountID{"chief", "samir"} {
		if err := journal.Record(w.t.Context(), w.gate.Journal, ledger.Entry{Kind: ledger.SteppedUp, Account: id}); err != nil {
			w.t.Fatal(err)
		}
	}
	list, people, err := grants.ListOf(listed, func(identifier string) (register.PersonID, error) { return w.key.Person(identifier), nil })
	if err != nil {
		w.t.Fatal(err)
	}
	ask := grants.AskPermit{By: "chief", Export: grants.Export{
		Of: account, Service: "dossier", Route: "GET /export", People: 2, Until: time.Now().Add(time.Hour), Purpose: "report", List: list, Listed: people,
	}}
	asked, err := journal.Do(w.t.Context(), w.gate.Journal, journal.Act[grants.PermitRows](ask))
	if err == nil {
		_, err = journal.Do(w.t.Context(), w.gate.Journal, journal.Act[grants.PermitRows](grants.ApprovePermit{Number: asked.Number, By: "samir"}))
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// Whom a fact explains goes into no file without being on the list that two people agreed on, and who
// is on the list goes into none without a fact. The last list takes the place of the one before.
//
// Promise: METER-8
func TestMETER_8_AnExportHoldsNobodyWhoIsNotOnThePermitsList(t *testing.T) {
	w := newWorld(t, exporting(), list())
	w.says("text/csv", "id,name,poterne\np1,‹p1›,x\np20,‹p20›,x\np2,‹p2›,x\np3,‹p3›,x\n")
	for _, step := range []struct{ listed, want []string }{
		{[]string{"p2", "p20"}, []string{"p2"}}, // no fact explains p20
		{[]string{"p3", "p1"}, []string{"p1", "p3"}},
		{[]string{"p9"}, nil},
	} {
		w.permits(step.listed...)
		if got := w.get("/export"); got.status != http.StatusOK || !slices.Equal(shown(got.body), step.want) {
			t.Errorf("with %v on the list: %v, want %v", step.listed, got, step.want)
		}
	}
	if w.last().Why != policy.NoPermit {
		t.Errorf("whoever is not on it: %v", w.last().Why)
	}
}

// Whoever owns the database takes the newest permit's row away, puts the row back that it had before
// it was given, or takes its list away: the list before does not count again.
//
// Promise: RIGHTS-9
func TestRIGHTS_9_NoListOfAnEarlierPermitCountsAgain(t *testing.T) {
	for name, takes := range map[string]string{
		"the permit is gone":       `delete from export_permit where number = (select max(number) from export_permit)`,
		"it was never given":       `update export_permit set given_us = null, approved_by = '' where number = (select max(number) from export_permit)`,
		"its list is gone":         `delete from export_list where permit = (select max(number) from export_permit)`,
		"the older is given again": `update export_permit set given_us = given_us + 3600000000 where number = (select min(number) from export_permit)`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, exporting(), list())
			w.says("text/csv", "id,name,poterne\np1,‹p1›,x\np2,‹p2›,x\n")
			w.permits("p1")
			w.permits("p2")
			raw, err := sql.Open("sqlite", w.path+"?_pragma=busy_timeout(10000)")
			if err != nil {
				t.Fatal(err)
			}
			defer raw.Close()
			if _, err := raw.Exec(takes); err != nil {
				t.Fatal(err)
			}
			if got := w.get("/export"); slices.Contains(shown(got.body), "p1") {
				t.Errorf("the list of the permit before counts: %v", got)
			}
		})
	}
}

// Promise: METER-8
func TestMETER_8_OnlyATableCanBeAnExport(t *testing.T) {
	w := newWorld(t, exporting())
	for want, change := range map[string]func(*httpgate.Route){
		"an export is CSV":          func(r *httpgate.Route) { r.Answers = list().Answers },
		"declare a list of people":  func(r *httpgate.Route) { r.Answers[0].About = true },
		"an export is asked by GET": func(r *httpgate.Route) { r.Methods = []string{"POST"} },
		"the column poterne is the": func(r *httpgate.Route) { r.Answers[0].Layout.Plain = []string{"poterne"} },
		"and is no search":          func(r *httpgate.Route) { r.Search = &httpgate.Search{Most: 3} },
		"export: an export is CSV or XLSX: de": func(r *httpgate.Route) {
			r.Answers[0].Layout = content.Layout{Format: content.CSV, Plain: []string{"a"}}
			r.Kind = httpgate.Page
		},
	} {
		route := exporting()
		change(&route)
		if _, err := httpgate.New([]httpgate.Service{w.service(route)}, w.dependencies(t)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want a complaint %q", err, want)
		}
	}
}
