package person_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/incident"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/portal/portaltest"
	"poterne/internal/portal/rooms/desk"
	"poterne/internal/roster"
)

// confirms has somebody be there now.
func confirms(t *testing.T, h *portaltest.Site, who ...roster.AccountID) {
	t.Helper()
	h.StepUp()
	for _, id := range who {
		if err := journal.Record(t.Context(), h.Gate.Journal, ledger.Entry{Kind: ledger.SteppedUp, Account: id}); err != nil {
			t.Fatal(err)
		}
	}
}

// Lines are withheld by two people until an end, from every way in which a person is told of
// them, and appear by themselves. Nobody withholds alone, nor what they looked at themselves.
//
// Promise: PERSON-5
func TestPERSON_5_LinesAreWithheldByADatedRuleOfTwoPeopleAndAppearByThemselves(t *testing.T) {
	h := portaltest.Open(t, portaltest.Allowing(40, 40), desk.Settings{})
	var moved atomic.Int64
	people := h.People(func() time.Time { return time.Now().Add(time.Duration(moved.Load())) })
	before := opened(h, theo, 1)
	time.Sleep(1100 * time.Millisecond) // forms have seconds
	since := time.Now().Truncate(time.Second)
	time.Sleep(1100 * time.Millisecond)
	hidden := opened(h, theo, 1)
	other := opened(h, portaltest.Camille, 1)
	file := h.Incidents()
	number, err := file.Do(t.Context(), incident.Write{By: portaltest.Security, Step: &incident.Opening{Title: "Compte", Scope: incident.Scope{Accounts: []roster.AccountID{theo}}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []incident.Step{
		&incident.Count{Scope: incident.Scope{Accounts: []roster.AccountID{theo}, Since: since}, People: 1, First: time.Now()},
		&incident.Publication{Message: written(), People: 1},
	} {
		if _, err := file.Do(t.Context(), incident.Write{File: number, By: claire, Step: step}); err != nil {
			t.Fatal(err)
		}
	}

	// ways are each way in which the person may learn of a line.
	line := func(n ledger.Number) string { return fmt.Sprintf("/lines/%d", n) }
	sees := func(n ledger.Number) map[string]bool {
		t.Helper()
		seen := make(map[string]bool)
		for _, path := range []string{"/", "/lines.csv", "/lines.json"} {
			code, said := mine(t, people, somebody(1), http.MethodGet, path, nil)
			if code != http.StatusOK {
				t.Fatalf("%s: %d", path, code)
			}
			text := map[string]string{"/": "", "/lines.csv": fmt.Sprintf("%d,", n), "/lines.json": fmt.Sprintf(`"entry":%d,`, n)}[path]
			seen[path] = text != "" && strings.Contains(said, text)
			if path == "/" {
				seen[path] = strings.Contains(said, map[bool]string{true: "looked at 3 times", false: "looked at 2 times"}[n == hidden])
			}
		}
		code, _ := mine(t, people, somebody(1), http.MethodGet, line(n), nil)
		seen["line"] = code == http.StatusOK
		code, _ = mine(t, people, somebody(1), http.MethodGet, line(n)+"/proof", nil)
		seen["proof"] = code != http.StatusNotFound
		_, said := mine(t, people, somebody(1), http.MethodGet, "/concerned", nil)
		seen["concerned"] = strings.Contains(said, "Yes, you are concerned.")
		return seen
	}
	all := func(want bool) {
		t.Helper()
		for way, seen := range sees(hidden) {
			if seen != want {
				t.Errorf("by %s the withheld line is seen: %v", way, seen)
			}
		}
		for _, n := range []ledger.Number{before, other} {
			if got := sees(n); !got["line"] || !got["/lines.csv"] || !got["/lines.json"] {
				t.Errorf("line %d, which nothing withholds: %v", n, got)
			}
		}
	}
	all(true)
	_, always := mine(t, people, somebody(2), http.MethodGet, "/", nil)
	if !strings.Contains(always, "can hold lines back while an enquiry lasts") {
		t.Errorf("nobody is told that lines can be withheld: %s", always)
	}

	// Who may ask, and for how long.
	ask := func(who roster.AccountID, account string, from, until time.Time) int {
		t.Helper()
		answer, _ := h.Goes(who, http.MethodPost, "/withheld", url.Values{
			"account": {account}, "since": {from.UTC().Format("2006-01-02T15:04:05")}, "until": {until.UTC().Format("2006-01-02T15:04:05")}, "because": {"enquête 26-118"},
		})
		return answer.StatusCode
	}
	end := time.Now().AddDate(0, 1, 0)
	if code := ask(claire, string(theo), since, end); code == http.StatusSeeOther {
		t.Error("it is asked for without a confirmation")
	}
	confirms(t, h, portaltest.Security, claire, theo, jeanne)
	for name, code := range map[string]int{
		"an adviser": ask(theo, string(theo), since, end), "a manager": ask(jeanne, string(theo), since, end),
		"for more than three months": ask(claire, string(theo), since, time.Now().AddDate(0, 3, 2)), "for a time that is over": ask(claire, string(theo), since, time.Now().Add(-time.Hour)),
		"since a moment to come": ask(claire, string(theo), time.Now().Add(time.Hour), end), "one's own lines": ask(claire, string(claire), since, end),
		"of nobody": ask(claire, "nobody", since, end), "of an empty name": ask(claire, "", since, end),
	} {
		if code == http.StatusSeeOther {
			t.Errorf("%s: it is taken", name)
		}
	}
	if code := ask(claire, string(theo), since, end); code != http.StatusSeeOther {
		t.Fatalf("asking: %d", code)
	}
	all(true) // one person withholds nothing
	waiting, err := h.Withholdings().All(t.Context())
	if err != nil || len(waiting) != 1 {
		t.Fatalf("%d wait: %v", len(waiting), err)
	}
	at := fmt.Sprintf("/withheld/%d", waiting[0].Number)
	for who, want := range map[roster.AccountID]bool{claire: false, jeanne: false, theo: false} {
		if answer, _ := h.Goes(who, http.MethodPost, at+"/approve", nil); (answer.StatusCode == http.StatusSeeOther) != want {
			t.Errorf("%s approves: %s", who, answer.Status)
		}
	}
	all(true)
	if answer, raw := h.Goes(portaltest.Security, http.MethodPost, at+"/approve", nil); answer.StatusCode != http.StatusSeeOther {
		t.Fatalf("approving: %s %s", answer.Status, portaltest.Read(t, raw))
	}
	all(false)
	code, said := mine(t, people, somebody(1), http.MethodPost, line(hidden)+"/ask", url.Values{"what": {"why"}})
	if _, nothing := mine(t, people, somebody(1), http.MethodGet, "/lines/99999", nil); code != http.StatusNotFound || said != nothing {
		t.Errorf("asking about it: %d %s", code, said)
	}
	if _, said := mine(t, people, somebody(2), http.MethodGet, "/", nil); said != always {
		t.Error("the page of somebody else changes with it")
	}
	if _, raw := h.Goes(claire, http.MethodGet, "/withheld", nil); !strings.Contains(portaltest.Read(t, raw), "One rule withholds lines") || !strings.Contains(raw, "enquête 26-118") {
		t.Errorf("the room does not say it: %s", portaltest.Read(t, raw))
	}
	if answer, _ := h.Goes(jeanne, http.MethodGet, "/withheld", nil); answer.StatusCode != http.StatusForbidden {
		t.Errorf("a manager reads what is withheld: %s", answer.Status)
	}

	// It ends by itself.
	moved.Store(int64(time.Until(end) + time.Minute))
	all(true)
	moved.Store(0)
	all(false)

	// A row that was taken away or changed lets nobody see sooner, nor hides for longer.
	h.Tamper(`update withholding set until_us = until_us + 31536000000000`)
	if code, _ := mine(t, people, somebody(1), http.MethodGet, "/", nil); code == http.StatusOK {
		t.Error("a rule that was changed in the database is believed")
	}
	h.Tamper(`update withholding set until_us = until_us - 31536000000000`)
	all(false)
	if answer, _ := h.Goes(claire, http.MethodPost, at+"/stop", nil); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("stopping it: %s", answer.Status)
	}
	all(true)
	states := make(map[ledger.State]int)
	for _, who := range []roster.AccountID{claire, portaltest.Security} {
		entries, err := h.Gate.RecentBy(t.Context(), who, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Kind == ledger.Withheld {
				states[e.State]++
			}
		}
	}
	if states[ledger.Asked] != 1 || states[ledger.SignedFor] != 1 || states[ledger.Stopped] != 1 {
		t.Errorf("the ledger has %v", states)
	}
}
