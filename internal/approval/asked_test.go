package approval_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/approval"
	"poterne/internal/archive"
	"poterne/internal/containment"
	"poterne/internal/custody"
	"poterne/internal/grants"
	"poterne/internal/installed"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/order"
	"poterne/internal/person"
	"poterne/internal/register"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// The people of what follows, by their accounts of storetest.Signers: all of the desk but the last.
const (
	asks    roster.AccountID = "samir" // or signs first, of a habilitation and a configuration
	allows  roster.AccountID = "nadia"
	stopped roster.AccountID = "suspended" // by an order
	reads   roster.AccountID = "pauline"   // files, and signs for nothing
)

// done is an act on a request, and its entry.
type done func(ctx context.Context, w journal.Writer) (ledger.Entry, error)

func act[R any](a journal.Act[R]) done {
	return func(ctx context.Context, w journal.Writer) (ledger.Entry, error) { return journal.Do(ctx, w, a) }
}

// asking is one kind of request: the n-th that is made, and what may come of it.
type asking struct {
	ask   func(n int, at time.Time) done
	sign  func(asked ledger.Entry, n int) done // by asks, where two sign for what neither asked for
	allow func(asked ledger.Entry, n int, by roster.AccountID) done
	drop  func(asked ledger.Entry, by roster.AccountID) done // nil where it is ended in another way
	ends  func(asked ledger.Entry, by roster.AccountID) done // that way
	waits time.Duration
	takes roster.AccountID // who takes it back, where that is not asks
	later bool             // it is dropped once it was allowed, too
	often bool             // one person asks for so many within a day
}

func rightOf(n int) (right accounts.Right, bounds accounts.Bounds) {
	right = accounts.Right{Service: roster.ServiceID(fmt.Sprint("service-", n)), Purpose: "accompany"}
	return right, accounts.Bounds{Rights: map[accounts.Right]bool{right: true}}
}

func giveRight(asked ledger.Entry, n int, by roster.AccountID) done {
	_, bounds := rightOf(n)
	return act(&accounts.GiveRight{Number: asked.Number, By: by, Bounds: bounds})
}

func keptOf(asked ledger.Entry) custody.Request {
	return custody.Request{Number: asked.Number, Asked: asked.Time, By: asked.Account, Because: asked.Note, Since: asked.First, Until: asked.Last}
}

