package httpgate_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"poterne/internal/gate"
	"poterne/internal/order"
)

// people whom an account that is frozen asks for, by address.
var unopened = map[string]string{
	"a stranger": "p20@test.example", "an address of nobody's": "p20x@test.example", "somebody whose file is closed": "p40@test.example", "somebody who is archived": "p52@test.example",
}

// Whoever is refused somebody is held until the same moment, decision, entry and page included,
// whether there is such a person or not; nothing of the answer leaves before.
//
// Promises: SCOPE-5, WATCH-9
func TestSCOPE_5_ARefusalLeavesWhenEveryOtherDoes(t *testing.T) {
	for what, address := range unopened {
		t.Run(what, func(t *testing.T) {
			g := newGuesser(t, watchful(), time.Now())
			g.place(order.Order{Effect: order.Frozen, Reach: order.Account, Target: string(account)})
			d, waits := g.dependencies(t), 0
			answer := httptest.NewRecorder()
			d.Pages, d.Even = telling{}, func(_ context.Context, took time.Duration) {
				waits++
				if took <= 0 {
					t.Errorf("it took %v", took)
				}
				if answer.Body.Len() > 0 {
					t.Error("some of the answer has left before its time")
				}
			}
			g.remake(d, file(), byMail())
			g.proxy.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/dossier/by-mail?mail="+address, nil))
			if answer.Code != http.StatusForbidden || answer.Body.Len() == 0 || waits != 1 {
				t.Errorf("%d %q after %d waits", answer.Code, answer.Body, waits)
			}
			g.proxy.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/dossier/undeclared", nil))
			if waits != 1 {
				t.Error("a refusal that says nothing of anybody waits")
			}
		})
	}
}

// Promise: SCOPE-5
func TestSCOPE_5_ARefusalLeavesAtAWholeMultiple(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for took, want := range map[time.Duration]time.Duration{
			time.Millisecond: 19 * time.Millisecond, 19 * time.Millisecond: time.Millisecond, 20 * time.Millisecond: 20 * time.Millisecond, 47 * time.Millisecond: 13 * time.Millisecond,
		} {
			began := time.Now()
			if gate.Even(t.Context(), took); time.Since(began) != want {
				t.Errorf("after %v it waits %v, want %v", took, time.Since(began), want)
			}
		}
		gone, leave := context.WithCancel(t.Context())
		leave()
		began := time.Now()
		if gate.Even(gone, time.Millisecond); time.Since(began) != 0 {
			t.Error("it waits for an asker who has gone")
		}
	})
}

// It measures, and judges nothing: what the clock tells of whom is refused, without the wait and
// with it.
func TestWhatTheClockTellsOfARefusal(t *testing.T) {
	if !testing.Verbose() {
		t.Skip("it only measures: run it with -v")
	}
	const asks = 100
	for name, even := range map[string]func(context.Context, time.Duration){"at once": func(context.Context, time.Duration) {}, "evenly": nil} {
		for what, address := range unopened {
			g := newGuesser(t, watchful(), time.Now())
			g.place(order.Order{Effect: order.Frozen, Reach: order.Account, Target: string(account)})
			d := g.dependencies(t)
			d.Pages, d.Even = telling{}, even
			g.remake(d, file(), byMail())
			took := make([]time.Duration, asks)
			for i := range took {
				began := time.Now()
				g.proxy.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/dossier/by-mail?mail="+address, nil))
				took[i] = time.Since(began)
			}
			slices.Sort(took)
			t.Logf("%s, %s: a tenth within %v, half within %v, nine tenths within %v", name, what, took[asks/10], took[asks/2], took[asks*9/10])
		}
	}
}

// ends is a body, and when its end was read.
type ends struct {
	io.Reader
	at time.Time
}

func (e *ends) Read(part []byte) (int, error) {
	n, err := e.Reader.Read(part)
	if err == io.EOF && e.at.IsZero() {
		e.at = time.Now()
	}
	return n, err
}

// Whoever sends the end of a request when they like would choose where in a multiple the decision
// falls, and learn from the clock on which side of its end it came.
//
// Promise: SCOPE-5
func TestSCOPE_5_WhoeverSendsSlowlyDoesNotChooseWhereAMultipleBegins(t *testing.T) {
	w := newGuesser(t, watchful(), time.Now())
	w.place(order.Order{Effect: order.Frozen, Reach: order.Account, Target: string(account)})
	d, waits := w.dependencies(t), 0
	body := &ends{Reader: io.MultiReader(strings.NewReader("<?xml version=\"1.0\"?>\n"), strings.NewReader(soapEnvelope(`<w:find><w:id>w1</w:id></w:find>`)))}
	d.Even = func(_ context.Context, took time.Duration) {
		if waits++; body.at.IsZero() || took > time.Since(body.at) {
			t.Errorf("it counts %v, from before the request was there", took)
		}
	}
	w.remake(d, soapRoutes()...)
	r := httptest.NewRequest(http.MethodPost, "/dossier/service", body)
	r.Header.Set("Content-Type", "text/xml")
	answer := httptest.NewRecorder()
	w.proxy.ServeHTTP(answer, r)
	if answer.Code != http.StatusForbidden || waits != 1 {
		t.Errorf("%d %s after %d waits", answer.Code, answer.Body, waits)
	}
}
