package desk_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"poterne/internal/i18n"
	"poterne/internal/incident"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/portal/portaltest"
	"poterne/internal/roster"
)

// sheet returns what the sheet of a month says, as text; its status when there is none.
func sheet(t *testing.T, s *portaltest.Stage, who roster.AccountID, of string) string {
	t.Helper()
	answer := httptest.NewRecorder()
	s.Visits(who, http.MethodGet, "/desk/month"+of, nil)(answer, httptest.NewRequest(http.MethodGet, "/desk/month", nil), i18n.English)
	if answer.Code != http.StatusOK {
		return http.StatusText(answer.Code)
	}
	return portaltest.Read(t, answer.Body.String())
}

// The stage's today is Tuesday 3 March 2026: the figures of a month are those of its days,
// beside the month before, and a freeze that was undone is told as ordinary work.
func TestTheSheetOfAMonthCountsWhatTheMonthHeld(t *testing.T) {
	const day = 24 * time.Hour
	s := portaltest.NewStage()
	s.Write(61*day, ledger.Entry{Kind: ledger.Opened})
	person := 0
	for ago, people := range map[time.Duration]int{time.Hour: 4, day: 2, 5 * day: 7, 40 * day: 30} { // March, March, February, January
		for range people {
			person++
			asked(s, ago, theo, person, policy.Shown, policy.Counted)
		}
	}
	asked(s, 2*day, theo, 1000, policy.Withheld, policy.Enumerating)
	s.Write(2*day, ledger.Entry{Kind: ledger.SteppedUp, Account: camille})
	s.Write(2*day, ledger.Entry{Kind: ledger.Cosigned, Account: "jeanne.vidal", Subject: camille})
	freeze := ledger.Entry{Kind: ledger.Placed, Account: journal.Itself, Reach: order.Account, Effect: order.Frozen, Target: string(theo)}
	s.Write(2*day, freeze)
	placed := s.Written[len(s.Written)-1].Number
	s.Write(2*day-3*time.Hour, ledger.Entry{Kind: ledger.Lifted, Account: "jeanne.vidal", Reach: order.Account, Effect: order.Frozen, Target: string(theo), From: placed})
	freeze.Target = string(camille)
	s.Write(day, freeze)
	s.Watch()

	said := sheet(t, s, security, "")
	for _, want := range []string{
		"2 accounts frozen by the rules in March 2026", "1 was undone since: it was ordinary work. Median wait before it was undone: 3 hours.",
		"People shown 6 7", "Of them without a reason 6 7", "Stopped 1 0", "Accounts frozen by the rules 2 0", "Of them undone: ordinary work 1 0",
		"Confirmations that agents gave 1 0", "Signatures of another person 1 0", "Most: 4 people, on day 3 of the month",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in %s", want, said)
		}
	}
	said = sheet(t, s, security, "?of=2026-02")
	for _, want := range []string{"No account frozen by the rules in February 2026", "People shown 7 ", "Most: 7 people, on day 26 of the month"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in %s", want, said)
		}
	}
	for _, of := range []string{"?of=2026-01", "?of=2026-04", "?of=nonsense"} {
		if said := sheet(t, s, security, of); said != "Not Found" {
			t.Errorf("%s: %s", of, said)
		}
	}
	if said := sheet(t, s, theo, ""); said != "Forbidden" {
		t.Errorf("an adviser reads the sheet: %s", said)
	}
}

// A ledger that is younger than the month says where its figures begin, and compares with
// nothing that it does not know.
func TestTheSheetOfAYoungLedgerSaysWhereItBegins(t *testing.T) {
	s := portaltest.NewStage()
	s.Write(26*time.Hour, ledger.Entry{Kind: ledger.Opened})
	s.Watch()
	said := sheet(t, s, security, "")
	if !strings.Contains(said, "These figures begin yesterday at") || strings.Contains(said, "What is counted March 2026 February 2026") {
		t.Error(said)
	}
}

// What was written a moment ago is in the sheet, which does not say that it is still being
// read; a sheet that cannot be read up says so.
func TestTheSheetWaitsAMomentForWhatWasJustWritten(t *testing.T) {
	h := portaltest.New(t)
	const behind = "still being read"
	for n := range 10 {
		h.Opens(theo, n)
		_, raw := h.Goes(security, http.MethodGet, "/desk/month", nil)
		if said := portaltest.Read(t, raw); strings.Contains(said, behind) {
			t.Fatalf("after opening %d: %s", n, said)
		}
	}
	s := portaltest.NewStage()
	s.Unread = 1
	if said := sheet(t, s, security, ""); !strings.Contains(said, behind) {
		t.Error(said)
	}
}

func TestTELL_6_TheSheetSaysWhenTheLastExerciseWasAndHowLongItTook(t *testing.T) {
	h := portaltest.New(t)
	month := func() string {
		_, raw := h.Goes(security, http.MethodGet, "/desk/month", nil)
		return portaltest.Read(t, raw)
	}
	opening := func(exercise bool) ledger.Number {
		number, err := h.Incidents().Do(t.Context(), incident.Write{By: security, Step: &incident.Opening{Title: "Un compte pris", Exercise: exercise}})
		if err != nil {
			t.Fatal(err)
		}
		return number
	}
	opening(false)
	if said := month(); !strings.Contains(said, "No exercise was played.") {
		t.Errorf("a theft is an exercise: %s", said)
	}
	file := opening(true)
	opening(false)
	if said := month(); !strings.Contains(said, "Last exercise: ") || !strings.Contains(said, "still going on.") {
		t.Errorf("an exercise that goes on: %s", said)
	}
	h.Moved.Add(int64(3 * time.Hour))
	for _, act := range []incident.Write{{File: file, By: "claire.noir", Step: &incident.Proposal{Because: "all is done"}}, {File: file, By: security, Step: new(incident.Closing)}} {
		if _, err := h.Incidents().Do(t.Context(), act); err != nil {
			t.Fatal(err)
		}
	}
	if said := month(); !strings.Contains(said, "closed after 3 hours.") {
		t.Errorf("an exercise that was closed: %s", said)
	}
}
