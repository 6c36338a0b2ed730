package desk_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"poterne/internal/i18n"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/portal/portaltest"
)

// Promise: WATCH-4
func TestWATCH_4_TheDeskSaysWhoActsTogetherAndWhatIsNarrowedUntilWhen(t *testing.T) {
	h := portaltest.New(t)
	go func() { _ = h.Campaigns.Run(t.Context()) }()
	if _, raw := h.Goes(security, http.MethodGet, "/desk/campaigns", nil); !strings.Contains(portaltest.Read(t, raw), "No allowance is reduced") {
		t.Error("somebody is narrowed in a quiet house")
	}
	if _, err := h.Gate.Place(t.Context(), order.Order{Reach: order.Account, Target: string(theo), Effect: order.Suspended, By: string(security), Because: "a test"}); err != nil {
		t.Fatal(err)
	}
	said := ""
	for end := time.Now().Add(time.Minute); !strings.Contains(said, "cut to a quarter") && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		_, raw := h.Goes(security, http.MethodGet, "/desk/campaigns", nil)
		said = portaltest.Read(t, raw)
	}
	for _, want := range []string{
		"Mission locale du Bourg: allowances cut to a quarter", "until ", "Théo Marchand", "Suspended by a person.",
		"It takes two weeks of ledger",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("the page does not say %q: %s", want, said)
		}
	}
	if answer, _ := h.Goes(security, http.MethodGet, "/desk", nil); answer.StatusCode != http.StatusOK {
		t.Errorf("the desk: %s", answer.Status)
	}
	read := false
	for e, err := range h.Gate.Entries(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		read = read || e.Kind == ledger.Read && e.Account == security && e.State == ledger.CampaignRead
	}
	if !read {
		t.Error("reading the campaigns is not written down")
	}
	if answer, _ := h.Goes(camille, http.MethodGet, "/desk/campaigns", nil); answer.StatusCode != http.StatusForbidden {
		t.Errorf("an adviser: %s", answer.Status)
	}
}

// The accounts of an alarm are frozen by one form, each by an order of its own.
func TestACT_2_SeveralAccountsAreFrozenAtOnce(t *testing.T) {
	h := portaltest.New(t)
	form := url.Values{"reach": {"account"}, "effect": {"frozen"}, "target": {string(theo)}, "also": {string(camille), string(camille), string(theo)}, "because": {"they act together"}}
	_, raw := h.Goes(security, http.MethodGet, "/desk/orders/new?"+form.Encode(), nil)
	if said := portaltest.Read(t, raw); !strings.Contains(said, "The same measure is taken on one other account: Camille Aubry") || !strings.Contains(said, "2 accounts") {
		t.Errorf("before it is placed: %s", said)
	}
	for what, also := range map[string]string{"nobody": "nobody", "oneself": string(security)} {
		wrong := url.Values{"also": {also}}
		for key, values := range form {
			if key != "also" {
				wrong[key] = values
			}
		}
		if answer, _ := h.Goes(security, http.MethodPost, "/desk/orders", wrong); answer.StatusCode == http.StatusSeeOther {
			t.Errorf("%s is frozen as well", what)
		}
	}
	if n := len(h.Gate.Orders()); n != 0 {
		t.Errorf("%d orders are placed already", n)
	}
	if answer, raw := h.Goes(security, http.MethodPost, "/desk/orders", form); answer.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s: %s", answer.Status, portaltest.Read(t, raw))
	}
	held := make(map[string]int)
	for _, o := range h.Gate.Orders() {
		if o.Effect == order.Frozen && o.Because == "they act together" {
			held[o.Target]++
		}
	}
	if len(held) != 2 || held[string(theo)] != 1 || held[string(camille)] != 1 {
		t.Errorf("held are %v", held)
	}
}

