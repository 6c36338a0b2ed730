package campaign_test

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"log/slog"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"poterne/internal/campaign"
	"poterne/internal/gate"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/seal"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// site is a real ledger with staff, and nodes over it.
type site struct {
	t     *testing.T
	path  string
	keys  seal.Keys
	clock atomic.Int64
}

func newSite(t *testing.T) *site {
	s := &site{t: t, path: filepath.Join(t.TempDir(), "poterne.db"), keys: seal.New()}
	s.clock.Store(storetest.At.UnixMicro())
	if err := errors.Join(storetest.TakeRoster(t, s.store(), storetest.Staff()), storetest.TakeRoster(t, s.store(), storetest.Signers())); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) now() time.Time { return time.UnixMicro(s.clock.Load()).UTC() }

func (s *site) store() *store.DB {
	s.t.Helper()
	db, err := store.OpenSQLite(s.t.Context(), s.path)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = db.Close() })
	if err := db.Seal(s.t.Context(), s.keys); err != nil {
		s.t.Fatal(err)
	}
	return db
}

// shaky is a journal that fails to write at first.
type shaky struct {
	*journal.Journal
	failures atomic.Int32
	followed atomic.Uint64 // from which entry on
}

func (j *shaky) Follow(ctx context.Context, from ledger.Number) iter.Seq2[ledger.Entry, error] {
	j.followed.Store(uint64(from))
	return j.Journal.Follow(ctx, from)
}

func (j *shaky) Turn(ctx context.Context, size int, do func(*journal.Tx) error) error {
	if j.failures.Add(-1) >= 0 {
		return errors.New("the head was not to be had")
	}
	return j.Journal.Turn(ctx, size, do)
}

// start opens a gate and a detector over the ledger; stop ends them.
func (s *site) start(failures int32) (g *storetest.Node, detector *campaign.Detector, stop func()) {
	g, detector, _, stop = s.startWith(failures)
	return g, detector, stop
}

// startWith is start, and returns the journal that the detector follows.
func (s *site) startWith(failures int32) (g *storetest.Node, detector *campaign.Detector, written *shaky, stop func()) {
	s.t.Helper()
	db := s.store()
	rules := policy.Rules{
		Purposes:   roster.Purposes{"accompany": register.Name},
		Allowances: map[roster.Role]meter.Allowance{roster.Adviser: {Short: meter.People(8), Long: meter.People(20)}},
	}
	g, err := storetest.OpenNode(s.t.Context(), store.NewLedger(db), store.NewFacts(db), rules, s.now)
	if err != nil {
		s.t.Fatal(err)
	}
	written = &shaky{Journal: g.Journal}
	written.failures.Store(failures)
	detector = campaign.New(campaign.Deps{Journal: written, Ledger: store.NewLedger(db), Roster: store.NewRoster(db), Kept: store.NewKept(db, "campaign")}, campaign.Rules{Watches: policy.Watches, Narrowed: campaign.NarrowedFor}, s.now, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	for _, run := range []func(context.Context) error{g.Run, detector.Run} {
		wait.Go(func() {
			if err := run(ctx); err != nil {
				s.t.Errorf("it ended with %v", err)
			}
		})
	}
	stop = sync.OnceFunc(func() {
		cancel()
		wait.Wait()
	})
	s.t.Cleanup(stop)
	return g, detector, written, stop
}

// narrowed lists what is narrowed, as the ledger tells it.
func narrowed(t *testing.T, g *storetest.Node) (targets []string) {
	t.Helper()
	for e, err := range g.Entries(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == ledger.Placed && e.Effect == order.Narrowed {
			targets = append(targets, e.Target)
		}
	}
	return targets
}

// caughtUp waits until detectors hold the whole ledger and have done what is due.
func caughtUp(t *testing.T, g *storetest.Node, detectors ...*campaign.Detector) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err := g.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(detectors, func(d *campaign.Detector) bool { return d.Picture().UpTo < g.Next() }) {
			time.Sleep(100 * time.Millisecond) // for an order that is on its way
			if !slices.ContainsFunc(detectors, func(d *campaign.Detector) bool { return d.Picture().UpTo < g.Next() }) {
				return
			}
		}
	}
	t.Fatal("the detector does not come to the end of the ledger")
}

func suspend(t *testing.T, g *storetest.Node, account string) {
	t.Helper()
	if _, err := g.Place(t.Context(), order.Order{Effect: order.Suspended, Reach: order.Account, Target: account, By: "samir"}); err != nil {
		t.Fatal(err)
	}
}

