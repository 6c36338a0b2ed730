package rights_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/portal/portaltest"
	"poterne/internal/roster"
	"poterne/internal/store"
)

// A habilitation is asked for from the card, and given in the managers' room by two people, each
// with a passkey asked for this very act; the person, others and one of the two alone give nothing.
//
// Promises: RIGHTS-1, RIGHTS-9, ENTRY-6
func TestRIGHTS_1_AHabilitationIsAskedForFromTheCardAndGivenByTwo(t *testing.T) {
	h := portaltest.New(t)
	h.Door.HasPasskey.Store(true)
	post := func(who roster.AccountID, to string, form url.Values) int {
		t.Helper()
		if form.Has("passkey-answer") { // the real door writes down that they touched their passkey
			if err := journal.Record(t.Context(), h.Gate.Journal, ledger.Entry{Kind: ledger.SteppedUp, Account: who}); err != nil {
				t.Fatal(err)
			}
		}
		answer, _ := h.Goes(who, http.MethodPost, to, form)
		return answer.StatusCode
	}
	page := func(who roster.AccountID, at string) string {
		t.Helper()
		_, raw := h.Goes(who, http.MethodGet, at, nil)
		return portaltest.Read(t, raw)
	}
	has := func() bool {
		t.Helper()
		list, err := store.NewRoster(h.DB).Habilitations(t.Context(), portaltest.Camille)
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(list, func(x roster.Habilitation) bool {
			return x.Service == "ouiform" && x.Purpose == "former" && x.Until.After(h.Now())
		})
	}
	confirmed := url.Values{"passkey-answer": {"{}"}}
	if front := page(portaltest.Camille, "/"); !strings.Contains(front, "Ask for the habilitation") {
		t.Fatalf("the card offers nothing:\n%s", front)
	}
	ask := url.Values{"service": {"ouiform"}, "purpose": {"former"}, "because": {"the new course"}}
	for field, odd := range map[string]string{"service": "dossier2", "purpose": "accompany", "because": " "} {
		form := url.Values{}
		for name, value := range ask {
			form[name] = value
		}
		form.Set(field, odd)
		if code := post(portaltest.Camille, "/rights", form); code == http.StatusOK {
			t.Errorf("with %s %q: %d", field, odd, code)
		}
	}
	if code := post(portaltest.Jeanne, "/rights", ask); code != http.StatusForbidden {
		t.Errorf("a manager asks for themself: %d", code)
	}
	if waiting, err := h.Rights().Waiting(t.Context()); err != nil || len(waiting) != 0 {
		t.Fatalf("what is odd waits: %+v, %v", waiting, err)
	}
	for range 2 { // twice is once
		if code := post(portaltest.Camille, "/rights", ask); code != http.StatusSeeOther {
			t.Fatalf("asking: %d", code)
		}
	}
	waiting, err := h.Rights().Waiting(t.Context())
	if err != nil || len(waiting) != 1 || has() {
		t.Fatalf("it waits as %+v, %v; given: %v", waiting, err, has())
	}
	number := waiting[0].Number
	at := fmt.Sprintf("/rights/%d", number)
	if front := page(portaltest.Camille, "/"); !strings.Contains(front, "Two people give it or refuse it") || strings.Contains(front, "Ask for the habilitation") {
		t.Errorf("the card says:\n%s", front)
	}
	if list := page(portaltest.Jeanne, "/rights"); !strings.Contains(list, "the new course") || !strings.Contains(list, "One person waits") {
		t.Errorf("the managers' room says:\n%s", list)
	}
	for who, want := range map[roster.AccountID]int{portaltest.Camille: http.StatusForbidden, portaltest.Theo: http.StatusForbidden} {
		if code := post(who, at+"/sign", confirmed); code != want {
			t.Errorf("%s signs: %d", who, code)
		}
	}
	if err := h.Rights().Give(t.Context(), number, portaltest.Camille); err == nil {
		t.Error("whoever asks signs")
	}
	if code := post(portaltest.Theo, at+"/withdraw", nil); code == http.StatusSeeOther {
		t.Errorf("a colleague takes it back: %d", code)
	}
	if err := h.Rights().Give(t.Context(), number, portaltest.Jeanne); err == nil {
		t.Error("a manager signs who has not confirmed")
	}
	if code := post(portaltest.Jeanne, at+"/sign", confirmed); code != http.StatusSeeOther || has() {
		t.Errorf("the first signature: %d, given: %v", code, has())
	}
	if code := post(portaltest.Jeanne, at+"/sign", confirmed); code == http.StatusSeeOther || has() {
		t.Errorf("one person signs twice: %d, given: %v", code, has())
	}
	if front := page(portaltest.Camille, "/"); !strings.Contains(front, "One person has signed") {
		t.Errorf("the card says:\n%s", front)
	}
	if code := post(portaltest.Security, at+"/sign", confirmed); code != http.StatusSeeOther || !has() {
		t.Errorf("the second signature: %d, given: %v", code, has())
	}
	if code := post(portaltest.Security, at+"/sign", confirmed); code == http.StatusSeeOther {
		t.Error("it is given twice")
	}
	var given ledger.Entry
	for e, err := range store.NewLedger(h.DB).Entries(context.Background(), number) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == ledger.RightGiven {
			given = e
		}
	}
	if given.Account != portaltest.Jeanne || given.Approver != portaltest.Security || given.Subject != portaltest.Camille || given.Cause != number || given.Service != "ouiform" {
		t.Errorf("the ledger says %+v", given)
	}
	if front := page(portaltest.Camille, "/"); strings.Contains(front, "Ask for the habilitation") {
		t.Errorf("the card still offers it:\n%s", front)
	}
	if code := post(portaltest.Theo, "/rights", ask); code != http.StatusSeeOther {
		t.Fatalf("another asks: %d", code)
	}
	if waiting, err = h.Rights().Waiting(t.Context()); err != nil || len(waiting) != 1 {
		t.Fatalf("it waits as %+v, %v", waiting, err)
	}
	if _, err := h.Gate.Place(t.Context(), order.Order{Effect: order.Frozen, Reach: order.Account, Target: string(portaltest.Theo), By: journal.Itself, Because: "test"}); err != nil {
		t.Fatal(err)
	}
	if code := post(portaltest.Jeanne, fmt.Sprintf("/rights/%d/sign", waiting[0].Number), confirmed); code == http.StatusSeeOther {
		t.Errorf("it is signed for a frozen account: %d", code)
	}
}

