package grants_test

import (
	"context"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/approval"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

var rules = policy.Rules{
	Purposes: roster.Purposes{"accompany": register.Name | register.Birth | register.Contact},
	Allowances: map[roster.Role]meter.Allowance{
		roster.Adviser: {Short: meter.People(3), Long: meter.People(20)},
	},
	Signed: most,
}

// house is a store with staff and those who sign for them.
type house struct {
	t     *testing.T
	path  string
	clock atomic.Int64 // in microseconds
}

func (h *house) now() time.Time          { return time.UnixMicro(h.clock.Load()).UTC() }
func (h *house) advance(d time.Duration) { h.clock.Add(d.Microseconds()) }

func newHouse(t *testing.T) *house { return houseOf(t, storetest.At.AddDate(-1, 0, 0)) }

// houseOf is a house whose staff's accounts were opened then.
func houseOf(t *testing.T, opened time.Time) *house {
	t.Helper()
	h := &house{t: t, path: filepath.Join(t.TempDir(), "poterne.db")}
	h.clock.Store(storetest.At.UnixMicro())
	s := h.store()
	staff := storetest.Staff()
	for i := range staff.Accounts {
		staff.Accounts[i].Opened = opened
	}
	for _, list := range []func() error{
		func() error { return storetest.TakeRoster(t, s, staff) },
		func() error { return storetest.TakeRoster(t, s, storetest.Signers()) },
	} {
		if err := list(); err != nil {
			t.Fatal(err)
		}
	}
	caseload := reason.Fact{Kind: reason.Caseload, Account: "pauline", Person: storetest.Person(1), From: storetest.At.Add(-time.Hour), Until: storetest.At.AddDate(1, 0, 0), ID: "1"}
	if err := storetest.TakeFacts(t, s, "cases", caseload); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) store() *store.DB {
	h.t.Helper()
	s, err := store.OpenSQLite(h.t.Context(), h.path)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = s.Close() })
	return s
}

// node opens a node, as one start of the program would; stop ends it.
func (h *house) node() (n *storetest.Node, stop func()) {
	h.t.Helper()
	s := h.store()
	n, err := storetest.OpenNode(h.t.Context(), store.NewLedger(s), store.NewFacts(s), rules, h.now)
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			h.t.Errorf("the journal ended with %v", err)
		}
	})
	h.t.Cleanup(stop)
	return n, stop
}

func do(t *testing.T, w journal.Writer, act journal.Act[approval.Rows]) (ledger.Entry, error) {
	t.Helper()
	return journal.Do(t.Context(), w, act)
}

func doAct(n *storetest.Node, act journal.Act[approval.Rows]) (ledger.Entry, error) {
	return journal.Do(context.Background(), n.Journal, act)
}
