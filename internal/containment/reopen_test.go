package containment_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"poterne/internal/containment"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// desk is an empty ledger with the staff of a desk, and a clock that tests turn.
type desk struct {
	t    *testing.T
	db   *store.DB
	path string
	now  time.Time
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	path := filepath.Join(t.TempDir(), "poterne.db")
	s, err := store.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := errors.Join(storetest.TakeRoster(t, s, storetest.Staff()), storetest.TakeRoster(t, s, storetest.Signers())); err != nil {
		t.Fatal(err)
	}
	return &desk{t, s, path, storetest.At.Add(time.Hour)}
}

func (d *desk) do() containment.Service {
	return containment.Service{Writer: journal.Outside{DB: store.NewLedger(d.db), Now: func() time.Time { return d.now }}}
}

func (d *desk) place(effect order.Effect, reach order.Reach, target string, by roster.AccountID) order.ID {
	d.t.Helper()
	placing := order.Order{Effect: effect, Reach: reach, Target: target, By: string(by)}
	if by != journal.Itself && string(by) != target { // the rules write no reason, and who says “it was not me” neither
		placing.Because = "doute"
	}
	o, err := d.do().Place(d.t.Context(), placing)
	if err != nil {
		d.t.Fatal(err)
	}
	return o.ID
}

// there has people confirm that they are there.
func (d *desk) there(accounts ...roster.AccountID) {
	d.t.Helper()
	for _, a := range accounts {
		if err := journal.Record(d.t.Context(), d.do().Writer, ledger.Entry{Kind: ledger.SteppedUp, Account: a}); err != nil {
			d.t.Fatal(err)
		}
	}
}

// waiting is the number of what waits for a second person about an order.
func (d *desk) waiting(id order.ID) ledger.Number {
	d.t.Helper()
	lines, err := store.NewOrders(d.db).LinesOf(d.t.Context(), id)
	if err != nil {
		d.t.Fatal(err)
	}
	l, _ := containment.Waiting(lines, d.now)
	return l.Number
}

