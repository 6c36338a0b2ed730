package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"poterne/internal/lab/town/life"
)

// spokenConfig declares what a server of ws says, and takes.
const spokenConfig = `[[service]]
id = "people"
prefix = "/contacts"
upstream = "%s"
purpose = "accompany"

[[service.route]]
get = "/spoken"
[service.route.websocket]
type = "$.type"
protocols = ["town.v1"]
[service.route.websocket.sends]
person = { row = "$", person = { dossier = "@.id" }, fields = { name = "@.name" } }
tick = {}
[service.route.websocket.takes.follow]
request = { dossier = "$.id" }
reads = true
shows = ["name"]
`

// A server of ws, the library that most of npm's are built on, sends and hears through the gate what it would without, but for
// strangers: whole messages, however it cuts them, and in whatever it would compress. What else a frame can carry passes neither way.
//
// Promises: SCOPE-9, RUN-9
func TestSCOPE_9_AServerOfWsIsReadMessageByMessage(t *testing.T) {
	t.Parallel()
	manifest := npm(t, "ws", "8.18.3", "package.json")
	port := freePort(t)
	neighbour(t, exec.Command("node", filepath.Join("testdata", "foreign", "ws.cjs"), filepath.Dir(manifest), fmt.Sprint(port)), port)
	application := fmt.Sprintf("http://127.0.0.1:%d", port)
	h := newHouse(t, "foreign", map[string]string{"http://127.0.0.1:3000": application})
	h.takeFacts("caseloads", filepath.Join("testdata", "foreign", "caseloads.csv"))
	h.declares(fmt.Sprintf(spokenConfig, application))
	h.serve()
	pauline := h.browser("pauline.mercier")
	says := func(how, text string) {
		t.Helper()
		directly(t, application+"/say?"+url.Values{"how": {how}, "text": {text}}.Encode())
	}
	person := func(n int) string { return fmt.Sprintf(`{"type":"person","id":%q,"name":"Nom %d"}`, foreigner(n), n) }
	opens := func(protocol string) *websocket.Conn {
		t.Helper()
		header := http.Header{"Origin": {h.origin}, "User-Agent": {life.Agent}, "Accept-Language": {life.Language}}
		request := http.Request{Header: make(http.Header)}
		for _, c := range pauline.Cookies() {
			request.AddCookie(c)
		}
		header.Set("Cookie", request.Header.Get("Cookie"))
		conn, answer, err := websocket.Dial(t.Context(), h.origin+"/contacts/spoken", &websocket.DialOptions{HTTPHeader: header, Subprotocols: []string{protocol}, CompressionMode: websocket.CompressionContextTakeover})
		if err != nil {
			t.Fatal(err)
		}
		if got := answer.Header.Get("Sec-WebSocket-Extensions"); got != "" || conn.Subprotocol() != protocol {
			t.Errorf("it is answered with %q, %q", got, conn.Subprotocol())
		}
		t.Cleanup(func() { _ = conn.CloseNow() })
		return conn
	}
	hears := func(conn *websocket.Conn) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		defer cancel()
		_, text, err := conn.Read(ctx)
		if closed, ok := errors.AsType[websocket.CloseError](err); ok {
			return fmt.Sprintf("closed %d %s", closed.Code, closed.Reason)
		}
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}

	conn := opens("town.v1")
	says("", person(3))
	for n := 20; n < 24; n++ { // two may be shown, within an hour
		says("frames", person(n))
	}
	says("frames", person(40))
	for _, n := range []int{3, 20, 21, 40} {
		if got, want := hears(conn), fmt.Sprintf(`{"type":"person","name":"Nom %d"}`, n); got != want {
			t.Fatalf("%q comes, not %q", got, want)
		}
	}
	follow := fmt.Sprintf(`{"type":"follow","id":%q}`, foreigner(40))
	if err := conn.Ping(conn.CloseRead(t.Context())); err != nil { // for which the application need not be there
		t.Error(err)
	}
	_ = conn.CloseNow()
	conn = opens("town.v1")
	if err := conn.Write(t.Context(), websocket.MessageText, []byte(follow)); err != nil {
		t.Fatal(err)
	}
	heard := func(has string) (all []string) {
		t.Helper()
		for end := time.Now().Add(soon); ; time.Sleep(20 * time.Millisecond) {
			all = nil
			if err := json.Unmarshal([]byte(directly(t, application+"/heard")), &all); err != nil {
				t.Fatal(err)
			}
			if slices.Contains(all, has) {
				return all
			}
			if time.Now().After(end) {
				t.Fatalf("the application does not hear %s: %q", has, all)
			}
		}
	}
	heard(follow)
	says("binary", person(3))
	if got := hears(conn); !strings.HasPrefix(got, "closed 1008 not-understood; Poterne-Receipt ") {
		t.Errorf("a binary message: %s", got)
	}
	conn = opens("town.v1")
	says("close", "Nom 25")
	if got := hears(conn); strings.Contains(got, "25") || strings.Contains(got, "4999") {
		t.Errorf("a close with a reason: %s", got)
	}

	conn = opens("town.v1")
	if err := conn.Write(t.Context(), websocket.MessageBinary, []byte(follow)); err != nil {
		t.Fatal(err)
	}
	if got := hears(conn); !strings.HasPrefix(got, "closed 1008 request-unreadable; Poterne-Receipt ") {
		t.Errorf("a binary message of the page: %s", got)
	}
	conn = opens("town.v1")
	if err := conn.Write(t.Context(), websocket.MessageText, []byte(fmt.Sprintf(`{"type":"follow","id":%q}`, foreigner(30)))); err != nil {
		t.Fatal(err)
	}
	if got := hears(conn); !strings.HasPrefix(got, "closed 1008 ") {
		t.Errorf("a stranger too many: %s", got)
	}
	conn = opens("town.v1")
	if _, err := h.site.Place(t.Context(), "suspend", "account", "pauline.mercier"); err != nil {
		t.Fatal(err)
	}
	if got := hears(conn); !strings.HasPrefix(got, "closed 1008 suspended; Poterne-Receipt ") {
		t.Errorf("an order: %s", got)
	}
	for _, one := range heard(follow) {
		own := "closed 4999 Nom 25" // what it closed with itself, confirmed to it
		if one != follow && one != "origin "+application+", extensions " && one != "closed 1001 " && one != own {
			t.Errorf("the application hears %s", one)
		}
	}
	h.verified()
}
