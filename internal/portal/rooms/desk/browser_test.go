package desk_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"poterne/internal/i18n"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/portal/portaltest"
	"poterne/internal/roster"
	"poterne/internal/store"
)

func TestTheDeskIsLiveInABrowser(t *testing.T) {
	h := portaltest.New(t)
	tab := portaltest.OpenTab(t)
	listening, stop := context.WithCancel(tab)
	defer stop()
	messages := chromedp.Console(listening)
	if err := chromedp.Do(tab, portaltest.As(security), chromedp.Navigate(h.URL+"/desk")); err != nil {
		t.Fatal(err)
	}
	says := func(what string) {
		t.Helper()
		const poll = `new Promise(done => { const end = Date.now() + 10000; (function look() {
			const said = document.body.innerText.includes(%q);
			said || Date.now() > end ? done(said) : setTimeout(look, 20) })() })`
		if said, err := chromedp.Run(tab, chromedp.Evaluate[bool](fmt.Sprintf(poll, what), chromedp.EvalAwaitPromise)); err != nil || !said {
			t.Fatalf("the desk does not come to say %q: %v", what, err)
		}
	}
	says("Live.")
	says("All quiet.")
	if _, err := chromedp.Run(tab, chromedp.Evaluate[bool](`document.getElementById("events").open = true`)); err != nil {
		t.Fatal(err)
	}
	h.Opens(theo, 1, 2, 3)
	says("3 people without a reason, within the allowance: 3 of 3 this hour.")
	says("Last minute: 3 people shown")
	h.Opens(theo, 4)
	says("Théo Marchand (Mission locale du Bourg) asked for 1 person beyond the allowance within an hour, after 3 people without a reason.")
	if _, err := h.Gate.Place(t.Context(), order.Order{Reach: order.Account, Target: string(theo), Effect: order.Suspended, By: string(security), Because: "a test"}); err != nil {
		t.Fatal(err)
	}
	says("Théo Marchand: account suspended")
	says("All quiet.")
	portaltest.KeepScreenshot(t, tab, "desk-live")
	stop()
	for message, err := range messages {
		if err != nil {
			break
		}
		t.Errorf("the console says %s", message)
	}
}

func TestADeskWhoseServerIsGoneSaysSinceWhenAndDoesNotLookLive(t *testing.T) {
	h := portaltest.New(t)
	tab := portaltest.OpenTab(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	serve := func(l net.Listener, handler http.Handler) *httptest.Server {
		site := &httptest.Server{Listener: l, Config: &http.Server{Handler: handler}}
		site.Start()
		return site
	}
	site := serve(listener, h.Handler)
	stop := func() {
		site.CloseClientConnections()
		site.Close()
	}
	again := func(handler http.Handler) {
		t.Helper()
		if listener, err = net.Listen("tcp", address); err != nil {
			t.Fatal(err)
		}
		site = serve(listener, handler)
	}
	if err := chromedp.Do(tab, portaltest.As(security), chromedp.EmulateViewport(1280, 900), chromedp.Navigate("http://"+address+"/desk")); err != nil {
		t.Fatal(err)
	}
	comes := func(what, condition string) {
		t.Helper()
		poll := fmt.Sprintf(`new Promise(done => { const end = Date.now() + 60000; (function look() {
			const is = %s; is || Date.now() > end ? done(is) : setTimeout(look, 20) })() })`, condition)
		if is, err := chromedp.Run(tab, chromedp.Evaluate[bool](poll, chromedp.EvalAwaitPromise)); err != nil || !is {
			t.Fatalf("it does not come to this: %s (%v)", what, err)
		}
	}
	const (
		live = `document.body.innerText.includes("Live.") && getComputedStyle(document.querySelector("[data-part=headline]")).filter === "none"`
		lost = `/The connection is lost since (today )?\d\d:\d\d:\d\d\. What you see is from then\./.test(document.body.innerText)
			&& getComputedStyle(document.querySelector("[data-part=headline]")).filter === "grayscale(1)" && !document.body.innerText.includes("Live.")`
	)
	comes("live", live)
	stop()
	comes("lost, and dim", lost)
	portaltest.KeepScreenshot(t, tab, "desk-lost")
	again(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "starting", http.StatusServiceUnavailable) }))
	time.Sleep(2 * time.Second) // the browser gives up by itself after an answer that is an error; the page does not
	comes("still lost", lost)
	stop()
	again(h.Handler)
	defer stop()
	comes("live again", live)
	h.Opens(theo, 1)
	comes("nothing is missed", `document.getElementById("lines").textContent.includes("Théo Marchand")`)
}

