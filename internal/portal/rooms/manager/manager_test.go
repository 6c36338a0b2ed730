package manager_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"poterne/internal/i18n"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/portal/portaltest"
	"poterne/internal/portal/rooms/desk"
	"poterne/internal/portal/rooms/manager"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store/storetest"
)

const (
	camille  = portaltest.Camille
	theo     = portaltest.Theo
	jeanne   = portaltest.Jeanne // manages their organisation
	remi     = portaltest.Remi   // manages another
	sacha    = portaltest.Sacha  // of that other
	security = portaltest.Security
)

// drained is a house in which camille has opened all that she may in 28 days, and
// the receipt of the next, who was refused.
func drained(t *testing.T) (*portaltest.Site, string) {
	t.Helper()
	h := portaltest.Open(t, portaltest.Allowing(3, 3), desk.Settings{})
	h.Opens(camille, 1, 2, 3)
	refused := h.Opens(camille, 4)
	if d := refused.Decision.People[0]; d.Verdict != policy.AskCosign || d.Why != policy.LongEmpty {
		t.Fatalf("the fourth is %v, %v", d.Verdict, d.Why)
	}
	return h, strconv.FormatUint(uint64(refused.Receipt), 10)
}

// Promises: METER-1, ENTRY-6
func TestMETER_1_AManagerSignsForAnOpeningWithAFreshTouchAndNeverSeesWhoItIs(t *testing.T) {
	h, number := drained(t)
	look, sign := "/manager?receipt="+number, url.Values{"receipt": {number}}
	for _, stale := range []time.Time{{}, time.Now().Add(-meter.Fresh - time.Second)} {
		if !stale.IsZero() {
			h.Door.SteppedUp.Store(stale.Unix())
		}
		answer, raw := h.Goes(jeanne, http.MethodGet, look, nil)
		said := portaltest.Read(t, raw)
		if answer.StatusCode != http.StatusOK || !strings.Contains(said, "Camille Aubry · Adviser · Mission locale du Bourg") || !strings.Contains(said, "You opened 3 people without a known reason in 28 days.") {
			t.Fatalf("%s: %s", answer.Status, said)
		}
		if strings.Contains(raw, (register.PersonID{1, 4}).Hex()) {
			t.Error("the page tells who the person is")
		}
		if actions := portaltest.Forms(t, raw); slices.Contains(actions, "/manager/cosign") || !slices.Contains(actions, "/.poterne/step-up") || !strings.Contains(raw, `name="return" value="`+look+`"`) {
			t.Errorf("without a fresh step-up the forms lead to %v", actions)
		}
		if answer, _ := h.Goes(jeanne, http.MethodPost, "/manager/cosign", sign); answer.StatusCode != http.StatusForbidden || h.Writes(jeanne, ledger.Cosigned) != 0 {
			t.Errorf("signing without a fresh step-up: %s", answer.Status)
		}
	}
	h.StepUp()
	if _, raw := h.Goes(jeanne, http.MethodGet, look, nil); !slices.Contains(portaltest.Forms(t, raw), "/manager/cosign") {
		t.Error("there is nothing to sign with")
	}
	answer, _ := h.Goes(jeanne, http.MethodPost, "/manager/cosign", sign)
	if answer.StatusCode != http.StatusSeeOther || h.Writes(jeanne, ledger.Cosigned) != 1 {
		t.Fatalf("signing: %s", answer.Status)
	}
	if _, raw := h.Goes(jeanne, http.MethodGet, answer.Header.Get("Location"), nil); !strings.Contains(portaltest.Read(t, raw), "It is signed") {
		t.Error("the page does not say that it is signed")
	}
	if d := h.Opens(camille, 4).Decision.People[0]; d.Verdict != policy.Shown || d.Why != policy.Vouched {
		t.Errorf("what was signed for is %v, %v", d.Verdict, d.Why)
	}
	if d := h.Opens(camille, 5).Decision.People[0]; d.Verdict != policy.AskCosign {
		t.Errorf("somebody else is %v", d.Verdict)
	}
	if h.Writes(jeanne, ledger.Read) < 3 {
		t.Error("looking under a receipt is not written down")
	}
}

