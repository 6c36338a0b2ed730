package staff_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"poterne/internal/containment"
	"poterne/internal/intake"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/portal/portaltest"
	"poterne/internal/portal/rooms/desk"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/signin"
)

const (
	camille  = portaltest.Camille
	theo     = portaltest.Theo
	jeanne   = portaltest.Jeanne
	remi     = portaltest.Remi
	sacha    = portaltest.Sacha
	security = portaltest.Security
)

func TestMETER_7_AnAgentSeesTheirOwnMeterAndWhatToDoWhenItIsEmpty(t *testing.T) {
	h := portaltest.New(t)
	for step, want := range []string{"0 people without a reason of 20 in 28 days, 0 of 3 this hour.", "1 person without a reason of 20", "2 people without a reason of 20", "3 people without a reason of 20 in 28 days, 3 of 3 this hour."} {
		if step > 0 {
			h.Opens(camille, step)
		}
		_, raw := h.Goes(camille, http.MethodGet, "/", nil)
		said := portaltest.Read(t, raw)
		if !strings.Contains(said, want) {
			t.Errorf("after %d openings the page does not say %q", step, want)
		}
		if empty := strings.Contains(said, "Your allowance for this hour is used up. There is room for one more "); empty != (step == 3) {
			t.Errorf("after %d openings, empty is %v", step, empty)
		}
	}
	h.Opens(camille, 9)
	_, raw := h.Goes(camille, http.MethodGet, "/", nil)
	if !strings.Contains(portaltest.Read(t, raw), "You opened 3 people without a known reason within an hour. The limit is 3, and this opening would pass it.") {
		t.Error("the refusal just written is not among what was written")
	}
}

// The data-protection officer manages no account: the portal says what the role is for, and leads there.
func TestTheFrontOfTheDataProtectionOfficerSaysWhatTheyDo(t *testing.T) {
	h := portaltest.New(t)
	_, raw := h.Goes("claire.noir", http.MethodGet, "/", nil)
	if said := portaltest.Read(t, raw); strings.Contains(said, "Managing accounts") || !strings.Contains(said, "You protect people’s data") {
		t.Errorf("the page says: %s", said)
	}
	for _, path := range []string{"/incidents", "/terms", "/installation/organisations"} {
		if !strings.Contains(raw, `href="`+path+`"`) {
			t.Errorf("nothing leads to %s", path)
		}
		if answer, _ := h.Goes("claire.noir", http.MethodGet, path, nil); answer.StatusCode != http.StatusOK {
			t.Errorf("%s is answered %s", path, answer.Status)
		}
	}
}

