package desk_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"poterne/internal/i18n"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/portal/portaltest"
	"poterne/internal/roster"
)

// The wall names the gravest account first, what is in force and which sources are silent.
// It has nothing to press, leads to no account, and says nothing that a person typed.
func TestTheWallSaysWhatIsWrongToWhoeverPassesAndNothingThatSomebodyTyped(t *testing.T) {
	s := portaltest.NewStage()
	for n := range 5 {
		asked(s, 20*time.Minute, camille, n, policy.AskStepUp, policy.ShortEmpty)
	}
	for n := range 50 {
		asked(s, 10*time.Minute, theo, n, policy.Withheld, policy.LongEmpty)
	}
	s.Contain(order.Account, string(sacha), order.Suspended, "") // because: "Connexion depuis un lieu inhabituel"
	s.Contain(order.Organisation, "fr-rive", order.Suspended, "")
	s.Play("Le dossier de M. Gigot", sacha)
	s.Watch()
	answer := httptest.NewRecorder()
	s.Visits(security, http.MethodGet, "/desk/wall", nil)(answer, httptest.NewRequest(http.MethodGet, "/desk/wall", nil), i18n.English)
	raw := answer.Body.String()
	said := portaltest.Read(t, raw)
	for _, want := range []string{
		"2 accounts to look at", "0 look-ups within the hour", "55 stopped",
		"Théo Marchand (Mission locale du Bourg) asked for 50 people beyond the allowance within an hour",
		"Camille Aubry", "organisation suspended", "A file is open as an exercise, and real orders stop its accounts: Sacha", "telephonie silent since today at 09:32",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in %s", want, said)
		}
	}
	if strings.Index(said, "Théo") > strings.Index(said, "Camille") {
		t.Errorf("the gravest is not first: %s", said)
	}
	_, main, _ := strings.Cut(raw, "<main")
	for _, never := range []string{"<form", "<button", "/desk/accounts/", "/desk/orders/", "lieu inhabituel", "Gigot"} {
		if strings.Contains(main, never) {
			t.Errorf("the wall has %q", never)
		}
	}
}

// A file may be about hundreds of accounts: what is said first names a few of them.
func TestAnExerciseOfManyAccountsIsSaidInAFewWords(t *testing.T) {
	s := portaltest.NewStage()
	accounts := []roster.AccountID{"stolen-0", "stolen-1", "stolen-2", "stolen-3", "stolen-4"}
	for _, account := range accounts {
		s.Contain(order.Account, string(account), order.Suspended, "")
	}
	s.Play("Un essai", accounts...)
	s.Watch()
	answer := httptest.NewRecorder()
	s.Visits(security, http.MethodGet, "/desk", nil)(answer, httptest.NewRequest(http.MethodGet, "/desk", nil), i18n.English)
	if said := portaltest.Read(t, answer.Body.String()); !strings.Contains(said, "real orders stop its accounts: stolen-0, stolen-1, stolen-2 and 2 other accounts.") {
		t.Error(said)
	}
}

// The wall goes on by itself with its own parts, which are all on its page.
func TestTheWallIsLive(t *testing.T) {
	h := portaltest.New(t)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	_, page := h.Goes(security, http.MethodGet, "/desk/wall", nil)
	events := follows(ctx, t, h, "/desk/wall/flow", "")
	h.Opens(theo, 1, 2, 3, 4, 5)
	picture := next(t, events, "picture")
	for !strings.Contains(picture.data, "asked for 2 people beyond the allowance") {
		picture = next(t, events, "picture")
	}
	for _, part := range strings.Split(picture.data, "data-part=")[1:] {
		name, _, _ := strings.Cut(strings.TrimPrefix(part, `"`), `"`)
		if !strings.Contains(page, `data-part="`+name+`"`) {
			t.Errorf("the page has no part %q", name)
		}
	}
	if strings.Contains(picture.data, "<form") {
		t.Error("a part of the wall can be pressed")
	}
	if answer, _ := h.Goes(camille, http.MethodGet, "/desk/wall", nil); answer.StatusCode != http.StatusForbidden {
		t.Errorf("an adviser reads the wall: %s", answer.Status)
	}
	if answer, _ := h.Goes(camille, http.MethodGet, "/desk/wall/flow", nil); answer.StatusCode != http.StatusForbidden {
		t.Errorf("an adviser follows the wall: %s", answer.Status)
	}
}