// Promise: SCOPE-6
func TestSCOPE_6_TwoPeopleOpenAnArchivedFileForARequestAndForAFewHours(t *testing.T) {
	h := portaltest.New(t)
	err := storetest.TakeFacts(t, h.DB, "register", reason.Fact{
		Kind: reason.Archived, Organisation: reason.Everybody, Person: register.PersonID{1, 4}, From: time.Now().Add(-time.Hour), Until: time.Now().AddDate(20, 0, 0), ID: "4",
	})
	if err != nil {
		t.Fatal(err)
	}
	refused := h.Opens(camille, 4)
	if why := refused.Decision.Whole.Why; refused.Decision.People[0].Verdict.Shows() || refused.Decision.People[0].Why != policy.ArchivedUntold {
		t.Fatalf("an archived file: %v for %v", refused.Decision.People[0], why)
	}
	number := strconv.FormatUint(uint64(refused.Receipt), 10)
	sign := url.Values{"receipt": {number}, "ticket": {"DOS-2026-1187"}, "hours": {"2"}}
	post := func(who roster.AccountID, path string, change ...string) int {
		form := maps.Clone(sign)
		for i := 0; i < len(change); i += 2 {
			form.Set(change[i], change[i+1])
		}
		answer, _ := h.Goes(who, http.MethodPost, path, form)
		return answer.StatusCode
	}
	if status := post(jeanne, "/manager/archive"); status != http.StatusForbidden {
		t.Errorf("without a fresh step-up: %d", status)
	}
	h.StepUp()
	for _, who := range []roster.AccountID{jeanne, remi} {
		if err := journal.Record(t.Context(), h.Gate.Journal, ledger.Entry{Kind: ledger.SteppedUp, Account: who}); err != nil {
			t.Fatal(err)
		}
	}
	_, raw := h.Goes(jeanne, http.MethodGet, "/manager?receipt="+number, nil)
	if said := portaltest.Read(t, raw); !strings.Contains(said, "This file is archived") || slices.Contains(portaltest.Forms(t, raw), "/manager/cosign") {
		t.Errorf("whoever signs is not told what for: %s", said)
	}
	for what, status := range map[string]int{
		"a mere signature":               post(jeanne, "/manager/cosign"),
		"no reference":                   post(jeanne, "/manager/archive", "ticket", " "),
		"no end":                         post(jeanne, "/manager/archive", "hours", ""),
		"an end in two days":             post(jeanne, "/manager/archive", "hours", "48"),
		"another organisation's manager": post(remi, "/manager/archive"),
		"whoever asked":                  post(camille, "/manager/archive"),
	} {
		if status == http.StatusSeeOther {
			t.Errorf("%s opens it", what)
		}
	}
	if d := h.Opens(camille, 4).Decision.People[0]; d.Verdict.Shows() {
		t.Fatalf("nobody opened it, and it is %v for %v", d.Verdict, d.Why)
	}
	if status := post(jeanne, "/manager/archive"); status != http.StatusSeeOther {
		t.Fatalf("the second person: %d", status)
	}
	if d := h.Opens(camille, 4).Decision.People[0]; d.Verdict != policy.Shown || d.Reason.Kind != reason.ArchiveOpening {
		t.Errorf("opened by two people, it is %v for %v", d.Verdict, d.Why)
	}
	if d := h.Opens(theo, 4).Decision.People[0]; d.Verdict.Shows() {
		t.Error("it is open to a colleague, too")
	}
	_, desk := h.Goes(security, http.MethodGet, "/desk", nil)
	if said := portaltest.Read(t, desk); !strings.Contains(said, "An archived file is opened for Camille Aubry, for 2 h (“DOS-2026-1187”)") {
		t.Errorf("the desk does not see it: %s", said)
	}
}

// Promise: METER-1
func TestMETER_1_OnlyWhoVouchesForTheAccountSigns(t *testing.T) {
	for name, test := range map[string]struct {
		who    roster.AccountID
		number string // the right one when empty
		status int
	}{
		"the manager of the organisation": {jeanne, "", http.StatusSeeOther},
		"the security desk":               {security, "", http.StatusSeeOther},
		"whoever asked":                   {camille, "", http.StatusForbidden},
		"a colleague":                     {theo, "", http.StatusForbidden},
		"another organisation's manager":  {remi, "", http.StatusUnprocessableEntity},
		"a number that waits for nobody":  {jeanne, "1", http.StatusUnprocessableEntity},
		"a number to come":                {jeanne, "999999", http.StatusUnprocessableEntity},
		"a number with words":             {jeanne, "twelve", http.StatusUnprocessableEntity},
		"a negative number":               {jeanne, "-1", http.StatusUnprocessableEntity},
	} {
		t.Run(name, func(t *testing.T) {
			h, number := drained(t)
			h.StepUp()
			if test.number != "" {
				number = test.number
			}
			answer, raw := h.Goes(test.who, http.MethodPost, "/manager/cosign", url.Values{"receipt": {number}})
			if answer.StatusCode != test.status {
				t.Errorf("%s, want %d", answer.Status, test.status)
			}
			if n := h.Writes(test.who, ledger.Cosigned); (n == 1) != (test.status == http.StatusSeeOther) {
				t.Errorf("%d signatures are in the ledger", n)
			}
			if test.status == http.StatusUnprocessableEntity && (strings.Contains(raw, "· Adviser ·") || !strings.Contains(raw, `href="#receipt"`)) {
				t.Error("the page tells who asked, or not what to mend")
			}
		})
	}
}

