package desk_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"poterne/internal/fault"
	"poterne/internal/i18n"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/portal/portaltest"
	"poterne/internal/portal/rooms/desk"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/typed"
)

const (
	camille  = portaltest.Camille
	theo     = portaltest.Theo
	jeanne   = portaltest.Jeanne
	remi     = portaltest.Remi
	sacha    = portaltest.Sacha
	security = portaltest.Security
)

func TestOnlyThoseWhoWatchComeToTheDesk(t *testing.T) {
	h := portaltest.New(t)
	o, err := h.Gate.Place(t.Context(), order.Order{Reach: order.Account, Target: string(theo), Effect: order.Frozen, By: "x"})
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"reach": {"everything"}, "effect": {"closed"}, "because": {"why not"}}
	for _, who := range []roster.AccountID{camille, "jeanne.vidal", "sacha.olive"} {
		for _, ask := range []struct {
			method, path string
			form         url.Values
		}{
			{"GET", "/desk", nil},
			{"GET", "/desk/flow?after=0", nil},
			{"GET", "/desk/directory", nil},
			{"GET", "/desk/accounts/" + string(theo), nil},
			{"GET", "/desk/accounts/nobody", nil},
			{"GET", "/desk/orders/new?reach=everything&effect=closed", nil},
			{"POST", "/desk/orders", form},
			{"POST", "/desk/orders", nil},
			{"GET", "/desk/orders/" + string(o.ID), nil},
			{"POST", "/desk/orders/" + string(o.ID) + "/lift", url.Values{"because": {"why not"}}},
		} {
			if answer, _ := h.Goes(who, ask.method, ask.path, ask.form); answer.StatusCode != http.StatusForbidden {
				t.Errorf("%s %s as %s: %s", ask.method, ask.path, who, answer.Status)
			}
		}
	}
	if orders := h.Gate.Orders(); len(orders) != 1 || orders[0].ID != o.ID {
		t.Errorf("the orders in force have become %v", orders)
	}
}

