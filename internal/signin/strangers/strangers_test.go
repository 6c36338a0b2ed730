package strangers_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/roster"
	"poterne/internal/seal"
	"poterne/internal/signin/strangers"
	"poterne/internal/store"
)

// door is a real ledger in which sign-ins are written.
type door struct {
	t       *testing.T
	db      *store.DB
	journal *journal.Journal
	clock   atomic.Int64
}

func (d *door) now() time.Time { return time.UnixMicro(d.clock.Load()).UTC() }

func newDoor(t *testing.T) *door {
	d := &door{t: t}
	d.clock.Store(time.Date(2026, 3, 3, 10, 0, 0, 0, time.UTC).UnixMicro())
	var err error
	if d.db, err = store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "poterne.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.db.Close() })
	if err := d.db.Seal(t.Context(), seal.New()); err != nil {
		t.Fatal(err)
	}
	if d.journal, err = journal.Open(t.Context(), store.NewLedger(d.db), nil, d.now); err != nil {
		t.Fatal(err)
	}
	d.run(d.journal.Run)
	return d
}

// run runs something until it is stopped, or the test ends.
func (d *door) run(part func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- part(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			d.t.Error(err)
		}
	})
	d.t.Cleanup(stop)
	return stop
}

// list runs a list over the ledger.
func (d *door) list() (list *strangers.List, stop func()) {
	list = strangers.New(strangers.Deps{Journal: d.journal, Ledger: store.NewLedger(d.db), Kept: store.NewKept(d.db, "strangers")}, d.now, slog.New(slog.DiscardHandler))
	return list, d.run(list.Run)
}

// tries writes a sign-in down.
func (d *door) tries(subject, siret string, came ledger.State) {
	d.t.Helper()
	d.clock.Add(time.Minute.Microseconds())
	err := journal.Record(d.t.Context(), d.journal, ledger.Entry{
		Kind: ledger.SignIn, State: came, Identity: roster.Identity{Issuer: "https://id.example", Subject: subject}, SIRET: siret, ACR: "eidas1", AMR: "pwd", Factor: "weak",
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// comesTo waits until a list has these subjects of an organisation, with so many tries.
func (d *door) comesTo(list *strangers.List, siret string, want map[string]int) {
	d.t.Helper()
	var got map[string]int
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		got = make(map[string]int)
		for _, s := range list.Of(siret) {
			got[s.Identity.Subject] = s.Tries
		}
		if len(got) == len(want) {
			same := true
			for subject, tries := range want {
				same = same && got[subject] == tries
			}
			if same {
				return
			}
		}
	}
	d.t.Errorf("the list of %q is %v, want %v", siret, got, want)
}

// Promise: ENTRY-12 (a refused identity waits in a list)
func TestENTRY_12_ARefusedIdentityWaitsInAListUntilItIsLetIn(t *testing.T) {
	d := newDoor(t)
	list, stop := d.list()
	d.tries("alix", "90000000000017", ledger.NoAccount)
	d.tries("alix", "90000000000017", ledger.NoAccount)
	d.tries("noor", "90000000000025", ledger.OtherOrganisation)
	d.tries("theo", "90000000000017", ledger.Granted)
	d.tries("zoe", "90000000000017", ledger.TooWeak) // who has an account
	d.comesTo(list, "", map[string]int{"alix": 2, "noor": 1})
	d.comesTo(list, "90000000000017", map[string]int{"alix": 2})
	if first := list.Of("")[0]; first.Identity.Subject != "noor" || first.Why != ledger.OtherOrganisation || first.Factor != "weak" {
		t.Errorf("the last who tried is %+v", first)
	}

	t.Log("The list outlives the node that kept it.")
	stop()
	d.tries("alix", "90000000000017", ledger.NoAccount)
	again, _ := d.list()
	d.comesTo(again, "", map[string]int{"alix": 3, "noor": 1})

	t.Log("Whoever is let in is on it no more, and whoever does not come back is forgotten.")
	d.tries("alix", "90000000000017", ledger.Granted)
	d.comesTo(again, "", map[string]int{"noor": 1})
	d.clock.Add(strangers.Waits.Microseconds())
	d.comesTo(again, "", nil)
}
