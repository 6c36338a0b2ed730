package desk_test

import (
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"poterne/internal/gate"
	"poterne/internal/gate/network"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/portal"
	"poterne/internal/portal/portaltest"
	"poterne/internal/portal/rooms/desk"
	"poterne/internal/register"
	"poterne/internal/roster"
)

// watched is a house whose advisers are watched as the program ships.
func watched(t *testing.T) *portaltest.Site {
	t.Helper()
	return portaltest.Open(t, policy.Rules{
		Allowances: map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(3), Long: meter.People(20)}},
		Watches:    policy.Watches,
	}, desk.Settings{})
}

// guesses makes an account ask for references that lead to nobody, until the rules
// freeze it.
func guesses(t *testing.T, h *portaltest.Site, who roster.AccountID) order.Order {
	t.Helper()
	for range 20 {
		_, err := h.Gate.Commit(t.Context(), policy.Ask{
			Act: policy.Show, Account: who, Session: "s-1", Service: "dossier", Purpose: "accompany", Route: "GET /files/{dossier}",
			About: true, People: []policy.Opening{{Fields: register.Name}},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range h.Gate.Orders() {
			if o.Target == string(who) && o.By == journal.Itself {
				return o
			}
		}
	}
	t.Fatal("guessing twenty references freezes nobody")
	return order.Order{}
}

func reads(t *testing.T, h *portaltest.Site, path string) string {
	t.Helper()
	_, raw := h.Goes(security, http.MethodGet, path, nil)
	return portaltest.Read(t, raw)
}

func TestANetworkThatIsNotDeclaredIsSaidInWords(t *testing.T) {
	h := watched(t)
	_, err := h.Gate.Commit(t.Context(), policy.Ask{
		Act: policy.Show, Account: theo, Session: "s-1", Service: "dossier", Purpose: "accompany", Route: "GET /files/{dossier}",
		Network: network.Elsewhere, People: []policy.Opening{{Person: register.PersonID{1, 1}, Fields: register.Name}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if said := reads(t, h, "/desk/accounts/"+string(theo)); !strings.Contains(said, "Networks: outside the networks that are declared.") {
		t.Errorf("the page says %s", said)
	}
}

func TestWhatWouldComeNextIsNotSaidOfAnAccountThatIsStopped(t *testing.T) {
	h := watched(t)
	foretold := "more people without a reason freeze this account."
	if !strings.Contains(reads(t, h, "/desk/accounts/"+string(theo)), foretold) {
		t.Error("it is not said when an account at work freezes")
	}
	guesses(t, h, theo)
	for _, of := range []string{foretold, "then a confirmation is asked for.", "then it takes a co-signature."} {
		if strings.Contains(reads(t, h, "/desk/accounts/"+string(theo)), of) {
			t.Errorf("of a frozen account the page says %q", of)
		}
	}
}

// Promise: WATCH-5
func TestWATCH_5_AFreezeIsUndoneByAnotherPersonWithATouch(t *testing.T) {
	h := watched(t)
	freeze := guesses(t, h, theo)
	if said := reads(t, h, "/desk"); !strings.Contains(said, "Poterne has frozen Théo Marchand (Mission locale du Bourg). These openings go through the register.") {
		t.Errorf("the desk does not say who is frozen, and why: %s", said)
	}
	account := "/desk/accounts/" + string(theo)
	if said := reads(t, h, account); !strings.Contains(said, "Poterne froze this account These openings go through the register.") || !strings.Contains(said, "First confirm that it is you") {
		t.Errorf("the account's page does not say it: %s", said)
	}
	undo := func(because string) *http.Response {
		answer, _ := h.Goes(security, http.MethodPost, "/desk/orders/"+string(freeze.ID)+"/lift", url.Values{"because": {because}})
		return answer
	}
	still := func(when string) {
		t.Helper()
		if p := h.Opens(theo, 1); p.Decision.People[0].Why != policy.Frozen {
			t.Errorf("%s, a stranger is %v", when, p.Decision.People[0])
		}
	}
	if answer := undo("it was a list with a slip in it"); answer.StatusCode != http.StatusForbidden {
		t.Errorf("without a step-up: %s", answer.Status)
	}
	still("without a step-up")
	h.Door.SteppedUp.Store(time.Now().Add(-meter.Fresh).Unix())
	if answer := undo("it was a list with a slip in it"); answer.StatusCode != http.StatusForbidden {
		t.Errorf("with an old step-up: %s", answer.Status)
	}
	h.StepUp()
	if answer := undo(" "); answer.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("without a reason: %s", answer.Status)
	}
	still("without a reason")
	for _, who := range []roster.AccountID{theo, camille, jeanne} {
		if answer, _ := h.Goes(who, http.MethodPost, "/desk/orders/"+string(freeze.ID)+"/lift", url.Values{"because": {"x"}}); answer.StatusCode != http.StatusForbidden {
			t.Errorf("as %s: %s", who, answer.Status)
		}
	}
	still("undone by who may not")
	if answer := undo("it was a list with a slip in it"); answer.Header.Get("Location") != account+"?said=lifted" {
		t.Errorf("%s leads to %s", answer.Status, answer.Header.Get("Location"))
	}
	if said := reads(t, h, "/desk"); !strings.Contains(said, "All quiet.") {
		t.Errorf("the desk still says it: %s", said)
	}
	if said := reads(t, h, account); strings.Contains(said, "Poterne froze this account") || !strings.Contains(said, "A freeze was undone within seven days: only the security desk can undo the next.") {
		t.Errorf("the account's page: %s", said)
	}
	if p := h.Opens(theo, 1); !p.Decision.Shown() || p.Decision.People[0].Verdict != policy.Shown {
		t.Errorf("after it was undone, a stranger is %v", p.Decision.People[0])
	}

	freeze = guesses(t, h, theo)
	if said := reads(t, h, account); !strings.Contains(said, "already undone within seven days: look twice.") {
		t.Errorf("nothing warns of the second: %s", said)
	}
	if answer := undo("looked twice"); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("security cannot undo the second: %s", answer.Status)
	}
}

func TestNobodyUndoesTheirOwnFreeze(t *testing.T) {
	h := portaltest.New(t)
	o, err := h.Gate.Place(t.Context(), order.Order{Reach: order.Account, Target: string(security), Effect: order.Frozen, By: journal.Itself, Because: "x"})
	if err != nil {
		t.Fatal(err)
	}
	h.StepUp()
	answer, raw := h.Goes(security, http.MethodPost, "/desk/orders/"+string(o.ID)+"/lift", url.Values{"because": {"it was me"}})
	if answer.StatusCode != http.StatusForbidden || !strings.Contains(portaltest.Read(t, raw), "somebody else has to undo the freeze") || len(h.Gate.Orders()) != 1 {
		t.Errorf("%s: %s", answer.Status, portaltest.Read(t, raw))
	}
}

// What is only observed is shown, and says what it would have been.
func TestWhatIsOnlyObservedSaysWhatItWouldHaveBeen(t *testing.T) {
	h := portaltest.Open(t, policy.Rules{
		Allowances: map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(3), Long: meter.People(20)}},
		Watches:    policy.Watches, Observed: policy.Observed{Everything: true},
	}, desk.Settings{})
	if p := h.Opens(theo, 1, 2, 3, 4); p.Decision.People[3].Verdict != policy.Shown {
		t.Fatalf("%v", p.Decision.People[3])
	}
	reads(t, h, "/desk") // the picture is up to date
	for _, path := range []string{"/desk", "/desk/accounts/" + string(theo)} {
		if said := reads(t, h, path); !strings.Contains(said, "a confirmation would have been asked") {
			t.Errorf("%s does not say it: %s", path, said)
		}
	}
	for why, name := range map[policy.Why]string{
		policy.LongEmpty: "co-signature", policy.Doubted: "identity", policy.Enumerating: "frozen", policy.Drifting: "frozen", policy.CanaryOpened: "frozen",
		policy.PaceReached: "step-up", policy.WallReached: "withheld", policy.OrganisationEmpty: "withheld", policy.RegisterEmpty: "withheld",
	} {
		h := portal.Activity{Entry: ledger.Entry{Kind: ledger.Consulted, Verdict: policy.Shown, Why: why, Observed: true}}
		if h.State() != "observed-"+name {
			t.Errorf("%s reads %s", why, h.State())
		}
	}
}

// What the account's page says comes next is what policy then decides, unless the
// stranger comes with a further sign.
func TestTheAccountsPageForetellsTheNextDecision(t *testing.T) {
	rules := policy.Rules{
		Purposes:   roster.Purposes{"accompany": register.Name},
		Allowances: make(map[roster.Role]meter.Allowance),
		Watches:    policy.Watches,
	}
	begun := time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)
	ask := policy.Ask{Act: policy.Show, Account: theo, Role: roster.Adviser, Service: "dossier", Purpose: "accompany", About: true}
	habilitation := roster.Habilitation{Account: theo, Service: "dossier", Purpose: "accompany", From: begun.AddDate(-1, 0, 0), Until: begun.AddDate(1, 0, 0)}
	foretold := make(map[policy.Verdict]int)
	for seed := range uint64(40) {
		dice, m, now := rand.New(rand.NewPCG(seed, 1)), meter.New(), begun
		pause := time.Duration(1+seed%5) * 15 * time.Minute
		rules.Allowances[roster.Adviser] = meter.Allowance{Short: meter.People(3), Long: meter.People(12 + 28*int(seed%2))}
		rules.Signed = policy.Signed * int(seed/2%2)
		var orders order.Set
		for n := range 60 {
			now = now.Add(time.Duration(dice.Int64N(int64(2*pause)) + int64(time.Minute)))
			standing := gate.StandingOf(m.Draft(), rules.Watches[roster.Adviser], 0, now)
			standing.Allowance, standing.Signable = rules.Allowances[roster.Adviser], rules.Signed
			standing.Held, standing.IsHeld = orders.Against(order.Use{Account: theo, Service: "dossier"}, now)
			next := desk.ScoreOf(standing, roster.Account{}).Next

			ask.People = []policy.Opening{{Person: register.PersonID{byte(n), 1}, Fields: register.Name}}
			if dice.IntN(25) == 0 {
				ask.People[0].Person = register.PersonID{}
			}
			decision := rules.Decide(ask, policy.Facts{Habilitations: []roster.Habilitation{habilitation}, Orders: orders, Meter: m.Draft(), Answer: uint64(n + 1)}, now)
			for e := range ledger.EntriesFor(ask, decision, ledger.Number(n+1), now) {
				m.Record(e.Event())
			}
			if _, freezes := decision.Freezes(); freezes && dice.IntN(2) == 0 {
				orders = order.Set{{Reach: order.Account, Target: string(theo), Effect: order.Frozen, By: journal.Itself}}
			}
			met := decision.People[0]
			further := met.Why == policy.Enumerating || met.Why == policy.Doubted || met.Why == policy.Expelled
			if ask.People[0].Person.IsZero() || further && met.Verdict != next {
				continue
			}
			if met.Verdict == policy.Refused && (met.Why == policy.Frozen || met.Why == policy.SignedEmpty) {
				met.Verdict = policy.Withheld // of a page as a whole
			}
			if foretold[next]++; met.Verdict != next {
				t.Fatalf("seed %d, stranger %d: %s was foretold, %s came for %s", seed, n, next, met.Verdict, met.Why)
			}
			if next == policy.AskStepUp && dice.IntN(2) == 0 {
				m.Record(meter.Event{Kind: meter.SteppedUp, At: now})
			}
		}
	}
	for _, verdict := range []policy.Verdict{policy.Shown, policy.AskStepUp, policy.AskCosign, policy.AskIdentity, policy.Freeze, policy.Withheld} {
		if foretold[verdict] == 0 {
			t.Errorf("%s was never foretold: %v", verdict, foretold)
		}
	}
}