func raising(account roster.AccountID, people, hours, because string) url.Values {
	return url.Values{"account": {string(account)}, "people": {people}, "hours": {hours}, "because": {because}}
}

// Promises: METER-6, ENTRY-6
func TestMETER_6_ARaiseIsBoundedGivenByAnotherWithAReasonAndAFreshTouch(t *testing.T) {
	h := portaltest.Open(t, portaltest.Allowing(1, 1), desk.Settings{})
	if _, raw := h.Goes(jeanne, http.MethodGet, "/manager", nil); slices.Contains(portaltest.Forms(t, raw), "/manager/raise") {
		t.Error("without a fresh step-up there is a form")
	}
	if answer, raw := h.Goes(jeanne, http.MethodPost, "/manager/raise", raising(camille, "2", "3", "A job fair.")); answer.StatusCode != http.StatusForbidden || !slices.Contains(portaltest.Forms(t, raw), "/.poterne/step-up") {
		t.Errorf("without a fresh step-up: %s", answer.Status)
	}
	h.StepUp()
	for name, test := range map[string]struct {
		by    roster.AccountID
		form  url.Values
		field string // that is to be mended; empty: refused altogether
	}{
		"for oneself, who reads nothing":       {jeanne, raising(jeanne, "2", "3", "A job fair."), "account"},
		"for another organisation's account":   {jeanne, raising(sacha, "2", "3", "A job fair."), "account"},
		"by another organisation's manager":    {remi, raising(camille, "2", "3", "A job fair."), "account"},
		"for nobody":                           {jeanne, raising("nobody", "2", "3", "A job fair."), "account"},
		"for security, who reads nothing":      {security, raising(security, "2", "3", "A job fair."), "account"},
		"by a colleague":                       {theo, raising(camille, "2", "3", "A job fair."), ""},
		"by oneself":                           {camille, raising(camille, "2", "3", "A job fair."), ""},
		"for nothing":                          {jeanne, raising(camille, "0", "3", "A job fair."), "people"},
		"for more people than a raise may be":  {jeanne, raising(camille, "51", "3", "A job fair."), "people"},
		"for a number that is none":            {jeanne, raising(camille, "many", "3", "A job fair."), "people"},
		"for longer than a raise may be":       {jeanne, raising(camille, "2", "25", "A job fair."), "hours"},
		"until it was over before":             {jeanne, raising(camille, "2", "-1", "A job fair."), "hours"},
		"without a reason":                     {jeanne, raising(camille, "2", "3", " "), "because"},
		"with a reason longer than a ledger's": {jeanne, raising(camille, "2", "3", strings.Repeat("é", 501)), "because"},
	} {
		t.Run(name, func(t *testing.T) {
			answer, raw := h.Goes(test.by, http.MethodPost, "/manager/raise", test.form)
			switch {
			case test.field == "" && answer.StatusCode != http.StatusForbidden:
				t.Errorf("%s", answer.Status)
			case test.field != "" && (answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(raw, `href="#`+test.field+`"`) || strings.Count(raw, `href="#`) != 2): // skip link
				t.Errorf("%s: the page does not say to mend %s alone", answer.Status, test.field)
			}
			if h.Writes(test.by, ledger.Raised) != 0 {
				t.Error("it is in the ledger")
			}
		})
	}
	answer, _ := h.Goes(jeanne, http.MethodPost, "/manager/raise", raising(camille, "2", "3", "A job fair."))
	if answer.StatusCode != http.StatusSeeOther {
		t.Fatalf("raising: %s", answer.Status)
	}
	_, raw := h.Goes(jeanne, http.MethodGet, answer.Header.Get("Location"), nil)
	if said := portaltest.Read(t, raw); !strings.Contains(said, "the limit is raised") || !strings.Contains(said, "Camille Aubry has 2 people left") {
		t.Errorf("the page says %s", said)
	}
	entries, err := h.Gate.RecentBy(t.Context(), jeanne, 1)
	if err != nil || len(entries) != 1 {
		t.Fatal(err)
	}
	if e := entries[0]; e.Kind != ledger.Raised || e.Subject != camille || e.Cost != meter.People(2) || e.Note != "A job fair." || e.Until.Sub(e.Time) > 3*time.Hour {
		t.Errorf("written down: %+v", e)
	}
	for person, want := range []policy.Verdict{policy.Shown, policy.Shown, policy.Shown, policy.AskCosign} {
		if got := h.Opens(camille, 10+person).Decision.People[0].Verdict; got != want {
			t.Errorf("stranger %d is %v, want %v", person+1, got, want)
		}
	}
}

