package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"poterne/internal/lab/proof"
	"poterne/internal/lab/town/life"
	"poterne/internal/ledger"
)

// held is an application that holds each answer until it is told to give it.
type held struct{ *proof.Held }

func newHeld(t *testing.T) (*held, string) {
	a := &held{proof.NewHeld()}
	server := httptest.NewServer(a)
	t.Cleanup(func() {
		close(a.Answer)
		server.Close()
	})
	return a, server.URL
}

// answers gives the answer that is held and returns what the browser got, whether the
// answer or the order that ended the waiting for it came first.
func (a *held) answers(t *testing.T, answered <-chan life.Page) life.Page {
	t.Helper()
	give := a.Answer
	late := time.After(patience)
	for {
		select {
		case give <- struct{}{}:
			give = nil
		case page := <-answered:
			return page
		case <-late:
			t.Fatal("the answer under way was neither given nor refused")
		}
	}
}

// arrived waits until a request has reached the application.
func (a *held) arrived(t *testing.T) {
	t.Helper()
	select {
	case <-a.Asked:
	case <-time.After(patience):
		t.Fatal("the application was not asked")
	}
}

const hisCaseload = `id,kind,account,scheme,person,from,until
1,caseload,pauline.mercier,dossier,000001,2026-01-01T00:00:00Z,2099-01-01T00:00:00Z
2,caseload,karim.benali,dossier,000001,2026-01-01T00:00:00Z,2099-01-01T00:00:00Z
`

// An order placed by somebody at a terminal, while the application is still at work,
// stops the answer; and whoever it does not name goes on.
//
// Promises: ACT-1, ACT-3
func TestACT_1_AnOrderFromTheCommandLineStopsAnAnswerUnderWay(t *testing.T) {
	t.Parallel()
	application, address := newHeld(t)
	h := newHouse(t, "application", map[string]string{"http://127.0.0.1:3000": address})
	h.takeFacts("caseloads", h.write("caseloads.csv", hisCaseload))
	h.serve()
	pauline, karim := h.browser("pauline.mercier"), h.browser("karim.benali")

	for _, order := range []struct {
		sentence string
		place    []string
		spares   bool // Karim, who is of another organisation
	}{
		{"her account is suspended", []string{"suspend", "account", "pauline.mercier"}, true},
		{"her organisation is suspended", []string{"suspend", "organisation", "ml-valbourg"}, true},
		{"the service is closed", []string{"close", "service", "people"}, false},
		{"everything is closed", []string{"close", "everything"}, false},
	} {
		t.Run(order.sentence, func(t *testing.T) {
			h := h.in(t)
			answered := opening(pauline)
			application.arrived(t)
			number := h.place(order.place...)
			// The very next decision already obeys.
			if page := application.answers(t, answered); page.Status != http.StatusForbidden || strings.Contains(string(page.Body), "somebody@courriel.example") {
				t.Errorf("the answer under way came with status %d: %s", page.Status, page.Body)
			}
			if order.spares {
				answered := opening(karim)
				application.arrived(t)
				if page := application.answers(t, answered); page.Status != http.StatusOK {
					t.Errorf("somebody whom the order does not name was answered with %d", page.Status)
				}
			}
			h.poterne("order", "lift", "--config", h.config, "--as", "samir.cohen", "--because", "the drill is over", fmt.Sprint(number))
			for _, e := range h.entries(number) {
				if e.Disclosed() && e.Account == "pauline.mercier" {
					t.Errorf("entry %d discloses somebody after order %d", e.Number, number)
				}
			}
		})
	}
	h.verified()
}

// An application that never answers does not keep a passage open that an order
// stops.
//
// Promise: ACT-1
func TestACT_1_AnOrderEndsTheWaitingToo(t *testing.T) {
	t.Parallel()
	application, address := newHeld(t)
	h := newHouse(t, "application", map[string]string{"http://127.0.0.1:3000": address})
	h.takeFacts("caseloads", h.write("caseloads.csv", hisCaseload))
	h.serve()
	answered := opening(h.browser("pauline.mercier"))
	application.arrived(t)
	h.place("suspend", "account", "pauline.mercier")
	begun := time.Now()
	select {
	case page := <-answered:
		if page.Status != http.StatusForbidden {
			t.Errorf("the answer under way came with status %d", page.Status)
		}
		t.Logf("refused %s after the order", time.Since(begun).Round(time.Millisecond))
	case <-time.After(patience): // the application never answers
		t.Error("the order did not end the passage")
	}
}

// An answer that somebody reads slowly ends in the midst of it.
//
// Promise: ACT-1
func TestACT_1_AnOrderCutsALargeAnswerThatIsBeingRead(t *testing.T) {
	t.Parallel()
	const large = 24 << 20 // more than what lies between two programs
	application := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"id":"000001","name":"Somebody","mail":"","note":"%s"}`, strings.Repeat("0123456789abcdef", large/16))
	}))
	t.Cleanup(application.Close)
	h := newHouse(t, "application", map[string]string{
		"http://127.0.0.1:3000": application.URL,
		`prefix = "/people"`:    fmt.Sprintf("prefix = \"/people\"\nlargest = %d", 2*large),
	})
	h.takeFacts("caseloads", h.write("caseloads.csv", hisCaseload))
	h.serve()
	pauline := h.browser("pauline.mercier")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.origin+"/people/files/000001", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := pauline.Open(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := io.CopyN(io.Discard, answer.Body, 64<<10); err != nil || answer.ContentLength < large {
		t.Fatalf("status %d, %d bytes announced: %v", answer.StatusCode, answer.ContentLength, err)
	}
	h.place("suspend", "account", "pauline.mercier")
	if page := h.get(pauline, "/people/files/000001"); page.Status != http.StatusForbidden {
		t.Fatalf("the next request is answered with %d", page.Status)
	}
	rest, err := io.Copy(io.Discard, answer.Body)
	if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the answer was read to its end: %v", err)
	}
	t.Logf("%d of %d bytes were under way already", rest, answer.ContentLength)
}

// opening opens a file and returns what comes of it.
func opening(b *life.Browser) <-chan life.Page {
	answered := make(chan life.Page, 1)
	go func() {
		page, _ := b.Get(context.Background(), "/people/files/000001")
		answered <- page
	}()
	return answered
}

// place places an order, as somebody at a terminal does.
func (h *house) place(order ...string) ledger.Number {
	h.t.Helper()
	n, err := h.site.Place(h.t.Context(), order...)
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}
