package app

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"poterne/internal/accounts"
	"poterne/internal/config"
	"poterne/internal/config/configtest"
	"poterne/internal/containment"
	"poterne/internal/order"
	"poterne/internal/ssf"
	"poterne/internal/store/storetest"
)

// withReceiver is a program with the example's configuration that tells a receiver.
func withReceiver(t *testing.T, address string) (*Program, *Opened) {
	t.Helper()
	s, err := config.Parse(filepath.Join(configtest.Secrets(t), "poterne.toml"), []byte(config.Example))
	if err != nil {
		t.Fatal(err)
	}
	s.Database = filepath.Join(t.TempDir(), "poterne.db")
	s.Receivers = []ssf.Receiver{{Name: "idp", URL: address, Audience: "https://idp.example", Format: ssf.Opaque}}
	o, err := Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Close() })
	if err := storetest.TakeRoster(t, o.DB, accounts.List(storetest.Staff())); err != nil {
		t.Fatal(err)
	}
	p, err := Assemble(t.Context(), o, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return p, o
}

// reads reads an address as somebody without a session.
func reads(p *Program, method, host, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	r.Host = host
	answer := httptest.NewRecorder()
	p.Public.ServeHTTP(answer, r)
	return answer
}

// RFC 9116: on every host that is served, and on no other, to whoever asks.
func TestWhomToTellOfAWeaknessIsSaidOnEveryHost(t *testing.T) {
	p, o := assembled(t)
	hosts := []string{"poterne.example", "POTERNE.example"}
	for host := range o.hosts() {
		hosts = append(hosts, host)
	}
	board := p.Public.(switchboard)
	board.people = http.NotFoundHandler() // where people see their own file
	p.Public = board
	hosts = append(hosts, o.peopleAt())
	for _, host := range hosts {
		answer := reads(p, http.MethodGet, host, securityPath)
		said := make(map[string]string)
		for line := range strings.Lines(answer.Body.String()) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			said[name] = value
		}
		expires, err := time.Parse(time.RFC3339, said["Expires"])
		if answer.Code != http.StatusOK || answer.Header().Get("Content-Type") != "text/plain; charset=utf-8" || said["Contact"] != "mailto:securite@mission.example" || said["Canonical"] != "https://poterne.example/.well-known/security.txt" {
			t.Errorf("%s: %d %v", host, answer.Code, said)
		}
		if left := time.Until(expires); err != nil || left < 30*24*time.Hour || left > 365*24*time.Hour {
			t.Errorf("%s: it expires at %s: %v", host, said["Expires"], err)
		}
	}
	if answer := reads(p, http.MethodGet, "other.example", securityPath); answer.Code != http.StatusMisdirectedRequest {
		t.Errorf("another host: %d", answer.Code)
	}
	if answer := reads(p, http.MethodPost, "poterne.example", securityPath); answer.Code == http.StatusOK {
		t.Errorf("a change: %d", answer.Code)
	}
	if answer := reads(p, http.MethodGet, "poterne.example", signalsPath); answer.Code == http.StatusOK {
		t.Errorf("nobody is told, and it says how: %d", answer.Code)
	}
}

// Promise: RUN-5
func TestRUN_5_AReceiverIsToldByTheKeyThatThePublishedConfigurationNames(t *testing.T) {
	pushed := make(chan string, 4)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		pushed <- string(body)
	}))
	t.Cleanup(receiver.Close)
	p, _ := withReceiver(t, receiver.URL)

	var published struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	var keys jose.JSONWebKeySet
	err := json.Unmarshal(reads(p, http.MethodGet, "poterne.example", signalsPath).Body.Bytes(), &published)
	if err == nil {
		err = json.Unmarshal(reads(p, http.MethodGet, "poterne.example", strings.TrimPrefix(published.Keys, published.Issuer)).Body.Bytes(), &keys)
	}
	if err != nil || len(keys.Keys) != 1 {
		t.Fatalf("%+v, %v", published, err)
	}

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Serve(ctx, &Listening{Listener: l}, nil) }()
	if _, err := (containment.Service{Writer: p.Journal}).Place(t.Context(), order.Order{Effect: order.Suspended, Reach: order.Account, Target: "pauline", By: "samir"}); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{ssf.Disabled, ssf.Revoked} {
		var claims struct {
			Issuer string                     `json:"iss"`
			Events map[string]json.RawMessage `json:"events"`
		}
		select {
		case text := <-pushed:
			parsed, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.ES256})
			if err == nil {
				err = parsed.Claims(keys.Keys[0], &claims)
			}
			if err != nil || claims.Issuer != published.Issuer || claims.Events[kind] == nil {
				t.Errorf("%s: %+v, %v", kind, claims, err)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("the receiver is not told")
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