// Promise: ENTRY-12 (the list from which an account is proposed)
func TestENTRY_12_AManagerSeesWhomTheDoorRefusedOfTheirOrganisation(t *testing.T) {
	h := portaltest.Open(t, portaltest.Allowing(1, 1), desk.Settings{})
	identity := roster.Identity{Issuer: "https://id.example", Provider: "idp-1", Subject: `alix"<b>`}
	if err := h.Gate.Record(t.Context(), ledger.Entry{Kind: ledger.SignIn, State: ledger.NoAccount, Identity: identity, SIRET: "90000000000017", ACR: "eidas1", AMR: "pwd mail", Factor: "weak"}); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); len(h.Strangers.Of("")) == 0 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	for who, sees := range map[roster.AccountID]bool{jeanne: true, security: true, remi: false} {
		answer, raw := h.Goes(who, http.MethodGet, "/manager", nil)
		said := portaltest.Read(t, raw)
		told := strings.Contains(said, identity.Code()) && strings.Contains(said, `subject = "alix\"<b>"`) && strings.Contains(said, "Sign-in refused: this identity has no account. Weak factor (eidas1; pwd mail).")
		if answer.StatusCode != http.StatusOK || told != sees || strings.Contains(raw, "<b>") {
			t.Errorf("%s is told: %t, want %t\n%s", who, told, sees, said)
		}
	}
}

