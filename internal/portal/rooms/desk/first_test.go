package desk_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"poterne/internal/i18n"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/portal/portaltest"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// desks returns what the desk says on a stage, as text.
func desks(t *testing.T, s *portaltest.Stage) string {
	t.Helper()
	answer := httptest.NewRecorder()
	s.Visits(security, http.MethodGet, "/desk", nil)(answer, httptest.NewRequest(http.MethodGet, "/desk", nil), i18n.English)
	if answer.Code != http.StatusOK {
		t.Fatal(answer.Code)
	}
	return portaltest.Read(t, answer.Body.String())
}

// asked is one person whom an account asked for some time ago.
func asked(s *portaltest.Stage, ago time.Duration, who roster.AccountID, person int, verdict policy.Verdict, why policy.Why) {
	e := ledger.Entry{
		Kind: ledger.Consulted, Account: who, Organisation: "ml-bourg", Service: "dossier", Route: "GET /files/{dossier}",
		Person: register.PersonID{9, byte(person), byte(person >> 8)}, Verdict: verdict, Why: why,
	}
	if verdict.Shows() {
		e.Cost = meter.Whole
	}
	s.Write(ago, e)
}

// The one who was frozen two hours ago for a thousand people is graver than the one who
// was frozen a minute ago for two.
func TestTheDeskBeginsWithTheGravestAccountNotTheNewest(t *testing.T) {
	s := portaltest.NewStage()
	for n := range 999 {
		verdict, why := policy.Withheld, policy.Enumerating
		if n < 2 {
			verdict, why = policy.Shown, policy.Counted
		}
		asked(s, 2*time.Hour+time.Minute, theo, n, verdict, why)
	}
	s.Freeze(theo, 2*time.Hour)
	asked(s, 2*time.Minute, camille, 2000, policy.Freeze, policy.Drifting)
	s.Freeze(camille, time.Minute)
	s.Watch()
	said := desks(t, s)
	for _, want := range []string{
		"(2) 2 accounts to look at · Poterne", "Poterne has frozen Théo Marchand (Mission locale du Bourg).",
		"999 people asked for: 2 shown without a reason , 997 not.", "Suspend the account…", "Open an incident", "I am on it",
		"Théo Marchand Mission locale du Bourg Goes through the register one after the other 999 2",
		"2 accounts held",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in %s", want, said)
		}
	}
	if rows := said[strings.Index(said, "Accounts, the gravest first"):]; strings.Index(rows, "Théo") > strings.Index(rows, "Camille") {
		t.Error("the newest comes before the gravest")
	}
}

// What nobody has asked for is not said: 41 accounts are held, and eight have a row.
func TestTheDeskShowsEightAccountsAndSaysHowManyMoreThereAre(t *testing.T) {
	s := portaltest.NewStage()
	for n := range 41 {
		s.Freeze(roster.AccountID(fmt.Sprintf("stolen-%02d", n)), time.Duration(n)*time.Minute)
	}
	s.Watch()
	said := desks(t, s)
	for _, want := range []string{"(41) 41 accounts to look at", "And 33 more accounts", "41 accounts held"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in %s", want, said)
		}
	}
}

// The usual of a figure is what the same hour of the last weeks came to.
func TestEachFigureStandsWithItsUsual(t *testing.T) {
	s := portaltest.NewStage()
	s.Write(30*24*time.Hour, ledger.Entry{Kind: ledger.Opened})
	person := 0
	for week := 4; week >= 0; week-- {
		for range 3 + week {
			person++
			asked(s, time.Duration(week)*7*24*time.Hour+10*time.Minute, theo, person, policy.Shown, policy.Counted)
		}
	}
	s.Watch()
	if said := desks(t, s); !strings.Contains(said, "3 look-ups within the hour usually 4 to 7") || !strings.Contains(said, "0 stopped usually 0") {
		t.Error(said)
	}
	young := portaltest.NewStage()
	young.Fill()
	if said := desks(t, young); !strings.Contains(said, "no usual yet") {
		t.Error("a ledger of a day knows what is usual")
	}
}

