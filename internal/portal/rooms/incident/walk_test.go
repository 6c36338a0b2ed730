package incident_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"poterne/internal/notice"
	"poterne/internal/order"
	"poterne/internal/portal/portaltest"
)

// bridged is the next Friday evening that a public holiday on the Monday follows.
func bridged(now time.Time) time.Time {
	day := time.Date(now.Year(), now.Month(), now.Day()+1, 18, 10, 0, 0, time.UTC)
	for day.Weekday() != time.Friday || notice.Holiday(day.AddDate(0, 0, 3)) == "" {
		day = day.AddDate(0, 0, 1)
	}
	return day
}

// A data-protection officer meets the 72 hours over a week-end and a public holiday, doing only
// what the pages suggest: the way to a file, then what is left to do, from the top.
//
// Promise: TELL-1
func TestTELL_1_AnOfficerMeetsThe72HoursByWhatThePagesSuggest(t *testing.T) {
	tab := portaltest.OpenTab(t)
	h := stolen(t)
	friday := bridged(time.Now())
	h.Moved.Store(int64(time.Until(friday)))
	h.Opens(theo, 1)
	answer, raw := h.Goes(security, http.MethodPost, "/incidents", url.Values{"title": {"Kairos, compte de Théo"}, "accounts": {string(theo)}})
	if answer.StatusCode != http.StatusSeeOther {
		t.Fatal(portaltest.Read(t, raw))
	}
	h.Places(order.Order{Effect: order.Suspended, Reach: order.Account, Target: string(theo), By: string(security), Because: "vol"})

	run := func(script string) string {
		t.Helper()
		said, err := chromedp.Run(tab, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise))
		if err != nil {
			t.Fatalf("%s: %v", script, err)
		}
		return said
	}
	says := func(want ...string) {
		t.Helper()
		page := strings.Join(strings.Fields(run(`document.querySelector("main").innerText`)), " ")
		for _, w := range want {
			if !strings.Contains(page, w) {
				t.Errorf("the page does not say %q: %s", w, page)
			}
		}
	}
	// clicks follows something that is seen on the page, until another page is there.
	clicks := func(selector string) {
		t.Helper()
		run(fmt.Sprintf(`(() => { const it = document.querySelector(%q); if (!it || !it.checkVisibility()) throw new Error("it is not on the page"); window.left = true; it.click(); return "" })()`, selector))
		for range 500 {
			there, err := chromedp.Run(tab, chromedp.Evaluate[bool](`!window.left && document.readyState === "complete"`))
			if err == nil && there {
				return
			}
			if hash, err := chromedp.Run(tab, chromedp.Evaluate[bool](fmt.Sprintf(`document.querySelector(%q)?.getAttribute("href")?.startsWith("#") ?? false`, selector))); err == nil && hash {
				return // it leads to a place on the page
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("%s leads nowhere", selector)
	}
	fills := func(field, value string) {
		t.Helper()
		if err := chromedp.Do(tab, chromedp.SetValue(chromedp.CSS(field), value)); err != nil {
			t.Fatalf("%s: %v", field, err)
		}
	}
	// first follows the first thing that is left to do, and returns where it leads.
	first := func() string {
		t.Helper()
		run(`(() => { for (const it of document.querySelectorAll(".tasks li")) if (it.innerText.includes("to do") && it.querySelector("a")) { it.querySelector("a").id = "next"; return "" } throw new Error("nothing is left to do") })()`)
		at := run(`document.getElementById("next").getAttribute("href")`)
		clicks("#next")
		return at
	}
	leads := func(at, to string) {
		t.Helper()
		if !strings.HasSuffix(at, to) {
			t.Fatalf("what is left to do leads to %s, not %s", at, to)
		}
	}
	moment := func(at time.Time) string { return at.Format("2006-01-02T15:04") }

	// Friday evening.
	if err := chromedp.Do(tab, portaltest.As(officer), chromedp.Navigate(h.URL+"/")); err != nil {
		t.Fatal(err)
	}
	clicks("header a[href='/incidents'], nav a[href='/incidents']")
	says("1 open file.")
	clicks("main table a")
	says("Every account has been stopped.", "The people have not been counted yet.")
	leads(first(), "#aware")
	fills("#at", moment(friday.Add(-time.Minute)))
	fills("#aware-because", "the desk's alert")
	clicks("main form[action$='/aware'] button")
	monday := friday.AddDate(0, 0, 3)
	says("72 hours", "before "+monday.Format("Monday 2 January 2006"), "counts, although a holiday", "the week-end counts")
	leads(first(), "#exactly")
	clicks("main form[action$='/count'] button")
	says("concerned without a reason")
	leads(first(), "/notices/anssi")
	fills("#sent", moment(friday.Add(-time.Minute)))
	clicks("main form[action$='/sent'] button")
	says("Early warning to ANSSI (24 hours) done")
	portaltest.KeepScreenshot(t, tab, "walk-friday")

	// Monday is a holiday, and the list leads to what is due.
	h.Moved.Store(int64(time.Until(monday.Add(-9 * time.Hour))))
	if err := chromedp.Do(tab, chromedp.Navigate(h.URL+"/")); err != nil {
		t.Fatal(err)
	}
	clicks("header a[href='/incidents'], nav a[href='/incidents']")
	clicks("main .lead a")
	says("8 h 5", "left")
	leads(first(), "/notices/cnil")
	says("An initial notice may go out with what is known.")
	fills("#description", "A session was stolen.")
	clicks("main form[action$='/cnil'] button.main")
	fills("#sent", moment(monday.Add(-9*time.Hour-time.Minute)))
	clicks("main form[action$='/sent'] button")
	says("Initial notice to the CNIL (72 hours) done", "Complete notice and final report")
	portaltest.KeepScreenshot(t, tab, "walk-monday")
}
