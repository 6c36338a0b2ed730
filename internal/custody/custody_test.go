package custody_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"poterne/internal/accounts"
	"poterne/internal/containment"
	"poterne/internal/custody"
	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
	"poterne/internal/ledger/retention"
	"poterne/internal/order"
	"poterne/internal/roster"
	"poterne/internal/seal"
	"poterne/internal/store"
	"poterne/internal/store/storetest"
)

func newStore(t *testing.T) *store.DB {
	t.Helper()
	s, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "poterne.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for _, list := range []accounts.List{storetest.Staff(), storetest.Signers()} {
		if err := storetest.TakeRoster(t, s, list); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func do(t *testing.T, s *store.DB, act journal.Act[custody.Rows]) (ledger.Entry, error) {
	t.Helper()
	return journal.Do(t.Context(), storetest.Outside(s), act)
}

// vouched holds what the tables say against the ledger.
func vouched(t *testing.T, s *store.DB) retention.Schedule {
	t.Helper()
	schedule, err := store.NewMonths(s).Retention(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := schedule.Vouch(0, func(number ledger.Number) (ledger.Entry, error) { return store.NewLedger(s).Entry(t.Context(), number) }); err != nil {
		t.Error(err)
	}
	return schedule
}

// Promise: LEDGER-6
func TestLEDGER_6_ASettingIsWrittenOnceInTheLedger(t *testing.T) {
	s := newStore(t)
	for _, step := range []struct {
		setting retention.Setting
		changed bool
	}{
		{retention.Setting{Months: 12}, false}, // what holds anyway need not be set
		{retention.Setting{Months: 24, Reason: "une enquête"}, true},
		{retention.Setting{Months: 24, Reason: "une enquête"}, false},
		{retention.Setting{Months: 24, Reason: "une autre"}, true},
		{retention.Setting{Months: 12}, true},
		{retention.Setting{Months: 12}, false},
	} {
		_, err := do(t, s, custody.Retain{Setting: step.setting})
		if changed := err == nil; changed != step.changed || err != nil && !errors.Is(err, journal.Unchanged) {
			t.Errorf("%+v: %v", step.setting, err)
		}
	}
	if schedule := vouched(t, s); len(schedule.Settings) != 3 || schedule.Now().Months != 12 {
		t.Fatalf("%+v", schedule)
	}
	if _, err := do(t, s, custody.Retain{Setting: retention.Setting{Months: 24}}); !fault.Is(err, fault.Invalid) || errors.Is(err, journal.Unchanged) {
		t.Errorf("without a reason: %v", err)
	}
}

// Promise: LEDGER-5
// Promise: LEDGER-6
func TestLEDGER_6_TwoOfTheDeskHoldAndRelease(t *testing.T) {
	s := newStore(t)
	var held order.Order
	for _, o := range []order.Order{
		{Effect: order.Closed, Reach: order.Everything, By: "samir", Because: "vol"}, // evidence is held all the same
		{Effect: order.Suspended, Reach: order.Account, Target: "suspended", By: "samir", Because: "vol"},
	} {
		var err error
		if held, err = (containment.Service{Writer: storetest.Outside(s)}).Place(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	good := retention.Hold{Since: 202603, Until: 202605, Because: "une enquête", By: "samir", Approver: "nadia"}
	signers := map[string]struct{ by, approver, says string }{
		"one person":           {"samir", "samir", "cannot do it and approve it"},
		"nobody":               {"", "samir", `"" is no account`},
		"a manager":            {"chief", "samir", `"chief" may not sign`},
		"approved by an agent": {"samir", "pauline", `"pauline" may not sign`},
		"who is suspended":     {"samir", "suspended", `"suspended" cannot sign while order ` + string(held.ID)},
	}
	for who, test := range signers {
		hold := good
		hold.By, hold.Approver = idOf(test.by), idOf(test.approver)
		if _, err := do(t, s, custody.Hold{Hold: hold}); !fault.Is(err, fault.Refused) || !strings.Contains(fault.Public(err), test.says) {
			t.Errorf("held by %s: %v", who, err)
		}
	}
	if _, err := do(t, s, custody.Hold{Hold: retention.Hold{Since: 202603, By: "samir", Approver: "nadia"}}); !fault.Is(err, fault.Invalid) {
		t.Errorf("without a reason: %v", err)
	}
	placed, err := do(t, s, custody.Hold{Hold: good})
	if err != nil || placed.Kind != ledger.Held || placed.Account != "samir" || placed.Approver != "nadia" || placed.First != 202603 || placed.Last != 202605 || placed.Note != "une enquête" {
		t.Fatalf("the ledger says %+v, %v", placed, err)
	}

	release := custody.Release{Hold: placed.Number, By: "nadia", Approver: "samir", Because: "c’est fini"}
	for who, test := range signers {
		wrong := release
		wrong.By, wrong.Approver = idOf(test.by), idOf(test.approver)
		if _, err := do(t, s, wrong); !fault.Is(err, fault.Refused) || !strings.Contains(fault.Public(err), test.says) {
			t.Errorf("released by %s: %v", who, err)
		}
	}
	blank, elsewhere := release, release
	blank.Because, elsewhere.Hold = " ", placed.Number+1
	if _, err := do(t, s, blank); !fault.Is(err, fault.Invalid) {
		t.Errorf("released without a reason: %v", err)
	}
	if _, err := do(t, s, elsewhere); !fault.Is(err, fault.Absent) {
		t.Errorf("released what is not: %v", err)
	}
	if schedule := vouched(t, s); len(schedule.Holds) != 1 || len(schedule.Keeping(202604)) != 1 {
		t.Fatalf("%+v", schedule)
	}
	written, err := do(t, s, release)
	if err != nil || written.Kind != ledger.Released || written.From != placed.Number || written.End != placed.Number+1 ||
		written.Approver != "samir" || written.Note != "c’est fini" {
		t.Errorf("the ledger says %+v, %v", written, err)
	}
	if schedule := vouched(t, s); len(schedule.Keeping(202604)) != 0 || schedule.Holds[0].Release != written.Number {
		t.Errorf("%+v", schedule)
	}
	if _, err := do(t, s, release); !fault.Is(err, fault.Absent) {
		t.Errorf("released twice: %v", err)
	}
}

// A hold's reason is compared with the ledger's whole, however long it is.
func TestAHoldWithALongReasonIsVouchedFor(t *testing.T) {
	s := newStore(t)
	hold := retention.Hold{Since: 202603, Because: strings.Repeat("é", 500), By: "samir", Approver: "nadia"}
	if _, err := do(t, s, custody.Hold{Hold: hold}); err != nil {
		t.Fatal(err)
	}
	vouched(t, s)
}

func idOf(name string) (id roster.AccountID) { return roster.AccountID(name) }

// Whoever owns the database takes a hold or a term away, or changes one, with the triggers off and
// no entry: nothing is dropped, though the entry of the hold may be gone itself.
//
// Promise: LEDGER-6
func TestLEDGER_6_WhoeverOwnsTheDatabaseReleasesNoHoldAndShortensNoTerm(t *testing.T) {
	for name, takes := range map[string]string{
		"nothing is changed":        `select 1`,
		"a hold is gone":            `delete from hold`,
		"a hold is released":        `update hold set released = 1`,
		"a hold is another month's": `update hold set since = 202604, until = 202604`,
		"a term is gone":            `delete from retention`,
		"a term is shorter":         `update retention set months = 6`,
		"a release is undone":       `update hold set released = null`,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "poterne.db")
			s, err := store.OpenSQLite(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			if err := s.Seal(t.Context(), seal.New()); err != nil {
				t.Fatal(err)
			}
			for _, list := range []accounts.List{storetest.Staff(), storetest.Signers()} {
				if err := storetest.TakeRoster(t, s, list); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := do(t, s, custody.Retain{Setting: retention.Setting{Months: 24, Reason: "une enquête"}}); err != nil {
				t.Fatal(err)
			}
			hold, err := do(t, s, custody.Hold{Hold: retention.Hold{Since: 202603, Until: 202604, Because: "une plainte", By: "samir", Approver: "nadia"}})
			if err != nil {
				t.Fatal(err)
			}
			if name == "a release is undone" {
				if _, err := do(t, s, custody.Release{Hold: hold.Number, By: "nadia", Approver: "samir", Because: "classée"}); err != nil {
					t.Fatal(err)
				}
			}
			raw, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(10000)")
			if err != nil {
				t.Fatal(err)
			}
			defer raw.Close()
			if _, err := raw.Exec(`drop trigger hold_is_released_once; drop trigger hold_is_not_removed; drop trigger retention_is_not_changed; drop trigger retention_is_not_removed; ` + takes); err != nil {
				t.Fatal(err)
			}
			schedule, err := store.NewMonths(s).Retention(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_, dropping := journal.Do(t.Context(), storetest.Outside(s), journal.Act[custody.DropRows](custody.Drop{By: "samir", Month: 202603}))
			altered := name != "nothing is changed"
			gone := func(ledger.Number) (ledger.Entry, error) {
				t.Fatal("an entry is read that was dropped")
				return ledger.Entry{}, nil
			}
			if vouched := schedule.Vouch(hold.Number+10, gone); errors.Is(vouched, retention.ErrAltered) != altered || errors.Is(dropping, retention.ErrAltered) != altered {
				t.Errorf("the schedule: %v; dropping: %v", vouched, dropping)
			}
		})
	}
}