// Who takes an account up is on its row, for colleagues and for themself, until it ends
// by itself; the ledger has it.
func TestWhoIsOnAnAccountIsShownAndWrittenDown(t *testing.T) {
	h := portaltest.New(t)
	h.Opens(theo, 1, 2, 3, 4)
	answer, _ := h.Goes(security, http.MethodPost, "/desk/mine", url.Values{"account": {string(theo)}})
	if answer.StatusCode != http.StatusSeeOther || h.Writes(security, ledger.TakenUp) != 1 {
		t.Fatal(answer.Status)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		_, raw := h.Goes(security, http.MethodGet, "/desk", nil)
		said := portaltest.Read(t, raw)
		if strings.Contains(said, "You are on it until") && regexp.MustCompile(`^\s*One account to look at`).MatchString(said) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("nobody is on it: %s", said)
		}
	}
	if answer, _ := h.Goes(camille, http.MethodPost, "/desk/mine", url.Values{"account": {string(theo)}}); answer.StatusCode != http.StatusForbidden {
		t.Error("an adviser takes an account up", answer.Status)
	}
	if answer, _ := h.Goes(security, http.MethodPost, "/desk/mine", url.Values{"account": {"nobody"}}); answer.StatusCode != http.StatusNotFound {
		t.Error("an account that is not there is taken up", answer.Status)
	}
}

func TestATakingEndsByItself(t *testing.T) {
	s := portaltest.NewStage()
	asked(s, 10*time.Minute, theo, 1, policy.AskStepUp, policy.ShortEmpty)
	s.Write(5*time.Minute, ledger.Entry{Kind: ledger.TakenUp, Account: "other.officer", Subject: theo, Until: portaltest.Now.Add(time.Hour)})
	s.Watch()
	if said := desks(t, s); !strings.Contains(said, "other.officer is on it until") || !strings.Contains(said, "I am on it") || strings.Contains(said, "(1)") {
		t.Error(said)
	}
	s = portaltest.NewStage()
	asked(s, 10*time.Minute, theo, 1, policy.AskStepUp, policy.ShortEmpty)
	s.Write(5*time.Minute, ledger.Entry{Kind: ledger.TakenUp, Account: "other.officer", Subject: theo, Until: portaltest.Now.Add(-time.Minute)})
	s.Watch()
	if said := desks(t, s); strings.Contains(said, "is on it") || !strings.Contains(said, "(1) One account to look at") {
		t.Error(said)
	}
}

// An account that a person suspended asks for nobody's look any more.
func TestASuspendedAccountComesLast(t *testing.T) {
	s := portaltest.NewStage()
	for n := range 50 {
		asked(s, 10*time.Minute, theo, n, policy.Withheld, policy.LongEmpty)
	}
	s.Contain(order.Account, string(theo), order.Suspended, "")
	asked(s, 5*time.Minute, camille, 1, policy.AskStepUp, policy.ShortEmpty)
	s.Watch()
	said := desks(t, s)
	rows := said[strings.Index(said, "Accounts, the gravest first"):]
	if !strings.Contains(said, "(1) One account to look at") || strings.Index(rows, "Camille") > strings.Index(rows, "Théo") {
		t.Error(said)
	}
}

// Whatever is held stands first in the directory, however many accounts there are.
func TestTheDirectoryBeginsWithWhatIsHeld(t *testing.T) {
	s := portaltest.NewStage()
	s.Crowd = 3_000
	s.Contain(order.Account, string(theo), order.Suspended, "")
	read := func(address string) string {
		answer := httptest.NewRecorder()
		s.Visits(security, http.MethodGet, address, nil)(answer, httptest.NewRequest(http.MethodGet, address, nil), i18n.English)
		if answer.Code != http.StatusOK {
			t.Fatal(answer.Code)
		}
		return answer.Body.String()
	}
	raw := read("/desk/directory")
	if _, rows, _ := strings.Cut(raw, "<tbody>"); !strings.HasPrefix(rows, `<tr><td data-label="Account"><a href="/desk/accounts/theo.marchand">`) {
		t.Errorf("the first row is %.200s", rows)
	}
	if rows := strings.Count(raw, `href="/desk/accounts/`); rows != 100 || !strings.Contains(raw, "A hundred are shown at most, what is held first") {
		t.Errorf("%d accounts are shown", rows)
	}
	if raw := read("/desk/directory?q=MARCHAND"); !strings.Contains(raw, "/desk/accounts/theo.marchand") || strings.Contains(raw, "A hundred") {
		t.Error("a search does not find him, or finds too many")
	}
	if raw := read("/desk/directory?q=call+centre"); !strings.Contains(raw, "reach=role") || strings.Contains(raw, "reach=service") || !strings.Contains(raw, "/desk/who-saw") {
		t.Error("a search does not find a role alone, or does not say where people are sought")
	}
	if raw := read("/desk/directory?q=zzz"); strings.Contains(raw, "reach=role") || !strings.Contains(raw, "No function, role or network matches") {
		t.Error("what is not there is found")
	}
}
