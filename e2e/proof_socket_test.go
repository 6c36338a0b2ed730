package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coder/websocket"

	"poterne/internal/lab/proof"
)

// soon is how long a page is waited for.
const soon = time.Minute

// liveConfig declares what liveroom says and takes, in place of the crowd's list.
const liveConfig = `[[service.route]]
get = "/page"
html = { plain = "body" }

[[service.route]]
get = "/assets/{file}"
static = ["text/javascript"]

[[service.route]]
get = "/live"
[service.route.websocket]
type = "$.type"
[service.route.websocket.sends]
person = { row = "$", person = { dossier = "@.id" }, fields = { identifier = "@.id", name = "@.name" } }
several = { row = "$.people[*]", person = { dossier = "@.id" }, fields = { identifier = "@.id", name = "@.name" } }
state = { plain = "$.state" }
[service.route.websocket.takes.follow]
request = { dossier = "$.id" }
reads = true
shows = ["name"]

[[service.route]]
get = "/list"`

// liveroom is an application with a WebSocket, and a page that shows what comes by it.
type liveroom struct {
	open  chan *websocket.Conn
	heard chan string
}

func (l *liveroom) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/page":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, `<!DOCTYPE html><html lang=en><title>Live</title><h1>Live</h1><p id="state">new</p><ul id="news"></ul><script src="assets/live.js"></script>`)
	case "/assets/live.js":
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = io.WriteString(w, `const say = (id, text) => { document.getElementById(id).append(text) };
const dial = () => {
	const socket = new WebSocket(new URL("live", location.href).href.replace("http", "ws"));
	socket.onopen = () => say("state", " open");
	socket.onclose = (e) => { say("state", " closed " + e.code + " " + e.reason + "."); if (e.code === 1008) setTimeout(dial, 50); };
	socket.onmessage = (e) => {
		const said = JSON.parse(e.data);
		if (said.type === "several") say("news", said.people.map((p) => p.name).join("+") + ". ");
		else say("news", (said.name || said.state) + " ");
		if (said.state === "ask") socket.send(JSON.stringify({ type: "follow", id: said.name || "`+proof.CrowdID(3)+`" }));
		if (said.state === "stray") socket.send(JSON.stringify({ type: "delete", id: "`+proof.CrowdID(3)+`" }));
	};
};
dial();`)
	case "/live":
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		l.open <- conn
		for {
			_, text, err := conn.Read(context.Background())
			if err != nil {
				return
			}
			l.heard <- string(text)
		}
	}
}

// In a real browser, messages of a WebSocket come as they happen: of whom the account may be shown, up to its allowance and
// not one more. What its page says that is not declared reaches nobody, and the page is told why; an order ends it for good.
//
// Promises: SCOPE-9, ACT-5, RUN-2
func TestSCOPE_9_ABrowsersWebSocketShowsWhomItMay(t *testing.T) {
	t.Parallel()
	room := &liveroom{open: make(chan *websocket.Conn, 16), heard: make(chan string, 16)}
	server := httptest.NewServer(room)
	t.Cleanup(server.Close)
	h := newHouse(t, "application", map[string]string{
		proof.Upstream: server.URL, "[[service.route]]\nget = \"/list\"": liveConfig, "adviser     = { hour = 20, month = 20 }": "adviser     = { hour = 1, month = 20 }",
	})
	h.takeFacts("caseloads", h.write("caseloads.csv", proof.CrowdCaseloads()))
	h.serve()
	pauline := newScreen(t, h.origin, "en-GB")
	pauline.signIn("0")
	if status := pauline.open("/people/page"); status != http.StatusOK {
		t.Fatalf("the page is answered with %d", status)
	}
	pauline.comesToSay("#state", "open", soon)
	conn := <-room.open
	says := func(text string) {
		if err := conn.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	person := func(n int) string {
		return fmt.Sprintf(`{"type":"person","id":"%s","name":"Nom %d","secret":"Secret"}`, proof.CrowdID(n), n)
	}
	stranger := len(proof.CrowdStaff) * proof.CrowdOwn
	says(person(1))
	says(person(stranger)) // the one of this hour
	says(person(stranger + 1))
	says(`{"type":"several","people":[` + person(stranger+2) + "," + person(2) + "]}")
	says(`{"type":"state","state":"ask","who":"Nom 3"}`)
	pauline.comesToSay("#news", "ask", soon)
	if got, want := pauline.text("#news"), fmt.Sprintf("Nom 1 Nom %d Nom 2. ask", stranger); got != want {
		t.Errorf("the page shows %q, not %q", got, want)
	}
	if got, want := <-room.heard, `{"type":"follow","id":"`+proof.CrowdID(3)+`"}`; got != want {
		t.Errorf("the application hears %s, not %s", got, want)
	}
	says(`{"type":"state","state":"stray"}`)
	pauline.comesToSay("#state", "closed 1008 undeclared-body; Poterne-Receipt", soon)
	conn = <-room.open
	says(person(stranger)) // whom it was shown, once more
	pauline.comesToSay("#news", fmt.Sprintf("stray Nom %d", stranger), soon)
	if _, err := h.site.Place(t.Context(), "suspend", "account", "pauline.mercier"); err != nil {
		t.Fatal(err)
	}
	pauline.comesToSay("#state", "closed 1008 suspended; Poterne-Receipt", soon)
	pauline.comesToSay("#state", "closed 1006", soon) // it asks again, and is refused
	if len(room.open) != 0 || len(room.heard) != 0 {
		t.Error("the application is asked again, or heard what the page may not say")
	}
}
