package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/lab/proof"
	"poterne/internal/lab/town/life"
	"poterne/internal/ledger"
)

// newsConfig declares what newsroom says, in place of the crowd's list.
const newsConfig = `[[service.route]]
get = "/page"
html = { plain = "body" }

[[service.route]]
get = "/assets/{file}"
static = ["text/javascript"]

[[service.route]]
get = "/events"
events = { id = "[0-9]{1,9}", of = { message = { row = "$", person = { dossier = "@.id" }, fields = { identifier = "@.id", name = "@.name" } }, several = { row = "$[*]", person = { dossier = "@.id" }, fields = { identifier = "@.id", name = "@.name", note = "@.note" } }, state = { plain = "$.state" } } }

[[service.route]]
get = "/list"`

// newsHouse is a house in front of an application that sends events, where a stranger may be shown in an hour.
func newsHouse(t *testing.T, application http.Handler) *house {
	server := httptest.NewServer(application)
	t.Cleanup(server.CloseClientConnections) // streams do not end by themselves
	t.Cleanup(server.Close)
	h := newHouse(t, "application", map[string]string{
		proof.Upstream: server.URL, "[[service.route]]\nget = \"/list\"": newsConfig, "adviser     = { hour = 20, month = 20 }": "adviser     = { hour = 1, month = 20 }",
	})
	h.takeFacts("caseloads", h.write("caseloads.csv", proof.CrowdCaseloads()))
	return h
}

// newsroom is an application with a page that shows events as they come.
type newsroom struct {
	mu     sync.Mutex
	open   chan string // the stream that was opened last
	opened int
	last   string // Last-Event-ID, as it was asked with
}

func (n *newsroom) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/page":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, `<!DOCTYPE html><html lang=en><title>News</title><h1>News</h1><p id="state">new</p><ul id="news"></ul><script src="assets/news.js"></script>`)
	case "/assets/news.js":
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = io.WriteString(w, `const say = (id, text) => { document.getElementById(id).append(text) };
const source = new EventSource("events");
source.onopen = () => say("state", " open");
source.onerror = () => say("state", source.readyState === EventSource.CLOSED ? " closed" : " lost");
source.onmessage = (e) => say("news", JSON.parse(e.data).name + " [" + e.lastEventId + "] ");
source.addEventListener("state", (e) => say("news", "state " + JSON.parse(e.data).state + " "));
source.addEventListener("several", (e) => say("news", JSON.parse(e.data).map((p) => p.name).join("+") + ". "));`)
	case "/events":
		w.Header().Set("Content-Type", "text/event-stream")
		_ = http.NewResponseController(w).Flush()
		said := make(chan string)
		n.mu.Lock()
		n.open, n.last = said, r.Header.Get("Last-Event-ID")
		n.opened++
		n.mu.Unlock()
		for {
			select {
			case text := <-said:
				_, _ = io.WriteString(w, text)
				_ = http.NewResponseController(w).Flush()
				if text == "" {
					return
				}
			case <-r.Context().Done():
				return
			}
		}
	}
}

// says sends an event; an empty text ends the stream.
func (n *newsroom) says(t *testing.T, text string) {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(10 * time.Millisecond) {
		n.mu.Lock()
		open := n.open
		n.mu.Unlock()
		select {
		case open <- text:
			return
		default:
		}
	}
	t.Fatal("nobody listens")
}

func (n *newsroom) streams() (opened int, last string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.opened, n.last
}

// In a real browser, events come as they happen: of whom the account may be shown, and of nobody else. A stream that the
// application ends is opened anew where it was; an order ends it for good.
//
// Promises: SCOPE-9, ACT-5, RUN-2
func TestSCOPE_9_ABrowserFollowsEventsOfWhomItMayBeShown(t *testing.T) {
	t.Parallel()
	news := &newsroom{}
	h := newsHouse(t, news)
	h.serve()
	pauline := newScreen(t, h.origin, "en-GB")
	pauline.signIn("0")
	if status := pauline.open("/people/page"); status != http.StatusOK {
		t.Fatalf("the page is answered with %d", status)
	}
	pauline.comesToSay("#state", "open", patience)
	person := func(n int) string {
		return fmt.Sprintf(`{"id":"%s","name":"Nom %d","secret":"Secret"}`, proof.CrowdID(n), n)
	}
	stranger := len(proof.CrowdStaff) * proof.CrowdOwn
	news.says(t, "id: 1\ndata: "+person(1)+"\n\n")
	news.says(t, "id: 2\ndata: "+person(stranger)+"\n\n") // the one of this hour
	news.says(t, "id: 3\ndata: "+person(stranger+1)+"\n\n")
	news.says(t, "event: several\ndata: ["+person(stranger+2)+","+person(2)+"]\n\n")
	news.says(t, "event: state\ndata: {\"state\":\"on\",\"who\":\"Nom 3\"}\n\n")
	pauline.comesToSay("#news", "state on", patience)
	if got, want := pauline.text("#news"), fmt.Sprintf("Nom 1 [1] Nom %d [2] Nom 2. state on", stranger); got != want {
		t.Errorf("the page shows %q, not %q", got, want)
	}
	news.says(t, "") // the application restarts
	pauline.comesToSay("#state", "lost open", patience)
	if opened, last := news.streams(); opened != 2 || last != "2" {
		t.Errorf("it was opened %d times, the last time from %q", opened, last)
	}
	news.says(t, "id: 4\ndata: "+person(stranger)+"\n\n") // whom it was shown, once more
	pauline.comesToSay("#news", "[4]", patience)
	if _, err := h.site.Place(t.Context(), "suspend", "account", "pauline.mercier"); err != nil {
		t.Fatal(err)
	}
	pauline.comesToSay("#state", "closed", patience) // it asks again, and is refused
	if opened, _ := news.streams(); opened != 2 {
		t.Errorf("the application was asked %d times", opened)
	}
}

