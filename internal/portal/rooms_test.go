package portal

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/html"

	"poterne/internal/accounts"
	"poterne/internal/campaign"
	"poterne/internal/containment"
	"poterne/internal/fault"
	"poterne/internal/gate"
	"poterne/internal/grants"
	"poterne/internal/i18n"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/signin"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
	"poterne/internal/typed"
)

// house is a real gate over a real ledger, with rooms and a door that believes a
// header.
type house struct {
	t     *testing.T
	gate  *storetest.Node
	rooms *Rooms
	site  *httptest.Server
	door  *door
	index *index.Index
	shelf *store.Store

	campaigns *campaign.Lookout // knows nothing until a test runs it
}

// door knows people by a header, and can be told to break or to close.
type door struct {
	closed atomic.Bool
	ended  atomic.Int32 // accounts whose sessions were ended
	broken atomic.Bool

	touched atomic.Int64 // when whoever it knows proved to be there, in seconds since 1970
}

func (d *door) Who(_ http.ResponseWriter, r *http.Request) (signin.Session, error) {
	if who := r.Header.Get(actor); who != "" {
		session := signin.Session{ID: "s-1", Account: roster.AccountID(who)}
		if at := d.touched.Load(); at != 0 {
			session.Touched = time.Unix(at, 0)
		}
		return session, nil
	}
	return signin.Session{}, &fault.Error{Kind: fault.Anonymous}
}

func (d *door) Still(context.Context, signin.Session) error {
	if d.closed.Load() {
		return &fault.Error{Kind: fault.Anonymous}
	}
	return nil
}

func (d *door) EndAll(context.Context, roster.AccountID) error {
	d.ended.Add(1)
	if d.broken.Load() {
		return errors.New("the shelf is gone")
	}
	return nil
}

func newHouse(t *testing.T) *house {
	t.Helper()
	return newHouseAllowing(t, meter.Allowance{Short: meter.People(3), Long: meter.People(20)})
}

// newHouseAllowing is a house in which advisers may open so many.
func newHouseAllowing(t *testing.T, allowance meter.Allowance) *house {
	t.Helper()
	return newHouseUnder(t, policy.Rules{Allowances: map[roster.Role]meter.Allowance{roster.Adviser: allowance}, Signed: policy.Signed})
}

// newHouseUnder is a house with rules of its own.
func newHouseUnder(t *testing.T, rules policy.Rules) *house {
	t.Helper()
	path := filepath.Join(t.TempDir(), "poterne.db")
	shelf, err := store.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = shelf.Close() })
	list := accounts.List{Organisations: stageOrganisations}
	for _, a := range stageAccounts {
		a.Identity = roster.Identity{Issuer: "https://id.example", Subject: string(a.ID)}
		a.Opened = time.Now().AddDate(-1, 0, 0)
		list.Accounts = append(list.Accounts, a)
		if a.Role.ReadsFiles() {
			list.Habilitations = append(list.Habilitations, roster.Habilitation{
				Account: a.ID, Service: "dossier", Purpose: "accompany", From: time.Now().Add(-time.Hour), Until: time.Now().AddDate(1, 0, 0),
			})
		}
	}
	if err := storetest.TakeRosterBy(t, journal.Outside{DB: shelf, Now: time.Now}, list); err != nil {
		t.Fatal(err)
	}
	rules.Purposes = roster.Purposes{"accompany": register.Name | register.Birth}
	g, err := storetest.OpenNode(t.Context(), shelf, shelf, rules, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, gate: g, door: &door{}, shelf: shelf}
	pages := NewPages(Settings{Services: newStage().pages.settings.Services, Silence: map[string]time.Duration{"agenda": time.Hour}, Scheme: "dossier"})
	h.campaigns = campaign.New(campaign.House{Journal: g, Book: shelf, Roster: shelf}, campaign.Rules{Watches: policy.Watches, Narrowed: campaign.NarrowedFor}, time.Now, slog.New(slog.DiscardHandler))
	kept, err := store.OpenIndexSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	h.index = index.New(index.Standard, shelf, kept)
	h.rooms = New(pages, House{
		Door: h.door, Gate: g, Journal: g, Contain: containment.Service{Writer: g.Journal}, Grants: grants.Service{Journal: g, Most: rules.Signed, Now: time.Now},
		Roster: shelf, Sources: shelf, Book: shelf, Campaigns: h.campaigns, Index: h.index, Notary: newNotary(t, shelf),
		Directory: gate.NewDirectory(houseKey(t), register.NewSchemes("dossier", nil), shelf),
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- g.Run(ctx) }()
	go func() { ended <- h.rooms.Run(ctx) }()
	h.site = httptest.NewServer(h.rooms.Handler())
	t.Cleanup(func() {
		h.site.CloseClientConnections()
		h.site.Close()
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Errorf("running ended with %v", err)
			}
		}
	})
	return h
}

