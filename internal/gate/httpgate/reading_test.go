package httpgate_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"poterne/internal/fault"
	"poterne/internal/gate/httpgate"
	"poterne/internal/order"
	"poterne/internal/policy"
)

// TestWhatDoesNotFitAtThisMomentIsRefusedAndFitsLater holds one page half said, and asks for
// others meanwhile.
func TestWhatDoesNotFitAtThisMomentIsRefusedAndFitsLater(t *testing.T) {
	w := newWorld(t, file())
	d := w.dependencies(t)
	d.Reading = 16 * 64 << 10 // one page as large as may be
	service := w.service(file(), list())
	service.Timeout = time.Minute
	var err error
	if w.proxy, err = httpgate.New([]httpgate.Service{service}, d); err != nil {
		t.Fatal(err)
	}
	leaves := func(enough func(left int64) bool) {
		for !enough(w.proxy.LeftToRead()) {
			time.Sleep(time.Millisecond)
		}
	}
	const row = `<tr class="person" data-id="p1"><td>‹p1›</td></tr>`
	page := "<table><tbody>" + row + "<!--" + strings.Repeat("x", 60<<10) + "-->"
	half, on := make(chan struct{}), make(chan struct{})
	w.app = func(rw http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/files/"):
			rw.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(rw, strings.TrimSuffix(say("p1"), "}")+strings.Repeat(" ", 50<<10)+"}")
		case r.URL.RawQuery == "page=first":
			rw.Header().Set("Content-Type", "text/html")
			rw.Header().Set("Content-Length", fmt.Sprint(len(page)))
			_, _ = io.WriteString(rw, page[:1<<10])
			_ = http.NewResponseController(rw).Flush()
			close(half)
			<-on
			_, _ = io.WriteString(rw, page[1<<10:])
		case r.URL.RawQuery == "page=chunked":
			rw.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(rw, page[:8<<10])
			_ = http.NewResponseController(rw).Flush()
			_, _ = io.WriteString(rw, page[8<<10:])
		default:
			rw.Header().Set("Content-Type", "text/html")
			rw.Header().Set("Content-Length", fmt.Sprint(len(page)))
			_, _ = io.WriteString(rw, page)
		}
	}
	first := make(chan got)
	go func() { first <- w.get("/list?page=first") }()
	<-half
	leaves(func(left int64) bool { return left < d.Reading/8 })
	w.failed(w.get("/list?page=chunked"), fault.Unavailable, policy.TooMuchAtOnce)
	w.failed(w.get("/list?page=whole"), fault.Unavailable, policy.TooMuchAtOnce)

	// Whom the request names is written, and charged nothing.
	before := len(w.entries())
	w.failed(w.get("/files/p1"), fault.Unavailable, policy.TooMuchAtOnce)
	if all := w.entries(); len(all) != before+1 || all[before].Why != policy.TooMuchAtOnce || all[before].Verdict.Shows() || all[before].Person != w.key.Person("p1") {
		t.Errorf("%d entries more, the last %+v", len(all)-before, all[len(all)-1])
	}

	close(on)
	if g := <-first; g.status != http.StatusOK {
		t.Errorf("the page that was being read: %.200v", g)
	}
	for _, path := range []string{"/list?page=whole", "/list?page=chunked", "/files/p1", "/list?page=whole"} {
		leaves(func(left int64) bool { return left == d.Reading }) // whatever was read
		if g := w.get(path); g.status != http.StatusOK || !strings.Contains(g.body, "‹p1›") {
			t.Errorf("%s, afterwards: %.200v", path, g)
		}
	}
}

func TestAnAnswerThatCouldNeverFitIsComplainedOf(t *testing.T) {
	w := newWorld(t, list())
	d := w.dependencies(t)
	d.Reading = 15 * 64 << 10
	if _, err := httpgate.New([]httpgate.Service{w.service(list())}, d); err == nil || !strings.Contains(err.Error(), "raise that, or lower largest") {
		t.Errorf("got %v", err)
	}
}

// reading is pages of a proxy whose tests look at what responses may still take while a
// page is written.
type reading struct {
	pages
	look func()
}

func (r reading) Refused(w http.ResponseWriter, q *http.Request, refusal httpgate.Refusal) {
	r.look()
	r.pages.Refused(w, q, refusal)
}

// A refusal that its asker takes slowly keeps no other response from being read.
func TestWhatIsRefusedTakesNoPlaceAnyMore(t *testing.T) {
	w := newWorld(t, file(), list())
	var left []int64
	d := w.dependencies(t)
	d.Pages = reading{look: func() { left = append(left, w.proxy.LeftToRead()) }}
	d.Gate = meddling{Node: w.gate, settled: func(ask policy.Ask) {
		if ask.Act != policy.Show || ask.Route != "GET /list" || ask.Objection != policy.Granted {
			return
		}
		if _, err := w.gate.Place(t.Context(), order.Order{Reach: order.Service, Target: "dossier", Effect: order.Closed, By: "desk"}); err != nil {
			t.Error(err)
		}
	}}
	w.remake(d, file(), list())
	for _, who := range []string{"x1", "x2", "x3"} { // the allowance of an hour
		w.says("application/json", say(who))
		if g := w.get("/files/" + who); g.status != http.StatusOK {
			t.Fatalf("got %v", g)
		}
	}
	w.says("application/json", say("x4"))
	w.refused(w.get("/files/p1"), policy.ShortEmpty) // by the decision
	w.says("application/json", say("p1")+"{")
	w.refused(w.get("/files/p1"), policy.NotUnderstood)
	w.says("text/html", "<h1>undeclared</h1>")
	w.refused(w.get("/files/p1"), policy.UndeclaredAnswer)
	w.says("application/json", sayAll("p1"))
	w.refused(w.get("/list"), policy.Closed) // by an order after the decision
	for i, one := range left {
		if one != httpgate.Reading {
			t.Errorf("refusal %d of %d holds %d bytes while it is written", i+1, len(left), httpgate.Reading-one)
		}
	}
	if len(left) != 4 {
		t.Errorf("%d refusals", len(left))
	}
}
