package terms_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/custody"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/portal/portaltest"
	"poterne/internal/portal/rooms/desk"
	"poterne/internal/roster"
)

const (
	officer   = roster.AccountID("claire.noir")
	colleague = roster.AccountID("samir.cohen")
)

// guarded is a site with two people of the security desk.
func guarded(t *testing.T) *portaltest.Site {
	t.Helper()
	h := portaltest.Open(t, portaltest.Allowing(40, 40), desk.Settings{})
	list := accounts.List{Organisations: portaltest.Organisations, Accounts: []roster.Account{{
		ID: colleague, Organisation: "garde", Role: roster.Security, Name: "Samir Cohen", Opened: time.Now().AddDate(-1, 0, 0),
		Identity: roster.Identity{Issuer: "https://id.example", Subject: string(colleague)},
	}}}
	made, err := journal.Do(t.Context(), h.Gate.Journal, &accounts.Import{By: "samir", List: list})
	if err != nil {
		t.Fatal(err)
	}
	if err := journal.Record(t.Context(), h.Gate.Journal, ledger.Entry{Kind: ledger.SteppedUp, Account: portaltest.Security}); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Do(t.Context(), h.Gate.Journal, &accounts.Admit{By: portaltest.Security, Import: made.Number}); err != nil {
		t.Fatal(err)
	}
	if err := h.Gate.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	return h
}

// confirms has accounts touch their passkeys.
func confirms(t *testing.T, h *portaltest.Site, who ...roster.AccountID) {
	t.Helper()
	h.StepUp()
	for _, one := range who {
		if err := journal.Record(t.Context(), h.Gate.Journal, ledger.Entry{Kind: ledger.SteppedUp, Account: one}); err != nil {
			t.Fatal(err)
		}
	}
}

func posts(t *testing.T, h *portaltest.Site, who roster.AccountID, path string, form url.Values) int {
	t.Helper()
	answer, _ := h.Goes(who, http.MethodPost, path, form)
	return answer.StatusCode
}

func reads(t *testing.T, h *portaltest.Site, who roster.AccountID) string {
	t.Helper()
	answer, raw := h.Goes(who, http.MethodGet, "/terms", nil)
	if answer.StatusCode != http.StatusOK {
		t.Errorf("%s is answered %s", who, answer.Status)
	}
	return portaltest.Read(t, raw)
}

// waits is the one request that waits.
func waits(t *testing.T, h *portaltest.Site) custody.Request {
	t.Helper()
	all, err := h.Keeping().Waiting(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("%d requests wait, %v", len(all), err)
	}
	return all[0]
}