// opens makes an account ask for people, by number.
func (h *house) opens(who roster.AccountID, people ...int) gate.Passage {
	h.t.Helper()
	ask := policy.Ask{Act: policy.Show, Account: who, Session: "s-1", Service: "dossier", Purpose: "accompany", Route: "GET /files/{dossier}"}
	for _, n := range people {
		ask.People = append(ask.People, policy.Opening{Person: register.PersonID{1, byte(n)}, Fields: register.Name})
	}
	passage, err := h.gate.Commit(h.t.Context(), ask, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return passage
}

// goes asks for a page as an account, without following where it leads.
func (h *house) goes(who roster.AccountID, method, path string, form url.Values) (*http.Response, string) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, h.site.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Accept-Language", "en")
	r.Header.Set(actor, string(who))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer answer.Body.Close()
	var body strings.Builder
	if _, err := bufio.NewReader(answer.Body).WriteTo(&body); err != nil {
		h.t.Fatal(err)
	}
	return answer, body.String()
}

func pageText(t *testing.T, raw string) string {
	t.Helper()
	page, err := html.Parse(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return text(page)
}

const (
	camille  = roster.AccountID("camille.aubry")
	theo     = roster.AccountID("theo.marchand")
	security = roster.AccountID("noa.lambert")
)

func TestMETER_7_AnAgentSeesTheirOwnMeterAndWhatToDoWhenItIsEmpty(t *testing.T) {
	h := newHouse(t)
	for step, want := range []string{"0 people without a reason of 20 in 28 days, 0 of 3 this hour.", "1 person without a reason of 20", "2 people without a reason of 20", "3 people without a reason of 20 in 28 days, 3 of 3 this hour."} {
		if step > 0 {
			h.opens(camille, step)
		}
		_, raw := h.goes(camille, http.MethodGet, "/", nil)
		said := pageText(t, raw)
		if !strings.Contains(said, want) {
			t.Errorf("after %d openings the page does not say %q", step, want)
		}
		if empty := strings.Contains(said, "Your allowance for this hour is used up. There is room for one more "); empty != (step == 3) {
			t.Errorf("after %d openings, empty is %v", step, empty)
		}
	}
	h.opens(camille, 9)
	_, raw := h.goes(camille, http.MethodGet, "/", nil)
	if !strings.Contains(pageText(t, raw), "You opened 3 people without a known reason within an hour. The limit is 3.") {
		t.Error("the refusal just written is not among what was written")
	}
}

func TestWhoIsFrozenIsNotToldToWait(t *testing.T) {
	h := newHouse(t)
	h.opens(camille, 1, 2, 3)
	h.freezes(camille)
	_, raw := h.goes(camille, http.MethodGet, "/", nil)
	if said := pageText(t, raw); !strings.Contains(said, "Your allowance for this hour is used up.") || strings.Contains(said, "There is room for one more") {
		t.Errorf("the page says %s", said)
	}
}

func TestOnlyWhoOpensFilesIsToldThatTheyLeaveALine(t *testing.T) {
	h := newHouse(t)
	for who, want := range map[roster.AccountID]bool{camille: true, jeanne: false} {
		_, raw := h.goes(who, http.MethodGet, "/", nil)
		said := pageText(t, raw)
		if told := strings.Contains(said, "Each file you open will leave a line here."); !strings.Contains(said, "Nothing is written yet.") || told != want {
			t.Errorf("%s: told that files leave a line: %v, not %v", who, told, want)
		}
	}
}

func TestOnlyThoseWhoWatchComeToTheDesk(t *testing.T) {
	h := newHouse(t)
	o, err := h.gate.Place(t.Context(), order.Order{Reach: order.Account, Target: string(theo), Effect: order.Frozen, By: "x"})
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
			if answer, _ := h.goes(who, ask.method, ask.path, ask.form); answer.StatusCode != http.StatusForbidden {
				t.Errorf("%s %s as %s: %s", ask.method, ask.path, who, answer.Status)
			}
		}
	}
	if orders := h.gate.Orders(); len(orders) != 1 || orders[0].ID != o.ID {
		t.Errorf("the orders in force have become %v", orders)
	}
}