// Whoever was shown as many new people in rows as a day may show is told that rows leave out others, and
// how to be shown them, in both languages: the list itself cannot say it.
//
// Promise: METER-7
func TestMETER_7_AnAgentIsToldThatListsLeaveOutNewPeopleAndWhatToDo(t *testing.T) {
	rules := portaltest.Allowing(3, 20)
	rules.Lists = map[roster.Role]int{roster.Adviser: 2}
	h := portaltest.Open(t, rules, desk.Settings{})
	var caseload []reason.Fact
	for n := 1; n <= 9; n++ {
		caseload = append(caseload, reason.Fact{Kind: reason.Caseload, Account: camille, Person: register.PersonID{1, byte(n)}, From: time.Now().Add(-time.Hour), Until: time.Now().AddDate(1, 0, 0), ID: strconv.Itoa(n)})
	}
	if _, err := journal.Do(t.Context(), h.Gate.Journal, &intake.FactBatch{Source: "cases", Facts: caseload}); err != nil {
		t.Fatal(err)
	}
	list := func(until int) (shown int) {
		t.Helper()
		ask := policy.Ask{Act: policy.Show, Account: camille, Session: "s-1", Service: "dossier", Purpose: "accompany", Route: "GET /files", Signs: meter.Listed}
		for n := 1; n <= until; n++ {
			ask.People = append(ask.People, policy.Opening{Person: register.PersonID{1, byte(n)}, Fields: register.Name})
		}
		passage, err := h.Gate.Commit(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		for _, ruling := range passage.Decision.People {
			if ruling.Verdict.Shows() {
				shown++
			}
		}
		return shown
	}
	const left, confirm, tomorrow = "Lists and searches leave out people who are new to you.", "Confirming that it is you brings more of them back.", "More of them come back as the day goes by."
	wants := func(says ...string) {
		t.Helper()
		_, raw := h.Goes(camille, http.MethodGet, "/", nil)
		said := portaltest.Read(t, raw)
		for _, one := range []string{left, confirm, tomorrow} {
			if strings.Contains(said, one) != slices.Contains(says, one) {
				t.Errorf("%q is on the page: %v", one, !slices.Contains(says, one))
			}
		}
		if button := strings.Contains(raw, `action="/.poterne/step-up"`); button != slices.Contains(says, confirm) {
			t.Errorf("the page has a button to confirm: %v", button)
		}
	}
	list(1)
	wants()
	if n := list(9); n != 2 {
		t.Fatalf("a list of 9 shows %d", n)
	}
	wants(left, confirm)
	h.StepsUp(camille)
	wants()
	if n := list(9); n != 6 {
		t.Fatalf("a list of 9 shows %d to whoever confirmed", n)
	}
	wants(left, tomorrow)
}

func TestWhoIsFrozenIsNotToldToWait(t *testing.T) {
	h := portaltest.New(t)
	h.Opens(camille, 1, 2, 3)
	h.Freeze(camille)
	_, raw := h.Goes(camille, http.MethodGet, "/", nil)
	if said := portaltest.Read(t, raw); !strings.Contains(said, "Your allowance for this hour is used up.") || strings.Contains(said, "There is room for one more") {
		t.Errorf("the page says %s", said)
	}
}

// A card says that an order closes the service, leaves it to be read, or closes a part of it, in the
// order's own words, and no date of the habilitation beside that.
func TestACardSaysWhatAnOrderClosesAndItsMessage(t *testing.T) {
	message := order.Message{French: "Retour à midi.", English: "Back at noon."}
	for name, test := range map[string]struct {
		order order.Order
		says  string
		dated bool
	}{
		"closed":             {order.Order{Reach: order.Service, Target: "dossier", Effect: order.Closed}, "Closed for now, as a security measure Back at noon.", false},
		"read-only":          {order.Order{Reach: order.Service, Target: "dossier", Effect: order.Reduced}, "Read-only: no changes or exports for now Back at noon.", false},
		"without changes":    {order.Order{Reach: order.Function, Target: order.Changes, Effect: order.Closed}, "Closed for now: Changes Back at noon.", true},
		"without one page":   {order.Order{Reach: order.Function, Target: order.RouteOf("dossier", "GET /all"), Effect: order.Closed}, "Closed for now: a part of this service Back at noon.", true},
		"another's page":     {order.Order{Reach: order.Function, Target: order.RouteOf("kairos", "GET /all"), Effect: order.Closed}, "Open until", true},
		"read-only for some": {order.Order{Reach: order.Organisation, Target: "ml-bourg", Effect: order.Reduced}, "Read-only: no changes or exports for now Back at noon.", false},
	} {
		t.Run(name, func(t *testing.T) {
			h := portaltest.New(t)
			test.order.By, test.order.Because, test.order.Message = string(security), "a test", message
			if _, err := journal.Do(t.Context(), h.Gate.Journal, journal.Act[containment.Rows](containment.Place{Order: test.order})); err != nil {
				t.Fatal(err)
			}
			_, raw := h.Goes(camille, http.MethodGet, "/", nil)
			said := portaltest.Read(t, raw)
			_, card, _ := strings.Cut(said, "What you can open")
			card, _, _ = strings.Cut(card, "Where you stand")
			if !strings.Contains(card, test.says) || strings.Contains(card, "Open until") != test.dated {
				t.Errorf("the cards say %q", card)
			}
		})
	}
}

func TestOnlyWhoOpensFilesIsToldThatTheyLeaveALine(t *testing.T) {
	h := portaltest.New(t)
	for who, want := range map[roster.AccountID]bool{camille: true, jeanne: false} {
		_, raw := h.Goes(who, http.MethodGet, "/", nil)
		said := portaltest.Read(t, raw)
		if told := strings.Contains(said, "Each file you open will leave a line here."); !strings.Contains(said, "Nothing is written yet.") || told != want {
			t.Errorf("%s: told that files leave a line: %v, not %v", who, told, want)
		}
	}
}

// Promise: ENTRY-9
func TestENTRY_9_WhoeverSaysThatItWasNotThemIsFrozenAndSignedOut(t *testing.T) {
	h := portaltest.New(t)
	if err := h.Gate.Record(t.Context(), ledger.Entry{Kind: ledger.SignIn, Account: camille, State: ledger.Granted, ACR: "eidas1", AMR: "pwd", Factor: "weak", Network: "elsewhere"}); err != nil {
		t.Fatal(err)
	}
	_, raw := h.Goes(camille, http.MethodGet, "/sessions", nil)
	said := portaltest.Read(t, raw)
	for _, want := range []string{"this one", "another one", "Weak factor", "Strong factor", "Sign-in granted. Weak factor (eidas1; pwd).", "elsewhere"} {
		if !strings.Contains(said, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if forms := portaltest.Forms(t, raw); !slices.Contains(forms, "/sessions/not-me") {
		t.Errorf("forms lead to %v", forms)
	}
	answer, _ := h.Goes(camille, http.MethodPost, "/sessions/not-me", nil)
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != signin.LeftPath || h.Door.Ended.Load() != 1 {
		t.Errorf("%s, to %s; the sessions of %d accounts ended", answer.Status, answer.Header.Get("Location"), h.Door.Ended.Load())
	}
	if answer, _ := h.Goes(camille, http.MethodPost, "/sessions/not-me", nil); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("pressed twice: %s", answer.Status)
	}
	if n := h.Writes(camille, ledger.Placed); n != 1 {
		t.Errorf("pressed twice, it froze %d times: the desk would have to lift each", n)
	}
	if d := h.Opens(camille, 1).Decision.People[0]; d.Verdict.Shows() {
		t.Errorf("whoever is in the account opens people without a reason: %v", d.Verdict)
	}
	if d := h.Opens(theo, 1).Decision.People[0]; !d.Verdict.Shows() {
		t.Errorf("a colleague is %v", d.Verdict)
	}
	_, raw = h.Goes(security, http.MethodGet, "/desk", nil)
	if said := portaltest.Read(t, raw); !strings.Contains(said, "says that it was not them") {
		t.Errorf("the desk is told %s", said)
	}

	t.Log("When the sessions cannot be ended, the freeze is there all the same.")
	h.Door.Broken.Store(true)
	if answer, _ := h.Goes(theo, http.MethodPost, "/sessions/not-me", nil); answer.StatusCode < 500 {
		t.Errorf("it says %s", answer.Status)
	}
	if d := h.Opens(theo, 2).Decision.People[0]; d.Verdict.Shows() {
		t.Errorf("and the account opens people: %v", d.Verdict)
	}
}
