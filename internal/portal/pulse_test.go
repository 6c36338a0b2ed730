package portal

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

func TestThePulseHasOneScaleAndItsPeakBearsItsNumber(t *testing.T) {
	var minutes [60]minute
	minutes[10] = minute{Shown: 238}
	minutes[50] = minute{Shown: 999}
	minutes[58] = minute{Stopped: 999}
	p := drawPulse(minutes)
	if p.Bars[50].Height != p.Bars[58].Up || p.Bars[50].Height <= p.Bars[10].Height {
		t.Errorf("999 shown are %d high, 999 stopped %d, 238 shown %d", p.Bars[50].Height, p.Bars[58].Up, p.Bars[10].Height)
	}
	if p.Peak == nil || p.Peak.N != 999 || !p.Peak.Stopped || !p.Log {
		t.Errorf("the peak is %+v, on a logarithmic scale: %v", p.Peak, p.Log)
	}
	for most, want := range map[int]string{0: "0 2 4", 3: "0 2 4", 12: "0 10 20", 50: "0 25 50", 51: "1 10 100", 1001: "1 10 100 1000 10000"} {
		minutes = [60]minute{30: {Shown: most}}
		p := drawPulse(minutes)
		var ticks []string
		for _, tick := range p.Ticks {
			ticks = append(ticks, fmt.Sprint(tick.N))
			if tick.Y < 0 || tick.Y > pulseLine {
				t.Errorf("up to %d: the tick %d is out of the picture, at %d", most, tick.N, tick.Y)
			}
		}
		if said := strings.Join(ticks, " "); said != want {
			t.Errorf("up to %d: the ticks are %s, want %s", most, said, want)
		}
		if bar := p.Bars[30]; bar.Height > pulseHigh || (bar.Height > 0) != (most > 0) {
			t.Errorf("%d are %d high", most, bar.Height)
		}
	}
}

func TestThePulseSaysItsScaleInThePage(t *testing.T) {
	h := newHouse(t)
	h.opens(theo, 1, 2, 3)
	for n := range 9 { // far beyond the allowance
		h.asks(camille, n*10, n*10+10)
	}
	_, raw := h.goes(security, http.MethodGet, "/desk", nil)
	for _, want := range []string{"Logarithmic scale", `class="tick"`, "stopped at ", "It was "} {
		if !strings.Contains(raw, want) {
			t.Errorf("the desk does not have %q", want)
		}
	}
}

func TestADeskWhoseServerIsGoneSaysSinceWhenAndDoesNotLookLive(t *testing.T) {
	h := newHouse(t)
	tab := openTab(t)
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
	site := serve(listener, h.rooms.Handler())
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
	as := chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		if _, err := cdp.Call(ctx, target, network.Enable, network.EnableParams{}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, target, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{
			Headers: network.Headers{actor: string(security), "Accept-Language": "en"},
		})
		return err
	})
	if err := chromedp.Do(tab, as, chromedp.EmulateViewport(1280, 900), chromedp.Navigate("http://"+address+"/desk")); err != nil {
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
		live = `document.body.innerText.includes("Live.") && getComputedStyle(document.querySelector("#desk > section")).filter === "none"`
		lost = `/The connection is lost since (today )?\d\d:\d\d:\d\d\. What you see is from then\./.test(document.body.innerText)
			&& getComputedStyle(document.querySelector("#desk > section")).filter === "grayscale(1)" && !document.body.innerText.includes("Live.")`
	)
	comes("live", live)
	stop()
	comes("lost, and dim", lost)
	keepScreenshot(t, tab, "desk-lost")
	again(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "starting", http.StatusServiceUnavailable) }))
	time.Sleep(2 * time.Second) // the browser gives up by itself after an answer that is an error; the page does not
	comes("still lost", lost)
	stop()
	again(h.rooms.Handler())
	defer stop()
	comes("live again", live)
	h.opens(theo, 1)
	comes("nothing is missed", `document.body.innerText.includes("Théo Marchand")`)
}