func TestWhoWatchesAndIsSuspendedDoesNotComeToTheDesk(t *testing.T) {
	h := portaltest.New(t)
	place := func(reach order.Reach, target string, effect order.Effect) {
		if _, err := h.Gate.Place(t.Context(), order.Order{Reach: reach, Target: target, Effect: effect, By: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	place(order.Everything, "", order.Closed)
	if answer, _ := h.Goes(security, http.MethodGet, "/desk", nil); answer.StatusCode != http.StatusOK {
		t.Errorf("closing everything closes the desk that reopens it: %s", answer.Status)
	}
	place(order.Organisation, "garde", order.Suspended)
	if answer, _ := h.Goes(security, http.MethodGet, "/desk", nil); answer.StatusCode != http.StatusForbidden {
		t.Errorf("somebody suspended watches on: %s", answer.Status)
	}
}

func TestReadingAnAccountIsItselfWritten(t *testing.T) {
	h := portaltest.New(t)
	h.Opens(theo, 1)
	before := h.Gate.Next()
	if answer, _ := h.Goes(security, http.MethodGet, "/desk/accounts/"+string(theo), nil); answer.StatusCode != http.StatusOK {
		t.Fatal(answer.Status)
	}
	for e, err := range h.Gate.Entries(t.Context(), before) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind != ledger.Read || e.Account != security || e.Target != string(theo) {
			t.Errorf("what was written is %v by %s: %s", e.Kind, e.Account, e.Target)
		}
	}
	if h.Gate.Next() != before+1 {
		t.Errorf("%d entries were written", h.Gate.Next()-before)
	}
}

func TestWhatCannotBeWrittenIsNotRead(t *testing.T) {
	s := portaltest.NewStage()
	s.Fill()
	s.Broken = &fault.Error{Kind: fault.Unavailable}
	for _, c := range []struct {
		method, path string
		form         url.Values
	}{
		{http.MethodGet, "/desk", nil},
		{http.MethodGet, "/desk/accounts/theo.marchand", nil},
		{http.MethodGet, "/desk/flow?after=0", nil},
		{http.MethodGet, "/desk/campaigns", nil},
		{http.MethodGet, "/desk/exactly?account=theo.marchand&period=today", nil},
		{http.MethodPost, "/desk/exactly/list", url.Values{"account": {"theo.marchand"}}},
		{http.MethodPost, "/desk/who-saw", url.Values{"identifier": {"210"}, "because": {"a complaint"}}},
		{http.MethodGet, "/manager?receipt=12", nil},
	} {
		answer := httptest.NewRecorder()
		s.Visits(security, c.method, c.path, c.form)(answer, httptest.NewRequest(http.MethodGet, "/", nil), i18n.English)
		if answer.Code != http.StatusServiceUnavailable || strings.Contains(answer.Body.String(), "Théo") {
			t.Errorf("%s: %d", c.path, answer.Code)
		}
	}
}

func TestAnOrderThatHasNoTextDoesNotBlindTheDesk(t *testing.T) {
	s := portaltest.NewStage()
	s.Contain(order.Account, string(theo), order.Closed, "") // no order of ours: a row put into the database, or a newer program's
	s.Contain(order.Organisation, "ml-bourg", order.Narrowed, "")
	s.InForce[len(s.InForce)-1].By = journal.Itself
	s.Written[len(s.Written)-1].State = "of-a-newer-program"
	s.Watch()
	for _, path := range []string{"/desk", "/desk/directory", "/desk/campaigns", "/desk/accounts/" + string(theo)} {
		answer := httptest.NewRecorder()
		s.Visits(security, http.MethodGet, path, nil)(answer, httptest.NewRequest(http.MethodGet, "/", nil), i18n.English)
		if answer.Code != http.StatusOK {
			t.Errorf("%s: %d", path, answer.Code)
		}
	}
}

func TestNobodyIsNamedOnAnAccountsPage(t *testing.T) {
	h := portaltest.New(t)
	h.Opens(theo, 7, 8)
	h.Opens(theo, 7)
	var raw string
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) { // a page does not wait long for a count
		if _, raw = h.Goes(security, http.MethodGet, "/desk/accounts/"+string(theo), nil); !strings.Contains(raw, "is not known now") || time.Now().After(end) {
			break
		}
	}
	if strings.Contains(raw, (register.PersonID{1, 7}).Hex()) || strings.Contains(raw, "0107") {
		t.Error("the page carries a pseudonym")
	}
	for _, want := range []string{"person no. 1", "person no. 2", "2 people were shown to this account, 2 of them without a reason, since the ledger begins"} {
		if !strings.Contains(strings.ReplaceAll(raw, "\u202f", " "), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(raw, "person no. 3") {
		t.Error("somebody seen twice has two numbers")
	}
}

func TestACT_1_SuspendingHoldsAtOnceEndsSessionsAndIsUndone(t *testing.T) {
	h := portaltest.New(t)
	form := url.Values{"reach": {"account"}, "target": {string(theo)}, "effect": {"suspended"}, "because": {"a  strange\nplace"}, "message-fr": {"We call you back."}}
	answer, _ := h.Goes(security, http.MethodPost, "/desk/orders", form)
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/desk/accounts/theo.marchand?said=suspended" {
		t.Fatal(answer.Status, answer.Header.Get("Location"))
	}
	if h.Door.Ended.Load() != 1 {
		t.Error("the sessions go on")
	}
	if p := h.Opens(theo, 1); p.Decision.Whole.Why != policy.Suspended {
		t.Errorf("the next opening is %v", p.Decision.Whole.Why)
	}
	if p := h.Opens(camille, 1); !p.Decision.Shown() {
		t.Error("somebody else is stopped")
	}
	_, raw := h.Goes(security, http.MethodGet, "/desk/accounts/theo.marchand?said=suspended", nil)
	if said := portaltest.Read(t, raw); !strings.Contains(said, "Done: the suspension holds") || !strings.Contains(said, "“a strange place”") {
		t.Error("the outcome or the reason is not said")
	}
	_, raw = h.Goes(theo, http.MethodGet, "/", nil)
	if said := portaltest.Read(t, raw); !strings.Contains(said, "Your access is suspended") || !strings.Contains(said, "We call you back.") {
		t.Error("who is suspended does not read why")
	}

	id := string(h.Gate.Orders()[0].ID)
	answer, raw = h.Goes(security, http.MethodPost, "/desk/orders/"+id+"/lift", url.Values{"because": {"  "}})
	if answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(raw, "aria-invalid") || len(h.Gate.Orders()) != 1 {
		t.Error("a measure is lifted without a reason", answer.Status)
	}
	before := h.Gate.Next()
	answer, _ = h.Goes(security, http.MethodPost, "/desk/orders/"+id+"/lift", url.Values{"because": {"it was a train"}})
	if answer.Header.Get("Location") != "/desk/accounts/theo.marchand?said=lifted" || len(h.Gate.Orders()) != 0 {
		t.Error("the measure is still in force")
	}
	var written []string
	for e := range h.Gate.Entries(t.Context(), before) {
		written = append(written, e.Kind.String()+" "+e.Note)
	}
	if len(written) != 1 || !strings.HasPrefix(written[0], "lifted") || !strings.Contains(written[0], "it was a train") {
		t.Errorf("what was written is %q", written)
	}
	if answer, _ = h.Goes(security, http.MethodPost, "/desk/orders/"+id+"/lift", url.Values{"because": {"again"}}); answer.StatusCode != http.StatusNotFound {
		t.Errorf("lifting what is not in force: %s", answer.Status)
	}
}

// Before a measure is placed its page says whom it stops.
func TestTheDeskSaysWhomAMeasureWouldStop(t *testing.T) {
	h := portaltest.New(t)
	h.Opens(theo, 1)
	for path, want := range map[string]string{
		"reach=account&effect=suspended&target=theo.marchand":  "The measure reaches 1 account, 2 sessions and 1 person at work within the hour, and nobody else.",
		"reach=organisation&effect=suspended&target=ml-bourg":  "The measure reaches 4 accounts, 8 sessions and 1 person at work within the hour",
		"reach=role&effect=frozen&target=adviser":              "The measure reaches 3 accounts, 6 sessions and 1 person at work within the hour",
		"reach=function&effect=closed&target=searches":         "Close a function: Searches for people?",
		"reach=function&effect=closed&target=dossier+GET+/all": "0 people at work within the hour",
		"reach=service&effect=reduced&target=dossier":          "Make the service Dossier read-only?",
		"reach=organisation&effect=reduced&target=ml-bourg":    "nobody of this organisation changes or exports anything",
		"reach=everything&effect=reduced":                      "Make everything read-only?",
	} {
		for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			answer, raw := h.Goes(security, http.MethodGet, "/desk/orders/new?"+path, nil)
			said := portaltest.Read(t, raw)
			if answer.StatusCode == http.StatusOK && strings.Contains(said, want) {
				break
			}
			if time.Now().After(deadline) {
				t.Errorf("%s: %q is not in %s", path, want, said)
				break
			}
		}
	}
	for path, want := range map[string]int{
		"reach=role&effect=suspended&target=security":  http.StatusBadRequest,
		"reach=function&effect=closed&target=nothing":  http.StatusBadRequest,
		"reach=source&effect=bypassed&target=agenda":   http.StatusBadRequest,
		"reach=role&effect=frozen&target=nobody":       http.StatusNotFound,
		"reach=account&effect=frozen&target=nobody.is": http.StatusNotFound,
	} {
		if answer, _ := h.Goes(security, http.MethodGet, "/desk/orders/new?"+path, nil); answer.StatusCode != want {
			t.Errorf("%s: %s", path, answer.Status)
		}
	}
	form := url.Values{"reach": {"function"}, "target": {"searches"}, "effect": {"closed"}, "because": {"a sweep"}, "message-fr": {"Searches come back at noon."}}
	if answer, _ := h.Goes(security, http.MethodPost, "/desk/orders", form); answer.Header.Get("Location") != "/desk?said=closed" {
		t.Error(answer.Status, answer.Header)
	}
	_, raw := h.Goes(security, http.MethodGet, "/desk/directory", nil)
	if said := portaltest.Read(t, raw); !strings.Contains(said, "Searches for people closed") {
		t.Errorf("the accounts' page does not say what is closed: %s", said)
	}
}

func TestALinkCannotClaimWhatWasNotDone(t *testing.T) {
	h := portaltest.New(t)
	for _, said := range []string{"suspended", "frozen", "closed", "lifted", "sessions", "nonsense"} {
		for _, path := range []string{"/desk", "/desk/accounts/theo.marchand"} {
			if _, raw := h.Goes(security, http.MethodGet, path+"?said="+said, nil); strings.Contains(raw, `class="said"`) {
				t.Errorf("%s says that it was %s", path, said)
			}
		}
	}
}

func TestASuspensionHoldsEvenIfSessionsCannotBeEnded(t *testing.T) {
	h := portaltest.New(t)
	h.Door.Broken.Store(true)
	answer, _ := h.Goes(security, http.MethodPost, "/desk/orders", url.Values{"reach": {"account"}, "target": {string(theo)}, "effect": {"suspended"}, "because": {"x"}})
	if answer.Header.Get("Location") != "/desk/accounts/theo.marchand?said=sessions" || len(h.Gate.Orders()) != 1 {
		t.Error(answer.Status, answer.Header.Get("Location"))
	}
}

func TestOrdersThatMakeNoSenseAreNotPlaced(t *testing.T) {
	h := portaltest.New(t)
	long := strings.Repeat("é", typed.Longest+1)
	for name, c := range map[string]struct {
		form   url.Values
		status int
	}{
		"no reason":             {url.Values{"reach": {"account"}, "target": {string(theo)}, "effect": {"frozen"}, "message-fr": {"kept as typed"}}, http.StatusUnprocessableEntity},
		"too long a reason":     {url.Values{"reach": {"account"}, "target": {string(theo)}, "effect": {"frozen"}, "because": {long}}, http.StatusUnprocessableEntity},
		"oneself":               {url.Values{"reach": {"account"}, "target": {string(security)}, "effect": {"suspended"}, "because": {"x"}}, http.StatusUnprocessableEntity},
		"one's organisation":    {url.Values{"reach": {"organisation"}, "target": {"garde"}, "effect": {"suspended"}, "because": {"x"}}, http.StatusUnprocessableEntity},
		"nobody":                {url.Values{"reach": {"account"}, "target": {"nobody"}, "effect": {"frozen"}, "because": {"x"}}, http.StatusNotFound},
		"no such organisation":  {url.Values{"reach": {"organisation"}, "target": {"nobody"}, "effect": {"frozen"}, "because": {"x"}}, http.StatusNotFound},
		"no such service":       {url.Values{"reach": {"service"}, "target": {"nobody"}, "effect": {"closed"}, "because": {"x"}}, http.StatusNotFound},
		"an effect that is not": {url.Values{"reach": {"account"}, "target": {string(theo)}, "effect": {"blessed"}, "because": {"x"}}, http.StatusBadRequest},
		"nothing":               {nil, http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			answer, raw := h.Goes(security, http.MethodPost, "/desk/orders", c.form)
			if answer.StatusCode != c.status {
				t.Errorf("%s", answer.Status)
			}
			for _, typed := range []string{c.form.Get("message-fr"), c.form.Get("because")} {
				if c.status == http.StatusUnprocessableEntity && !strings.Contains(raw, typed) {
					t.Error("what was typed is lost")
				}
			}
		})
	}
	if len(h.Gate.Orders()) != 0 {
		t.Errorf("an order is in force: %v", h.Gate.Orders())
	}
}

