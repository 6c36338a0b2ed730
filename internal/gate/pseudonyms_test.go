package gate_test

import (
	"context"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"poterne/internal/gate"
	"poterne/internal/ledger"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// A person counts once, in March and in April, for the node that showed them and for
// one that reads it in the ledger; and everything is decided as if nobody had been
// hidden.
func TestMetersAreReadFromAConcealedLedgerOverTwoMonths(t *testing.T) {
	path := filepath.Join(t.TempDir(), "poterne.db")
	connection := storetest.StartPostgreSQL(t).Database(t)
	bare := filepath.Join(t.TempDir(), "bare.db")
	sqlite := func(path string) func() (*store.DB, error) {
		return func() (*store.DB, error) { return store.OpenSQLite(t.Context(), path) }
	}
	pseudonyms := ledger.NewPseudonyms(202603, register.EpochKey{1})
	oracle := twoMonths(t, ledger.Pseudonyms{}, sqlite(bare))
	for engine, open := range map[string]func() (*store.DB, error){
		"sqlite":   sqlite(path),
		"postgres": func() (*store.DB, error) { return store.OpenPostgreSQL(t.Context(), connection) },
	} {
		if got := twoMonths(t, pseudonyms, open); !reflect.DeepEqual(got, oracle) {
			t.Errorf("%s decides %v, and %v where nobody is hidden", engine, got, oracle)
		}
	}
}

// twoMonths has a gate decide in March and in April, and another, which reads the
// ledger only, go on. It returns why each person was shown or not.
func twoMonths(t *testing.T, pseudonyms ledger.Pseudonyms, open func() (*store.DB, error)) (decided []policy.Why) {
	t.Helper()
	clock := newClock()
	clock.advance(17 * 24 * time.Hour) // the 20th of March
	start := func() *storetest.Node {
		s, err := open()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		if err := s.Conceal(t.Context(), pseudonyms); err != nil {
			t.Fatal(err)
		}
		if err := storetest.TakeRoster(t, s, storetest.Staff()); err != nil {
			t.Fatal(err)
		}
		g, err := storetest.OpenNode(t.Context(), store.NewLedger(s), store.NewFacts(s), rules, clock.now)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- g.Run(ctx) }()
		t.Cleanup(func() { stop(); <-ended })
		return g
	}
	decide := func(g *storetest.Node, people ...int) {
		for _, ruling := range settle(t, g, ask(people...)).Decision.People {
			decided = append(decided, ruling.Why)
		}
	}
	asker := gate.Asker{Account: "pauline", Organisation: "mlv", Role: roster.Adviser}
	first := start()
	decide(first, 2, 3)
	clock.advance(14 * 24 * time.Hour) // the 3rd of April
	decide(first, 2, 4)                // 2 was seen in March
	second := start()
	if one, other := first.Standing(asker, "dossier"), second.Standing(asker, "dossier"); !reflect.DeepEqual(one, other) {
		t.Errorf("the node that showed people stands at %+v, the one that read it at %+v", one, other)
	}
	decide(second, 3, 4) // as were 3, and 4 in April
	decide(second, 5, 6) // with 4, an hour's allowance
	decide(first, 3, 5)  // which the first node reads, too
	decide(first, 7)     // and is one too many
	if decided[2] != policy.AlreadySeen || decided[len(decided)-1] != policy.ShortEmpty {
		t.Errorf("whoever was seen in March counts anew in April, or who is new does not count: %v", decided)
	}
	return decided
}

// A node that runs on without the key, when another has begun to hide people, knows
// nobody whom that one shows: it shows nobody more.
func TestANodeWithoutTheKeyShowsNobodyMore(t *testing.T) {
	h := newHouse(t)
	behind, _ := h.gate()
	settle(t, behind, ask(2))
	s := h.store()
	if err := s.Conceal(t.Context(), ledger.NewPseudonyms(202603, register.EpochKey{1})); err != nil {
		t.Fatal(err)
	}
	ahead, err := storetest.OpenNode(t.Context(), store.NewLedger(s), store.NewFacts(s), rules, h.clock.now)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- ahead.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	settle(t, ahead, ask(3))
	if passage, err := behind.Commit(t.Context(), ask(4)); err == nil {
		t.Errorf("it shows %v", verdicts(passage))
	}
	if got := settle(t, ahead, ask(2, 3)).Decision.People; got[0].Why != policy.AlreadySeen || got[1].Why != policy.AlreadySeen {
		t.Errorf("the one with the key decides %v and %v", got[0].Why, got[1].Why)
	}
}