func TestWhoIsHeldSignsForNobody(t *testing.T) {
	for name, o := range map[string]order.Order{
		"frozen":                     {Reach: order.Account, Target: string(jeanne), Effect: order.Frozen},
		"suspended":                  {Reach: order.Account, Target: string(jeanne), Effect: order.Suspended},
		"the organisation suspended": {Reach: order.Organisation, Target: "ml-bourg", Effect: order.Suspended},
		"everything closed":          {Reach: order.Everything, Effect: order.Closed},
	} {
		t.Run(name, func(t *testing.T) {
			h, number := drained(t)
			h.StepUp()
			o.By, o.Because = journal.Itself, "a test"
			if _, err := h.Gate.Place(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			for _, r := range []struct {
				method, path string
				form         url.Values
			}{
				{http.MethodGet, "/manager?receipt=" + number, nil},
				{http.MethodPost, "/manager/cosign", url.Values{"receipt": {number}}},
				{http.MethodPost, "/manager/raise", raising(camille, "2", "3", "A job fair.")},
			} {
				if answer, raw := h.Goes(jeanne, r.method, r.path, r.form); answer.StatusCode != http.StatusForbidden || strings.Contains(raw, "Camille") {
					t.Errorf("%s: %s", r.path, answer.Status)
				}
			}
		})
	}
}

func TestNoLinkClaimsWhatWasNotSigned(t *testing.T) {
	h := portaltest.New(t)
	for _, said := range []string{"cosigned", "raised", "nonsense"} {
		if _, raw := h.Goes(jeanne, http.MethodGet, "/manager?said="+said, nil); strings.Contains(raw, `role="status"`) {
			t.Errorf("%s is claimed", said)
		}
	}
}

// freezes places the freeze that the rules place, and returns the form that undoes it.
func freezes(h *portaltest.Site, who roster.AccountID) url.Values {
	return url.Values{"order": {string(h.Freeze(who))}, "because": {"She was looking for a homonym."}}
}

// Promises: WATCH-5, ENTRY-6
func TestWATCH_5_AnotherPersonUndoesAFreezeWithAFreshTouchAndTheDeskTheSecond(t *testing.T) {
	h := portaltest.New(t)
	freeze := freezes(h, camille)
	if _, raw := h.Goes(jeanne, http.MethodGet, "/manager", nil); !strings.Contains(portaltest.Read(t, raw), "Camille Aubry") || !strings.Contains(portaltest.Read(t, raw), "These openings go through the register.") || slices.Contains(portaltest.Forms(t, raw), "/manager/thaw") {
		t.Error("without a fresh step-up: the frozen account is not there with its ground, or the form is")
	}
	if answer, _ := h.Goes(jeanne, http.MethodPost, "/manager/thaw", freeze); answer.StatusCode != http.StatusForbidden {
		t.Errorf("without a fresh step-up: %s", answer.Status)
	}
	h.StepUp()
	for name, test := range map[string]struct {
		who    roster.AccountID
		form   url.Values
		status int
	}{
		"whoever is frozen":              {camille, freeze, http.StatusForbidden},
		"a colleague":                    {theo, freeze, http.StatusForbidden},
		"another organisation's manager": {remi, freeze, http.StatusNotFound},
		"a freeze that is not there":     {jeanne, url.Values{"order": {"999999"}, "because": {"x"}}, http.StatusNotFound},
		"no reason":                      {jeanne, url.Values{"order": freeze["order"], "because": {" "}}, http.StatusUnprocessableEntity},
		"too long a reason":              {jeanne, url.Values{"order": freeze["order"], "because": {strings.Repeat("é", 501)}}, http.StatusUnprocessableEntity},
	} {
		t.Run(name, func(t *testing.T) {
			answer, raw := h.Goes(test.who, http.MethodPost, "/manager/thaw", test.form)
			if answer.StatusCode != test.status || len(h.Gate.Orders()) != 1 {
				t.Errorf("%s, want %d; %d orders are in force", answer.Status, test.status, len(h.Gate.Orders()))
			}
			if answer.StatusCode == http.StatusUnprocessableEntity && !strings.Contains(raw, `href="#because-`+test.form.Get("order")+`"`) {
				t.Error("the page does not say what to mend")
			}
		})
	}
	if d := h.Opens(camille, 1).Decision.People[0]; d.Why != policy.Frozen {
		t.Fatalf("she is not frozen: %v", d.Why)
	}
	answer, _ := h.Goes(jeanne, http.MethodPost, "/manager/thaw", freeze)
	if answer.StatusCode != http.StatusSeeOther || len(h.Gate.Orders()) != 0 {
		t.Fatalf("undoing: %s", answer.Status)
	}
	if _, raw := h.Goes(jeanne, http.MethodGet, answer.Header.Get("Location"), nil); !strings.Contains(portaltest.Read(t, raw), "the measure is lifted") {
		t.Error("the page does not say that it is undone")
	}
	if d := h.Opens(camille, 1).Decision.People[0]; d.Verdict != policy.Shown {
		t.Errorf("after it was undone: %v", d.Why)
	}

	again := freezes(h, camille)
	if _, raw := h.Goes(jeanne, http.MethodGet, "/manager", nil); !strings.Contains(portaltest.Read(t, raw), "already lifted this week") || slices.Contains(portaltest.Forms(t, raw), "/manager/thaw") {
		t.Error("the second freeze within a week is the manager's to undo")
	}
	if answer, _ := h.Goes(jeanne, http.MethodPost, "/manager/thaw", again); answer.StatusCode != http.StatusForbidden || len(h.Gate.Orders()) != 1 {
		t.Errorf("undoing the second within a week: %s", answer.Status)
	}
	if answer, _ := h.Goes(security, http.MethodPost, "/manager/thaw", again); answer.StatusCode != http.StatusSeeOther || len(h.Gate.Orders()) != 0 {
		t.Errorf("the security desk undoes it: %s", answer.Status)
	}
}

// Promise: ENTRY-6
func TestENTRY_6_TheDeskLiftsAFreezeWithAFreshTouchOnly(t *testing.T) {
	h := portaltest.New(t)
	freeze := freezes(h, camille)
	page, because := "/desk/orders/"+freeze.Get("order"), url.Values{"because": {"It was her."}}
	if _, raw := h.Goes(security, http.MethodGet, page, nil); slices.Contains(portaltest.Forms(t, raw), page+"/lift") || !strings.Contains(raw, `name="return" value="`+page+`"`) {
		t.Error("without a fresh step-up there is a form, or nothing to confirm with")
	}
	if answer, raw := h.Goes(security, http.MethodPost, page+"/lift", because); answer.StatusCode != http.StatusForbidden || len(h.Gate.Orders()) != 1 || !strings.Contains(raw, `name="return" value="`+page+`"`) {
		t.Errorf("without a fresh step-up: %s", answer.Status)
	}
	h.StepUp()
	if answer, _ := h.Goes(security, http.MethodPost, page+"/lift", because); answer.StatusCode != http.StatusSeeOther || len(h.Gate.Orders()) != 0 {
		t.Errorf("with one: %s", answer.Status)
	}
}

// Promise: RIGHTS-10
func TestRIGHTS_10_ManagersAreToldOfWhatIsGivenBeyondAFew(t *testing.T) {
	h := portaltest.Open(t, portaltest.Allowing(3, 3), desk.Settings{})
	h.StepUp()
	reads := func(by roster.AccountID) string {
		t.Helper()
		_, raw := h.Goes(by, http.MethodGet, "/manager", nil)
		return portaltest.Read(t, raw)
	}
	give := func(of roster.AccountID, people string) {
		t.Helper()
		if answer, raw := h.Goes(jeanne, http.MethodPost, "/manager/raise", raising(of, people, "3", "A job fair.")); answer.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s: %s", answer.Status, portaltest.Read(t, raw))
		}
	}
	give(camille, "10")
	if said := reads(jeanne); strings.Contains(said, "Many people given") {
		t.Errorf("a few are told: %s", said)
	}
	give(theo, "45")
	said := reads(jeanne)
	for _, want := range []string{"was given 45 people.", "gave 55 people to others."} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in %s", want, said)
		}
	}
	if strings.Contains(said, "was given 10 people.") || strings.Contains(reads(remi), "Many people given") {
		t.Error("a few are told, or another organisation's")
	}
}