// askings is everything that waits for another person as a request does.
var askings = map[string]asking{
	"an organisation": {
		ask: func(n int, _ time.Time) done {
			as := roster.Organisation{ID: "mlv", Name: "Mission locale", Mail: "direction@mlv.example", Quota: 10 + n}
			return act(&accounts.AskOrganisation{By: asks, Does: ledger.Altering, As: as, Because: "agrandie"})
		},
		allow: func(asked ledger.Entry, _ int, by roster.AccountID) done {
			return act(&accounts.AllowOrganisation{Number: asked.Number, By: by})
		},
		drop: func(asked ledger.Entry, by roster.AccountID) done {
			return act(&accounts.DropOrganisation{Number: asked.Number, By: by})
		},
		waits: accounts.OrganisationWaits,
	},
	"a habilitation": {
		ask: func(n int, _ time.Time) done {
			right, bounds := rightOf(n)
			return act(accounts.AskRight{By: reads, Right: right, Because: "cours", Bounds: bounds})
		},
		sign:  func(asked ledger.Entry, n int) done { return giveRight(asked, n, asks) },
		allow: giveRight,
		drop: func(asked ledger.Entry, by roster.AccountID) done {
			return act(&accounts.DropRight{Number: asked.Number, By: by})
		},
		waits: accounts.RightWaits, takes: reads,
	},
	"a configuration": {
		ask: func(n int, _ time.Time) done {
			return act(&installed.Find{Proposal: installed.Proposal{Node: "north", Text: "a = 1", Digest: ledger.Digest{2, byte(n)}, ByTwo: true}})
		},
		sign: func(asked ledger.Entry, _ int) done {
			return act(&installed.Sign{Number: asked.Number, By: asks, Because: "convenu"})
		},
		allow: func(asked ledger.Entry, _ int, by roster.AccountID) done {
			return act(&installed.Allow{Number: asked.Number, By: by})
		},
		drop: func(asked ledger.Entry, by roster.AccountID) done {
			return act(&installed.Drop{Number: asked.Number, By: by})
		},
		waits: installed.Waits,
	},
	"an export permit": {
		ask: func(_ int, at time.Time) done {
			export := grants.Export{
				Of: reads, Service: "dossier", Route: "GET /export", People: 1, Until: at.Add(20 * 24 * time.Hour), Purpose: "bilan",
				List: [32]byte{1}, Listed: []register.PersonID{storetest.Person(1)},
			}
			return act(grants.AskPermit{Export: export, By: asks})
		},
		allow: func(asked ledger.Entry, _ int, by roster.AccountID) done {
			return act(grants.ApprovePermit{Number: asked.Number, By: by})
		},
		drop: func(asked ledger.Entry, by roster.AccountID) done {
			return act(grants.DropPermit{Number: asked.Number, By: by})
		},
		waits: grants.PermitWaits, often: true,
	},
	"a reading of the archive": {
		ask: func(int, time.Time) done {
			return act(archive.AskReading{By: asks, Person: storetest.Person(1), Because: "réquisition 12"})
		},
		allow: func(asked ledger.Entry, _ int, by roster.AccountID) done {
			return act(&archive.ApproveReading{Number: asked.Number, By: by, Person: storetest.Person(1)})
		},
		drop: func(asked ledger.Entry, by roster.AccountID) done {
			return act(&archive.DropReading{Number: asked.Number, By: by})
		},
		waits: archive.RequestWaits, later: true, often: true,
	},
	"a hold": {
		ask: func(int, time.Time) done {
			return act(custody.AskRequest{Request: custody.Request{By: asks, Since: 202601, Because: "plainte"}})
		},
		allow: func(asked ledger.Entry, _ int, by roster.AccountID) done {
			return act(custody.ApproveRequest{Request: keptOf(asked), By: by})
		},
		drop: func(asked ledger.Entry, by roster.AccountID) done {
			return act(custody.DropRequest{Request: keptOf(asked), By: by})
		},
		waits: custody.RequestWaits,
	},
	"withholding lines": {
		ask: func(_ int, at time.Time) done {
			return act(person.AskWithholding{By: asks, Account: "karim", Since: at.Add(-time.Hour), Until: at.AddDate(0, 1, 0), Because: "enquête"})
		},
		allow: func(asked ledger.Entry, _ int, by roster.AccountID) done {
			return act(person.ApproveWithholding{Number: asked.Number, By: by})
		},
		ends: func(asked ledger.Entry, by roster.AccountID) done {
			return act(person.StopWithholding{Number: asked.Number, By: by})
		},
		waits: person.WithholdingWaits, often: true,
	},
	"a mandate": {
		ask: func(n int, at time.Time) done {
			return act(person.AskMandate{By: asks, Person: storetest.Person(n), Representative: person.Identity{1}, Kind: person.Guardianship, Hidden: []byte("hidden"), Begins: at, Until: at.AddDate(0, 6, 0)})
		},
		allow: func(asked ledger.Entry, _ int, by roster.AccountID) done {
			return act(person.ApproveMandate{Number: asked.Number, By: by})
		},
		ends: func(asked ledger.Entry, by roster.AccountID) done {
			return act(person.EndMandate{Number: asked.Number, By: by})
		},
		waits: person.MandateSigned,
	},
	"a step of a reopening": {
		ask: func(_ int, _ time.Time) done {
			return func(ctx context.Context, w journal.Writer) (ledger.Entry, error) {
				placed, err := containment.Service{Writer: w}.Place(ctx, order.Order{Effect: order.Closed, Reach: order.Network, Target: "other", By: string(asks), Because: "doute"})
				if err != nil {
					return ledger.Entry{}, err
				}
				return journal.Do(ctx, w, journal.Act[containment.ReopenRows](&containment.Propose{ID: placed.ID, What: ledger.Lifting, By: asks, Because: "vu"}))
			}
		},
		allow: func(asked ledger.Entry, _ int, by roster.AccountID) done {
			return act(&containment.Confirm{ID: containment.IDOf(asked.From), Proposed: asked.Number, By: by})
		},
		drop: func(asked ledger.Entry, by roster.AccountID) done {
			return act(&containment.Drop{ID: containment.IDOf(asked.From), Proposed: asked.Number, By: by})
		},
		waits: containment.StepWaits,
	},
}

