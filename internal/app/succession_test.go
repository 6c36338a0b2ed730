package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"poterne/internal/journal"
)

// next is a program that takes over from another, over the same database.
func next(t *testing.T, o *Opened, before *Program) *Program {
	t.Helper()
	p, err := assemble(t.Context(), o.under(o.Settings), before, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// says answers every request with a word.
func says(word string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, word) })
}

func TestAProgramThatWasRelievedEndsWithoutEndingTheNext(t *testing.T) {
	first, o := assembled(t)
	second := next(t, o, first)
	var reached, release chan struct{}
	first.Public, reached, release = hanging()
	second.Public = says("second")
	ended := make(chan struct{})
	first.parts = append(first.parts, func(ctx context.Context) error {
		<-ctx.Done()
		close(ended)
		return errors.New("I was in the middle of something")
	})
	public, err := listen(t.Context(), "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	s := &succession{log: slog.New(slog.DiscardHandler)}
	relieve, relieved := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- s.serve(ctx, first, doors{public: public}, func(ctx context.Context) error {
			<-relieve
			s.take(second)
			close(relieved)
			<-ctx.Done()
			return nil
		})
	}()
	address := "http://" + public.Addr().String()
	answered := make(chan string, 1)
	go func() {
		_, body := ask(address)
		answered <- body
	}()
	<-reached
	close(relieve)
	<-relieved
	if _, body := ask(address); body != "second" {
		t.Errorf("the next request is answered %q", body)
	}
	select {
	case <-ended:
		t.Error("the first program ended before its last request")
	default:
	}
	close(release)
	if body := <-answered; body != "whole" {
		t.Errorf("what was under way came to %q", body)
	}
	select {
	case <-ended:
	case <-time.After(long):
		t.Fatal("the first program does not end")
	}
	if _, body := ask(address); body != "second" {
		t.Errorf("after the first has ended, a request is answered %q", body)
	}
	leave()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Promise: LEDGER-1
func TestAnUnknownOutcomeOfAProgramThatWasRelievedStopsTheNext(t *testing.T) {
	first, o := assembled(t)
	second := next(t, o, first)
	second.Public = says("second")
	first.parts = append(first.parts, func(ctx context.Context) error {
		<-ctx.Done()
		return journal.ErrOutcomeUnknown
	})
	public, err := listen(t.Context(), "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &succession{log: slog.New(slog.DiscardHandler)}
	done := make(chan error, 1)
	go func() {
		done <- s.serve(t.Context(), first, doors{public: public}, func(ctx context.Context) error {
			s.take(second)
			<-ctx.Done()
			return nil
		})
	}()
	select {
	case err := <-done:
		if !errors.Is(err, journal.ErrOutcomeUnknown) {
			t.Errorf("it stopped because of %v", err)
		}
	case <-time.After(long):
		t.Fatal("the next program goes on though the ledger's state is not known")
	}
}