func TestWhoWatchesAndIsSuspendedDoesNotComeToTheDesk(t *testing.T) {
	h := newHouse(t)
	place := func(reach order.Reach, target string, effect order.Effect) {
		if _, err := h.gate.Place(t.Context(), order.Order{Reach: reach, Target: target, Effect: effect, By: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	place(order.Everything, "", order.Closed)
	if answer, _ := h.goes(security, http.MethodGet, "/desk", nil); answer.StatusCode != http.StatusOK {
		t.Errorf("closing everything closes the desk that reopens it: %s", answer.Status)
	}
	place(order.Organisation, "garde", order.Suspended)
	if answer, _ := h.goes(security, http.MethodGet, "/desk", nil); answer.StatusCode != http.StatusForbidden {
		t.Errorf("somebody suspended watches on: %s", answer.Status)
	}
}

func TestReadingAnAccountIsItselfWritten(t *testing.T) {
	h := newHouse(t)
	h.opens(theo, 1)
	before := h.gate.Next()
	if answer, _ := h.goes(security, http.MethodGet, "/desk/accounts/"+string(theo), nil); answer.StatusCode != http.StatusOK {
		t.Fatal(answer.Status)
	}
	for e, err := range h.gate.Entries(t.Context(), before) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind != ledger.Read || e.Account != security || e.Target != string(theo) {
			t.Errorf("what was written is %v by %s: %s", e.Kind, e.Account, e.Target)
		}
	}
	if h.gate.Next() != before+1 {
		t.Errorf("%d entries were written", h.gate.Next()-before)
	}
}

func TestWhatCannotBeWrittenIsNotRead(t *testing.T) {
	s := newStage()
	s.fill()
	s.broken = &fault.Error{Kind: fault.Unavailable}
	for _, path := range []string{"/desk", "/desk/accounts/theo.marchand", "/desk/flow?after=0"} {
		answer := httptest.NewRecorder()
		s.visits(security, http.MethodGet, path, nil)(answer, httptest.NewRequest(http.MethodGet, "/", nil), i18n.English)
		if answer.Code != http.StatusServiceUnavailable || strings.Contains(answer.Body.String(), "Théo") {
			t.Errorf("%s: %d", path, answer.Code)
		}
	}
}

func TestNobodyIsNamedOnAnAccountsPage(t *testing.T) {
	h := newHouse(t)
	h.opens(theo, 7, 8)
	h.opens(theo, 7)
	_, raw := h.goes(security, http.MethodGet, "/desk/accounts/"+string(theo), nil)
	if strings.Contains(raw, (register.PersonID{1, 7}).Hex()) || strings.Contains(raw, "0107") {
		t.Error("the page carries a pseudonym")
	}
	for _, want := range []string{"person no. 1", "person no. 2", "2 people were shown to this account, 2 of them without a reason, since the ledger begins"} {
		if !strings.Contains(strings.ReplaceAll(raw, thin, " "), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(raw, "person no. 3") {
		t.Error("somebody seen twice has two numbers")
	}
}

func TestACT_1_SuspendingHoldsAtOnceEndsSessionsAndIsUndone(t *testing.T) {
	h := newHouse(t)
	form := url.Values{"reach": {"account"}, "target": {string(theo)}, "effect": {"suspended"}, "because": {"a  strange\nplace"}, "message": {"We call you back."}}
	answer, _ := h.goes(security, http.MethodPost, "/desk/orders", form)
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/desk/accounts/theo.marchand?said=suspended" {
		t.Fatal(answer.Status, answer.Header.Get("Location"))
	}
	if h.door.ended.Load() != 1 {
		t.Error("the sessions go on")
	}
	if p := h.opens(theo, 1); p.Decision.Whole.Why != policy.Suspended {
		t.Errorf("the next opening is %v", p.Decision.Whole.Why)
	}
	if p := h.opens(camille, 1); !p.Decision.Shown() {
		t.Error("somebody else is stopped")
	}
	_, raw := h.goes(security, http.MethodGet, "/desk/accounts/theo.marchand?said=suspended", nil)
	if said := pageText(t, raw); !strings.Contains(said, "Done: the suspension holds") || !strings.Contains(said, "“a strange place”") {
		t.Error("the outcome or the reason is not said")
	}
	_, raw = h.goes(theo, http.MethodGet, "/", nil)
	if said := pageText(t, raw); !strings.Contains(said, "Your access is suspended") || !strings.Contains(said, "We call you back.") {
		t.Error("who is suspended does not read why")
	}

	id := string(h.gate.Orders()[0].ID)
	answer, raw = h.goes(security, http.MethodPost, "/desk/orders/"+id+"/lift", url.Values{"because": {"  "}})
	if answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(raw, "aria-invalid") || len(h.gate.Orders()) != 1 {
		t.Error("a measure is lifted without a reason", answer.Status)
	}
	before := h.gate.Next()
	answer, _ = h.goes(security, http.MethodPost, "/desk/orders/"+id+"/lift", url.Values{"because": {"it was a train"}})
	if answer.Header.Get("Location") != "/desk/accounts/theo.marchand?said=lifted" || len(h.gate.Orders()) != 0 {
		t.Error("the measure is still in force")
	}
	var written []string
	for e := range h.gate.Entries(t.Context(), before) {
		written = append(written, e.Kind.String()+" "+e.Note)
	}
	if len(written) != 1 || !strings.HasPrefix(written[0], "lifted") || !strings.Contains(written[0], "it was a train") {
		t.Errorf("what was written is %q", written)
	}
	if answer, _ = h.goes(security, http.MethodPost, "/desk/orders/"+id+"/lift", url.Values{"because": {"again"}}); answer.StatusCode != http.StatusNotFound {
		t.Errorf("lifting what is not in force: %s", answer.Status)
	}
}

func TestALinkCannotClaimWhatWasNotDone(t *testing.T) {
	h := newHouse(t)
	for _, said := range []string{"suspended", "frozen", "closed", "lifted", "sessions", "nonsense"} {
		for _, path := range []string{"/desk", "/desk/accounts/theo.marchand"} {
			if _, raw := h.goes(security, http.MethodGet, path+"?said="+said, nil); strings.Contains(raw, `class="said"`) {
				t.Errorf("%s says that it was %s", path, said)
			}
		}
	}
}

func TestASuspensionHoldsEvenIfSessionsCannotBeEnded(t *testing.T) {
	h := newHouse(t)
	h.door.broken.Store(true)
	answer, _ := h.goes(security, http.MethodPost, "/desk/orders", url.Values{"reach": {"account"}, "target": {string(theo)}, "effect": {"suspended"}, "because": {"x"}})
	if answer.Header.Get("Location") != "/desk/accounts/theo.marchand?said=sessions" || len(h.gate.Orders()) != 1 {
		t.Error(answer.Status, answer.Header.Get("Location"))
	}
}

func TestOrdersThatMakeNoSenseAreNotPlaced(t *testing.T) {
	h := newHouse(t)
	long := strings.Repeat("é", typed.Longest+1)
	for name, c := range map[string]struct {
		form   url.Values
		status int
	}{
		"no reason":             {url.Values{"reach": {"account"}, "target": {string(theo)}, "effect": {"frozen"}, "message": {"kept as typed"}}, http.StatusUnprocessableEntity},
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
			answer, raw := h.goes(security, http.MethodPost, "/desk/orders", c.form)
			if answer.StatusCode != c.status {
				t.Errorf("%s", answer.Status)
			}
			for _, typed := range []string{c.form.Get("message"), c.form.Get("because")} {
				if c.status == http.StatusUnprocessableEntity && !strings.Contains(raw, typed) {
					t.Error("what was typed is lost")
				}
			}
		})
	}
	if len(h.gate.Orders()) != 0 {
		t.Errorf("an order is in force: %v", h.gate.Orders())
	}
}

func TestAFormOfAnotherSiteDoesNothing(t *testing.T) {
	h := newHouse(t)
	form := url.Values{"reach": {"account"}, "target": {string(theo)}, "effect": {"frozen"}, "because": {"x"}}
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, h.site.URL+"/desk/orders", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set(actor, string(security))
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden || len(h.gate.Orders()) != 0 {
		t.Errorf("%s, %d orders", answer.Status, len(h.gate.Orders()))
	}
}

// event is one server-sent event.
type event struct{ id, name, data string }

// follows reads the desk's flow until ctx ends.
func (h *house) follows(ctx context.Context, path, last string) <-chan event {
	h.t.Helper()
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, h.site.URL+path, nil)
	r.Header.Set(actor, string(security))
	r.Header.Set("Accept-Language", "en")
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
		h.t.Fatal(answer.Status, answer.Header)
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
	h := newHouse(t)
	ctx, leave := context.WithCancel(t.Context())
	events := h.follows(ctx, "/desk/flow?after="+strconv.FormatUint(uint64(h.gate.Next()), 10), "")
	first := h.opens(theo, 1)
	e := next(t, events, "line")
	if e.id != receipt(first.Receipt) || !strings.Contains(e.data, "Théo Marchand") || !strings.Contains(e.data, "1 person without a reason, within the allowance: 1 of 3") {
		t.Errorf("event %s: %s", e.id, e.data)
	}
	leave()

	// What happens while nobody listens comes afterwards, once, in order.
	second, third := h.opens(theo, 2, 3), h.opens(theo, 4)
	h.opens(theo, 1) // seen already: only counted
	ctx, leave = context.WithCancel(t.Context())
	defer leave()
	events = h.follows(ctx, "/desk/flow?after=0", e.id)
	e = next(t, events, "line")
	if e.id != receipt(second.Receipt+1) || !strings.Contains(e.data, "2 people without a reason, within the allowance: 3 of 3") {
		t.Errorf("event %s: %s", e.id, e.data)
	}
	e = next(t, events, "line")
	if e.id != receipt(third.Receipt) || !strings.Contains(e.data, "used up (3 of 3)") {
		t.Errorf("event %s: %s", e.id, e.data)
	}
	if _, err := h.gate.Place(t.Context(), order.Order{Reach: order.Account, Target: string(theo), Effect: order.Frozen, By: string(security), Because: "enough"}); err != nil {
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
	h := newHouse(t)
	events := h.follows(t.Context(), "/desk/flow?after=0", "")
	next(t, events, "picture")
	h.door.closed.Store(true)
	patience := time.After(refreshEvery + time.Minute)
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
	h := newHouse(t)
	if _, raw := h.goes(security, http.MethodGet, "/desk", nil); !strings.Contains(raw, "All quiet.") {
		t.Error("an empty house is not quiet")
	}
	h.opens(camille, 1, 2, 3)
	if _, raw := h.goes(security, http.MethodGet, "/desk", nil); !strings.Contains(raw, "All quiet.") {
		t.Error("somebody within the allowance is looked at")
	}
	h.opens(camille, 4)
	h.opens(theo, 1, 2, 3, 4, 5)
	_, raw := h.goes(security, http.MethodGet, "/desk", nil)
	if said := pageText(t, raw); !strings.Contains(said, "Théo Marchand (Mission locale du Bourg) asked for 2 people beyond the allowance within an hour, after 3 people without a reason.") {
		t.Error("the one who asked for most is not named")
	}
	if _, err := h.gate.Place(t.Context(), order.Order{Reach: order.Account, Target: string(theo), Effect: order.Suspended, By: "x"}); err != nil {
		t.Fatal(err)
	}
	if _, raw = h.goes(security, http.MethodGet, "/desk", nil); !strings.Contains(raw, "Camille Aubry (Mission locale du Bourg) asked for 1 ") {
		t.Error("who is suspended already hides the next one")
	}
}

func TestTheDeskSaysWhoGoesThroughTheirOwnPeople(t *testing.T) {
	h := newHouse(t)
	for n, why := range []policy.Why{policy.PaceReached, policy.PaceReached, policy.WallReached} {
		h.rooms.hour.take([]ledger.Entry{{
			Kind: ledger.Attempted, Time: time.Now(), Account: theo, Organisation: "ml-bourg", Service: "dossier",
			Person: register.PersonID{2, byte(n)}, Verdict: policy.AskTouch, Why: why,
		}})
	}
	worst, found := h.rooms.hour.lookAt(nil, time.Now())
	if !found || worst.Own != 3 || worst.Beyond != 0 {
		t.Fatalf("%+v", worst)
	}
	_, raw := h.goes(security, http.MethodGet, "/desk", nil)
	if said := pageText(t, raw); !strings.Contains(said, "asked for 3 people of their own beyond the pace of ordinary work, within an hour.") {
		t.Errorf("the desk says %s", said)
	}
}

func TestSilentSourcesAreMarked(t *testing.T) {
	h := newHouse(t)
	_, raw := h.goes(security, http.MethodGet, "/desk", nil)
	if said := pageText(t, raw); !strings.Contains(said, "agenda never heard silent (expected every 60 minutes)") {
		t.Error("a source that never spoke is not marked")
	}
}

func TestWhoIsNotSignedInIsSentToSignIn(t *testing.T) {
	h := newHouse(t)
	answer, _ := h.goes("", http.MethodGet, "/desk/accounts/x?a=b", nil)
	if want := signin.BeginPath + "?return=%2Fdesk%2Faccounts%2Fx%3Fa%3Db"; answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != want {
		t.Error(answer.Status, answer.Header.Get("Location"))
	}
	answer, raw := h.goes("", http.MethodPost, "/desk/orders", url.Values{"reach": {"everything"}})
	if answer.StatusCode != http.StatusUnauthorized || !strings.Contains(raw, "Your session is over") {
		t.Error(answer.Status)
	}
}

func TestAScriptIsToldInJSON(t *testing.T) {
	p := newStage().pages
	r := httptest.NewRequest(http.MethodGet, "/kairos/api/trainees", nil)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Accept-Language", "fr")
	answer := httptest.NewRecorder()
	p.Stops().Refused(answer, r, Refusal{Service: "kairos", Receipt: 12, Ruling: policy.Ruling{Verdict: policy.Withheld, Why: policy.OrganisationEmpty}})
	var said map[string]any
	if err := json.Unmarshal(answer.Body.Bytes(), &said); err != nil || answer.Code != http.StatusForbidden || answer.Header().Get("Content-Type") != "application/problem+json" {
		t.Fatal(answer.Code, err)
	}
	if said["title"] == "" || said["status"] != 403.0 || !strings.HasPrefix(said["detail"].(string), "Votre structure a épuisé") || said["receipt"] != "12" || len(said) != 4 {
		t.Errorf("%v", said)
	}
	answer = httptest.NewRecorder()
	p.Stops().SignIn(answer, r, &fault.Error{Kind: fault.Anonymous})
	if answer.Code != http.StatusUnauthorized || answer.Header().Get("Location") != "" {
		t.Errorf("a script without a session: %d", answer.Code)
	}
	answer = httptest.NewRecorder()
	p.Stops().SignIn(answer, r, errors.New("the shelf is gone"))
	if answer.Code != http.StatusBadGateway {
		t.Errorf("a door that broke: %d", answer.Code)
	}
}

func TestNotThereAndNotYoursLookTheSame(t *testing.T) {
	p := newStage().pages
	read := func(why policy.Why, accept string) string {
		r := httptest.NewRequest(http.MethodGet, "/dossier/files/1", nil)
		r.Header.Set("Accept", accept)
		answer := httptest.NewRecorder()
		p.Stops().Refused(answer, r, Refusal{Service: "dossier", Receipt: 12, Ruling: policy.Ruling{Why: why}})
		return answer.Result().Status + answer.Body.String()
	}
	for _, accept := range []string{"text/html", "application/json"} {
		if read(policy.NobodyKnown, accept) != read(policy.NotThere, accept) {
			t.Errorf("%s tells one from the other", accept)
		}
	}
}

func TestEachSpeaksTheirLanguageAndFrenchComesFirst(t *testing.T) {
	for accept, want := range map[string]i18n.Language{"": "fr", "de": "fr", "en-GB,en;q=0.8": "en", "fr;q=0.5,en;q=0.9": "en", "fr-CA": "fr", "nonsense;;": "fr"} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept-Language", accept)
		if in := languageOf(r); in != want {
			t.Errorf("%q speaks %s", accept, in)
		}
	}
	h := newHouse(t)
	for to, want := range map[string]string{"/desk?q=1": "/desk?q=1", "//evil.example": "/", "https://evil.example": "/", `/\evil.example`: "/", "": "/"} {
		answer, _ := h.goes("", http.MethodPost, languagePath, url.Values{"language": {"en"}, "return": {to}})
		if answer.Header.Get("Location") != want || len(answer.Cookies()) != 1 || answer.Cookies()[0].Value != "en" {
			t.Errorf("%q leads to %q", to, answer.Header.Get("Location"))
		}
	}
	if answer, _ := h.goes("", http.MethodPost, languagePath, url.Values{"language": {"tlh"}}); len(answer.Cookies()) != 0 {
		t.Error("a language that is not spoken is remembered")
	}
}