// desk is a ledger with its staff, at a moment that moves on.
type desk struct {
	t  *testing.T
	s  *store.DB
	at time.Time
	n  int // requests so far
}

func (d *desk) does(a done) (ledger.Entry, error) {
	return a(d.t.Context(), journal.Outside{DB: store.NewLedger(d.s), Now: func() time.Time { return d.at }})
}

func (d *desk) must(a done) ledger.Entry {
	d.t.Helper()
	entry, err := d.does(a)
	if err != nil {
		d.t.Fatal(err)
	}
	return entry
}

// there has people confirm that they are there.
func (d *desk) there(all ...roster.AccountID) {
	d.t.Helper()
	for _, one := range all {
		d.must(act(journal.Note{Kind: ledger.SteppedUp, Account: one}))
	}
}

// asked is one more request that another person may allow.
func (d *desk) asked(k asking) ledger.Entry {
	d.t.Helper()
	d.n++
	d.there(asks)
	asked := d.must(k.ask(d.n, d.at))
	if k.sign != nil {
		d.must(k.sign(asked, d.n))
	}
	return asked
}

// Promise: RIGHTS-1. Whatever one person asks for and another allows goes by the same rules: another
// person allows it, who is there and whom no order stops; it is answered once; whoever asked takes it
// back, and another refuses it, without a confirmation; it lapses. Whoever may not sign is not told
// whether it waits.
func TestRIGHTS_1_WhateverTwoAnswerIsAnsweredOnceByAnother(t *testing.T) {
	for engine, opened := range engines(t) {
		for what, k := range askings {
			t.Run(engine+"/"+what, func(t *testing.T) { goesByTheRules(newDesk(t, opened), k) })
		}
	}
}

// Promise: RIGHTS-1. Of the two who approve an account again that was suspended, the first signature
// lapses: whoever signs then is the first, be it the same person.
func TestRIGHTS_1_TheFirstWhoApprovesAnAccountAgainIsTheFirstForAWhile(t *testing.T) {
	for engine, opened := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			d := newDesk(t, opened)
			d.must(act(&accounts.Diverge{Identity: roster.Identity{Issuer: "https://idp.example", Provider: "q", Subject: "signs-other"}, SIRET: "90000000000025"}))
			signs := func(by roster.AccountID, state ledger.State) time.Time {
				t.Helper()
				d.there(by)
				said := d.must(act(&accounts.Readmit{Of: "other", By: by}))
				if said.State != state {
					t.Errorf("%s signs: %s", by, said.State)
				}
				return said.Time
			}
			d.at = signs(asks, ledger.SignedFor).Add(accounts.ReadmitWaits)
			signs(allows, ledger.SignedFor)
			d.at = d.at.Add(accounts.ReadmitWaits)
			signs(allows, ledger.SignedFor)
			d.at = d.at.Add(accounts.ReadmitWaits - time.Microsecond)
			signs(asks, ledger.Granted)
		})
	}
}

// engines opens an empty store of each kind.
func engines(t *testing.T) map[string]func(*testing.T) *store.DB {
	open := map[string]func(*testing.T) *store.DB{
		"sqlite": func(t *testing.T) *store.DB {
			s, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "poterne.db"))
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
	}
	cluster := storetest.StartPostgreSQL(t)
	open["postgres"] = func(t *testing.T) *store.DB {
		s, err := store.OpenPostgreSQL(t.Context(), cluster.Database(t))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	return open
}

// newDesk is a desk over an empty store.
func newDesk(t *testing.T, opened func(*testing.T) *store.DB) *desk {
	s := opened(t)
	t.Cleanup(func() { _ = s.Close() })
	d := &desk{t: t, s: s, at: storetest.At}
	for _, list := range []accounts.List{storetest.Staff(), storetest.Signers()} {
		d.must(act(&accounts.Import{By: asks, List: list}))
	}
	return d
}