// talker sends lists of the crowd without end.
func talker() http.Handler {
	note := strings.Repeat("long note ", 500)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for r.Context().Err() == nil {
			from, list := rand.IntN(len(proof.CrowdStaff)*proof.CrowdOwn), make([]string, proof.CrowdList)
			for i := range list {
				list[i] = fmt.Sprintf(`{"id":"%s","name":"Nom %d","note":"%s"}`, proof.CrowdID(from+i), from+i, note)
			}
			if _, err := fmt.Fprintf(w, "event: several\ndata: [%s]\n\n", strings.Join(list, ",")); err != nil {
				return
			}
		}
	})
}

// listen opens a stream, and returns what was received of it before it ended.
func listen(ctx context.Context, t *testing.T, b *life.Browser, origin string, received *atomic.Int64) life.Page {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, origin+"/people/events", nil)
	if err != nil {
		t.Error(err)
		return life.Page{}
	}
	answer, err := b.Open(request)
	if err != nil { // it was killed before
		return life.Page{}
	}
	defer answer.Body.Close()
	page := life.Page{Status: answer.StatusCode, Header: answer.Header}
	portion := make([]byte, 4<<10)
	for err == nil {
		var n int
		n, err = answer.Body.Read(portion)
		page.Body = append(page.Body, portion[:n]...)
		received.Add(int64(strings.Count(string(portion[:n]), "Poterne-Receipt")))
	}
	return page
}

var eventReceipt = regexp.MustCompile(`^: Poterne-Receipt ([0-9]+)\n`)

// The program is killed while events go out: whoever is in one that was received, even in part, is in the ledger under
// that event's receipt.
//
// Promises: LEDGER-1, LEDGER-2
func TestLEDGER_1_KilledInTheMiddleOfAStreamNothingReceivedIsUnwritten(t *testing.T) {
	t.Parallel()
	kills := 12
	if testing.Short() {
		kills = 3
	}
	h := newsHouse(t, talker())
	after := proof.NewAftermath(h.key)
	var crew []*life.Browser
	events, broken := 0, 0
	for n := range kills {
		child, err := h.site.Serve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, account := range proof.CrowdStaff[len(crew):] {
			b, err := h.site.Browser(t.Context(), account)
			if err != nil {
				t.Fatal(err)
			}
			crew = append(crew, b)
		}
		ctx, leave := context.WithTimeout(t.Context(), patience)
		pages := make([]life.Page, len(crew))
		var listening sync.WaitGroup
		var received atomic.Int64
		for i, b := range crew {
			listening.Go(func() { pages[i] = listen(ctx, t, b, h.origin, &received) })
		}
		for most := int64(1 + rand.IntN(20)); received.Load() < most && ctx.Err() == nil; {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(rand.N(5 * time.Millisecond))
		child.Kill()
		listening.Wait()
		leave()
		db, err := h.site.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		written, err := after.Read(t.Context(), db)
		if err := errors.Join(err, after.Meters(t.Context(), db), db.Close()); err != nil {
			t.Fatalf("after kill %d: %v", n, err)
		}
		for i, page := range pages {
			if page.Status == 0 { // it was killed before
				continue
			}
			if page.Status != http.StatusOK {
				t.Fatalf("after kill %d: %d %s", n, page.Status, page.Body)
			}
			for event := range strings.SplitSeq(string(page.Body), "\n\n") {
				if !strings.Contains(event, `"id":"`) {
					continue
				}
				said := eventReceipt.FindStringSubmatch(event)
				if said == nil {
					t.Fatalf("an event with people has no receipt: %.80s", event)
				}
				receipt, _ := strconv.ParseUint(said[1], 10, 64)
				events++
				if !strings.HasSuffix(event, "]") {
					broken++
				}
				for id, fields := range proof.Rows([]byte(event)) {
					if key := (proof.Shown{Receipt: ledger.Number(receipt), Account: proof.CrowdStaff[i], Person: h.key.Person(id)}); !written[key].Has(fields) {
						t.Errorf("after kill %d, under receipt %d somebody was received with %b, the ledger has %b", n, receipt, fields, written[key])
					}
				}
			}
		}
	}
	t.Logf("%d kills, %d events received, %d of them in part; %d entries", kills, events, broken, after.Next)
	if events < kills {
		t.Error("too little was received to show anything")
	}
}