func TestTheCUSUMIsDrawn(t *testing.T) {
	days := make([]meter.Day, 28)
	days[26] = meter.Day{Charged: 300, High: 300, Left: 200}
	days[27] = meter.Day{Charged: 800, High: 1000, Left: 1000}
	p := desk.DrawDrift(days, 2000)
	switch {
	case p.LimitY != desk.DriftZero-desk.DriftTall:
		t.Errorf("the limit is at %g", p.LimitY)
	case p.NowY != desk.DriftZero-desk.DriftTall/2:
		t.Errorf("half of the limit is at %g", p.NowY)
	case len(p.Days) != 2 || p.Forgiven(p.Days[0]) != 100:
		t.Errorf("the table has %v", p.Days)
	case !strings.HasPrefix(p.Path, "M0 150L0 150L10.7 150L21.4 150") || !strings.HasSuffix(p.Path, "L557.1 150L567.9 129L578.6 136L578.6 136L589.3 80"):
		t.Errorf("the line is %s", p.Path)
	}
	if above := desk.DrawDrift([]meter.Day{{Charged: 4000, High: 4000}}, 2000); above.NowY != desk.DriftZero-desk.DriftTall || above.LimitY != desk.DriftZero-desk.DriftTall/2 {
		t.Errorf("beyond the limit: %+v", above)
	}
	if none := desk.DrawDrift(days, 0); none.LimitY != 0 {
		t.Error("a limit is drawn that is not there")
	}
}

func TestEvidenceIsSaidAsOdds(t *testing.T) {
	for evidence, want := range map[meter.Evidence]int{0: 0, 50: 0, 70: 2, meter.Doubt: 300, meter.Sure: 90_000, 1 << 20: 400_000_000} {
		if got := desk.OnceIn(evidence); got != want {
			t.Errorf("%d is once in %d, not %d", evidence, got, want)
		}
	}
}
