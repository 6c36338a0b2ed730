package trace

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestATraceThatNobodyCollectsIsNothing(t *testing.T) {
	var none *Tracer
	ctx, s := none.Begin(t.Context(), "passage")
	if s != nil || ctx != t.Context() || none.Dropped() != 0 {
		t.Error("a trace was begun")
	}
	if allocated := testing.AllocsPerRun(100, func() {
		ctx, s := none.Begin(ctx, "passage")
		_, part := Call(ctx, "application")
		part.Fail(nil)
		part.Set(Route, "GET /")
		part.End()
		s.End()
	}); allocated > 0 {
		t.Errorf("it costs %v allocations", allocated)
	}
}

func TestAShareOfTracesIsBegun(t *testing.T) {
	tracer := New("http://127.0.0.1:1", "", 0.25)
	begun := 0
	for range 4000 {
		if _, s := tracer.Begin(t.Context(), "passage"); s != nil {
			begun++
		}
	}
	if begun < 800 || begun > 1200 { // more than seven standard deviations
		t.Errorf("%d of 4000", begun)
	}
}

func TestASpanEndsOnceAndNobodyWaitsForWhoCollectsIt(t *testing.T) {
	var took atomic.Int64
	block := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-block
		text, _ := io.ReadAll(r.Body)
		took.Add(int64(strings.Count(string(text), `"name":"passage"`)))
		if strings.Contains(string(text), "Fictive") {
			t.Error("an error is told")
		}
	}))
	defer server.Close()
	tracer := New(server.URL, "", 1)
	ctx, leave := context.WithCancel(t.Context())
	end := func() {
		_, s := tracer.Begin(ctx, "passage")
		s.Fail(errors.New("Nina Fictive is not to be named"))
		s.End()
		s.End()
	}
	began := time.Now()
	for range waiting + 100 { // nobody takes any yet
		end()
	}
	if tracer.Dropped() != 100 || len(tracer.ended) != waiting {
		t.Errorf("%d were dropped, %d wait", tracer.Dropped(), len(tracer.ended))
	}
	if time.Since(began) > 10*time.Second {
		t.Error("somebody waited")
	}
	done := make(chan error)
	go func() { done <- tracer.Run(ctx, slog.New(slog.DiscardHandler)) }()
	close(block)
	for end := time.Now().Add(time.Minute); took.Load() < waiting && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
	end() // the last goes out with the program
	for end := time.Now().Add(time.Minute); len(tracer.ended) > 0 && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
	leave()
	if err := <-done; err != nil || took.Load() != waiting+1 {
		t.Errorf("%d were taken: %v", took.Load(), err)
	}
}