// Promise: RIGHTS-1. What waits is taken back by whoever asked and refused by whoever could give
// it, and is given by nobody afterwards.
func TestRIGHTS_1_ARequestForAHabilitationIsTakenBackAndRefused(t *testing.T) {
	h := portaltest.New(t)
	for who, to := range map[roster.AccountID]string{portaltest.Camille: "withdraw", portaltest.Jeanne: "refuse"} {
		answer, _ := h.Goes(portaltest.Camille, http.MethodPost, "/rights", url.Values{"service": {"ouiform"}, "purpose": {"former"}, "because": {"the new course"}})
		waiting, err := h.Rights().Waiting(t.Context())
		if err != nil || answer.StatusCode != http.StatusSeeOther || len(waiting) != 1 {
			t.Fatalf("%s: %+v, %v", answer.Status, waiting, err)
		}
		if answer, _ := h.Goes(who, http.MethodPost, fmt.Sprintf("/rights/%d/%s", waiting[0].Number, to), nil); answer.StatusCode != http.StatusSeeOther {
			t.Errorf("%s: %s", to, answer.Status)
		}
		if left, err := h.Rights().Waiting(t.Context()); err != nil || len(left) != 0 {
			t.Errorf("after %s there wait %+v, %v", to, left, err)
		}
		if err := h.Rights().Give(t.Context(), waiting[0].Number, portaltest.Security); err == nil {
			t.Errorf("after %s it is given", to)
		}
	}
}

// Promise: RIGHTS-1. Whoever holds somebody's session does not write to the managers again and
// again by asking and taking back: what was asked within two weeks counts, answered or not.
func TestRIGHTS_1_AskingAndTakingBackIsNoWayToWriteToManagers(t *testing.T) {
	h := portaltest.New(t)
	asked := 0
	for range 30 {
		answer, _ := h.Goes(portaltest.Camille, http.MethodPost, "/rights", url.Values{"service": {"ouiform"}, "purpose": {"former"}, "because": {"the new course"}})
		waiting, err := h.Rights().Waiting(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(waiting) == 0 {
			if answer.StatusCode == http.StatusSeeOther {
				t.Error("it is refused, and called done")
			}
			break
		}
		asked++
		if answer, _ := h.Goes(portaltest.Camille, http.MethodPost, fmt.Sprintf("/rights/%d/withdraw", waiting[0].Number), nil); answer.StatusCode != http.StatusSeeOther {
			t.Fatalf("taking back: %s", answer.Status)
		}
	}
	if asked != 10 {
		t.Errorf("one account asks %d times within two weeks, want 10", asked)
	}
}