// Under attack the desk fits two screens, and is there at once, however many accounts are
// held and however many there are. The wall fits one.
func TestTheDeskFitsTwoScreensWhateverHappens(t *testing.T) {
	s := portaltest.NewStage()
	s.Fill()
	s.Crowd = 60_000
	for n := range 41 {
		s.Freeze(roster.AccountID(fmt.Sprintf("stolen-%02d", n)), time.Duration(n)*time.Minute)
	}
	s.Watch()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Visits(security, r.Method, r.RequestURI, nil)(w, r, i18n.French)
	}))
	t.Cleanup(site.Close)
	tab := portaltest.OpenTab(t)
	err := chromedp.Do(tab, chromedp.EmulateViewport(1280, 800), chromedp.Navigate(site.URL+"/desk"))
	if err != nil {
		t.Fatal(err)
	}
	tall, err := chromedp.Run(tab, chromedp.Evaluate[int64]("document.documentElement.scrollHeight"))
	if err != nil || tall > 1600 {
		t.Errorf("the desk is %d tall, two screens are 1600: %v", tall, err)
	}
	portaltest.KeepScreenshot(t, tab, "desk-crowded")
	const wall = `new Promise(done => (function look() {
		document.querySelector(".live .on") ? done(document.documentElement.scrollHeight) : setTimeout(look, 20) })())`
	if err := chromedp.Do(tab, chromedp.EmulateViewport(1920, 1080), chromedp.Navigate(site.URL+"/desk/wall")); err != nil {
		t.Fatal(err)
	}
	tall, err = chromedp.Run(tab, chromedp.Evaluate[int64](wall, chromedp.EvalAwaitPromise))
	if err != nil || tall > 1080 {
		t.Errorf("the wall is %d tall, its screen is 1080: %v", tall, err)
	}
	portaltest.KeepScreenshot(t, tab, "wall-crowded")
}

// From an alert to a suspended account by keyboard alone, on a live desk that is drawn anew
// meanwhile: each step is one that the page before suggests.
//
// Promises: RUN-7, ACT-1
func TestRUN_7_FromAnAlertToContainedByKeyboardAlone(t *testing.T) {
	h := portaltest.New(t)
	tab := portaltest.OpenTab(t)
	if err := chromedp.Do(tab, portaltest.As(security), chromedp.EmulateViewport(1280, 900), chromedp.Navigate(h.URL+"/desk")); err != nil {
		t.Fatal(err)
	}
	comes := func(what, condition string) {
		t.Helper()
		poll := fmt.Sprintf(`new Promise(done => { const end = Date.now() + 30000; (function look() {
			const is = %s; is || Date.now() > end ? done(is) : setTimeout(look, 20) })() })`, condition)
		for range 3 { // a page that is left in the middle of it is looked at again
			if is, err := chromedp.Run(tab, chromedp.Evaluate[bool](poll, chromedp.EvalAwaitPromise)); err == nil && is {
				return
			}
		}
		t.Fatalf("it does not come to this: %s", what)
	}
	presses := 0
	press := func(keys string) {
		t.Helper()
		presses++
		if err := chromedp.Do(tab, chromedp.KeyEvent(keys)); err != nil {
			t.Fatal(err)
		}
	}
	tabTo := func(selector string) {
		t.Helper()
		for range 40 {
			press(kb.Tab)
			there, err := chromedp.Run(tab, chromedp.Evaluate[bool](fmt.Sprintf(`document.activeElement.matches(%q)`, selector)))
			if err != nil {
				t.Fatal(err)
			}
			if there {
				return
			}
		}
		t.Fatalf("the tab key does not lead to %s", selector)
	}
	comes("live", `document.body.innerText.includes("Live.")`)
	h.Opens(theo, 1, 2, 3, 4, 5)
	comes("an alert", `document.title.startsWith("(1) One account to look at") && document.querySelector(".gravest") !== null`)
	tabTo(".gravest a.button.grave")
	h.Opens(camille, 11) // the picture is drawn anew; the focus stays
	comes("drawn anew, under the same hand", `document.querySelector("[data-part=figures] strong").textContent === "4" && document.activeElement.matches(".gravest a.button.grave")`)
	press(kb.Enter)
	comes("what it stops, and why", `document.querySelector("#because") !== null && document.readyState === "complete"`)
	tabTo("#because")
	press("Her session is used by somebody else")
	tabTo("main form button.grave")
	press(kb.Enter)
	comes("contained", `document.body.innerText.includes("account suspended") && document.body.innerText.includes("Her session is used by somebody else")`)
	if held, is := h.Gate.Orders().Against(order.Use{Account: theo}, time.Now()); !is || held.Effect != order.Suspended || held.By != string(security) {
		t.Errorf("in force is %v", held)
	}
	t.Logf("contained by %d keys and a sentence", presses)
	portaltest.KeepScreenshot(t, tab, "desk-by-keyboard")
}

