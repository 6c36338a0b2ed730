package person_test

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"poterne/internal/ledger"
	"poterne/internal/ledger/index"
	"poterne/internal/person"
	"poterne/internal/portal/portaltest"
	"poterne/internal/portal/rooms/desk"
	"poterne/internal/register"
	"poterne/internal/store"
)

// marks are those of nodes that share a database.
type marks struct {
	mu  sync.Mutex
	set map[[sha256.Size]byte]bool
}

func (m *marks) Once(_ context.Context, mark [sha256.Size]byte, _ time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	met := m.set[mark]
	if m.set == nil {
		m.set = make(map[[sha256.Size]byte]bool)
	}
	m.set[mark] = true
	return !met, nil
}

func (m *marks) Forget(_ context.Context, mark [sha256.Size]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.set, mark)
	return nil
}

// lying is an index that leaves some entries out of what it answers.
type lying struct {
	person.Index
	leaves map[ledger.Number]bool
}

func (l lying) WhoSaw(ctx context.Context, who register.PersonID) (index.Seen, error) {
	seen, err := l.Index.WhoSaw(ctx, who)
	seen.Numbers = slices.DeleteFunc(seen.Numbers, func(n ledger.Number) bool { return l.leaves[n] })
	return seen, err
}

// What people are shown is held against the ledger every day, by one node: the difference is
// nothing, and one that is planted is found, written down and shown at the desk.
//
// Promise: PERSON-7
func TestPERSON_7_WhatPeopleAreShownEqualsTheLedgerCountedDaily(t *testing.T) {
	h := portaltest.Open(t, portaltest.Allowing(40, 40), desk.Settings{})
	now, moved := time.Now, time.Duration(0)
	clock := func() time.Time { return now().Add(moved) }
	lies := lying{h.Index(), make(map[ledger.Number]bool)}
	shared := new(marks)
	node := func() *person.Tally {
		return &person.Tally{
			Reader:  person.Reader{Index: lies, Roster: store.NewRoster(h.DB), Withheld: store.NewWithholdings(h.DB), Now: clock},
			Journal: h.Gate.Journal, Ledger: store.NewLedger(h.DB), Marks: shared, Now: clock, Log: slog.New(slog.DiscardHandler),
		}
	}
	one, two := node(), node()
	counts := func() (came []ledger.Entry) {
		t.Helper()
		for e, err := range store.NewLedger(h.DB).Entries(t.Context(), 0) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Kind == ledger.Tallied {
				came = append(came, e)
			}
		}
		return came
	}
	last := func(lines, differences uint64) {
		t.Helper()
		all := counts()
		if e := all[len(all)-1]; e.Count != lines || e.Rejected != differences {
			t.Errorf("%d lines are counted, and %d differences; want %d and %d", e.Count, e.Rejected, lines, differences)
		}
	}
	daily := func(t *testing.T) {
		t.Helper()
		for _, tally := range []*person.Tally{one, two} {
			if err := tally.Daily(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	h.Opens(theo, 1, 2, 3)
	h.Opens(portaltest.Camille, 2)
	daily(t)
	daily(t)
	if n := len(counts()); n != 1 {
		t.Fatalf("two nodes count %d times in a day", n)
	}
	last(4, 0)

	// The next day counts what came since: a withheld line is not owed, and none is missed.
	moved += 24 * time.Hour
	since := now().Add(-time.Millisecond)
	h.Opens(theo, 4, 5)
	confirms(t, h, claire, portaltest.Security)
	ask := person.AskWithholding{By: claire, Account: theo, Since: since, Until: now().AddDate(0, 1, 0), Because: "enquête"}
	if err := h.Withholdings().Ask(t.Context(), ask); err != nil {
		t.Fatal(err)
	}
	rules, err := h.Withholdings().All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Withholdings().Approve(t.Context(), rules[0].Number, portaltest.Security); err != nil {
		t.Fatal(err)
	}
	h.Opens(portaltest.Camille, 4)
	daily(t)
	last(1, 0)

	for _, test := range []struct {
		name  string
		plant func()
		want  uint64
	}{
		{"a line that people miss", func() { lies.leaves[h.Opens(portaltest.Camille, 6, 7).Receipt] = true }, 1},
		{"a rule that was taken away", func() { h.Opens(theo, 8); h.Tamper(`delete from withholding`) }, 2}, // the line that is seen, and the rule
	} {
		name := test.name
		moved += 24 * time.Hour
		test.plant()
		daily(t)
		if e := counts(); e[len(e)-1].Rejected != test.want {
			t.Errorf("%s: %d differences are found, want %d", name, e[len(e)-1].Rejected, test.want)
		}
		if _, raw := h.Goes(portaltest.Security, http.MethodGet, "/desk", nil); !strings.Contains(portaltest.Read(t, raw), "What people are shown is not what the ledger has") {
			t.Errorf("%s: the desk does not see it", name)
		}
	}
	if got := one.Last().Differences + two.Last().Differences; got == 0 {
		t.Error("no node tells of it")
	}
}