func TestADeskIsNotQuietWhileAccountsActTogether(t *testing.T) {
	s := portaltest.NewStage()
	s.Conspire()
	sees := func(path string) string {
		answer := httptest.NewRecorder()
		s.Visits(security, http.MethodGet, path, nil)(answer, httptest.NewRequest(http.MethodGet, path, nil), i18n.English)
		return answer.Body.String()
	}
	raw := sees("/desk")
	if said := portaltest.Read(t, raw); strings.Contains(said, "All quiet") || !strings.Contains(said, "5 groups of accounts that share something ask for too many people") {
		t.Error("the desk says that all is quiet")
	}
	if !strings.Contains(raw, `href="/desk/campaigns"`) {
		t.Error("no link leads to them")
	}
	raw = sees("/desk/campaigns")
	for _, want := range []string{
		"In 5 days, 3 accounts of one organisation asked for 61 people without a reason, in all; 12 would be usual for so many.",
		"Organisation: Mission locale du Bourg", "One device (k3vq7mzx)", "Network: hebergeur", "about every 20 seconds", "Accounts proposed by Jeanne Vidal",
		"3 more accounts.", "Front desk: 142 people without a reason in an hour; 61 is usual at the same hour of the last 4 weeks.",
	} {
		if !strings.Contains(portaltest.Read(t, raw), want) {
			t.Errorf("the page does not say %q: %s", want, portaltest.Read(t, raw))
		}
	}
	// The bars stand on one scale, which ends at 80; each says its figures, and is followed by its own freeze.
	for _, want := range []string{
		`<span>0</span><span>80</span>`, `<rect class="counted" y="4" width="457" height="16"/><path class="usual" d="M90 0V24"/>`,
		`<desc id="bar-0-says">61 people without a reason; 12 is usual</desc>`, `width="157" height="16"/>`, `<a href="#alarm-4">`,
	} {
		if !strings.Contains(raw, want) {
			t.Errorf("the bars lack %s", want)
		}
	}
	if n := strings.Count(raw, `<rect class="counted"`); n != 5 {
		t.Errorf("%d bars are drawn of 5 alarms", n)
	}
	if !strings.Contains(raw, "/desk/orders/new?also=") || !strings.Contains(portaltest.Read(t, raw), "Freeze these 3 accounts") {
		t.Error("the accounts of an alarm cannot be frozen at once")
	}
	for _, link := range []string{`href="/desk/accounts/camille.aubry"`, `href="/desk/accounts/theo.marchand"`, `href="/desk/orders/0"`} {
		if !strings.Contains(raw, link) {
			t.Errorf("no link to %s", link)
		}
	}
}

// Promise: WATCH-8
func TestWATCH_8_TheDeskSaysWhoUsesNearlyAllThatTheyMayAndWhy(t *testing.T) {
	s := portaltest.NewStage()
	sees := func(in i18n.Language) string {
		answer := httptest.NewRecorder()
		s.Visits(security, http.MethodGet, "/desk/campaigns", nil)(answer, httptest.NewRequest(http.MethodGet, "/desk/campaigns", nil), in)
		return portaltest.Read(t, answer.Body.String())
	}
	if said := sees(i18n.English); !strings.Contains(said, "Close to the limits, for weeks") || !strings.Contains(said, "No account.") {
		t.Errorf("a quiet house: %s", said)
	}
	s.Conspire()
	for in, want := range map[i18n.Language][]string{
		i18n.English: {
			"For eight weeks this account has used 2 limits far beyond its role and its own past, or nearly in full.",
			"About 1,150 people with a reason: 96 % of what is allowed; 380 is usual for its role, and it had 402 in the eight weeks before.",
			"28 people found in searches, without a reason: 93 % of what is allowed; 4 is usual for its role. The account has no past to compare with.",
		},
		i18n.French: {
			"40 personnes sans motif : 100 % de ce qui est permis ; 21 d’ordinaire dans son rôle, 19 les huit semaines d’avant.",
			"120 personnes que d’autres ont accordées : 60 % de ce qui est permis ; 0 d’ordinaire dans son rôle. Le compte n’a pas de passé à comparer.",
		},
	} {
		said := sees(in)
		for _, sentence := range want {
			if !strings.Contains(strings.ReplaceAll(said, "\u202f", " "), sentence) {
				t.Errorf("the page does not say %q: %s", sentence, said)
			}
		}
	}
}