// The sheet of a month is one sheet where it is printed, too.
func TestTheMonthPrintsOnOneSheet(t *testing.T) {
	h := portaltest.New(t)
	tab := portaltest.OpenTab(t)
	if err := chromedp.Do(tab, portaltest.As(security), chromedp.Navigate(h.URL+"/desk/month")); err != nil {
		t.Fatal(err)
	}
	var printed []byte
	if err := chromedp.Do(tab, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		a4, err := cdp.Call(ctx, target, page.PrintToPDF, page.PrintToPDFParams{PaperWidth: 8.27, PaperHeight: 11.69})
		printed = a4.Data
		return err
	})); err != nil {
		t.Fatal(err)
	}
	if sheets := regexp.MustCompile(`/Type\s*/Page\b`).FindAll(printed, -1); len(sheets) != 1 {
		t.Errorf("the month takes %d sheets", len(sheets))
	}
}

// A director's five minutes: from the desk to the sheet of the month, to how the limits were
// chosen, to until when the ledger is kept, and back, by what each page links to. What the sheet
// counts is what the ledger holds.
//
// Promise: RUN-7
func TestRUN_7_ADirectorReadsTheMonthByWhatThePagesSuggest(t *testing.T) {
	h := portaltest.New(t)
	h.Opens(theo, 1, 2, 3, 4) // three without a reason, and one too many
	h.Opens(camille, 11)
	var shown, without, stopped int // somebody shown twice counts twice, as the sheet says
	for e, err := range store.NewLedger(h.DB).Entries(t.Context(), 0) {
		switch {
		case err != nil:
			t.Fatal(err)
		case e.Disclosed():
			shown++
			if e.Cost > 0 {
				without++
			}
		case e.Kind == ledger.Consulted:
			stopped++
		}
	}
	tab := portaltest.OpenTab(t)
	if err := chromedp.Do(tab, portaltest.As(security), chromedp.EmulateViewport(1280, 900), chromedp.Navigate(h.URL+"/desk")); err != nil {
		t.Fatal(err)
	}
	follow := func(link, heading string) {
		t.Helper()
		if err := chromedp.Do(tab, chromedp.Click(chromedp.CSS(link))); err != nil {
			t.Fatalf("no page leads by %s: %v", link, err)
		}
		poll := fmt.Sprintf(`new Promise(done => { const end = Date.now() + 30000; (function look() {
			const h1 = document.querySelector("h1"), is = h1 !== null && h1.innerText.includes(%q);
			is || Date.now() > end ? done(is) : setTimeout(look, 20) })() })`, heading)
		for range 3 { // a page that is left in the middle of it is looked at again
			if is, err := chromedp.Run(tab, chromedp.Evaluate[bool](poll, chromedp.EvalAwaitPromise)); err == nil && is {
				return
			}
		}
		t.Fatalf("%s leads to no page that is headed %q", link, heading)
	}
	follow("a[href='/desk/month']", "frozen by the rules in")
	text, err := chromedp.Run(tab, chromedp.Evaluate[string](`Array.from(document.querySelectorAll("tbody tr"), row => row.innerText.replace(/\s+/g, " ")).join("\n")`))
	if err != nil {
		t.Fatal(err)
	}
	for line, n := range map[string]int{"People shown": shown, "Of them without a reason": without, "Stopped": stopped} {
		if n == 0 || !regexp.MustCompile(`(?m)^`+line+` `+strconv.Itoa(n)+`( |$)`).MatchString(text) {
			t.Errorf("%s is %d by the ledger; the sheet says\n%s", line, n, text)
		}
	}
	portaltest.KeepScreenshot(t, tab, "month-read")
	follow("a[href='/desk/curve']", "What the rules let through")
	if err := chromedp.Do(tab, chromedp.NavigateBack()); err != nil {
		t.Fatal(err)
	}
	follow("a[href='/terms']", "No month of the ledger is held")
}