// Whoever has a passkey is asked for it with each act, which says what it allows, and
// nothing is done without.
//
// Promise: ENTRY-6
func TestENTRY_6_WhoeverHasAPasskeySignsEachActWithIt(t *testing.T) {
	h := portaltest.New(t)
	h.Door.HasPasskey.Store(true)
	form := raising(camille, "2", "3", "A job fair.")
	answer, raw := h.Goes(jeanne, http.MethodPost, "/manager/raise", form)
	said := portaltest.Read(t, raw)
	if answer.StatusCode != http.StatusForbidden || !strings.Contains(said, "You allow Camille Aubry to open 2 people more without a reason, for 3 h.") || h.Writes(jeanne, ledger.Raised) != 0 {
		t.Errorf("%s: %s", answer.Status, said)
	}
	for path, form := range map[string]url.Values{
		"/manager/propose":                      {"name": {"Alix"}},
		"/manager/accounts/camille.aubry/close": {"because": {"left"}},
		"/manager/accounts/confirm":             {"of": {"camille.aubry"}},
	} {
		if answer, _ := h.Goes(jeanne, http.MethodPost, path, form); answer.StatusCode < 400 {
			t.Errorf("%s without a passkey: %s", path, answer.Status)
		}
	}
}

func TestRIGHTS_8_TheRoomDrawsWhoMadeWhomInTheirOrganisation(t *testing.T) {
	stage := portaltest.NewStage()
	read := func(who roster.AccountID) string {
		answer := httptest.NewRecorder()
		stage.Visits(who, http.MethodGet, manager.PeoplePath, nil)(answer, httptest.NewRequest(http.MethodGet, "/", nil), i18n.English)
		return answer.Body.String()
	}
	page := read("jeanne.vidal")
	_, tree, drawn := strings.Cut(page, `<ul class="tree">`)
	above, below, nested := strings.Cut(tree, `<ul class="tree">`)
	if said := portaltest.Read(t, tree); !drawn || !nested || !strings.Contains(portaltest.Read(t, above), "Jeanne Vidal") || !strings.Contains(portaltest.Read(t, below), "Camille Aubry") || !strings.Contains(said, "Approved by") {
		t.Errorf("the tree is %s", said)
	}
	if strings.Contains(tree, "/desk/") {
		t.Error("a manager is led to the desk")
	}
	if other := read("remi.fort"); strings.Contains(other, "Camille Aubry") {
		t.Error("another organisation's manager sees them")
	}
}
