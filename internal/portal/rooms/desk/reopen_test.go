package desk_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"poterne/internal/accounts"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/portal/portaltest"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store/storetest"
)

// Kairos was closed by one person of the desk. Two others reopen it by the pages alone, step
// by step, each line of the checklist ticked in somebody's name; and at each step a training
// body's card says what it can do, and the gate does what the card says.
//
// Promise: ACT-2
func TestACT_2_KairosIsReopenedByStepsByTwoPeopleInABrowser(t *testing.T) {
	h := portaltest.New(t)
	const second, sacha = roster.AccountID("ines.garde"), roster.AccountID("sacha.olive")
	if err := storetest.TakeRoster(t, h.DB, accounts.List{Accounts: []roster.Account{{
		ID: second, Organisation: "garde", Role: roster.Security, Name: "Inès Garde", Opened: time.Now().AddDate(-1, 0, 0),
		Identity: roster.Identity{Issuer: "https://idp.example", Provider: "p", Subject: "ines"},
	}}}); err != nil {
		t.Fatal(err)
	}
	h.Places(order.Order{Effect: order.Closed, Reach: order.Service, Target: "kairos", By: "samir", Because: "vol de comptes", Message: order.Message{French: "Kairos est fermé.", English: "Kairos is closed."}})
	tab := portaltest.OpenTab(t)
	there := func(who roster.AccountID) {
		h.StepUp()
		if err := h.Gate.StepUp(t.Context(), who, "s-1", "", ""); err != nil {
			t.Fatal(err)
		}
	}
	open := func(who roster.AccountID, path string) string {
		t.Helper()
		if err := chromedp.Do(tab, portaltest.As(who), chromedp.Navigate(h.URL+path)); err != nil {
			t.Fatal(err)
		}
		text, err := chromedp.Run(tab, chromedp.Evaluate[string](`document.body.innerText`))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	// sees is what the training body's card says, and what the gate does for a reading and a change.
	sees := func(step, card string, read, change policy.Why) {
		t.Helper()
		if text := open(sacha, "/"); !strings.Contains(text, card) {
			t.Errorf("%s: the card does not say %q: %s", step, card, text)
		}
		portaltest.KeepScreenshot(t, tab, "kairos-"+step)
		for act, want := range map[policy.Act]policy.Why{policy.Show: read, policy.Change: change} {
			ask := policy.Ask{Act: act, Account: sacha, Session: "s-1", Service: "kairos", Purpose: "former", Route: "GET /trainees/{id}", People: []policy.Opening{{Person: register.PersonID{7}, Fields: register.Name}}}
			if act == policy.Change {
				ask.Function = order.Changes
			}
			passage, err := h.Gate.Commit(t.Context(), ask)
			if err != nil {
				t.Fatal(err)
			}
			got := passage.Decision.Whole.Why
			if want != policy.Closed && want != policy.OnlyRead {
				if got == policy.Closed || got == policy.OnlyRead {
					t.Errorf("%s: %v is %v", step, act, got)
				}
			} else if got != want {
				t.Errorf("%s: %v is %v, want %v", step, act, got, want)
			}
		}
	}
	current := func() string { return "/desk/orders/" + string(h.Gate.Orders()[0].ID) }
	fill := func(selector, text string) {
		t.Helper()
		if there, err := chromedp.Run(tab, chromedp.Evaluate[bool](fmt.Sprintf(`document.querySelector(%q) !== null`, selector))); err != nil || !there {
			text, _ := chromedp.Run(tab, chromedp.Evaluate[string](`location.href + " " + document.body.innerText`))
			t.Fatalf("there is no %s on %s", selector, text)
		}
		js := fmt.Sprintf(`(f => { f.querySelector("[name=because]").value = %q; f.submit(); return true })(document.querySelector(%q))`, text, selector)
		if _, err := chromedp.Run(tab, chromedp.Evaluate[bool](js)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond)
	}
	tick := func(who roster.AccountID, line ledger.State) {
		t.Helper()
		open(who, current())
		fill(fmt.Sprintf(`form:has(input[value="%s"])`, line), "vu avec l’équipe")
	}
	step := func(name string) {
		t.Helper()
		id := current()
		there(security)
		open(security, id)
		portaltest.KeepScreenshot(t, tab, "reopen-"+name)
		fill(`form[action$="/propose"]`, "étape "+name)
		if text := open(security, id); strings.Contains(text, "Confirm this step") {
			t.Errorf("%s: who proposed may confirm", name)
		}
		there(second)
		if text := open(second, id); !strings.Contains(text, "Confirm this step") {
			t.Fatalf("%s: nobody may confirm: %s", name, text)
		}
		if _, err := chromedp.Run(tab, chromedp.Evaluate[bool](`(document.querySelector('form[action$="/confirm"]').submit(), true)`)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond)
	}
	sees("closed", "Kairos is closed.", policy.Closed, policy.Closed)
	if text := open(security, current()); !strings.Contains(text, "2 lines are missing") {
		t.Errorf("a step can be proposed before its checklist: %s", text)
	}
	tick(security, ledger.CauseFound)
	tick(second, ledger.AccountsHeld)
	step("trial") // the first organisation of the list reads: the training body still waits, or reads
	first := h.Gate.Orders()[0].Spares
	if first == "" {
		t.Fatal("no organisation reads first")
	}
	if first == "of-rive" {
		sees("trial", "Reopened read-only", policy.Granted, policy.OnlyRead)
	} else {
		sees("trial", "Closed for now", policy.Closed, policy.Closed)
	}
	tick(second, ledger.PartnersTold)
	step("reading")
	sees("reading", "Reopened read-only", policy.Granted, policy.OnlyRead)
	tick(security, ledger.NothingNew)
	step("lifting")
	if in := h.Gate.Orders(); len(in) > 0 {
		t.Fatalf("still in force: %+v", in)
	}
	sees("open", "Reopened ", policy.Granted, policy.Granted)
}