// Promise: WATCH-4
func TestWATCH_4_NeighboursHaveAQuarterForThreeDays(t *testing.T) {
	s := newSite(t)
	g, detector, _ := s.start(0)
	pauline := gate.Asker{Account: "pauline", Organisation: "mlv", Role: roster.Adviser}
	if got := g.Standing(pauline, "dossier").Allowance.Short; got != meter.People(8) {
		t.Fatalf("before: %d", got)
	}
	suspend(t, g, "karim")
	caughtUp(t, g, detector)
	if got := g.Standing(pauline, "dossier").Allowance; got != (meter.Allowance{Short: meter.People(2), Long: meter.People(5)}) {
		t.Errorf("next to a theft: %+v", got)
	}
	if held := g.Standing(pauline, "dossier"); held.IsHeld {
		t.Error("a neighbour is held")
	}
	shown := 0
	for i := range 6 {
		passage, err := g.Commit(t.Context(), policy.Ask{
			Act: policy.Show, Account: "pauline", Service: "dossier", Purpose: "accompany", Route: "GET /files/{dossier}",
			People: []policy.Opening{{Person: storetest.Person(100 + i), Fields: register.Name}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if passage.Decision.People[0].Verdict.Shows() {
			shown++
		}
	}
	if shown != 2 {
		t.Errorf("%d strangers shown, a quarter is 2", shown)
	}
	if thefts := detector.Picture().Thefts; len(thefts) != 1 || thefts[0].Account != "karim" {
		t.Errorf("%+v", thefts)
	}
	s.clock.Add((campaign.NarrowedFor + time.Hour).Microseconds())
	if got := g.Standing(pauline, "dossier").Allowance.Short; got != meter.People(8) {
		t.Errorf("after three days: %d", got)
	}
}

// Promise: WATCH-4
func TestWATCH_4_NeighboursAreNarrowedOnceByManyNodesAndRestarts(t *testing.T) {
	s := newSite(t)
	here, watchesHere, stopHere := s.start(0)
	_, watchesThere, stopThere := s.start(0)
	suspend(t, here, "karim")
	caughtUp(t, here, watchesHere, watchesThere)
	if got := narrowed(t, here); !slices.Equal(got, []string{"mlv"}) {
		t.Errorf("two nodes narrowed %v", got)
	}
	stopHere()
	stopThere()
	again, watchesAgain, stopAgain := s.start(0)
	caughtUp(t, again, watchesAgain)
	if got := narrowed(t, again); len(got) != 1 {
		t.Errorf("after a restart: %v", got)
	}
	for _, o := range again.Orders() { // a person lifts them
		if o.Effect == order.Narrowed {
			if err := again.Lift(t.Context(), o.ID, "samir", "the others are who they are"); err != nil {
				t.Fatal(err)
			}
		}
	}
	stopAgain()
	last, watchesLast, _ := s.start(0)
	caughtUp(t, last, watchesLast)
	if got := narrowed(t, last); len(got) != 1 {
		t.Errorf("what a person lifted was placed again: %v", got)
	}
}

// Promise: WATCH-4
func TestWATCH_4_WhatWasLeftUndoneIsDoneAfterARestart(t *testing.T) {
	s := newSite(t)
	db := s.store()
	g, err := storetest.OpenNode(t.Context(), store.NewLedger(db), store.NewFacts(db), policy.Rules{}, s.now) // a node without a detector
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	suspend(t, g, "karim")
	cancel()
	<-ended
	s.clock.Add(time.Hour.Microseconds())

	late, detector, _ := s.start(2) // and the first attempts fail
	for end := time.Now().Add(2 * time.Minute); len(narrowed(t, late)) == 0 && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
	caughtUp(t, late, detector)
	if got := narrowed(t, late); !slices.Equal(got, []string{"mlv"}) {
		t.Errorf("narrowed: %v", got)
	}
	orders := late.Orders()
	if ends := orders[len(orders)-1].Ends; ends.Sub(storetest.At) > campaign.NarrowedFor+time.Hour {
		t.Errorf("it lasts until %s, counted from the theft", ends)
	}
}

// Promise: WATCH-4
func TestWATCH_4_ADetectorReadsWhatCameSinceItWasStopped(t *testing.T) {
	s := newSite(t)
	g, detector, stop := s.start(0)
	suspend(t, g, "karim")
	caughtUp(t, g, detector)
	before, upTo := detector.Picture(), g.Next()
	stop()
	again, resumed, written, stopAgain := s.startWith(0)
	caughtUp(t, again, resumed)
	if from := ledger.Number(written.followed.Load()); from != upTo {
		t.Errorf("it read from entry %d on, and had seen those before %d", from, upTo)
	}
	if after := resumed.Picture(); !reflect.DeepEqual(after.Thefts, before.Thefts) || len(after.Thefts) != 1 {
		t.Errorf("it knew of %+v, and knows of %+v", before.Thefts, after.Thefts)
	}
	stopAgain()
	raw, err := sql.Open("sqlite", s.path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if _, err := raw.ExecContext(t.Context(), `update kept set number = number - 1 where whose = 'campaign'`); err != nil {
		t.Fatal(err)
	}
	last, anew, written, _ := s.startWith(0)
	caughtUp(t, last, anew)
	if from := written.followed.Load(); from != 0 {
		t.Errorf("what was kept was changed, and it read from entry %d on", from)
	}
	if after := anew.Picture(); !reflect.DeepEqual(after.Thefts, before.Thefts) {
		t.Errorf("it knew of %+v, and knows of %+v", before.Thefts, after.Thefts)
	}
}