// A hold, and its release, are asked for by one of the security desk with a passkey, and approved by
// another with theirs; each step is an entry, and the page says until when and why.
//
// Promise: ENTRY-6
func TestLEDGER_6_TwoOfTheDeskHoldAndReleaseInThePortal(t *testing.T) {
	h := guarded(t)
	now := ledger.MonthOf(time.Now())
	hold := url.Values{"since": {now.String()}, "until": {""}, "because": {"inquiry 26-131"}}
	if said := reads(t, h, officer); !strings.Contains(said, "No month of the ledger is held") || !strings.Contains(said, "kept 12 months after its end") || !strings.Contains(said, "Nothing is held.") {
		t.Errorf("before: %s", said)
	}
	if code := posts(t, h, portaltest.Security, "/terms", hold); code == http.StatusSeeOther {
		t.Error("it is asked for without a passkey")
	}
	confirms(t, h, officer, portaltest.Security, colleague, portaltest.Camille)
	for what, code := range map[string]int{
		"an adviser":       posts(t, h, portaltest.Camille, "/terms", hold),
		"the officer":      posts(t, h, officer, "/terms", hold),
		"without a reason": posts(t, h, portaltest.Security, "/terms", url.Values{"since": hold["since"], "because": {" "}}),
		"of no month":      posts(t, h, portaltest.Security, "/terms", url.Values{"since": {"soon"}, "because": {"x y"}}),
		"backwards":        posts(t, h, portaltest.Security, "/terms", url.Values{"since": {"2026-03"}, "until": {"2026-01"}, "because": {"x y"}}),
		"of no hold":       posts(t, h, portaltest.Security, "/terms", url.Values{"hold": {"3"}, "because": {"x y"}}),
	} {
		if code == http.StatusSeeOther {
			t.Errorf("%s: it is taken", what)
		}
	}
	if code := posts(t, h, portaltest.Security, "/terms", hold); code != http.StatusSeeOther {
		t.Fatalf("asking: %d", code)
	}
	approve := func(who roster.AccountID, number ledger.Number) int {
		t.Helper()
		return posts(t, h, who, fmt.Sprintf("/terms/%d/approve", number), nil)
	}
	if said := reads(t, h, portaltest.Security); !strings.Contains(said, "Another person approves, within seven days.") {
		t.Errorf("until when it can be approved is not said: %s", said)
	}
	asked := waits(t, h)
	for _, who := range []roster.AccountID{portaltest.Security, officer, portaltest.Camille} {
		if code := approve(who, asked.Number); code == http.StatusSeeOther {
			t.Errorf("%s approves it", who)
		}
	}
	if said := reads(t, h, officer); !strings.Contains(said, "One request waits for a second person") || !strings.Contains(said, "inquiry 26-131") || !strings.Contains(said, "Noa Lambert") {
		t.Errorf("while it waits: %s", said)
	}
	if code := approve(colleague, asked.Number); code != http.StatusSeeOther {
		t.Fatalf("approving: %d", code)
	}
	if code := approve(colleague, asked.Number); code == http.StatusSeeOther {
		t.Error("it is approved twice")
	}
	kept, err := h.Keeping().Kept(t.Context())
	if err != nil || kept.Altered != nil || len(kept.Schedule.Holds) != 1 || kept.Schedule.Holds[0].By != portaltest.Security || kept.Schedule.Holds[0].Approver != colleague || len(kept.Schedule.Keeping(now.Plus(3))) != 1 {
		t.Fatalf("%+v, %v", kept, err)
	}
	if said := reads(t, h, officer); !strings.Contains(said, "One month of the ledger is held") || !strings.Contains(said, "its hold is released") || !strings.Contains(said, "Samir Cohen") {
		t.Errorf("while it is held: %s", said)
	}

	number := kept.Schedule.Holds[0].Number
	release := url.Values{"hold": {fmt.Sprint(number)}, "because": {"it is over"}}
	if code := posts(t, h, colleague, "/terms", release); code != http.StatusSeeOther {
		t.Fatalf("asking for its release: %d", code)
	}
	refused := waits(t, h)
	if code := posts(t, h, portaltest.Security, fmt.Sprintf("/terms/%d/drop", refused.Number), nil); code != http.StatusSeeOther {
		t.Fatalf("refusing: %d", code)
	}
	if code := approve(portaltest.Security, refused.Number); code == http.StatusSeeOther {
		t.Error("what was refused is approved")
	}
	if code := posts(t, h, colleague, "/terms", release); code != http.StatusSeeOther {
		t.Fatalf("asking again: %d", code)
	}
	asked = waits(t, h)
	if code := approve(colleague, asked.Number); code == http.StatusSeeOther {
		t.Error("one person releases it alone")
	}
	if code := approve(portaltest.Security, asked.Number); code != http.StatusSeeOther {
		t.Fatalf("releasing: %d", code)
	}
	if kept, err = h.Keeping().Kept(t.Context()); err != nil || kept.Altered != nil || kept.Schedule.InForce(number) {
		t.Errorf("after: %+v, %v", kept, err)
	}
}

// What was asked for waits for a week, and another person's passkey of long ago signs for nothing.
func TestLEDGER_6_ARequestToHoldLapses(t *testing.T) {
	h := guarded(t)
	confirms(t, h, portaltest.Security, colleague)
	if code := posts(t, h, portaltest.Security, "/terms", url.Values{"since": {ledger.MonthOf(time.Now()).String()}, "because": {"inquiry"}}); code != http.StatusSeeOther {
		t.Fatalf("asking: %d", code)
	}
	asked := waits(t, h)
	approval := custody.ApproveRequest{Request: asked, By: colleague}
	h.Moved.Add(int64(16 * time.Minute))
	if _, err := journal.Do(t.Context(), h.Gate.Journal, journal.Act[custody.Rows](approval)); err == nil {
		t.Error("it is approved by a confirmation of long ago")
	}
	h.Moved.Add(int64(custody.RequestWaits))
	confirms(t, h, colleague)
	if _, err := journal.Do(t.Context(), h.Gate.Journal, journal.Act[custody.Rows](approval)); err == nil || !strings.Contains(err.Error(), "waits for nobody any more") {
		t.Errorf("after a week: %v", err)
	}
	if all, err := h.Keeping().Waiting(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("%d wait, %v", len(all), err)
	}
}

// A hold that was taken out of the table is told on the page: nothing is dropped while it is so.
func TestLEDGER_6_TermsThatTheLedgerDoesNotSayAreToldAtOnce(t *testing.T) {
	h := guarded(t)
	h.Tamper(`drop trigger hold_is_new`, `insert into hold (number, since, until, because, placed_by, approved_by) values (2, 202001, 202002, 'forged', 'noa.lambert', 'samir.cohen')`)
	if said := reads(t, h, officer); !strings.Contains(said, "The terms and holds are not as the ledger says.") {
		t.Errorf("the page says %s", said)
	}
}