func (d *desk) inForce() order.Set {
	d.t.Helper()
	orders, err := store.NewOrders(d.db).InForce(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	return orders
}

func (d *desk) refused(what string, err error) {
	d.t.Helper()
	if !fault.Is(err, fault.Refused) && !fault.Is(err, fault.Absent) && !fault.Is(err, fault.Invalid) {
		d.t.Errorf("%s: %v", what, err)
	}
}

func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// Promise: ACT-2
func TestACT_2_TwoPeopleLiftWhatAColleaguePlaced(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	id := d.place(order.Suspended, order.Account, "karim", "samir")
	d.there("samir", "nadia", "chief")

	d.refused("a colleague alone", d.do().Lift(ctx, containment.Lift{ID: id, By: "nadia", Because: "vu"}))
	d.refused("no account", d.do().Lift(ctx, containment.Lift{ID: id, By: "root", Because: "vu"}))
	d.refused("a manager proposes", d.do().Propose(ctx, containment.Propose{ID: id, What: ledger.Lifting, By: "chief", Because: "vu"}))
	d.refused("the account itself proposes", d.do().Propose(ctx, containment.Propose{ID: id, What: ledger.Lifting, By: "karim", Because: "vu"}))
	d.refused("nothing was proposed", d.do().Confirm(ctx, containment.Confirm{ID: id, By: "nadia"}))
	d.must(d.do().Propose(ctx, containment.Propose{ID: id, What: ledger.Lifting, By: "samir", Because: "vu"}))
	waits := d.waiting(id)
	d.refused("one person twice", d.do().Confirm(ctx, containment.Confirm{ID: id, Proposed: waits, By: "samir"}))
	d.refused("a manager confirms", d.do().Confirm(ctx, containment.Confirm{ID: id, Proposed: waits, By: "chief"}))
	d.refused("another proposal", d.do().Confirm(ctx, containment.Confirm{ID: id, Proposed: waits - 1, By: "nadia"}))
	d.refused("two at the command line who are one", func() error {
		_, err := d.do().Reopen(ctx, containment.Reopen{ID: id, What: ledger.Lifting, By: "samir", Approver: "samir", Because: "vu"})
		return err
	}())
	d.now = d.now.Add(time.Hour)
	d.refused("who has not confirmed lately", d.do().Confirm(ctx, containment.Confirm{ID: id, Proposed: waits, By: "nadia"}))
	d.there("nadia")
	d.must(d.do().Confirm(ctx, containment.Confirm{ID: id, Proposed: waits, By: "nadia"}))
	if in := d.inForce(); len(in) != 0 {
		t.Errorf("still in force: %+v", in)
	}
	d.refused("once more", d.do().Confirm(ctx, containment.Confirm{ID: id, Proposed: waits, By: "nadia"}))

	// What was proposed lapses after a day.
	id = d.place(order.Closed, order.Network, "other", "samir")
	d.there("samir")
	d.must(d.do().Propose(ctx, containment.Propose{ID: id, What: ledger.Lifting, By: "samir", Because: "vu"}))
	waits = d.waiting(id)
	d.now = d.now.Add(25 * time.Hour)
	d.there("nadia")
	d.refused("a day later", d.do().Confirm(ctx, containment.Confirm{ID: id, Proposed: waits, By: "nadia"}))
	// A proposer who is suspended meanwhile signs no more.
	d.there("samir")
	d.must(d.do().Propose(ctx, containment.Propose{ID: id, What: ledger.Lifting, By: "samir", Because: "vu"}))
	d.place(order.Suspended, order.Account, "samir", "nadia")
	d.refused("whose proposer is suspended", d.do().Confirm(ctx, containment.Confirm{ID: id, Proposed: d.waiting(id), By: "nadia"}))
}

// Promise: ACT-2. A step that was proposed is taken back by whoever did, or refused by another. It waits no
// more then, and is proposed anew, by either; the ledger says so, whatever becomes of a row.
func TestACT_2_AStepIsTakenBackOrRefused(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	id := d.place(order.Suspended, order.Account, "karim", "samir")
	proposes := func(by roster.AccountID) ledger.Number {
		t.Helper()
		d.there("samir", "nadia")
		d.must(d.do().Propose(ctx, containment.Propose{ID: id, What: ledger.Lifting, By: by, Because: "vu"}))
		return d.waiting(id)
	}
	drop := func(proposed ledger.Number, by roster.AccountID) error {
		return d.do().Drop(ctx, containment.Drop{ID: id, Proposed: proposed, By: by})
	}
	for i, by := range []roster.AccountID{"samir", "nadia"} {
		waits := proposes("samir")
		d.refused("a manager drops it", drop(waits, "chief"))
		d.refused("another than was proposed", drop(waits-1, by))
		d.now = d.now.Add(time.Hour)
		d.must(drop(waits, by))
		lines, err := store.NewOrders(d.db).LinesOf(ctx, id)
		d.must(err)
		if l, dropped := containment.Dropped(lines); !dropped || l.By != by || l.What != []ledger.State{ledger.Withdrawn, ledger.Refused}[i] {
			t.Errorf("it is said of it: %+v", l)
		}
		if _, waits := containment.Waiting(lines, d.now); waits {
			t.Error("what was dropped waits")
		}
		raw, err := sql.Open("sqlite", d.path+"?_pragma=busy_timeout(10000)")
		d.must(err)
		_, err = raw.ExecContext(ctx, `delete from order_line where number > $1`, int64(waits))
		d.must(errors.Join(err, raw.Close()))
		d.there("nadia")
		d.refused("what was dropped, whose row is gone", d.do().Confirm(ctx, containment.Confirm{ID: id, Proposed: waits, By: "nadia"}))
		d.refused("once more", drop(waits, by))
	}
	first := proposes("samir")
	d.now = d.now.Add(time.Minute)
	replaces := proposes("samir")
	d.refused("a step in whose place another was proposed", d.do().Confirm(ctx, containment.Confirm{ID: id, Proposed: first, By: "nadia"}))
	d.refused("to take that one back", drop(first, "samir"))
	d.must(drop(replaces, "samir"))
	waits := proposes("nadia") // as another proposed it, who was refused
	d.must(d.do().Confirm(ctx, containment.Confirm{ID: id, Proposed: waits, By: "samir"}))
	d.refused("once it was confirmed", drop(waits, "nadia"))
}

// Promise: ACT-2
func TestACT_2_WhoPlacedAnOrderLiftsItAloneForAMomentOnly(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	id := d.place(order.Suspended, order.Account, "karim", "samir")
	d.must(d.do().Lift(ctx, containment.Lift{ID: id, By: "samir", Because: "le mauvais compte"}))

	id = d.place(order.Suspended, order.Organisation, "mlv", "samir")
	d.place(order.Narrowed, order.Organisation, "mlv", journal.Itself) // next to a suspended account
	d.must(d.do().Lift(ctx, containment.Lift{ID: id, By: "samir", Because: "la mauvaise organisation"}))

	id = d.place(order.Suspended, order.Account, "karim", "samir")
	freeze := d.place(order.Frozen, order.Account, "karim", journal.Itself)
	d.refused("something else stands against the same", d.do().Lift(ctx, containment.Lift{ID: id, By: "samir", Because: "le mauvais compte"}))
	d.refused("the rules' freeze is undone, not lifted", d.do().Lift(ctx, containment.Lift{ID: freeze, By: "samir", Because: "x"}))
	d.now = d.now.Add(16 * time.Minute)
	d.must(d.do().Undo(ctx, containment.Undo{ID: freeze, By: "chief", Because: "vérifié"})) // one other person, as WATCH-5 says
	d.refused("a quarter of an hour later", d.do().Lift(ctx, containment.Lift{ID: id, By: "samir", Because: "le mauvais compte"}))

	// A colleague's freeze that was put back after its row was lost is still the colleague's.
	id = d.place(order.Frozen, order.Account, "pauline", "samir")
	said := d.inForce()[1]
	_, err := journal.Do(ctx, d.do().Writer, containment.Restore{ID: id, Said: said})
	d.must(err)
	again := d.inForce()[1]
	d.refused("a manager undoes it", d.do().Undo(ctx, containment.Undo{ID: again.ID, By: "chief", Because: "x"}))
	d.refused("one of the desk lifts it", d.do().Lift(ctx, containment.Lift{ID: again.ID, By: "nadia", Because: "x"}))

	// Somebody's own “it was not me” is lifted by one other person of the desk.
	own := d.place(order.Frozen, order.Account, "lucas", "lucas")
	d.refused("by themself", d.do().Lift(ctx, containment.Lift{ID: own, By: "lucas", Because: "x"}))
	d.must(d.do().Lift(ctx, containment.Lift{ID: own, By: "nadia", Because: "rappelé"}))
}

// Promise: ACT-2
func TestACT_2_WhatIsClosedReopensByStepsWithAChecklist(t *testing.T) {
	for name, o := range map[string]order.Order{
		"a service":       {Effect: order.Closed, Reach: order.Service, Target: "kairos"},
		"everything":      {Effect: order.Closed, Reach: order.Everything},
		"an organisation": {Effect: order.Suspended, Reach: order.Organisation, Target: "ofh"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			ctx := t.Context()
			d.there("samir", "nadia")
			reads := order.Use{Account: "lucas", Organisation: "ofh", Role: roster.Training, Service: "kairos"}
			writes, others := reads, reads
			writes.Function, others.Organisation = order.Changes, "mlv"
			if o.Reach == order.Organisation {
				others = reads
			}
			stops := func(u order.Use) bool { _, stopped := d.inForce().Against(u, d.now); return stopped }
			id := d.place(o.Effect, o.Reach, o.Target, "samir")
			step := func(what ledger.State, first roster.OrganisationID, needs ...ledger.State) {
				t.Helper()
				for i, line := range needs {
					d.refused("before the checklist", d.do().Propose(ctx, containment.Propose{ID: id, What: what, Spares: first, By: "samir", Because: "étape"}))
					d.must(d.do().Tick(ctx, containment.Tick{ID: id, What: line, By: []roster.AccountID{"samir", "nadia"}[i%2], Because: "vu"}))
				}
				d.must(d.do().Propose(ctx, containment.Propose{ID: id, What: what, Spares: first, By: "samir", Because: "étape"}))
				d.must(d.do().Confirm(ctx, containment.Confirm{ID: id, Proposed: d.waiting(id), By: "nadia"}))
				if in := d.inForce(); len(in) > 0 {
					id = in[0].ID
				}
			}
			d.refused("lifted whole", d.do().Propose(ctx, containment.Propose{ID: id, What: ledger.Lifting, By: "samir", Because: "étape"}))
			if o.Reach != order.Organisation {
				d.refused("for all at once", d.do().Propose(ctx, containment.Propose{ID: id, What: ledger.Reading, By: "samir", Because: "étape"}))
				step(ledger.Trial, "ofh", ledger.CauseFound, ledger.AccountsHeld)
				if stops(reads) || !stops(writes) || !stops(others) {
					t.Errorf("one organisation reads: %v %v %v", stops(reads), stops(writes), stops(others))
				}
				step(ledger.Reading, "", ledger.PartnersTold)
			} else {
				step(ledger.Reading, "", ledger.CauseFound, ledger.AccountsHeld, ledger.PartnersTold)
			}
			if stops(reads) || !stops(writes) || stops(others) {
				t.Errorf("all read: %v %v %v", stops(reads), stops(writes), stops(others))
			}
			d.refused("one person", d.do().Lift(ctx, containment.Lift{ID: id, By: "samir", Because: "étape"}))
			step(ledger.Lifting, "", ledger.NothingNew)
			if in := d.inForce(); len(in) > 0 || stops(writes) {
				t.Errorf("at the end: %+v", in)
			}
		})
	}
}
