package store_test

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"testing"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/approval"
	"poterne/internal/custody"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/roster"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

// turns is a Writer of which a test says how it does a turn.
type turns func(ctx context.Context, size int, do func(*journal.Tx) error) error

// Turn implements journal.Writer.
func (t turns) Turn(ctx context.Context, size int, do func(*journal.Tx) error) error {
	return t(ctx, size, do)
}

// within does things in a turn that is under way.
func within(tx *journal.Tx) journal.Writer {
	return turns(func(_ context.Context, _ int, do func(*journal.Tx) error) error { return do(tx) })
}

// Promise: LEDGER-6. Of a refusal and an approval that come at the same instant the first counts, on
// another node, on the same one, and in one turn: the second is refused, and nothing is written of it.
func TestLEDGER_6_OfARefusalAndAnApprovalAtOneInstantTheFirstCounts(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.DB, _ *sql.DB) {
		for _, list := range []accounts.List{storetest.Staff(), storetest.Signers()} {
			if err := storetest.TakeRoster(t, s, list); err != nil {
				t.Fatal(err)
			}
		}
		node := func() *journal.Journal {
			j, err := journal.Open(t.Context(), store.NewLedger(s), nil, func() time.Time { return actAt })
			if err != nil {
				t.Fatal(err)
			}
			go func() { _ = j.Run(t.Context()) }()
			return j
		}
		north, south := node(), node()
		keeping := custody.Keeping{
			Writer: north, Months: store.NewMonths(s), Ledger: store.NewLedger(s), Journal: north, Now: func() time.Time { return actAt },
		}
		const asks, approves, refuses = "samir", "nadia", "suspended" // all three of the desk, and no order stops any
		for _, one := range []roster.AccountID{asks, approves} {
			if err := north.Record(t.Context(), ledger.Entry{Kind: ledger.SteppedUp, Account: one}); err != nil {
				t.Fatal(err)
			}
		}
		asked := func(t *testing.T, r custody.Request) custody.Request {
			t.Helper()
			r.By, r.Because = asks, "plainte"
			if err := keeping.Ask(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			waiting, err := keeping.Waiting(t.Context())
			if err != nil || len(waiting) != 1 {
				t.Fatalf("%+v wait, %v", waiting, err)
			}
			return waiting[0]
		}
		// answered holds what the ledger has of a request against one answer.
		answered := func(t *testing.T, r custody.Request, by ledger.Kind) {
			t.Helper()
			var kinds []ledger.Kind
			for e, err := range store.NewLedger(s).Entries(t.Context(), r.Number) {
				if err != nil {
					t.Fatal(err)
				}
				if e.Cause == r.Number {
					kinds = append(kinds, e.Kind)
				}
			}
			if len(kinds) != 1 || kinds[0] != by {
				t.Errorf("request %d has the answers %v", r.Number, kinds)
			}
		}
		type act = journal.Act[custody.Rows]
		for how, after := range map[string]func(first act) journal.Writer{
			"on another node": func(first act) journal.Writer {
				return turns(func(ctx context.Context, size int, do func(*journal.Tx) error) error {
					_, err := journal.Do(ctx, south, first)
					return cmp.Or(err, north.Turn(ctx, size, do))
				})
			},
			"in the turn before": func(first act) journal.Writer {
				return turns(func(ctx context.Context, size int, do func(*journal.Tx) error) error {
					_, err := journal.Do(ctx, north, first)
					return cmp.Or(err, north.Turn(ctx, size, do))
				})
			},
			"in the same turn": func(first act) journal.Writer {
				return turns(func(ctx context.Context, size int, do func(*journal.Tx) error) error {
					var refused error // by itself it undoes nothing of the turn
					err := north.Turn(ctx, size+1, func(tx *journal.Tx) error {
						_, err := journal.Do(ctx, within(tx), first)
						refused = do(tx)
						return err
					})
					return cmp.Or(err, refused)
				})
			},
		} {
			t.Run(how, func(t *testing.T) {
				second := func(first act) custody.Keeping {
					k := keeping
					k.Writer = after(first)
					return k
				}
				r := asked(t, custody.Request{Since: 202601, Until: 202601})
				if err := second(custody.DropRequest{Request: r, By: refuses}).Approve(t.Context(), r.Number, approves); !fault.Is(err, fault.Refused) {
					t.Errorf("what was refused is approved: %v", err)
				}
				answered(t, r, ledger.HoldAsked)

				r = asked(t, custody.Request{Since: 202602, Until: 202602})
				if err := second(custody.ApproveRequest{Request: r, By: approves}).Drop(t.Context(), r.Number, refuses); !fault.Is(err, fault.Refused) {
					t.Errorf("what was approved is refused: %v", err)
				}
				answered(t, r, ledger.Held)
				schedule, err := keeping.Months.Retention(t.Context())
				if err != nil || len(schedule.Keeping(202601)) != 0 || len(schedule.Keeping(202602)) != 1 {
					t.Fatalf("%+v, %v", schedule, err)
				}

				hold := schedule.Keeping(202602)[0]
				r = asked(t, custody.Request{Hold: hold})
				if err := second(custody.DropRequest{Request: r, By: refuses}).Approve(t.Context(), r.Number, approves); !fault.Is(err, fault.Refused) {
					t.Errorf("a release that was refused is approved: %v", err)
				}
				answered(t, r, ledger.ReleaseAsked)
				if schedule, err = keeping.Months.Retention(t.Context()); err != nil || !schedule.InForce(hold) {
					t.Errorf("a hold whose release was refused is released: %+v, %v", schedule, err)
				}

				r = asked(t, custody.Request{Hold: hold})
				if err := second(custody.ApproveRequest{Request: r, By: approves}).Drop(t.Context(), r.Number, refuses); !fault.Is(err, fault.Refused) {
					t.Errorf("a release that was approved is refused: %v", err)
				}
				answered(t, r, ledger.Released)
			})
		}
		t.Run("of as many as one person may have wait", func(t *testing.T) {
			one := custody.Request{By: asks, Because: "plainte", Since: 202604, Until: 202604}
			ask := func(by roster.AccountID) error {
				r := one
				r.By = by
				return keeping.Ask(t.Context(), r)
			}
			for range approval.MostADay - 1 {
				if err := ask(asks); err != nil {
					t.Fatal(err)
				}
			}
			last := keeping // the last that may wait is asked for on another node at once
			last.Writer = turns(func(ctx context.Context, size int, do func(*journal.Tx) error) error {
				_, err := journal.Do(ctx, south, act(custody.AskRequest{Request: one}))
				return cmp.Or(err, north.Turn(ctx, size, do))
			})
			if err := last.Ask(t.Context(), one); !errors.Is(err, approval.Often) {
				t.Errorf("two at once: %v", err)
			}
			if err := ask(asks); !errors.Is(err, approval.Often) {
				t.Errorf("one more: %v", err)
			}
			if err := ask(approves); err != nil {
				t.Errorf("a colleague: %v", err)
			}
			waiting, err := keeping.Waiting(t.Context())
			if err != nil || len(waiting) != approval.MostADay+1 {
				t.Fatalf("%d wait, %v", len(waiting), err)
			}
			for _, r := range waiting {
				if err := keeping.Drop(t.Context(), r.Number, refuses); err != nil {
					t.Fatal(err)
				}
			}
			if err := ask(asks); err != nil {
				t.Errorf("once they are answered: %v", err)
			}
			if waiting, err = keeping.Waiting(t.Context()); err != nil || len(waiting) != 1 {
				t.Fatalf("%d wait, %v", len(waiting), err)
			}
			if err := keeping.Drop(t.Context(), waiting[0].Number, refuses); err != nil {
				t.Fatal(err)
			}
		})
		t.Run("by somebody who then leaves the desk", func(t *testing.T) {
			r := asked(t, custody.Request{Since: 202603, Until: 202603})
			if err := keeping.Drop(t.Context(), r.Number, refuses); err != nil {
				t.Fatal(err)
			}
			list := storetest.Signers().Accounts
			left := list[slices.IndexFunc(list, func(a roster.Account) bool { return a.ID == refuses })]
			left.Role = roster.Manager
			if err := storetest.TakeRosterBy(t, north, accounts.List{Accounts: []roster.Account{left}}); err != nil {
				t.Fatal(err)
			}
			for where, j := range map[string]*journal.Journal{"on its node": north, "on another": south, "on one that starts": node()} {
				k := keeping
				k.Writer, k.Journal = j, j
				if waiting, err := k.Waiting(t.Context()); err != nil || len(waiting) != 0 {
					t.Errorf("%s: what they refused waits: %+v, %v", where, waiting, err)
				}
				if _, err := journal.Do(t.Context(), j, act(custody.ApproveRequest{Request: r, By: approves})); !fault.Is(err, fault.Refused) {
					t.Errorf("%s: what they refused is approved: %v", where, err)
				}
			}
			answered(t, r, ledger.HoldAsked)
		})
	})
}
