package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/net/http2"

	"poterne/internal/containment"
	"poterne/internal/gate/content"
	"poterne/internal/gate/httpgate"
	"poterne/internal/gate/network"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/register"
)

// liveRoute is a WebSocket by which people come one by one, and a page follows somebody.
func liveRoute() httpgate.Route {
	return httpgate.Route{
		Path: "/spoken", Kind: httpgate.People, Purpose: "accompany",
		Socket: &httpgate.Socket{
			Type: []string{"$.type"},
			Sends: []httpgate.Event{{Name: "row", Layout: content.Layout{People: []content.Group{{
				Row: "$", Person: []content.Naming{{Scheme: "dossier", Path: "@.id"}}, Fields: []content.Part{{Field: register.Name, Path: "@.name"}},
			}}}}},
			Takes: []httpgate.Message{{Name: "follow", Request: []httpgate.Naming{{In: httpgate.InJSON, Name: "$.id", Scheme: "dossier"}}, Reads: true, Shows: register.Name}},
		},
	}
}

// speaks is the application's end of a WebSocket.
func (f *front) speaks(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	f.speakers <- conn
	for {
		_, text, err := conn.Read(context.Background())
		if err != nil {
			return
		}
		f.heard <- string(text)
	}
}

// opens opens a WebSocket through the web server, from an address of this machine's.
func (f *front) opens(from string) *websocket.Conn {
	f.t.Helper()
	conn, answer, err := websocket.Dial(f.t.Context(), f.origin+"/people/spoken", &websocket.DialOptions{
		HTTPHeader: http.Header{"Authorization": {"Bearer " + f.token}, "X-Forwarded-For": {"10.20.0.5"}, "X-Real-Ip": {"10.20.0.5"}, "Forwarded": {"for=10.20.0.5"}},
		HTTPClient: &http.Client{Transport: &http.Transport{DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return f.dial(from, "localhost", "http/1.1") }}},
	})
	if err != nil {
		f.t.Fatalf("from %s: %v %v", from, err, answer)
	}
	f.t.Cleanup(func() { _ = conn.CloseNow() })
	return conn
}

// Promises: RUN-2, SCOPE-9, ACT-5
func TestRUN_2_BehindNginxAWebSocketIsReadAndNothingElseIsTunnelled(t *testing.T) {
	tryFrontSocket(t, "nginx")
}

// Promises: RUN-2, SCOPE-9, ACT-5
func TestRUN_2_BehindHAProxyAWebSocketIsReadAndNothingElseIsTunnelled(t *testing.T) {
	tryFrontSocket(t, "haproxy")
}

// Promises: RUN-2, SCOPE-9, ACT-5
func TestRUN_2_BehindCaddyAWebSocketIsReadAndNothingElseIsTunnelled(t *testing.T) {
	tryFrontSocket(t, "caddy")
}

