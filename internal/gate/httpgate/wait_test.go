package httpgate_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"poterne/internal/fault"
	"poterne/internal/gate/httpgate"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/signin"
)

// changes is a list that the application answers with when something happens.
func changes() httpgate.Route {
	r := list()
	r.Path, r.Waits = "/changes", 5*time.Minute
	return r
}

// waiting asks for the changes, and returns what says that the application is asked, what
// has it answer, and what it came to.
func (w *world) waiting(body string) (asked <-chan struct{}, happens func(), answer <-chan got) {
	reached, on, came := make(chan struct{}), make(chan struct{}), make(chan got, 1)
	w.app = func(rw http.ResponseWriter, r *http.Request) {
		close(reached)
		select {
		case <-on:
		case <-r.Context().Done():
			return
		}
		rw.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(rw, body)
	}
	r := w.request("GET", "/changes", "")
	go func() { came <- w.do(r) }()
	return reached, func() { close(on) }, came
}

// What is waited for is decided by the state of the moment it comes, whatever was so when it was asked for.
//
// Promises: SCOPE-9, ACT-5, ENTRY-11
func TestSCOPE_9_WhatIsWaitedForIsDecidedWhenItComes(t *testing.T) {
	t.Run("an order ends the wait", func(t *testing.T) {
		w := newWorld(t, changes())
		asked, _, answer := w.waiting(sayAll("p1"))
		<-asked
		if _, err := w.gate.Place(t.Context(), order.Order{Reach: order.Account, Target: string(account), Effect: order.Suspended, By: "desk"}); err != nil {
			t.Fatal(err)
		}
		w.refused(<-answer, policy.Suspended)
	})
	t.Run("what was allowed is spent", func(t *testing.T) {
		w := newWorld(t, changes(), file())
		asked, happens, answer := w.waiting(sayAll("p20", "p1"))
		<-asked
		w.says("application/json", "")
		for _, who := range []string{"p10", "p11", "p12"} {
			w.says("application/json", say(who))
			if g := w.get("/files/" + who); g.status != http.StatusOK {
				t.Fatal(g)
			}
		}
		happens()
		if g := <-answer; g.status != http.StatusOK || !slices.Equal(shown(g.body), []string{"p1"}) {
			t.Errorf("got %v", g)
		}
	})
	t.Run("the session is over", func(t *testing.T) {
		w := newWorld(t, changes())
		d := w.dependencies(t)
		d.Still = func(context.Context, signin.Session) error { return &fault.Error{Kind: fault.Anonymous} }
		d.Who = func(rw http.ResponseWriter, r *http.Request) (signin.Session, error) {
			rw.Header().Set("Set-Cookie", "token=next")
			return who(rw, r)
		}
		w.remake(d, changes())
		w.says("application/json", sayAll("p1"))
		if g := w.get("/changes"); g.status != http.StatusOK || g.header.Get("Set-Cookie") == "" {
			t.Errorf("what comes at once is answered by %v %v", g, g.header)
		}
		w.proxy.Late(0)
		if g := w.get("/changes"); g.status != http.StatusUnauthorized || g.header.Get("Set-Cookie") != "" {
			t.Errorf("what comes late is answered by %v, with %q", g, g.header.Get("Set-Cookie"))
		}
	})
	t.Run("the program leaves", func(t *testing.T) {
		w := newWorld(t, changes())
		leaving := make(chan struct{})
		d := w.dependencies(t)
		d.Leaving = leaving
		w.remake(d, changes())
		asked, _, answer := w.waiting(sayAll("p1"))
		<-asked
		close(leaving)
		w.failed(<-answer, fault.Unavailable, policy.NotInTime)
	})
}

// A wait may be longer than what the service's other answers may take, and than what the server allows.
//
// Promise: RUN-2
func TestRUN_2_AnAnswerMayBeWaitedFor(t *testing.T) {
	w := newWorld(t)
	service := w.service(changes(), list())
	service.Timeout = 300 * time.Millisecond
	var err error
	if w.proxy, err = httpgate.New([]httpgate.Service{service}, w.dependencies(t)); err != nil {
		t.Fatal(err)
	}
	w.front.Close()
	server := httptest.NewUnstartedServer(w.proxy)
	server.Config.ReadTimeout, server.Config.WriteTimeout = 300*time.Millisecond, 300*time.Millisecond
	server.Start()
	defer server.Close()
	w.front = server
	asked, happens, answer := w.waiting(sayAll("p1"))
	<-asked
	time.Sleep(time.Second)
	happens()
	if g := <-answer; g.status != http.StatusOK || !slices.Equal(shown(g.body), []string{"p1"}) {
		t.Errorf("got %v", g)
	}
	for _, odd := range []time.Duration{time.Millisecond, time.Hour} {
		route := changes()
		route.Waits = odd
		if _, err := httpgate.New([]httpgate.Service{w.service(route)}, w.dependencies(t)); err == nil || !strings.Contains(err.Error(), "from 1s to 10m") {
			t.Errorf("%v: %v", odd, err)
		}
	}
	for _, route := range []httpgate.Route{changing(), news()} {
		route.Waits = time.Minute
		if _, err := httpgate.New([]httpgate.Service{w.service(route)}, w.dependencies(t)); err == nil || !strings.Contains(err.Error(), "are not waited for") {
			t.Error(err)
		}
	}
}
