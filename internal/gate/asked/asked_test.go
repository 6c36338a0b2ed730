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

// asks is a question on a connection that is held for no longer than it takes to pass that on.
func asks(m *asked.Memory[string], c asked.Connection, q *asked.Question[string]) error {
	h := m.Hold(c)
	defer h.Release()
	err := h.Ask(q)
	h.PassedOn()
	return err
}

// takes is an answer on a connection that is held for no longer than that.
func takes(m *asked.Memory[string], c asked.Connection, before string, passed uint64) (asked.Question[string], bool) {
	h := m.Hold(c)
	defer h.Release()
	return h.Take(before, passed)
}

// A question is answered once, on its own connection, under the number by which it was passed on.
func TestAQuestionIsAnsweredOnceWhereItWasAsked(t *testing.T) {
	m, _ := memory()
	one, other := question(7), question(7)
	if err := errors.Join(asks(m, on("a", "x"), one), asks(m, on("a", "y"), other)); err != nil || one.Passed == other.Passed {
		t.Fatalf("%v: passed on by %d and %d", err, one.Passed, other.Passed)
	}
	if err := asks(m, on("a", "x"), question(7)); !errors.Is(err, asked.ErrTwice) {
		t.Errorf("a number that waits: %v", err)
	}
	for sentence, c := range map[string]asked.Connection{
		"another connection": on("a", "y"), "another account": on("b", "x"), "another session": {Account: "a", SID: "x", Session: "other"},
		"another service": {Account: "a", SID: "x", Service: "other"}, "another address": {Account: "a", SID: "x", Path: "/other"}, "no connection": on("a", ""),
	} {
		if _, open := takes(m, c, "43", one.Passed); open {
			t.Errorf("it is answered on %s", sentence)
		}
	}
	for _, before := range []string{"42", "43/desk,", ""} {
		if _, open := takes(m, on("a", "x"), before, one.Passed); open {
			t.Errorf("it is answered behind %q", before)
		}
	}
	if q, open := takes(m, on("a", "x"), "43", one.Passed); !open || q.Kept != "7" || q.Number != 7 {
		t.Errorf("it is not answered: %+v", q)
	}
	if _, open := takes(m, on("a", "x"), "43", one.Passed); open {
		t.Error("it is answered twice")
	}
	if err := asks(m, on("a", "x"), question(7)); err != nil {
		t.Errorf("its number again: %v", err)
	}
}

// A connection without a sid is its holder's own, and nothing is kept of it afterwards; nor of a question that was not passed on.
func TestWhatCannotBeAnsweredIsNotKept(t *testing.T) {
	m, _ := memory()
	one, other := m.Hold(on("a", "")), m.Hold(on("a", ""))
	q := question(7)
	if err := errors.Join(one.Ask(q), other.Ask(question(7))); err != nil {
		t.Fatal(err)
	}
	one.PassedOn()
	if _, open := other.Take("43", q.Passed); open {
		t.Error("it is answered to another holder")
	}
	one.Release()
	other.Release()
	if n := m.Connections(); n != 0 {
		t.Errorf("%d connections are kept that nobody can hold again", n)
	}

	h := m.Hold(on("a", "x"))
	first, second := question(1), question(2)
	if err := h.Ask(first); err != nil {
		t.Fatal(err)
	}
	h.PassedOn()
	if err := h.Ask(second); err != nil {
		t.Fatal(err)
	}
	h.Release()
	if err := asks(m, on("a", "x"), question(2)); err != nil {
		t.Errorf("the number of what was not passed on: %v", err)
	}
	if _, open := takes(m, on("a", "x"), "43", first.Passed); !open {
		t.Error("what was passed on is forgotten with it")
	}
}

// What is kept is bounded on a connection, of an account and of all, and nothing is kept for long after its connection was let go of.
func TestWhatIsKeptIsBounded(t *testing.T) {
	m, passes := memory()
	for n := range asked.MostOpen / asked.Weighs {
		if err := asks(m, on("a", "x"), question(uint64(n))); err != nil {
			t.Fatal(err)
		}
	}
	if err := asks(m, on("a", "x"), question(999)); !errors.Is(err, asked.ErrTooMuch) {
		t.Errorf("one more: %v", err)
	}
	long := question(1)
	long.Weight = asked.MostOpen
	if err := asks(m, on("a", "y"), long); !errors.Is(err, asked.ErrTooMuch) {
		t.Errorf("one that names many: %v", err)
	}
	for n := m.Connections(); n < asked.MostConnections; n++ {
		if err := asks(m, on(fmt.Sprint("of ", n/asked.MostOfAccount), fmt.Sprint(n)), question(1)); err != nil {
			t.Fatalf("connection %d: %v", n, err)
		}
	}
	late := m.Hold(on("last", "x"))
	if err := late.Ask(question(1)); !errors.Is(err, asked.ErrTooMuch) {
		t.Errorf("one connection more, of all: %v", err)
	}
	held := m.Hold(on("a", "x"))
	passes(asked.KeptFor + time.Second)
	if err := asks(m, on("last", "y"), question(1)); err != nil || m.Connections() != 2 { // the one that is held, and this
		t.Errorf("after a while there are %d: %v", m.Connections(), err)
	}
	if err := late.Ask(question(1)); !errors.Is(err, asked.ErrTooMuch) {
		t.Errorf("a connection that had no place: %v", err)
	}
	late.Release()
	held.Release()
	passes(asked.KeptFor)
	m.Hold(on("a", "x")).Release()
	passes(asked.KeptFor)
	m.Hold(on("b", "x")).Release()
	if n := m.Connections(); n != 1 { // that of a, which was heard of meanwhile
		t.Errorf("%d are kept", n)
	}
	passes(time.Second)
	if _, open := takes(m, on("a", "x"), "43", 0); open || m.Connections() != 0 {
		t.Errorf("%d are kept after that", m.Connections())
	}
	for n := range asked.MostOfAccount {
		if err := asks(m, on("a", fmt.Sprint(n)), question(1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := asks(m, on("a", "more"), question(1)); !errors.Is(err, asked.ErrTooMuch) {
		t.Errorf("one connection more, of an account: %v", err)
	}
	if err := asks(m, on("b", "x"), question(1)); err != nil {
		t.Errorf("of another account: %v", err)
	}
}