func goesByTheRules(d *desk, k asking) {
	t := d.t
	d.must(act(containment.Place{Order: order.Order{Effect: order.Suspended, Reach: order.Account, Target: string(stopped), By: string(asks), Because: "vol"}}))
	d.must(act(installed.Take{Proposal: installed.Proposal{Node: "north", Text: "a = 0", Digest: ledger.Digest{1}, ByTwo: true}}))
	over := func(what string, a done) {
		t.Helper()
		if _, err := d.does(a); !errors.Is(err, approval.NotWaiting) {
			t.Errorf("%s: %v", what, err)
		}
	}

	// Another person allows it, once.
	asked := d.asked(k)
	told := make(map[roster.AccountID]string)
	for _, by := range []roster.AccountID{asks, stopped, reads, allows, "nobody"} { // allows is not there yet
		_, err := d.does(k.allow(asked, d.n, by))
		if err == nil || errors.Is(err, approval.NotWaiting) {
			t.Errorf("%q: %v", by, err)
			continue
		}
		told[by] = err.Error()
	}
	d.there(allows)
	d.must(k.allow(asked, d.n, allows))
	over("allowed twice", k.allow(asked, d.n, allows))
	for by, before := range told {
		if by == allows || by == asks { // who may sign
			continue
		}
		if _, err := d.does(k.allow(asked, d.n, by)); err == nil || err.Error() != before {
			t.Errorf("%q is told whether it waits: %q before, %v after", by, before, err)
		}
	}
	if k.drop != nil && !k.later {
		over("dropped once it was allowed", k.drop(asked, allows))
	}

	// It lapses.
	last := d.asked(k)
	d.at = last.Time.Add(k.waits - time.Microsecond)
	d.there(asks, allows)
	d.must(k.allow(last, d.n, allows))
	last = d.asked(k)
	d.at = last.Time.Add(k.waits)
	d.there(allows)
	over("allowed when it has lapsed", k.allow(last, d.n, allows))
	if k.ends != nil {
		last := d.asked(k)
		for _, not := range []roster.AccountID{stopped, reads, "nobody"} {
			_, before := d.does(k.ends(last, not))
			d.at = d.at.Add(k.waits)
			if _, after := d.does(k.ends(last, not)); before == nil || after == nil || after.Error() != before.Error() {
				t.Errorf("%q ends it, or is told whether it waits: %v before, %v after", not, before, after)
			}
			d.at = last.Time
		}
	}
	if k.often {
		asksFor(d, k)
	}
	if k.drop == nil {
		return
	}
	over("refused when it has lapsed", k.drop(last, allows))

	// Whoever asked takes it back, and another refuses it, without a confirmation.
	takes := k.takes
	if takes == "" {
		takes = asks
	}
	for by, state := range map[roster.AccountID]ledger.State{takes: ledger.Withdrawn, allows: ledger.Refused} {
		asked := d.asked(k)
		d.at = d.at.Add(time.Hour)
		for _, not := range []roster.AccountID{stopped, "nobody", "karim"} {
			if _, err := d.does(k.drop(asked, not)); err == nil {
				t.Errorf("%q drops it", not)
			}
		}
		if said := d.must(k.drop(asked, by)); said.State != state || said.Account != by || said.Cause != asked.Number {
			t.Errorf("the ledger says %+v", said)
		}
		d.there(asks, allows)
		over("dropped twice", k.drop(asked, allows))
		over("allowed once it was dropped", k.allow(asked, d.n, allows))
	}

	// The program refuses, once, what waits by its row alone.
	asked = d.asked(k)
	d.at = d.at.Add(k.waits)
	if said := d.must(k.drop(asked, journal.Itself)); said.State != ledger.Refused || said.Account != journal.Itself {
		t.Errorf("the ledger says %+v", said)
	}
	if _, err := d.does(k.drop(asked, journal.Itself)); !errors.Is(err, journal.Unchanged) {
		t.Errorf("by another node: %v", err)
	}
}

// asksFor has one person ask for as many as one may within a day, and another the day after.
func asksFor(d *desk, k asking) {
	d.at = d.at.Add(24 * time.Hour)
	for range approval.MostADay {
		d.asked(k)
	}
	d.at = d.at.Add(24*time.Hour - time.Microsecond)
	d.there(asks)
	if _, err := d.does(k.ask(d.n+1, d.at)); !errors.Is(err, approval.Often) {
		d.t.Errorf("asked too often: %v", err)
	}
	d.at = d.at.Add(time.Microsecond)
	d.asked(k)
}
