package desk_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"poterne/internal/policy"
	"poterne/internal/portal/portaltest"
	"poterne/internal/portal/rooms/desk"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store/storetest"
)

// Promises: WATCH-6
func TestTheTotalOfATheftIsTrue(t *testing.T) {
	h := portaltest.Open(t, portaltest.Allowing(200, 2000), desk.Settings{})
	for begun := 0; begun < 37; begun += 10 { // strangers, first
		asks(t, h, theo, begun, min(begun+10, 37))
	}
	var own []reason.Fact
	for n := 37; n < 1000; n++ {
		own = append(own, reason.Fact{Kind: reason.Caseload, Account: theo, Person: numbered(n), Source: "agenda", ID: fmt.Sprint(n), From: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour)})
	}
	if err := storetest.TakeFacts(t, h.DB, "agenda", own...); err != nil {
		t.Fatal(err)
	}
	for begun := 37; begun < 1000; begun += 321 {
		asks(t, h, theo, begun, begun+321)
	}
	var raw, said string
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) { // a page does not wait long for a count
		_, raw = h.Goes(security, http.MethodGet, "/desk/accounts/"+string(theo), nil)
		if said = portaltest.Read(t, raw); !strings.Contains(said, "is not known now") || time.Now().After(end) {
			break
		}
	}
	for _, want := range []string{"1,000 people were shown to this account, 37 of them without a reason", "the newest 200 of 1,000 times"} {
		if !strings.Contains(said, want) {
			t.Errorf("the page does not say %q: %s", want, around(said, "one by one"))
		}
	}
	if strings.Contains(said, "200 people.") {
		t.Error("the newest lines are told as if they were all")
	}
	_, raw = h.Goes(theo, http.MethodGet, "/", nil)
	if said := portaltest.Read(t, raw); !strings.Contains(said, "321 people") || strings.Contains(said, "200 people") {
		t.Errorf("a passage of 321 people is not told as one of 321: %s", around(said, "latest lines"))
	}
	if said := h.WithoutIndex(security, "/desk/accounts/"+string(theo)); !strings.Contains(said, "How many people this account was shown is not known now") || strings.Contains(said, "1,000 people") {
		t.Errorf("without an index, the page says %s", around(said, "one by one"))
	}
}

// asks has an account open the people from one number up to another in one answer.
func asks(t *testing.T, h *portaltest.Site, who roster.AccountID, from, to int) {
	t.Helper()
	ask := policy.Ask{Act: policy.Show, Account: who, Session: "s-1", Service: "dossier", Purpose: "accompany", Route: "GET /list"}
	for n := from; n < to; n++ {
		ask.People = append(ask.People, policy.Opening{Person: numbered(n), Fields: register.Name})
	}
	passage, err := h.Gate.Commit(t.Context(), ask)
	if err != nil || !passage.Decision.Shown() {
		t.Fatalf("%d to %d: %v, %v", from, to, passage.Decision.Whole, err)
	}
}

func numbered(n int) register.PersonID { return register.PersonID{9, byte(n >> 8), byte(n)} }

func around(said, what string) string {
	_, after, _ := strings.Cut(said, what)
	return fmt.Sprintf("%.400s", after)
}