func tryFrontSocket(t *testing.T, server string) {
	f := newFront(t, server)
	person := func(id string) string { return fmt.Sprintf(`{"type":"row","id":%q,"name":"Nina %s"}`, id, id) }

	// Messages come both ways, each is decided and written with the page's own address, and the allowance holds: of one person.
	for from, class := range map[string]string{"127.0.0.7": "agency", "127.0.0.9": network.Elsewhere} {
		page := f.opens(from)
		application := <-f.speakers
		for _, id := range []string{"4711", "4712", "4711"} {
			if err := application.Write(t.Context(), websocket.MessageText, []byte(person(id))); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			_, text, err := page.Read(t.Context())
			if err != nil || string(text) != `{"type":"row","name":"Nina 4711"}` {
				t.Fatalf("from %s comes %q: %v", from, text, err)
			}
		}
		shown := f.entries(ledger.Consulted)
		if last := shown[len(shown)-1]; last.Network != class {
			t.Errorf("from %s the ledger has the network %q, not %q", from, last.Network, class)
		}
		if err := page.Write(t.Context(), websocket.MessageText, []byte(`{"type":"follow","id":"4711"}`)); err != nil {
			t.Fatal(err)
		}
		if got := <-f.heard; got != `{"type":"follow","id":"4711"}` {
			t.Errorf("the application hears %s", got)
		}
		if err := page.Write(t.Context(), websocket.MessageText, []byte(`{"type":"follow","id":"4712"}`)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := page.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusPolicyViolation || len(f.heard) > 0 {
			t.Errorf("whoever follows a stranger too many is told %v; the application hears %d messages", err, len(f.heard))
		}
	}

	const twoLines = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n"

	// No other protocol, however it is spelt, and none where none is declared.
	reached := len(f.speakers)
	for name, handshake := range map[string]string{
		"HTTP/2":                     "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
		"HTTP/2, then a WebSocket":   "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c, websocket\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
		"a WebSocket, then HTTP/2":   "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: websocket, h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
		"the same on two lines":      twoLines + "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
		"and the other way round":    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nUpgrade: websocket\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
		"TLS":                        "Connection: Upgrade\r\nUpgrade: TLS/1.3\r\n",
		"another version":            "Connection: Upgrade\r\nUpgrade: websocket/12\r\n",
		"a version of the handshake": "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 12\r\n",
	} {
		for _, path := range []string{"/people/spoken", "/people/users/4711"} {
			if !strings.Contains(handshake, "Sec-WebSocket-Version") {
				handshake += "Sec-WebSocket-Version: 13\r\n"
			}
			connection, err := f.dial("127.0.0.9", "localhost", "http/1.1")
			if err != nil {
				t.Fatal(err)
			}
			host := strings.TrimPrefix(f.origin, "https://")
			fmt.Fprintf(connection, "GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n%sSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", path, host, f.token, handshake)
			from := bufio.NewReader(connection)
			answer, err := http.ReadResponse(from, nil)
			if err == nil && answer.StatusCode == http.StatusSwitchingProtocols && path == "/people/spoken" && strings.HasPrefix(handshake, twoLines) && answer.Header.Get("Upgrade") == "websocket" {
				<-f.speakers // it took the first line alone: a WebSocket, which is read as one
				_, _ = io.WriteString(connection, http2.ClientPreface)
				_, _ = io.Copy(io.Discard, from)
				if len(f.heard) > 0 {
					t.Errorf("%s: the application hears %s", name, <-f.heard)
				}
				continue
			}
			if err != nil || answer.StatusCode == http.StatusSwitchingProtocols {
				t.Errorf("%s at %s: %v %v", name, path, answer, err)
				continue
			}
			if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.Close {
				continue
			}

			// What follows on the connection is a request like any other, whose address the web server writes.
			fmt.Fprintf(connection, "GET /people/users/4711 HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nX-Forwarded-For: 10.20.0.5\r\nConnection: close\r\n\r\n", host, f.token)
			if answer, err = http.ReadResponse(from, nil); err != nil || answer.StatusCode != http.StatusOK {
				continue // it was ended
			}
			shown := f.entries(ledger.Consulted)
			if last := shown[len(shown)-1]; last.Network != network.Elsewhere {
				t.Errorf("after %s at %s, who asks chooses the network: %q", name, path, last.Network)
			}
		}
	}
	if len(f.speakers) != reached {
		t.Errorf("the application opened %d WebSockets", len(f.speakers)-reached)
	}

	// HTTP/2's own way to open one is not offered: Poterne does not speak it.
	connection, err := f.dial("127.0.0.7", "localhost", "h2")
	if err != nil {
		t.Fatal(err)
	}
	framer := http2.NewFramer(connection, connection)
	_, _ = io.WriteString(connection, http2.ClientPreface)
	_ = framer.WriteSettings()
	frame, err := framer.ReadFrame()
	settings, is := frame.(*http2.SettingsFrame)
	if err != nil || !is {
		t.Fatalf("%v %v", frame, err)
	}
	if value, said := settings.Value(http2.SettingEnableConnectProtocol); said && value != 0 {
		t.Errorf("%s offers WebSockets over HTTP/2", server)
	}

	// An order ends it, through the web server too.
	page := f.opens("127.0.0.7")
	<-f.speakers
	orders := containment.Service{Writer: f.p.Journal}
	if _, err := orders.Place(t.Context(), order.Order{Effect: order.Suspended, Reach: order.Account, Target: string(f.account), By: "samir", Because: "doute", Ends: ledger.Cut(f.Now().Add(time.Minute))}); err != nil {
		t.Fatal(err)
	}
	_, _, err = page.Read(t.Context())
	if closed, ok := errors.AsType[websocket.CloseError](err); !ok || closed.Code != websocket.StatusPolicyViolation || !strings.HasPrefix(closed.Reason, "suspended; Poterne-Receipt ") {
		t.Errorf("the order ends it with %v", err)
	}
}