// event is one server-sent event.
type event struct{ id, name, data string }

// follows reads the desk's flow until ctx ends.
func follows(ctx context.Context, t *testing.T, h *portaltest.Site, path, last string) <-chan event {
	t.Helper()
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, h.URL+path, nil)
	r.Header.Set(portaltest.Actor, string(security))
	r.Header.Set("Accept-Language", "en")
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatal(answer.Status, answer.Header)
	}
	events := make(chan event, 100)
	go func() {
		defer answer.Body.Close()
		defer close(events)
		var e event
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			switch field, value, _ := strings.Cut(lines.Text(), ": "); field {
			case "id":
				e.id = value
			case "event":
				e.name = value
			case "data":
				e.data += value
			case "":
				if e.name != "" {
					events <- e
				}
				e = event{}
			}
		}
	}()
	return events
}

// next returns the next event of a name.
func next(t *testing.T, events <-chan event, name string) event {
	t.Helper()
	patience := time.After(time.Minute)
	for {
		select {
		case e, more := <-events:
			if !more {
				t.Fatal("the flow ended")
			}
			if e.name == name {
				return e
			}
		case <-patience:
			t.Fatalf("no %q came", name)
		}
	}
}

func TestTheFlowResumesWithoutLoss(t *testing.T) {
	h := portaltest.New(t)
	ctx, leave := context.WithCancel(t.Context())
	events := follows(ctx, t, h, "/desk/flow?after="+strconv.FormatUint(uint64(h.Gate.Next()), 10), "")
	first := h.Opens(theo, 1)
	e := next(t, events, "line")
	if e.id != fmt.Sprint(first.Receipt) || !strings.Contains(e.data, "Théo Marchand") || !strings.Contains(e.data, "1 person without a reason, within the allowance: 1 of 3") {
		t.Errorf("event %s: %s", e.id, e.data)
	}
	leave()

	// What happens while nobody listens comes afterwards, once, in order.
	second, third := h.Opens(theo, 2, 3), h.Opens(theo, 4)
	h.Opens(theo, 1) // seen already: only counted
	ctx, leave = context.WithCancel(t.Context())
	defer leave()
	events = follows(ctx, t, h, "/desk/flow?after=0", e.id)
	e = next(t, events, "line")
	if e.id != fmt.Sprint(second.Receipt+1) || !strings.Contains(e.data, "2 people without a reason, within the allowance: 3 of 3") {
		t.Errorf("event %s: %s", e.id, e.data)
	}
	e = next(t, events, "line")
	if e.id != fmt.Sprint(third.Receipt) || !strings.Contains(e.data, "beyond the hour’s allowance (3 of 3)") {
		t.Errorf("event %s: %s", e.id, e.data)
	}
	if _, err := h.Gate.Place(t.Context(), order.Order{Reach: order.Account, Target: string(theo), Effect: order.Frozen, By: string(security), Because: "enough"}); err != nil {
		t.Fatal(err)
	}
	if e = next(t, events, "line"); !strings.Contains(e.data, "Measure taken. Théo Marchand: new openings frozen. Reason: enough") {
		t.Errorf("event %s: %s", e.id, e.data)
	}
	for e = next(t, events, "picture"); !strings.Contains(e.data, `data-part="orders"`) || !strings.Contains(e.data, "new openings frozen"); e = next(t, events, "picture") {
		if e.id != "" {
			t.Fatal("a picture carries a number, and would make a reconnection skip lines")
		}
	}
	if !strings.Contains(e.data, "asked for 1 person beyond the allowance") {
		t.Errorf("the headline is not in %s", e.data)
	}
}

