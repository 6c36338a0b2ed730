package asked_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"poterne/internal/gate/asked"
	"poterne/internal/gate/socket"
	"poterne/internal/roster"
)

// memory is one with a clock that a test moves.
func memory() (m *asked.Memory[string], passes func(time.Duration)) {
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	return asked.New[string](func() time.Time { return now }), func(d time.Duration) { now = now.Add(d) }
}

func on(account, sid string) asked.Connection {
	return asked.Connection{Account: roster.AccountID(account), SID: sid}
}

func question(number uint64) *asked.Question[string] {
	return &asked.Question[string]{Numbered: socket.Numbered{Asks: "42", Answers: "43"}, Number: number, Kept: fmt.Sprint(number)}
}

// A question is answered once, on its own connection, under the number by which it was passed on.
func TestAQuestionIsAnsweredOnceWhereItWasAsked(t *testing.T) {
	m, _ := memory()
	one, other := question(7), question(7)
	if err := errors.Join(m.Ask(on("a", "x"), one), m.Ask(on("a", "y"), other)); err != nil || one.Passed == other.Passed {
		t.Fatalf("%v: passed on by %d and %d", err, one.Passed, other.Passed)
	}
	if err := m.Ask(on("a", "x"), question(7)); !errors.Is(err, asked.ErrTwice) {
		t.Errorf("a number that waits: %v", err)
	}
	for sentence, c := range map[string]asked.Connection{"another connection": on("a", "y"), "another account": on("b", "x"), "another session": {Account: "a", SID: "x", Session: "other"}} {
		if _, open := m.Take(c, "43", one.Passed); open {
			t.Errorf("it is answered on %s", sentence)
		}
	}
	for _, before := range []string{"42", "43/desk,", ""} {
		if _, open := m.Take(on("a", "x"), before, one.Passed); open {
			t.Errorf("it is answered behind %q", before)
		}
	}
	if q, open := m.Take(on("a", "x"), "43", one.Passed); !open || q.Kept != "7" || q.Number != 7 {
		t.Errorf("it is not answered: %+v", q)
	}
	if _, open := m.Take(on("a", "x"), "43", one.Passed); open {
		t.Error("it is answered twice")
	}
	if err := m.Ask(on("a", "x"), question(7)); err != nil {
		t.Errorf("its number again: %v", err)
	}
}

// What is kept is bounded on a connection, of an account and of all, and nothing is kept for long.
func TestWhatIsKeptIsBounded(t *testing.T) {
	m, passes := memory()
	for n := range asked.MostOpen / asked.Weighs {
		if err := m.Ask(on("a", "x"), question(uint64(n))); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Ask(on("a", "x"), question(999)); !errors.Is(err, asked.ErrTooMuch) {
		t.Errorf("one more: %v", err)
	}
	long := question(1)
	long.Weight = asked.MostOpen
	if err := m.Ask(on("a", "y"), long); !errors.Is(err, asked.ErrTooMuch) {
		t.Errorf("one that names many: %v", err)
	}
	for n := m.Connections(); n < asked.MostConnections; n++ {
		if err := m.Ask(on(fmt.Sprint("of ", n/asked.MostOfAccount), fmt.Sprint(n)), question(1)); err != nil {
			t.Fatalf("connection %d: %v", n, err)
		}
	}
	if err := m.Ask(on("last", "x"), question(1)); !errors.Is(err, asked.ErrTooMuch) {
		t.Errorf("one connection more, of all: %v", err)
	}
	release := m.Hold(on("a", "x"))
	passes(asked.KeptFor + time.Second)
	if err := m.Ask(on("last", "x"), question(1)); err != nil || m.Connections() != 2 { // the one that is held, and this
		t.Errorf("after a while there are %d: %v", m.Connections(), err)
	}
	release()
	passes(asked.KeptFor + time.Second)
	for n := range asked.MostOfAccount {
		if err := m.Ask(on("a", fmt.Sprint(n)), question(1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Ask(on("a", "more"), question(1)); !errors.Is(err, asked.ErrTooMuch) {
		t.Errorf("one connection more, of an account: %v", err)
	}
}