func TestAFlowEndsWhenItsReaderMayNoLongerWatch(t *testing.T) {
	h := portaltest.New(t)
	events := follows(t.Context(), t, h, "/desk/flow?after=0", "")
	next(t, events, "picture")
	h.Door.Closed.Store(true)
	patience := time.After(time.Minute)
	for {
		select {
		case _, more := <-events:
			if !more {
				return
			}
		case <-patience:
			t.Fatal("the flow goes on")
		}
	}
}

func TestTheDeskSaysWhomToLookAt(t *testing.T) {
	h := portaltest.New(t)
	if _, raw := h.Goes(security, http.MethodGet, "/desk", nil); !strings.Contains(raw, "All quiet.") {
		t.Error("an empty house is not quiet")
	}
	h.Opens(camille, 1, 2, 3)
	if _, raw := h.Goes(security, http.MethodGet, "/desk", nil); !strings.Contains(raw, "All quiet.") {
		t.Error("somebody within the allowance is looked at")
	}
	h.Opens(camille, 4)
	h.Opens(theo, 1, 2, 3, 4, 5)
	_, raw := h.Goes(security, http.MethodGet, "/desk", nil)
	if said := portaltest.Read(t, raw); !strings.Contains(said, "Théo Marchand (Mission locale du Bourg) asked for 2 people beyond the allowance within an hour, after 3 people without a reason.") {
		t.Error("the one who asked for most is not named")
	}
	if _, err := h.Gate.Place(t.Context(), order.Order{Reach: order.Account, Target: string(theo), Effect: order.Suspended, By: "x"}); err != nil {
		t.Fatal(err)
	}
	if _, raw = h.Goes(security, http.MethodGet, "/desk", nil); !strings.Contains(raw, "Camille Aubry (Mission locale du Bourg) asked for 1 ") {
		t.Error("who is suspended already hides the next one")
	}
}

func TestTheDeskSaysWhoGoesThroughTheirOwnPeople(t *testing.T) {
	h := portaltest.New(t)
	for n, why := range []policy.Why{policy.PaceReached, policy.PaceReached, policy.WallReached} {
		err := h.Gate.Record(t.Context(), ledger.Entry{
			Kind: ledger.Attempted, Account: theo, Organisation: "ml-bourg", Service: "dossier",
			Person: register.PersonID{2, byte(n)}, Verdict: policy.AskStepUp, Why: why,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	_, raw := h.Goes(security, http.MethodGet, "/desk", nil)
	if said := portaltest.Read(t, raw); !strings.Contains(said, "asked for 3 people of their own beyond the pace of ordinary work, within an hour.") {
		t.Errorf("the desk says %s", said)
	}
}

func TestSilentSourcesAreMarked(t *testing.T) {
	h := portaltest.Open(t, portaltest.Allowing(3, 20), desk.Settings{Silence: map[string]time.Duration{"agenda": time.Hour}})
	_, raw := h.Goes(security, http.MethodGet, "/desk", nil)
	said := portaltest.Read(t, raw)
	for _, want := range []string{"(1) One source is silent · Poterne", "agenda has gone silent: ordinary work may be counted as without a reason.", "agenda never heard (expected at least once in 60 minutes)"} {
		if !strings.Contains(said, want) {
			t.Errorf("a source that never spoke is not marked: %q is not in %s", want, said)
		}
	}
	h.Opens(theo, 1, 2, 3, 4)
	_, raw = h.Goes(security, http.MethodGet, "/desk", nil)
	if said = portaltest.Read(t, raw); !strings.Contains(said, "(1) One account to look at") || strings.Contains(said, "has gone silent") {
		t.Errorf("an account is less grave than a silent source: %s", said)
	}
}

func TestADamagedDatabaseIsToldFirst(t *testing.T) {
	s := portaltest.NewStage()
	s.Damage()
	s.Watch()
	answer := httptest.NewRecorder()
	s.Visits(security, http.MethodGet, "/desk", nil)(answer, httptest.NewRequest(http.MethodGet, "/desk", nil), i18n.English)
	said := portaltest.Read(t, answer.Body.String())
	for _, says := range []string{
		"4 rows of the database are not what the ledger says", "account theo.marchand An older version was put back 3",
		"fact agenda 20260303-1174 No node wrote it as it is —", "standing_order 7 It is gone 7",
	} {
		if !strings.Contains(said, says) || strings.Contains(said, "All quiet") {
			t.Errorf("%q is not in %s", says, said)
		}
	}
}
